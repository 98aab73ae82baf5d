#include "control/control_client.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "control/control_server.h"
#include "control/control_socket.h"

static int wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - clock_boot_ms();
        struct pollfd polled = {.fd = fd, .events = events};
        int r = left > 0 ? poll(&polled, 1, (int)left) : 0;
        if (r < 0 && errno == EINTR)
            continue;
        return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
    }
}

/* A daemon that has said no and closed may have left its answer: EPIPE is for the reader to judge. */
static int send_all(int fd, const char *text, int64_t deadline)
{
    for (size_t length = strlen(text), sent = 0; sent < length;) {
        ssize_t n = send(fd, text + sent, length - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        if (n < 0 && errno == EPIPE)
            return 0;
        int r = n >= 0 || errno == EINTR ? 0 : errno == EAGAIN ? wait_for(fd, POLLOUT, deadline) : -errno;
        if (r)
            return r;
    }
    return 0;
}

static int receive_line(int fd, struct buffer *line, int64_t deadline)
{
    while (!line->length || line->data[line->length - 1] != '\n') {
        char block[4096];
        ssize_t n = recv(fd, block, sizeof block, 0);
        int r = n > 0             ? buffer_append(line, block, (size_t)n)
                : n == 0          ? -EPROTO
                : errno == EINTR  ? 0
                : errno == EAGAIN ? wait_for(fd, POLLIN, deadline)
                                  : -errno;
        if (r)
            return r;
    }
    return 0;
}

/* A socket to the daemon, or negative with `e`. */
static int reach(const char *state_dir, struct error *e)
{
    uid_t owner;
    autoclose int folder = control_folder(state_dir, &owner);
    if (folder < 0)
        return error_set(e, folder, "control", "%s: %s", state_dir, strerror(-folder));
    int fd = control_connect(folder);
    if (fd == -ENOENT || fd == -ECONNREFUSED)
        return error_set(e, -ECONNREFUSED, "daemon-not-running",
                         "no careplanfs serves %s; do: start careplanfs", state_dir);
    if (fd < 0)
        return error_set(e, fd, "control", "%s/%s: %s", state_dir, CONTROL_SOCKET_NAME, strerror(-fd));
    if (control_peer_allowed(fd, owner))
        return fd;
    close(fd);
    return error_set(e, -EACCES, "control", "%s/%s is served by a foreign user", state_dir,
                     CONTROL_SOCKET_NAME);
}

static int judge(const struct buffer *line, json_t **answer, struct error *e)
{
    json_t *json = json_loadb((const char *)line->data, line->length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_true(json_object_get(json, "ok"))) {
        *answer = json;
        return 0;
    }
    const char *code = json_string_value(json_object_get(json, "code"));
    const char *text = json_string_value(json_object_get(json, "text"));
    int r = code && text ? error_set(e, -EREMOTEIO, code, "%s", text)
                         : error_set(e, -EPROTO, "control", "the daemon's answer cannot be read");
    json_decref(json);
    return r;
}

int control_call(const char *state_dir, json_t *request, int timeout_ms, json_t **answer, struct error *e)
{
    autofree char *text = json_dumps(request, JSON_COMPACT);
    autobuffer line = {.limit = 2 * CONTROL_LINE_MAX};
    if (!text || buffer_printf(&line, "%s\n", text))
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (line.length > CONTROL_LINE_MAX)
        return error_set(e, -EINVAL, "control", "the request is too long");
    autoclose int fd = reach(state_dir, e);
    if (fd < 0)
        return fd;
    int64_t deadline = clock_boot_ms() + timeout_ms;
    int r = send_all(fd, (const char *)line.data, deadline);
    buffer_clear(&line);
    if (r == 0)
        r = receive_line(fd, &line, deadline);
    if (r)
        return error_set(e, r, "control", "no answer from the daemon of %s: %s", state_dir, strerror(-r));
    return judge(&line, answer, e);
}
