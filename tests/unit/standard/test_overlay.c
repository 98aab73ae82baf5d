/* A standard of tables added to the built-in one, and the project's own tables read at run time. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "samples.h"
#include "standard/layout.h"
#include "tables.h"

#define VERSIONS "version\tname_ja\tapplies_from\tapplies_until\treplaced_by\tservices_in_name\tpreventive\n"
#define NEXT_VERSION                                           \
    VERSIONS "202407\t第4.1版\t202504\t202603\t\tyes\tyes\n" \
             "202604\t第5版\t202604\t\t\tyes\tyes\n"
#define MORE "26\t備考\tmemo\ttext\t-\tno\t\t\n"
#define OFFICES "0300000100_43_0300000005_11_20260325102000.CSV"

CLEANUP_DEFINE(autostandard, struct careplan_standard, careplan_standard_free);

/* ---- The same tables ---- */

static void same_text(const char *a, const char *b)
{
    assert_string_equal(a, b);
}

static void same_item(const struct layout_item *a, const struct layout_item *b)
{
    same_text(a->name_ja, b->name_ja);
    same_text(a->name_en, b->name_en);
    same_text(a->values_text, b->values_text);
    assert_int_equal(a->n_values, b->n_values);
    for (size_t i = 0; i < a->n_values; i++) {
        same_text(a->values[i].code, b->values[i].code);
        same_text(a->values[i].meaning, b->values[i].meaning);
    }
    assert_true(a->max == b->max && a->type == b->type && a->required == b->required &&
                a->exact == b->exact && a->service_type == b->service_type && a->any_code == b->any_code &&
                a->wide_hyphen == b->wide_hyphen);
}

static void same_layout(const struct careplan_layout *a, const struct careplan_layout *b)
{
    same_text(a->version, b->version);
    same_text(a->kind, b->kind);
    assert_int_equal(a->n_items, b->n_items);
    assert_int_equal(a->n_rules, b->n_rules);
    assert_int_equal(a->month_item, b->month_item);
    assert_int_equal(a->month_may_zero, b->month_may_zero);
    for (size_t i = 0; i < a->n_items; i++)
        same_item(&a->items[i], &b->items[i]);
    for (size_t i = 0; i < a->n_rules; i++) {
        const struct record_rule *x = &a->rules[i], *y = &b->rules[i];
        assert_true(x->check == y->check && x->n_items == y->n_items);
        assert_memory_equal(x->items, y->items, x->n_items);
        same_text(x->code, y->code);
        same_text(x->values, y->values);
    }
}

static void same_kinds(const struct careplan_standard *a, const struct careplan_standard *b)
{
    assert_int_equal(a->n_kinds, b->n_kinds);
    for (size_t i = 0; i < a->n_kinds; i++) {
        const struct careplan_kind *x = &a->kinds[i], *y = &b->kinds[i];
        same_text(x->name, y->name);
        same_text(x->name_ja, y->name_ja);
        same_text(x->version->name, y->version->name);
        assert_true(x->month_in_name == y->month_in_name && x->image == y->image &&
                    x->main_file == y->main_file && x->deletion == y->deletion);
        assert_true(!x->layout == !y->layout);
        assert_ptr_equal(y->standard, b);
        assert_true(y->version >= b->versions && y->version < b->versions + b->n_versions);
        if (x->layout)
            same_layout(x->layout, y->layout);
    }
}

