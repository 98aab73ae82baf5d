/* careplanfs: mounts an office's folders. The command line; the processes are in program/. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "program/detach.h"
#include "program/keeper.h"
#include "program/mountpoint.h"
#include "program/program.h"

const char *argp_program_version = "careplanfs " CAREPLAN_VERSION;
const char *argp_program_bug_address = NULL;

static const char documentation[] =
    "Mounts the folders of the offices that FILE names at MOUNTPOINT, an empty folder: what is saved into "
    "outbox/ is checked, sealed and sent; what partners send appears in inbox/.\v"
    "Started as root; it works as the users [daemon] user and announcer of FILE. Ends by SIGTERM, SIGINT or "
    "umount(8). Exit status: 0 ended in order, 1 failed while it served, 2 usage or cannot begin. "
    "CAREPLAN_LOG=debug|info|warning|error sets what is logged.";

struct arguments {
    const char *config, *mountpoint;
    bool foreground;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'f':
        a->foreground = true;
        return 0;
    case 'c':
        a->config = value;
        return 0;
    case ARGP_KEY_ARG:
        if (a->mountpoint)
            argp_error(state, "one MOUNTPOINT only, not also '%s'", value);
        a->mountpoint = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->config)
            argp_error(state, "--config FILE is missing");
        else if (!a->mountpoint)
            argp_error(state, "MOUNTPOINT is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int cannot(const struct error *e)
{
    fprintf(stderr, "careplanfs: %s\n", e->text);
    return 2;
}

static int run(const struct arguments *a, const struct settings *settings, const struct rules *rules)
{
    struct error e = {0};
    struct mountpoint mountpoint;
    struct program program = {.settings = settings, .rules = rules, .foreground = a->foreground};
    if (program_check(&program, a->config, &e) ||
        mountpoint_prepare(&mountpoint, a->mountpoint, &program.announcer, &e))
        return cannot(&e);
    program.mountpoint = mountpoint.path;
    int detached = a->foreground ? -1 : detach_begin();
    if (detached < 0 && !a->foreground) {
        error_set(&e, detached, "detach", "cannot go into the background: %s", strerror(-detached));
        return cannot(&e);
    }
    return keeper_run(&program, &mountpoint, detached);
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"config", 'c', "FILE", 0, "the configuration, as careplanctl enrol writes it", 0},
        {"foreground", 'f', NULL, 0, "stay in the foreground, log to stderr", 0},
        {0}};
    static const struct argp argp = {options, parse_option, "MOUNTPOINT", documentation, NULL, NULL, NULL};
    struct arguments arguments = {0};
    struct error e = {0};
    argp_err_exit_status = 2;
    log_open("careplanfs");
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments))
        return 2;
    struct settings *settings = settings_read(arguments.config, NULL, &e);
    struct rules *rules = settings ? rules_new(settings, &e) : NULL;
    int status = rules ? run(&arguments, settings, rules) : cannot(&e);
    rules_free(rules);
    settings_free(settings);
    return status;
}
