/* The keeper: root, tiny, one thread. It forks the announcer before /dev/fuse is open, then the worker with
 * the descriptor; mounts when the worker has everything ready; passes SIGTERM and SIGINT on, starts the
 * announcer again when it dies, and takes the mount away when the worker has ended. docs/architecture.md. */
#ifndef PROGRAM_KEEPER_H
#define PROGRAM_KEEPER_H

#include "program/mountpoint.h"
#include "program/program.h"

/* Returns the exit status: 0 ended in order, 1 the worker failed while it served, 2 it could not begin.
 * `detached`: of detach_begin, or -1. */
int keeper_run(const struct program *p, struct mountpoint *m, int detached);

/* One packet each on the socket between keeper and worker. */
enum keeper_word {
    WORD_PREPARED = 'P', /* worker: everything is open; mount now */
    WORD_MOUNTED = 'M',  /* keeper: done */
    WORD_SERVING = 'S',  /* worker: a call through the mount was answered */
};

#endif
