/* The content of a file as programs see it: what was written lies over the content that the ledger has (its
 * base). Writes come at any offset, in any order; what was written is tracked, so that a range that nobody
 * wrote is known. Up to 1 MiB in memory (8 MiB for all drafts of a mount), beyond in a file of its own in
 * STATE/drafts, 0600, never fsynced. mount.md sections 3 and 6.
 *
 * The owner locks: one thread at a time. */
#ifndef MOUNT_DRAFT_H
#define MOUNT_DRAFT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"
#include "mount/ranges.h"

enum { DRAFT_MEMORY = 1 << 20, DRAFT_MEMORY_ALL = 8 << 20 };

struct draft_house { /* shared by the drafts of an office */
    struct ledger *ledger;
    const char *folder;    /* STATE/drafts, there and empty at the start */
    atomic_size_t *memory; /* of all drafts of the mount */
    uint64_t max;          /* bytes of a file; 0 = no bound */
};

struct draft {
    const struct draft_house *house;
    uint64_t id; /* names the file */
    uint64_t size;
    uint64_t base;       /* content id, 0 = none */
    uint64_t base_size;  /* of that content */
    uint64_t base_limit; /* below it, what was not written is the base's; at most base_size */
    struct ranges written;
    uint8_t *memory;
    size_t capacity;
    int fd; /* -1: not open */
    bool filed;
};

void draft_open(struct draft *d, const struct draft_house *house, uint64_t id, uint64_t base, uint64_t size);
void draft_close(struct draft *d); /* forgets what was written, removes the file */

int64_t draft_read(struct draft *d, uint64_t offset, void *out, size_t size); /* bytes, or negative errno */
int draft_write(struct draft *d, uint64_t offset, const void *data, size_t size); /* 0, -EFBIG, -ENOSPC, … */
int draft_resize(struct draft *d, uint64_t size);
/* Nobody has it open: gives the descriptor back, keeps the content. */
void draft_rest(struct draft *d);

bool draft_has_hole(const struct draft *d, uint64_t *at); /* the first byte below `size` that nobody wrote */
/* Is it exactly the base, nothing written? */
bool draft_is_base(const struct draft *d);

/* SHA-256 of the base, which must be there. 0 or negative errno. */
int draft_base_hash(struct draft *d, struct hash256 *out);

/* The ledger has what was there at some moment, as `content` (0: empty) of `size` bytes: it
 * becomes the base. `unchanged`: nothing was written since that moment, so nothing need be kept beside it. */
void draft_saved(struct draft *d, uint64_t content, uint64_t size, bool unchanged);

#endif
