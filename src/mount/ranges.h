/* A set of byte ranges: sorted, disjoint, joined where they touch. Which bytes of a file were written, which
 * were read. Not thread-safe. */
#ifndef MOUNT_RANGES_H
#define MOUNT_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RANGES_MAX = 64 * 1024 }; /* pieces; who writes every other byte of a file is stopped there */

struct range {
    uint64_t begin, end;
};
struct ranges {
    struct range *items;
    size_t n, capacity;
};

int ranges_add(struct ranges *r, uint64_t begin, uint64_t end); /* 0, -ENOMEM, -EFBIG: too many pieces */
void ranges_cut(struct ranges *r, uint64_t end);                /* forgets everything from `end` on */
/* Does `at` lie in the set? *until is where that changes, at most `end`. */
bool ranges_at(const struct ranges *r, uint64_t at, uint64_t end, uint64_t *until);
bool ranges_cover(const struct ranges *r, uint64_t begin, uint64_t end);
void ranges_free(struct ranges *r); /* empty again */

#endif
