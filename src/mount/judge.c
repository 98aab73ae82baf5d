#include "mount/judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mount/route.h"
#include "standard/product.h"

enum { READ_SIZE = 64 * 1024, FIRST_BYTES = 512 };
#define DOCUMENT_KIND "DOCUMENT"

CLEANUP_DEFINE(autoreport, struct careplan_report, careplan_report_free);
CLEANUP_DEFINE(autocheck, struct careplan_check, careplan_check_free);

/* Problems on their way into a report, which exists from the first one on. */
struct findings {
    const char *name;
    struct careplan_report *report;
    uint64_t errors, warnings;
    char first[16];              /* code of the first error */
    struct ledger_problem *kept; /* LEDGER_PROBLEMS_MAX; [0] is the first error's */
    size_t n_kept;
    bool no_memory;
};

static void findings_free(struct findings *f)
{
    if (f->report)
        careplan_report_free(f->report);
    free(f->kept);
}

/* Its place for the status: the first error, and as many warnings as there is room for. */
static void findings_keep(struct findings *f, const char *code, bool error, uint64_t line, unsigned column)
{
    if (!f->kept) {
        f->kept = calloc(LEDGER_PROBLEMS_MAX + 1, sizeof *f->kept);
        f->n_kept = 1;
        f->no_memory |= !f->kept;
    }
    if (!f->kept || (error ? f->kept[0].code[0] != '\0' : f->n_kept > LEDGER_PROBLEMS_MAX))
        return;
    struct ledger_problem *p = &f->kept[error ? 0 : f->n_kept++];
    *p = (struct ledger_problem){.error = error, .line = line, .column = column};
    snprintf(p->code, sizeof p->code, "%s", code);
}

static struct careplan_report *findings_report(struct findings *f)
{
    if (!f->report)
        f->report = careplan_report_new(CAREPLAN_REPORT_ERROR, f->name);
    f->no_memory |= !f->report;
    return f->report;
}

static void findings_add(void *context, const struct careplan_problem *problem)
{
    struct findings *f = context;
    if (findings_report(f))
        careplan_report_add(f->report, problem);
    findings_keep(f, problem->code, problem->severity == CAREPLAN_ERROR, problem->line, problem->column);
    if (problem->severity != CAREPLAN_ERROR) {
        f->warnings++;
        return;
    }
    if (f->errors++ == 0)
        snprintf(f->first, sizeof f->first, "%s", problem->code);
}

/* A fault of the catalogue that is found here. */
static void findings_fault(struct findings *f, const char *code, const char *const *arguments, size_t n)
{
    if (findings_report(f))
        report_add_code(f->report, code, arguments, n);
    findings_keep(f, code, true, 0, 0);
    if (f->errors++ == 0)
        snprintf(f->first, sizeof f->first, "%s", code);
}

/* ---- What goes into the judgement ---- */

static void remove_report(struct judgement *out, const char *name, enum careplan_report_kind kind)
{
    for (size_t i = 0; i < ARRAY_LENGTH(out->remove_reports); i++)
        if (!out->remove_reports[i][0]) {
            name_report(name, kind, out->remove_reports[i]);
            return;
        }
}

/* Hands the report over as the text to stand beside the file. */
static int write_report(struct judgement *out, const char *name, enum careplan_report_kind kind,
                        const struct careplan_report *report)
{
    size_t length = 0;
    autofree char *text = report ? careplan_report_text(report, &length) : NULL;
    if (!text)
        return -ENOMEM;
    name_report(name, kind, out->report_name);
    name_fold(out->report_name, out->report_folded);
    return buffer_append(&out->report, text, length);
}

static void take_problems(struct findings *f, struct judgement *out)
{
    out->warnings = f->warnings;
    if (!f->kept)
        return;
    size_t unused = f->kept[0].code[0] ? 0 : 1;
    out->problems = f->kept;
    out->n_problems = f->n_kept - unused;
    memmove(out->problems, out->problems + unused, out->n_problems * sizeof *out->problems);
    f->kept = NULL;
}

