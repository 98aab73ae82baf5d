/* A daemon killed while it saves; a disk that is full; many threads at once. */
#include "house.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/thread.h"

/* ---- kill -9 ---- */

struct acknowledged { /* what the child's saves write into the pipe, each a single write */
    uint64_t node;
    int number;
};

struct pipe_save {
    int fd;
    struct acknowledged done;
};

static void tell(void *context, int result)
{
    struct pipe_save *p = context;
    const struct acknowledged done = p->done;
    if (result == 0 && write(p->fd, &done, sizeof done) != sizeof done)
        _exit(3);
    free(p);
}

static void name_number(char out[64], int number)
{
    snprintf(out, 64, "file %06d.txt", number);
}

/* Saves until it is killed; several always wait together. */
static void child_saves(struct house *h, int fd, int from)
{
    house_open(h);
    for (int number = from;; number++) {
        struct saved f = {0};
        char name[64];
        struct pipe_save *p = malloc(sizeof *p);
        name_number(name, number);
        struct ledger_save s = save_of(h, &f, name);
        s.in_unit = false;
        s.content = content_of(h, name, strlen(name));
        *p = (struct pipe_save){fd, {f.node, number}};
        if (number % 3 == 0) {
            int r = ledger_save(h->l, &s, NULL, NULL);
            tell(p, r);
        } else {
            ledger_save(h->l, &s, tell, p);
        }
    }
}

static void sleep_us(long us)
{
    struct timespec t = {.tv_nsec = us * 1000};
    nanosleep(&t, NULL);
}

static void assert_there(struct house *h, const struct acknowledged *a, int *highest)
{
    char name[64];
    struct ledger_entry e;
    struct ledger_node node;
    name_number(name, a->number);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, name, &e, &node), 0);
    assert_int_equal(node.id, a->node);
    assert_content(h, node.content, name);
    if (a->number > *highest)
        *highest = a->number;
}

enum { BEFORE_KILL = 5 }; /* so many are acknowledged before each kill, however slow the disk is */

static void every_acknowledged_save_survives_kill_9(void **state)
{
    struct house *h = *state;
    int total = 0, highest = 0;
    house_close(h);
    srand(7);
    for (int round = 0; round < 20; round++) {
        int pipe_of[2];
        assert_int_equal(pipe(pipe_of), 0);
        pid_t child = fork();
        if (child == 0) {
            close(pipe_of[0]);
            child_saves(h, pipe_of[1], highest + 1000);
        }
        close(pipe_of[1]);
        struct acknowledged first[BEFORE_KILL], later;
        for (int i = 0; i < BEFORE_KILL; i++)
            assert_int_equal(read(pipe_of[0], &first[i], sizeof first[i]), sizeof first[i]);
        sleep_us(1000 + rand() % 60000);
        assert_int_equal(kill(child, SIGKILL), 0);
        waitpid(child, NULL, 0);
        house_open(h);
        for (int i = 0; i < BEFORE_KILL; i++)
            assert_there(h, &first[i], &highest);
        for (; read(pipe_of[0], &later, sizeof later) == sizeof later; total++)
            assert_there(h, &later, &highest);
        total += BEFORE_KILL;
        assert_int_equal(ledger_verify(h->l, NULL, NULL), 0);
        assert_int_equal(ledger_check(h->l, NULL), 0);
        house_close(h);
        close(pipe_of[0]);
    }
    print_message("%d saves acknowledged over 20 kills\n", total);
    house_open(h);
}

/* ---- A full disk ---- */

static void a_full_disk_is_enospc_and_takes_nothing_from_what_is_there(void **state)
{
    (void)state;
    struct house h = {.dir = "/tmp/test-ledger-XXXXXX"};
    struct saved first = {0};
    assert_non_null(mkdtemp(h.dir));
    assert_int_equal(mount("tmpfs", h.dir, "tmpfs", 0, "size=3m"), 0);
    house_open(&h);
    assert_int_equal(save_other(&h, &first, "first.txt", "first"), 0);
    uint8_t bytes[60000];
    memset(bytes, 7, sizeof bytes);
    int r = 0, saves = 0;
    for (; r == 0 && saves < 1000; saves++) {
        struct saved f = {0};
        char name[64];
        name_number(name, saves);
        struct ledger_save s = save_of(&h, &f, name);
        s.in_unit = false;
        s.content = content_of(&h, bytes, sizeof bytes);
        r = ledger_save(h.l, &s, NULL, NULL);
    }
    assert_int_equal(r, -ENOSPC);
    assert_true(saves > 5);
    struct ledger_entry e;
    assert_content(&h, node_of(&h, first.node).content, "first");
    char last[64];
    name_number(last, saves - 1);
    assert_int_equal(ledger_lookup(h.l, NODE_OUTBOX, last, &e, NULL), -ENOENT);
    assert_int_equal(ledger_verify(h.l, NULL, NULL), 0);
    /* Room again: the same ledger goes on. */
    assert_int_equal(mount("tmpfs", h.dir, "tmpfs", MS_REMOUNT, "size=12m"), 0);
    struct saved again = {0};
    assert_int_equal(save_other(&h, &again, "again.txt", "again"), 0);
    house_reopen(&h);
    assert_content(&h, node_of(&h, again.node).content, "again");
    house_close(&h);
    assert_int_equal(umount2(h.dir, MNT_DETACH), 0);
    house_remove(h.dir);
}

