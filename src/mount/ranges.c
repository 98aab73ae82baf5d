#include "mount/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first range that ends at or behind `at`. */
static size_t first_ending_at(const struct ranges *r, uint64_t at)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->items[middle].end < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int ranges_insert(struct ranges *r, size_t at, uint64_t begin, uint64_t end)
{
    if (r->n == RANGES_MAX)
        return -EFBIG;
    if (r->n == r->capacity) {
        size_t capacity = r->capacity ? r->capacity * 2 : 4;
        struct range *items = realloc(r->items, capacity * sizeof *items);
        if (!items)
            return -ENOMEM;
        r->items = items;
        r->capacity = capacity;
    }
    memmove(r->items + at + 1, r->items + at, (r->n - at) * sizeof *r->items);
    r->items[at] = (struct range){begin, end};
    r->n++;
    return 0;
}

int ranges_add(struct ranges *r, uint64_t begin, uint64_t end)
{
    if (begin >= end)
        return 0;
    size_t at = first_ending_at(r, begin), last = at;
    if (at == r->n || r->items[at].begin > end)
        return ranges_insert(r, at, begin, end);
    struct range *joined = &r->items[at];
    if (begin < joined->begin)
        joined->begin = begin;
    while (last + 1 < r->n && r->items[last + 1].begin <= end)
        last++;
    if (end < r->items[last].end)
        end = r->items[last].end;
    joined->end = end;
    memmove(r->items + at + 1, r->items + last + 1, (r->n - last - 1) * sizeof *r->items);
    r->n -= last - at;
    return 0;
}

void ranges_cut(struct ranges *r, uint64_t end)
{
    size_t at = first_ending_at(r, end);
    if (at == r->n)
        return;
    if (r->items[at].begin < end)
        r->items[at++].end = end;
    r->n = at;
}

bool ranges_at(const struct ranges *r, uint64_t at, uint64_t end, uint64_t *until)
{
    size_t i = first_ending_at(r, at);
    if (i < r->n && r->items[i].end == at)
        i++;
    bool inside = i < r->n && r->items[i].begin <= at;
    uint64_t change = i == r->n ? end : inside ? r->items[i].end : r->items[i].begin;
    *until = change < end ? change : end;
    return inside;
}

bool ranges_cover(const struct ranges *r, uint64_t begin, uint64_t end)
{
    uint64_t until;
    return begin >= end || (ranges_at(r, begin, end, &until) && until == end);
}

void ranges_free(struct ranges *r)
{
    free(r->items);
    *r = (struct ranges){0};
}
