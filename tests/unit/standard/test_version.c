/* Version, month and number of items of the records against the file's name: one fault is one problem, and
 * hides nothing of the records that are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rows.h"

#define PLAN "UPPLAN_202504_0300000100_43_0300000005_11_20250401090000.CSV"
#define OLD_PLAN "UPPLAN_202410_0300000100_0300000005_20250401090000.CSV"
#define EARLY_PLAN "UPPLAN_202410_0300000100_43_0300000005_11_20250401090000.CSV"
#define TABLE1 "UP1KYO_0300000100_43_0300000005_11_20250401090000.CSV"

/* Rows "KIND changes", each with its CSVバージョン replaced by `version` when that is not "". */
static void add(struct buffer *out, const char *kind, const char *version, const char *changes)
{
    autobuffer row = {0};
    row_add(&row, kind, changes);
    if (version[0])
        buffer_printf(out, "%s%.*s", version, (int)(row.length - 6), (char *)row.data + 6);
    else
        buffer_append(out, row.data, row.length);
}

static void expect_versions(const char *name, const char *first, size_t n, const char *problems)
{
    autobuffer content = {0};
    char date[64];
    for (size_t i = 0; i < 3; i++) {
        snprintf(date, sizeof date, "service_date=2025040%zu", i + 1);
        add(&content, "UPPLAN", i < n ? first : "", date);
    }
    add(&content, "UPPLAN", n > 3 ? first : "", "service_date=20250404|units=x");
    expect_problems(name, &content, problems);
}

static void a_first_record_without_a_known_version_is_said_once_and_the_others_are_judged(void **state)
{
    (void)state;
    expect_versions(PLAN, "202499", 1, "1:1 CP1101, 4:8 CP1044");
    expect_versions(PLAN, "2024077", 1, "1:1 CP1101, 4:8 CP1044");
    expect_versions(PLAN, "202504", 1, "1:1 CP1102, 4:8 CP1044");
    expect_versions(PLAN, "x", 1, "1:1 CP1101, 4:8 CP1044");
}

static void all_records_of_an_unknown_version_are_said_once_and_judged(void **state)
{
    (void)state;
    expect_versions(PLAN, "202499", 4, "1:1 CP1101, 4:8 CP1044");
    expect_versions(PLAN, "2024077", 4, "1:1 CP1101, 4:8 CP1044");
    expect_versions(PLAN, "202504", 4, "1:1 CP1102, 4:8 CP1044");
}

static void a_known_version_without_its_items_is_the_fault_and_not_the_layout(void **state)
{
    (void)state;
    expect_versions(PLAN, "202208", 1, "1:1 CP1103, 4:8 CP1044");
    expect_versions(PLAN, "202208", 4, "1:1 CP1103, 4:8 CP1044");
}

static void another_version_with_its_items_is_followed(void **state)
{
    (void)state;
    autobuffer content = {0};
    add(&content, "202208/UPPLAN", "", "target_ym=202410|service_date=20241001");
    add(&content, "202208/UPPLAN", "", "target_ym=202410|service_date=20241002|units=x");
    expect_problems(EARLY_PLAN, &content, "1:1 CP1103, 2:8 CP1044");
    expect_problems(OLD_PLAN, &content, "2:8 CP1044");
    content.length = 0;
    add(&content, "UPPLAN", "", "units=x");
    expect_problems("UPPLAN_202504_0300000100_0300000005_20250401090000.CSV", &content,
                    "0:0 CP1105, 1:8 CP1044");
}

static void records_of_other_versions_are_said_once_each_and_judged(void **state)
{
    (void)state;
    autobuffer content = {0};
    add(&content, "UPPLAN", "", "service_date=20250401");
    add(&content, "UPPLAN", "202208", "service_date=20250402");
    add(&content, "UPPLAN", "", "service_date=20250403");
    add(&content, "UPPLAN", "202208", "service_date=20250404|units=x");
    add(&content, "UPPLAN", "202499", "service_date=20250405");
    add(&content, "202208/UPPLAN", "", "service_date=20250406");
    expect_problems(PLAN, &content, "2:1 CP1104, 4:8 CP1044, 5:1 CP1101");
}

