/* Work for quiet moments, and the look at a ledger's health. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/content_store.h"
#include "ledger/tree.h"

enum {
    SLICE_MS = 20,
    VACUUM_PAGES = 128,
    FREE_PAGES_KEPT = 2048, /* the next saves take them again */
};
#define REPORT_KEPT_NS INT64_C(3600000000000) /* without its name: somebody may have it open */

static int slice_of(struct ledger *l, bool *more)
{
    int r = reports_forget(l, now_ns() - REPORT_KEPT_NS);
    *more = r > 0;
    if (r >= 0 && !*more)
        r = content_sweep(l, clock_boot_ms() + SLICE_MS, more);
    return r < 0 ? r : 0;
}

static int sweep_slice(struct ledger *l, bool *more)
{
    int r = sql_run(&l->writer, "BEGIN IMMEDIATE", "");
    if (r)
        return r;
    r = slice_of(l, more);
    if (r == 0)
        r = sql_run(&l->writer, "COMMIT", "");
    if (r)
        sqlite3_exec(l->writer.db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

static int vacuum_slice(struct ledger *l, bool *more)
{
    int64_t free_pages;
    char sql[64];
    int r = sql_number(&l->writer, &free_pages, "PRAGMA freelist_count", "");
    if (r || free_pages <= FREE_PAGES_KEPT)
        return r;
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
    *more = free_pages - VACUUM_PAGES > FREE_PAGES_KEPT;
    return sql_script(&l->writer, sql);
}

static int idle_slice(struct ledger *l, bool *more)
{
    int r = sweep_slice(l, more);
    if (r == 0 && !*more)
        r = vacuum_slice(l, more);
    if (r == 0 && !*more && l->wal_frames != l->wal_checked)
        r = checkpoint_now(l);
    if (r == 0 && !*more) {
        connection_shrink(&l->writer);
        readers_shrink(l);
        plain_blocks_free(l);
    }
    return r;
}

bool ledger_idle(struct ledger *l)
{
    bool more = false;
    if (l->read_only || !commit_lead_idle(l))
        return false;
    int r = idle_slice(l, &more);
    if (r)
        log_error("ledger-idle", "work in a quiet moment failed (%d); it is tried again", r);
    commit_unlead(l);
    return r == 0 && more;
}

int ledger_check(struct ledger *l, struct error *e)
{
    int64_t content;
    WITH_READER(l, c);
    if (!c)
        return error_set(e, -EIO, "ledger-read", "ledger.db: cannot be read");
    {
        char text[200];
        autoquery s = sql_query(c, "PRAGMA quick_check(1)", "");
        int r = sql_row(s);
        if (r <= 0)
            return error_set(e, r < 0 ? r : -EIO, "ledger-read", "ledger.db: %s", sqlite3_errmsg(c->db));
        sql_text(s, 0, text, sizeof text);
        if (sqlite3_stricmp(text, "ok") != 0)
            return error_set(e, -EBADMSG, "ledger-damaged",
                             "ledger.db is damaged (%s); restore it from the backup", text);
    }
    int r = sql_number(
        c, &content,
        "SELECT id FROM content WHERE key IS NOT NULL AND refs>0 AND (size+1048575)/1048576<>"
        "(SELECT count(*) FROM block WHERE block.id BETWEEN content.id*65536 AND content.id*65536+65535)"
        " LIMIT 1",
        "");
    if (r == 0)
        return error_set(e, -EBADMSG, "ledger-damaged",
                         "ledger.db is damaged (content %lld lacks blocks); restore it from the backup",
                         (long long)content);
    return r == -ENOENT ? 0 : error_set(e, r, "ledger-read", "ledger.db: %s", sqlite3_errmsg(c->db));
}
