/* READDIR and READDIRPLUS: what the ledger lists and what is loose, merged by entry ids, which are the
 * cookies. A listing goes on behind the last id it gave, so it neither skips nor doubles what stays, and
 * costs the same at any place of a folder of any size. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mount/operations.h"

/* "." and ".." come before the ids. */
enum { COOKIE_SELF = 1, COOKIE_PARENT = 2, COOKIE_FIRST = 2, PAGE_ENTRIES = 64 };

struct listing {
    fuse_req_t req;
    struct tree *tree;
    uint64_t folder;
    bool plus;
    char *buffer;
    size_t size, used;
    bool full;
    uint64_t after; /* the last id given */

    /* One page. The loose entries are taken before the ledger is asked, so that one saved meanwhile is in at
     * least one of the two. */
    struct node *loose[PAGE_ENTRIES]; /* ascending, with references */
    size_t n_loose, next_loose;
    uint64_t limit; /* beyond it there may be loose entries that are not in `loose` */
    size_t seen;
    bool limited;
};

static bool listing_put(struct listing *l, const char *name, const struct fuse_entry_param *e, off_t cookie)
{
    char *at = l->buffer + l->used;
    size_t room = l->size - l->used;
    size_t n = l->plus ? fuse_add_direntry_plus(l->req, at, room, name, e, cookie)
                       : fuse_add_direntry(l->req, at, room, name, &e->attr, cookie);
    if (n > room) {
        l->full = true;
        return false;
    }
    l->used += n;
    return true;
}

static bool put_attr(struct listing *l, uint64_t id, const char *name, const struct attr *a)
{
    struct fuse_entry_param e;
    attr_entry(l->tree, a, &e);
    if (!listing_put(l, name, &e, (off_t)(id + COOKIE_FIRST)))
        return false;
    l->after = id;
    return true;
}

static bool put_loose(struct listing *l, struct node *n)
{
    struct attr a;
    char name[256];
    bool still;
    {
        LOCKED(&l->tree->mount->mutex);
        attr_of_live(n, &a);
        still = n->named && n->parent == l->folder;
        if (still)
            memcpy(name, n->name, strlen(n->name) + 1);
    }
    return !still || put_attr(l, n->entry, name, &a);
}

static bool put_loose_until(struct listing *l, uint64_t id)
{
    for (; l->next_loose < l->n_loose && l->loose[l->next_loose]->entry <= id; l->next_loose++)
        if (!put_loose(l, l->loose[l->next_loose]))
            return false;
    return true;
}

static bool put_ledger(void *context, const struct ledger_entry *entry, const struct ledger_node *node)
{
    struct listing *l = context;
    struct attr a;
    l->seen++;
    l->limited = entry->id > l->limit;
    if (l->limited || !put_loose_until(l, entry->id))
        return false;
    if (entry->id <= l->after) /* was loose a moment ago */
        return true;
    if (!entry_visible(l->tree, entry)) {
        l->after = entry->id;
        return true;
    }
    attr_of_ledger(l->tree, node, &a);
    autonode *live = page_index(node->id) < 0 ? node_peek(l->tree, node->id) : NULL;
    if (live) {
        LOCKED(&l->tree->mount->mutex);
        attr_of_live(live, &a);
    }
    return put_attr(l, entry->id, entry->name, &a);
}

static void take_loose(struct listing *l)
{
    uint64_t after = l->after;
    l->n_loose = l->next_loose = 0;
    while (l->n_loose < PAGE_ENTRIES && (l->loose[l->n_loose] = loose_next(l->tree, l->folder, after)))
        after = l->loose[l->n_loose++]->entry;
    l->limit = l->n_loose == PAGE_ENTRIES ? after : UINT64_MAX;
}

static int list_page(struct listing *l, bool *more)
{
    take_loose(l);
    l->seen = 0;
    l->limited = false;
    int r = ledger_list(l->tree->ledger, l->folder, l->after, PAGE_ENTRIES, put_ledger, l);
    bool ledger_more = l->seen == PAGE_ENTRIES && !l->limited;
    if (r >= 0 && !l->full)
        put_loose_until(l, ledger_more ? l->after : l->limit);
    for (size_t i = 0; i < l->n_loose; i++)
        node_put(l->loose[i]);
    *more = !l->full && (ledger_more || l->limited || l->limit != UINT64_MAX);
    return r < 0 ? r : 0;
}

static int list_folder(struct listing *l)
{
    int r = 0;
    for (bool more = true; more && r == 0;)
        r = list_page(l, &more);
    return r;
}

static void list_offices(struct mount *m, struct listing *l)
{
    for (size_t i = (size_t)l->after; i < m->n_trees && !l->full; i++) {
        struct attr a;
        l->tree = &m->trees[i];
        if (attr_get(l->tree, NODE_ROOT, &a) == 0)
            put_attr(l, i + 1, l->tree->settings->office.text, &a);
    }
}

static void list_dots(struct listing *l, fuse_ino_t ino, off_t off)
{
    struct fuse_entry_param e = {.attr = {.st_ino = ino, .st_mode = S_IFDIR}};
    if (off < COOKIE_SELF)
        listing_put(l, ".", &e, COOKIE_SELF);
    if (off < COOKIE_PARENT)
        listing_put(l, "..", &e, COOKIE_PARENT);
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
    struct mount *m = fuse_req_userdata(req);
    size = size < MAX_WRITE ? size : MAX_WRITE;
    autofree char *buffer = malloc(size);
    struct listing l = {.req = req,
                        .plus = plus,
                        .buffer = buffer,
                        .size = size,
                        .after = off > COOKIE_FIRST ? (uint64_t)off - COOKIE_FIRST : 0};
    int r = buffer ? 0 : -ENOMEM;
    if (r == 0)
        list_dots(&l, ino, off);
    if (r == 0 && inode_split(m, ino, &l.tree, &l.folder))
        r = list_folder(&l);
    else if (r == 0 && ino == FUSE_ROOT_ID)
        list_offices(m, &l);
    if (r)
        fuse_reply_err(req, -r);
    else
        fuse_reply_buf(req, buffer, l.used);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    (void)fi;
    list(req, ino, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    (void)fi;
    list(req, ino, size, off, true);
}
