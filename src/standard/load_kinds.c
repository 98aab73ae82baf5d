/* file_kinds.tsv, the kinds that come with a layout alone, and whether names can be told apart. */
#include <stdlib.h>
#include <string.h>

#include "standard/load_private.h"

enum { K_VERSION, K_KIND, K_NAME_JA, K_ITEMS, K_MONTH };

static const struct careplan_kind *find(const struct careplan_kind *kinds, size_t n, const char *version,
                                        const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(kinds[i].name, name) == 0 && strcmp(kinds[i].version->name, version) == 0)
            return &kinds[i];
    return NULL;
}

struct careplan_kind *load_kind(const struct load *l, const char *version, const char *name)
{
    const struct careplan_kind *kind = find(l->kinds, l->standard->n_kinds, version, name);
    return kind ? &l->kinds[kind - l->kinds] : NULL;
}

bool load_kind_known(const struct load *l, const char *name, size_t length)
{
    for (size_t i = 0; i < l->standard->n_kinds; i++)
        if (word_is(name, length, l->kinds[i].name))
            return true;
    return false;
}

/* Takes the kind over into `version`; words decide whether it is a main file. */
static int kind_add(struct load *l, struct kind_origin origin, const char *version,
                    const struct careplan_kind *kind)
{
    size_t n = l->standard->n_kinds;
    const struct kind_words *words = load_words_of(l, kind->name);
    if (n == KINDS_MAX)
        return table_fault(l->fault, origin.table, origin.line, "there are more than %d kinds", KINDS_MAX);
    if (!words)
        return table_fault(l->fault, l->kind_words.name ? l->kind_words.name : origin.table,
                           l->kind_words.name ? 0 : origin.line, "kind_words.tsv has no row for %s",
                           kind->name);
    l->kinds[n] = *kind;
    l->kinds[n].version = load_version(l, version);
    l->kinds[n].main_file = words->main;
    l->kinds[n].deletion = strncmp(kind->name, "DLT", 3) == 0;
    l->kinds[n].standard = l->standard;
    l->origins[n] = origin;
    l->standard->n_kinds++;
    return 0;
}

/* "25", or "-" for an image. */
static bool items_read(const char *text, unsigned long *items)
{
    char *end;
    *items = strtoul(text, &end, 10);
    if (strcmp(text, "-") == 0)
        return true;
    return text[0] >= '1' && text[0] <= '9' && *end == '\0' && *items <= LAYOUT_ITEMS_MAX;
}

static int kind_row(struct load *l, const struct tsv_row *row)
{
    const struct tsv *t = &l->file_kinds;
    const char *const *cells = row->cells, *name = cells[K_KIND];
    struct kind_origin origin = {t->name, row->line, 0};
    struct careplan_kind kind = {.name = name, .name_ja = cells[K_NAME_JA]};
    if (!kind_name_is_good(name, strlen(name)))
        return LOAD_FAULT(l, t, row, "kind '%.40s' is not made of A-Z, 0-9 and _ (at most 31)", name);
    if (load_kind(l, cells[K_VERSION], name))
        return LOAD_FAULT(l, t, row, "kind %s of %s stands twice", name, cells[K_VERSION]);
    if (!kind.name_ja[0])
        return LOAD_FAULT(l, t, row, "kind %s has no name_ja", name);
    if (!items_read(cells[K_ITEMS], &origin.items))
        return LOAD_FAULT(l, t, row, "items is '%.40s', expected 1 to %d, or - for an image", cells[K_ITEMS],
                          LAYOUT_ITEMS_MAX);
    kind.image = origin.items == 0;
    int r = load_yes_no(l, t, row, K_MONTH, "month_in_name", &kind.month_in_name);
    if (r)
        return r;
    const struct careplan_kind *old = find(l->base->kinds, l->base->n_kinds, cells[K_VERSION], name);
    kind.layout = old && !kind.image ? old->layout : NULL;
    return kind_add(l, origin, cells[K_VERSION], &kind);
}

static const struct careplan_kind *newest(const struct careplan_standard *base, const char *name)
{
    const struct careplan_kind *found = NULL;
    for (size_t i = 0; i < base->n_kinds; i++)
        if (strcmp(base->kinds[i].name, name) == 0 &&
            (!found || strcmp(base->kinds[i].version->name, found->version->name) > 0))
            found = &base->kinds[i];
    return found;
}

