/* Opening, refusing, holding, and what a start does with what a dead daemon left. */
#include "house.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static void the_fixed_folders_are_there_from_the_first_open(void **state)
{
    struct house *h = *state;
    static const char *const NAMES[] = {"outbox", "inbox", "archive", "送受信状況.html", "送受信一覧.csv"};
    struct ledger_entry e;
    struct ledger_node n;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(ledger_lookup(h->l, NODE_ROOT, NAMES[i], &e, &n), 0);
    assert_int_equal(ledger_lookup(h->l, NODE_INBOX, "_順番", &e, &n), 0);
    assert_int_equal(e.node, NODE_ORDER);
    assert_int_equal(n.kind, NODE_FOLDER);
    assert_true(n.created_ns > 0);
    assert_int_equal(ledger_lookup(h->l, NODE_ROOT, "nothing", &e, &n), -ENOENT);
}

static void what_was_saved_is_there_after_reopening(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct ledger_entry e;
    struct ledger_node n;
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    house_reopen(h);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, HOUSE_PLAN, &e, &n), 0);
    assert_int_equal(n.id, f.node);
    assert_int_equal(n.size, 4);
    assert_int_equal(n.verdict, VERDICT_GOOD);
    assert_int_equal(n.mtime_ns, 1700000000000000000);
    assert_content(h, n.content, "plan");
}

static void a_second_opener_is_refused_and_told_the_pid(void **state)
{
    struct house *h = *state;
    struct house second = *h;
    struct error e = {0};
    char pid[24];
    snprintf(pid, sizeof pid, "process %ld;", (long)getpid());
    assert_int_equal(house_try_open(&second, false, HOUSE_OFFICE, &e), -EBUSY);
    assert_null(second.l);
    assert_string_equal(e.code, "ledger-in-use");
    assert_non_null(strstr(e.text, pid));
}

static void a_reader_may_look_while_the_daemon_works(void **state)
{
    struct house *h = *state;
    struct house reader = *h;
    struct saved f = {0};
    struct ledger_node n;
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(house_try_open(&reader, true, HOUSE_OFFICE, NULL), 0);
    assert_int_equal(ledger_node(reader.l, f.node, &n), 0);
    assert_content(&reader, n.content, "plan");
    assert_int_equal(ledger_unlink(reader.l, f.entry, false, NULL, NULL, NULL), -EROFS);
    assert_int_equal(ledger_verify(reader.l, NULL, NULL), 0);
    assert_int_equal(ledger_check(reader.l, NULL), 0);
    assert_int_equal(ledger_new_id(reader.l), 0);
    ledger_close(reader.l);
}

/* A process of its own (not a fork: SQLite's locks are the process's) opens the file for writing and closes
 * it: as the last one it would copy and delete the WAL. */
static void another_process_that_closes_the_ledger_leaves_the_wal_to_the_daemon(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct stat before, after;
    char wal[128];
    int status;
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    snprintf(wal, sizeof wal, "%s/ledger.db-wal", h->dir);
    assert_int_equal(stat(wal, &before), 0);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test-life", h->dir, (char *)NULL);
        _exit(9);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(stat(wal, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_size, before.st_size);
}

static int look(const char *dir)
{
    struct house h = {0};
    snprintf(h.dir, sizeof h.dir, "%s", dir);
    return house_number(&h, "SELECT count(*) FROM message") == 1 ? 0 : 1;
}

static void a_reader_of_an_empty_folder_is_told_so(void **state)
{
    (void)state;
    struct house empty = {.dir = "/tmp/test-ledger-XXXXXX"};
    struct error e = {0};
    assert_non_null(mkdtemp(empty.dir));
    assert_true(house_try_open(&empty, true, HOUSE_OFFICE, &e) < 0);
    assert_string_equal(e.code, "storage-key-missing");
    house_remove(empty.dir);
}

static void another_office_is_refused(void **state)
{
    struct house *h = *state;
    struct error e = {0};
    house_close(h);
    assert_int_equal(house_try_open(h, false, "0300000999-43", &e), -EINVAL);
    assert_string_equal(e.code, "ledger-office");
    assert_int_equal(house_try_open(h, true, "0300000999-43", &e), -EINVAL);
    assert_string_equal(e.code, "ledger-office");
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct house *h = *state;
    struct error e = {0};
    house_close(h);
    house_sql(h, "PRAGMA user_version=99");
    assert_int_equal(house_try_open(h, false, HOUSE_OFFICE, &e), -ENOTSUP);
    assert_string_equal(e.code, "ledger-newer");
    assert_int_equal(house_try_open(h, true, HOUSE_OFFICE, &e), -ENOTSUP);
    assert_string_equal(e.code, "ledger-newer");
    assert_int_equal(house_number(h, "PRAGMA user_version"), 99);
}

static void a_storage_key_readable_by_others_is_refused(void **state)
{
    struct house *h = *state;
    struct error e = {0};
    char path[128];
    house_close(h);
    snprintf(path, sizeof path, "%s/storage.key", h->dir);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(house_try_open(h, false, HOUSE_OFFICE, &e), -EPERM);
    assert_string_equal(e.code, "key-readable");
}

static void a_missing_or_foreign_storage_key_is_refused_and_none_is_made(void **state)
{
    struct house *h = *state;
    struct error e = {0};
    char path[128];
    house_close(h);
    snprintf(path, sizeof path, "%s/storage.key", h->dir);
    assert_int_equal(unlink(path), 0);
    assert_true(house_try_open(h, false, HOUSE_OFFICE, &e) < 0);
    assert_string_equal(e.code, "storage-key-missing");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(file_write(path, "0123456789abcdef0123456789abcdef", 32, 0600, &e), 0);
    assert_int_equal(house_try_open(h, false, HOUSE_OFFICE, &e), -EBADMSG);
    assert_string_equal(e.code, "storage-key");
}

static void the_ledgers_files_are_nobody_elses(void **state)
{
    struct house *h = *state;
    static const char *const NAMES[] = {"ledger.db", "ledger.db-wal", "storage.key", "lock"};
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", h->dir, NAMES[i]);
        assert_int_equal(stat(path, &s), 0);
        assert_int_equal(s.st_mode & 077, 0);
    }
}

