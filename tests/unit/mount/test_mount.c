/* Operations on a real mount, where they need the inside too: what the settler and the announcer ask. What
 * programs see alone is in tests/integration/test_mount.py. */
#include "mount_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/thread.h"
#include "mount/names.h"

#define GOOD "DLTPLAN_202504_0300000100_43_0300000005_11_20250501000001.CSV"

static char *scratch_patterns[] = {"*.tmp", "~$*", NULL};
static char *document_extensions[] = {"pdf", NULL};

static struct mount_host *start(void **state)
{
    struct house *h = *state;
    h->settings.reject_close = true;
    h->settings.scratch = scratch_patterns;
    h->settings.documents = document_extensions;
    return host_start(h, false);
}

/* A good file by the samples; its content. */
static void good_content(struct buffer *out)
{
    DIR *d = opendir(SAMPLES "/valid/d_delete_month_plan");
    assert_non_null(d);
    for (const struct dirent *f; (f = readdir(d));) {
        char path[512];
        if (f->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, SAMPLES "/valid/d_delete_month_plan/%s", f->d_name);
        assert_int_equal(file_read(path, 1 << 20, out, NULL), 0);
    }
    closedir(d);
}

static struct ledger_node node_at(struct house *h, const char *path)
{
    struct ledger_node n = {0};
    assert_int_equal(ledger_node(h->ledger, id_of(path), &n), 0);
    return n;
}

static void wait_verdict(struct house *h, const char *path, enum file_verdict verdict)
{
    struct ledger_node n = {0};
    for (int i = 0; i < 2000 && (ledger_node(h->ledger, id_of(path), &n) || n.verdict != verdict); i++)
        sleep_ms(5);
    assert_int_equal(n.verdict, verdict);
}

static void a_good_close_is_in_the_ledger_when_it_returns(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    good_content(&text);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), text.data, text.length), 0);
    struct ledger_node n = node_at(m->house, at(m, "outbox/" GOOD));
    assert_int_equal(n.verdict, VERDICT_GOOD);
    assert_int_equal(n.size, text.length);
    assert_true(n.message != 0);
    host_stop(m);
}

static void a_broken_close_answers_einval_and_leaves_content_and_report(void **state)
{
    struct mount_host *m = start(state);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), "broken", 6), -EINVAL);
    assert_int_equal(node_at(m->house, at(m, "outbox/" GOOD)).verdict, VERDICT_REJECTED);
    assert_int_equal(access(at(m, "outbox/" GOOD ".エラー.txt"), R_OK), 0);
    autobuffer text = {0};
    good_content(&text);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), text.data, text.length), 0);
    assert_int_equal(access(at(m, "outbox/" GOOD ".エラー.txt"), R_OK), -1); /* the report goes */
    host_stop(m);
}

static void a_rejecting_close_can_be_switched_off(void **state)
{
    struct mount_host *m = start(state);
    m->house->settings.reject_close = false;
    assert_int_equal(save_file(at(m, "outbox/" GOOD), "broken", 6), 0);
    assert_int_equal(access(at(m, "outbox/" GOOD ".エラー.txt"), R_OK), 0);
    host_stop(m);
}

static void an_open_file_is_busy_and_a_closed_one_is_not(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    good_content(&text);
    int fd = open(at(m, "outbox/" GOOD), O_WRONLY | O_CREAT, 0660);
    assert_true(fd >= 0);
    uint64_t id = id_of(at(m, "outbox/" GOOD));
    assert_true(mount_busy(m->mount, 0, id));
    assert_int_equal(write(fd, text.data, text.length), (ssize_t)text.length);
    assert_int_equal(close(fd), 0);
    for (int i = 0; i < 1000 && mount_busy(m->mount, 0, id); i++) /* RELEASE comes by itself */
        sleep_ms(2);
    assert_false(mount_busy(m->mount, 0, id));
    host_stop(m);
}

