/* What a report beside a file is about; its text: report_text.c. */
#include "standard/report.h"

#include <stdlib.h>
#include <string.h>

#include "standard/product.h"

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
