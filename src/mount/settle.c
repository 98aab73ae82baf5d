#include "mount/settle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "mount/settle_unit.h"

enum {
    SECOND = 1000,
    HOUR = 3600 * SECOND,
    DAY = 24 * HOUR,
    JUMP = 60 * SECOND,       /* of the clock, that is not an adjustment */
    ABSENCE = 30,             /* days; longer, and the clock is not trusted at once */
    POLL = 60 * SECOND,       /* the longest wait */
    QUEUED_FIRST = SECOND,    /* a queued unit is looked at again after this, then twice that … POLL */
    PARTNER_AGAIN = 6 * HOUR, /* a waiting unit, without any news of the directory */
    RETRY = 5 * SECOND,
    LATER = SECOND, /* a large unit, while another is read */
    IDLE = 2 * SECOND,
    UNITS = 64,
    LINGERING = 32,
    RECENT = 4096,      /* a folder of 500 files is copied in at once, each touched a few times */
    SETTLE_LEAST = 100, /* between two looks at a unit that is busy, whatever settle says */
};
#define CLOCK_SEEN "settle.clock" /* ledger value: UTC ms, written once an hour */

/* Files touched lately, so that a message that is learnt of later knows them. */
struct recent {
    char sequence[15];
    uint64_t node;
};

struct unjudged { /* a file that stayed empty, or could not be saved */
    uint64_t node;
    int64_t due;
    struct unjudged *next;
};

struct settler {
    struct ledger *ledger;
    const struct settings *settings;
    const struct rules *rules;
    struct office_id office;
    struct settle_host host;
    pthread_t thread;

    pthread_mutex_t mutex; /* everything down to the next blank line */
    pthread_cond_t wake;
    bool stopping, units_changed, directory_changed, active;
    struct unit_table units;
    struct recent recent[RECENT];
    size_t n_recent;                           /* ever; the ring's next place */
    struct unjudged *unjudged, *last_unjudged; /* last: NULL when there is none */

    /* The thread's own: */
    uint64_t known;                       /* highest message id looked for */
    int64_t linger_at, sweep_at, idle_at; /* idle_at NEVER: done until something happens */
    int64_t clock_offset;                 /* UTC - BOOTTIME */
    int64_t steady_since, expire_from; /* CLOCK_BOOTTIME: no jump since; partner_wait may end from then on */
};

static int64_t settle_ms(const struct settler *s, const struct unit_entry *e)
{
    return e->sequence[0] ? s->settings->settle : s->settings->documents_settle;
}

static int64_t sum(int64_t a, int64_t b)
{
    return b > NEVER - a ? NEVER : a + b;
}

/* ---- Told by others ---- */

static void add_stranger(struct unit_entry *e, uint64_t node)
{
    if (!node || unit_entry_stranger(e, node) || e->strangers_over)
        return;
    e->strangers_over = true; /* told once */
    log_warning("settle", "message %llu: more files under its number are open than can be remembered",
                (unsigned long long)e->message);
}

struct touch {
    struct settler *settler;
    const struct office_id *recipient;
    uint64_t node;
    int64_t now;
};

static void touch_entry(void *context, struct unit_entry *e)
{
    const struct touch *t = context;
    if (t->recipient->text[0] && e->recipient.text[0] && !office_id_equal(t->recipient, &e->recipient))
        return;
    e->touched = t->now;
    e->touches++;
    if (e->sequence[0])
        add_stranger(e, t->node);
    unit_table_due(&t->settler->units, e, sum(t->now, settle_ms(t->settler, e)));
}

void settler_touch(struct settler *s, const struct office_id *recipient, const char *sequence, uint64_t node)
{
    struct touch t = {.settler = s, .recipient = recipient, .node = node, .now = clock_boot_ms()};
    LOCKED(&s->mutex);
    unit_table_find(&s->units, sequence, node, touch_entry, &t);
    const struct recent *last = s->n_recent ? &s->recent[(s->n_recent - 1) % RECENT] : NULL;
    if (*sequence && !(last && last->node == node && strcmp(last->sequence, sequence) == 0)) {
        struct recent *r = &s->recent[s->n_recent++ % RECENT];
        snprintf(r->sequence, sizeof r->sequence, "%s", sequence);
        r->node = node;
    }
    s->active = true;
}

