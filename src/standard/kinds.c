/* File kinds, their titles, and service types: look-ups in the generated tables. */
#include <stdlib.h>
#include <string.h>

#include "standard/layout.h"

const struct careplan_kind *careplan_kind_find(const char *version, const char *name)
{
    for (size_t i = 0; i < table_kinds_count; i++)
        if (strcmp(table_kinds[i].version, version) == 0 && strcmp(table_kinds[i].name, name) == 0)
            return &table_kinds[i];
    return NULL;
}

size_t careplan_kinds(const struct careplan_kind **first)
{
    *first = table_kinds;
    return table_kinds_count;
}

const struct careplan_kind *kind_in_version(const struct careplan_kind *kind, const char *version)
{
    return careplan_kind_find(version, kind->name);
}

const char *careplan_kind_title(const struct careplan_kind *k, enum careplan_language language)
{
    for (size_t i = 0; i < table_kind_words_count; i++)
        if (strcmp(table_kind_words[i].kind, k->name) == 0)
            return language == CAREPLAN_JA ? table_kind_words[i].title_ja : table_kind_words[i].title_en;
    return k->name_ja;
}

const struct service_type *service_type_find(const char *code, size_t length)
{
    size_t low = 0, high = table_services_count;
    if (length != 2)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(code, table_services[middle].code, 2);
        if (order == 0)
            return &table_services[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
