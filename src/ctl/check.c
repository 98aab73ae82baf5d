#include "ctl/check.h"

#include <argp.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "control/rules.h"
#include "ctl/check_file.h"
#include "ctl/commands.h"
#include "ctl/common.h"

CLEANUP_DEFINE(autosettings, struct settings, settings_free);
CLEANUP_DEFINE(autorules, struct rules, rules_free);

struct command {
    const char *format, *lang, *name, *config, *layouts;
    char **paths;
    int n_paths;
};

static const struct argp_option options[] = {
    {"format", 'f', "text|json", 0, "one problem a line (default), or one JSON object", 0},
    {"lang", 'l', "ja|en", 0, "language of the messages; default by the locale", 0},
    {"name", 'n', "NAME", 0, "name of the transfer file that standard input (-) is", 0},
    {"config", 'c', "FILE", 0, "judge as this configuration says: its [rules] and [standard]", 0},
    {"layouts", 'L', "DIR", 0, "tables of another version of the standard (docs/standard.md)", 0},
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
    case 'c':
        c->config = argument;
        return 0;
    case 'L':
        c->layouts = argument;
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

static void judge_path(struct check_job *job, const struct command *c, const char *path)
{
    struct stat st;
    if (is_input(path))
        check_input(job, c->name);
    else if (stat(path, &st) < 0)
        check_cannot(job, path, errno);
    else if (S_ISDIR(st.st_mode))
        check_folder(job, path);
    else
        check_file(job, path);
}

/* The rules in force: those of --config, with the tables of --layouts. NULL and `e`. */
static struct rules *rules_of(const struct command *c, struct error *e)
{
    with_cleanup(autosettings) struct settings *s =
        c->config ? ctl_settings(c->config, e) : settings_read("(none)", "", e);
    if (!s)
        return NULL;
    if (c->layouts) {
        free(s->layouts);
        s->layouts = ctl_absolute(c->layouts);
        if (!s->layouts) {
            error_set(e, -ENOMEM, "memory", "out of memory");
            return NULL;
        }
    }
    return rules_new(s, e);
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
    struct error e;
    with_cleanup(autorules) struct rules *rules = rules_of(&c, &e);
    if (!rules)
        return ctl_fail("careplanctl check", &e);
    struct check_job job = {.standard = rules_standard(rules), .options = *rules_options(rules)};
    output_open(&job.out, strcmp(c.format, "json") == 0, ctl_japanese(c.lang));
    for (int i = 0; i < c.n_paths; i++)
        judge_path(&job, &c, c.paths[i]);
    int r = output_finish(&job.out, !job.cannot);
    if (r < 0)
        check_cannot(&job, "check", -r);
    bool errors = job.out.errors > 0;
    output_close(&job.out);
    return job.cannot ? CTL_CANNOT : errors ? CTL_NO : CTL_DONE;
}
