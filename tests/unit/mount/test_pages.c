#include "house.h"

#include <stdio.h>
#include <string.h>

#include "mount/pages.h"

#define DELETION "DLTPLAN_202504_0300000100_43_0300000005_11_20250401090000.CSV"

static const char *html_with(struct house *h, struct page_facts facts, struct buffer *out)
{
    struct office_id id = office(CARE);
    assert_int_equal(ledger_unsendable(h->ledger, &facts.unsendable), 0);
    assert_int_equal(page_status_html(h->ledger, NULL, &id, &facts, out), 0);
    return (const char *)out->data;
}

static const char *html(struct house *h, struct buffer *out)
{
    return html_with(h, (struct page_facts){0}, out);
}

static const char *csv(struct house *h, struct buffer *out)
{
    struct office_id id = office(CARE);
    assert_int_equal(page_status_csv(h->ledger, NULL, &id, out), 0);
    return (const char *)out->data;
}

static void rename_partner(struct house *h, const char *name)
{
    struct ledger_partner p = {.office = office(SERVICE), .active = true};
    snprintf(p.name, sizeof p.name, "%s", name);
    snprintf(p.folder, sizeof p.folder, SERVICE); /* pinned long ago: not used */
    assert_int_equal(ledger_partner_put(h->ledger, &p, p.folder, NULL, NULL, NULL), 0);
}

static void an_empty_ledger_has_pages_too(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, table = {0};
    assert_non_null(strstr(html(h, &page), "まだありません"));
    assert_memory_equal(csv(h, &table), "\xef\xbb\xbf\"方向\",", 11);
    assert_string_equal((const char *)table.data + table.length - 2, "\r\n");
}

static void nothing_is_loaded_or_run(void **state)
{
    struct house *h = *state;
    autobuffer page = {0};
    html(h, &page);
    assert_non_null(
        strstr((char *)page.data, "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"));
    static const char *const no[] = {"<script", "src=", "href=", "url(", "@import", "onload"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_null(strstr((char *)page.data, no[i]));
}

static void a_rejected_unit_stands_under_what_is_to_be_done(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, table = {0};
    save(h, &(struct save_of){.name = DELETION, .text = "1", .verdict = VERDICT_REJECTED}, NULL);
    const char *text = html(h, &page), *todo = strstr(text, "対応が必要なもの</h2>");
    assert_non_null(todo);
    assert_non_null(strstr(todo, "差戻し"));
    assert_non_null(strstr(todo, ".エラー.txt"));
    assert_non_null(strstr(todo, "20250401090000"));
    text = csv(h, &table);
    assert_non_null(strstr(text, "\"差戻し\",\"" SERVICE "\""));
    assert_non_null(strstr(text, "\"" DELETION "\""));
}

static void hostile_names_are_text_only(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, table = {0};
    save(h, &(struct save_of){.name = DELETION, .text = "1"}, NULL);
    rename_partner(h, "=cmd|' /C calc'!A0 <img \"x\">&");
    assert_null(strstr(html(h, &page), "<img"));
    assert_non_null(strstr((char *)page.data, "=cmd|&#39; /C calc&#39;!A0 &lt;img &quot;x&quot;&gt;&amp;"));
    assert_non_null(strstr(csv(h, &table), ",\"'=cmd|' /C calc'!A0 <img \"\"x\"\">&\","));
}

static void a_cell_that_would_be_a_formula_is_prefixed(void **state)
{
    struct house *h = *state;
    static const char *const heads[] = {"=", "+", "-", "@", "\t"};
    save(h, &(struct save_of){.name = DELETION, .text = "1"}, NULL);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        autobuffer table = {0};
        char name[32], cell[64];
        snprintf(name, sizeof name, "%s1+1", heads[i]);
        snprintf(cell, sizeof cell, ",\"'%s\",", name);
        rename_partner(h, name);
        assert_non_null(strstr(csv(h, &table), cell));
    }
}

static void a_documents_name_is_nowhere(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, table = {0};
    save(h,
         &(struct save_of){
             .name = "架空太郎.pdf", .text = "%PDF-1.7", .document = true, .folder = outbox_of(h, SERVICE)},
         NULL);
    assert_null(strstr(html(h, &page), "太郎"));
    assert_non_null(strstr((char *)page.data, "文書（PDF、8 B）"));
    assert_null(strstr(csv(h, &table), "太郎"));
    assert_non_null(strstr((char *)table.data, "文書（PDF、8 B）"));
}

static void files_of_a_unit_are_named_in_a_clerks_words(void **state)
{
    struct house *h = *state;
    autobuffer page = {0};
    save_samples(h, "valid/b_month_202504_43_to_11", NULL);
    assert_non_null(strstr(html(h, &page), "第6表（サービス利用票）"));
    assert_non_null(strstr((char *)page.data, "送信準備中"));
}

static void a_file_whose_name_cannot_be_sent_is_counted(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, alone = {0};
    assert_null(strstr(html(h, &alone), "送られないファイルがあります"));
    save(h, &(struct save_of){.name = "計画.csv", .text = "1", .nameless = true}, NULL);
    save(h,
         &(struct save_of){
             .name = "架空太郎.pdf", .text = "1", .nameless = true, .folder = outbox_of(h, SERVICE)},
         NULL);
    save(h, &(struct save_of){.name = DELETION, .text = "1", .verdict = VERDICT_REJECTED},
         NULL); /* a message tells of it */
    assert_non_null(strstr(html(h, &page), "送られないファイルがあります：2 件"));
    assert_null(strstr((char *)page.data, "太郎"));
}

