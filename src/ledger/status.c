/* What people ask: where is it, and what proves it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/exchange.h"

static int message_before(struct connection *c, uint64_t before, struct message *out)
{
    autoquery s = sql_query(c, "SELECT " MESSAGE_COLUMNS " FROM message WHERE id<? ORDER BY id DESC LIMIT 1",
                            "i", before ? before : (uint64_t)INT64_MAX);
    int r = sql_row(s);
    if (r > 0)
        message_read(s, 0, out);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

static void status_fill(const struct message *m, struct ledger_status *out)
{
    *out = (struct ledger_status){.message = m->id,
                                  .outgoing = m->outgoing,
                                  .id = m->uid,
                                  .partner = m->partner,
                                  .saved = m->saved,
                                  .sent = m->sent,
                                  .received = m->received,
                                  .taken = m->taken,
                                  .state = m->outgoing ? out_state_name((enum out_state)m->state)
                                                       : in_state_name((enum in_state)m->state)};
    memcpy(out->partner_text, m->partner_text, sizeof out->partner_text);
    memcpy(out->sequence, m->sequence, sizeof out->sequence);
    memcpy(out->reason, m->reason, sizeof out->reason);
}

static void status_free(struct ledger_status *status)
{
    free(status->files);
    free(status->problems);
}

static int status_one(struct ledger *l, uint64_t *before, struct ledger_status *status)
{
    struct message m;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    int r = message_before(c, *before, &m);
    if (r)
        return r;
    *before = m.id;
    status_fill(&m, status);
    r = message_files(c, m.id, &status->files, &status->n_files);
    return r || !m.outgoing ? r : problems_of(c, m.id, status->files, status->n_files, status);
}

int ledger_status_list(struct ledger *l, uint64_t before, size_t max, ledger_status_fn *fn, void *context)
{
    for (size_t i = 0; i < max; i++) {
        with_cleanup(status_free) struct ledger_status status = {0};
        int r = status_one(l, &before, &status); /* no connection is held while `fn` runs */
        if (r)
            return r == -ENOENT ? 0 : r;
        if (!fn(context, &status))
            return 0;
    }
    return 0;
}

/* By the folders' entries: the outbox is small, the nodes of five years are not. */
int ledger_unsendable(struct ledger *l, uint64_t *n)
{
    int64_t found = 0;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    int r = sql_number(c, &found,
                       "SELECT count(*) FROM entry JOIN node ON node.id=entry.node"
                       " WHERE entry.parent IN (SELECT ? UNION SELECT outbox FROM partner)"
                       " AND node.kind=? AND node.verdict=? AND node.message=0",
                       "iii", (uint64_t)NODE_OUTBOX, (uint64_t)NODE_FILE, (uint64_t)VERDICT_REJECTED);
    *n = (uint64_t)found;
    return r;
}

int ledger_find(struct ledger *l, bool outgoing, const struct office_id *sender, const struct message_id *id,
                uint64_t *message)
{
    int64_t found = 0;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    int r = outgoing
                ? sql_number(c, &found, "SELECT id FROM message WHERE uid=? AND outgoing=1", "b", id->bytes,
                             sizeof id->bytes)
                : sql_number(c, &found, "SELECT id FROM message WHERE uid=? AND outgoing=0 AND partner=?",
                             "bt", id->bytes, sizeof id->bytes, sender->text);
    *message = (uint64_t)found;
    return r;
}

/* ---- Evidence ---- */

struct evidence {
    uint64_t id; /* receipt */
    enum receipt_kind kind;
    int64_t at;
    struct buffer der;
};

static int evidence_after(struct ledger *l, uint64_t message, uint64_t after, struct evidence *out)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s =
        sql_query(c,
                  "SELECT id, kind, at, der FROM receipt WHERE message=? AND id>? AND der IS NOT NULL"
                  " ORDER BY id LIMIT 1",
                  "ii", message, after);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    out->id = sql_u64(s, 0);
    out->kind = (enum receipt_kind)sqlite3_column_int(s, 1);
    out->at = sqlite3_column_int64(s, 2);
    return column_buffer(s, 3, &out->der);
}

static int acceptance_read(struct ledger *l, uint64_t message, struct evidence *out)
{
    int64_t content = 0;
    {
        WITH_READER(l, c);
        if (!c)
            return -EIO;
        int r = sql_number(c, &out->at, "SELECT accepted FROM envelope WHERE message=?", "i", message);
        if (r == 0)
            r = sql_number(c, &content, "SELECT acceptance FROM envelope WHERE message=?", "i", message);
        if (r)
            return r;
    }
    out->kind = RECEIPT_ACCEPTED;
    return content ? content_whole(l, (uint64_t)content, ENVELOPE_RECEIPT_MAX, &out->der) : -ENOENT;
}

static bool evidence_tell(struct evidence *e, ledger_evidence_fn *fn, void *context)
{
    return fn(context, e->kind, e->at, e->der.data, e->der.length);
}

int ledger_evidence(struct ledger *l, uint64_t message, ledger_evidence_fn *fn, void *context)
{
    struct evidence e = {0};
    int r = acceptance_read(l, message, &e);
    bool more = r != 0 || evidence_tell(&e, fn, context); /* the hub accepts before anybody answers */
    buffer_free(&e.der);
    if (r == -ENOENT)
        r = 0;
    e.id = 0;
    while (r == 0 && more) {
        e.der = (struct buffer){0};
        r = evidence_after(l, message, e.id, &e);
        more = r == 0 && evidence_tell(&e, fn, context);
        buffer_free(&e.der);
    }
    return r == -ENOENT ? 0 : r;
}
