/* The check of one file: what belongs to the whole of it, and its limits. Single items and rules are driven
 * by INDEX.tsv (test_samples.c). Texts outside ASCII are written as MS932 bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "samples.h"
#include "standard/product.h"

#define DLTPLAN "DLTPLAN_202504_0300000100_43_0300000005_11_20250401090000.CSV"
#define UPJSK "UPJSK_202504_0300000005_11_0300000100_43_20250401090000.CSV"
#define UPKIHON "UPKIHON_0300000200_46_0300000005_A2_20250401090000.CSV"
#define IMAGE "UPKIHON_IMAGE_0300000200_46_0300000005_A2_20250401090000_"
#define GOOD "202407,039999,0000000101,202504\r\n"
#define OTHER_USER "202407,039999,0000000102,202504\r\n"

static struct careplan_check_result judge(struct findings *f, const char *name, const char *content,
                                          size_t length)
{
    struct careplan_check_result result = {0};
    *f = (struct findings){0};
    check_content(f, name, content, length, 3, &result);
    return result;
}

static void expect(const char *name, const char *content, const char *problems)
{
    struct findings f;
    autobuffer found = {0};
    struct careplan_check_result result = judge(&f, name, content, strlen(content));
    buffer_text(&found, "");
    for (size_t i = 0; i < f.n; i++)
        buffer_printf(&found, "%s%llu:%u %s", i ? ", " : "", (unsigned long long)f.list[i].line,
                      f.list[i].column, f.list[i].code);
    assert_string_equal((char *)found.data, problems);
    careplan_check_result_free(&result);
}

static void a_good_file_says_nothing(void **state)
{
    (void)state;
    struct findings f;
    struct careplan_check_result r = judge(&f, DLTPLAN, GOOD OTHER_USER, strlen(GOOD OTHER_USER));
    assert_int_equal(f.n, 0);
    assert_int_equal(r.records, 2);
    assert_int_equal(r.bytes, strlen(GOOD OTHER_USER));
    assert_string_equal(r.version, "202407");
    careplan_check_result_free(&r);
}

static void warns_of_a_file_without_records(void **state)
{
    (void)state;
    expect(DLTPLAN, "", "0:0 CP1018");
    expect(DLTPLAN, "\r\n\r\n", "0:0 CP1018");
}

static void utf8_is_one_fault_of_the_file(void **state)
{
    (void)state;
    /* 「支援 見本子」 twice */
    expect(
        UPJSK,
        "202407,039999,0000000101,20250325,202504,0300000100,\"支援 見本子\",387,0,20250407,,1000,1050,1,111211,,,"
        "\"\",,0300000005,\"見本訪問介護\",,0,0300000100,\r\n"
        "202407,039999,0000000101,20250325,202504,0300000100,\"支援 見本子\",387,0,20250408,,1000,1050,1,111211,,,"
        "\"\",,0300000005,\"見本訪問介護\",,0,0300000100,\r\n",
        "0:0 CP1001");
    expect(DLTPLAN, "\xEF\xBB\xBF" GOOD "202407,039999,\"見本見本\",202504\r\n", "1:1 CP1003, 0:0 CP1001");
}

static void a_record_that_is_ms932_only_decides_for_the_file(void **state)
{
    (void)state;
#define DAY(day, text)                                                                  \
    "202407,039999,0000000101,20250325,202504,0300000100,\"" text "\",387,0,202504" day \
    ",,1000,1050,1,111211,,,\"\",,0300000005,\"\",,0,0300000100,\r\n"
    /* 「笙問居」 could be UTF-8 as well, 「見本」 could not. */
    expect(UPJSK, DAY("07", "\xE2\x99\x96\xE2\x8B\x8F") DAY("08", "\x8C\xA9\x96\x7B"), "");
    expect(UPJSK, DAY("07", "\xE2\x99\x96\xE2\x8B\x8F"), "0:0 CP1001");
#undef DAY
}

static void what_is_only_derived_is_a_warning(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content, *problem;
    } cases[] = {
        {DLTPLAN, "\xEF\xBB\xBF" GOOD, "1:1 CP1003"}, /* but for its mark it is MS932 */
        {DLTPLAN, "version,insurer,insured,month\r\n" GOOD, "1:1 CP1017"},
        {DLTPLAN, "", "0:0 CP1018"},
        {"DLTPLAN_202504_0300000100_43_0300000005_11_20250431250000.CSV", GOOD, "0:0 CP1204"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct findings f;
        expect(cases[i].name, cases[i].content, cases[i].problem);
        struct careplan_check_result r = judge(&f, cases[i].name, cases[i].content, strlen(cases[i].content));
        assert_int_equal(r.errors, 0);
        assert_int_equal(r.warnings, 1);
        careplan_check_result_free(&r);
    }
}