static int judge_rejected(struct findings *f, struct judgement *out)
{
    out->verdict = VERDICT_REJECTED;
    out->close_error = EINVAL;
    take_problems(f, out);
    snprintf(out->reason, sizeof out->reason, "%s", f->first);
    remove_report(out, f->name, CAREPLAN_REPORT_CONFIRM);
    return f->no_memory ? -ENOMEM : write_report(out, f->name, CAREPLAN_REPORT_ERROR, f->report);
}

static void judge_good(const struct judge_request *request, struct judgement *out)
{
    out->verdict = VERDICT_GOOD;
    remove_report(out, request->name, CAREPLAN_REPORT_ERROR);
    remove_report(out, request->name, CAREPLAN_REPORT_CONFIRM);
}

static int judge_held(const struct judge_request *request, struct judgement *out)
{
    char note[256];
    name_report(request->name, CAREPLAN_REPORT_CONFIRM, note);
    with_cleanup(autoreport) struct careplan_report *report =
        careplan_report_new(CAREPLAN_REPORT_CONFIRM, request->name);
    if (report)
        report_add_code(report, RULE_HELD, (const char *[]){note}, 1);
    out->verdict = VERDICT_HELD;
    snprintf(out->reason, sizeof out->reason, "held");
    remove_report(out, request->name, CAREPLAN_REPORT_ERROR);
    return write_report(out, request->name, CAREPLAN_REPORT_CONFIRM, report);
}

static size_t route_arguments(const struct route *route, const char *arguments[4])
{
    for (size_t i = 0; i < 4; i++)
        arguments[i] = route->arguments[i];
    return 4;
}

static int judge_waiting(const struct judge_request *request, const struct route *route,
                         struct judgement *out)
{
    const char *arguments[4];
    size_t n = route_arguments(route, arguments);
    with_cleanup(autoreport) struct careplan_report *report =
        careplan_report_new(CAREPLAN_REPORT_ERROR, request->name);
    if (report)
        report_add_code(report, route->code, arguments, n);
    out->verdict = VERDICT_WAITING;
    snprintf(out->reason, sizeof out->reason, "%s", route->reason);
    remove_report(out, request->name, CAREPLAN_REPORT_CONFIRM);
    return write_report(out, request->name, CAREPLAN_REPORT_ERROR, report);
}

/* ---- Content ---- */

/* Feeds the content to `take`, block by block. 0, the reader's error, -EIO when it ends early, or take's. */
static int read_content(const struct judge_request *request, int (*take)(void *, const void *, size_t),
                        void *context)
{
    autofree uint8_t *block = malloc(READ_SIZE);
    if (!block)
        return -ENOMEM;
    for (uint64_t at = 0; at < request->size;) {
        uint64_t left = request->size - at;
        size_t want = left < READ_SIZE ? (size_t)left : READ_SIZE;
        int64_t n = request->read(request->context, at, block, want);
        if (n <= 0 || (uint64_t)n > want)
            return n < 0 ? (int)n : -EIO;
        int r = take(context, block, (size_t)n);
        if (r < 0)
            return r;
        at += (uint64_t)n;
    }
    return 0;
}

static int take_check(void *check, const void *data, size_t length)
{
    return careplan_check_write(check, data, length);
}

static int check_transfer(const struct judge_request *request, const struct careplan_name *name,
                          struct findings *f)
{
    with_cleanup(careplan_check_result_free) struct careplan_check_result result = {0};
    with_cleanup(autocheck) struct careplan_check *check =
        careplan_check_new(name, rules_options(request->rules), findings_add, f);
    if (!check)
        return -ENOMEM;
    int r = read_content(request, take_check, check);
    if (r == 0)
        r = careplan_check_finish(check, &result);
    /* Those that were only counted as well. */
    f->errors = result.errors > f->errors ? result.errors : f->errors;
    f->warnings = result.warnings > f->warnings ? result.warnings : f->warnings;
    return r;
}

/* By its first bytes only: what stands behind them is the partner's program's business. */
static int check_document(const struct judge_request *request, struct findings *f)
{
    uint8_t first[FIRST_BYTES];
    size_t want = request->size < sizeof first ? (size_t)request->size : sizeof first;
    int64_t n = request->read(request->context, 0, first, want);
    if (n < 0)
        return (int)n;
    const char *extension = strrchr(request->name, '.') + 1;
    if (!document_matches(extension, first, (size_t)n))
        findings_fault(f, RULE_DOCUMENT_CONTENT, &extension, 1);
    return 0;
}

