/* Mount, link and people at the same time, each on its own thread. */
#include "exchange_house.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { ROUNDS = 60 };

static struct ledger *ledger_of(void *argument)
{
    return argument;
}

/* cmocka's asserts are for the main thread: these count instead. */
static atomic_int faults;

static void expect(bool good)
{
    if (!good)
        atomic_fetch_add(&faults, 1);
}

static void *receives(void *argument)
{
    struct ledger *l = ledger_of(argument);
    for (uint8_t i = 1; i <= ROUNDS; i++) {
        char name[32];
        snprintf(name, sizeof name, "UPPLAN_%u.CSV", i % 7);
        struct content *c = content_new(l);
        expect(c && content_append(c, name, strlen(name)) == 0 && content_finish(c) == 0);
        struct ledger_incoming_file file = {
            .name = name, .folded = name, .kind = "UPPLAN", .main_file = true, .content = c};
        struct ledger_incoming in = {.sender = {SERVICE},
                                     .sequence = SEQUENCE,
                                     .files = &file,
                                     .n_files = 1,
                                     .accepted_at = ACCEPTED + i,
                                     .receipt = (const uint8_t *)"r",
                                     .receipt_length = 1};
        memset(in.id.bytes, i, sizeof in.id.bytes);
        expect(ledger_receive(l, &in, NULL, NULL) == 0);
    }
    return NULL;
}

static void *shows(void *argument)
{
    struct ledger *l = ledger_of(argument);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t messages[8];
        struct ledger_entry entries[8];
        int n = ledger_to_show(l, messages, 8);
        expect(n >= 0);
        for (int k = 0; k < n; k++) {
            expect(ledger_show_list(l, messages[k], entries, 8) >= 0);
            expect(ledger_shown(l, messages[k], NULL, NULL) == 0);
        }
        usleep(200);
    }
    return NULL;
}

static void *answers(void *argument)
{
    struct ledger *l = ledger_of(argument);
    for (int i = 0; i < ROUNDS; i++) {
        struct ledger_receipt r;
        int found = ledger_receipt_next(l, 0, &r);
        expect(found == 0 || found == -ENOENT);
        if (found == 0)
            expect(ledger_receipt_sent(l, r.id, NULL, NULL) == 0);
        ledger_receipt_free(&r);
    }
    return NULL;
}

static bool look(void *context, const struct ledger_status *s)
{
    expect(s->state && (s->n_files == 0 || s->files));
    (*(size_t *)context)++;
    return true;
}

static void *watches(void *argument)
{
    struct ledger *l = ledger_of(argument);
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = 0;
        struct ledger_entry entries[8];
        expect(ledger_status_list(l, 0, 1000, look, &n) == 0);
        expect(ledger_sent_entries(l, ACCEPTED, entries, 8) >= 0);
    }
    return NULL;
}

static void all_that_goes_on_at_once_keeps_the_ledger_whole(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    void *(*const work[])(void *) = {receives, shows, answers, watches};
    pthread_t threads[4];
    atomic_store(&faults, 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work[i], l), 0);
    for (uint8_t i = 1; i <= 40; i++) { /* and the way out on this one */
        char name[32], sequence[15];
        uint64_t message = 0;
        snprintf(name, sizeof name, "UPPLAN_OUT%u.CSV", i);
        snprintf(sequence, sizeof sequence, "202611020900%02u", i);
        save(l, name, sequence, name, &message);
        send_out(l, message, i);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&faults), 0);
    show_all(l);
    char text[4096];
    listing(l, NODE_ALL, text);
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, ", ")); at++)
        n++;
    assert_int_equal(n, 7); /* the last version of each name */
    assert_null(strstr(text, "["));
    assert_null(strstr(text, " (2)"));
    assert_int_equal(ledger_verify(l, NULL, NULL), 0);
    assert_int_equal(ledger_check(l, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_that_goes_on_at_once_keeps_the_ledger_whole, house_open,
                                        house_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