static void utf16_is_not_read_on(void **state)
{
    (void)state;
    static const char with_mark[] = "\xFF\xFE"
                                    "2\0000\0002\0004\0000\0007\0,\0";
    static const char without[] = "2\0000\0002\0004\0000\0007\0,\0";
    struct findings f;
    struct careplan_check_result r = judge(&f, DLTPLAN, with_mark, sizeof with_mark - 1);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, "CP1002");
    careplan_check_result_free(&r);
    r = judge(&f, DLTPLAN, without, sizeof without - 1);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, "CP1002");
    careplan_check_result_free(&r);
}

static void counts_the_nul_bytes_of_an_item(void **state)
{
    (void)state;
    static const char content[] = GOOD "202407,039999,\0\0\000000000101,202504\r\n";
    struct findings f;
    struct careplan_check_result r = judge(&f, DLTPLAN, content, sizeof content - 1);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, "CP1007");
    assert_int_equal(f.list[0].line, 2);
    assert_int_equal(f.list[0].column, 3);
    assert_non_null(strstr(f.list[0].message, "3個"));
    careplan_check_result_free(&r);
}

#define JSK_HEAD "202407,039999,0000000101,20250325,202504,0300000100,\""
#define JSK_TAIL "\",387,0,20250407,,1000,1050,1,111211,,,\"\",,0300000005,\"\",,0,0300000100,\r\n"

static void rejects_characters_outside_ms932_at_their_line(void **state)
{
    (void)state;
    expect(UPJSK, JSK_HEAD "\x8E\x78\xF0\x40" JSK_TAIL, "1:7 CP1006");             /* 外字 */
    expect(UPJSK, JSK_HEAD "\xF0\x40\xF9\xFC" JSK_TAIL, "1:7 CP1006, 1:7 CP1006"); /* each of them */
    expect(UPJSK, JSK_HEAD "\x8E\x78\r\n\r\n\x85\x40" JSK_TAIL,
           "3:7 CP1004");                                          /* undefined, in the third line */
    expect(UPJSK, JSK_HEAD "\x8E\x78\x8E" JSK_TAIL, "1:7 CP1005"); /* cut in the middle */
    expect(UPJSK, JSK_HEAD "\x8E\x78\xFF" JSK_TAIL, "1:7 CP1004");
    /* NEC and IBM extensions and half-width kana are MS932: ①, ㈱, 髙, ｶﾅ. */
    expect(UPJSK, JSK_HEAD "\x87\x40\x87\x8A\xFB\xFC\xEE\xE0\xB6\xC5" JSK_TAIL, "");
}

static void a_user_defined_character_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *content, *code, *place;
    } cases[] = {
        {JSK_HEAD "\x8E\x78\xF0\x40" JSK_TAIL, "F040、UnicodeではU+E000", "2文字目"},
        {JSK_HEAD "ab\xF0\x80" JSK_TAIL, "F080、UnicodeではU+E03F", "3文字目"},
        {JSK_HEAD "\x8E\x78\r\n\xF9\xFC" JSK_TAIL, "F9FC、UnicodeではU+E757", "4文字目"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct findings f;
        struct careplan_check_result r = judge(&f, UPJSK, cases[i].content, strlen(cases[i].content));
        assert_int_equal(f.n, 1);
        assert_non_null(strstr(f.list[0].message, cases[i].code));
        assert_non_null(strstr(f.list[0].message, cases[i].place));
        careplan_check_result_free(&r);
    }
}

static void all_characters_at_fault_are_said(void **state)
{
    (void)state;
    struct findings f;
    autobuffer content = {0};
    buffer_text(&content, JSK_HEAD);
    for (int i = 0; i < 40; i++)
        buffer_text(&content, "\xF0\x40");
    buffer_text(&content, JSK_TAIL);
    struct careplan_check_result r = judge(&f, UPJSK, (char *)content.data, content.length);
    assert_int_equal(f.n, 40);
    assert_non_null(strstr(f.list[39].message, "40文字目"));
    careplan_check_result_free(&r);
}

