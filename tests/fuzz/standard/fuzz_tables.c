/* Tables of the standard from arbitrary text: "@NAME" lines begin tables, what follows is their text. What
 * must hold whatever comes:
 * - bad tables have a fault with a table that was given, a line of it and a reason on one line;
 * - of a standard that was made, every reference leads somewhere, every kind's name is made and read again as
 *   that kind, and files of it are judged, also by rules over items of odd types. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "careplan/standard.h"
#include "standard/layout.h"
#include "text.h"

enum { TABLES_MAX = 16, KINDS_TRIED = 12 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

struct tables {
    struct careplan_table list[TABLES_MAX];
    char names[TABLES_MAX][128];
    size_t n;
};

static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? newline : end;
}

static void tables_split(struct tables *t, const char *text, size_t length)
{
    const char *end = text + length, *next;
    for (const char *at = text; at < end; at = next) {
        next = line_end(at, end);
        size_t size = (size_t)(next - at);
        next += next < end;
        if (*at != '@' || t->n == TABLES_MAX) {
            if (t->n)
                t->list[t->n - 1].length = (size_t)(next - t->list[t->n - 1].text);
            continue;
        }
        snprintf(t->names[t->n], sizeof t->names[0], "%.*s", (int)(size - 1 < 127 ? size - 1 : 127), at + 1);
        t->list[t->n] = (struct careplan_table){t->names[t->n], next, 0};
        t->n++;
    }
}

/* ---- A fault ---- */

static void fault_check(const struct tables *t, const struct careplan_table_fault *fault)
{
    bool given = fault->name[0] == '\0';
    unsigned long lines = 0;
    require(fault->reason[0] && !strpbrk(fault->reason, "\r\n\t"));
    for (size_t i = 0; i < t->n; i++) {
        if (strncmp(t->list[i].name, fault->name, sizeof fault->name - 4) != 0)
            continue;
        unsigned long n = 1;
        for (size_t k = 0; k < t->list[i].length; k++)
            n += t->list[i].text[k] == '\n';
        lines = n > lines ? n : lines;
        given = true;
    }
    /* A name that is cut, or no text, comes back as something else; then it has no line. */
    require(given ? fault->line <= lines || lines == 0 : fault->line == 0);
}

/* ---- A standard ---- */

static void layout_check(const struct careplan_kind *kind)
{
    const struct careplan_layout *layout = kind->layout;
    require(layout->n_items >= 1 && layout->n_items <= LAYOUT_ITEMS_MAX);
    require(strcmp(layout->kind, kind->name) == 0 && strcmp(layout->version, kind->version->name) == 0);
    require(layout->month_item < (int)layout->n_items);
    for (size_t i = 0; i < layout->n_rules; i++) {
        require(layout->rules[i].check < RECORD_CHECKS && careplan_rule_find(layout->rules[i].code));
        for (size_t k = 0; k < layout->rules[i].n_items; k++)
            require(layout->rules[i].items[k] < layout->n_items);
    }
}

static void standard_check(const struct careplan_standard *s)
{
    require(s->n_versions >= 3 && s->n_kinds > 0);
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct careplan_kind *kind = &s->kinds[i];
        require(kind->standard == s && kind->version >= s->versions &&
                kind->version < s->versions + s->n_versions);
        require(kind->image == !kind->layout);
        require(careplan_kind_title(kind, CAREPLAN_JA)[0] && careplan_kind_title(kind, CAREPLAN_EN)[0]);
        if (kind->layout)
            layout_check(kind);
    }
    for (size_t i = 0; i < s->n_units; i++) {
        const struct unit_pattern *p = &s->units[i];
        require(careplan_kind_find(s, p->version, p->main) != NULL);
        for (size_t k = 0; k < UNIT_PARTS; k++)
            require((!p->needs[k] || careplan_kind_find(s, p->version, p->needs[k])) &&
                    (!p->subs[k] || careplan_kind_find(s, p->version, p->subs[k])));
    }
}

