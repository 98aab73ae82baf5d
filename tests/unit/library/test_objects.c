/* Names made, problems kept, whole files and send units checked. */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../standard/samples.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "careplan/binding.h"
#include "careplan/problems.h"
#include "careplan/unit.h"

/* ---- Names ---- */

static struct careplan_name parts(const char *version, const char *kind, const char *month)
{
    struct careplan_name name = {.kind = careplan_kind_find(NULL, version, kind)};
    assert_non_null(name.kind);
    bool services = name.kind->version->services_in_name;
    snprintf(name.month, sizeof name.month, "%s", month);
    snprintf(name.sender_number, sizeof name.sender_number, "0300000100");
    snprintf(name.recipient_number, sizeof name.recipient_number, "0300000005");
    snprintf(name.sender_service, sizeof name.sender_service, services ? "43" : "");
    snprintf(name.recipient_service, sizeof name.recipient_service, services ? "11" : "");
    snprintf(name.sequence, sizeof name.sequence, "20250325101500");
    snprintf(name.image_number, sizeof name.image_number, name.kind->image ? "0001" : "");
    return name;
}

static void makes_a_name_of_every_kind_that_reparses_to_itself(void **state)
{
    (void)state;
    const struct careplan_kind *kinds = careplan_kind_at(NULL, 0);
    size_t n = careplan_kinds(NULL);
    for (size_t i = 0; i < n; i++) {
        const char *version = kinds[i].version->name;
        const char *month = !kinds[i].month_in_name ? "" : strcmp(version, "202208") ? "202504" : "202410";
        struct careplan_name name = parts(version, kinds[i].name, month), again;
        assert_int_equal(careplan_name_make(&name, NULL, NULL), 0);
        assert_int_equal(careplan_name_parse(NULL, name.canonical, &again, NULL, NULL),
                         CAREPLAN_NAME_TRANSFER);
        assert_ptr_equal(again.kind, name.kind);
        assert_string_equal(again.canonical, name.canonical);
        assert_string_equal(again.month, month);
        assert_string_equal(again.sequence, "20250325101500");
    }
}

static void makes_the_names_of_the_standard(void **state)
{
    (void)state;
    struct careplan_name name = parts("202407", "UPPLAN", "202504");
    assert_int_equal(careplan_name_make(&name, NULL, NULL), 0);
    assert_string_equal(name.canonical, "UPPLAN_202504_0300000100_43_0300000005_11_20250325101500.CSV");
    name = parts("202208", "UP1KYO", "");
    assert_int_equal(careplan_name_make(&name, NULL, NULL), 0);
    assert_string_equal(name.canonical, "UP1KYO_0300000100_0300000005_20250325101500.CSV");
    name = parts("202407", "UPKIHON_IMAGE", "");
    snprintf(name.recipient_service, sizeof name.recipient_service, "a2");
    assert_int_equal(careplan_name_make(&name, NULL, NULL), 0);
    assert_string_equal(name.canonical, "UPKIHON_IMAGE_0300000100_43_0300000005_A2_20250325101500_0001.JPG");
    assert_string_equal(name.recipient_service, "A2");
}

static void makes_no_name_of_parts_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *version, *kind, *month, *sender, *service, *sequence, *code;
    } cases[] = {
        {"202407", "UPPLAN", "202513", "0300000100", "43", "20250325101500", "CP1206"},
        {"202407", "UPPLAN", "", "0300000100", "43", "20250325101500", "CP1206"},
        {"202407", "UP1KYO", "202504", "0300000100", "43", "20250325101500", "CP1205"},
        {"202407", "UPPLAN", "202504", "300000100", "43", "20250325101500", "CP1202"},
        {"202407", "UPPLAN", "202504", "03000_0100", "43", "20250325101500", "CP1205"},
        {"202407", "UPPLAN", "202504", "0300000100", "4", "20250325101500", "CP1209"},
        {"202407", "UPPLAN", "202504", "0300000100", "43", "2025033110150", "CP1203"},
        {"202407", "UPPLAN", "202504", "0300000100", "43", "", "CP1203"},
        /* The name would be that of another kind, or version. */
        {"202407", "UPKIHON", "", "SUB1", "43", "20250325101500", "CP1205"},
        {"202208", "UPPLAN", "202410", "0300000100", "43", "20250325101500", ""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct careplan_name name = parts(cases[i].version, cases[i].kind, cases[i].month);
        snprintf(name.sender_number, sizeof name.sender_number, "%s", cases[i].sender);
        snprintf(name.sender_service, sizeof name.sender_service, "%s", cases[i].service);
        snprintf(name.recipient_service, sizeof name.recipient_service, "11");
        snprintf(name.sequence, sizeof name.sequence, "%s", cases[i].sequence);
        struct careplan_problems *problems = careplan_problems_new(0);
        assert_non_null(problems);
        assert_int_equal(careplan_name_make(&name, careplan_problems_add, problems), -EINVAL);
        const struct careplan_problem *first = careplan_problems_at(problems, 0);
        assert_string_equal(first ? careplan_problem_code(first) : "", cases[i].code);
        assert_string_equal(name.canonical, "");
        careplan_problems_free(problems);
    }
}

