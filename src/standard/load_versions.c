/* versions.tsv and kind_words.tsv. */
#include <string.h>

#include "standard/load_private.h"

enum { V_NAME, V_NAME_JA, V_FROM, V_UNTIL, V_REPLACED_BY, V_SERVICES, V_PREVENTIVE };
enum { W_KIND, W_JA, W_EN, W_MAIN };

/* ---- kind_words.tsv ---- */

static int words_row(struct load *l, const struct tsv_row *row)
{
    const struct tsv *t = &l->kind_words;
    struct kind_words *words = &l->words[l->standard->n_words];
    const char *kind = row->cells[W_KIND];
    if (!kind_name_is_good(kind, strlen(kind)))
        return LOAD_FAULT(l, t, row, "kind '%.40s' is not made of A-Z, 0-9 and _ (at most 31)", kind);
    if (load_words_of(l, kind))
        return LOAD_FAULT(l, t, row, "kind %s stands twice", kind);
    if (!row->cells[W_JA][0] || !row->cells[W_EN][0])
        return LOAD_FAULT(l, t, row, "kind %s has no title", kind);
    *words = (struct kind_words){kind, row->cells[W_JA], row->cells[W_EN], false};
    l->standard->n_words++;
    return load_yes_no(l, t, row, W_MAIN, "main", &words->main);
}

int load_kind_words(struct load *l)
{
    const struct tsv *t = &l->kind_words;
    size_t n = t->name ? t->n : l->base->n_words;
    l->words = arena_take(l->keep, n, sizeof *l->words);
    if (!l->words)
        return load_no_room(l);
    if (!t->name && n) {
        memcpy(l->words, l->base->words, n * sizeof *l->words);
        l->standard->n_words = n;
    }
    int r = 0;
    for (size_t i = 0; r == 0 && i < t->n; i++)
        r = words_row(l, &t->rows[i]);
    return r;
}

const struct kind_words *load_words_of(const struct load *l, const char *kind)
{
    for (size_t i = 0; i < l->standard->n_words; i++)
        if (strcmp(l->words[i].kind, kind) == 0)
            return &l->words[i];
    return NULL;
}

/* ---- versions.tsv ---- */

const struct careplan_version *load_version(const struct load *l, const char *name)
{
    for (size_t i = 0; i < l->standard->n_versions; i++)
        if (strcmp(l->of_versions[i].name, name) == 0)
            return &l->of_versions[i];
    return NULL;
}

static int version_add(struct load *l, const char *table, unsigned long line,
                       const struct careplan_version *version)
{
    if (l->standard->n_versions == VERSIONS_MAX)
        return table_fault(l->fault, table, line, "there are more than %d versions", VERSIONS_MAX);
    l->of_versions[l->standard->n_versions++] = *version;
    return 0;
}

static int check_months(struct load *l, const struct tsv_row *row)
{
    const struct tsv *t = &l->versions;
    const char *from = row->cells[V_FROM], *until = row->cells[V_UNTIL];
    if (*from && !month_is_named(from, strlen(from)))
        return LOAD_FAULT(l, t, row, "applies_from '%.40s' is no month YYYYMM", from);
    if (*until && !month_is_named(until, strlen(until)))
        return LOAD_FAULT(l, t, row, "applies_until '%.40s' is no month YYYYMM", until);
    if (*until && strcmp(from, until) > 0)
        return LOAD_FAULT(l, t, row, "applies_from %s is after applies_until %s", from, until);
    return 0;
}

static int version_row(struct load *l, const struct tsv_row *row)
{
    const struct tsv *t = &l->versions;
    const char *const *cells = row->cells;
    struct careplan_version v = {
        cells[V_NAME], cells[V_NAME_JA], cells[V_FROM], cells[V_UNTIL], cells[V_REPLACED_BY], false, false};
    if (!month_is_named(v.name, strlen(v.name)))
        return LOAD_FAULT(l, t, row, "version '%.40s' is not of 6 digits YYYYMM", v.name);
    if (load_version(l, v.name))
        return LOAD_FAULT(l, t, row, "version %s stands twice", v.name);
    int r = check_months(l, row);
    if (r == 0)
        r = load_yes_no(l, t, row, V_SERVICES, "services_in_name", &v.services_in_name);
    if (r == 0)
        r = load_yes_no(l, t, row, V_PREVENTIVE, "preventive", &v.preventive);
    return r ? r : version_add(l, t->name, row->line, &v);
}

static const struct tsv_row *row_of(const struct tsv *t, const char *version)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].cells[V_NAME], version) == 0)
            return &t->rows[i];
    return NULL;
}

/* The base's, each as it is or as its row says, in their order; then the other rows. */
static int given_versions(struct load *l)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->base->n_versions; i++) {
        const struct careplan_version *v = &l->base->versions[i];
        const struct tsv_row *row = row_of(&l->versions, v->name);
        r = row ? version_row(l, row) : version_add(l, "", 0, v);
    }
    for (size_t i = 0; r == 0 && i < l->versions.n; i++) {
        const struct tsv_row *row = &l->versions.rows[i];
        bool done = false;
        for (size_t k = 0; k < l->base->n_versions; k++)
            done = done || row == row_of(&l->versions, l->base->versions[k].name);
        if (!done)
            r = version_row(l, row);
    }
    return r;
}

/* A version that has kinds, but no row: for any month, with the names of 4.1. */
static int imply(struct load *l, const char *table, unsigned long line, const char *name)
{
    if (load_version(l, name))
        return 0;
    if (!month_is_named(name, strlen(name)))
        return table_fault(l->fault, table, line, "version '%.40s' is not of 6 digits YYYYMM", name);
    const struct careplan_version v = {name, "", "", "", "", true, true};
    return version_add(l, table, line, &v);
}

static int check_replaced(struct load *l, const struct tsv_row *row)
{
    const char *by = row->cells[V_REPLACED_BY];
    if (!*by)
        return 0;
    const struct careplan_version *version = load_version(l, by);
    if (!version)
        return LOAD_FAULT(l, &l->versions, row, "replaced_by '%.40s' is no version", by);
    if (version->replaced_by[0])
        return LOAD_FAULT(l, &l->versions, row, "replaced_by %s: that is replaced itself", by);
    return 0;
}

int load_versions(struct load *l)
{
    l->of_versions = arena_take(l->keep, VERSIONS_MAX, sizeof *l->of_versions);
    if (!l->of_versions)
        return load_no_room(l);
    int r = given_versions(l);
    for (size_t i = 0; r == 0 && i < l->file_kinds.n; i++)
        r = imply(l, l->file_kinds.name, l->file_kinds.rows[i].line, l->file_kinds.rows[i].cells[0]);
    for (size_t i = 0; r == 0 && i < l->n_layouts; i++)
        r = imply(l, l->layouts[i].tsv.name, 0, l->layouts[i].version);
    for (size_t i = 0; r == 0 && i < l->versions.n; i++)
        r = check_replaced(l, &l->versions.rows[i]);
    return r;
}
