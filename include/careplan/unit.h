/* A send unit as an object: its files are added by name and bytes, each is checked at once, then the unit is
 * judged. On top of careplan_check_* and careplan_unit_judge of careplan/standard.h. */
#ifndef CAREPLAN_UNIT_H
#define CAREPLAN_UNIT_H

#include "careplan/standard.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* Same offices, same sequence number: do they travel together? */
bool careplan_unit_same(const struct careplan_name *a, const struct careplan_name *b);

/* Holds the name and the result (images and keys) of at most `max_files` files, never a file's bytes; while a
 * file is added, one check. Keys and images of all files together are at most CAREPLAN_UNIT_SHARES times what
 * the limits allow one file, then one of each a file: what cannot be compared any more is said of the file,
 * by a warning (CP1019). That is at most CAREPLAN_UNIT_MEMORY bytes by default. */
struct careplan_unit_check;
enum {
    CAREPLAN_UNIT_FILES_MAX = 8192,
    CAREPLAN_UNIT_SHARES = 3,
    CAREPLAN_UNIT_MEMORY = 32 * 1024 * 1024,
};

/* `s`, `options` and `fn` may be NULL; `max_files` 0 = CAREPLAN_UNIT_FILES_MAX. `file` of a problem says
 * whose it is, NULL = the unit; one about a file's name has that name in `file`, as far as it fits, and a
 * NULL kind. NULL: no memory. */
struct careplan_unit_check *careplan_unit_check_new(const struct careplan_standard *s,
                                                    const struct careplan_check_options *options,
                                                    size_t max_files, careplan_problem_fn *fn, void *context);
void careplan_unit_check_free(struct careplan_unit_check *u); /* NULL is allowed */

/* Adds a file and checks it. 0 = judged. When it cannot belong to the unit, it is left out:
 *   -EINVAL  the name is no transfer name; what is wrong with it went to `fn` when it was plainly meant to be
 *            one ("Thumbs.db" is not: nothing is said of it)
 *   -EXDEV   it is of another unit than the files before it
 *   -EEXIST  a file of this name is there
 *   -ENOSPC  there are `max_files`
 * -ENOMEM, or what `read` returned. */
int careplan_unit_check_add(struct careplan_unit_check *u, const char *name, const void *data, size_t length);
int careplan_unit_check_add_stream(struct careplan_unit_check *u, const char *name, careplan_read_fn *read,
                                   void *read_context);

/* When all are there: what is missing, what does not fit together. No file is CAREPLAN_UNIT_INCOMPLETE. May
 * be called again, after more files too: `fn` gets the unit's problems at each judgement, of the files that
 * are there then. */
enum careplan_unit_state careplan_unit_check_judge(struct careplan_unit_check *u);

size_t careplan_unit_check_files(const struct careplan_unit_check *u);
/* So far of names and files, and of the unit at its last judgement. The unit may go when it is complete and
 * there is no error. */
uint64_t careplan_unit_check_errors(const struct careplan_unit_check *u);
uint64_t careplan_unit_check_warnings(const struct careplan_unit_check *u);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
