/* What `careplanctl check` prints: one problem a line, or one JSON object at the end. */
#ifndef CTL_CHECK_OUTPUT_H
#define CTL_CHECK_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "careplan/standard.h"
#include "ctl/check_progress.h"

struct check_output {
    bool as_json, japanese;
    struct buffer problems;           /* with as_json: the objects, separated by commas */
    uint64_t files, errors, warnings; /* all problems, also those that are only counted */
    uint64_t more;                    /* only counted */
    bool no_memory;
    struct progress progress;
};

void output_open(struct check_output *o, bool as_json, bool japanese);
void output_close(struct check_output *o);
void output_problem(struct check_output *o, const char *path, const struct careplan_problem *problem);
/* `path` has a name that the standard does not know. */
void output_unknown_name(struct check_output *o, const char *path, const char *name);
/* Problems of `path` beyond those that were said. */
void output_more(struct check_output *o, const char *path, uint64_t more);
/* "careplanctl check: PATH: TEXT [CODE]" on stderr. */
void output_say(struct check_output *o, const char *code, const char *path, const char *text);
/* Prints the JSON object; in words, and to a person on a terminal, how it ended. 0, -ENOMEM. */
int output_finish(struct check_output *o, bool all_judged);

#endif
