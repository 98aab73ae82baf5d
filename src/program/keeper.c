#include "program/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "mount/announcer.h"
#include "program/detach.h"
#include "program/rights.h"
#include "program/worker.h"

enum {
    END_MS = 60000,         /* a worker that does not end by then is killed */
    ANNOUNCER_GAP_MS = 1000 /* between two starts of the announcer */
};

struct keeper {
    const struct program *program;
    struct mountpoint *mountpoint;
    int detached;
    sigset_t signals, before;
    int signal_fd, fuse_fd;
    int announcer_socket; /* the announcer's end, for its successors: requests that wait outlive an announcer,
                             so the worker never sees EPIPE but a time-out; who waits for many gives up at the
                             first */
    int worker_socket;
    pid_t pid, announcer, worker;
    int worker_status;
    bool worker_ended, serving, stopping, failed;
    int64_t announcer_started, announcer_due; /* due: 0 = one runs */
    int64_t kill_at;                          /* 0 = never */
};

static void say(const struct error *e)
{
    fprintf(stderr, "careplanfs: %s\n", e->text);
}

/* ---- Children ---- */

static void close_all(struct keeper *k)
{
    const int fds[] = {k->signal_fd, k->fuse_fd, k->worker_socket, k->announcer_socket, k->detached};
    for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static _Noreturn void announcer_child(struct keeper *k)
{
    struct error e;
    int socket = k->announcer_socket;
    k->announcer_socket = -1;
    close_all(k);
    prctl(PR_SET_NAME, "careplan-announ", 0, 0, 0);
    /* It ends with the worker's socket, or with the keeper. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_SETMASK, &k->before, NULL);
    if (rights_drop(&k->program->announcer, k->pid, SIGKILL, &e)) {
        say(&e);
        _exit(2);
    }
    if (!k->program->foreground) /* who started the daemon may wait for the end of its output */
        detach_log();
    _exit(announcer_run(socket, k->program->mountpoint));
}

static int start_announcer(struct keeper *k)
{
    k->announcer_started = clock_boot_ms();
    k->announcer_due = 0;
    k->announcer = fork();
    if (k->announcer == 0)
        announcer_child(k);
    return k->announcer < 0 ? -errno : 0;
}

static int start_worker(struct keeper *k, int announcer_end, int worker_end)
{
    k->worker = fork();
    if (k->worker != 0)
        return k->worker < 0 ? -errno : 0;
    int fuse_fd = k->fuse_fd;
    k->fuse_fd = -1;
    close_all(k);
    sigprocmask(SIG_SETMASK, &k->before, NULL);
    _exit(worker_run(k->program, k->pid, fuse_fd, announcer_end, worker_end));
}

static int begin(struct keeper *k, struct error *e)
{
    int announcer_ends[2], worker_ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, announcer_ends))
        return error_set(e, -errno, "keeper", "socketpair: %s", strerror(errno));
    autoclose int worker_side = announcer_ends[0];
    k->announcer_socket = announcer_ends[1];
    pid_t pid = fork();
    if (pid == 0) {
        close(worker_side);
        announcer_child(k);
    }
    k->announcer = pid;
    k->announcer_started = clock_boot_ms();
    if (pid < 0)
        return error_set(e, -errno, "keeper", "fork: %s", strerror(errno));
    k->fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (k->fuse_fd < 0)
        return error_set(e, -errno, "fuse-device", "/dev/fuse: %s; do: modprobe fuse", strerror(errno));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, worker_ends))
        return error_set(e, -errno, "keeper", "socketpair: %s", strerror(errno));
    autoclose int worker_end = worker_ends[1];
    k->worker_socket = worker_ends[0];
    int r = start_worker(k, worker_side, worker_end);
    return r ? error_set(e, r, "keeper", "fork: %s", strerror(-r)) : 0;
}

/* ---- Events ---- */

static void stop_worker(struct keeper *k)
{
    k->stopping = true;
    if (!k->kill_at)
        k->kill_at = clock_boot_ms() + END_MS;
    if (!k->worker_ended && kill(k->worker, SIGTERM))
        log_warning("keeper", "the worker cannot be told to end: %s", strerror(errno));
}

static void reap(struct keeper *k)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == k->worker) {
            k->worker_ended = true;
            k->worker_status = status;
        } else if (pid == k->announcer) {
            k->announcer = 0;
            k->announcer_due = k->announcer_started + ANNOUNCER_GAP_MS;
            if (WIFEXITED(status) &&
                WEXITSTATUS(status) == 0) /* the worker's end is closed: it is ending, too */
                continue;
            log_warning("announcer-ended", "the announcer ended (%s %d) and is started again",
                        WIFSIGNALED(status) ? "signal" : "status",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
    }
}

static void on_signal(struct keeper *k)
{
    struct signalfd_siginfo s;
    if (read(k->signal_fd, &s, sizeof s) != (ssize_t)sizeof s)
        return;
    if (s.ssi_signo != SIGCHLD) /* a terminal that goes, too, must not leave a dead mount */
        stop_worker(k);
    reap(k); /* signals of one kind merge */
}

