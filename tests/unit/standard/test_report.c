/* Reports: what gives way to what, and the last step that fits what happened (more in test_unit.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "standard/problem.h"
#include "standard/product.h"

CLEANUP_DEFINE(autoreport, struct careplan_report, careplan_report_free);

static struct careplan_report *report_of(enum careplan_report_kind kind)
{
    struct careplan_report *r = careplan_report_new(kind, "UPPLAN.CSV");
    assert_non_null(r);
    return r;
}

static void add(struct careplan_report *r, const char *code, enum careplan_severity severity, uint64_t line)
{
    const struct careplan_problem problem = {.code = code,
                                             .severity = severity,
                                             .line = line,
                                             .message_ja = "空です。",
                                             .message_en = "empty",
                                             .remedy_ja = "直してください。",
                                             .remedy_en = "correct it"};
    careplan_report_add(r, &problem);
}

static char *text_of(const struct careplan_report *r)
{
    size_t length;
    char *text = careplan_report_text(r, &length);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    return text;
}

static void errors_take_the_places_of_warnings(void **state)
{
    (void)state;
    with_cleanup(autoreport) struct careplan_report *r = report_of(CAREPLAN_REPORT_ERROR);
    add(r, "CP1031", CAREPLAN_ERROR, 1);
    for (unsigned i = 2; i <= CAREPLAN_PROBLEMS_MAX; i++)
        add(r, "CP1031", CAREPLAN_WARNING, i);
    add(r, "CP1031", CAREPLAN_ERROR, 5001);
    add(r, "CP1031", CAREPLAN_WARNING, 5002);
    add(r, "CP1031", CAREPLAN_ERROR, 5003);
    autofree char *text = text_of(r);
    assert_non_null(strstr(text, "3) 5003行目"));
    assert_null(strstr(text, "5002行目"));
    assert_non_null(strstr(text, ") 998行目")); /* the last warnings went */
    assert_null(strstr(text, ") 999行目"));
    assert_non_null(strstr(text, "このほかに3件あります。"));
}

static void good_files_are_named_as_far_as_there_is_room(void **state)
{
    (void)state;
    with_cleanup(autoreport) struct careplan_report *r = report_of(CAREPLAN_REPORT_ERROR);
    char name[32];
    add(r, "CP1031", CAREPLAN_ERROR, 1);
    for (unsigned i = 1; i <= CAREPLAN_PROBLEMS_MAX + 1; i++) {
        snprintf(name, sizeof name, "GOOD_%u.CSV", i);
        careplan_report_add_good_file(r, name);
    }
    autofree char *text = text_of(r);
    assert_non_null(strstr(text, "\nGOOD_1000.CSV\r\n"));
    assert_null(strstr(text, "GOOD_1001.CSV"));
}

/* ---- The last step ---- */

static void a_file_in_the_wrong_folder_is_moved(void **state)
{
    (void)state;
    with_cleanup(autoreport) struct careplan_report *r = report_of(CAREPLAN_REPORT_ERROR);
    report_add_code(r, RULE_FOLDER_MISMATCH, (const char *[]){"0300000005", "0300000006"}, 2);
    autofree char *text = text_of(r);
    assert_non_null(strstr(text, "移すと"));
    assert_null(strstr(text, "同じ名前"));
}

static void a_wrong_name_is_corrected_and_the_file_is_not_saved_again(void **state)
{
    (void)state;
    with_cleanup(autoreport) struct careplan_report *r = report_of(CAREPLAN_REPORT_ERROR);
    add(r, "CP1201", CAREPLAN_ERROR, 0);
    autofree char *text = text_of(r);
    assert_string_equal(careplan_rule_find("CP1201")->rule, "file_name");
    assert_non_null(strstr(text, "名前を直すと"));
    assert_null(strstr(text, "同じ名前"));
}

static void a_file_that_was_refused_was_sent(void **state)
{
    (void)state;
    with_cleanup(autoreport) struct careplan_report *r = report_of(CAREPLAN_REPORT_ERROR);
    report_add_code(r, RULE_REFUSED, (const char *[]){"0300000005-11", "CP1034"}, 2);
    autofree char *text = text_of(r);
    const char *end = strchr(text, '\n'), *sent = strstr(text, "送りましたが");
    assert_true(end && sent && sent < end);
    assert_null(strstr(text, "送られていない"));
}

static void a_service_out_of_scope_goes_by_other_means(void **state)
{
    (void)state;
    static const char *const codes[] = {"CP1121", "CP1123", "CP1124"};
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        with_cleanup(autoreport) struct careplan_report *r = report_of(CAREPLAN_REPORT_ERROR);
        add(r, codes[i], CAREPLAN_ERROR, 0);
        autofree char *text = text_of(r);
        assert_non_null(strstr(text, "従来の方法で送ったら、上の「ファイル」に書かれたファイルを消して"));
        assert_null(strstr(text, "同じ名前")); /* it would be rejected again */
    }
}

static void a_file_that_is_held_waits_to_be_confirmed(void **state)
{
    (void)state;
    with_cleanup(autoreport) struct careplan_report *r = report_of(CAREPLAN_REPORT_CONFIRM);
    report_add_code(r, RULE_HELD, (const char *[]){"UPPLAN.確認.txt"}, 1);
    autofree char *text = text_of(r);
    const char *end = strchr(text, '\n'), *confirmed = strstr(text, "確認");
    assert_true(end && confirmed && confirmed < end); /* in the first sentence */
}

/* ---- What is put into a sentence ---- */

static void a_sentence_is_cut_between_characters(void **state)
{
    (void)state;
    char out[12];
    const char *const words[] = {"あいうえお"};
    template_fill(out, sizeof out, "x{1}y{2}z", NULL, words, 1);
    assert_string_equal(out, "xあいうy");
    template_fill(out, sizeof out, "{item}{9}|{", "い", words, 1);
    assert_string_equal(out, "い|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_take_the_places_of_warnings),
        cmocka_unit_test(good_files_are_named_as_far_as_there_is_room),
        cmocka_unit_test(a_file_in_the_wrong_folder_is_moved),
        cmocka_unit_test(a_wrong_name_is_corrected_and_the_file_is_not_saved_again),
        cmocka_unit_test(a_file_that_was_refused_was_sent),
        cmocka_unit_test(a_service_out_of_scope_goes_by_other_means),
        cmocka_unit_test(a_file_that_is_held_waits_to_be_confirmed),
        cmocka_unit_test(a_sentence_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
