/* User xattrs: kept by the ledger, which writes them with the next transaction. Until it has them the live
 * node answers. Those of files that are not in the ledger stay in memory and follow the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/log.h"
#include "mount/operations.h"

/* ---- What is set and not in the ledger yet (under the mutex) ---- */

static void xattr_free(struct xattr *x)
{
    free(x->name);
    free(x->value);
    free(x);
}

void xattrs_free(struct node *n)
{
    for (struct xattr *x = n->xattrs, *next; x; x = next) {
        next = x->next;
        xattr_free(x);
    }
}

static struct xattr **xattr_at(struct node *n, const char *name)
{
    struct xattr **at = &n->xattrs;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static void xattr_drop(struct xattr **at)
{
    struct xattr *x = *at;
    *at = x->next;
    xattr_free(x);
}

/* 0, -ENODATA (removed), -ENOENT: nothing waits under this name. */
static int xattr_waiting(struct node *n, const char *name, struct buffer *value)
{
    LOCKED(&n->tree->mount->mutex);
    const struct xattr *x = *xattr_at(n, name);
    if (!x)
        return -ENOENT;
    return x->value ? buffer_append(value, x->value, x->length) : -ENODATA;
}

struct xattr_room {
    struct buffer waiting; /* names, each with its NUL */
    const char *name;      /* that is set anew */
    uint64_t bytes;
};

static bool is_among(const struct buffer *names, const char *name)
{
    for (size_t at = 0; at < names->length; at += strlen((const char *)names->data + at) + 1)
        if (strcmp((const char *)names->data + at, name) == 0)
            return true;
    return false;
}

static void room_count(void *context, const char *name, uint64_t bytes)
{
    struct xattr_room *room = context;
    if (strcmp(name, room->name) != 0 && !is_among(&room->waiting, name))
        room->bytes += bytes;
}

/* Will the ledger take it, after all that waits? Its answer comes when nobody waits for it any more. What
 * waits is counted first: it may get there meanwhile. The kernel sets one at a time. */
static int xattr_room(struct node *n, const char *name, size_t length)
{
    struct xattr_room room = {.name = name, .bytes = strlen(name) + length};
    int r = 0;
    {
        LOCKED(&n->tree->mount->mutex);
        for (const struct xattr *x = n->xattrs; x && r == 0; x = x->next) {
            if (strcmp(x->name, name) == 0)
                continue;
            r = buffer_append(&room.waiting, x->name, strlen(x->name) + 1);
            room.bytes += x->value ? strlen(x->name) + x->length : 0;
        }
    }
    if (r == 0 && n->stored)
        r = ledger_xattr_sizes(n->tree->ledger, n->id, room_count, &room);
    buffer_free(&room.waiting);
    return r ? r : room.bytes > LEDGER_XATTR_BYTES ? -ENOSPC : 0;
}

/* Name and value are copied; value NULL: removed. */
static int xattr_put(struct node *n, const char *name, const void *value, size_t length, uint64_t *version)
{
    struct xattr *x = calloc(1, sizeof *x);
    char *name_copy = strdup(name);
    uint8_t *value_copy = value ? malloc(length + 1) : NULL;
    if (!x || !name_copy || (value && !value_copy)) {
        free(x);
        free(name_copy);
        free(value_copy);
        return -ENOMEM;
    }
    if (value)
        memcpy(value_copy, value, length);
    *x = (struct xattr){.name = name_copy, .value = value_copy, .length = value ? length : 0};
    LOCKED(&n->tree->mount->mutex);
    struct xattr **at = xattr_at(n, name);
    if (*at)
        xattr_drop(at);
    *version = x->version = ++n->xattr_version;
    x->next = n->xattrs;
    n->xattrs = x;
    return 0;
}

/* ---- On their way to the ledger ---- */

struct xattr_way {
    struct node *node; /* with a reference */
    uint64_t version;
    char name[256];
};

static void xattr_done(void *context, int result)
{
    struct xattr_way *w = context;
    struct node *n = w->node;
    struct mount *m = n->tree->mount;
    if (result && result != -ENOENT) /* the file has gone meanwhile */
        log_warning("mount-xattr", "an extended attribute of file %llu could not be stored: %s",
                    (unsigned long long)n->id, strerror(-result));
    {
        LOCKED(&m->mutex);
        struct xattr **at = xattr_at(n, w->name);
        if (*at && (*at)->version == w->version)
            xattr_drop(at);
    }
    node_put(n);
    free(w);
    pending_end(m);
}

static int xattr_hand_in(struct node *n, const char *name, const void *value, size_t length, uint64_t version)
{
    struct mount *m = n->tree->mount;
    struct xattr_way *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->node = n;
    w->version = version;
    memcpy(w->name, name, strlen(name) + 1);
    pending_begin(m);
    {
        LOCKED(&m->mutex);
        n->refs++;
    }
    return ledger_xattr_set(n->tree->ledger, n->id, name, value, length, 0, xattr_done, w);
}

void xattrs_hand_in(struct node *n)
{
    struct mount *m = n->tree->mount;
    for (uint64_t after = 0;;) {
        autofree char *name = NULL;
        autofree uint8_t *value = NULL;
        size_t length = 0;
        uint64_t version = 0;
        {
            LOCKED(&m->mutex);
            const struct xattr *next = NULL;
            for (const struct xattr *x = n->xattrs; x; x = x->next)
                if (x->version > after && (!next || x->version < next->version))
                    next = x;
            if (!next)
                return;
            version = next->version;
            length = next->length;
            name = next->value ? strdup(next->name) : NULL;
            value = next->value ? malloc(length + 1) : NULL;
            if (value)
                memcpy(value, next->value, length);
        }
        after = version;
        if (name && value)
            (void)xattr_hand_in(n, name, value, length, version);
    }
}

/* ---- Operations ---- */

static bool is_user(const char *name)
{
    return strncmp(name, "user.", 5) == 0 && strlen(name) <= 255;
}

static int xattr_get(struct node *n, const char *name, struct buffer *value)
{
    int r = xattr_waiting(n, name, value);
    if (r != -ENOENT)
        return r;
    return n->stored ? ledger_xattr_get(n->tree->ledger, n->id, name, value) : -ENODATA;
}

static void reply_bytes(fuse_req_t req, const struct buffer *b, size_t size)
{
    if (size == 0)
        fuse_reply_xattr(req, b->length);
    else if (b->length > size)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, (const char *)b->data, b->length);
}

