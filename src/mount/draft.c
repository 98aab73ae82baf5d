#include "mount/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void draft_open(struct draft *d, const struct draft_house *house, uint64_t id, uint64_t base, uint64_t size)
{
    *d = (struct draft){.house = house,
                        .id = id,
                        .size = size,
                        .base = base,
                        .base_size = size,
                        .base_limit = size,
                        .fd = -1};
}

/* ---- Where written bytes lie ---- */

static char *draft_path(const struct draft *d)
{
    char *path = NULL;
    return asprintf(&path, "%s/%llu", d->house->folder, (unsigned long long)d->id) < 0 ? NULL : path;
}

static void memory_free(struct draft *d)
{
    atomic_fetch_sub(d->house->memory, d->capacity);
    free(d->memory);
    d->memory = NULL;
    d->capacity = 0;
}

static int file_use(struct draft *d)
{
    if (d->fd >= 0)
        return 0;
    autofree char *path = draft_path(d);
    if (!path)
        return -ENOMEM;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (d->filed ? 0 : O_CREAT | O_EXCL);
    d->fd = open(path, flags, 0600);
    if (d->fd < 0)
        return -errno;
    d->filed = true;
    return 0;
}

static void file_remove(struct draft *d)
{
    draft_rest(d);
    autofree char *path = d->filed ? draft_path(d) : NULL;
    if (path)
        unlink(path);
    d->filed = false;
}

static int file_write(struct draft *d, uint64_t offset, const uint8_t *data, size_t size)
{
    int r = file_use(d);
    while (r == 0 && size) {
        ssize_t n = pwrite(d->fd, data, size, (off_t)offset);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            offset += (uint64_t)n;
            size -= (size_t)n;
        }
    }
    return r;
}

/* Moves what lies in memory into the file. */
static int spill(struct draft *d)
{
    for (size_t i = 0; i < d->written.n; i++) {
        const struct range *w = &d->written.items[i];
        int r = file_write(d, w->begin, d->memory + w->begin, (size_t)(w->end - w->begin));
        if (r) {
            file_remove(d); /* memory still has it all */
            return r;
        }
    }
    memory_free(d);
    return 0;
}

/* Room in memory for `end` bytes? */
static bool memory_use(struct draft *d, uint64_t end)
{
    if (d->filed || end > DRAFT_MEMORY)
        return false;
    if (end <= d->capacity)
        return true;
    size_t capacity = d->capacity ? d->capacity : 4096;
    while (capacity < end)
        capacity *= 2;
    size_t more = capacity - d->capacity;
    if (atomic_fetch_add(d->house->memory, more) + more > DRAFT_MEMORY_ALL) {
        atomic_fetch_sub(d->house->memory, more);
        return false;
    }
    uint8_t *memory = realloc(d->memory, capacity);
    if (!memory) {
        atomic_fetch_sub(d->house->memory, more);
        return false;
    }
    d->memory = memory;
    d->capacity = capacity;
    return true;
}

static int store(struct draft *d, uint64_t offset, const void *data, size_t size)
{
    if (memory_use(d, offset + size)) {
        memcpy(d->memory + offset, data, size);
        return 0;
    }
    int r = d->filed ? 0 : spill(d);
    return r ? r : file_write(d, offset, data, size);
}

static int fetch(struct draft *d, uint64_t offset, uint8_t *out, size_t size)
{
    if (!d->filed) {
        memcpy(out, d->memory + offset, size);
        return 0;
    }
    int r = file_use(d);
    while (r == 0 && size) {
        ssize_t n = pread(d->fd, out, size, (off_t)offset);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return n < 0 ? -errno : -EIO;
        if (n > 0) {
            out += n;
            offset += (uint64_t)n;
            size -= (size_t)n;
        }
    }
    return r;
}

/* ---- Reading and writing ---- */

/* A save whose bytes a message held already kept that content and not the new one. 1: asked anew and changed.
 */
static int find_base(struct draft *d)
{
    struct ledger_node node;
    int r = ledger_node(d->house->ledger, d->id, &node);
    if (r)
        return r;
    uint64_t content = node.draft ? node.draft : node.content;
    if (content == d->base || node.size != d->base_size)
        return -ENOENT;
    d->base = content;
    return 1;
}

static int read_base(struct draft *d, uint64_t offset, uint8_t *out, size_t size)
{
    while (size) {
        int64_t n = content_read(d->house->ledger, d->base, offset, out, size);
        if (n == -ENOENT && find_base(d) == 1)
            continue;
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        out += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

int draft_base_hash(struct draft *d, struct hash256 *out)
{
    int r;
    do
        r = content_stat(d->house->ledger, d->base, NULL, out);
    while (r == -ENOENT && find_base(d) == 1);
    return r;
}

int64_t draft_read(struct draft *d, uint64_t offset, void *out, size_t size)
{
    if (offset >= d->size)
        return 0;
    uint64_t end = size < d->size - offset ? offset + size : d->size, until;
    for (uint64_t at = offset; at < end; at = until) {
        uint8_t *to = (uint8_t *)out + (at - offset);
        int r = 0;
        if (ranges_at(&d->written, at, end, &until)) {
            r = fetch(d, at, to, (size_t)(until - at));
        } else if (at < d->base_limit) {
            until = until < d->base_limit ? until : d->base_limit;
            r = read_base(d, at, to, (size_t)(until - at));
        } else {
            memset(to, 0, (size_t)(until - at));
        }
        if (r)
            return r;
    }
    return (int64_t)(end - offset);
}

int draft_write(struct draft *d, uint64_t offset, const void *data, size_t size)
{
    if (offset > INT64_MAX - size || (d->house->max && offset + size > d->house->max))
        return -EFBIG;
    int r = store(d, offset, data, size);
    if (r == 0)
        r = ranges_add(&d->written, offset, offset + size);
    if (r == 0 && offset + size > d->size)
        d->size = offset + size;
    return r;
}

int draft_resize(struct draft *d, uint64_t size)
{
    if (size > INT64_MAX || (d->house->max && size > d->house->max))
        return -EFBIG;
    if (size < d->size) {
        ranges_cut(&d->written, size);
        d->base_limit = d->base_limit < size ? d->base_limit : size;
        if (size == 0) {
            file_remove(d);
            memory_free(d);
        } else if (d->filed && (file_use(d) || ftruncate(d->fd, (off_t)size))) {
            return -errno;
        }
    }
    d->size = size;
    return 0;
}

void draft_rest(struct draft *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

void draft_close(struct draft *d)
{
    file_remove(d);
    memory_free(d);
    ranges_free(&d->written);
}

bool draft_has_hole(const struct draft *d, uint64_t *at)
{
    uint64_t until;
    for (*at = d->base_limit < d->size ? d->base_limit : d->size; *at < d->size; *at = until)
        if (!ranges_at(&d->written, *at, d->size, &until))
            return true;
    return false;
}

bool draft_is_base(const struct draft *d)
{
    return d->base && d->written.n == 0 && d->base_limit == d->size && d->base_size == d->size;
}

void draft_saved(struct draft *d, uint64_t content, uint64_t size, bool unchanged)
{
    /* What the base held lies at the same place in the new content, so that may take its place; base_limit
     * knows what was cut off meanwhile. A hole stays one: its zeros are in the new content, but nobody wrote
     * them. */
    uint64_t hole;
    bool whole = unchanged && !draft_has_hole(d, &hole);
    d->base = content;
    d->base_size = size;
    if (whole) {
        file_remove(d);
        memory_free(d);
        ranges_free(&d->written);
        d->base_limit = size;
    }
}
