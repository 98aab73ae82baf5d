/* Keys that change, clocks that differ, and a hub that has trouble with one thing alone. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "station.h"

enum { TEN_MINUTES = 10 * 60 * 1000 };

struct world {
    struct house house;
    struct stub_hub hub;
    struct station care, service;
    X509 *replaced;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    house_build(&w->house);
    stub_start(&w->hub, &w->house);
    station_make(&w->care, &w->house, CARE);
    station_make(&w->service, &w->house, SERVICE);
    station_open(&w->care, w->hub.port);
    station_open(&w->service, w->hub.port);
    X509 *care = station_certificate(&w->care), *service = station_certificate(&w->service);
    stub_office(&w->hub, CARE, "架空居宅", care, "token");
    stub_office(&w->hub, SERVICE, "架空訪問", service, "token");
    X509_free(care);
    X509_free(service);
    station_start(&w->care);
    station_start(&w->service);
    assert_true(station_wait_knows(&w->care, SERVICE));
    assert_true(station_wait_knows(&w->service, CARE));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    station_close(&w->care);
    station_close(&w->service);
    stub_stop(&w->hub);
    station_remove(&w->care);
    station_remove(&w->service);
    X509_free(w->replaced);
    house_free(&w->house);
    free(w);
    return 0;
}

/* The office enrols again; from now on the hub takes nothing that the key before has signed. */
static void enrol_again(struct world *w, struct station *s)
{
    station_stop(s);
    w->replaced = station_certificate(s);
    station_new_key(s, &w->house, 365);
    w->hub.revoked = w->replaced;
}

struct look {
    struct station *s;
    uint64_t message;
    const char *reason;
};

static struct ledger_unit unit_of(struct station *s, uint64_t message)
{
    struct ledger_unit u;
    assert_int_equal(ledger_unit(s->ledger, message, &u), 0);
    return u;
}

static bool is_sealed(void *context)
{
    struct look *look = context;
    struct ledger_unit u = unit_of(look->s, look->message);
    bool sealed = u.sealed;
    ledger_unit_free(&u);
    return sealed;
}

static bool has_reason(void *context)
{
    struct look *look = context;
    struct ledger_unit u = unit_of(look->s, look->message);
    bool has = strcmp(u.reason, look->reason) == 0 && u.state == OUT_QUEUED && !u.sealed;
    ledger_unit_free(&u);
    return has;
}

static bool was_tried(void *context)
{
    return atomic_load(&((struct stub_hub *)context)->puts) > 0;
}

static void what_an_earlier_key_has_sealed_is_sealed_anew(void **state)
{
    struct world *w = *state;
    atomic_store(&w->hub.away, true);
    uint64_t small = station_send_document(&w->care, SERVICE, "scan.pdf", 3000);
    uint64_t large = station_send_document(&w->care, SERVICE, "large.pdf", 3000 * 1000);
    struct look look = {&w->care, small, NULL}, other = {&w->care, large, NULL};
    assert_true(station_wait(is_sealed, &look, 20) && station_wait(is_sealed, &other, 20));
    struct message_id old = station_id(&w->care, small);
    enrol_again(w, &w->care);
    atomic_store(&w->hub.away, false);
    station_start(&w->care);
    assert_true(station_wait_state(&w->care, small, OUT_RECEIVED, 20));
    assert_true(station_wait_state(&w->care, large, OUT_RECEIVED, 20));
    assert_int_equal(station_count_in(&w->service, NULL), 2);
    struct ledger_unit u = unit_of(&w->care, small);
    assert_memory_not_equal(&u.id, &old, sizeof old);
    assert_true(u.has_replaces && memcmp(&u.replaces, &old, sizeof old) == 0);
    ledger_unit_free(&u);
}

static void what_the_hub_has_accepted_is_not_sealed_anew(void **state)
{
    struct world *w = *state;
    atomic_store(&w->hub.lose_answer, true);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", 3000);
    assert_true(station_wait(was_tried, &w->hub, 20));
    struct message_id old = station_id(&w->care, m);
    enrol_again(w, &w->care);
    w->hub.revoked = NULL; /* as after a renewal */
    atomic_store(&w->hub.lose_answer, false);
    station_start(&w->care);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    struct message_id id = station_id(&w->care, m);
    assert_memory_equal(&id, &old, sizeof old);
    assert_int_equal(station_count_in(&w->service, NULL), 1);
}

static void what_the_hub_has_and_no_longer_acknowledges_is_shown_once(void **state)
{
    struct world *w = *state;
    atomic_store(&w->hub.lose_answer, true);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", 3000);
    assert_true(station_wait(was_tried, &w->hub, 20));
    assert_true(station_wait_in(&w->service, "arrived", 1, 20));
    enrol_again(w, &w->care);
    atomic_store(&w->hub.lose_answer, false);
    station_start(&w->care);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    assert_true(station_wait_in(&w->service, "superseded", 1, 20));
    assert_int_equal(station_count_in(&w->service, "arrived"), 1);
}

static void receipts_that_an_earlier_key_has_signed_are_signed_anew(void **state)
{
    struct world *w = *state;
    station_stop(&w->service);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", 3000);
    assert_true(station_wait_state(&w->care, m, OUT_SENT, 20));
    atomic_store(&w->hub.away, true);
    station_start(&w->service);
    assert_true(station_wait_in(&w->service, "arrived", 1, 20));
    enrol_again(w, &w->service);
    atomic_store(&w->hub.away, false);
    station_start(&w->service);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
}

