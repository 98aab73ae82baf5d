/* careplanctl status: what went out, what came in, what waits and why. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/config.h"
#include "control/control_client.h"
#include "control/rules.h"
#include "ctl/commands.h"
#include "ctl/common.h"
#include "ctl/drop.h"
#include "ctl/message_name.h"
#include "ctl/read_ledger.h"
#include "ctl/status_line.h"
#include "standard/status_words.h"

enum {
    PAGE = 128,
    PEOPLE_READ = 50,          /* units of an office, newest first, when nobody says --limit */
    LINE_MAX_BYTES = 10 << 20, /* 4,096 names of 255 bytes, escaped, and 1,000 warnings */
    CALL_MS = 5000,
};

CLEANUP_DEFINE(autojson, json_t, json_decref);

struct status {
    const char *config, *language, *limit_text;
    bool json, japanese;
    struct rules *rules;                  /* NULL: the built-in ones */
    int64_t limit;                        /* 0: all */
    const struct settings_office *office; /* under way */
    bool first_office;
    FILE *out; /* with --json: all of it, printed when it is whole */
};

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the office's configuration", 0},
    {"json", 'j', NULL, 0, "for programs", 0},
    {"limit", 'n', "N", 0, "only the newest N units of each office (0: all; default 50, with --json all)", 0},
    {"lang", 'l', "ja|en", 0, "language; default: that of the locale", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct status *s = state->input;
    switch (key) {
    case 'c':
        s->config = argument;
        return 0;
    case 'j':
        s->json = true;
        return 0;
    case 'n':
        s->limit_text = argument;
        if (!config_number(argument, 0, 1000000000, &s->limit))
            argp_error(state, "--limit must be a number");
        return 0;
    case 'l':
        s->language = argument;
        if (!ctl_language_known(argument))
            argp_error(state, "--lang must be ja or en");
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument '%s'", argument);
        return 0;
    case ARGP_KEY_END:
        if (!s->config)
            argp_error(state, "--config is missing");
        if (!s->limit_text && !s->json)
            s->limit = PEOPLE_READ;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- as the folder's owner: one JSON object a line, the office first ---- */

static int put_line(FILE *out, json_t *object)
{
    autofree char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        return -ENOMEM;
    return fputs(text, out) < 0 || fputc('\n', out) == EOF ? -EPIPE : 0;
}

/* `l` NULL: there is none yet. */
static int put_office(FILE *out, const struct settings_office *office, struct ledger *l)
{
    uint64_t unsendable = 0;
    if (l && ledger_unsendable(l, &unsendable))
        return -EIO;
    struct error e = {0};
    with_cleanup(autojson) json_t *call = json_pack("{s:s}", "call", "status"), *answer = NULL;
    int r = call ? control_call(office->state, call, CALL_MS, &answer, &e) : -ENOMEM;
    const char *hub = json_string_value(json_object_get(answer, "hub"));
    return put_line(out, json_pack("{s:s, s:s, s:s?, s:s?, s:I}", "office", office->office.text, "hub",
                                   r == 0 && hub ? hub : "offline", "since",
                                   json_string_value(json_object_get(answer, "since")), "trouble",
                                   r ? e.text : json_string_value(json_object_get(answer, "trouble")),
                                   "unsendable", (json_int_t)unsendable));
}

static json_t *time_json(int64_t utc_ms)
{
    char text[25];
    if (utc_ms == 0)
        return json_null();
    clock_format_utc(utc_ms, text);
    return json_string(text);
}

/* A document's name names a person: only its type is told. */
static json_t *file_json(const struct ledger_unit_file *f)
{
    if (!f->document)
        return json_string(f->name);
    const char *dot = strrchr(f->name, '.');
    char name[48] = "document";
    if (dot && strlen(dot) <= 8)
        strcat(name, dot);
    return json_string(name);
}

static const struct ledger_unit_file *file_of(const struct ledger_status *s, const struct ledger_problem *p)
{
    for (size_t i = 0; p->file && i < s->n_files; i++)
        if (strcmp(s->files[i].name, p->file) == 0)
            return &s->files[i];
    return NULL;
}

/* What stood there is not kept, only its place. */
static json_t *problem_json(const struct status *s, const struct ledger_status *unit,
                            const struct ledger_problem *p)
{
    const struct ledger_unit_file *file = file_of(unit, p);
    const struct careplan_kind *kind =
        file && !file->document ? careplan_kind_find(rules_standard(s->rules), file->version, file->kind)
                                : NULL;
    char message[STATUS_REASON_SIZE];
    status_problem_words(kind, p->code, p->line, p->column, s->japanese ? CAREPLAN_JA : CAREPLAN_EN, message);
    return json_pack("{s:o, s:I, s:i, s:s, s:s}", "file", file ? file_json(file) : json_null(), "line",
                     (json_int_t)p->line, "column", (int)p->column, "code", p->code, "message", message);
}

static json_t *warnings_json(const struct status *s, const struct ledger_status *unit)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < unit->n_problems; i++)
        if (!unit->problems[i].error)
            json_array_append_new(list, problem_json(s, unit, &unit->problems[i]));
    return list;
}

