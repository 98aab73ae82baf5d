/* Is a send unit complete (標準仕様 2.4, 3.4)? The patterns stand in units.tsv; a unit may be several of them
 * under one 連番, each judged by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "standard/relation.h"
#include "standard/unit_private.h"

bool kind_is(const struct careplan_kind *kind, const char *version, const char *name)
{
    return strcmp(kind->name, name) == 0 && strcmp(kind->version->name, version) == 0;
}

const struct unit_pattern *pattern_of(const struct careplan_kind *main)
{
    if (!main->main_file)
        return NULL;
    const struct careplan_standard *s = main->standard;
    for (size_t i = 0; i < s->n_units; i++)
        if (kind_is(main, s->units[i].version, s->units[i].main))
            return &s->units[i];
    return NULL;
}

bool unit_names_images(const struct careplan_kind *kind)
{
    const struct unit_pattern *p = pattern_of(kind);
    return p && p->images;
}

/* The month in the name of a file that goes with `main`: the same, or 000000 with a plan. */
static const char *month_beside(const struct careplan_name *main)
{
    return main->kind->month_in_name ? main->month : "000000";
}

/* ---- Looking files up ---- */

static const char *month_of(const struct careplan_name *name)
{
    return name->kind->month_in_name ? name->month : "";
}

static int place_compare(const struct careplan_name *file, const char *version, const char *kind,
                         const char *month)
{
    int order = strcmp(file->kind->version->name, version);
    order = order ? order : strcmp(file->kind->name, kind);
    return order || !month ? order : strcmp(month_of(file), month);
}

static int compare_files(const void *a, const void *b)
{
    const struct careplan_name *x = *(const struct careplan_name *const *)a;
    const struct careplan_name *y = *(const struct careplan_name *const *)b;
    return place_compare(x, y->kind->version->name, y->kind->name, month_of(y));
}

/* A unit may have thousands of files. Without memory for it they are searched one by one. */
static void index_make(struct unit *u)
{
    u->sorted = u->n ? calloc(u->n, sizeof(struct careplan_name *)) : NULL;
    if (!u->sorted)
        return;
    for (size_t i = 0; i < u->n; i++)
        u->sorted[i] = u->files[i].name;
    qsort(u->sorted, u->n, sizeof(struct careplan_name *), compare_files);
}

static void index_free(struct unit *u)
{
    free(u->sorted);
}

