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
#include "mount/settle_say.h"

#define REASON_EXPIRED "partner-wait-over"
#define REASON_SUB "sub-missing"

static bool is_document(const struct ledger_unit *u)
{
    return u->sequence[0] == '\0';
}

/* ---- Whose turn is it? ---- */

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
    int r = settle_entry(look, file, &entry);
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
        if (settle_entry(look, &u->files[i], &entry))
            continue;
        name_report(entry.name, CAREPLAN_REPORT_ERROR, report);
        settle_note_gone(look, entry.parent, report);
    }
}

static enum settle_outcome expire(const struct settle_look *look, const struct ledger_unit *u)
{
    char id[2 * ENVELOPE_ID_SIZE + 1];
    settle_label(u, id);
    log_warning("partner-wait-over",
                "message %s: %s did not join within partner_wait; it will not go by itself", id,
                u->recipient_text);
    int r = ledger_mark_unit(look->ledger, u->message, OUT_WAITING, REASON_EXPIRED, 0, NULL, NULL, NULL, 0,
                             NULL, NULL);
    return r ? settle_outcome_of(r) : SETTLE_TOUCH;
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
        return settle_outcome_of(r);
    look->recipient = recipient;
    char id[2 * ENVELOPE_ID_SIZE + 1];
    settle_label(u, id);
    log_info("partner-joined", "message %s goes to %s now", id, recipient.text);
    remove_error_reports(look, u);
    return SETTLE_AGAIN;
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
    settle_files(u, names, contents);
    const struct ledger_unit_judgement goes = {.names = names,
                                               .contents = contents,
                                               .n = u->n_files,
                                               .problems = j ? j->problems : NULL,
                                               .n_problems = j ? j->n_problems : 0,
                                               .warnings = j ? j->warnings : 0};
    /* Judging took a while: who has opened a file of it meanwhile is not done with it. */
    if (look->touched(look->context) || settle_busy(look, u))
        return SETTLE_AGAIN;
    int r = ledger_judge_unit(look->ledger, u->message, &goes, NULL, NULL);
    if (r)
        return settle_outcome_of(r);
    char id[2 * ENVELOPE_ID_SIZE + 1];
    settle_label(u, id);
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
        look->report_parent = settle_folder(look, u); /* said before a restart */
    settle_report_gone(look, u->sequence);
    look->report_parent = 0;
    settle_notes_go(look, NULL, 0);
    return queue(look, u, j);
}

static enum settle_outcome queue_without_sub(struct settle_look *look, const struct ledger_unit *u,
                                             const struct unit_judging *j)
{
    enum settle_outcome outcome = queue_complete(look, u, j);
    if (outcome != SETTLE_QUEUED)
        return outcome;
    log_warning("unit-without-sub", "unit %s for %s goes without its SUB files", u->sequence,
                u->recipient.text);
    if (ledger_note_reason(look->ledger, u->message, REASON_SUB, NULL, NULL))
        log_warning("settle", "the status will not say that SUB files were missing");
    return outcome;
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
        return settle_say_faulty(look, j);
    case CAREPLAN_UNIT_SUB_MISSING:
        waits = !look->waited;
        break;
    case CAREPLAN_UNIT_INCOMPLETE:
        break;
    }
    if (waits || j->state == CAREPLAN_UNIT_INCOMPLETE)
        settle_faults_go(look, u);
    return waits                                  ? SETTLE_INCOMPLETE
           : j->state == CAREPLAN_UNIT_INCOMPLETE ? settle_say_incomplete(look, u, j)
                                                  : queue_without_sub(look, u, j);
}

static enum settle_outcome judge_unit(struct settle_look *look, const struct ledger_unit *u)
{
    with_cleanup(judging_free) struct unit_judging j = {0};
    if (look->only_small && !judging_is_small(u))
        return SETTLE_LATER;
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
    if (settle_busy(look, &u))
        return SETTLE_AGAIN;
    enum file_verdict verdict = worst(&u);
    if (verdict == VERDICT_WAITING || (verdict == VERDICT_GOOD && !u.recipient.text[0]))
        return look_for_partner(look, &u);
    if (verdict == VERDICT_GOOD && u.n_files > ENVELOPE_FILES_MAX)
        return settle_say_too_many(look, &u);
    if (verdict == VERDICT_GOOD)
        return is_document(&u) ? queue(look, &u, NULL) : judge_unit(look, &u);
    settle_faults_go(look, &u); /* of one that is not judged nobody knows whether it fits */
    return SETTLE_TOUCH;
}
