#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "standard/status_words.h"

static const char *ja(const char *reason, char out[STATUS_REASON_SIZE])
{
    status_reason_words(reason, CAREPLAN_JA, out);
    return out;
}

static void a_rule_is_told_with_its_sentence(void **state)
{
    (void)state;
    char text[STATUS_REASON_SIZE];
    assert_string_equal(ja("CP1042", text), "CP1042：ある項目の値は…桁です。…桁で出力してください。");
    assert_string_equal(ja("cp3009", text),
                        "CP3009：文書の中身が所定の形式ではありません。"); /* as receipts have it */
    assert_string_equal(ja("cp1113", text), "CP1113：ある項目の値が対象年月の日ではありません。");
    assert_string_equal(ja("CP3003", text), "CP3003：ファイル名の送信元の事業所が、自分の事業所と違います。");
    status_reason_words("CP3008", CAREPLAN_EN, text);
    assert_string_equal(text, "CP3008: Documents of type \"…\" cannot be sent.");
}

static void a_problem_is_told_by_its_item_and_place(void **state)
{
    (void)state;
    char text[STATUS_REASON_SIZE], place[STATUS_PLACE_SIZE];
    const struct careplan_kind *kind = careplan_kind_find(NULL, "202407", "UPJSK");
    status_problem_words(kind, "CP1113", 2, 10, CAREPLAN_JA, text);
    assert_string_equal(text, "「サービス利用日」の「…」が対象年月「…」の日ではありません。");
    status_problem_words(kind, "CP1113", 2, 10, CAREPLAN_EN, text);
    assert_non_null(strstr(text, "item 10 "));
    status_problem_words(kind, "CP1031", 2, 999, CAREPLAN_JA, text); /* an item of a later table */
    assert_string_equal(text, "「項目」が空です。必須項目です。");
    status_problem_words(NULL, "CP9999", 2, 1, CAREPLAN_JA, text);
    assert_string_equal(text, "CP9999");
    status_remedy_words(kind, "CP1182", 2, 10, CAREPLAN_JA, text);
    assert_non_null(strstr(text, "「サービス利用日」が要るか確かめてください。"));
    status_remedy_words(kind, "CP1042", 2, 15, CAREPLAN_EN, text);
    assert_null(strpbrk(text, "{}"));
    status_remedy_words(NULL, "CP9999", 2, 1, CAREPLAN_JA, text);
    assert_string_equal(text, "");
    status_place_words(2, 10, CAREPLAN_JA, place);
    assert_string_equal(place, "2行目 10列目");
    status_place_words(UINT64_MAX, UINT32_MAX, CAREPLAN_EN, place);
    assert_string_equal(place, "line 18446744073709551615, column 4294967295");
    status_place_words(3, 0, CAREPLAN_JA, place);
    assert_string_equal(place, "3行目");
    status_place_words(0, 0, CAREPLAN_JA, place);
    assert_string_equal(place, "");
}

static void every_rule_fits(void **state)
{
    (void)state;
    const struct careplan_rule *rules = careplan_rule_at(0);
    size_t n = careplan_rules();
    for (size_t i = 0; i < n; i++) {
        char text[STATUS_REASON_SIZE];
        ja(rules[i].code, text);
        assert_memory_equal(text, rules[i].code, 6);
        assert_true(strlen(text) < STATUS_REASON_SIZE - 3); /* not cut */
        assert_null(strchr(text, '{'));
    }
}

static void codes_are_words(void **state)
{
    (void)state;
    static const char *const codes[] = {"settling",
                                        "partner-unknown",
                                        "partner-ambiguous",
                                        "partner-wait-over",
                                        "partner-certificate",
                                        "unit-incomplete",
                                        "sub-missing",
                                        "key-unconfirmed",
                                        "recipient-unknown",
                                        "certificate-revoked",
                                        "certificate-time",
                                        "certificate-chain",
                                        "clock-ahead",
                                        "statement-time",
                                        "statement-form",
                                        "held",
                                        "unreadable",
                                        "file-flow",
                                        "file-hash",
                                        "manifest-form"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char text[STATUS_REASON_SIZE];
        assert_true((unsigned char)*ja(codes[i], text) >= 0xE3); /* Japanese */
        status_reason_words(codes[i], CAREPLAN_EN, text);
        assert_string_not_equal(text, codes[i]);
    }
}

static void what_is_not_known_stays(void **state)
{
    (void)state;
    char text[STATUS_REASON_SIZE];
    assert_string_equal(ja("of-a-later-hub", text), "of-a-later-hub");
    assert_string_equal(ja("CP9999", text), "CP9999");
    assert_string_equal(ja("", text), "");
    assert_string_equal(status_words(true, "of-a-later-ledger", "").label, "of-a-later-ledger");
}

static void the_precise_reason_comes_before_the_state(void **state)
{
    (void)state;
    assert_string_equal(status_words(true, "waiting", "partner-unknown").label, "相手が未参加");
    assert_string_equal(status_words(true, "waiting", "of-a-later-ledger").label, "送信待ち");
    assert_string_equal(status_words(false, "refused", "unreadable").label, "受取不可");
    assert_non_null(strstr(status_words(true, "refused", "cp1113").what, "相手の設定か版が違う"));
    assert_null(strstr(status_words(true, "refused", "unit-size").what, "相手の設定か版が違う"));
    assert_non_null(strstr(status_words(false, "refused", "CP1113").what, "検査で誤りが見つかった"));
    assert_null(strstr(status_words(true, "rejected", "CP3003").what, "同じ名前で"));
    assert_non_null(strstr(status_words(true, "rejected", "CP1034").what, "古い連番のファイルを全部消して"));
    assert_non_null(strstr(status_words(true, "rejected", "CP1123").what, "従来の方法"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_told_with_its_sentence),
        cmocka_unit_test(a_problem_is_told_by_its_item_and_place),
        cmocka_unit_test(every_rule_fits),
        cmocka_unit_test(codes_are_words),
        cmocka_unit_test(what_is_not_known_stays),
        cmocka_unit_test(the_precise_reason_comes_before_the_state),
    };
    return cmocka_run_group_tests_name("status words", tests, NULL, NULL);
}
