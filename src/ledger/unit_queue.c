/* Units between their last save and sealing: what the mount decides about them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/exchange.h"

/* ---- Judged as a whole: queued, or rejected ---- */

struct judge_change {
    struct change change;
    uint64_t message;
    const char **names;
    const uint64_t *contents;
    size_t n;
    struct message_id other; /* the message of the files that are left behind */
    const char *fault;       /* NULL: they go */
    struct note *notes;
    size_t n_notes;
    const char *problems;
    uint64_t warnings;
};

static ptrdiff_t named(const struct judge_change *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->names[i], name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

struct choice {
    size_t found, own, left; /* named; of these not carried; own ones not named */
};

/* Does the file stand in the outbox as the message has it? What is carried was sent; it may stand there as
 * something else that is judged, but not unjudged. */
static int stands_so(struct ledger *l, const struct ledger_unit_file *f)
{
    struct ledger_node node;
    if (!f->node)
        return 0;
    int r = node_find(&l->writer, f->node, &node);
    if (r)
        return r == -ENOENT ? -ESTALE : r;
    return node.draft || (!f->carried && node.content != f->content) ? -ESTALE : 0;
}

static int files_choose(struct ledger *l, const struct judge_change *c, const struct ledger_unit_file *files,
                        size_t n, struct choice *out)
{
    *out = (struct choice){0};
    for (size_t i = 0; i < n; i++) {
        ptrdiff_t at = named(c, files[i].name);
        if (at < 0) {
            out->left += !files[i].carried;
            continue;
        }
        if (files[i].content != c->contents[at] || files[i].verdict != VERDICT_GOOD)
            return -ESTALE;
        int r = stands_so(l, &files[i]);
        if (r)
            return r;
        out->found++;
        out->own += !files[i].carried;
    }
    return out->found == c->n && out->own ? 0 : -ESTALE;
}

/* A file moves with its row and its node; a carried one that does not go is only forgotten. */
static int file_left(struct ledger *l, const struct judge_change *c, const struct ledger_unit_file *f,
                     uint64_t other)
{
    if (f->carried || !other)
        return file_remove(l, c->message, f->name);
    int r = sql_run(&l->writer, "UPDATE file SET message=? WHERE message=? AND name=?", "iit", other,
                    c->message, f->name);
    return r || !f->node ? r
                         : sql_run(&l->writer, "UPDATE node SET message=? WHERE id=? AND message=?", "iii",
                                   other, f->node, c->message);
}

static int other_begin(struct ledger *l, const struct judge_change *c, const struct message *m,
                       uint64_t *other)
{
    struct message_new row = {.outgoing = true,
                              .uid = c->other,
                              .partner = m->partner,
                              .partner_text = m->partner_text,
                              .sequence = m->sequence,
                              .document = m->document,
                              .state = OUT_WAITING,
                              .reason = "settling",
                              .saved = m->saved};
    int r = message_insert(l, &row, other);
    return r ? r : message_audit(l, "begun", *other, "%s, left behind by its unit", m->sequence);
}

static int leave_behind(struct ledger *l, const struct judge_change *c, const struct message *m,
                        const struct ledger_unit_file *files, size_t n, size_t left)
{
    uint64_t other = 0;
    int r = left ? other_begin(l, c, m, &other) : 0;
    for (size_t i = 0; i < n && r == 0; i++)
        if (named(c, files[i].name) < 0)
            r = file_left(l, c, &files[i], other);
    if (r || !other)
        return r;
    r = files_carry(l, c->message, other);
    return r ? r : message_recompute(l, other);
}

static int unit_goes(struct ledger *l, struct judge_change *c, const struct message *m,
                     const struct ledger_unit_file *files, size_t n, size_t left)
{
    int r = leave_behind(l, c, m, files, n, left);
    if (r == 0)
        r = unit_notes_remove(l, c->message);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE message SET state=3, reason='', settled=1 WHERE id=?", "i",
                    c->message);
    if (r == 0)
        r = message_set_problems(l, c->message, c->problems, c->warnings);
    c->change.changed = LEDGER_CHANGED_UNITS | LEDGER_CHANGED_TREE;
    if (r || (m->state == OUT_QUEUED && m->settled))
        return r;
    return message_audit(l, "queued", c->message, "%s to %s, %zu files",
                         m->sequence[0] ? m->sequence : "document", m->partner.text, c->n);
}
_Static_assert(OUT_QUEUED == 3, "a query here says 3");

