/* LOOKUP, GETATTR, SETATTR, STATFS. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "mount/settle.h"
#include "mount/operations.h"

/* ---- LOOKUP: exact. A name that folds would give the kernel two names of one inode. ---- */

static int lookup_office(struct mount *m, const char *name, struct tree **t, uint64_t *id)
{
    for (size_t i = 0; i < m->n_trees; i++)
        if (strcmp(m->trees[i].settings->office.text, name) == 0) {
            *t = &m->trees[i];
            *id = NODE_ROOT;
            return 0;
        }
    return -ENOENT;
}

static int lookup_shown(struct tree *t, uint64_t parent, const char *name, uint64_t *id)
{
    struct ledger_entry entry;
    struct ledger_node node;
    char folded[768];
    name_fold(name, folded);
    autonode *loose = loose_find(t, parent, name, folded);
    if (loose) {
        *id = loose->id;
        return 0;
    }
    int r = ledger_lookup(t->ledger, parent, name, &entry, &node);
    if (r)
        return r;
    *id = entry.node;
    return entry_visible(t, &entry) ? 0 : -ENOENT;
}

static int lookup(fuse_req_t req, fuse_ino_t parent, const char *name, struct tree **t, uint64_t *folder,
                  uint64_t *id)
{
    struct mount *m = fuse_req_userdata(req);
    *folder = 0;
    if (parent == FUSE_ROOT_ID && m->n_trees > 1)
        return lookup_office(m, name, t, id);
    if (!inode_split(m, parent, t, folder))
        return -ESTALE;
    if (strlen(name) > 255)
        return -ENAMETOOLONG;
    if (*folder == NODE_HIDDEN)
        return is_announcer(m, req) ? hidden_lookup(*t, name, id) : -ENOENT;
    if (*folder == NODE_ROOT && strcmp(name, (*t)->hidden) == 0) {
        *id = NODE_HIDDEN;
        return is_announcer(m, req) ? 0 : -ENOENT;
    }
    return lookup_shown(*t, *folder, name, id);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct tree *t;
    uint64_t folder, id;
    struct attr a;
    struct fuse_entry_param e;
    int r = lookup(req, parent, name, &t, &folder, &id);
    if (r == 0)
        r = attr_get(t, id, &a);
    if (r) {
        fuse_reply_err(req, r == -ESTALE ? ENOENT : -r);
        return;
    }
    attr_entry(t, &a, &e);
    if (folder == NODE_HIDDEN)
        e.entry_timeout = 0;
    fuse_reply_entry(req, &e);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    struct mount *m = fuse_req_userdata(req);
    struct tree *t;
    uint64_t id;
    struct attr a;
    struct stat s;
    if (ino == FUSE_ROOT_ID && m->n_trees > 1) {
        attr_root(m, &s);
        fuse_reply_attr(req, &s, FRESH_SECONDS);
        return;
    }
    int r = inode_split(m, ino, &t, &id) ? attr_get(t, id, &a) : -ESTALE;
    if (r) {
        fuse_reply_err(req, -r);
        return;
    }
    attr_stat(t, &a, &s);
    fuse_reply_attr(req, &s, attr_timeout(&a));
}

/* ---- SETATTR ---- */

static void attributes_done(void *context, int result)
{
    struct node *n = context;
    struct mount *m = n->tree->mount;
    (void)result; /* never a save: lost with the next power cut at worst */
    node_put(n);
    pending_end(m);
}

void attributes_hand_in(struct node *n)
{
    struct mount *m = n->tree->mount;
    uint32_t mode;
    int64_t atime_ns, mtime_ns;
    pending_begin(m);
    {
        LOCKED(&m->mutex);
        n->refs++; /* until the ledger has them, the live node answers */
        mode = n->kind == NODE_FILE ? n->mode : UINT32_MAX;
        atime_ns = n->atime_ns;
        mtime_ns = n->mtime_ns;
    }
    ledger_set_attributes(n->tree->ledger, n->id, mode, atime_ns, mtime_ns, attributes_done, n);
}

/* May its content be changed? */
static int may_write(const struct node *n)
{
    switch (n->kind) {
    case NODE_FILE:
        return place_is_outbox(n->place) || n->loose ? 0 : -EACCES;
    case NODE_FOLDER:
        return -EISDIR;
    case NODE_ARCHIVED:
        return -EROFS;
    case NODE_INCOMING:
    case NODE_REPORT:
    case NODE_PAGE:
        break;
    }
    return -EACCES;
}

