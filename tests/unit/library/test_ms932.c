/* Unicode to MS932 and back: every character, and of several codes the one that Windows writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "standard/layout.h"
#include "standard/ms932.h"
#include "standard/ms932_text.h"

enum { DUPLICATES = 396 };

static uint16_t unicode_of(unsigned code)
{
    uint32_t c;
    const uint8_t bytes[] = {(uint8_t)(code >> 8), (uint8_t)code};
    bool two = code > 0xFF;
    assert_int_equal(ms932_read(two ? bytes : bytes + 1, two ? 2 : 1, &c), two ? 2 : 1);
    return (uint16_t)c;
}

/* Bytes of double-byte characters of the table, each code once. */
static size_t all_codes(uint16_t codes[60 * MS932_COLUMNS])
{
    size_t n = 0;
    for (unsigned row = 0; row < 60; row++)
        for (unsigned column = 0; column < MS932_COLUMNS; column++)
            if (table_ms932[row * MS932_COLUMNS + column])
                codes[n++] = (uint16_t)((row < 31 ? 0x81 + row : 0xE0 + row - 31) << 8 | (0x40 + column));
    return n;
}

/* The pinned list: each line's codes are one character, the first is the one written. */
static size_t read_duplicates(uint16_t chosen_of[0x10000])
{
    size_t lines = 0;
    autobuffer text = {0};
    assert_int_equal(file_read(HERE "/ms932_duplicates.tsv", 1 << 20, &text, NULL), 0);
    for (char *line = (char *)text.data, *end; (end = strchr(line, '\n')); line = end + 1) {
        if (*line == '#')
            continue;
        char *at = line;
        unsigned long unicode = strtoul(at, &at, 16), chosen = strtoul(at, &at, 16);
        assert_true(unicode < 0x10000 && chosen < 0x10000 && at < end);
        while (at < end)
            assert_int_equal(unicode_of((unsigned)strtoul(at, &at, 16)), unicode);
        chosen_of[unicode] = (uint16_t)chosen;
        lines++;
    }
    return lines;
}

static void writes_the_code_that_windows_chooses(void **state)
{
    (void)state;
    static uint16_t chosen_of[0x10000], codes[60 * MS932_COLUMNS];
    assert_int_equal(read_duplicates(chosen_of), DUPLICATES);
    size_t n = all_codes(codes), several = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t unicode = unicode_of(codes[i]);
        uint16_t right = chosen_of[unicode] ? chosen_of[unicode] : codes[i];
        several += right != codes[i];
        if (ms932_code(unicode) != right)
            print_message("U+%04X is written %04X, Windows writes %04X\n", unicode, ms932_code(unicode),
                          right);
        assert_int_equal(ms932_code(unicode), right);
    }
    assert_int_equal(n - several, 7326);
}

static void has_a_code_for_every_character_and_no_other(void **state)
{
    (void)state;
    size_t n = 0;
    for (uint32_t c = 0; c < 0x20000; c++) {
        uint16_t code = ms932_code(c);
        if (code)
            assert_int_equal(unicode_of(code), c);
        n += code != 0;
    }
    /* Double bytes, half-width kana, ASCII without NUL. */
    assert_int_equal(n, 7326 + 63 + 127);
    static const uint32_t none[] = {0,      0x80,   0xA0,   0xA5,   0x2014,  0x2016,  0x203E,  0x2212,
                                    0x301C, 0xE000, 0xF8F0, 0xFFFD, 0x1F600, 0x20B9F, 0x10FFFF};
    for (size_t i = 0; i < ARRAY_LENGTH(none); i++)
        assert_int_equal(ms932_code(none[i]), 0);
}

static void decodes_utf8_of_all_lengths_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
        uint32_t c;
    } cases[] = {{"A", 1, 'A'},
                 {"\xC2\xA5", 2, 0xA5},
                 {"あ", 3, 0x3042},
                 {"𠮟", 4, 0x20B9F},
                 {"\xE3\x81", 0, 0xFFFD},
                 {"\xC0\x80", 0, 0xFFFD},
                 {"\xED\xA0\x80", 0, 0xFFFD},
                 {"\xF4\x90\x80\x80", 0, 0xFFFD},
                 {"\x80", 0, 0xFFFD}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint32_t c;
        assert_int_equal(utf8_decode((const uint8_t *)cases[i].text, strlen(cases[i].text), &c),
                         cases[i].bytes);
        assert_int_equal(c, cases[i].c);
    }
}

static void converts_as_snprintf_does(void **state)
{
    (void)state;
    static const uint8_t text[] = "\x82\xA0\"\"\x82\xA2";
    char out[16];
    assert_int_equal(ms932_to_utf8(text, 6, true, NULL, 0), 7);
    assert_int_equal(ms932_to_utf8(text, 6, true, out, sizeof out), 7);
    assert_string_equal(out, "あ\"い");
    assert_int_equal(ms932_to_utf8(text, 6, false, out, sizeof out), 8);
    assert_string_equal(out, "あ\"\"い");
    assert_int_equal(ms932_to_utf8(text, 6, true, out, 7), 7);
    assert_string_equal(out, "あ\""); /* no half character */
    assert_int_equal(ms932_to_utf8(text, 6, true, out, 3), 7);
    assert_string_equal(out, "");
    /* Behind what did not fit nothing follows, though it would fit. */
    assert_int_equal(ms932_to_utf8((const uint8_t *)"\x82\xA0z", 3, true, out, 3), 4);
    assert_string_equal(out, "");
}

static void reads_what_is_no_character_as_a_replacement(void **state)
{
    (void)state;
    char out[64];
    ms932_to_utf8((const uint8_t *)"\x85\x40\xF0\x40\x80\x82", 6, true, out, sizeof out);
    assert_string_equal(out, "\uFFFD\uFFFD\uFFFD\uFFFD");
    ms932_to_utf8((const uint8_t *)"a\0b", 3, true, out, sizeof out);
    assert_string_equal(out, "a\uFFFDb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_code_that_windows_chooses),
        cmocka_unit_test(has_a_code_for_every_character_and_no_other),
        cmocka_unit_test(decodes_utf8_of_all_lengths_and_nothing_else),
        cmocka_unit_test(converts_as_snprintf_does),
        cmocka_unit_test(reads_what_is_no_character_as_a_replacement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