static void nothing_is_sealed_with_a_certificate_that_has_ended(void **state)
{
    struct world *w = *state;
    station_stop(&w->care);
    station_new_key(&w->care, &w->house, -1);
    station_start(&w->care);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", 3000);
    struct look look = {&w->care, m, "certificate-time"};
    assert_true(station_wait(has_reason, &look, 20));
}

/* ---- clocks ---- */

static void nothing_is_sealed_by_a_clock_that_is_ahead(void **state)
{
    struct world *w = *state;
    station_stop(&w->care);
    atomic_store(&w->hub.behind_ms, TEN_MINUTES);
    station_start(&w->care);
    struct link_state online = {0};
    for (int i = 0; i < 2000 && !online.online; i++) {
        usleep(10000);
        link_state(w->care.link, &online);
    }
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", 3000);
    struct look look = {&w->care, m, "clock-ahead"};
    assert_true(station_wait(has_reason, &look, 20));
    assert_int_equal(atomic_load(&w->hub.puts), 0);
    atomic_store(&w->hub.behind_ms, 0);
    stub_office(&w->hub, "0300000009-11", "架空", NULL, "token"); /* an event: the hub tells its time */
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    assert_int_equal(atomic_load(&w->hub.puts), 1);
}

static void what_such_a_clock_has_sealed_is_not_sent(void **state)
{
    struct world *w = *state;
    atomic_store(&w->hub.away, true);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", 3000);
    struct look look = {&w->care, m, "clock-ahead"};
    assert_true(station_wait(is_sealed, &look, 20));
    station_stop(&w->care);
    atomic_store(&w->hub.away, false);
    atomic_store(&w->hub.behind_ms, TEN_MINUTES);
    int before = atomic_load(&w->hub.puts);
    station_start(&w->care);
    assert_true(station_wait(has_reason, &look, 20));
    assert_int_equal(atomic_load(&w->hub.puts), before);
    atomic_store(&w->hub.behind_ms, 0);
    stub_office(&w->hub, "0300000009-11", "架空", NULL, "token");
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 30));
}

static void a_hub_that_finds_a_time_to_come_gets_another_envelope(void **state)
{
    struct world *w = *state;
    w->hub.refuse_problem = "statement-time";
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", 3000);
    struct look look = {&w->care, m, "clock-ahead"};
    assert_true(station_wait(has_reason, &look, 20));
    w->hub.refuse_problem = NULL;
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 40));
    assert_int_equal(atomic_load(&w->hub.puts), 2); /* not again and again */
}

/* ---- trouble with one thing ---- */

static void a_message_that_the_hub_cannot_take_waits_alone(void **state)
{
    struct world *w = *state;
    struct link_state s;
    atomic_store(&w->hub.fail_size, 400 * 1000);
    uint64_t bad = station_send_document(&w->care, SERVICE, "bad.pdf", 400 * 1000);
    for (int i = 0; i < 500 && !atomic_load(&w->hub.failed_500); i++)
        usleep(10000);
    int64_t begun = clock_boot_ms();
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.pdf", i);
        uint64_t m = station_send_document(&w->care, SERVICE, name, 2000 + (size_t)i);
        assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 10));
        link_state(w->care.link, &s);
        assert_true(s.online);
    }
    assert_true(clock_boot_ms() - begun < 10000);
    assert_true(atomic_load(&w->hub.failed_500) < 8);
    atomic_store(&w->hub.fail_size, 0);
    assert_true(station_wait_state(&w->care, bad, OUT_RECEIVED, 60));
}

/* ---- revocation lists ---- */

static void an_older_revocation_list_is_not_kept(void **state)
{
    struct world *w = *state;
    struct buffer before = {0}, after = {0};
    station_stop(&w->care);
    atomic_store(&w->hub.crl_number, 7);
    station_start(&w->care);
    for (int i = 0; i < 2; i++) {
        sleep(1);
        station_stop(&w->care);
        struct buffer *out = i ? &after : &before;
        assert_int_equal(ledger_value_get(w->care.ledger, "crl", out), 0);
        atomic_store(&w->hub.crl_number, 3);
        station_start(&w->care);
    }
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    buffer_free(&before);
    buffer_free(&after);
}

int main(void)
{
#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        RULE(what_an_earlier_key_has_sealed_is_sealed_anew),
        RULE(what_the_hub_has_accepted_is_not_sealed_anew),
        RULE(what_the_hub_has_and_no_longer_acknowledges_is_shown_once),
        RULE(receipts_that_an_earlier_key_has_signed_are_signed_anew),
        RULE(nothing_is_sealed_with_a_certificate_that_has_ended),
        RULE(nothing_is_sealed_by_a_clock_that_is_ahead),
        RULE(what_such_a_clock_has_sealed_is_not_sent),
        RULE(a_hub_that_finds_a_time_to_come_gets_another_envelope),
        RULE(a_message_that_the_hub_cannot_take_waits_alone),
        RULE(an_older_revocation_list_is_not_kept),
    };
    const char *only = getenv("CAREPLAN_ONLY");
    if (only)
        cmocka_set_test_filter(only);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
