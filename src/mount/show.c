#include "mount/show.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/thread.h"

enum {
    MESSAGES = 32,
    ENTRIES_FIRST = 32,
    ENTRIES_MAX = 16384, /* a unit of 4096 files, in three folders each */
    ENTRIES_AT_ONCE = 512,
    DEPTH_MAX = 8,
    TRIES = 3,
    RETRY_S = 5,
};

struct show {
    struct ledger *ledger;
    struct mount *mount;
    size_t office;
    struct announcer *announcer;
    pid_t pid; /* of the announcer as last told to the mount; 0 = ask */
    pthread_t thread;
    pthread_mutex_t mutex; /* everything below */
    pthread_cond_t wake;
    bool ready, arrived, stopping;
    unsigned committing;
};

/* ---- Paths ---- */

/* The entry of a folder, whose node has exactly one. */
static int folder_entry(struct ledger *l, uint64_t node, struct ledger_entry *out)
{
    int n = ledger_entries_of(l, node, out, 1);
    return n < 0 ? n : n == 0 ? -ENOENT : 0;
}

int show_path(struct ledger *l, const struct mount *m, size_t office, const struct ledger_entry *entry,
              char *out, size_t size)
{
    struct ledger_entry steps[DEPTH_MAX];
    size_t n = 1;
    steps[0] = *entry;
    while (steps[n - 1].parent != NODE_ROOT) {
        if (n == DEPTH_MAX)
            return -ENAMETOOLONG;
        int r = folder_entry(l, steps[n - 1].parent, &steps[n]);
        if (r)
            return r;
        n++;
    }
    int at = snprintf(out, size, "%s", mount_office_path(m, office));
    while (n-- && at >= 0 && (size_t)at < size)
        at += snprintf(out + at, size - (size_t)at, "%s%s", steps[n].name, n ? "/" : "");
    return at >= 0 && (size_t)at < size ? 0 : -ENAMETOOLONG;
}

/* ---- One message ---- */

/* Sees that the mount knows the announcer that is there now. 0, -ETIMEDOUT, -EPIPE. */
static int know_announcer(struct show *s)
{
    pid_t pid = 0;
    if (s->pid)
        return 0;
    int r = announcer_ping(s->announcer, &pid);
    if (r == 0 && pid <= 0)
        r = -EPIPE;
    if (r)
        return r;
    s->pid = pid;
    mount_set_announcer(s->mount, pid);
    return 0;
}

static int rename_once(struct show *s, const struct ledger_entry *entry, const char *to)
{
    char from[512];
    int r = know_announcer(s);
    if (r)
        return r;
    snprintf(from, sizeof from, "%s%s/%llu", mount_office_path(s->mount, s->office),
             mount_hidden_name(s->mount, s->office), (unsigned long long)entry->id);
    r = mount_expect(s->mount, s->office, entry);
    return r ? r : announcer_rename(s->announcer, from, to);
}

/* 0 = seen to appear. */
static int show_entry(struct show *s, const struct ledger_entry *entry)
{
    char to[PATH_MAX];
    int r = show_path(s->ledger, s->mount, s->office, entry, to, sizeof to);
    for (int i = 0; r == 0; i++) {
        int done = rename_once(s, entry, to);
        if (done == 0 || done == -EPIPE || done == -ESHUTDOWN || i + 1 == TRIES)
            return done;
        if (done == -ENOENT && i > 0) /* its answer was lost with the announcer that did it */
            return 0;
        s->pid = 0; /* perhaps another announcer by now */
    }
    return r;
}

/* The entries of a message in the order to show them; malloc'd. Their number or negative. */
static int entries_of(struct ledger *l, uint64_t message, struct ledger_entry **out)
{
    for (size_t max = ENTRIES_FIRST;; max *= 4) {
        *out = malloc(max * sizeof **out);
        int n = *out ? ledger_show_list(l, message, *out, max) : -ENOMEM;
        if (n >= 0 && ((size_t)n < max || max >= ENTRIES_MAX))
            return n;
        free(*out);
        *out = NULL;
        if (n < 0)
            return n;
    }
}

static bool is_stopping(struct show *s)
{
    LOCKED(&s->mutex);
    return s->stopping;
}

/* ---- A batch of messages: shown one after the other, their commits together ---- */

struct shown {
    struct show *show;
    struct ledger_entry *entries; /* malloc'd */
    int n, failed, last;          /* entries seen to appear or not; the last failure */
    int result;                   /* of the commit */
};

static void commit_done(void *context, int result)
{
    struct shown *m = context;
    m->result = result;
    LOCKED(&m->show->mutex);
    m->show->committing--;
    pthread_cond_signal(&m->show->wake);
}