static void finds_items_by_name(void **state)
{
    (void)state;
    const struct careplan_kind *kind = careplan_kind_find(NULL, "202407", "UPPLAN");
    assert_int_equal(careplan_kind_item_find(kind, "csv_version"), 0);
    assert_string_equal(careplan_kind_item_en(kind, (size_t)careplan_kind_item_find(kind, "insured_no")),
                        "insured_no");
    assert_int_equal(careplan_kind_item_find(kind, ""), -ENOENT);
    assert_int_equal(careplan_kind_item_find(careplan_kind_find(NULL, "202407", "UPKIHON_IMAGE"), "a"),
                     -ENOENT);
}

/* ---- Problems ---- */

static void problems_are_copies_in_order_and_bounded(void **state)
{
    (void)state;
    struct careplan_problems *p = careplan_problems_new(2);
    assert_non_null(p);
    for (unsigned i = 0; i < 3; i++) {
        char message[32];
        struct careplan_name file = {.canonical = "FILE"};
        snprintf(message, sizeof message, "message %u", i);
        careplan_problems_add(p, &(struct careplan_problem){.code = "CP1042",
                                                            .rule = "length",
                                                            .severity = i ? CAREPLAN_ERROR : CAREPLAN_WARNING,
                                                            .line = i,
                                                            .column = i + 1,
                                                            .item_name = i ? "項目" : NULL,
                                                            .file = i ? &file : NULL,
                                                            .message_ja = message,
                                                            .message_en = message,
                                                            .remedy_ja = "直す",
                                                            .remedy_en = "mend"});
        memset(message, 'x', sizeof message - 1);
        memset(&file, 0, sizeof file);
    }
    assert_int_equal(careplan_problems_count(p), 2);
    assert_int_equal(careplan_problems_errors(p), 2);
    assert_int_equal(careplan_problems_warnings(p), 1);
    assert_int_equal(careplan_problems_not_kept(p), 1);
    const struct careplan_problem *first = careplan_problems_at(p, 0), *second = careplan_problems_at(p, 1);
    assert_string_equal(careplan_problem_message(first, CAREPLAN_JA), "message 0");
    assert_string_equal(careplan_problem_item(first), "");
    assert_string_equal(careplan_problem_file(first), "");
    assert_string_equal(careplan_problem_message(second, CAREPLAN_EN), "message 1");
    assert_string_equal(careplan_problem_item(second), "項目");
    assert_string_equal(careplan_problem_file(second), "FILE");
    assert_string_equal(careplan_problem_remedy(second, CAREPLAN_JA), "直す");
    assert_string_equal(careplan_problem_remedy(second, CAREPLAN_EN), "mend");
    assert_string_equal(careplan_problem_code(second), "CP1042");
    assert_string_equal(careplan_problem_rule(second), "length");
    assert_int_equal(careplan_problem_severity(second), CAREPLAN_ERROR);
    assert_int_equal(careplan_problem_line(second), 1);
    assert_int_equal(careplan_problem_column(second), 2);
    assert_null(careplan_problems_at(p, 2));
    careplan_problems_clear(p);
    assert_int_equal(careplan_problems_count(p), 0);
    assert_int_equal(careplan_problems_errors(p), 0);
    careplan_problems_free(p);
    careplan_problems_free(NULL);
}

/* ---- Whole files ---- */

#define MONTH_FOLDER SAMPLES "/valid/b_month_202504_43_to_11/"
#define MONTH_TAIL "_202504_0300000100_43_0300000005_11_20250325102000.CSV"
static const char *const month_files[] = {"UPPLAN" MONTH_TAIL, "UPSIKYU" MONTH_TAIL, "UPHOSOKU" MONTH_TAIL};

