/* Which of the ledger's waiting rows to take next: a list that is read again when the ledger has changed, and
 * the ids that are not to be taken now, because they are under way or have to wait. */
#ifndef LINK_TODO_H
#define LINK_TODO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/ledger.h"

/* Instead of a time: under way; until todo_release. */
#define TODO_UNDER_WAY INT64_MAX
/* A list that could not be read (the disk, the memory) is read again after so long. */
enum { TODO_AGAIN_MS = 15000 };
/* Instead of a time: another has to end first. */
#define TODO_TURN (INT64_MAX - 1)

struct todo_wait {
    uint64_t id;
    int64_t until; /* clock_boot_ms() */
};
struct todo {
    int (*list)(struct ledger *l, uint64_t *ids, size_t max); /* oldest first */
    uint64_t *ids;
    size_t n, next, max;
    bool dirty;              /* the list has to be read again */
    int64_t again;           /* … but not before, 0: now */
    struct todo_wait *waits; /* by id */
    size_t n_waits, waits_room;
};

void todo_free(struct todo *t);
/* The next id that does not wait; it is marked under way. 0: none. */
uint64_t todo_take(struct todo *t, struct ledger *l, int64_t now);
/* Leaves an id alone until a time. */
void todo_wait(struct todo *t, uint64_t id, int64_t until);
/* No longer under way nor waiting; the list is read again. */
void todo_release(struct todo *t, uint64_t id);
/* Releases all that wait until exactly `until`, or with INT64_MIN all that wait for a time. */
void todo_release_all(struct todo *t, int64_t until);
/* Under way, or not to be taken now. */
bool todo_waiting(const struct todo *t, uint64_t id);
/* When the first waiting one is due; INT64_MAX none. Releases what is due, and is `now` then. */
int64_t todo_due(struct todo *t, int64_t now);

#endif
