#include "mount/settle_unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "mount/judge.h"
#include "mount/names.h"
#include "mount/route.h"

enum { READ_SIZE = 64 * 1024 };
#define REASON_EXPIRED "partner-wait-over"
#define REASON_INCOMPLETE "unit-incomplete"
#define REASON_SUB "sub-missing"

CLEANUP_DEFINE(autocheck, struct careplan_check, careplan_check_free);

static void label(const struct ledger_unit *u, char out[2 * ENVELOPE_ID_SIZE + 1])
{
    hex_encode(u->id.bytes, sizeof u->id.bytes, out);
}

static bool is_document(const struct ledger_unit *u)
{
    return u->sequence[0] == '\0';
}

/* The entry under which the user sees the file. */
static int entry_of(const struct settle_look *look, const struct ledger_unit_file *file,
                    struct ledger_entry *out)
{
    int n = file->node ? ledger_entries_of(look->ledger, file->node, out, 1) : 0;
    return n < 0 ? n : n == 0 ? -ENOENT : 0;
}

static void remove_report(const struct settle_look *look, uint64_t parent, const char *report)
{
    struct ledger_entry entry;
    struct ledger_node node;
    if (ledger_lookup(look->ledger, parent, report, &entry, &node) == 0 && node.kind == NODE_REPORT)
        (void)look->host->remove_entry(look->host->context,
                                       &entry); /* a note that stays is told, and does no harm */
}

void settle_report_gone(const struct settle_look *look, const char *sequence)
{
    char name[256];
    if (!look->report_parent || !*sequence)
        return;
    name_report(sequence, CAREPLAN_REPORT_INCOMPLETE, name);
    remove_report(look, look->report_parent, name);
    look->host->changed(look->host->context, look->report_parent, name); /* the ledger may have removed it */
}

/* What a change that failed means: the unit went or changed meanwhile, or the ledger is in trouble. */
static enum settle_outcome outcome_of(int r)
{
    return r == -ESTALE ? SETTLE_AGAIN : r == -ENOENT ? SETTLE_GONE : SETTLE_FAILED;
}

/* ---- Whose turn is it? ---- */

static bool is_busy(const struct settle_look *look, const struct ledger_unit *u)
{
    const struct settle_host *host = look->host;
    for (size_t i = 0; i < u->n_files; i++)
        if (u->files[i].node && host->busy(host->context, u->files[i].node))
            return true;
    for (size_t i = 0; i < look->n_strangers; i++)
        if (host->busy(host->context, look->strangers[i]))
            return true;
    return false;
}

/* The worst verdict of its files. */
static enum file_verdict worst(const struct ledger_unit *u)
{
    enum file_verdict verdict = VERDICT_GOOD;
    for (size_t i = 0; i < u->n_files; i++) {
        enum file_verdict one = u->files[i].verdict;
        if (one == VERDICT_NONE || one == VERDICT_REJECTED || one == VERDICT_HELD)
            return one;
        if (one == VERDICT_WAITING)
            verdict = one;
    }
    return u->n_files ? verdict : VERDICT_NONE;
}

/* ---- A partner that was not known ---- */

/* Where one file goes today. 0 and *out "" = not known yet. */
static int route_file(const struct settle_look *look, const struct ledger_unit_file *file,
                      struct office_id *out)
{
    struct ledger_entry entry;
    with_cleanup(ledger_partner_free) struct ledger_partner folder = {0};
    *out = (struct office_id){0};
    int r = entry_of(look, file, &entry);
    if (r)
        return r == -ENOENT ? 0 : r;
    r = entry.parent == NODE_OUTBOX ? -ENOENT : ledger_partner_by_folder(look->ledger, entry.parent, &folder);
    if (r && r != -ENOENT)
        return r;
    bool in_folder = r == 0;
    if (file->document) {
        if (in_folder && folder.active)
            *out = folder.office;
        return 0;
    }
    struct careplan_name name;
    struct route route;
    if (careplan_name_parse(rules_standard(look->rules), file->name, &name, NULL, NULL) !=
        CAREPLAN_NAME_TRANSFER)
        return 0;
    r = route_find(look->ledger, look->office, in_folder ? &folder : NULL, &name, &route);
    if (r == 0 && route.state == ROUTE_KNOWN)
        *out = route.recipient;
    return r;
}

/* The one recipient of all files; "" while there is none. Carried files go where the others go. */
static int route_unit(const struct settle_look *look, const struct ledger_unit *u, struct office_id *out)
{
    *out = (struct office_id){0};
    for (size_t i = 0; i < u->n_files; i++) {
        struct office_id one;
        if (u->files[i].carried)
            continue;
        int r = route_file(look, &u->files[i], &one);
        if (r)
            return r;
        if (!one.text[0] || (out->text[0] && !office_id_equal(out, &one))) {
            *out = (struct office_id){0};
            return 0;
        }
        *out = one;
    }
    return 0;
}