static void same_lists(const struct careplan_standard *a, const struct careplan_standard *b)
{
    assert_true(a->n_versions == b->n_versions && a->n_words == b->n_words && a->n_sources == b->n_sources &&
                a->n_services == b->n_services && a->n_flows == b->n_flows && a->n_units == b->n_units &&
                a->n_roles == b->n_roles);
    for (size_t i = 0; i < a->n_versions; i++) {
        const struct careplan_version *x = &a->versions[i], *y = &b->versions[i];
        same_text(x->name, y->name);
        same_text(x->name_ja, y->name_ja);
        same_text(x->applies_from, y->applies_from);
        same_text(x->applies_until, y->applies_until);
        same_text(x->replaced_by, y->replaced_by);
        assert_true(x->services_in_name == y->services_in_name && x->preventive == y->preventive);
    }
    for (size_t i = 0; i < a->n_words; i++) {
        same_text(a->words[i].kind, b->words[i].kind);
        same_text(a->words[i].title_ja, b->words[i].title_ja);
        same_text(a->words[i].title_en, b->words[i].title_en);
    }
    for (size_t i = 0; i < a->n_services; i++) {
        const struct service_type *x = &a->services[i], *y = &b->services[i];
        same_text(x->code, y->code);
        same_text(x->name_ja, y->name_ja);
        assert_true(x->linked == y->linked && x->care == y->care && x->preventive == y->preventive);
    }
    for (size_t i = 0; i < a->n_flows; i++) {
        const struct flow *x = &a->flows[i], *y = &b->flows[i];
        same_text(x->kind, y->kind);
        assert_true(x->preventive_table == y->preventive_table && x->output == y->output &&
                    x->import == y->import);
    }
    for (size_t i = 0; i < a->n_roles; i++) {
        const struct role *x = &a->roles[i], *y = &b->roles[i];
        same_text(x->service, y->service);
        same_text(x->imports, y->imports);
        assert_true(x->role == y->role && x->certain == y->certain);
    }
}

static void same_parts(const char *const a[UNIT_PARTS], const char *const b[UNIT_PARTS])
{
    for (size_t i = 0; i < UNIT_PARTS; i++) {
        assert_true(!a[i] == !b[i]);
        if (a[i])
            same_text(a[i], b[i]);
    }
}

static void same_units(const struct careplan_standard *a, const struct careplan_standard *b)
{
    for (size_t i = 0; i < a->n_units; i++) {
        same_text(a->units[i].version, b->units[i].version);
        same_text(a->units[i].main, b->units[i].main);
        same_parts(a->units[i].needs, b->units[i].needs);
        same_parts(a->units[i].subs, b->units[i].subs);
        assert_int_equal(a->units[i].images, b->units[i].images);
    }
}

static void the_projects_own_tables_make_the_built_in_standard(void **state)
{
    (void)state;
    with_cleanup(tables_free) struct tables t = {.n = 0};
    tables_add_own(&t);
    with_cleanup(autostandard) struct careplan_standard *s = tables_standard(&t);
    const struct careplan_standard *built_in = careplan_standard_builtin();
    same_lists(built_in, s);
    same_kinds(built_in, s);
    same_units(built_in, s);
}

static void no_table_makes_the_built_in_standard(void **state)
{
    (void)state;
    struct careplan_standard *s;
    assert_int_equal(careplan_standard_new(NULL, 0, &s, NULL), 0);
    same_lists(careplan_standard_builtin(), s);
    same_kinds(careplan_standard_builtin(), s);
    same_units(careplan_standard_builtin(), s);
    careplan_standard_free(s);
    careplan_standard_free(NULL);
}

static void line_ends_of_windows_and_a_mark_at_the_head_are_read(void **state)
{
    (void)state;
    with_cleanup(tables_free) struct tables t = {.n = 0};
    tables_add(
        &t, "units.tsv",
        "\xEF\xBB\xBF# one\r\nversion\tmain\tneeds\tsubs\timages\r\n202208\tUPPLAN\tUPSIKYU\t\tno\r\n\r\n");
    with_cleanup(autostandard) struct careplan_standard *s = tables_standard(&t);
    size_t n = 0;
    for (size_t i = 0; i < s->n_units; i++)
        n += strcmp(s->units[i].version, "202208") == 0;
    assert_int_equal(n, 1);
    assert_int_equal(s->n_units, careplan_standard_builtin()->n_units - 5);
}

/* ---- One layout ---- */