/* The worker holds everything but the mount. From here on it alone has the descriptor: when it dies, the
 * kernel says so to everyone who waits. */
static int do_mount(struct keeper *k)
{
    struct error e;
    int r = mountpoint_mount(k->mountpoint, k->fuse_fd, &e);
    close(k->fuse_fd);
    k->fuse_fd = -1;
    if (r) {
        say(&e);
        return r;
    }
    const char word = WORD_MOUNTED;
    return send(k->worker_socket, &word, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static void on_word(struct keeper *k)
{
    char word = 0;
    ssize_t n = recv(k->worker_socket, &word, 1, 0);
    if (n <= 0) { /* it is ending: SIGCHLD follows */
        close(k->worker_socket);
        k->worker_socket = -1;
        return;
    }
    if (word == WORD_PREPARED && k->fuse_fd >= 0 && !k->stopping && do_mount(k)) {
        k->failed = true;
        stop_worker(k);
    }
    if (word != WORD_SERVING || k->serving)
        return;
    k->serving = true;
    if (k->detached >= 0) {
        detach_done(k->detached);
        k->detached = -1;
        detach_log();
    }
    log_info("mounted", "%s is served", k->mountpoint->path);
}

static int next_wait(const struct keeper *k)
{
    int64_t due = INT64_MAX, now = clock_boot_ms();
    if (k->announcer_due)
        due = k->announcer_due;
    if (k->kill_at && k->kill_at < due)
        due = k->kill_at;
    return due == INT64_MAX ? -1 : due <= now ? 0 : (int)(due - now);
}

static void on_time(struct keeper *k)
{
    int64_t now = clock_boot_ms();
    if (k->announcer_due && now >= k->announcer_due && start_announcer(k)) {
        log_error("keeper", "the announcer cannot be started again: %s", strerror(errno));
        k->announcer = 0;
        k->announcer_due = now + ANNOUNCER_GAP_MS;
    }
    if (k->kill_at && now >= k->kill_at && !k->worker_ended) {
        log_error("keeper", "the worker does not end and is killed");
        kill(k->worker, SIGKILL);
        k->failed = true;
        k->kill_at = 0;
    }
}

static void serve(struct keeper *k)
{
    while (!k->worker_ended) {
        struct pollfd p[] = {{.fd = k->signal_fd, .events = POLLIN},
                             {.fd = k->worker_socket, .events = POLLIN}};
        int n = poll(p, ARRAY_LENGTH(p), next_wait(k));
        if (n > 0 && p[1].revents)
            on_word(k);
        if (n > 0 && p[0].revents)
            on_signal(k);
        on_time(k);
    }
}

/* ---- The end ---- */

static void end_announcer(struct keeper *k)
{
    if (k->announcer <= 0)
        return;
    kill(k->announcer, SIGKILL);
    while (waitpid(k->announcer, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int result(struct keeper *k)
{
    bool was_mounted = k->mountpoint->device[0];
    int r = mountpoint_unmount(k->mountpoint);
    if (r)
        log_error("keeper", "%s cannot be unmounted: %s; do: umount -l it", k->mountpoint->path,
                  strerror(-r));
    int code = WIFEXITED(k->worker_status) ? WEXITSTATUS(k->worker_status) : -1;
    if (code == 0 && !k->failed)
        return r ? 1 : 0;
    if (k->stopping && !was_mounted && !k->failed) /* told to end before it could begin */
        return 0;
    if (code < 0)
        log_error("worker-died", "the worker was ended by signal %d%s", WTERMSIG(k->worker_status),
                  was_mounted ? "; what close() had acknowledged is safe" : "");
    return was_mounted ? 1 : 2;
}

int keeper_run(const struct program *p, struct mountpoint *m, int detached)
{
    struct error e;
    struct keeper k = {.program = p,
                       .mountpoint = m,
                       .detached = detached,
                       .signal_fd = -1,
                       .fuse_fd = -1,
                       .announcer_socket = -1,
                       .worker_socket = -1,
                       .pid = getpid()};
    prctl(PR_SET_NAME, "careplan-keeper", 0, 0, 0);
    sigemptyset(&k.signals);
    sigaddset(&k.signals, SIGTERM);
    sigaddset(&k.signals, SIGINT);
    sigaddset(&k.signals, SIGHUP);
    sigaddset(&k.signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &k.signals, &k.before);
    signal(SIGPIPE, SIG_IGN);
    k.signal_fd = signalfd(-1, &k.signals, SFD_CLOEXEC);
    int r =
        k.signal_fd < 0 ? error_set(&e, -errno, "keeper", "signalfd: %s", strerror(errno)) : begin(&k, &e);
    int status = 2;
    if (r) {
        say(&e);
    } else {
        serve(&k);
        status = result(&k);
    }
    end_announcer(&k);
    close_all(&k);
    return status;
}