/* The notes that said its partner does not take part. */
static void remove_error_reports(const struct settle_look *look, const struct ledger_unit *u)
{
    for (size_t i = 0; i < u->n_files; i++) {
        struct ledger_entry entry;
        char report[256];
        if (entry_of(look, &u->files[i], &entry))
            continue;
        name_report(entry.name, CAREPLAN_REPORT_ERROR, report);
        remove_report(look, entry.parent, report);
    }
}

static enum settle_outcome expire(const struct settle_look *look, const struct ledger_unit *u)
{
    char id[2 * ENVELOPE_ID_SIZE + 1];
    label(u, id);
    log_warning("partner-wait-over",
                "message %s: %s did not join within partner_wait; it will not go by itself", id,
                u->recipient_text);
    int r = ledger_mark_unit(look->ledger, u->message, OUT_WAITING, REASON_EXPIRED, 0, NULL, NULL, NULL, 0,
                             NULL, NULL);
    return r ? outcome_of(r) : SETTLE_TOUCH;
}

static enum settle_outcome look_for_partner(struct settle_look *look, const struct ledger_unit *u)
{
    struct office_id recipient;
    if (strcmp(u->reason, REASON_EXPIRED) == 0)
        return SETTLE_TOUCH;
    if (look->may_expire && clock_utc_ms() - u->saved > look->settings->partner_wait)
        return expire(look, u);
    int r = route_unit(look, u, &recipient);
    if (r)
        return SETTLE_FAILED;
    if (!recipient.text[0])
        return SETTLE_PARTNER;
    r = ledger_set_recipient(look->ledger, u->message, &recipient, NULL, NULL);
    if (r)
        return outcome_of(r);
    look->recipient = recipient;
    char id[2 * ENVELOPE_ID_SIZE + 1];
    label(u, id);
    log_info("partner-joined", "message %s goes to %s now", id, recipient.text);
    remove_error_reports(look, u);
    return SETTLE_AGAIN;
}

/* ---- Completeness ---- */

struct unit_judging {
    struct careplan_unit_file *files;
    struct careplan_name *names;
    struct careplan_check_result *results;
    size_t n;
    struct careplan_report *report;
};

static void judging_free(struct unit_judging *j)
{
    for (size_t i = 0; j->results && i < j->n; i++)
        careplan_check_result_free(&j->results[i]);
    free(j->files);
    free(j->names);
    free(j->results);
    if (j->report)
        careplan_report_free(j->report);
}

static void ignore_problem(void *context, const struct careplan_problem *problem)
{
    (void)context;
    (void)problem;
}

/* Reads the images' names out of a UPKIHON file. It was judged good when it was saved. */
static int read_images(const struct settle_look *look, const struct ledger_unit_file *file,
                       const struct careplan_name *name, struct careplan_check_result *out)
{
    with_cleanup(autocheck) struct careplan_check *check =
        careplan_check_new(name, rules_options(look->rules), ignore_problem, NULL);
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
        at += (uint64_t)n;
    }
    return careplan_check_finish(check, out);
}

static int judging_fill(const struct settle_look *look, const struct ledger_unit *u, struct unit_judging *j)
{
    j->n = u->n_files;
    j->files = calloc(u->n_files, sizeof *j->files);
    j->names = calloc(u->n_files, sizeof *j->names);
    j->results = calloc(u->n_files, sizeof *j->results);
    j->report = careplan_report_new(CAREPLAN_REPORT_INCOMPLETE, u->sequence);
    if (!j->files || !j->names || !j->results || !j->report)
        return -ENOMEM;
    for (size_t i = 0; i < u->n_files; i++) {
        if (careplan_name_parse(rules_standard(look->rules), u->files[i].name, &j->names[i], NULL, NULL) !=
            CAREPLAN_NAME_TRANSFER)
            return -EINVAL;
        j->files[i] = (struct careplan_unit_file){.name = &j->names[i]};
        if (strcmp(j->names[i].kind->name, "UPKIHON"))
            continue;
        int r = read_images(look, &u->files[i], &j->names[i], &j->results[i]);
        if (r)
            return r;
        j->files[i].result = &j->results[i];
    }
    return 0;
}

static enum settle_outcome queue(const struct settle_look *look, const struct ledger_unit *u)
{
    autofree const char **names = calloc(u->n_files, sizeof *names);
    autofree uint64_t *contents = calloc(u->n_files, sizeof *contents);
    if (!names || !contents)
        return SETTLE_FAILED;
    for (size_t i = 0; i < u->n_files; i++) {
        names[i] = u->files[i].name;
        contents[i] = u->files[i].content;
    }
    /* Judging took a while: who has opened a file of it meanwhile is not done with it. */
    if (look->touched(look->context) || is_busy(look, u))
        return SETTLE_AGAIN;
    int r = ledger_queue_unit(look->ledger, u->message, names, contents, u->n_files, NULL, NULL);
    if (r)
        return outcome_of(r);
    char id[2 * ENVELOPE_ID_SIZE + 1];
    label(u, id);
    autobuffer list = {.limit = LOG_NAMES_MAX}; /* what is over it is left out; documents name persons */
    for (size_t i = 0; i < u->n_files && !is_document(u); i++)
        buffer_printf(&list, " %s", names[i]);
    log_info("unit-queued", "message %s for %s: %zu files%s", id, u->recipient.text, u->n_files,
             list.data ? (const char *)list.data : "");
    return SETTLE_QUEUED;
}

