/* What was sent and refused: told beside its files, which stay until they go again. */
#include "house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/thread.h"
#include "mount/pages.h"

#define DELETION "DLTPLAN_202504_0300000100_43_0300000005_11_20250401090000.CSV"
#define OTHER "DLT1KYO_0300000100_43_0300000005_11_20250401090000.CSV"
#define REPORT ".エラー.txt"

static const struct ledger_problem WARNED[] = {{.code = "CP1042", .line = 2, .column = 3}};

static uint64_t save_warned(struct house *h, const char *name, const char *text, uint64_t *message)
{
    return save(
        h, &(struct save_of){.name = name, .text = text, .problems = WARNED, .n_problems = 1, .warnings = 1},
        message);
}

static uint64_t save_and_send(struct house *h)
{
    uint64_t message;
    save_warned(h, DELETION, "1", &message);
    wait_settled(h, message);
    send_out(h, message);
    return message;
}

static bool report_text(struct house *h, const char *name, char text[8192])
{
    char report[256];
    struct ledger_entry entry;
    struct ledger_node node;
    snprintf(report, sizeof report, "%s" REPORT, name);
    if (ledger_lookup(h->ledger, NODE_OUTBOX, report, &entry, &node))
        return false;
    int64_t n = content_read(h->ledger, node.content, 0, text, 8191);
    assert_true(n > 0);
    text[n] = '\0';
    return true;
}

static void wait_report(struct house *h, const char *name, bool there, char text[8192])
{
    for (int i = 0; i < 2000 && report_text(h, name, text) != there; i++)
        sleep_ms(5);
    assert_int_equal(report_text(h, name, text), there);
}

static void it_is_told_beside_the_file_with_what_was_a_warning_here(void **state)
{
    struct house *h = *state;
    char text[8192];
    house_settle(h);
    uint64_t message = save_and_send(h);
    refuse(h, message, "cp1042");
    wait_report(h, DELETION, true, text);
    assert_non_null(strstr(text, SERVICE));
    assert_non_null(strstr(text, "CP1042：第6表（サービス利用票）_削除 2行目 3列目："));
    assert_non_null(strstr(text, "もう一度保存すると送られます"));
    LOCKED(&h->mutex);
    assert_true(h->changed > 0); /* as desktops see it */
}

static void a_report_that_the_user_deletes_stays_away(void **state)
{
    struct house *h = *state;
    char text[8192];
    struct ledger_entry entry;
    struct ledger_node node;
    const char *const none[3] = {NULL};
    house_settle(h);
    refuse(h, save_and_send(h), "cp1042");
    wait_report(h, DELETION, true, text);
    assert_int_equal(ledger_lookup(h->ledger, NODE_OUTBOX, DELETION REPORT, &entry, &node), 0);
    assert_int_equal(ledger_unlink(h->ledger, entry.id, false, none, NULL, NULL), 0);
    house_unsettle(h);
    house_settle(h);
    sleep_ms(300);
    assert_false(report_text(h, DELETION, text));
}

static void what_was_refused_while_nobody_looked_is_told_after_the_start(void **state)
{
    struct house *h = *state;
    char text[8192];
    house_settle(h);
    uint64_t message = save_and_send(h);
    house_unsettle(h);
    refuse(h, message, "no-such-code");
    house_settle(h);
    wait_report(h, DELETION, true, text);
    assert_non_null(strstr(text, "no-such-code"));
}

static void the_file_stays_and_goes_again_when_it_is_saved_again(void **state)
{
    struct house *h = *state;
    char text[8192];
    uint64_t again;
    h->settings.linger = 300;
    house_settle(h);
    uint64_t message = save_and_send(h);
    refuse(h, message, "cp1042");
    wait_report(h, DELETION, true, text);
    sleep_ms(1500); /* linger is looked at once a second */
    assert_true(has_entry(h, NODE_OUTBOX, DELETION));
    save_warned(h, DELETION, "1", &again); /* the same bytes */
    assert_true(again != message);
    wait_settled(h, again);
    wait_report(h, DELETION, false, text);
    send_out(h, again);
    for (int i = 0; i < 1000 && has_entry(h, NODE_OUTBOX, DELETION); i++)
        sleep_ms(10);
    assert_false(has_entry(h, NODE_OUTBOX, DELETION));
    assert_int_equal(unit_of(h, message).state, OUT_REFUSED);
    assert_int_equal(unit_of(h, again).state, OUT_SENT);
}

/* The whole unit goes again, and all of it leaves the outbox then. */
static void saving_one_file_again_takes_the_others_along(void **state)
{
    struct house *h = *state;
    char text[8192];
    uint64_t message, again;
    h->settings.linger = 300;
    house_settle(h);
    save_warned(h, DELETION, "1", NULL);
    save_warned(h, OTHER, "2", &message);
    wait_settled(h, message);
    send_out(h, message);
    refuse(h, message, "cp1042");
    wait_report(h, DELETION, true, text);
    wait_report(h, OTHER, true, text);
    save_warned(h, DELETION, "3", &again);
    wait_settled(h, again);
    wait_report(h, DELETION, false, text);
    wait_report(h, OTHER, false, text);
    send_out(h, again);
    for (int i = 0; i < 1000 && (has_entry(h, NODE_OUTBOX, DELETION) || has_entry(h, NODE_OUTBOX, OTHER));
         i++)
        sleep_ms(10);
    assert_false(has_entry(h, NODE_OUTBOX, DELETION));
    assert_false(has_entry(h, NODE_OUTBOX, OTHER));
}

/* It was saved again before the answer came: that one may be taken. */
static void of_what_has_a_successor_nothing_is_said(void **state)
{
    struct house *h = *state;
    char text[8192];
    uint64_t again;
    house_settle(h);
    uint64_t message = save_and_send(h);
    save_warned(h, DELETION, "2", &again);
    assert_true(again != message);
    refuse(h, message, "cp1042");
    sleep_ms(300);
    assert_false(report_text(h, DELETION, text));
    wait_settled(h, again);
}

static void the_page_does_not_say_that_it_goes(void **state)
{
    struct house *h = *state;
    autobuffer page = {0};
    struct office_id id = office(CARE);
    const struct page_facts facts = {0};
    house_settle(h);
    refuse(h, save_and_send(h), "cp1042");
    assert_int_equal(page_status_html(h->ledger, NULL, &id, &facts, &page), 0);
    const char *text = (const char *)page.data;
    assert_null(strstr(text, "念のため確かめるもの（"));
    assert_non_null(strstr(text, "相手の事業所のシステムの検査で誤りとされ"));
    assert_non_null(strstr(text, "［CP1042：第6表（サービス利用票）_削除 2行目 3列目："));
    assert_non_null(strstr(text, "outbox に残っています"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)
        TEST(it_is_told_beside_the_file_with_what_was_a_warning_here),
        TEST(a_report_that_the_user_deletes_stays_away),
        TEST(what_was_refused_while_nobody_looked_is_told_after_the_start),
        TEST(the_file_stays_and_goes_again_when_it_is_saved_again),
        TEST(saving_one_file_again_takes_the_others_along),
        TEST(of_what_has_a_successor_nothing_is_said),
        TEST(the_page_does_not_say_that_it_goes),
    };
    setenv("CAREPLAN_LOG", "error", 1);
    log_open("test");
    return cmocka_run_group_tests_name("refused", tests, NULL, NULL);
}
