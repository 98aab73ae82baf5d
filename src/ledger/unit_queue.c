/* Units between their last save and sealing: what the mount decides about them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/exchange.h"

/* ---- The note beside an incomplete unit ---- */

static int note_find(struct ledger *l, uint64_t message, struct ledger_entry *out)
{
    autoquery s = sql_query(&l->writer,
                            "SELECT " ENTRY_COLUMNS " FROM node JOIN entry ON entry.node=node.id"
                            " WHERE node.message=? AND node.kind=2 AND node.message<>0 LIMIT 1",
                            "i", message);
    int r = sql_row(s);
    if (r > 0)
        entry_read(s, 0, out);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}
_Static_assert(NODE_REPORT == 2, "the index node_note and a query here say 2");

int unit_note_remove(struct ledger *l, uint64_t message)
{
    struct ledger_entry note;
    int r;
    while ((r = note_find(l, message, &note)) == 0) {
        r = entry_delete(l, &note, true); /* as report_remove */
        if (r)
            return r;
    }
    return r == -ENOENT ? 0 : r;
}

/* One that stands elsewhere, or under another name: the unit's recipient has become known meanwhile. */
static int note_remove_other(struct ledger *l, uint64_t message, const struct ledger_entry *keep)
{
    struct ledger_entry note = {0};
    {
        autoquery s =
            sql_query(&l->writer,
                      "SELECT " ENTRY_COLUMNS " FROM node JOIN entry ON entry.node=node.id"
                      " WHERE node.message=? AND node.kind=2 AND node.message<>0 AND entry.id<>? LIMIT 1",
                      "ii", message, keep->id);
        int r = sql_row(s);
        if (r <= 0)
            return r;
        entry_read(s, 0, &note);
    }
    return entry_delete(l, &note, true);
}

static int note_put(struct ledger *l, uint64_t message, uint64_t parent, const char *name, const char *folded,
                    struct content *report)
{
    struct ledger_entry entry;
    struct ledger_node node;
    uint64_t content = 0;
    int r = content_link(l, report, &content);
    if (r == 0)
        r = report_put(l, parent, name, folded, content);
    if (r == 0)
        r = entry_find_name(&l->writer, parent, name, &entry, &node);
    if (r || node.kind != NODE_REPORT)
        return r; /* a user's file stands there */
    r = sql_run(&l->writer, "UPDATE node SET message=? WHERE id=?", "ii", message, node.id);
    return r ? r : note_remove_other(l, message, &entry);
}

/* Does the note stand there as it is to be? 1 = yes. */
static int note_same(struct ledger *l, uint64_t message, uint64_t parent, const char *name,
                     const struct content *report)
{
    struct ledger_entry entry;
    struct ledger_node node;
    struct hash256 had, wanted;
    uint64_t size;
    int r = entry_find_name(&l->writer, parent, name, &entry, &node);
    if (r || node.kind != NODE_REPORT || node.message != message || !node.content)
        return r == -ENOENT ? 0 : r;
    r = content_known(l, node.content, &size, &had);
    content_hash(report, &wanted);
    return r ? r : memcmp(&had, &wanted, sizeof had) == 0;
}

/* ---- Queue ---- */

struct queue_change {
    struct change change;
    uint64_t message;
    const char **names;
    const uint64_t *contents;
    size_t n;
    struct message_id other; /* the message of the files that are left behind */
};

static ptrdiff_t named(const struct queue_change *c, const char *name)
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

static int files_choose(struct ledger *l, const struct queue_change *c, const struct ledger_unit_file *files,
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
static int file_left(struct ledger *l, const struct queue_change *c, const struct ledger_unit_file *f,
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

static int other_begin(struct ledger *l, const struct queue_change *c, const struct message *m,
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

static int leave_behind(struct ledger *l, const struct queue_change *c, const struct message *m,
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

static int queue_files(struct ledger *l, const struct queue_change *c, const struct message *m)
{
    autofree struct ledger_unit_file *files = NULL;
    struct choice choice;
    size_t n = 0;
    int r = message_files(&l->writer, c->message, &files, &n);
    if (r == 0)
        r = files_choose(l, c, files, n, &choice);
    return r ? r : leave_behind(l, c, m, files, n, choice.left);
}

static int queue_apply(struct ledger *l, struct change *change)
{
    const struct queue_change *c = (struct queue_change *)change;
    struct message m;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing)
        return r ? r : -ENOENT;
    if (!m.open || !m.partner.text[0])
        return -ESTALE;
    r = queue_files(l, c, &m);
    if (r == 0)
        r = unit_note_remove(l, c->message);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE message SET state=3, reason='', settled=1 WHERE id=?", "i",
                    c->message);
    change->changed = LEDGER_CHANGED_UNITS | LEDGER_CHANGED_TREE;
    if (r || (m.state == OUT_QUEUED && m.settled))
        return r;
    return message_audit(l, "queued", c->message, "%s to %s, %zu files",
                         m.sequence[0] ? m.sequence : "document", m.partner.text, c->n);
}
_Static_assert(OUT_QUEUED == 3, "a query here says 3");

int ledger_queue_unit(struct ledger *l, uint64_t message, const char *const *names, const uint64_t *contents,
                      size_t n, ledger_done_fn *done, void *context)
{
    if (n == 0 || n > ENVELOPE_FILES_MAX)
        return change_answer(-EINVAL, done, context);
    struct queue_change *c = change_new(sizeof *c, queue_apply, done, context);
    if (c) {
        c->message = message;
        c->names = change_copy(&c->change, names, n * sizeof *names);
        c->contents = change_copy(&c->change, contents, n * sizeof *contents);
        c->n = n;
        for (size_t i = 0; i < n && c->names; i++)
            c->names[i] = change_text(&c->change, names[i]);
        message_id_new(&c->other);
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
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
    int r = c->report ? note_same(l, c->message, c->parent, c->name, c->report) : 0;
    if (r)
        return r < 0 ? r : 0;
    if (c->report)
        return note_put(l, c->message, c->parent, c->name, c->folded, c->report);
    r = unit_note_remove(l, c->message);
    return r ? r : report_remove(l, c->parent, c->name);
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
        r = unit_note_remove(l, from);
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
