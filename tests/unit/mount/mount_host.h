/* A real mount in the test's own process, over ledgers in private folders: no hub, no other process. */
#ifndef TEST_MOUNT_HOST_H
#define TEST_MOUNT_HOST_H

#include "house.h"
#include "mount/mount.h"

#define SECOND_CARE "0300000200-46"

struct mount_host {
    struct house *house; /* office CARE */
    struct ledger *second;
    char second_dir[64], point[64];
    struct settings_office offices[2];
    struct mount *mount;
    pthread_t server;
    int served;
};

struct mount_host *host_start(struct house *h, bool two_offices);
void host_stop(struct mount_host *m);
void host_abandon(void); /* for the teardown: takes away what a failed test left mounted */
/* "POINT/PATH" in a buffer of its own, valid until the next eight calls. */
const char *at(const struct mount_host *m, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));
/* open, write, close: 0 or the negative errno of whichever failed. */
int save_file(const char *path, const void *data, size_t length);
uint64_t id_of(const char *path); /* ledger id of a file of the mount */

#endif
