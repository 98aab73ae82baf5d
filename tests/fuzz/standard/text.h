/* What a person is to read: UTF-8 without control characters; `lines`: but for line ends. */
#ifndef FUZZ_TEXT_H
#define FUZZ_TEXT_H

#include <stdbool.h>
#include <string.h>

#include "standard/utf8.h"

static inline bool text_is_plain(const char *text, size_t length, bool lines)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t size = 1;
    for (size_t i = 0; i < length && size; i += size) {
        bool control = p[i] == 0x7F || (p[i] < 0x20 && !(lines && (p[i] == '\r' || p[i] == '\n')));
        size = control ? 0 : utf8_sequence(p + i, length - i);
    }
    return size != 0;
}

/* Not empty, one line. */
static inline bool text_is_sentence(const char *text)
{
    return text[0] && text_is_plain(text, strlen(text), false);
}

#endif
