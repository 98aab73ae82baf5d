#include "standard/ms932_text.h"

#include <string.h>

#include "standard/ms932.h"

enum { REPLACEMENT = 0xFFFD };

size_t utf8_decode(const uint8_t *text, size_t length, uint32_t *c)
{
    static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    size_t size = utf8_sequence(text, length);
    *c = size ? text[0] & masks[size] : REPLACEMENT;
    for (size_t i = 1; i < size; i++)
        *c = *c << 6 | (text[i] & 0x3Fu);
    return size;
}

size_t ms932_to_utf8(const uint8_t *text, size_t length, bool quoted, char *out, size_t size)
{
    size_t total = 0, written = 0;
    for (size_t i = 0; i < length;) {
        uint32_t c;
        char character[4];
        i += ms932_read(text + i, length - i, &c);
        if (quoted && c == '"' && i < length && text[i] == '"')
            i++;
        size_t n = utf8_put(character, c ? c : REPLACEMENT);
        /* Nothing behind a character that did not fit. */
        if (written == total && total + n < size) {
            memcpy(out + written, character, n);
            written += n;
        }
        total += n;
    }
    if (size)
        out[written] = '\0';
    return total;
}
