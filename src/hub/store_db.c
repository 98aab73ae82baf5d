/* A SQLite connection: opening, schema, statements. */
#include "hub/store_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { APPLICATION_ID = 0x63706875 /* "cphu" */, BUSY_MS = 15000 };

/* Schema 1. A part's key is content << 20 | n: one tree, no second index over the blobs. Events of one office
 * rise by n; `office` '' is everybody's. The log refuses change and deletion. */
static const char schema_1[] =
    "CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO counters VALUES('content', 0);"
    "CREATE TABLE offices(office TEXT PRIMARY KEY, name TEXT NOT NULL, municipality TEXT NOT NULL,"
    " added INTEGER NOT NULL, certificate INTEGER) WITHOUT ROWID;"
    "CREATE TABLE certificates(certificate INTEGER PRIMARY KEY, office TEXT NOT NULL, serial TEXT NOT NULL"
    " UNIQUE, fingerprint TEXT NOT NULL, key BLOB NOT NULL, pem TEXT NOT NULL, issued INTEGER NOT NULL,"
    " ends INTEGER NOT NULL, revoked INTEGER);"
    "CREATE INDEX certificates_office ON certificates(office);"
    "CREATE INDEX certificates_revoked ON certificates(revoked) WHERE revoked IS NOT NULL;"
    "CREATE TABLE tokens(office TEXT PRIMARY KEY, hash BLOB NOT NULL, expires INTEGER NOT NULL,"
    " tries INTEGER NOT NULL, used INTEGER, certificate INTEGER) WITHOUT ROWID;"
    "CREATE TABLE crl(one INTEGER PRIMARY KEY CHECK(one = 1), number INTEGER NOT NULL, made INTEGER NOT NULL,"
    " der BLOB NOT NULL);"
    "CREATE TABLE log(n INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash BLOB NOT NULL);"
    "CREATE TRIGGER log_update BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'append-only'); END;"
    "CREATE TRIGGER log_delete BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'append-only'); END;"
    "CREATE TABLE messages(message INTEGER PRIMARY KEY, sender TEXT NOT NULL, id BLOB NOT NULL,"
    " recipient TEXT NOT NULL, created INTEGER NOT NULL, accepted INTEGER NOT NULL, envelope BLOB NOT NULL,"
    " manifest BLOB NOT NULL, content INTEGER, length INTEGER NOT NULL, size INTEGER NOT NULL,"
    " received INTEGER, acceptance BLOB NOT NULL, statement BLOB NOT NULL, header BLOB NOT NULL,"
    " UNIQUE(sender, id));"
    "CREATE INDEX messages_received ON messages(received) WHERE received IS NOT NULL AND content IS NOT NULL;"
    "CREATE TABLE receipts(message INTEGER NOT NULL, kind INTEGER NOT NULL, rank INTEGER NOT NULL,"
    " at INTEGER NOT NULL, der BLOB NOT NULL, PRIMARY KEY(message, kind, rank)) WITHOUT ROWID;"
    "CREATE TABLE uploads(content INTEGER PRIMARY KEY, sender TEXT NOT NULL, id BLOB NOT NULL,"
    " version INTEGER NOT NULL, touched INTEGER NOT NULL, UNIQUE(sender, id));"
    "CREATE INDEX uploads_touched ON uploads(touched);"
    "CREATE TABLE dropped(content INTEGER PRIMARY KEY);"
    "CREATE TABLE parts(part INTEGER PRIMARY KEY, size INTEGER NOT NULL, sha256 BLOB NOT NULL, data BLOB NOT"
    " NULL);"
    "CREATE TABLE events(n INTEGER PRIMARY KEY AUTOINCREMENT, office TEXT NOT NULL, type INTEGER NOT NULL,"
    " message INTEGER, kind INTEGER, subject TEXT);"
    "CREATE INDEX events_office ON events(office, n);"
    "CREATE TABLE partners(office TEXT, partner TEXT, PRIMARY KEY(office, partner)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

