/* What goes is what stands there and was judged: on a real mount, with the inside in view. */
#include "mount_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"

#define GOOD "DLTPLAN_202504_0300000100_43_0300000005_11_20250501000001.CSV"
#define OTHER "DLTPLAN_202504_0300000100_43_0300000005_11_20250501000002.CSV"

static char *scratch_patterns[] = {"*.tmp", NULL};
static char *document_extensions[] = {"pdf", NULL};

static struct mount_host *start(void **state)
{
    struct house *h = *state;
    h->settings.reject_close = true;
    h->settings.scratch = scratch_patterns;
    h->settings.documents = document_extensions;
    return host_start(h, false);
}

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

static void wait_idle(struct mount_host *m, uint64_t id)
{
    for (int i = 0; i < 2000 && mount_busy(m->mount, 0, id); i++)
        sleep_ms(5);
    assert_false(mount_busy(m->mount, 0, id));
}

/* As a program that a signal ends in the middle of its save. */
static void leave_half(const char *path, const void *data, size_t length)
{
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0660);
        _exit(write(fd, data, length) == (ssize_t)length && kill(getpid(), SIGKILL) ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void a_size_changed_and_changed_back_leaves_the_content(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    good_content(&text);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), text.data, text.length), 0);
    int fd = open(at(m, "outbox/" GOOD), O_RDWR);
    assert_int_equal(ftruncate(fd, (off_t)text.length + 10), 0);
    assert_int_equal(ftruncate(fd, (off_t)text.length), 0);
    assert_int_equal(fsync(fd), 0);
    struct ledger_node n = node_at(m->house, at(m, "outbox/" GOOD));
    assert_int_equal(n.size, text.length);
    assert_int_equal(n.draft, 0);
    assert_int_equal(close(fd), 0);
    n = node_at(m->house, at(m, "outbox/" GOOD));
    assert_int_equal(n.verdict, VERDICT_GOOD);
    assert_int_equal(n.size, text.length);
    wait_idle(m, n.id);
    host_stop(m);
}

static void an_emptied_file_is_not_sent_as_what_it_was(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    good_content(&text);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), text.data, text.length), 0);
    uint64_t id = id_of(at(m, "outbox/" GOOD)), message = node_at(m->house, at(m, "outbox/" GOOD)).message;
    int fd = open(at(m, "outbox/" GOOD), O_WRONLY | O_TRUNC);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(close(fd), 0);
    sleep_ms(100);
    assert_true(mount_busy(m->mount, 0, id)); /* a draft is no verdict */
    struct ledger_unit u;
    assert_int_equal(ledger_unit(m->house->ledger, message, &u), 0);
    const char *name = u.files[0].name;
    assert_int_equal(ledger_queue_unit(m->house->ledger, message, &name, &u.files[0].content, 1, NULL, NULL),
                     -ESTALE);
    ledger_unit_free(&u);
    mount_judge_empty(m->mount, 0, id);
    wait_verdict(m->house, at(m, "outbox/" GOOD), VERDICT_REJECTED);
    assert_true(exists(at(m, "outbox/" GOOD ".エラー.txt")));
    host_stop(m);
}

static void a_draft_and_a_new_content_take_a_name_together(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    good_content(&text);
    int fd = open(at(m, "outbox/a.tmp"), O_RDWR | O_CREAT, 0660);
    assert_int_equal(write(fd, "garbage", 7), 7);
    assert_int_equal(fsync(fd), 0); /* the ledger has this */
    assert_int_equal(pwrite(fd, text.data, text.length, 0), (ssize_t)text.length);
    assert_int_equal(close(fd), 0);
    sleep_ms(50);
    uint64_t seen;
    assert_int_equal(ledger_verify(m->house->ledger, &seen, NULL), 0);
    assert_int_equal(rename(at(m, "outbox/a.tmp"), at(m, "outbox/" GOOD)), 0);
    struct ledger_node n = node_at(m->house, at(m, "outbox/" GOOD));
    assert_int_equal(n.verdict, VERDICT_GOOD);
    assert_int_equal(n.size, text.length);
    assert_int_equal(n.draft, 0);
    host_stop(m);
}