/* ---- Many at once ---- */

enum { THREADS = 8, EACH = 60 };

struct worker {
    struct house *h;
    int number;
    pthread_mutex_t *mutex;
    pthread_cond_t *all;
    int *answered;
    pthread_t thread;
};

static void count_one(void *context, int result)
{
    struct worker *w = context;
    LOCKED(w->mutex);
    if (result == 0)
        ++*w->answered;
    pthread_cond_signal(w->all);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    for (int i = 0; i < EACH; i++) {
        struct saved f = {0};
        char name[64];
        struct ledger_entry e;
        struct ledger_node n;
        name_number(name, w->number * EACH + i);
        if (i % 2) {
            if (save_other(w->h, &f, name, name) || ledger_lookup(w->h->l, NODE_OUTBOX, name, &e, &n) ||
                n.id != f.node)
                abort();
            count_one(w, 0);
        } else {
            struct ledger_save s = save_of(w->h, &f, name);
            s.in_unit = false;
            s.content = content_new(w->h->l);
            if (!s.content || content_append(s.content, name, strlen(name)) || content_finish(s.content))
                abort();
            ledger_save(w->h->l, &s, count_one, w);
        }
        if (i % 10 == 0 && ledger_unlink(w->h->l, UINT32_MAX, false, NULL, NULL, NULL) != -ENOENT)
            abort(); /* a change that fails among the others */
        if (i % 7 == 0)
            ledger_idle(w->h->l);
    }
    return NULL;
}

static void note_changed(void *context, unsigned changed)
{
    *(unsigned *)context |= changed;
}

static void eight_threads_each_get_their_answer_and_a_failing_one_hurts_nobody(void **state)
{
    struct house *h = *state;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t all = PTHREAD_COND_INITIALIZER;
    int answered = 0;
    unsigned changed = 0;
    struct worker workers[THREADS];
    ledger_subscribe(h->l, note_changed, &changed);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){h, i, &mutex, &all, &answered, 0};
        assert_int_equal(thread_start(&workers[i].thread, "saver", work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    {
        LOCKED(&mutex);
        while (answered < THREADS * EACH)
            pthread_cond_wait(&all, &mutex);
    }
    assert_int_equal(house_number(h, "SELECT count(*) FROM entry WHERE parent=2"), THREADS * EACH);
    assert_int_equal(ledger_verify(h->l, NULL, NULL), 0);
    ledger_unsubscribe(h->l, note_changed, &changed);
    assert_true(changed & LEDGER_CHANGED_TREE);
}

struct order {
    int next, wrong;
};
struct turn {
    struct order *order;
    int number;
};

static void check_turn(void *context, int result)
{
    struct turn *t = context;
    if (result || t->number != t->order->next)
        t->order->wrong++;
    t->order->next = t->number + 1;
}

static void changes_are_answered_in_the_order_they_were_handed_in(void **state)
{
    struct house *h = *state;
    static struct turn turns[500];
    struct order order = {0};
    for (int i = 0; i < 500; i++) {
        turns[i] = (struct turn){&order, i};
        assert_int_equal(ledger_audit(h->l, "turn", "", check_turn, &turns[i]), 0);
    }
    house_close(h); /* finishes what was handed in */
    assert_int_equal(order.next, 500);
    assert_int_equal(order.wrong, 0);
    house_open(h);
}

static void lazy_changes_are_durable_a_second_later_without_any_other(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t all = PTHREAD_COND_INITIALIZER;
    int answered = 0;
    struct worker w = {h, 0, &mutex, &all, &answered, 0};
    assert_int_equal(save_other(h, &f, "a.txt", "x"), 0);
    assert_int_equal(ledger_set_attributes(h->l, f.node, 0400, INT64_MIN, INT64_MIN, count_one, &w), 0);
    {
        LOCKED(&mutex);
        while (answered < 1)
            pthread_cond_wait(&all, &mutex);
    }
    assert_int_equal(node_of(h, f.node).mode, 0400);
}

static void the_wal_is_written_over_instead_of_growing(void **state)
{
    struct house *h = *state;
    uint8_t bytes[100000];
    memset(bytes, 1, sizeof bytes);
    for (int i = 0; i < 700; i++) { /* 70 MB through a WAL that is copied at 16 */
        struct saved f = {0};
        char name[64];
        name_number(name, i);
        struct ledger_save s = save_of(h, &f, name);
        s.in_unit = false;
        s.content = content_of(h, bytes, sizeof bytes);
        assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    }
    char path[128];
    snprintf(path, sizeof path, "%s/ledger.db-wal", h->dir);
    autofclose FILE *wal = fopen(path, "r");
    assert_non_null(wal);
    assert_int_equal(fseek(wal, 0, SEEK_END), 0);
    assert_true(ftell(wal) < 48 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
        T(every_acknowledged_save_survives_kill_9),
        cmocka_unit_test(a_full_disk_is_enospc_and_takes_nothing_from_what_is_there),
        T(eight_threads_each_get_their_answer_and_a_failing_one_hurts_nobody),
        T(changes_are_answered_in_the_order_they_were_handed_in),
        T(lazy_changes_are_durable_a_second_later_without_any_other),
        T(the_wal_is_written_over_instead_of_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
