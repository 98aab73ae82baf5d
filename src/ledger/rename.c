/* Names that move and names that go. */
#include <errno.h>

#include "ledger/message.h"
#include "ledger/save.h"
#include "ledger/tree.h"

/* At most two open messages lose a file by one change: that of the file that moves, and that of the file it
 * replaces. They are recomputed at the end, when what joins them has joined. */
struct removal {
    bool keep_node;
    unsigned changed;
    uint64_t left;
};

static int outgoing_go(struct ledger *l, const struct ledger_entry *e, const struct ledger_node *node,
                       struct removal *x)
{
    int r = node->links <= 1 ? unit_leave(l, node->id, &x->left) : 0;
    x->changed |= LEDGER_CHANGED_TREE | (node->message ? LEDGER_CHANGED_UNITS : 0);
    return r ? r : entry_delete(l, e, x->keep_node);
}

static int incoming_go(struct ledger *l, const struct ledger_node *node, struct removal *x)
{
    int r = taken_by_removal(l, node, &x->changed);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE file SET node=0 WHERE node=? AND node<>0", "i", node->id);
    return r ? r : node_unlink_all(l, node->id, x->keep_node);
}

static int entry_go(struct ledger *l, const struct ledger_entry *e, struct removal *x)
{
    struct ledger_node node;
    int r = node_find(&l->writer, e->node, &node);
    if (r)
        return r;
    switch (node.kind) {
    case NODE_FILE:
    case NODE_REPORT:
        return outgoing_go(l, e, &node, x);
    case NODE_INCOMING:
        return incoming_go(l, &node, x);
    case NODE_FOLDER:
        return -EISDIR;
    case NODE_ARCHIVED:
    case NODE_PAGE:
        break;
    }
    return -EPERM;
}

static int reports_go(struct ledger *l, uint64_t parent, const char *const names[3])
{
    int r = 0;
    for (size_t i = 0; i < 3 && r == 0; i++)
        r = report_remove(l, parent, names[i]);
    return r;
}

static void reports_copy(struct change *c, const char *const from[3], const char *to[3])
{
    for (size_t i = 0; i < 3; i++)
        to[i] = from ? change_text(c, from[i]) : NULL;
}

/* ---- Unlink ---- */

struct unlink_change {
    struct change change;
    uint64_t entry, content;
    bool keep_node, settled;
    const char *reports[3];
};

/* A save, a draft or a resend may have come since somebody looked. */
static int is_settled(struct ledger *l, const struct unlink_change *u)
{
    int64_t there;
    int r =
        sql_number(&l->writer, &there,
                   "SELECT 1 FROM entry JOIN node ON node.id=entry.node WHERE entry.id=?1 AND node.content=?2"
                   " AND node.draft=0 AND (node.kind=2 OR EXISTS(SELECT 1 FROM message JOIN file ON"
                   " file.message=message.id WHERE message.id=node.message AND message.linger=1"
                   " AND message.state<>7 AND file.node=node.id AND file.content=node.content))",
                   "ii", u->entry, u->content);
    return r == -ENOENT ? -ESTALE : r;
}
_Static_assert(NODE_REPORT == 2 && OUT_REFUSED == 7, "a query here says 2 and 7");

static int unlink_apply(struct ledger *l, struct change *c)
{
    const struct unlink_change *u = (struct unlink_change *)c;
    struct removal x = {.keep_node = u->keep_node};
    struct ledger_entry e;
    int r = entry_find(&l->writer, u->entry, &e);
    if (r == 0 && u->settled)
        r = is_settled(l, u);
    if (r == 0)
        r = entry_go(l, &e, &x);
    if (r == 0)
        r = reports_go(l, e.parent, u->reports);
    c->changed |= x.changed;
    return r || !x.left ? r : message_recompute(l, x.left);
}

static struct unlink_change *unlink_new(uint64_t entry, bool keep_node, const char *const remove_reports[3],
                                        ledger_done_fn *done, void *context)
{
    struct unlink_change *u = change_new(sizeof *u, unlink_apply, done, context);
    if (u) {
        u->entry = entry;
        u->keep_node = keep_node;
        reports_copy(&u->change, remove_reports, u->reports);
    }
    return u;
}

int ledger_unlink(struct ledger *l, uint64_t entry, bool keep_node, const char *const remove_reports[3],
                  ledger_done_fn *done, void *context)
{
    struct unlink_change *u = unlink_new(entry, keep_node, remove_reports, done, context);
    return change_submit(l, u ? &u->change : NULL, done, context);
}

int ledger_unlink_settled(struct ledger *l, uint64_t entry, uint64_t content, bool keep_node,
                          const char *const remove_reports[3], ledger_done_fn *done, void *context)
{
    struct unlink_change *u = unlink_new(entry, keep_node, remove_reports, done, context);
    if (u) {
        u->settled = true;
        u->content = content;
    }
    return change_submit(l, u ? &u->change : NULL, done, context);
}

/* ---- Drop ---- */

struct drop_change {
    struct change change;
    uint64_t node;
};

