/* How contents are encrypted: AES-256-GCM a block under a key of the content's own, that key wrapped (GCM
 * too) by the office's storage key. Every sealing takes a fresh random nonce of 96 bits. */
#ifndef LEDGER_CRYPT_H
#define LEDGER_CRYPT_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "careplan/envelope.h"
#include "careplan/error.h"

enum {
    CRYPT_KEY = 32,
    CRYPT_NONCE = 12,
    CRYPT_TAG = 16,
    CRYPT_OVERHEAD = CRYPT_NONCE + CRYPT_TAG,
    CRYPT_WRAPPED = CRYPT_KEY + CRYPT_OVERHEAD,
};

/* Algorithms fetched once (OpenSSL 3 looks them up at each use otherwise) and the storage key. */
struct crypt {
    EVP_CIPHER *gcm;
    EVP_MD *sha256;
    uint8_t storage[CRYPT_KEY];
};
/* Reads state_dir/storage.key; makes it durable when it is not there and `may_make`. Codes "key-readable",
 * "storage-key-missing", "storage-key". */
int crypt_open(struct crypt *c, const char *state_dir, int may_make, struct error *e);
void crypt_close(struct crypt *c); /* wipes */

/* What a sealed piece is bound to. */
struct crypt_place {
    uint64_t content, block; /* block UINT64_MAX: the content's key itself */
};
/* In place: `piece` = CRYPT_NONCE bytes of room, `length` bytes of data, CRYPT_TAG bytes of room. */
int crypt_seal(const struct crypt *c, const uint8_t key[CRYPT_KEY], struct crypt_place at, uint8_t *piece,
               size_t length);
/* `piece` of `length` bytes with overhead → out (length - CRYPT_OVERHEAD). 0 or -EBADMSG. */
int crypt_unseal(const struct crypt *c, const uint8_t key[CRYPT_KEY], struct crypt_place at,
                 const uint8_t *piece, size_t length, uint8_t *out);
int crypt_wrap(const struct crypt *c, uint64_t content, const uint8_t key[CRYPT_KEY],
               uint8_t wrapped[CRYPT_WRAPPED]);
int crypt_unwrap(const struct crypt *c, uint64_t content, const uint8_t *wrapped, size_t length,
                 uint8_t key[CRYPT_KEY]);

#endif