/* In the order in which they are due; nearly all go to the end. */
static void add_unjudged(struct settler *s, uint64_t node, int64_t wait)
{
    struct unjudged *f = malloc(sizeof *f);
    if (!f) {
        log_error("settle", "out of memory: a file that nobody has judged gets no report");
        return;
    }
    *f = (struct unjudged){.node = node, .due = sum(clock_boot_ms(), wait)};
    LOCKED(&s->mutex);
    struct unjudged **at =
        s->last_unjudged && s->last_unjudged->due <= f->due ? &s->last_unjudged->next : &s->unjudged;
    while (*at && (*at)->due <= f->due)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
    if (!f->next)
        s->last_unjudged = f;
    pthread_cond_signal(&s->wake);
}

void settler_empty(struct settler *s, uint64_t node)
{
    add_unjudged(s, node, s->settings->settle);
}

void settler_again(struct settler *s, uint64_t node)
{
    add_unjudged(s, node, POLL);
}

static void ledger_changed(void *context, unsigned changed)
{
    struct settler *s = context;
    LOCKED(&s->mutex);
    s->active = true;
    s->units_changed |= (changed & LEDGER_CHANGED_UNITS) != 0;
    s->directory_changed |= (changed & LEDGER_CHANGED_DIRECTORY) != 0;
    pthread_cond_signal(&s->wake);
}

/* ---- Messages that are new here ---- */

static void add_unit(struct settler *s, uint64_t message, const struct ledger_unit *u)
{
    int64_t now = clock_boot_ms();
    uint64_t node = u->n_files ? u->files[0].node : 0;
    LOCKED(&s->mutex);
    struct unit_entry *e = unit_table_add(&s->units, message, &u->recipient, u->sequence, node, NEVER);
    if (!e) {
        log_error("settle", "out of memory: a unit is looked at after the next start only");
        return;
    }
    e->touched = now;
    for (size_t i = 0; e->sequence[0] && i < RECENT && i < s->n_recent; i++)
        if (strcmp(s->recent[i].sequence, e->sequence) == 0)
            add_stranger(e, s->recent[i].node);
    unit_table_due(&s->units, e, sum(now, settle_ms(s, e)));
}

static void find_new_units(struct settler *s)
{
    uint64_t messages[UNITS];
    for (int n = UNITS; n == UNITS;) {
        n = ledger_units_open(s->ledger, s->known, messages, UNITS);
        if (n < 0) {
            log_error("settle", "open units cannot be read: %s", strerror(-n));
            LOCKED(&s->mutex);
            s->units_changed = true;
            return;
        }
        for (int i = 0; i < n; i++) {
            with_cleanup(ledger_unit_free) struct ledger_unit u = {0};
            s->known = messages[i];
            if (ledger_unit(s->ledger, messages[i], &u) == 0)
                add_unit(s, messages[i], &u);
        }
    }
}

static void tell_refused(struct settler *s)
{
    const struct settle_look look = {.ledger = s->ledger, .rules = s->rules, .host = &s->host};
    while (settle_tell_refused(&look) > 0)
        ;
}

static void wake_waiting(void *context, struct unit_entry *e)
{
    struct settler *s = context;
    if (e->waits_for_partner)
        unit_table_due(&s->units, e, 0);
}

/* ---- One unit ---- */

