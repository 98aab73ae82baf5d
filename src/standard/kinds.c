/* Versions, file kinds, their items and titles, and service types: look-ups in the tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "standard/layout.h"

const struct careplan_standard *standard_or_builtin(const struct careplan_standard *s)
{
    return s ? s : careplan_standard_builtin();
}

size_t careplan_versions(const struct careplan_standard *s)
{
    return standard_or_builtin(s)->n_versions;
}

const struct careplan_version *careplan_version_at(const struct careplan_standard *s, size_t i)
{
    s = standard_or_builtin(s);
    return i < s->n_versions ? &s->versions[i] : NULL;
}

const struct careplan_kind *careplan_kind_find(const struct careplan_standard *s, const char *version,
                                               const char *name)
{
    s = standard_or_builtin(s);
    for (size_t i = 0; i < s->n_kinds; i++)
        if (strcmp(s->kinds[i].version->name, version) == 0 && strcmp(s->kinds[i].name, name) == 0)
            return &s->kinds[i];
    return NULL;
}

size_t careplan_kinds(const struct careplan_standard *s)
{
    return standard_or_builtin(s)->n_kinds;
}

const struct careplan_kind *careplan_kind_at(const struct careplan_standard *s, size_t i)
{
    s = standard_or_builtin(s);
    return i < s->n_kinds ? &s->kinds[i] : NULL;
}

bool version_applies(const struct careplan_version *v, const char *month)
{
    return strcmp(month, v->applies_from) >= 0 &&
           (v->applies_until[0] == '\0' || strcmp(month, v->applies_until) <= 0);
}

bool kinds_same_form(const struct careplan_kind *a, const struct careplan_kind *b)
{
    return a->version->services_in_name == b->version->services_in_name &&
           a->month_in_name == b->month_in_name && a->image == b->image;
}

/* Versions are named by the month of their issue. */
static bool is_newer(const struct careplan_kind *kind, const struct careplan_kind *than)
{
    return !than || strcmp(kind->version->name, than->version->name) > 0;
}

const struct careplan_kind *kind_of_month(const struct careplan_standard *s, const char *name,
                                          const char *month)
{
    const struct careplan_kind *newest = NULL;
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct careplan_kind *kind = &s->kinds[i];
        if (strcmp(kind->name, name) == 0 && kind->version->replaced_by[0] == '\0' &&
            version_applies(kind->version, month) && is_newer(kind, newest))
            newest = kind;
    }
    return newest;
}

const struct careplan_kind *kind_newest(const struct careplan_standard *s, const char *name)
{
    const struct careplan_kind *newest = NULL;
    s = standard_or_builtin(s);
    for (size_t i = 0; i < s->n_kinds; i++)
        if (strcmp(s->kinds[i].name, name) == 0 && is_newer(&s->kinds[i], newest))
            newest = &s->kinds[i];
    return newest;
}

const struct careplan_kind *kind_in_version(const struct careplan_kind *kind, const char *version)
{
    return careplan_kind_find(kind->standard, version, kind->name);
}

const char *careplan_kind_title(const struct careplan_kind *k, enum careplan_language language)
{
    const struct careplan_standard *s = k->standard;
    for (size_t i = 0; i < s->n_words; i++)
        if (strcmp(s->words[i].kind, k->name) == 0)
            return language == CAREPLAN_JA ? s->words[i].title_ja : s->words[i].title_en;
    return k->name_ja;
}

size_t careplan_kind_items(const struct careplan_kind *k)
{
    return k->layout ? k->layout->n_items : 0;
}

const char *careplan_kind_item_ja(const struct careplan_kind *k, size_t i)
{
    return i < careplan_kind_items(k) ? k->layout->items[i].name_ja : NULL;
}

const char *careplan_kind_item_en(const struct careplan_kind *k, size_t i)
{
    return i < careplan_kind_items(k) ? k->layout->items[i].name_en : NULL;
}

ptrdiff_t careplan_kind_item_find(const struct careplan_kind *k, const char *name_en)
{
    for (size_t i = 0; i < careplan_kind_items(k); i++)
        if (strcmp(k->layout->items[i].name_en, name_en) == 0)
            return (ptrdiff_t)i;
    return -ENOENT;
}

const struct service_type *service_type_find(const struct careplan_standard *s, const char *code,
                                             size_t length)
{
    s = standard_or_builtin(s);
    size_t low = 0, high = s->n_services;
    if (length != 2)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(code, s->services[middle].code, 2);
        if (order == 0)
            return &s->services[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
