#include "base/hex.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void hex_encode(const void *data, size_t length, char *out)
{
    static const char digit[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digit[p[i] >> 4];
        out[2 * i + 1] = digit[p[i] & 15];
    }
    out[2 * length] = '\0';
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(const char *text, void *out, size_t length)
{
    uint8_t *p = out;
    for (size_t i = 0; i < length; i++) {
        int high = nibble(text[2 * i]);
        int low = high < 0 ? -1 : nibble(text[2 * i + 1]);
        if (low < 0)
            return false;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * length] == '\0';
}

void random_bytes(void *out, size_t length)
{
    uint8_t *p = out;
    while (length) {
        ssize_t n = getrandom(p, length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        p += n;
        length -= (size_t)n;
    }
}
