/* Users' extended attributes, times and modes: kept, and never a save. */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "ledger/tree.h"

enum { XATTR_NAME_BYTES = 255, XATTR_VALUE_BYTES = 64 * 1024 };

int ledger_xattr_get(struct ledger *l, uint64_t node, const char *name, struct buffer *value)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c, "SELECT data FROM xattr WHERE node=? AND name=?", "it", node, name);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENODATA;
    const void *data = sqlite3_column_blob(s, 0);
    return data ? buffer_append(value, data, (size_t)sqlite3_column_bytes(s, 0)) : 0;
}

int ledger_xattr_list(struct ledger *l, uint64_t node, struct buffer *names)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c, "SELECT name FROM xattr WHERE node=? ORDER BY name", "i", node);
    int r;
    while ((r = sql_row(s)) > 0) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        r = name ? buffer_append(names, name, strlen(name) + 1) : -ENOMEM;
        if (r)
            return r;
    }
    return r;
}

int ledger_xattr_sizes(struct ledger *l, uint64_t node, ledger_xattr_fn *fn, void *context)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c, "SELECT name, length(data) FROM xattr WHERE node=?", "i", node);
    int r;
    while ((r = sql_row(s)) > 0) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        if (!name)
            return -ENOMEM;
        fn(context, name, strlen(name) + (uint64_t)sqlite3_column_int64(s, 1));
    }
    return r;
}

struct xattr_change {
    struct change change;
    uint64_t node;
    const char *name;
    const void *value;
    size_t length;
    int flags;
    bool too_long;
};

static int xattr_put(struct ledger *l, const struct xattr_change *x)
{
    int64_t bytes;
    int r = sql_number(
        &l->writer, &bytes,
        "SELECT coalesce(sum(length(CAST(name AS BLOB))+length(data)), 0) FROM xattr WHERE node=? AND name<>?",
        "it", x->node, x->name);
    if (r)
        return r;
    if ((uint64_t)bytes + strlen(x->name) + x->length > LEDGER_XATTR_BYTES)
        return -EDQUOT;
    return sql_run(&l->writer, "INSERT OR REPLACE INTO xattr(node, name, data) VALUES(?, ?, ?)", "itb",
                   x->node, x->name, x->value, x->length);
}

static int xattr_apply(struct ledger *l, struct change *change)
{
    const struct xattr_change *x = (struct xattr_change *)change;
    struct ledger_node node;
    int64_t there;
    if (x->too_long)
        return -E2BIG;
    int r = node_find(&l->writer, x->node, &node);
    if (r)
        return r;
    r = sql_number(&l->writer, &there, "SELECT 1 FROM xattr WHERE node=? AND name=?", "it", x->node, x->name);
    if (r && r != -ENOENT)
        return r;
    if (r == 0 && (x->flags & XATTR_CREATE))
        return -EEXIST;
    if (r && (!x->value || (x->flags & XATTR_REPLACE)))
        return -ENODATA;
    r = x->value ? xattr_put(l, x)
                 : sql_run(&l->writer, "DELETE FROM xattr WHERE node=? AND name=?", "it", x->node, x->name);
    return r ? r : sql_run(&l->writer, "UPDATE node SET ctime=? WHERE id=?", "ii", now_ns(), x->node);
}

int ledger_xattr_set(struct ledger *l, uint64_t node, const char *name, const void *value, size_t length,
                     int flags, ledger_done_fn *done, void *context)
{
    struct xattr_change *x = change_new(sizeof *x, xattr_apply, done, context);
    if (x) {
        x->too_long = strlen(name) > XATTR_NAME_BYTES || (value && length > XATTR_VALUE_BYTES);
        x->node = node;
        x->flags = flags;
        x->name = x->too_long ? NULL : change_text(&x->change, name);
        x->value = x->too_long ? NULL : change_copy(&x->change, value, length);
        x->length = length;
        x->change.lazy = true;
    }
    return change_submit(l, x ? &x->change : NULL, done, context);
}

/* ---- Times and mode ---- */

struct attributes_change {
    struct change change;
    uint64_t node;
    uint32_t mode;
    int64_t atime_ns, mtime_ns;
};

static int attributes_apply(struct ledger *l, struct change *change)
{
    const struct attributes_change *a = (struct attributes_change *)change;
    struct ledger_node node;
    int r = node_find(&l->writer, a->node, &node);
    if (r)
        return r;
    return sql_run(&l->writer, "UPDATE node SET mode=?, atime=?, mtime=?, ctime=? WHERE id=?", "diiii",
                   (int)(a->mode == UINT32_MAX ? node.mode : a->mode & 07777),
                   a->atime_ns == INT64_MIN ? node.atime_ns : a->atime_ns,
                   a->mtime_ns == INT64_MIN ? node.mtime_ns : a->mtime_ns, now_ns(), a->node);
}

int ledger_set_attributes(struct ledger *l, uint64_t node, uint32_t mode, int64_t atime_ns, int64_t mtime_ns,
                          ledger_done_fn *done, void *context)
{
    struct attributes_change *a = change_new(sizeof *a, attributes_apply, done, context);
    if (a) {
        a->node = node;
        a->mode = mode;
        a->atime_ns = atime_ns;
        a->mtime_ns = mtime_ns;
        a->change.lazy = true;
    }
    return change_submit(l, a ? &a->change : NULL, done, context);
}
