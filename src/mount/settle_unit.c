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
#include "mount/names.h"
#include "mount/route.h"
#include "mount/settle_judge.h"

enum { NOTES = 16 };
#define REASON_EXPIRED "partner-wait-over"
#define REASON_INCOMPLETE "unit-incomplete"
#define REASON_SUB "sub-missing"

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

/* All of them as they were judged. */
static void files_of(const struct ledger_unit *u, const char **names, uint64_t *contents)
{
    for (size_t i = 0; i < u->n_files; i++) {
        names[i] = u->files[i].name;
        contents[i] = u->files[i].content;
    }
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

/* ---- The notes beside it ---- */

static bool is_kept(const struct ledger_entry *e, const struct ledger_note *keep, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((e->parent == keep[i].parent || !keep[i].parent) && strcmp(e->name, keep[i].name) == 0)
            return true;
    return false;
}

/* Takes the unit's notes away that are not to stay, through the mount: the ledger would do it unseen. */
static void notes_go(const struct settle_look *look, const struct ledger_note *keep, size_t n_keep)
{
    const struct settle_host *host = look->host;
    struct ledger_entry notes[NOTES];
    uint64_t after = 0;
    for (int n = NOTES; n == NOTES;) {
        n = ledger_unit_notes(look->ledger, look->message, after, notes, NOTES);
        for (int i = 0; i < n; i++) {
            after = notes[i].id;
            if (is_kept(&notes[i], keep, n_keep))
                continue;
            int r = host->remove_entry(host->context, &notes[i]);
            if (r == -ETIMEDOUT || r == -EPIPE || r == -ESHUTDOWN) /* do not wait for each anew */
                return;
        }
    }
}

/* The unit is not judged as a whole just now: only the note that says what it lacks may stay. */
static void faults_go(const struct settle_look *look, const struct ledger_unit *u)
{
    char name[256];
    name_report(u->sequence, CAREPLAN_REPORT_INCOMPLETE, name);
    const struct ledger_note keep = {.name = name}; /* wherever it stands */
    notes_go(look, &keep, 1);
}

/* ---- It goes ---- */

/* `j` NULL: a document. */
static enum settle_outcome queue(const struct settle_look *look, const struct ledger_unit *u,
                                 const struct unit_judging *j)
{
    autofree const char **names = calloc(u->n_files, sizeof *names);
    autofree uint64_t *contents = calloc(u->n_files, sizeof *contents);
    if (!names || !contents)
        return SETTLE_FAILED;
    files_of(u, names, contents);
    const struct ledger_unit_judgement goes = {.names = names,
                                               .contents = contents,
                                               .n = u->n_files,
                                               .problems = j ? j->problems : NULL,
                                               .n_problems = j ? j->n_problems : 0,
                                               .warnings = j ? j->warnings : 0};
    /* Judging took a while: who has opened a file of it meanwhile is not done with it. */
    if (look->touched(look->context) || is_busy(look, u))
        return SETTLE_AGAIN;
    int r = ledger_judge_unit(look->ledger, u->message, &goes, NULL, NULL);
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

static enum settle_outcome queue_complete(struct settle_look *look, const struct ledger_unit *u,
                                          const struct unit_judging *j)
{
    if (!look->report_parent && strcmp(u->reason, REASON_INCOMPLETE) == 0)
        look->report_parent = folder_of(look, u); /* said before a restart */
    settle_report_gone(look, u->sequence);
    look->report_parent = 0;
    notes_go(look, NULL, 0);
    return queue(look, u, j);
}

static enum settle_outcome queue_without_sub(struct settle_look *look, const struct ledger_unit *u,
                                             const struct unit_judging *j)
{
    log_warning("unit-without-sub", "unit %s for %s goes without its SUB files", u->sequence,
                u->recipient.text);
    enum settle_outcome outcome = queue_complete(look, u, j);
    if (outcome == SETTLE_QUEUED && ledger_note_reason(look->ledger, u->message, REASON_SUB, NULL, NULL))
        log_warning("settle", "the status will not say that SUB files were missing");
    return outcome;
}

/* ---- It does not ---- */

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

/* A report beside a file at fault, under the name that the user gave it; beside the others when it has none
 * any more (it came along from an earlier message). */
struct fault_note {
    struct ledger_note note;
    char name[256], folded[768];
    char *text;
};

struct fault_notes {
    struct fault_note *items;
    size_t n;
};

static void fault_notes_free(struct fault_notes *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->items[i].text);
    free(f->items);
}

static int fault_note(const struct settle_look *look, struct unit_judging *j, size_t i,
                      struct fault_note *out)
{
    const struct ledger_unit *u = j->unit;
    struct ledger_entry entry;
    bool stands = entry_of(look, &u->files[i], &entry) == 0;
    size_t length = 0;
    name_report(stands ? entry.name : u->files[i].name, CAREPLAN_REPORT_ERROR, out->name);
    name_fold(out->name, out->folded);
    out->text = judging_text(j, i, &length);
    out->note = (struct ledger_note){.parent = stands ? entry.parent : folder_of(look, u),
                                     .name = out->name,
                                     .folded = out->folded,
                                     .text = out->text,
                                     .length = length};
    return out->text ? 0 : -ENOMEM;
}

static int fault_notes(const struct settle_look *look, struct unit_judging *j, struct fault_notes *out)
{
    int r = 0;
    out->items = calloc(FAULTY_FILES_MAX, sizeof *out->items);
    if (!out->items)
        return -ENOMEM;
    for (size_t i = 0; i < j->unit->n_files && r == 0 && out->n < FAULTY_FILES_MAX; i++)
        if (j->faulty[i] && j->reports[i])
            r = fault_note(look, j, i, &out->items[out->n++]);
    return r;
}

static int reject(struct settle_look *look, const struct unit_judging *j, const struct ledger_note *notes,
                  size_t n)
{
    const struct ledger_unit *u = j->unit;
    autofree const char **names = calloc(u->n_files, sizeof *names);
    autofree uint64_t *contents = calloc(u->n_files, sizeof *contents);
    if (!names || !contents)
        return -ENOMEM;
    files_of(u, names, contents);
    const struct ledger_unit_judgement rejected = {.names = names,
                                                   .contents = contents,
                                                   .n = u->n_files,
                                                   .fault = j->fault,
                                                   .notes = notes,
                                                   .n_notes = n,
                                                   .problems = j->problems,
                                                   .n_problems = j->n_problems,
                                                   .warnings = j->warnings};
    if (look->touched(look->context) || is_busy(look, u))
        return -ESTALE;
    notes_go(look, notes, n);
    look->report_parent = 0;
    return ledger_judge_unit(look->ledger, u->message, &rejected, NULL, NULL);
}

/* Its files are good one by one, but do not fit each other: at once, beside those at fault. */
static enum settle_outcome say_faulty(struct settle_look *look, struct unit_judging *j)
{
    const struct ledger_unit *u = j->unit;
    with_cleanup(fault_notes_free) struct fault_notes found = {0};
    struct ledger_note notes[FAULTY_FILES_MAX];
    int r = fault_notes(look, j, &found);
    for (size_t i = 0; i < found.n && r == 0; i++)
        notes[i] = found.items[i].note;
    if (r == 0)
        r = reject(look, j, notes, found.n);
    if (r)
        return outcome_of(r);
    for (size_t i = 0; i < found.n; i++)
        look->host->changed(look->host->context, notes[i].parent, notes[i].name);
    char id[2 * ENVELOPE_ID_SIZE + 1];
    label(u, id);
    log_warning("unit-faulty", "message %s: unit %s for %s is not sent, its files do not fit each other (%s)",
                id, u->sequence, u->recipient.text, j->fault);
    return SETTLE_TOUCH;
}

/* ---- Judged as a whole ---- */

static enum settle_outcome judged(struct settle_look *look, const struct ledger_unit *u,
                                  struct unit_judging *j)
{
    bool waits = !look->waited && !look->report_parent;
    switch (j->state) {
    case CAREPLAN_UNIT_COMPLETE:
        return queue_complete(look, u, j);
    case CAREPLAN_UNIT_FAULTY:
        return say_faulty(look, j);
    case CAREPLAN_UNIT_SUB_MISSING:
        waits = !look->waited;
        break;
    case CAREPLAN_UNIT_INCOMPLETE:
        break;
    }
    if (waits || j->state == CAREPLAN_UNIT_INCOMPLETE)
        faults_go(look, u);
    return waits                                  ? SETTLE_INCOMPLETE
           : j->state == CAREPLAN_UNIT_INCOMPLETE ? say_incomplete(look, u, j)
                                                  : queue_without_sub(look, u, j);
}

static enum settle_outcome judge_unit(struct settle_look *look, const struct ledger_unit *u)
{
    with_cleanup(judging_free) struct unit_judging j = {0};
    int r = judging_begin(&j, look, u);
    /* While files are missing nothing is said of it yet, and nothing need be read. */
    bool waits = j.state == CAREPLAN_UNIT_INCOMPLETE && !look->waited && !look->report_parent;
    if (r == 0 && !waits)
        r = judging_whole(&j);
    if (r == -ECANCELED)
        return SETTLE_AGAIN;
    if (r) {
        log_error("settle", "unit %s cannot be judged: %s", u->sequence, strerror(-r));
        return SETTLE_FAILED;
    }
    return judged(look, u, &j);
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
    if (verdict == VERDICT_GOOD)
        return is_document(&u) ? queue(look, &u, NULL) : judge_unit(look, &u);
    faults_go(look, &u); /* of one that is not judged nobody knows whether it fits */
    return SETTLE_TOUCH;
}