/* When to look again after `outcome`; NEVER = when it is touched. */
static int64_t due_after(struct settler *s, struct unit_entry *e, enum settle_outcome outcome)
{
    int64_t now = clock_boot_ms();
    switch (outcome) {
    case SETTLE_QUEUED:
        e->again = e->again ? 2 * e->again : QUEUED_FIRST;
        e->again = e->again > POLL ? POLL : e->again;
        return now + e->again;
    case SETTLE_AGAIN:
        return sum(now, settle_ms(s, e) > SETTLE_LEAST ? settle_ms(s, e) : SETTLE_LEAST);
    case SETTLE_INCOMPLETE:
        return sum(e->touched, s->settings->unit_wait);
    case SETTLE_PARTNER:
        return now + PARTNER_AGAIN;
    case SETTLE_LATER:
        return now + LATER;
    case SETTLE_FAILED:
        return now + RETRY;
    case SETTLE_GONE:
    case SETTLE_TOUCH:
        break;
    }
    return NEVER;
}

struct looked_at {
    struct settler *settler;
    const struct unit_entry *entry;
    unsigned touches;
};

static bool is_touched(void *context)
{
    const struct looked_at *l = context;
    LOCKED(&l->settler->mutex);
    return l->settler->stopping || l->entry->touches != l->touches;
}

/* What the settler knows of `e`. False: no memory. */
static bool begin_look(struct settler *s, struct unit_entry *e, struct settle_look *look, unsigned *touches)
{
    int64_t now = clock_boot_ms();
    LOCKED(&s->mutex);
    unit_table_due(&s->units, e, NEVER); /* others may be looked at meanwhile */
    *touches = e->touches;
    look->waited = now >= sum(e->touched, s->settings->unit_wait);
    look->report_parent = e->report_parent;
    look->n_strangers = e->n_strangers;
    look->strangers = calloc(e->n_strangers + 1, sizeof *look->strangers);
    if (look->strangers && e->n_strangers)
        memcpy(look->strangers, e->strangers, e->n_strangers * sizeof *look->strangers);
    return look->strangers != NULL;
}

static void look_meanwhile(void *context);

/* Looks at `e`, which only this thread removes. `meanwhile`: another one is being read. */
static void look_at(struct settler *s, struct unit_entry *e, bool meanwhile)
{
    struct looked_at before = {.settler = s, .entry = e};
    struct settle_look look = {.ledger = s->ledger,
                               .settings = s->settings,
                               .rules = s->rules,
                               .office = &s->office,
                               .host = &s->host,
                               .message = e->message,
                               .may_expire = clock_boot_ms() >= s->expire_from,
                               .touched = is_touched,
                               .meanwhile = meanwhile ? NULL : look_meanwhile,
                               .only_small = meanwhile,
                               .context = &before};
    bool begun = begin_look(s, e, &look, &before.touches);
    const unsigned touches = before.touches;
    enum settle_outcome outcome = begun ? settle_look(&look) : SETTLE_FAILED;
    free(look.strangers);
    if (outcome == SETTLE_GONE)
        settle_report_gone(&look, e->sequence);
    LOCKED(&s->mutex);
    if (outcome == SETTLE_GONE) {
        unit_table_remove(&s->units, e);
        return;
    }
    if (look.recipient.text[0]) { /* it may have joined another message of its unit */
        struct touch t = {.settler = s, .recipient = &look.recipient, .now = clock_boot_ms()};
        e->recipient = look.recipient;
        unit_table_find(&s->units, e->sequence, e->node, touch_entry, &t);
    }
    e->report_parent = look.report_parent;
    e->waits_for_partner = outcome == SETTLE_PARTNER;
    if (outcome != SETTLE_QUEUED)
        e->again = 0;
    if (outcome != SETTLE_AGAIN && e->touches == touches)
        unit_entry_forget(e); /* none was busy */
    int64_t due = due_after(s, e, outcome);
    if (e->touches == touches)
        unit_table_due(&s->units, e, due);
}

static struct unit_entry *take_due(struct settler *s, int64_t now)
{
    LOCKED(&s->mutex);
    struct unit_entry *e = s->stopping ? NULL : unit_table_first(&s->units);
    return e && e->due <= now ? e : NULL;
}

