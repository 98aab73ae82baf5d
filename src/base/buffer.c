#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct buffer *b, size_t more)
{
    size_t limit = b->limit ? b->limit : (size_t)64 << 20;
    if (b->failed)
        return -ENOMEM;
    if (b->length > limit || more > limit - b->length) {
        b->failed = true;
        return -EFBIG;
    }
    size_t need = b->length + more + 1;
    if (need <= b->capacity)
        return 0;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    uint8_t *data = realloc(b->data, capacity);
    if (!data) {
        b->failed = true;
        return -ENOMEM;
    }
    b->data = data;
    b->capacity = capacity;
    return 0;
}

int buffer_append(struct buffer *b, const void *data, size_t length)
{
    int r = reserve(b, length);
    if (r)
        return r;
    if (length)
        memcpy(b->data + b->length, data, length);
    b->length += length;
    b->data[b->length] = 0;
    return 0;
}

int buffer_text(struct buffer *b, const char *text)
{
    return buffer_append(b, text, strlen(text));
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    int r = n < 0 ? -EINVAL : reserve(b, (size_t)n);
    if (r == 0) {
        vsnprintf((char *)b->data + b->length, (size_t)n + 1, format, again);
        b->length += (size_t)n;
    }
    va_end(again);
    return r;
}

int buffer_u64be(struct buffer *b, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    return buffer_append(b, bytes, sizeof bytes);
}

void buffer_clear(struct buffer *b)
{
    b->length = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = 0;
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){.limit = b->limit};
}

void buffer_wipe(struct buffer *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    buffer_free(b);
}