struct reading {
    const char *data;
    size_t left, step, calls;
    ptrdiff_t fail; /* returned when all was read, instead of 0 */
};

static ptrdiff_t reading_next(void *context, void *buffer, size_t size)
{
    struct reading *r = context;
    size_t n = r->left < r->step ? r->left : r->step;
    r->calls++;
    if (n == 0)
        return r->fail;
    n = n < size ? n : size;
    memcpy(buffer, r->data, n);
    r->data += n;
    r->left -= n;
    return (ptrdiff_t)n;
}

static void a_buffer_and_a_stream_end_alike(void **state)
{
    (void)state;
    static const char content[] = "202407,039999,0000000101,20250230\r\n202407,039999\r\n";
    struct careplan_name name = parts("202407", "DLT1KYO", "");
    struct careplan_check_result of_buffer, of_stream;
    struct careplan_problems *p = careplan_problems_new(0), *q = careplan_problems_new(0);
    assert_non_null(p);
    assert_non_null(q);
    assert_int_equal(
        careplan_check_buffer(&name, content, strlen(content), NULL, careplan_problems_add, p, &of_buffer),
        0);
    struct reading r = {.data = content, .left = strlen(content), .step = 7};
    assert_int_equal(
        careplan_check_stream(&name, reading_next, &r, NULL, careplan_problems_add, q, &of_stream), 0);
    assert_int_equal(of_buffer.errors, 2);
    assert_int_equal(of_stream.errors, 2);
    assert_int_equal(of_buffer.bytes, strlen(content));
    assert_int_equal(of_stream.bytes, strlen(content));
    assert_int_equal(careplan_problems_count(p), 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(careplan_problem_message(careplan_problems_at(p, i), CAREPLAN_JA),
                            careplan_problem_message(careplan_problems_at(q, i), CAREPLAN_JA));
    careplan_check_result_free(&of_buffer);
    careplan_check_result_free(&of_stream);
    careplan_problems_free(p);
    careplan_problems_free(q);
    /* Who wants problems only needs no result, and the other way round. */
    assert_int_equal(careplan_check_buffer(&name, content, strlen(content), NULL, NULL, NULL, NULL), 0);
    assert_int_equal(careplan_check_buffer(&name, NULL, 0, NULL, NULL, NULL, &of_buffer), 0);
    assert_int_equal(of_buffer.errors + of_buffer.warnings, 1);
    careplan_check_result_free(&of_buffer);
}

static ptrdiff_t reading_too_much(void *context, void *buffer, size_t size)
{
    (void)context;
    memset(buffer, 'a', size);
    return (ptrdiff_t)size + 1;
}

static void a_stream_that_fails_ends_the_check(void **state)
{
    (void)state;
    struct careplan_name name = parts("202407", "DLT1KYO", "");
    struct careplan_check_result result;
    struct reading r = {.data = "2024", .left = 4, .step = 4, .fail = -EIO};
    assert_int_equal(careplan_check_stream(&name, reading_next, &r, NULL, NULL, NULL, &result), -EIO);
    assert_int_equal(r.calls, 2);
    assert_int_equal(result.bytes, 0);
    assert_int_equal(careplan_check_stream(&name, reading_too_much, NULL, NULL, NULL, NULL, NULL), -EINVAL);
}

static void a_check_that_ended_takes_nothing_more(void **state)
{
    (void)state;
    static const char line[] = "202407,039999,0000000101,20250325\r\n";
    struct careplan_name name = parts("202407", "DLT1KYO", "");
    struct careplan_check_result result, again;
    struct careplan_check *c = careplan_check_new(&name, NULL, NULL, NULL);
    assert_non_null(c);
    assert_int_equal(careplan_check_write(c, line, strlen(line)), 0);
    assert_int_equal(careplan_check_finish(c, &result), 0);
    assert_int_equal(careplan_check_write(c, line, strlen(line)), -EINVAL);
    assert_int_equal(careplan_check_write(c, NULL, 0), -EINVAL);
    memset(&again, 0xFF, sizeof again);
    assert_int_equal(careplan_check_finish(c, &again), -EINVAL);
    assert_int_equal(again.records + again.bytes + again.n_keys, 0);
    careplan_check_free(c);
    careplan_check_free(NULL);
    assert_int_equal(result.records, 1);
    careplan_check_result_free(&result);
    careplan_check_result_free(NULL);
}

static void no_bytes_may_be_null(void **state)
{
    (void)state;
    struct careplan_name name = parts("202407", "UPKIHON_IMAGE", "");
    struct careplan_check_result result;
    assert_int_equal(careplan_check_buffer(&name, NULL, 0, NULL, NULL, NULL, &result), 0);
    assert_int_equal(result.errors, 1);
    careplan_check_result_free(&result);
    name = parts("202407", "DLT1KYO", "");
    struct careplan_check *c = careplan_check_new(&name, NULL, NULL, NULL);
    assert_non_null(c);
    assert_int_equal(careplan_check_write(c, NULL, 0), 0);
    assert_int_equal(careplan_check_write(c, "202407,039999", 13), 0);
    assert_int_equal(careplan_check_write(c, NULL, 0), 0);
    assert_int_equal(careplan_check_write(c, ",0000000101,20250325", 20), 0);
    assert_int_equal(careplan_check_finish(c, &result), 0);
    assert_int_equal(result.records, 1);
    careplan_check_free(c);
    careplan_check_result_free(&result);
    struct careplan_standard *s;
    struct careplan_table_fault fault;
    const struct careplan_table tables[] = {{"versions.tsv", NULL, 0}};
    assert_int_equal(careplan_standard_new(tables, 1, &s, &fault), -EINVAL);
    assert_string_equal(fault.name, "versions.tsv");
    assert_int_equal(careplan_standard_new(NULL, 0, &s, NULL), 0);
    careplan_standard_free(s);
}

static void what_has_no_kind_is_refused(void **state)
{
    (void)state;
    const struct careplan_name none = {.canonical = "FILE"};
    struct careplan_name name = none;
    errno = 0;
    assert_null(careplan_check_new(&none, NULL, NULL, NULL));
    assert_int_equal(errno, EINVAL);
    assert_null(careplan_check_new(NULL, NULL, NULL, NULL));
    assert_int_equal(careplan_check_buffer(&none, "", 0, NULL, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(careplan_check_stream(&none, NULL, NULL, NULL, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(careplan_name_make(&name, NULL, NULL), -EINVAL);
    assert_int_equal(careplan_name_make(NULL, NULL, NULL), -EINVAL);
    assert_int_equal(careplan_name_parse(NULL, month_files[0], NULL, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    assert_int_equal(careplan_name_parse(NULL, "FILE", NULL, NULL, NULL), CAREPLAN_NAME_OTHER);
}

static void a_reports_text_ends_by_itself(void **state)
{
    (void)state;
    struct careplan_report *r = careplan_report_new(CAREPLAN_REPORT_ERROR, "FILE");
    assert_non_null(r);
    size_t length;
    autofree char *text = careplan_report_text(r, NULL), *same = careplan_report_text(r, &length);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    assert_string_equal(text, same);
    careplan_report_free(r);
}

/* ---- Units ---- */

static int unit_add(struct careplan_unit_check *u, const char *folder, const char *name)
{
    char path[512];
    size_t length;
    snprintf(path, sizeof path, "%s%s", folder, name);
    autofree char *content = sample_read(path, &length);
    return careplan_unit_check_add(u, name, content, length);
}

static void a_unit_is_complete_with_its_last_file(void **state)
{
    (void)state;
    struct careplan_unit_check *u = careplan_unit_check_new(NULL, NULL, 0, NULL, NULL);
    assert_non_null(u);
    assert_int_equal(careplan_unit_check_judge(u), CAREPLAN_UNIT_INCOMPLETE);
    for (size_t i = 0; i < ARRAY_LENGTH(month_files); i++)
        assert_int_equal(unit_add(u, MONTH_FOLDER, month_files[i]), 0);
    assert_int_equal(careplan_unit_check_judge(u), CAREPLAN_UNIT_COMPLETE);
    assert_int_equal(careplan_unit_check_errors(u), 0);
    assert_int_equal(careplan_unit_check_warnings(u), 0);
    assert_int_equal(careplan_unit_check_files(u), 3);
    careplan_unit_check_free(u);
    careplan_unit_check_free(NULL);
}

static void a_unit_says_whose_problem_it_is(void **state)
{
    (void)state;
    static const char broken[] = "202407,039999\r\n";
    struct careplan_problems *p = careplan_problems_new(0);
    assert_non_null(p);
    struct careplan_unit_check *u = careplan_unit_check_new(NULL, NULL, 0, careplan_problems_add, p);
    assert_non_null(u);
    struct reading r = {.data = broken, .left = strlen(broken), .step = 5};
    assert_int_equal(careplan_unit_check_add_stream(u, month_files[0], reading_next, &r), 0);
    assert_int_equal(careplan_unit_check_judge(u), CAREPLAN_UNIT_INCOMPLETE);
    assert_int_equal(careplan_problems_count(p), 2);
    assert_string_equal(careplan_problem_code(careplan_problems_at(p, 0)), "CP1021");
    assert_string_equal(careplan_problem_file(careplan_problems_at(p, 0)), month_files[0]);
    assert_string_equal(careplan_problem_code(careplan_problems_at(p, 1)), "CP1301");
    assert_string_equal(careplan_problem_file(careplan_problems_at(p, 1)), month_files[0]);
    assert_int_equal(careplan_unit_check_errors(u), 2);
    careplan_unit_check_free(u);
    careplan_problems_free(p);
}

/* A program may judge after each file, and go by the last judgement. */
static void a_unit_judged_again_tells_and_counts_anew(void **state)
{
    (void)state;
    struct careplan_problems *p = careplan_problems_new(0);
    assert_non_null(p);
    struct careplan_unit_check *u = careplan_unit_check_new(NULL, NULL, 0, careplan_problems_add, p);
    assert_non_null(u);
    assert_int_equal(unit_add(u, MONTH_FOLDER, month_files[0]), 0);
    for (size_t again = 1; again <= 2; again++) {
        assert_int_equal(careplan_unit_check_judge(u), CAREPLAN_UNIT_INCOMPLETE);
        assert_int_equal(careplan_unit_check_errors(u), 1);
        assert_int_equal(careplan_problems_count(p), again);
    }
    assert_int_equal(unit_add(u, MONTH_FOLDER, month_files[1]), 0);
    assert_int_equal(unit_add(u, MONTH_FOLDER, month_files[2]), 0);
    assert_int_equal(careplan_unit_check_judge(u), CAREPLAN_UNIT_COMPLETE);
    assert_int_equal(careplan_unit_check_errors(u), 0);
    assert_int_equal(careplan_unit_check_warnings(u), 0);
    assert_int_equal(careplan_problems_count(p), 2);
    /* What was wrong with a name or a file stays wrong. */
    static const char named_wrong[] = "UPSIKYU_202504_0300000100_43_0300000005_11_20250325102000.TXT";
    assert_int_equal(careplan_unit_check_add(u, named_wrong, "", 0), -EINVAL);
    assert_int_equal(careplan_unit_check_judge(u), CAREPLAN_UNIT_COMPLETE);
    assert_int_equal(careplan_unit_check_errors(u), 1);
    careplan_unit_check_free(u);
    careplan_problems_free(p);
}

static void a_unit_leaves_out_what_is_not_of_it(void **state)
{
    (void)state;
    struct careplan_problems *p = careplan_problems_new(0);
    assert_non_null(p);
    struct careplan_unit_check *u = careplan_unit_check_new(NULL, NULL, 2, careplan_problems_add, p);
    assert_non_null(u);
    assert_int_equal(unit_add(u, MONTH_FOLDER, month_files[0]), 0);
    assert_int_equal(careplan_unit_check_add(u, month_files[0], "", 0), -EEXIST);
    assert_int_equal(
        careplan_unit_check_add(u, "UPSIKYU_202504_0300000100_43_0300000005_11_20250325102001.CSV", "", 0),
        -EXDEV);
    assert_int_equal(careplan_unit_check_add(u, "readme.txt", "", 0), -EINVAL);
    assert_int_equal(careplan_unit_check_add(u, "Thumbs.db", "", 0), -EINVAL);
    assert_int_equal(careplan_problems_count(p), 0);
    static const char named_wrong[] = "UPSIKYU_202504_0300000100_43_0300000005_11_20250325102000.TXT";
    assert_int_equal(careplan_unit_check_add(u, named_wrong, "", 0), -EINVAL);
    assert_int_equal(careplan_problems_count(p), 1);
    assert_string_equal(careplan_problem_code(careplan_problems_at(p, 0)), "CP1201");
    assert_string_equal(careplan_problem_file(careplan_problems_at(p, 0)), named_wrong);
    struct reading r = {.fail = -EIO};
    assert_int_equal(careplan_unit_check_add_stream(u, month_files[1], reading_next, &r), -EIO);
    assert_int_equal(unit_add(u, MONTH_FOLDER, month_files[1]), 0);
    assert_int_equal(unit_add(u, MONTH_FOLDER, month_files[2]), -ENOSPC);
    assert_int_equal(careplan_unit_check_files(u), 2);
    assert_int_equal(careplan_unit_check_errors(u), 1);
    careplan_unit_check_free(u);
    careplan_problems_free(p);
}

static enum careplan_severity missing_is_a_warning(void *context, const char *code,
                                                   enum careplan_severity standard)
{
    (void)context;
    return strcmp(code, "CP1301") == 0 ? CAREPLAN_WARNING : standard;
}

static void a_unit_follows_the_rulings_it_was_given(void **state)
{
    (void)state;
    const struct careplan_check_options options = {.severity = missing_is_a_warning};
    struct careplan_unit_check *u = careplan_unit_check_new(NULL, &options, 0, NULL, NULL);
    assert_non_null(u);
    assert_int_equal(unit_add(u, MONTH_FOLDER, month_files[0]), 0);
    careplan_unit_check_judge(u);
    assert_int_equal(careplan_unit_check_errors(u), 0);
    assert_int_equal(careplan_unit_check_warnings(u), 1);
    careplan_unit_check_free(u);
}

/* UPPLAN of this month with so many users; its records have nothing but their keys. */
static int plan_add(struct careplan_unit_check *u, const char *month, unsigned users)
{
    struct careplan_name name = parts("202407", "UPPLAN", month);
    ptrdiff_t insurer = careplan_kind_item_find(name.kind, "insurer_no"),
              insured = careplan_kind_item_find(name.kind, "insured_no"),
              date = careplan_kind_item_find(name.kind, "target_ym");
    assert_int_equal(careplan_name_make(&name, NULL, NULL), 0);
    autobuffer content = {0};
    for (unsigned user = 0; user < users; user++) {
        buffer_text(&content, "202407");
        for (ptrdiff_t i = 1; i < (ptrdiff_t)careplan_kind_items(name.kind); i++)
            if (i == insured)
                buffer_printf(&content, ",%010u", user);
            else
                buffer_printf(&content, ",%s", i == insurer ? "039999" : i == date ? month : "");
        buffer_text(&content, "\r\n");
    }
    assert_false(content.failed);
    return careplan_unit_check_add(u, name.canonical, content.data, content.length);
}

static void count_limits(void *context, const struct careplan_problem *problem)
{
    *(size_t *)context += strcmp(problem->code, "CP1019") == 0;
}

/* However many files there are: what a unit remembers has a bound of its own. */
static void a_unit_holds_keys_of_three_full_files(void **state)
{
    (void)state;
    enum { KEYS = 2000, FILES = 40 };
    size_t limits = 0;
    const struct careplan_check_options options = {.limits = {.keys = KEYS}};
    struct careplan_unit_check *u = careplan_unit_check_new(NULL, &options, 0, count_limits, &limits);
    assert_non_null(u);
    size_t before = 0;
    for (unsigned i = 0; i < FILES; i++) {
        char month[24];
        snprintf(month, sizeof month, "20%02u%02u", 25 + i / 12, 1 + i % 12);
        assert_int_equal(plan_add(u, month, KEYS / 2 - 10), 0);
        if (i == 6) { /* 3 * KEYS are held */
            assert_int_equal(limits, 1);
            before = mallinfo2().uordblks;
        }
    }
    assert_int_equal(limits, FILES - 6);
    assert_in_range(mallinfo2().uordblks - before, 0, FILES * 2000);
    careplan_unit_check_free(u);
}

/* Results made by hand: keys without their order are as unknown as those of no result. */
static void a_unit_compares_no_keys_without_their_order(void **state)
{
    (void)state;
    struct careplan_key keys[] = {{"039999", "0000000101", "202504", 0, 1},
                                  {"039999", "0000000102", "202504", 0, 2}};
    uint32_t order[] = {0, 1};
    struct careplan_name names[ARRAY_LENGTH(month_files)];
    struct careplan_unit_file files[ARRAY_LENGTH(month_files)];
    struct careplan_check_result plan = {.keys = keys,
                                         .n_keys = 1,
                                         .key_order = order,
                                         .keys_complete = true},
                                 part = {
                                     .keys = keys, .n_keys = 2, .key_order = order, .keys_complete = true};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        careplan_name_parse(NULL, month_files[i], &names[i], NULL, NULL);
        files[i] = (struct careplan_unit_file){.name = &names[i], .result = i ? &part : &plan};
    }
    assert_int_equal(careplan_unit_judge(files, 3, NULL, NULL, NULL), CAREPLAN_UNIT_FAULTY);
    plan.key_order = NULL;
    assert_int_equal(careplan_unit_judge(files, 3, NULL, NULL, NULL), CAREPLAN_UNIT_COMPLETE);
    plan.key_order = order;
    part.key_order = NULL;
    assert_int_equal(careplan_unit_judge(files, 3, NULL, NULL, NULL), CAREPLAN_UNIT_COMPLETE);
    plan.keys = part.keys = NULL;
    plan.key_order = part.key_order = order;
    plan.n_images = part.n_images = 1;
    assert_int_equal(careplan_unit_judge(files, 3, NULL, NULL, NULL), CAREPLAN_UNIT_COMPLETE);
}

/* ---- Without a struct ---- */

static void a_name_is_made_and_read_by_parts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        [CAREPLAN_PART_MONTH] = "202504",         [CAREPLAN_PART_SENDER_NUMBER] = "0300000100",
        [CAREPLAN_PART_SENDER_SERVICE] = "43",    [CAREPLAN_PART_RECIPIENT_NUMBER] = "0300000005",
        [CAREPLAN_PART_RECIPIENT_SERVICE] = "11", [CAREPLAN_PART_SEQUENCE] = "20250325102000",
        [CAREPLAN_PART_IMAGE_NUMBER] = "",
    };
    struct careplan_name *name = careplan_name_new(), *again = careplan_name_new();
    assert_non_null(name);
    assert_non_null(again);
    assert_null(careplan_name_kind(name));
    careplan_name_set_kind(name, careplan_kind_find(NULL, "202407", "UPPLAN"));
    for (unsigned i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_int_equal(careplan_name_set_part(name, (enum careplan_name_part)i, texts[i]), 0);
    assert_int_equal(careplan_name_set_part(name, CAREPLAN_PART_MONTH, "2025041"), -EINVAL);
    assert_int_equal(careplan_name_set_part(name, CAREPLAN_PART_CANONICAL, "x"), -EINVAL);
    assert_int_equal(careplan_name_set_part(name, (enum careplan_name_part)99, "x"), -EINVAL);
    assert_int_equal(careplan_name_make(name, NULL, NULL), 0);
    assert_string_equal(careplan_name_part(name, CAREPLAN_PART_CANONICAL), month_files[0]);
    assert_int_equal(careplan_name_parse(NULL, month_files[0], again, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    for (unsigned i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_string_equal(careplan_name_part(again, (enum careplan_name_part)i), texts[i]);
    assert_string_equal(careplan_name_part(again, (enum careplan_name_part)99), "");
    assert_string_equal(careplan_kind_name(careplan_name_kind(again)), "UPPLAN");
    assert_string_equal(careplan_kind_version(careplan_name_kind(again)), "202407");
    careplan_name_free(name);
    careplan_name_free(again);
    careplan_name_free(NULL);
}

static void a_check_takes_options_and_gives_a_result_without_a_struct(void **state)
{
    (void)state;
    static const char content[] =
        "202407,039999,0000000101,20250230\r\n202407,039999,0000000102,20250325\r\n";
    const struct careplan_name name = parts("202407", "DLT1KYO", "");
    const struct careplan_rule *fixed = careplan_rule_at(0);
    for (size_t i = 0; fixed && !fixed->fixed; i++)
        fixed = careplan_rule_at(i);
    assert_non_null(fixed);
    struct careplan_options *o = careplan_options_new();
    assert_non_null(o);
    const uint64_t errors[] = {[CAREPLAN_OFF] = 0, [CAREPLAN_WARNING] = 0, [CAREPLAN_ERROR] = 1};
    for (unsigned i = CAREPLAN_OFF; i <= CAREPLAN_ERROR; i++) {
        assert_int_equal(careplan_options_set_severity(o, "CP1038", (enum careplan_severity)i), 0);
        struct careplan_check_result *r = careplan_result_new();
        assert_non_null(r);
        assert_int_equal(
            careplan_check_buffer(&name, content, strlen(content), careplan_options_get(o), NULL, NULL, r),
            0);
        assert_int_equal(careplan_result_errors(r), errors[i]);
        assert_int_equal(careplan_result_warnings(r), i == CAREPLAN_WARNING);
        assert_int_equal(careplan_result_records(r), 2);
        assert_int_equal(careplan_result_bytes(r), strlen(content));
        assert_int_equal(careplan_result_not_reported(r), 0);
        assert_string_equal(careplan_result_version(r), "202407");
        careplan_result_free(r);
    }
    assert_int_equal(careplan_options_set_severity(o, "CP0000", CAREPLAN_OFF), -ENOENT);
    assert_int_equal(careplan_options_set_severity(o, fixed->code, CAREPLAN_OFF), -EPERM);
    assert_int_equal(careplan_options_set_severity(o, "CP1038", (enum careplan_severity)9), -EINVAL);
    static const size_t limits[] = {[CAREPLAN_LIMIT_ITEM_BYTES] = 1,
                                    [CAREPLAN_LIMIT_ROW_BYTES] = 2,
                                    [CAREPLAN_LIMIT_KEYS] = 3,
                                    [CAREPLAN_LIMIT_IMAGES] = 4};
    for (unsigned i = 0; i < ARRAY_LENGTH(limits); i++)
        assert_int_equal(careplan_options_set_limit(o, (enum careplan_limit)i, limits[i]), 0);
    assert_int_equal(careplan_options_set_limit(o, (enum careplan_limit)9, 1), -EINVAL);
    const struct careplan_limits *set = &careplan_options_get(o)->limits;
    assert_true(set->item_bytes == 1 && set->row_bytes == 2 && set->keys == 3 && set->images == 4);
    careplan_options_free(o);
    careplan_options_free(NULL);
    careplan_result_free(NULL);
}

static void lists_end(void **state)
{
    (void)state;
    assert_null(careplan_kind_at(NULL, careplan_kinds(NULL)));
    assert_null(careplan_version_at(NULL, careplan_versions(NULL)));
    assert_null(careplan_rule_at(careplan_rules()));
    assert_string_equal(careplan_version_at(NULL, careplan_versions(NULL) - 1)->name, "202504");
    assert_ptr_equal(careplan_rule_at(careplan_rules() - 1),
                     careplan_rule_find(careplan_rule_at(careplan_rules() - 1)->code));
}

static void units_are_told_apart_by_offices_and_sequence(void **state)
{
    (void)state;
    struct careplan_name a = parts("202407", "UPPLAN", "202504"), b = parts("202407", "UPSIKYU", "202505");
    assert_true(careplan_unit_same(&a, &b));
    b.sequence[13]++;
    assert_false(careplan_unit_same(&a, &b));
    b = a;
    b.recipient_service[1]++;
    assert_false(careplan_unit_same(&a, &b));
    b = a;
    b.sender_number[0]++;
    assert_false(careplan_unit_same(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_name_of_every_kind_that_reparses_to_itself),
        cmocka_unit_test(makes_the_names_of_the_standard),
        cmocka_unit_test(makes_no_name_of_parts_that_do_not_fit),
        cmocka_unit_test(finds_items_by_name),
        cmocka_unit_test(problems_are_copies_in_order_and_bounded),
        cmocka_unit_test(a_buffer_and_a_stream_end_alike),
        cmocka_unit_test(a_stream_that_fails_ends_the_check),
        cmocka_unit_test(a_check_that_ended_takes_nothing_more),
        cmocka_unit_test(no_bytes_may_be_null),
        cmocka_unit_test(what_has_no_kind_is_refused),
        cmocka_unit_test(a_reports_text_ends_by_itself),
        cmocka_unit_test(a_unit_compares_no_keys_without_their_order),
        cmocka_unit_test(a_unit_is_complete_with_its_last_file),
        cmocka_unit_test(a_unit_says_whose_problem_it_is),
        cmocka_unit_test(a_unit_judged_again_tells_and_counts_anew),
        cmocka_unit_test(a_unit_leaves_out_what_is_not_of_it),
        cmocka_unit_test(a_unit_follows_the_rulings_it_was_given),
        cmocka_unit_test(a_unit_holds_keys_of_three_full_files),
        cmocka_unit_test(a_name_is_made_and_read_by_parts),
        cmocka_unit_test(a_check_takes_options_and_gives_a_result_without_a_struct),
        cmocka_unit_test(lists_end),
        cmocka_unit_test(units_are_told_apart_by_offices_and_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
