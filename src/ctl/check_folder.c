#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ctl/check_file.h"

/* Of what was found in a unit's files, this much is kept until the unit is judged. A folder can hold any
 * number of files of one sequence number; five with all the keys that a check remembers fit. */
enum { UNIT_MEMORY = 16 * 1024 * 1024 };

struct member {
    char *path;
    struct careplan_name name;
};

struct folder {
    const char *path;
    struct member *members;
    size_t n, capacity;
};

static void folder_free(struct folder *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->members[i].path);
    free(f->members);
}

static int compare_units(const struct careplan_name *a, const struct careplan_name *b)
{
    int order = strcmp(a->sequence, b->sequence);
    order = order ? order : strcmp(a->sender_number, b->sender_number);
    order = order ? order : strcmp(a->sender_service, b->sender_service);
    order = order ? order : strcmp(a->recipient_number, b->recipient_number);
    return order ? order : strcmp(a->recipient_service, b->recipient_service);
}

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = compare_units(&x->name, &y->name);
    return order ? order : strcmp(x->path, y->path);
}

static int folder_add(struct folder *f, char *path, const struct careplan_name *name)
{
    if (f->n == f->capacity) {
        size_t capacity = f->capacity ? f->capacity * 2 : 64;
        struct member *grown = reallocarray(f->members, capacity, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        f->members = grown;
        f->capacity = capacity;
    }
    f->members[f->n++] = (struct member){path, *name};
    return 0;
}

/* What has neither a name that was meant for the standard nor this extension lies there by chance. */
static bool is_candidate(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && strcasecmp(dot, ".csv") == 0;
}

/* Takes one entry of the folder. 0 or -ENOMEM. */
static int folder_take(struct check_job *job, struct folder *f, const char *entry)
{
    struct stat st;
    struct careplan_name name;
    bool said;
    autofree char *path = file_join(f->path, entry);
    if (!path)
        return -ENOMEM;
    if (stat(path, &st) < 0) {
        check_cannot(job, path, errno);
        return 0;
    }
    if (S_ISDIR(st.st_mode)) {
        output_say(&job->out, "not-judged", path,
                   "is a folder inside and was not judged; do: name it to judge it");
        return 0;
    }
    if (check_name(job, path, entry, &name, &said)) {
        int r = folder_add(f, path, &name);
        if (r == 0) {
            job->out.files++;
            path = NULL;
        }
        return r;
    }
    if (!said && is_candidate(entry))
        output_unknown_name(&job->out, path, entry);
    else if (!said)
        output_say(&job->out, "not-judged", path, "is no transfer file and was not judged");
    job->out.files += said || is_candidate(entry);
    return 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int folder_read(struct check_job *job, struct folder *f)
{
    struct dirent **entries = NULL;
    int n = scandir(f->path, &entries, not_hidden, compare_names), r = 0;
    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = folder_take(job, f, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return r;
}

/* The files of one unit while it is judged. */
struct unit {
    struct check_job *job;
    const struct folder *folder;
    const struct member *members;
    struct careplan_unit_file *files;
    struct careplan_check_result *results;
    uint64_t *more; /* problems of each in the unit that are only counted */
    size_t n, kept; /* kept: bytes of the results */
};

static void unit_free(struct unit *u)
{
    for (size_t i = 0; u->results && i < u->n; i++)
        careplan_check_result_free(&u->results[i]);
    free(u->results);
    free(u->more);
    free(u->files);
}

static void put_unit(void *context, const struct careplan_problem *problem)
{
    const struct unit *u = context;
    const char *path = u->folder->path;
    for (size_t i = 0; problem->file && i < u->n; i++)
        if (&u->members[i].name == problem->file)
            path = u->members[i].path;
    output_problem(&u->job->out, path, problem);
}

/* Judges the unit's file i and keeps what the unit's judgement needs. */
static void judge_member(struct unit *u, size_t i)
{
    const struct member *m = &u->members[i];
    struct careplan_check_result *result = &u->results[i];
    autoclose int fd = check_open(u->job, m->path);
    u->files[i] = (struct careplan_unit_file){.name = &m->name, .not_reported = &u->more[i]};
    if (fd < 0 || !check_content(u->job, m->path, fd, &m->name, result))
        return;
    size_t size = result->n_images * (sizeof *result->images + sizeof *result->image_lines) +
                  result->n_keys * (sizeof *result->keys + sizeof *result->key_order);
    if (size > UNIT_MEMORY - u->kept) {
        u->job->cannot = true;
        output_say(&u->job->out, "unit-size", m->path,
                   "was not compared with the other files of its sequence number: they are too many");
        careplan_check_result_free(result);
        return;
    }
    u->kept += size;
    u->files[i].result = result;
}

/* The members from `first` on that are one unit: each file, then the unit. Returns how many they are. */
static size_t judge_unit(struct check_job *job, const struct folder *f, size_t first)
{
    const struct member *members = f->members + first;
    size_t n = 1;
    while (first + n < f->n && compare_units(&members[0].name, &members[n].name) == 0)
        n++;
    with_cleanup(unit_free) struct unit u = {.job = job,
                                             .folder = f,
                                             .members = members,
                                             .files = calloc(n, sizeof *u.files),
                                             .results = calloc(n, sizeof *u.results),
                                             .more = calloc(n, sizeof *u.more),
                                             .n = n};
    if (!u.files || !u.results || !u.more) {
        check_cannot(job, f->path, ENOMEM);
        return n;
    }
    for (size_t i = 0; i < n; i++)
        judge_member(&u, i);
    uint64_t errors = job->out.errors;
    enum careplan_unit_state state = careplan_unit_judge(u.files, n, &job->options, put_unit, &u);
    bool faulty = state == CAREPLAN_UNIT_INCOMPLETE || state == CAREPLAN_UNIT_FAULTY;
    if (faulty && job->out.errors == errors) /* the errors are among those that are only counted */
        job->out.errors++;
    for (size_t i = 0; i < n; i++)
        output_more(&job->out, members[i].path, u.more[i]);
    return n;
}

void check_folder(struct check_job *job, const char *path)
{
    with_cleanup(folder_free) struct folder f = {.path = path};
    uint64_t before = job->out.files;
    int r = folder_read(job, &f);
    if (r < 0) {
        check_cannot(job, path, -r);
        return;
    }
    if (job->out.files == before) {
        job->cannot = true;
        output_say(&job->out, "nothing", path, "holds no file to judge");
    }
    if (f.n)
        qsort(f.members, f.n, sizeof *f.members, compare_members);
    for (size_t i = 0; i < f.n;)
        i += judge_unit(job, &f, i);
}