static void text_may_hold_line_breaks_and_a_bare_one_ends_the_row(void **state)
{
    (void)state;
    expect(UPJSK, JSK_HEAD "a\r\nb\rc\nd" JSK_TAIL, "");
    expect(UPJSK, JSK_HEAD "a\nb" JSK_TAIL "202407,x\r\n", "3:0 CP1021"); /* lines are counted on */
    expect(DLTPLAN, "202407,039999,0000000101,202504\r202407,039999,0000000102,202504\n", "");
    expect(DLTPLAN, "202407,039999\n,0000000101,202504\r\n", "1:2 CP1024");
}

/* The quote began in line 2; lines 3 and 4 are records again. */
static void an_unclosed_quote_is_said_where_it_began(void **state)
{
    (void)state;
    expect(DLTPLAN, GOOD "202407,039999,\"0000000102,202504\r\n202407,039999,x,202504\r\n" OTHER_USER,
           "2:3 CP1011, 3:3 CP1050");
    expect(DLTPLAN, GOOD "202407,039999,\"0000000102", "2:3 CP1011");
}

static void a_header_row_is_said_once_and_the_records_are_read(void **state)
{
    (void)state;
    expect(DLTPLAN, "version,insurer,insured,month\r\n" GOOD, "1:1 CP1017");
    expect(DLTPLAN, "version,insurer,insured,month\r\n" GOOD "202407,039999,x,202504\r\n",
           "1:1 CP1017, 3:3 CP1050");
    expect(DLTPLAN, GOOD "version,insurer,insured,month\r\n", "2:1 CP1101");
}

static void a_file_wrong_from_its_first_record_on_is_said_so_once(void **state)
{
    (void)state;
    expect(DLTPLAN, "202407,039999,0000000101\r\n202407,039999,0000000101\r\n", "1:0 CP1021");
    expect(DLTPLAN, GOOD "202407,039999,0000000101\r\n202407,039999,0000000101\r\n",
           "2:0 CP1021, 3:0 CP1021");
    expect(DLTPLAN, "202407,039999,0000000101\r\n" GOOD "202407,039999,0000000101\r\n",
           "1:0 CP1021, 3:0 CP1021");
}

/* Found by fuzzing: neither the quote nor the number was said, and the file was taken. */
static void a_quote_not_closed_far_behind_the_last_item_is_too_many_items(void **state)
{
    (void)state;
    autobuffer content = {0};
    buffer_text(&content, "202407,039999,0000000101,202504");
    for (int i = 0; i < 100; i++)
        buffer_text(&content, ",");
    buffer_text(&content, "\"");
    expect(DLTPLAN, (char *)content.data, "1:0 CP1021");
    buffer_text(&content, "\r\n" GOOD);
    expect(DLTPLAN, (char *)content.data, "1:0 CP1021");
}

/* Found by fuzzing: CP1104 named the first one as it stood. */
static void bytes_that_are_no_version_are_not_handed_on(void **state)
{
    (void)state;
    struct findings f;
    const char content[] = "\x1c"
                           "02407,039999,0000000101,202504\r\n";
    struct careplan_check_result r = judge(&f, DLTPLAN, content, sizeof content - 1);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, "CP1101");
    for (size_t i = 0; i < f.n; i++)
        assert_null(strchr(f.list[i].message, 0x1C));
    assert_string_equal(r.version, "");
    careplan_check_result_free(&r);
}

static void a_run_of_records_of_another_version_is_said_once(void **state)
{
    (void)state;
    expect(DLTPLAN, GOOD "202208,039999,0000000103,202504\r\n202208,039999,0000000104,202504\r\n" OTHER_USER,
           "2:1 CP1104");
    expect(DLTPLAN, "202208,039999,0000000101,202504\r\n", "1:1 CP1103, 1:1 CP1106");
    expect(DLTPLAN, "202504,039999,0000000101,202504\r\n202504,039999,0000000102,202504\r\n", "1:1 CP1102");
    expect(DLTPLAN, "19990,039999,0000000101,202504\r\n", "1:1 CP1101");
    expect(DLTPLAN, ",039999,0000000101,202504\r\n", "1:1 CP1033");
}

