/* A hash table of structures that embed their link. The owner locks and compares. */
#ifndef MOUNT_TABLE_H
#define MOUNT_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct table_link {
    struct table_link *next;
    uint64_t hash;
};
struct table {
    struct table_link **buckets;
    size_t n, size; /* size: a power of two, or 0 */
};

#define TABLE_ENTRY(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline uint64_t table_mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;
    return h ^ (h >> 32);
}

static inline uint64_t table_hash_text(uint64_t seed, const char *text)
{
    uint64_t h = seed ^ 0xcbf29ce484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h ^ (h >> 32);
}

/* The chain in which `hash` would stand; compare link->hash first. */
static inline struct table_link *table_chain(const struct table *t, uint64_t hash)
{
    return t->size ? t->buckets[hash & (t->size - 1)] : NULL;
}

/* A table that finds no memory to grow works on, with longer chains. The first room must be there. */
static inline int table_grow(struct table *t, size_t size)
{
    struct table_link **buckets = calloc(size, sizeof(*buckets));
    if (!buckets)
        return -1;
    for (size_t i = 0; i < t->size; i++)
        for (struct table_link *l = t->buckets[i], *next; l; l = next) {
            next = l->next;
            l->next = buckets[l->hash & (size - 1)];
            buckets[l->hash & (size - 1)] = l;
        }
    free(t->buckets);
    t->buckets = buckets;
    t->size = size;
    return 0;
}

static inline int table_new(struct table *t)
{
    return table_grow(t, 256);
}

static inline void table_add(struct table *t, struct table_link *link, uint64_t hash)
{
    if (t->n >= t->size)
        (void)table_grow(t, t->size * 2);
    struct table_link **bucket = &t->buckets[hash & (t->size - 1)];
    link->hash = hash;
    link->next = *bucket;
    *bucket = link;
    t->n++;
}

static inline void table_remove(struct table *t, struct table_link *link)
{
    struct table_link **at = &t->buckets[link->hash & (t->size - 1)];
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    t->n--;
}

static inline void table_free(struct table *t)
{
    free(t->buckets);
    *t = (struct table){0};
}

#endif