/* Is there a file of this kind? `month`: as in its name; NULL: any. */
static bool has_file(const struct unit *u, const char *version, const char *kind, const char *month)
{
    size_t low = 0, high = u->n;
    for (size_t i = 0; !u->sorted && i < u->n; i++)
        if (place_compare(u->files[i].name, version, kind, month) == 0)
            return true;
    while (u->sorted && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = place_compare(u->sorted[middle], version, kind, month);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool has_beside(const struct unit *u, const struct careplan_name *main,
                       const struct careplan_kind *kind)
{
    return has_file(u, kind->version->name, kind->name, kind->month_in_name ? month_beside(main) : "");
}

static bool lists(const char *const list[UNIT_PARTS], const char *kind)
{
    for (size_t i = 0; i < UNIT_PARTS && list[i]; i++)
        if (strcmp(list[i], kind) == 0)
            return true;
    return false;
}

static bool is_part(const struct unit_pattern *p, const struct careplan_kind *kind)
{
    return strcmp(p->version, kind->version->name) == 0 &&
           (lists(p->needs, kind->name) || lists(p->subs, kind->name) || (p->images && kind->image));
}

bool goes_with(const struct careplan_name *file, const struct careplan_name *main)
{
    if (!main->kind->main_file || (file->kind->month_in_name && strcmp(file->month, month_beside(main)) != 0))
        return false;
    const struct unit_pattern *p = pattern_of(main->kind);
    return p && is_part(p, file->kind);
}

/* May a main file of this kind, of some month, be what the part goes with? */
static bool kinds_go(const struct careplan_name *part, const struct careplan_kind *main)
{
    bool with_plan = strcmp(part->month, "000000") == 0;
    return main->main_file && (!part->kind->month_in_name || main->month_in_name != with_plan);
}

/* The main file that a part is to go with; NULL: it goes alone. */
static const struct careplan_kind *main_wanted(const struct careplan_name *part)
{
    const struct careplan_standard *s = part->kind->standard;
    for (size_t i = 0; i < s->n_units; i++) {
        const struct careplan_kind *main = careplan_kind_find(s, s->units[i].version, s->units[i].main);
        if (main && is_part(&s->units[i], part->kind) && kinds_go(part, main))
            return main;
    }
    return NULL;
}

/* Is there a main file that it goes with? */
static bool has_main(const struct unit *u, const struct careplan_name *part)
{
    const struct careplan_standard *s = part->kind->standard;
    for (size_t i = 0; i < s->n_units; i++) {
        const struct careplan_kind *main = careplan_kind_find(s, s->units[i].version, s->units[i].main);
        bool same_month = main && main->month_in_name && part->kind->month_in_name;
        if (main && is_part(&s->units[i], part->kind) && kinds_go(part, main) &&
            has_file(u, main->version->name, main->name, same_month ? part->month : NULL))
            return true;
    }
    return false;
}

/* A part without its main file. */
static bool is_orphan(const struct unit *u, const struct careplan_name *file)
{
    return !file->kind->main_file && main_wanted(file) && !has_main(u, file);
}

/* The main file that orphans of this kind are likely to belong to, for it lacks just that and they are of
 * another month. */
static struct unit_other find_other(const struct unit *u, const struct careplan_kind *kind)
{
    struct unit_other other = {.kind = kind};
    for (size_t i = 0; kind->month_in_name && !other.main && i < u->n; i++) {
        const struct careplan_name *main = u->files[i].name;
        const struct unit_pattern *p = pattern_of(main->kind);
        if (p && main->kind->month_in_name && is_part(p, kind) && !has_beside(u, main, kind))
            other.main = main;
    }
    for (size_t i = 0; other.main && !other.orphan && i < u->n; i++)
        other.orphan = kind_is(u->files[i].name->kind, kind->version->name, kind->name) &&
                       is_orphan(u, u->files[i].name);
    return other;
}

/* Asked for each file, and the same for all of a kind: found once, or kinds whose places meet take turns. */
static const struct unit_other *other_of(struct unit *u, const struct careplan_kind *kind)
{
    struct unit_other *other = &u->others[(size_t)(kind - kind->standard->kinds) % UNIT_OTHERS];
    if (other->kind != kind)
        *other = find_other(u, kind);
    return other;
}

static void list_add(char out[LIST_SIZE], const char *comma, const char *title, const char *name)
{
    size_t at = strlen(out);
    if (at + strlen(comma) + strlen(title) + strlen(name) + 2 < LIST_SIZE)
        snprintf(out + at, LIST_SIZE - at, "%s%s %s", at ? comma : "", title, name);
}

static const struct careplan_kind *part_kind(const struct careplan_name *main, const char *name)
{
    return careplan_kind_find(main->kind->standard, main->kind->version->name, name);
}

void list_kind(struct list *l, const struct careplan_name *main, const char *name)
{
    const struct careplan_kind *kind = part_kind(main, name);
    if (!kind)
        return;
    list_add(l->ja, "、", careplan_kind_title(kind, CAREPLAN_JA), name);
    list_add(l->en, ", ", careplan_kind_title(kind, CAREPLAN_EN), name);
}

struct word title_of(const struct careplan_kind *kind)
{
    return (struct word){careplan_kind_title(kind, CAREPLAN_JA), careplan_kind_title(kind, CAREPLAN_EN)};
}

static void needs_judge(struct unit *u, const struct unit_pattern *p, const struct careplan_name *main)
{
    struct list needs = {"", ""}, missing = {"", ""};
    for (size_t i = 0; i < UNIT_PARTS && p->needs[i]; i++) {
        const struct careplan_kind *kind = part_kind(main, p->needs[i]);
        if (!kind)
            continue;
        list_kind(&needs, main, p->needs[i]);
        if (has_beside(u, main, kind))
            continue;
        const struct unit_other *other = other_of(u, kind);
        if (other->main != main || !other->orphan) /* else it is said of the orphan */
            list_kind(&missing, main, p->needs[i]);
    }
    if (!missing.ja[0])
        return;
    uint64_t before = u->sink.errors;
    PROBLEM(&u->sink, "CP1301", &((struct problem_place){.file = main}), title_of(main->kind),
            ((struct word){needs.ja, needs.en}), ((struct word){missing.ja, missing.en}));
    u->incomplete |= u->sink.errors > before;
}

static void subs_judge(struct unit *u, const struct unit_pattern *p, const struct careplan_name *main)
{
    for (size_t i = 0; i < UNIT_PARTS && p->subs[i]; i++) {
        struct list sub = {"", ""};
        const struct careplan_kind *kind = part_kind(main, p->subs[i]);
        if (!kind || has_beside(u, main, kind))
            continue;
        uint64_t errors = u->sink.errors, warnings = u->sink.warnings;
        list_kind(&sub, main, p->subs[i]);
        PROBLEM(&u->sink, "CP1302", &((struct problem_place){.file = main}), title_of(main->kind),
                ((struct word){sub.ja, sub.en}));
        u->incomplete |= u->sink.errors > errors;
        u->sub_missing |= u->sink.warnings > warnings;
    }
}

static bool has_image(const struct unit *u, const char *canonical)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->files[i].name->kind->image && strcmp(u->files[i].name->canonical, canonical) == 0)
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
    for (size_t i = 0; r && r->images && column && i < r->n_images; i++) {
        if (has_image(u, r->images[i]))
            continue;
        uint64_t before = u->sink.errors;
        const struct problem_place place = {.line = r->image_lines ? r->image_lines[i] : 0,
                                            .column = column,
                                            .item = &main->name->kind->layout->items[column - 1],
                                            .file = main->name};
        PROBLEM(&u->sink, "CP1303", &place, WORD(r->images[i]));
        u->incomplete |= u->sink.errors > before;
    }
}

