/* The announcer over a plain folder that stands for the mount. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "mount/announcer.h"

struct stage {
    char dir[64];
    int socket; /* the announcer's end, as the keeper keeps it */
    pid_t process;
    struct announcer *announcer;
};

static pid_t start(struct stage *s)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(announcer_run(s->socket, s->dir));
    assert_true(pid > 0);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int setup(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    int ends[2];
    assert_non_null(s);
    strcpy(s->dir, "/tmp/test-announcer-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    s->socket = ends[1];
    s->process = start(s);
    s->announcer = announcer_new(ends[0]);
    assert_non_null(s->announcer);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct stage *s = *state;
    char command[128];
    end(s->process);
    announcer_free(s->announcer);
    if (s->socket >= 0)
        close(s->socket);
    snprintf(command, sizeof command, "rm -r %s", s->dir);
    int r = system(command);
    free(s);
    return r;
}

static void make_file(const struct stage *s, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static bool exists(const struct stage *s, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    return access(path, F_OK) == 0;
}

static void the_kernel_says_which_process_answers(void **state)
{
    struct stage *s = *state;
    pid_t pid = 0;
    assert_int_equal(announcer_ping(s->announcer, &pid), 0);
    assert_int_equal(pid, s->process);
    assert_int_equal(announcer_look(s->announcer), 0);
}

static void renames_and_removes_below_the_mount_point(void **state)
{
    struct stage *s = *state;
    make_file(s, "17");
    assert_int_equal(announcer_rename(s->announcer, "17", "UPPLAN.CSV"), 0);
    assert_true(exists(s, "UPPLAN.CSV") && !exists(s, "17"));
    assert_int_equal(announcer_unlink(s->announcer, "UPPLAN.CSV"), 0);
    assert_false(exists(s, "UPPLAN.CSV"));
}

static void the_errno_of_the_call_comes_back(void **state)
{
    struct stage *s = *state;
    assert_int_equal(announcer_rename(s->announcer, "17", "18"), -ENOENT);
    assert_int_equal(announcer_unlink(s->announcer, "."), -EISDIR);
}

static void no_path_leads_out_of_the_mount(void **state)
{
    struct stage *s = *state;
    make_file(s, "17");
    static const char *const outside[] = {"../17", "a/../../17", "/tmp/17", "..", "a/..", ""};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_int_equal(announcer_rename(s->announcer, "17", outside[i]), -EINVAL);
        assert_int_equal(announcer_unlink(s->announcer, outside[i]), -EINVAL);
    }
    assert_true(exists(s, "17"));
    make_file(s, "..17");
    assert_int_equal(announcer_unlink(s->announcer, "..17"), 0);
}

static void a_path_too_long_is_refused_here(void **state)
{
    struct stage *s = *state;
    char longest[5000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(announcer_unlink(s->announcer, longest), -ENAMETOOLONG);
}

static void a_malformed_packet_is_dropped_and_the_next_answered(void **state)
{
    struct stage *s = *state;
    pid_t pid;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid_t process = fork();
    if (process == 0) {
        close(ends[0]);
        _exit(announcer_run(ends[1], s->dir));
    }
    close(ends[1]);
    assert_int_equal(send(ends[0], "x", 1, 0), 1);
    assert_int_equal(send(ends[0], "0123456789abcdefghijklm", 23, 0), 23); /* no NUL anywhere */
    struct announcer *a = announcer_new(ends[0]);
    assert_int_equal(announcer_ping(a, &pid), 0);
    assert_int_equal(pid, process);
    announcer_free(a); /* it ends by itself */
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_successor_answers_what_its_predecessor_left(void **state)
{
    struct stage *s = *state;
    pid_t pid = 0;
    end(s->process);
    s->process = start(s);
    make_file(s, "17");
    assert_int_equal(announcer_rename(s->announcer, "17", "18"), 0);
    assert_int_equal(announcer_ping(s->announcer, &pid), 0);
    assert_int_equal(pid, s->process);
}

static void after_shut_no_call_begins(void **state)
{
    struct stage *s = *state;
    make_file(s, "17");
    announcer_shut(s->announcer);
    assert_int_equal(announcer_rename(s->announcer, "17", "18"), -ESHUTDOWN);
    assert_true(exists(s, "17"));
}

static void without_keeper_and_announcer_calls_end_at_once(void **state)
{
    struct stage *s = *state;
    pid_t pid;
    end(s->process);
    close(s->socket);
    s->socket = -1;
    assert_int_equal(announcer_ping(s->announcer, &pid), -EPIPE);
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    s->socket = ends[1]; /* for the teardown */
    s->process = start(s);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(the_kernel_says_which_process_answers),
        TEST(renames_and_removes_below_the_mount_point),
        TEST(the_errno_of_the_call_comes_back),
        TEST(no_path_leads_out_of_the_mount),
        TEST(a_path_too_long_is_refused_here),
        TEST(a_malformed_packet_is_dropped_and_the_next_answered),
        TEST(a_successor_answers_what_its_predecessor_left),
        TEST(after_shut_no_call_begins),
        TEST(without_keeper_and_announcer_calls_end_at_once),
    };
    return cmocka_run_group_tests_name("announcer", tests, NULL, NULL);
}
