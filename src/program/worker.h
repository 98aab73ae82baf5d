/* The worker: the mount's session, the ledgers, settling, showing, the link and the control sockets, as the
 * daemon's own user without any right. */
#ifndef PROGRAM_WORKER_H
#define PROGRAM_WORKER_H

#include "program/program.h"

/* Takes the descriptors. Returns the exit status: 0 ended in order (a signal, or the mount was taken away),
 * 1 failed while serving, 2 could not begin (one line was said on stderr). */
int worker_run(const struct program *p, pid_t keeper, int fuse_fd, int announcer_socket, int keeper_socket);

#endif
