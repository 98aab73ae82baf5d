/* VERSION/KIND.tsv: the items of a layout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standard/load_private.h"

enum { I_NO, I_NAME_JA, I_NAME_EN, I_TYPE, I_MAX, I_REQUIRED, I_VALUES, I_NOTES };
enum { NAME_JA_MAX = 240, NAME_EN_MAX = 63, VALUES_LISTED = 4, VALUES_TEXT_MAX = 480 };

/* As the column `type` names them, and the one length that such an item has; 0: its table says, text has
 * none. */
static const struct {
    const char *name;
    unsigned length;
    bool exact; /* `max` is always the exact length */
} types[] = {
    [ITEM_YM] = {"ym", 6, true},
    [ITEM_YMD] = {"ymd", 8, true},
    [ITEM_HHMM] = {"hhmm", 4, true},
    [ITEM_DIGITS] = {"digits", 0, false},
    [ITEM_CODE] = {"code", 0, false},
    [ITEM_INT] = {"int", 0, false},
    [ITEM_DECIMAL] = {"decimal", 6, false},
    [ITEM_TEXT] = {"text", 0, false},
    [ITEM_FLAGS31] = {"flags31", 31, true},
    [ITEM_POSTAL] = {"postal", 8, true},
    [ITEM_PHONE] = {"phone", 0, false},
    [ITEM_INSURED_NO] = {"insured_no", 10, true},
    [ITEM_OFFICE_NO] = {"office_no", 10, true},
    [ITEM_UNUSED] = {"unused", 0, false},
};

/* An item in the making: its row, and where it goes. */
struct making {
    struct load *l;
    const struct tsv *tsv;
    const struct tsv_row *row;
    struct layout_item *item;
};

#define ITEM_FAULT(m, ...) LOAD_FAULT((m)->l, (m)->tsv, (m)->row, __VA_ARGS__)

static const char *cell(const struct making *m, size_t column)
{
    return m->row->cells[column];
}

/* ---- One item ---- */

static bool name_en_is_good(const char *name)
{
    size_t length = strlen(name);
    return length >= 1 && length <= NAME_EN_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static int read_names(struct making *m)
{
    m->item->name_ja = cell(m, I_NAME_JA);
    m->item->name_en = cell(m, I_NAME_EN);
    if (m->item->name_ja[0] == '\0' || strlen(m->item->name_ja) > NAME_JA_MAX)
        return ITEM_FAULT(m, "name_ja is empty or longer than %d bytes", NAME_JA_MAX);
    if (!name_en_is_good(m->item->name_en))
        return ITEM_FAULT(m, "name_en '%.40s' is not made of a-z, 0-9 and _ (at most %d)", m->item->name_en,
                          NAME_EN_MAX);
    return 0;
}

static int read_type(struct making *m)
{
    const char *name = cell(m, I_TYPE);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0) {
            m->item->type = (uint8_t)i;
            return 0;
        }
    return ITEM_FAULT(m, "unknown type '%.40s'", name);
}

static int read_length(struct making *m)
{
    const char *text = cell(m, I_MAX);
    char *end;
    unsigned long max = strtoul(text, &end, 10);
    unsigned length = types[m->item->type].length;
    bool none = strcmp(text, "-") == 0;
    if (!none && (text[0] < '1' || text[0] > '9' || *end || max > UINT16_MAX))
        return ITEM_FAULT(m, "max is '%.40s', expected a number (1 to %d) or -", text, UINT16_MAX);
    if (length && (none || max != length))
        return ITEM_FAULT(m, "max is %.40s, but an item of type %s has %u", text, cell(m, I_TYPE), length);
    if (m->item->type == ITEM_TEXT && !none)
        return ITEM_FAULT(m, "max is %.40s, but an item of type text has no length here: -", text);
    m->item->max = none ? 0 : (uint16_t)max;
    return 0;
}