static void a_layout_replaces_that_of_its_version_alone(void **state)
{
    (void)state;
    with_cleanup(tables_free) struct tables t = {.n = 0};
    tables_add_layout(&t, "202407", "UPPLAN");
    tables_append(&t, "202407/UPPLAN.tsv", MORE);
    with_cleanup(autostandard) struct careplan_standard *s = tables_standard(&t);
    const struct careplan_kind *kinds = careplan_kind_at(s, 0),
                               *plan = careplan_kind_find(s, "202407", "UPPLAN"),
                               *built_in = careplan_kind_find(NULL, "202407", "UPPLAN");
    assert_int_equal(careplan_kind_items(plan), 26);
    assert_string_equal(careplan_kind_item_en(plan, 25), "memo");
    assert_int_equal(plan->layout->n_rules, built_in->layout->n_rules);
    assert_int_equal(careplan_kind_items(built_in), 25);
    size_t n = careplan_kinds(s), others = 0;
    assert_int_equal(n, careplan_standard_builtin()->n_kinds);
    for (size_t i = 0; i < n; i++)
        others += kinds[i].layout == careplan_standard_builtin()->kinds[i].layout;
    assert_int_equal(others, n - 1);
}

static void another_records_table_gives_all_layouts_its_rules(void **state)
{
    (void)state;
    with_cleanup(tables_free) struct tables t = {.n = 0};
    tables_add(&t, "records.tsv",
               "kinds\tcheck\tcode\titems\tvalues\nUPPLAN\tin_month\tCP1113\tservice_date target_ym\t\n");
    with_cleanup(autostandard) struct careplan_standard *s = tables_standard(&t);
    assert_int_equal(careplan_kind_find(s, "202208", "UPPLAN")->layout->n_rules, 1);
    assert_int_equal(careplan_kind_find(s, "202407", "UPPLAN")->layout->n_rules, 1);
    assert_int_equal(careplan_kind_find(s, "202407", "UPJSK")->layout->n_rules, 0);
    assert_true(careplan_kind_find(NULL, "202407", "UPJSK")->layout->n_rules > 0);
}

/* ---- The next version ---- */

static struct careplan_standard *next_standard(bool versions)
{
    with_cleanup(tables_free) struct tables t = {.n = 0};
    tables_add_version(&t, "202604");
    tables_append(&t, "202604/UPPLAN.tsv", MORE);
    if (versions)
        tables_add(&t, "versions.tsv", NEXT_VERSION);
    return tables_standard(&t);
}

static const struct careplan_kind *kind_of(const struct careplan_standard *s, const char *name)
{
    struct careplan_name n;
    if (careplan_name_parse(s, name, &n, NULL, NULL) != CAREPLAN_NAME_TRANSFER)
        fail_msg("%s is no transfer name", name);
    assert_ptr_equal(n.kind->standard, s);
    return n.kind;
}

static void expect_version(const struct careplan_standard *s, const char *name, const char *version)
{
    assert_string_equal(kind_of(s, name)->version->name, version);
}

static void a_version_of_layouts_alone_is_made_like_the_newest(void **state)
{
    (void)state;
    with_cleanup(autostandard) struct careplan_standard *s = next_standard(false);
    const struct careplan_version *versions = careplan_version_at(s, 0);
    size_t n = careplan_versions(s);
    assert_string_equal(versions[n - 1].name, "202604");
    assert_true(versions[n - 1].services_in_name && versions[n - 1].preventive);
    assert_string_equal(versions[n - 1].applies_from, "");
    for (size_t i = 0; i < careplan_standard_builtin()->n_kinds; i++) {
        const struct careplan_kind *old = &careplan_standard_builtin()->kinds[i];
        if (strcmp(old->version->name, "202407") != 0)
            continue;
        const struct careplan_kind *new = careplan_kind_find(s, "202604", old->name);
        assert_non_null(new);
        assert_true(new->month_in_name == old->month_in_name &&new->image == old->image &&new->main_file ==
                    old->main_file &&new->deletion == old->deletion);
        assert_string_equal(careplan_kind_title(new, CAREPLAN_JA), careplan_kind_title(old, CAREPLAN_JA));
        if (old->layout)
            assert_int_equal(new->layout->n_rules, old->layout->n_rules);
    }
    size_t old_units = 0, new_units = 0;
    for (size_t i = 0; i < s->n_units; i++) {
        old_units += strcmp(s->units[i].version, "202407") == 0;
        new_units += strcmp(s->units[i].version, "202604") == 0;
    }
    assert_int_equal(new_units, old_units);
    /* No month is said: the newest is meant wherever the name does not say 202208. */
    expect_version(s, "UPPLAN_202510_" OFFICES, "202604");
    expect_version(s, "UPKIHON_IMAGE_0300000100_43_0300000005_11_20260325102000_0001.JPG", "202604");
    expect_version(s, "UPPLAN_202410_0300000100_0300000005_20260325102000.CSV", "202208");
}

