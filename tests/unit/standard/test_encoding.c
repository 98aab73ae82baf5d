/* Encodings that are not MS932, control characters, and what stands around the records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rows.h"

#define PLAN "UPPLAN_202504_0300000100_43_0300000005_11_20250401090000.CSV"
#define YOBO "_0300000200_46_0300000005_A2_20250401090000.CSV"

static void expect_text(const char *text, const char *problems)
{
    char changes[128];
    autobuffer content = {0};
    snprintf(changes, sizeof changes, "plan_staff_name=%s|service_date=20250401", text);
    row_add(&content, "UPPLAN", changes);
    row_add(&content, "UPPLAN", "service_date=20250402");
    snprintf(changes, sizeof changes, "plan_staff_name=%s|service_date=20250403", text);
    row_add(&content, "UPPLAN", changes);
    expect_problems(PLAN, &content, problems);
}

static void expect_bytes(const char *name, const char *bytes, size_t length, const char *problems)
{
    autobuffer content = {0};
    buffer_append(&content, bytes, length);
    expect_problems(name, &content, problems);
}

static void jis_is_one_fault_of_the_file(void **state)
{
    (void)state;
    expect_text("\x1B$B;Y1g\x1B(B", "0:0 CP1008");
    expect_text("\x1B$@%+%J\x1B(J", "0:0 CP1008");
    expect_text("\x1B(I6E\x1B(B", "0:0 CP1008");
    expect_text("\x1B$B$\"%\"!,\x1B(B", "0:0 CP1008"); /* its bytes are quotes and commas */
}

static void euc_jp_is_one_fault_of_the_file(void **state)
{
    (void)state;
    /* 「支援」: B1E7 ends in what begins a character of MS932. */
    expect_text("\xBB\xD9\xB1\xE7", "0:0 CP1009");
    expect_text("\x8E\xB1\xBB\xD9\x8F\xA2\xAF\xB1\xE7", "0:0 CP1009");
}

static void what_is_ms932_elsewhere_is_not_euc_jp(void **state)
{
    (void)state;
    autobuffer content = {0};
    row_add(&content, "UPPLAN", "plan_staff_name=\x8C\xA9\x96\x7B|service_date=20250401");
    row_add(&content, "UPPLAN", "plan_staff_name=\xBB\xD9\xB1\xE7|service_date=20250402");
    expect_problems(PLAN, &content, "2:7 CP1005");
    expect_text("\xF0\xA1\xF0\xA2", "1:7 CP1006, 1:7 CP1006, 3:7 CP1006, 3:7 CP1006"); /* user-defined */
    expect_text("\xB1\xB2\xB3", "");                                                   /* half-width */
}

static const char *first_message(const char *bytes, size_t length, struct findings *f)
{
    struct careplan_check_result r;
    memset(f, 0, sizeof *f);
    check_content(f, PLAN, bytes, length, 64, &r);
    careplan_check_result_free(&r);
    assert_int_equal(f->n, 1);
    assert_string_equal(f->list[0].code, "CP1002");
    return f->list[0].message;
}

static void utf32_is_called_so(void **state)
{
    (void)state;
    struct findings f;
    assert_non_null(strstr(first_message("\xFF\xFE\0\0"
                                         "2\0\0\0"
                                         "0\0\0\0",
                                         12, &f),
                           "UTF-32"));
    assert_non_null(strstr(first_message("\0\0\xFE\xFF"
                                         "\0\0\0"
                                         "2",
                                         8, &f),
                           "UTF-32"));
    assert_non_null(strstr(first_message("2\0\0\0"
                                         "0\0\0\0",
                                         8, &f),
                           "UTF-32"));
    assert_non_null(strstr(first_message("\0\0\0"
                                         "2\0\0\0"
                                         "0",
                                         8, &f),
                           "UTF-32"));
    assert_non_null(strstr(first_message("\xFF\xFE"
                                         "2\0"
                                         "0\0",
                                         6, &f),
                           "UTF-16"));
    assert_non_null(strstr(first_message("\0"
                                         "2\0"
                                         "0\0"
                                         "2",
                                         6, &f),
                           "UTF-16"));
}

static void a_control_character_in_text_is_a_warning_that_names_it(void **state)
{
    (void)state;
    expect_text("ab\x07", "1:7 CP1020, 3:7 CP1020");
    expect_text("\x1B", "1:7 CP1020, 3:7 CP1020");
    expect_text("long text of ascii \x7F and more", "1:7 CP1020, 3:7 CP1020");
    expect_text("\t\r\n", "");
    expect_text("a\nb\x01", "2:7 CP1020, 5:7 CP1020"); /* at its line */
    expect_row("UPPLAN", "units=1\x07", "1:8 CP1044"); /* said by its form already */
    struct findings f = {0};
    struct careplan_check_result r;
    autobuffer content = {0};
    row_add(&content, "UPPLAN", "plan_staff_name=\x8C\xA9\x07");
    check_content(&f, PLAN, (char *)content.data, content.length, 64, &r);
    careplan_check_result_free(&r);
    assert_int_equal(f.errors, 0);
    assert_non_null(strstr(f.list[0].message, "2文字目"));
    assert_non_null(strstr(f.list[0].message, "コード07"));
}

static void ctrl_z_ends_a_file_with_a_warning(void **state)
{
    (void)state;
    autobuffer content = {0};
    row_add(&content, "UPPLAN", "");
    buffer_text(&content, "\x1A");
    expect_problems(PLAN, &content, "0:0 CP1023");
    content.length -= 3; /* and without a line end */
    buffer_text(&content, "\x1A");
    expect_problems(PLAN, &content, "0:0 CP1023");
    content.length = 0;
    row_add(&content, "UPPLAN", "plan_staff_name=\x1A\x1A"); /* elsewhere it is a character as any */
    expect_problems(PLAN, &content, "1:7 CP1020");
    expect_bytes(PLAN, "\x1A", 1, "0:0 CP1018, 0:0 CP1023");
}

static void a_header_alone_is_no_record(void **state)
{
    (void)state;
    expect_bytes(PLAN, "a,b,c\r\n", 7, "1:1 CP1017, 0:0 CP1018");
}

static void nothing_is_said_of_an_annex_without_records(void **state)
{
    (void)state;
    expect_bytes("UPKIHON_SUB1" YOBO, "", 0, "");
    expect_bytes("UPKIHON_SUB2" YOBO, "", 0, "");
    expect_bytes("UPYOBO_SUB" YOBO, "\r\n", 2, "");
    expect_bytes("UPYOBO" YOBO, "", 0, "0:0 CP1018");
}

static void a_header_with_digits_is_one_problem(void **state)
{
    (void)state;
    autobuffer content = {0};
    buffer_text(&content, "1.a");
    for (int i = 2; i <= 25; i++)
        buffer_printf(&content, ",%d.a", i);
    buffer_text(&content, "\r\n");
    row_add(&content, "UPPLAN", "");
    expect_problems(PLAN, &content, "1:1 CP1101");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jis_is_one_fault_of_the_file),
        cmocka_unit_test(euc_jp_is_one_fault_of_the_file),
        cmocka_unit_test(what_is_ms932_elsewhere_is_not_euc_jp),
        cmocka_unit_test(utf32_is_called_so),
        cmocka_unit_test(a_control_character_in_text_is_a_warning_that_names_it),
        cmocka_unit_test(ctrl_z_ends_a_file_with_a_warning),
        cmocka_unit_test(a_header_alone_is_no_record),
        cmocka_unit_test(nothing_is_said_of_an_annex_without_records),
        cmocka_unit_test(a_header_with_digits_is_one_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
