/* Single items: what the samples do not show (test_samples.c), and how what stands there is quoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rows.h"
#include "standard/ms932.h"

static void what_is_not_used_stays_empty(void **state)
{
    (void)state;
    expect_row("UPPLAN", "identifier=1", "1:25 CP1053");
    expect_row("UPPLAN", "identifier=", "");
}

static void an_office_number_is_of_digits_and_capitals(void **state)
{
    (void)state;
    expect_row("UPPLAN", "updater_office_no=03A0000100", "");
    expect_row("UPPLAN", "updater_office_no=03a0000100", "1:24 CP1052");
    expect_row("UPPLAN", "updater_office_no=0300-00100", "1:24 CP1052");
    expect_row("UPPLAN", "updater_office_no=300000100", "1:24 CP1051");
}

#define WIDE "\x81\x5D" /* ‐ */
#define LONG "\x81\x5B" /* ー */

static void a_code_is_of_digits_capitals_and_hyphens(void **state)
{
    (void)state;
    expect_row("UPPLAN", "service_code=171007|tais_code=00001-000010", "");
    expect_row("UPPLAN", "service_code=171007|tais_code=00001" WIDE "000010", "");
    expect_row("UPPLAN", "service_code=171007|tais_code=00001" LONG "000010", "1:16 CP1035");
    expect_row("UPPLAN", "service_code=11121a", "1:15 CP1035");
    expect_row("UPPLAN", "service_code=11" WIDE "211", "1:15 CP1035"); /* only where the source is in doubt */
}

/* ---- What a message shows of a value ---- */

static void shown(const char *value, size_t length, bool utf8, size_t characters, const char *expected)
{
    char text[256];
    value_text((const uint8_t *)value, length, utf8, characters, text);
    assert_string_equal(text, expected);
}

static void a_value_is_shown_without_what_would_disturb_its_line(void **state)
{
    (void)state;
    shown("a\tb\x7F\r\n", 6, false, 40, "a␉b␡␍␊");
    shown("\x82\xA0\x81\xAD\xB1", 5, false, 40, "あ\uFFFDｱ");
    shown("\xC3\xA9\xE2\x80\xAE\xFF", 6, true, 40, "é\uFFFD\uFFFD");
}

static void a_long_value_is_cut_behind_a_character(void **state)
{
    (void)state;
    shown("\x82\xA0\x82\xA2\x82\xA4", 6, false, 2, "あい…");
    shown("\x82\xA0\x82\xA2", 4, false, 2, "あい");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_used_stays_empty),
        cmocka_unit_test(an_office_number_is_of_digits_and_capitals),
        cmocka_unit_test(a_code_is_of_digits_capitals_and_hyphens),
        cmocka_unit_test(a_value_is_shown_without_what_would_disturb_its_line),
        cmocka_unit_test(a_long_value_is_cut_behind_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
