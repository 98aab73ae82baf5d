/* Records of one file against each other: users and offices, duplicates, and the bounds of what is
 * remembered.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rows.h"

#define PLAN "UPPLAN_202504_0300000100_43_0300000005_11_20250401090000.CSV"
#define OTHER "insured_no=0000000102"
#define ELSEWHERE "service_office_no=0300000006"

/* ---- No user who has nothing to do with the receiving office ---- */

static void a_user_of_a_plan_has_a_service_of_the_recipient(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "", "", ELSEWHERE, NULL);
    expect_rows("UPPLAN", "", ELSEWHERE, "", NULL);
    expect_rows("UPPLAN", "1:3 CP1171", ELSEWHERE, NULL);
    expect_rows("UPPLAN", "2:3 CP1171", "", OTHER "|" ELSEWHERE, OTHER "|" ELSEWHERE "|service_date=20250408",
                NULL);
    expect_rows("202208/UPPLAN", "1:3 CP1171", "target_ym=202410|service_date=20241001|" ELSEWHERE, NULL);
}

/* Not each of the users is wrong then. */
static void when_no_user_has_a_service_of_the_recipient_it_is_the_recipient(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "1:3 CP1170", ELSEWHERE, OTHER "|" ELSEWHERE, "insured_no=0000000103|" ELSEWHERE,
                NULL);
    expect_rows("UPPLAN", "1:3 CP1171, 2:3 CP1171", ELSEWHERE, OTHER "|" ELSEWHERE, "insured_no=0000000103",
                NULL);
    /* one of whom it cannot be told may be related */
    expect_rows("UPPLAN", "2:20 CP1051, 1:3 CP1171, 3:3 CP1171", ELSEWHERE,
                OTHER "|service_office_no=300000005", "insured_no=0000000103|" ELSEWHERE, NULL);
    expect_rows("UP2KYO", "1:3 CP1172, 2:3 CP1172", ELSEWHERE, OTHER "|" ELSEWHERE, NULL);
}

static void a_plan_to_who_is_no_service_office_holds_any_user(void **state)
{
    (void)state;
    static const char *const types[] = {"43", "46", "AF", "ZZ"};
    for (size_t i = 0; i < 4; i++) {
        char name[CAREPLAN_NAME_MAX];
        struct careplan_check_result r;
        struct findings f = {0};
        autobuffer content = {0};
        row_add(&content, "UPPLAN", ELSEWHERE);
        snprintf(name, sizeof name, "UPPLAN_202504_0300000100_43_0300000005_%s_20250401090000.CSV", types[i]);
        check_content(&f, name, (char *)content.data, content.length, 64, &r);
        for (size_t k = 0; k < f.n; k++)
            assert_string_not_equal(f.list[k].code, "CP1171");
        careplan_check_result_free(&r);
    }
}

static void a_user_with_an_office_that_cannot_be_read_is_not_judged(void **state)
{
    (void)state;
    expect_rows("UPPLAN", "2:20 CP1051", ELSEWHERE, "service_office_no=300000005", NULL);
    expect_rows("UPPLAN", "2:20 CP1051, 3:3 CP1171", "", "service_office_no=300000005", OTHER "|" ELSEWHERE,
                NULL);
}

static void a_user_of_a_care_plan_whose_rows_all_name_others_is_a_warning(void **state)
{
    (void)state;
    expect_rows("UP2KYO", "1:3 CP1172", ELSEWHERE, NULL);
    expect_rows("UP2KYO", "", ELSEWHERE, "service_office_no=", NULL);
    expect_rows("UP2KYO", "", ELSEWHERE, "service_office_no=0300000005", NULL);
}

/* ---- A rule that the office lowered ---- */

#define TABLE7 "UPSIKYU_202504_0300000100_43_0300000005_11_20250401090000.CSV"

static enum careplan_severity lowered(void *code, const char *rule, enum careplan_severity standard)
{
    return strstr(code, rule) ? CAREPLAN_WARNING : standard;
}

