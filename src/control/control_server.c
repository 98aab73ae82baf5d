#include "control/control_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "control/control_answer.h"
#include "control/control_socket.h"

struct client {
    int fd;            /* -1: free */
    struct buffer in;  /* bytes of lines not yet answered */
    struct buffer out; /* the answer being sent; while it lasts nothing is read */
    size_t sent;       /* of `out` */
    int64_t deadline;  /* clock_boot_ms; moves with every byte that passes */
    bool last;         /* close when `out` has gone */
};

struct control {
    struct control_handlers handlers;
    pthread_t thread;
    int folder, listener, stop;
    uid_t owner;
    ino_t inode; /* of the socket file: another daemon's is not removed */
    struct client clients[CONTROL_CLIENTS_MAX];
};

enum { POLL_STOP, POLL_LISTENER, POLL_CLIENTS, POLL_COUNT = POLL_CLIENTS + CONTROL_CLIENTS_MAX };

static void client_close(struct client *c)
{
    close(c->fd);
    buffer_free(&c->in);
    buffer_free(&c->out);
    *c = (struct client){.fd = -1};
}

static void client_say(struct client *c, char *answer)
{
    if (!answer || buffer_text(&c->out, answer))
        c->last = true;
    free(answer);
}

/* Takes the first whole line out of `in` and answers it. False: there is none. */
static bool client_answer(struct control *control, struct client *c)
{
    const char *end = c->in.length ? memchr(c->in.data, '\n', c->in.length) : NULL;
    if (!end) {
        if (c->in.length >= CONTROL_LINE_MAX) {
            client_say(c, control_answer_error("control-line", "line longer than 65536 bytes"));
            c->last = true;
        }
        return false;
    }
    size_t length = (size_t)(end - (const char *)c->in.data);
    client_say(c, control_answer(&control->handlers, (const char *)c->in.data, length));
    c->in.length -= length + 1;
    memmove(c->in.data, end + 1, c->in.length);
    return true;
}

/* False: the client is gone or must go. */
static bool client_send(struct client *c)
{
    while (c->sent < c->out.length) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.length - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        c->sent += (size_t)n;
        c->deadline = clock_boot_ms() + CONTROL_IDLE_MS;
    }
    buffer_clear(&c->out);
    c->sent = 0;
    return !c->last;
}

static bool client_receive(struct client *c)
{
    char block[4096];
    size_t room = CONTROL_LINE_MAX - c->in.length;
    ssize_t n = recv(c->fd, block, room < sizeof block ? room : sizeof block, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    c->deadline = clock_boot_ms() + CONTROL_IDLE_MS;
    return buffer_append(&c->in, block, (size_t)n) == 0;
}

static void client_serve(struct control *control, struct client *c, short events)
{
    bool alive = !(events & (POLLERR | POLLNVAL));
    if (alive && c->out.length == 0 && (events & (POLLIN | POLLHUP)))
        alive = client_receive(c);
    while (alive && c->out.length == 0 && client_answer(control, c))
        alive = client_send(c);
    if (alive && c->out.length)
        alive = client_send(c);
    if (!alive || clock_boot_ms() >= c->deadline)
        client_close(c);
}

static struct client *client_free_slot(struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd < 0)
            return &control->clients[i];
    return NULL;
}

static void client_accept(struct control *control)
{
    struct client *c = client_free_slot(control);
    int fd = c ? accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
    if (fd < 0)
        return;
    *c = (struct client){.fd = fd,
                         .in.limit = CONTROL_LINE_MAX,
                         .out.limit = CONTROL_LINE_MAX,
                         .deadline = clock_boot_ms() + CONTROL_IDLE_MS};
    if (control_peer_allowed(fd, control->owner))
        return;
    log_warning("control-denied", "a user who is neither root nor the folder's owner was turned away");
    client_say(c, control_answer_error("control-denied", "only root and the state folder's owner may ask"));
    c->last = true;
    if (!client_send(c))
        client_close(c);
}

/* Fills the poll set; returns how long it may sleep. */
static int prepare(struct control *control, struct pollfd *polled)
{
    int64_t now = clock_boot_ms(), next = INT32_MAX;
    polled[POLL_STOP] = (struct pollfd){.fd = control->stop, .events = POLLIN};
    polled[POLL_LISTENER] =
        (struct pollfd){.fd = client_free_slot(control) ? control->listener : -1, .events = POLLIN};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *c = &control->clients[i];
        polled[POLL_CLIENTS + i] = (struct pollfd){.fd = c->fd, .events = c->out.length ? POLLOUT : POLLIN};
        if (c->fd >= 0 && c->deadline - now < next)
            next = c->deadline > now ? c->deadline - now : 0;
    }
    return next == INT32_MAX ? -1 : (int)next;
}

