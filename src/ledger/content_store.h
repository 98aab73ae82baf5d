/* Contents as the ledger's own files see them. */
#ifndef LEDGER_CONTENT_STORE_H
#define LEDGER_CONTENT_STORE_H

#include "ledger/internal.h"

struct content {
    struct content *next; /* in its change */
    struct ledger *ledger;
    uint64_t id, size;
    uint64_t blocks; /* full blocks that are committed */
    uint8_t key[CRYPT_KEY], wrapped[CRYPT_WRAPPED];
    EVP_MD_CTX *sha256;
    struct hash256 hash;
    uint8_t *piece;    /* CRYPT_NONCE of room, the bytes of the last block, CRYPT_TAG of room */
    size_t have, room; /* bytes of the last block, and how many fit */
    bool finished;
    bool stored; /* the change that owns it has linked it */
};

void content_free(struct content *c); /* memory only */

/* Inside apply: makes a finished content the ledger's, with `refs` references. */
int content_store(struct ledger *l, struct content *c, int refs);
int content_ref(struct ledger *l, uint64_t id);
/* The last reference destroys the key; the blocks go in idle slices. id 0: nothing. */
int content_unref(struct ledger *l, uint64_t id);
/* Inside apply: size and hash; -ENOENT when destroyed. */
int content_known(struct ledger *l, uint64_t id, uint64_t *size, struct hash256 *hash);
/* A content that grows by blocks that are committed one by one (a download): begins it with one reference. */
int content_begin(struct ledger *l, uint64_t *id);
int content_grow(struct ledger *l, uint64_t id, uint64_t offset, const uint8_t *data, size_t length);

/* At open: what was being written when the last daemon died is dead. */
int content_forget_unfinished(struct ledger *l);
/* Deletes blocks of dead contents until CLOCK_BOOTTIME `until`; *more tells whether any are left. Leading
 * thread, inside a transaction. */
int content_sweep(struct ledger *l, int64_t until, bool *more);

void plain_blocks_free(struct ledger *l);

/* A whole small content. -EFBIG beyond `limit`. */
int content_whole(struct ledger *l, uint64_t id, size_t limit, struct buffer *out);

#endif