/* 標準仕様 prints 項目長 as a bare number: exact by nature, or the longest. */
static bool is_exact(const struct making *m)
{
    const struct layout_item *item = m->item;
    if (types[item->type].exact || strcmp(item->name_en, "insurer_no") == 0)
        return true;
    return item->type == ITEM_CODE && item->n_values == 0 &&
           (strcmp(item->name_en, "service_code") == 0 || item->max == 2);
}

static bool notes_say(const struct making *m, const char *words)
{
    return strstr(cell(m, I_NOTES), words) != NULL;
}

static int read_required(struct making *m)
{
    const char *mark = cell(m, I_REQUIRED);
    bool conditional = strcmp(mark, "cond") == 0;
    if (strcmp(mark, "yes") != 0 && strcmp(mark, "no") != 0 && !conditional)
        return ITEM_FAULT(m, "unknown required mark '%.40s' (yes, no, cond)", mark);
    m->item->required = strcmp(mark, "yes") == 0 ? REQUIRED_YES : REQUIRED_NO;
    /* A mark whose row could not be read for certain asks for nothing for certain either. */
    bool doubtful = conditional ? notes_say(m, "treat empty as a warning") && !notes_say(m, "optional for")
                                : notes_say(m, "doubtful: the ○ column");
    if (doubtful && (conditional || m->item->required == REQUIRED_YES))
        m->item->required = REQUIRED_DOUBTFUL;
    return 0;
}

/* What the notes say of the form of an item. */
static void read_notes(struct making *m)
{
    struct layout_item *item = m->item;
    item->exact = is_exact(m);
    item->service_type =
        notes_say(m, "service type codes of 1.3/1.4") || strcmp(item->name_en, "service_type") == 0;
    item->any_code = (item->type == ITEM_CODE && item->n_values == 0 && notes_say(m, "no format given")) ||
                     (item->type == ITEM_DIGITS && notes_say(m, "doubtful: no format given"));
    item->wide_hyphen =
        notes_say(m, "wide or narrow hyphen") || strcmp(item->name_en, "equipment_report_code") == 0;
}

/* ---- Values: "code=meaning|…" ---- */

static size_t count_values(const char *text)
{
    size_t n = 0;
    for (; *text; text += strcspn(text, "|"), text += *text == '|')
        n += *text != '|';
    return n;
}

static bool value_known(const struct item_value *values, size_t n, const char *code)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(values[i].code, code) == 0)
            return true;
    return false;
}

static int read_value(struct making *m, struct item_value *values, size_t n, const char *text, size_t length)
{
    const char *equals = memchr(text, '=', length);
    if (!equals || equals == text)
        return ITEM_FAULT(m, "values must be code=meaning|…, not '%.*s'", (int)(length < 40 ? length : 40),
                          text);
    size_t code = (size_t)(equals - text);
    if (m->item->max && code > m->item->max)
        return ITEM_FAULT(m, "value '%.*s' is longer than the item", (int)(code < 40 ? code : 40), text);
    values[n].code = arena_text(m->l->keep, text, code);
    values[n].meaning = arena_text(m->l->keep, equals + 1, length - code - 1);
    if (!values[n].code || !values[n].meaning)
        return load_no_room(m->l);
    if (value_known(values, n, values[n].code))
        return ITEM_FAULT(m, "value '%.40s' stands twice", values[n].code);
    return 0;
}

/* 1, 2, 3 …: the first and the last tell what is between them. */
static bool is_run(const struct layout_item *item)
{
    for (size_t i = 0; i < item->n_values; i++) {
        const char *code = item->values[i].code;
        if (strlen(code) != 1 || code[0] < '0' || code[0] > '9' ||
            code[0] != item->values[0].code[0] + (int)i)
            return false;
    }
    return item->n_values > VALUES_LISTED;
}