static void an_empty_file_is_judged_when_its_settle_time_is_over(void **state)
{
    struct mount_host *m = start(state);
    int fd = open(at(m, "outbox/" GOOD), O_WRONLY | O_CREAT, 0660);
    assert_true(fd >= 0);
    uint64_t id = id_of(at(m, "outbox/" GOOD));
    mount_judge_empty(m->mount, 0, id); /* somebody has it open: nothing */
    assert_int_equal(close(fd), 0);
    sleep_ms(50);
    assert_int_equal(access(at(m, "outbox/" GOOD ".エラー.txt"), F_OK), -1);
    mount_judge_empty(m->mount, 0, id);
    wait_verdict(m->house, at(m, "outbox/" GOOD), VERDICT_REJECTED);
    assert_int_equal(access(at(m, "outbox/" GOOD ".エラー.txt"), F_OK), 0);
    host_stop(m);
}

static void what_is_not_saved_yet_stays_after_the_last_close(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    char got[16];
    good_content(&text);
    int fd = open(at(m, "outbox/a.tmp"), O_RDWR | O_CREAT, 0660);
    assert_int_equal(write(fd, "one", 3), 3);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(write(fd, "two", 3), 3);
    assert_int_equal(close(fd), 0); /* scratch: what came after the fsync costs none */
    assert_int_equal(save_file(at(m, "outbox/" GOOD), text.data, text.length), 0);
    uint64_t id = id_of(at(m, "outbox/" GOOD));
    assert_int_equal(truncate(at(m, "outbox/" GOOD), 0), 0);
    sleep_ms(1200); /* the kernel has forgotten the attributes */
    fd = open(at(m, "outbox/a.tmp"), O_RDONLY);
    assert_int_equal(read(fd, got, sizeof got), 6);
    assert_memory_equal(got, "onetwo", 6);
    close(fd);
    struct stat status;
    assert_int_equal(stat(at(m, "outbox/" GOOD), &status), 0);
    assert_int_equal(status.st_size, 0);
    assert_true(mount_busy(m->mount, 0, id)); /* what was saved before does not go */
    assert_int_equal(node_at(m->house, at(m, "outbox/" GOOD)).size, text.length); /* and is not lost either */
    mount_judge_empty(m->mount, 0, id);
    wait_verdict(m->house, at(m, "outbox/" GOOD), VERDICT_REJECTED);
    host_stop(m);
}

