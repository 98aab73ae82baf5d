/* What the files of the link share. Unless said otherwise everything belongs to the network thread.
 *
 * Work that waits (CMS over documents, commits) leaves it as a task: a job object whose first member is
 * `struct task` goes to a helper or into a ledger_* change, and comes back exactly once by link_post. `busy`
 * counts what is out, so that link_stop can wait for it. */
#ifndef LINK_LINK_PRIVATE_H
#define LINK_LINK_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "link/backoff.h"
#include "link/feed_page.h"
#include "link/framing.h"
#include "link/http.h"
#include "link/link.h"
#include "control/rules.h"
#include "link/todo.h"

enum {
    SEND_PARALLEL = 8,          /* messages under way to the hub */
    SEND_SMALL_BYTES = 4 << 20, /* of bodies held for them together */
    SEND_PARTS_PARALLEL = 2,
    SEAL_PARALLEL = 16, /* handed to the helper or to the ledger */
    FETCH_PARALLEL = 8,
    FETCH_BYTES = 4 << 20, /* held for downloads together */
    FETCH_QUEUE_MAX = 4096,
    RECEIPT_PARALLEL = 8,
    FEED_WAIT_SECONDS = 50,
    FEED_PAGES_MAX = 64,      /* asked for, not all of whose events are durable */
    SLOW_RETRY_MS = 600000,   /* what the hub does not take now and may take later */
    LOCAL_RETRY_MS = 15000,   /* the own disk is full or failing */
    AHEAD_MS = 4 * 60 * 1000, /* hub and receiver bear 5 minutes */
    CRL_EVERY_MS = 24 * 3600 * 1000,
    DIRECTORY_EVERY_MS = 3600 * 1000, /* without an event */
};

struct task {
    struct task *next;
    struct link *l;
    int result;                  /* of the ledger's change, by link_done */
    void *result_of;             /* for a task that is no job's first member */
    void (*work)(struct task *); /* on a helper; must lead to one link_post */
    void (*back)(struct task *); /* on the network thread; frees the job or hands it on */
};

/* A thread with a queue. */
struct helper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task *first, **last;
    bool stopping, started;
};
int helper_start(struct helper *h, const char *name);
void helper_queue(struct helper *h, struct task *t);
void helper_stop(struct helper *h); /* does what is queued first */

/* The trust store, shared by all threads of the link. */
struct trusted {
    pthread_mutex_t lock;
    struct trust *trust;
};
int trusted_statement(struct trusted *t, const uint8_t *der, size_t length, int64_t at, struct statement *out,
                      struct error *e);
int trusted_receipt(struct trusted *t, const uint8_t *der, size_t length, int64_t at, struct receipt *out,
                    struct office_id *by, struct error *e);
int trusted_head(struct trusted *t, const struct buffer *der, struct log_head *out, struct error *e);
/* The certificate of `office`, judged now. X509_free by the caller; NULL and `e`. */
X509 *trusted_certificate(struct trusted *t, const char *pem, const struct office_id *office,
                          struct error *e);
int trusted_crl(struct trusted *t, const struct buffer *der, struct error *e);

struct fetch;
struct feed_pages;
struct page;
struct send;
struct receipt_event;
struct directory_walk;

struct link {
    struct ledger *ledger;
    const struct settings *settings;
    const struct rules *rules;
    const struct settings_office *office;
    struct link_names names;
    const struct office_id *self; /* of the identity */
    struct identity *identity;
    struct trusted trusted;
    struct buffer ca, certificate, key; /* PEM; libcurl reads them for each connection */
    char *url;
    struct http *http;

    pthread_t thread;
    /* Small units never wait behind a large one: those over ENVELOPE_ONE_PASS go to `bulk`. */
    struct helper sealer, opener, bulk;
    atomic_bool stopping;
    atomic_uint changed; /* enum ledger_changed, since last looked */
    pthread_mutex_t task_lock;
    struct task *tasks, **tasks_last; /* that have come back */
    size_t busy;

    struct backoff backoff;
    struct strikes strikes;
    bool heard;       /* the hub has answered since the start: its clock is known */
    int64_t ahead_ms; /* our clock less the hub's, as last told */
    pthread_mutex_t state_lock;
    struct link_state state;

    struct todo to_seal, to_send;
    size_t sealing;     /* jobs out */
    struct send *sends; /* under way */
    size_t sending, sending_bytes;
    bool sending_large;
    bool send_doubtful; /* the hub may have what we do not know it has: it is asked before it is sent to */

    int64_t receipts_again;  /* the list could not be read: not before; 0 now */
    bool receipts_dirty;     /* there may be one behind receipts_after */
    uint64_t receipts_after; /* looked at up to here */
    size_t receipts_active;
    struct todo receipts_waiting;         /* its waits only */
    struct receipt_event *receipt_events; /* of the feed, to be tried again: the own disk did not take them */

    struct feed_pages *feed;
    struct fetch *fetches, **fetches_last;
    size_t fetches_n, fetching, fetching_bytes;

    bool directory_dirty;
    struct directory_walk *walk; /* under way */
    int64_t directory_due;
    pthread_mutex_t head_lock;
    struct log_head head; /* of the log as followed and verified */

    bool crl_busy;
    int64_t crl_due;
};

