/* What a check remembers: keys in a table that grows, bounded in number and in steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "standard/keys.h"

static enum key_found put(struct keys *k, uint64_t low, uint64_t high, struct key **key)
{
    return keys_put(k, (const uint64_t[]){low, high}, key);
}

static uint64_t spread(uint64_t i)
{
    return i * UINT64_C(0x9E3779B97F4A7C15);
}

static void finds_what_was_put_in_the_order_of_entry(void **state)
{
    (void)state;
    size_t left = 20000;
    struct keys k = {.left = &left};
    struct key *key;
    for (uint64_t i = 0; i < 20000; i++) {
        assert_int_equal(put(&k, spread(i), i, &key), KEY_NEW);
        key->line = i;
    }
    assert_int_equal(left, 0);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_int_equal(put(&k, spread(i), i, &key), KEY_KNOWN);
        assert_int_equal(key->line, i);
        assert_ptr_equal(keys_at(&k, i), key);
    }
    keys_free(&k);
}

static void all_tables_share_one_number_of_keys(void **state)
{
    (void)state;
    size_t left = 3;
    struct keys a = {.left = &left}, b = {.left = &left};
    struct key *key;
    assert_int_equal(put(&a, 1, 1, &key), KEY_NEW);
    assert_int_equal(put(&b, 1, 1, &key), KEY_NEW);
    assert_int_equal(put(&a, 2, 1, &key), KEY_NEW);
    assert_int_equal(put(&b, 2, 1, &key), KEY_FULL);
    assert_int_equal(put(&a, 1, 1, &key), KEY_KNOWN);
    keys_clear(&a);
    assert_int_equal(left, 2);
    assert_int_equal(put(&b, 2, 1, &key), KEY_NEW);
    assert_int_equal(put(&a, 1, 1, &key), KEY_NEW);
    keys_free(&a);
    keys_free(&b);
}

/* Hashes made up to fall into one place cost a few steps, not their number; those that are in stay found. */
static void keys_that_collide_find_the_table_full(void **state)
{
    (void)state;
    size_t left = 100000, known = 0;
    struct keys k = {.left = &left};
    struct key *key;
    for (uint64_t i = 0; i < 100000; i++)
        known += put(&k, i << 32, 0, &key) == KEY_NEW;
    assert_true(known > 0 && known < 1000);
    for (uint64_t i = 0; i < 5000; i++) /* the table grows */
        assert_int_not_equal(put(&k, spread(i + 1), 7, &key), KEY_NO_MEMORY);
    for (uint64_t i = 0; i < known; i++)
        assert_int_equal(put(&k, i << 32, 0, &key), KEY_KNOWN);
    keys_free(&k);
}

static void texts_of_items_do_not_run_into_each_other(void **state)
{
    (void)state;
    const struct scanned_item a = {.text = (const uint8_t *)"ab", .length = 2},
                              b = {.text = (const uint8_t *)"c", .length = 1},
                              c = {.text = (const uint8_t *)"a", .length = 1},
                              d = {.text = (const uint8_t *)"bc", .length = 2};
    struct key_text text;
    uint64_t first[2], second[2];
    key_text_begin(&text, 0, 0);
    key_text_add(&text, &a);
    key_text_add(&text, &b);
    key_text_hash(&text, first);
    key_text_begin(&text, 0, 0);
    key_text_add(&text, &c);
    key_text_add(&text, &d);
    key_text_hash(&text, second);
    assert_memory_not_equal(first, second, sizeof first);
}

static void long_texts_count_to_their_last_byte(void **state)
{
    (void)state;
    static uint8_t bytes[60000];
    struct scanned_item item = {.text = bytes, .length = sizeof bytes};
    struct key_text text;
    uint64_t first[2], second[2];
    key_text_begin(&text, 0, 0);
    for (int i = 0; i < 12; i++)
        key_text_add(&text, &item);
    key_text_hash(&text, first);
    bytes[sizeof bytes - 1] = 1;
    key_text_begin(&text, 0, 0);
    for (int i = 0; i < 12; i++)
        key_text_add(&text, &item);
    key_text_hash(&text, second);
    assert_memory_not_equal(first, second, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put_in_the_order_of_entry),
        cmocka_unit_test(all_tables_share_one_number_of_keys),
        cmocka_unit_test(keys_that_collide_find_the_table_full),
        cmocka_unit_test(texts_of_items_do_not_run_into_each_other),
        cmocka_unit_test(long_texts_count_to_their_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
