#include "program/worker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/thread.h"
#include "program/detach.h"
#include "program/keeper.h"
#include "program/office.h"
#include "program/rights.h"

enum { DESCRIPTORS = 65536 };

struct worker {
    const struct program *program;
    struct office_run *offices;
    struct mount_office *mount_offices;
    size_t n;
    struct mount *mount;
    struct announcer *announcer;
    int keeper_socket, signal_fd, end_fd;
    int terminal; /* where a failure to begin is said */
    pthread_t watcher;
};

/* ---- Beginning ---- */

/* Few arenas and little kept: an idle mount should not weigh. */
static void shape_process(void)
{
    struct rlimit limit;
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    prctl(PR_SET_NAME, "careplan-worker", 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_signals(struct worker *w, struct error *e)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    w->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    w->end_fd = eventfd(0, EFD_CLOEXEC);
    return w->signal_fd < 0 || w->end_fd < 0 ? error_set(e, -errno, "worker", "signalfd: %s", strerror(errno))
                                             : 0;
}

static int open_offices(struct worker *w, struct error *e)
{
    const struct settings *s = w->program->settings;
    w->offices = calloc(s->n_offices, sizeof *w->offices);
    w->mount_offices = calloc(s->n_offices, sizeof *w->mount_offices);
    if (!w->offices || !w->mount_offices)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    for (; w->n < s->n_offices; w->n++) {
        int r = office_open(&w->offices[w->n], w->program, w->n, e);
        if (r)
            return r;
        w->mount_offices[w->n] =
            (struct mount_office){.office = &s->offices[w->n], .ledger = w->offices[w->n].ledger};
    }
    return 0;
}

static int prepare(struct worker *w, int fuse_fd, struct error *e)
{
    const struct program *p = w->program;
    int r = open_signals(w, e);
    if (r == 0)
        r = open_offices(w, e);
    if (r)
        return r;
    struct mount_options options = {.settings = p->settings,
                                    .rules = p->rules,
                                    .offices = w->mount_offices,
                                    .n_offices = w->n,
                                    .fuse_fd = fuse_fd,
                                    .owner = p->announcer.uid,
                                    .group = p->daemon.gid};
    r = mount_new(&options, &w->mount, e);
    for (size_t i = 0; r == 0 && i < w->n; i++)
        r = office_start(&w->offices[i], w->mount, w->announcer, e);
    return r;
}

/* ---- Serving ---- */

static void tell_keeper(struct worker *w, char word)
{
    if (send(w->keeper_socket, &word, 1, MSG_NOSIGNAL) != 1)
        log_warning("worker", "the keeper does not listen: %s", strerror(errno));
}

/* Waits for a signal. False: the mount has gone by itself. */
static bool wait_for_signal(struct worker *w)
{
    struct pollfd p[] = {{.fd = w->signal_fd, .events = POLLIN}, {.fd = w->end_fd, .events = POLLIN}};
    while (poll(p, ARRAY_LENGTH(p), -1) < 0 && errno == EINTR)
        ;
    struct signalfd_siginfo s;
    if (p[1].revents || read(w->signal_fd, &s, sizeof s) != (ssize_t)sizeof s)
        return !p[1].revents;
    return true;
}

/* Beside the session: says when a call through the mount was answered, then waits for the end. */
static void *watch(void *context)
{
    struct worker *w = context;
    int r = announcer_look(w->announcer);
    if (r)
        log_warning("announcer",
                    "the announcer cannot use the mount: %s; what arrives is shown without an event",
                    strerror(-r));
    for (size_t i = 0; i < w->n; i++)
        show_ready(w->offices[i].show);
    tell_keeper(w, WORD_SERVING);
    if (!wait_for_signal(w))
        return NULL;
    log_info("worker", "asked to end");
    announcer_shut(w->announcer);
    mount_stop(w->mount);
    return NULL;
}

static bool wait_for_mount(struct worker *w)
{
    char word = 0;
    struct pollfd p[] = {{.fd = w->keeper_socket, .events = POLLIN}, {.fd = w->signal_fd, .events = POLLIN}};
    while (poll(p, ARRAY_LENGTH(p), -1) < 0 && errno == EINTR)
        ;
    return p[0].revents && recv(w->keeper_socket, &word, 1, MSG_DONTWAIT) == 1 && word == WORD_MOUNTED;
}

static int serve(struct worker *w)
{
    int r = thread_start(&w->watcher, "watch", watch, w);
    if (r) {
        log_error("worker", "no thread: %s", strerror(-r));
        return 1;
    }
    r = mount_serve(w->mount);
    if (r)
        log_error("worker", "the mount failed: %s", strerror(-r));
    announcer_shut(w->announcer);
    if (eventfd_write(w->end_fd, 1))
        log_error("worker", "eventfd: %s", strerror(errno));
    pthread_join(w->watcher, NULL);
    return r ? 1 : 0;
}

/* ---- The end ---- */

static void stop(struct worker *w)
{
    for (size_t i = 0; i < w->n; i++)
        office_stop(&w->offices[i]);
    if (w->mount)
        mount_free(w->mount);
    for (size_t i = 0; i < w->n; i++)
        office_close(&w->offices[i]);
    announcer_free(w->announcer);
    free(w->offices);
    free(w->mount_offices);
    const int fds[] = {w->signal_fd, w->end_fd, w->keeper_socket, w->terminal};
    for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int fail(const struct worker *w, const struct error *e)
{
    dprintf(w->terminal >= 0 ? w->terminal : STDERR_FILENO, "careplanfs: %s\n", e->text);
    return 2;
}

int worker_run(const struct program *p, pid_t keeper, int fuse_fd, int announcer_socket, int keeper_socket)
{
    struct error e = {0};
    struct worker w = {
        .program = p, .keeper_socket = keeper_socket, .signal_fd = -1, .end_fd = -1, .terminal = -1};
    shape_process();
    if (!p->foreground) { /* before threads read the log's settings */
        w.terminal = dup(STDERR_FILENO);
        detach_log();
    }
    w.announcer = announcer_new(announcer_socket);
    int r = w.announcer ? rights_drop(&p->daemon, keeper, SIGTERM, &e)
                        : error_set(&e, -ENOMEM, "memory", "out of memory");
    if (r == 0)
        r = prepare(&w, fuse_fd, &e);
    int status = r ? fail(&w, &e) : 0;
    if (r == 0) {
        tell_keeper(&w, WORD_PREPARED);
        if (wait_for_mount(&w)) {
            if (w.terminal >= 0)
                close(w.terminal);
            w.terminal = -1;
            status = serve(&w);
        }
    }
    stop(&w);
    return status;
}
