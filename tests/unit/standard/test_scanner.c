/* Records from a stream of bytes. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "careplan/standard.h"
#include "standard/scanner.h"

/* What came, as text: "LINE:[item@LINE!FAULTS|…]" a row; long items by their length. */
struct seen {
    struct buffer text;
};

static void row(void *context, struct scanned_row *r)
{
    struct buffer *b = &((struct seen *)context)->text;
    buffer_printf(b, "%llu%s:[", (unsigned long long)r->line, r->too_long ? "L" : "");
    for (size_t i = 0; i < r->n_items; i++) {
        const struct scanned_item *item = &r->items[i];
        buffer_text(b, i ? "|" : "");
        if (item->length > 100)
            buffer_printf(b, "#%zu", item->length);
        else
            buffer_append(b, item->text, item->length);
        if (item->line != r->line)
            buffer_printf(b, "@%llu", (unsigned long long)item->line);
        if (item->faults)
            buffer_printf(b, "!%u", item->faults);
    }
    buffer_printf(b, "]%zu ", r->total);
}

static void scan(struct seen *seen, const char *text, size_t length, size_t step)
{
    struct scanner *s = scanner_new(0, 0, row, seen);
    assert_non_null(s);
    for (size_t at = 0; at < length; at += step)
        assert_int_equal(
            scanner_write(s, (const uint8_t *)text + at, length - at < step ? length - at : step), 0);
    assert_int_equal(scanner_finish(s), 0);
    scanner_free(s);
    buffer_text(&seen->text, "");
}

/* Cut anywhere, the rows are the same. */
static void expect(const char *text, const char *rows)
{
    for (size_t step = 1; step <= strlen(text) + 1; step++) {
        struct seen seen = {0};
        scan(&seen, text, strlen(text), step);
        assert_string_equal((char *)seen.text.data, rows);
        buffer_free(&seen.text);
    }
}

static void reads_every_kind_of_line_end(void **state)
{
    (void)state;
    expect("a,b\nc,d\r\ne,f\rg,h", "1:[a|b]2 2:[c|d]2 3:[e|f]2 4:[g|h]2 ");
    expect("a\r\n\r\n\nb\r\n", "1:[a]1 4:[b]1 ");
    expect("\r\n\r\na", "3:[a]1 ");
    expect("", "");
    expect("\r\n", "");
}

static void reads_empty_items(void **state)
{
    (void)state;
    expect(",\n", "1:[|]2 ");
    expect("\"\"\n", "1:[]1 ");
    expect("a,", "1:[a|]2 ");
    expect("a,\"\"", "1:[a|]2 ");
}

static void keeps_commas_quotes_and_lines_inside_quotes(void **state)
{
    (void)state;
    expect("\"a,b\",c\n", "1:[a,b|c]2 ");
    expect("\"x\"\"y\",c\n", "1:[x\"\"y|c]2 ");
    expect("\"1\r\n2\n3\",c\r\nd", "1:[1\r\n2\n3|c@3]2 4:[d]1 ");
}

static void a_stray_quote_does_not_end_its_item(void **state)
{
    (void)state;
    expect("\"a\"b\",c\n", "1:[a\"b!2|c]2 ");
    expect("a\"b,c\n", "1:[a\"b!4|c]2 ");
}

static void an_unclosed_quote_costs_its_own_record_only(void **state)
{
    (void)state;
    expect("202407,039999,\"x\n202407,039999,\"y\"\n202407,039999,z\n",
           "1:[202407|039999|x!1]3 2:[202407|039999|y]3 3:[202407|039999|z]3 ");
    expect("202407,039999,\"x\r\n\"202407\",\"039999\",\"y\"\r\n",
           "1:[202407|039999|x!1]3 2:[202407|039999|y]3 ");
    expect("202407,039999,\"x\nand more", "1:[202407|039999|x\nand more!1]3 ");
}

static void counts_lines_on_behind_an_unclosed_quote(void **state)
{
    (void)state;
    expect("202407,039999,\"x\r\nmore\r\n202407,039999,\"y\r\nz\"\r\n202407,039999,q",
           "1:[202407|039999|x\r\nmore!1]3 3:[202407|039999|y\r\nz]3 5:[202407|039999|q]3 ");
}

static char *filled(size_t length, const char *head, const char *unit)
{
    char *text = malloc(length + 1);
    assert_non_null(text);
    size_t at = strlen(head), n = strlen(unit);
    memcpy(text, head, at);
    for (; at + n <= length; at += n)
        memcpy(text + at, unit, n);
    memset(text + at, 'e', length - at);
    text[length] = '\0';
    return text;
}

