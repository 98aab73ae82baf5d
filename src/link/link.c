#include "link/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/thread.h"
#include "link/link_private.h"

/* ---- tasks ---- */

void link_post(struct link *l, struct task *t)
{
    LOCKED(&l->task_lock);
    t->next = NULL;
    *l->tasks_last = t;
    l->tasks_last = &t->next;
    /* under the lock: link_stop frees `http` only after the last task was taken from here */
    http_wake(l->http);
}

void link_done(void *task, int result)
{
    struct task *t = task;
    t->result = result;
    link_post(t->l, t);
}

void link_expect(struct link *l, struct task *t, void (*back)(struct task *))
{
    t->l = l;
    t->back = back;
    l->busy++;
}

void link_handed(struct task *t, int result)
{
    if (result) /* then no callback comes */
        link_done(t, result);
}

void link_give(struct link *l, struct helper *h, struct task *t)
{
    t->l = l;
    l->busy++;
    helper_queue(h, t);
}

bool link_stopping(struct link *l)
{
    return atomic_load(&l->stopping);
}

static struct task *take_tasks(struct link *l)
{
    LOCKED(&l->task_lock);
    struct task *first = l->tasks;
    l->tasks = NULL;
    l->tasks_last = &l->tasks;
    return first;
}

static void run_tasks(struct link *l)
{
    for (struct task *t = take_tasks(l), *next; t; t = next) {
        next = t->next;
        l->busy--;
        t->back(t);
    }
}

/* ---- the hub as a whole ---- */

static void set_state(struct link *l, bool online, const char *trouble)
{
    LOCKED(&l->state_lock);
    struct link_state *s = &l->state;
    if (s->online == online && strcmp(s->trouble, trouble) == 0)
        return;
    if (online)
        log_info("hub-online", "office %s: the hub answers", l->self->text);
    else
        log_warning("hub-offline", "office %s: %s", l->self->text, trouble);
    if (s->online != online)
        s->since = clock_utc_ms();
    s->online = online;
    snprintf(s->trouble, sizeof s->trouble, "%s", trouble);
}

void link_state(struct link *l, struct link_state *out)
{
    LOCKED(&l->state_lock);
    *out = l->state;
}

static void succeeded(struct link *l)
{
    backoff_succeeded(&l->backoff);
    set_state(l, true, "");
}

static void failed(struct link *l, int64_t at_least_ms, const char *trouble)
{
    uint32_t random;
    random_bytes(&random, sizeof random);
    backoff_failed(&l->backoff, clock_boot_ms(), at_least_ms, random);
    set_state(l, false, trouble);
}

/* A trouble of the hub's own with one request, or with all. */
static int64_t one_failed(struct link *l, const struct http_answer *a, uint64_t who)
{
    bool all;
    uint32_t random;
    random_bytes(&random, sizeof random);
    int64_t wait = strikes_failed(&l->strikes, who, a->retry_after_ms, random, &all);
    if (all)
        failed(l, a->retry_after_ms, a->trouble);
    else
        log_warning("hub-trouble", "office %s: %s; asked again in %lld s", l->self->text, a->trouble,
                    (long long)(wait + 999) / 1000);
    return wait > LINK_WITH_ALL ? wait : LINK_WITH_ALL;
}

void link_distrust(struct link *l, const char *trouble)
{
    failed(l, 10000, trouble);
}

bool link_is_ahead(const struct link *l, int64_t created)
{
    return l->ahead_ms > 0 && created - (clock_utc_ms() - l->ahead_ms) > AHEAD_MS;
}

