/* The order of reading, and what belongs to all tables. */
#include "standard/load.h"

#include <errno.h>
#include <string.h>

#include "standard/load_private.h"

static const struct {
    const char *name, *columns;
    size_t offset;
} known[] = {
#define TABLE(field, columns)                                \
    {                                                        \
#field ".tsv", columns, offsetof(struct load, field) \
    }
    TABLE(versions, "version name_ja applies_from applies_until replaced_by services_in_name preventive"),
    TABLE(file_kinds, "version kind name_ja items month_in_name regex example remark"),
    TABLE(kind_words, "kind title_ja title_en main"),
    TABLE(records, "kinds check code items values"),
    TABLE(units, "version main needs subs images"),
    TABLE(flows, "table no file_ja kinds role output import"),
    TABLE(service_types, "code name_ja table linked"),
    TABLE(roles, "service role imports certain source"),
};
static const char layout_columns[] = "no name_ja name_en type max required values notes";

int load_no_room(const struct load *l)
{
    return arena_error(l->keep) ? arena_error(l->keep) : arena_error(l->scratch);
}

bool month_is_named(const char *text, size_t length)
{
    if (length != 6 || strspn(text, "0123456789") < 6)
        return false;
    int month = (text[4] - '0') * 10 + text[5] - '0';
    return month >= 1 && month <= 12;
}

bool kind_name_is_good(const char *text, size_t length)
{
    if (length == 0 || length > KIND_NAME_MAX || text[0] < 'A' || text[0] > 'Z')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!(text[i] >= 'A' && text[i] <= 'Z') && !(text[i] >= '0' && text[i] <= '9') && text[i] != '_')
            return false;
    return true;
}

int load_yes_no(struct load *l, const struct tsv *t, const struct tsv_row *row, size_t column,
                const char *what, bool *out)
{
    *out = strcmp(row->cells[column], "yes") == 0;
    if (*out || strcmp(row->cells[column], "no") == 0)
        return 0;
    return LOAD_FAULT(l, t, row, "%s is '%.40s', expected yes or no", what, row->cells[column]);
}

bool tsv_has(const struct tsv *t, size_t column, const char *text)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].cells[column], text) == 0)
            return true;
    return false;
}

/* "202604/UPPLAN.tsv" */
static int layout_name(struct load *l, const char *name, struct layout_table *out)
{
    const char *slash = strchr(name, '/'), *kind = slash ? slash + 1 : "";
    size_t length = strlen(kind);
    bool good = slash && month_is_named(name, (size_t)(slash - name)) && length > 4 &&
                strcmp(kind + length - 4, ".tsv") == 0 && kind_name_is_good(kind, length - 4);
    if (!good)
        return table_fault(l->fault, name, 0,
                           slash ? "is no table of the standard; a layout is VERSION/KIND.tsv, e.g. "
                                   "202604/UPPLAN.tsv"
                           : strcmp(name, "rules.tsv") == 0
                               ? "the catalogue of rules belongs to the program and cannot be replaced"
                               : "is no table of the standard");
    out->version = arena_text(l->keep, name, 6);
    out->kind = arena_text(l->keep, kind, length - 4);
    return out->version && out->kind ? 0 : load_no_room(l);
}

static int read_layout(struct load *l, const struct careplan_table *table)
{
    struct layout_table *layout = &l->layouts[l->n_layouts];
    int r = layout_name(l, table->name, layout);
    if (r)
        return r;
    for (size_t i = 0; i < l->n_layouts; i++)
        if (strcmp(l->layouts[i].tsv.name, table->name) == 0)
            return table_fault(l->fault, table->name, 0, "was given twice");
    if (l->n_layouts++ == LAYOUTS_MAX)
        return table_fault(l->fault, table->name, 0, "there are more than %d layouts", LAYOUTS_MAX);
    return tsv_read(l->keep, l->scratch, table, layout_columns, &layout->tsv, l->fault);
}

static int read_table(struct load *l, const struct careplan_table *table)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct tsv *tsv = (struct tsv *)((char *)l + known[i].offset);
        if (strcmp(table->name, known[i].name) != 0)
            continue;
        if (tsv->name)
            return table_fault(l->fault, table->name, 0, "was given twice");
        return tsv_read(l->keep, l->scratch, table, known[i].columns, tsv, l->fault);
    }
    return read_layout(l, table);
}

static int read_tables(struct load *l, const struct careplan_table *tables, size_t n)
{
    size_t left = LOAD_TEXT;
    l->layouts = arena_take(l->scratch, n < LAYOUTS_MAX ? n + 1 : LAYOUTS_MAX + 1, sizeof *l->layouts);
    if (!l->layouts)
        return load_no_room(l);
    for (size_t i = 0; i < n; i++) {
        if (tables[i].length > left)
            return table_fault(l->fault, tables[i].name, 0, "the tables are larger than %d MiB together",
                               LOAD_TEXT >> 20);
        left -= tables[i].length;
        int r = read_table(l, &tables[i]);
        if (r)
            return r;
    }
    return 0;
}

static void finish(struct load *l)
{
    l->standard->versions = l->of_versions;
    l->standard->kinds = l->kinds;
    l->standard->words = l->words;
    l->standard->sources = l->sources;
    l->standard->units = l->patterns;
}

static int load(struct load *l, const struct careplan_table *tables, size_t n)
{
    static int (*const steps[])(struct load *) = {
        load_kind_words,  load_versions, load_kinds, load_records,       load_layouts,
        load_check_names, load_units,    load_flows, load_service_types, load_roles};
    l->standard = arena_take(l->keep, 1, sizeof *l->standard);
    if (!l->standard)
        return load_no_room(l);
    l->standard->arena = l->keep;
    int r = read_tables(l, tables, n);
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof steps[0]; i++)
        r = steps[i](l);
    if (r == -E2BIG)
        r = table_fault(l->fault, "", 0, "the tables need more than %d MiB of memory", LOAD_MEMORY >> 20);
    if (r == 0)
        finish(l);
    return r;
}

int standard_load(const struct careplan_standard *base, const struct standard_catalogue *catalogue,
                  const struct careplan_table *tables, size_t n, struct careplan_standard **out,
                  struct careplan_table_fault *fault)
{
    struct load l = {.base = base, .catalogue = catalogue, .fault = fault};
    *out = NULL;
    l.keep = arena_new(LOAD_MEMORY);
    l.scratch = arena_new(LOAD_MEMORY);
    int r = l.keep && l.scratch ? load(&l, tables, n) : -ENOMEM;
    arena_free(l.scratch);
    if (r)
        arena_free(l.keep);
    else
        *out = l.standard;
    return r;
}
