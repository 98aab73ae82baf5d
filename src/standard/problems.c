/* Problems kept, and what a problem says. */
#include "careplan/problems.h"

#include <stdlib.h>
#include <string.h>

/* A problem and all that it points to, in one allocation; the texts stand behind it. */
struct kept {
    struct careplan_problem problem;
    struct careplan_name file;
    char texts[];
};

struct careplan_problems {
    struct kept **list;
    size_t n, capacity, max;
    uint64_t errors, warnings, not_kept;
};

struct careplan_problems *careplan_problems_new(size_t max)
{
    struct careplan_problems *p = calloc(1, sizeof *p);
    if (p)
        p->max = max ? max : CAREPLAN_PROBLEMS_MAX;
    return p;
}

void careplan_problems_clear(struct careplan_problems *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->list[i]);
    p->n = 0;
    p->errors = p->warnings = p->not_kept = 0;
}

void careplan_problems_free(struct careplan_problems *p)
{
    if (!p)
        return;
    careplan_problems_clear(p);
    free(p->list);
    free(p);
}

enum { TEXTS = 7 };

static void texts_of(struct careplan_problem *problem, const char **texts[TEXTS])
{
    texts[0] = &problem->code;
    texts[1] = &problem->rule;
    texts[2] = &problem->item_name;
    texts[3] = &problem->message_ja;
    texts[4] = &problem->message_en;
    texts[5] = &problem->remedy_ja;
    texts[6] = &problem->remedy_en;
}

static struct kept *keep(const struct careplan_problem *problem)
{
    struct careplan_problem copy = *problem;
    const char **texts[TEXTS];
    size_t size = 0;
    texts_of(&copy, texts);
    for (size_t i = 0; i < TEXTS; i++)
        size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    struct kept *kept = malloc(sizeof *kept + size);
    if (!kept)
        return NULL;
    char *at = kept->texts;
    for (size_t i = 0; i < TEXTS; i++) {
        if (!*texts[i])
            continue;
        size_t length = strlen(*texts[i]) + 1;
        memcpy(at, *texts[i], length);
        *texts[i] = at;
        at += length;
    }
    kept->problem = copy;
    if (problem->file) {
        kept->file = *problem->file;
        kept->problem.file = &kept->file;
    }
    return kept;
}

static bool list_reserve(struct careplan_problems *p)
{
    if (p->n < p->capacity)
        return true;
    size_t capacity = p->capacity ? 2 * p->capacity : 16;
    struct kept **grown = reallocarray(p->list, capacity, sizeof *grown);
    if (!grown)
        return false;
    p->list = grown;
    p->capacity = capacity;
    return true;
}

void careplan_problems_add(void *problems, const struct careplan_problem *problem)
{
    struct careplan_problems *p = problems;
    if (problem->severity == CAREPLAN_ERROR)
        p->errors++;
    else
        p->warnings++;
    struct kept *kept = p->n < p->max && list_reserve(p) ? keep(problem) : NULL;
    if (kept)
        p->list[p->n++] = kept;
    else
        p->not_kept++;
}

size_t careplan_problems_count(const struct careplan_problems *p)
{
    return p->n;
}

uint64_t careplan_problems_errors(const struct careplan_problems *p)
{
    return p->errors;
}

uint64_t careplan_problems_warnings(const struct careplan_problems *p)
{
    return p->warnings;
}

uint64_t careplan_problems_not_kept(const struct careplan_problems *p)
{
    return p->not_kept;
}

const struct careplan_problem *careplan_problems_at(const struct careplan_problems *p, size_t i)
{
    return i < p->n ? &p->list[i]->problem : NULL;
}

const char *careplan_problem_code(const struct careplan_problem *problem)
{
    return problem->code;
}

const char *careplan_problem_rule(const struct careplan_problem *problem)
{
    return problem->rule;
}

enum careplan_severity careplan_problem_severity(const struct careplan_problem *problem)
{
    return problem->severity;
}

uint64_t careplan_problem_line(const struct careplan_problem *problem)
{
    return problem->line;
}

unsigned careplan_problem_column(const struct careplan_problem *problem)
{
    return problem->column;
}

const char *careplan_problem_item(const struct careplan_problem *problem)
{
    return problem->item_name ? problem->item_name : "";
}

const char *careplan_problem_file(const struct careplan_problem *problem)
{
    return problem->file ? problem->file->canonical : "";
}

const char *careplan_problem_message(const struct careplan_problem *problem, enum careplan_language language)
{
    return language == CAREPLAN_JA ? problem->message_ja : problem->message_en;
}

const char *careplan_problem_remedy(const struct careplan_problem *problem, enum careplan_language language)
{
    return language == CAREPLAN_JA ? problem->remedy_ja : problem->remedy_en;
}
