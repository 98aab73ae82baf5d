/* What the daemon takes away by itself: only what is still as it was when it decided. And what is promised by
 * fsync and setxattr. On a real mount. */
#include "mount_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/thread.h"
#include "mount/tree.h"

#define NOTE "a.pdf"
#define TRANSFER "DLTPLAN_202504_0300000100_43_0300000005_11_20250501000001.CSV"

static char *scratch_patterns[] = {"*.tmp", NULL};
static char *document_extensions[] = {"pdf", NULL};

static struct mount_host *start(void **state)
{
    struct house *h = *state;
    h->settings.scratch = scratch_patterns;
    h->settings.documents = document_extensions;
    struct mount_host *m = host_start(h, false);
    mount_set_announcer(m->mount, getpid()); /* this thread asks as the announcer does */
    return m;
}

static struct ledger_node node_of(struct mount_host *m, const char *path)
{
    struct ledger_node n = {0};
    assert_int_equal(ledger_node(m->house->ledger, id_of(path), &n), 0);
    return n;
}

static struct ledger_entry entry_of(struct mount_host *m, const char *path)
{
    struct ledger_entry e = {0};
    assert_int_equal(ledger_entries_of(m->house->ledger, id_of(path), &e, 1), 1);
    return e;
}

/* A document that the hub has accepted. */
static const char *send_document(struct mount_host *m)
{
    struct house *h = m->house;
    uint64_t folder = outbox_of(h, SERVICE), message;
    static char path[sizeof m->point + 300];
    save(h, &(struct save_of){.name = NOTE, .text = "%PDF-1", .document = true, .folder = folder}, &message);
    house_settle(h);
    wait_settled(h, message);
    house_unsettle(h);
    send_out(h, message);
    struct ledger_entry e = {0};
    assert_int_equal(ledger_entries_of(h->ledger, folder, &e, 1), 1);
    snprintf(path, sizeof path, "%s/outbox/%s/" NOTE, m->point, e.name);
    return path;
}

static int remove_expected(struct mount_host *m, const struct ledger_entry *e, uint64_t content,
                           const char *path)
{
    mount_expect_removal(m->mount, 0, e->id, content);
    int r = unlink(path) ? -errno : 0;
    mount_expect_removal(m->mount, 0, 0, 0);
    return r;
}

static void the_announcer_removes_only_what_is_expected_of_it(void **state)
{
    struct mount_host *m = start(state);
    const char *path = send_document(m);
    struct ledger_entry e = entry_of(m, path), other = e;
    uint64_t content = node_of(m, path).content;
    other.id++;
    assert_int_equal(unlink(path) ? -errno : 0, -EBUSY); /* one that was asked for long ago */
    assert_int_equal(remove_expected(m, &other, content, path), -EBUSY);
    assert_int_equal(remove_expected(m, &e, content + 1, path), -EBUSY);
    assert_int_equal(remove_expected(m, &e, content, path), 0);
    assert_int_equal(access(path, F_OK), -1);
    host_stop(m);
}

static void what_somebody_writes_or_has_saved_anew_stays(void **state)
{
    struct mount_host *m = start(state);
    const char *path = send_document(m);
    struct ledger_entry e = entry_of(m, path);
    uint64_t content = node_of(m, path).content;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(remove_expected(m, &e, content, path), -EBUSY);
    assert_int_equal(pwrite(fd, "%PDF-2", 6, 0), 6);
    assert_int_equal(remove_expected(m, &e, content, path), -EBUSY);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(remove_expected(m, &e, content, path), -EBUSY);
    assert_int_equal(close(fd), 0);
    uint64_t id = id_of(path);
    for (int i = 0; i < 1000 && mount_busy(m->mount, 0, id); i++)
        sleep_ms(2);
    assert_int_not_equal(node_of(m, path).content, content);
    assert_int_equal(remove_expected(m, &e, content, path), -EBUSY);
    assert_int_equal(remove_expected(m, &e, node_of(m, path).content, path), -EBUSY); /* not sent */
    assert_int_equal(access(path, F_OK), 0);
    host_stop(m);
}

static void what_is_only_read_goes_and_stays_readable(void **state)
{
    struct mount_host *m = start(state);
    const char *path = send_document(m);
    struct ledger_entry e = entry_of(m, path);
    char got[8] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(remove_expected(m, &e, node_of(m, path).content, path), 0);
    assert_int_equal(read(fd, got, sizeof got), 6);
    assert_string_equal(got, "%PDF-1");
    close(fd);
    host_stop(m);
}

static void hold_run(struct job *job)
{
    (void)job; /* until the test ends it */
}

struct opener {
    const char *path;
    atomic_int result; /* 1: waits */
};