/* What it is rejected for, or what the partner refused and was a warning here, when its place is known; else
 * null. */
static json_t *fault_json(const struct status *s, const struct ledger_status *unit)
{
    bool rejected = strcmp(unit->state, "rejected") == 0, refused = strcmp(unit->state, "refused") == 0;
    for (size_t i = 0; (rejected || refused) && i < unit->n_problems; i++) {
        const struct ledger_problem *p = &unit->problems[i];
        if ((p->error || refused) && strcasecmp(p->code, unit->reason) == 0 && (p->line || p->column))
            return problem_json(s, unit, p);
    }
    return json_null();
}

static json_t *unit_json(const struct status *status, const struct ledger_status *s)
{
    const struct office_id *office = &status->office->office;
    struct message_name name = {.office = *office,
                                .outgoing = s->outgoing,
                                .sender = s->outgoing ? *office : s->partner,
                                .id = s->id};
    char text[MESSAGE_NAME_SIZE];
    message_name_format(&name, text);
    json_t *files = json_array();
    for (size_t i = 0; files && i < s->n_files; i++)
        json_array_append_new(files, file_json(&s->files[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o}", "message",
                     text, "direction", s->outgoing ? "out" : "in", "partner",
                     s->partner.text[0] ? s->partner.text : s->partner_text, "sequence", s->sequence, "state",
                     s->state, "files", files, "saved", time_json(s->saved), "sent", time_json(s->sent),
                     "received", time_json(s->received), "taken", time_json(s->taken), "warnings",
                     warnings_json(status, s), "warnings_total", (json_int_t)s->warnings, "reason", s->reason,
                     "fault", fault_json(status, s));
}

struct page {
    FILE *out;
    const struct status *status;
    uint64_t last;
    size_t n;
    int result;
};

static bool put_unit(void *context, const struct ledger_status *s)
{
    struct page *p = context;
    p->last = s->message;
    p->n++;
    p->result = put_line(p->out, unit_json(p->status, s));
    return p->result == 0;
}

/* One more than the limit, so that the reader sees that there are more. */
static int put_units(const struct status *s, FILE *out, struct ledger *l)
{
    struct page p = {.out = out, .status = s};
    uint64_t left = s->limit ? (uint64_t)s->limit + 1 : UINT64_MAX;
    int r;
    do {
        p.n = 0;
        r = ledger_status_list(l, p.last, left < PAGE ? (size_t)left : PAGE, put_unit, &p);
        left -= p.n < left ? p.n : left;
    } while (r >= 0 && p.result == 0 && p.n && left);
    return r < 0 ? r : p.result;
}

static int gather(void *context, int out, struct error *e)
{
    const struct status *s = context;
    struct ledger *l = NULL;
    autofclose FILE *f = fdopen(dup(out), "w");
    if (!f)
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    int r = read_ledger_open(s->office, &l, e);
    if (r == -ENOENT && strcmp(e->code, "ledger-missing") == 0)
        r = 0;
    if (r == 0)
        r = put_office(f, s->office, l);
    if (r == 0 && l)
        r = put_units(s, f, l);
    ledger_close(l);
    if (r == 0 && fflush(f))
        r = -EPIPE;
    return r;
}

/* ---- in the parent ---- */

static json_t *read_object(FILE *in, struct buffer *line, struct error *e, int *result)
{
    *result = ctl_line(in, line, LINE_MAX_BYTES);
    if (*result <= 0)
        return NULL;
    json_t *object = json_loadb((const char *)line->data, line->length, 0, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        object = NULL;
        *result = -EPROTO;
    }
    if (*result < 0)
        error_set(e, -EPROTO, "internal", "the state folder's answer cannot be read");
    return object;
}

static void dump(FILE *out, const json_t *value)
{
    autofree char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    fputs(text ? text : "null", out);
}

static void print_office_json(struct status *s, json_t *office)
{
    if (!s->first_office)
        fputc(',', s->out);
    s->first_office = false;
    fputs("\n{\"office\":", s->out);
    dump(s->out, json_object_get(office, "office"));
    fputs(",\"hub\":", s->out);
    dump(s->out, json_object_get(office, "hub"));
    fputs(",\"since\":", s->out);
    dump(s->out, json_object_get(office, "since") ?: json_null());
    fputs(",\"units\":[", s->out);
}

static void print_unit_json(const struct status *s, json_t *unit, bool first)
{
    json_object_del(unit, "reason");
    json_object_del(unit, "fault");
    fputs(first ? "\n" : ",\n", s->out);
    dump(s->out, unit);
}

static int print_office(void *context, int in, struct error *e)
{
    struct status *s = context;
    autobuffer line = {.limit = LINE_MAX_BYTES + 1};
    autofclose FILE *f = fdopen(dup(in), "r");
    if (!f)
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    int r;
    json_t *office = read_object(f, &line, e, &r);
    if (!office)
        return r < 0 ? r : -EPIPE; /* nothing came: the child says why */
    if (s->json)
        print_office_json(s, office);
    else
        status_print_office(office, s->japanese);
    json_decref(office);
    int64_t n = 0;
    for (json_t *unit; (unit = read_object(f, &line, e, &r)); json_decref(unit)) {
        bool over = s->limit && n == s->limit;
        if (over && !s->json)
            status_print_more(s->japanese);
        else if (!over && s->json)
            print_unit_json(s, unit, n == 0);
        else if (!over)
            status_print_unit(unit, s->japanese);
        n++;
    }
    if (s->json)
        fputs("]}", s->out);
    else if (n == 0)
        status_print_nothing(s->japanese);
    return r;
}

static int print_offices(struct status *s, const struct settings *settings, struct error *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < settings->n_offices; i++) {
        struct drop_user user;
        s->office = &settings->offices[i];
        r = drop_owner(s->office->state, &user, e);
        if (r == 0)
            r = drop_run(&user, gather, print_office, s, e);
    }
    return r;
}

