/* Rows of 第7表 (標準仕様 別紙 第7表): total and subtotal rows, and what stands in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rows.h"

#define ROW "service_code=111211|office_code=9999999999"
#define SUM(code) "service_code=" code "|units=0"
#define TOTAL SUM("999999") "|service_office_no=9999999999"
#define OTHER "insured_no=0000000102|"

static void a_user_has_a_total_row(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "", ROW, TOTAL, NULL);
    expect_rows("UPSIKYU", "", TOTAL, ROW, NULL); /* in any order */
    expect_rows("UPSIKYU", "0:9 CP1161", ROW, NULL);
    expect_rows("UPSIKYU", "0:9 CP1161", ROW, TOTAL, OTHER ROW, NULL);
    expect_rows("UPSIKYU", "0:9 CP1161, 0:9 CP1161", ROW, OTHER ROW, NULL);
    expect_rows("UPSIKYU", "", ROW, OTHER ROW, OTHER TOTAL, TOTAL, NULL); /* users need not stand together */
}

static void it_is_said_where_the_rows_of_the_user_begin(void **state)
{
    (void)state;
    struct findings f = {0};
    struct careplan_check_result r;
    autobuffer content = {0};
    row_add(&content, "UPSIKYU", ROW);
    row_add(&content, "UPSIKYU", TOTAL);
    row_add(&content, "UPSIKYU", OTHER ROW);
    row_add(&content, "UPSIKYU", OTHER "service_code=111111|managed_units=100");
    check_content(&f, "UPSIKYU_202504_0300000100_43_0300000005_11_20250401090000.CSV", (char *)content.data,
                  content.length, 64, &r);
    assert_int_equal(f.n, 2);
    assert_string_equal(f.list[0].code, "CP1161");
    assert_non_null(strstr(f.list[0].message, "3行目から始まる利用者"));
    assert_string_equal(f.list[1].code, "CP1162");
    assert_non_null(strstr(f.list[1].message, "3行目から始まる利用者の訪問介護（11）"));
    assert_non_null(strstr(f.list[1].message, "11AAAA"));
    assert_null(strstr(f.list[0].message, "0000000102")); /* the insured number is not repeated */
    careplan_check_result_free(&r);
}

#define LIMITED(code) "service_code=" code "|managed_units=100"
#define THERE "|service_office_no=0300000006"

static void a_type_with_several_service_rows_has_a_subtotal(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "", LIMITED("111211"), LIMITED("111111"), SUM("11AAAA"), TOTAL, NULL);
    expect_rows("UPSIKYU", "0:9 CP1162", LIMITED("111211"), LIMITED("111111"), TOTAL, NULL);
    expect_rows("UPSIKYU", "", LIMITED("111211"), LIMITED("152446"), TOTAL, NULL); /* one row a type */
    expect_rows("UPSIKYU", "0:9 CP1162", LIMITED("111211"), LIMITED("111111"), SUM("11EEEE"), SUM("15AAAA"),
                TOTAL, NULL);
    expect_rows("UPSIKYU", "", LIMITED("111211"), TOTAL, OTHER LIMITED("111211"), OTHER TOTAL, NULL);
    expect_rows("UPSIKYU", "0:9 CP1162", LIMITED("111211"), LIMITED("111111"), LIMITED("111211") THERE,
                LIMITED("111111") THERE, TOTAL, NULL); /* two offices lack it: once, for one row may do */
}

/* 区分支給限度対象種類別小計: of what is outside the limit there is nothing to sum. */
static void outside_the_limit_no_subtotal_is_asked_for(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "", "service_code=111211", "service_code=111111", TOTAL, NULL);
    expect_rows("UPSIKYU", "0:9 CP1162", LIMITED("111211"), "service_code=111111", TOTAL, NULL);
}

static void a_subtotal_is_of_one_office(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "", LIMITED("111211"), LIMITED("111111") THERE, TOTAL, NULL);
    expect_rows("UPSIKYU", "0:9 CP1165", LIMITED("111211"), LIMITED("111111"), SUM("11AAAA") THERE, TOTAL,
                NULL);
    expect_rows("UPSIKYU", "", LIMITED("111211"), LIMITED("111111"),
                SUM("11AAAA") "|service_office_no=9999999999", TOTAL, NULL); /* of all of them */
    expect_rows("UPSIKYU", "", LIMITED("111211"), LIMITED("111111"), SUM("11AAAA"), LIMITED("111211") THERE,
                LIMITED("111111") THERE, SUM("11AAAA") THERE, TOTAL, NULL);
}

