/* records.tsv: rules between items, by kinds and items' names. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "standard/load_private.h"

enum { R_KINDS, R_CHECK, R_CODE, R_ITEMS, R_VALUES, RECORD_VALUES_MAX = 1024 };

static const struct {
    const char *name; /* in upper case */
    size_t least, most;
} checks[RECORD_CHECKS] = {
#define X(name, least, most) [RECORD_##name] = {#name, least, most},
    RECORD_CHECK_LIST(X)
#undef X
};

static bool code_known(const struct standard_catalogue *c, const char *code)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->rules[i].code, code) == 0)
            return true;
    return false;
}

static int read_check(struct load *l, const struct tsv_row *row, struct record_source *source)
{
    const char *name = row->cells[R_CHECK];
    for (size_t i = 0; i < RECORD_CHECKS; i++)
        if (strcasecmp(checks[i].name, name) == 0) {
            source->check = (enum record_check)i;
            return 0;
        }
    return LOAD_FAULT(l, &l->records, row, "unknown check '%.40s'", name);
}

static int check_kinds(struct load *l, const struct tsv_row *row)
{
    const char *list = row->cells[R_KINDS];
    size_t length;
    if (word_count(list) == 0)
        return LOAD_FAULT(l, &l->records, row, "names no kind");
    for (const char *kind; (kind = word_next(&list, &length));)
        if (!load_kind_known(l, kind, length))
            return LOAD_FAULT(l, &l->records, row, "unknown kind '%.*s'", (int)(length < 40 ? length : 40),
                              kind);
    return 0;
}

static int source_row(struct load *l, const struct tsv_row *row, struct record_source *source)
{
    const char *const *cells = row->cells;
    *source = (struct record_source){cells[R_KINDS], 0, cells[R_CODE], cells[R_ITEMS], cells[R_VALUES]};
    int r = check_kinds(l, row);
    if (r == 0)
        r = read_check(l, row, source);
    if (r)
        return r;
    size_t n = word_count(source->items);
    if (!code_known(l->catalogue, source->code))
        return LOAD_FAULT(l, &l->records, row, "code '%.40s' is not in the catalogue", source->code);
    if (n < checks[source->check].least || n > checks[source->check].most || n > RECORD_ITEMS)
        return LOAD_FAULT(l, &l->records, row, "%zu items, check %s has %zu to %zu", n, cells[R_CHECK],
                          checks[source->check].least, checks[source->check].most);
    if (strlen(source->values) > RECORD_VALUES_MAX)
        return LOAD_FAULT(l, &l->records, row, "values are longer than %d bytes", RECORD_VALUES_MAX);
    return 0;
}

int load_records(struct load *l)
{
    size_t n = l->records.name ? l->records.n : l->base->n_sources;
    l->sources = arena_take(l->keep, n, sizeof *l->sources);
    if (!l->sources)
        return load_no_room(l);
    l->standard->n_sources = n;
    if (!l->records.name && n)
        memcpy(l->sources, l->base->sources, n * sizeof *l->sources);
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->records.n; i++)
        r = source_row(l, &l->records.rows[i], &l->sources[i]);
    return r;
}

/* ---- The rules of a layout ---- */

/* The row's items in the layout; false: it lacks one, and the rule with it. */
static bool find_items(const struct careplan_layout *layout, const char *names, struct record_rule *rule)
{
    size_t length;
    rule->n_items = 0;
    for (const char *name; (name = word_next(&names, &length));) {
        bool optional = name[length - 1] == '?', found = false;
        length -= optional;
        for (size_t i = 0; !found && i < layout->n_items; i++)
            if (word_is(name, length, layout->items[i].name_en)) {
                rule->items[rule->n_items++] = (uint8_t)i;
                found = true;
            }
        if (!found && !optional)
            return false;
    }
    return rule->n_items >= checks[rule->check].least;
}

static bool rule_make(const struct record_source *source, const struct careplan_layout *layout,
                      struct record_rule *rule)
{
    *rule = (struct record_rule){.check = source->check, .code = source->code, .values = source->values};
    return word_in(source->kinds, layout->kind) && find_items(layout, source->items, rule);
}

int load_layout_rules(struct load *l, struct careplan_layout *layout)
{
    struct record_rule rule;
    size_t n = 0;
    for (size_t i = 0; i < l->standard->n_sources; i++)
        n += rule_make(&l->sources[i], layout, &rule);
    if (n > RULES_OF_LAYOUT_MAX)
        return table_fault(l->fault, "records.tsv", 0, "more than %d rules for %s", RULES_OF_LAYOUT_MAX,
                           layout->kind);
    struct record_rule *rules = arena_take(l->keep, n, sizeof *rules);
    if (!rules)
        return load_no_room(l);
    layout->rules = rules;
    layout->n_rules = 0;
    for (size_t i = 0; i < l->standard->n_sources; i++)
        if (rule_make(&l->sources[i], layout, &rule))
            rules[layout->n_rules++] = rule;
    return 0;
}

/* Does any version's layout of the kind have the row's items? */
static bool is_used(const struct load *l, const struct record_source *source, const char *kind, size_t length)
{
    struct record_rule rule;
    for (size_t i = 0; i < l->standard->n_kinds; i++)
        if (word_is(kind, length, l->kinds[i].name) && l->kinds[i].layout &&
            rule_make(source, l->kinds[i].layout, &rule))
            return true;
    return false;
}

int load_records_used(struct load *l)
{
    for (size_t i = 0; i < l->records.n; i++) {
        const char *kinds = l->sources[i].kinds;
        size_t length;
        for (const char *kind; (kind = word_next(&kinds, &length));)
            if (!is_used(l, &l->sources[i], kind, length))
                return LOAD_FAULT(l, &l->records, &l->records.rows[i],
                                  "no version of %.*s has all these items", (int)(length < 40 ? length : 40),
                                  kind);
    }
    return 0;
}
