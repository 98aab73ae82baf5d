/* Send units (標準仕様 2.4, 3.4), the rule catalogue, reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "samples.h"
#include "standard/layout.h"
#include "standard/product.h"

enum { FILES_MAX = 16 };

#define CARE "0300000100_43_0300000005_11_20250325101500.CSV"
#define OLD "0300000100_0300000005_20250320101500.CSV"
#define CENTER "0300000200_46_0300000005_A2_20250401090000"

/* Judges files of these kinds, e.g. "UPPLAN_202504", and compares what is said: "KIND code, …". `images`:
 * names that UPKIHON's records carry, NULL = not known. */
static void expect(const char *const *names, const char *tail, const struct careplan_check_result *images,
                   enum careplan_unit_state state, const char *problems)
{
    struct careplan_name parsed[FILES_MAX];
    struct careplan_unit_file files[FILES_MAX];
    struct findings f = {0};
    autobuffer found = {0};
    size_t n = 0;
    for (; names[n]; n++) {
        char name[CAREPLAN_NAME_MAX];
        bool whole = strchr(names[n], '.') != NULL;
        snprintf(name, sizeof name, "%s%s%s", names[n], whole ? "" : "_", whole ? "" : tail);
        assert_int_equal(careplan_name_parse(NULL, name, &parsed[n], NULL, NULL), CAREPLAN_NAME_TRANSFER);
        bool kihon = strcmp(parsed[n].kind->name, "UPKIHON") == 0;
        files[n] = (struct careplan_unit_file){&parsed[n], kihon ? images : NULL};
    }
    enum careplan_unit_state judged = careplan_unit_judge(files, n, NULL, findings_add, &f);
    buffer_text(&found, "");
    for (size_t i = 0; i < f.n; i++)
        buffer_printf(&found, "%s%.*s %s", i ? ", " : "", (int)strcspn(f.list[i].file, "0"), f.list[i].file,
                      f.list[i].code);
    assert_string_equal((char *)found.data, problems);
    assert_int_equal(judged, state);
}

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void knows_each_pattern(void **state)
{
    (void)state;
    static const char *const alone[] = {"UPJSK_202504",  "DLT1KYO",  "DLTPLAN_202504",
                                        "DLTJSK_202504", "DLTKIHON", "DLTYOBO"};
    expect(FILES("UP1KYO", "UP2KYO", "UP3KYO", "UPHOSOKU_000000"), CARE, NULL, CAREPLAN_UNIT_COMPLETE, "");
    expect(FILES("UPPLAN_202504", "UPSIKYU_202504", "UPHOSOKU_202504"), CARE, NULL, CAREPLAN_UNIT_COMPLETE,
           "");
    expect(FILES("UPYOBO", "UPYOBO_SUB"), CARE, NULL, CAREPLAN_UNIT_COMPLETE, "");
    expect(FILES("UPKIHON", "UPKIHON_SUB1", "UPKIHON_SUB2"), CARE, NULL, CAREPLAN_UNIT_COMPLETE, "");
    for (size_t i = 0; i < ARRAY_LENGTH(alone); i++)
        expect(FILES(alone[i]), CARE, NULL, CAREPLAN_UNIT_COMPLETE, "");
    /* 202208 has no table 3. */
    expect(FILES("UP1KYO", "UP2KYO", "UPHOSOKU_000000"), OLD, NULL, CAREPLAN_UNIT_COMPLETE, "");
    expect(FILES("UPPLAN_202410", "UPSIKYU_202410", "UPHOSOKU_202410"), OLD, NULL, CAREPLAN_UNIT_COMPLETE,
           "");
}

static void several_patterns_may_share_a_sequence_number(void **state)
{
    (void)state;
    expect(FILES("UP1KYO", "UP2KYO", "UP3KYO", "UPHOSOKU_000000", "UPPLAN_202504", "UPSIKYU_202504",
                 "UPHOSOKU_202504"),
           CARE, NULL, CAREPLAN_UNIT_COMPLETE, "");
    expect(FILES("UPYOBO", "UPYOBO_SUB", "UPKIHON", "UPKIHON_SUB1", "UPKIHON_SUB2"), CARE, NULL,
           CAREPLAN_UNIT_COMPLETE, "");
    /* One supplement does not serve two patterns. */
    expect(FILES("UP1KYO", "UP2KYO", "UP3KYO", "UPPLAN_202504", "UPSIKYU_202504", "UPHOSOKU_202504"), CARE,
           NULL, CAREPLAN_UNIT_INCOMPLETE, "UP1KYO_ CP1301");
}

