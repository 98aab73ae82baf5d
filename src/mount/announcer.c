#include "mount/announcer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "mount/announcer_packet.h"

enum { ANSWER_MS = 10000 };

/* ---- The process ---- */

/* A path of the mount: relative, no step upwards. The mount holds no symbolic links (and follows none). */
static bool path_allowed(const char *path)
{
    if (!*path || *path == '/')
        return false;
    for (const char *step = path; step; step = strchr(step, '/')) {
        step += *step == '/';
        if (strcmp(step, "..") == 0 || strncmp(step, "../", 3) == 0)
            return false;
    }
    return true;
}

static int32_t carry_out(const char *mountpoint, enum announcer_call call, const char *from, const char *to)
{
    if (call == ANNOUNCER_PING)
        return 0;
    struct stat status;
    autoclose int top = open(mountpoint, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0)
        return -errno;
    if (call == ANNOUNCER_LOOK)
        return fstatat(top, "", &status, AT_EMPTY_PATH) ? -errno : 0;
    if (!path_allowed(from) || (call == ANNOUNCER_RENAME && !path_allowed(to)))
        return -EINVAL;
    switch (call) {
    case ANNOUNCER_RENAME:
        return renameat(top, from, top, to) ? -errno : 0;
    case ANNOUNCER_UNLINK:
        return unlinkat(top, from, 0) ? -errno : 0;
    default:
        return -ENOSYS;
    }
}

/* The two texts of a packet of `length` bytes; false: malformed. */
static bool packet_texts(const struct announcer_request *request, size_t length, const char **from,
                         const char **to)
{
    const size_t head = offsetof(struct announcer_request, text);
    if (length < head + 2 || length > sizeof *request)
        return false;
    const char *end = memchr(request->text, '\0', length - head);
    *from = request->text;
    *to = end ? end + 1 : NULL;
    return end && *to < request->text + (length - head) &&
           memchr(*to, '\0', (size_t)(request->text + (length - head) - *to));
}

int announcer_run(int socket, const char *mountpoint)
{
    struct announcer_request request;
    for (;;) {
        const char *from, *to;
        ssize_t n = recv(socket, &request, sizeof request, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno != ECONNRESET;
        if (!packet_texts(&request, (size_t)n, &from, &to))
            continue;
        struct announcer_answer answer = {.number = request.number};
        answer.result = carry_out(mountpoint, (enum announcer_call)request.call, from, to);
        if (send(socket, &answer, sizeof answer, MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != ENOBUFS)
            return errno != EPIPE;
    }
}

/* ---- The worker's end ---- */

struct announcer {
    int socket;
    pthread_mutex_t mutex;
    uint64_t number; /* of the last request; answers to older ones are dropped */
    bool shut;
};

struct announcer *announcer_new(int socket)
{
    struct announcer *a = calloc(1, sizeof *a);
    const int yes = 1;
    if (!a || setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes)) {
        free(a);
        return NULL;
    }
    a->socket = socket;
    pthread_mutex_init(&a->mutex, NULL);
    return a;
}

void announcer_shut(struct announcer *a)
{
    LOCKED(&a->mutex);
    a->shut = true;
}

void announcer_free(struct announcer *a)
{
    if (!a)
        return;
    close(a->socket);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* One packet with its sender's pid. Bytes, or negative errno. */
static ssize_t receive(int socket, struct announcer_answer *answer, pid_t *pid)
{
    union {
        struct cmsghdr head; /* aligns */
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec part = {answer, sizeof *answer};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -errno;
    *pid = 0;
    struct ucred who;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
        c->cmsg_len == CMSG_LEN(sizeof who)) {
        memcpy(&who, CMSG_DATA(c), sizeof who);
        *pid = who.pid;
    }
    return n;
}

/* Waits for the answer to request `number`. */
static int answer_of(struct announcer *a, uint64_t number, pid_t *pid)
{
    const int64_t deadline = clock_boot_ms() + ANSWER_MS;
    for (;;) {
        struct announcer_answer answer;
        int64_t left = deadline - clock_boot_ms();
        struct pollfd p = {.fd = a->socket, .events = POLLIN};
        int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (ready == 0)
            return -ETIMEDOUT;
        ssize_t n = ready < 0 ? -errno : receive(a->socket, &answer, pid);
        if (n == -EINTR || n == -EAGAIN)
            continue;
        if (n == 0 || n == -ECONNRESET)
            return -EPIPE;
        if (n < 0)
            return (int)n;
        if (n == (ssize_t)sizeof answer && answer.number == number)
            return answer.result <= 0 ? answer.result : -EPROTO;
    }
}

static int call(struct announcer *a, enum announcer_call call, const char *from, const char *to, pid_t *pid)
{
    struct announcer_request request = {.call = (uint32_t)call};
    const size_t from_size = strlen(from) + 1, to_size = strlen(to) + 1;
    if (from_size > PATH_MAX || to_size > PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(request.text, from, from_size);
    memcpy(request.text + from_size, to, to_size);
    LOCKED(&a->mutex);
    if (a->shut)
        return -ESHUTDOWN;
    request.number = ++a->number;
    ssize_t n;
    do
        n = send(a->socket, &request, offsetof(struct announcer_request, text) + from_size + to_size,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0) /* a full queue: nobody has taken requests for long */
        return errno == EAGAIN ? -ETIMEDOUT : errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
    return answer_of(a, request.number, pid);
}

int announcer_ping(struct announcer *a, pid_t *pid)
{
    return call(a, ANNOUNCER_PING, "", "", pid);
}

int announcer_look(struct announcer *a)
{
    pid_t pid;
    return call(a, ANNOUNCER_LOOK, "", "", &pid);
}

int announcer_rename(struct announcer *a, const char *from, const char *to)
{
    pid_t pid;
    return call(a, ANNOUNCER_RENAME, from, to, &pid);
}

int announcer_unlink(struct announcer *a, const char *path)
{
    pid_t pid;
    return call(a, ANNOUNCER_UNLINK, path, "", &pid);
}
