/* SHA-256 as a stream. Not public. */
#ifndef ENVELOPE_HASH_H
#define ENVELOPE_HASH_H

#include "careplan/envelope.h"

#include "envelope/openssl.h"

/* Begins anew in `md`, which the caller made once. */
bool hash_begin(EVP_MD_CTX *md);
bool hash_end(EVP_MD_CTX *md, struct hash256 *out);
bool hash_bytes(const void *data, size_t length, struct hash256 *out);
bool hash_equal(const struct hash256 *a, const struct hash256 *b);

#endif