static void total_and_subtotals_stand_once(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "3:9 CP1163", ROW, TOTAL, TOTAL, NULL);
    expect_rows("UPSIKYU", "3:9 CP1164", ROW, SUM("11EEEE"), SUM("11EEEE"), TOTAL, NULL);
    /* a subtotal is of an office */
    expect_rows("UPSIKYU", "", ROW, SUM("11EEEE"), SUM("11EEEE") "|service_office_no=0300000006", TOTAL,
                NULL);
}

static void sums_have_no_units_and_no_discount(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "2:13 CP1144, 2:14 CP1145, 2:15 CP1145", ROW,
                "service_code=999999|service_office_no=9999999999|units=5|discount_rate=1|discounted_units=2",
                NULL);
    expect_rows("UPSIKYU", "2:13 CP1144", ROW, "service_code=11ZZZZ|units=5", TOTAL, NULL);
    expect_rows("UPSIKYU", "2:7 CP1146", ROW, SUM("999999"), NULL);
}

static void outside_the_limit_no_managed_units_are_given(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "2:18 CP1159", ROW, SUM("11EEEE") "|managed_units=10", TOTAL, NULL);
    expect_rows("UPSIKYU", "", ROW, SUM("11AAAA") "|managed_units=10", TOTAL, NULL);
}

static void days_add_up(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "", ROW "|days_to_prev_month=100|days_this_month=3|days_cumulative=103", TOTAL,
                NULL);
    expect_rows("UPSIKYU", "", ROW "|days_this_month=3|days_cumulative=4", TOTAL, NULL);
    expect_rows("UPSIKYU", "1:32 CP1158", ROW "|days_to_prev_month=100|days_this_month=3|days_cumulative=102",
                TOTAL, NULL);
}

static void item_34_is_fixed(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "1:34 CP1034", "office_code=0300000005", TOTAL, NULL);
    expect_rows("UPSIKYU", "1:34 CP1166", "office_code=", TOTAL, NULL);
}

static void a_service_row_names_an_office(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "1:7 CP1167", ROW "|service_office_no=9999999999", TOTAL, NULL);
    expect_rows("UPSIKYU", "", ROW, SUM("11EEEE") "|service_office_no=9999999999", TOTAL, NULL);
}

static void rows_of_table_7_stand_nowhere_else(void **state)
{
    (void)state;
    static const char *const codes[] = {"service_code=11AAAA", "service_code=11EEEE", "service_code=11ZZZZ",
                                        "service_code=999999"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        expect_rows("UPPLAN", "1:15 CP1168", codes[i], NULL);
        expect_rows("UPJSK", "1:15 CP1168", codes[i], NULL);
    }
}

static void what_is_missing_is_not_told_when_a_row_could_not_be_read(void **state)
{
    (void)state;
    expect_rows("UPSIKYU", "2:9 CP1042", ROW, SUM("99999"), NULL); /* that may be the total */
    /* another user is judged all the same */
    expect_rows("UPSIKYU", "2:9 CP1042, 0:9 CP1161", ROW, SUM("99999"), OTHER ROW, NULL);
    expect_rows("UPSIKYU", "4:9 CP1042, 0:9 CP1162", LIMITED("111211"), LIMITED("111111"), TOTAL,
                OTHER SUM("99999"), OTHER TOTAL, NULL);
    expect_rows("UPSIKYU", "3:18 CP1044", LIMITED("111211"), "service_code=111111",
                "service_code=111113|managed_units=x", TOTAL, NULL);
    expect_rows("UPSIKYU", "2:3 CP1050", ROW, TOTAL "|insured_no=x", NULL);
    autobuffer content = {0};
    row_add(&content, "UPSIKYU", ROW);
    buffer_text(&content, "202407,039999,0000000101,20250325\r\n");
    expect_problems("UPSIKYU_202504_0300000100_43_0300000005_11_20250401090000.CSV", &content, "2:0 CP1021");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_a_total_row),
        cmocka_unit_test(it_is_said_where_the_rows_of_the_user_begin),
        cmocka_unit_test(a_type_with_several_service_rows_has_a_subtotal),
        cmocka_unit_test(outside_the_limit_no_subtotal_is_asked_for),
        cmocka_unit_test(a_subtotal_is_of_one_office),
        cmocka_unit_test(a_service_row_names_an_office),
        cmocka_unit_test(rows_of_table_7_stand_nowhere_else),
        cmocka_unit_test(total_and_subtotals_stand_once),
        cmocka_unit_test(sums_have_no_units_and_no_discount),
        cmocka_unit_test(outside_the_limit_no_managed_units_are_given),
        cmocka_unit_test(days_add_up),
        cmocka_unit_test(item_34_is_fixed),
        cmocka_unit_test(what_is_missing_is_not_told_when_a_row_could_not_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