static void a_version_is_not_for_every_month(void **state)
{
    (void)state;
    const char *early = "DLTPLAN_202503_0300000100_43_0300000005_11_20250401090000.CSV",
               *late = "DLTPLAN_202504_0300000100_0300000005_20250401090000.CSV",
               *first = "DLTPLAN_202212_0300000100_0300000005_20250401090000.CSV";
    expect(early, "202407,039999,0000000101,202503\r\n202407,039999,0000000102,202503\r\n", "1:1 CP1106");
    expect(late, "202208,039999,0000000101,202504\r\n", "1:1 CP1106");
    expect(first, "202208,039999,0000000101,202212\r\n", "1:1 CP1106");
    expect(early, "202407,039999,0000000101,202500\r\n202407,039999,0000000102,202503\r\n",
           "1:4 CP1039, 2:1 CP1106");
    expect(late, "202208,039999,0000000101,202503\r\n", "1:4 CP1111");
}

static void content_of_202407_under_an_older_name_is_checked_as_202407(void **state)
{
    (void)state;
    expect("UPJSK_202504_0300000005_0300000100_20250401090000.CSV", JSK_HEAD JSK_TAIL,
           "0:0 CP1105, 1:7 CP1032");
}

static void a_run_of_records_of_another_month_is_said_once(void **state)
{
    (void)state;
    expect(DLTPLAN, "202407,039999,0000000101,202503\r\n202407,039999,0000000102,202503\r\n", "1:4 CP1111");
    expect(DLTPLAN, GOOD "202407,039999,0000000101,202503\r\n202407,039999,0000000102,202503\r\n",
           "2:4 CP1112");
}

static void an_item_of_64_kib_and_a_record_of_1_mib_are_the_limit(void **state)
{
    (void)state;
    autobuffer content = {0};
    struct findings f;
    buffer_text(&content, JSK_HEAD);
    for (int i = 0; i <= CAREPLAN_ITEM_MAX; i++)
        buffer_text(&content, "x");
    buffer_text(&content, JSK_TAIL);
    struct careplan_check_result r = judge(&f, UPJSK, (char *)content.data, content.length);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, "CP1015");
    assert_int_equal(f.list[0].column, 7);
    careplan_check_result_free(&r);
    buffer_clear(&content);
    for (int i = 0; i <= CAREPLAN_ROW_MAX; i++)
        buffer_text(&content, "1");
    r = judge(&f, UPJSK, (char *)content.data, content.length);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, "CP1016");
    assert_int_equal(f.list[0].column, 0);
    careplan_check_result_free(&r);
}

