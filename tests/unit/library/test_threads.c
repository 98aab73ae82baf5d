/* Threads that share one standard and nothing else: built with ThreadSanitizer, from the library's sources.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "careplan/problems.h"
#include "careplan/record.h"
#include "careplan/unit.h"

enum { THREADS = 4, ROUNDS = 20 };

static const char content[] = "202407,039999,0000000101,20250325\r\n"
                              "202407,039999,0000000101,20250230\r\n"
                              "202208,039999\r\n"
                              "202407,039999,\"0000000101,20250325\r\n";

/* A layout of our own, so that the shared standard is one that was made. */
static const char layout[] = "no\tname_ja\tname_en\ttype\tmax\trequired\tvalues\tnotes\n"
                             "1\tCSVバージョン\tcsv_version\tym\t6\tyes\t202407=第4.1版\t\n"
                             "2\t保険者番号\tinsurer_no\tdigits\t6\tyes\t\t\n"
                             "3\t被保険者番号\tinsured_no\tinsured_no\t10\tyes\t\t\n"
                             "4\t計画作成日\tplan_date\tymd\t8\tyes\t\t\n";

struct work {
    const struct careplan_standard *standard; /* shared */
    pthread_t thread;
    uint64_t errors, records, bytes;
    size_t report_length;
    char first[64]; /* message of the first problem */
};

static int count_record(void *context, const struct careplan_record *record)
{
    struct work *w = context;
    char text[32];
    w->records += careplan_record_get(record, "insured_no", text, sizeof text) > 0;
    return 0;
}

static int count_bytes(void *context, const void *data, size_t length)
{
    struct work *w = context;
    (void)data;
    w->bytes += length;
    return 0;
}

static void check_and_report(struct work *w, struct careplan_problems *problems)
{
    struct careplan_report *report = careplan_report_new(CAREPLAN_REPORT_ERROR, "FILE");
    struct careplan_unit_check *unit =
        careplan_unit_check_new(w->standard, NULL, 0, careplan_problems_add, problems);
    if (!report || !unit)
        abort();
    if (careplan_unit_check_add(unit, "DLT1KYO_0300000100_43_0300000005_11_20250325101500.CSV", content,
                                strlen(content)))
        abort();
    careplan_unit_check_judge(unit);
    w->errors += careplan_unit_check_errors(unit);
    for (size_t i = 0; i < careplan_problems_count(problems); i++)
        careplan_report_add(report, careplan_problems_at(problems, i));
    free(careplan_report_text(report, &w->report_length));
    careplan_report_free(report);
    careplan_unit_check_free(unit);
}

static void read_and_write(struct work *w)
{
    const struct careplan_kind *kind = careplan_kind_find(w->standard, "202407", "DLT1KYO");
    struct careplan_reader *reader = careplan_reader_new(kind, NULL, count_record, w);
    struct careplan_writer *writer = careplan_writer_new(kind, NULL, count_bytes, w);
    if (!reader || !writer)
        abort();
    if (careplan_reader_write(reader, content, strlen(content)) || careplan_reader_finish(reader) ||
        careplan_writer_set(writer, "insurer_no", "039999") ||
        careplan_writer_set(writer, "insured_no", "0000000101") ||
        careplan_writer_set(writer, "plan_date", "20250325") || careplan_writer_end_record(writer))
        abort();
    careplan_reader_free(reader);
    careplan_writer_free(writer);
}

static void *work_run(void *context)
{
    struct work *w = context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct careplan_problems *problems = careplan_problems_new(0);
        if (!problems)
            abort();
        check_and_report(w, problems);
        read_and_write(w);
        const struct careplan_problem *first = careplan_problems_at(problems, 0);
        snprintf(w->first, sizeof w->first, "%s", first ? first->message_en : "");
        careplan_problems_free(problems);
    }
    return NULL;
}

static void threads_share(const struct careplan_standard *standard)
{
    struct work works[THREADS] = {0}, alone = {.standard = standard};
    for (unsigned i = 0; i < THREADS; i++) {
        works[i].standard = standard;
        assert_int_equal(pthread_create(&works[i].thread, NULL, work_run, &works[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(works[i].thread, NULL), 0);
    work_run(&alone);
    assert_true(alone.errors > 0);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(works[i].errors, alone.errors);
        assert_int_equal(works[i].records, alone.records);
        assert_int_equal(works[i].bytes, alone.bytes);
        assert_int_equal(works[i].report_length, alone.report_length);
        assert_string_equal(works[i].first, alone.first);
    }
}

static void threads_share_the_builtin_standard(void **state)
{
    (void)state;
    threads_share(careplan_standard_builtin());
}

static void threads_share_a_standard_that_was_made(void **state)
{
    (void)state;
    const struct careplan_table table = {"202407/DLT1KYO.tsv", layout, strlen(layout)};
    struct careplan_standard *standard;
    struct careplan_table_fault fault = {0};
    int r = careplan_standard_new(&table, 1, &standard, &fault);
    if (r)
        fail_msg("%s:%lu: %s", fault.name, fault.line, fault.reason);
    assert_string_equal(careplan_kind_item_ja(careplan_kind_find(standard, "202407", "DLT1KYO"), 3),
                        "計画作成日");
    threads_share(standard);
    careplan_standard_free(standard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_the_builtin_standard),
                                       cmocka_unit_test(threads_share_a_standard_that_was_made)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
