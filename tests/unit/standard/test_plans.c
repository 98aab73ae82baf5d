/* Rows of plans and of rented equipment: their order and their numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rows.h"

#define NO(issue, goal, support) "issue_no=" #issue "|goal_no=" #goal "|support_no=" #support
#define OTHER "insured_no=0000000102|"

static void rows_of_table_2_rise_by_their_numbers(void **state)
{
    (void)state;
    expect_rows("UP2KYO", "", NO(1, 1, 1), NO(1, 1, 2), NO(1, 2, 1), NO(2, 1, 1), NO(10, 1, 1), NULL);
    expect_rows("UP2KYO", "2:6 CP1181", NO(1, 2, 1), NO(1, 1, 2), NULL);
    expect_rows("UP2KYO", "2:6 CP1181", NO(2, 1, 1), NO(1, 1, 1), NO(3, 1, 1), NO(2, 2, 2), NULL); /* once */
    expect_rows("UP2KYO", "", NO(2, 1, 1), OTHER NO(1, 1, 1), NO(3, 1, 1), OTHER NO(1, 1, 2), NULL);
    expect_rows("UP2KYO", "", NO(2, 1, 1), NO(1, 1, 1) "|plan_date=20250321", NULL); /* another plan */
}

static void an_empty_number_is_that_of_the_row_before(void **state)
{
    (void)state;
    expect_rows("UP2KYO", "2:6 CP1181", NO(2, 1, 1), NO(1, 1, ), NULL);
    expect_rows("UP2KYO", "2:6 CP1181", NO(1, 2, ), NO(1, 1, ), NO(1, 1, 1), NULL);
    expect_rows("UP2KYO", "3:6 CP1181", NO(1, 1, 2), NO(1, 1, ), NO(1, 1, 1), NULL);
    expect_rows("UP2KYO", "", NO(1, 2, 2), NO(2, , ), NO(2, 1, 1), NULL); /* a new 課題 */
    expect_rows("UP2KYO", "", NO(, , ), NO(1, 1, 1), NO(, , ), NO(1, 1, 2), NULL);
    expect_rows("UP2KYO", "", NO(, 2, 2), NO(1, 1, 1), NULL); /* of what 課題 the first is, is open */
}

static void the_same_numbers_twice_are_a_duplicate(void **state)
{
    (void)state;
    expect_rows("UP2KYO", "2:6 CP1192", NO(1, 1, 1), NO(1, 1, 1), NULL);
    expect_rows("UP2KYO", "", "issue_no=1", "issue_no=1", NULL);
}

static void texts_of_a_support_plan_stand_in_its_first_row(void **state)
{
    (void)state;
    expect_rows("UPYOBO_SUB", "", "issue_no=1|overall_issue=a|support_plan_no=1|support_points=b",
                "issue_no=1|support_plan_no=2|support_points=c", "issue_no=2|overall_issue=d", NULL);
    expect_rows("UPYOBO_SUB", "2:6 CP1182", "issue_no=1|overall_issue=a", "issue_no=1|overall_issue=a", NULL);
    expect_rows("UPYOBO_SUB", "2:9 CP1182", "issue_no=1|overall_issue=a", "issue_no=1|goal=b", NULL);
    expect_rows("UPYOBO_SUB", "2:12 CP1182", "issue_no=1|support_plan_no=1",
                "issue_no=1|support_plan_no=1|self_care_informal=b", NULL);
    expect_rows("UPYOBO_SUB", "", "issue_no=1|overall_issue=a", OTHER "issue_no=1|overall_issue=a", NULL);
}

/* ---- 明細判別コード ---- */

#define RENTAL(tais, number) \
    "service_code=171007|units=300|tais_code=00001-" tais "|equipment_name=x|detail_code=" number
#define PREVENTIVE(tais, number) \
    "service_code=671007|units=300|tais_code=00001-" tais "|equipment_name=x|detail_code=" number
#define SERVICE "service_date=20250408" /* of the recipient */

static void different_equipment_of_one_code_is_numbered(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "", RENTAL("000010", "1"), RENTAL("000020", "2"), RENTAL("000030", "3"), NULL);
    expect_rows("UPPLAN", "1:19 CP1173", RENTAL("000010", ""), RENTAL("000020", ""), NULL);
    expect_rows("UPPLAN", "1:19 CP1173", RENTAL("000010", ""), RENTAL("000020", ""), RENTAL("000030", ""),
                NULL);
    expect_rows("UPPLAN", "2:19 CP1173", RENTAL("000010", "1"), RENTAL("000020", ""), NULL);
    expect_rows("UPPLAN", "1:19 CP1173", RENTAL("000010", ""),
                "service_code=171007|units=300|tais_code=00001-000010|equipment_name=y", NULL);
    /* other units, another user, another code: nothing to tell apart */
    expect_rows("UPPLAN", "", RENTAL("000010", ""), RENTAL("000020", "") "|units=400", NULL);
    expect_rows("UPPLAN", "", RENTAL("000010", ""), OTHER RENTAL("000020", ""), NULL);
    expect_rows("UPPLAN", "", RENTAL("000010", ""), "service_code=171008|units=300|tais_code=00001-000020",
                NULL);
    /* the same item on two days */
    expect_rows("UPPLAN", "", RENTAL("000010", ""), RENTAL("000010", "") "|" SERVICE, NULL);
}

