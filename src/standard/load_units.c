/* units.tsv: what travels together. A version without rows has the units of the newest version that the
 * program knows, as far as its kinds go. */
#include <string.h>

#include "standard/load_private.h"

enum { U_VERSION, U_MAIN, U_NEEDS, U_SUBS, U_IMAGES };

static const struct unit_pattern *pattern_of(const struct unit_pattern *patterns, size_t n,
                                             const char *version, const char *main)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(patterns[i].version, version) == 0 && strcmp(patterns[i].main, main) == 0)
            return &patterns[i];
    return NULL;
}

static bool has_patterns(const struct unit_pattern *patterns, size_t n, const char *version)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(patterns[i].version, version) == 0)
            return true;
    return false;
}

static int pattern_add(struct load *l, const char *table, unsigned long line, const struct unit_pattern *p)
{
    if (l->standard->n_units == UNITS_MAX)
        return table_fault(l->fault, table, line, "there are more than %d units", UNITS_MAX);
    l->patterns[l->standard->n_units++] = *p;
    return 0;
}

/* ---- Rows ---- */

static int read_parts(struct load *l, const struct tsv_row *row, const char *list,
                      const char *parts[UNIT_PARTS])
{
    size_t n = 0, length;
    if (word_count(list) > UNIT_PARTS)
        return LOAD_FAULT(l, &l->units, row, "more than %d parts", UNIT_PARTS);
    for (const char *word; (word = word_next(&list, &length)); n++) {
        const struct careplan_kind *kind = NULL;
        for (size_t i = 0; !kind && i < l->standard->n_kinds; i++)
            if (word_is(word, length, l->kinds[i].name) &&
                strcmp(l->kinds[i].version->name, row->cells[U_VERSION]) == 0)
                kind = &l->kinds[i];
        if (!kind)
            return LOAD_FAULT(l, &l->units, row, "'%.*s' is no kind of %.40s",
                              (int)(length < 40 ? length : 40), word, row->cells[U_VERSION]);
        parts[n] = kind->name;
    }
    return 0;
}

static bool has_images(const struct load *l, const char *version)
{
    for (size_t i = 0; i < l->standard->n_kinds; i++)
        if (l->kinds[i].image && strcmp(l->kinds[i].version->name, version) == 0)
            return true;
    return false;
}

static int unit_row(struct load *l, const struct tsv_row *row)
{
    const char *version = row->cells[U_VERSION], *main = row->cells[U_MAIN];
    const struct careplan_kind *kind = load_kind(l, version, main);
    struct unit_pattern p = {.version = version, .main = main};
    if (!kind)
        return LOAD_FAULT(l, &l->units, row, "'%.40s' is no kind of %.40s", main, version);
    if (!kind->main_file)
        return LOAD_FAULT(l, &l->units, row, "%s is no main file (kind_words.tsv)", main);
    if (pattern_of(l->patterns, l->standard->n_units, version, main))
        return LOAD_FAULT(l, &l->units, row, "the unit of %s of %s stands twice", main, version);
    int r = read_parts(l, row, row->cells[U_NEEDS], p.needs);
    if (r == 0)
        r = read_parts(l, row, row->cells[U_SUBS], p.subs);
    if (r == 0)
        r = load_yes_no(l, &l->units, row, U_IMAGES, "images", &p.images);
    if (r)
        return r;
    if (p.images && !has_images(l, version))
        return LOAD_FAULT(l, &l->units, row, "%s has no kind of images", version);
    return pattern_add(l, l->units.name, row->line, &p);
}

/* ---- Of the base ---- */

static void keep_known(const struct load *l, const char *version, const char *const from[UNIT_PARTS],
                       const char *to[UNIT_PARTS])
{
    size_t n = 0;
    for (size_t i = 0; i < UNIT_PARTS && from[i]; i++)
        if (load_kind(l, version, from[i]))
            to[n++] = from[i];
}

/* The unit in `version`, with the parts that are kinds of it. */
static int pattern_take_over(struct load *l, const struct unit_pattern *model, const char *version)
{
    struct unit_pattern p = {.version = version, .main = model->main};
    if (!load_kind(l, version, model->main))
        return 0;
    keep_known(l, version, model->needs, p.needs);
    keep_known(l, version, model->subs, p.subs);
    p.images = model->images && has_images(l, version);
    return pattern_add(l, "units.tsv", 0, &p);
}

static const struct unit_pattern *newest(const struct careplan_standard *base, const char *main)
{
    const struct unit_pattern *found = NULL;
    for (size_t i = 0; i < base->n_units; i++)
        if (strcmp(base->units[i].main, main) == 0 &&
            (!found || strcmp(base->units[i].version, found->version) > 0))
            found = &base->units[i];
    return found;
}

static int derive(struct load *l, const char *version)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->standard->n_kinds; i++) {
        const struct unit_pattern *model = newest(l->base, l->kinds[i].name);
        if (model && strcmp(l->kinds[i].version->name, version) == 0)
            r = pattern_take_over(l, model, version);
    }
    return r;
}

int load_units(struct load *l)
{
    int r = 0;
    l->patterns = arena_take(l->keep, UNITS_MAX, sizeof *l->patterns);
    if (!l->patterns)
        return load_no_room(l);
    for (size_t i = 0; r == 0 && i < l->base->n_units; i++)
        if (!tsv_has(&l->units, U_VERSION, l->base->units[i].version))
            r = pattern_take_over(l, &l->base->units[i], l->base->units[i].version);
    for (size_t i = 0; r == 0 && i < l->units.n; i++)
        r = unit_row(l, &l->units.rows[i]);
    for (size_t i = 0; r == 0 && i < l->standard->n_versions; i++)
        if (!has_patterns(l->patterns, l->standard->n_units, l->of_versions[i].name))
            r = derive(l, l->of_versions[i].name);
    return r;
}