static int xattr_node(fuse_req_t req, fuse_ino_t ino, struct node **out)
{
    struct tree *t;
    uint64_t id;
    return inode_split(fuse_req_userdata(req), ino, &t, &id) ? node_get(t, id, out) : -EOPNOTSUPP;
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    autobuffer value = {.limit = 65536 + 1};
    autonode *n = NULL;
    /* The kernel asks for security.capability before writes through its page cache. ENOSYS would end that,
     * but user xattrs with it: the kernel then asks for none at all. So the answer is quick. */
    if (!is_user(name)) {
        fuse_reply_err(req, strncmp(name, "security.", 9) == 0 ? ENODATA : EOPNOTSUPP);
        return;
    }
    int r = xattr_node(req, ino, &n);
    if (r == 0)
        r = xattr_get(n, name, &value);
    if (r)
        fuse_reply_err(req, -r);
    else
        reply_bytes(req, &value, size);
}

static int may_change(const struct node *n)
{
    return n->kind == NODE_ARCHIVED ? -EROFS : n->kind == NODE_PAGE ? -EACCES : 0;
}

static int xattr_change(struct node *n, const char *name, const void *value, size_t size, int flags)
{
    autobuffer old = {.limit = 65536 + 1};
    uint64_t version;
    int r = may_change(n);
    int there = r ? r : xattr_get(n, name, &old);
    if (there != 0 && there != -ENODATA)
        return there;
    if (there == 0 && flags & XATTR_CREATE)
        return -EEXIST;
    if (there != 0 && (flags & XATTR_REPLACE || !value))
        return -ENODATA;
    r = value ? xattr_room(n, name, size) : 0;
    if (r == 0)
        r = xattr_put(n, name, value, size, &version);
    return r || !n->stored ? r : xattr_hand_in(n, name, value, size, version);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
    autonode *n = NULL;
    int r = is_user(name) ? xattr_node(req, ino, &n) : -EOPNOTSUPP;
    if (r == 0)
        r = size > 65536 ? -E2BIG : xattr_change(n, name, value, size, flags);
    fuse_reply_err(req, -r);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    autonode *n = NULL;
    int r = is_user(name) ? xattr_node(req, ino, &n) : -EOPNOTSUPP;
    if (r == 0)
        r = xattr_change(n, name, NULL, 0, 0);
    fuse_reply_err(req, -r);
}

/* The ledger's names without those that wait, then those that wait with a value. */
static int xattr_names(struct node *n, struct buffer *out)
{
    autobuffer ledger = {0};
    int r = n->stored ? ledger_xattr_list(n->tree->ledger, n->id, &ledger) : 0;
    if (r)
        return r;
    LOCKED(&n->tree->mount->mutex);
    for (size_t at = 0; at < ledger.length && r == 0;) {
        const char *name = (const char *)ledger.data + at;
        size_t length = strlen(name) + 1;
        if (!*xattr_at(n, name))
            r = buffer_append(out, name, length);
        at += length;
    }
    for (const struct xattr *x = n->xattrs; x && r == 0; x = x->next)
        if (x->value)
            r = buffer_append(out, x->name, strlen(x->name) + 1);
    return r;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    autobuffer names = {0};
    autonode *n = NULL;
    int r = xattr_node(req, ino, &n);
    if (r == -EOPNOTSUPP) /* the root above several offices */
        r = 0;
    else if (r == 0)
        r = xattr_names(n, &names);
    if (r)
        fuse_reply_err(req, -r);
    else
        reply_bytes(req, &names, size);
}