/* Shows the entries and hands the commit in. 0 = it is under way, or negative: the rest is tried again. */
static int show_message(struct show *s, uint64_t message, struct shown *m)
{
    *m = (struct shown){.show = s};
    m->n = entries_of(s->ledger, message, &m->entries);
    if (m->n < 0)
        return m->n;
    for (int i = 0; i < m->n; i++) {
        bool nobody = m->last == -EPIPE || m->last == -ETIMEDOUT; /* do not wait for each anew */
        int r = is_stopping(s) ? -ESHUTDOWN : nobody ? m->last : show_entry(s, &m->entries[i]);
        if (r == -ESHUTDOWN) { /* at the next start, with its events */
            m->n = i;
            return -ECANCELED;
        }
        if (r) {
            m->failed++;
            m->last = r;
        }
    }
    {
        LOCKED(&s->mutex);
        s->committing++;
    }
    return ledger_shown(s->ledger, message, commit_done, m);
}

static void wait_for_commits(struct show *s)
{
    LOCKED(&s->mutex);
    while (s->committing)
        pthread_cond_wait(&s->wake, &s->mutex);
}

/* The ledger has it, or the attempt is over. */
static void end_message(struct show *s, struct shown *m)
{
    for (int i = 0; i < m->n; i++) {
        mount_expect_end(s->mount, s->office, m->entries[i].id);
        if (m->result == 0 && m->failed)
            mount_changed(s->mount, s->office, m->entries[i].parent, m->entries[i].name);
    }
    if (m->failed)
        log_warning("show", "%d of %d entries of an arrived unit appeared without an event for desktops: %s",
                    m->failed, m->n, strerror(-m->last));
    else if (m->result == 0)
        log_debug("show", "%d entries of an arrived unit shown", m->n);
    free(m->entries);
}

/* Up to MESSAGES of them. 0 or negative: the rest is tried again. */
static int show_batch(struct show *s, const uint64_t *messages, int n)
{
    struct shown batch[MESSAGES];
    int r = 0, begun = 0, entries = 0;
    for (; r == 0 && begun < n && entries < ENTRIES_AT_ONCE; begun++) {
        r = show_message(s, messages[begun], &batch[begun]);
        entries += batch[begun].n;
    }
    wait_for_commits(s);
    for (int i = 0; i < begun; i++) {
        r = r ? r : batch[i].result;
        end_message(s, &batch[i]);
    }
    return r;
}

/* ---- The thread ---- */

/* 0 = nothing is left, or negative: the rest is tried again. */
static int show_all(struct show *s)
{
    uint64_t messages[MESSAGES];
    for (;;) {
        int n = ledger_to_show(s->ledger, messages, MESSAGES);
        if (n <= 0)
            return n;
        int r = is_stopping(s) ? -ECANCELED : show_batch(s, messages, n);
        if (r)
            return r;
    }
}

/* Waits for an arrival, or after a failure a while. False: stop. */
static bool wait_for_work(struct show *s, bool again)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_S;
    LOCKED(&s->mutex);
    int r = 0;
    while (!s->stopping && (!s->ready || !s->arrived) && r != ETIMEDOUT)
        r = again ? pthread_cond_timedwait(&s->wake, &s->mutex, &until)
                  : pthread_cond_wait(&s->wake, &s->mutex);
    s->arrived = false;
    return !s->stopping;
}

static void *run(void *context)
{
    struct show *s = context;
    bool again = false;
    while (wait_for_work(s, again)) {
        int r = show_all(s);
        again = r != 0;
        if (r && r != -ECANCELED)
            log_error("show", "what has arrived cannot be shown yet: %s", strerror(-r));
    }
    return NULL;
}

static void ledger_changed(void *context, unsigned changed)
{
    struct show *s = context;
    if (!(changed & LEDGER_CHANGED_INBOX))
        return;
    LOCKED(&s->mutex);
    s->arrived = true;
    pthread_cond_signal(&s->wake);
}

static void show_free(struct show *s)
{
    ledger_unsubscribe(s->ledger, ledger_changed, s);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

int show_start(struct ledger *l, struct mount *m, size_t office, struct announcer *a, struct show **out)
{
    struct show *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct show){.ledger = l, .mount = m, .office = office, .announcer = a, .arrived = true};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&s->mutex, NULL);
    ledger_subscribe(l, ledger_changed, s);
    int r = thread_start(&s->thread, "show", run, s);
    if (r) {
        show_free(s);
        return r;
    }
    *out = s;
    return 0;
}

void show_ready(struct show *s)
{
    LOCKED(&s->mutex);
    s->ready = true;
    pthread_cond_signal(&s->wake);
}

void show_stop(struct show *s)
{
    if (!s)
        return;
    {
        LOCKED(&s->mutex);
        s->stopping = true;
        pthread_cond_signal(&s->wake);
    }
    pthread_join(s->thread, NULL);
    show_free(s);
}