/* "1:男性、2:女性", "1:月曜日～7:日曜日"; what would fill a whole message ends in "…". */
static int list_values(struct making *m)
{
    const struct layout_item *item = m->item;
    size_t size = sizeof "…", at = 0, step = is_run(item) ? item->n_values - 1u : 1;
    for (size_t i = 0; i < item->n_values; i += step)
        size += strlen(item->values[i].code) + strlen(item->values[i].meaning) + strlen("、:");
    char *text = arena_take(m->l->keep, size, 1);
    if (!text)
        return load_no_room(m->l);
    for (size_t i = 0; i < item->n_values; i += step) {
        const struct item_value *v = &item->values[i];
        const char *between = i == 0 ? "" : step > 1 ? "～" : "、";
        if (i && at + strlen(v->code) + strlen(v->meaning) > VALUES_TEXT_MAX) {
            snprintf(text + at, size - at, "…");
            break;
        }
        at += (size_t)snprintf(text + at, size - at, "%s%s:%s", between, v->code, v->meaning);
    }
    m->item->values_text = text;
    return 0;
}

static int read_values(struct making *m)
{
    const char *text = cell(m, I_VALUES);
    size_t n = count_values(text), length;
    m->item->values_text = "";
    if (n == 0)
        return 0;
    if (n > VALUES_MAX)
        return ITEM_FAULT(m, "more than %d values", VALUES_MAX);
    struct item_value *values = arena_take(m->l->keep, n, sizeof *values);
    if (!values)
        return load_no_room(m->l);
    size_t count = 0;
    for (int r; *text; text += length, text += *text == '|') {
        length = strcspn(text, "|");
        if (length == 0)
            continue;
        if ((r = read_value(m, values, count++, text, length)))
            return r;
    }
    m->item->values = values;
    m->item->n_values = (uint16_t)count;
    return list_values(m);
}

static int read_item(struct load *l, const struct tsv *t, size_t i, struct layout_item *items)
{
    struct making m = {l, t, &t->rows[i], &items[i]};
    char number[24];
    snprintf(number, sizeof number, "%zu", i + 1);
    if (strcmp(cell(&m, I_NO), number) != 0)
        return ITEM_FAULT(&m, "no is '%.40s', expected %s: items are numbered from 1", cell(&m, I_NO),
                          number);
    int r = read_names(&m);
    for (size_t k = 0; r == 0 && k < i; k++)
        if (strcmp(items[k].name_en, items[i].name_en) == 0)
            r = ITEM_FAULT(&m, "item %s stands twice", items[i].name_en);
    static int (*const steps[])(struct making *) = {read_type, read_length, read_required, read_values};
    for (size_t k = 0; r == 0 && k < sizeof steps / sizeof steps[0]; k++)
        r = steps[k](&m);
    if (r == 0)
        read_notes(&m);
    return r;
}

/* ---- The layout ---- */

static int find_item(const struct careplan_layout *layout, const char *name)
{
    for (size_t i = 0; i < layout->n_items; i++)
        if (strcmp(layout->items[i].name_en, name) == 0)
            return (int)i;
    return -1;
}

/* Every record says its version first, by which its layout is known. */
static int check_version_item(struct load *l, const struct layout_table *table,
                              const struct careplan_layout *layout)
{
    const struct layout_item *first = &layout->items[0];
    const struct tsv_row *row = &table->tsv.rows[0];
    if (strcmp(first->name_en, "csv_version") != 0 || first->type != ITEM_YM)
        return LOAD_FAULT(l, &table->tsv, row, "item 1 must be csv_version, of type ym");
    if (first->n_values && !value_known(first->values, first->n_values, layout->version))
        return LOAD_FAULT(l, &table->tsv, row, "csv_version has the values %s, and not this version, %s",
                          first->values_text, layout->version);
    return 0;
}

