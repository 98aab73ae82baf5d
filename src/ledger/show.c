/* What has arrived and waits for the announcer. */
#include <errno.h>

#include "ledger/exchange.h"

int ledger_to_show(struct ledger *l, uint64_t *messages, size_t max)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c, "SELECT id FROM message WHERE show=1 AND outgoing=0 ORDER BY id", "");
    return column_ids(s, messages, max);
}

/* Hidden entries of the message's files, and of the folder in _順番 that holds some of them. (The + keeps
 * SQLite from walking all of _順番.) */
#define HIDDEN                                                                                                   \
    "SELECT entry.id AS hidden FROM node JOIN entry ON entry.node=node.id WHERE node.message=?1 AND node.kind=3" \
    " AND entry.shown=0"                                                                                         \
    " UNION SELECT folder.id FROM node JOIN entry ON entry.node=node.id JOIN entry AS folder"                    \
    " ON folder.node=entry.parent WHERE node.message=?1 AND node.kind=3 AND +folder.parent=5 AND folder.shown=0"
_Static_assert(NODE_INCOMING == 3 && NODE_ORDER == 5, "the query says 3 and 5");

int ledger_show_list(struct ledger *l, uint64_t message, struct ledger_entry *out, size_t max)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(
        c, "SELECT " ENTRY_COLUMNS " FROM entry WHERE id IN (" HIDDEN ") ORDER BY entry.id", "i", message);
    size_t n = 0;
    int r = 0;
    while (n < max && (r = sql_row(s)) > 0)
        entry_read(s, 0, &out[n++]);
    return r < 0 ? r : (int)n;
}

struct shown_change {
    struct change change;
    uint64_t message;
};

static int shown_apply(struct ledger *l, struct change *change)
{
    uint64_t message = ((struct shown_change *)change)->message;
    struct message m;
    int64_t waits = 0;
    int r = message_find(&l->writer, message, &m);
    if (r == 0)
        r = sql_number(&l->writer, &waits, "SELECT show FROM message WHERE id=?", "i", message);
    if (r || !waits)
        return r;
    r = sql_run(&l->writer, "UPDATE entry SET shown=1 WHERE id IN (" HIDDEN ")", "i", message);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE message SET show=0 WHERE id=?", "i", message);
    change->changed = LEDGER_CHANGED_TREE;
    return r ? r : message_audit(l, "shown", message, "%s", m.sequence);
}

int ledger_shown(struct ledger *l, uint64_t message, ledger_done_fn *done, void *context)
{
    struct shown_change *c = change_new(sizeof *c, shown_apply, done, context);
    if (c)
        c->message = message;
    return change_submit(l, c ? &c->change : NULL, done, context);
}
