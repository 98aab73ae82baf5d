/* What the ledger's files share. */
#ifndef LEDGER_INTERNAL_H
#define LEDGER_INTERNAL_H

#include <pthread.h>

#include "ledger/crypt.h"
#include "ledger/ledger.h"
#include "ledger/sql.h"

struct change;
/* Runs on the thread that commits, inside the transaction. May run again after a rollback, so it must leave
 * nothing behind but rows (and what `audit_head` keeps). 0, or negative errno: then nothing of it stays. */
typedef int change_apply_fn(struct ledger *l, struct change *c);

struct piece;
struct waiter;

/* A change handed in: embedded first in a struct of its own with what it needs, all of it copied. */
struct change {
    struct change *next;
    change_apply_fn *apply;
    ledger_done_fn *done;
    void *context;
    struct piece *pieces;     /* copies, freed with the change */
    struct content *contents; /* owned, chained by content->next */
    unsigned changed;         /* enum ledger_changed, set by apply */
    int result;
    bool failed;           /* a copy found no memory */
    bool lazy;             /* needs no transaction of its own: goes with the next, at most a second later */
    struct waiter *waiter; /* a caller waits */
};

/* A zeroed change of `size` bytes; NULL: no memory. */
void *change_new(size_t size, change_apply_fn *apply, ledger_done_fn *done, void *context);
/* Copies; NULL for NULL, and on no memory (change->failed). */
void *change_copy(struct change *c, const void *data, size_t length);
char *change_text(struct change *c, const char *text);
void change_own(struct change *c, struct content *content); /* NULL: nothing */
/* Hands in. `c` NULL (change_new found no memory): answers -ENOMEM to `done`. */
int change_submit(struct ledger *l, struct change *c, ledger_done_fn *done, void *context);
/* A small content from bytes in memory, encrypted on this thread, owned by the change; NULL: failed. */
struct content *change_content(struct ledger *l, struct change *c, const void *data, size_t length);

struct audit_head {
    uint64_t n;
    struct hash256 hash;
};

enum { CHANGE_GROUP = 256, WAL_PAGES = 4000, READERS_KEPT = 3, PLAIN_BLOCKS = 2 };

struct plain_block { /* a decrypted block, for readers that take a block in many reads */
    uint64_t content, block, used;
    size_t length;
    uint8_t *data;
};

struct ledger {
    struct office_id office;
    bool read_only;
    char *path;
    int lock_fd;
    struct crypt crypt;

    struct connection writer; /* of the thread that leads */
    pthread_mutex_t readers_mutex;
    struct connection *readers;
    size_t n_readers;

    pthread_mutex_t mutex; /* the queue and everything down to the next blank line */
    pthread_cond_t work;
    struct change *queue, **queue_end;
    size_t queued;
    bool leading;  /* somebody commits */
    bool handover; /* the committer is to go on for a leader */
    bool stopping, no_leader;
    int64_t lazy_deadline; /* CLOCK_BOOTTIME ms; 0 = none */
    uint64_t id_next, id_reserved, id_durable;
    bool checkpoint_due, finish_due, checkpoint_stop; /* finish: the leading thread copies the rest */
    pthread_cond_t checkpoint_work;

    /* Only the leading thread: */
    struct audit_head audit;
    int wal_frames, wal_checked; /* frames in the WAL, and how many of them a checkpoint has copied */

    pthread_t committer, checkpointer;
    bool committer_runs, checkpointer_runs;
    struct connection checkpoint_connection;

    pthread_mutex_t subscribers_mutex; /* held while they are called */
    struct {
        ledger_changed_fn *fn;
        void *context;
    } subscribers[8];
    size_t n_subscribers;

    pthread_mutex_t plain_mutex;
    struct plain_block plain[PLAIN_BLOCKS];
    uint64_t plain_clock;
};

/* commit.c */
int commit_start(struct ledger *l);
void commit_stop(struct ledger *l);      /* finishes what was handed in */
bool commit_lead_idle(struct ledger *l); /* become the leader though nothing waits; false: somebody leads */
void commit_unlead(struct ledger *l);    /* commits what has come meanwhile, then leads no more */

/* checkpoint.c */
int checkpoint_start(struct ledger *l);
void checkpoint_stop(struct ledger *l);
void checkpoint_want(struct ledger *l); /* by the leading thread, after a commit */
int checkpoint_now(struct ledger *l);   /* by the leading thread, on its own connection */

/* ledger.c: a read connection for a short while. NULL: cannot open. */
struct connection *reader_take(struct ledger *l);
void reader_give(struct ledger *l, struct connection *c);
void readers_shrink(struct ledger *l);
/* A new id inside apply. */
uint64_t id_take(struct ledger *l);
int64_t now_ns(void);

#define WITH_READER(l, name)                                                          \
    with_cleanup(reader_release) struct reader name##_reader = {(l), reader_take(l)}; \
    struct connection *name = name##_reader.connection
struct reader {
    struct ledger *ledger;
    struct connection *connection;
};
static inline void reader_release(struct reader *r)
{
    if (r->connection)
        reader_give(r->ledger, r->connection);
}

/* audit.c */
int audit_load(struct ledger *l);
/* Inside apply. `detail`: one line. */
int audit_append(struct ledger *l, const char *event, const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));
/* "out 0123…" for audit details; 48 bytes. */
void message_label(bool outgoing, const uint8_t id[ENVELOPE_ID_SIZE], char out[48]);

#endif
