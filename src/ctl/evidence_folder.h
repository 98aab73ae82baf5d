/* The folder that `careplanctl evidence` writes and `careplanctl verify` judges. docs/evidence.md.
 *
 *   manifest.json      what was sent: names, sizes and SHA-256 of the files
 *   statement.der      the sender's signed statement over it
 *   accepted.der       the hub's signed acceptance
 *   received.der …     the recipient's signed receipts (taken, refused; a second one of a kind:
 * received-2.der) ca.pem issuing.pem root and issuing CA crl.der            the newest revocation list that
 * the office knows files.sha256       the files' hashes, for sha256sum -c beside the files SHA256SUMS the
 * hashes of all of the above, for sha256sum -c */
#ifndef CTL_EVIDENCE_FOLDER_H
#define CTL_EVIDENCE_FOLDER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "careplan/envelope.h"

#define EVIDENCE_SUMS "SHA256SUMS"
#define EVIDENCE_FILE_SUMS "files.sha256"

enum {
    EVIDENCE_NAME_MAX = 32,
    EVIDENCE_FILES_MAX = 64,
    EVIDENCE_FILE_LIMIT = 16 << 20, /* a revocation list may be large */
};

/* 1 to EVIDENCE_NAME_MAX of a-z A-Z 0-9 . -, not beginning with a point: nothing that leaves the folder. */
bool evidence_name_fits(const char *name);

/* The n-th receipt of a kind (from 1): "received.der", "received-2.der". */
void evidence_receipt_name(enum receipt_kind kind, unsigned n, char out[EVIDENCE_NAME_MAX + 1]);

/* One line as sha256sum writes and reads it, a name with a backslash escaped. */
int evidence_sum_line(struct buffer *out, const struct hash256 *hash, const char *name);
int evidence_sum(const void *data, size_t length, struct hash256 *out);

#endif