static void the_rows_are_named(void **state)
{
    (void)state;
    struct findings f = {0};
    struct careplan_check_result r;
    autobuffer content = {0};
    row_add(&content, "UPPLAN", SERVICE);
    row_add(&content, "UPPLAN", RENTAL("000010", ""));
    row_add(&content, "UPPLAN", RENTAL("000020", ""));
    check_content(&f, "UPPLAN_202504_0300000100_43_0300000005_11_20250401090000.CSV", (char *)content.data,
                  content.length, 64, &r);
    assert_int_equal(f.n, 1);
    assert_non_null(strstr(f.list[0].message, "2行目と3行目"));
    assert_non_null(strstr(f.list[0].message, "171007"));
    careplan_check_result_free(&r);
}

static void two_items_have_not_the_same_number(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "3:19 CP1174", RENTAL("000010", "1"), RENTAL("000020", "2"), RENTAL("000030", "1"),
                NULL);
    expect_rows("UPJSK", "2:19 CP1174", RENTAL("000010", "1"), RENTAL("000020", "1"), NULL);
}

static void a_plan_numbers_from_1_and_only_where_it_must(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "1:19 CP1175", RENTAL("000010", "1"), RENTAL("000020", "3"), NULL);
    expect_rows("UPPLAN", "1:19 CP1175", RENTAL("000010", "0"), RENTAL("000020", "1"), NULL);
    expect_rows("UPPLAN", "1:19 CP1175", RENTAL("000010", "1"), RENTAL("000010", "2"), RENTAL("000020", "3"),
                NULL);
    expect_rows("UPPLAN", "1:19 CP1176", RENTAL("000010", "1"), NULL);
    expect_rows("UPPLAN", "1:19 CP1176", RENTAL("000010", "1"), RENTAL("000010", "2"), NULL);
    expect_rows("UPPLAN", "1:19 CP1176", RENTAL("000010", "0"), NULL);
    /* results are of one office, which may have only some of the user's numbers: warnings */
    expect_rows("UPJSK", "1:19 CP1179", RENTAL("000010", "1"), RENTAL("000020", "3"), NULL);
    expect_rows("UPJSK", "1:19 CP1180", RENTAL("000010", "2"), NULL);
}

static void an_item_without_number_is_found_in_any_order(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "2:19 CP1173", RENTAL("000010", "1"), RENTAL("000010", "") "|" SERVICE,
                RENTAL("000020", "2"), NULL);
    expect_rows("UPJSK", "3:19 CP1173", RENTAL("000010", "1"), RENTAL("000020", "2"),
                RENTAL("000010", "") "|" SERVICE, NULL);
    expect_rows("UPPLAN", "2:19 CP1174, 3:19 CP1173", RENTAL("000010", "1"), RENTAL("000020", "1"),
                RENTAL("000030", ""), NULL);
}

/* The standard says it of 17; of 67 it is only derived. */
static void preventive_equipment_without_number_is_a_warning(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "", PREVENTIVE("000010", "1"), PREVENTIVE("000020", "2"), NULL);
    expect_rows("UPPLAN", "1:19 CP1177", PREVENTIVE("000010", ""), PREVENTIVE("000020", ""), NULL);
    expect_rows("UPPLAN", "2:19 CP1178", PREVENTIVE("000010", "1"), PREVENTIVE("000020", "1"), NULL);
    expect_rows("UPPLAN", "1:19 CP1179", PREVENTIVE("000010", "1"), PREVENTIVE("000020", "3"), NULL);
}

static void equipment_of_202208_cannot_be_told_apart(void **state)
{
    (void)state;
    expect_rows("202208/UPPLAN", "",
                "target_ym=202410|service_date=20241001|service_code=171007|detail_code=1",
                "target_ym=202410|service_date=20241001|service_code=171007|detail_code=2", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_table_2_rise_by_their_numbers),
        cmocka_unit_test(an_empty_number_is_that_of_the_row_before),
        cmocka_unit_test(the_same_numbers_twice_are_a_duplicate),
        cmocka_unit_test(texts_of_a_support_plan_stand_in_its_first_row),
        cmocka_unit_test(different_equipment_of_one_code_is_numbered),
        cmocka_unit_test(the_rows_are_named),
        cmocka_unit_test(two_items_have_not_the_same_number),
        cmocka_unit_test(a_plan_numbers_from_1_and_only_where_it_must),
        cmocka_unit_test(an_item_without_number_is_found_in_any_order),
        cmocka_unit_test(preventive_equipment_without_number_is_a_warning),
        cmocka_unit_test(equipment_of_202208_cannot_be_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