/* A program gets a whole object or none: whether all ledgers can be read shows at the end only. */
static int print_json(struct status *s, const struct settings *settings, struct error *e)
{
    autofree char *text = NULL;
    size_t length = 0;
    s->out = open_memstream(&text, &length);
    if (!s->out)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    s->first_office = true;
    fputs("{\"offices\":[", s->out);
    int r = print_offices(s, settings, e);
    fputs("\n]}\n", s->out);
    bool lost = ferror(s->out);
    if ((fclose(s->out) || lost) && r == 0)
        r = error_set(e, -ENOMEM, "memory", "out of memory");
    if (r == 0 && fwrite(text, 1, length, stdout) != length)
        r = error_set(e, -EIO, "output", "the answer could not be written: %s", strerror(errno));
    return r;
}

int status_command(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse, NULL, "Shows what went out, what came in, what waits and why; newest first.",
        NULL,    NULL,  NULL};
    struct status s = {0};
    struct error e = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &s))
        return CTL_CANNOT;
    s.japanese = ctl_japanese(s.language);
    struct settings *settings = ctl_settings(s.config, &e);
    s.rules =
        settings ? rules_new(settings, NULL) : NULL; /* for words only: bad tables are careplanfs's to tell */
    int r = !settings ? e.number : s.json ? print_json(&s, settings, &e) : print_offices(&s, settings, &e);
    rules_free(s.rules);
    settings_free(settings);
    return r ? ctl_fail(argv[0], &e) : CTL_DONE;
}