static void says_what_is_missing(void **state)
{
    (void)state;
    expect(FILES("UP1KYO", "UPHOSOKU_000000"), CARE, NULL, CAREPLAN_UNIT_INCOMPLETE, "UP1KYO_ CP1301");
    expect(FILES("UP2KYO", "UP3KYO"), CARE, NULL, CAREPLAN_UNIT_INCOMPLETE, "UP2KYO_ CP1304, UP3KYO_ CP1304");
    expect(FILES("UPHOSOKU_000000"), CARE, NULL, CAREPLAN_UNIT_INCOMPLETE, "UPHOSOKU_ CP1304");
    expect(FILES("UPKIHON_SUB1"), CARE, NULL, CAREPLAN_UNIT_INCOMPLETE, "UPKIHON_SUB1_ CP1304");
    assert_int_equal(careplan_unit_judge(NULL, 0, NULL, NULL, NULL), CAREPLAN_UNIT_INCOMPLETE);
}

static void a_file_of_another_month_does_not_count(void **state)
{
    (void)state;
    expect(FILES("UPPLAN_202504", "UPSIKYU_202504", "UPHOSOKU_202505"), CARE, NULL, CAREPLAN_UNIT_INCOMPLETE,
           "UPHOSOKU_2 CP1305");
}

/* Each plan lacks what each of the others has of another month: cubic would be hours. */
static void thousands_of_files_of_other_months_are_judged_at_once(void **state)
{
    (void)state;
    enum { MONTHS = 4096 };
    autofree struct careplan_name *parsed = calloc(2 * MONTHS, sizeof *parsed);
    autofree struct careplan_unit_file *files = calloc(2 * MONTHS, sizeof *files);
    assert_true(parsed && files);
    for (size_t i = 0; i < 2 * MONTHS; i++) {
        char name[CAREPLAN_NAME_MAX];
        size_t year = (i < MONTHS ? 2000 : 5000) + i % MONTHS / 12, month = i % 12 + 1;
        snprintf(name, sizeof name, "%s_%04zu%02zu_" CARE, i < MONTHS ? "UPPLAN" : "UPSIKYU", year, month);
        assert_int_equal(careplan_name_parse(NULL, name, &parsed[i], NULL, NULL), CAREPLAN_NAME_TRANSFER);
        files[i].name = &parsed[i];
    }
    clock_t before = clock();
    assert_int_equal(careplan_unit_judge(files, 2 * MONTHS, NULL, NULL, NULL), CAREPLAN_UNIT_INCOMPLETE);
    clock_t seconds = (clock() - before) / CLOCKS_PER_SEC;
    if (seconds >= 5)
        fail_msg("%d files were judged in %ld s", 2 * MONTHS, (long)seconds);
}

static void missing_annexes_only_are_a_warning(void **state)
{
    (void)state;
    expect(FILES("UPYOBO"), CARE, NULL, CAREPLAN_UNIT_SUB_MISSING, "UPYOBO_ CP1302");
    expect(FILES("UPKIHON", "UPKIHON_SUB1"), CARE, NULL, CAREPLAN_UNIT_SUB_MISSING, "UPKIHON_ CP1302");
    expect(FILES("UPKIHON", "UPYOBO_SUB"), CARE, NULL, CAREPLAN_UNIT_INCOMPLETE,
           "UPKIHON_ CP1302, UPKIHON_ CP1302, UPYOBO_SUB_ CP1304");
}

