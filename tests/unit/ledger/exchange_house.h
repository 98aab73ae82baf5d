/* Two offices with a ledger each, for the tests of what goes out and what comes in. Envelopes are made up:
 * the ledger keeps them, it does not look into them (of the manifest it reads the files' hashes). */
#ifndef TEST_EXCHANGE_HOUSE_H
#define TEST_EXCHANGE_HOUSE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger/ledger.h"

#define CARE "0300000100-43"
#define SERVICE "0300000005-11"
#define OTHER "0300000006-11"
#define SEQUENCE "20261101090000"
#define ACCEPTED INT64_C(1793458800000) /* 2026-10-31T15:00:00Z: 1 November in Japan */

struct house {
    char dir[64];
    struct ledger *ledger;
};
int house_open(void **state);  /* cmocka setup: a ledger of CARE that knows SERVICE and OTHER */
int house_close(void **state); /* … and teardown; the folder goes */
void house_start(struct house *h);
void house_restart(struct house *h);

struct office_id office(const char *text);
struct message_id message_id(uint8_t n);
struct hash256 hash(uint8_t n);
struct content *content(struct ledger *l, const char *text);
void add_partner(struct ledger *l, const char *id, const char *name);
uint64_t inbox_of(struct ledger *l, const char *partner);
uint64_t outbox_of(struct ledger *l, const char *partner);

/* Saves `text` as a good file for SERVICE, in its outbox folder. Returns the node; `message` (may be NULL):
 * the message it stands in. */
uint64_t save(struct ledger *l, const char *name, const char *sequence, const char *text, uint64_t *message);
/* … with everything that may be wished: recipient "" is unknown, `verdict` and `reason` as given. */
uint64_t save_as(struct ledger *l, uint64_t parent, const char *name, const char *sequence, const char *text,
                 const char *recipient, enum file_verdict verdict, uint64_t *message);
void queue_all(struct ledger *l, uint64_t message);
/* Seals what the unit holds now, or what it held when its manifest was made. */
int seal_as(struct ledger *l, uint64_t message, uint8_t n);
void manifest_of(struct ledger *l, uint64_t message, struct buffer *out);
int seal_with(struct ledger *l, uint64_t message, uint8_t n, const struct buffer *manifest);
void send_out(struct ledger *l, uint64_t message, uint8_t n); /* queue, seal, accept */
enum out_state state_of(struct ledger *l, uint64_t message);
int answer(struct ledger *l, uint64_t message, const char *by, enum receipt_kind kind, const char *der);

/* A message of a partner; files as NULL-ended pairs name, text; names that begin with "UP" and hold "PLAN"
 * are main files. */
struct arrival_of {
    const char *sender;
    uint8_t id, replaces; /* 0: none */
    const char *sequence;
    int64_t accepted_at; /* 0: ACCEPTED */
    const char *const *files;
};
int arrive(struct ledger *l, const struct arrival_of *a);
uint64_t incoming(struct ledger *l, const char *sender, uint8_t id);
void show_all(struct ledger *l);

/* What stands in a folder, "name, name, " in the order of the listing; hidden ones in brackets. */
const char *listing(struct ledger *l, uint64_t folder, char out[4096]);
uint64_t entry_in(struct ledger *l, uint64_t folder, const char *name);
uint64_t node_in(struct ledger *l, uint64_t folder, const char *name);
uint64_t node_at(struct ledger *l, const char *path); /* "archive/2026-11/…"; 0 = not there */
const char *text_of(struct ledger *l, uint64_t node, char out[4096]);
const char *state_text(struct ledger *l, uint64_t message);

#endif