/* A layout whose kind has no row: as that kind was in the newest version that the program knows. */
static int kind_of_layout(struct load *l, const struct layout_table *table)
{
    const struct careplan_kind *model = newest(l->base, table->kind);
    if (load_kind(l, table->version, table->kind))
        return 0;
    if (tsv_has(&l->file_kinds, K_VERSION, table->version))
        return table_fault(l->fault, table->tsv.name, 0, "file_kinds.tsv has no row for %s of %s",
                           table->kind, table->version);
    if (!model)
        return table_fault(l->fault, table->tsv.name, 0,
                           "%s is no kind that the program knows; give it a row in file_kinds.tsv and one in "
                           "kind_words.tsv",
                           table->kind);
    return kind_add(l, (struct kind_origin){table->tsv.name, 0, 0}, table->version, model);
}

/* Images have no layout: they come with the main file whose records name them. */
static int images_of(struct load *l, const struct layout_table *table)
{
    int r = 0;
    const struct careplan_kind *model = newest(l->base, table->kind);
    bool images = false;
    for (size_t i = 0; model && i < l->base->n_units; i++)
        images = images || (l->base->units[i].images && strcmp(l->base->units[i].main, model->name) == 0 &&
                            strcmp(l->base->units[i].version, model->version->name) == 0);
    if (!images || tsv_has(&l->file_kinds, K_VERSION, table->version))
        return 0;
    for (size_t i = 0; r == 0 && i < l->base->n_kinds; i++) {
        const struct careplan_kind *image = &l->base->kinds[i];
        if (image->image && image->version == model->version && !load_kind(l, table->version, image->name))
            r = kind_add(l, (struct kind_origin){table->tsv.name, 0, 0}, table->version, image);
    }
    return r;
}

int load_kinds(struct load *l)
{
    int r = 0;
    l->kinds = arena_take(l->keep, KINDS_MAX, sizeof *l->kinds);
    l->origins = arena_take(l->scratch, KINDS_MAX, sizeof *l->origins);
    if (!l->kinds || !l->origins)
        return load_no_room(l);
    for (size_t i = 0; r == 0 && i < l->base->n_kinds; i++) {
        const struct careplan_kind *kind = &l->base->kinds[i];
        if (!tsv_has(&l->file_kinds, K_VERSION, kind->version->name))
            r = kind_add(l, (struct kind_origin){"file_kinds.tsv", 0, 0}, kind->version->name, kind);
    }
    for (size_t i = 0; r == 0 && i < l->file_kinds.n; i++)
        r = kind_row(l, &l->file_kinds.rows[i]);
    for (size_t i = 0; r == 0 && i < l->n_layouts; i++)
        r = kind_of_layout(l, &l->layouts[i]);
    for (size_t i = 0; r == 0 && i < l->n_layouts; i++)
        r = images_of(l, &l->layouts[i]);
    return r;
}

/* ---- Names ---- */

static unsigned parts_of(const struct careplan_kind *kind)
{
    return (kind->version->services_in_name ? 5u : 3u) + kind->month_in_name + kind->image;
}

/* "UPPLAN" and "UPPLAN_0300000100": the second may be a name of the first, sent by that office. */
static bool is_begun_by(const char *name, const char *shorter)
{
    size_t length = strlen(shorter);
    if (strncmp(name, shorter, length) != 0 || name[length] != '_')
        return false;
    const char *part = name + length + 1;
    size_t size = strcspn(part, "_");
    return size == 10 || (size == 6 && strspn(part, "0123456789") >= 6);
}

static int name_fault(struct load *l, size_t i, const struct careplan_kind *other)
{
    const struct careplan_kind *kind = &l->kinds[i];
    return table_fault(l->fault, l->origins[i].table, l->origins[i].line,
                       "names of %s of %s could not be told from those of %s of %s", kind->name,
                       kind->version->name, other->name, other->version->name);
}

/* Of files of one kind the number of parts tells the form; a kind is told from another by its name. */
int load_check_names(struct load *l)
{
    for (size_t i = 0; i < l->standard->n_kinds; i++)
        for (size_t k = 0; k < l->standard->n_kinds; k++) {
            const struct careplan_kind *a = &l->kinds[i], *b = &l->kinds[k];
            bool same_kind = strcmp(a->name, b->name) == 0;
            bool same_form = a->version->services_in_name == b->version->services_in_name &&
                             a->month_in_name == b->month_in_name && a->image == b->image;
            if ((same_kind && !same_form && parts_of(a) == parts_of(b)) || is_begun_by(a->name, b->name))
                return name_fault(l, i > k ? i : k, i > k ? b : a);
        }
    return 0;
}