static void a_new_name_does_not_close_what_is_held(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    good_content(&text);
    leave_half(at(m, "outbox/" GOOD), text.data, text.length);
    wait_verdict(m->house, at(m, "outbox/" GOOD), VERDICT_HELD);
    assert_int_equal(rename(at(m, "outbox/" GOOD), at(m, "outbox/" OTHER)), 0);
    assert_int_equal(node_at(m->house, at(m, "outbox/" OTHER)).verdict, VERDICT_HELD);
    assert_true(exists(at(m, "outbox/" OTHER ".確認.txt")));
    assert_false(exists(at(m, "outbox/" GOOD ".確認.txt")));
    /* Nor do two. */
    assert_int_equal(rename(at(m, "outbox/" OTHER), at(m, "outbox/a.tmp")), 0);
    assert_false(exists(at(m, "outbox/" OTHER ".確認.txt")));
    assert_int_equal(rename(at(m, "outbox/a.tmp"), at(m, "outbox/" GOOD)), 0);
    assert_int_equal(node_at(m->house, at(m, "outbox/" GOOD)).verdict, VERDICT_HELD);
    assert_int_equal(unlink(at(m, "outbox/" GOOD ".確認.txt")), 0);
    assert_int_equal(node_at(m->house, at(m, "outbox/" GOOD)).verdict, VERDICT_GOOD);
    host_stop(m);
}

static void who_has_a_report_open_reads_it_on_when_it_is_rewritten(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0};
    char before[4096], after[4096], again[8192];
    good_content(&text);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), "x", 1), -EINVAL);
    int fd = open(at(m, "outbox/" GOOD ".エラー.txt"), O_RDONLY);
    ssize_t n = pread(fd, before, sizeof before, 0);
    assert_true(n > 0);
    static const char worse[] = "202407,x,y,202599\r\n";
    assert_int_equal(save_file(at(m, "outbox/" GOOD), worse, sizeof worse - 1), -EINVAL);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert_int_equal(pread(fd, after, sizeof after, 0), n);
    assert_memory_equal(before, after, (size_t)n);
    int other = open(at(m, "outbox/" GOOD ".エラー.txt"), O_RDONLY);
    assert_true(other >= 0);
    ssize_t length = read(other, again, sizeof again);
    assert_true(length > n);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), text.data, text.length), 0);
    assert_false(exists(at(m, "outbox/" GOOD ".エラー.txt")));
    assert_int_equal(posix_fadvise(other, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert_int_equal(pread(other, again, sizeof again, 0), length);
    close(fd);
    close(other);
    host_stop(m);
}

static void the_same_name_in_two_places_is_sent_once_and_said(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0}, said = {0};
    struct ledger_partner partner = {0};
    const struct office_id service = office(SERVICE);
    good_content(&text);
    assert_int_equal(ledger_partner(m->house->ledger, &service, &partner), 0);
    assert_int_equal(save_file(at(m, "outbox/" GOOD), text.data, text.length), 0);
    assert_int_equal(save_file(at(m, "outbox/%s/" GOOD, partner.folder), text.data, text.length), -EINVAL);
    assert_int_equal(file_read(at(m, "outbox/%s/" GOOD ".エラー.txt", partner.folder), 1 << 16, &said, NULL),
                     0);
    assert_non_null(strstr((const char *)said.data, "CP3017"));
    uint64_t message = node_at(m->house, at(m, "outbox/" GOOD)).message;
    assert_true(message != 0);
    assert_int_equal(unlink(at(m, "outbox/%s/" GOOD, partner.folder)), 0);
    struct ledger_unit u = unit_of(m->house, message);
    assert_int_equal(u.state, OUT_WAITING); /* the first goes all the same */
    /* Another way round, and by a rename: where the first one goes the second may stand. */
    assert_int_equal(save_file(at(m, "outbox/%s/a.tmp", partner.folder), text.data, text.length), 0);
    assert_int_equal(
        rename(at(m, "outbox/%s/a.tmp", partner.folder), at(m, "outbox/%s/" GOOD, partner.folder)), 0);
    assert_int_equal(node_at(m->house, at(m, "outbox/%s/" GOOD, partner.folder)).verdict, VERDICT_REJECTED);
    assert_int_equal(rename(at(m, "outbox/" GOOD), at(m, "outbox/%s/" GOOD, partner.folder)), 0);
    assert_int_equal(node_at(m->house, at(m, "outbox/%s/" GOOD, partner.folder)).verdict, VERDICT_GOOD);
    assert_false(exists(at(m, "outbox/%s/" GOOD ".エラー.txt", partner.folder)));
    ledger_partner_free(&partner);
    host_stop(m);
}

