/* A growable run of bytes with a bound. A failed append sets `failed` and changes nothing else, so that a
 * chain of appends needs one check at its end. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data; /* NUL-terminated behind `length` whenever not NULL */
    size_t length;
    size_t capacity;
    size_t limit; /* `length` never exceeds it; 0 = 64 MiB */
    bool failed;  /* out of memory or over the limit */
};

int buffer_append(struct buffer *b, const void *data, size_t length); /* 0, -ENOMEM, -EFBIG */
int buffer_text(struct buffer *b, const char *text);
int buffer_printf(struct buffer *b, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));
int buffer_u64be(struct buffer *b, uint64_t value);
void buffer_clear(struct buffer *b); /* length 0, memory kept */
void buffer_free(struct buffer *b);
void buffer_wipe(struct buffer *b); /* zeroes, then frees */

#define autobuffer __attribute__((__cleanup__(buffer_free))) struct buffer

#endif
