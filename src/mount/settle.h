/* The settler: one thread that decides when saved files go. It joins files into units (mount.md section 4),
 * waits for the settle time after the last save or live handle, judges completeness, queues the unit in the
 * ledger, lets waiting ones go when a partner joins, removes sent entries after the linger time, sweeps
 * scratch after a day. Its clocks are CLOCK_BOOTTIME and begin anew after a restart. */
#ifndef MOUNT_SETTLE_H
#define MOUNT_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/settings.h"
#include "control/rules.h"
#include "ledger/ledger.h"

struct settler;

/* What the settler asks of the mount. Called on the settler's thread without its lock held. */
struct settle_host {
    void *context;
    /* Has this node a live handle that may write, or content not yet judged? Then it is not settled. */
    bool (*busy)(void *context, uint64_t node);
    /* Remove this entry of the outbox as desktops should see it (linger over, report obsolete). 0 or
     * negative: -EBUSY it is not what it was, -ETIMEDOUT, -EPIPE nobody removes anything just now. */
    int (*remove_entry)(void *context, const struct ledger_entry *entry);
    /* Entries under `parent` changed in the ledger without a request (reports, new folders): invalidate. */
    void (*changed)(void *context, uint64_t parent, const char *name);
    /* settle time after settler_empty, or a minute after settler_again: if nobody has judged the file and
     * nobody has it open, it is judged now (judge_request.settled) and gets its report. */
    void (*judge_empty)(void *context, uint64_t node);
    /* Sweep scratch older than a day that nobody has open. */
    void (*sweep)(void *context);
};

/* Starts the thread; subscribes to the ledger (so call it before other threads use the ledger). */
int settler_start(struct ledger *l, const struct settings *s, const struct rules *rules,
                  const struct office_id *office, const struct settle_host *host, struct settler **out);
/* Joins the thread: the host is asked nothing any more. It can still be told (settler_touch, settler_empty).
 */
void settler_stop(struct settler *s);
void settler_free(struct settler *s); /* stopped; nobody tells it any more */

/* A save, rename, deletion, open for writing or last release under this partner ("" = not known) and number:
 * the settle time begins anew. Cheap, any thread. `node` is the file in any case; `sequence` "" for a
 * document. */
void settler_touch(struct settler *s, const struct office_id *recipient, const char *sequence, uint64_t node);

/* The last release left this file empty (transfer name, document or other): host.judge_empty comes after the
 * settle time. Cheap, any thread. */
void settler_empty(struct settler *s, uint64_t node);
/* Saving the file failed (no space, no memory): host.judge_empty comes in a minute. Cheap, any thread. */
void settler_again(struct settler *s, uint64_t node);

#endif
