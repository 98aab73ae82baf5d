/* What passes between worker and announcer. Private to announcer.c and its test. */
#ifndef MOUNT_ANNOUNCER_PACKET_H
#define MOUNT_ANNOUNCER_PACKET_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

enum announcer_call { ANNOUNCER_PING, ANNOUNCER_LOOK, ANNOUNCER_RENAME, ANNOUNCER_UNLINK };

struct announcer_request {
    uint64_t number; /* comes back with the answer */
    uint32_t call;
    char text[2 * PATH_MAX]; /* from NUL to NUL */
};
struct announcer_answer {
    uint64_t number;
    int32_t result; /* 0 or negative errno */
    uint32_t reserved;
};

#endif