#define PLAN "UPPLAN_202504_0300000100_43_0300000005_11_20250401090500.CSV"

/* Days of another month are warnings; then a row that ends after its first item. */
static void warned_of_and_one_error(struct buffer *out)
{
    autobuffer sample = {0};
    DIR *d = opendir(SAMPLES "/valid/b_month_202504_43_to_11");
    assert_non_null(d);
    for (const struct dirent *f; (f = readdir(d));) {
        char path[512];
        snprintf(path, sizeof path, SAMPLES "/valid/b_month_202504_43_to_11/%s", f->d_name);
        if (strncmp(f->d_name, "UPPLAN", 6) == 0)
            assert_int_equal(file_read(path, 1 << 20, &sample, NULL), 0);
    }
    closedir(d);
    char *row = (char *)sample.data, *end = strstr(row, "\r\n"), *user = strstr(row, "0000000101"),
         *day = strstr(row, "20250403");
    assert_true(end && user && day && day < end);
    memcpy(day, "20250503", 8);
    for (unsigned i = 0; i < 1200; i++) {
        char number[11];
        snprintf(number, sizeof number, "%010u", i);
        memcpy(user, number, 10);
        assert_int_equal(buffer_append(out, row, (size_t)(end - row) + 2), 0);
    }
    assert_int_equal(buffer_append(out, "202407\r\n", 8), 0);
}

static bool told(void *context, const struct ledger_status *s)
{
    struct ledger_problem *first = context;
    assert_string_equal(s->state, "rejected");
    assert_true(s->n_problems > 1 && s->warnings >= 1200);
    *first = s->problems[0];
    assert_string_equal(s->reason, first->code);
    return false;
}

static void an_error_behind_a_thousand_warnings_is_told(void **state)
{
    struct mount_host *m = start(state);
    autobuffer text = {0}, said = {0};
    struct ledger_problem first = {0};
    warned_of_and_one_error(&text);
    assert_int_equal(save_file(at(m, "outbox/" PLAN), text.data, text.length), -EINVAL);
    assert_int_equal(file_read(at(m, "outbox/" PLAN ".エラー.txt"), 1 << 20, &said, NULL), 0);
    assert_non_null(strstr((const char *)said.data, "1201行目"));
    assert_int_equal(ledger_status_list(m->house->ledger, 0, 1, told, &first), 0);
    assert_true(first.error);
    assert_int_equal(first.line, 1201);
    host_stop(m);
}

static int teardown(void **state)
{
    host_abandon();
    return house_teardown(state);
}

int main(void)
{
#define RULE(name) cmocka_unit_test_setup_teardown(name, house_setup, teardown)
    const struct CMUnitTest tests[] = {
        RULE(a_size_changed_and_changed_back_leaves_the_content),
        RULE(an_emptied_file_is_not_sent_as_what_it_was),
        RULE(a_draft_and_a_new_content_take_a_name_together),
        RULE(a_new_name_does_not_close_what_is_held),
        RULE(who_has_a_report_open_reads_it_on_when_it_is_rewritten),
        RULE(the_same_name_in_two_places_is_sent_once_and_said),
        RULE(an_error_behind_a_thousand_warnings_is_told),
    };
    return cmocka_run_group_tests_name("mount-contents", tests, NULL, NULL);
}
