/* Memory that is given back as a whole, with a bound. */
#ifndef STANDARD_ARENA_H
#define STANDARD_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(size_t limit); /* NULL: no memory */
void arena_free(struct arena *a);      /* NULL is allowed */
/* `n` zeroed objects of `size` bytes; never NULL for n = 0. NULL: arena_error says why, once and for all. */
void *arena_take(struct arena *a, size_t n, size_t size);
/* A copy of `length` bytes with a NUL behind them. */
char *arena_text(struct arena *a, const char *text, size_t length);
/* 0; -ENOMEM; -E2BIG: over its bound. */
int arena_error(const struct arena *a);

#endif
