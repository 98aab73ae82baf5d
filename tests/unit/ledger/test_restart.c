/* A daemon that is killed between any two steps, or in the midst of one, goes on from the ledger. */
#include "exchange_house.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PLAN "UPPLAN_A.CSV"
#define SENT "archive/2026-11/sent/" SERVICE "_さくら訪問介護/"
#define RECEIVED "archive/2026-11/received/" SERVICE "_さくら訪問介護/"

/* Runs `step` in a process of its own that is killed as soon as it is done: the ledger is never closed. */
static void killed_after(struct house *h, void (*step)(struct ledger *l))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        house_start(h);
        step(h->ledger);
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static uint64_t first(int (*list)(struct ledger *, uint64_t *, size_t), struct ledger *l)
{
    uint64_t message = 0;
    assert_int_equal(list(l, &message, 1), 1);
    return message;
}

static int units_open(struct ledger *l, uint64_t *messages, size_t max)
{
    return ledger_units_open(l, 0, messages, max);
}

static void step_save(struct ledger *l)
{
    save(l, PLAN, SEQUENCE, "plan", NULL);
}

static void step_queue(struct ledger *l)
{
    queue_all(l, first(units_open, l));
}

static void step_seal(struct ledger *l)
{
    assert_int_equal(seal_as(l, first(ledger_to_seal, l), 1), 0);
}

static void step_accept(struct ledger *l)
{
    assert_int_equal(
        ledger_accept(l, first(ledger_to_send, l), (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL),
        0);
}

static bool newest(void *context, const struct ledger_status *s)
{
    *(uint64_t *)context = s->message;
    return false;
}

static uint64_t newest_message(struct ledger *l)
{
    uint64_t message = 0;
    assert_int_equal(ledger_status_list(l, 0, 1, newest, &message), 0);
    return message;
}

static void step_answer(struct ledger *l)
{
    assert_int_equal(answer(l, newest_message(l), SERVICE, RECEIPT_RECEIVED, "received"), 0);
}

static void the_way_out_survives_a_kill_after_every_step(void **state)
{
    struct house *h = *state;
    void (*const steps[])(struct ledger *) = {step_save,   step_queue,  step_seal,
                                              step_accept, step_answer, step_answer};
    ledger_close(h->ledger);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        killed_after(h, steps[i]);
    house_start(h);
    char text[4096];
    assert_int_equal(state_of(h->ledger, newest_message(h->ledger)), OUT_RECEIVED);
    assert_string_equal(listing(h->ledger, node_at(h->ledger, SENT SEQUENCE "-01"), text),
                        PLAN ", statement.der, manifest.json, accepted.der, received.der, ");
    assert_string_equal(text_of(h->ledger, node_at(h->ledger, SENT SEQUENCE "-01/" PLAN), text), "plan");
    assert_int_equal(ledger_verify(h->ledger, NULL, NULL), 0);
    assert_int_equal(ledger_check(h->ledger, NULL), 0);
}

static void step_begin(struct ledger *l)
{
    struct ledger_download d = {.sender = office(SERVICE),
                                .id = message_id(1),
                                .statement = (const uint8_t *)"s",
                                .statement_length = 1,
                                .header = (const uint8_t *)"h",
                                .header_length = 1,
                                .ciphertext_length = CONTENT_BLOCK_SIZE + 3};
    assert_int_equal(ledger_download_begin(l, &d, NULL, NULL), 0);
}

static void step_append(struct ledger *l)
{
    struct office_id sender = office(SERVICE);
    struct message_id id = message_id(1);
    struct ledger_envelope e;
    uint64_t have = 0;
    uint8_t *block = calloc(1, CONTENT_BLOCK_SIZE);
    assert_int_equal(ledger_download_find(l, &sender, &id, &e, &have), 0);
    size_t n = e.ciphertext_length - have < CONTENT_BLOCK_SIZE ? (size_t)(e.ciphertext_length - have)
                                                               : CONTENT_BLOCK_SIZE;
    assert_int_equal(ledger_download_append(l, &sender, &id, have, block, n, NULL, NULL), 0);
    ledger_envelope_free(&e);
    free(block);
}

static void step_receive(struct ledger *l)
{
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, (const char *const[]){PLAN, "plan", NULL}};
    int r = arrive(l, &a);
    assert_true(r == 0 || r == -EEXIST);
}

static void step_show(struct ledger *l)
{
    show_all(l);
}

static void step_take(struct ledger *l)
{
    assert_int_equal(ledger_read_whole(l, node_in(l, inbox_of(l, SERVICE), PLAN), true, NULL, NULL), 0);
}

