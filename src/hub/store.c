/* The store's threads: one that writes, with group commit, and one that reads. */
#include "hub/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/thread.h"

enum { BATCH_MAX = 128 };

struct queue {
    struct store_job *first, **last;
};

struct side {
    struct store *store;
    struct connection_db db;
    struct queue waiting;
    pthread_cond_t filled;
    pthread_t thread;
    bool started;
};

struct store {
    struct side write, read;
    pthread_mutex_t mutex; /* of all queues, `woken` and `stopping` */
    struct queue finished;
    struct office_id *woken;
    size_t n_woken;
    bool stopping;
    int event_fd;
    int64_t data_version; /* of the writing connection: rises when another process has written */
    store_woken_fn *on_woken;
    void *woken_context;
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_push(struct queue *q, struct store_job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
}

static struct store_job *queue_pop(struct queue *q)
{
    struct store_job *job = q->first;
    if (job) {
        q->first = job->next;
        if (!q->first)
            q->last = &q->first;
    }
    return job;
}

/* ---- running ---- */

static int run_one(struct connection_db *db, struct store_job *job)
{
    db->failure = 0;
    int r = job->run(db, job);
    return r ? r : db->failure;
}

/* Runs a batch as one transaction; a job that fails undoes its own part alone. */
static void run_batch(struct connection_db *db, struct store_job **jobs, size_t n)
{
    db->failure = 0;
    db->n_woken = 0;
    int r = db_execute(db, "BEGIN IMMEDIATE", "");
    for (size_t i = 0; i < n && !r; i++) {
        size_t woken = db->n_woken;
        r = db_execute(db, "SAVEPOINT job", "");
        if (r)
            break;
        jobs[i]->result = run_one(db, jobs[i]);
        db->failure = 0;
        if (jobs[i]->result) {
            db->n_woken = woken;
            /* After SQLITE_FULL or an I/O error SQLite may have undone the whole transaction. */
            r = sqlite3_get_autocommit(db->handle) ? jobs[i]->result : db_execute(db, "ROLLBACK TO job", "");
        }
        if (!r)
            r = db_execute(db, "RELEASE job", "");
    }
    if (!r)
        r = db_execute(db, "COMMIT", "");
    if (!r)
        return;
    if (!sqlite3_get_autocommit(db->handle))
        db_execute(db, "ROLLBACK", "");
    db->n_woken = 0;
    for (size_t i = 0; i < n; i++)
        if (!jobs[i]->result || jobs[i]->result == -EAGAIN)
            jobs[i]->result = r;
}

static void run_read(struct connection_db *db, struct store_job *job)
{
    db->failure = 0;
    job->again = false;
    job->result = db_execute(db, "BEGIN", "");
    if (job->result)
        return;
    job->result = run_one(db, job);
    db->failure = 0;
    db_execute(db, "COMMIT", "");
}

/* ---- threads ---- */

static void signal_loop(struct store *s)
{
    uint64_t one = 1;
    if (write(s->event_fd, &one, sizeof one) < 0)
        return; /* it is readable already */
}

static void woken_take(struct store *s, const struct connection_db *db)
{
    if (!db->n_woken)
        return;
    struct office_id *grown = realloc(s->woken, (s->n_woken + db->n_woken) * sizeof *grown);
    if (!grown)
        return; /* the feeds find the events when they time out */
    memcpy(grown + s->n_woken, db->woken, db->n_woken * sizeof *grown);
    s->woken = grown;
    s->n_woken += db->n_woken;
}

static void woken_all(struct store *s)
{
    struct office_id everybody = {""};
    struct connection_db db = {.woken = &everybody, .n_woken = 1};
    LOCKED(&s->mutex);
    woken_take(s, &db);
    signal_loop(s);
}

/* Waits for work, at most a second. How many jobs were taken. */
static size_t take(struct side *side, struct store_job **jobs, size_t max, bool *stop)
{
    struct store *s = side->store;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    LOCKED(&s->mutex);
    while (!side->waiting.first && !s->stopping)
        if (pthread_cond_timedwait(&side->filled, &s->mutex, &until) == ETIMEDOUT)
            break;
    size_t n = 0;
    while (n < max && side->waiting.first)
        jobs[n++] = queue_pop(&side->waiting);
    *stop = s->stopping && n == 0;
    return n;
}

static void finish(struct store *s, const struct connection_db *db, struct store_job **jobs, size_t n)
{
    LOCKED(&s->mutex);
    for (size_t i = 0; i < n; i++)
        queue_push(&s->finished, jobs[i]);
    woken_take(s, db);
    signal_loop(s);
}

/* `office add` and `token` are other processes: what they announce wakes the feeds too. */
static void watch_others(struct store *s)
{
    struct connection_db *db = &s->write.db;
    db->failure = 0;
    int64_t version = db_number(db, s->data_version, "PRAGMA data_version", "");
    if (version == s->data_version)
        return;
    s->data_version = version;
    woken_all(s);
}

static void *write_main(void *argument)
{
    struct store *s = argument;
    struct store_job *jobs[BATCH_MAX];
    int64_t watched = 0;
    for (bool stop = false; !stop;) {
        size_t n = take(&s->write, jobs, BATCH_MAX, &stop);
        if (n) {
            run_batch(&s->write.db, jobs, n);
            finish(s, &s->write.db, jobs, n);
        }
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec != watched) {
            watched = now.tv_sec;
            watch_others(s);
        }
    }
    return NULL;
}

