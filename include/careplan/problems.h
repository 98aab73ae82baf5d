/* Problems kept: a collector that is handed to a check as its callback, and is gone through afterwards. And
 * functions for what a problem says, for bindings that know no struct of ours. */
#ifndef CAREPLAN_PROBLEMS_H
#define CAREPLAN_PROBLEMS_H

#include "careplan/standard.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* Holds copies of at most `max` problems, CAREPLAN_PROBLEM_BYTES each at most; the rest are counted. The
 * standard that they were found by must outlive it. */
struct careplan_problems;
enum { CAREPLAN_PROBLEM_BYTES = 6 * 1024 };

/* `max`: 0 = CAREPLAN_PROBLEMS_MAX. NULL: no memory. */
struct careplan_problems *careplan_problems_new(size_t max);
void careplan_problems_free(struct careplan_problems *p); /* NULL is allowed */

/* A careplan_problem_fn with a `struct careplan_problems *` as its context. One that finds no memory is
 * counted as not kept. */
void careplan_problems_add(void *problems, const struct careplan_problem *problem);
void careplan_problems_clear(struct careplan_problems *p);

size_t careplan_problems_count(const struct careplan_problems *p);      /* kept */
uint64_t careplan_problems_errors(const struct careplan_problems *p);   /* all that were added */
uint64_t careplan_problems_warnings(const struct careplan_problems *p); /* all that were added */
uint64_t careplan_problems_not_kept(const struct careplan_problems *p);

/* In order of coming. Valid until the collector is cleared or freed; NULL: there is none. */
const struct careplan_problem *careplan_problems_at(const struct careplan_problems *p, size_t i);

/* ---- What a problem says ---- */

/* Of any problem, also within a callback. Texts belong to the problem. */
const char *careplan_problem_code(const struct careplan_problem *problem); /* "CP1042" */
const char *careplan_problem_rule(const struct careplan_problem *problem); /* "gaiji" */
enum careplan_severity careplan_problem_severity(const struct careplan_problem *problem);
uint64_t careplan_problem_line(const struct careplan_problem *problem);    /* 0 = the whole file */
unsigned careplan_problem_column(const struct careplan_problem *problem);  /* 0 = the whole row */
const char *careplan_problem_item(const struct careplan_problem *problem); /* Japanese, or "" */
const char *careplan_problem_file(const struct careplan_problem *problem); /* canonical name, or "" */
const char *careplan_problem_message(const struct careplan_problem *problem, enum careplan_language language);
const char *careplan_problem_remedy(const struct careplan_problem *problem, enum careplan_language language);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
