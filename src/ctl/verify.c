/* careplanctl verify: proves evidence offline, or walks the offices' own ledgers. */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/common.h"
#include "ctl/drop.h"
#include "ctl/proof.h"
#include "ctl/read_ledger.h"

struct verify {
    const char *config, *root, *folder;
    const struct settings_office *office; /* under way */
    char line[64];                        /* what the child counted */
};

static const struct argp_option options[] = {
    {"ca", 'a', "FILE", 0, "the hub's root certificate, got on a way you trust; default: ca.pem in DIR", 0},
    {"config", 'c', "FILE", 0, "walk the audit chain of each office of this configuration instead", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct verify *v = state->input;
    if (key == 'a')
        v->root = argument;
    else if (key == 'c')
        v->config = argument;
    else if (key == ARGP_KEY_ARG && !v->folder)
        v->folder = argument;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument '%s'", argument);
    else if (key == ARGP_KEY_END && !v->config == !v->folder)
        argp_error(state, "either DIR or --config FILE");
    else if (key == ARGP_KEY_END && v->config && v->root)
        argp_error(state, "--ca goes with DIR");
    else if (key != ARGP_KEY_END)
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static void say(void *context, bool good, const char *file, const char *text)
{
    (void)context;
    fputs(good ? "ok: " : "WRONG: ", stdout);
    if (*file) {
        ctl_put(file);
        fputs(": ", stdout);
    }
    ctl_put(text);
    putchar('\n');
}

static int verify_folder(const struct verify *v, struct error *e)
{
    int wrong = proof_judge(v->folder, v->root, say, NULL, e);
    if (wrong < 0)
        return wrong;
    puts(wrong ? "NOT PROVEN" : "PROVEN");
    return wrong != 0;
}

/* ---- the ledger's own chain ---- */

static int walk(void *context, int out, struct error *e)
{
    const struct verify *v = context;
    struct ledger *l;
    uint64_t rows = 0;
    int r = read_ledger_open(v->office, &l, e);
    if (r == 0)
        r = ledger_verify(l, &rows, e);
    ledger_close(l);
    if (r == 0 && dprintf(out, "%llu\n", (unsigned long long)rows) < 0)
        return -EPIPE;
    return r;
}

static int take_rows(void *context, int in, struct error *e)
{
    struct verify *v = context;
    autobuffer line = {0};
    autofclose FILE *f = fdopen(dup(in), "r");
    if (!f)
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    if (ctl_line(f, &line, sizeof v->line - 1) == 1)
        snprintf(v->line, sizeof v->line, "%s", (const char *)line.data);
    return 0;
}

/* 0 or 1; negative: could not be looked at. */
static int verify_office(struct verify *v, struct error *e)
{
    struct drop_user user;
    v->line[0] = '\0';
    int r = drop_owner(v->office->state, &user, e);
    if (r == 0)
        r = drop_run(&user, walk, take_rows, v, e);
    if (r && r != -EBADMSG)
        return r;
    char text[640];
    snprintf(text, sizeof text, r ? "%s: %s" : "%s: audit chain unbroken, %s rows", v->office->office.text,
             r ? e->text : v->line);
    say(NULL, r == 0, "", text);
    return r != 0;
}

static int verify_ledgers(struct verify *v, const struct settings *settings, struct error *e)
{
    int wrong = 0;
    for (size_t i = 0; i < settings->n_offices; i++) {
        v->office = &settings->offices[i];
        int r = verify_office(v, e);
        if (r < 0)
            return r;
        wrong += r;
    }
    return wrong != 0;
}

int verify_command(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "DIR",
        "Proves evidence offline and names what is wrong; or, with --config, walks the "
        "audit chain of the offices' own ledgers.",
        NULL,
        NULL,
        NULL};
    struct verify v = {0};
    struct error e = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &v))
        return CTL_CANNOT;
    struct settings *settings = v.config ? ctl_settings(v.config, &e) : NULL;
    int r = v.folder ? verify_folder(&v, &e) : settings ? verify_ledgers(&v, settings, &e) : e.number;
    settings_free(settings);
    return r < 0 ? ctl_fail(argv[0], &e) : r ? CTL_NO : CTL_DONE;
}
