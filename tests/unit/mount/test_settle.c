#include "house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define DELETION "DLTPLAN_202504_0300000100_43_0300000005_11_20250401090000.CSV" /* a unit by itself */
#define PLAN "UPPLAN_202504_0300000100_43_0300000005_11_20250401091000.CSV"
#define USE "UPSIKYU_202504_0300000100_43_0300000005_11_20250401091000.CSV"
#define MORE "UPHOSOKU_202504_0300000100_43_0300000005_11_20250401091000.CSV"
#define PLAN_NOTE "20250401091000.未完成.txt"
#define TO_STRANGER "DLTPLAN_202504_0300000100_43_0300000007_11_20250401092000.CSV"

static uint64_t save_text(struct house *h, const char *name, const char *text, uint64_t *message)
{
    return save(h, &(struct save_of){.name = name, .text = text}, message);
}

static void set_busy(struct house *h, uint64_t node)
{
    LOCKED(&h->mutex);
    h->busy = node;
}

static void a_complete_unit_is_queued_after_the_settle_time_and_not_before(void **state)
{
    struct house *h = *state;
    uint64_t message;
    house_settle(h);
    save_text(h, DELETION, "1", &message);
    sleep_ms(75);
    assert_false(is_settled(h, message));
    wait_settled(h, message);
}

static void what_was_saved_before_a_restart_is_queued_after_it(void **state)
{
    struct house *h = *state;
    uint64_t message;
    save_text(h, DELETION, "1", &message);
    house_settle(h);
    wait_settled(h, message);
}

static void every_touch_begins_the_settle_time_anew(void **state)
{
    struct house *h = *state;
    uint64_t message;
    house_settle(h);
    save_text(h, DELETION, "1", &message);
    for (int i = 0; i < 6; i++) {
        sleep_ms(60);
        save_text(h, DELETION, i % 2 ? "1" : "2", &message);
    }
    assert_false(is_settled(h, message));
    wait_settled(h, message);
}

static void a_touch_under_another_number_or_partner_changes_nothing(void **state)
{
    struct house *h = *state;
    uint64_t message;
    struct office_id other = office(STRANGER), partner = office(SERVICE);
    house_settle(h);
    save_text(h, DELETION, "1", &message);
    int64_t begun = clock_boot_ms();
    while (!is_settled(h, message) && clock_boot_ms() - begun < 5000) {
        settler_touch(h->settler, &other, "20250401090000", 999);
        settler_touch(h->settler, &partner, "20250401090001", 999);
        sleep_ms(20);
    }
    assert_true(is_settled(h, message));
}

static void a_file_with_a_live_handle_is_not_settled(void **state)
{
    struct house *h = *state;
    uint64_t message, node;
    node = save_text(h, DELETION, "1", &message);
    set_busy(h, node);
    house_settle(h);
    sleep_ms(600);
    assert_false(is_settled(h, message));
    set_busy(h, 0);
    wait_settled(h, message);
}

static void a_file_open_under_the_same_number_holds_the_unit_back(void **state)
{
    struct house *h = *state;
    uint64_t message;
    struct office_id partner = office(SERVICE);
    house_settle(h);
    settler_touch(h->settler, &partner, "20250401090000", 777); /* created, not saved yet */
    set_busy(h, 777);
    save_text(h, DELETION, "1", &message);
    sleep_ms(600);
    assert_false(is_settled(h, message));
    set_busy(h, 0);
    wait_settled(h, message);
}

static void a_file_open_under_the_same_number_is_not_forgotten_when_many_are_copied(void **state)
{
    struct house *h = *state;
    uint64_t message;
    struct office_id partner = office(SERVICE);
    house_settle(h);
    settler_touch(h->settler, &partner, "20250401090000", 777); /* created, and slow */
    for (int i = 0; i < 1500; i++) {
        char sequence[15];
        snprintf(sequence, sizeof sequence, "2025040110%02d%02d", i / 3 / 60, i / 3 % 60);
        settler_touch(h->settler, &partner, sequence, (uint64_t)(1000 + i / 3));
    }
    set_busy(h, 777);
    save_text(h, DELETION, "1", &message);
    sleep_ms(600);
    assert_false(is_settled(h, message));
    set_busy(h, 0);
    wait_settled(h, message);
}