static void words_of_size(uint64_t size, char out[32])
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (unit + 1 < ARRAY_LENGTH(units) && size >= 1000 && size % 1000 == 0) {
        size /= 1000;
        unit++;
    }
    if (unit == 0)
        while (unit + 1 < ARRAY_LENGTH(units) && size >= 1024 && size % 1024 == 0) {
            size /= 1024;
            unit++;
        }
    snprintf(out, 32, "%llu %s", (unsigned long long)size, units[unit]);
}

/* Faults of the file as it lies there, before its content is looked at. */
static void check_whole(const struct judge_request *request, struct findings *f)
{
    char words[32];
    if (request->size == 0) {
        findings_fault(f, RULE_EMPTY_FILE, NULL, 0);
    } else if (request->settings->unit_max && request->size > request->settings->unit_max) {
        words_of_size(request->settings->unit_max, words);
        findings_fault(f, RULE_TOO_LARGE, (const char *[]){words}, 1);
    } else if (request->has_hole) {
        snprintf(words, sizeof words, "%llu", (unsigned long long)request->hole_at + 1);
        findings_fault(f, RULE_HOLE, (const char *[]){words}, 1);
    }
}

/* ---- The classes ---- */

static int judge_other(const struct judge_request *request, bool in_partner_folder, struct judgement *out)
{
    with_cleanup(findings_free) struct findings f = {.name = request->name};
    struct careplan_name ignored;
    careplan_name_parse(rules_standard(request->rules), request->name, &ignored, findings_add, &f);
    const char *dot = strrchr(request->name, '.'), *extension = dot ? dot + 1 : "";
    if (f.errors == 0 && !in_partner_folder &&
        name_class(request->settings, rules_standard(request->rules), request->name, true, NULL) ==
            CLASS_DOCUMENT)
        findings_fault(&f, RULE_DOCUMENT_FOLDER, NULL, 0);
    else if (f.errors == 0 && dot && document_known(extension))
        findings_fault(&f, RULE_DOCUMENT_TYPE, &extension, 1);
    else if (f.errors == 0)
        findings_fault(&f, RULE_UNKNOWN_NAME, &request->name, 1);
    return judge_rejected(&f, out);
}

static int judge_document(const struct judge_request *request, const struct ledger_partner *folder,
                          struct judgement *out)
{
    struct route route = {.state = ROUTE_KNOWN, .reason = ""};
    with_cleanup(findings_free) struct findings f = {.name = request->name};
    out->in_unit = true;
    snprintf(out->kind, sizeof out->kind, "%s", DOCUMENT_KIND);
    snprintf(out->canonical, sizeof out->canonical, "%s", request->name);
    snprintf(out->recipient_text, sizeof out->recipient_text, "%s", folder->office.text);
    if (folder->active) {
        out->recipient = folder->office;
    } else {
        route =
            (struct route){.state = ROUTE_WAITING, .reason = "partner-unknown", .code = RULE_UNKNOWN_PARTNER};
        snprintf(route.arguments[0], sizeof route.arguments[0], "%s", folder->office.text);
    }
    if (request->held)
        return judge_held(request, out);
    if (request->size == 0 && !request->settled)
        return 0;
    if (office_id_equal(&folder->office, &request->office)) /* to oneself */
        findings_fault(&f, RULE_FOLDER_MISMATCH, (const char *[]){folder->office.text, folder->office.text},
                       2);
    check_whole(request, &f);
    int r = f.errors ? 0 : check_document(request, &f);
    if (r < 0)
        return r;
    if (f.errors)
        return judge_rejected(&f, out);
    if (route.state == ROUTE_WAITING)
        return judge_waiting(request, &route, out);
    judge_good(request, out);
    return 0;
}

