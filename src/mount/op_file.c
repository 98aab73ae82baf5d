/* CREATE, OPEN, READ, WRITE. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "mount/settle.h"
#include "mount/operations.h"

/* ---- Names and entries, also for rename and unlink ---- */

int name_accept(const struct mount *m, const char *name, enum place place, struct name_text *out,
                enum file_class *file_class)
{
    int r = name_normalise(name, out->name);
    if (r)
        return r;
    /* A name in another form than NFC would be a second name of what is stored; lookups are exact. */
    if (strcmp(name, out->name) != 0)
        return -EINVAL;
    name_fold(out->name, out->folded);
    *file_class =
        name_class(m->settings, rules_standard(m->rules), out->name, place == PLACE_OUTBOX_PARTNER, NULL);
    return *file_class == CLASS_RESERVED ? -EACCES : 0;
}

int entry_seek(struct tree *t, uint64_t parent, const char *name, struct found *out)
{
    struct ledger_entry entry;
    struct ledger_node node;
    char folded[768];
    name_fold(name, folded);
    *out = (struct found){.node = loose_find(t, parent, name, folded)};
    if (out->node) {
        out->entry = out->node->entry;
        return 0;
    }
    int r = strlen(name) > 255 ? -ENAMETOOLONG : ledger_lookup(t->ledger, parent, name, &entry, &node);
    if (r)
        return r;
    if (!entry_visible(t, &entry))
        return -ENOENT;
    out->entry = entry.id;
    out->in_ledger = true;
    return node_get(t, entry.node, &out->node);
}

uint64_t entry_twin(struct tree *t, uint64_t parent, const char *folded, int *error)
{
    struct ledger_entry entry;
    struct ledger_node node;
    *error = 0;
    autonode *loose = loose_twin(t, parent, folded);
    if (loose)
        return loose->entry;
    int r = ledger_lookup_folded(t->ledger, parent, folded, &entry, &node);
    if (r == 0)
        return entry.id;
    *error = r == -ENOENT ? 0 : r;
    return 0;
}

/* ---- CREATE and OPEN ---- */

static int may_create(enum place place)
{
    switch (place) {
    case PLACE_OUTBOX:
    case PLACE_OUTBOX_PARTNER:
    case PLACE_INBOX_PARTNER: /* to put back what came from there */
        return 0;
    case PLACE_ARCHIVE:
        return -EROFS;
    case PLACE_TOP:
    case PLACE_INBOX:
    case PLACE_INBOX_VIEW:
    case PLACE_HIDDEN:
        break;
    }
    return -EACCES;
}