static void *read_main(void *argument)
{
    struct store *s = argument;
    for (bool stop = false; !stop;) {
        struct store_job *job;
        if (take(&s->read, &job, 1, &stop) == 0)
            continue;
        run_read(&s->read.db, job);
        if (job->again && !job->result) {
            LOCKED(&s->mutex);
            queue_push(&s->read.waiting, job);
        } else {
            s->read.db.n_woken = 0;
            finish(s, &s->read.db, &job, 1);
        }
    }
    return NULL;
}

void store_submit(struct store *s, enum store_side which, struct store_job *job,
                  int (*run)(struct connection_db *db, struct store_job *job))
{
    struct side *side = which == STORE_WRITE ? &s->write : &s->read;
    job->run = run;
    job->result = 0;
    job->again = false;
    if (side->started) {
        LOCKED(&s->mutex);
        queue_push(&side->waiting, job);
        pthread_cond_signal(&side->filled);
        return;
    }
    if (which == STORE_WRITE)
        run_batch(&s->write.db, &job, 1);
    else
        do
            run_read(&s->write.db, job);
        while (job->again && !job->result);
    if (job->done)
        job->done(job);
}

/* ---- life ---- */

static int side_init(struct side *side, struct store *s)
{
    pthread_condattr_t attributes;
    side->store = s;
    queue_init(&side->waiting);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int r = -pthread_cond_init(&side->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    return r;
}

int store_open(const char *path, bool create, struct store **out, struct error *e)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    s->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&s->mutex, NULL);
    queue_init(&s->finished);
    int r = s->event_fd < 0 ? error_set(e, -errno, "store", "eventfd: %s", strerror(errno)) : 0;
    if (side_init(&s->write, s) || side_init(&s->read, s))
        r = error_set(e, -ENOMEM, "memory", "out of memory");
    if (!r)
        r = db_open(&s->write.db, path, create, e);
    if (!r && !create)
        r = db_open(&s->read.db, path, false, e);
    if (r) {
        store_close(s);
        return r;
    }
    s->data_version = db_number(&s->write.db, 0, "PRAGMA data_version", "");
    *out = s;
    return 0;
}

int store_start(struct store *s, struct error *e)
{
    int r = thread_start(&s->write.thread, "store-write", write_main, s);
    s->write.started = r == 0;
    if (!r)
        r = thread_start(&s->read.thread, "store-read", read_main, s);
    s->read.started = r == 0;
    return r ? error_set(e, r, "store", "cannot start a thread: %s", strerror(-r)) : 0;
}

static void side_stop(struct side *side)
{
    if (side->started)
        pthread_join(side->thread, NULL);
    side->started = false;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->mutex);
    s->stopping = true;
    pthread_cond_broadcast(&s->write.filled);
    pthread_cond_broadcast(&s->read.filled);
    pthread_mutex_unlock(&s->mutex);
    side_stop(&s->write);
    side_stop(&s->read);
    s->on_woken = NULL;
    store_completions(s);
    db_close(&s->read.db);
    db_close(&s->write.db);
    pthread_cond_destroy(&s->write.filled);
    pthread_cond_destroy(&s->read.filled);
    pthread_mutex_destroy(&s->mutex);
    if (s->event_fd >= 0)
        close(s->event_fd);
    free(s->woken);
    free(s);
}

int store_event_fd(const struct store *s)
{
    return s->event_fd;
}

void store_on_woken(struct store *s, store_woken_fn *fn, void *context)
{
    s->on_woken = fn;
    s->woken_context = context;
}

void store_completions(struct store *s)
{
    uint64_t count;
    if (read(s->event_fd, &count, sizeof count) < 0)
        count = 0; /* nothing was signalled; looking is cheap */
    pthread_mutex_lock(&s->mutex);
    struct store_job *job = s->finished.first;
    queue_init(&s->finished);
    autofree struct office_id *woken = s->woken;
    size_t n_woken = s->n_woken;
    s->woken = NULL;
    s->n_woken = 0;
    pthread_mutex_unlock(&s->mutex);
    while (job) {
        struct store_job *next = job->next;
        if (job->done)
            job->done(job);
        job = next;
    }
    for (size_t i = 0; i < n_woken && s->on_woken; i++)
        s->on_woken(s->woken_context, &woken[i]);
}