/* The folder where another file stands that is to go as this one would: 1, 0 for none, or negative. */
static int find_twin(const struct judge_request *request, const struct judgement *j, char folder[300])
{
    struct ledger_entry twin;
    with_cleanup(ledger_partner_free) struct ledger_partner partner = {0};
    int r = ledger_standing(request->ledger, j->recipient.text[0] ? j->recipient.text : j->recipient_text,
                            j->sequence, j->canonical, request->node, &twin);
    if (r || twin.node == request->replaces)
        return r == -ENOENT ? 0 : r;
    r = twin.parent == NODE_OUTBOX ? -ENOENT
                                   : ledger_partner_by_folder(request->ledger, twin.parent, &partner);
    if (r && r != -ENOENT)
        return r;
    snprintf(folder, 300, "outbox%s%s", r ? "" : "/", partner.folder);
    return 1;
}

/* Two files would go as one: the first stays what it is, this one has no part in it. */
static int judge_twin(const struct judge_request *request, const char *folder, struct judgement *out)
{
    with_cleanup(findings_free) struct findings f = {.name = request->name};
    out->in_unit = false;
    findings_fault(&f, RULE_NAME_TWICE, &folder, 1);
    return judge_rejected(&f, out);
}

static int judge_transfer(const struct judge_request *request, const struct ledger_partner *folder,
                          const struct careplan_name *name, struct judgement *out)
{
    struct route route;
    with_cleanup(findings_free) struct findings f = {.name = request->name};
    int r = route_find(request->ledger, &request->office, folder, name, &route);
    if (r < 0)
        return r;
    out->in_unit = true;
    out->recipient = route.recipient;
    snprintf(out->recipient_text, sizeof out->recipient_text, "%s", route.recipient_text);
    snprintf(out->sequence, sizeof out->sequence, "%s", name->sequence);
    snprintf(out->kind, sizeof out->kind, "%s", name->kind->name);
    snprintf(out->version, sizeof out->version, "%s", name->kind->version->name);
    /* Delivered in upper case; a 202208 name stays as it was saved but for that. */
    snprintf(out->canonical, sizeof out->canonical, "%s", name->canonical);
    if (request->size == 0 && !request->settled && !request->held)
        return 0;
    char folder_of_twin[300];
    r = find_twin(request, out, folder_of_twin);
    if (r)
        return r < 0 ? r : judge_twin(request, folder_of_twin, out);
    if (request->held)
        return judge_held(request, out);

    const char *arguments[4];
    size_t n = route_arguments(&route, arguments);
    if (route.state == ROUTE_WRONG)
        findings_fault(&f, route.code, arguments, n);
    uint64_t of_name = f.errors;
    check_whole(request, &f);
    r = f.errors > of_name ? 0 : check_transfer(request, name, &f);
    if (r < 0)
        return r;
    if (f.errors)
        return judge_rejected(&f, out);
    if (f.no_memory)
        return -ENOMEM;
    take_problems(&f, out);
    if (route.state == ROUTE_WAITING)
        return judge_waiting(request, &route, out);
    judge_good(request, out);
    return 0;
}

/* The partner in whose own folder of the outbox the file lies. 1, 0 for the outbox itself, or negative. */
static int find_folder(const struct judge_request *request, struct ledger_partner *out)
{
    if (request->folder == NODE_OUTBOX)
        return 0;
    int r = ledger_partner_by_folder(request->ledger, request->folder, out);
    return r < 0 ? r : 1;
}

int judge_file(const struct judge_request *request, struct judgement *out)
{
    *out = (struct judgement){0};
    with_cleanup(ledger_partner_free) struct ledger_partner folder = {0};
    struct careplan_name name;
    int in_folder = find_folder(request, &folder);
    if (in_folder < 0)
        return in_folder;
    out->file_class =
        name_class(request->settings, rules_standard(request->rules), request->name, in_folder, &name);
    int r = 0;
    switch (out->file_class) {
    case CLASS_TRANSFER:
        r = judge_transfer(request, in_folder ? &folder : NULL, &name, out);
        break;
    case CLASS_DOCUMENT:
        r = judge_document(request, &folder, out);
        break;
    case CLASS_OTHER:
        if (request->size || request->settled)
            r = judge_other(request, in_folder, out);
        break;
    case CLASS_SCRATCH:
    case CLASS_RESERVED:
        break;
    }
    if (r < 0) {
        out->verdict = VERDICT_NONE;
        out->close_error = EIO;
    }
    return r;
}

void judgement_free(struct judgement *j)
{
    buffer_free(&j->report);
    free(j->problems);
    j->problems = NULL;
    j->n_problems = 0;
}