static void of_names_that_look_alike_the_month_tells_the_version(void **state)
{
    (void)state;
    with_cleanup(autostandard) struct careplan_standard *s = next_standard(true);
    expect_version(s, "UPPLAN_202603_" OFFICES, "202407");
    expect_version(s, "UPPLAN_202604_" OFFICES, "202604");
    expect_version(s, "UPPLAN_203001_" OFFICES, "202604");
    expect_version(s, "UPPLAN_202410_" OFFICES, "202604"); /* no version of this form has that month */
    expect_version(s, "UPHOSOKU_000000_" OFFICES, "202604");
    expect_version(s, "UP1KYO_" OFFICES, "202604");
}

static char *put(char *to, const char *text, size_t length)
{
    memcpy(to, text, length);
    return to + length;
}

/* The sample's plan as one of another version and month. */
static char *plan_of(const char *version, const char *month, bool memo)
{
    size_t length;
    autofree char *file = sample_read(SAMPLES "/valid/b_month_202504_43_to_11/"
                                              "UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.CSV",
                                      &length);
    char *plan = calloc(3, length + 1), *to = plan;
    for (const char *at = file; *at;) {
        if (strncmp(at, "202407,", 7) == 0)
            to = put(to, version, 6), at += 6;
        else if (strncmp(at, "202504", 6) == 0)
            to = put(to, month, 6), at += 6;
        else if (memo && *at == '\r')
            to = put(to, ",\"\"\r", 4), at++;
        else
            *to++ = *at++;
    }
    return plan;
}

