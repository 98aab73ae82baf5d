/* The encoding of a record (標準仕様 文字コード): characters outside MS932 by place, NUL, control characters,
 * and text that is UTF-8, EUC-JP or JIS. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "standard/check_private.h"
#include "standard/ms932.h"

static bool begins(const uint8_t *head, size_t length, const char *with, size_t n)
{
    return length >= n && memcmp(head, with, n) == 0;
}

const char *encoding_of_head(const uint8_t *head, size_t length)
{
    bool marked32 = begins(head, length, "\xFF\xFE\0\0", 4) || begins(head, length, "\0\0\xFE\xFF", 4);
    if (marked32 || (length >= 4 && ((head[0] && !head[1] && !head[2] && !head[3]) ||
                                     (!head[0] && !head[1] && !head[2] && head[3]))))
        return "UTF-32";
    if (begins(head, length, "\xFF\xFE", 2) || begins(head, length, "\xFE\xFF", 2) ||
        (length >= 4 &&
         ((head[0] && !head[1] && head[2] && !head[3]) || (!head[0] && head[1] && !head[2] && head[3]))))
        return "UTF-16";
    return NULL;
}

static uint64_t lines_before(const uint8_t *text, size_t end)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < end; i++)
        lines += text[i] == '\n' || (text[i] == '\r' && (i + 1 == end || text[i + 1] != '\n'));
    return lines;
}

/* The code that a user-defined character has in Unicode: F040 is U+E000 (標準仕様 names the area by MS932).
 */
static unsigned gaiji_unicode(const uint8_t *text)
{
    unsigned column = text[1] - (text[1] < 0x7F ? 0x40u : 0x41u);
    return 0xE000u + (text[0] - 0xF0u) * 188u + column;
}

/* A place in an item's text; it only goes forward, however many characters are at fault. */
struct text_place {
    size_t offset, characters;
    uint64_t lines;
};

static void place_forward(struct text_place *p, const struct scanned_item *item, size_t offset)
{
    p->lines += lines_before(item->text + p->offset, offset - p->offset);
    p->characters += ms932_characters(item->text + p->offset, offset - p->offset);
    p->offset = offset;
}

static void put_character(struct record *r, size_t i, enum ms932_fault fault, const struct text_place *at,
                          size_t size)
{
    static const char *const codes[] = {
        [MS932_UNDEFINED] = "CP1004", [MS932_INCOMPLETE] = "CP1005", [MS932_GAIJI] = "CP1006"};
    const uint8_t *text = r->row->items[i].text + at->offset;
    char hex[8], number[24], unicode[16];
    struct problem_place place = record_place(r, i);
    place.line += at->lines;
    snprintf(hex, sizeof hex, size == 2 ? "%02X%02X" : "%02X", text[0], text[size - 1]);
    snprintf(number, sizeof number, "%zu", at->characters + 1);
    snprintf(unicode, sizeof unicode, "U+%04X", fault == MS932_GAIJI ? gaiji_unicode(text) : 0);
    record_bad(r, i, PROBLEM(&r->check->sink, codes[fault], &place, WORD(hex), WORD(number), WORD(unicode)));
}

/* Characters that are not MS932. */
static void characters_check(struct record *r, size_t i)
{
    const struct scanned_item *item = &r->row->items[i];
    struct text_place at = {0};
    size_t offset = 0, size;
    for (;;) {
        enum ms932_fault fault = ms932_next_fault(item->text, item->length, &offset, &size);
        if (fault == MS932_GOOD)
            return;
        place_forward(&at, item, offset);
        put_character(r, i, fault, &at, size);
        /* What follows other faults may only be their echo. */
        if (fault != MS932_GAIJI)
            return;
        offset += size;
    }
}

static void nul_check(struct record *r, size_t i)
{
    const struct scanned_item *item = &r->row->items[i];
    uint64_t nuls = 0;
    for (size_t k = 0; k < item->length; k++)
        nuls += item->text[k] == 0;
    if (nuls == 0)
        return;
    char count[24];
    struct problem_place place = record_place(r, i);
    snprintf(count, sizeof count, "%llu", (unsigned long long)nuls);
    record_bad(r, i, PROBLEM(&r->check->sink, "CP1007", &place, WORD(count)));
}

void controls_check(struct record *r, size_t i)
{
    const struct scanned_item *item = &r->row->items[i];
    struct text_place at = {0};
    char hex[8], number[24];
    size_t offset = control_find(item->text, item->length, 0);
    if (offset == item->length)
        return;
    struct problem_place place = record_place(r, i);
    place_forward(&at, item, offset);
    place.line += at.lines;
    snprintf(hex, sizeof hex, "%02X", item->text[offset]);
    snprintf(number, sizeof number, "%zu", at.characters + 1);
    PROBLEM(&r->check->sink, "CP1020", &place, WORD(hex), WORD(number));
}

static bool is_jis(const struct scanned_row *row)
{
    for (size_t i = 0; i < row->length; i++)
        if (jis_begins(row->bytes + i, row->length - i))
            return true;
    return false;
}

/* UTF-8 or EUC-JP is one fault of the file and not one of each item. */
static void encoding_decide(struct careplan_check *c, const struct scanned_row *row, bool ms932)
{
    if (c->items.utf8 || c->euc.euc)
        return;
    encoding_guess(&c->guess, row->bytes, row->length, ms932);
    /* A mark at the head speaks for UTF-8. */
    bool marked = c->head_length >= 3 && memcmp(c->head, "\xEF\xBB\xBF", 3) == 0;
    c->items.utf8 = c->guess.utf8 || (marked && encoding_is_utf8(&c->guess));
    if (!c->items.utf8)
        euc_guess(&c->euc, row->bytes, row->length, ms932);
    if (c->items.utf8 || c->euc.euc)
        problem_put(&c->sink, c->items.utf8 ? "CP1001" : "CP1009", &(struct problem_place){0}, NULL, 0);
}

void encoding_end(struct careplan_check *c)
{
    if (!c->items.utf8 && !c->euc.euc && encoding_is_utf8(&c->guess))
        problem_put(&c->sink, "CP1001", &(struct problem_place){0}, NULL, 0);
}

void encoding_check(struct record *r)
{
    struct careplan_check *c = r->check;
    const struct scanned_row *row = r->row;
    size_t offset = 0, size;
    r->controls = control_find(row->bytes, row->length, 0) < row->length;
    if (r->controls && is_jis(row)) { /* its bytes may be commas and quotes */
        c->unreadable = true;
        problem_put(&c->sink, "CP1008", &(struct problem_place){0}, NULL, 0);
        return;
    }
    bool nuls = r->controls && memchr(row->bytes, 0, row->length);
    bool other = c->items.utf8 || c->euc.euc;
    bool good = other || ms932_next_fault(row->bytes, row->length, &offset, &size) == MS932_GOOD;
    encoding_decide(c, row, good);
    other = c->items.utf8 || c->euc.euc;
    if (good && !nuls && !other)
        return;
    for (size_t i = 0; i < row->n_items; i++) {
        const struct scanned_item *item = &row->items[i];
        if (nuls)
            nul_check(r, i);
        if (!other)
            characters_check(r, i);
        else if (ascii_run(item->text, item->length) < item->length) /* its length cannot be told */
            record_bad(r, i, CAREPLAN_ERROR);
    }
}
