/* careplanctl rules: the catalogue of rules, and which severity each has here. */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "control/rules.h"
#include "ctl/commands.h"
#include "ctl/common.h"
#include "ctl/rules_output.h"

CLEANUP_DEFINE(autosettings, struct settings, settings_free);
CLEANUP_DEFINE(autorules, struct rules, rules_free);

struct command {
    const char *format, *lang, *config;
    char **codes;
    int n_codes;
};

static const struct argp_option options[] = {
    {"format", 'f', "text|json|markdown", 0,
     "lines for a person (default), one JSON object, or the page docs/rules.md", 0},
    {"lang", 'l', "ja|en", 0, "language of the text; default by the locale", 0},
    {"config", 'c', "FILE", 0, "show the severities that [rules] of this configuration sets", 0},
    {0},
};

static bool is_format(const struct command *c, const char *format)
{
    return strcmp(c->format, format) == 0;
}

static void arguments_check(const struct command *c, struct argp_state *state)
{
    if (!is_format(c, "text") && !is_format(c, "json") && !is_format(c, "markdown"))
        argp_error(state, "--format is text, json or markdown");
    if (c->lang && !ctl_language_known(c->lang))
        argp_error(state, "--lang is ja or en");
    if (is_format(c, "markdown") && (c->config || c->n_codes))
        argp_error(state, "--format=markdown is the whole catalogue: it takes neither CODE nor --config");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct command *c = state->input;
    switch (key) {
    case 'f':
        c->format = argument;
        return 0;
    case 'l':
        c->lang = argument;
        return 0;
    case 'c':
        c->config = argument;
        return 0;
    case ARGP_KEY_ARGS:
        c->codes = state->argv + state->next;
        c->n_codes = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        arguments_check(c, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The code in any case, as a person types it. NULL: no such rule, which was said. */
static const struct careplan_rule *find(const char *text)
{
    char code[8] = "";
    for (size_t i = 0; text[i] && i < sizeof code - 1; i++)
        code[i] = (char)toupper((unsigned char)text[i]);
    const struct careplan_rule *rule = strlen(text) < sizeof code ? careplan_rule_find(code) : NULL;
    struct error e;
    if (!rule) {
        error_set(&e, -ENOENT, "unknown-rule",
                  "%.80s: there is no such rule; do: careplanctl rules lists all", text);
        ctl_fail("careplanctl rules", &e);
    }
    return rule;
}

/* The rules that were asked for, all when none was; malloc'd. *missing: a code was not there. */
static const struct careplan_rule **selected(const struct command *c, size_t *n, bool *missing)
{
    size_t want = c->n_codes ? (size_t)c->n_codes : careplan_rules();
    const struct careplan_rule **rules = calloc(want, sizeof *rules);
    for (size_t i = 0; rules && i < want; i++) {
        const struct careplan_rule *rule = c->n_codes ? find(c->codes[i]) : careplan_rule_at(i);
        if (rule)
            rules[(*n)++] = rule;
        else
            *missing = true;
    }
    return rules;
}

static int put(const struct command *c, const struct rules_view *view)
{
    size_t n = 0;
    bool missing = false;
    autofree const struct careplan_rule **rules = selected(c, &n, &missing);
    struct error e;
    int r = rules ? 0 : -ENOMEM;
    if (r == 0 && is_format(c, "json"))
        r = rules_put_json(view, rules, n);
    else if (r == 0 && c->n_codes)
        rules_put_whole(view, rules, n);
    else if (r == 0)
        rules_put_list(view, rules, n);
    if (r < 0) {
        error_set(&e, r, "memory", "out of memory");
        return ctl_fail("careplanctl rules", &e);
    }
    return missing ? CTL_NO : CTL_DONE;
}

int rules_command(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[CODE...]",
        .doc =
            "Lists the rules that files are judged by: code, severity (in brackets the catalogue's own, where "
            "the configuration changes it), message. With CODE (CP1042) one rule whole."
            "\vIn messages ITEM stands for the item's name, X, Y, Z, U, V, W for values of the file. Exit status: "
            "0 done, 1 there is no such rule, 2 usage or the configuration cannot be read."};
    struct command c = {.format = "text"};
    struct error e;
    if (argp_parse(&argp, argc, argv, 0, NULL, &c))
        return CTL_CANNOT;
    if (is_format(&c, "markdown")) {
        rules_put_page();
        return CTL_DONE;
    }
    with_cleanup(autosettings) struct settings *settings = c.config ? ctl_settings(c.config, &e) : NULL;
    with_cleanup(autorules) struct rules *in_force = settings ? rules_new(settings, &e) : NULL;
    if (c.config && !in_force)
        return ctl_fail("careplanctl rules", &e);
    const struct rules_view view = {ctl_japanese(c.lang), c.config, settings, in_force};
    return put(&c, &view);
}
