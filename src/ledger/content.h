/* Contents: the bytes of files and envelopes, in blocks of at most 1 MiB, encrypted (AES-256-GCM a block, a
 * key a content, wrapped by the office's storage key). This header is all that the rest of the house knows of
 * how contents are kept, so that an append log could take SQLite's place. */
#ifndef LEDGER_CONTENT_H
#define LEDGER_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "careplan/envelope.h"

struct ledger;

enum { CONTENT_BLOCK_SIZE = 1 << 20 };

/* A content being written, by one thread at a time. Up to one block stays in memory until a ledger_* change
 * links it; beyond, full blocks are committed unreferenced as they fill (the caller then waits for the disk:
 * never on a FUSE thread) and are orphans until linked. NULL: no memory. */
struct content;
struct content *content_new(struct ledger *l);
int content_append(struct content *c, const void *data, size_t length); /* 0, -ENOSPC, -EIO, -ENOMEM */
int content_finish(struct content *c); /* encrypts the last block; needed before a change takes it */
/* Commits the last block of a finished content unreferenced, too, so that nothing of it stays in memory: for
 * units of many files. Waits for the disk. */
int content_spill(struct content *c);
uint64_t content_id(const struct content *c);
uint64_t content_size(const struct content *c);
void content_hash(const struct content *c,
                  struct hash256 *out); /* SHA-256 of the plain bytes, after finish */
void content_abort(struct content *c);  /* not linked: forgets it; its blocks go as orphans */

/* Reads. Returns bytes (short at the end), or -ENOENT (retention destroyed it), -EBADMSG (a block does not
 * decrypt), -EIO. Any thread. */
int64_t content_read(struct ledger *l, uint64_t content, uint64_t offset, void *out, size_t size);
int content_stat(struct ledger *l, uint64_t content, uint64_t *size,
                 struct hash256 *sha256); /* either may be NULL */

#endif