static void make_old(const char *path)
{
    const struct timespec old[2] = {{.tv_sec = 1600000000}, {.tv_sec = 1600000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static void old_scratch_is_swept_but_never_while_open(void **state)
{
    struct mount_host *m = start(state);
    assert_int_equal(save_file(at(m, "outbox/old.tmp"), "x", 1), 0);
    assert_int_equal(save_file(at(m, "outbox/open.tmp"), "x", 1), 0);
    assert_int_equal(save_file(at(m, "outbox/young.tmp"), "x", 1), 0);
    assert_int_equal(save_file(at(m, "outbox/notes.doc"), "x", 1), -EINVAL); /* kept, never swept */
    int fd = open(at(m, "outbox/durable.tmp"), O_WRONLY | O_CREAT, 0660);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(close(fd), 0);
    make_old(at(m, "outbox/old.tmp"));
    make_old(at(m, "outbox/open.tmp"));
    make_old(at(m, "outbox/notes.doc"));
    make_old(at(m, "outbox/durable.tmp"));
    sleep_ms(1500); /* times of what the ledger has go with the next transaction */
    fd = open(at(m, "outbox/open.tmp"), O_RDONLY);
    assert_true(fd >= 0);
    mount_sweep(m->mount, 0);
    sleep_ms(1200); /* the kernel believes a name for a second */
    assert_int_equal(access(at(m, "outbox/old.tmp"), F_OK), -1);
    assert_int_equal(access(at(m, "outbox/durable.tmp"), F_OK), -1);
    assert_int_equal(access(at(m, "outbox/open.tmp"), F_OK), 0);
    assert_int_equal(access(at(m, "outbox/young.tmp"), F_OK), 0);
    assert_int_equal(access(at(m, "outbox/notes.doc"), F_OK), 0);
    close(fd);
    host_stop(m);
}

static void receive_one(struct house *h, const char *name, uint64_t *message)
{
    struct content *c = content_new(h->ledger);
    assert_non_null(c);
    assert_int_equal(content_append(c, "hello", 5), 0);
    assert_int_equal(content_finish(c), 0);
    char folded[768];
    name_fold(name, folded);
    const struct ledger_incoming_file file = {
        .name = name, .folded = folded, .kind = "DLTPLAN", .main_file = true, .content = c};
    struct ledger_incoming in = {.sender = office(SERVICE),
                                 .sequence = "20250501000001",
                                 .acceptance = (const uint8_t *)"a",
                                 .statement = (const uint8_t *)"s",
                                 .header = (const uint8_t *)"h",
                                 .manifest = (const uint8_t *)"{\"files\":[]}",
                                 .acceptance_length = 1,
                                 .statement_length = 1,
                                 .header_length = 1,
                                 .manifest_length = 12,
                                 .created = 1,
                                 .accepted_at = 1,
                                 .files = &file,
                                 .n_files = 1,
                                 .receipt = (const uint8_t *)"r",
                                 .receipt_length = 1};
    message_id_new(&in.id);
    assert_int_equal(ledger_receive(h->ledger, &in, NULL, NULL), 0);
    assert_int_equal(ledger_to_show(h->ledger, message, 1), 1);
}

/* The path of an entry's folder below the mount point, found by the ledger id of the folder. */
static void inbox_of(struct house *h, char out[300])
{
    struct office_id id = office(SERVICE);
    struct ledger_partner p;
    assert_int_equal(ledger_partner(h->ledger, &id, &p), 0);
    snprintf(out, 300, "inbox/%s", p.folder);
    ledger_partner_free(&p);
}

static void the_hidden_folder_is_there_for_the_announcer_alone(void **state)
{
    struct mount_host *m = start(state);
    struct ledger_entry entries[8];
    uint64_t message;
    char inbox[300];
    struct stat status;
    const char *hidden = mount_hidden_name(m->mount, 0);
    receive_one(m->house, "DLTPLAN_202504_0300000005_11_0300000100_43_20250501000001.CSV", &message);
    inbox_of(m->house, inbox);
    int n = ledger_show_list(m->house->ledger, message, entries, 8);
    assert_true(n >= 2);
    assert_int_equal(stat(at(m, "%s", hidden), &status), -1);
    mount_set_announcer(m->mount, getpid());
    assert_int_equal(stat(at(m, "%s", hidden), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    for (int i = 0; i < n; i++) {
        char from[100];
        snprintf(from, sizeof from, "%s/%llu", hidden, (unsigned long long)entries[i].id);
        assert_int_equal(stat(at(m, "%s", from), &status), -1); /* not expected yet */
        assert_int_equal(mount_expect(m->mount, 0, &entries[i]), 0);
        if (entries[i].parent != NODE_ORDER && entries[i].parent != NODE_ALL) {
            const char *to = at(m, "%s/%s", inbox, entries[i].name);
            assert_int_equal(stat(to, &status), -1);
            assert_int_equal(rename(at(m, "%s", from), at(m, "%s/other", inbox)), -1);
            assert_int_equal(errno, EACCES);
            assert_int_equal(rename(at(m, "%s", from), to), 0);
            assert_int_equal(stat(to, &status), 0); /* seen by all, though the ledger says otherwise */
            assert_int_equal(status.st_size, 5);
        }
    }
    assert_int_equal(ledger_shown(m->house->ledger, message, NULL, NULL), 0);
    for (int i = 0; i < n; i++)
        mount_expect_end(m->mount, 0, entries[i].id);
    mount_set_announcer(m->mount, 0);
    assert_int_equal(stat(at(m, "%s", hidden), &status), -1);
    autofree char *all =
        strdup(at(m, "inbox/_すべて/%s", "DLTPLAN_202504_0300000005_11_0300000100_43_20250501000001.CSV"));
    assert_int_equal(stat(all, &status), 0);
    int fd = open(all, O_RDONLY);
    char text[8];
    assert_int_equal(read(fd, text, sizeof text), 5);
    assert_memory_equal(text, "hello", 5);
    close(fd);
    host_stop(m);
}

static void several_offices_have_a_folder_each(void **state)
{
    struct house *h = *state;
    struct mount_host *m = host_start(h, true);
    struct stat one, two;
    assert_string_equal(mount_office_path(m->mount, 0), CARE "/");
    assert_string_equal(mount_office_path(m->mount, 1), SECOND_CARE "/");
    assert_int_equal(stat(at(m, CARE "/outbox"), &one), 0);
    assert_int_equal(stat(at(m, SECOND_CARE "/outbox"), &two), 0);
    assert_true(one.st_ino != two.st_ino);
    assert_int_equal(stat(at(m, "outbox"), &one), -1);
    assert_int_equal(save_file(at(m, "x.tmp"), "x", 1), -EACCES);
    assert_int_equal(save_file(at(m, CARE "/outbox/x.tmp"), "x", 1), 0);
    assert_int_equal(rename(at(m, CARE "/outbox/x.tmp"), at(m, SECOND_CARE "/outbox/x.tmp")), -1);
    assert_int_equal(errno, EACCES); /* never EXDEV */
    DIR *d = opendir(m->point);
    unsigned seen = 0;
    for (const struct dirent *f; (f = readdir(d));)
        seen += strcmp(f->d_name, CARE) == 0 || strcmp(f->d_name, SECOND_CARE) == 0;
    closedir(d);
    assert_int_equal(seen, 2);
    host_stop(m);
}

static void a_scratch_file_renamed_over_a_saved_one_takes_its_place_durably(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    good_content(&text);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), "broken", 6), -EINVAL);
    int reader = open(at(m, "outbox/" GOOD), O_RDONLY);
    assert_int_equal(save_file(at(m, "outbox/new.tmp"), text.data, text.length), 0);
    assert_int_equal(setxattr(at(m, "outbox/new.tmp"), "user.mark", "m", 1, 0), 0);
    assert_int_equal(rename(at(m, "outbox/new.tmp"), at(m, "outbox/" GOOD)), 0);
    struct ledger_node n = node_at(m->house, at(m, "outbox/" GOOD));
    assert_int_equal(n.verdict, VERDICT_GOOD);
    assert_true(has_entry(m->house, NODE_OUTBOX, GOOD));
    assert_false(has_entry(m->house, NODE_OUTBOX, "new.tmp"));
    char old[8], mark;
    assert_int_equal(read(reader, old, sizeof old), 6); /* who had the old one open reads it on */
    close(reader);
    assert_int_equal(getxattr(at(m, "outbox/" GOOD), "user.mark", &mark, 1), 1);
    assert_int_equal(rename(at(m, "outbox/" GOOD), at(m, "outbox/aside.tmp")), 0);
    assert_int_equal(node_at(m->house, at(m, "outbox/aside.tmp")).message, 0); /* withdrawn */
    assert_int_equal(rename(at(m, "outbox/aside.tmp"), at(m, "outbox/" GOOD)), 0);
    assert_true(node_at(m->house, at(m, "outbox/" GOOD)).message != 0);
    host_stop(m);
}

static void what_a_killed_program_left_is_held_until_its_note_is_deleted(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    good_content(&text);
    autofree char *path = strdup(at(m, "outbox/" GOOD));
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_WRONLY | O_CREAT, 0660);
        _exit(write(fd, text.data, text.length) == (ssize_t)text.length && kill(getpid(), SIGKILL) ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    wait_verdict(m->house, path, VERDICT_HELD);
    assert_int_equal(unlink(at(m, "outbox/" GOOD ".確認.txt")), 0);
    assert_int_equal(node_at(m->house, path).verdict, VERDICT_GOOD);
    assert_int_equal(access(at(m, "outbox/" GOOD ".確認.txt"), F_OK), -1);
    host_stop(m);
}

static void a_draft_found_at_the_start_is_held(void **state)
{
    struct mount_host *m = start(state);
    int fd = open(at(m, "outbox/" GOOD), O_WRONLY | O_CREAT, 0660);
    assert_int_equal(write(fd, "half", 4), 4);
    assert_int_equal(fsync(fd), 0);
    host_stop(m); /* with the file open: as if the daemon had died */
    close(fd);
    m = start(state);
    wait_verdict(m->house, at(m, "outbox/" GOOD), VERDICT_HELD);
    assert_int_equal(access(at(m, "outbox/" GOOD ".確認.txt"), F_OK), 0);
    host_stop(m);
}

/* ---- At once ---- */

struct lane {
    struct mount_host *m;
    unsigned number;
    int failed;
};

/* Another lane may have given the open file a name that is judged. */
static bool closed_or_judged(int fd)
{
    return close(fd) == 0 || errno == EINVAL;
}

static void *work_in_lane(void *context)
{
    struct lane *l = context;
    char a[128], b[128], block[3000];
    memset(block, 'a', sizeof block);
    snprintf(a, sizeof a, "%s/outbox/shared%u.tmp", l->m->point, l->number % 2);
    snprintf(b, sizeof b, "%s/outbox/note%u.doc", l->m->point, l->number);
    for (int i = 0; i < 60; i++) {
        int fd = open(a, O_RDWR | O_CREAT, 0660), copy;
        if (fd < 0) {
            l->failed += errno != ENOENT && errno != EEXIST; /* another lane renamed it */
            continue;
        }
        copy = dup(fd);
        l->failed += pwrite(fd, block, sizeof block, i * 1000) != sizeof block;
        l->failed += !closed_or_judged(copy);
        l->failed += i % 8 == 0 && fsync(fd) != 0;
        l->failed += pread(fd, block, sizeof block, 0) < 0;
        l->failed += !closed_or_judged(fd);
        l->failed += save_file(b, block, sizeof block) != -EINVAL;
        DIR *d = opendir(at(l->m, "outbox"));
        l->failed += !d;
        while (d && readdir(d))
            ;
        if (d)
            closedir(d);
        if (i % 5 == 0 && rename(a, b) && errno != ENOENT)
            l->failed++;
        if (i % 7 == 0 && unlink(b) && errno != ENOENT)
            l->failed++;
    }
    return NULL;
}

static void eight_threads_at_once_disturb_nothing(void **state)
{
    struct mount_host *m = start(state);
    struct lane lanes[8];
    pthread_t threads[8];
    for (unsigned i = 0; i < 8; i++) {
        lanes[i] = (struct lane){m, i, 0};
        assert_int_equal(thread_start(&threads[i], "lane", work_in_lane, &lanes[i]), 0);
    }
    int failed = 0;
    for (unsigned i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        failed += lanes[i].failed;
    }
    assert_int_equal(failed, 0);
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
#define RULE(name) cmocka_unit_test_setup_teardown(name, house_setup, teardown)
        RULE(a_good_close_is_in_the_ledger_when_it_returns),
        RULE(a_broken_close_answers_einval_and_leaves_content_and_report),
        RULE(a_rejecting_close_can_be_switched_off),
        RULE(an_open_file_is_busy_and_a_closed_one_is_not),
        RULE(an_empty_file_is_judged_when_its_settle_time_is_over),
        RULE(what_is_not_saved_yet_stays_after_the_last_close),
        RULE(old_scratch_is_swept_but_never_while_open),
        RULE(the_hidden_folder_is_there_for_the_announcer_alone),
        RULE(several_offices_have_a_folder_each),
        RULE(a_scratch_file_renamed_over_a_saved_one_takes_its_place_durably),
        RULE(what_a_killed_program_left_is_held_until_its_note_is_deleted),
        RULE(a_draft_found_at_the_start_is_held),
        RULE(eight_threads_at_once_disturb_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
