/* careplanctl doctor: says what is wrong with this machine and what to do. */
#include "ctl/doctor.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "control/rules.h"
#include "ctl/commands.h"
#include "ctl/common.h"
#include "ctl/drop.h"

enum { LINE_LIMIT = 4096 };

static const char *const levels[] = {"ok", "warning", "error"};

struct doctor {
    const char *config;
    const struct settings *settings;
    const struct settings_office *office; /* under way */
    int errors;
};

bool doctor_say(FILE *out, enum doctor_level level, const char *what, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    fprintf(out, "%s: %s: %s\n", levels[level], what, text);
    return level == DOCTOR_ERROR;
}

int doctor_level_of(const char *line)
{
    for (int i = DOCTOR_OK; i <= DOCTOR_ERROR; i++) {
        size_t n = strlen(levels[i]);
        if (strncmp(line, levels[i], n) == 0 && strncmp(line + n, ": ", 2) == 0)
            return i;
    }
    return -1;
}

static const struct argp_option options[] = {{"config", 'c', "FILE", 0, "an office's configuration", 0}, {0}};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct doctor *d = state->input;
    if (key == 'c')
        d->config = argument;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument '%s'", argument);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* Prints what the checks wrote to `in`, and counts. */
static int take(void *context, int in, struct error *e)
{
    struct doctor *d = context;
    autobuffer line = {0};
    autofclose FILE *f = fdopen(dup(in), "r");
    if (!f)
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    int r;
    while ((r = ctl_line(f, &line, LINE_LIMIT)) == 1) {
        int level = doctor_level_of(line.data ? (const char *)line.data : "");
        if (level < 0)
            return error_set(e, -EPROTO, "internal", "the state folder's answer cannot be read");
        d->errors += level == DOCTOR_ERROR;
        ctl_put((const char *)line.data);
        putchar('\n');
        fflush(stdout); /* the hub's check may take a while */
    }
    return r;
}

static int look(void *context, int out, struct error *e)
{
    const struct doctor *d = context;
    autofclose FILE *f = fdopen(dup(out), "w");
    if (!f)
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    setvbuf(f, NULL, _IOLBF, 0);
    doctor_office(f, d->settings, d->office);
    return fflush(f) || ferror(f) ? -EPIPE : 0;
}

static void look_at_office(struct doctor *d)
{
    struct error e = {0};
    struct drop_user user;
    int r = drop_owner(d->office->state, &user, &e);
    if (r == 0)
        r = drop_run(&user, look, take, d, &e);
    if (r == 0)
        return;
    d->errors += doctor_say(stdout, DOCTOR_ERROR, d->office->office.text, "%s%s", e.text,
                            r == -ENOENT ? "; do: careplanctl enrol" : "");
}

/* The tables of [standard] layouts: careplanfs does not start with bad ones. */
static void look_at_layouts(struct doctor *d)
{
    struct error e = {0};
    struct rules *rules = d->settings->layouts ? rules_new(d->settings, &e) : NULL;
    if (rules)
        doctor_say(stdout, DOCTOR_OK, "layouts", "%s", d->settings->layouts);
    else if (d->settings->layouts)
        d->errors += doctor_say(stdout, DOCTOR_ERROR, "layouts", "%s", e.text);
    rules_free(rules);
}

static void look_at_config(struct doctor *d)
{
    struct error e = {0};
    struct settings *settings = ctl_settings(d->config, &e);
    if (!settings) {
        d->errors += doctor_say(stdout, DOCTOR_ERROR, "configuration", "%s", e.text);
        return;
    }
    d->settings = settings;
    if (settings->n_offices)
        doctor_say(stdout, DOCTOR_OK, "configuration", "%s, %zu office%s", d->config, settings->n_offices,
                   settings->n_offices == 1 ? "" : "s");
    else
        d->errors += doctor_say(stdout, DOCTOR_ERROR, "configuration",
                                "%s names no office; do: careplanctl enrol", d->config);
    look_at_layouts(d);
    d->errors += doctor_users(stdout, settings);
    for (size_t i = 0; i < settings->n_offices; i++) {
        d->office = &settings->offices[i];
        look_at_office(d);
    }
    settings_free(settings);
}

int doctor_command(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Looks at this machine, and with --config at its offices. One line a check: ok, "
        "warning, or error, and what to do. Exit status 1 when there is an error.",
        NULL,
        NULL,
        NULL};
    struct doctor d = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &d))
        return CTL_CANNOT;
    d.errors = doctor_machine(stdout);
    if (d.config)
        look_at_config(&d);
    return d.errors ? CTL_NO : CTL_DONE;
}
