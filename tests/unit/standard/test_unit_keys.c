/* Relation keys (標準仕様 関連キー): collected from a file, and judged across the files of a send unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "samples.h"
#include "standard/layout.h"

enum { FILES_MAX = 12, MANY = 60000 };

#define CARE "0300000100_43_0300000005_11_20250325101500.CSV"
#define OLD "0300000100_0300000005_20250320101500.CSV"
#define CENTER "0300000200_46_0300000005_A2_20250401090000.CSV"

/* ---- Files of records that hold nothing but their key ---- */

static size_t item_of(const struct careplan_kind *kind, const char *name_en)
{
    for (size_t i = 0; i < careplan_kind_items(kind); i++)
        if (strcmp(careplan_kind_item_en(kind, i), name_en) == 0)
            return i;
    return SIZE_MAX;
}

/* The item with the date or month of the kind's key. */
static size_t date_item(const struct careplan_name *name)
{
    const struct careplan_kind *kind = name->kind;
    size_t item = item_of(kind, "consult_date");
    if (item == SIZE_MAX && strcmp(name->month, "000000") != 0)
        item = item_of(kind, "target_ym");
    return item == SIZE_MAX ? item_of(kind, "plan_date") : item;
}

static void put_record(struct buffer *out, const struct careplan_name *name, const char *insurer,
                       const char *insured, const char *date)
{
    size_t at = date_item(name);
    for (size_t i = 0; i < careplan_kind_items(name->kind); i++)
        buffer_printf(out, "%s%s", i ? "," : "",
                      i == 0    ? name->kind->version->name
                      : i == 1  ? insurer
                      : i == 2  ? insured
                      : i == at ? date
                                : "");
    buffer_text(out, "\r\n");
}

/* Keys are written "INSURER INSURED DATE", one a line. */
static void put_records(struct buffer *out, const struct careplan_name *name, const char *keys)
{
    char insurer[16], insured[16], date[16];
    int n;
    buffer_text(out, "");
    for (; sscanf(keys, " %15s %15s %15s%n", insurer, insured, date, &n) == 3; keys += n)
        put_record(out, name, insurer, insured, date);
}

static void check_bytes(const struct careplan_name *name, const void *data, size_t length,
                        const struct careplan_check_options *options, struct careplan_check_result *result)
{
    struct careplan_check *c = careplan_check_new(name, options, NULL, NULL);
    assert_non_null(c);
    assert_int_equal(careplan_check_write(c, data, length), 0);
    assert_int_equal(careplan_check_finish(c, result), 0);
    careplan_check_free(c);
}