/* Those that are due now: what becomes due meanwhile waits for the other work of this thread. */
static void look_at_units(struct settler *s, int64_t now, bool meanwhile)
{
    for (struct unit_entry *e; (e = take_due(s, now));)
        look_at(s, e, meanwhile);
}

/* A large unit is being read: small ones do not wait for its end. */
static void look_meanwhile(void *context)
{
    struct settler *s = ((struct looked_at *)context)->settler;
    bool changed;
    {
        LOCKED(&s->mutex);
        changed = s->units_changed;
        s->units_changed = false;
    }
    if (changed) {
        find_new_units(s);
        tell_refused(s);
    }
    look_at_units(s, clock_boot_ms(), true);
}

/* ---- Empty files, sent files, scratch, idle time ---- */

static struct unjudged *take_unjudged(struct settler *s)
{
    LOCKED(&s->mutex);
    struct unjudged *f = s->unjudged;
    if (!f || s->stopping || f->due > clock_boot_ms())
        return NULL;
    s->unjudged = f->next;
    if (!s->unjudged)
        s->last_unjudged = NULL;
    return f;
}

static void judge_unjudged(struct settler *s)
{
    for (struct unjudged *f; (f = take_unjudged(s));) {
        s->host.judge_empty(s->host.context, f->node);
        free(f);
    }
}

/* One batch of entries whose linger time is over. */
static void remove_lingering(struct settler *s, int64_t now)
{
    const int64_t linger = s->settings->linger;
    if (now < s->linger_at)
        return;
    int64_t period = linger / 10 > POLL ? POLL : linger / 10 < SECOND ? SECOND : linger / 10;
    s->linger_at = now + period;
    if (now < sum(s->steady_since, linger)) {
        s->linger_at = sum(s->steady_since, linger);
        return;
    }
    autofree struct ledger_entry *entries = malloc(LINGERING * sizeof *entries);
    int n = entries ? ledger_sent_entries(s->ledger, clock_utc_ms() - linger, entries, LINGERING) : -ENOMEM;
    if (n < 0)
        log_error("settle", "sent files cannot be removed from the outbox: %s", strerror(-n));
    int left = 0;
    for (int i = 0; i < n; i++) {
        struct ledger_entry now_there;
        struct ledger_node node;
        int r = s->host.remove_entry(s->host.context, &entries[i]);
        if (r == -ETIMEDOUT || r == -EPIPE ||
            r == -ESHUTDOWN) /* do not wait for each anew: units are to settle */
            return;
        left += ledger_lookup(s->ledger, entries[i].parent, entries[i].name, &now_there, &node) == 0 &&
                now_there.id == entries[i].id;
    }
    if (n == LINGERING && left == 0)
        s->linger_at = now; /* there are more */
}

static void note_clock(struct settler *s)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)clock_utc_ms());
    int r = ledger_value_set(s->ledger, CLOCK_SEEN, text, strlen(text), NULL, NULL);
    if (r)
        log_warning("settle", "the clock's last time cannot be stored: %s", strerror(-r));
}

static void sweep(struct settler *s, int64_t now)
{
    if (now < s->sweep_at)
        return;
    s->host.sweep(s->host.context);
    note_clock(s);
    s->sweep_at = now + HOUR;
}

/* A slice of the ledger's idle work, when nothing has happened for a moment. */
static void idle(struct settler *s)
{
    {
        LOCKED(&s->mutex);
        if (s->active) {
            s->active = false;
            s->idle_at = clock_boot_ms() + IDLE;
            return;
        }
    }
    if (clock_boot_ms() >= s->idle_at && !ledger_idle(s->ledger))
        s->idle_at = NEVER;
}

/* ---- The clock ---- */

