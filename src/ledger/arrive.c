/* Where an arrived message is shown: its partner's folder, a folder of its own in _順番, _すべて; and what
 * must make room for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/exchange.h"
#include "ledger/save.h"

enum { NS_PER_MS = 1000000 };

struct arriving {
    char name[256], folded[768];
    uint64_t content;
    bool main_file, stale;
};

struct arrival {
    struct ledger *ledger;
    struct message message;
    struct partner_place place;
    uint64_t order_folder; /* node */
    int64_t mtime_ns;
    struct arriving *files;
    size_t n, shown;
};

/* ---- What makes room ---- */

/* Without anything left that could be taken the message is superseded: nobody is told that it was taken. */
static int superseded_wholly(struct ledger *l, uint64_t message, unsigned *changed)
{
    struct message m;
    int64_t left = 0;
    int r = message_find(&l->writer, message, &m);
    if (r || m.outgoing || m.state != IN_ARRIVED)
        return r == -ENOENT ? 0 : r;
    r = sql_number(&l->writer, &left, "SELECT count(*) FROM node WHERE message=? AND kind=3 AND taken<>1",
                   "i", message);
    if (r || left)
        return r;
    r = message_set_state(l, message, IN_SUPERSEDED, "");
    if (r == 0)
        r = taken_places_go(l, message); /* of those taken before */
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE message SET show=0 WHERE id=?", "i", message);
    *changed |= LEDGER_CHANGED_INBOX;
    return r ? r : message_audit(l, "superseded", message, "%s", m.sequence);
}
_Static_assert(NODE_FILE == 1 && NODE_INCOMING == 3 && NODE_TAKEN == 1, "queries here say so");

/* Programs may have it open: the node stays without a name until the next start. */
static int node_supersede(struct ledger *l, uint64_t node)
{
    int r = node_unlink_all(l, node, true);
    return r ? r : sql_run(&l->writer, "UPDATE node SET taken=1 WHERE id=?", "i", node);
}

/* The next file that stands under this name: it came from the partner (or is one of the archive, put back).
 */
static int standing_find(struct ledger *l, uint64_t folder, const struct arriving *f, uint64_t *node,
                         uint64_t *message)
{
    autoquery s =
        sql_query(&l->writer,
                  "SELECT node.id, node.message FROM entry JOIN node ON node.id=entry.node"
                  " WHERE parent=?1 AND name=?2 AND kind IN (1, 3) UNION ALL"
                  " SELECT node.id, node.message FROM entry JOIN node ON node.id=entry.node"
                  " WHERE parent=?1 AND folded=?3 AND kind IN (1, 3) LIMIT 1", /* an OR walks the folder */
                  "itt", folder, f->name, f->folded);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    *node = sql_u64(s, 0);
    *message = sql_u64(s, 1);
    return 0;
}

static int make_room(struct arrival *a, const struct arriving *f, unsigned *changed)
{
    uint64_t node, message;
    int r;
    while ((r = standing_find(a->ledger, a->place.inbox, f, &node, &message)) == 0) {
        if (message == a->message.id)
            return 0; /* a twin by case within one message stands beside */
        r = node_supersede(a->ledger, node);
        if (r == 0)
            r = superseded_wholly(a->ledger, message, changed);
        if (r)
            return r;
    }
    return r == -ENOENT ? 0 : r;
}

static int next_standing(struct ledger *l, uint64_t message, uint64_t *node)
{
    int64_t id;
    int r = sql_number(&l->writer, &id, "SELECT id FROM node WHERE message=? AND kind=3 AND links>0 LIMIT 1",
                       "i", message);
    *node = r ? 0 : (uint64_t)id;
    return r;
}

static int replaced_find(struct ledger *l, const struct message *m, uint64_t *replaced)
{
    int64_t id;
    int r = sql_number(&l->writer, &id,
                       "SELECT id FROM message WHERE uid=? AND outgoing=0 AND partner=? AND state=0", "bt",
                       m->replaces.bytes, sizeof m->replaces.bytes, m->partner.text);
    *replaced = r ? 0 : (uint64_t)id;
    return r;
}
_Static_assert(IN_ARRIVED == 0, "a query here says 0");