static void the_version_asked_for_is_that_of_the_names_month(void **state)
{
    (void)state;
    struct findings f = {0};
    struct careplan_check_result r;
    autobuffer content = {0};
    add(&content, "UPPLAN", "202499", "target_ym=202410|service_date=20241001");
    check_content(&f, EARLY_PLAN, (char *)content.data, content.length, 64, &r);
    assert_int_equal(f.n, 1);
    assert_non_null(strstr(f.list[0].message, "202208としてください"));
    careplan_check_result_free(&r);
    memset(&f, 0, sizeof f);
    content.length = 0;
    add(&content, "UP1KYO", "202499", "");
    check_content(&f, TABLE1, (char *)content.data, content.length, 64, &r);
    assert_int_equal(f.n, 1);
    assert_non_null(strstr(f.list[0].message, "202407としてください"));
    careplan_check_result_free(&r);
}

static void one_record_of_another_month_is_one_problem(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "1:5 CP1111", "target_ym=202505|service_date=20250501", "", NULL);
    expect_rows("UPPLAN", "2:5 CP1112", "", "target_ym=202505|service_date=20250501", "service_date=20250408",
                NULL);
    expect_rows("UPPLAN", "1:5 CP1111, 4:5 CP1112", "target_ym=202505|service_date=20250501", "",
                "target_ym=202505|service_date=20250502", "target_ym=202506|service_date=20250601",
                "service_date=20250408", "target_ym=202505|service_date=20250503", NULL);
}

static void days_are_judged_by_the_names_month_behind_a_wrong_first_record(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "1:5 CP1111, 3:10 CP1113, 4:10 CP1113", "target_ym=202505|service_date=20250530",
                "", "service_date=20250531", "service_date=20250601", NULL);
}

static void unquoted_text_with_line_breaks_is_one_problem_at_its_record(void **state)
{
    (void)state;
    autobuffer row = {0}, content = {0};
    row_add(&row, "UPPLAN", "plan_staff_name=1|service_date=20250401");
    char *text = strstr((char *)row.data, "\"1\"");
    assert_non_null(text);
    buffer_append(&content, row.data, (size_t)(text - (char *)row.data));
    buffer_text(&content, "a\r\nb\r\n\r\n2 \"c\"\r\nd");
    buffer_text(&content, text + 3);
    add(&content, "UPPLAN", "", "service_date=20250402|units=x");
    expect_problems(PLAN, &content, "1:7 CP1024, 6:8 CP1044");
}

static void rows_that_are_no_records_behind_a_short_one_are_not_said_each(void **state)
{
    (void)state;
    autobuffer content = {0};
    buffer_text(&content, "202407,039999,0000000101\r\nabc\r\n1,2\r\nx\r\n");
    add(&content, "UPPLAN", "", "");
    buffer_text(&content, "abc\r\nabc\r\n");
    expect_problems(PLAN, &content, "1:0 CP1021, 6:0 CP1021");
}

static void a_file_with_other_separators_is_one_problem(void **state)
{
    (void)state;
    autobuffer content = {0};
    for (int i = 0; i < 3; i++)
        buffer_text(&content, "202407\t039999\t0000000101\r\n");
    expect_problems(PLAN, &content, "1:0 CP1021");
}

static void a_wrong_number_of_items_is_no_version(void **state)
{
    (void)state;
    autobuffer content = {0};
    add(&content, "UPPLAN", "", "");
    buffer_text(&content, "2024,039999,0000000101\r\n");
    expect_problems(PLAN, &content, "2:0 CP1021");
    content.length = 0;
    buffer_text(&content, "202610,039999,0000000101\r\n"); /* a version to come */
    expect_problems(PLAN, &content, "1:1 CP1101");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_record_without_a_known_version_is_said_once_and_the_others_are_judged),
        cmocka_unit_test(all_records_of_an_unknown_version_are_said_once_and_judged),
        cmocka_unit_test(a_known_version_without_its_items_is_the_fault_and_not_the_layout),
        cmocka_unit_test(another_version_with_its_items_is_followed),
        cmocka_unit_test(records_of_other_versions_are_said_once_each_and_judged),
        cmocka_unit_test(the_version_asked_for_is_that_of_the_names_month),
        cmocka_unit_test(one_record_of_another_month_is_one_problem),
        cmocka_unit_test(days_are_judged_by_the_names_month_behind_a_wrong_first_record),
        cmocka_unit_test(unquoted_text_with_line_breaks_is_one_problem_at_its_record),
        cmocka_unit_test(rows_that_are_no_records_behind_a_short_one_are_not_said_each),
        cmocka_unit_test(a_file_with_other_separators_is_one_problem),
        cmocka_unit_test(a_wrong_number_of_items_is_no_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
