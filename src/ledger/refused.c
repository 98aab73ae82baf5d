/* What a partner (or the hub) has refused: told beside its files, which stay in the outbox until they are
 * saved again or removed. */
#include <errno.h>

#include "ledger/exchange.h"

int message_refused(struct ledger *l, uint64_t id, const char *reason)
{
    int r = message_set_state(l, id, OUT_REFUSED, reason);
    return r ? r : sql_run(&l->writer, "UPDATE message SET show=1 WHERE id=?", "i", id);
}

int refused_go_on(struct ledger *l, uint64_t from, uint64_t to)
{
    int r = sql_run(&l->writer, "UPDATE node SET message=?2 WHERE message=?1 AND message<>0 AND kind=2", "ii",
                    from, to);
    if (r == 0)
        r = sql_run(&l->writer,
                    "UPDATE node SET message=?2 WHERE message=?1 AND kind=1 AND id IN"
                    " (SELECT node FROM file WHERE message=?2 AND node<>0)",
                    "ii", from, to);
    if (r == 0) /* so that they go from the outbox when it has gone */
        r = sql_run(&l->writer, "UPDATE message SET linger=1 WHERE id=? AND sent>0", "i", to);
    return r ? r : sql_run(&l->writer, "UPDATE message SET show=0 WHERE id=?", "i", from);
}
_Static_assert(NODE_FILE == 1 && NODE_REPORT == 2, "queries here say 1 and 2");

int ledger_refused(struct ledger *l, uint64_t *messages, size_t max)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c, "SELECT id FROM message WHERE show=1 AND outgoing=1 ORDER BY id", "");
    return column_ids(s, messages, max);
}

struct told_change {
    struct change change;
    uint64_t message;
    struct note *notes;
    size_t n;
};

/* A later message of its unit. -ENOENT. */
static int later_find(struct ledger *l, uint64_t message, uint64_t *later)
{
    int64_t id;
    int r = sql_number(&l->writer, &id,
                       "SELECT later.id FROM message JOIN message AS later ON later.unit=message.unit"
                       " AND later.sequence=message.sequence AND later.document=message.document"
                       " AND later.outgoing=1 AND later.id>message.id WHERE message.id=?"
                       " ORDER BY later.id DESC LIMIT 1",
                       "i", message);
    *later = r ? 0 : (uint64_t)id;
    return r;
}

static int told_apply(struct ledger *l, struct change *change)
{
    struct told_change *c = (struct told_change *)change;
    struct message m;
    uint64_t later;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing || m.state != OUT_REFUSED)
        return r ? r : -ESTALE;
    change->changed = LEDGER_CHANGED_TREE;
    r = later_find(l, c->message, &later);
    if (r == 0)
        return refused_go_on(l, c->message, later);
    if (r == -ENOENT)
        r = unit_notes_put(l, c->message, c->notes, c->n);
    return r ? r : sql_run(&l->writer, "UPDATE message SET show=0 WHERE id=?", "i", c->message);
}

int ledger_refused_told(struct ledger *l, uint64_t message, const struct ledger_note *notes, size_t n,
                        ledger_done_fn *done, void *context)
{
    if (!notes_are_safe(notes, n))
        return change_answer(-EINVAL, done, context);
    struct told_change *c = change_new(sizeof *c, told_apply, done, context);
    if (c) {
        c->message = message;
        c->notes = notes_copy(l, &c->change, notes, n);
        c->n = n;
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}