/* The codes found, those lowered left out. */
static void expect_lowered(const char *name, const char *code, const struct buffer *content,
                           const char *codes, bool keys_complete)
{
    char rule[16], found[256] = "";
    snprintf(rule, sizeof rule, "%s", code);
    const struct careplan_check_options options = {.severity = lowered, .context = rule};
    struct careplan_name parsed;
    struct careplan_check_result r;
    struct findings f = {0};
    assert_int_equal(careplan_name_parse(NULL, name, &parsed, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    assert_int_equal(
        careplan_check_buffer(&parsed, content->data, content->length, &options, findings_add, &f, &r), 0);
    for (size_t i = 0; i < f.n; i++)
        if (!strstr(code, f.list[i].code))
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", found[0] ? " " : "",
                     f.list[i].code);
    assert_string_equal(found, codes);
    assert_int_equal(r.keys_complete, keys_complete);
    careplan_check_result_free(&r);
}

/* Its record will not come anew: other rules go on as if it were not there. */
static void a_lowered_rule_does_not_silence_others(void **state)
{
    (void)state;
    autobuffer plan = {0}, table7 = {0}, month = {0};
    row_add(&plan, "UPPLAN", "");
    row_add(&plan, "UPPLAN", "insured_no=000000103");
    row_add(&plan, "UPPLAN", OTHER "|" ELSEWHERE);
    expect_lowered(PLAN, "CP1050", &plan, "CP1171", true);
    expect_lowered(PLAN, "CP1019", &plan, "CP1050", false);
    row_add(&table7, "UPSIKYU", "managed_units=100");
    row_add(&table7, "UPSIKYU", "service_code=111111|managed_units=100");
    row_add(&table7, "UPSIKYU", "insured_no=000000103");
    expect_lowered(TABLE7, "CP1050", &table7, "CP1161 CP1162", true);
    expect_lowered(TABLE7, "CP1019", &table7, "CP1050", false);
    row_add(&month, "UPPLAN", "");
    row_add(&month, "UPPLAN", OTHER "|target_ym=202505");
    row_add(&month, "UPPLAN", OTHER "|" ELSEWHERE "|units=x");
    expect_lowered(PLAN, "CP1111 CP1112", &month, "CP1044", true);
    expect_lowered(PLAN, "CP1019", &month, "CP1112 CP1044", false);
}

/* ---- Duplicates ---- */

static void a_relation_key_stands_once(void **state)
{
    (void)state;
    static const char *const kinds[] = {"UP1KYO",  "UPHOSOKU", "UPKIHON",  "UPYOBO", "DLT1KYO",
                                        "DLTPLAN", "DLTJSK",   "DLTKIHON", "DLTYOBO"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        expect_rows(kinds[i], "2:3 CP1191", "", "", NULL);
        expect_rows(kinds[i], "", "", OTHER, NULL);
        expect_rows(kinds[i], "", "", "insurer_no=039998", NULL);
    }
    expect_rows("DLTJSK", "", "", "service_type=15", NULL);
    expect_rows("UP1KYO", "", "", "plan_date=20250401", NULL);
}

static void a_service_stands_once(void **state)
{
    (void)state;
    static const char *const differences[] = {
        "service_date=20250408", "start_time=0930", "end_time=1130",
        "service_code=111111",   "satellite_no=1",  "insured_no=0000000102",
    };
    expect_rows("UPPLAN", "2:3 CP1192", "", "", NULL);
    expect_rows("UPJSK", "2:3 CP1192, 3:3 CP1192", "", "", "", NULL);
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
        expect_rows("UPPLAN", "", "", differences[i], NULL);
    expect_rows("UPPLAN", "3:3 CP1192", "", OTHER, "", NULL); /* not side by side */
    expect_rows("UPSIKYU", "2:9 CP1192", "", "", "service_code=11AAAA|units=0",
                "service_code=999999|units=0|service_office_no=9999999999", NULL);
}

static void a_duplicate_is_a_warning_that_names_the_first(void **state)
{
    (void)state;
    struct careplan_check_result r;
    struct findings f = {0};
    autobuffer content = {0};
    for (int i = 0; i < 2; i++)
        row_add(&content, "UPPLAN", "");
    check_content(&f, PLAN, (char *)content.data, content.length, 64, &r);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.list[0].severity, CAREPLAN_WARNING);
    assert_non_null(strstr(f.list[0].message, "1行目"));
    assert_non_null(strstr(f.list[0].message, "サービス利用日"));
    careplan_check_result_free(&r);
}

