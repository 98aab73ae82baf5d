#include "ctl/check_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/common.h"
#include "standard/product.h"

enum { JSON_PROBLEMS_MAX = 100000 }; /* kept until the end; the rest is counted */

int output_open(struct check_output *o, bool as_json, bool japanese)
{
    *o = (struct check_output){.as_json = as_json, .japanese = japanese};
    if (!as_json)
        return 0;
    o->problems = json_array();
    return o->problems ? 0 : -ENOMEM;
}

void output_close(struct check_output *o)
{
    json_decref(o->problems);
    o->problems = NULL;
}

/* Bytes of the UTF-8 character at `text`; 0: there is none. */
static size_t character_size(const char *text)
{
    size_t have = strnlen(text, 4);
    for (size_t n = 1; n <= have; n++) {
        json_t *one = json_stringn(text, n);
        if (one) {
            json_decref(one);
            return n;
        }
    }
    return 0;
}

/* A path need not be UTF-8, nor what a message says of a name; JSON must be. */
static json_t *json_clean(const char *path)
{
    json_t *text = json_string(path);
    if (text)
        return text;
    autofree char *copy = strdup(path);
    for (char *p = copy; p && *p;) {
        size_t n = character_size(p);
        if (n == 0)
            *p = '?';
        p += n ? n : 1;
    }
    return copy ? json_string(copy) : NULL;
}

static void put_json(struct check_output *o, const char *path, const struct careplan_problem *p,
                     const char *severity, const char *message)
{
    if (json_array_size(o->problems) >= JSON_PROBLEMS_MAX) {
        o->more++;
        return;
    }
    json_t *one = json_pack("{s:o, s:I, s:I, s:s, s:s, s:o}", "file", json_clean(path), "line",
                            (json_int_t)p->line, "column", (json_int_t)p->column, "severity", severity,
                            "code", p->code, "message", json_clean(message));
    if (!one || json_array_append_new(o->problems, one))
        o->no_memory = true;
}

static void put_text(const char *path, const struct careplan_problem *p, const char *severity,
                     const char *message)
{
    ctl_put(path);
    printf(":%llu:%u: %s: ", (unsigned long long)p->line, p->column, severity);
    ctl_put(message);
    printf(" [%s]\n", p->code);
}

void output_problem(struct check_output *o, const char *path, const struct careplan_problem *problem)
{
    const char *severity = problem->severity == CAREPLAN_ERROR ? "error" : "warning";
    const char *message = o->japanese ? problem->message_ja : problem->message_en;
    o->errors += problem->severity == CAREPLAN_ERROR;
    if (o->as_json)
        put_json(o, path, problem, severity, message);
    else
        put_text(path, problem, severity, message);
}

/* The catalogue's text with the name at its {1}; malloc'd. */
static char *fill(const char *template, const char *name)
{
    const char *place = strstr(template, "{1}");
    char *text = NULL;
    int n = place ? asprintf(&text, "%.*s%s%s", (int)(place - template), template, name, place + 3)
                  : asprintf(&text, "%s", template);
    return n < 0 ? NULL : text;
}

void output_unknown_name(struct check_output *o, const char *path, const char *name)
{
    const struct careplan_rule *rule = careplan_rule_find(RULE_UNKNOWN_NAME);
    autofree char *ja = rule ? fill(rule->message_ja, name) : NULL;
    autofree char *en = rule ? fill(rule->message_en, name) : NULL;
    if (!ja || !en) {
        o->no_memory = true;
        return;
    }
    const struct careplan_problem problem = {.code = rule->code,
                                             .rule = rule->rule,
                                             .severity = rule->severity,
                                             .message_ja = ja,
                                             .message_en = en};
    output_problem(o, path, &problem);
}

void output_more(struct check_output *o, const char *path, uint64_t more)
{
    o->more += more;
    struct error e;
    if (more == 0 || o->as_json)
        return;
    error_set(&e, -EFBIG, "more", "%s: %llu more problems", path, (unsigned long long)more);
    ctl_fail("careplanctl check", &e);
}

int output_finish(struct check_output *o)
{
    if (o->no_memory)
        return -ENOMEM;
    if (!o->as_json)
        return 0;
    json_t *object = json_pack("{s:I, s:O, s:I}", "files", (json_int_t)o->files, "problems", o->problems,
                               "more", (json_int_t)o->more);
    autofree char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        return -ENOMEM;
    ctl_put(text);
    putchar('\n');
    return 0;
}