static void images_named_in_records_must_be_there(void **state)
{
    (void)state;
    char names[2][CAREPLAN_NAME_MAX] = {"UPKIHON_IMAGE_" CENTER "_0001.JPG",
                                        "UPKIHON_IMAGE_" CENTER "_0002.JPG"};
    uint64_t lines[2] = {1, 2};
    struct careplan_check_result two = {
        .images = names, .image_lines = lines, .n_images = 2, .keys_complete = true};
    struct careplan_check_result one = {
        .images = names, .image_lines = lines, .n_images = 1, .keys_complete = true};
#define KIHON "UPKIHON_" CENTER ".CSV", "UPKIHON_SUB1_" CENTER ".CSV", "UPKIHON_SUB2_" CENTER ".CSV"
#define IMAGE1 "upkihon_image_" CENTER "_0001.jpg"
#define IMAGE2 "UPKIHON_IMAGE_" CENTER "_0002.JPG"
    expect(FILES(KIHON, IMAGE1, IMAGE2), "", &two, CAREPLAN_UNIT_COMPLETE, "");
    expect(FILES(KIHON, IMAGE1), "", &two, CAREPLAN_UNIT_INCOMPLETE, "UPKIHON_ CP1303");
    expect(FILES(KIHON, IMAGE1, IMAGE2), "", &one, CAREPLAN_UNIT_COMPLETE, "UPKIHON_IMAGE_ CP1306");
    /* a name that is wrong there (CP1307) is the image's: it is not to be deleted for that */
    const char *remedy = careplan_rule_find("CP1306")->remedy_ja, *item = strstr(remedy, "62列目");
    assert_true(item && item < strstr(remedy, "消して"));
    one.keys_complete = false; /* a record could not be read: it may name the other image */
    expect(FILES(KIHON, IMAGE1, IMAGE2), "", &one, CAREPLAN_UNIT_COMPLETE, "");
    expect(FILES(KIHON, IMAGE1), "", NULL, CAREPLAN_UNIT_COMPLETE, ""); /* not known: nothing is asked */
    expect(FILES(IMAGE1), "", NULL, CAREPLAN_UNIT_INCOMPLETE, "UPKIHON_IMAGE_ CP1304");
#undef KIHON
#undef IMAGE1
#undef IMAGE2
}

/* ---- The catalogue ---- */

static void every_rule_of_the_tables_is_in_the_catalogue(void **state)
{
    (void)state;
    const struct careplan_kind *kinds = careplan_kind_at(NULL, 0);
    for (size_t i = 0, n = careplan_kinds(NULL); i < n; i++)
        for (size_t r = 0; kinds[i].layout && r < kinds[i].layout->n_rules; r++)
            assert_non_null(careplan_rule_find(kinds[i].layout->rules[r].code));
}

/* A code that the catalogue lacks would be said nowhere; one that nobody uses would promise a check. */
static void code_and_catalogue_name_the_same_rules(void **state)
{
    (void)state;
    static const char *const sources[] = {"check.c",     "compare.c",     "encoding.c",     "items.c",
                                          "name.c",      "records.c",     "records.tsv",    "unit.c",
                                          "unit_keys.c", "record_form.c", "version_month.c"};
    static const char *const header[] = {"product.h"};
    const struct careplan_rule *rules = careplan_rule_at(0);
    autobuffer text = {0};
    for (size_t i = 0; i < ARRAY_LENGTH(sources) + 1; i++) {
        autobuffer one = {0};
        autofree char *path = file_join(SOURCE, i < ARRAY_LENGTH(sources) ? sources[i] : header[0]);
        assert_int_equal(file_read(path, 1 << 20, &one, NULL), 0);
        buffer_append(&text, one.data, one.length);
    }
    for (char *at = (char *)text.data; (at = strstr(at, "CP")); at += 2) {
        char code[7] = "";
        memcpy(code, at, 6);
        if (strspn(code + 2, "0123456789") == 4 && !careplan_rule_find(code))
            fail_msg("%s is not in the catalogue", code);
    }
    for (size_t i = 0, n = careplan_rules(); i < n; i++)
        if (!strstr((char *)text.data, rules[i].code))
            fail_msg("%s is used nowhere", rules[i].code);
}

/* ---- Reports ---- */

