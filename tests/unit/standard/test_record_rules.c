/* Rules between the items of one record (標準仕様 別紙, notes of the items). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rows.h"

static void records_made_up_for_these_tests_are_good(void **state)
{
    (void)state;
    static const char *const kinds[] = {"UP1KYO",   "UP2KYO",  "UPHOSOKU",  "UPPLAN",  "UPJSK",
                                        "UPKIHON",  "UPYOBO",  "DLT1KYO",   "DLTPLAN", "DLTJSK",
                                        "DLTKIHON", "DLTYOBO", "UPYOBO_SUB"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        expect_row(kinds[i], "", "");
    expect_row("202208/UPPLAN", "target_ym=202410|service_date=20241007", "");
}

static void numbers_of_table_2_run_from_1_to_99(void **state)
{
    (void)state;
    expect_row("UP2KYO", "issue_no=1|goal_no=99|support_no=1", "");
    expect_row("UP2KYO", "issue_no=0", "1:6 CP1054");
    expect_row("UP2KYO", "goal_no=-1", "1:8 CP1054");
    expect_row("UP2KYO", "support_no=00", "1:13 CP1054");
    expect_row("UP2KYO", "support_no=100", "1:13 CP1043"); /* its length says it */
}

static void numbers_of_a_support_plan_run_from_1(void **state)
{
    (void)state;
    expect_row("UPYOBO_SUB", "issue_no=1|support_plan_no=1|service_no=1", "");
    expect_row("UPYOBO_SUB", "issue_no=0|support_plan_no=0|service_no=0",
               "1:5 CP1055, 1:10 CP1055, 1:14 CP1055");
}

#define DAYS_30 "111111111111111111111111111111"

static void a_flag_is_for_a_day_of_the_month(void **state)
{
    (void)state;
    expect_row("UPPLAN", "prorated_days=" DAYS_30 "0", "");
    expect_row("UPPLAN", "prorated_days=" DAYS_30 "1", "1:11 CP1147"); /* April has 30 */
    expect_row("UPJSK", "prorated_days=0000000000000000000000000000001", "1:11 CP1147");
}

static void in_february_of_no_leap_year_the_29th_is_no_day(void **state)
{
    (void)state;
    autobuffer content = {0};
    row_add(&content, "UPPLAN",
            "target_ym=202602|service_date=20260201|prorated_days=0000000000000000000000000000100");
    expect_problems("UPPLAN_202602_0300000100_43_0300000005_11_20260101090000.CSV", &content, "1:11 CP1147");
    buffer_clear(&content);
    row_add(&content, "UPPLAN",
            "target_ym=202802|service_date=20280201|prorated_days=0000000000000000000000000000100");
    expect_problems("UPPLAN_202802_0300000100_43_0300000005_11_20260101090000.CSV", &content, "");
}

static void a_service_without_time_has_neither_start_nor_end(void **state)
{
    (void)state;
    expect_row("UPPLAN", "start_time=9999|end_time=9999", "");
    expect_row("UPPLAN", "start_time=9999", "1:13 CP1148");
    expect_row("UPJSK", "end_time=9999", "1:12 CP1148");
}

static void a_row_of_table_3_is_one_of_three(void **state)
{
    (void)state;
    expect_row("UP3KYO", "service_content=a|weekday=1|start_time=0900|end_time=1000", "");
    expect_row("UP3KYO", "daily_activity=a|activity_start_time=0600|activity_end_time=0600", "");
    expect_row("UP3KYO", "non_weekly_service=a", "");
    expect_row("UP3KYO", "", "1:6 CP1150");
    expect_row("UP3KYO", "daily_activity=a|non_weekly_service=a", "1:13 CP1149");
    expect_row("UP3KYO", "service_content=a|weekday=1|daily_activity=a", "1:10 CP1149");
}

static void a_weekday_goes_with_a_service_and_a_start_with_an_end(void **state)
{
    (void)state;
    expect_row("UP3KYO", "service_content=a", "1:7 CP1151");
    expect_row("UP3KYO", "weekday=3", "1:6 CP1151");
    expect_row("UP3KYO", "service_content=a|weekday=1|start_time=0900", "1:9 CP1152");
    expect_row("UP3KYO", "daily_activity=a|activity_end_time=0900", "1:11 CP1152");
}

