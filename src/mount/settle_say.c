#include "mount/settle_say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hex.h"
#include "base/log.h"
#include "mount/names.h"
#include "standard/product.h"

enum { NOTES = 16 };

void settle_label(const struct ledger_unit *u, char out[2 * ENVELOPE_ID_SIZE + 1])
{
    hex_encode(u->id.bytes, sizeof u->id.bytes, out);
}

int settle_entry(const struct settle_look *look, const struct ledger_unit_file *file,
                 struct ledger_entry *out)
{
    int n = file->node ? ledger_entries_of(look->ledger, file->node, out, 1) : 0;
    return n < 0 ? n : n == 0 ? -ENOENT : 0;
}

uint64_t settle_folder(const struct settle_look *look, const struct ledger_unit *u)
{
    for (size_t i = 0; i < u->n_files; i++) {
        struct ledger_entry entry;
        if (settle_entry(look, &u->files[i], &entry) == 0)
            return entry.parent;
    }
    return NODE_OUTBOX;
}

void settle_files(const struct ledger_unit *u, const char **names, uint64_t *contents)
{
    for (size_t i = 0; i < u->n_files; i++) {
        names[i] = u->files[i].name;
        contents[i] = u->files[i].content;
    }
}

enum settle_outcome settle_outcome_of(int r)
{
    return r == -ESTALE ? SETTLE_AGAIN : r == -ENOENT ? SETTLE_GONE : SETTLE_FAILED;
}

bool settle_busy(const struct settle_look *look, const struct ledger_unit *u)
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

/* ---- The notes beside it ---- */

void settle_note_gone(const struct settle_look *look, uint64_t parent, const char *report)
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
    settle_note_gone(look, look->report_parent, name);
    look->host->changed(look->host->context, look->report_parent, name); /* the ledger may have removed it */
}

static bool is_kept(const struct ledger_entry *e, const struct ledger_note *keep, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((e->parent == keep[i].parent || !keep[i].parent) && strcmp(e->name, keep[i].name) == 0)
            return true;
    return false;
}

void settle_notes_go(const struct settle_look *look, const struct ledger_note *keep, size_t n_keep)
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

void settle_faults_go(const struct settle_look *look, const struct ledger_unit *u)
{
    char name[256];
    name_report(u->sequence, CAREPLAN_REPORT_INCOMPLETE, name);
    const struct ledger_note keep = {.name = name}; /* wherever it stands */
    settle_notes_go(look, &keep, 1);
}

/* ---- It does not ---- */

enum settle_outcome settle_say_incomplete(struct settle_look *look, const struct ledger_unit *u,
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
    uint64_t parent = settle_folder(look, u);
    if (look->report_parent && look->report_parent != parent)
        settle_report_gone(look, u->sequence);
    int r = ledger_mark_unit(look->ledger, u->message, OUT_WAITING, REASON_INCOMPLETE, parent, name, folded,
                             text, length, NULL, NULL);
    if (r)
        return settle_outcome_of(r);
    look->report_parent = parent;
    look->host->changed(look->host->context, parent, name);
    char id[2 * ENVELOPE_ID_SIZE + 1];
    settle_label(u, id);
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
    bool stands = settle_entry(look, &u->files[i], &entry) == 0;
    size_t length = 0;
    name_report(stands ? entry.name : u->files[i].name, CAREPLAN_REPORT_ERROR, out->name);
    name_fold(out->name, out->folded);
    out->text = judging_text(j, i, &length);
    out->note = (struct ledger_note){.parent = stands ? entry.parent : settle_folder(look, u),
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
    settle_files(u, names, contents);
    const struct ledger_unit_judgement rejected = {.names = names,
                                                   .contents = contents,
                                                   .n = u->n_files,
                                                   .fault = j->fault,
                                                   .notes = notes,
                                                   .n_notes = n,
                                                   .problems = j->problems,
                                                   .n_problems = j->n_problems,
                                                   .warnings = j->warnings};
    if (look->touched(look->context) || settle_busy(look, u))
        return -ESTALE;
    settle_notes_go(look, notes, n);
    look->report_parent = 0;
    return ledger_judge_unit(look->ledger, u->message, &rejected, NULL, NULL);
}

enum settle_outcome settle_say_faulty(struct settle_look *look, struct unit_judging *j)
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
        return settle_outcome_of(r);
    for (size_t i = 0; i < found.n; i++)
        look->host->changed(look->host->context, notes[i].parent, notes[i].name);
    char id[2 * ENVELOPE_ID_SIZE + 1];
    settle_label(u, id);
    log_warning("unit-faulty", "message %s: unit %s for %s is not sent, its files do not fit each other (%s)",
                id, u->sequence, u->recipient.text, j->fault);
    return SETTLE_TOUCH;
}

/* ---- Too many files ---- */

/* The first of its own files that stands there. */
static int first_standing(const struct settle_look *look, const struct ledger_unit *u,
                          struct ledger_entry *out)
{
    for (size_t i = 0; i < u->n_files; i++)
        if (!u->files[i].carried && settle_entry(look, &u->files[i], out) == 0)
            return 0;
    return -ENOENT;
}

static char *too_many_text(const struct ledger_unit *u, const char *name, size_t *length)
{
    char there[24], most[24];
    struct careplan_report *report = careplan_report_new(CAREPLAN_REPORT_ERROR, name);
    snprintf(there, sizeof there, "%zu", u->n_files);
    snprintf(most, sizeof most, "%d", ENVELOPE_FILES_MAX);
    if (report)
        report_add_code(report, RULE_TOO_MANY_FILES, (const char *[]){u->sequence, there, most}, 3);
    char *text = report ? careplan_report_text(report, length) : NULL;
    careplan_report_free(report);
    return text;
}

enum settle_outcome settle_say_too_many(struct settle_look *look, const struct ledger_unit *u)
{
    struct ledger_entry entry;
    char name[256], folded[768], id[2 * ENVELOPE_ID_SIZE + 1];
    size_t length = 0;
    int r = first_standing(look, u, &entry);
    if (r)
        return settle_outcome_of(r == -ENOENT ? -ESTALE : r);
    autofree char *text = too_many_text(u, entry.name, &length);
    if (!text)
        return SETTLE_FAILED;
    name_report(entry.name, CAREPLAN_REPORT_ERROR, name);
    name_fold(name, folded);
    const struct ledger_note keep = {.parent = entry.parent, .name = name};
    settle_notes_go(look, &keep, 1);
    look->report_parent = 0;
    r = ledger_mark_unit(look->ledger, u->message, OUT_REJECTED, RULE_TOO_MANY_FILES, entry.parent, name,
                         folded, text, length, NULL, NULL);
    if (r)
        return settle_outcome_of(r);
    look->host->changed(look->host->context, entry.parent, name);
    settle_label(u, id);
    log_warning("unit-too-many-files",
                "message %s: unit %s for %s has %zu files, at most %d can be sent at once", id, u->sequence,
                u->recipient.text, u->n_files, ENVELOPE_FILES_MAX);
    return SETTLE_TOUCH;
}