static void *run(void *argument)
{
    struct control *control = argument;
    struct pollfd polled[POLL_COUNT];
    for (;;) {
        int timeout = prepare(control, polled);
        if (poll(polled, POLL_COUNT, timeout) < 0 && errno != EINTR) {
            log_error("control-poll", "the control socket is no longer served: %s", strerror(errno));
            return NULL;
        }
        if (polled[POLL_STOP].revents)
            return NULL;
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
            if (polled[POLL_CLIENTS + i].fd >= 0)
                client_serve(control, &control->clients[i], polled[POLL_CLIENTS + i].revents);
        if (polled[POLL_LISTENER].revents & POLLIN)
            client_accept(control);
    }
}

/* Makes room for an own socket: 0, or -EADDRINUSE when a living daemon answers, or when what lies there is
 * not a socket. */
static int remove_stale(int folder, const char *state_dir, struct error *e)
{
    struct stat status;
    if (fstatat(folder, CONTROL_SOCKET_NAME, &status, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0
                               : error_set(e, -errno, "control", "%s/%s: %s", state_dir, CONTROL_SOCKET_NAME,
                                           strerror(errno));
    if (!S_ISSOCK(status.st_mode))
        return error_set(e, -EADDRINUSE, "control", "%s/%s is not a socket; do: move it away", state_dir,
                         CONTROL_SOCKET_NAME);
    autoclose int fd = control_connect(folder);
    if (fd >= 0 || fd == -EAGAIN)
        return error_set(e, -EADDRINUSE, "control-in-use", "another careplanfs serves %s; do: stop it first",
                         state_dir);
    if (fd != -ECONNREFUSED || (unlinkat(folder, CONTROL_SOCKET_NAME, 0) && errno != ENOENT))
        return error_set(e, -EADDRINUSE, "control", "%s/%s cannot be replaced; do: remove it", state_dir,
                         CONTROL_SOCKET_NAME);
    return 0;
}

static int open_door(struct control *control, const char *state_dir, struct error *e)
{
    control->folder = control_folder(state_dir, &control->owner);
    if (control->folder < 0)
        return error_set(e, control->folder, "control", "%s: %s", state_dir, strerror(-control->folder));
    int r = remove_stale(control->folder, state_dir, e);
    if (r)
        return r;
    control->listener = control_listen(control->folder);
    if (control->listener < 0)
        return error_set(e, control->listener, "control", "%s/%s: %s", state_dir, CONTROL_SOCKET_NAME,
                         strerror(-control->listener));
    struct stat status;
    if (fstatat(control->folder, CONTROL_SOCKET_NAME, &status, AT_SYMLINK_NOFOLLOW) == 0)
        control->inode = status.st_ino;
    control->stop = eventfd(0, EFD_CLOEXEC);
    return control->stop < 0 ? error_set(e, -errno, "control", "eventfd: %s", strerror(errno)) : 0;
}

static void control_free(struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd >= 0)
            client_close(&control->clients[i]);
    struct stat status;
    if (control->inode && fstatat(control->folder, CONTROL_SOCKET_NAME, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_ino == control->inode)
        unlinkat(control->folder, CONTROL_SOCKET_NAME, 0);
    cleanup_close(&control->listener);
    cleanup_close(&control->stop);
    cleanup_close(&control->folder);
    free(control);
}

int control_start(const char *state_dir, const struct control_handlers *handlers, struct control **out,
                  struct error *e)
{
    struct control *control = calloc(1, sizeof *control);
    if (!control)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    control->handlers = *handlers;
    control->folder = control->listener = control->stop = -1;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        control->clients[i].fd = -1;
    int r = open_door(control, state_dir, e);
    if (r == 0 && (r = thread_start(&control->thread, "control", run, control)))
        error_set(e, r, "control", "no thread for the control socket: %s", strerror(-r));
    if (r) {
        control_free(control);
        return r;
    }
    *out = control;
    return 0;
}

void control_stop(struct control *control)
{
    if (!control)
        return;
    if (eventfd_write(control->stop, 1) == 0)
        pthread_join(control->thread, NULL);
    control_free(control);
}