static int find_month(struct load *l, const struct layout_table *table, struct careplan_layout *layout)
{
    int i = find_item(layout, "target_ym");
    layout->month_item = i >= 0 ? i : find_item(layout, "delete_target_ym");
    if (layout->month_item < 0)
        return 0;
    const struct layout_item *item = &layout->items[layout->month_item];
    if (item->type != ITEM_YM)
        return LOAD_FAULT(l, &table->tsv, &table->tsv.rows[layout->month_item], "%s must be of type ym",
                          item->name_en);
    layout->month_may_zero = item->n_values && strcmp(item->values[0].code, "000000") == 0;
    return 0;
}

static int read_layout(struct load *l, const struct layout_table *table, struct careplan_kind *kind)
{
    const struct tsv *t = &table->tsv;
    const struct kind_origin *origin = &l->origins[kind - l->kinds];
    struct careplan_layout *layout = arena_take(l->keep, 1, sizeof *layout);
    if (!layout)
        return load_no_room(l);
    if (t->n == 0 || t->n > LAYOUT_ITEMS_MAX)
        return table_fault(l->fault, t->name, 0, "%zu items, expected 1 to %d", t->n, LAYOUT_ITEMS_MAX);
    if (origin->items && origin->items != t->n)
        return table_fault(l->fault, t->name, 0, "%zu items, file_kinds.tsv says %lu", t->n, origin->items);
    struct layout_item *items = arena_take(l->keep, t->n, sizeof *items);
    if (!items)
        return load_no_room(l);
    int r = 0;
    for (size_t i = 0; r == 0 && i < t->n; i++)
        r = read_item(l, t, i, items);
    *layout = (struct careplan_layout){
        .version = kind->version->name, .kind = kind->name, .items = items, .n_items = t->n};
    if (r == 0)
        r = check_version_item(l, table, layout);
    if (r == 0)
        r = find_month(l, table, layout);
    if (r == 0)
        r = load_layout_rules(l, layout);
    kind->layout = layout;
    return r;
}

static int attach(struct load *l, const struct layout_table *table)
{
    struct careplan_kind *kind = load_kind(l, table->version, table->kind);
    if (kind->image)
        return table_fault(l->fault, table->tsv.name, 0, "%s is an image: it has no layout", table->kind);
    if (kind->version->replaced_by[0])
        return table_fault(l->fault, table->tsv.name, 0,
                           "version %s is not in use: versions.tsv says it was replaced by %s",
                           table->version, kind->version->replaced_by);
    return read_layout(l, table, kind);
}

/* A layout of the base under another records.tsv. */
static int rule_again(struct load *l, struct careplan_kind *kind)
{
    struct careplan_layout *layout = arena_take(l->keep, 1, sizeof *layout);
    if (!layout)
        return load_no_room(l);
    *layout = *kind->layout;
    kind->layout = layout;
    return load_layout_rules(l, layout);
}

static int complete(struct load *l, size_t i)
{
    struct careplan_kind *kind = &l->kinds[i];
    const struct kind_origin *origin = &l->origins[i];
    if (kind->image)
        return 0;
    if (!kind->layout)
        return table_fault(l->fault, origin->table, origin->line, "there is no layout %s/%s.tsv",
                           kind->version->name, kind->name);
    if (origin->items && origin->items != kind->layout->n_items)
        return table_fault(l->fault, origin->table, origin->line, "items is %lu, the layout of %s has %zu",
                           origin->items, kind->name, kind->layout->n_items);
    for (size_t k = 0; k < l->n_layouts; k++)
        if (strcmp(l->layouts[k].version, kind->version->name) == 0 &&
            strcmp(l->layouts[k].kind, kind->name) == 0)
            return 0;
    return l->records.name ? rule_again(l, kind) : 0;
}

int load_layouts(struct load *l)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->n_layouts; i++)
        r = attach(l, &l->layouts[i]);
    for (size_t i = 0; r == 0 && i < l->standard->n_kinds; i++)
        r = complete(l, i);
    return r ? r : load_records_used(l);
}
