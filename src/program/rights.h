/* Giving up root for good. */
#ifndef PROGRAM_RIGHTS_H
#define PROGRAM_RIGHTS_H

#include "program/program.h"

/* The calling process (one thread) becomes `user`, with its own group only, no capability, none to be had
 * ever again (no_new_privs), and gets `parent_signal` when `parent` ends (or at once, when it has). 0, or
 * negative with `e`: then the process must end. */
int rights_drop(const struct program_user *user, pid_t parent, int parent_signal, struct error *e);

#endif