static void the_last_of_many_files_open_under_a_number_holds_the_unit_back(void **state)
{
    struct house *h = *state;
    uint64_t message;
    struct office_id partner = office(SERVICE);
    save_text(h, DELETION, "1", &message);
    h->settings.settle = 400;
    house_settle(h);
    sleep_ms(50);
    set_busy(h, 1499);
    for (uint64_t i = 1000; i < 1500; i++)
        settler_touch(h->settler, &partner, "20250401090000", i);
    sleep_ms(1000);
    assert_false(is_settled(h, message));
    set_busy(h, 0);
    wait_settled(h, message);
}

static void a_file_opened_while_its_unit_is_judged_holds_it_back(void **state)
{
    struct house *h = *state;
    uint64_t message, node = save_text(h, DELETION, "1", &message);
    set_busy(h, node);
    h->idle_answers = 1;
    house_settle(h);
    sleep_ms(600);
    assert_false(is_settled(h, message));
    set_busy(h, 0);
    wait_settled(h, message);
}

static void no_settle_time_at_all_neither_spins_nor_starves(void **state)
{
    struct house *h = *state;
    struct rusage before, after;
    uint64_t message, node = save_text(h, DELETION, "1", &message);
    h->settings.settle = 0;
    set_busy(h, node);
    house_settle(h);
    getrusage(RUSAGE_SELF, &before);
    sleep_ms(300);
    settler_empty(h->settler, 4711);
    sleep_ms(700);
    getrusage(RUSAGE_SELF, &after);
    long used = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000L + after.ru_utime.tv_usec -
                before.ru_utime.tv_usec;
    assert_true(used < 200000);
    set_busy(h, 0);
    wait_settled(h, message);
    LOCKED(&h->mutex);
    assert_int_equal(h->emptied, 4711);
}

static void a_save_after_queueing_settles_anew(void **state)
{
    struct house *h = *state;
    uint64_t message, again;
    house_settle(h);
    save_text(h, DELETION, "1", &message);
    wait_settled(h, message);
    save_text(h, DELETION, "2", &again);
    assert_int_equal(message, again);
    assert_false(is_settled(h, message));
    wait_settled(h, message);
}

static void an_incomplete_unit_waits_says_what_is_missing_and_goes_when_it_comes(void **state)
{
    struct house *h = *state;
    uint64_t message;
    h->settings.unit_wait = 400;
    house_settle(h);
    save_text(h, PLAN, "1", &message);
    save_text(h, MORE, "1", &message);
    sleep_ms(250);
    assert_false(has_entry(h, NODE_OUTBOX, PLAN_NOTE));
    wait_state(h, message, OUT_WAITING, "unit-incomplete");
    assert_true(has_entry(h, NODE_OUTBOX, PLAN_NOTE));
    save_text(h, USE, "1", &message);
    wait_settled(h, message);
    assert_false(has_entry(h, NODE_OUTBOX, PLAN_NOTE));
    LOCKED(&h->mutex);
    assert_int_equal(h->removed, 1);
    assert_true(h->changed >= 1);
}

static void a_note_of_before_a_restart_goes_too(void **state)
{
    struct house *h = *state;
    uint64_t message;
    h->settings.unit_wait = 1;
    house_settle(h);
    save_text(h, PLAN, "1", &message);
    wait_state(h, message, OUT_WAITING, "unit-incomplete");
    house_unsettle(h);
    save_text(h, MORE, "1", &message);
    save_text(h, USE, "1", &message);
    house_settle(h);
    wait_settled(h, message);
    assert_false(has_entry(h, NODE_OUTBOX, PLAN_NOTE));
}

static void without_sub_files_a_unit_goes_after_unit_wait(void **state)
{
    struct house *h = *state;
    h->settings.unit_wait = 500;
    house_settle(h);
    uint64_t message = save_samples(h, "valid/e_kihon_only_46_to_43", "_SUB");
    sleep_ms(350);
    assert_false(is_settled(h, message));
    wait_settled(h, message);
    wait_state(h, message, OUT_QUEUED, "sub-missing");
}

