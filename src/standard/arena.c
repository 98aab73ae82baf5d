#include "standard/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct chunk *chunks; /* the first has room */
    size_t taken, limit;
    int error;
};

struct arena *arena_new(size_t limit)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a)
        a->limit = limit;
    return a;
}

void arena_free(struct arena *a)
{
    while (a && a->chunks) {
        struct chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
    free(a);
}

static struct chunk *chunk_add(struct arena *a, size_t size)
{
    if (size < CHUNK)
        size = CHUNK;
    struct chunk *c = calloc(1, sizeof *c + size);
    if (!c) {
        a->error = -ENOMEM;
        return NULL;
    }
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

void *arena_take(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (a->error)
        return NULL;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > a->limit - a->taken) {
        a->error = -E2BIG;
        return NULL;
    }
    bytes = (bytes + alignof(max_align_t)) & ~(alignof(max_align_t) - 1); /* at least one byte */
    struct chunk *c = a->chunks;
    if (!c || bytes > c->size - c->used)
        c = chunk_add(a, bytes);
    if (!c)
        return NULL;
    void *taken = c->bytes + c->used;
    c->used += bytes;
    a->taken = bytes > a->limit - a->taken ? a->limit : a->taken + bytes;
    return taken;
}

char *arena_text(struct arena *a, const char *text, size_t length)
{
    char *copy = arena_take(a, length + 1, 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

int arena_error(const struct arena *a)
{
    return a->error;
}