static int drop_apply(struct ledger *l, struct change *c)
{
    uint64_t id = ((struct drop_change *)c)->node;
    struct ledger_node node;
    int r = node_find(&l->writer, id, &node);
    if (r || node.links)
        return r == -ENOENT ? 0 : r;
    return node_delete(l, id);
}

int ledger_drop_node(struct ledger *l, uint64_t node, ledger_done_fn *done, void *context)
{
    struct drop_change *d = change_new(sizeof *d, drop_apply, done, context);
    if (d)
        d->node = node;
    return change_submit(l, d ? &d->change : NULL, done, context);
}

/* ---- Rename ---- */

struct rename_change {
    struct change change;
    struct ledger_rename rename; /* strings copied, `then` not used */
    bool joins;
    struct save_work then;
};

/* The name of the file that is replaced goes at once, its place in its unit only after `then`: where the new
 * file takes that place its message lives on. `*node` (0 = none) is what replaced_end is to see to. */
static int replaced_begin(struct ledger *l, const struct rename_change *k, uint64_t moving, uint64_t *node,
                          struct removal *x)
{
    struct ledger_entry e;
    struct ledger_node n;
    *node = 0;
    if (!k->rename.replaced)
        return 0;
    int r = entry_find(&l->writer, k->rename.replaced, &e);
    if (r)
        return r == -ENOENT ? 0 : r;
    if (e.node == moving) /* two names of one file: the other one just goes */
        return entry_delete(l, &e, true);
    r = node_find(&l->writer, e.node, &n);
    if (r || (n.kind != NODE_FILE && n.kind != NODE_REPORT))
        return r ? r : entry_go(l, &e, x);
    x->changed |= LEDGER_CHANGED_TREE | (n.message ? LEDGER_CHANGED_UNITS : 0);
    *node = n.links <= 1 ? n.id : 0;
    return entry_delete(l, &e, true);
}

static int replaced_end(struct ledger *l, uint64_t node, struct removal *x)
{
    if (!node)
        return 0;
    int r = unit_leave(l, node, &x->left);
    return r || x->keep_node ? r : node_delete(l, node);
}

static int entry_move(struct ledger *l, const struct rename_change *k, const struct ledger_entry *e)
{
    const struct ledger_rename *n = &k->rename;
    int r = sql_run(&l->writer, "UPDATE entry SET parent=?, name=?, folded=? WHERE id=?", "itti", n->parent,
                    n->name, n->folded, e->id);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE node SET ctime=? WHERE id=?", "ii", now_ns(), e->node);
    if (r == 0)
        r = node_touch(l, e->parent);
    if (r == 0 && n->parent != e->parent)
        r = node_touch(l, n->parent);
    return r ? r : folder_drop_empty(l, e->parent);
}

static int move_apply(struct ledger *l, struct rename_change *k, uint64_t *left, uint64_t *replaced,
                      struct removal *x)
{
    const struct ledger_rename *n = &k->rename;
    struct ledger_entry e;
    struct ledger_node node;
    if (!n->entry) /* not durable until now: `then` makes it */
        return replaced_begin(l, k, 0, replaced, x);
    int r = entry_find(&l->writer, n->entry, &e);
    if (r == 0)
        r = node_find(&l->writer, e.node, &node);
    if (r == 0 && node.kind != NODE_FILE && node.kind != NODE_REPORT)
        r = -EPERM;
    if (r == 0)
        r = replaced_begin(l, k, e.node, replaced, x);
    if (r == 0 && n->leaves_unit)
        r = unit_leave(l, e.node, left);
    if (r == 0)
        r = entry_move(l, k, &e);
    x->changed |= LEDGER_CHANGED_TREE | (node.message ? LEDGER_CHANGED_UNITS : 0);
    return r ? r : reports_go(l, e.parent, n->remove_reports);
}

static int rename_apply(struct ledger *l, struct change *c)
{
    struct rename_change *k = (struct rename_change *)c;
    struct removal x = {.keep_node = k->rename.keep_replaced};
    uint64_t left = 0, replaced = 0;
    int r = move_apply(l, k, &left, &replaced, &x);
    c->changed |= x.changed;
    if (r == 0 && k->joins)
        r = save_apply(l, c, &k->then);
    if (r == 0)
        r = replaced_end(l, replaced, &x);
    if (r == 0 && left)
        r = message_recompute(l, left);
    return r || !x.left ? r : message_recompute(l, x.left);
}

int ledger_rename(struct ledger *l, const struct ledger_rename *rename, ledger_done_fn *done, void *context)
{
    struct rename_change *k = change_new(sizeof *k, rename_apply, done, context);
    if (!k && rename->then)
        content_abort(rename->then->content);
    if (k) {
        k->rename = *rename;
        k->rename.then = NULL;
        k->rename.name = change_text(&k->change, rename->name);
        k->rename.folded = change_text(&k->change, rename->folded);
        reports_copy(&k->change, rename->remove_reports, k->rename.remove_reports);
        k->joins = rename->then != NULL;
        if (k->joins)
            save_copy(l, &k->change, rename->then, &k->then);
    }
    return change_submit(l, k ? &k->change : NULL, done, context);
}
