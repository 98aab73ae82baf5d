/* Copies the WAL back into the ledger off the way of the commits. The checkpointer copies while others go on
 * committing; what came in meanwhile is little, and the leading thread copies that itself after a commit:
 * nobody writes then, so the WAL is all copied and is written over from its beginning instead of growing. */
#include <errno.h>

#include "base/log.h"
#include "base/thread.h"
#include "ledger/internal.h"

enum { CHECKPOINT_PASSES = 2, CHECKPOINT_CACHE_KIB = 64 };

static int on_commit(void *context, sqlite3 *db, const char *name, int frames)
{
    struct ledger *l = context;
    (void)db;
    (void)name;
    if (frames < l->wal_checked) /* begun anew */
        l->wal_checked = 0;
    l->wal_frames = frames;
    return SQLITE_OK;
}

int checkpoint_now(struct ledger *l)
{
    int frames = 0, copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(l->writer.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
    if (rc == SQLITE_OK && copied >= 0)
        l->wal_checked = copied;
    return rc == SQLITE_BUSY ? 0 : sql_errno(l->writer.db, rc);
}

void checkpoint_want(struct ledger *l)
{
    bool finish;
    {
        LOCKED(&l->mutex);
        finish = l->finish_due;
        l->finish_due = false;
        if (!finish && !l->checkpoint_due && l->wal_frames - l->wal_checked > WAL_PAGES) {
            l->checkpoint_due = true;
            pthread_cond_signal(&l->checkpoint_work);
        }
    }
    int r = finish ? checkpoint_now(l) : 0;
    if (r)
        log_error("ledger-checkpoint", "checkpoint failed (%d); it is tried again", r);
}

static void checkpoint_run(struct ledger *l)
{
    for (int i = 0; i < CHECKPOINT_PASSES; i++) {
        int rc = sqlite3_wal_checkpoint_v2(l->checkpoint_connection.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                           NULL);
        if (rc != SQLITE_OK && rc != SQLITE_BUSY)
            log_error("ledger-checkpoint", "checkpoint failed (%s); it is tried again", sqlite3_errstr(rc));
    }
}

static void *checkpointer_run(void *argument)
{
    struct ledger *l = argument;
    LOCKED(&l->mutex);
    for (;;) {
        while (!l->checkpoint_due && !l->checkpoint_stop)
            pthread_cond_wait(&l->checkpoint_work, &l->mutex);
        if (l->checkpoint_stop)
            return NULL;
        pthread_mutex_unlock(&l->mutex);
        checkpoint_run(l);
        pthread_mutex_lock(&l->mutex);
        l->checkpoint_due = false;
        l->finish_due = true;
    }
}

int checkpoint_start(struct ledger *l)
{
    sqlite3_wal_hook(l->writer.db, on_commit, l);
    int r = connection_open(&l->checkpoint_connection, l->path, SQLITE_OPEN_READWRITE, CHECKPOINT_CACHE_KIB);
    if (r)
        return r;
    r = thread_start(&l->checkpointer, "ledger-copy", checkpointer_run, l);
    l->checkpointer_runs = r == 0;
    return r;
}

void checkpoint_stop(struct ledger *l)
{
    if (l->checkpointer_runs) {
        {
            LOCKED(&l->mutex);
            l->checkpoint_stop = true;
            pthread_cond_signal(&l->checkpoint_work);
        }
        pthread_join(l->checkpointer, NULL);
        l->checkpointer_runs = false;
    }
    connection_close(&l->checkpoint_connection);
}