/* The message that this one names as replaced, if it has not been taken as a whole: only one of the two
 * stands in the inbox. */
static int supersede_replaced(struct arrival *a, unsigned *changed)
{
    uint64_t replaced, node;
    if (!a->message.has_replaces)
        return 0;
    int r = replaced_find(a->ledger, &a->message, &replaced);
    if (r)
        return r == -ENOENT ? 0 : r;
    while ((r = next_standing(a->ledger, replaced, &node)) == 0) {
        r = node_supersede(a->ledger, node);
        if (r)
            return r;
    }
    return r == -ENOENT ? superseded_wholly(a->ledger, replaced, changed) : r;
}

/* ---- What came too late to be shown ---- */

/* Downloads overtake each other. A message whose successor is here is not shown any more. */
static int is_replaced(struct arrival *a)
{
    int64_t n = 0;
    int r =
        sql_number(&a->ledger->writer, &n,
                   "SELECT count(*) FROM message WHERE outgoing=0 AND partner=? AND sequence=? AND replaces=?"
                   " AND state<>2",
                   "ttb", a->message.partner.text, a->message.sequence, a->message.uid.bytes,
                   sizeof a->message.uid.bytes);
    return r ? r : n > 0;
}
_Static_assert(IN_REFUSED == 2, "queries here say 2");

/* Has the hub accepted a later message that holds this name? */
static int is_older(struct arrival *a, const struct arriving *f)
{
    int64_t n = 0;
    int r =
        sql_number(&a->ledger->writer, &n,
                   "SELECT count(*) FROM message JOIN file ON file.message=message.id WHERE outgoing=0 AND"
                   " partner=? AND sequence=? AND sent>? AND state<>2 AND name=?",
                   "ttit", a->message.partner.text, a->message.sequence, a->message.sent, f->name);
    return r ? r : n > 0;
}

static int find_stale(struct arrival *a)
{
    int replaced = is_replaced(a);
    for (size_t i = 0; i < a->n && replaced >= 0; i++) {
        int older = replaced ? 1 : is_older(a, &a->files[i]);
        if (older < 0)
            return older;
        a->files[i].stale = older;
        a->shown += !older;
    }
    return replaced < 0 ? replaced : 0;
}

/* ---- Entries ---- */

static int files_load(struct arrival *a)
{
    autoquery s =
        sql_query(&a->ledger->writer,
                  "SELECT name, folded, content, main FROM file WHERE message=? ORDER BY main, name", "i",
                  a->message.id);
    int r;
    size_t room = 0;
    while ((r = sql_row(s)) > 0) {
        if (a->n == room) {
            room = room ? 2 * room : 8;
            struct arriving *grown = reallocarray(a->files, room, sizeof *grown);
            if (!grown)
                return -ENOMEM;
            a->files = grown;
        }
        struct arriving *f = &a->files[a->n++];
        *f = (struct arriving){.content = sql_u64(s, 2), .main_file = sqlite3_column_int(s, 3)};
        sql_text(s, 0, f->name, sizeof f->name);
        sql_text(s, 1, f->folded, sizeof f->folded);
    }
    return r;
}

static int enter(struct ledger *l, uint64_t parent, uint64_t node, bool hidden, const char *name,
                 const char *folded)
{
    struct entry_new e = {.parent = parent, .node = node, .hidden = hidden, .name = name, .folded = folded};
    return entry_insert_beside(l, &e, NULL);
}

