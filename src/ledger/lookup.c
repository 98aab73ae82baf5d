/* Reading the tree, from any thread. */
#include <errno.h>

#include "ledger/tree.h"

int ledger_lookup(struct ledger *l, uint64_t parent, const char *name, struct ledger_entry *entry,
                  struct ledger_node *node)
{
    WITH_READER(l, c);
    return c ? entry_find_name(c, parent, name, entry, node) : -EIO;
}

int ledger_lookup_folded(struct ledger *l, uint64_t parent, const char *folded, struct ledger_entry *entry,
                         struct ledger_node *node)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c,
                            "SELECT " ENTRY_COLUMNS ", " NODE_COLUMNS
                            " FROM entry JOIN node ON node.id=entry.node WHERE parent=? AND folded=? LIMIT 1",
                            "it", parent, folded);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    entry_read(s, 0, entry);
    if (node)
        node_read(s, ENTRY_COLUMNS_COUNT, node);
    return 0;
}

int ledger_node(struct ledger *l, uint64_t id, struct ledger_node *node)
{
    WITH_READER(l, c);
    return c ? node_find(c, id, node) : -EIO;
}

int ledger_list(struct ledger *l, uint64_t parent, uint64_t after, size_t max, ledger_list_fn *fn,
                void *context)
{
    struct ledger_entry entry;
    struct ledger_node node;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c,
                            "SELECT " ENTRY_COLUMNS ", " NODE_COLUMNS
                            " FROM entry JOIN node ON node.id=entry.node WHERE parent=? AND entry.id>?"
                            " ORDER BY entry.id LIMIT ?",
                            "iii", parent, after, max < INT64_MAX ? max : INT64_MAX);
    int r;
    while ((r = sql_row(s)) > 0) {
        entry_read(s, 0, &entry);
        node_read(s, ENTRY_COLUMNS_COUNT, &node);
        if (!fn(context, &entry, &node))
            return 0;
    }
    return r;
}

int ledger_entries_of(struct ledger *l, uint64_t node, struct ledger_entry *out, size_t max)
{
    size_t n = 0;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s =
        sql_query(c, "SELECT " ENTRY_COLUMNS " FROM entry WHERE node=? ORDER BY id LIMIT 16", "i", node);
    int r = 0;
    while (n < max && (r = sql_row(s)) > 0)
        entry_read(s, 0, &out[n++]);
    return r < 0 ? r : (int)n;
}