static void *open_it(void *context)
{
    struct opener *o = context;
    int fd = open(o->path, O_WRONLY | O_CLOEXEC);
    atomic_store(&o->result, fd < 0 ? -errno : 0);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void who_opens_what_is_being_removed_waits_for_the_outcome(void **state)
{
    struct mount_host *m = start(state);
    struct opener opener = {.path = at(m, "outbox/" TRANSFER), .result = 1};
    const char *const none[3] = {NULL};
    pthread_t thread;
    for (int gone = 0; gone < 2; gone++) {
        struct node *n = NULL;
        (void)save_file(opener.path, "x", 1); /* content does not matter here */
        assert_int_equal(node_get(&m->mount->trees[0], id_of(opener.path), &n), 0);
        struct job *job = calloc(1, sizeof *job);
        assert_non_null(job);
        *job = (struct job){.run = hold_run, .node = n};
        for (int i = 0; i < 1000 && mount_busy(m->mount, 0, n->id); i++)
            sleep_ms(2);
        job_start(m->mount, job);
        {
            LOCKED(&m->mount->mutex);
            n->leaving = true;
        }
        atomic_store(&opener.result, 1);
        assert_int_equal(thread_start(&thread, "opener", open_it, &opener), 0);
        sleep_ms(100);
        assert_int_equal(atomic_load(&opener.result), 1);
        if (gone)
            assert_int_equal(ledger_unlink(m->house->ledger, n->entry, false, none, NULL, NULL), 0);
        {
            LOCKED(&m->mount->mutex);
            n->leaving = false;
            n->gone = gone;
        }
        job_done(job);
        pthread_join(thread, NULL);
        assert_int_equal(atomic_load(&opener.result), gone ? -ENOENT : 0);
    }
    host_stop(m);
}

static void what_was_renamed_meanwhile_is_not_swept(void **state)
{
    struct mount_host *m = start(state);
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    const char *scratch = at(m, "outbox/x.tmp"), *kept = at(m, "outbox/" TRANSFER);
    struct node *n = NULL;
    int fd = open(scratch, O_WRONLY | O_CREAT | O_CLOEXEC, 0660);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(futimens(fd, old), 0);
    mount_sweep(m->mount, 0);
    assert_int_equal(access(scratch, F_OK), 0); /* it is open */
    assert_int_equal(close(fd), 0);
    uint64_t entry = entry_of(m, scratch).id;
    for (int i = 0; i < 1000 && node_get(&m->mount->trees[0], id_of(scratch), &n) == 0 && n->handles; i++) {
        node_put(n);
        sleep_ms(2);
    }
    assert_int_equal(rename(scratch, kept), 0); /* after the sweeper has decided */
    assert_int_equal(utimensat(AT_FDCWD, kept, old, 0), 0);
    unlink_swept(n, entry);
    assert_int_equal(access(kept, F_OK), 0);
    assert_int_equal(rename(kept, scratch), 0);
    assert_int_equal(utimensat(AT_FDCWD, scratch, old, 0), 0);
    mount_sweep(m->mount, 0);
    for (int i = 0; i < 1000 && access(scratch, F_OK) == 0; i++)
        sleep_ms(2);
    assert_int_equal(access(scratch, F_OK), -1);
    host_stop(m);
}

static void fsync_through_a_handle_that_only_reads_makes_durable_what_others_wrote(void **state)
{
    struct mount_host *m = start(state);
    const char *path = at(m, "outbox/" TRANSFER);
    int writer = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0660);
    assert_int_equal(write(writer, "half", 4), 4);
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(fsync(reader), 0);
    struct ledger_node n = node_of(m, path);
    assert_true(n.draft != 0);
    assert_int_equal(n.size, 4);
    close(reader);
    close(writer);
    host_stop(m);
}

static void an_xattr_that_is_accepted_stays(void **state)
{
    enum { SIZE = 60000 };
    struct mount_host *m = start(state);
    autofree char *value = calloc(1, SIZE), *got = malloc(SIZE);
    const char *path = at(m, "outbox/x.tmp");
    assert_true(value && got);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0660);
    assert_int_equal(fsync(fd), 0);
    close(fd);
    assert_int_equal(setxattr(path, "user.a", value, SIZE, 0), 0);
    assert_int_equal(setxattr(path, "user.b", value, SIZE, 0), 0);
    assert_int_equal(setxattr(path, "user.c", value, SIZE, 0) ? errno : 0, ENOSPC); /* they wait still */
    sleep_ms(1500);
    assert_int_equal(setxattr(path, "user.c", value, SIZE, 0) ? errno : 0, ENOSPC); /* the ledger has them */
    assert_int_equal(setxattr(path, "user.a", value, SIZE, 0), 0);
    assert_int_equal(removexattr(path, "user.b"), 0);
    assert_int_equal(setxattr(path, "user.c", value, SIZE, 0), 0);
    sleep_ms(1500);
    assert_int_equal(getxattr(path, "user.a", got, SIZE), SIZE);
    assert_int_equal(getxattr(path, "user.c", got, SIZE), SIZE);
    assert_int_equal(getxattr(path, "user.b", got, SIZE) < 0 ? errno : 0, ENODATA);
    host_stop(m);
}

static int teardown(void **state)
{
    host_abandon();
    return house_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, teardown)
        TEST(the_announcer_removes_only_what_is_expected_of_it),
        TEST(what_somebody_writes_or_has_saved_anew_stays),
        TEST(what_is_only_read_goes_and_stays_readable),
        TEST(who_opens_what_is_being_removed_waits_for_the_outcome),
        TEST(what_was_renamed_meanwhile_is_not_swept),
        TEST(fsync_through_a_handle_that_only_reads_makes_durable_what_others_wrote),
        TEST(an_xattr_that_is_accepted_stays),
    };
    setenv("CAREPLAN_LOG", "error", 1);
    log_open("test");
    return cmocka_run_group_tests_name("removal", tests, NULL, NULL);
}
