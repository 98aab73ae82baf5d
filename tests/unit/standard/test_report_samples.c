/* The reports of all samples, as a clerk gets them: beside each file at fault, or beside the unit. What they
 * say of the standard's broken samples (INDEX.tsv), and what of their records they never say. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "careplan/record.h"
#include "careplan/unit.h"
#include "samples.h"
#include "standard/layout.h"
#include "standard/product.h"

CLEANUP_DEFINE(autoreport, struct careplan_report, careplan_report_free);
CLEANUP_DEFINE(autoreader, struct careplan_reader, careplan_reader_free);

enum { SECRETS_MAX = 512, SECRET_MIN = 9, ITEMS_MAX = 64, FILES_MAX = 16 };

/* ---- What is not to be repeated: insured numbers and free text, from the records of the samples ---- */

struct secret {
    char text[256];
    const char *item; /* as printed */
};

struct secrets {
    struct secret list[SECRETS_MAX];
    size_t n;
};

/* 「福祉用具貸与」 stands in records and in messages. */
static bool is_word_of_the_standard(const char *text)
{
    const struct careplan_standard *standard = careplan_standard_builtin();
    const struct careplan_rule *rule;
    for (size_t i = 0; (rule = careplan_rule_at(i)); i++)
        if (strstr(rule->message_ja, text) || strstr(rule->remedy_ja, text))
            return true;
    for (size_t i = 0; i < standard->n_services; i++)
        if (strstr(standard->services[i].name_ja, text))
            return true;
    return false;
}

static void keep_secret(struct secrets *s, const char *text, const char *item)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->list[i].text, text) == 0 && s->list[i].item == item)
            return;
    assert_true(s->n < SECRETS_MAX);
    snprintf(s->list[s->n].text, sizeof s->list[s->n].text, "%s", text);
    s->list[s->n++].item = item;
}

static int keep_record(void *context, const struct careplan_record *record)
{
    const struct careplan_layout *layout = careplan_record_kind(record)->layout;
    for (size_t i = 0; careplan_record_faults(record) == 0 && i < layout->n_items; i++) {
        const struct layout_item *item = &layout->items[i];
        char text[256];
        ptrdiff_t length = careplan_record_item(record, i, text, sizeof text);
        bool number = item->type == ITEM_INSURED_NO;
        if ((number || item->type == ITEM_TEXT) && length >= SECRET_MIN && (size_t)length < sizeof text &&
            !is_word_of_the_standard(text))
            keep_secret(context, text, item->name_ja);
    }
    return 0;
}

static void keep_file(struct secrets *s, const char *path, const char *name)
{
    struct careplan_name parsed;
    size_t length;
    if (careplan_name_parse(NULL, name, &parsed, NULL, NULL) != CAREPLAN_NAME_TRANSFER || parsed.kind->image)
        return;
    autofree char *content = sample_read(path, &length);
    with_cleanup(autoreader) struct careplan_reader *reader =
        careplan_reader_new(parsed.kind, NULL, keep_record, s);
    assert_non_null(reader);
    assert_int_equal(careplan_reader_write(reader, content, length), 0);
    assert_int_equal(careplan_reader_finish(reader), 0);
}

/* ---- The reports of one folder ---- */

struct reports {
    struct careplan_report *under_way;
    struct careplan_report *faulty[FILES_MAX]; /* of a unit whose files do not fit each other */
    bool is_faulty[FILES_MAX];
    struct careplan_name names[FILES_MAX];
    size_t n;
    const char *items[ITEMS_MAX]; /* that problems are about */
    size_t n_items, problems, errors;
    struct buffer text; /* all reports */
};

static void note_item(struct reports *r, const struct careplan_problem *problem)
{
    assert_true(r->n_items < ITEMS_MAX);
    if (problem->item_name)
        r->items[r->n_items++] = problem->item_name;
    r->problems++;
    r->errors += problem->severity == CAREPLAN_ERROR;
}