static void step_receipts(struct ledger *l)
{
    struct ledger_receipt r;
    assert_int_equal(ledger_receipt_next(l, 0, &r), 0);
    if (r.der.length == 0)
        assert_int_equal(ledger_receipt_signed(l, r.id, (const uint8_t *)"taken", 5, NULL, NULL), 0);
    else
        assert_int_equal(ledger_receipt_sent(l, r.id, NULL, NULL), 0);
    ledger_receipt_free(&r);
}

static void the_way_in_survives_a_kill_after_every_step(void **state)
{
    struct house *h = *state;
    void (*const steps[])(struct ledger *) = {step_begin,   step_append,   step_append,   step_receive,
                                              step_receive, step_show,     step_show,     step_take,
                                              step_take,    step_receipts, step_receipts, step_receipts};
    ledger_close(h->ledger);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        killed_after(h, steps[i]);
    house_start(h);
    char text[4096];
    struct ledger_receipt r;
    assert_int_equal(ledger_receipt_next(h->ledger, 0, &r), -ENOENT);
    assert_string_equal(state_text(h->ledger, incoming(h->ledger, SERVICE, 1)), "taken");
    assert_string_equal(listing(h->ledger, node_at(h->ledger, RECEIVED), text), SEQUENCE "-01, ");
    assert_string_equal(listing(h->ledger, node_at(h->ledger, RECEIVED SEQUENCE "-01"), text),
                        PLAN ", statement.der, manifest.json, accepted.der, received.der, taken.der, ");
    assert_int_equal(ledger_verify(h->ledger, NULL, NULL), 0);
    assert_int_equal(ledger_check(h->ledger, NULL), 0);
}

/* ---- In the midst ---- */

struct promise { /* what was acknowledged before the kill */
    uint8_t arrived;
    uint8_t sent;
};

static void works_until_killed(struct ledger *l, uint8_t round, int pipe_end)
{
    for (uint8_t i = 1; i < 250; i++) {
        char name[32], sequence[15];
        uint64_t message = 0;
        snprintf(name, sizeof name, "UPPLAN_%u_%u.CSV", round, i);
        snprintf(sequence, sizeof sequence, "202611%02u%06u", round, i);
        const struct arrival_of a = {
            round % 2 ? SERVICE : OTHER, i, 0, sequence, 0, (const char *const[]){name, "in", NULL}};
        int r = arrive(l, &a);
        assert_true(r == 0 || r == -EEXIST);
        struct promise p = {i, (uint8_t)(i - 1)};
        assert_int_equal(write(pipe_end, &p, sizeof p), sizeof p);
        save(l, name, sequence, "out", &message);
        if (state_of(l, message) < OUT_SENT)
            send_out(l, message, i);
        p.sent = i;
        assert_int_equal(write(pipe_end, &p, sizeof p), sizeof p);
    }
}

static struct promise kill_in_the_midst(struct house *h, uint8_t round)
{
    int ends[2];
    struct promise last = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        house_start(h);
        works_until_killed(h->ledger, round, ends[1]);
        _exit(1);
    }
    close(ends[1]);
    /* One acknowledgement, then a moment that differs from round to round. */
    assert_int_equal(read(ends[0], &last, sizeof last), sizeof last);
    nanosleep(&(struct timespec){.tv_nsec = 1700000L * round + 300000L}, NULL);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    while (read(ends[0], &last, sizeof last) == (ssize_t)sizeof last)
        ;
    close(ends[0]);
    return last;
}

struct count {
    size_t sent;
};

static bool count_sent(void *context, const struct ledger_status *s)
{
    ((struct count *)context)->sent += s->outgoing && s->sent;
    return true;
}

static void what_was_acknowledged_is_there_after_a_kill_in_the_midst(void **state)
{
    struct house *h = *state;
    size_t promised = 0, torn = 0;
    ledger_close(h->ledger);
    for (uint8_t round = 1; round <= 12; round++) {
        struct promise p = kill_in_the_midst(h, round);
        promised += p.sent;
        house_start(h);
        for (uint8_t i = 1; i <= p.arrived; i++) {
            uint64_t message = incoming(h->ledger, round % 2 ? SERVICE : OTHER, i);
            assert_string_equal(state_text(h->ledger, message), "arrived");
        }
        struct count count = {0};
        assert_int_equal(ledger_status_list(h->ledger, 0, 100000, count_sent, &count), 0);
        assert_true(count.sent >= promised);
        torn += count.sent - promised;
        promised = count.sent;
        assert_int_equal(ledger_verify(h->ledger, NULL, NULL), 0);
        assert_int_equal(ledger_check(h->ledger, NULL), 0);
        ledger_close(h->ledger);
    }
    assert_true(torn <= 12); /* at most the one under way at each kill */
    house_start(h);
}

#define T(f) cmocka_unit_test_setup_teardown(f, house_open, house_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_way_out_survives_a_kill_after_every_step),
        T(the_way_in_survives_a_kill_after_every_step),
        T(what_was_acknowledged_is_there_after_a_kill_in_the_midst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
