/* Judging a folder of evidence, offline. */
#ifndef CTL_PROOF_H
#define CTL_PROOF_H

#include <stdbool.h>

#include "careplan/error.h"

/* Called for every finding, in the order of the checks: `file` is a name in the folder, or "" for the whole.
 */
typedef void proof_say_fn(void *context, bool good, const char *file, const char *text);

/* `root_path`: the root to believe; NULL: ca.pem in the folder. Number of what is wrong; negative with `e`
 * when the folder cannot be read at all. */
int proof_judge(const char *folder, const char *root_path, proof_say_fn *say, void *context, struct error *e);

#endif
