/* Records made up by item names, and what the check of them is to say. */
#ifndef TEST_ROWS_H
#define TEST_ROWS_H

#include "base/buffer.h"
#include "samples.h"

/* Appends a record of the kind (CSVバージョン 202407, or "202208/KIND"): items that are asked for have values
 * that fit, the others are empty. `changes` are "name=value", separated by '|'. */
void row_add(struct buffer *out, const char *kind, const char *changes);

/* Checks `content` under the name, cut into pieces of 1, 7 and 4096 bytes: each time the problems are these,
 * "line:column CODE, …", and the same words. */
void expect_problems(const char *name, const struct buffer *content, const char *problems);

/* One record with these changes under a name of its kind (202504, from the care manager 0300000100 to the
 * service office 0300000005, results the other way) has these problems. */
void expect_row(const char *kind, const char *changes, const char *problems);
/* Several of them, each ended by NULL: kind, problems, changes… */
void expect_rows(const char *kind, const char *problems, ...);

#endif