static void add(struct careplan_report *r, const char *code, uint64_t line, unsigned column,
                const char *message)
{
    const struct careplan_rule *rule = careplan_rule_find(code);
    const struct careplan_problem p = {.code = code,
                                       .rule = rule->rule,
                                       .severity = rule->severity,
                                       .line = line,
                                       .column = column,
                                       .message_ja = message,
                                       .message_en = "",
                                       .remedy_ja = "直してください。",
                                       .remedy_en = ""};
    careplan_report_add(r, &p);
}

static void a_report_is_for_notepad_and_says_place_and_code(void **state)
{
    (void)state;
    size_t length;
    struct careplan_report *r = careplan_report_new(CAREPLAN_REPORT_ERROR, "UPPLAN.CSV");
    assert_non_null(r);
    add(r, "CP1031", 12, 8, "「単位数」が空です。");
    add(r, "CP1032", 13, 9, "「注意」が空です。");
    report_add_code(r, RULE_SENDER_MISMATCH, (const char *[]){"0300000009-43", "0300000100-43"}, 2);
    careplan_report_add_good_file(r, "UPSIKYU.CSV");
    autofree char *text = careplan_report_text(r, &length);
    assert_non_null(text);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(text, "\xEF\xBB\xBF", 3);
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        assert_int_equal(p[-1], '\r');
    const char *end = strchr(text, '\n'), *first = strstr(text, "出力し直してください。"),
               *place = strstr(text, "12行目 8列目：「単位数」が空です。");
    assert_non_null(place);
    assert_true(first && first < end); /* what to do comes first */
    assert_non_null(strstr(place, "→ 直してください。"));
    assert_non_null(strstr(text, "[CP1031]"));
    assert_non_null(strstr(text, "直すところ（2件）"));
    assert_non_null(strstr(text, "念のため確かめるところ（1件"));
    assert_non_null(strstr(text, "0300000009-43"));
    assert_non_null(strstr(text, "UPSIKYU.CSV"));
    careplan_report_free(r);
}

static void a_file_with_a_wrong_sender_is_not_saved_under_the_same_name_again(void **state)
{
    (void)state;
    size_t length;
    struct careplan_report *r = careplan_report_new(CAREPLAN_REPORT_ERROR, "UPPLAN.CSV");
    assert_non_null(r);
    report_add_code(r, RULE_SENDER_MISMATCH, (const char *[]){"0300000009-43", "0300000100-43"}, 2);
    add(r, "CP1031", 12, 8, "「単位数」が空です。");
    autofree char *text = careplan_report_text(r, &length);
    assert_non_null(text);
    assert_null(strstr(text, "同じ名前"));
    assert_non_null(strstr(text, "1) ファイル名："));
    careplan_report_free(r);
}

static void a_report_keeps_a_thousand_problems_and_counts_the_rest(void **state)
{
    (void)state;
    size_t length;
    struct careplan_report *r = careplan_report_new(CAREPLAN_REPORT_ERROR, "UPPLAN.CSV");
    assert_non_null(r);
    for (unsigned i = 1; i <= CAREPLAN_PROBLEMS_MAX + 7; i++)
        add(r, "CP1031", i, 1, "空です。");
    autofree char *text = careplan_report_text(r, &length);
    assert_non_null(text);
    assert_non_null(strstr(text, "1000) 1000行目"));
    assert_null(strstr(text, "1001行目"));
    assert_non_null(strstr(text, "このほかに7件あります。"));
    careplan_report_free(r);
}

