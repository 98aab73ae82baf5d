#include "mount/unit_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 64 };

static size_t hash_key(const char *sequence, uint64_t node)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *sequence; sequence++)
        h = (h ^ (unsigned char)*sequence) * UINT64_C(0x100000001b3);
    h = (h ^ node) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 20);
}

static struct unit_entry **bucket_of(const struct unit_table *t, const char *sequence, uint64_t node)
{
    return &t->buckets[hash_key(sequence, *sequence ? 0 : node) % t->n_buckets];
}

/* ---- The heap ---- */

static void place(struct unit_table *t, size_t at, struct unit_entry *e)
{
    t->heap[at] = e;
    e->heap_at = at;
}

static void sift_up(struct unit_table *t, struct unit_entry *e)
{
    size_t at = e->heap_at;
    for (; at && t->heap[(at - 1) / 2]->due > e->due; at = (at - 1) / 2)
        place(t, at, t->heap[(at - 1) / 2]);
    place(t, at, e);
}

static void sift_down(struct unit_table *t, struct unit_entry *e)
{
    size_t at = e->heap_at;
    for (size_t child; (child = 2 * at + 1) < t->n; at = child) {
        if (child + 1 < t->n && t->heap[child + 1]->due < t->heap[child]->due)
            child++;
        if (t->heap[child]->due >= e->due)
            break;
        place(t, at, t->heap[child]);
    }
    place(t, at, e);
}

void unit_table_due(struct unit_table *t, struct unit_entry *e, int64_t due)
{
    int64_t before = e->due;
    e->due = due;
    if (due < before)
        sift_up(t, e);
    else
        sift_down(t, e);
}

struct unit_entry *unit_table_first(const struct unit_table *t)
{
    return t->n ? t->heap[0] : NULL;
}

/* ---- The hash ---- */

static bool grow(struct unit_table *t)
{
    if (t->n == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 16;
        struct unit_entry **heap = reallocarray(t->heap, capacity, sizeof(struct unit_entry *));
        if (!heap)
            return false;
        t->heap = heap;
        t->capacity = capacity;
    }
    if (t->n < t->n_buckets)
        return true;
    struct unit_table wider = {.n_buckets = t->n_buckets ? t->n_buckets * 2 : BUCKETS_FIRST};
    wider.buckets = calloc(wider.n_buckets, sizeof(struct unit_entry *));
    if (!wider.buckets)
        return false;
    for (struct unit_entry *e = t->all; e; e = e->next_all) {
        struct unit_entry **bucket = bucket_of(&wider, e->sequence, e->node);
        e->next = *bucket;
        *bucket = e;
    }
    free(t->buckets);
    t->buckets = wider.buckets;
    t->n_buckets = wider.n_buckets;
    return true;
}

struct unit_entry *unit_table_add(struct unit_table *t, uint64_t message, const struct office_id *recipient,
                                  const char *sequence, uint64_t node, int64_t due)
{
    struct unit_entry *e = calloc(1, sizeof *e);
    if (!e || !grow(t)) {
        free(e);
        return NULL;
    }
    e->message = message;
    e->recipient = *recipient;
    snprintf(e->sequence, sizeof e->sequence, "%s", sequence);
    e->node = node;
    e->due = due;
    struct unit_entry **bucket = bucket_of(t, sequence, node);
    e->next = *bucket;
    *bucket = e;
    e->next_all = t->all;
    e->link_all = &t->all;
    if (t->all)
        t->all->link_all = &e->next_all;
    t->all = e;
    e->heap_at = t->n++;
    sift_up(t, e);
    return e;
}

bool unit_entry_stranger(struct unit_entry *e, uint64_t node)
{
    for (size_t i = 0; i < e->n_strangers; i++)
        if (e->strangers[i] == node)
            return true;
    if (e->n_strangers == UNIT_STRANGERS_MAX)
        return false;
    if (e->n_strangers == e->strangers_capacity) {
        size_t capacity = e->strangers_capacity ? e->strangers_capacity * 2 : 4;
        uint64_t *more = reallocarray(e->strangers, capacity, sizeof *more);
        if (!more)
            return false;
        e->strangers = more;
        e->strangers_capacity = capacity;
    }
    e->strangers[e->n_strangers++] = node;
    return true;
}

void unit_entry_forget(struct unit_entry *e)
{
    e->n_strangers = 0;
    e->strangers_over = false;
}

void unit_table_remove(struct unit_table *t, struct unit_entry *e)
{
    struct unit_entry **link = bucket_of(t, e->sequence, e->node);
    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    *e->link_all = e->next_all;
    if (e->next_all)
        e->next_all->link_all = e->link_all;
    struct unit_entry *last = t->heap[--t->n];
    if (last != e) {
        last->heap_at = e->heap_at;
        sift_up(t, last);
        sift_down(t, last);
    }
    free(e->strangers);
    free(e);
}

void unit_table_find(struct unit_table *t, const char *sequence, uint64_t node, unit_table_fn *fn,
                     void *context)
{
    if (!t->n_buckets)
        return;
    for (struct unit_entry *e = *bucket_of(t, sequence, node); e; e = e->next)
        if (strcmp(e->sequence, sequence) == 0 && (*sequence || e->node == node))
            fn(context, e);
}

void unit_table_each(struct unit_table *t, unit_table_fn *fn, void *context)
{
    for (struct unit_entry *e = t->all; e; e = e->next_all)
        fn(context, e);
}

void unit_table_free(struct unit_table *t)
{
    while (t->all)
        unit_table_remove(t, t->all);
    free(t->heap);
    free(t->buckets);
    *t = (struct unit_table){0};
}
