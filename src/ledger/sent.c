/* After the hub's acceptance: entries that linger in the outbox, and messages sent once more. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/exchange.h"

/* ---- Lingering ---- */

struct linger_change {
    struct change change;
};

/* Messages of which no file stands in the outbox any more need not be looked at again. */
static int linger_apply(struct ledger *l, struct change *change)
{
    (void)change;
    return sql_run(&l->writer,
                   "UPDATE message SET linger=0 WHERE linger=1 AND NOT EXISTS(SELECT 1 FROM file JOIN node"
                   " ON node.id=file.node WHERE file.message=message.id AND node.message=message.id"
                   " AND node.links>0)",
                   "");
}

static void linger_done(void *context, int result)
{
    (void)context;
    (void)result; /* tried again with the next look */
}

static void linger_clear(struct ledger *l)
{
    struct linger_change *c = change_new(sizeof *c, linger_apply, linger_done, NULL);
    if (c)
        c->change.lazy = true;
    change_submit(l, c ? &c->change : NULL, linger_done, NULL);
}

int ledger_sent_entries(struct ledger *l, int64_t accepted_before, struct ledger_entry *out, size_t max)
{
    size_t n = 0;
    int64_t gone = 0;
    {
        WITH_READER(l, c);
        if (!c)
            return -EIO;
        autoquery s =
            sql_query(c,
                      "SELECT " ENTRY_COLUMNS " FROM message JOIN file ON file.message=message.id"
                      " JOIN node ON node.id=file.node JOIN entry ON entry.node=node.id"
                      " WHERE linger=1 AND message.state<>7 AND message.sent<=? AND node.message=message.id"
                      " AND node.kind=1"
                      " AND node.content=file.content AND node.draft=0 ORDER BY message.id, entry.id",
                      "i", accepted_before);
        int r = 0;
        while (n < max && (r = sql_row(s)) > 0)
            entry_read(s, 0, &out[n++]);
        if (r == 0)
            r = sql_number(
                c, &gone,
                "SELECT EXISTS(SELECT 1 FROM message WHERE linger=1 AND NOT EXISTS(SELECT 1 FROM file JOIN"
                " node ON node.id=file.node WHERE file.message=message.id AND node.message=message.id"
                " AND node.links>0))",
                "");
        if (r < 0)
            return r;
    }
    if (gone)
        linger_clear(l);
    return (int)n;
}
_Static_assert(NODE_FILE == 1 && OUT_REFUSED == 7, "a query here says 1 and 7");

/* ---- Once more ---- */

struct resend_change {
    struct change change;
    struct message_id old, uid;
};

static int out_find(struct ledger *l, const struct message_id *uid, struct message *out)
{
    int64_t id;
    int r = sql_number(&l->writer, &id, "SELECT id FROM message WHERE uid=? AND outgoing=1", "b", uid->bytes,
                       sizeof uid->bytes);
    return r ? r : message_find(&l->writer, (uint64_t)id, out);
}

/* The same files; what stands in the outbox belongs to the new message from now on. */
static int files_repeat(struct ledger *l, uint64_t from, uint64_t to)
{
    autofree struct ledger_unit_file *files = NULL;
    size_t n = 0;
    int r = message_files(&l->writer, from, &files, &n);
    for (size_t i = 0; i < n && r == 0; i++)
        r = content_ref(l, files[i].content);
    if (r == 0)
        r = sql_run(
            &l->writer,
            "INSERT INTO file SELECT ?1, name, folded, node, content, kind, version, size, sha256, verdict,"
            " reason, carried, document, main, problems, warnings FROM file WHERE message=?2",
            "ii", to, from);
    return r ? r
             : sql_run(&l->writer,
                       "UPDATE node SET message=?1 WHERE message=?2 AND id IN (SELECT node FROM file WHERE"
                       " message=?2)",
                       "ii", to, from);
}