static int show_file(struct arrival *a, const struct arriving *f, unsigned *changed)
{
    struct ledger *l = a->ledger;
    struct node_new new_node = {.kind = NODE_INCOMING,
                                .mode = READ_ONLY_MODE,
                                .content = f->content,
                                .mtime_ns = a->mtime_ns,
                                .message = a->message.id,
                                .verdict = VERDICT_GOOD};
    uint64_t node = 0;
    int r = make_room(a, f, changed);
    if (r == 0)
        r = node_insert(l, &new_node, &node);
    if (r == 0)
        r = enter(l, a->place.inbox, node, true, f->name, f->folded);
    if (r == 0)
        r = enter(l, NODE_ALL, node, true, f->name, f->folded);
    if (r == 0)
        r = enter(l, a->order_folder, node, false, f->name, f->folded);
    return r ? r
             : sql_run(&l->writer, "UPDATE file SET node=? WHERE message=? AND name=?", "iit", node,
                       a->message.id, f->name);
}

static int show_files(struct arrival *a, bool main_files, unsigned *changed)
{
    int r = 0;
    for (size_t i = 0; i < a->n && r == 0; i++)
        if (a->files[i].main_file == main_files && !a->files[i].stale)
            r = show_file(a, &a->files[i], changed);
    return r;
}

/* The unit's folder becomes visible as one: what is in it needs no showing of its own. */
static int order_folder_name(struct arrival *a, char name[256], char folded[1024])
{
    uint64_t number;
    int r = number_take(a->ledger, "order_next", &number);
    const char *word = a->message.sequence[0] ? a->message.sequence : DOCUMENT_WORD;
    int fits = snprintf(name, 256, "%03llu_%s_%s", (unsigned long long)number, word, a->place.folder);
    const char *partner = a->place.folded;
    if (fits < 0 || fits >= 256) {
        partner = a->message.partner.text;
        snprintf(name, 256, "%03llu_%s_%s", (unsigned long long)number, word, partner);
    }
    snprintf(folded, 1024, "%03llu_%s_%s", (unsigned long long)number, word, partner);
    return r;
}

static int rising_time(struct ledger *l, int64_t *out)
{
    int64_t last = 0, now = now_ns();
    int r = sql_number(&l->writer, &last, "SELECT data FROM internal WHERE key='inbox_mtime'", "");
    if (r && r != -ENOENT)
        return r;
    *out = now > last + NS_PER_MS ? now : last + NS_PER_MS;
    return sql_run(&l->writer, "INSERT OR REPLACE INTO internal(key, data) VALUES('inbox_mtime', ?)", "i",
                   *out);
}

/* Entries rise in the order in which they are to be shown. */
static int show_unit(struct arrival *a, unsigned *changed)
{
    struct ledger *l = a->ledger;
    char name[256], folded[1024];
    int r = rising_time(l, &a->mtime_ns);
    if (r == 0)
        r = partner_place(l, &a->message.partner, &a->place);
    if (r == 0)
        r = order_folder_name(a, name, folded);
    if (r == 0)
        r = node_insert(
            l, &(struct node_new){.kind = NODE_FOLDER, .mode = FOLDER_MODE, .message = a->message.id},
            &a->order_folder);
    if (r == 0)
        r = show_files(a, false, changed);
    if (r == 0)
        r = enter(l, NODE_ORDER, a->order_folder, true, name, folded);
    if (r == 0)
        r = show_files(a, true, changed);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE node SET mtime=? WHERE id=?", "ii", a->mtime_ns, a->order_folder);
    *changed |= LEDGER_CHANGED_TREE | LEDGER_CHANGED_INBOX;
    return r ? r : sql_run(&l->writer, "UPDATE message SET show=1 WHERE id=?", "i", a->message.id);
}

static int arrive(struct arrival *a, unsigned *changed)
{
    int r = files_load(a);
    if (r == 0)
        r = find_stale(a);
    if (r)
        return r;
    if (a->shown == 0)
        return message_set_state(a->ledger, a->message.id, IN_SUPERSEDED, "");
    r = supersede_replaced(a, changed);
    return r ? r : show_unit(a, changed);
}

int arrive_show(struct ledger *l, uint64_t message, unsigned *changed)
{
    struct arrival a = {.ledger = l};
    int r = message_find(&l->writer, message, &a.message);
    if (r == 0)
        r = arrive(&a, changed);
    free(a.files);
    return r;
}