/* Its files are good, but do not fit each other. */
static int unit_rejected(struct ledger *l, struct judge_change *c, const struct message *m, size_t left)
{
    if (left) /* one has come meanwhile: perhaps it makes them fit */
        return -ESTALE;
    int before = sqlite3_total_changes(l->writer.db);
    int r = unit_notes_put(l, c->message, c->notes, c->n_notes);
    int after = sqlite3_total_changes(l->writer.db);
    c->change.changed |= after != before ? LEDGER_CHANGED_TREE : 0;
    if (r == 0)
        r = message_set_problems(l, c->message, c->problems, c->warnings);
    c->change.changed |= sqlite3_total_changes(l->writer.db) != after ? LEDGER_CHANGED_UNITS : 0;
    if (r || (m->state == OUT_REJECTED && strcmp(m->reason, c->fault) == 0))
        return r;
    c->change.changed |= LEDGER_CHANGED_UNITS;
    r = sql_run(&l->writer, "UPDATE message SET state=?, reason=?, settled=0 WHERE id=?", "dti",
                (int)OUT_REJECTED, c->fault, c->message);
    return r ? r : message_audit(l, "rejected", c->message, "%s %s", m->sequence, c->fault);
}

static int judge_apply(struct ledger *l, struct change *change)
{
    struct judge_change *c = (struct judge_change *)change;
    autofree struct ledger_unit_file *files = NULL;
    struct message m;
    struct choice choice;
    size_t n = 0;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing)
        return r ? r : -ENOENT;
    if (!m.open || !m.partner.text[0])
        return -ESTALE;
    r = message_files(&l->writer, c->message, &files, &n);
    if (r == 0)
        r = files_choose(l, c, files, n, &choice);
    if (r)
        return r;
    return c->fault ? unit_rejected(l, c, &m, choice.left) : unit_goes(l, c, &m, files, n, choice.left);
}

static void judgement_copy(struct ledger *l, struct judge_change *c, const struct ledger_unit_judgement *j)
{
    c->names = change_copy(&c->change, j->names, j->n * sizeof *j->names);
    c->contents = change_copy(&c->change, j->contents, j->n * sizeof *j->contents);
    c->n = j->n;
    for (size_t i = 0; i < j->n && c->names; i++)
        c->names[i] = change_text(&c->change, j->names[i]);
    c->fault = j->fault ? reason_copy(&c->change, j->fault) : NULL;
    if (j->fault) {
        c->notes = notes_copy(l, &c->change, j->notes, j->n_notes);
        c->n_notes = j->n_notes;
    }
    c->problems = problems_copy(&c->change, j->problems, j->n_problems);
    c->warnings = j->warnings;
    message_id_new(&c->other);
}

int ledger_judge_unit(struct ledger *l, uint64_t message, const struct ledger_unit_judgement *j,
                      ledger_done_fn *done, void *context)
{
    if (j->n == 0 || j->n > ENVELOPE_FILES_MAX || (j->fault && !notes_are_safe(j->notes, j->n_notes)))
        return change_answer(-EINVAL, done, context);
    struct judge_change *c = change_new(sizeof *c, judge_apply, done, context);
    if (c) {
        c->message = message;
        judgement_copy(l, c, j);
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}

int ledger_queue_unit(struct ledger *l, uint64_t message, const char *const *names, const uint64_t *contents,
                      size_t n, ledger_done_fn *done, void *context)
{
    const struct ledger_unit_judgement goes = {.names = names, .contents = contents, .n = n};
    return ledger_judge_unit(l, message, &goes, done, context);
}

/* ---- Mark ---- */

struct mark_change {
    struct change change;
    uint64_t message, parent;
    enum out_state state;
    const char *reason, *name, *folded;
    struct content *report;
};

static int mark_note(struct ledger *l, const struct mark_change *c)
{
    const struct note note = {c->parent, c->name, c->folded, c->report};
    int r = unit_notes_put(l, c->message, &note, c->report ? 1 : 0);
    return r || c->report ? r : report_remove(l, c->parent, c->name);
}

static int mark_apply(struct ledger *l, struct change *change)
{
    const struct mark_change *c = (struct mark_change *)change;
    struct message m;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing || !m.open)
        return r ? r : -ESTALE;
    int before = sqlite3_total_changes(l->writer.db);
    r = mark_note(l, c);
    change->changed = sqlite3_total_changes(l->writer.db) != before ? LEDGER_CHANGED_TREE : 0;
    if (r || (m.state == (int)c->state && strcmp(m.reason, c->reason) == 0))
        return r;
    change->changed |= LEDGER_CHANGED_UNITS;
    r = sql_run(&l->writer, "UPDATE message SET state=?, reason=?, settled=0 WHERE id=?", "dti",
                (int)c->state, c->reason, c->message);
    return r ? r : message_audit(l, out_state_name(c->state), c->message, "%s %s", m.sequence, c->reason);
}

