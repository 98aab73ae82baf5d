/* SQLite in few words: a connection with its prepared statements kept, values bound by a format. */
#ifndef LEDGER_SQL_H
#define LEDGER_SQL_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum { SQL_STATEMENTS = 256 };

struct connection {
    sqlite3 *db;
    struct connection *next; /* in the pool of readers */
    struct {
        const char *sql; /* the literal's address is the key */
        sqlite3_stmt *statement;
    } kept[SQL_STATEMENTS];
};

/* 0 or negative errno. `cache_kib` bounds the page cache. */
int connection_open(struct connection *c, const char *path, int flags, int cache_kib);
void connection_close(struct connection *c);
/* Gives memory back: kept statements and cached pages. No statement may be in use. */
void connection_shrink(struct connection *c);

/* What a result code means as a negative errno (0 for OK, ROW, DONE). */
int sql_errno(sqlite3 *db, int code);

/* `format`, a letter a value: d int, i int64_t or uint64_t, t text (NULL = SQL NULL), b blob (pointer,
 * size_t; pointer NULL = SQL NULL). Values stay the caller's until the statement has been reset. `sql` must
 * be a literal: its address finds the kept statement. The same literal cannot be in use twice at a time. */
int sql_run(struct connection *c, const char *sql, const char *format, ...);
/* NULL only when the statement cannot be made; sql_row then answers -EIO. */
sqlite3_stmt *sql_query(struct connection *c, const char *sql, const char *format, ...);
/* 1 = a row, 0 = the end, negative errno. */
int sql_row(sqlite3_stmt *s);
/* One number of one row. 0, -ENOENT, negative errno. */
int sql_number(struct connection *c, int64_t *out, const char *sql, const char *format, ...);
/* Statements without values, several at a time; not kept. */
int sql_script(struct connection *c, const char *sql);

void sql_done(sqlite3_stmt **s);
#define autoquery with_cleanup(sql_done) sqlite3_stmt *

/* Column values. Text is cut to fit and always ends with NUL. */
uint64_t sql_u64(sqlite3_stmt *s, int column);
void sql_text(sqlite3_stmt *s, int column, char *out, size_t size);
/* Exactly `size` bytes, else zeros; returns whether it fitted. */
int sql_bytes(sqlite3_stmt *s, int column, void *out, size_t size);

#endif
