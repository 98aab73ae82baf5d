/* The form of a record: header row, quotes, number of items, and records that line breaks in unquoted text
 * tore into several rows. */
#include <stdio.h>
#include <string.h>

#include "standard/check_private.h"

static bool has_digit(const struct scanned_item *item)
{
    for (size_t i = 0; i < item->length; i++)
        if (item->text[i] >= '0' && item->text[i] <= '9')
            return true;
    return item->length == 0;
}

/* Every record begins with three items of digits: version, insurer, insured person. */
bool is_header(const struct scanned_row *row)
{
    return row->n_items >= 3 && !has_digit(&row->items[0]) && !has_digit(&row->items[1]) &&
           !has_digit(&row->items[2]);
}

void limit_text(char out[24], size_t asked, size_t standard)
{
    snprintf(out, 24, "%zu", asked ? asked : standard);
}

void quotes_check(struct record *r)
{
    const struct scanned_row *row = r->row;
    for (size_t i = 0; i < row->n_items; i++) {
        uint8_t faults = row->items[i].faults;
        const struct problem_place place = record_place(r, i);
        const char *code = faults & FAULT_UNCLOSED    ? "CP1011"
                           : faults & FAULT_UNESCAPED ? "CP1012"
                           : faults & FAULT_PLAIN     ? "CP1014"
                                                      : NULL;
        if (code)
            record_bad(r, i, problem_put(&r->check->sink, code, &place, NULL, 0));
        if (faults & FAULT_TOO_LONG) {
            char limit[24];
            limit_text(limit, r->check->sink.options.limits.item_bytes, CAREPLAN_ITEM_MAX);
            record_bad(r, i, PROBLEM(&r->check->sink, "CP1015", &place, WORD(limit)));
        }
    }
}

/* Was it said of an item that its quotes are wrong? Not of those that are over the most that are kept. */
static bool quotes_said(const struct scanned_row *row)
{
    for (size_t i = 0; (row->faults & FAULT_QUOTES) && i < row->n_items; i++)
        if (row->items[i].faults & FAULT_QUOTES)
            return true;
    return false;
}

/* ---- Number of items ---- */

/* The kind's layout in another version that has this number of items, or NULL. */
static const struct careplan_layout *layout_with(const struct careplan_check *c, size_t n_items)
{
    const struct careplan_standard *s = c->name.kind->standard;
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct careplan_layout *layout = s->kinds[i].layout;
        if (layout && strcmp(layout->kind, c->layout->kind) == 0 && layout->n_items == n_items)
            return layout;
    }
    return NULL;
}

static void put_count(struct careplan_check *c, const struct torn *t)
{
    char found[24], right[24];
    const struct problem_place place = {.line = t->line};
    const struct careplan_kind *kind = c->name.kind;
    const struct word title = {careplan_kind_title(kind, CAREPLAN_JA),
                               careplan_kind_title(kind, CAREPLAN_EN)};
    const struct careplan_layout *other = layout_with(c, t->first);
    snprintf(found, sizeof found, "%zu", t->first);
    snprintf(right, sizeof right, "%zu", t->layout->n_items);
    if (other)
        PROBLEM(&c->sink, "CP1022", &place, WORD(found), WORD(t->layout->version), title, WORD(right),
                WORD(other->version), version_words(c, t->layout->version));
    else
        PROBLEM(&c->sink, "CP1021", &place, WORD(found), title, WORD(right));
}

/* All rows together have the items of a record: an item of it is torn, the last of the first row first. */
static void put_torn(struct careplan_check *c, const struct torn *t)
{
    char rows[24];
    const struct problem_place place = {
        .line = t->line, .column = (unsigned)t->first, .item = &t->layout->items[t->first - 1]};
    snprintf(rows, sizeof rows, "%llu", (unsigned long long)t->rows);
    PROBLEM(&c->sink, "CP1024", &place, WORD(rows));
}

void torn_end(struct careplan_check *c)
{
    struct torn *t = &c->torn;
    bool torn = t->rows > 1 && t->sum == t->layout->n_items;
    if (t->set && !t->quotes && torn)
        put_torn(c, t);
    else if (t->set && !t->quotes && !t->again)
        put_count(c, t);
    t->set = false;
}

bool torn_goes_on(struct careplan_check *c, const struct scanned_row *row)
{
    struct torn *t = &c->torn;
    const struct scanned_item *first = &row->items[0];
    bool record = first->length == 6 && all_digits(first->text, 6);
    if (t->set && !record && !row->too_long && row->total != t->layout->n_items) {
        t->rows++;
        t->sum = t->sum + row->total - 1;
        return true;
    }
    torn_end(c);
    return false;
}

/* A file wrong from its first record on is said to be so once. */
bool count_check(struct record *r, const struct careplan_layout *layout)
{
    struct careplan_check *c = r->check;
    const struct scanned_row *row = r->row;
    bool first = c->records == 1, good = row->total == layout->n_items;
    bool again = !good && row->total == c->wrong_count;
    if (first)
        c->wrong_count = good ? 0 : row->total;
    else if (!again)
        c->wrong_count = 0;
    if (!good)
        c->torn = (struct torn){.set = true,
                                .again = again,
                                .quotes = quotes_said(row),
                                .line = row->line,
                                .rows = 1,
                                .first = row->total,
                                .sum = row->total,
                                .layout = layout};
    return good;
}
