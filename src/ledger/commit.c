/* Changes wait in one queue; who commits takes all of them into one transaction. That is either the thread
 * that hands a change to an idle ledger (the leader: no hand-over between threads, what a single writer
 * feels), or the committer thread, which takes over from a leader under load and sees to lazy changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "ledger/content_store.h"
#include "ledger/internal.h"

enum { LAZY_MS = 1000, LEADER_GROUPS = 32 };

/* A caller that waits for its change: each is woken for itself alone. */
struct waiter {
    pthread_cond_t wake;
    bool ready;
};

struct piece {
    struct piece *next;
    max_align_t data[];
};

void *change_new(size_t size, change_apply_fn *apply, ledger_done_fn *done, void *context)
{
    struct change *c = calloc(1, size);
    if (c) {
        c->apply = apply;
        c->done = done;
        c->context = context;
    }
    return c;
}

void *change_copy(struct change *c, const void *data, size_t length)
{
    if (!data)
        return NULL;
    struct piece *p = malloc(sizeof *p + length + 1);
    if (!p) {
        c->failed = true;
        return NULL;
    }
    p->next = c->pieces;
    c->pieces = p;
    memcpy(p->data, data, length);
    ((char *)p->data)[length] = '\0';
    return p->data;
}

char *change_text(struct change *c, const char *text)
{
    return text ? change_copy(c, text, strlen(text)) : NULL;
}

void change_own(struct change *c, struct content *content)
{
    if (content) {
        content->next = c->contents;
        c->contents = content;
    }
}

struct content *change_content(struct ledger *l, struct change *c, const void *data, size_t length)
{
    struct content *content = content_new(l);
    if (content && (content_append(content, data, length) || content_finish(content))) {
        content_abort(content);
        content = NULL;
    }
    if (!content)
        c->failed = true;
    change_own(c, content);
    return content;
}

