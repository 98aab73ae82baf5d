#include "ctl/check_output.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/common.h"
#include "standard/product.h"

/* What JSON keeps until its end; the rest is counted. */
enum { JSON_BYTES_MAX = 16 * 1024 * 1024 };

void output_open(struct check_output *o, bool as_json, bool japanese)
{
    *o = (struct check_output){
        .as_json = as_json, .japanese = japanese, .problems = {.limit = JSON_BYTES_MAX}};
    progress_open(&o->progress, japanese);
}

void output_close(struct check_output *o)
{
    progress_hide(&o->progress);
    buffer_free(&o->problems);
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
    json_t *one = json_pack("{s:o, s:I, s:I, s:s, s:s, s:o}", "file", json_clean(path), "line",
                            (json_int_t)p->line, "column", (json_int_t)p->column, "severity", severity,
                            "code", p->code, "message", json_clean(message));
    autofree char *text = one ? json_dumps(one, JSON_COMPACT) : NULL;
    json_decref(one);
    if (!text) {
        o->no_memory = true;
        return;
    }
    size_t before = o->problems.length;
    if (before + strlen(text) + 1 > JSON_BYTES_MAX || o->problems.failed) {
        o->more++;
        return;
    }
    if ((before && buffer_text(&o->problems, ",")) || buffer_text(&o->problems, text))
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
    o->warnings += problem->severity == CAREPLAN_WARNING;
    if (o->as_json) {
        put_json(o, path, problem, severity, message);
        return;
    }
    progress_hide(&o->progress);
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

/* A document may go from a partner's folder of a mount: the catalogue's text says that the file is not sent.
 */
static bool is_document(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && document_known(dot + 1);
}

void output_unknown_name(struct check_output *o, const char *path, const char *name)
{
    const struct careplan_rule *rule = careplan_rule_find(RULE_UNKNOWN_NAME);
    const bool document = is_document(name);
    const char *text_ja = "「{1}」は、標準仕様のファイルではありません。文書は、ここでは確かめません。";
    const char *text_en = "\"{1}\" is no transfer file of the standard; documents are not judged here.";
    autofree char *ja = rule ? fill(document ? text_ja : rule->message_ja, name) : NULL;
    autofree char *en = rule ? fill(document ? text_en : rule->message_en, name) : NULL;
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

void output_say(struct check_output *o, const char *code, const char *path, const char *text)
{
    progress_hide(&o->progress);
    fflush(stdout);
    fputs("careplanctl check: ", stderr);
    ctl_put_to(stderr, path);
    fprintf(stderr, ": %s [%s]\n", text, code);
}

void output_more(struct check_output *o, const char *path, uint64_t more)
{
    char text[64];
    o->more += more;
    if (more == 0 || o->as_json)
        return;
    snprintf(text, sizeof text, "%llu more problems", (unsigned long long)more);
    output_say(o, "more", path, text);
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void put_summary(const struct check_output *o, bool all_judged)
{
    unsigned long long files = o->files, errors = o->errors, warnings = o->warnings;
    if (errors + warnings > 0 && o->japanese)
        fprintf(stderr, "%lluファイル：エラー%llu件、警告%llu件\n", files, errors, warnings);
    else if (errors + warnings > 0)
        fprintf(stderr, "%llu file%s, %llu error%s, %llu warning%s\n", files, plural(files), errors,
                plural(errors), warnings, plural(warnings));
    else if (all_judged && o->japanese)
        fprintf(stderr, "%lluファイル：問題ありません\n", files);
    else if (all_judged)
        fprintf(stderr, "%llu file%s, no problem\n", files, plural(files));
}

int output_finish(struct check_output *o, bool all_judged)
{
    progress_hide(&o->progress);
    if (o->no_memory)
        return -ENOMEM;
    if (o->as_json) {
        printf("{\"files\":%llu,\"problems\":[", (unsigned long long)o->files);
        ctl_put_json(o->problems.data ? (const char *)o->problems.data : "");
        printf("],\"more\":%llu}\n", (unsigned long long)o->more);
    } else if (o->progress.on) {
        put_summary(o, all_judged);
    }
    return 0;
}
