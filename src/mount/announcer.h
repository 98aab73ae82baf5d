/* The announcer: a process of its own that makes the system calls on the mount, because only changes made
 * through the mount are seen by inotify and so by desktops. It holds no /dev/fuse descriptor (a process that
 * does and is killed inside a call on its own mount is never reaped), no lock and no capability. It may die
 * at any instant; every request can be asked again.
 *
 * Requests and answers are packets on a SOCK_SEQPACKET pair; the kernel vouches for the announcer's pid. */
#ifndef MOUNT_ANNOUNCER_H
#define MOUNT_ANNOUNCER_H

#include <sys/types.h>

/* The process: serves `socket` until its other end is closed. `mountpoint` is opened for each request and
 * closed after it (it is not mounted yet when the announcer is forked, and an open folder would keep `umount`
 * from working). Rights have been dropped before. Returns the exit status. */
int announcer_run(int socket, const char *mountpoint);

/* The worker's end; any thread, one call at a time (the others wait). Paths are relative to the mount point.
 * All wait for the answer: never on a FUSE thread. 0 or the call's negative errno; -EPIPE when there is no
 * announcer and none will come, -ETIMEDOUT when none has answered just now. */
struct announcer;
struct announcer *announcer_new(int socket); /* takes the descriptor; NULL: no memory */
/* No call begins after it, one under way is waited for: -ESHUTDOWN from then on. Before the mount stops
 * serving (the announcer would wait for it). */
void announcer_shut(struct announcer *a);
void announcer_free(struct announcer *a);
int announcer_ping(struct announcer *a, pid_t *pid); /* does not touch the mount: who is there? */
int announcer_look(struct announcer *a);             /* through the mount: its root is looked at */
int announcer_rename(struct announcer *a, const char *from, const char *to);
int announcer_unlink(struct announcer *a, const char *path);

#endif
