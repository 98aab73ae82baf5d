/* What the office has taken of a message that came: file by file, and the receipt when all of it is. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/message.h"
#include "ledger/save.h"
#include "ledger/tree.h"

/* The entries in _順番 and _すべて, where only stands what is not yet taken. */
static int places_go(struct ledger *l, uint64_t node)
{
    struct ledger_entry entry = {0};
    int r;
    while ((r = entry_next_of_node(&l->writer, node, entry.id, &entry)) == 0) {
        struct ledger_node parent;
        r = node_find(&l->writer, entry.parent, &parent);
        bool passing = r == 0 && (entry.parent == NODE_ALL || parent.message);
        if (r == 0 && passing)
            r = entry_delete(l, &entry, true);
        if (r == 0 && passing)
            r = folder_drop_empty(l, entry.parent);
        if (r)
            return r;
    }
    return r == -ENOENT ? 0 : r;
}

int taken_places_go(struct ledger *l, uint64_t message)
{
    int64_t node = 0;
    int r;
    while ((r = sql_number(&l->writer, &node,
                           "SELECT id FROM node WHERE kind=3 AND message=? AND id>? ORDER BY id LIMIT 1",
                           "ii", message, node)) == 0) {
        r = places_go(l, (uint64_t)node);
        if (r)
            return r;
    }
    return r == -ENOENT ? 0 : r;
}

/* After a file of it was taken: the message too, when it was the last. */
static int unit_taken(struct ledger *l, uint64_t message, const char *how, unsigned *changed)
{
    struct message m;
    int64_t left;
    int r = message_find(&l->writer, message, &m);
    if (r || m.outgoing || m.state != IN_ARRIVED)
        return r == -ENOENT ? 0 : r;
    r = sql_number(
        &l->writer, &left,
        "SELECT 1 FROM file JOIN node ON node.id=file.node WHERE file.message=? AND node.taken<>1 LIMIT 1",
        "i", message);
    if (r != -ENOENT)
        return r;
    r = sql_run(&l->writer, "UPDATE message SET state=?, taken=? WHERE id=?", "dii", (int)IN_TAKEN,
                clock_utc_ms(), message);
    if (r == 0)
        r = taken_places_go(l, message);
    if (r == 0)
        r = receipt_queue(l, message, RECEIPT_TAKEN, how, NULL, 0);
    *changed |= LEDGER_CHANGED_RECEIPTS | LEDGER_CHANGED_UNITS;
    return r ? r : message_audit(l, "taken", message, "%s", how);
}

static int node_mark(struct ledger *l, uint64_t node, int taken)
{
    return sql_run(&l->writer, "UPDATE node SET taken=? WHERE id=?", "di", taken, node);
}

int taken_by_removal(struct ledger *l, const struct ledger_node *node, unsigned *changed)
{
    *changed |= LEDGER_CHANGED_TREE | LEDGER_CHANGED_INBOX;
    int r = node_mark(l, node->id, NODE_TAKEN);
    return r || node->taken ? r : unit_taken(l, node->message, "removed", changed);
}

struct read_change {
    struct change change;
    uint64_t node;
    bool counts;
};

static int read_apply(struct ledger *l, struct change *c)
{
    const struct read_change *k = (struct read_change *)c;
    struct ledger_node node;
    int64_t taken;
    int r = node_find(&l->writer, k->node, &node);
    if (r || node.kind != NODE_INCOMING)
        return r;
    r = sql_number(&l->writer, &taken, "SELECT taken FROM node WHERE id=?", "i", k->node);
    if (r || taken == NODE_TAKEN || (taken == NODE_VIEWED && !k->counts))
        return r;
    r = node_mark(l, k->node, k->counts ? NODE_TAKEN : NODE_VIEWED);
    if (r == 0)
        r = message_audit(l, "read", node.message, "node %llu", (unsigned long long)k->node);
    c->changed |= LEDGER_CHANGED_TREE;
    return r || !k->counts ? r : unit_taken(l, node.message, "read", &c->changed);
}

int ledger_read_whole(struct ledger *l, uint64_t node, bool counts, ledger_done_fn *done, void *context)
{
    struct read_change *c = change_new(sizeof *c, read_apply, done, context);
    if (c) {
        c->node = node;
        c->counts = counts;
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}