static void change_free(struct change *c)
{
    for (struct content *k = c->contents, *next; k; k = next) {
        next = k->next;
        if (c->result == 0 && k->stored)
            content_free(k);
        else
            content_abort(k);
    }
    for (struct piece *p = c->pieces, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    free(c);
}

/* ---- One transaction ---- */

static int apply_one(struct ledger *l, struct change *c)
{
    c->changed = 0;
    for (struct content *k = c->contents; k; k = k->next)
        k->stored = false;
    return c->apply(l, c);
}

static int apply_guarded(struct ledger *l, struct change *c)
{
    struct audit_head before = l->audit;
    int r = sql_run(&l->writer, "SAVEPOINT one", "");
    if (r)
        return r;
    c->result = apply_one(l, c);
    if (c->result) {
        if (sqlite3_get_autocommit(l->writer.db)) /* SQLite has given the whole transaction up */
            return c->result;
        l->audit = before;
        r = sql_run(&l->writer, "ROLLBACK TO one", "");
    }
    return r ? r : sql_run(&l->writer, "RELEASE one", "");
}

static int reserve_ids(struct ledger *l, uint64_t *reserved)
{
    {
        LOCKED(&l->mutex);
        *reserved = l->id_reserved;
        if (*reserved == l->id_durable)
            return 0;
    }
    return sql_run(&l->writer, "INSERT OR REPLACE INTO internal(key, data) VALUES('next_id', ?)", "i",
                   *reserved);
}

static int group_run(struct ledger *l, struct change *group)
{
    bool alone = !group->next;
    int r = sql_run(&l->writer, "BEGIN IMMEDIATE", "");
    for (struct change *c = group; c && r == 0; c = c->next) {
        if (alone)
            r = c->result = apply_one(l, c);
        else
            r = apply_guarded(l, c);
    }
    uint64_t reserved = 0;
    if (r == 0)
        r = reserve_ids(l, &reserved);
    if (r == 0)
        r = sql_run(&l->writer, "COMMIT", "");
    if (r == 0) {
        LOCKED(&l->mutex);
        l->id_durable = reserved;
    }
    return r;
}

static void group_give_up(struct ledger *l, const struct audit_head *before)
{
    if (!sqlite3_get_autocommit(l->writer.db))
        sqlite3_exec(l->writer.db, "ROLLBACK", NULL, NULL, NULL);
    l->audit = *before;
}

/* Every change of `group` gets its result. When the whole transaction is lost, each is tried on its own, so
 * that one that finds no room does not fail the others. */
static void group_commit(struct ledger *l, struct change *group)
{
    struct audit_head before = l->audit;
    int r = group_run(l, group);
    if (r == 0)
        return;
    group_give_up(l, &before);
    if (!group->next) {
        group->result = r;
        return;
    }
    for (struct change *c = group, *next; c; c = next) {
        next = c->next;
        c->next = NULL;
        group_commit(l, c);
        c->next = next;
    }
}

static void group_answer(struct ledger *l, struct change *group)
{
    unsigned changed = 0;
    for (struct change *c = group, *next; c; c = next) {
        next = c->next;
        if (c->result == 0)
            changed |= c->changed;
        if (c->result == -EIO || c->result == -ENOSPC)
            log_error("ledger-write", "a change could not be written: %s", strerror(-c->result));
        if (c->done)
            c->done(c->context, c->result);
        if (c->waiter) { /* who waits frees it */
            LOCKED(&l->mutex);
            c->waiter->ready = true;
            pthread_cond_signal(&c->waiter->wake);
        } else {
            change_free(c);
        }
    }
    if (!changed)
        return;
    LOCKED(&l->subscribers_mutex);
    for (size_t i = 0; i < l->n_subscribers; i++)
        l->subscribers[i].fn(l->subscribers[i].context, changed);
}

/* ---- Leading ---- */

/* Under the mutex, which it lets go meanwhile. */
static void lead_group(struct ledger *l)
{
    struct change *group = l->queue, *last = group;
    size_t n = 1;
    for (; last->next && n < CHANGE_GROUP; n++)
        last = last->next;
    l->queue = last->next;
    last->next = NULL;
    l->queued -= n;
    if (!l->queue) {
        l->queue_end = &l->queue;
        l->lazy_deadline = 0;
    }
    pthread_mutex_unlock(&l->mutex);
    group_commit(l, group);
    group_answer(l, group);
    checkpoint_want(l);
    pthread_mutex_lock(&l->mutex);
}

/* Under the mutex, with l->leading set by the caller. A leader among the callers goes on for a bounded time
 * only: others' load is not its work. */
static void lead(struct ledger *l, unsigned groups)
{
    for (unsigned i = 0; l->queue; i++) {
        if (groups && i == groups) {
            l->handover = true;
            pthread_cond_signal(&l->work);
            return;
        }
        lead_group(l);
    }
    l->leading = false;
    if (l->stopping)
        pthread_cond_signal(&l->work);
}

bool commit_lead_idle(struct ledger *l)
{
    LOCKED(&l->mutex);
    if (l->leading)
        return false;
    l->leading = true;
    return true;
}

void commit_unlead(struct ledger *l)
{
    LOCKED(&l->mutex);
    lead(l, LEADER_GROUPS);
}

static int change_refuse(struct change *c, int result)
{
    c->result = result;
    if (c->done)
        c->done(c->context, result);
    change_free(c);
    return result;
}

int change_submit(struct ledger *l, struct change *c, ledger_done_fn *done, void *context)
{
    struct waiter waiter = {.wake = PTHREAD_COND_INITIALIZER};
    if (!c) {
        if (!done)
            return -ENOMEM;
        done(context, -ENOMEM); /* the callback tells, and nothing but it */
        return 0;
    }
    bool waits = !c->done;
    if (c->failed || l->read_only)
        return waits ? change_refuse(c, c->failed ? -ENOMEM : -EROFS)
                     : (change_refuse(c, c->failed ? -ENOMEM : -EROFS), 0);
    if (waits) {
        c->waiter = &waiter;
        c->lazy = false;
    }
    bool lazy = c->lazy;
    pthread_mutex_lock(&l->mutex);
    *l->queue_end = c;
    l->queue_end = &c->next;
    l->queued++;
    if (!l->leading && lazy) {
        if (!l->lazy_deadline) {
            l->lazy_deadline = clock_boot_ms() + LAZY_MS;
            pthread_cond_signal(&l->work);
        }
    } else if (!l->leading) {
        l->leading = true;
        if (l->no_leader) {
            l->handover = true;
            pthread_cond_signal(&l->work);
        } else {
            lead(l, LEADER_GROUPS);
        }
    }
    while (waits && !waiter.ready)
        pthread_cond_wait(&waiter.wake, &l->mutex);
    pthread_mutex_unlock(&l->mutex);
    if (!waits)
        return 0;
    int result = c->result;
    change_free(c);
    return result;
}

/* ---- The committer ---- */

static void wait_until(struct ledger *l, int64_t boot_ms)
{
    int64_t left = boot_ms - clock_boot_ms();
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    left = left < 0 ? 0 : left;
    t.tv_sec += left / 1000;
    t.tv_nsec += left % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&l->work, &l->mutex, &t);
}

static void *committer_run(void *argument)
{
    struct ledger *l = argument;
    LOCKED(&l->mutex);
    for (;;) {
        if (l->handover) {
            l->handover = false;
            lead(l, 0);
        } else if (l->leading) {
            pthread_cond_wait(&l->work, &l->mutex);
        } else if (l->queue && (l->stopping || l->lazy_deadline <= clock_boot_ms())) {
            l->leading = true;
            lead(l, 0);
        } else if (l->stopping) {
            return NULL;
        } else if (l->lazy_deadline) {
            wait_until(l, l->lazy_deadline);
        } else {
            pthread_cond_wait(&l->work, &l->mutex);
        }
    }
}

int commit_start(struct ledger *l)
{
    int r = thread_start(&l->committer, "ledger-commit", committer_run, l);
    l->committer_runs = r == 0;
    return r;
}

void commit_stop(struct ledger *l)
{
    if (!l->committer_runs)
        return;
    {
        LOCKED(&l->mutex);
        l->stopping = true;
        pthread_cond_signal(&l->work);
    }
    pthread_join(l->committer, NULL);
    l->committer_runs = false;
}
