/* What `careplanctl check` prints: one problem a line, or one JSON object at the end. */
#ifndef CTL_CHECK_OUTPUT_H
#define CTL_CHECK_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "careplan/standard.h"

struct check_output {
    bool as_json, japanese;
    json_t *problems; /* with as_json */
    uint64_t files, errors, more;
    bool no_memory;
};

int output_open(struct check_output *o, bool as_json, bool japanese); /* 0, -ENOMEM */
void output_close(struct check_output *o);
void output_problem(struct check_output *o, const char *path, const struct careplan_problem *problem);
/* `path` has a name that the standard does not know. */
void output_unknown_name(struct check_output *o, const char *path, const char *name);
/* Problems beyond those that were said. */
void output_more(struct check_output *o, const char *path, uint64_t more);
/* Prints the JSON object. 0, -ENOMEM. */
int output_finish(struct check_output *o);

#endif