static void an_image_named_in_the_content_belongs_to_the_unit(void **state)
{
    struct house *h = *state;
    h->settings.unit_wait = 200;
    house_settle(h);
    uint64_t message = save_samples(h, "valid/e_kihon_only_46_to_43", "_IMAGE");
    wait_state(h, message, OUT_WAITING, "unit-incomplete");
    save(h,
         &(struct save_of){.name = "UPKIHON_IMAGE_0300000200_46_0300000100_43_20250326092000_0001.jpg",
                           .text = "j"},
         NULL);
    wait_settled(h, message);
}

static void rejected_and_held_files_never_go(void **state)
{
    struct house *h = *state;
    uint64_t rejected, held;
    house_settle(h);
    save(h, &(struct save_of){.name = DELETION, .text = "1", .verdict = VERDICT_REJECTED}, &rejected);
    save(h,
         &(struct save_of){.name = "DLTPLAN_202504_0300000100_43_0300000005_11_20250401090009.CSV",
                           .text = "1",
                           .verdict = VERDICT_HELD},
         &held);
    sleep_ms(500);
    assert_int_equal(unit_of(h, rejected).state, OUT_REJECTED);
    assert_int_equal(unit_of(h, held).state, OUT_HELD);
    save_text(h, DELETION, "2", &rejected);
    wait_settled(h, rejected);
}

static void a_waiting_unit_goes_when_its_partner_joins(void **state)
{
    struct house *h = *state;
    uint64_t message;
    house_settle(h);
    save(h, &(struct save_of){.name = TO_STRANGER, .text = "1", .recipient = ""}, &message);
    sleep_ms(400);
    assert_int_equal(unit_of(h, message).state, OUT_WAITING);
    add_partner(h, STRANGER);
    wait_settled(h, message);
    assert_string_equal(unit_of(h, message).recipient.text, STRANGER);
}

static void a_partner_that_joins_too_late_gets_nothing(void **state)
{
    struct house *h = *state;
    uint64_t message;
    char now[32];
    snprintf(now, sizeof now, "%lld", (long long)clock_utc_ms());
    assert_int_equal(ledger_value_set(h->ledger, "settle.clock", now, strlen(now), NULL, NULL), 0);
    h->settings.partner_wait = 1;
    house_settle(h);
    save(h, &(struct save_of){.name = TO_STRANGER, .text = "1", .recipient = ""}, &message);
    wait_state(h, message, OUT_WAITING, "partner-wait-over");
    add_partner(h, STRANGER);
    sleep_ms(400);
    assert_false(is_settled(h, message));
}

static void a_clock_that_is_not_trusted_ends_no_waiting(void **state)
{
    struct house *h = *state;
    uint64_t message;
    char ahead[32];
    snprintf(ahead, sizeof ahead, "%lld", (long long)clock_utc_ms() + 3600000);
    assert_int_equal(ledger_value_set(h->ledger, "settle.clock", ahead, strlen(ahead), NULL, NULL), 0);
    h->settings.partner_wait = 1;
    house_settle(h);
    save(h, &(struct save_of){.name = TO_STRANGER, .text = "1", .recipient = ""}, &message);
    sleep_ms(400);
    assert_string_equal(unit_of(h, message).reason, "partner-unknown");
    add_partner(h, STRANGER);
    wait_settled(h, message);
}

static void documents_settle_in_their_own_time_each_by_itself(void **state)
{
    struct house *h = *state;
    uint64_t one, two;
    h->settings.settle = 1;
    h->settings.documents_settle = 300;
    house_settle(h);
    uint64_t folder = outbox_of(h, SERVICE);
    save(h, &(struct save_of){.name = "a.pdf", .text = "%PDF", .document = true, .folder = folder}, &one);
    sleep_ms(150);
    save(h, &(struct save_of){.name = "b.pdf", .text = "%PDF", .document = true, .folder = folder}, &two);
    assert_int_not_equal(one, two);
    assert_false(is_settled(h, one));
    wait_settled(h, one);
    assert_false(is_settled(h, two));
    wait_settled(h, two);
}

