/* What happened for an office, by number. */
#include "hub/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Two walks over one index each, merged: the office's own events and everybody's. A message whose contents
 * have been dropped is no news any more. */
static const char feed_sql[] =
    "SELECT e.n, e.type, e.kind, e.subject, m.sender, m.recipient, m.id, m.created, m.size, r.der, l.n, l.hash"
    " FROM (SELECT * FROM (SELECT * FROM events WHERE office = ?1 AND n > ?2 AND (type <> 1 OR EXISTS"
    " (SELECT 1 FROM messages WHERE message = events.message AND content IS NOT NULL)) ORDER BY n LIMIT ?3)"
    " UNION ALL"
    " SELECT * FROM (SELECT * FROM events WHERE office = '' AND n > ?2 ORDER BY n LIMIT ?3)) e"
    " LEFT JOIN messages m ON e.type IN (1, 2) AND m.message = e.message"
    " LEFT JOIN receipts r ON e.type = 2 AND r.message = e.message AND r.kind = e.kind AND r.rank = 0"
    " LEFT JOIN log l ON e.type = 3 AND l.n = e.message"
    " ORDER BY e.n LIMIT ?3";

static bool take_receipt(sqlite3_stmt *s, struct store_event *event)
{
    const void *der = sqlite3_column_blob(s, 9);
    size_t length = (size_t)sqlite3_column_bytes(s, 9);
    event->kind = (enum receipt_kind)sqlite3_column_int(s, 2);
    event->receipt = length ? malloc(length) : NULL;
    if (!event->receipt)
        return false;
    memcpy(event->receipt, der, length);
    event->receipt_length = length;
    return true;
}

/* False: no memory, or the row is not what the store writes. */
static bool take_event(sqlite3_stmt *s, struct store_event *event)
{
    *event = (struct store_event){.n = sqlite3_column_int64(s, 0),
                                  .type = (enum store_event_type)sqlite3_column_int(s, 1)};
    switch (event->type) {
    case EVENT_MESSAGE:
    case EVENT_RECEIPT:
        db_column_office(s, 4, &event->sender);
        db_column_office(s, 5, &event->other);
        event->created = sqlite3_column_int64(s, 7);
        event->size = (uint64_t)sqlite3_column_int64(s, 8);
        return db_column_bytes(s, 6, event->id.bytes, sizeof event->id.bytes) &&
               (event->type == EVENT_MESSAGE || take_receipt(s, event));
    case EVENT_DIRECTORY:
        event->head.n = (uint64_t)sqlite3_column_int64(s, 10);
        return db_column_bytes(s, 11, event->head.hash.bytes, sizeof event->head.hash.bytes);
    case EVENT_KEY_CHANGE:
        db_column_office(s, 3, &event->other);
        return *event->other.text != '\0';
    }
    return false;
}

static int run_feed_read(struct connection_db *db, struct store_job *job)
{
    struct store_feed_read *call = (struct store_feed_read *)job;
    size_t bytes = 0;
    sqlite3_stmt *s = db_query(db, feed_sql, "oii", &call->office, call->after, (int64_t)STORE_EVENTS_PAGE);
    while (db_row(db, s)) {
        bytes += (size_t)sqlite3_column_bytes(s, 9) * 4 / 3 + 256;
        if (call->n_events && bytes > STORE_EVENTS_BYTES) {
            sqlite3_reset(s);
            break;
        }
        if (!take_event(s, &call->events[call->n_events++])) {
            sqlite3_reset(s);
            return -EIO;
        }
    }
    return db->failure;
}

void store_feed_read(struct store *s, struct store_feed_read *call)
{
    call->n_events = 0;
    store_submit(s, STORE_READ, &call->job, run_feed_read);
}

void store_events_free(struct store_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(events[i].receipt);
}
