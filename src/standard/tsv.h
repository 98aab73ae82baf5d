/* Tables as tab-separated text: UTF-8, comment lines (#) before one line with the columns' names, then one
 * row a line; empty lines are skipped. */
#ifndef STANDARD_TSV_H
#define STANDARD_TSV_H

#include <stdbool.h>

#include "careplan/standard.h"
#include "standard/arena.h"

enum { TSV_COLUMNS = 12, TSV_CELL_MAX = 4096, TSV_ROWS_MAX = 4096 };

struct tsv_row {
    unsigned long line;
    const char *cells[TSV_COLUMNS];
};

struct tsv {
    const char *name; /* NULL: it was not given */
    struct tsv_row *rows;
    size_t n;
};

/* Says where and why; -EINVAL. What is quoted of a table may be cut. */
int table_fault(struct careplan_table_fault *fault, const char *table, unsigned long line, const char *format,
                ...) __attribute__((__format__(__printf__, 4, 5)));

/* `columns`: their names, separated by spaces. Cells stay with `keep`, rows with `scratch`. 0, -EINVAL, or
 * arena_error. */
int tsv_read(struct arena *keep, struct arena *scratch, const struct careplan_table *table,
             const char *columns, struct tsv *out, struct careplan_table_fault *fault);

/* The next of the words at *at, which are separated by spaces; NULL: none is left. */
const char *word_next(const char **at, size_t *length);
/* Is `word` one of the words of `list`? */
bool word_in(const char *list, const char *word);
bool word_is(const char *word, size_t length, const char *text);
size_t word_count(const char *list);

#endif