static void found(void *context, const struct careplan_problem *problem)
{
    struct reports *r = context;
    note_item(r, problem);
    careplan_report_add(r->under_way, problem);
}

static void found_in_unit(void *context, const struct careplan_problem *problem)
{
    struct reports *r = context;
    struct careplan_problem own = *problem;
    found(r, problem);
    for (size_t i = 0; i < r->n; i++)
        if (problem->file && strcmp(problem->file->canonical, r->names[i].canonical) == 0) {
            own.file = NULL; /* the report says whose it is */
            r->is_faulty[i] |= problem->severity == CAREPLAN_ERROR;
            careplan_report_add(r->faulty[i], &own);
        }
}

/* UTF-8 with BOM and CRLF; one sentence first; behind each problem its remedy and its code. */
static void expect_form(const char *text)
{
    assert_memory_equal(text, "\xEF\xBB\xBF", 3);
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        assert_int_equal(p[-1], '\r');
    const char *end = strstr(text, "。\r\n"), *stop = strstr(text, "。");
    if (!end || stop != end || end > strchr(text, '\n'))
        fail_msg("expected one sentence on top of:\n%s", text);
    for (const char *code = text; (code = strstr(code, "   [CP")); code++) {
        const char *remedy = code - 2;
        while (remedy > text && remedy[-1] != '\n')
            remedy--;
        if (strncmp(remedy, "   → ", strlen("   → ")) != 0 || code - remedy < 24)
            fail_msg("expected a remedy before %.12s in:\n%s", code, text);
    }
    assert_null(strchr(text, '{'));
}

static void show(struct reports *r, const struct careplan_report *report)
{
    size_t length;
    autofree char *text = careplan_report_text(report, &length);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    expect_form(text);
    assert_int_equal(buffer_text(&r->text, text), 0);
}

static struct careplan_report *report_new(enum careplan_report_kind kind, const char *name)
{
    struct careplan_report *report = careplan_report_new(kind, name);
    assert_non_null(report);
    return report;
}

/* True: without errors, so that it may go with its unit. */
static bool report_file(struct reports *r, const char *path, const char *name,
                        struct careplan_check_result *result)
{
    size_t length, problems = r->problems, errors = r->errors;
    autofree char *content = sample_read(path, &length);
    with_cleanup(autoreport) struct careplan_report *report = report_new(CAREPLAN_REPORT_ERROR, name);
    assert_true(r->n < FILES_MAX);
    r->under_way = report;
    bool transfer = careplan_name_parse(NULL, name, &r->names[r->n], found, r) == CAREPLAN_NAME_TRANSFER;
    if (transfer)
        assert_int_equal(careplan_check_buffer(&r->names[r->n], content, length, NULL, found, r, result), 0);
    if (r->problems > problems)
        show(r, report);
    return transfer && r->errors == errors;
}

static void report_unit(struct reports *r, const struct careplan_unit_file *files, size_t n)
{
    with_cleanup(autoreport) struct careplan_report *whole =
        report_new(CAREPLAN_REPORT_INCOMPLETE, files[0].name->sequence);
    for (size_t i = 0; i < r->n; i++)
        r->faulty[i] = report_new(CAREPLAN_REPORT_ERROR, r->names[i].canonical);
    r->under_way = whole;
    enum careplan_unit_state state = careplan_unit_judge(files, n, NULL, found_in_unit, r);
    for (size_t i = 0; i < n; i++)
        careplan_report_add_good_file(whole, files[i].name->canonical);
    if (state == CAREPLAN_UNIT_INCOMPLETE || state == CAREPLAN_UNIT_SUB_MISSING)
        show(r, whole);
    for (size_t i = 0; i < r->n; i++) {
        if (state == CAREPLAN_UNIT_FAULTY && r->is_faulty[i])
            show(r, r->faulty[i]);
        careplan_report_free(r->faulty[i]);
    }
}

