/* The offices, and the append-only log of what became of them. */
#include "hub/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "base/cleanup.h"

/* ---- reading ---- */

static bool take_office(sqlite3_stmt *s, struct store_office *office)
{
    db_column_office(s, 0, &office->office);
    office->name = db_column_text(s, 1);
    office->municipality = db_column_text(s, 2);
    if (sqlite3_column_type(s, 3) != SQLITE_NULL) {
        const char *fingerprint = (const char *)sqlite3_column_text(s, 4);
        office->certificate = db_column_text(s, 3);
        if (!office->certificate || !fingerprint || strlen(fingerprint) >= sizeof office->fingerprint)
            return false;
        strcpy(office->fingerprint, fingerprint);
    }
    return office->name && office->municipality;
}

static int run_directory_read(struct connection_db *db, struct store_job *job)
{
    struct store_directory_read *call = (struct store_directory_read *)job;
    call->offices = calloc(STORE_DIRECTORY_PAGE, sizeof *call->offices);
    if (!call->offices)
        return -ENOMEM;
    sqlite3_stmt *s = db_query(db,
                               "SELECT o.office, o.name, o.municipality, c.pem, c.fingerprint FROM offices o"
                               " LEFT JOIN certificates c ON c.certificate = o.certificate"
                               " WHERE o.office > ? ORDER BY o.office LIMIT ?",
                               "oi", &call->after, (int64_t)STORE_DIRECTORY_PAGE + 1);
    while (db_row(db, s)) {
        call->more = call->n_offices == STORE_DIRECTORY_PAGE;
        bool good = call->more || take_office(s, &call->offices[call->n_offices++]);
        if (call->more || !good)
            sqlite3_reset(s);
        if (!good)
            return -ENOMEM;
        if (call->more)
            break;
    }
    return db->failure ? db->failure : db_log_head(db, &call->head);
}

void store_directory_read(struct store *s, struct store_directory_read *call)
{
    store_submit(s, STORE_READ, &call->job, run_directory_read);
}

void store_offices_free(struct store_office *offices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(offices[i].name);
        free(offices[i].municipality);
        free(offices[i].certificate);
    }
    free(offices);
}

static int run_log_read(struct connection_db *db, struct store_job *job)
{
    struct store_log_read *call = (struct store_log_read *)job;
    call->entries = calloc(STORE_LOG_PAGE, sizeof *call->entries);
    if (!call->entries)
        return -ENOMEM;
    sqlite3_stmt *s = db_query(db, "SELECT n, entry, hash FROM log WHERE n > ? ORDER BY n LIMIT ?", "ii",
                               call->after, (int64_t)STORE_LOG_PAGE);
    while (db_row(db, s)) {
        struct store_log_entry *entry = &call->entries[call->n_entries++];
        entry->n = (uint64_t)sqlite3_column_int64(s, 0);
        entry->entry = db_column_text(s, 1);
        if (!entry->entry || !db_column_bytes(s, 2, entry->hash.bytes, sizeof entry->hash.bytes)) {
            sqlite3_reset(s);
            return -EIO;
        }
    }
    return db->failure ? db->failure : db_log_head(db, &call->head);
}

void store_log_read(struct store *s, struct store_log_read *call)
{
    store_submit(s, STORE_READ, &call->job, run_log_read);
}

void store_log_entries_free(struct store_log_entry *entries, size_t n)
{
    for (size_t i = 0; entries && i < n; i++)
        free(entries[i].entry);
    free(entries);
}

/* ---- writing ---- */

int db_log_json(struct connection_db *db, json_t *entry)
{
    autofree char *text = entry ? json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(entry);
    return text ? db_log_append(db, text) : -ENOMEM;
}

/* Already there: the same, or under another name? */
static bool office_is_there(struct connection_db *db, struct store_office_add *call)
{
    sqlite3_stmt *s =
        db_query(db, "SELECT name, municipality FROM offices WHERE office = ?", "o", &call->office);
    call->there = db_row(db, s);
    if (!call->there)
        return false;
    call->same = strcmp((const char *)sqlite3_column_text(s, 0), call->name) == 0 &&
                 strcmp((const char *)sqlite3_column_text(s, 1), call->municipality) == 0;
    sqlite3_reset(s);
    return true;
}

static int run_office_add(struct connection_db *db, struct store_job *job)
{
    struct store_office_add *call = (struct store_office_add *)job;
    if (office_is_there(db, call) || db->failure)
        return db->failure;
    int r = db_execute(db, "INSERT INTO offices(office, name, municipality, added) VALUES(?,?,?,?)", "otti",
                       &call->office, call->name, call->municipality, call->now);
    return r ? r
             : db_log_json(db, json_pack("{s:s, s:s, s:s, s:s, s:I}", "type", "office", "office",
                                         call->office.text, "name", call->name, "municipality",
                                         call->municipality, "at", (json_int_t)call->now));
}

void store_office_add(struct store *s, struct store_office_add *call)
{
    store_submit(s, STORE_WRITE, &call->job, run_office_add);
}
