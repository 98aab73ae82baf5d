/* The report beside a file, for a clerk: what happened, what to do, then each problem with its place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "standard/problem.h"

enum { GOOD_MAX = CAREPLAN_PROBLEMS_MAX, REMEDIES_MAX = 5, REPORT_LIMIT = 16 * 1024 * 1024 };

struct entry {
    const struct careplan_rule *rule;
    enum careplan_severity severity;
    uint64_t line;
    unsigned column;
    const char *item_name;
    char *file, *message, *remedy; /* file: "" or its canonical name */
};

struct careplan_report {
    enum careplan_report_kind kind;
    char *file_name;
    struct entry entries[CAREPLAN_PROBLEMS_MAX];
    size_t n_entries;
    uint64_t more; /* over CAREPLAN_PROBLEMS_MAX */
    char *good[GOOD_MAX];
    size_t n_good;
    bool failed; /* out of memory: there will be no text */
};

struct careplan_report *careplan_report_new(enum careplan_report_kind kind, const char *file_name)
{
    struct careplan_report *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->kind = kind;
    r->file_name = strdup(file_name);
    if (r->file_name)
        return r;
    free(r);
    return NULL;
}

static void entry_free(struct entry *e)
{
    free(e->file);
    free(e->message);
    free(e->remedy);
}

void careplan_report_free(struct careplan_report *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_entries; i++)
        entry_free(&r->entries[i]);
    for (size_t i = 0; i < r->n_good; i++)
        free(r->good[i]);
    free(r->file_name);
    free(r);
}

/* Makes room for an error. False: there are errors only. */
static bool warning_drop(struct careplan_report *r)
{
    size_t i = r->n_entries;
    while (i > 0 && r->entries[i - 1].severity == CAREPLAN_ERROR)
        i--;
    if (i == 0)
        return false;
    entry_free(&r->entries[i - 1]);
    memmove(&r->entries[i - 1], &r->entries[i], (r->n_entries - i) * sizeof *r->entries);
    r->n_entries--;
    return true;
}

void careplan_report_add(void *report, const struct careplan_problem *problem)
{
    struct careplan_report *r = report;
    if (r->n_entries == CAREPLAN_PROBLEMS_MAX) {
        r->more++;
        if (problem->severity != CAREPLAN_ERROR || !warning_drop(r))
            return;
    }
    struct entry *e = &r->entries[r->n_entries++];
    *e = (struct entry){.rule = careplan_rule_find(problem->code),
                        .severity = problem->severity,
                        .line = problem->line,
                        .column = problem->column,
                        .item_name = problem->item_name,
                        .file = strdup(problem->file ? problem->file->canonical : ""),
                        .message = strdup(problem->message_ja),
                        .remedy = strdup(problem->remedy_ja)};
    if (!e->rule || !e->file || !e->message || !e->remedy)
        r->failed = true;
}

void report_add_code(struct careplan_report *r, const char *code, const char *const *arguments, size_t n)
{
    struct problem_sink sink = {.fn = careplan_report_add, .context = r};
    struct word words[WORDS_MAX];
    for (size_t i = 0; i < n && i < WORDS_MAX; i++)
        words[i] = WORD(arguments[i]);
    problem_put(&sink, code, &(struct problem_place){0}, words, n < WORDS_MAX ? n : WORDS_MAX);
}

void careplan_report_add_good_file(struct careplan_report *r, const char *file_name)
{
    if (r->n_good == GOOD_MAX)
        return;
    char *copy = strdup(file_name);
    if (copy)
        r->good[r->n_good++] = copy;
    else
        r->failed = true;
}

static void put_line(struct buffer *b, const char *text)
{
    buffer_text(b, text);
    buffer_text(b, "\r\n");
}

static size_t count(const struct careplan_report *r, enum careplan_severity severity)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_entries; i++)
        n += r->entries[i].severity == severity;
    return n;
}

static const char *what_happened(const struct careplan_report *r)
{
    switch (r->kind) {
    case CAREPLAN_REPORT_INCOMPLETE:
        return "この連番のファイルは、まだ送られていません。一緒に送るファイルが足りません。";
    case CAREPLAN_REPORT_CONFIRM:
        return "このファイルは、確認が済むまで送られません。";
    case CAREPLAN_REPORT_ERROR:
        break;
    }
    return count(r, CAREPLAN_ERROR) ? "このファイルは、送られません。次のところを直してください。"
                                    : "このファイルは、まだ送られていません。お知らせがあります。";
}

static bool said_before(const struct careplan_report *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (r->entries[k].severity == r->entries[i].severity &&
            strcmp(r->entries[k].remedy, r->entries[i].remedy) == 0)
            return true;
    return false;
}

static bool is_of_name(const struct entry *e)
{
    static const char *const codes[] = {RULE_UNKNOWN_NAME, RULE_SENDER_MISMATCH, RULE_FOLDER_MISMATCH,
                                        RULE_RECIPIENT_NONE};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(e->rule->code, codes[i]) == 0)
            return true;
    return strcmp(e->rule->rule, "file_name") == 0;
}

/* The unit lacks a file: what is there needs no correction. */
static bool is_of_missing(const struct entry *e)
{
    return strcmp(e->rule->rule, "unit") == 0;
}

/* An error by the standard, in the name or in the content of what is there. */
static bool has_fault(const struct careplan_report *r, bool of_name)
{
    for (size_t i = 0; i < r->n_entries; i++) {
        const struct entry *e = &r->entries[i];
        bool standard = strncmp(e->rule->code, "CP1", 3) == 0 && !is_of_missing(e);
        if (e->severity == CAREPLAN_ERROR && standard && is_of_name(e) == of_name)
            return true;
    }
    return false;
}

