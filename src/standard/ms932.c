#include "standard/ms932.h"

#include <string.h>

#include "standard/layout.h"

enum { REPLACEMENT = 0xFFFD };

static bool is_lead(uint8_t c)
{
    return (c >= 0x81 && c <= 0x9F) || (c >= 0xE0 && c <= 0xFC);
}

static bool is_trail(uint8_t c)
{
    return c >= 0x40 && c <= 0xFC && c != 0x7F;
}

static uint16_t double_byte(uint8_t lead, uint8_t trail)
{
    unsigned row = lead < 0xA0 ? lead - 0x81u : lead - 0xE0u + 31u;
    return table_ms932[row * MS932_COLUMNS + (trail - 0x40u)];
}

size_t ascii_run(const uint8_t *text, size_t length)
{
    size_t i = 0;
    uint64_t word;
    for (; i + sizeof word <= length; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (i < length && text[i] < 0x80)
        i++;
    return i;
}

enum ms932_fault ms932_next_fault(const uint8_t *text, size_t length, size_t *offset, size_t *size)
{
    size_t i = *offset;
    while (i < length) {
        uint8_t c = text[i];
        if (c < 0x80) {
            i += ascii_run(text + i, length - i);
            continue;
        }
        if (c >= 0xA1 && c <= 0xDF) {
            i++;
            continue;
        }
        *offset = i;
        *size = 1;
        if (!is_lead(c))
            return MS932_UNDEFINED;
        if (i + 1 >= length || !is_trail(text[i + 1]))
            return MS932_INCOMPLETE;
        *size = 2;
        if (c >= 0xF0 && c <= 0xF9)
            return MS932_GAIJI;
        if (!double_byte(c, text[i + 1]))
            return MS932_UNDEFINED;
        i += 2;
    }
    return MS932_GOOD;
}

size_t ms932_characters(const uint8_t *text, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; n++)
        i += is_lead(text[i]) && i + 1 < length ? 2 : 1;
    return n;
}

/* Three-byte sequences of kana and kanji are what makes UTF-8 likely. */
static bool is_utf8(const uint8_t *text, size_t length, size_t *wide)
{
    *wide = 0;
    for (size_t i = 0, size; i < length; i += size) {
        size = utf8_sequence(text + i, length - i);
        if (size == 0)
            return false;
        *wide += size == 3 && text[i] >= 0xE2;
    }
    return true;
}

void encoding_guess(struct encoding_guess *g, const uint8_t *text, size_t length, bool ms932)
{
    size_t wide;
    if (g->ms932 || g->utf8 || ascii_run(text, length) == length)
        return;
    bool utf8 = is_utf8(text, length, &wide);
    g->maybe_utf8 |= utf8 && wide >= 2;
    g->ms932 = ms932 && !utf8;
    g->utf8 = utf8 && !ms932 && wide;
}

bool encoding_is_utf8(const struct encoding_guess *g)
{
    return g->utf8 || (g->maybe_utf8 && !g->ms932);
}

static bool is_euc_byte(uint8_t c)
{
    return c >= 0xA1 && c <= 0xFE;
}

/* Bytes of the EUC-JP character at the head of `text`, 0: none. */
static size_t euc_character(const uint8_t *text, size_t length)
{
    if (text[0] < 0x80)
        return 1;
    if (length >= 3 && text[0] == 0x8F && is_euc_byte(text[1]) && is_euc_byte(text[2]))
        return 3;
    bool kana = text[0] == 0x8E && length >= 2 && text[1] >= 0xA1 && text[1] <= 0xDF;
    return kana || (length >= 2 && is_euc_byte(text[0]) && is_euc_byte(text[1])) ? 2 : 0;
}

/* What is wrong with it as MS932 is more than user-defined characters. */
static bool is_no_ms932(const uint8_t *text, size_t length)
{
    enum ms932_fault fault;
    size_t offset = 0, size = 0;
    while ((fault = ms932_next_fault(text, length, &offset, &size)) == MS932_GAIJI)
        offset += size;
    return fault != MS932_GOOD;
}

void euc_guess(struct euc_guess *g, const uint8_t *text, size_t length, bool ms932)
{
    size_t wide = 0;
    if (g->euc || g->not_euc || ascii_run(text, length) == length)
        return;
    for (size_t i = 0, size; i < length; i += size) {
        size = euc_character(text + i, length - i);
        g->not_euc |= size == 0;
        if (size == 0)
            return;
        wide += size > 1;
    }
    g->euc = !ms932 && wide >= 2 && is_no_ms932(text, length);
}

bool jis_begins(const uint8_t *text, size_t length)
{
    return length >= 3 && (memcmp(text, "\x1B$B", 3) == 0 || memcmp(text, "\x1B$@", 3) == 0 ||
                           memcmp(text, "\x1B(I", 3) == 0);
}

size_t control_find(const uint8_t *text, size_t length, size_t from)
{
    static const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t word;
    for (size_t i = from; i < length; i++) {
        for (; i + sizeof word <= length; i += sizeof word) {
            memcpy(&word, text + i, sizeof word);
            uint64_t del = word ^ (ones * 0x7F);
            if ((((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & high)
                break;
        }
        size_t end = i + sizeof word < length ? i + sizeof word : length;
        for (; i < end; i++) {
            uint8_t c = text[i];
            if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7F)
                return i;
        }
        i--;
    }
    return length;
}

size_t utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    out[0] = (char)(0xE0 | (c >> 12));
    out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[2] = (char)(0x80 | (c & 0x3F));
    return 3;
}

size_t ms932_read(const uint8_t *text, size_t length, uint32_t *c)
{
    uint8_t first = text[0];
    *c = REPLACEMENT;
    if (first < 0x80) {
        *c = first;
        return 1;
    }
    if (first >= 0xA1 && first <= 0xDF) {
        *c = 0xFF61u + (first - 0xA1u);
        return 1;
    }
    if (!is_lead(first) || length < 2 || !is_trail(text[1]))
        return 1;
    uint16_t found = double_byte(first, text[1]);
    if (found)
        *c = found;
    return 2;
}

static size_t utf8_read(const uint8_t *text, size_t length, uint32_t *c)
{
    size_t size = utf8_sequence(text, length);
    *c = REPLACEMENT;
    if (size == 1)
        *c = text[0];
    else if (size == 2)
        *c = ((text[0] & 0x1Fu) << 6) | (text[1] & 0x3Fu);
    else if (size == 3)
        *c = ((text[0] & 0x0Fu) << 12) | ((text[1] & 0x3Fu) << 6) | (text[2] & 0x3Fu);
    return size ? size : 1;
}

/* Controls become their pictures; what would reorder or break a line of a message is replaced. */
static uint32_t visible(uint32_t c)
{
    if (c < 0x20)
        return 0x2400 + c;
    if (c == 0x7F)
        return 0x2421;
    bool harmful = (c >= 0x80 && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
                   (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
    return harmful ? REPLACEMENT : c;
}

void value_text(const uint8_t *value, size_t length, bool utf8, size_t characters, char *out)
{
    size_t at = 0, offset = 0;
    for (size_t n = 0; n < characters && offset < length; n++) {
        uint32_t c;
        offset += utf8 ? utf8_read(value + offset, length - offset, &c)
                       : ms932_read(value + offset, length - offset, &c);
        at += utf8_put(out + at, visible(c));
    }
    if (offset < length)
        at += utf8_put(out + at, 0x2026);
    out[at] = '\0';
}