/* Where the unit's own report stands: in the folder of its first file that is still there. */
static uint64_t folder_of(const struct settle_look *look, const struct ledger_unit *u)
{
    for (size_t i = 0; i < u->n_files; i++) {
        struct ledger_entry entry;
        if (entry_of(look, &u->files[i], &entry) == 0)
            return entry.parent;
    }
    return NODE_OUTBOX;
}

/* Says what is missing, beside the files and in the status. */
static enum settle_outcome say_incomplete(struct settle_look *look, const struct ledger_unit *u,
                                          struct unit_judging *j)
{
    char name[256], folded[768];
    size_t length = 0;
    for (size_t i = 0; i < u->n_files; i++)
        if (!u->files[i].carried)
            careplan_report_add_good_file(j->report, u->files[i].name);
    autofree char *text = careplan_report_text(j->report, &length);
    if (!text)
        return SETTLE_FAILED;
    name_report(u->sequence, CAREPLAN_REPORT_INCOMPLETE, name);
    name_fold(name, folded);
    uint64_t parent = folder_of(look, u);
    if (look->report_parent && look->report_parent != parent)
        settle_report_gone(look, u->sequence);
    int r = ledger_mark_unit(look->ledger, u->message, OUT_WAITING, REASON_INCOMPLETE, parent, name, folded,
                             text, length, NULL, NULL);
    if (r)
        return outcome_of(r);
    look->report_parent = parent;
    look->host->changed(look->host->context, parent, name);
    char id[2 * ENVELOPE_ID_SIZE + 1];
    label(u, id);
    log_warning("unit-incomplete", "message %s: unit %s for %s waits for what is missing", id, u->sequence,
                u->recipient.text);
    return SETTLE_TOUCH;
}

/* The note goes first, through the mount: the ledger would take it away unseen. */
static enum settle_outcome queue_complete(struct settle_look *look, const struct ledger_unit *u)
{
    if (!look->report_parent && strcmp(u->reason, REASON_INCOMPLETE) == 0)
        look->report_parent = folder_of(look, u); /* said before a restart */
    settle_report_gone(look, u->sequence);
    look->report_parent = 0;
    return queue(look, u);
}

static enum settle_outcome judge_unit(struct settle_look *look, const struct ledger_unit *u)
{
    with_cleanup(judging_free) struct unit_judging j = {0};
    int r = judging_fill(look, u, &j);
    if (r) {
        log_error("settle", "unit %s cannot be judged: %s", u->sequence, strerror(-r));
        return SETTLE_FAILED;
    }
    switch (careplan_unit_judge(j.files, j.n, rules_options(look->rules), careplan_report_add, j.report)) {
    case CAREPLAN_UNIT_COMPLETE:
        return queue_complete(look, u);
    case CAREPLAN_UNIT_SUB_MISSING:
        if (!look->waited)
            return SETTLE_INCOMPLETE;
        log_warning("unit-without-sub", "unit %s for %s goes without its SUB files", u->sequence,
                    u->recipient.text);
        enum settle_outcome outcome = queue_complete(look, u);
        if (outcome == SETTLE_QUEUED && ledger_note_reason(look->ledger, u->message, REASON_SUB, NULL, NULL))
            log_warning("settle", "the status will not say that SUB files were missing");
        return outcome;
    case CAREPLAN_UNIT_FAULTY:
    case CAREPLAN_UNIT_INCOMPLETE:
        break;
    }
    if (!look->waited && !look->report_parent)
        return SETTLE_INCOMPLETE;
    return say_incomplete(look, u, &j);
}

enum settle_outcome settle_look(struct settle_look *look)
{
    with_cleanup(ledger_unit_free) struct ledger_unit u = {0};
    int r = ledger_unit(look->ledger, look->message, &u);
    if (r)
        return r == -ENOENT ? SETTLE_GONE : SETTLE_FAILED;
    if (u.sealed || u.state == OUT_WITHDRAWN || u.state == OUT_REFUSED)
        return SETTLE_GONE;
    if (u.settled && u.state == OUT_QUEUED)
        return SETTLE_QUEUED;
    if (is_busy(look, &u))
        return SETTLE_AGAIN;
    enum file_verdict verdict = worst(&u);
    if (verdict == VERDICT_WAITING || (verdict == VERDICT_GOOD && !u.recipient.text[0]))
        return look_for_partner(look, &u);
    if (verdict != VERDICT_GOOD)
        return SETTLE_TOUCH;
    return is_document(&u) ? queue(look, &u) : judge_unit(look, &u);
}