static void an_incomplete_unit_is_reported_by_its_files(void **state)
{
    (void)state;
    size_t length;
    struct careplan_name plan;
    assert_int_equal(careplan_name_parse(NULL, "UPPLAN_202504_" CARE, &plan, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    struct careplan_report *r = careplan_report_new(CAREPLAN_REPORT_INCOMPLETE, plan.sequence);
    assert_non_null(r);
    const struct careplan_unit_file file = {&plan, NULL};
    assert_int_equal(careplan_unit_judge(&file, 1, NULL, careplan_report_add, r), CAREPLAN_UNIT_INCOMPLETE);
    autofree char *text = careplan_report_text(r, &length);
    assert_non_null(text);
    assert_non_null(strstr(text, "連番：20250325101500"));
    assert_non_null(strstr(text, "足りないもの（1件）"));
    assert_non_null(strstr(text, "UPSIKYU"));
    careplan_report_free(r);
}

static void what_is_there_is_not_to_be_corrected_and_goes_with_its_sequence_number_only(void **state)
{
    (void)state;
    size_t length;
    struct careplan_name plan;
    assert_int_equal(careplan_name_parse(NULL, "UPPLAN_202504_" CARE, &plan, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    struct careplan_report *r = careplan_report_new(CAREPLAN_REPORT_INCOMPLETE, plan.sequence);
    assert_non_null(r);
    const struct careplan_unit_file file = {&plan, NULL};
    assert_int_equal(careplan_unit_judge(&file, 1, NULL, careplan_report_add, r), CAREPLAN_UNIT_INCOMPLETE);
    careplan_report_add_good_file(r, plan.canonical);
    autofree char *text = careplan_report_text(r, &length);
    assert_non_null(text);
    const char *good = strstr(text, "■ 問題のないファイル"), *name = strstr(text, plan.canonical);
    assert_true(good && name && good < name); /* there alone */
    assert_null(strstr(name + 1, plan.canonical));
    assert_null(strstr(text, "直すところ"));
    assert_null(strstr(text, "直したファイル"));
    assert_non_null(strstr(text,
                           "新しい組を保存したら、古い連番（20250325101500）のファイルは、問題のないものも"
                           "含めて全部消してください。"));
    careplan_report_free(r);
}

static void a_file_to_be_corrected_is_not_called_good(void **state)
{
    (void)state;
    size_t length;
    struct careplan_report *r = careplan_report_new(CAREPLAN_REPORT_INCOMPLETE, "20250325101500");
    struct careplan_name plan, other;
    assert_non_null(r);
    assert_int_equal(careplan_name_parse(NULL, "UPPLAN_202504_" CARE, &plan, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    assert_int_equal(careplan_name_parse(NULL, "UPHOSOKU_202503_" CARE, &other, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    const struct careplan_unit_file files[] = {{&plan, NULL}, {&other, NULL}};
    assert_int_equal(careplan_unit_judge(files, 2, NULL, careplan_report_add, r), CAREPLAN_UNIT_INCOMPLETE);
    careplan_report_add_good_file(r, plan.canonical);
    careplan_report_add_good_file(r, other.canonical);
    autofree char *text = careplan_report_text(r, &length);
    assert_non_null(text);
    assert_non_null(strstr(text, "直すところ（1件）"));
    assert_non_null(strstr(text, "足りないもの（1件）"));
    const char *good = strstr(text, "■ 問題のないファイル");
    assert_non_null(good);
    assert_non_null(strstr(good, plan.canonical));
    assert_null(strstr(good, other.canonical));
    careplan_report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_each_pattern),
        cmocka_unit_test(several_patterns_may_share_a_sequence_number),
        cmocka_unit_test(says_what_is_missing),
        cmocka_unit_test(a_file_of_another_month_does_not_count),
        cmocka_unit_test(thousands_of_files_of_other_months_are_judged_at_once),
        cmocka_unit_test(missing_annexes_only_are_a_warning),
        cmocka_unit_test(images_named_in_records_must_be_there),
        cmocka_unit_test(every_rule_of_the_tables_is_in_the_catalogue),
        cmocka_unit_test(code_and_catalogue_name_the_same_rules),
        cmocka_unit_test(a_report_is_for_notepad_and_says_place_and_code),
        cmocka_unit_test(a_file_with_a_wrong_sender_is_not_saved_under_the_same_name_again),
        cmocka_unit_test(a_report_keeps_a_thousand_problems_and_counts_the_rest),
        cmocka_unit_test(an_incomplete_unit_is_reported_by_its_files),
        cmocka_unit_test(what_is_there_is_not_to_be_corrected_and_goes_with_its_sequence_number_only),
        cmocka_unit_test(a_file_to_be_corrected_is_not_called_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
