/* Is a send unit complete (標準仕様 2.4, 3.4)? The patterns stand in units.tsv; a unit may be several of them
 * under one 連番. */
#include <stdio.h>
#include <string.h>

#include "standard/problem.h"

enum { LIST_SIZE = 512 };

struct unit {
    const struct careplan_unit_file *files;
    size_t n;
    struct problem_sink sink;
    bool incomplete, sub_missing;
};

static bool kind_is(const struct careplan_kind *kind, const char *version, const char *name)
{
    return strcmp(kind->name, name) == 0 && strcmp(kind->version->name, version) == 0;
}

static const struct unit_pattern *pattern_of(const struct careplan_kind *main)
{
    const struct careplan_standard *s = main->standard;
    for (size_t i = 0; i < s->n_units; i++)
        if (kind_is(main, s->units[i].version, s->units[i].main))
            return &s->units[i];
    return NULL;
}

/* The month in the name of a file that goes with `main`: the same, or 000000 with a plan. */
static const char *month_beside(const struct careplan_name *main)
{
    return main->kind->month_in_name ? main->month : "000000";
}

static const struct careplan_name *find(const struct unit *u, const struct careplan_name *main,
                                        const char *kind)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct careplan_name *name = u->files[i].name;
        if (kind_is(name->kind, main->kind->version->name, kind) &&
            (!name->kind->month_in_name || strcmp(name->month, month_beside(main)) == 0))
            return name;
    }
    return NULL;
}

static bool lists(const char *const list[UNIT_PARTS], const char *kind)
{
    for (size_t i = 0; i < UNIT_PARTS && list[i]; i++)
        if (strcmp(list[i], kind) == 0)
            return true;
    return false;
}

static bool is_part(const struct unit_pattern *p, const struct careplan_name *file)
{
    const char *kind = file->kind->name;
    return strcmp(p->version, file->kind->version->name) == 0 &&
           (lists(p->needs, kind) || lists(p->subs, kind) || (p->images && file->kind->image));
}

/* Does the file go with this main file? */
static bool goes_with(const struct careplan_name *file, const struct careplan_name *main)
{
    const struct unit_pattern *p = pattern_of(main->kind);
    return p && is_part(p, file) &&
           (!file->kind->month_in_name || strcmp(file->month, month_beside(main)) == 0);
}

/* A part without its main file. */
static bool is_orphan(const struct unit *u, const struct careplan_name *file)
{
    if (file->kind->main_file)
        return false;
    for (size_t i = 0; i < u->n; i++)
        if (goes_with(file, u->files[i].name))
            return false;
    return true;
}

/* The main file that lacks just this kind of file, and of whose month the orphan is not. */
static const struct careplan_name *main_of_other_month(const struct unit *u,
                                                       const struct careplan_name *orphan)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct careplan_name *main = u->files[i].name;
        const struct unit_pattern *p = pattern_of(main->kind);
        if (p && main->kind->month_in_name && orphan->kind->month_in_name && is_part(p, orphan) &&
            !find(u, main, orphan->kind->name))
            return main;
    }
    return NULL;
}

static bool has_orphan_of_other_month(const struct unit *u, const struct careplan_name *main,
                                      const char *kind)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct careplan_name *file = u->files[i].name;
        if (kind_is(file->kind, main->kind->version->name, kind) && is_orphan(u, file) &&
            main_of_other_month(u, file) == main)
            return true;
    }
    return false;
}

/* "第7表（サービス利用票別表）UPSIKYU、…" */
struct list {
    char ja[LIST_SIZE], en[LIST_SIZE];
};

static void list_add(char out[LIST_SIZE], const char *comma, const char *title, const char *name)
{
    size_t at = strlen(out);
    if (at + strlen(comma) + strlen(title) + strlen(name) + 2 < LIST_SIZE)
        snprintf(out + at, LIST_SIZE - at, "%s%s %s", at ? comma : "", title, name);
}

static void list_kind(struct list *l, const struct careplan_name *main, const char *name)
{
    const struct careplan_kind *kind =
        careplan_kind_find(main->kind->standard, main->kind->version->name, name);
    if (!kind)
        return;
    list_add(l->ja, "、", careplan_kind_title(kind, CAREPLAN_JA), name);
    list_add(l->en, ", ", careplan_kind_title(kind, CAREPLAN_EN), name);
}

static struct word title_of(const struct careplan_kind *kind)
{
    return (struct word){careplan_kind_title(kind, CAREPLAN_JA), careplan_kind_title(kind, CAREPLAN_EN)};
}

static void needs_judge(struct unit *u, const struct unit_pattern *p, const struct careplan_name *main)
{
    struct list needs = {"", ""}, missing = {"", ""};
    for (size_t i = 0; i < UNIT_PARTS && p->needs[i]; i++) {
        list_kind(&needs, main, p->needs[i]);
        if (!find(u, main, p->needs[i]) && !has_orphan_of_other_month(u, main, p->needs[i]))
            list_kind(&missing, main, p->needs[i]);
    }
    if (!missing.ja[0])
        return;
    u->incomplete = true;
    PROBLEM(&u->sink, "CP1301", &((struct problem_place){.file = main}), title_of(main->kind),
            ((struct word){needs.ja, needs.en}), ((struct word){missing.ja, missing.en}));
}