static void report_folder(struct reports *r, const char *folder)
{
    struct careplan_check_result results[FILES_MAX] = {{.bytes = 0}};
    struct careplan_unit_file files[FILES_MAX];
    bool judged[FILES_MAX] = {false};
    autofree char *path = file_join(SAMPLES, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        autofree char *file = file_join(path, entry->d_name);
        if (report_file(r, file, entry->d_name, &results[r->n]))
            r->n++;
        else
            careplan_check_result_free(&results[r->n]);
    }
    closedir(dir);
    for (size_t i = 0; i < r->n; i++) {
        size_t n = 0;
        for (size_t k = i; k < r->n && !judged[i]; k++)
            if (!judged[k] && careplan_unit_same(&r->names[i], &r->names[k])) {
                judged[k] = k > i;
                files[n++] = (struct careplan_unit_file){&r->names[k], &results[k], NULL};
            }
        if (n)
            report_unit(r, files, n);
    }
    for (size_t i = 0; i < r->n; i++)
        careplan_check_result_free(&results[i]);
}

static void each_folder(const char *group, void (*take)(void *context, const char *folder), void *context)
{
    autofree char *path = file_join(SAMPLES, group);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char folder[512];
        snprintf(folder, sizeof folder, "%s/%s", group, entry->d_name);
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "INDEX.tsv") != 0)
            take(context, folder);
    }
    closedir(dir);
}

/* ---- Nobody's name, nobody's number ---- */

static void keep_folder(void *secrets, const char *folder)
{
    autofree char *path = file_join(SAMPLES, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        autofree char *file = file_join(path, entry->d_name);
        if (entry->d_name[0] != '.')
            keep_file(secrets, file, entry->d_name);
    }
    closedir(dir);
}

static bool is_at_fault(const struct reports *r, const char *item)
{
    for (size_t i = 0; i < r->n_items; i++)
        if (strcmp(r->items[i], item) == 0)
            return true;
    return false;
}

static void expect_silence(void *context, const char *folder)
{
    const struct secrets *secrets = context;
    struct reports *r = calloc(1, sizeof *r);
    assert_non_null(r);
    report_folder(r, folder);
    for (size_t i = 0; r->text.length && i < secrets->n; i++) {
        const struct secret *secret = &secrets->list[i];
        if (strstr((char *)r->text.data, secret->text) && !is_at_fault(r, secret->item))
            fail_msg("%s repeats %s, an item that is not at fault:\n%s", folder, secret->item,
                     (char *)r->text.data);
    }
    buffer_free(&r->text);
    free(r);
}

static void no_report_repeats_a_user_s_number_or_text_unless_that_item_is_at_fault(void **state)
{
    (void)state;
    struct secrets *secrets = calloc(1, sizeof *secrets);
    assert_non_null(secrets);
    each_folder("valid", keep_folder, secrets);
    each_folder("broken", keep_folder, secrets);
    size_t numbers = 0, texts = 0;
    for (size_t i = 0; i < secrets->n; i++) {
        numbers += strcmp(secrets->list[i].item, "被保険者番号") == 0;
        texts += strcmp(secrets->list[i].item, "利用者氏名") == 0;
    }
    assert_true(numbers >= 5 && texts >= 2);
    each_folder("broken", expect_silence, secrets);
    each_folder("early", expect_silence, secrets);
    free(secrets);
}

/* ---- What a good message says ---- */

/* In INDEX.tsv, and not said: who a user is, another item's value, a code beside its name. */
static bool is_left_out(const char *folder, const char *fact)
{
    static const char *const known[][2] = {
        {"B38", "43"}, {"B48", "0000000404"}, {"B51", "0000000101"}, {"B52", "0000000101"}, {"B57", "300"}};
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (strncmp(folder, known[i][0], 3) == 0 && strcmp(fact, known[i][1]) == 0)
            return true;
    return false;
}