/* An image beside its UPKIHON file that no record names. */
static void image_unnamed(struct unit *u, const struct careplan_name *image)
{
    for (size_t i = 0; i < u->n; i++) {
        const struct careplan_check_result *r = u->files[i].result;
        if (!goes_with(image, u->files[i].name))
            continue;
        if (!r || !r->keys_complete || r->images_over)
            return;
        for (size_t k = 0; r->images && k < r->n_images; k++)
            if (strcmp(r->images[k], image->canonical) == 0)
                return;
    }
    uint64_t before = u->sink.errors;
    problem_put(&u->sink, "CP1306", &(struct problem_place){.file = image}, NULL, 0);
    u->incomplete |= u->sink.errors > before;
}

/* Its name agrees with its records, so that the first one whose month was read shows it. */
static void other_month(struct unit *u, const struct careplan_unit_file *orphan,
                        const struct careplan_name *main)
{
    const struct careplan_layout *layout = orphan->name->kind->layout;
    const struct careplan_check_result *r = orphan->result;
    struct problem_place place = {.item = &layout->items[layout->month_item], .file = orphan->name};
    if (r && r->keys && r->n_keys) {
        place.line = r->keys[0].line + r->keys[0].date_lines;
        place.column = (unsigned)layout->month_item + 1;
    }
    PROBLEM(&u->sink, "CP1305", &place, WORD(orphan->name->month), WORD(main->month));
}

static void orphan_judge(struct unit *u, const struct careplan_unit_file *orphan)
{
    const struct careplan_name *name = orphan->name, *other = other_of(u, name->kind)->main;
    uint64_t before = u->sink.errors;
    if (other && name->kind->layout && name->kind->layout->month_item >= 0)
        other_month(u, orphan, other);
    else
        PROBLEM(&u->sink, "CP1304", &((struct problem_place){.file = name}), title_of(name->kind),
                title_of(main_wanted(name)));
    u->incomplete |= u->sink.errors > before;
}

static void main_judge(struct unit *u, const struct unit_pattern *p, const struct careplan_unit_file *main)
{
    needs_judge(u, p, main->name);
    subs_judge(u, p, main->name);
    if (p->images)
        images_judge(u, main);
    main_keys_judge(u, p, main);
}

/* All that is to be said of one file, so that its problems can be counted. */
static void file_judge(struct unit *u, const struct careplan_unit_file *file)
{
    const struct unit_pattern *p = pattern_of(file->name->kind);
    u->sink.errors = u->sink.warnings = u->sink.not_reported = 0;
    if (p)
        main_judge(u, p, file);
    else if (is_orphan(u, file->name))
        orphan_judge(u, file);
    else if (file->name->kind->image)
        image_unnamed(u, file->name);
    else
        part_keys_judge(u, file);
    if (file->not_reported)
        *file->not_reported = u->sink.not_reported;
}

enum careplan_unit_state careplan_unit_judge(const struct careplan_unit_file *files, size_t n,
                                             const struct careplan_check_options *options,
                                             careplan_problem_fn *fn, void *context)
{
    with_cleanup(unit_content_free) struct unit_content content = {.fn = fn, .context = context};
    with_cleanup(index_free) struct unit u = {
        .files = files, .n = n, .sink = {.fn = fn, .context = context}, .incomplete = n == 0};
    if (unit_by_content(&content, files, n)) {
        u.files = content.files;
        u.sink.fn = fn ? unit_content_put : NULL;
        u.sink.context = &content;
    }
    if (options)
        u.sink.options = *options;
    index_make(&u);
    for (size_t i = 0; i < n; i++)
        file_judge(&u, &u.files[i]);
    return u.incomplete    ? CAREPLAN_UNIT_INCOMPLETE
           : u.faulty      ? CAREPLAN_UNIT_FAULTY
           : u.sub_missing ? CAREPLAN_UNIT_SUB_MISSING
                           : CAREPLAN_UNIT_COMPLETE;
}
