/* Who may send what to whom: 標準仕様 2.2 and 3.2, by service types (flows.tsv, service_types.tsv,
 * roles.tsv). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "standard/layout.h"
#include "tables.h"

CLEANUP_DEFINE(autostandard, struct careplan_standard, careplan_standard_free);

/* "" nothing is said, CP1127 not usual, CP1121 not allowed. */
static void expect_of(const struct careplan_standard *s, const char *kind_name, const char *sender,
                      const char *recipient, const char *code)
{
    const struct careplan_kind *kind = kind_newest(standard_or_builtin(s), kind_name);
    assert_non_null(kind);
    bool allowed = careplan_flow_allowed(kind, sender, recipient),
         expected = flow_expected(kind, sender, recipient);
    const char *found = !allowed ? "CP1121" : !expected ? "CP1127" : "";
    if (strcmp(found, code) != 0 || (expected && !allowed))
        fail_msg("%s from %s to %s: '%s' expected, '%s' found", kind_name, sender, recipient, code, found);
}

static void expect(const char *kind, const char *sender, const char *recipient, const char *code)
{
    expect_of(NULL, kind, sender, recipient, code);
}

static void the_tables_forbid_what_they_have_no_mark_for(void **state)
{
    (void)state;
    expect("UP1KYO", "43", "11", "");
    expect("UP1KYO", "11", "43", "CP1121");
    expect("UPPLAN", "15", "11", "CP1121");
    expect("UPJSK", "11", "43", "");
    expect("UPJSK", "43", "11", "CP1121");
    expect("UPJSK", "43", "43", ""); /* the results it got, to 包括 */
    expect("UPKIHON", "A2", "43", "CP1121");
    expect("UPKIHON", "11", "43", "CP1121");
}

/* Its examples of names write 11 in preventive files. */
static void the_types_of_a_service_office_are_not_stated(void **state)
{
    (void)state;
    expect("UPYOBO", "43", "A2", "");
    expect("UPYOBO", "43", "11", "CP1127");
    expect("UP1KYO", "43", "A2", "CP1127");
    expect("UP1KYO", "43", "11", "");
}

static void offices_that_must_employ_care_managers_may_plan(void **state)
{
    (void)state;
    static const char *const types[] = {"68", "69", "73", "75", "77", "79"};
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        expect("UP1KYO", types[i], "11", "");
        expect("UPPLAN", types[i], "11", "");
        expect("UPJSK", "11", types[i], "");
    }
}

/* 3.2(2) ⑥ has no mark, its text expects the plan of a commissioned office. */
static void a_plan_may_reach_the_center(void **state)
{
    (void)state;
    expect("UPPLAN", "43", "43", "");
    expect("DLTPLAN", "43", "46", "");
    expect("UPSIKYU", "43", "46", "");
}

/* What 46 and AF are taken for is no statement of the standard. */
static void a_type_known_outside_the_standard_forbids_nothing(void **state)
{
    (void)state;
    expect("UPPLAN", "46", "A2", "");
    expect("UPPLAN", "46", "11", "CP1127"); /* of 居宅介護支援 only */
    expect("UP1KYO", "AF", "11", "CP1127");
    expect("UPJSK", "11", "46", "CP1127");
    expect("UPJSK", "A2", "AF", "");
    expect("UPKIHON", "A2", "46", "CP1121"); /* the sender may not, whatever 46 is */
}

static void a_type_that_is_nowhere_named_may_do_anything(void **state)
{
    (void)state;
    expect("UP1KYO", "A9", "11", "");
    expect("UPJSK", "11", "A9", "");
    expect("UPPLAN", "99", "98", "");
    expect("UPPLAN", "15", "A9", "CP1121"); /* 15 may not */
}

/* A wide answer would make every recipient of a 202208 name unclear. */
static void candidates_are_taken_for_what_they_are_known_as(void **state)
{
    (void)state;
    const struct careplan_kind *kind = careplan_kind_find(NULL, "202208", "UPPLAN");
    assert_non_null(kind);
    assert_true(careplan_flow_may_send(kind, "43") && careplan_flow_may_receive(kind, "11"));
    assert_false(careplan_flow_may_receive(kind, "46") || careplan_flow_may_receive(kind, "43"));
    assert_false(careplan_flow_may_send(kind, "46") || careplan_flow_may_send(kind, "11"));
    assert_false(careplan_flow_may_receive(kind, "33")); /* out of scope */
}

#define ROLES "service\trole\timports\tcertain\tsource\n"

static void a_table_of_roles_replaces_the_built_in_one(void **state)
{
    (void)state;
    with_cleanup(tables_free) struct tables t = {.n = 0};
    tables_add(&t, "roles.tsv",
               ROLES "1.3\t居宅サービス事業所\t\tyes\t\n"
                     "46\t居宅介護支援事業所\t\tyes\t\n"
                     "11\t地域包括支援センター等\t\tno\t\n"
                     "\t居宅介護支援事業所\tUPPLAN\tyes\t\n");
    with_cleanup(autostandard) struct careplan_standard *s = tables_standard(&t);
    expect_of(s, "UPPLAN", "46", "15", "");
    expect_of(s, "UPPLAN", "46", "46", ""); /* the text says that they take it in */
    expect_of(s, "UPJSK", "46", "15", "CP1121");
    expect_of(s, "UPPLAN", "73", "15", "CP1121"); /* has its row no more */
    expect_of(s, "UPSIKYU", "11", "A2", "");
    expect_of(s, "UPKIHON", "11", "15", "CP1121"); /* whatever 11 is */
    expect_of(s, "UP1KYO", "11", "15", "CP1127");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_forbid_what_they_have_no_mark_for),
        cmocka_unit_test(the_types_of_a_service_office_are_not_stated),
        cmocka_unit_test(offices_that_must_employ_care_managers_may_plan),
        cmocka_unit_test(a_plan_may_reach_the_center),
        cmocka_unit_test(a_type_known_outside_the_standard_forbids_nothing),
        cmocka_unit_test(a_type_that_is_nowhere_named_may_do_anything),
        cmocka_unit_test(candidates_are_taken_for_what_they_are_known_as),
        cmocka_unit_test(a_table_of_roles_replaces_the_built_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
