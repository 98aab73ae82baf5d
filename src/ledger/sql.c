#include "ledger/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int sql_errno(sqlite3 *db, int code)
{
    int system = db ? sqlite3_system_errno(db) : 0;
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    case SQLITE_TOOBIG:
        return -EFBIG;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    default:
        return system == ENOSPC || system == EDQUOT || system == EFBIG ? -ENOSPC : -EIO;
    }
}

int connection_open(struct connection *c, const char *path, int flags, int cache_kib)
{
    int rc = sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(c->db, 1);
        sqlite3_busy_timeout(c->db, 10000);
        char sql[240];
        snprintf(
            sql, sizeof sql,
            "PRAGMA cache_size=-%d; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA synchronous=FULL;"
            "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON",
            cache_kib);
        rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK)
        return 0;
    int r = sql_errno(c->db, rc);
    connection_close(c);
    return r;
}

static void statements_finalize(struct connection *c)
{
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        sqlite3_finalize(c->kept[i].statement);
        c->kept[i].statement = NULL;
        c->kept[i].sql = NULL;
    }
}

void connection_close(struct connection *c)
{
    statements_finalize(c);
    sqlite3_close(c->db);
    c->db = NULL;
}

void connection_shrink(struct connection *c)
{
    statements_finalize(c);
    sqlite3_db_release_memory(c->db);
}

static sqlite3_stmt *statement(struct connection *c, const char *sql)
{
    size_t i = ((uintptr_t)sql >> 3) % SQL_STATEMENTS, tried = 0;
    while (c->kept[i].sql && c->kept[i].sql != sql && tried < SQL_STATEMENTS) {
        i = (i + 1) % SQL_STATEMENTS;
        tried++;
    }
    if (tried == SQL_STATEMENTS) /* more literals than places: begin anew */
        statements_finalize(c);
    if (c->kept[i].sql == sql)
        return c->kept[i].statement;
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
        return NULL;
    c->kept[i].sql = sql;
    c->kept[i].statement = s;
    return s;
}

static int bind_one(sqlite3_stmt *s, int at, char letter, va_list *values)
{
    const char *text;
    const void *data;
    size_t length;
    switch (letter) {
    case 'd':
        return sqlite3_bind_int(s, at, va_arg(*values, int));
    case 'i':
        return sqlite3_bind_int64(s, at, va_arg(*values, int64_t));
    case 't':
        text = va_arg(*values, const char *);
        return text ? sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC) : sqlite3_bind_null(s, at);
    case 'b':
        data = va_arg(*values, const void *);
        length = va_arg(*values, size_t);
        return data ? sqlite3_bind_blob64(s, at, data, length, SQLITE_STATIC) : sqlite3_bind_null(s, at);
    default:
        return SQLITE_MISUSE;
    }
}

static sqlite3_stmt *bound(struct connection *c, const char *sql, const char *format, va_list *values)
{
    sqlite3_stmt *s = statement(c, sql);
    for (int i = 0; s && format[i]; i++)
        if (bind_one(s, i + 1, format[i], values) != SQLITE_OK) {
            sql_done(&s);
            s = NULL;
        }
    return s;
}

sqlite3_stmt *sql_query(struct connection *c, const char *sql, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    sqlite3_stmt *s = bound(c, sql, format, &values);
    va_end(values);
    return s;
}

int sql_row(sqlite3_stmt *s)
{
    if (!s)
        return -EIO;
    int rc = sqlite3_step(s);
    return rc == SQLITE_ROW ? 1 : sql_errno(sqlite3_db_handle(s), rc);
}

int sql_run(struct connection *c, const char *sql, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    autoquery s = bound(c, sql, format, &values);
    va_end(values);
    int r;
    do
        r = sql_row(s);
    while (r > 0);
    return r;
}

int sql_number(struct connection *c, int64_t *out, const char *sql, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    autoquery s = bound(c, sql, format, &values);
    va_end(values);
    int r = sql_row(s);
    if (r > 0)
        *out = sqlite3_column_int64(s, 0);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

int sql_script(struct connection *c, const char *sql)
{
    return sql_errno(c->db, sqlite3_exec(c->db, sql, NULL, NULL, NULL));
}

void sql_done(sqlite3_stmt **s)
{
    if (*s) {
        sqlite3_reset(*s);
        sqlite3_clear_bindings(*s);
    }
}

uint64_t sql_u64(sqlite3_stmt *s, int column)
{
    return (uint64_t)sqlite3_column_int64(s, column);
}

void sql_text(sqlite3_stmt *s, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

int sql_bytes(sqlite3_stmt *s, int column, void *out, size_t size)
{
    const void *data = sqlite3_column_blob(s, column);
    int fits = data && (size_t)sqlite3_column_bytes(s, column) == size;
    if (fits)
        memcpy(out, data, size);
    else
        memset(out, 0, size);
    return fits;
}
