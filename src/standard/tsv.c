#include "standard/tsv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "standard/utf8.h"

/* A cut may have gone through a character. */
static void only_whole_characters(char *text)
{
    size_t size, length = strlen(text);
    for (size_t i = 0; i < length; i += size) {
        size = utf8_sequence((const uint8_t *)text + i, length - i);
        if (size == 0 || (unsigned char)text[i] < 0x20 || text[i] == 0x7F) {
            text[i] = '?';
            size = 1;
        }
    }
}

int table_fault(struct careplan_table_fault *fault, const char *table, unsigned long line, const char *format,
                ...)
{
    va_list arguments;
    *fault = (struct careplan_table_fault){.line = line};
    snprintf(fault->name, sizeof fault->name, "%s", table);
    only_whole_characters(fault->name);
    va_start(arguments, format);
    vsnprintf(fault->reason, sizeof fault->reason, format, arguments);
    va_end(arguments);
    only_whole_characters(fault->reason);
    return -EINVAL;
}

const char *word_next(const char **at, size_t *length)
{
    *at += strspn(*at, " ");
    const char *word = *at;
    *length = strcspn(word, " ");
    *at += *length;
    return *length ? word : NULL;
}

bool word_is(const char *word, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(word, text, length) == 0;
}

bool word_in(const char *list, const char *word)
{
    size_t length;
    for (const char *one; (one = word_next(&list, &length));)
        if (word_is(one, length, word))
            return true;
    return false;
}

size_t word_count(const char *list)
{
    size_t n = 0, length;
    while (word_next(&list, &length))
        n++;
    return n;
}

/* ---- Reading ---- */

struct reader {
    const char *name;
    struct careplan_table_fault *fault;
    const char *columns;
    size_t n_columns;
    unsigned long line;
    bool head; /* the columns' names were read */
    struct tsv *out;
};

/* NUL, control characters and what is no UTF-8 have no place in a table; 0 or -EINVAL. */
static int check_text(const struct reader *r, const char *text, size_t length)
{
    unsigned long line = 1;
    size_t size;
    for (size_t i = 0; i < length; i += size) {
        unsigned char c = (unsigned char)text[i];
        size = utf8_sequence((const uint8_t *)text + i, length - i);
        if (size == 0)
            return table_fault(r->fault, r->name, line, "is not UTF-8 (byte %02X); save it as UTF-8", c);
        if (c == 0)
            return table_fault(r->fault, r->name, line, "holds a NUL byte; save it as UTF-8");
        bool line_end = c == '\r' && i + 1 < length && text[i + 1] == '\n';
        if ((c < 0x20 && c != '\t' && c != '\n' && !line_end) || c == 0x7F)
            return table_fault(r->fault, r->name, line, "holds the control character %02X", c);
        line += c == '\n';
    }
    return 0;
}

static int read_head(struct reader *r, const char *line)
{
    size_t length, n = 0;
    const char *columns = r->columns;
    for (const char *column; (column = word_next(&columns, &length)); n++) {
        size_t cell = strcspn(line, "\t");
        if (cell != length || memcmp(line, column, length) != 0)
            return table_fault(r->fault, r->name, r->line, "column %zu is '%.*s', expected '%.*s'", n + 1,
                               (int)(cell < 40 ? cell : 40), line, (int)length, column);
        line += cell;
        if (n + 1 < r->n_columns && *line++ != '\t')
            return table_fault(r->fault, r->name, r->line, "%zu columns, expected %zu: %s", n + 1,
                               r->n_columns, r->columns);
    }
    r->head = true;
    return *line ? table_fault(r->fault, r->name, r->line, "more columns than these %zu: %s", r->n_columns,
                               r->columns)
                 : 0;
}

static int read_row(struct reader *r, char *line)
{
    size_t n = 1;
    for (const char *at = line; (at = strchr(at, '\t')); at++)
        n++;
    if (n != r->n_columns)
        return table_fault(r->fault, r->name, r->line, "%zu cells, expected %zu", n, r->n_columns);
    if (r->out->n == TSV_ROWS_MAX)
        return table_fault(r->fault, r->name, r->line, "more than %d rows", TSV_ROWS_MAX);
    struct tsv_row *row = &r->out->rows[r->out->n++];
    row->line = r->line;
    for (size_t i = 0; i < n; i++) {
        row->cells[i] = line;
        size_t length = strcspn(line, "\t");
        if (length > TSV_CELL_MAX)
            return table_fault(r->fault, r->name, r->line, "cell %zu is longer than %d bytes", i + 1,
                               TSV_CELL_MAX);
        line += length;
        if (*line)
            *line++ = '\0';
    }
    return 0;
}

static int read_line(struct reader *r, char *line)
{
    size_t length = strlen(line);
    if (length && line[length - 1] == '\r')
        line[--length] = '\0';
    if (length == 0 || (!r->head && line[0] == '#'))
        return 0;
    return r->head ? read_row(r, line) : read_head(r, line);
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

int tsv_read(struct arena *keep, struct arena *scratch, const struct careplan_table *table,
             const char *columns, struct tsv *out, struct careplan_table_fault *fault)
{
    *out = (struct tsv){.name = arena_text(keep, table->name, strlen(table->name))};
    struct reader r = {table->name, fault, columns, word_count(columns), 0, false, out};
    const char *given = table->length ? table->text : ""; /* no bytes may be NULL */
    bool bom = table->length >= 3 && memcmp(given, "\xEF\xBB\xBF", 3) == 0;
    size_t skip = bom ? 3 : 0;
    int result = check_text(&r, given + skip, table->length - skip);
    if (result)
        return result;
    char *text = arena_text(keep, given + skip, table->length - skip);
    if (!text || !out->name)
        return arena_error(keep);
    size_t n = count_lines(text);
    out->rows = arena_take(scratch, n < TSV_ROWS_MAX ? n : TSV_ROWS_MAX, sizeof *out->rows);
    if (!out->rows)
        return arena_error(scratch);
    for (char *line = text, *next; line && result == 0; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        r.line++;
        result = read_line(&r, line);
    }
    if (result == 0 && !r.head)
        return table_fault(fault, table->name, 0, "has no line with the columns' names: %s", columns);
    return result;
}
