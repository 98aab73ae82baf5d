/* A private state folder with a ledger in it, and short words for what tests do to it. */
#ifndef TEST_LEDGER_HOUSE_H
#define TEST_LEDGER_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger/ledger.h"

#define HOUSE_OFFICE "0300000100-43"
#define HOUSE_PARTNER "0300000005-11"
#define HOUSE_SEQUENCE "20261101093000"
#define HOUSE_PLAN "UPPLAN_202407_202611_0300000100_43_0300000005_11_20261101093000.CSV"
#define HOUSE_TABLE "UP1KYO_202407_202611_0300000100_43_0300000005_11_20261101093000.CSV"

struct house {
    char dir[64];
    struct ledger *l;
};

/* cmocka's setup and teardown; *state is the house. */
int house_setup(void **state);
int house_teardown(void **state);
void house_remove(const char *dir);
int house_try_open(struct house *h, bool read_only, const char *office, struct error *e);
void house_open(struct house *h);
void house_close(struct house *h);
void house_reopen(struct house *h); /* as after an orderly stop */
/* One number by SQL of an own connection, beside the ledger. -1: no row. */
int64_t house_number(const struct house *h, const char *sql);
void house_blob(const struct house *h, const char *sql, void *out, size_t size); /* exactly that size */
void house_sql(const struct house *h, const char *sql);

struct saved {
    uint64_t node, entry;
};
/* A save into the outbox, of a partner's unit. */
struct ledger_save save_of(struct house *h, struct saved *file, const char *name);
struct content *content_of(struct house *h, const void *data, size_t length);
/* Saves `text` under `name` as good (reason NULL) or with this verdict and reason; new ids when file->node
 * is 0. */
int save_text(struct house *h, struct saved *file, const char *name, const char *text);
int save_verdict(struct house *h, struct saved *file, const char *name, const char *text,
                 enum file_verdict verdict, const char *reason);
int save_other(struct house *h, struct saved *file, const char *name,
               const char *text); /* no transfer name */
int draft_text(struct house *h, struct saved *file, const char *name, const char *text);

struct ledger_node node_of(struct house *h, uint64_t node);
void assert_content(struct house *h, uint64_t content, const char *text);
/* The newest message (of all), and how many there are. */
uint64_t newest_message(struct house *h);
int64_t messages_count(const struct house *h);
struct ledger_unit unit_of(struct house *h, uint64_t message);
const struct ledger_unit_file *file_of(const struct ledger_unit *u, const char *name); /* NULL: not there */

#endif
