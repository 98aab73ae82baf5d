#include "mount/settle_judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mount/settle_say.h"
#include "standard/product.h"

enum {
    READ_SIZE = 64 * 1024,
    SMALL = 4 << 20,        /* of a unit: takes some hundredths of a second */
    SLICE = 16 * READ_SIZE, /* then others may be looked at */
};

CLEANUP_DEFINE(autocheck, struct careplan_check, careplan_check_free);

void judging_free(struct unit_judging *j)
{
    size_t n = j->unit ? j->unit->n_files : 0;
    for (size_t i = 0; i < n && j->results; i++)
        careplan_check_result_free(&j->results[i]);
    for (size_t i = 0; i < n && j->reports; i++)
        careplan_report_free(j->reports[i]);
    free(j->files);
    free(j->names);
    free(j->results);
    free(j->faulty);
    free(j->beside);
    free(j->reports);
    free(j->problems);
    careplan_report_free(j->report);
}

/* ---- What was found ---- */

/* Whose problem it is; one of the unit stands beside its main file. */
static size_t file_of(const struct unit_judging *j, const struct careplan_problem *problem)
{
    size_t main = 0;
    for (size_t i = j->unit->n_files; i-- > 0;) {
        if (problem->file && strcmp(j->names[i].canonical, problem->file->canonical) == 0)
            return i;
        if (j->names[i].kind->main_file && !j->unit->files[i].carried)
            main = i;
    }
    return main;
}

/* The first error and the warnings, for the status. */
static void keep(struct unit_judging *j, const struct careplan_problem *problem)
{
    bool error = problem->severity == CAREPLAN_ERROR, first = error && !j->fault[0];
    j->warnings += !error;
    if (first)
        snprintf(j->fault, sizeof j->fault, "%s", problem->code);
    if ((error && !first) || (j->n_problems == LEDGER_PROBLEMS_MAX && !first))
        return;
    j->n_problems -=
        j->n_problems == LEDGER_PROBLEMS_MAX; /* the error's place counts more than a warning's */
    size_t at = first ? 0 : j->n_problems;
    memmove(j->problems + at + 1, j->problems + at, (j->n_problems - at) * sizeof *j->problems);
    j->n_problems++;
    j->problems[at] = (struct ledger_problem){
        .error = error,
        .line = problem->line,
        .column = problem->column,
        .file = problem->file ? problem->file->canonical : NULL,
    };
    snprintf(j->problems[at].code, sizeof j->problems[at].code, "%s", problem->code);
}

static void found(void *context, const struct careplan_problem *problem)
{
    struct unit_judging *j = context;
    size_t at_fault = file_of(j, problem), i = j->beside[at_fault];
    careplan_report_add(j->report, problem);
    keep(j, problem);
    if (problem->severity == CAREPLAN_ERROR) /* nor is the one good that does not fit what is not here */
        j->faulty[at_fault] = j->faulty[i] = true;
    if (!j->reports[i] && j->n_reports < FAULTY_FILES_MAX) {
        j->reports[i] = careplan_report_new(CAREPLAN_REPORT_ERROR, j->names[i].canonical);
        j->no_memory |= !j->reports[i];
        j->n_reports++;
    }
    if (!j->reports[i])
        return;
    struct careplan_problem own = *problem;
    own.file = i == at_fault ? NULL : problem->file; /* the report says whose it is */
    careplan_report_add(j->reports[i], &own);
}

/* What an earlier look at the unit found. */
static int forget(struct unit_judging *j)
{
    for (size_t i = 0; i < j->unit->n_files; i++) {
        careplan_report_free(j->reports[i]);
        j->reports[i] = NULL;
        j->faulty[i] = false;
    }
    careplan_report_free(j->report);
    j->report = careplan_report_new(CAREPLAN_REPORT_INCOMPLETE, j->unit->sequence);
    j->n_reports = j->n_problems = 0;
    j->warnings = 0;
    j->fault[0] = '\0';
    return j->report ? 0 : -ENOMEM;
}

static int judge(struct unit_judging *j)
{
    int r = forget(j);
    if (r)
        return r;
    j->state = careplan_unit_judge(j->files, j->unit->n_files, rules_options(j->look->rules), found, j);
    return j->no_memory ? -ENOMEM : 0;
}

/* Which files at fault are not there to have a report of their own. */
static void tell_absent(struct unit_judging *j, size_t i)
{
    enum { NAMES_BYTES = 2048 };
    autobuffer names = {.limit = NAMES_BYTES}; /* what is over it is left out */
    for (size_t k = 0; k < j->unit->n_files; k++)
        if (k != i && j->beside[k] == i && j->faulty[k])
            buffer_printf(&names, "%s%s", names.length ? "、" : "", j->names[k].canonical);
    if (names.length)
        report_add_code(j->reports[i], RULE_SENT_BEFORE, (const char *[]){(const char *)names.data}, 1);
}

