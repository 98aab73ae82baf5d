/* What the processes of a mount share: the checked command line and configuration. */
#ifndef PROGRAM_PROGRAM_H
#define PROGRAM_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/settings.h"
#include "careplan/error.h"
#include "control/rules.h"

struct program_user {
    const char *name;
    uid_t uid;
    gid_t gid;
};

struct program {
    const struct settings *settings;
    const struct rules *rules;
    const char *mountpoint; /* absolute, without symbolic links */
    bool foreground;
    struct program_user daemon, announcer; /* [daemon] user and announcer */
};

/* Fills the users and sees that the configuration can be served by this machine: started as root, users there
 * and apart, offices named, state folders the daemon's alone. Changes nothing. 0, or negative and one line.
 */
int program_check(struct program *p, const char *config, struct error *e);

#endif