/* link.c */
void *link_run(void *link);
void link_changed(void *link, unsigned changed); /* ledger_changed_fn */
void link_post(struct link *l, struct task *t);  /* any thread */
/* A ledger_done_fn whose context is a task that link_expect has counted. */
void link_done(void *task, int result);
/* Goes out: counted until it comes back. */
void link_give(struct link *l, struct helper *h, struct task *t);
/* `t` will be posted once by a ledger callback. */
void link_expect(struct link *l, struct task *t, void (*back)(struct task *));
/* What a ledger_* change with link_done has returned. */
void link_handed(struct task *t, int result);
bool link_stopping(struct link *l);
/* Judges an answer for the hub as a whole: 0 when the request got its own answer (2xx, or a 4xx that concerns
 * this request alone); otherwise the request is to be tried again: after so many milliseconds, or with
 * LINK_WITH_ALL as soon as the hub is there for all. `who`: the same for each try of one thing. */
enum { LINK_WITH_ALL = 1, WHO_FEED = STRIKE_FEED, WHO_DIRECTORY, WHO_CRL };
int64_t link_judge(struct link *l, const struct http_answer *a, uint64_t who);
/* Is a message made at `created` (UTC ms, our clock) so far ahead of the hub's clock that it would not be
 * taken? */
bool link_is_ahead(const struct link *l, int64_t created);
/* The hub answered what it must not: waits as for a failure. */
void link_distrust(struct link *l, const char *trouble);
void link_head(struct link *l, struct log_head *out); /* any thread */

/* One step each: begins what can be begun. */
void seal_step(struct link *l, int64_t now);
void send_step(struct link *l, int64_t now);
void receipts_step(struct link *l, int64_t now);
void feed_step(struct link *l, int64_t now);
void fetch_step(struct link *l, int64_t now);
void directory_step(struct link *l, int64_t now);
void crl_step(struct link *l, int64_t now);
/* clock_boot_ms() of the next thing to do by the clock alone, INT64_MAX none */
int64_t feed_due(const struct link *l);
int64_t fetch_due(const struct link *l);
int64_t receipts_due(struct link *l, int64_t now);

void crl_open(struct link *l); /* takes the list that the ledger keeps */
void receipts_close(struct link *l);
int feed_open(struct link *l); /* reads the cursor */
void feed_close(struct link *l);
/* An event of page `page` has become durable. */
void feed_event_done(struct link *l, struct page *page);

/* A message to fetch. `page` hears of it when the ledger holds it. -EEXIST: it is being fetched. */
int fetch_add(struct link *l, const struct feed_event *event, struct page *page);
void fetch_close(struct link *l);

/* A receipt of the feed over a message of ours; `page` hears of it as above. Takes the event's receipt. */
int receipts_event(struct link *l, struct feed_event *event, struct page *page);

/* open.c, on a helper. A message that has been fetched: in memory (ciphertext behind the prefix in `whole`),
 * or in the spool `content`. */
enum open_outcome {
    OPEN_DONE,    /* the ledger holds it, opened or refused */
    OPEN_FORGED,  /* the hub's acceptance does not hold: nothing of it can be believed */
    OPEN_DAMAGED, /* to be fetched once more */
    OPEN_RETRY,   /* the own disk or memory */
};
struct open_job {
    struct task task;
    struct office_id sender;
    struct message_id id;
    struct buffer
        whole;        /* acceptance, statement, header with their lengths; then the ciphertext if in memory */
    uint64_t content; /* 0: in memory */
    bool last_try;    /* damaged bytes are refused, not fetched again */
    bool too_large;   /* the ciphertext was not fetched: refused when statement and acceptance hold */
    enum open_outcome outcome;
    struct error error;
    void *owner; /* struct fetch */
};
void open_work(struct task *t);

/* incoming.c: what a partner may put into the inbox. */
struct incoming;
struct incoming *incoming_new(struct link *l, const struct statement *statement);
void incoming_free(struct incoming *in);
/* Callbacks of envelope_open with a struct incoming as their context. */
int incoming_manifest(void *incoming, const struct manifest *m, const uint8_t *json, size_t length);
int incoming_data(void *incoming, size_t index, const void *data, size_t length);
int incoming_end(void *incoming, size_t index);
/* Why it ended: the own disk or memory (then nothing is judged), or the unit itself. */
bool incoming_local_trouble(const struct incoming *in);
const char *incoming_fault(const struct incoming *in); /* precise code, "" none */
/* A fault that the partner may be told ("CP1042"): it concerns contents that it has sent itself. */
bool incoming_fault_is_open(const struct incoming *in);
/* After envelope_open: the unit as a whole. 0 or -EBADMSG (incoming_fault). */
int incoming_judge(struct incoming *in);
/* Fills files, sequence and manifest of `out`; the contents pass to the caller's ledger_receive. 0, -ENOMEM.
 */
int incoming_give(struct incoming *in, struct ledger_incoming *out);
/* The same of one that is refused, without contents: sequence number and names, as far as the manifest says
 * them (the sender has signed it). */
int incoming_describe(struct incoming *in, struct ledger_incoming *out);

/* keys.c */
/* Ends an enrolment that was interrupted between its two renames. */
int keys_recover(const char *state_dir, struct error *e);
/* The part of a PEM file behind its first certificate ("" none). */
const char *keys_behind_leaf(const char *pem);
struct identity *keys_load(const char *state_dir, struct error *e); /* retired ones too */

#endif