static struct careplan_name parse(const char *text)
{
    struct careplan_name name;
    assert_int_equal(careplan_name_parse(NULL, text, &name, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    return name;
}

/* A unit under test. */
struct house {
    struct careplan_name names[FILES_MAX];
    struct careplan_check_result results[FILES_MAX];
    struct careplan_unit_file files[FILES_MAX];
    uint64_t not_reported[FILES_MAX];
    size_t n;
};

static void house_add(struct house *h, const char *name, const char *keys)
{
    autobuffer content = {0};
    assert_true(h->n < FILES_MAX);
    h->names[h->n] = parse(name);
    put_records(&content, &h->names[h->n], keys);
    check_bytes(&h->names[h->n], content.data, content.length, NULL, &h->results[h->n]);
    h->files[h->n] = (struct careplan_unit_file){&h->names[h->n], &h->results[h->n], &h->not_reported[h->n]};
    h->n++;
}

static void house_free(struct house *h)
{
    for (size_t i = 0; i < h->n; i++)
        careplan_check_result_free(&h->results[i]);
}

/* Judges and compares what is said: "KIND LINE:COLUMN CODE, …". */
static void expect_by(struct house *h, const struct careplan_check_options *options,
                      enum careplan_unit_state state, const char *problems)
{
    struct findings f = {0};
    autobuffer found = {0};
    enum careplan_unit_state judged = careplan_unit_judge(h->files, h->n, options, findings_add, &f);
    buffer_text(&found, "");
    for (size_t i = 0; i < f.n; i++)
        buffer_printf(&found, "%s%s %u:%u %s", i ? ", " : "", parse(f.list[i].file).kind->name,
                      (unsigned)f.list[i].line, f.list[i].column, f.list[i].code);
    assert_string_equal((char *)found.data, problems);
    assert_int_equal(judged, state);
}

static void expect(struct house *h, enum careplan_unit_state state, const char *problems)
{
    expect_by(h, NULL, state, problems);
}

#define HOUSE with_cleanup(house_free) struct house

/* ---- Collecting ---- */

static void expect_keys(const struct careplan_check_result *r, bool complete, const char *keys)
{
    autobuffer found = {0};
    buffer_text(&found, "");
    for (size_t i = 0; i < r->n_keys; i++)
        buffer_printf(&found, "%s%s %s %s at %u", i ? ", " : "", r->keys[i].insurer_no, r->keys[i].insured_no,
                      r->keys[i].date, (unsigned)r->keys[i].line);
    assert_string_equal((char *)found.data, keys);
    assert_int_equal(r->keys_complete, complete);
}

static void each_key_is_collected_once_where_it_stands_first(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    house_add(&h, "UP2KYO_" CARE,
              "123456 0000000101 20250320\n123456 0000000101 20250320\n123456 0000000102 20250320\n"
              "123456 0000000101 20250320\n123456 0000000101 20250321\n123457 0000000101 20250320");
    expect_keys(&h.results[0], true,
                "123456 0000000101 20250320 at 1, 123456 0000000102 20250320 at 3, "
                "123456 0000000101 20250321 at 5, 123457 0000000101 20250320 at 6");
    for (size_t i = 1; i < h.results[0].n_keys; i++) {
        const struct careplan_key *before = &h.results[0].keys[h.results[0].key_order[i - 1]],
                                  *key = &h.results[0].keys[h.results[0].key_order[i]];
        int order = strcmp(before->insured_no, key->insured_no);
        order = order ? order : strcmp(before->insurer_no, key->insurer_no);
        assert_true((order ? order : strcmp(before->date, key->date)) < 0);
    }
}

static void a_supplement_is_known_by_plan_date_or_month_as_its_name_says(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    house_add(&h, "UPHOSOKU_000000_" CARE, "123456 0000000101 20250320");
    house_add(&h, "UPHOSOKU_202504_" CARE, "123456 0000000101 202504");
    expect_keys(&h.results[0], true, "123456 0000000101 20250320 at 1");
    expect_keys(&h.results[1], true, "123456 0000000101 202504 at 1");
    assert_int_equal(h.results[1].keys[0].date_lines, 0);
}

static void records_whose_key_cannot_be_read_leave_the_keys_incomplete(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    house_add(&h, "UP1KYO_" CARE, "123456 0000000101 20250320\n123456 000000010 20250320");
    house_add(&h, "UP2KYO_" CARE, "12345 0000000101 20250320");
    house_add(&h, "UP3KYO_" CARE, "123456 H000000101 20250230");
    house_add(&h, "UPHOSOKU_000000_" CARE, "123456 0000000101 00000000"); /* no date, by CP1133 */
    house_add(&h, "UPPLAN_202504_" CARE, "123456 0000000101 202503\n123456 0000000101 202504");
    expect_keys(&h.results[0], false, "123456 0000000101 20250320 at 1");
    for (size_t i = 1; i < 4; i++)
        expect_keys(&h.results[i], false, "");
    expect_keys(&h.results[4], false, "123456 0000000101 202504 at 2");
}

static void a_file_without_records_has_all_its_keys_and_an_unreadable_one_has_not(void **state)
{
    (void)state;
    struct careplan_name name = parse("UPYOBO_SUB_" CENTER);
    struct careplan_check_result empty, utf16;
    check_bytes(&name, "", 0, NULL, &empty);
    check_bytes(&name, "\xFF\xFE\x32\x00\x30\x00\x32\x00", 8, NULL, &utf16);
    expect_keys(&empty, true, "");
    expect_keys(&utf16, false, "");
    careplan_check_result_free(&empty);
    careplan_check_result_free(&utf16);
}

static void keys_are_bounded_by_the_limit(void **state)
{
    (void)state;
    static const char three[] = "123456 0000000101 20250320\n123456 0000000102 20250320\n"
                                "123456 0000000101 20250320\n123456 0000000103 20250320\n"
                                "123456 0000000101 20250320";
    struct careplan_name name = parse("UP1KYO_" CARE);
    /* The limit is one for all that is compared in a file, so that not all of it is for these. */
    for (size_t limit = 1; limit <= 16; limit++) {
        autobuffer content = {0};
        struct careplan_check_result r;
        put_records(&content, &name, three);
        check_bytes(&name, content.data, content.length,
                    &(struct careplan_check_options){.limits = {.keys = limit}}, &r);
        assert_true(r.n_keys <= limit);
        assert_int_equal(r.keys_complete, r.n_keys == 3);
        assert_true(r.keys_complete ? limit >= 3 : limit < 16);
        careplan_check_result_free(&r);
    }
}

/* ---- A record without its main record ---- */

static const char *const plan[] = {"UP2KYO_" CARE, "UP3KYO_" CARE, "UPHOSOKU_000000_" CARE};

/* A plan unit of two users, in which one file has these keys. */
static void plan_with(struct house *h, size_t other, const char *keys)
{
    static const char good[] = "123456 0000000101 20250320\n123456 0000000102 20250322";
    house_add(h, "UP1KYO_" CARE, good);
    for (size_t i = 0; i < ARRAY_LENGTH(plan); i++)
        house_add(h, plan[i], i == other ? keys : good);
}

static void a_record_without_its_main_record_makes_the_unit_faulty(void **state)
{
    (void)state;
    static const struct {
        size_t file;
        const char *second, *problems;
    } cases[] = {
        {0, "123456 0000000102 20250322", ""},
        {0, "123456 0000000109 20250320", "UP2KYO 2:3 CP1311"},
        {1, "123456 0000000102 20250320", "UP3KYO 2:5 CP1312"},
        {2, "123456 0000000102 20250320", "UPHOSOKU 2:4 CP1312"},
        {0, "123456 0000000101 20250322", "UP2KYO 2:5 CP1312"},
        {2, "654321 0000000102 20250322", "UPHOSOKU 2:2 CP1313"},
        {1, "654321 0000000102 20250320", "UP3KYO 2:3 CP1311"}, /* two things differ */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        HOUSE h = {.n = 0};
        char keys[80];
        snprintf(keys, sizeof keys, "123456 0000000101 20250320\n%s", cases[i].second);
        plan_with(&h, cases[i].file, keys);
        expect(&h, cases[i].problems[0] ? CAREPLAN_UNIT_FAULTY : CAREPLAN_UNIT_COMPLETE, cases[i].problems);
    }
}

static void each_kind_of_unit_has_its_key(void **state)
{
    (void)state;
    HOUSE month = {.n = 0}, old = {.n = 0}, kihon = {.n = 0}, yobo = {.n = 0};
    house_add(&month, "UPPLAN_202504_" CARE, "123456 0000000101 202504");
    house_add(&month, "UPSIKYU_202504_" CARE, "123456 0000000101 202504\n123456 0000000102 202504");
    house_add(&month, "UPHOSOKU_202504_" CARE, "123456 0000000101 202504\n123457 0000000101 202504");
    expect(&month, CAREPLAN_UNIT_FAULTY, "UPSIKYU 2:3 CP1311, UPHOSOKU 2:2 CP1313");
    house_add(&old, "UP1KYO_" OLD, "123456 0000000101 20241020");
    house_add(&old, "UP2KYO_" OLD, "123456 0000000101 20241021");
    house_add(&old, "UPHOSOKU_000000_" OLD, "123456 0000000101 20241020");
    expect(&old, CAREPLAN_UNIT_FAULTY, "UP2KYO 1:5 CP1312");
    house_add(&kihon, "UPKIHON_" CENTER, "123456 0000000101 20250401");
    house_add(&kihon, "UPKIHON_SUB1_" CENTER, "123456 0000000101 20250402");
    house_add(&kihon, "UPKIHON_SUB2_" CENTER, "123456 0000000102 20250401");
    expect(&kihon, CAREPLAN_UNIT_FAULTY, "UPKIHON_SUB1 1:4 CP1312, UPKIHON_SUB2 1:3 CP1311");
    house_add(&yobo, "UPYOBO_" CENTER, "123456 0000000101 20250401");
    house_add(&yobo, "UPYOBO_SUB_" CENTER, "123456 0000000101 20250401\n123456 0000000101 20250331");
    expect(&yobo, CAREPLAN_UNIT_FAULTY, "UPYOBO_SUB 2:4 CP1312");
}

static void several_patterns_under_one_number_are_judged_each(void **state)
{
    (void)state;
    static const char april[] = "123456 0000000101 202504", may[] = "123456 0000000102 202505";
    HOUSE h = {.n = 0};
    house_add(&h, "UPPLAN_202504_" CARE, april);
    house_add(&h, "UPSIKYU_202504_" CARE, april);
    house_add(&h, "UPHOSOKU_202504_" CARE, april);
    house_add(&h, "UPPLAN_202505_" CARE, may);
    house_add(&h, "UPSIKYU_202505_" CARE, may);
    house_add(&h, "UPHOSOKU_202505_" CARE, "123456 0000000101 202505"); /* April's user only */
    plan_with(&h, 0, "123456 0000000101 20250320\n123456 0000000102 20250322\n123456 0000000103 20250322");
    expect(&h, CAREPLAN_UNIT_FAULTY, "UPHOSOKU 1:3 CP1311, UP2KYO 3:3 CP1311");
}

static void several_files_of_a_kind_are_taken_together(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    house_add(&h, "UPYOBO_" CENTER, "123456 0000000101 20250401");
    house_add(&h, "upyobo_" CENTER, "123456 0000000102 20250401");
    house_add(&h, "UPYOBO_SUB_" CENTER, "123456 0000000102 20250401\n123456 0000000101 20250401");
    expect(&h, CAREPLAN_UNIT_COMPLETE, "");
}

static void what_an_unread_record_might_turn_over_is_not_judged(void **state)
{
    (void)state;
    HOUSE h = {.n = 0}, part = {.n = 0}, unknown = {.n = 0};
    house_add(&h, "UPYOBO_" CENTER, "123456 0000000101 20250401\n123456 000000010 20250401");
    house_add(&h, "UPYOBO_SUB_" CENTER, "123456 0000000102 20250401");
    expect(&h, CAREPLAN_UNIT_COMPLETE, "");
    /* A part's own unread records turn nothing over of those that were read, but its users are not known. */
    plan_with(&part, 0, "123456 0000000109 20250320\n123456 000000010 20250320");
    expect(&part, CAREPLAN_UNIT_FAULTY, "UP2KYO 1:3 CP1311");
    plan_with(&unknown, 0, "123456 0000000101 20250320\n123456 000000010 20250320");
    expect(&unknown, CAREPLAN_UNIT_COMPLETE, "");
    unknown.files[0].result = NULL;
    expect(&unknown, CAREPLAN_UNIT_COMPLETE, "");
}

static void a_supplement_of_another_month_is_shown_where_its_month_stands(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    autobuffer content = {0};
    house_add(&h, "UPPLAN_202504_" CARE, "123456 0000000101 202504");
    house_add(&h, "UPSIKYU_202504_" CARE, "123456 0000000101 202504");
    struct careplan_name *name = &h.names[h.n];
    *name = parse("UPHOSOKU_202505_" CARE);
    buffer_text(&content, "202407,123456,0000000101,00000000,\"a\r\nb\"");
    for (size_t i = 6; i <= 62; i++)
        buffer_text(&content, ",");
    buffer_text(&content, ",202505\r\n");
    check_bytes(name, content.data, content.length, NULL, &h.results[h.n]);
    h.files[h.n] = (struct careplan_unit_file){name, &h.results[h.n], NULL};
    h.n++;
    expect(&h, CAREPLAN_UNIT_INCOMPLETE, "UPHOSOKU 2:63 CP1305");
    h.files[2].result = NULL; /* nothing is known of its lines */
    expect(&h, CAREPLAN_UNIT_INCOMPLETE, "UPHOSOKU 0:0 CP1305");
}

/* ---- A user without a record in a part ---- */

static void a_user_without_a_record_in_a_needed_part_is_a_warning(void **state)
{
    (void)state;
    HOUSE h = {.n = 0}, more = {.n = 0}, month = {.n = 0};
    plan_with(&h, 1, "123456 0000000101 20250320");
    expect(&h, CAREPLAN_UNIT_COMPLETE, "UP1KYO 2:3 CP1314");
    /* One warning a user, whatever he lacks. */
    house_add(&more, "UP1KYO_" CARE, "123456 0000000101 20250320\n123456 0000000102 20250322");
    for (size_t i = 0; i < ARRAY_LENGTH(plan); i++)
        house_add(&more, plan[i], "123456 0000000101 20250320");
    expect(&more, CAREPLAN_UNIT_COMPLETE, "UP1KYO 2:3 CP1314");
    house_add(&month, "UPPLAN_202504_" CARE, "123456 0000000101 202504\n123456 0000000102 202504");
    house_add(&month, "UPSIKYU_202504_" CARE, "123456 0000000102 202504");
    house_add(&month, "UPHOSOKU_202504_" CARE, "123456 0000000101 202504\n123456 0000000102 202504");
    expect(&month, CAREPLAN_UNIT_COMPLETE, "UPPLAN 1:3 CP1314");
}

static void annexes_may_hold_no_record_of_a_user(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    house_add(&h, "UPKIHON_" CENTER, "123456 0000000101 20250401");
    house_add(&h, "UPKIHON_SUB1_" CENTER, "");
    house_add(&h, "UPKIHON_SUB2_" CENTER, "");
    expect(&h, CAREPLAN_UNIT_COMPLETE, "");
}

static void a_mistyped_user_is_said_once_and_not_missed_too(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    plan_with(&h, 1, "123456 0000000101 20250320\n123456 0000000109 20250322");
    expect(&h, CAREPLAN_UNIT_FAULTY, "UP3KYO 2:3 CP1311");
}

/* ---- States, severities, numbers ---- */

static void what_is_missing_counts_more_than_what_does_not_fit(void **state)
{
    (void)state;
    HOUSE h = {.n = 0}, sub = {.n = 0};
    house_add(&h, "UP1KYO_" CARE, "123456 0000000101 20250320");
    house_add(&h, "UP2KYO_" CARE, "123456 0000000101 20250321");
    house_add(&h, "UP3KYO_" CARE, "123456 0000000101 20250320");
    expect(&h, CAREPLAN_UNIT_INCOMPLETE, "UP1KYO 0:0 CP1301, UP2KYO 1:5 CP1312");
    house_add(&sub, "UPKIHON_" CENTER, "123456 0000000101 20250401");
    house_add(&sub, "UPKIHON_SUB1_" CENTER, "123456 0000000102 20250401");
    expect(&sub, CAREPLAN_UNIT_FAULTY, "UPKIHON 0:0 CP1302, UPKIHON_SUB1 1:3 CP1311");
}

struct ruling {
    const char *code;
    enum careplan_severity severity;
};

static enum careplan_severity ruled(void *context, const char *code, enum careplan_severity standard)
{
    const struct ruling *r = context;
    return strcmp(r->code, code) == 0 ? r->severity : standard;
}

static void rulings_decide_what_a_unit_is(void **state)
{
    (void)state;
    static const struct {
        struct ruling ruling;
        enum careplan_unit_state state;
        const char *problems;
        bool without_supplement;
    } cases[] = {
        {{"CP1312", CAREPLAN_WARNING}, CAREPLAN_UNIT_COMPLETE, "UP2KYO 2:5 CP1312", false},
        {{"CP1312", CAREPLAN_OFF}, CAREPLAN_UNIT_COMPLETE, "", false},
        {{"CP1301", CAREPLAN_OFF}, CAREPLAN_UNIT_FAULTY, "UP2KYO 2:5 CP1312", true},
        {{"CP1301", CAREPLAN_WARNING}, CAREPLAN_UNIT_FAULTY, "UP1KYO 0:0 CP1301, UP2KYO 2:5 CP1312", true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        HOUSE h = {.n = 0};
        struct ruling ruling = cases[i].ruling;
        const struct careplan_check_options options = {.severity = ruled, .context = &ruling};
        plan_with(&h, 0, "123456 0000000101 20250320\n123456 0000000102 20250321");
        if (cases[i].without_supplement)
            careplan_check_result_free(&h.results[--h.n]);
        expect_by(&h, &options, cases[i].state, cases[i].problems);
    }
}

static void rulings_decide_about_annexes_and_derived_rules(void **state)
{
    (void)state;
    struct ruling ruling = {"CP1302", CAREPLAN_ERROR};
    const struct careplan_check_options options = {.severity = ruled, .context = &ruling};
    HOUSE yobo = {.n = 0}, h = {.n = 0}, other = {.n = 0};
    house_add(&yobo, "UPYOBO_" CENTER, "123456 0000000101 20250401");
    expect_by(&yobo, &options, CAREPLAN_UNIT_INCOMPLETE, "UPYOBO 0:0 CP1302");
    ruling.severity = CAREPLAN_OFF;
    expect_by(&yobo, &options, CAREPLAN_UNIT_COMPLETE, "");
    ruling = (struct ruling){"CP1314", CAREPLAN_ERROR};
    plan_with(&h, 1, "123456 0000000101 20250320");
    expect_by(&h, &options, CAREPLAN_UNIT_FAULTY, "UP1KYO 2:3 CP1314");
    ruling = (struct ruling){"CP1304", CAREPLAN_OFF};
    house_add(&other, "UPYOBO_SUB_" CENTER, "123456 0000000101 20250401");
    expect_by(&other, &options, CAREPLAN_UNIT_COMPLETE, "");
}

static void count_problem(void *context, const struct careplan_problem *problem)
{
    size_t *counts = context;
    assert_non_null(problem->file);
    counts[strcmp(problem->file->kind->name, "UPYOBO_SUB") == 0]++;
}

static const struct careplan_check_options roomy = {.limits = {.keys = 4 * MANY}};

/* Users from `from` on, with this date. */
static void put_users(struct house *h, const char *name, unsigned from, unsigned n, const char *date)
{
    autobuffer content = {0};
    h->names[h->n] = parse(name);
    for (unsigned i = 0; i < n; i++) {
        char insured[11];
        snprintf(insured, sizeof insured, "%010u", (from + i * 7919u) % 1000000000u);
        put_record(&content, &h->names[h->n], "123456", insured, date);
    }
    check_bytes(&h->names[h->n], content.data, content.length, &roomy, &h->results[h->n]);
    assert_int_equal(h->results[h->n].n_keys, n);
    assert_true(h->results[h->n].keys_complete);
    h->files[h->n] = (struct careplan_unit_file){&h->names[h->n], &h->results[h->n], &h->not_reported[h->n]};
    h->n++;
}

static void a_thousand_problems_of_each_file_are_reported_and_the_rest_counted(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    size_t counts[2] = {0, 0};
    put_users(&h, "UPYOBO_" CENTER, 0, 10, "20250401");
    put_users(&h, "UPYOBO_SUB_" CENTER, 1, 1500, "20250401");
    put_users(&h, "upyobo_sub_" CENTER, 2, 1200, "20250401");
    h.not_reported[0] = 99;
    assert_int_equal(careplan_unit_judge(h.files, h.n, NULL, count_problem, counts), CAREPLAN_UNIT_FAULTY);
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], 2 * CAREPLAN_PROBLEMS_MAX);
    assert_int_equal(h.not_reported[0], 0);
    assert_int_equal(h.not_reported[1], 500);
    assert_int_equal(h.not_reported[2], 200);
}

/* Every user of one is missed in the other, which is the most work there is. */
static void tens_of_thousands_of_users_take_no_quadratic_time(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    size_t counts[2] = {0, 0};
    clock_t start = clock();
    put_users(&h, "UPYOBO_" CENTER, 0, MANY, "20250401");
    put_users(&h, "UPYOBO_SUB_" CENTER, 1, MANY, "20250401");
    clock_t judge = clock();
    assert_int_equal(careplan_unit_judge(h.files, h.n, NULL, count_problem, counts), CAREPLAN_UNIT_FAULTY);
    clock_t end = clock();
    print_message("%d users in two files: written and checked in %.2f s, judged in %.3f s\n", MANY,
                  (double)(judge - start) / CLOCKS_PER_SEC, (double)(end - judge) / CLOCKS_PER_SEC);
    assert_int_equal(h.not_reported[1], MANY - CAREPLAN_PROBLEMS_MAX);
    assert_true(end - judge < 5 * CLOCKS_PER_SEC); /* by pairs it would take minutes */
}

/* One insured number under every insurer and date: what a hostile file can do to the look for a likeness. */
static void one_number_under_all_insurers_takes_no_quadratic_time(void **state)
{
    (void)state;
    HOUSE h = {.n = 0};
    size_t counts[2] = {0, 0};
    static const char *const names[] = {"UPYOBO_" CENTER, "UPYOBO_SUB_" CENTER};
    for (size_t k = 0; k < 2; k++) {
        autobuffer content = {0};
        h.names[k] = parse(names[k]);
        for (unsigned i = 0; i < MANY; i++) {
            char insurer[7];
            snprintf(insurer, sizeof insurer, "%06u", 2 * i + (unsigned)k);
            put_record(&content, &h.names[k], insurer, "0000000101", k ? "20250401" : "20250402");
        }
        check_bytes(&h.names[k], content.data, content.length, &roomy, &h.results[k]);
        h.files[k] = (struct careplan_unit_file){&h.names[k], &h.results[k], NULL};
    }
    h.n = 2;
    clock_t start = clock();
    assert_int_equal(careplan_unit_judge(h.files, h.n, NULL, count_problem, counts), CAREPLAN_UNIT_FAULTY);
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
}

/* ---- Words ---- */

static void find_message(void *context, const struct careplan_problem *problem)
{
    struct buffer *b = context;
    buffer_printf(b, "%s|%s|%s|%s\n", problem->message_ja, problem->remedy_ja, problem->message_en,
                  problem->remedy_en);
}

static void the_insured_number_is_said_only_where_it_is_at_fault(void **state)
{
    (void)state;
    static const struct {
        const char *key, *says, *never;
    } cases[] = {
        {"123456 0000000109 20250322", "「0000000109」", "123456"},
        {"123456 0000000102 20250323", "「20250323」が、同じ利用者の居宅サービス計画1表の「20250322」",
         "0000000102"},
        {"654321 0000000102 20250322", "「654321」が", "0000000102"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        HOUSE h = {.n = 0};
        autobuffer text = {0};
        plan_with(&h, 0, cases[i].key);
        careplan_unit_judge(h.files, h.n, NULL, find_message, &text);
        assert_non_null(strstr((char *)text.data, cases[i].says));
        assert_null(strstr((char *)text.data, cases[i].never));
        assert_null(strstr((char *)text.data, "{"));
    }
    HOUSE h = {.n = 0};
    autobuffer text = {0};
    plan_with(&h, 0, "123456 0000000101 20250320");
    careplan_unit_judge(h.files, h.n, NULL, find_message, &text);
    assert_non_null(strstr((char *)text.data, "居宅サービス計画2表"));
    assert_null(strstr((char *)text.data, "0000000102"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_collected_once_where_it_stands_first),
        cmocka_unit_test(a_supplement_is_known_by_plan_date_or_month_as_its_name_says),
        cmocka_unit_test(records_whose_key_cannot_be_read_leave_the_keys_incomplete),
        cmocka_unit_test(a_file_without_records_has_all_its_keys_and_an_unreadable_one_has_not),
        cmocka_unit_test(keys_are_bounded_by_the_limit),
        cmocka_unit_test(a_record_without_its_main_record_makes_the_unit_faulty),
        cmocka_unit_test(each_kind_of_unit_has_its_key),
        cmocka_unit_test(several_patterns_under_one_number_are_judged_each),
        cmocka_unit_test(several_files_of_a_kind_are_taken_together),
        cmocka_unit_test(what_an_unread_record_might_turn_over_is_not_judged),
        cmocka_unit_test(a_supplement_of_another_month_is_shown_where_its_month_stands),
        cmocka_unit_test(a_user_without_a_record_in_a_needed_part_is_a_warning),
        cmocka_unit_test(annexes_may_hold_no_record_of_a_user),
        cmocka_unit_test(a_mistyped_user_is_said_once_and_not_missed_too),
        cmocka_unit_test(what_is_missing_counts_more_than_what_does_not_fit),
        cmocka_unit_test(rulings_decide_what_a_unit_is),
        cmocka_unit_test(rulings_decide_about_annexes_and_derived_rules),
        cmocka_unit_test(a_thousand_problems_of_each_file_are_reported_and_the_rest_counted),
        cmocka_unit_test(tens_of_thousands_of_users_take_no_quadratic_time),
        cmocka_unit_test(one_number_under_all_insurers_takes_no_quadratic_time),
        cmocka_unit_test(the_insured_number_is_said_only_where_it_is_at_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