int ledger_mark_unit(struct ledger *l, uint64_t message, enum out_state state, const char *reason,
                     uint64_t parent, const char *report_name, const char *report_folded, const void *report,
                     size_t report_length, ledger_done_fn *done, void *context)
{
    bool has_report = report && report_length;
    if (state > OUT_HELD || (has_report && (!name_is_safe(report_name) || !report_folded)))
        return change_answer(-EINVAL, done, context);
    struct mark_change *c = change_new(sizeof *c, mark_apply, done, context);
    if (c) {
        c->message = message;
        c->parent = parent;
        c->state = state;
        c->reason = reason_copy(&c->change, reason);
        c->name = change_text(&c->change, report_name);
        c->folded = change_text(&c->change, report_folded);
        c->report = has_report ? change_content(l, &c->change, report, report_length) : NULL;
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}

/* ---- The recipient becomes known ---- */

struct recipient_change {
    struct change change;
    uint64_t message;
    struct office_id recipient;
};

/* What was good but for its partner is good now. */
static int verdicts_release(struct ledger *l, uint64_t message)
{
    int r =
        sql_run(&l->writer,
                "UPDATE node SET verdict=1 WHERE verdict=3 AND id IN (SELECT node FROM file WHERE message=?)",
                "i", message);
    return r ? r
             : sql_run(&l->writer, "UPDATE file SET verdict=1, reason='' WHERE message=? AND verdict=3", "i",
                       message);
}
_Static_assert(VERDICT_GOOD == 1 && VERDICT_WAITING == 3, "queries here say 1 and 3");

/* Another message of the unit was begun after the partner had joined: the files go over; where both have a
 * name, the later save stays. */
static int unit_join(struct ledger *l, uint64_t from, uint64_t to)
{
    autofree struct ledger_unit_file *files = NULL;
    size_t n = 0;
    int r = sql_run(
        &l->writer,
        "UPDATE node SET message=?1 WHERE message=?2 AND id IN (SELECT node FROM file WHERE message=?2)",
        "ii", to, from);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE OR IGNORE file SET message=? WHERE message=?", "ii", to, from);
    if (r == 0)
        r = message_files(&l->writer, from, &files, &n);
    for (size_t i = 0; i < n && r == 0; i++) {
        r = file_remove(l, from, files[i].name);
        if (r == 0)
            r = sql_run(&l->writer, "UPDATE node SET message=0 WHERE id=? AND message=?", "ii", files[i].node,
                        to);
    }
    if (r == 0)
        r = unit_notes_remove(l, from);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE message SET state=8, reason='joined', open=0, settled=0 WHERE id=?",
                    "i", from);
    return r ? r : message_audit(l, "withdrawn", from, "its files joined another message");
}
_Static_assert(OUT_WITHDRAWN == 8, "a query here says 8");

static int recipient_set(struct ledger *l, const struct recipient_change *c, const struct message *m)
{
    const struct unit_key key = {c->recipient.text, m->sequence, m->document};
    struct message other;
    uint64_t stays = c->message;
    int r = unit_open_message(l, &key, NULL, &other);
    if (r && r != -ENOENT)
        return r;
    bool joins = r == 0 && other.id != m->id;
    r = verdicts_release(l, c->message);
    if (r == 0 && joins) {
        stays = other.id;
        r = unit_join(l, c->message, other.id);
    } else if (r == 0) {
        r = sql_run(&l->writer, "UPDATE message SET partner=?1, unit=?1 WHERE id=?2", "ti", c->recipient.text,
                    c->message);
    }
    return r ? r : message_recompute(l, stays);
}

static int recipient_apply(struct ledger *l, struct change *change)
{
    const struct recipient_change *c = (struct recipient_change *)change;
    struct message m;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing)
        return r ? r : -ENOENT;
    if (office_id_equal(&m.partner, &c->recipient))
        return 0;
    if (!m.open || m.partner.text[0])
        return -ESTALE;
    change->changed = LEDGER_CHANGED_UNITS | LEDGER_CHANGED_TREE;
    r = message_audit(l, "recipient-known", c->message, "%s", c->recipient.text);
    return r ? r : recipient_set(l, c, &m);
}

int ledger_set_recipient(struct ledger *l, uint64_t message, const struct office_id *recipient,
                         ledger_done_fn *done, void *context)
{
    struct recipient_change *c = change_new(sizeof *c, recipient_apply, done, context);
    if (c) {
        c->message = message;
        c->recipient = *recipient;
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}
