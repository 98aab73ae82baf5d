/* A ledger in a private folder, saves into its outbox, and a mount that only remembers what it was asked. */
#ifndef TEST_MOUNT_HOUSE_H
#define TEST_MOUNT_HOUSE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger/ledger.h"
#include "mount/settle.h"

#define CARE "0300000100-43"
#define SERVICE "0300000005-11"
#define STRANGER "0300000007-11" /* takes no part at first */

struct house {
    char dir[64];
    struct ledger *ledger;
    struct settings settings;
    struct settler *settler;

    pthread_mutex_t mutex; /* everything below: what the settler's host was asked */
    uint64_t busy;         /* this node is */
    unsigned idle_answers; /* that many times it is said not to be, before */
    uint64_t emptied;      /* last node of judge_empty */
    unsigned removed, changed;
};

int house_setup(void **state);
int house_teardown(void **state);
void house_settle(struct house *h);   /* starts the settler */
void house_unsettle(struct house *h); /* stops it, if it runs */

struct office_id office(const char *text);
void add_partner(struct house *h, const char *id);

struct save_of {
    const char *name, *text, *recipient; /* recipient NULL: SERVICE; "": unknown, verdict WAITING */
    uint64_t folder;                     /* 0: the outbox */
    enum file_verdict verdict;           /* 0: GOOD */
    bool document;
    bool nameless;      /* its name cannot be sent: rejected, in no unit */
    const char *reason; /* NULL: as the verdict has it */
    const struct ledger_problem *problems;
    size_t n_problems;
    uint64_t warnings;
};
/* Saves and touches, as the mount does. Returns the node; its message in *message (may be NULL). */
uint64_t save(struct house *h, const struct save_of *s, uint64_t *message);
/* Saves the file of a sample folder ("valid/…"), all but those whose name holds `without` (NULL: all). */
uint64_t save_samples(struct house *h, const char *folder, const char *without);
uint64_t outbox_of(struct house *h, const char *partner);
struct ledger_unit unit_of(struct house *h, uint64_t message);
bool has_entry(struct house *h, uint64_t folder, const char *name);
/* As the link does: sealed, and accepted by the hub now. */
void send_out(struct house *h, uint64_t message);
/* The partner's answer: refused, for this reason ("cp1113"). */
void refuse(struct house *h, uint64_t message, const char *reason);

/* Waits until the unit is in `state` (and has the reason, when not NULL); fails after 10 s. */
void wait_state(struct house *h, uint64_t message, enum out_state state, const char *reason);
bool is_settled(struct house *h, uint64_t message);
void wait_settled(struct house *h, uint64_t message);
void sleep_ms(unsigned ms);

#endif
