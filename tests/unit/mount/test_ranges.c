#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "mount/ranges.h"

static void joins_ranges_that_touch_or_overlap(void **state)
{
    (void)state;
    struct ranges r = {0};
    assert_int_equal(ranges_add(&r, 10, 20), 0);
    assert_int_equal(ranges_add(&r, 30, 40), 0);
    assert_int_equal(ranges_add(&r, 20, 25), 0);
    assert_int_equal(r.n, 2);
    assert_int_equal(ranges_add(&r, 25, 30), 0);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.items[0].begin, 10);
    assert_int_equal(r.items[0].end, 40);
    assert_int_equal(ranges_add(&r, 0, 100), 0);
    assert_int_equal(r.n, 1);
    assert_true(ranges_cover(&r, 0, 100));
    ranges_free(&r);
}

static void knows_where_a_range_begins_and_ends(void **state)
{
    (void)state;
    struct ranges r = {0};
    uint64_t until;
    assert_int_equal(ranges_add(&r, 10, 20), 0);
    assert_false(ranges_at(&r, 0, 100, &until));
    assert_int_equal(until, 10);
    assert_true(ranges_at(&r, 10, 100, &until));
    assert_int_equal(until, 20);
    assert_false(ranges_at(&r, 20, 100, &until));
    assert_int_equal(until, 100);
    assert_true(ranges_at(&r, 12, 15, &until));
    assert_int_equal(until, 15);
    ranges_free(&r);
}

static void forgets_what_was_cut_off(void **state)
{
    (void)state;
    struct ranges r = {0};
    assert_int_equal(ranges_add(&r, 0, 10), 0);
    assert_int_equal(ranges_add(&r, 20, 30), 0);
    ranges_cut(&r, 25);
    assert_true(ranges_cover(&r, 20, 25));
    assert_false(ranges_cover(&r, 20, 26));
    ranges_cut(&r, 20);
    assert_int_equal(r.n, 1);
    ranges_cut(&r, 0);
    assert_int_equal(r.n, 0);
    ranges_free(&r);
}

static void stops_who_writes_every_other_byte(void **state)
{
    (void)state;
    struct ranges r = {0};
    int result = 0;
    for (uint64_t i = 0; result == 0; i++)
        result = ranges_add(&r, i * 2, i * 2 + 1);
    assert_int_equal(result, -EFBIG);
    assert_int_equal(r.n, RANGES_MAX);
    assert_int_equal(ranges_add(&r, 0, RANGES_MAX * 2), 0); /* filling the gaps is welcome */
    assert_int_equal(r.n, 1);
    ranges_free(&r);
}

static void agrees_with_a_map_of_bytes(void **state)
{
    (void)state;
    enum { SIZE = 200 };
    struct ranges r = {0};
    uint8_t map[SIZE] = {0};
    uint32_t chance = 1;
    for (int i = 0; i < 20000; i++) {
        chance = chance * 1664525 + 1013904223;
        uint64_t begin = chance >> 8 & 0xff, length = chance >> 20 & 15;
        begin %= SIZE;
        uint64_t end = begin + length < SIZE ? begin + length : SIZE;
        if (chance >> 28 == 0) {
            ranges_cut(&r, begin);
            memset(map + begin, 0, SIZE - begin);
        } else {
            assert_int_equal(ranges_add(&r, begin, end), 0);
            memset(map + begin, 1, end - begin);
        }
        for (uint64_t at = 0; at < SIZE; at++) {
            uint64_t until, expected = at;
            while (expected < SIZE && map[expected] == map[at])
                expected++;
            assert_int_equal(ranges_at(&r, at, SIZE, &until), map[at]);
            assert_int_equal(until, expected);
        }
    }
    ranges_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_ranges_that_touch_or_overlap),
        cmocka_unit_test(knows_where_a_range_begins_and_ends),
        cmocka_unit_test(forgets_what_was_cut_off),
        cmocka_unit_test(stops_who_writes_every_other_byte),
        cmocka_unit_test(agrees_with_a_map_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