char *judging_text(struct unit_judging *j, size_t i, size_t *length)
{
    tell_absent(j, i);
    for (size_t k = 0; k < j->unit->n_files; k++)
        if (!j->faulty[k] && !j->unit->files[k].carried)
            careplan_report_add_good_file(j->reports[i], j->unit->files[k].name);
    return careplan_report_text(j->reports[i], length);
}

/* ---- Reading ---- */

/* The file was judged when it was saved: what is found in it again is not said again. */
static int read_file(struct unit_judging *j, size_t i)
{
    const struct settle_look *look = j->look;
    const struct ledger_unit_file *file = &j->unit->files[i];
    struct careplan_check_options options = rules_unit_options(look->rules, j->keys);
    with_cleanup(autocheck) struct careplan_check *check =
        careplan_check_new(&j->names[i], &options, NULL, NULL);
    autofree uint8_t *block = malloc(READ_SIZE);
    if (!check || !block)
        return -ENOMEM;
    for (uint64_t at = 0; at < file->size;) {
        int64_t n = content_read(look->ledger, file->content, at, block, READ_SIZE);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        int r = careplan_check_write(check, block, (size_t)n);
        if (r)
            return r;
        if (look->touched(look->context))
            return -ECANCELED;
        at += (uint64_t)n;
        if (at % SLICE == 0 && look->meanwhile)
            look->meanwhile(look->context);
    }
    int r = careplan_check_finish(check, &j->results[i]);
    j->keys += j->results[i].n_keys;
    if (r == 0)
        j->files[i].result = &j->results[i];
    return r;
}

/* A file that was saved now, and stands there: the main one, if there is a choice. */
static size_t present(const struct unit_judging *j)
{
    size_t found = 0;
    struct ledger_entry entry;
    for (size_t i = j->unit->n_files; i-- > 0;)
        if (!j->unit->files[i].carried && settle_entry(j->look, &j->unit->files[i], &entry) == 0) {
            found = i;
            if (j->names[i].kind->main_file)
                break;
        }
    return found;
}

static void find_places(struct unit_judging *j)
{
    const size_t other = present(j);
    struct ledger_entry entry;
    for (size_t i = 0; i < j->unit->n_files; i++) {
        const struct ledger_unit_file *f = &j->unit->files[i];
        j->beside[i] = f->carried && settle_entry(j->look, f, &entry) ? other : i;
    }
}

int judging_begin(struct unit_judging *j, const struct settle_look *look, const struct ledger_unit *u)
{
    *j = (struct unit_judging){.look = look,
                               .unit = u,
                               .files = calloc(u->n_files, sizeof *j->files),
                               .names = calloc(u->n_files, sizeof *j->names),
                               .results = calloc(u->n_files, sizeof *j->results),
                               .faulty = calloc(u->n_files, sizeof *j->faulty),
                               .beside = calloc(u->n_files, sizeof *j->beside),
                               .reports = calloc(u->n_files, sizeof(struct careplan_report *)),
                               .problems = calloc(LEDGER_PROBLEMS_MAX, sizeof *j->problems)};
    if (!j->files || !j->names || !j->results || !j->faulty || !j->beside || !j->reports || !j->problems)
        return -ENOMEM;
    for (size_t i = 0; i < u->n_files; i++) {
        if (careplan_name_parse(rules_standard(look->rules), u->files[i].name, &j->names[i], NULL, NULL) !=
            CAREPLAN_NAME_TRANSFER)
            return -EINVAL;
        j->files[i] = (struct careplan_unit_file){.name = &j->names[i]};
    }
    find_places(j);
    int r = 0;
    for (size_t i = 0; i < u->n_files && r == 0; i++)
        if (unit_names_images(j->names[i].kind))
            r = read_file(j, i);
    return r ? r : judge(j);
}

bool judging_is_small(const struct ledger_unit *u)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < u->n_files; i++)
        bytes += u->files[i].size;
    return bytes <= SMALL;
}

/* What stands in one file alone was judged when it was saved. */
static bool has_others(const struct unit_judging *j)
{
    size_t n = 0;
    for (size_t i = 0; i < j->unit->n_files && n < 2; i++)
        n += !j->names[i].kind->image;
    return n > 1;
}

int judging_whole(struct unit_judging *j)
{
    int r = 0;
    for (size_t i = 0; i < j->unit->n_files && r == 0 && has_others(j); i++)
        if (!j->files[i].result && !j->names[i].kind->image)
            r = read_file(j, i);
    return r ? r : judge(j);
}