static bool has_rule(const struct careplan_report *r, const char *code)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (strcmp(r->entries[i].rule->code, code) == 0)
            return true;
    return false;
}

/* The step behind the remedies: how the note goes, and what becomes of the old file. */
static const char *last_step(const struct careplan_report *r)
{
    bool incomplete = r->kind == CAREPLAN_REPORT_INCOMPLETE;
    /* Under the same name the corrected file would be rejected again. */
    if (has_rule(r, RULE_SENDER_MISMATCH) || has_rule(r, RULE_RECIPIENT_NONE))
        return "正しい名前で出力したら、上の「ファイル」に書かれたファイルを消してください。このお知らせも自動で消えます。";
    if (has_rule(r, RULE_FOLDER_MISMATCH))
        return "ファイルを移すと、このお知らせは自動で消えます。";
    if (has_fault(r, false))
        return incomplete ? "直したファイルを、同じ名前で保存し直してください。"
                          : "直したファイルを、同じ名前で保存し直してください。このお知らせは自動で消えます。"
                            "別の名前で出力したときは、上の「ファイル」に書かれたファイルを消してください。";
    if (incomplete)
        return "揃うと自動で送られ、このお知らせは自動で消えます。";
    return has_fault(r, true) ? "名前を直すと、このお知らせは自動で消えます。" : NULL;
}

/* What to do, each once; that of errors when there are any. */
static void put_remedies(struct buffer *b, const struct careplan_report *r)
{
    enum careplan_severity severity = count(r, CAREPLAN_ERROR) ? CAREPLAN_ERROR : CAREPLAN_WARNING;
    unsigned n = 0;
    put_line(b, "■ すること");
    for (size_t i = 0; i < r->n_entries && n < REMEDIES_MAX; i++)
        if (r->entries[i].severity == severity && r->entries[i].remedy[0] && !said_before(r, i))
            buffer_printf(b, "%u. %s\r\n", ++n, r->entries[i].remedy);
    const char *last = last_step(r);
    if (last)
        buffer_printf(b, "%u. %s\r\n", ++n, last);
    buffer_text(b, "\r\n");
}

static void put_place(struct buffer *b, const struct entry *e)
{
    if (e->file[0])
        buffer_printf(b, e->line ? "%s  " : "%s", e->file);
    if (e->line)
        buffer_printf(b, "%llu行目", (unsigned long long)e->line);
    if (e->column)
        buffer_printf(b, " %u列目", e->column);
    if (!e->file[0] && !e->line)
        buffer_text(b, is_of_name(e) ? "ファイル名" : "ファイル全体");
}

/* The part of the report that an entry stands in. */
enum part { PART_MISSING, PART_CORRECT, PART_NOTES };

static enum part part_of(const struct careplan_report *r, const struct entry *e)
{
    if (e->severity != CAREPLAN_ERROR)
        return PART_NOTES;
    return r->kind == CAREPLAN_REPORT_INCOMPLETE && is_of_missing(e) ? PART_MISSING : PART_CORRECT;
}

static void put_entries(struct buffer *b, const struct careplan_report *r, enum part part,
                        const char *heading)
{
    size_t n = 0, number = 0;
    for (size_t i = 0; i < r->n_entries; i++)
        n += part_of(r, &r->entries[i]) == part;
    if (n == 0)
        return;
    buffer_printf(b, "■ %s（%zu件）\r\n", heading, n);
    for (size_t i = 0; i < r->n_entries; i++) {
        const struct entry *e = &r->entries[i];
        if (part_of(r, e) != part)
            continue;
        buffer_printf(b, "%zu) ", ++number);
        if (part != PART_MISSING || e->line) { /* a file that lacks another is not at fault */
            put_place(b, e);
            buffer_text(b, "：");
        }
        buffer_printf(b, "%s\r\n", e->message);
        if (!said_before(r, i))
            buffer_printf(b, "   → %s\r\n", e->remedy);
        buffer_printf(b, "   [%s]  根拠：%s\r\n", e->rule->code, e->rule->source);
    }
    buffer_text(b, "\r\n");
}

static bool is_to_correct(const struct careplan_report *r, const char *file)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (part_of(r, &r->entries[i]) == PART_CORRECT && strcmp(r->entries[i].file, file) == 0)
            return true;
    return false;
}

static void put_good_files(struct buffer *b, const struct careplan_report *r)
{
    bool first = true;
    for (size_t i = 0; i < r->n_good; i++) {
        if (is_to_correct(r, r->good[i]))
            continue;
        if (first)
            put_line(b, "■ 問題のないファイル（消さずに、このままにしてください）");
        first = false;
        put_line(b, r->good[i]);
    }
}

char *careplan_report_text(const struct careplan_report *r, size_t *length)
{
    static const char *const names[] = {[CAREPLAN_REPORT_ERROR] = "ファイル",
                                        [CAREPLAN_REPORT_INCOMPLETE] = "連番",
                                        [CAREPLAN_REPORT_CONFIRM] = "ファイル"};
    autobuffer b = {.limit = REPORT_LIMIT};
    if (r->failed)
        return NULL;
    buffer_text(&b, "\xEF\xBB\xBF");
    put_line(&b, what_happened(r));
    buffer_printf(&b, "%s：%s\r\n\r\n", names[r->kind], r->file_name);
    put_remedies(&b, r);
    put_entries(&b, r, PART_MISSING, "足りないもの");
    put_entries(&b, r, PART_CORRECT, "直すところ");
    put_entries(&b, r, PART_NOTES, "お知らせ");
    if (r->more)
        buffer_printf(&b, "このほかに%llu件あります。\r\n\r\n", (unsigned long long)r->more);
    put_good_files(&b, r);
    if (b.failed)
        return NULL;
    *length = b.length;
    char *text = (char *)b.data;
    b.data = NULL;
    return text;
}