static int resend_rows(struct ledger *l, const struct resend_change *c, const struct message *old,
                       uint64_t *message)
{
    struct message_new row = {.outgoing = true,
                              .uid = c->uid,
                              .partner = old->partner,
                              .partner_text = old->partner_text,
                              .sequence = old->sequence,
                              .document = old->document,
                              .state = OUT_QUEUED,
                              .reason = "",
                              .replaces = &c->old,
                              .saved = clock_utc_ms()};
    int r = message_insert(l, &row, message);
    if (r == 0)
        r = files_repeat(l, old->id, *message);
    if (r == 0)
        r = unit_notes_remove(l, old->id);
    if (r == 0)
        r = sql_run(&l->writer,
                    "UPDATE message SET settled=1, (problems, warnings)="
                    "(SELECT problems, warnings FROM message WHERE id=?2) WHERE id=?1",
                    "ii", *message, old->id);
    return r ? r : sql_run(&l->writer, "UPDATE message SET replaced=1, show=0 WHERE id=?", "i", old->id);
}

static bool may_resend(const struct message *m)
{
    return m->state >= OUT_SENT && m->state <= OUT_REFUSED;
}
_Static_assert(OUT_SENT < OUT_RECEIVED && OUT_RECEIVED < OUT_TAKEN && OUT_TAKEN < OUT_REFUSED,
               "a range is asked");

/* The message whose files were saved: one that was sent again repeats another. */
static int origin_find(struct ledger *l, struct message *m)
{
    enum { REPEATS_MAX = 1000 };
    int r = 0;
    for (unsigned i = 0; m->has_replaces && i < REPEATS_MAX && r == 0; i++) {
        const struct message_id replaced = m->replaces;
        r = out_find(l, &replaced, m);
    }
    return r == -ENOENT ? 0 : r;
}

/* Has the partner been sent, or is it to be sent, a later version of one of its files? The older one would
 * take its place there. */
static int is_outdated(struct ledger *l, const struct message *old)
{
    int64_t newer;
    struct message origin = *old;
    int r = origin_find(l, &origin);
    if (r)
        return r;
    r = sql_number(&l->writer, &newer,
                   "SELECT 1 FROM message AS asked JOIN message AS later ON later.unit=asked.unit AND"
                   " later.sequence=asked.sequence AND later.outgoing=1 AND later.id>asked.id AND"
                   " later.replaces IS NULL AND (later.sealed=1 OR later.state=3) AND later.state<>7"
                   " JOIN file AS theirs ON theirs.message=later.id"
                   " JOIN file AS ours ON ours.message=asked.id AND ours.name=theirs.name"
                   " WHERE asked.id=? AND ours.sha256<>theirs.sha256 LIMIT 1",
                   "i", origin.id);
    return r == -ENOENT ? 0 : r ? r : -ESTALE;
}
_Static_assert(OUT_QUEUED == 3 && OUT_REFUSED == 7, "a query here says 3 and 7");

static int resend_apply(struct ledger *l, struct change *change)
{
    const struct resend_change *c = (struct resend_change *)change;
    struct message old, done;
    uint64_t message;
    char label[48];
    int r = out_find(l, &c->old, &old);
    if (r)
        return r;
    r = out_find(l, &c->uid, &done);
    if (r != -ENOENT) /* asked twice, or an id that is another message's */
        return r ? r : done.has_replaces && memcmp(&done.replaces, &c->old, sizeof c->old) == 0 ? 0 : -EEXIST;
    if (!may_resend(&old))
        return -EINVAL;
    r = is_outdated(l, &old);
    if (r)
        return r;
    change->changed = LEDGER_CHANGED_UNITS;
    r = resend_rows(l, c, &old, &message);
    message_label(true, c->old.bytes, label);
    return r ? r : message_audit(l, "resent", message, "replaces %s", label);
}

int ledger_resend(struct ledger *l, const struct message_id *old, const struct message_id *new_id,
                  ledger_done_fn *done, void *context)
{
    struct resend_change *c = change_new(sizeof *c, resend_apply, done, context);
    if (c) {
        c->old = *old;
        c->uid = *new_id;
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}
