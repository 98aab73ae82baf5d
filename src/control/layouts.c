#include "control/layouts.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"

enum { TABLES_MAX = 1100, TABLE_BYTES = 1024 * 1024, TABLES_BYTES = 4 * 1024 * 1024 };
#define WHAT_TO_DO "do: correct it, or leave the folder out ([standard] layouts, --layouts)"

struct tables {
    const char *folder;
    struct careplan_table list[TABLES_MAX];
    char *names[TABLES_MAX];
    struct buffer texts[TABLES_MAX];
    size_t n, bytes;
    struct error *e;
};

static void tables_free(struct tables **tables)
{
    struct tables *t = *tables;
    for (size_t i = 0; t && i < t->n; i++) {
        buffer_free(&t->texts[i]);
        free(t->names[i]);
    }
    free(t);
}

static int out_of_memory(struct error *e)
{
    return error_set(e, -ENOMEM, "memory", "out of memory");
}

/* `name` below the folder. */
static int add_table(struct tables *t, const char *path, const char *name)
{
    if (t->n == TABLES_MAX || t->bytes > TABLES_BYTES)
        return error_set(t->e, -E2BIG, "layouts", "%s: more than %d tables or %d MiB; " WHAT_TO_DO, t->folder,
                         TABLES_MAX, TABLES_BYTES >> 20);
    struct buffer *text = &t->texts[t->n];
    t->names[t->n] = strdup(name);
    if (!t->names[t->n++])
        return out_of_memory(t->e);
    int r = file_read(path, TABLE_BYTES, text, t->e);
    if (r)
        return r;
    t->bytes += text->length;
    t->list[t->n - 1] =
        (struct careplan_table){t->names[t->n - 1], text->data ? (const char *)text->data : "", text->length};
    return 0;
}

static bool is_table(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".tsv") == 0;
}

static int add_folder(struct tables *t, const char *path, const char *version);

/* Tables, and at the top folders of versions; whatever else lies there is not looked at. */
static int add_entry(struct tables *t, const char *folder, const char *version, const char *entry)
{
    struct stat status;
    autofree char *path = file_join(folder, entry);
    autofree char *name = version ? file_join(version, entry) : strdup(entry);
    if (!path || !name)
        return out_of_memory(t->e);
    if (is_table(entry))
        return add_table(t, path, name);
    if (version || stat(path, &status) || !S_ISDIR(status.st_mode))
        return 0;
    return add_folder(t, path, entry);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int add_folder(struct tables *t, const char *path, const char *version)
{
    struct dirent **entries;
    int n = scandir(path, &entries, not_hidden, alphasort), r = 0;
    if (n < 0)
        return error_set(t->e, -errno, "layouts", "%s: %s; do: name the folder of the tables", path,
                         strerror(errno));
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = add_entry(t, path, version, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return r;
}

struct careplan_standard *layouts_read(const char *folder, struct error *e)
{
    struct careplan_standard *standard;
    struct careplan_table_fault fault;
    with_cleanup(tables_free) struct tables *t = calloc(1, sizeof *t);
    if (!t) {
        out_of_memory(e);
        return NULL;
    }
    t->folder = folder;
    t->e = e;
    if (add_folder(t, folder, NULL))
        return NULL;
    if (t->n == 0) {
        error_set(e, -ENOENT, "layouts",
                  "%s: holds no table (VERSION/KIND.tsv); do: name the folder of the tables", folder);
        return NULL;
    }
    int r = careplan_standard_new(t->list, t->n, &standard, &fault);
    if (r == 0)
        return standard;
    if (r == -ENOMEM)
        out_of_memory(e);
    else if (fault.line)
        error_set(e, r, "layouts", "%s/%s:%lu: %s; " WHAT_TO_DO, folder, fault.name, fault.line,
                  fault.reason);
    else
        error_set(e, r, "layouts", "%s/%s: %s; " WHAT_TO_DO, folder, fault.name, fault.reason);
    return NULL;
}
