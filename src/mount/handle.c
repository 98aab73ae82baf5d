/* Open handles. A handle's number says nothing of memory: slot and generation, so that a stale one is seen.
 */
#include <errno.h>
#include <stdlib.h>

#include "mount/tree.h"

enum { HANDLES_MAX = 1 << 20 };

static bool slots_grow(struct slot_table *s)
{
    size_t capacity = s->capacity ? s->capacity * 2 : 64;
    if (capacity > HANDLES_MAX)
        return false;
    struct handle **items = realloc(s->items, capacity * sizeof(*items));
    if (!items)
        return false;
    s->items = items;
    uint32_t *generations = realloc(s->generations, capacity * sizeof *generations);
    if (!generations)
        return false;
    s->generations = generations;
    for (size_t i = s->capacity; i < capacity; i++) {
        items[i] = NULL;
        generations[i] = 1;
    }
    s->capacity = capacity;
    return true;
}

static bool slot_put(struct slot_table *s, struct handle *h)
{
    while (s->first_free < s->capacity && s->items[s->first_free])
        s->first_free++;
    if (s->first_free == s->capacity && !slots_grow(s))
        return false;
    h->fh = (uint64_t)s->generations[s->first_free] << 32 | s->first_free;
    s->items[s->first_free++] = h;
    return true;
}

/* Under the mutex. */
static int handle_add(struct node *n, struct handle *h)
{
    if (n->leaving || n->gone)
        return n->leaving ? -EAGAIN : -ESTALE;
    if (!slot_put(&n->tree->mount->handles, h))
        return -ENFILE;
    n->refs++;
    n->handles++;
    n->writers += h->writer;
    return 0;
}

int handle_open(struct node *n, const struct fuse_ctx *who, bool writer, struct handle **out)
{
    struct handle *h = calloc(1, sizeof *h);
    int r;
    if (!h)
        return -ENFILE;
    h->node = n;
    h->writer = writer;
    h->uid = who->uid;
    h->pid = who->pid;
    h->watched = n->kind == NODE_INCOMING && !n->taken;
    pthread_mutex_init(&h->read_mutex, NULL);
    {
        LOCKED(&n->tree->mount->mutex);
        r = handle_add(n, h);
    }
    if (r) {
        pthread_mutex_destroy(&h->read_mutex);
        free(h);
        return r;
    }
    *out = h;
    return 0;
}

struct handle *handle_find(struct mount *m, uint64_t fh)
{
    LOCKED(&m->mutex);
    size_t slot = fh & 0xffffffff;
    struct handle *h = slot < m->handles.capacity ? m->handles.items[slot] : NULL;
    return h && h->fh == fh ? h : NULL;
}

void handle_close(struct mount *m, struct handle *h)
{
    struct node *n = h->node;
    bool last;
    {
        LOCKED(&m->mutex);
        size_t slot = h->fh & 0xffffffff;
        m->handles.items[slot] = NULL;
        m->handles.generations[slot]++;
        if (slot < m->handles.first_free)
            m->handles.first_free = slot;
        n->writers -= h->writer;
        last = --n->handles == 0;
    }
    if (last) {
        LOCKED(&n->lock);
        draft_rest(&n->draft);
    }
    if (h->page)
        page_put(n->tree, h->page);
    node_put(n);
    ranges_free(&h->read);
    pthread_mutex_destroy(&h->read_mutex);
    free(h);
}
