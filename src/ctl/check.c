#include "ctl/check.h"

#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "careplan/standard.h"
#include "ctl/check_output.h"
#include "ctl/commands.h"
#include "ctl/common.h"

enum { PIECE = 64 * 1024 };

CLEANUP_DEFINE(autocheck, struct careplan_check, careplan_check_free);

/* ---- the command line ---- */

struct command {
    const char *format, *lang, *name;
    char **paths;
    int n_paths;
    struct check_output out;
    bool cannot; /* something could not be read or judged: exit 2 */
};

static const struct argp_option options[] = {
    {"format", 'f', "text|json", 0, "one problem a line (default), or one JSON object", 0},
    {"lang", 'l', "ja|en", 0, "language of the messages; default by the locale", 0},
    {"name", 'n', "NAME", 0, "name of the transfer file that standard input (-) is", 0},
    {0},
};

static bool is_input(const char *path)
{
    return strcmp(path, "-") == 0;
}

static void arguments_check(const struct command *c, struct argp_state *state)
{
    int inputs = 0;
    for (int i = 0; i < c->n_paths; i++)
        inputs += is_input(c->paths[i]);
    if (c->n_paths == 0)
        argp_error(state, "a PATH is missing");
    if (inputs > 1)
        argp_error(state, "- may stand once");
    if (inputs && !c->name)
        argp_error(state, "- needs --name");
    if (!inputs && c->name)
        argp_error(state, "--name goes with - only");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct command *c = state->input;
    switch (key) {
    case 'f':
        c->format = argument;
        if (strcmp(argument, "text") && strcmp(argument, "json"))
            argp_error(state, "--format is text or json");
        return 0;
    case 'l':
        c->lang = argument;
        if (strcmp(argument, "ja") && strcmp(argument, "en"))
            argp_error(state, "--lang is ja or en");
        return 0;
    case 'n':
        c->name = argument;
        return 0;
    case ARGP_KEY_ARGS:
        c->paths = state->argv + state->next;
        c->n_paths = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        arguments_check(c, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void say(const char *code, const char *path, const char *text)
{
    struct error e;
    error_set(&e, -EINVAL, code, "%s: %s", path, text);
    ctl_fail("careplanctl check", &e);
}

static void cannot(struct command *c, const char *path, int number)
{
    c->cannot = true;
    say("file", path, strerror(number));
}

/* ---- one file ---- */

struct place {
    struct command *command;
    const char *path;
};

static void put(void *context, const struct careplan_problem *problem)
{
    const struct place *place = context;
    output_problem(&place->command->out, place->path, problem);
}

/* The content of `fd`, piece by piece. 0 or negative errno. */
static int check_content(struct careplan_check *check, int fd)
{
    autofree uint8_t *piece = malloc(PIECE);
    if (!piece)
        return -ENOMEM;
    for (;;) {
        ssize_t n = read(fd, piece, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        int r = careplan_check_write(check, piece, (size_t)n);
        if (r < 0)
            return r;
    }
}

/* Judges the content of `fd`. False: it could not be read, which was said. */
static bool judge_content(struct command *c, const char *path, int fd, const struct careplan_name *name,
                          struct careplan_check_result *result)
{
    struct place place = {c, path};
    with_cleanup(autocheck) struct careplan_check *check = careplan_check_new(name, NULL, put, &place);
    int r = check ? check_content(check, fd) : -ENOMEM;
    if (r == 0)
        r = careplan_check_finish(check, result);
    if (r < 0) {
        cannot(c, path, -r);
        return false;
    }
    output_more(&c->out, path, result->not_reported);
    return true;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* False: not a transfer file; why was said. */
static bool judge_name(struct command *c, const char *path, const char *text, struct careplan_name *name)
{
    struct place place = {c, path};
    uint64_t before = c->out.errors;
    c->out.files++;
    if (careplan_name_parse(NULL, text, name, put, &place) == CAREPLAN_NAME_TRANSFER)
        return true;
    if (c->out.errors == before)
        output_unknown_name(&c->out, path, text);
    return false;
}

/* A regular file, without waiting for whatever else may lie there. -1: said why. */
static int open_regular(struct command *c, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if (fd < 0) {
        cannot(c, path, errno);
        return -1;
    }
    close(fd);
    c->cannot = true;
    say("file", path, "is neither a file nor a folder");
    return -1;
}

static void judge_file(struct command *c, const char *path)
{
    struct careplan_name name;
    struct careplan_check_result result = {0};
    autoclose int fd = open_regular(c, path);
    if (fd >= 0 && judge_name(c, path, name_of(path), &name) && judge_content(c, path, fd, &name, &result))
        careplan_check_result_free(&result);
}

static void judge_input(struct command *c)
{
    struct careplan_name name;
    struct careplan_check_result result = {0};
    if (judge_name(c, "-", c->name, &name) && judge_content(c, "-", STDIN_FILENO, &name, &result))
        careplan_check_result_free(&result);
}

/* ---- a folder, unit by unit ---- */

struct member {
    char *path;
    struct careplan_name name;
    struct careplan_check_result result;
    bool judged;
};

struct folder {
    const char *path;
    struct member *members;
    size_t n, capacity;
};

static void folder_free(struct folder *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->members[i].path);
        careplan_check_result_free(&f->members[i].result);
    }
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
    f->members[f->n++] = (struct member){.path = path, .name = *name};
    return 0;
}

/* What has neither a name that was meant for the standard nor one of its extensions lies there by chance. */
static bool is_candidate(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && strcasecmp(dot, ".csv") == 0;
}

/* Takes one entry of the folder. 0 or -ENOMEM. */
static int folder_take(struct command *c, struct folder *f, const char *entry)
{
    struct stat st;
    struct careplan_name name;
    autofree char *path = file_join(f->path, entry);
    if (!path)
        return -ENOMEM;
    if (stat(path, &st) < 0) {
        cannot(c, path, errno);
        return 0;
    }
    if (S_ISDIR(st.st_mode)) {
        say("not-judged", path, "is a folder inside and was not judged; do: name it to judge it");
        return 0;
    }
    if (careplan_name_parse(NULL, entry, &name, NULL, NULL) == CAREPLAN_NAME_TRANSFER) {
        int r = folder_add(f, path, &name);
        if (r == 0) {
            c->out.files++;
            path = NULL;
        }
        return r;
    }
    struct place place = {c, path};
    uint64_t before = c->out.errors;
    careplan_name_parse(NULL, entry, &name, put, &place);
    bool meant = c->out.errors > before;
    if (!meant && is_candidate(entry))
        output_unknown_name(&c->out, path, entry);
    else if (!meant)
        say("not-judged", path, "is no transfer file and was not judged");
    c->out.files += meant || is_candidate(entry);
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

static int folder_read(struct command *c, struct folder *f)
{
    struct dirent **entries = NULL;
    int n = scandir(f->path, &entries, not_hidden, compare_names), r = 0;
    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = folder_take(c, f, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return r;
}

struct unit_place {
    struct command *command;
    const struct folder *folder;
    const struct member *members;
    size_t n;
};

static void put_unit(void *context, const struct careplan_problem *problem)
{
    const struct unit_place *place = context;
    const char *path = place->folder->path;
    for (size_t i = 0; problem->file && i < place->n; i++)
        if (&place->members[i].name == problem->file)
            path = place->members[i].path;
    output_problem(&place->command->out, path, problem);
}

/* The members from `first` on that are one unit: each file, then the unit. Returns how many they are. */
static size_t judge_unit(struct command *c, const struct folder *f, size_t first)
{
    struct member *members = f->members + first;
    size_t n = 0, n_files = 0;
    while (first + n < f->n && compare_units(&members[0].name, &members[n].name) == 0)
        n++;
    autofree struct careplan_unit_file *files = calloc(n, sizeof *files);
    if (!files) {
        cannot(c, f->path, ENOMEM);
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        autoclose int fd = open_regular(c, members[i].path);
        members[i].judged =
            fd >= 0 && judge_content(c, members[i].path, fd, &members[i].name, &members[i].result);
        files[n_files++] =
            (struct careplan_unit_file){&members[i].name, members[i].judged ? &members[i].result : NULL};
    }
    struct unit_place place = {c, f, members, n};
    careplan_unit_judge(files, n_files, NULL, put_unit, &place);
    for (size_t i = 0; i < n; i++)
        careplan_check_result_free(&members[i].result);
    return n;
}

static void judge_folder(struct command *c, const char *path)
{
    with_cleanup(folder_free) struct folder f = {.path = path};
    uint64_t before = c->out.files;
    int r = folder_read(c, &f);
    if (r < 0) {
        cannot(c, path, -r);
        return;
    }
    if (c->out.files == before) {
        c->cannot = true;
        say("nothing", path, "holds no file to judge");
    }
    if (f.n)
        qsort(f.members, f.n, sizeof *f.members, compare_members);
    for (size_t i = 0; i < f.n;)
        i += judge_unit(c, &f, i);
}

static void judge_path(struct command *c, const char *path)
{
    struct stat st;
    if (is_input(path))
        judge_input(c);
    else if (stat(path, &st) < 0)
        cannot(c, path, errno);
    else if (S_ISDIR(st.st_mode))
        judge_folder(c, path);
    else
        judge_file(c, path);
}

int check_command(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "PATH...",
        .doc =
            "Judges by the standard. PATH is a transfer file, a folder (judged unit by unit, without the folders "
            "inside), or - for standard input with --name."
            "\vOne problem a line: PATH:LINE:COLUMN: error|warning: MESSAGE [CODE]; line 0 is the whole file, column "
            "0 the whole row. Exit status: 0 no errors, 1 errors, 2 usage or not readable."};
    struct command c = {.format = "text"};
    if (argp_parse(&argp, argc, argv, 0, NULL, &c))
        return CTL_CANNOT;
    int r = output_open(&c.out, strcmp(c.format, "json") == 0, ctl_japanese(c.lang));
    for (int i = 0; r == 0 && i < c.n_paths; i++)
        judge_path(&c, c.paths[i]);
    if (r == 0)
        r = output_finish(&c.out);
    if (r < 0)
        cannot(&c, "check", -r);
    bool errors = c.out.errors > 0;
    output_close(&c.out);
    return c.cannot ? CTL_CANNOT : errors ? CTL_NO : CTL_DONE;
}
