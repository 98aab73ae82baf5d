/* Rows of nodes and entries. "Apply": only inside a change's apply function (on the leading thread, inside
 * the transaction; it reads and writes through l->writer). The others read through any connection. */
#ifndef LEDGER_TREE_H
#define LEDGER_TREE_H

#include "ledger/internal.h"

/* Columns for a SELECT over node and entry, and their reading, `first` being the number of the first. */
#define NODE_COLUMNS                                                                                          \
    "node.id, node.kind, node.mode, node.content, node.draft, node.size, node.mtime, node.ctime, node.atime," \
    " node.created, node.message, node.verdict, node.taken, node.links"
enum { NODE_COLUMNS_COUNT = 14 };
#define ENTRY_COLUMNS "entry.id, entry.parent, entry.node, entry.shown, entry.name"
enum { ENTRY_COLUMNS_COUNT = 5 };
void node_read(sqlite3_stmt *s, int first, struct ledger_node *out);
void entry_read(sqlite3_stmt *s, int first, struct ledger_entry *out);

/* 0, -ENOENT, -EIO. */
int node_find(struct connection *c, uint64_t id, struct ledger_node *out);
int entry_find(struct connection *c, uint64_t id, struct ledger_entry *out);
/* By name, exact. `node` may be NULL. */
int entry_find_name(struct connection *c, uint64_t parent, const char *name, struct ledger_entry *entry,
                    struct ledger_node *node);
/* The next entry that leads to `node`, with id > after. */
int entry_next_of_node(struct connection *c, uint64_t node, uint64_t after, struct ledger_entry *out);

/* What node.taken holds; struct ledger_node says true for NODE_TAKEN only. */
enum { NODE_UNTAKEN = 0, NODE_TAKEN = 1, NODE_VIEWED = 2 };

/* ---- Apply ---- */

struct node_new {
    uint64_t id; /* 0: a new one is taken */
    enum node_kind kind;
    uint32_t mode;
    uint64_t content; /* gets a reference; its size is read here. 0 = none */
    int64_t mtime_ns; /* 0 = now */
    uint64_t message;
    enum file_verdict verdict;
    uint32_t links; /* entries that will be inserted as `counted` */
};
/* Entries count themselves, unless they are `counted`. `id` (may be NULL) receives the id. */
int node_insert(struct ledger *l, const struct node_new *n, uint64_t *id);
/* The node with its xattrs; gives back its references to contents; files of messages forget it. Its entries
 * must be gone. */
int node_delete(struct ledger *l, uint64_t id);
/* Another content (0 = none), a reference is taken and the old one given back; the draft goes. */
int node_set_content(struct ledger *l, uint64_t id, uint64_t content);
/* mtime and ctime of a folder, now. */
int node_touch(struct ledger *l, uint64_t id);

struct entry_new {
    uint64_t id; /* 0: a new one is taken */
    uint64_t parent, node;
    bool hidden;  /* shown = false */
    bool counted; /* its node counts it already: a new node then never stands among those without a name */
    const char *name, *folded;
};
/* Counts node.links, touches the parent. -EEXIST: the name is taken in this folder (exactly; twins by case
 * are the caller's to look for). */
int entry_insert(struct ledger *l, const struct entry_new *e, uint64_t *id);
/* The same, but a taken name (or a twin of it) gets " (2)", " (3)" … before its extension, at most 999. */
int entry_insert_beside(struct ledger *l, const struct entry_new *e, uint64_t *id);
/* Removes the entry; the node goes with its last one unless keep_node. */
int entry_delete(struct ledger *l, const struct ledger_entry *e, bool keep_node);
/* All entries of a node, then the node unless keep_node. A folder (NODE_FOLDER with a message: a unit's in
 * _順番) that one of them leaves empty goes too. */
int node_unlink_all(struct ledger *l, uint64_t node, bool keep_node);

/* A unit's folder in _順番 (NODE_FOLDER with a message) goes when nothing is left in it; others stay. */
int folder_drop_empty(struct ledger *l, uint64_t folder);

/* The folder of this name in `parent`, made when it is not there. `message`: the node's, when made. */
int folder_make(struct ledger *l, uint64_t parent, const char *name, const char *folded, uint32_t mode,
                uint64_t message, uint64_t *node);

/* A report of the daemon's (NODE_REPORT, 0440) of this name in `parent`: a new node in any case, for programs
 * may have the one before it open, which stays without a name for a while (reports_forget). `content` 0:
 * removed, when it is there. A user's file of that name stays and wins (0). */
int report_put(struct ledger *l, uint64_t parent, const char *name, const char *folded, uint64_t content);
int report_remove(struct ledger *l, uint64_t parent,
                  const char *name); /* 0 when there is none; name may be NULL */
/* Deletes some reports that lost their name before `before_ns`. 1: there may be more. */
int reports_forget(struct ledger *l, int64_t before_ns);

#endif