static void start_clock(struct settler *s)
{
    autobuffer seen = {.limit = 32};
    int64_t now = clock_boot_ms(), utc = clock_utc_ms();
    s->clock_offset = utc - now;
    s->steady_since = now;
    int r = ledger_value_get(s->ledger, CLOCK_SEEN, &seen);
    int64_t last = r == 0 && seen.data ? strtoll((const char *)seen.data, NULL, 10) : 0;
    bool trusted = r == 0 && utc >= last - JUMP && utc - last < (int64_t)ABSENCE * DAY;
    s->expire_from = trusted ? now : now + DAY;
}

static void watch_clock(struct settler *s, int64_t now)
{
    int64_t offset = clock_utc_ms() - now, moved = offset - s->clock_offset;
    if (moved > JUMP || moved < -JUMP) {
        log_warning("clock-jump",
                    "the clock was set by %lld s; files sent linger anew, none stops waiting today",
                    (long long)(moved / SECOND));
        s->steady_since = now;
        s->expire_from = now + DAY;
    }
    s->clock_offset = offset;
}

/* ---- The thread ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Sleeps until something is due or somebody tells. False: stop. */
static bool wait_for_work(struct settler *s, bool *units, bool *directory)
{
    LOCKED(&s->mutex);
    while (!s->stopping && !s->units_changed && !s->directory_changed) {
        int64_t now = clock_boot_ms();
        int64_t due = earlier(now + POLL, earlier(s->linger_at, s->sweep_at));
        const struct unit_entry *first = unit_table_first(&s->units);
        due = earlier(due, first ? first->due : NEVER);
        due = earlier(due, s->unjudged ? s->unjudged->due : NEVER);
        due = earlier(due, s->active ? now + IDLE : s->idle_at);
        if (due <= now)
            break;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ns = until.tv_nsec + (due - now) % SECOND * 1000000;
        until.tv_sec += (time_t)((due - now) / SECOND + ns / 1000000000);
        until.tv_nsec = (long)(ns % 1000000000);
        if (pthread_cond_timedwait(&s->wake, &s->mutex, &until) == ETIMEDOUT)
            break;
    }
    *units = s->units_changed;
    *directory = s->directory_changed;
    s->units_changed = s->directory_changed = false;
    if (*directory)
        unit_table_each(&s->units, wake_waiting, s);
    return !s->stopping;
}

static void *run(void *context)
{
    struct settler *s = context;
    bool units = false, directory = false;
    start_clock(s);
    s->linger_at = sum(s->steady_since, s->settings->linger);
    s->sweep_at = s->steady_since + POLL;
    s->idle_at = s->steady_since + IDLE;
    find_new_units(s);
    tell_refused(s);
    while (wait_for_work(s, &units, &directory)) {
        int64_t now = clock_boot_ms();
        watch_clock(s, now);
        if (units) {
            find_new_units(s);
            tell_refused(s);
        }
        look_at_units(s, now, false);
        judge_unjudged(s);
        remove_lingering(s, now);
        sweep(s, now);
        idle(s);
    }
    return NULL;
}

/* ---- Life ---- */

void settler_free(struct settler *s)
{
    if (!s)
        return;
    ledger_unsubscribe(s->ledger, ledger_changed, s);
    unit_table_free(&s->units);
    for (struct unjudged *f = s->unjudged, *next; f; f = next) {
        next = f->next;
        free(f);
    }
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

int settler_start(struct ledger *l, const struct settings *settings, const struct rules *rules,
                  const struct office_id *office, const struct settle_host *host, struct settler **out)
{
    struct settler *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct settler){
        .ledger = l, .settings = settings, .rules = rules, .office = *office, .host = *host, .active = true};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&s->mutex, NULL);
    ledger_subscribe(l, ledger_changed, s);
    int r = thread_start(&s->thread, "settle", run, s);
    if (r) {
        settler_free(s);
        return r;
    }
    *out = s;
    return 0;
}

void settler_stop(struct settler *s)
{
    if (!s)
        return;
    {
        LOCKED(&s->mutex);
        s->stopping = true;
        pthread_cond_signal(&s->wake);
    }
    pthread_join(s->thread, NULL);
}
