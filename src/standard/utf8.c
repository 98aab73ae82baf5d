#include "standard/utf8.h"

size_t utf8_sequence(const uint8_t *text, size_t length)
{
    static const uint8_t second_low[] = {[0xE0 - 0xE0] = 0xA0, [0xF0 - 0xE0] = 0x90};
    uint8_t c = text[0];
    size_t size = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (size == 0 || size > length)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 || c == 0xF0) && text[1] < second_low[c - 0xE0])
        return 0;
    if ((c == 0xED && text[1] > 0x9F) || (c == 0xF4 && text[1] > 0x8F))
        return 0;
    return size;
}
