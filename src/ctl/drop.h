/* Work in a state folder is done by a child process that has become the folder's owner: root never follows
 * what lies in there. The child hands its findings to the parent through a pipe. */
#ifndef CTL_DROP_H
#define CTL_DROP_H

#include <sys/types.h>

#include "careplan/error.h"

/* In the child: does the work, writes findings to descriptor `out`. 0 or negative with `e`. */
typedef int drop_work_fn(void *context, int out, struct error *e);
/* In the parent: reads findings from `in` to their end. 0 or negative with `e`; the child then gets EPIPE. */
typedef int drop_take_fn(void *context, int in, struct error *e);

struct drop_user {
    uid_t uid;
    gid_t gid;
};

/* Who owns `state_dir`. 0; -ENOENT …; -EPERM code "state-owner" when it is not the caller's and the caller is
 * not root. */
int drop_owner(const char *state_dir, struct drop_user *user, struct error *e);

/* Runs `work` as `user` (no change of user when it is the caller's own) and `take` (may be NULL) beside it.
 * `context` is the child's copy there. The child's groups are the user's own one alone; its umask is 077. */
int drop_run(const struct drop_user *user, drop_work_fn *work, drop_take_fn *take, void *context,
             struct error *e);

#endif
