/* A send unit as an object: names and results of its files. */
#include "careplan/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct entry {
    struct careplan_name name;
    struct careplan_check_result result;
};

struct careplan_unit_check {
    const struct careplan_standard *standard;
    struct careplan_check_options options;
    careplan_problem_fn *fn;
    void *context;
    const struct careplan_name *under_check; /* the file whose problems come */
    struct careplan_unit_file *files;        /* they point into `entries` */
    struct entry **entries;
    size_t n, capacity, max;
    size_t keys, images;       /* of all results */
    uint64_t errors, warnings; /* of names and files */
    struct {
        uint64_t errors, warnings;
    } judged; /* of the unit, by the last judgement */
};

bool careplan_unit_same(const struct careplan_name *a, const struct careplan_name *b)
{
    return strcmp(a->sequence, b->sequence) == 0 && strcmp(a->sender_number, b->sender_number) == 0 &&
           strcmp(a->sender_service, b->sender_service) == 0 &&
           strcmp(a->recipient_number, b->recipient_number) == 0 &&
           strcmp(a->recipient_service, b->recipient_service) == 0;
}

static void entry_free(struct entry *e)
{
    careplan_check_result_free(&e->result);
    free(e);
}

CLEANUP_DEFINE(autoentry, struct entry, entry_free);

struct careplan_unit_check *careplan_unit_check_new(const struct careplan_standard *s,
                                                    const struct careplan_check_options *options,
                                                    size_t max_files, careplan_problem_fn *fn, void *context)
{
    struct careplan_unit_check *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->standard = s;
    if (options)
        u->options = *options;
    u->fn = fn;
    u->context = context;
    u->max = max_files ? max_files : CAREPLAN_UNIT_FILES_MAX;
    return u;
}

void careplan_unit_check_free(struct careplan_unit_check *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->n; i++)
        entry_free(u->entries[i]);
    free(u->entries);
    free(u->files);
    free(u);
}

/* Passes a problem on with the file that it is of. */
static void pass(void *context, const struct careplan_problem *problem)
{
    const struct careplan_unit_check *u = context;
    struct careplan_problem copy = *problem;
    if (u->under_check)
        copy.file = u->under_check;
    if (u->fn)
        u->fn(u->context, &copy);
}

static void pass_of_name(void *context, const struct careplan_problem *problem)
{
    struct careplan_unit_check *u = context;
    if (problem->severity == CAREPLAN_ERROR)
        u->errors++;
    else
        u->warnings++;
    pass(u, problem);
}

static void pass_of_unit(void *context, const struct careplan_problem *problem)
{
    struct careplan_unit_check *u = context;
    if (problem->severity == CAREPLAN_ERROR)
        u->judged.errors++;
    else
        u->judged.warnings++;
    pass(u, problem);
}

static int reserve(struct careplan_unit_check *u)
{
    if (u->n == u->max)
        return -ENOSPC;
    if (u->n < u->capacity)
        return 0;
    size_t capacity = u->capacity ? 2 * u->capacity : 8;
    struct entry **entries = reallocarray(u->entries, capacity, sizeof *entries);
    if (!entries)
        return -ENOMEM;
    u->entries = entries;
    struct careplan_unit_file *files = reallocarray(u->files, capacity, sizeof *files);
    if (!files)
        return -ENOMEM;
    u->files = files;
    u->capacity = capacity;
    return 0;
}

/* What a file may hold of what is left for the unit; something, for 0 would be the default. */
static size_t share(size_t asked, size_t standard, size_t held)
{
    size_t most = asked ? asked : standard;
    size_t all = most < SIZE_MAX / CAREPLAN_UNIT_SHARES ? most * CAREPLAN_UNIT_SHARES : SIZE_MAX;
    size_t left = held < all ? all - held : 1;
    return most < left ? most : left;
}

static int name_check(struct careplan_unit_check *u, const char *name, struct careplan_name *parsed)
{
    struct careplan_name given = {0};
    snprintf(given.canonical, sizeof given.canonical, "%s", name);
    u->under_check = &given;
    bool good = careplan_name_parse(u->standard, name, parsed, pass_of_name, u) == CAREPLAN_NAME_TRANSFER;
    u->under_check = NULL;
    if (!good)
        return -EINVAL;
    if (u->n && !careplan_unit_same(u->files[0].name, parsed))
        return -EXDEV;
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->files[i].name->canonical, parsed->canonical) == 0)
            return -EEXIST;
    return reserve(u);
}

struct bytes {
    const char *data;
    size_t left;
};

static ptrdiff_t bytes_read(void *context, void *buffer, size_t size)
{
    struct bytes *b = context;
    size_t n = b->left < size ? b->left : size;
    if (n)
        memcpy(buffer, b->data, n);
    b->data += n;
    b->left -= n;
    return (ptrdiff_t)n;
}

int careplan_unit_check_add(struct careplan_unit_check *u, const char *name, const void *data, size_t length)
{
    return careplan_unit_check_add_stream(u, name, bytes_read, &(struct bytes){.data = data, .left = length});
}

int careplan_unit_check_add_stream(struct careplan_unit_check *u, const char *name, careplan_read_fn *read,
                                   void *read_context)
{
    with_cleanup(autoentry) struct entry *entry = calloc(1, sizeof *entry);
    int r = entry ? name_check(u, name, &entry->name) : -ENOMEM;
    if (r < 0)
        return r;
    struct careplan_check_options options = u->options;
    options.limits.keys = share(options.limits.keys, CAREPLAN_KEYS_MAX, u->keys);
    options.limits.images = share(options.limits.images, CAREPLAN_IMAGES_MAX, u->images);
    u->under_check = &entry->name;
    r = careplan_check_stream(&entry->name, read, read_context, &options, pass, u, &entry->result);
    u->under_check = NULL;
    if (r < 0)
        return r;
    u->errors += entry->result.errors;
    u->warnings += entry->result.warnings;
    u->keys += entry->result.n_keys;
    u->images += entry->result.n_images;
    u->files[u->n] = (struct careplan_unit_file){&entry->name, &entry->result};
    u->entries[u->n++] = entry;
    entry = NULL;
    return 0;
}

enum careplan_unit_state careplan_unit_check_judge(struct careplan_unit_check *u)
{
    u->judged.errors = u->judged.warnings = 0; /* what was missing then may be there now */
    return careplan_unit_judge(u->files, u->n, &u->options, pass_of_unit, u);
}

size_t careplan_unit_check_files(const struct careplan_unit_check *u)
{
    return u->n;
}

uint64_t careplan_unit_check_errors(const struct careplan_unit_check *u)
{
    return u->errors + u->judged.errors;
}

uint64_t careplan_unit_check_warnings(const struct careplan_unit_check *u)
{
    return u->warnings + u->judged.warnings;
}