static bool is_fact_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A number or a code stands by itself. */
static bool says(const char *text, const char *fact, size_t length)
{
    bool code = is_fact_character(fact[0]) && is_fact_character(fact[length - 1]);
    for (const char *at = text; (at = memmem(at, strlen(at), fact, length)); at++)
        if (!code || (!is_fact_character(at[-1]) && !is_fact_character(at[length])))
            return true;
    return false;
}

static size_t expect_fact(const char *folder, const char *text, const char *fact, size_t length)
{
    char word[256];
    snprintf(word, sizeof word, "%.*s", (int)length, fact);
    if (length == 0 || is_left_out(folder, word) || says(text, word, strlen(word)))
        return length != 0;
    fail_msg("%s: expected %s in\n%s", folder, word, text);
    return 0;
}

/* What stands in 「」, and all numbers and codes. */
static size_t expect_facts(const char *folder, const char *text, const char *message)
{
    static const char open[] = "「", close[] = "」";
    size_t n = 0;
    for (const char *at = message; (at = strstr(at, open)); at++) {
        const char *from = at + strlen(open), *end = strstr(from, close);
        n += end ? expect_fact(folder, text, from, (size_t)(end - from)) : 0;
    }
    for (const char *at = message; *at;) {
        size_t length = 0;
        while (is_fact_character(at[length]))
            length++;
        n += expect_fact(folder, text, at, length);
        at += length ? length : 1;
    }
    return n;
}

static void the_reports_say_what_the_standards_samples_ask_for(void **state)
{
    (void)state;
    size_t cases = 0, facts = 0;
    char row[2048];
    FILE *index = fopen(SAMPLES "/broken/INDEX.tsv", "r");
    assert_non_null(index);
    assert_non_null(fgets(row, sizeof row, index));
    while (fgets(row, sizeof row, index)) {
        char folder[300], *rest = row, *cell[6];
        for (size_t i = 0; i < ARRAY_LENGTH(cell); i++)
            assert_non_null(cell[i] = strsep(&rest, "\t"));
        *strchr(cell[0], '/') = '\0';
        snprintf(folder, sizeof folder, "broken/%s", cell[0]);
        struct reports *r = calloc(1, sizeof *r);
        assert_non_null(r);
        report_folder(r, folder);
        facts += expect_facts(cell[0], (char *)r->text.data, cell[4]);
        buffer_free(&r->text);
        free(r);
        cases++;
    }
    fclose(index);
    assert_int_equal(cases, 64);
    assert_true(facts > 200);
}

/* ---- Every rule ---- */

static void every_rule_has_its_remedy_and_its_code_in_a_report(void **state)
{
    (void)state;
    const struct careplan_rule *rule;
    static const char *const words[] = {"あ", "い", "う", "え", "お", "か"};
    for (size_t i = 0; (rule = careplan_rule_at(i)); i++) {
        size_t length;
        char code[16];
        with_cleanup(autoreport) struct careplan_report *report =
            report_new(CAREPLAN_REPORT_ERROR, "UPPLAN.CSV");
        report_add_code(report, rule->code, words, ARRAY_LENGTH(words));
        autofree char *text = careplan_report_text(report, &length);
        assert_non_null(text);
        expect_form(text);
        snprintf(code, sizeof code, "[%s]", rule->code);
        if (!strstr(text, code) || !strstr(text, rule->source))
            fail_msg("expected %s and its source in:\n%s", code, text);
        if (strcmp(rule->message_ja, rule->message_en) == 0 || !rule->remedy_en[0])
            fail_msg("%s lacks its English", rule->code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_report_repeats_a_user_s_number_or_text_unless_that_item_is_at_fault),
        cmocka_unit_test(the_reports_say_what_the_standards_samples_ask_for),
        cmocka_unit_test(every_rule_has_its_remedy_and_its_code_in_a_report),
    };
    return cmocka_run_group_tests_name("reports of samples", tests, NULL, NULL);
}
