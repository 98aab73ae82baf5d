/* How much somebody may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "hub/peer.h"

static int build(void **state)
{
    *state = peers_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    peers_free(*state);
    return 0;
}

static bool ask(struct peer *p, int64_t most, int64_t now)
{
    return peer_take(&p->requests, most, PEER_MINUTE_MS, now);
}

static void a_peer_may_ask_so_often_at_once_and_not_once_more(void **state)
{
    struct peer *p = peer_get(*state, "a");
    for (int i = 0; i < 5; i++)
        assert_true(ask(p, 5, 1000));
    assert_false(ask(p, 5, 1000));
    assert_false(ask(p, 5, 1000 + 11999));
    assert_true(ask(p, 5, 1000 + 12001));
    assert_false(ask(p, 5, 1000 + 12002));
}

static void what_was_not_asked_is_not_saved_beyond_a_minute(void **state)
{
    struct peer *p = peer_get(*state, "a");
    assert_true(ask(p, 3, 0));
    for (int i = 0; i < 3; i++)
        assert_true(ask(p, 3, INT64_C(1) << 40));
    assert_false(ask(p, 3, INT64_C(1) << 40));
}

static void what_is_given_back_may_be_taken_again(void **state)
{
    struct peer_credit *c = &peer_get(*state, "a")->refusals;
    for (int i = 0; i < 100; i++) {
        assert_true(peer_take(c, 2, PEER_HOUR_MS, 1000));
        peer_give_back(c, PEER_HOUR_MS);
    }
    assert_true(peer_take(c, 2, PEER_HOUR_MS, 1000));
    assert_true(peer_take(c, 2, PEER_HOUR_MS, 1000));
    assert_false(peer_take(c, 2, PEER_HOUR_MS, 1000 + PEER_HOUR_MS / 2 - 1));
    assert_true(peer_take(c, 2, PEER_HOUR_MS, 1001 + PEER_HOUR_MS / 2));
}

static void a_peer_with_refusals_is_remembered_for_an_hour(void **state)
{
    struct peer *p = peer_get(*state, "a");
    assert_true(peer_take(&p->refusals, 1, PEER_HOUR_MS, 0));
    peers_sweep(*state, PEER_HOUR_MS - 1);
    assert_ptr_equal(peer_find(*state, "a"), p);
    peers_sweep(*state, PEER_HOUR_MS);
    assert_null(peer_find(*state, "a"));
}

static void each_peer_has_its_own_share(void **state)
{
    assert_true(ask(peer_get(*state, "a"), 1, 0));
    assert_false(ask(peer_get(*state, "a"), 1, 0));
    assert_true(ask(peer_get(*state, "b"), 1, 0));
}

static void a_peer_is_forgotten_when_it_has_nothing_under_way(void **state)
{
    struct peer *p = peer_get(*state, "a");
    ask(p, 1, 0);
    p->references = 1;
    peers_sweep(*state, 1000000);
    assert_ptr_equal(peer_find(*state, "a"), p);
    p->references = 0;
    peers_sweep(*state, 59999);
    assert_non_null(peer_find(*state, "a"));
    peers_sweep(*state, 60000);
    assert_null(peer_find(*state, "a"));
}

static void strangers_beyond_the_bound_share_one_place(void **state)
{
    char key[PEER_KEY_MAX + 1];
    for (int i = 0; i < PEERS_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_string_equal(peer_get(*state, key)->key, key);
    }
    assert_string_equal(peer_get(*state, "one more")->key, "*");
    assert_string_equal(peer_get(*state, "0")->key, "0");
}

static void an_ipv6_address_counts_by_its_64(void **state)
{
    (void)state;
    char a[PEER_KEY_MAX + 1], b[PEER_KEY_MAX + 1];
    peer_address_key("2001:db8:1:2:3:4:5:6", a);
    peer_address_key("2001:db8:1:2::9", b);
    assert_string_equal(a, b);
    peer_address_key("2001:db8:1:3::9", b);
    assert_string_not_equal(a, b);
    peer_address_key("192.0.2.1", a);
    assert_string_equal(a, "192.0.2.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_peer_may_ask_so_often_at_once_and_not_once_more, build, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_asked_is_not_saved_beyond_a_minute, build, tear_down),
        cmocka_unit_test_setup_teardown(what_is_given_back_may_be_taken_again, build, tear_down),
        cmocka_unit_test_setup_teardown(a_peer_with_refusals_is_remembered_for_an_hour, build, tear_down),
        cmocka_unit_test_setup_teardown(each_peer_has_its_own_share, build, tear_down),
        cmocka_unit_test_setup_teardown(a_peer_is_forgotten_when_it_has_nothing_under_way, build, tear_down),
        cmocka_unit_test_setup_teardown(strangers_beyond_the_bound_share_one_place, build, tear_down),
        cmocka_unit_test(an_ipv6_address_counts_by_its_64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
