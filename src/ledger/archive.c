/* The archive: one read-only folder for each exchange, with its files and its evidence. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/exchange.h"

enum { NS_PER_MS = 1000000 };

/* Receipts and acceptances say any time they like. */
static int64_t to_ns(int64_t utc_ms)
{
    int64_t most = INT64_MAX / NS_PER_MS;
    return (utc_ms < 1 ? 1 : utc_ms > most ? most : utc_ms) * NS_PER_MS;
}

static int way_folder(struct ledger *l, const struct message *m, int64_t accepted_at, uint64_t *folder)
{
    char month[8];
    struct partner_place place;
    const char *way = m->outgoing ? "sent" : "received";
    clock_format_japan_month(accepted_at, month);
    int r = partner_place(l, &m->partner, &place);
    if (r == 0)
        r = folder_make(l, NODE_ARCHIVE, month, month, ARCHIVE_FOLDER_MODE, 0, folder);
    if (r == 0)
        r = folder_make(l, *folder, way, way, ARCHIVE_FOLDER_MODE, 0, folder);
    return r ? r : folder_make(l, *folder, place.folder, place.folded, ARCHIVE_FOLDER_MODE, 0, folder);
}

/* SEQUENCE-NN, NN beginning with how many there are. ('.' follows '-'.) */
static int exchange_name(struct ledger *l, uint64_t parent, const char *sequence, char out[64])
{
    struct ledger_entry taken;
    int64_t n = 0;
    int r = sql_number(&l->writer, &n,
                       "SELECT count(*) FROM entry WHERE parent=?1 AND name>=?2||'-' AND name<?2||'.'", "it",
                       parent, sequence);
    while (r == 0) {
        snprintf(out, 64, "%s-%02lld", sequence, (long long)++n);
        r = entry_find_name(&l->writer, parent, out, &taken, NULL);
    }
    return r == -ENOENT ? 0 : r;
}

int archive_make(struct ledger *l, uint64_t message, int64_t accepted_at, uint64_t *folder)
{
    struct message m;
    char name[64];
    uint64_t parent = 0;
    int r = message_find(&l->writer, message, &m);
    if (r == 0)
        r = way_folder(l, &m, accepted_at, &parent);
    if (r == 0)
        r = exchange_name(l, parent, m.sequence[0] ? m.sequence : DOCUMENT_WORD, name);
    if (r == 0)
        r = folder_make(l, parent, name, name, ARCHIVE_FOLDER_MODE, message, folder);
    return r ? r : sql_run(&l->writer, "UPDATE message SET archive=? WHERE id=?", "ii", *folder, message);
}

int archive_add(struct ledger *l, uint64_t message, uint64_t folder, const char *name, const char *folded,
                uint64_t content, int64_t at)
{
    struct node_new node = {.kind = NODE_ARCHIVED,
                            .mode = READ_ONLY_MODE,
                            .content = content,
                            .mtime_ns = to_ns(at),
                            .message = message};
    struct entry_new entry = {.parent = folder, .name = name, .folded = folded};
    int r = node_insert(l, &node, &entry.node);
    return r ? r : entry_insert_beside(l, &entry, NULL);
}

static int add_known(struct ledger *l, uint64_t message, uint64_t folder, const char *name, uint64_t content,
                     int64_t at)
{
    return content ? archive_add(l, message, folder, name, name, content, at) : 0;
}

/* "received.der", a second one "received-2.der", as careplanctl evidence names them. */
static int receipt_add(struct ledger *l, uint64_t message, uint64_t folder, enum receipt_kind kind,
                       int64_t at, uint64_t content)
{
    char name[48];
    struct ledger_entry taken;
    int r;
    unsigned n = 1;
    snprintf(name, sizeof name, "%s.der", receipt_kind_name(kind));
    while ((r = entry_find_name(&l->writer, folder, name, &taken, NULL)) == 0)
        snprintf(name, sizeof name, "%s-%u.der", receipt_kind_name(kind), ++n);
    if (r != -ENOENT)
        return r;
    return archive_add(l, message, folder, name, name, content, at);
}

int archive_receipt(struct ledger *l, uint64_t message, enum receipt_kind kind, int64_t at,
                    struct content *copy)
{
    struct message m;
    uint64_t content = 0;
    int r = message_find(&l->writer, message, &m);
    if (r || !m.archive)
        return r;
    r = content_link(l, copy, &content);
    return r ? r : receipt_add(l, message, m.archive, kind, at, content);
}

/* Receipts that came before there was a folder. One at a time: no query is open while rows are written. */
static int add_receipts(struct ledger *l, uint64_t message, uint64_t folder)
{
    uint64_t after = 0;
    for (;;) {
        uint64_t content = 0;
        enum receipt_kind kind;
        int64_t at;
        int r;
        {
            autoquery s = sql_query(&l->writer,
                                    "SELECT id, kind, at, der FROM receipt WHERE message=? AND id>?"
                                    " AND der IS NOT NULL ORDER BY id LIMIT 1",
                                    "ii", message, after);
            r = sql_row(s);
            if (r <= 0)
                return r;
            after = sql_u64(s, 0);
            kind = (enum receipt_kind)sqlite3_column_int(s, 1);
            at = sqlite3_column_int64(s, 2);
            r = content_inline(l, sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3), &content);
        }
        if (r == 0)
            r = receipt_add(l, message, folder, kind, at, content);
        if (r)
            return r;
    }
}

int archive_evidence(struct ledger *l, uint64_t message, uint64_t folder)
{
    uint64_t statement = 0, manifest = 0, acceptance = 0;
    int64_t created = 0, accepted = 0;
    int r;
    {
        autoquery s = sql_query(&l->writer,
                                "SELECT statement, manifest, acceptance, created, accepted FROM envelope"
                                " WHERE message=?",
                                "i", message);
        r = sql_row(s);
        if (r <= 0)
            return r < 0 ? r : -ENOENT;
        statement = sql_u64(s, 0);
        manifest = sql_u64(s, 1);
        acceptance = sql_u64(s, 2);
        created = sqlite3_column_int64(s, 3);
        accepted = sqlite3_column_int64(s, 4);
    }
    r = add_known(l, message, folder, "statement.der", statement, created);
    if (r == 0)
        r = add_known(l, message, folder, "manifest.json", manifest, created);
    if (r == 0)
        r = add_known(l, message, folder, "accepted.der", acceptance, accepted);
    return r ? r : add_receipts(l, message, folder);
}