/* What is found in a plan under the standard. */
static void check_plan(const struct careplan_standard *s, const char *name, const char *version,
                       const char *month, bool memo, struct findings *f)
{
    struct careplan_name n;
    struct careplan_check_result result;
    autofree char *content = plan_of(version, month, memo);
    assert_int_equal(careplan_name_parse(s, name, &n, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    struct careplan_check *c = careplan_check_new(&n, NULL, findings_add, f);
    assert_non_null(c);
    assert_int_equal(careplan_check_write(c, content, strlen(content)), 0);
    assert_int_equal(careplan_check_finish(c, &result), 0);
    careplan_check_free(c);
    careplan_check_result_free(&result);
}

/* The codes that are found, separated by spaces. */
static void expect_plan(const struct careplan_standard *s, const char *name, const char *version,
                        const char *month, bool memo, const char *codes)
{
    struct findings f = {0};
    char found[512] = "";
    check_plan(s, name, version, month, memo, &f);
    for (size_t i = 0; i < f.n; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i ? " " : "", f.list[i].code);
    if (strcmp(found, codes) != 0)
        fail_msg("%s of %s: '%s' expected, found '%s'", name, version, codes, found);
}

static void a_file_is_judged_by_the_version_that_its_records_say(void **state)
{
    (void)state;
    with_cleanup(autostandard) struct careplan_standard *s = next_standard(true);
    expect_plan(s, "UPPLAN_202604_" OFFICES, "202604", "202604", true, "");
    expect_plan(s, "UPPLAN_202603_" OFFICES, "202407", "202603", false, "");
    expect_plan(s, "UPPLAN_202603_" OFFICES, "202604", "202603", true, "CP1106");
    expect_plan(s, "UPPLAN_202604_" OFFICES, "202407", "202604", false, "CP1106");
    expect_plan(NULL, "UPPLAN_202604_" OFFICES, "202604", "202604", false, "CP1101");
    expect_plan(NULL, "UPPLAN_202604_" OFFICES, "202407", "202604", false, "");
}

static void a_version_without_this_kind_is_said_to_lack_it(void **state)
{
    (void)state;
    with_cleanup(tables_free) struct tables t = {.n = 0};
    tables_add_layout(&t, "202604", "UPSIKYU");
    tables_add(&t, "versions.tsv", NEXT_VERSION);
    with_cleanup(autostandard) struct careplan_standard *s = tables_standard(&t);
    struct findings f = {0};
    check_plan(s, "UPPLAN_202604_" OFFICES, "202604", "202604", false, &f);
    check_plan(s, "UPPLAN_202604_" OFFICES, "202407", "202604", false, &f);
    check_plan(NULL, "UPPLAN_202212_" OFFICES, "202407", "202212", false, &f);
    assert_int_equal(f.n, 3);
    assert_string_equal(f.list[0].code, "CP1107");
    assert_non_null(strstr(f.list[0].message, "CSVバージョン「202604」には"));
    assert_string_equal(f.list[1].code, "CP1106");
    assert_non_null(strstr(f.list[1].message, "この月は202604ですが、この種類のファイルの様式がありません"));
    assert_string_equal(f.list[2].code, "CP1106");
    assert_non_null(strstr(f.list[2].message, "この月のバージョンはありません"));
}

static void files_of_another_count_are_told_their_version(void **state)
{
    (void)state;
    with_cleanup(autostandard) struct careplan_standard *s = next_standard(true);
    struct findings f = {0};
    struct careplan_name n;
    struct careplan_check_result result;
    autofree char *content = plan_of("202604", "202604", false);
    content[strcspn(content, "\n") + 1] = '\0';
    assert_int_equal(careplan_name_parse(s, "UPPLAN_202604_" OFFICES, &n, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    struct careplan_check *c = careplan_check_new(&n, NULL, findings_add, &f);
    assert_int_equal(careplan_check_write(c, content, strlen(content)), 0);
    assert_int_equal(careplan_check_finish(c, &result), 0);
    careplan_check_free(c);
    careplan_check_result_free(&result);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, "CP1022");
    assert_non_null(strstr(f.list[0].message, "25項目は202407の様式です"));
}

static void a_unit_of_the_next_version_is_complete(void **state)
{
    (void)state;
    with_cleanup(autostandard) struct careplan_standard *s = next_standard(true);
    static const char *const names[] = {"UPPLAN_202604_" OFFICES, "UPSIKYU_202604_" OFFICES,
                                        "UPHOSOKU_202604_" OFFICES};
    struct careplan_name parsed[3];
    struct careplan_unit_file files[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(careplan_name_parse(s, names[i], &parsed[i], NULL, NULL), CAREPLAN_NAME_TRANSFER);
        files[i] = (struct careplan_unit_file){.name = &parsed[i]};
    }
    assert_int_equal(careplan_unit_judge(files, 3, NULL, NULL, NULL), CAREPLAN_UNIT_COMPLETE);
    assert_int_equal(careplan_unit_judge(files, 2, NULL, NULL, NULL), CAREPLAN_UNIT_INCOMPLETE);
}

/* 202604 wants one kind more beside 第1表; an office that still sends 202407 does not have it. */
static void a_plan_is_judged_as_a_unit_of_the_version_of_its_records(void **state)
{
    (void)state;
    with_cleanup(tables_free) struct tables t = {.n = 0};
    tables_add_version(&t, "202604");
    tables_add(&t, "units.tsv",
               "version\tmain\tneeds\tsubs\timages\n202604\tUP1KYO\tUP2KYO UP3KYO UPHOSOKU DLT1KYO\t\tno\n");
    with_cleanup(autostandard) struct careplan_standard *s = tables_standard(&t);
    static const char *const names[] = {"UP1KYO_" OFFICES, "UP2KYO_" OFFICES, "UP3KYO_" OFFICES,
                                        "UPHOSOKU_000000_" OFFICES};
    struct careplan_name parsed[4];
    struct careplan_check_result results[4];
    struct careplan_unit_file files[4];
    for (size_t i = 0; i < 4; i++) {
        expect_version(s, names[i], "202604");
        assert_int_equal(careplan_name_parse(s, names[i], &parsed[i], NULL, NULL), CAREPLAN_NAME_TRANSFER);
        results[i] = (struct careplan_check_result){.version = "202407"};
        files[i] = (struct careplan_unit_file){.name = &parsed[i], .result = &results[i]};
    }
    struct findings f = {0};
    assert_int_equal(careplan_unit_judge(files, 4, NULL, findings_add, &f), CAREPLAN_UNIT_COMPLETE);
    assert_int_equal(careplan_unit_judge(files, 3, NULL, findings_add, &f), CAREPLAN_UNIT_INCOMPLETE);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].file, parsed[0].canonical);
    for (size_t i = 0; i < 4; i++)
        snprintf(results[i].version, sizeof results[i].version, "202604");
    assert_int_equal(careplan_unit_judge(files, 4, NULL, NULL, NULL), CAREPLAN_UNIT_INCOMPLETE);
}

static void a_kind_of_its_own_comes_with_rows_and_words(void **state)
{
    (void)state;
    with_cleanup(tables_free) struct tables own = {.n = 0}, t = {.n = 0};
    tables_add_own(&own);
    for (size_t i = 0; i < own.n; i++)
        if (strcmp(own.list[i].name, "kind_words.tsv") == 0)
            tables_add(&t, "kind_words.tsv", own.list[i].text);
    tables_append(&t, "kind_words.tsv", "UPNEW\t新しい表\ta new table\tyes\n");
    tables_add(&t, "file_kinds.tsv",
               "version\tkind\tname_ja\titems\tmonth_in_name\tregex\texample\tremark\n"
               "202604\tUPNEW\t新しい表\t2\tno\t\t\t\n");
    tables_add(&t, "units.tsv", "version\tmain\tneeds\tsubs\timages\n202604\tUPNEW\t\t\tno\n");
    tables_add(&t, "202604/UPNEW.tsv",
               "no\tname_ja\tname_en\ttype\tmax\trequired\tvalues\tnotes\n"
               "1\tCSVバージョン\tcsv_version\tym\t6\tyes\t\t\n2\t値\tvalue\tcode\t1\tyes\t1=一|2=二\t\n");
    with_cleanup(autostandard) struct careplan_standard *s = tables_standard(&t);
    const struct careplan_kind *kind = kind_of(s, "UPNEW_" OFFICES);
    assert_true(kind->main_file && !kind->image && !kind->deletion);
    assert_string_equal(careplan_kind_title(kind, CAREPLAN_EN), "a new table");
    assert_int_equal(careplan_kind_items(kind), 2);
    assert_string_equal(kind->layout->items[1].values_text, "1:一、2:二");
    struct careplan_name n;
    assert_int_equal(careplan_name_parse(NULL, "UPNEW_" OFFICES, &n, NULL, NULL), CAREPLAN_NAME_OTHER);
}

/* ---- Threads ---- */

static void *judge_often(void *standard)
{
    for (int i = 0; i < 20; i++) {
        with_cleanup(autostandard) struct careplan_standard *own = next_standard(true);
        expect_plan(standard, "UPPLAN_202604_" OFFICES, "202604", "202604", true, "");
        expect_plan(own, "UPPLAN_202604_" OFFICES, "202407", "202604", false, "CP1106");
    }
    return NULL;
}

static void threads_share_a_standard_and_make_their_own(void **state)
{
    (void)state;
    with_cleanup(autostandard) struct careplan_standard *s = next_standard(true);
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, judge_often, s), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_projects_own_tables_make_the_built_in_standard),
        cmocka_unit_test(no_table_makes_the_built_in_standard),
        cmocka_unit_test(line_ends_of_windows_and_a_mark_at_the_head_are_read),
        cmocka_unit_test(a_layout_replaces_that_of_its_version_alone),
        cmocka_unit_test(another_records_table_gives_all_layouts_its_rules),
        cmocka_unit_test(a_version_of_layouts_alone_is_made_like_the_newest),
        cmocka_unit_test(of_names_that_look_alike_the_month_tells_the_version),
        cmocka_unit_test(a_file_is_judged_by_the_version_that_its_records_say),
        cmocka_unit_test(a_version_without_this_kind_is_said_to_lack_it),
        cmocka_unit_test(files_of_another_count_are_told_their_version),
        cmocka_unit_test(a_unit_of_the_next_version_is_complete),
        cmocka_unit_test(a_plan_is_judged_as_a_unit_of_the_version_of_its_records),
        cmocka_unit_test(a_kind_of_its_own_comes_with_rows_and_words),
        cmocka_unit_test(threads_share_a_standard_and_make_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