static int may_open(const struct node *n, bool writer)
{
    if (!writer)
        return n->kind == NODE_FOLDER ? -EISDIR : 0;
    switch (n->kind) {
    case NODE_FILE:
        return place_is_outbox(n->place) || n->loose || !n->named ? 0 : -EACCES;
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

static int truncate_at_open(struct node *n, struct handle *h)
{
    {
        LOCKED(&n->lock);
        if (n->draft.size == 0)
            return 0;
        int r = draft_resize(&n->draft, 0);
        if (r)
            return r;
        atomic_store(&n->size, 0);
        atomic_fetch_add(&n->changes, 1);
    }
    node_changed(n, h);
    return 0;
}

/* How the kernel is to treat this handle. */
static void open_flags(const struct node *n, const struct handle *h, struct fuse_file_info *fi)
{
    fi->fh = h->fh;
    /* Nobody maps what is open for writing only, and direct writes save the kernel's page cache and its
     * question for security.capability at every write. Reads of what is not taken yet must be seen. */
    fi->direct_io = n->kind == NODE_PAGE || h->watched || (fi->flags & O_ACCMODE) == O_WRONLY;
    fi->keep_cache = n->kind == NODE_ARCHIVED;
    fi->noflush = !h->writer;
}

static int open_node(struct node *n, const struct fuse_ctx *who, struct fuse_file_info *fi,
                     struct handle **out)
{
    bool writer = (fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC;
    int r = may_open(n, writer);
    if (r)
        return r;
    struct handle *h = NULL;
    r = handle_open(n, who, writer, &h);
    if (r)
        return r;
    if (n->kind == NODE_PAGE) {
        h->page = page_get(n->tree, n->id, true);
        r = h->page ? 0 : -EIO;
    }
    if (r == 0 && fi->flags & O_TRUNC)
        r = truncate_at_open(n, h);
    if (r) {
        handle_close(n->tree->mount, h);
        return r;
    }
    open_flags(n, h, fi);
    if (writer)
        node_touch_settler(n);
    *out = h;
    return 0;
}

/* ESTALE makes the kernel look the name up once more. */
static void open_reply(fuse_req_t req, int result, struct fuse_file_info *fi, struct handle *h)
{
    struct mount *m = fuse_req_userdata(req);
    if (result)
        fuse_reply_err(req, result == -ENOENT ? ESTALE : -result);
    else if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: no RELEASE will come */
        handle_close(m, h);
}

struct open_job { /* waits for a removal of the node */
    struct job job;
    fuse_req_t req;
    struct fuse_file_info fi;
};

static void open_run(struct job *job)
{
    struct open_job *o = (struct open_job *)job;
    struct handle *h = NULL;
    open_reply(o->req, open_node(job->node, fuse_req_ctx(o->req), &o->fi, &h), &o->fi, h);
    job_done(job);
}

/* What is removed just now is not opened meanwhile: what its writer would save would be nowhere. */
static int open_later(fuse_req_t req, struct node *n, const struct fuse_file_info *fi)
{
    struct open_job *o = calloc(1, sizeof *o);
    if (!o)
        return -ENOMEM;
    {
        LOCKED(&n->tree->mount->mutex);
        n->refs++;
    }
    *o = (struct open_job){.job = {.run = open_run, .node = n}, .req = req, .fi = *fi};
    job_start(n->tree->mount, &o->job);
    return 0;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct mount *m = fuse_req_userdata(req);
    struct tree *t;
    uint64_t id;
    struct handle *h = NULL;
    autonode *n = NULL;
    int r = inode_split(m, ino, &t, &id) ? node_get(t, id, &n) : -ESTALE;
    if (r == 0)
        r = open_node(n, fuse_req_ctx(req), fi, &h);
    if (r == -EAGAIN && (r = open_later(req, n, fi)) == 0)
        return;
    open_reply(req, r, fi, h);
}

static int create(struct tree *t, uint64_t parent, const char *name, mode_t mode, struct fuse_file_info *fi,
                  struct node **out)
{
    enum place place;
    enum file_class file_class;
    struct name_text text;
    struct found found;
    int r = place_find(t, parent, &place);
    if (r == 0)
        r = may_create(place);
    if (r == 0)
        r = name_accept(t->mount, name, place, &text, &file_class);
    if (r)
        return r;
    uint64_t twin = entry_twin(t, parent, text.folded, &r);
    if (r)
        return r;
    if (!twin)
        return node_create(t, parent, place, text.name, text.folded, mode, out);
    if (fi->flags & O_EXCL || entry_seek(t, parent, name, &found))
        return -EEXIST;
    *out = found.node;
    return 0;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    struct mount *m = fuse_req_userdata(req);
    struct tree *t;
    uint64_t folder;
    struct attr a;
    struct fuse_entry_param e;
    struct handle *h = NULL;
    autonode *n = NULL;
    int r = inode_split(m, parent, &t, &folder) ? create(t, folder, name, mode, fi, &n) : -EACCES;
    if (r == 0)
        r = open_node(n, fuse_req_ctx(req), fi, &h);
    if (r) {
        fuse_reply_err(req, r == -EAGAIN ? ESTALE : -r);
        return;
    }
    {
        LOCKED(&m->mutex);
        attr_of_live(n, &a);
    }
    attr_entry(t, &a, &e);
    if (n->place == PLACE_INBOX_PARTNER) /* may be refused when it is closed */
        e.entry_timeout = 0;
    if (fuse_reply_create(req, &e, fi) == -ENOENT)
        handle_close(m, h);
}

/* ---- READ ---- */

static void read_whole_done(void *context, int result)
{
    struct mount *m = context;
    (void)result; /* the next reader tells it again */
    pending_end(m);
}

/* Every byte through one open: the file counts as read. */
static void note_read(struct handle *h, uint64_t offset, uint64_t length)
{
    struct node *n = h->node;
    struct mount *m = n->tree->mount;
    {
        LOCKED(&h->read_mutex);
        if (h->read_whole || ranges_add(&h->read, offset, offset + length))
            return;
        h->read_whole = ranges_cover(&h->read, 0, atomic_load(&n->size));
        if (!h->read_whole)
            return;
    }
    pending_begin(m);
    ledger_read_whole(n->tree->ledger, n->id, m->settings->taken_by_read, read_whole_done, m);
}

static int64_t read_page(const struct page *p, uint64_t offset, void *out, size_t size)
{
    if (offset >= p->text.length)
        return 0;
    size = size < p->text.length - offset ? size : (size_t)(p->text.length - offset);
    memcpy(out, p->text.data + offset, size);
    return (int64_t)size;
}

/* What nobody has written to is read from the ledger without the lock, so that readers do not wait for each
 * other. If a save takes the content's place meanwhile, the lock is taken after all. */
static int64_t read_node(struct node *n, uint64_t offset, void *out, size_t size)
{
    uint64_t content, length;
    bool plain;
    {
        LOCKED(&n->lock);
        content = n->draft.base;
        length = n->draft.size;
        plain = draft_is_base(&n->draft);
    }
    if (plain) {
        if (offset >= length)
            return 0;
        int64_t got = content_read(n->tree->ledger, content, offset, out, size);
        if (got >= 0)
            return got;
    }
    LOCKED(&n->lock);
    return draft_read(&n->draft, offset, out, size);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    (void)ino;
    struct mount *m = fuse_req_userdata(req);
    struct handle *h = handle_find(m, fi->fh);
    size = size < MAX_WRITE ? size : MAX_WRITE;
    autofree char *data = malloc(size ? size : 1);
    int64_t got = -EBADF;
    if (!data)
        got = -ENOMEM;
    else if (h && h->page)
        got = read_page(h->page, (uint64_t)off, data, size);
    else if (h)
        got = read_node(h->node, (uint64_t)off, data, size);
    if (got < 0) {
        fuse_reply_err(req, got == -EBADF || got == -ENOMEM ? (int)-got : EIO);
        return;
    }
    if (h->watched && got > 0)
        note_read(h, (uint64_t)off, (uint64_t)got);
    fuse_reply_buf(req, data, (size_t)got);
}

/* ---- WRITE ---- */

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
              struct fuse_file_info *fi)
{
    (void)ino;
    struct mount *m = fuse_req_userdata(req);
    struct handle *h = handle_find(m, fi->fh);
    if (!h || !h->writer) {
        fuse_reply_err(req, EBADF);
        return;
    }
    struct node *n = h->node;
    int r;
    {
        LOCKED(&n->lock);
        r = draft_write(&n->draft, (uint64_t)off, data, size);
        if (r == 0) {
            atomic_store(&n->size, n->draft.size);
            atomic_fetch_add(&n->changes, 1);
        }
    }
    if (r) {
        fuse_reply_err(req, -r);
        return;
    }
    node_changed(n, h);
    fuse_reply_write(req, size);
}
