/* What the link decides without a hub: which refusal is final, and which of the waiting rows comes next. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "link/send.h"

static void only_what_time_does_not_mend_is_final(void **state)
{
    (void)state;
    assert_true(send_problem_is_final(409, "id-conflict"));
    assert_true(send_problem_is_final(409, "part-conflict"));
    assert_true(send_problem_is_final(413, "message-too-large"));
    assert_true(send_problem_is_final(422, "header-algorithm"));
    assert_true(send_problem_is_final(422, "statement-signature"));
    assert_true(send_problem_is_final(400, "message-form"));
    assert_false(send_problem_is_final(422, "certificate-revoked")); /* a new key mends it */
    assert_false(send_problem_is_final(422, "certificate-time"));
    assert_false(send_problem_is_final(422, "statement-time")); /* … and a clock that fits */
    assert_false(send_problem_is_final(422, "recipient-unknown"));
    assert_false(send_problem_is_final(422, "parts-missing"));
    assert_false(send_problem_is_final(404, "not-found"));
    assert_false(send_problem_is_final(413, "")); /* an answer that no route of the hub gives */
    assert_false(
        send_problem_is_final(503, "id-conflict")); /* a status and a code that do not belong together */
}

/* ---- todo ---- */

static uint64_t rows[600];
static size_t n_rows, times_listed, fail_lists;

static int list(struct ledger *l, uint64_t *ids, size_t max)
{
    (void)l;
    size_t n = n_rows < max ? n_rows : max;
    times_listed++;
    if (fail_lists && fail_lists--)
        return -EIO;
    memcpy(ids, rows, n * sizeof *ids);
    return (int)n;
}

static void fill(size_t n)
{
    n_rows = n;
    times_listed = 0;
    for (size_t i = 0; i < n; i++)
        rows[i] = 10 + i;
}

static void what_is_under_way_is_not_taken_again(void **state)
{
    (void)state;
    struct todo t = {.list = list, .dirty = true};
    fill(2);
    assert_int_equal(todo_take(&t, NULL, 0), 10);
    assert_int_equal(todo_take(&t, NULL, 0), 11);
    assert_int_equal(todo_take(&t, NULL, 0), 0);
    t.dirty = true;
    assert_int_equal(todo_take(&t, NULL, 0), 0);
    todo_release(&t, 10);
    assert_int_equal(todo_take(&t, NULL, 0), 10);
    todo_free(&t);
}

static void what_waits_is_taken_when_its_time_has_come(void **state)
{
    (void)state;
    struct todo t = {.list = list, .dirty = true};
    fill(1);
    assert_int_equal(todo_take(&t, NULL, 0), 10);
    todo_wait(&t, 10, 100);
    assert_int_equal(todo_take(&t, NULL, 99), 0);
    assert_int_equal(todo_due(&t, 99), 100);
    assert_int_equal(todo_due(&t, 100), 100); /* released: to be looked at now */
    assert_int_equal(todo_due(&t, 100), INT64_MAX);
    assert_int_equal(todo_take(&t, NULL, 100), 10);
    todo_free(&t);
}

static void five_hundred_that_wait_do_not_hide_one_that_does_not(void **state)
{
    (void)state;
    struct todo t = {.list = list, .dirty = true};
    fill(500);
    for (size_t i = 0; i < 500; i++)
        todo_wait(&t, 10 + i, 1000);
    fill(501);
    assert_int_equal(todo_take(&t, NULL, 0), 510);
    todo_free(&t);
}

static void a_turn_waits_for_no_time(void **state)
{
    (void)state;
    struct todo t = {.list = list, .dirty = true};
    fill(2);
    todo_take(&t, NULL, 0);
    todo_wait(&t, todo_take(&t, NULL, 0), TODO_TURN);
    todo_release_all(&t, INT64_MIN); /* those that wait for a time */
    assert_int_equal(todo_take(&t, NULL, 1), 0);
    todo_release_all(&t, TODO_TURN);
    assert_int_equal(todo_take(&t, NULL, 1), 11);
    todo_free(&t);
}

static void a_list_that_could_not_be_read_is_not_an_empty_one(void **state)
{
    (void)state;
    struct todo t = {.list = list, .dirty = true};
    fill(1);
    fail_lists = 2;
    assert_int_equal(todo_take(&t, NULL, 100), 0);
    assert_int_equal(todo_take(&t, NULL, 101), 0);
    assert_int_equal(times_listed, 1); /* nor is it asked for without end */
    int64_t due = todo_due(&t, 101);
    assert_int_equal(due, 100 + TODO_AGAIN_MS);
    assert_int_equal(todo_take(&t, NULL, due), 0);
    due = todo_due(&t, due);
    assert_int_equal(due, 100 + 2 * TODO_AGAIN_MS);
    assert_int_equal(todo_due(&t, due), due);
    assert_int_equal(todo_due(&t, due), INT64_MAX); /* told once: the room may be full */
    assert_int_equal(todo_take(&t, NULL, due), 10);
    todo_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_time_does_not_mend_is_final),
        cmocka_unit_test(what_is_under_way_is_not_taken_again),
        cmocka_unit_test(what_waits_is_taken_when_its_time_has_come),
        cmocka_unit_test(five_hundred_that_wait_do_not_hide_one_that_does_not),
        cmocka_unit_test(a_turn_waits_for_no_time),
        cmocka_unit_test(a_list_that_could_not_be_read_is_not_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