static void a_withdrawn_unit_is_forgotten(void **state)
{
    struct house *h = *state;
    uint64_t message;
    struct ledger_entry entry;
    struct ledger_node node;
    const char *const none[3] = {NULL};
    struct office_id partner = office(SERVICE);
    house_settle(h);
    save_text(h, DELETION, "1", &message);
    assert_int_equal(ledger_lookup(h->ledger, NODE_OUTBOX, DELETION, &entry, &node), 0);
    assert_int_equal(ledger_unlink(h->ledger, entry.id, false, none, NULL, NULL), 0);
    settler_touch(h->settler, &partner, "20250401090000", node.id);
    sleep_ms(400);
    assert_int_equal(unit_of(h, message).state, OUT_WITHDRAWN);
}

static void a_sent_file_leaves_the_outbox_after_the_linger_time(void **state)
{
    struct house *h = *state;
    uint64_t message;
    h->settings.settle = 1;
    h->settings.linger = 1200;
    house_settle(h);
    save_text(h, DELETION, "1", &message);
    wait_settled(h, message);
    send_out(h, message);
    sleep_ms(500);
    assert_true(has_entry(h, NODE_OUTBOX, DELETION));
    for (int i = 0; i < 1000 && has_entry(h, NODE_OUTBOX, DELETION); i++)
        sleep_ms(10);
    assert_false(has_entry(h, NODE_OUTBOX, DELETION));
    assert_int_equal(unit_of(h, message).state, OUT_SENT);
}

static void an_empty_file_is_judged_after_the_settle_time(void **state)
{
    struct house *h = *state;
    house_settle(h);
    settler_empty(h->settler, 4711);
    sleep_ms(75);
    pthread_mutex_lock(&h->mutex);
    assert_int_equal(h->emptied, 0);
    pthread_mutex_unlock(&h->mutex);
    for (int i = 0; i < 1000; i++) {
        sleep_ms(5);
        LOCKED(&h->mutex);
        if (h->emptied == 4711)
            return;
    }
    fail_msg("never judged");
}

static void five_hundred_units_at_once_all_go(void **state)
{
    struct house *h = *state;
    enum { UNITS = 500 };
    static uint64_t messages[UNITS];
    house_settle(h);
    for (int i = 0; i < UNITS; i++) {
        char name[128];
        snprintf(name, sizeof name, "DLTPLAN_202504_0300000100_43_0300000005_11_202504010%d%02d%02d.CSV",
                 i / 3600, i / 60 % 60, i % 60);
        save_text(h, name, "1", &messages[i]);
    }
    for (int i = 0; i < UNITS; i++)
        wait_settled(h, messages[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)
        TEST(a_complete_unit_is_queued_after_the_settle_time_and_not_before),
        TEST(what_was_saved_before_a_restart_is_queued_after_it),
        TEST(every_touch_begins_the_settle_time_anew),
        TEST(a_touch_under_another_number_or_partner_changes_nothing),
        TEST(a_file_with_a_live_handle_is_not_settled),
        TEST(a_file_open_under_the_same_number_holds_the_unit_back),
        TEST(a_file_open_under_the_same_number_is_not_forgotten_when_many_are_copied),
        TEST(the_last_of_many_files_open_under_a_number_holds_the_unit_back),
        TEST(a_file_opened_while_its_unit_is_judged_holds_it_back),
        TEST(no_settle_time_at_all_neither_spins_nor_starves),
        TEST(a_save_after_queueing_settles_anew),
        TEST(an_incomplete_unit_waits_says_what_is_missing_and_goes_when_it_comes),
        TEST(a_note_of_before_a_restart_goes_too),
        TEST(without_sub_files_a_unit_goes_after_unit_wait),
        TEST(an_image_named_in_the_content_belongs_to_the_unit),
        TEST(rejected_and_held_files_never_go),
        TEST(a_waiting_unit_goes_when_its_partner_joins),
        TEST(a_partner_that_joins_too_late_gets_nothing),
        TEST(a_clock_that_is_not_trusted_ends_no_waiting),
        TEST(documents_settle_in_their_own_time_each_by_itself),
        TEST(a_withdrawn_unit_is_forgotten),
        TEST(a_sent_file_leaves_the_outbox_after_the_linger_time),
        TEST(an_empty_file_is_judged_after_the_settle_time),
        TEST(five_hundred_units_at_once_all_go),
    };
    setenv("CAREPLAN_LOG", "error", 1);
    log_open("test");
    return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
