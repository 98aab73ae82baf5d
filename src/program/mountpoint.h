/* The folder that is mounted on, seen from the keeper. */
#ifndef PROGRAM_MOUNTPOINT_H
#define PROGRAM_MOUNTPOINT_H

#include <limits.h>

#include "program/program.h"

struct mountpoint {
    char path[PATH_MAX]; /* absolute, no symbolic links */
    char device[24];     /* "0:51" of our mount there, "" = none */
};

/* Resolves `path` and sees that it can be mounted on: a folder, empty, not served by another careplanfs,
 * reachable for the announcer. A dead mount of careplanfs at it is unmounted. 0, or negative and one line. */
int mountpoint_prepare(struct mountpoint *m, const char *path, const struct program_user *announcer,
                       struct error *e);
/* Mounts `fuse_fd` there. */
int mountpoint_mount(struct mountpoint *m, int fuse_fd, struct error *e);
/* Takes our own mount away if it is still there, also while files are open. 0 or negative errno. */
int mountpoint_unmount(struct mountpoint *m);

#endif