/* ---- Bounds ---- */

struct stream {
    struct careplan_check *check;
    size_t counts[3]; /* CP1019, CP1192, other */
};

static void count(void *context, const struct careplan_problem *p)
{
    size_t *counts = context;
    counts[strcmp(p->code, "CP1019") == 0 ? 0 : strcmp(p->code, "CP1192") == 0 ? 1 : 2]++;
}

static void begin(struct stream *s, size_t keys)
{
    struct careplan_check_options options = {.limits = {.keys = keys}};
    struct careplan_name name;
    *s = (struct stream){0};
    assert_int_equal(careplan_name_parse(NULL, PLAN, &name, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    s->check = careplan_check_new(&name, &options, count, s->counts);
    assert_non_null(s->check);
}

static void add(struct stream *s, unsigned user, unsigned service)
{
    char row[256];
    int n = snprintf(row, sizeof row,
                     "202407,039999,%010u,20250325,202504,0300000100,\"x\",387,0,202504%02u,,%02u00,%02u50,1,"
                     "111211,,,\"\",,0300000005,\"\",,0,0300000100,\r\n",
                     user, service % 30 + 1, service / 30 % 24, service / 30 % 24);
    assert_int_equal(careplan_check_write(s->check, row, (size_t)n), 0);
}

static void end(struct stream *s, bool keys_complete)
{
    struct careplan_check_result r;
    assert_int_equal(careplan_check_finish(s->check, &r), 0);
    assert_int_equal(r.keys_complete, keys_complete);
    careplan_check_result_free(&r);
    careplan_check_free(s->check);
}

static void users_of_a_file_whose_rows_stand_together_are_all_compared(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 1000);
    for (unsigned user = 0; user < 200; user++)
        for (unsigned service = 0; service < 100; service++)
            add(&s, user, service == 99 ? 0 : service); /* the last is the first again */
    end(&s, true);
    assert_int_equal(s.counts[0], 0);
    assert_int_equal(s.counts[1], 200);
    assert_int_equal(s.counts[2], 0);
}

static void what_can_no_more_be_compared_is_said_once(void **state)
{
    (void)state;
    struct stream s;
    begin(&s, 100);
    for (unsigned user = 0; user < 1000; user++)
        add(&s, user, 0);
    end(&s, false);
    assert_int_equal(s.counts[0], 1);
    assert_int_equal(s.counts[1] + s.counts[2], 0);

    begin(&s, 100); /* a user who comes again when his records are forgotten */
    for (unsigned user = 0; user < 10; user++)
        for (unsigned service = 0; service < 50; service++)
            add(&s, user, service);
    assert_int_equal(s.counts[0], 0);
    add(&s, 0, 200);
    end(&s, true);
    assert_int_equal(s.counts[0], 1);

    begin(&s, 100); /* one user with more records than there is room for */
    for (unsigned service = 0; service < 200; service++)
        add(&s, 7, service);
    end(&s, true);
    assert_int_equal(s.counts[0], 1);
    assert_int_equal(s.counts[1] + s.counts[2], 0);
}

static size_t memory(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void highest(size_t *most, size_t before)
{
    size_t now = memory();
    if (now > before && now - before > *most)
        *most = now - before;
}

/* All users different, each record too, and the longest record that is allowed. */
static void a_check_stays_within_its_memory(void **state)
{
    (void)state;
    static char filler[4096];
    struct stream s;
    size_t before = memory(), most = 0;
    memset(filler, 'x', sizeof filler);
    begin(&s, 0);
    for (unsigned user = 0; user < 150000; user++) {
        add(&s, user, user % 700);
        if (user % 1000 == 0)
            highest(&most, before);
    }
    for (size_t i = 0; i < CAREPLAN_ROW_MAX / sizeof filler; i++) {
        assert_int_equal(careplan_check_write(s.check, filler, sizeof filler), 0);
        highest(&most, before);
    }
    end(&s, false);
    highest(&most, before);
    assert_true(most <= CAREPLAN_CHECK_MEMORY);
    assert_int_equal(s.counts[0], 1);
}

/* The limit makes no problem of its own: a user who was not remembered lacks nothing. */
static void beyond_the_limit_nothing_is_missing(void **state)
{
    (void)state;
    struct careplan_check_options options = {.limits = {.keys = 8}};
    struct careplan_name name;
    struct careplan_check_result r;
    struct findings f = {0};
    autobuffer content = {0};
    assert_int_equal(careplan_name_parse(NULL,
                                         "UPSIKYU_202504_0300000100_43_0300000005_11_20250401090000.CSV",
                                         &name, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    for (unsigned user = 0; user < 50; user++) {
        char changes[128];
        snprintf(changes, sizeof changes, "insured_no=%010u", user);
        row_add(&content, "UPSIKYU", changes);
        snprintf(changes, sizeof changes,
                 "insured_no=%010u|service_code=999999|units=0|service_office_no=9999999999", user);
        row_add(&content, "UPSIKYU", changes);
    }
    struct careplan_check *c = careplan_check_new(&name, &options, findings_add, &f);
    assert_non_null(c);
    assert_int_equal(careplan_check_write(c, content.data, content.length), 0);
    assert_int_equal(careplan_check_finish(c, &r), 0);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, "CP1019");
    careplan_check_result_free(&r);
    careplan_check_free(c);
}

/* By their layout the first record's rules are others than those of the second. */
static void a_layout_that_changes_leaves_no_keys_behind(void **state)
{
    (void)state;
    struct careplan_check_result r;
    struct findings f = {0};
    autobuffer content = {0};
    buffer_text(&content, "0"); /* too long for a version, so that the next record says which */
    row_add(&content, "UPSIKYU", "");
    row_add(&content, "202208/UPSIKYU", "");
    row_add(&content, "202208/UPSIKYU", "");
    check_content(&f, "UPSIKYU_202504_0300000100_43_0300000005_11_20250401090000.CSV", (char *)content.data,
                  content.length, 64, &r);
    assert_true(f.errors > 0);
    careplan_check_result_free(&r);
}

/* A first record of no known version is judged by the name's layout, those behind it by their own. */
static void keys_of_another_layout_are_not_judged_at_the_end(void **state)
{
    (void)state;
    autobuffer content = {0};
    buffer_text(&content, "0"); /* too long for a version */
    row_add(&content, "UPPLAN", "service_office_no=0300000006");
    row_add(&content, "202208/UPPLAN", "service_office_no=0300000006");
    expect_problems(PLAN, &content, "1:1 CP1101, 2:1 CP1103, 2:1 CP1106");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_of_a_plan_has_a_service_of_the_recipient),
        cmocka_unit_test(when_no_user_has_a_service_of_the_recipient_it_is_the_recipient),
        cmocka_unit_test(a_plan_to_who_is_no_service_office_holds_any_user),
        cmocka_unit_test(a_user_with_an_office_that_cannot_be_read_is_not_judged),
        cmocka_unit_test(a_user_of_a_care_plan_whose_rows_all_name_others_is_a_warning),
        cmocka_unit_test(a_lowered_rule_does_not_silence_others),
        cmocka_unit_test(a_relation_key_stands_once),
        cmocka_unit_test(a_service_stands_once),
        cmocka_unit_test(a_duplicate_is_a_warning_that_names_the_first),
        cmocka_unit_test(users_of_a_file_whose_rows_stand_together_are_all_compared),
        cmocka_unit_test(what_can_no_more_be_compared_is_said_once),
        cmocka_unit_test(a_check_stays_within_its_memory),
        cmocka_unit_test(beyond_the_limit_nothing_is_missing),
        cmocka_unit_test(a_layout_that_changes_leaves_no_keys_behind),
        cmocka_unit_test(keys_of_another_layout_are_not_judged_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