static void ids_are_never_given_twice_also_after_a_restart(void **state)
{
    struct house *h = *state;
    uint64_t last = 0;
    for (int i = 0; i < 25000; i++) {
        uint64_t id = ledger_new_id(h->l);
        assert_true(id > last && id >= NODE_FIRST_FREE);
        last = id;
    }
    house_reopen(h);
    assert_true(ledger_new_id(h->l) > last);
}

static void ids_given_to_a_killed_daemon_do_not_return(void **state)
{
    struct house *h = *state;
    int from[2];
    uint64_t last = 0;
    house_close(h);
    assert_int_equal(pipe(from), 0);
    pid_t child = fork();
    if (child == 0) {
        house_open(h);
        for (int i = 0; i < 12000; i++)
            last = ledger_new_id(h->l);
        _exit(write(from[1], &last, sizeof last) != sizeof last);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(from[0], &last, sizeof last), sizeof last);
    close(from[0]);
    close(from[1]);
    house_open(h);
    assert_true(ledger_new_id(h->l) > last);
}

static void a_draft_that_a_dead_daemon_left_is_held_with_its_unit(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "judged"), 0);
    assert_int_equal(draft_text(h, &f, HOUSE_PLAN, "half of i"), 0);
    struct ledger_node n = node_of(h, f.node);
    assert_int_equal(n.size, 9);
    assert_content(h, n.draft, "half of i");
    assert_content(h, n.content, "judged");
    assert_int_equal(n.verdict, VERDICT_GOOD);
    house_reopen(h);
    n = node_of(h, f.node);
    assert_int_equal(n.verdict, VERDICT_HELD);
    assert_content(h, n.draft, "half of i");
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_HELD);
    assert_string_equal(u.reason, "held");
    ledger_unit_free(&u);
}

static void a_node_without_a_name_and_contents_nobody_refers_to_go_at_the_next_start(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    static uint8_t big[3 * CONTENT_BLOCK_SIZE];
    assert_int_equal(save_other(h, &f, "memo.txt", "memo"), 0);
    assert_int_equal(ledger_unlink(h->l, f.entry, true, NULL, NULL, NULL), 0);
    assert_int_equal(node_of(h, f.node).links, 0);
    house_close(h);
    pid_t child = fork();
    if (child == 0) { /* two blocks are committed, then the daemon dies */
        house_open(h);
        struct content *c = content_new(h->l);
        _exit(!c || content_append(c, big, sizeof big) != 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(house_number(h, "SELECT count(*) FROM block"), 2 + 1); /* and the memo */
    house_open(h);
    struct ledger_node n;
    assert_int_equal(ledger_node(h->l, f.node, &n), -ENOENT);
    while (ledger_idle(h->l))
        ;
    assert_int_equal(house_number(h, "SELECT count(*) FROM block"), 0);
    assert_int_equal(house_number(h, "SELECT count(*) FROM content"), 0);
}

static void a_value_is_kept(void **state)
{
    struct house *h = *state;
    autobuffer b = {0};
    assert_int_equal(ledger_value_get(h->l, "cursor", &b), -ENOENT);
    assert_int_equal(ledger_value_set(h->l, "cursor", "17", 2, NULL, NULL), 0);
    house_reopen(h);
    assert_int_equal(ledger_value_get(h->l, "cursor", &b), 0);
    assert_string_equal((char *)b.data, "17");
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return look(argv[1]);
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
        T(the_fixed_folders_are_there_from_the_first_open),
        T(what_was_saved_is_there_after_reopening),
        T(a_second_opener_is_refused_and_told_the_pid),
        T(a_reader_may_look_while_the_daemon_works),
        T(another_process_that_closes_the_ledger_leaves_the_wal_to_the_daemon),
        T(a_reader_of_an_empty_folder_is_told_so),
        T(another_office_is_refused),
        T(a_newer_schema_is_refused_and_left_alone),
        T(a_storage_key_readable_by_others_is_refused),
        T(a_missing_or_foreign_storage_key_is_refused_and_none_is_made),
        T(the_ledgers_files_are_nobody_elses),
        T(ids_are_never_given_twice_also_after_a_restart),
        T(ids_given_to_a_killed_daemon_do_not_return),
        T(a_draft_that_a_dead_daemon_left_is_held_with_its_unit),
        T(a_node_without_a_name_and_contents_nobody_refers_to_go_at_the_next_start),
        T(a_value_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
