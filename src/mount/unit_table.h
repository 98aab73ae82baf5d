/* The settler's memory: which messages are open, and when each is to be looked at. A heap by that time, and
 * hashes by sequence number and by document, so that a touch costs no scan. Not thread-safe. */
#ifndef MOUNT_UNIT_TABLE_H
#define MOUNT_UNIT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "careplan/office.h"

#define NEVER INT64_MAX

enum { UNIT_STRANGERS_MAX = 4096 }; /* as many as a unit has files */

struct unit_entry {
    uint64_t message;
    struct office_id recipient; /* "" = not known */
    char sequence[15];          /* "" = a document, found by `node` */
    uint64_t node;
    int64_t touched; /* CLOCK_BOOTTIME ms */
    unsigned touches;
    bool waits_for_partner;
    int64_t again;          /* ms of the last wait of a unit that is not sealed yet */
    uint64_t report_parent; /* where `<sequence>.未完成.txt` stands, 0 = none */
    /* Files touched under this number that may not belong to the message yet: while one is busy, so is the
     * unit. */
    uint64_t *strangers; /* malloc'd */
    size_t n_strangers, strangers_capacity;
    bool strangers_over; /* there were more */

    int64_t due; /* read only: unit_table_due sets it */
    size_t heap_at;
    struct unit_entry *next, *next_all, **link_all;
};

struct unit_table {
    struct unit_entry **heap;
    size_t n, capacity;
    struct unit_entry **buckets;
    size_t n_buckets;
    struct unit_entry *all;
};

/* Adds a message that is not in the table; it owns the entry. NULL: no memory. */
struct unit_entry *unit_table_add(struct unit_table *t, uint64_t message, const struct office_id *recipient,
                                  const char *sequence, uint64_t node, int64_t due);
/* Adds a stranger that is not there yet. False: no memory, or too many. */
bool unit_entry_stranger(struct unit_entry *e, uint64_t node);
void unit_entry_forget(struct unit_entry *e);                       /* all of them */
void unit_table_remove(struct unit_table *t, struct unit_entry *e); /* frees it */
void unit_table_due(struct unit_table *t, struct unit_entry *e, int64_t due);
/* The next to be looked at, or NULL (the table is empty). */
struct unit_entry *unit_table_first(const struct unit_table *t);
/* The entries of a sequence number, or (sequence "") of a document. `fn` may not change the table but for
 * unit_table_due. */
typedef void unit_table_fn(void *context, struct unit_entry *e);
void unit_table_find(struct unit_table *t, const char *sequence, uint64_t node, unit_table_fn *fn,
                     void *context);
void unit_table_each(struct unit_table *t, unit_table_fn *fn, void *context);
void unit_table_free(struct unit_table *t);

#endif
