/* Shared by the store's files only. */
#ifndef HUB_STORE_PRIVATE_H
#define HUB_STORE_PRIVATE_H

#include <jansson.h>
#include <sqlite3.h>

#include "hub/store.h"

enum { DB_STATEMENTS_MAX = 96 };

/* One SQLite connection, used by one thread, with its prepared statements. */
struct connection_db {
    sqlite3 *handle;
    struct {
        const char *sql; /* a literal; its address is the key */
        sqlite3_stmt *statement;
    } prepared[DB_STATEMENTS_MAX];
    size_t n_prepared;
    struct office_id *woken; /* offices that got events in this transaction */
    size_t n_woken, woken_capacity;
    int failure; /* first error of the running job */
};

int db_open(struct connection_db *db, const char *path, bool create, struct error *e);
void db_close(struct connection_db *db);
/* 0 or negative errno of a whole script; for pragmas and schemas. */
int db_script(struct connection_db *db, const char *sql);

/* A prepared statement, reset and bound. `sql` must be a literal. `form`, a letter an argument: t text, i
 * int64_t, b bytes and size_t, o struct office_id *, m struct message_id *, h struct hash256 *, n NULL.
 * NULL on error (db->failure is set). */
sqlite3_stmt *db_query(struct connection_db *db, const char *sql, const char *form, ...);
/* Next row: true. False at the end or on an error (db->failure is set). Resets at the end. */
bool db_row(struct connection_db *db, sqlite3_stmt *statement);
/* Runs to the end. 0 or negative. */
int db_execute(struct connection_db *db, const char *sql, const char *form, ...);
/* One number; `absent` when there is no row. Ask db->failure afterwards. */
int64_t db_number(struct connection_db *db, int64_t absent, const char *sql, const char *form, ...);

void db_column_office(sqlite3_stmt *statement, int column, struct office_id *out);
bool db_column_bytes(sqlite3_stmt *statement, int column, void *out, size_t length);
char *db_column_text(sqlite3_stmt *statement, int column); /* malloc'd; NULL stays NULL */

/* An event for `office` ("" = all). Also wakes it after the commit. */
enum { EVENT_KIND_NONE = 0 };
int db_event(struct connection_db *db, const struct office_id *office, enum store_event_type type,
             int64_t message, int64_t kind, const char *subject);

/* Appends to the directory's log and announces the new head. `entry` is JSON text. */
int db_log_append(struct connection_db *db, const char *entry);
/* As db_log_append, of an object (or NULL: -ENOMEM) that is given away. */
int db_log_json(struct connection_db *db, json_t *entry);
int db_log_head(struct connection_db *db, struct log_head *head);

enum store_side { STORE_WRITE, STORE_READ };
void store_submit(struct store *s, enum store_side side, struct store_job *job,
                  int (*run)(struct connection_db *db, struct store_job *job));

#define PART_KEY(content, n) (((int64_t)(content) << 20) | (int64_t)(n))

#endif