static void a_hub_that_is_away_is_told_with_the_time(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, online = {0};
    const struct page_facts away = {.hub_away = true, .since = INT64_C(1764000000000)};
    assert_non_null(strstr(html_with(h, away, &page), "センターに接続できません（2025-11-25 01:00 から）"));
    assert_null(strstr(html(h, &online), "センターに接続できません"));
}

static void a_rejected_file_has_its_rule_in_words(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, table = {0};
    save(h, &(struct save_of){.name = DELETION, .text = "1", .verdict = VERDICT_REJECTED}, NULL);
    assert_non_null(strstr(html(h, &page), "［CP1042：ある項目の値は…桁です。"));
    assert_non_null(strstr(csv(h, &table), "\"CP1042：ある項目の値は…桁です。"));
}

#define ACTUAL "UPJSK_202504_0300000005_11_0300000100_43_20250401090000.CSV"

static void a_rejected_files_row_and_item_are_named(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, table = {0};
    const struct ledger_problem found[] = {{.code = "CP1113", .error = true, .line = 2, .column = 10},
                                           {.code = "CP1042", .line = 7, .column = 3}};
    save(h,
         &(struct save_of){.name = ACTUAL,
                           .text = "1",
                           .verdict = VERDICT_REJECTED,
                           .reason = "CP1113",
                           .problems = found,
                           .n_problems = 2,
                           .warnings = 1},
         NULL);
    const char *sentence = "CP1113：実績情報 2行目 10列目：「サービス利用日」の「…」が対象年月"
                           "「…」の日ではありません。";
    const char *text = html(h, &page);
    if (!strstr(text, sentence))
        fail_msg("expected %s in %s", sentence, strstr(text, "CP1113") ? strstr(text, "CP1113") : text);
    assert_non_null(strstr(csv(h, &table), sentence));
    assert_null(strstr(text, "念のため確かめるもの（")); /* its report tells of the warnings too */
}

static void warnings_of_what_goes_are_told_with_their_number(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, table = {0};
    static struct ledger_problem found[8];
    for (unsigned i = 0; i < 8; i++)
        found[i] = (struct ledger_problem){.code = "CP1113", .line = i + 1, .column = 10};
    save(h,
         &(struct save_of){.name = ACTUAL, .text = "1", .problems = found, .n_problems = 8, .warnings = 1234},
         NULL);
    const char *text = strstr(html(h, &page), "念のため確かめるもの（送信は、このまま進みます）</h2>");
    assert_non_null(text);
    assert_non_null(
        strstr(text, " 5行目 10列目：「サービス利用日」の「…」が対象年月「…」の日ではありません。"));
    assert_null(strstr(text, " 6行目"));
    const char *look = "→ 利用日と対象年月を確かめてください。", *at = strstr(text, look);
    assert_non_null(at);
    assert_null(strstr(at + 1, look)); /* once */
    assert_non_null(strstr(text, "ほか 1229 件"));
    assert_non_null(strstr(csv(h, &table), ",\"1234\"\r\n"));
}

static void without_warnings_nothing_is_said_of_them(void **state)
{
    struct house *h = *state;
    autobuffer page = {0};
    save(h, &(struct save_of){.name = ACTUAL, .text = "1"}, NULL);
    assert_null(strstr(html(h, &page), "念のため確かめるもの（"));
    assert_null(strstr((char *)page.data, "</b>念のため確かめるもの"));
}

static void ones_own_office_is_no_partner(void **state)
{
    struct house *h = *state;
    autobuffer page = {0};
    save(h,
         &(struct save_of){.name = "UPJSK_202504_0300000005_11_0300000100_43_20250401090000.CSV",
                           .text = "1",
                           .recipient = CARE,
                           .verdict = VERDICT_REJECTED,
                           .reason = "CP3003"},
         NULL);
    const char *text = html(h, &page), *todo = strstr(text, "対応が必要なもの</h2>");
    assert_non_null(todo);
    assert_null(strstr(todo, CARE));
    assert_non_null(strstr(todo, "ファイル名の送信元が自分の事業所ではない"));
    assert_null(strstr(todo, "同じ名前で"));
}

static void long_lists_are_cut_and_say_so(void **state)
{
    struct house *h = *state;
    autobuffer page = {0}, table = {0};
    enum { UNITS = 250 };
    for (int i = 0; i < UNITS; i++) {
        char name[128];
        snprintf(name, sizeof name, "DLTPLAN_202504_0300000100_43_0300000005_11_2025040109%02d%02d.CSV",
                 i / 60, i % 60);
        save(h, &(struct save_of){.name = name, .text = "1"}, NULL);
    }
    assert_non_null(strstr(html(h, &page), "ほかに 50 件あります"));
    size_t rows = 0;
    for (const char *p = csv(h, &table); (p = strstr(p, "\r\n")); p += 2)
        rows++;
    assert_int_equal(rows, UNITS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)
        TEST(an_empty_ledger_has_pages_too),
        TEST(nothing_is_loaded_or_run),
        TEST(a_rejected_unit_stands_under_what_is_to_be_done),
        TEST(hostile_names_are_text_only),
        TEST(a_cell_that_would_be_a_formula_is_prefixed),
        TEST(a_documents_name_is_nowhere),
        TEST(files_of_a_unit_are_named_in_a_clerks_words),
        TEST(a_file_whose_name_cannot_be_sent_is_counted),
        TEST(a_hub_that_is_away_is_told_with_the_time),
        TEST(a_rejected_file_has_its_rule_in_words),
        TEST(a_rejected_files_row_and_item_are_named),
        TEST(warnings_of_what_goes_are_told_with_their_number),
        TEST(without_warnings_nothing_is_said_of_them),
        TEST(ones_own_office_is_no_partner),
        TEST(long_lists_are_cut_and_say_so),
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