/* A value that the item may have, more or less. */
static void value_put(FILE *out, const struct careplan_layout *layout, size_t i, uint8_t choice)
{
    static const char *const values[] = {
        [ITEM_YM] = "202604",
        [ITEM_YMD] = "20260401",
        [ITEM_HHMM] = "0900",
        [ITEM_DIGITS] = "1",
        [ITEM_CODE] = "17",
        [ITEM_INT] = "12",
        [ITEM_DECIMAL] = "10.00",
        [ITEM_TEXT] = "\"x\"",
        [ITEM_FLAGS31] = "1111111111111111111111111111111",
        [ITEM_POSTAL] = "020-0001",
        [ITEM_PHONE] = "019",
        [ITEM_INSURED_NO] = "0000000101",
        [ITEM_OFFICE_NO] = "0300000100",
        [ITEM_UNUSED] = "",
    };
    const struct layout_item *item = &layout->items[i];
    const char *value = i == 0           ? layout->version
                        : item->n_values ? item->values[choice % item->n_values].code
                                         : values[item->type];
    fprintf(out, "%s%s", i ? "," : "", choice % 8 == 7 ? "" : value);
}

static void ignore(void *context, const struct careplan_problem *problem)
{
    uint64_t *n = context;
    require(careplan_rule_find(problem->code) && text_is_sentence(problem->message_ja) &&
            text_is_sentence(problem->message_en));
    ++*n;
}

static void file_check(const struct careplan_name *name, const uint8_t *data, size_t length)
{
    char *content = NULL;
    size_t size = 0, at = 0;
    uint64_t problems = 0;
    struct careplan_check_result result;
    FILE *out = open_memstream(&content, &size);
    require(out != NULL);
    for (int record = 0; record < 3; record++) {
        for (size_t i = 0; i < name->kind->layout->n_items; i++)
            value_put(out, name->kind->layout, i, length ? data[at++ % length] : 0);
        fputs("\r\n", out);
    }
    fclose(out);
    struct careplan_check *c = careplan_check_new(name, NULL, ignore, &problems);
    require(c && careplan_check_write(c, content, size) == 0 && careplan_check_finish(c, &result) == 0);
    require(result.errors + result.warnings == problems && result.records <= 3);
    careplan_check_result_free(&result);
    careplan_check_free(c);
    free(content);
}

/* The names of a kind, and its files. Of names that look alike the month tells the version: the kind that
 * comes back is then another version's. */
static void kind_try(const struct careplan_kind *kind, const uint8_t *data, size_t length)
{
    struct careplan_name again, name = {.kind = kind, .sequence = "20260401090000"};
    bool services = kind->version->services_in_name;
    snprintf(name.month, sizeof name.month, "%s", kind->month_in_name ? "202604" : "");
    snprintf(name.sender_number, sizeof name.sender_number, "0300000100");
    snprintf(name.recipient_number, sizeof name.recipient_number, "0300000005");
    snprintf(name.sender_service, sizeof name.sender_service, "%s", services ? "43" : "");
    snprintf(name.recipient_service, sizeof name.recipient_service, "%s", services ? "11" : "");
    snprintf(name.image_number, sizeof name.image_number, "%s", kind->image ? "0001" : "");
    if (careplan_name_make(&name, NULL, NULL) != 0)
        return;
    require(careplan_name_parse(kind->standard, name.canonical, &again, NULL, NULL) ==
            CAREPLAN_NAME_TRANSFER);
    require(strcmp(again.kind->name, kind->name) == 0);
    if (kind->layout)
        file_check(&name, data, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct tables t = {.n = 0};
    struct careplan_standard *s = NULL;
    struct careplan_table_fault fault = {.line = 0};
    tables_split(&t, (const char *)data, length);
    int r = careplan_standard_new(t.list, t.n, &s, &fault);
    require(r == 0 || r == -EINVAL);
    if (r) {
        require(!s);
        fault_check(&t, &fault);
        return 0;
    }
    standard_check(s);
    for (size_t i = s->n_kinds; i-- > 0 && s->n_kinds - i <= KINDS_TRIED;)
        kind_try(&s->kinds[i], data, length);
    careplan_standard_free(s);
    return 0;
}