static void subs_judge(struct unit *u, const struct unit_pattern *p, const struct careplan_name *main)
{
    for (size_t i = 0; i < UNIT_PARTS && p->subs[i]; i++) {
        struct list sub = {"", ""};
        if (find(u, main, p->subs[i]))
            continue;
        u->sub_missing = true;
        list_kind(&sub, main, p->subs[i]);
        PROBLEM(&u->sink, "CP1302", &((struct problem_place){.file = main}), title_of(main->kind),
                ((struct word){sub.ja, sub.en}));
    }
}

static bool has_file(const struct unit *u, const char *canonical)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->files[i].name->canonical, canonical) == 0)
            return true;
    return false;
}

/* Where the record names its image; 0: nowhere. */
static unsigned image_column(const struct careplan_layout *layout)
{
    for (size_t i = 0; layout && i < layout->n_rules; i++)
        if (layout->rules[i].check == RECORD_IMAGE_NAME)
            return layout->rules[i].items[0] + 1u;
    return 0;
}

static void images_judge(struct unit *u, const struct careplan_unit_file *main)
{
    const struct careplan_check_result *r = main->result;
    unsigned column = image_column(main->name->kind->layout);
    for (size_t i = 0; r && column && i < r->n_images; i++) {
        if (has_file(u, r->images[i]))
            continue;
        u->incomplete = true;
        const struct problem_place place = {.line = r->image_lines ? r->image_lines[i] : 0,
                                            .column = column,
                                            .item = &main->name->kind->layout->items[column - 1],
                                            .file = main->name};
        PROBLEM(&u->sink, "CP1303", &place, WORD(r->images[i]));
    }
}

/* An image beside its UPKIHON file that no record names. */
static void image_unnamed(struct unit *u, const struct careplan_name *image)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct careplan_check_result *r = u->files[i].result;
        if (!goes_with(image, u->files[i].name))
            continue;
        if (!r || r->n_images == CAREPLAN_IMAGES_MAX)
            return;
        for (size_t k = 0; k < r->n_images; k++)
            if (strcmp(r->images[k], image->canonical) == 0)
                return;
    }
    problem_put(&u->sink, "CP1306", &(struct problem_place){.file = image}, NULL, 0);
}

/* The main file that a part without one is to go with. */
static const struct careplan_kind *main_wanted(const struct careplan_name *orphan)
{
    bool with_plan = strcmp(orphan->month, "000000") == 0;
    const struct careplan_standard *s = orphan->kind->standard;
    for (size_t i = 0; i < s->n_units; i++) {
        const struct careplan_kind *main = careplan_kind_find(s, s->units[i].version, s->units[i].main);
        if (main && is_part(&s->units[i], orphan) &&
            (!orphan->kind->month_in_name || main->month_in_name != with_plan))
            return main;
    }
    return NULL;
}

static void orphan_judge(struct unit *u, const struct careplan_name *orphan)
{
    u->incomplete = true;
    const struct careplan_name *other = main_of_other_month(u, orphan);
    const struct careplan_layout *layout = orphan->kind->layout;
    if (other && layout && layout->month_item >= 0) {
        /* Its name agrees with its records, so that the first one shows it. */
        const struct problem_place place = {.line = 1,
                                            .column = (unsigned)layout->month_item + 1,
                                            .item = &layout->items[layout->month_item],
                                            .file = orphan};
        PROBLEM(&u->sink, "CP1305", &place, WORD(orphan->month), WORD(other->month));
        return;
    }
    const struct careplan_kind *main = main_wanted(orphan);
    if (main)
        PROBLEM(&u->sink, "CP1304", &((struct problem_place){.file = orphan}), title_of(orphan->kind),
                title_of(main));
}

enum careplan_unit_state careplan_unit_judge(const struct careplan_unit_file *files, size_t n,
                                             const struct careplan_check_options *options,
                                             careplan_problem_fn *fn, void *context)
{
    struct unit u = {.files = files, .n = n, .sink = {.fn = fn, .context = context}, .incomplete = n == 0};
    if (options)
        u.sink.options = *options;
    for (size_t i = 0; i < n; i++) {
        const struct unit_pattern *p = pattern_of(files[i].name->kind);
        if (!p)
            continue;
        needs_judge(&u, p, files[i].name);
        subs_judge(&u, p, files[i].name);
        if (p->images)
            images_judge(&u, &files[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (is_orphan(&u, files[i].name))
            orphan_judge(&u, files[i].name);
        else if (files[i].name->kind->image)
            image_unnamed(&u, files[i].name);
    }
    return u.incomplete    ? CAREPLAN_UNIT_INCOMPLETE
           : u.sub_missing ? CAREPLAN_UNIT_SUB_MISSING
                           : CAREPLAN_UNIT_COMPLETE;
}
