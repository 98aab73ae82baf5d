/* Rows of nodes and entries. */
#include "ledger/tree.h"

#include <errno.h>
#include <string.h>

#include "ledger/content_store.h"

void node_read(sqlite3_stmt *s, int first, struct ledger_node *out)
{
    *out = (struct ledger_node){
        .id = sql_u64(s, first),
        .kind = (enum node_kind)sqlite3_column_int(s, first + 1),
        .mode = (uint32_t)sqlite3_column_int(s, first + 2),
        .content = sql_u64(s, first + 3),
        .draft = sql_u64(s, first + 4),
        .size = sql_u64(s, first + 5),
        .mtime_ns = sqlite3_column_int64(s, first + 6),
        .ctime_ns = sqlite3_column_int64(s, first + 7),
        .atime_ns = sqlite3_column_int64(s, first + 8),
        .created_ns = sqlite3_column_int64(s, first + 9),
        .message = sql_u64(s, first + 10),
        .verdict = (enum file_verdict)sqlite3_column_int(s, first + 11),
        .taken = sqlite3_column_int(s, first + 12) == NODE_TAKEN,
        .links = (uint32_t)sqlite3_column_int(s, first + 13),
    };
}

void entry_read(sqlite3_stmt *s, int first, struct ledger_entry *out)
{
    out->id = sql_u64(s, first);
    out->parent = sql_u64(s, first + 1);
    out->node = sql_u64(s, first + 2);
    out->shown = sqlite3_column_int(s, first + 3) != 0;
    sql_text(s, first + 4, out->name, sizeof out->name);
}

