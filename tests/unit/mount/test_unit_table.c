/* The settler's table against a plain list, under random work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mount/unit_table.h"

enum { STEPS = 20000, MOST = 300, KEYS = 40 };

struct model {
    struct unit_entry *entries[MOST];
    size_t n;
};

static void count(void *context, struct unit_entry *e)
{
    (void)e;
    ++*(size_t *)context;
}

static void add(struct unit_table *t, struct model *m, uint64_t id)
{
    char sequence[15];
    const struct office_id nobody = {""};
    snprintf(sequence, sizeof sequence, "%014d", rand() % KEYS);
    struct unit_entry *e =
        unit_table_add(t, id, &nobody, rand() % 3 ? sequence : "", (uint64_t)(rand() % KEYS), rand() % 1000);
    assert_non_null(e);
    m->entries[m->n++] = e;
}

static void check_key(struct unit_table *t, const struct model *m, const struct unit_entry *like)
{
    size_t expected = 0, found = 0;
    for (size_t i = 0; i < m->n; i++)
        expected += strcmp(m->entries[i]->sequence, like->sequence) == 0 &&
                    (like->sequence[0] || m->entries[i]->node == like->node);
    unit_table_find(t, like->sequence, like->node, count, &found);
    assert_int_equal(found, expected);
}

static void the_first_is_always_the_earliest_and_every_key_is_found(void **state)
{
    struct unit_table t = {0};
    struct model m = {0};
    (void)state;
    srand(1);
    for (int step = 0; step < STEPS; step++) {
        size_t i = m.n ? (size_t)rand() % m.n : 0;
        int what = rand() % 10;
        if (m.n < MOST && (m.n == 0 || what < 3))
            add(&t, &m, (uint64_t)step);
        else if (what < 5) {
            unit_table_remove(&t, m.entries[i]);
            m.entries[i] = m.entries[--m.n];
        } else
            unit_table_due(&t, m.entries[i], rand() % 20 ? rand() % 1000 : NEVER);
        int64_t earliest = NEVER;
        for (size_t k = 0; k < m.n; k++)
            earliest = m.entries[k]->due < earliest ? m.entries[k]->due : earliest;
        const struct unit_entry *first = unit_table_first(&t);
        assert_int_equal(first != NULL, m.n > 0);
        if (first)
            assert_int_equal(first->due, earliest);
        if (m.n)
            check_key(&t, &m, m.entries[(size_t)rand() % m.n]);
    }
    size_t all = 0;
    unit_table_each(&t, count, &all);
    assert_int_equal(all, m.n);
    unit_table_free(&t);
}

static void an_empty_table_finds_nothing(void **state)
{
    struct unit_table t = {0};
    size_t found = 0;
    (void)state;
    unit_table_find(&t, "20250401090000", 1, count, &found);
    assert_int_equal(found, 0);
    assert_null(unit_table_first(&t));
    unit_table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_always_the_earliest_and_every_key_is_found),
        cmocka_unit_test(an_empty_table_finds_nothing),
    };
    return cmocka_run_group_tests_name("unit_table", tests, NULL, NULL);
}
