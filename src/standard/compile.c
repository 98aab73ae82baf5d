/* When the program is built: the standard's TSV files become constant C tables, by the code that reads tables
 * at run time (load.h). A table with a fault ends the build with its file, line and reason.
 *
 * usage: compile FOLDER OUTPUT.c */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "standard/arena.h"
#include "standard/compile.h"

enum { TABLES_MAX = 512 };

/* The files of the folder, as tables. */
struct folder {
    const char *path;
    struct arena *arena;
    struct careplan_table tables[TABLES_MAX], rules;
    size_t n;
};

static int cannot(const char *path, int error)
{
    fprintf(stderr, "compile: %s: %s\n", path, strerror(error));
    return -error;
}

static int read_file(struct folder *f, const char *path, struct careplan_table *table)
{
    struct stat status;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status))
        return cannot(path, errno);
    char *text = arena_take(f->arena, (size_t)status.st_size + 1, 1);
    if (!text)
        return cannot(path, ENOMEM);
    for (ssize_t n; table->length < (size_t)status.st_size; table->length += (size_t)n) {
        n = read(fd, text + table->length, (size_t)status.st_size - table->length);
        if (n <= 0)
            return cannot(path, n < 0 ? errno : EIO);
    }
    table->text = text;
    return 0;
}

static int is_table(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".tsv") == 0;
}

static int is_version(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int add_file(struct folder *f, const char *version, const char *name)
{
    char path[4096], table[300];
    snprintf(path, sizeof path, "%s/%s%s%s%s", f->path, version ? "layouts/" : "", version ? version : "",
             version ? "/" : "", name);
    snprintf(table, sizeof table, "%s%s%s", version ? version : "", version ? "/" : "", name);
    bool rules = strcmp(table, "rules.tsv") == 0;
    if (f->n == TABLES_MAX)
        return cannot(path, E2BIG);
    struct careplan_table *out = rules ? &f->rules : &f->tables[f->n++];
    out->name = arena_text(f->arena, table, strlen(table));
    return out->name ? read_file(f, path, out) : cannot(path, ENOMEM);
}

/* The tables of the folder, or of one version's layouts. */
static int add_files(struct folder *f, const char *version)
{
    char path[4096];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s%s%s", f->path, version ? "/layouts/" : "", version ? version : "");
    int n = scandir(path, &entries, is_table, alphasort), r = n < 0 ? cannot(path, errno) : 0;
    for (int i = 0; i < n; i++) {
        r = r ? r : add_file(f, version, entries[i]->d_name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return r;
}

static int add_versions(struct folder *f)
{
    char path[4096];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/layouts", f->path);
    int n = scandir(path, &entries, is_version, alphasort), r = n < 0 ? cannot(path, errno) : 0;
    for (int i = 0; i < n; i++) {
        r = r ? r : add_files(f, entries[i]->d_name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return r;
}

static int faulty(const struct folder *f, const struct careplan_table_fault *fault, int r)
{
    if (r == -EINVAL)
        fprintf(stderr, "%s/%s%s:%lu: %s\n", f->path, strchr(fault->name, '/') ? "layouts/" : "", fault->name,
                fault->line, fault->reason);
    else
        fprintf(stderr, "compile: %s\n", strerror(-r));
    return r;
}

static int compile(struct folder *f, const char *output)
{
    static const struct careplan_standard nothing;
    struct careplan_table_fault fault = {.line = 0};
    struct standard_catalogue catalogue = {0};
    struct careplan_standard *standard = NULL;
    if (!f->rules.name)
        return cannot("rules.tsv", ENOENT);
    int r = catalogue_load(f->arena, &f->rules, &catalogue, &fault);
    if (r == 0)
        r = standard_load(&nothing, &catalogue, f->tables, f->n, &standard, &fault);
    if (r)
        return faulty(f, &fault, r);
    autofclose FILE *out = fopen(output, "w");
    r = out ? compile_write(out, standard, &catalogue) : -errno;
    if (out && (fflush(out) || ferror(out)))
        r = -EIO;
    arena_free(standard->arena);
    return r ? cannot(output, -r) : 0;
}

int main(int argc, char **argv)
{
    static struct folder f;
    if (argc != 3) {
        fprintf(stderr, "usage: compile FOLDER OUTPUT.c\n");
        return 2;
    }
    f.path = argv[1];
    f.arena = arena_new(LOAD_MEMORY);
    int r = f.arena ? add_files(&f, NULL) : cannot("memory", ENOMEM);
    if (r == 0)
        r = add_versions(&f);
    if (r == 0)
        r = compile(&f, argv[2]);
    arena_free(f.arena);
    return r ? 1 : 0;
}