int node_find(struct connection *c, uint64_t id, struct ledger_node *out)
{
    autoquery s = sql_query(c, "SELECT " NODE_COLUMNS " FROM node WHERE id=?", "i", id);
    int r = sql_row(s);
    if (r > 0)
        node_read(s, 0, out);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

static int entry_one(sqlite3_stmt *s, struct ledger_entry *out)
{
    int r = sql_row(s);
    if (r > 0)
        entry_read(s, 0, out);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

int entry_find(struct connection *c, uint64_t id, struct ledger_entry *out)
{
    autoquery s = sql_query(c, "SELECT " ENTRY_COLUMNS " FROM entry WHERE id=?", "i", id);
    return entry_one(s, out);
}

int entry_find_name(struct connection *c, uint64_t parent, const char *name, struct ledger_entry *entry,
                    struct ledger_node *node)
{
    autoquery s = sql_query(c,
                            "SELECT " ENTRY_COLUMNS ", " NODE_COLUMNS
                            " FROM entry JOIN node ON node.id=entry.node WHERE parent=? AND name=?",
                            "it", parent, name);
    int r = entry_one(s, entry);
    if (r == 0 && node)
        node_read(s, ENTRY_COLUMNS_COUNT, node);
    return r;
}

int entry_next_of_node(struct connection *c, uint64_t node, uint64_t after, struct ledger_entry *out)
{
    autoquery s =
        sql_query(c, "SELECT " ENTRY_COLUMNS " FROM entry WHERE node=? AND id>? ORDER BY id LIMIT 1", "ii",
                  node, after);
    return entry_one(s, out);
}

/* ---- Nodes ---- */

static int content_size_of(struct ledger *l, uint64_t content, uint64_t *size)
{
    struct hash256 hash;
    *size = 0;
    return content ? content_known(l, content, size, &hash) : 0;
}

int node_insert(struct ledger *l, const struct node_new *n, uint64_t *id)
{
    uint64_t new_id = n->id ? n->id : id_take(l), size;
    int64_t now = now_ns(), mtime = n->mtime_ns ? n->mtime_ns : now;
    int r = content_size_of(l, n->content, &size);
    if (r == 0)
        r = content_ref(l, n->content);
    if (r)
        return r;
    if (id)
        *id = new_id;
    return sql_run(
        &l->writer,
        "INSERT INTO node(id, kind, mode, content, size, mtime, ctime, atime, created, message, verdict,"
        " links) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "iddiiiiiiidd", new_id, (int)n->kind, (int)n->mode, n->content, size, mtime, now, mtime, now,
        n->message, (int)n->verdict, (int)n->links);
}

int node_delete(struct ledger *l, uint64_t id)
{
    struct ledger_node node;
    int r = node_find(&l->writer, id, &node);
    if (r)
        return r;
    r = content_unref(l, node.content);
    if (r == 0)
        r = content_unref(l, node.draft);
    if (r == 0)
        r = sql_run(&l->writer, "DELETE FROM xattr WHERE node=?", "i", id);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE file SET node=0 WHERE node=? AND node<>0", "i", id);
    if (r == 0)
        r = sql_run(&l->writer, "DELETE FROM node WHERE id=?", "i", id);
    return r;
}

int node_set_content(struct ledger *l, uint64_t id, uint64_t content)
{
    struct ledger_node node;
    uint64_t size;
    int r = node_find(&l->writer, id, &node);
    if (r == 0)
        r = content_size_of(l, content, &size);
    if (r == 0)
        r = content_ref(l, content);
    if (r == 0)
        r = content_unref(l, node.content);
    if (r == 0)
        r = content_unref(l, node.draft);
    return r ? r
             : sql_run(&l->writer, "UPDATE node SET content=?, draft=0, size=?, ctime=? WHERE id=?", "iiii",
                       content, size, now_ns(), id);
}

int node_touch(struct ledger *l, uint64_t id)
{
    int64_t now = now_ns();
    return sql_run(&l->writer, "UPDATE node SET mtime=?, ctime=? WHERE id=?", "iii", now, now, id);
}

/* ---- Entries ---- */

int entry_insert(struct ledger *l, const struct entry_new *e, uint64_t *id)
{
    uint64_t new_id = e->id ? e->id : id_take(l);
    int r = sql_run(&l->writer,
                    "INSERT INTO entry(id, parent, node, shown, name, folded) VALUES(?, ?, ?, ?, ?, ?)",
                    "iiidtt", new_id, e->parent, e->node, e->hidden ? 0 : 1, e->name, e->folded);
    if (r == 0 && !e->counted)
        r = sql_run(&l->writer, "UPDATE node SET links=links+1, ctime=? WHERE id=?", "ii", now_ns(), e->node);
    if (r == 0 && !e->counted && sqlite3_changes(l->writer.db) == 0)
        r = -ENOENT;
    if (r == 0 && id)
        *id = new_id;
    return r ? r : node_touch(l, e->parent);
}

static int name_taken(struct ledger *l, uint64_t parent, const char *name, const char *folded)
{
    int64_t found;
    int r = sql_number(&l->writer, &found, /* an OR would walk the folder */
                       "SELECT 1 FROM entry WHERE parent=?1 AND name=?2 UNION ALL"
                       " SELECT 1 FROM entry WHERE parent=?1 AND folded=?3 LIMIT 1",
                       "itt", parent, name, folded);
    return r == -ENOENT ? 0 : r ? r : 1;
}

/* "name (2).ext". The suffix is the same folded, so both forms take it. */
static int name_number(const char *name, unsigned n, char out[1024])
{
    const char *dot = strrchr(name, '.');
    size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    int length = snprintf(out, 1024, "%.*s (%u)%s", (int)stem, name, n, name + stem);
    return length < 1024 ? length : -ENAMETOOLONG;
}

int entry_insert_beside(struct ledger *l, const struct entry_new *e, uint64_t *id)
{
    char name[1024], folded[1024];
    struct entry_new numbered = *e;
    int taken = name_taken(l, e->parent, e->name, e->folded);
    for (unsigned n = 2; taken == 1; n++) {
        int length = name_number(e->name, n, name);
        if (n > 999)
            return -EEXIST;
        if (length < 0 || length > 255 || name_number(e->folded, n, folded) < 0)
            return -ENAMETOOLONG;
        numbered.name = name;
        numbered.folded = folded;
        taken = name_taken(l, e->parent, name, folded);
    }
    return taken < 0 ? taken : entry_insert(l, &numbered, id);
}

int entry_delete(struct ledger *l, const struct ledger_entry *e, bool keep_node)
{
    int64_t links;
    int r = sql_run(&l->writer, "DELETE FROM entry WHERE id=?", "i", e->id);
    if (r == 0 && sqlite3_changes(l->writer.db) == 0)
        return -ENOENT;
    if (r == 0)
        r = node_touch(l, e->parent);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE node SET links=links-1, ctime=? WHERE id=?", "ii", now_ns(), e->node);
    if (r == 0)
        r = sql_number(&l->writer, &links, "SELECT links FROM node WHERE id=?", "i", e->node);
    return r || keep_node || links > 0 ? r : node_delete(l, e->node);
}

int folder_drop_empty(struct ledger *l, uint64_t folder)
{
    struct ledger_node node;
    struct ledger_entry entry;
    int64_t left;
    int r = node_find(&l->writer, folder, &node);
    if (r || node.kind != NODE_FOLDER || !node.message)
        return r;
    r = sql_number(&l->writer, &left, "SELECT 1 FROM entry WHERE parent=? LIMIT 1", "i", folder);
    if (r != -ENOENT)
        return r;
    r = entry_next_of_node(&l->writer, folder, 0, &entry);
    return r == -ENOENT ? 0 : r ? r : entry_delete(l, &entry, false);
}

int node_unlink_all(struct ledger *l, uint64_t node, bool keep_node)
{
    struct ledger_entry entry = {0};
    int r;
    while ((r = entry_next_of_node(&l->writer, node, entry.id, &entry)) == 0) {
        r = entry_delete(l, &entry, true);
        if (r == 0)
            r = folder_drop_empty(l, entry.parent);
        if (r)
            return r;
    }
    if (r == -ENOENT)
        r = 0;
    return r || keep_node ? r : node_delete(l, node);
}

int folder_make(struct ledger *l, uint64_t parent, const char *name, const char *folded, uint32_t mode,
                uint64_t message, uint64_t *node)
{
    struct ledger_entry entry;
    int r = entry_find_name(&l->writer, parent, name, &entry, NULL);
    if (r != -ENOENT) {
        *node = entry.node;
        return r;
    }
    r = node_insert(l, &(struct node_new){.kind = NODE_FOLDER, .mode = mode, .message = message}, node);
    return r ? r
             : entry_insert(
                   l, &(struct entry_new){.parent = parent, .node = *node, .name = name, .folded = folded},
                   NULL);
}

/* ---- Reports ---- */

int report_remove(struct ledger *l, uint64_t parent, const char *name)
{
    struct ledger_entry entry;
    struct ledger_node node;
    if (!name)
        return 0;
    int r = entry_find_name(&l->writer, parent, name, &entry, &node);
    if (r || node.kind != NODE_REPORT)
        return r == -ENOENT ? 0 : r;
    return entry_delete(l, &entry, true);
}

int reports_forget(struct ledger *l, int64_t before_ns)
{
    enum { AT_ONCE = 64 };
    int64_t id;
    int r = 0;
    for (unsigned i = 0; i < AT_ONCE && r == 0; i++) {
        r = sql_number(&l->writer, &id, "SELECT id FROM node WHERE links=0 AND kind=? AND ctime<? LIMIT 1",
                       "di", (int)NODE_REPORT, before_ns);
        if (r == 0)
            r = node_delete(l, (uint64_t)id);
    }
    return r == -ENOENT ? 0 : r ? r : 1;
}

int report_put(struct ledger *l, uint64_t parent, const char *name, const char *folded, uint64_t content)
{
    struct ledger_entry entry;
    struct ledger_node node;
    uint64_t id;
    if (!content)
        return report_remove(l, parent, name);
    int r = entry_find_name(&l->writer, parent, name, &entry, &node);
    if (r == 0 && node.kind != NODE_REPORT)
        return 0;
    if (r == 0) /* who has it open reads the old one to its end */
        r = entry_delete(l, &entry, true);
    if (r && r != -ENOENT)
        return r;
    r = node_insert(l, &(struct node_new){.kind = NODE_REPORT, .mode = 0440, .content = content}, &id);
    return r ? r
             : entry_insert(l,
                            &(struct entry_new){.parent = parent, .node = id, .name = name, .folded = folded},
                            NULL);
}