static void limits_by_type_are_set_from_slot_1_without_a_gap(void **state)
{
    (void)state;
    expect_row("UPHOSOKU", "type1_service_type=11|type2_service_type=15|type2_limit_units=10", "");
    expect_row("UPHOSOKU", "type2_service_type=11", "1:24 CP1153");
    expect_row("UPHOSOKU", "type1_service_type=11|type3_service_type=15|type9_service_type=16",
               "1:28 CP1153");
    /* any item of a slot counts */
    expect_row("UPHOSOKU", "type1_limit_units=10|type2_service_type=15", "1:20 CP1154");
    expect_row("UPHOSOKU", "type1_service_type=11|type3_over_units=0", "1:31 CP1153");
}

static void units_of_a_slot_need_its_type(void **state)
{
    (void)state;
    expect_row("UPHOSOKU", "type1_total_units=100", "1:20 CP1154");
    expect_row("UPHOSOKU", "type9_over_units=1", "1:55 CP1153, 1:52 CP1154");
    expect_row("UPHOSOKU", "type1_limit_units=0|type1_total_units=0", ""); /* nothing is meant by 0 */
}

static void short_stay_in_medical_care_is_entered_as_22(void **state)
{
    (void)state;
    expect_row("UPHOSOKU", "type1_service_type=22", "");
    expect_row("UPHOSOKU", "type1_service_type=23", "1:20 CP1155");
    expect_row("UPHOSOKU", "type1_service_type=22|type2_service_type=2A", "1:24 CP1155");
}

static void dates_of_a_period_are_in_order(void **state)
{
    (void)state;
    expect_row("UP1KYO", "cert_valid_start=20240601|cert_valid_end=20240601", "");
    expect_row("UP1KYO", "cert_valid_start=20240601|cert_valid_end=20240531", "1:20 CP1156");
    expect_row("UP1KYO", "cert_valid_start=20240601", "");
    expect_row("UP1KYO", "first_plan_date=20250321", "1:14 CP1156");
    expect_row("UPHOSOKU", "limit_start_date=20240601|limit_end_date=20240501", "1:15 CP1156");
    expect_row("UPKIHON", "cert_valid_start=20240601|cert_valid_end=20230601", "1:25 CP1156");
    expect_row("UPYOBO", "cert_valid_start=20240601|cert_valid_end=20230601", "1:11 CP1156");
    expect_row("UPYOBO", "first_plan_date=20250321", "1:4 CP1156");
}

/* Whose column of marks stands shifted in the source: empty is a warning. */
static void an_item_whose_mark_is_in_doubt_may_be_empty(void **state)
{
    (void)state;
    expect_row("UPHOSOKU", "user_kana=|user_sex=", "1:5 CP1032, 1:7 CP1032");
    expect_row("UPPLAN", "plan_office_no=", "1:6 CP1032");
    expect_row("UPHOSOKU", "insured_no=", "1:3 CP1031");
}

/* A number is a floor, and what the standard leaves open is taken. */
static void a_floor_may_be_a_basement(void **state)
{
    (void)state;
    expect_row("UPKIHON", "room_floor=B1", "");
    expect_row("UPKIHON", "room_floor=12", "");
    expect_row("UPKIHON", "room_floor=123", "1:35 CP1043");
}

static void an_item_that_is_wrong_in_itself_is_not_compared(void **state)
{
    (void)state;
    expect_row("UPPLAN", "start_time=9999|end_time=2560", "1:13 CP1041");
    expect_row("UP1KYO", "first_plan_date=20250332", "1:15 CP1038");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_made_up_for_these_tests_are_good),
        cmocka_unit_test(numbers_of_table_2_run_from_1_to_99),
        cmocka_unit_test(numbers_of_a_support_plan_run_from_1),
        cmocka_unit_test(a_flag_is_for_a_day_of_the_month),
        cmocka_unit_test(in_february_of_no_leap_year_the_29th_is_no_day),
        cmocka_unit_test(a_service_without_time_has_neither_start_nor_end),
        cmocka_unit_test(a_row_of_table_3_is_one_of_three),
        cmocka_unit_test(a_weekday_goes_with_a_service_and_a_start_with_an_end),
        cmocka_unit_test(limits_by_type_are_set_from_slot_1_without_a_gap),
        cmocka_unit_test(units_of_a_slot_need_its_type),
        cmocka_unit_test(short_stay_in_medical_care_is_entered_as_22),
        cmocka_unit_test(dates_of_a_period_are_in_order),
        cmocka_unit_test(an_item_whose_mark_is_in_doubt_may_be_empty),
        cmocka_unit_test(a_floor_may_be_a_basement),
        cmocka_unit_test(an_item_that_is_wrong_in_itself_is_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
