#include "house.h"

#include <errno.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void house_remove(const char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int house_try_open(struct house *h, bool read_only, const char *office, struct error *e)
{
    struct ledger_options o = {.state_dir = h->dir, .read_only = read_only};
    snprintf(o.office.text, sizeof o.office.text, "%s", office);
    return ledger_open(&o, &h->l, e);
}

void house_open(struct house *h)
{
    struct error e = {0};
    int r = house_try_open(h, false, HOUSE_OFFICE, &e);
    if (r)
        print_error("%s\n", e.text);
    assert_int_equal(r, 0);
}

void house_close(struct house *h)
{
    ledger_close(h->l);
    h->l = NULL;
}

void house_reopen(struct house *h)
{
    house_close(h);
    house_open(h);
}

int house_setup(void **state)
{
    struct house *h = calloc(1, sizeof *h);
    assert_non_null(h);
    strcpy(h->dir, "/tmp/test-ledger-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    house_open(h);
    *state = h;
    return 0;
}

int house_teardown(void **state)
{
    struct house *h = *state;
    house_close(h);
    house_remove(h->dir);
    free(h);
    return 0;
}

static sqlite3 *beside(const struct house *h)
{
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/ledger.db", h->dir);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

int64_t house_number(const struct house *h, const char *sql)
{
    sqlite3 *db = beside(h);
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

void house_blob(const struct house *h, const char *sql, void *out, size_t size)
{
    sqlite3 *db = beside(h);
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(sqlite3_column_bytes(s, 0), size);
    memcpy(out, sqlite3_column_blob(s, 0), size);
    sqlite3_finalize(s);
    sqlite3_close(db);
}

void house_sql(const struct house *h, const char *sql)
{
    sqlite3 *db = beside(h);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

struct ledger_save save_of(struct house *h, struct saved *file, const char *name)
{
    if (!file->node) {
        file->node = ledger_new_id(h->l);
        file->entry = ledger_new_id(h->l);
    }
    struct ledger_save s = {
        .node = file->node,
        .entry = file->entry,
        .parent = NODE_OUTBOX,
        .name = name,
        .folded = name,
        .mode = 0660,
        .mtime_ns = 1700000000000000000,
        .verdict = VERDICT_GOOD,
        .reason = "",
        .in_unit = true,
        .recipient = {HOUSE_PARTNER},
        .recipient_text = HOUSE_PARTNER,
        .sequence = HOUSE_SEQUENCE,
        .version = "202407",
    };
    snprintf(s.kind, sizeof s.kind, "%.6s", name);
    snprintf(s.canonical, sizeof s.canonical, "%s", name);
    message_id_new(&s.new_message);
    return s;
}

struct content *content_of(struct house *h, const void *data, size_t length)
{
    struct content *c = content_new(h->l);
    assert_non_null(c);
    assert_int_equal(content_append(c, data, length), 0);
    assert_int_equal(content_finish(c), 0);
    return c;
}

int save_verdict(struct house *h, struct saved *file, const char *name, const char *text,
                 enum file_verdict verdict, const char *reason)
{
    struct ledger_save s = save_of(h, file, name);
    s.content = content_of(h, text, strlen(text));
    s.verdict = verdict;
    s.reason = reason;
    return ledger_save(h->l, &s, NULL, NULL);
}

int save_text(struct house *h, struct saved *file, const char *name, const char *text)
{
    return save_verdict(h, file, name, text, VERDICT_GOOD, "");
}

int save_other(struct house *h, struct saved *file, const char *name, const char *text)
{
    struct ledger_save s = save_of(h, file, name);
    s.content = content_of(h, text, strlen(text));
    s.in_unit = false;
    s.verdict = VERDICT_REJECTED;
    s.reason = "name";
    return ledger_save(h->l, &s, NULL, NULL);
}

int draft_text(struct house *h, struct saved *file, const char *name, const char *text)
{
    struct ledger_save s = save_of(h, file, name);
    s.content = content_of(h, text, strlen(text));
    s.draft = true;
    return ledger_save(h->l, &s, NULL, NULL);
}

struct ledger_node node_of(struct house *h, uint64_t node)
{
    struct ledger_node n = {0};
    assert_int_equal(ledger_node(h->l, node, &n), 0);
    return n;
}

void assert_content(struct house *h, uint64_t content, const char *text)
{
    char have[4096] = "";
    int64_t n = content_read(h->l, content, 0, have, sizeof have - 1);
    assert_int_equal(n, strlen(text));
    assert_string_equal(have, text);
}

uint64_t newest_message(struct house *h)
{
    int64_t id = house_number(h, "SELECT max(id) FROM message");
    assert_true(id > 0);
    return (uint64_t)id;
}

int64_t messages_count(const struct house *h)
{
    return house_number(h, "SELECT count(*) FROM message");
}

struct ledger_unit unit_of(struct house *h, uint64_t message)
{
    struct ledger_unit u;
    assert_int_equal(ledger_unit(h->l, message, &u), 0);
    return u;
}

const struct ledger_unit_file *file_of(const struct ledger_unit *u, const char *name)
{
    for (size_t i = 0; i < u->n_files; i++)
        if (strcmp(u->files[i].name, name) == 0)
            return &u->files[i];
    return NULL;
}
