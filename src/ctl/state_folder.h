/* An office's state folder, made or looked at by `careplanctl enrol`. */
#ifndef CTL_STATE_FOLDER_H
#define CTL_STATE_FOLDER_H

#include "careplan/error.h"
#include "ctl/drop.h"

/* Who shall own state folders: the caller, or, for root, the user named `name` ([daemon] user). 0, or -ENOENT
 * code "daemon-user". */
int state_folder_user(const char *name, struct drop_user *user, struct error *e);

/* Sees that `path` (absolute) is a folder of mode 0700 that belongs to `user`: makes it (folders above it
 * too, 0755), or takes over an empty one, or refuses what is there with a line that says what to do.
 * *made: how many folders it has made, this one and above it; undo with state_folder_remove when the
 * enrolment fails. */
int state_folder_prepare(const char *path, const struct drop_user *user, unsigned *made, struct error *e);

/* Removes the folder and those above it, `made` together, as far as they are empty. */
void state_folder_remove(const char *path, unsigned made);

#endif
