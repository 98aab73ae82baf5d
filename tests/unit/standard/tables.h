/* Tables of the standard for tests: the project's own files, and such as are made of them. */
#ifndef TEST_TABLES_H
#define TEST_TABLES_H

#include "careplan/standard.h"

enum { TABLES_MAX = 64 };

struct tables {
    struct careplan_table list[TABLES_MAX]; /* names and texts are malloc'd */
    size_t n;
};

/* Copies both. */
void tables_add(struct tables *t, const char *name, const char *text);
/* All files of src/standard but the catalogue. */
void tables_add_own(struct tables *t);
/* The layout of 202407 as one of `version`. */
void tables_add_layout(struct tables *t, const char *version, const char *kind);
/* Every layout of 202407 as one of `version`. */
void tables_add_version(struct tables *t, const char *version);
/* Puts `more` behind the table's text. */
void tables_append(struct tables *t, const char *name, const char *more);
/* Replaces the first `from` in the table. */
void tables_edit(struct tables *t, const char *name, const char *from, const char *to);
/* Fails the test with the fault's words when the tables are bad. */
struct careplan_standard *tables_standard(const struct tables *t);
void tables_free(struct tables *t);

#endif