static void compare_clocks(struct link *l, const struct http_answer *a)
{
    bool was_ahead = l->ahead_ms > AHEAD_MS;
    l->heard = true;
    if (!a->date_ms)
        return;
    l->ahead_ms = a->ahead_ms;
    bool is_ahead = l->ahead_ms > AHEAD_MS;
    if (is_ahead && !was_ahead)
        log_warning(
            "clock-ahead",
            "office %s: this computer's clock is %lld s ahead of the hub's: nothing is sealed before it "
            "has been set",
            l->self->text, (long long)(l->ahead_ms / 1000));
    if (was_ahead && !is_ahead) {
        log_info("clock-fits", "office %s: this computer's clock fits again", l->self->text);
        todo_release_all(&l->to_seal, INT64_MIN);
    }
}

int64_t link_judge(struct link *l, const struct http_answer *a, uint64_t who)
{
    char text[200];
    if (a->aborted)
        return LINK_WITH_ALL;
    if (a->status == 0) {
        /* A line that is cut again and again but carries bytes in between is no dead one. */
        if (a->progress && !a->too_large)
            backoff_succeeded(&l->backoff);
        failed(l, a->untrusted ? 10000 : 0, a->trouble);
        return LINK_WITH_ALL;
    }
    compare_clocks(l, a);
    if (a->status == 401 || (a->status == 403 && strcmp(a->problem, "statement-sender") != 0)) {
        snprintf(text, sizeof text, "the hub refuses this office's certificate (%d %s): enrol again",
                 a->status, a->problem);
        failed(l, 30000, text);
        return LINK_WITH_ALL;
    }
    if (a->status == 429 || a->status == 408 || a->status >= 500 || a->status < 200 ||
        (a->status >= 300 && a->status < 400)) {
        return one_failed(l, a, who);
    }
    strikes_succeeded(&l->strikes, who);
    succeeded(l);
    return 0;
}

void link_head(struct link *l, struct log_head *out)
{
    LOCKED(&l->head_lock);
    *out = l->head;
}

/* ---- the thread ---- */

static void look_at_changes(struct link *l)
{
    unsigned changed = atomic_exchange(&l->changed, 0U);
    if (changed & LEDGER_CHANGED_UNITS)
        l->to_seal.dirty = l->to_send.dirty = true;
    if (changed & LEDGER_CHANGED_RECEIPTS)
        l->receipts_dirty = true;
    if (changed & LEDGER_CHANGED_DIRECTORY) /* a partner's key may have come */
        todo_release_all(&l->to_seal, INT64_MIN);
}

static void begin_what_can_be_begun(struct link *l, int64_t now)
{
    seal_step(l, now);
    if (!backoff_ready(&l->backoff, now))
        return;
    crl_step(l, now);
    directory_step(l, now);
    feed_step(l, now);
    send_step(l, now);
    receipts_step(l, now);
    fetch_step(l, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long nothing has to be done by the clock alone. */
static int idle_ms(struct link *l, int64_t now)
{
    int64_t due = now + 60000;
    due = earlier(due, todo_due(&l->to_seal, now));
    if (backoff_ready(&l->backoff, now)) {
        due = earlier(due, todo_due(&l->to_send, now));
        due = earlier(due, receipts_due(l, now));
        due = earlier(due, feed_due(l));
        due = earlier(due, fetch_due(l));
        if (!l->crl_busy)
            due = earlier(due, l->crl_due);
        if (!l->walk)
            due = earlier(due, l->directory_due);
    } else {
        due = earlier(due, l->backoff.until);
    }
    return due <= now ? 0 : (int)(due - now);
}

void *link_run(void *link)
{
    struct link *l = link;
    while (!link_stopping(l)) {
        run_tasks(l);
        look_at_changes(l);
        begin_what_can_be_begun(l, clock_boot_ms());
        if (!http_perform(l->http)) /* what has ended makes room for the next */
            http_poll(l->http, idle_ms(l, clock_boot_ms()));
    }
    http_abort_all(l->http);
    while (l->busy) {
        http_poll(l->http, 1000);
        run_tasks(l);
    }
    return NULL;
}

void link_changed(void *link, unsigned changed)
{
    struct link *l = link;
    atomic_fetch_or(&l->changed, changed);
    http_wake(l->http);
}