static void same_however_it_is_cut(const char *text, size_t length)
{
    static const size_t steps[] = {1, 7, 4096, 65535, 65536, 65537, 1000003};
    struct seen whole = {0};
    scan(&whole, text, length, length);
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        struct seen cut = {0};
        scan(&cut, text, length, steps[i]);
        assert_string_equal((char *)whole.text.data, (char *)cut.text.data);
        buffer_free(&cut.text);
    }
    buffer_free(&whole.text);
}

static void an_item_too_long_is_said_and_the_next_record_is_read(void **state)
{
    (void)state;
    struct seen seen = {0};
    autofree char *text = filled(CAREPLAN_ITEM_MAX + 100, "a,\"", "x");
    memcpy(text + CAREPLAN_ITEM_MAX + 90, "\",b\nc,d\n\n\n", 10);
    scan(&seen, text, CAREPLAN_ITEM_MAX + 100, 4096);
    assert_string_equal((char *)seen.text.data, "1:[a|#65623!8|b]3 2:[c|d]2 ");
    buffer_free(&seen.text);
    same_however_it_is_cut(text, CAREPLAN_ITEM_MAX + 100);
}

static void a_record_too_long_is_said_once_and_skipped(void **state)
{
    (void)state;
    struct seen seen = {0};
    autofree char *text = filled(3 * CAREPLAN_ROW_MAX, "", "0123456789,");
    memcpy(text + 3 * CAREPLAN_ROW_MAX - 5, "\nc,d\n", 5);
    scan(&seen, text, 3 * CAREPLAN_ROW_MAX, 65536);
    char *second = strstr((char *)seen.text.data, " 2:[");
    assert_memory_equal(seen.text.data, "1L:[0123456789|", 15);
    assert_string_equal(second, " 2:[c|d]2 ");
    buffer_free(&seen.text);
}

/* Bytes allocated now (under a sanitizer's allocator always 0). */
static size_t allocated(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void memory_is_bounded_by_a_record_not_by_the_file(void **state)
{
    (void)state;
    struct seen seen = {0};
    autofree char *text = filled(65536, "", "x");
    size_t before = allocated();
    struct scanner *s = scanner_new(0, 0, row, &seen);
    assert_non_null(s);
    for (int i = 0; i < 1000; i++) /* 64 MB in one item that never ends */
        assert_int_equal(scanner_write(s, (uint8_t *)text, 65536), 0);
    assert_int_equal(scanner_finish(s), 0);
    assert_true(allocated() <= before + 4 * CAREPLAN_ROW_MAX);
    scanner_free(s);
    buffer_free(&seen.text);
}

/* Each would take hours if every stray quote were searched back to the item's beginning. */
static void a_record_full_of_stray_quotes_is_read_in_no_time(void **state)
{
    (void)state;
    static const char *const units[] = {"\"a", "\"a\n", "\n\"2", "\r\"a\n", "202407\n\"b"};
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        autofree char *text = filled(2 * CAREPLAN_ROW_MAX, "\"", units[i]);
        same_however_it_is_cut(text, 2 * CAREPLAN_ROW_MAX);
    }
}

static void the_limits_do_not_depend_on_how_bytes_are_cut(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "\"", "\"\"", ",", "\r\n", "\n", "\r", "202407,039999,\"", "\n202407,039999,", "\"\"\"a", "x", "\"a"};
    uint64_t random = 88172645463325252u;
    for (int round = 0; round < 12; round++) {
        autobuffer text = {0};
        while (text.length < CAREPLAN_ITEM_MAX * 3) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if (random % 64 == 0) {
                autofree char *run = filled(CAREPLAN_ITEM_MAX - 8 + random / 64 % 16, "", "x");
                buffer_text(&text, run);
            }
            buffer_text(&text, pieces[random / 1024 % ARRAY_LENGTH(pieces)]);
        }
        same_however_it_is_cut((char *)text.data, text.length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind_of_line_end),
        cmocka_unit_test(reads_empty_items),
        cmocka_unit_test(keeps_commas_quotes_and_lines_inside_quotes),
        cmocka_unit_test(a_stray_quote_does_not_end_its_item),
        cmocka_unit_test(an_unclosed_quote_costs_its_own_record_only),
        cmocka_unit_test(counts_lines_on_behind_an_unclosed_quote),
        cmocka_unit_test(an_item_too_long_is_said_and_the_next_record_is_read),
        cmocka_unit_test(a_record_too_long_is_said_once_and_skipped),
        cmocka_unit_test(memory_is_bounded_by_a_record_not_by_the_file),
        cmocka_unit_test(a_record_full_of_stray_quotes_is_read_in_no_time),
        cmocka_unit_test(the_limits_do_not_depend_on_how_bytes_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