/* Schema 2 counts what each office has under way: its open uploads, and the bytes of their parts and of its
 * messages that nobody has received yet. What an office sends to itself counts until it is dropped, else it
 * could receive it and go on. */
/* clang-format off */
#define COUNTED(row)                                                                                          \
    "(" row ".content IS NOT NULL AND (" row ".received IS NULL OR " row ".sender = " row ".recipient))"
#define SIZE_OF(row) "(" row ".length + length(" row ".statement) + length(" row ".header))"
#define ADD(office, uploads, bytes)                                                                           \
    " BEGIN INSERT INTO quota VALUES(" office ", " uploads ", " bytes ")"                                      \
    " ON CONFLICT(office) DO UPDATE SET uploads = uploads + excluded.uploads,"                                 \
    " bytes = bytes + excluded.bytes; END;"
static const char schema_2[] =
    "ALTER TABLE uploads ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "UPDATE uploads SET bytes = (SELECT coalesce(sum(size), 0) FROM parts"
    " WHERE part >= content << 20 AND part < (content + 1) << 20);"
    "CREATE TABLE quota(office TEXT PRIMARY KEY, uploads INTEGER NOT NULL, bytes INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "INSERT INTO quota SELECT office, sum(uploads), sum(bytes) FROM ("
    " SELECT sender AS office, 1 AS uploads, bytes FROM uploads UNION ALL"
    " SELECT sender, 0, " SIZE_OF("messages") " FROM messages WHERE " COUNTED("messages") ") GROUP BY office;"
    "CREATE TRIGGER uploads_new AFTER INSERT ON uploads" ADD("new.sender", "1", "new.bytes")
    "CREATE TRIGGER uploads_bytes AFTER UPDATE OF bytes ON uploads"
    ADD("new.sender", "0", "new.bytes - old.bytes")
    "CREATE TRIGGER uploads_gone AFTER DELETE ON uploads" ADD("old.sender", "-1", "-old.bytes")
    "CREATE TRIGGER messages_new AFTER INSERT ON messages WHEN " COUNTED("new")
    ADD("new.sender", "0", SIZE_OF("new"))
    "CREATE TRIGGER messages_gone AFTER UPDATE OF received, content ON messages WHEN " COUNTED("old")
    " AND NOT " COUNTED("new") ADD("old.sender", "0", "-" SIZE_OF("old"))
    "PRAGMA user_version = 2;";
/* clang-format on */

static int errno_of(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_READONLY:
        return -EROFS;
    default:
        return -EIO;
    }
}

static int fail(struct connection_db *db, int code)
{
    int r = errno_of(code);
    if (r) {
        log_error("store", "SQLite: %s (%d)", sqlite3_errmsg(db->handle), code);
        if (!db->failure)
            db->failure = r;
    }
    return r;
}

int db_script(struct connection_db *db, const char *sql)
{
    return fail(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

static sqlite3_stmt *prepare(struct connection_db *db, const char *sql)
{
    for (size_t i = 0; i < db->n_prepared; i++)
        if (db->prepared[i].sql == sql) {
            sqlite3_reset(db->prepared[i].statement);
            return db->prepared[i].statement;
        }
    sqlite3_stmt *statement = NULL;
    int r = db->n_prepared < DB_STATEMENTS_MAX
                ? sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL)
                : SQLITE_NOMEM;
    if (r != SQLITE_OK) {
        fail(db, r);
        return NULL;
    }
    db->prepared[db->n_prepared].sql = sql;
    db->prepared[db->n_prepared++].statement = statement;
    return statement;
}

static int bind_next(sqlite3_stmt *s, int column, char form, va_list *arguments)
{
    switch (form) {
    case 't':
        return sqlite3_bind_text(s, column, va_arg(*arguments, const char *), -1, SQLITE_STATIC);
    case 'i':
        return sqlite3_bind_int64(s, column, va_arg(*arguments, int64_t));
    case 'b': {
        const void *data = va_arg(*arguments, const void *);
        size_t length = va_arg(*arguments, size_t);
        return sqlite3_bind_blob64(s, column, data, length, SQLITE_STATIC);
    }
    case 'o':
        return sqlite3_bind_text(s, column, va_arg(*arguments, const struct office_id *)->text, -1,
                                 SQLITE_STATIC);
    case 'm':
        return sqlite3_bind_blob(s, column, va_arg(*arguments, const struct message_id *)->bytes,
                                 ENVELOPE_ID_SIZE, SQLITE_STATIC);
    case 'h':
        return sqlite3_bind_blob(s, column, va_arg(*arguments, const struct hash256 *)->bytes,
                                 ENVELOPE_HASH_SIZE, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(s, column);
    }
}

static sqlite3_stmt *query(struct connection_db *db, const char *sql, const char *form, va_list *arguments)
{
    sqlite3_stmt *s = prepare(db, sql);
    for (int i = 0; s && form[i]; i++) {
        int r = bind_next(s, i + 1, form[i], arguments);
        if (r != SQLITE_OK) {
            fail(db, r);
            s = NULL;
        }
    }
    return s;
}

sqlite3_stmt *db_query(struct connection_db *db, const char *sql, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    sqlite3_stmt *s = query(db, sql, form, &arguments);
    va_end(arguments);
    return s;
}

bool db_row(struct connection_db *db, sqlite3_stmt *s)
{
    if (!s)
        return false;
    int r = sqlite3_step(s);
    if (r == SQLITE_ROW)
        return true;
    fail(db, r);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return false;
}

int db_execute(struct connection_db *db, const char *sql, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    sqlite3_stmt *s = query(db, sql, form, &arguments);
    va_end(arguments);
    int before = db->failure;
    db->failure = s ? 0 : before;
    while (db_row(db, s))
        continue;
    int r = db->failure;
    if (!r)
        db->failure = before;
    return r;
}

int64_t db_number(struct connection_db *db, int64_t absent, const char *sql, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    sqlite3_stmt *s = query(db, sql, form, &arguments);
    va_end(arguments);
    int64_t n = absent;
    if (db_row(db, s)) {
        if (sqlite3_column_type(s, 0) != SQLITE_NULL)
            n = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        sqlite3_clear_bindings(s);
    }
    return n;
}

void db_column_office(sqlite3_stmt *s, int column, struct office_id *out)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    if (!text || !office_id_parse(out, text, strlen(text)))
        out->text[0] = '\0';
}

bool db_column_bytes(sqlite3_stmt *s, int column, void *out, size_t length)
{
    const void *data = sqlite3_column_blob(s, column);
    if (!data || (size_t)sqlite3_column_bytes(s, column) != length)
        return false;
    memcpy(out, data, length);
    return true;
}

char *db_column_text(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? strdup(text) : NULL;
}

/* ---- opening ---- */

static int open_error(struct connection_db *db, const char *path, struct error *e)
{
    return error_set(e, errno_of(sqlite3_extended_errcode(db->handle)) ?: -EIO, "store", "%s: %s", path,
                     db->handle ? sqlite3_errmsg(db->handle) : "out of memory");
}

static int create_schema(struct connection_db *db, const char *path, struct error *e)
{
    char pragma[80];
    snprintf(pragma, sizeof pragma, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = %d;",
             APPLICATION_ID);
    if (db_script(db, pragma) || db_script(db, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;") ||
        db_script(db, schema_1) || db_script(db, schema_2) || db_script(db, "COMMIT"))
        return open_error(db, path, e);
    return 0;
}

/* A later schema adds its step here: each brings the file from one version to the next in one transaction. */
static int migrate(struct connection_db *db, const char *path, struct error *e)
{
    int64_t version = db_number(db, 0, "PRAGMA user_version", "");
    if (db->failure)
        return open_error(db, path, e);
    if (db_number(db, 0, "PRAGMA application_id", "") != APPLICATION_ID || version < 1)
        return error_set(e, -EINVAL, "store-form", "%s: not a hub's store", path);
    if (version > STORE_SCHEMA)
        return error_set(e, -EINVAL, "store-newer",
                         "%s: written by a newer careplan-hub (schema %" PRId64 ", this one knows %d); "
                         "install that version again",
                         path, version, STORE_SCHEMA);
    if (version < 2 &&
        (db_script(db, "BEGIN IMMEDIATE") || db_script(db, schema_2) || db_script(db, "COMMIT")))
        return open_error(db, path, e);
    return 0;
}

int db_open(struct connection_db *db, const char *path, bool create, struct error *e)
{
    struct stat status;
    bool there = stat(path, &status) == 0;
    if (there == create)
        return error_set(e, there ? -EEXIST : -ENOENT, "store", "%s: %s", path,
                         there ? "exists already" : "no such store; careplan-hub init makes it");
    mode_t mask = umask(0077);
    int r = sqlite3_open_v2(path, &db->handle,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0),
                            NULL);
    umask(mask);
    if (r != SQLITE_OK)
        return open_error(db, path, e);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    r = create ? create_schema(db, path, e) : migrate(db, path, e);
    if (r)
        return r;
    /* A small cache: contents pass through it once. */
    if (db_script(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2048;"
                      "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;"
                      "PRAGMA temp_store = MEMORY;"))
        return open_error(db, path, e);
    return 0;
}

void db_close(struct connection_db *db)
{
    for (size_t i = 0; i < db->n_prepared; i++)
        sqlite3_finalize(db->prepared[i].statement);
    if (db->handle)
        sqlite3_close(db->handle);
    free(db->woken);
    *db = (struct connection_db){0};
}

/* ---- what several calls write ---- */

static int woken_add(struct connection_db *db, const struct office_id *office)
{
    for (size_t i = 0; i < db->n_woken; i++)
        if (office_id_equal(&db->woken[i], office))
            return 0;
    if (db->n_woken == db->woken_capacity) {
        size_t capacity = db->woken_capacity * 2 + 16;
        struct office_id *grown = realloc(db->woken, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        db->woken = grown;
        db->woken_capacity = capacity;
    }
    db->woken[db->n_woken++] = *office;
    return 0;
}

int db_event(struct connection_db *db, const struct office_id *office, enum store_event_type type,
             int64_t message, int64_t kind, const char *subject)
{
    int r = db_execute(db, "INSERT INTO events(office, type, message, kind, subject) VALUES(?,?,?,?,?)",
                       "oiiit", office, (int64_t)type, message, kind, subject);
    return r ? r : woken_add(db, office);
}

int db_log_head(struct connection_db *db, struct log_head *head)
{
    *head = (struct log_head){0};
    sqlite3_stmt *s = db_query(db, "SELECT n, hash FROM log ORDER BY n DESC LIMIT 1", "");
    if (db_row(db, s)) {
        head->n = (uint64_t)sqlite3_column_int64(s, 0);
        if (!db_column_bytes(s, 1, head->hash.bytes, ENVELOPE_HASH_SIZE))
            db->failure = -EIO;
        sqlite3_reset(s);
    }
    return db->failure;
}

int db_log_append(struct connection_db *db, const char *entry)
{
    struct log_head head;
    int r = db_log_head(db, &head);
    if (r)
        return r;
    log_head_append(&head, entry, strlen(entry));
    r = db_execute(db, "INSERT INTO log(n, entry, hash) VALUES(?,?,?)", "ith", (int64_t)head.n, entry,
                   &head.hash);
    if (!r) /* of the announced heads only the newest says anything */
        r = db_execute(db, "DELETE FROM events WHERE office = '' AND type = ?", "i",
                       (int64_t)EVENT_DIRECTORY);
    return r ? r : db_event(db, &(struct office_id){""}, EVENT_DIRECTORY, (int64_t)head.n, 0, NULL);
}
