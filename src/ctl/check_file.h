/* careplanctl check: one file, or standard input. */
#ifndef CTL_CHECK_FILE_H
#define CTL_CHECK_FILE_H

#include <stdbool.h>

#include "careplan/standard.h"
#include "ctl/check_output.h"

struct check_job {
    const struct careplan_standard *standard; /* NULL: the built-in one */
    struct careplan_check_options options;
    struct check_output out;
    uint64_t done, bytes; /* files and bytes judged so far */
    bool cannot;          /* something could not be read or judged: exit 2 */
};

/* Says why `path` could not be judged: an errno. */
void check_cannot(struct check_job *job, const char *path, int number);

/* Judges a name (no folder part). False: not a transfer file; what is wrong with it was said when it was
 * plainly meant to be one, then *said. */
bool check_name(struct check_job *job, const char *path, const char *text, struct careplan_name *name,
                bool *said);

/* A regular file, without waiting for whatever else may lie there. -1: said why. */
int check_open(struct check_job *job, const char *path);

/* Judges the content of `fd` to its end. False: it could not be read, which was said. The caller frees
 * `result` (careplan_check_result_free), also then. */
bool check_content(struct check_job *job, const char *path, int fd, const struct careplan_name *name,
                   struct careplan_check_result *result);

void check_file(struct check_job *job, const char *path);
void check_input(struct check_job *job, const char *name);

/* A folder, unit by unit, without the folders inside. */
void check_folder(struct check_job *job, const char *path);

#endif
