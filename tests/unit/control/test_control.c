#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "control/control_answer.h"
#include "control/control_client.h"
#include "control/control_server.h"
#include "control/control_socket.h"

enum { A_SECOND = 1000 };

struct daemon {
    char dir[256];
    struct control *control;
    char resent[128];
    bool broken;
};

static int handle_status(void *context, json_t *out)
{
    const struct daemon *d = context;
    return d->broken ? -EIO
                     : json_object_set_new(out, "hub", json_string("online")) |
                           json_object_set_new(out, "since", json_string("2026-11-24T00:00:00.000Z")) |
                           json_object_set_new(out, "trouble", json_string(""));
}

static int handle_resend(void *context, const char *message, struct error *e)
{
    struct daemon *d = context;
    if (strstr(message, "unknown"))
        return error_set(e, -ENOENT, "message-unknown", "no such message: %s", message);
    snprintf(d->resent, sizeof d->resent, "%s", message);
    return 0;
}

static struct control_handlers handlers_of(struct daemon *d)
{
    return (struct control_handlers){d, handle_status, handle_resend};
}

static int start(struct daemon *d, struct error *e)
{
    struct control_handlers h = handlers_of(d);
    return control_start(d->dir, &h, &d->control, e);
}

static int setup(void **state)
{
    struct daemon *d = calloc(1, sizeof *d);
    assert_non_null(d);
    strcpy(d->dir, "/tmp/test-control-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    assert_int_equal(start(d, NULL), 0);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct daemon *d = *state;
    control_stop(d->control);
    autofree char *socket = file_join(d->dir, CONTROL_SOCKET_NAME);
    assert_int_equal(access(socket, F_OK), -1);
    assert_int_equal(rmdir(d->dir), 0);
    free(d);
    return 0;
}

static int connect_raw(const char *dir)
{
    autoclose int folder = control_folder(dir, NULL);
    return control_connect(folder);
}

/* What comes until the other end closes or a second of silence. */
static size_t receive_all(int fd, char *out, size_t size)
{
    size_t have = 0;
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    while (have + 1 < size && poll(&polled, 1, A_SECOND) > 0) {
        ssize_t n = recv(fd, out + have, size - 1 - have, 0);
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    out[have] = '\0';
    return have;
}

static int call(const struct daemon *d, const char *request, json_t **answer, struct error *e)
{
    json_t *json = json_loads(request, 0, NULL);
    assert_non_null(json);
    int r = control_call(d->dir, json, 5 * A_SECOND, answer, e);
    json_decref(json);
    return r;
}

static void status_says_what_the_daemon_says(void **state)
{
    json_t *answer = NULL;
    assert_int_equal(call(*state, "{\"call\":\"status\"}", &answer, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(answer, "hub")), "online");
    json_decref(answer);
}

static void a_status_that_fails_is_an_error_and_not_half_an_answer(void **state)
{
    struct daemon *d = *state;
    struct error e = {0};
    json_t *answer = NULL;
    d->broken = true;
    assert_int_equal(call(d, "{\"call\":\"status\"}", &answer, &e), -EREMOTEIO);
    assert_string_equal(e.code, "control-status");
}

static void resend_hands_the_message_on(void **state)
{
    struct daemon *d = *state;
    json_t *answer = NULL;
    assert_int_equal(call(d, "{\"call\":\"resend\",\"message\":\"x/out/1\"}", &answer, NULL), 0);
    json_decref(answer);
    assert_string_equal(d->resent, "x/out/1");
}

static void a_refusal_brings_the_daemons_code_and_text(void **state)
{
    struct error e = {0};
    json_t *answer = NULL;
    assert_int_equal(call(*state, "{\"call\":\"resend\",\"message\":\"unknown\"}", &answer, &e), -EREMOTEIO);
    assert_string_equal(e.code, "message-unknown");
    assert_string_equal(e.text, "no such message: unknown");
}

static void what_is_no_call_is_answered_with_an_error(void **state)
{
    struct daemon *d = *state;
    struct control_handlers h = handlers_of(d);
    static const char *const lines[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "\"status\"",
                                        "{\"call\":1}",
                                        "{\"call\":\"x\"}",
                                        "{\"call\":\"resend\"}",
                                        "{\"call\":\"resend\",\"message\":[]}",
                                        "{\"call\":\"status\",\"call\":\"resend\"}",
                                        "\xff\xfe"};
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        autofree char *answer = control_answer(&h, lines[i], strlen(lines[i]));
        assert_non_null(strstr(answer, "{\"ok\":false,\"code\":\"control-call\""));
        assert_int_equal(answer[strlen(answer) - 1], '\n');
    }
}

static void several_lines_of_one_connection_are_answered_in_order(void **state)
{
    const struct daemon *d = *state;
    autoclose int fd = connect_raw(d->dir);
    const char *lines = "{\"call\":\"none\"}\n{\"call\":\"status\"}\n";
    assert_int_equal(send(fd, lines, 10, 0), 10);
    usleep(20000);
    assert_int_equal(send(fd, lines + 10, strlen(lines) - 10, 0), (int)strlen(lines) - 10);
    shutdown(fd, SHUT_WR);
    char answer[1024];
    receive_all(fd, answer, sizeof answer);
    const char *second = strchr(answer, '\n');
    assert_non_null(second);
    assert_memory_equal(answer, "{\"ok\":false", 11);
    assert_memory_equal(second + 1, "{\"ok\":true", 10);
}

static void a_line_over_the_bound_is_refused_and_the_connection_closed(void **state)
{
    const struct daemon *d = *state;
    autoclose int fd = connect_raw(d->dir);
    char block[4096], answer[256];
    memset(block, 'x', sizeof block);
    for (size_t sent = 0; sent < CONTROL_LINE_MAX; sent += sizeof block) {
        struct pollfd polled = {.fd = fd, .events = POLLOUT};
        assert_int_equal(poll(&polled, 1, A_SECOND), 1);
        assert_int_equal(send(fd, block, sizeof block, MSG_NOSIGNAL), (int)sizeof block);
    }
    receive_all(fd, answer, sizeof answer);
    assert_non_null(strstr(answer, "control-line"));
    assert_true(recv(fd, answer, 1, 0) <= 0 && errno != EAGAIN);
}

static void a_line_at_the_bound_is_answered(void **state)
{
    const struct daemon *d = *state;
    autoclose int fd = connect_raw(d->dir);
    autofree char *line = malloc(CONTROL_LINE_MAX);
    memset(line, ' ', CONTROL_LINE_MAX);
    memcpy(line, "{\"call\":\"status\"}", 17);
    line[CONTROL_LINE_MAX - 1] = '\n';
    for (size_t sent = 0; sent < CONTROL_LINE_MAX;) {
        ssize_t n = send(fd, line + sent, CONTROL_LINE_MAX - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    shutdown(fd, SHUT_WR);
    char answer[256];
    receive_all(fd, answer, sizeof answer);
    assert_memory_equal(answer, "{\"ok\":true", 10);
}

static void clients_that_say_nothing_do_not_keep_others_out_for_ever(void **state)
{
    const struct daemon *d = *state;
    int silent[CONTROL_CLIENTS_MAX + 1];
    for (size_t i = 0; i < ARRAY_LENGTH(silent); i++)
        assert_true((silent[i] = connect_raw(d->dir)) >= 0);
    close(silent[0]);
    json_t *answer = NULL;
    close(silent[1]);
    assert_int_equal(call(d, "{\"call\":\"status\"}", &answer, NULL), 0);
    json_decref(answer);
    for (size_t i = 2; i < ARRAY_LENGTH(silent); i++)
        close(silent[i]);
}

static void the_socket_is_the_owners_alone(void **state)
{
    const struct daemon *d = *state;
    autofree char *path = file_join(d->dir, CONTROL_SOCKET_NAME);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

/* As another user, with the file modes wide open: 0 turned away, 1 answered. */
static int ask_as(uid_t uid, const char *dir)
{
    pid_t child = fork();
    if (child == 0) {
        char answer[256];
        int fd = setuid(uid) ? -1 : connect_raw(dir);
        if (fd < 0)
            _exit(2);
        send(fd, "{\"call\":\"status\"}\n", 18, MSG_NOSIGNAL); /* fails when it was turned away before */
        receive_all(fd, answer, sizeof answer);
        _exit(strstr(answer, "\"ok\":true") ? 1 : strstr(answer, "control-denied") ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void only_root_and_the_folders_owner_are_answered(void **state)
{
    struct daemon *d = *state;
    if (geteuid() != 0) {
        assert_int_equal(ask_as(geteuid(), d->dir), 1);
        return; /* the rest needs other users */
    }
    control_stop(d->control);
    assert_int_equal(chown(d->dir, 61001, (gid_t)-1), 0);
    assert_int_equal(chmod(d->dir, 0755), 0);
    assert_int_equal(start(d, NULL), 0);
    autofree char *path = file_join(d->dir, CONTROL_SOCKET_NAME);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(ask_as(0, d->dir), 1);
    assert_int_equal(ask_as(61001, d->dir), 1);
    assert_int_equal(ask_as(61002, d->dir), 0);
}

static void a_dead_daemons_socket_is_replaced(void **state)
{
    struct daemon *d = *state;
    control_stop(d->control);
    autoclose int folder = control_folder(d->dir, NULL);
    int dead = control_listen(folder);
    assert_true(dead >= 0);
    close(dead);
    assert_int_equal(start(d, NULL), 0);
    json_t *answer = NULL;
    assert_int_equal(call(d, "{\"call\":\"status\"}", &answer, NULL), 0);
    json_decref(answer);
}

static void a_living_daemons_socket_is_left_alone(void **state)
{
    struct daemon *d = *state;
    struct control_handlers h = handlers_of(d);
    struct control *second = NULL;
    struct error e = {0};
    assert_int_equal(control_start(d->dir, &h, &second, &e), -EADDRINUSE);
    assert_string_equal(e.code, "control-in-use");
    json_t *answer = NULL;
    assert_int_equal(call(d, "{\"call\":\"status\"}", &answer, NULL), 0);
    json_decref(answer);
}

static void a_file_in_the_sockets_place_is_not_removed(void **state)
{
    struct daemon *d = *state;
    control_stop(d->control);
    d->control = NULL;
    autofree char *path = file_join(d->dir, CONTROL_SOCKET_NAME);
    assert_int_equal(file_write(path, "x", 1, 0600, NULL), 0);
    assert_int_equal(start(d, NULL), -EADDRINUSE);
    assert_int_equal(unlink(path), 0);
}

static void without_a_daemon_the_client_says_so(void **state)
{
    struct daemon *d = *state;
    control_stop(d->control);
    d->control = NULL;
    struct error e = {0};
    json_t *answer = NULL;
    assert_int_equal(call(d, "{\"call\":\"status\"}", &answer, &e), -ECONNREFUSED);
    assert_string_equal(e.code, "daemon-not-running");
}

static void a_daemon_that_does_not_answer_is_given_up(void **state)
{
    struct daemon *d = *state;
    control_stop(d->control);
    d->control = NULL;
    autoclose int folder = control_folder(d->dir, NULL);
    autoclose int mute = control_listen(folder);
    json_t *request = json_object(), *answer = NULL;
    assert_int_equal(control_call(d->dir, request, 100, &answer, NULL), -ETIMEDOUT);
    json_decref(request);
    unlinkat(folder, CONTROL_SOCKET_NAME, 0);
}

static void a_folder_with_a_long_path_has_its_socket_too(void **state)
{
    struct daemon *d = *state, deep = {0};
    strcpy(deep.dir, d->dir);
    deep.dir[strlen(d->dir)] = '/';
    memset(deep.dir + strlen(deep.dir), 'x', 150);
    assert_int_equal(mkdir(deep.dir, 0700), 0);
    assert_int_equal(start(&deep, NULL), 0);
    json_t *answer = NULL;
    assert_int_equal(call(&deep, "{\"call\":\"status\"}", &answer, NULL), 0);
    json_decref(answer);
    control_stop(deep.control);
    rmdir(deep.dir);
}

int main(void)
{
#define RULE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        RULE(status_says_what_the_daemon_says),
        RULE(a_status_that_fails_is_an_error_and_not_half_an_answer),
        RULE(resend_hands_the_message_on),
        RULE(a_refusal_brings_the_daemons_code_and_text),
        RULE(what_is_no_call_is_answered_with_an_error),
        RULE(several_lines_of_one_connection_are_answered_in_order),
        RULE(a_line_over_the_bound_is_refused_and_the_connection_closed),
        RULE(a_line_at_the_bound_is_answered),
        RULE(clients_that_say_nothing_do_not_keep_others_out_for_ever),
        RULE(the_socket_is_the_owners_alone),
        RULE(only_root_and_the_folders_owner_are_answered),
        RULE(a_dead_daemons_socket_is_replaced),
        RULE(a_living_daemons_socket_is_left_alone),
        RULE(a_file_in_the_sockets_place_is_not_removed),
        RULE(without_a_daemon_the_client_says_so),
        RULE(a_daemon_that_does_not_answer_is_given_up),
        RULE(a_folder_with_a_long_path_has_its_socket_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