static int set_size(struct node *n, uint64_t size, struct fuse_file_info *fi)
{
    int r = may_write(n);
    if (r)
        return r;
    {
        LOCKED(&n->lock);
        if (n->draft.size == size)
            return 0;
        r = draft_resize(&n->draft, size);
        if (r)
            return r;
        atomic_store(&n->size, size);
        atomic_fetch_add(&n->changes, 1);
    }
    node_changed(n, fi ? handle_find(n->tree->mount, fi->fh) : NULL);
    return 0;
}

/* Content changed with nobody to close it (truncate(2)): it is judged now, with a report only. */
static void judge_unattended(struct node *n)
{
    bool unattended;
    {
        LOCKED(&n->tree->mount->mutex);
        unattended = n->writers == 0;
    }
    if (!unattended || !node_dirty(n))
        return;
    if (atomic_load(&n->size))
        save_start(n, NULL, (struct save_how){0});
    else if (n->tree->settler)
        settler_empty(n->tree->settler, n->id);
}

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The w bit of a user's file; other bits and files stay as they are. */
static void set_mode(struct node *n, mode_t mode)
{
    LOCKED(&n->tree->mount->mutex);
    if (n->kind == NODE_FILE && place_is_outbox(n->place))
        n->mode = mode & 0222 ? 0660 : 0440;
}

static void set_times(struct node *n, const struct stat *attr, int to_set)
{
    int64_t now = clock_now_ns();
    LOCKED(&n->tree->mount->mutex);
    if (to_set & FUSE_SET_ATTR_ATIME)
        n->atime_ns = to_set & FUSE_SET_ATTR_ATIME_NOW ? now : ns_of(attr->st_atim);
    if (to_set & FUSE_SET_ATTR_MTIME)
        n->mtime_ns = to_set & FUSE_SET_ATTR_MTIME_NOW ? now : ns_of(attr->st_mtim);
    n->ctime_ns = now;
}

static int set_attributes(struct node *n, const struct stat *attr, int to_set, struct fuse_file_info *fi)
{
    const int TIMES = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME;
    if ((to_set & FUSE_SET_ATTR_UID && attr->st_uid != n->tree->mount->owner) ||
        (to_set & FUSE_SET_ATTR_GID && attr->st_gid != n->tree->group))
        return -EPERM;
    if (n->kind == NODE_ARCHIVED && to_set & (TIMES | FUSE_SET_ATTR_MODE))
        return -EROFS;
    if (to_set & FUSE_SET_ATTR_SIZE) {
        int r = set_size(n, (uint64_t)attr->st_size, fi);
        if (r)
            return r;
    }
    if (to_set & FUSE_SET_ATTR_MODE)
        set_mode(n, attr->st_mode);
    if (to_set & TIMES)
        set_times(n, attr, to_set);
    if (n->stored && to_set & (TIMES | FUSE_SET_ATTR_MODE))
        attributes_hand_in(n);
    if (to_set & FUSE_SET_ATTR_SIZE)
        judge_unattended(n);
    return 0;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
    struct mount *m = fuse_req_userdata(req);
    struct tree *t;
    uint64_t id;
    struct attr a;
    struct stat s;
    autonode *n = NULL;
    int r = -EPERM;
    if (inode_split(m, ino, &t, &id))
        r = node_get(t, id, &n);
    if (r == 0)
        r = set_attributes(n, attr, to_set, fi);
    if (r == 0)
        r = attr_get(t, id, &a);
    if (r) {
        fuse_reply_err(req, -r);
        return;
    }
    attr_stat(t, &a, &s);
    fuse_reply_attr(req, &s, attr_timeout(&a));
}

/* ---- STATFS: the true free space of where the contents go ---- */

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct mount *m = fuse_req_userdata(req);
    struct tree *t;
    uint64_t id;
    struct statvfs s;
    if (!inode_split(m, ino, &t, &id))
        t = &m->trees[0];
    if (statvfs(t->settings->state, &s)) {
        fuse_reply_err(req, errno);
        return;
    }
    s.f_frsize = s.f_bsize;
    s.f_namemax = NAMES_MAX;
    fuse_reply_statfs(req, &s);
}
