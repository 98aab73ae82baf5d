/* An envelope in memory, and both ends of its way: sealed by one office, judged in the order of protocol.md
 * section 3 by another. */
#ifndef TESTS_PARCEL_H
#define TESTS_PARCEL_H

#include "base/buffer.h"
#include "careplan/envelope.h"
#include "house.h"

struct parcel {
    struct buffer statement, header, ciphertext, manifest;
};
void parcel_free(struct parcel *p);

/* What envelope_seal reads: `data[i]` is file i. */
struct contents {
    struct envelope_file files[4];
    const uint8_t *data[4];
    size_t n;
};
void contents_add(struct contents *c, const char *name, const char *kind, const void *data, size_t length);

struct order { /* everything that a seal_request says beside the contents */
    const struct identity *from;
    X509 *to;
    const char *to_office;
    const char *sequence;
    const struct message_id *replaces;
    bool without_rewind;
};
/* 0 or what envelope_seal answered. */
int parcel_seal(struct parcel *p, const struct order *order, const struct contents *c, struct error *e);
/* A to B, one small file; aborts on failure. */
void parcel_simple(struct parcel *p, const struct house *h);

/* What came out of an envelope that was accepted. */
struct delivery {
    struct statement statement;
    struct manifest manifest; /* without files */
    struct envelope_file files[4];
    struct buffer data[4];
    size_t n, ended;
};
void delivery_free(struct delivery *d);

/* The receiver's whole way at `at`: statement, hash, key, tag, manifest, files. "opened", or the code of the
 * refusal. `d` may be NULL. `step` bytes of ciphertext are read at a time (0: as many as asked for). */
const char *parcel_judge(const struct parcel *p, const struct trust *trust, const struct identity *self,
                         int64_t at, size_t step, struct delivery *d);
/* The same without the statement's signature and the envelope's hash: what the cipher alone sees. */
const char *parcel_judge_inside(const struct parcel *p, const struct statement *s,
                                const struct identity *self, uint64_t limit);

/* ---- what no honest sealer makes ---- */

struct forgery {
    const struct identity *signer; /* of the statement */
    X509 *to;
    struct statement statement; /* its two hashes are filled in here when `keep_hashes` is false */
    bool keep_hashes;
    const EVP_CIPHER *cipher; /* NULL: AES-256-GCM */
    const EVP_MD *kdf;        /* NULL: SHA-256 */
    X509 *second;             /* another recipient */
};
/* Encrypts `plain` whole; its manifest's hash is that of `manifest`. Aborts on failure. */
void parcel_forge(struct parcel *p, const struct forgery *f, const struct buffer *plain,
                  const char *manifest);
/* The layout inside: manifest, then each file with its length. */
void plain_begin(struct buffer *plain, const char *manifest);
void plain_file(struct buffer *plain, const char *data);

/* The manifest that belongs to `s`, as text (malloc'd), with one file of `data`. */
char *manifest_of(const struct statement *s, const char *name, const char *data);
char *manifest_of_file(const struct statement *s, const struct envelope_file *file);
struct statement statement_a_to_b(void);

#endif