static void a_caller_sets_other_limits(void **state)
{
    (void)state;
    struct careplan_check_options options = {.limits = {.item_bytes = 12, .row_bytes = 40}};
    static const struct {
        const char *content, *problem;
    } cases[] = {
        {GOOD, NULL},
        {"202407,039999,\"0000000101234\",202504\r\n", "CP1015"},
        {"202407,039999,0000000101,202504,,,,,,,,,,,,,,,,,,,,,,,,\r\n", "CP1016"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct careplan_name name;
        struct careplan_check_result r;
        struct findings f = {0};
        assert_int_equal(careplan_name_parse(NULL, DLTPLAN, &name, NULL, NULL), CAREPLAN_NAME_TRANSFER);
        struct careplan_check *c = careplan_check_new(&name, &options, findings_add, &f);
        assert_non_null(c);
        assert_int_equal(careplan_check_write(c, cases[i].content, strlen(cases[i].content)), 0);
        assert_int_equal(careplan_check_finish(c, &r), 0);
        assert_int_equal(f.n, cases[i].problem != NULL);
        if (cases[i].problem) {
            assert_string_equal(f.list[0].code, cases[i].problem);
            assert_non_null(strstr(f.list[0].message, i == 1 ? "12バイト" : "40バイト"));
        }
        careplan_check_result_free(&r);
        careplan_check_free(c);
    }
}

static void count_problem(void *context, const struct careplan_problem *problem)
{
    (void)problem;
    ++*(size_t *)context;
}

static enum careplan_severity weaker_months_and_no_insured_numbers(void *context, const char *code,
                                                                   enum careplan_severity standard)
{
    *(const char **)context = code;
    return strcmp(code, "CP1039") == 0   ? CAREPLAN_WARNING
           : strcmp(code, "CP1050") == 0 ? CAREPLAN_OFF
                                         : standard;
}

static struct careplan_check_result judge_lines(const struct careplan_check_options *options,
                                                const char *line, size_t lines, size_t *said)
{
    struct careplan_name name;
    struct careplan_check_result r;
    assert_int_equal(careplan_name_parse(NULL, DLTPLAN, &name, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    struct careplan_check *c = careplan_check_new(&name, options, count_problem, said);
    assert_non_null(c);
    for (size_t i = 0; i < lines; i++)
        assert_int_equal(careplan_check_write(c, line, strlen(line)), 0);
    assert_int_equal(careplan_check_finish(c, &r), 0);
    careplan_check_free(c);
    return r;
}

static void says_a_thousand_problems_and_counts_the_rest(void **state)
{
    (void)state;
    size_t said = 0;
    struct careplan_check_result r = judge_lines(NULL, "202407,x,0000000101,202504\n", 1500, &said);
    assert_int_equal(said, CAREPLAN_PROBLEMS_MAX);
    assert_int_equal(r.errors, 1500);
    assert_int_equal(r.not_reported, 500);
    careplan_check_result_free(&r);
}

static void the_office_may_weaken_a_rule(void **state)
{
    (void)state;
    const char *asked = NULL;
    struct careplan_check_options options = {weaker_months_and_no_insured_numbers, &asked};
    size_t said = 0;
    struct careplan_check_result r = judge_lines(&options, "202407,039999,x,202513\n", 2, &said);
    assert_int_equal(said, 2);
    assert_int_equal(r.errors, 0);
    assert_int_equal(r.warnings, 2);
    assert_non_null(asked);
    careplan_check_result_free(&r);
}

/* 71 items of UPKIHON with this image. */
static void kihon(struct buffer *out, unsigned user, const char *image)
{
    buffer_printf(out, "202407,039999,%010u,20250320,1,1,\"\",01,\"\",01,,01,\"\",\"a\",\"b\",1,19400101",
                  user);
    for (int i = 18; i < 62; i++)
        buffer_text(out, ",");
    buffer_printf(out, ",\"%s\"", image);
    for (int i = 63; i <= 71; i++)
        buffer_text(out, ",");
    buffer_text(out, "\r\n");
}

static void collects_the_images_of_its_own_unit_each_once(void **state)
{
    (void)state;
    struct findings f;
    autobuffer content = {0};
    kihon(&content, 1, IMAGE "0001.jpg");
    kihon(&content, 2, IMAGE "0002.JPG");
    kihon(&content, 3, IMAGE "0001.JPG");
    kihon(&content, 4, "");
    kihon(&content, 5, "family.jpg");
    kihon(&content, 6, "UPKIHON_IMAGE_0300000200_46_0300000006_A2_20250401090000_0003.jpg");
    struct careplan_check_result r = judge(&f, UPKIHON, (char *)content.data, content.length);
    assert_int_equal(r.n_images, 2);
    assert_string_equal(r.images[0], IMAGE "0001.JPG");
    assert_string_equal(r.images[1], IMAGE "0002.JPG");
    assert_int_equal(r.image_lines[1], 2);
    assert_int_equal(f.n, 3);
    assert_string_equal(f.list[0].code, "CP1157"); /* named again, in any case */
    assert_int_equal(f.list[0].line, 3);
    assert_non_null(strstr(f.list[0].message, "1行目"));
    assert_string_equal(f.list[1].code, "CP1307");
    assert_int_equal(f.list[1].line, 5);
    assert_int_equal(f.list[2].line, 6);
    assert_int_equal(f.list[2].column, 62);
    careplan_check_result_free(&r);
}

static void an_image_must_be_a_jpeg(void **state)
{
    (void)state;
    expect(IMAGE "0001.JPG", "\xFF\xD8\xFF\xE0....JFIF", "");
    expect(IMAGE "0001.JPG", "\xFF\xD8\xFF", "");
    expect(IMAGE "0001.JPG", "GIF89a......", "0:0 CP1308");
    expect(IMAGE "0001.JPG", "", "0:0 CP1308");
}

#define RESULT(user, plan, tail) "202407,039999," user ",20250325,202504," plan ",\"x" tail

static void another_office_in_the_records_is_a_warning_once_a_file(void **state)
{
    (void)state;
    expect(UPJSK,
           RESULT("0000000101", "0300000109", JSK_TAIL) RESULT("0000000102", "0300000100", JSK_TAIL)
               RESULT("0000000103", "0300000109", JSK_TAIL) RESULT("0000000104", "0300000108", JSK_TAIL),
           "1:6 CP1126");
}

/* Results that were commissioned come from 43 and go to 46, the plan added: the same rows again, of offices
 * that are neither sender nor recipient. */
static void a_care_management_office_passes_on_the_results_of_others(void **state)
{
    (void)state;
    static const char *const own[] = {"11", "68", "69", "73", "75", "77", "79"};
    static const struct {
        const char *sender, *problems;
    } passing[] = {{"43", ""}, {"A9", ""}, {"46", "0:0 CP1127"}, {"AF", "0:0 CP1127"}};
    const char *records = RESULT("0000000101", "0300000101", JSK_TAIL)
        RESULT("0000000101", "0300000101", JSK_TAIL) RESULT("0000000102", "0300000101", JSK_TAIL);
    for (size_t i = 0; i < ARRAY_LENGTH(own); i++) {
        char name[CAREPLAN_NAME_MAX];
        snprintf(name, sizeof name, "UPJSK_202504_0300000107_%s_0300000101_43_20250401090000.CSV", own[i]);
        expect(name, records, "1:20 CP1122, 2:3 CP1192");
    }
    for (size_t i = 0; i < ARRAY_LENGTH(passing); i++) {
        char name[CAREPLAN_NAME_MAX];
        snprintf(name, sizeof name, "UPJSK_202504_0300000107_%s_0300000200_46_20250401090000.CSV",
                 passing[i].sender);
        expect(name, records, passing[i].problems);
    }
}
#undef RESULT

static void a_recipient_out_of_scope_is_said(void **state)
{
    (void)state;
    expect("DLTPLAN_202504_0300000100_43_0300000005_33_20250401090000.CSV", GOOD, "0:0 CP1124");
}

static void documents_are_known_by_their_first_bytes(void **state)
{
    (void)state;
    assert_true(document_known("PDF"));
    assert_false(document_known("exe"));
    assert_true(document_matches("pdf", "%PDF-1.7", 8));
    assert_false(document_matches("pdf", "PK\x03\x04....", 8));
    assert_true(document_matches("XLSX", "PK\x03\x04....", 8));
    assert_true(document_matches("docx", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8)); /* with a password */
    assert_true(document_matches("jpeg", "\xFF\xD8\xFF\xE0", 4));
    assert_false(document_matches("png", "\x89PNG", 4));
    assert_false(document_matches("txt", "text", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_says_nothing),
        cmocka_unit_test(warns_of_a_file_without_records),
        cmocka_unit_test(utf8_is_one_fault_of_the_file),
        cmocka_unit_test(a_record_that_is_ms932_only_decides_for_the_file),
        cmocka_unit_test(what_is_only_derived_is_a_warning),
        cmocka_unit_test(utf16_is_not_read_on),
        cmocka_unit_test(counts_the_nul_bytes_of_an_item),
        cmocka_unit_test(rejects_characters_outside_ms932_at_their_line),
        cmocka_unit_test(a_user_defined_character_is_named_with_its_place),
        cmocka_unit_test(all_characters_at_fault_are_said),
        cmocka_unit_test(text_may_hold_line_breaks_and_a_bare_one_ends_the_row),
        cmocka_unit_test(an_unclosed_quote_is_said_where_it_began),
        cmocka_unit_test(a_header_row_is_said_once_and_the_records_are_read),
        cmocka_unit_test(a_file_wrong_from_its_first_record_on_is_said_so_once),
        cmocka_unit_test(a_run_of_records_of_another_version_is_said_once),
        cmocka_unit_test(bytes_that_are_no_version_are_not_handed_on),
        cmocka_unit_test(a_quote_not_closed_far_behind_the_last_item_is_too_many_items),
        cmocka_unit_test(a_version_is_not_for_every_month),
        cmocka_unit_test(content_of_202407_under_an_older_name_is_checked_as_202407),
        cmocka_unit_test(a_run_of_records_of_another_month_is_said_once),
        cmocka_unit_test(an_item_of_64_kib_and_a_record_of_1_mib_are_the_limit),
        cmocka_unit_test(a_caller_sets_other_limits),
        cmocka_unit_test(says_a_thousand_problems_and_counts_the_rest),
        cmocka_unit_test(the_office_may_weaken_a_rule),
        cmocka_unit_test(collects_the_images_of_its_own_unit_each_once),
        cmocka_unit_test(an_image_must_be_a_jpeg),
        cmocka_unit_test(another_office_in_the_records_is_a_warning_once_a_file),
        cmocka_unit_test(a_care_management_office_passes_on_the_results_of_others),
        cmocka_unit_test(a_recipient_out_of_scope_is_said),
        cmocka_unit_test(documents_are_known_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
