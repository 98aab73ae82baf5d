#include "tables.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "samples.h"

static void add(struct tables *t, const char *name, char *text)
{
    assert_true(t->n < TABLES_MAX);
    t->list[t->n++] = (struct careplan_table){strdup(name), text, strlen(text)};
}

void tables_add(struct tables *t, const char *name, const char *text)
{
    add(t, name, strdup(text));
}

static char *read_source(const char *path)
{
    size_t length;
    autofree char *whole = file_join(SOURCE, path);
    return sample_read(whole, &length);
}

static bool is_table(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".tsv") == 0 && strcmp(name, "rules.tsv") != 0;
}

static void add_folder(struct tables *t, const char *folder, const char *prefix)
{
    autofree char *path = file_join(SOURCE, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char name[300], file[600];
        if (!is_table(entry->d_name))
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, entry->d_name);
        snprintf(file, sizeof file, "%s/%s", folder, entry->d_name);
        add(t, name, read_source(file));
    }
    closedir(dir);
}

void tables_add_own(struct tables *t)
{
    add_folder(t, ".", "");
    add_folder(t, "layouts/202208", "202208/");
    add_folder(t, "layouts/202407", "202407/");
}

static struct careplan_table *table_of(struct tables *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->list[i].name, name) == 0)
            return &t->list[i];
    fail_msg("there is no table %s", name);
    return NULL;
}

void tables_edit(struct tables *t, const char *name, const char *from, const char *to)
{
    struct careplan_table *table = table_of(t, name);
    const char *at = strstr(table->text, from);
    if (!at)
        fail_msg("%s does not hold '%s'", name, from);
    char *text = NULL;
    assert_true(asprintf(&text, "%.*s%s%s", (int)(at - table->text), table->text, to, at + strlen(from)) > 0);
    free((char *)table->text);
    table->text = text;
    table->length = strlen(text);
}

void tables_append(struct tables *t, const char *name, const char *more)
{
    struct careplan_table *table = table_of(t, name);
    char *text = NULL;
    assert_true(asprintf(&text, "%s%s", table->text, more) > 0);
    free((char *)table->text);
    table->text = text;
    table->length = strlen(text);
}

void tables_add_layout(struct tables *t, const char *version, const char *kind)
{
    char name[64], file[64], value[32];
    snprintf(name, sizeof name, "%s/%s.tsv", version, kind);
    snprintf(file, sizeof file, "layouts/202407/%s.tsv", kind);
    snprintf(value, sizeof value, "\t%s=", version);
    add(t, name, read_source(file));
    tables_edit(t, name, "\t202407=", value);
}

void tables_add_version(struct tables *t, const char *version)
{
    const struct careplan_kind *kinds = careplan_kind_at(NULL, 0);
    size_t n = careplan_kinds(NULL);
    for (size_t i = 0; i < n; i++)
        if (kinds[i].layout && strcmp(kinds[i].version->name, "202407") == 0)
            tables_add_layout(t, version, kinds[i].name);
}

struct careplan_standard *tables_standard(const struct tables *t)
{
    struct careplan_standard *s;
    struct careplan_table_fault fault;
    if (careplan_standard_new(t->list, t->n, &s, &fault))
        fail_msg("%s:%lu: %s", fault.name, fault.line, fault.reason);
    assert_non_null(s);
    return s;
}

void tables_free(struct tables *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free((char *)t->list[i].name);
        free((char *)t->list[i].text);
    }
    *t = (struct tables){.n = 0};
}
