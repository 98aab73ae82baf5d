/* The envelope: what one office sends to another. protocol.md sections 3 and 4.
 *
 *   statement   attached CMS SignedData (DER) by the sender over a small JSON object
 *   header      CMS AuthEnvelopedData (DER, AES-256-GCM) to the recipient's certificate, content detached
 *   ciphertext  of: u64be manifest length, manifest (JSON), then for each file u64be length and its bytes
 *
 * Everything streams: memory does not grow with the documents. Nothing here does I/O: bytes come and go by
 * callbacks. All input of the opening side is hostile; every length is bounded by the limits below. */
#ifndef CAREPLAN_ENVELOPE_H
#define CAREPLAN_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "careplan/error.h"
#include "careplan/identity.h"
#include "careplan/office.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ENVELOPE_VERSION = 1,
    ENVELOPE_ID_SIZE = 16,
    ENVELOPE_HASH_SIZE = 32,
    ENVELOPE_STATEMENT_MAX = 64 * 1024, /* DER */
    ENVELOPE_HEADER_MAX = 64 * 1024,    /* DER */
    ENVELOPE_MANIFEST_MAX = 1024 * 1024,
    ENVELOPE_FILES_MAX = 4096,
    ENVELOPE_NAME_MAX = 255, /* bytes of a file's name */
    ENVELOPE_RECEIPT_MAX = 64 * 1024,
    ENVELOPE_ONE_PASS = 1024 * 1024, /* bytes of files that envelope_seal holds in memory */
};
#define ENVELOPE_UNIT_MAX \
    ((uint64_t)8 << 30) /* plaintext of a unit the format can carry; offices limit it below */

struct message_id {
    uint8_t bytes[ENVELOPE_ID_SIZE]; /* 128 random bits; text form: 32 lower-case hex digits */
};
struct hash256 {
    uint8_t bytes[ENVELOPE_HASH_SIZE];
};

/* A place in the hub's directory log: entry number (0 = empty log) and SHA-256 chain value there. */
struct log_head {
    uint64_t n;
    struct hash256 hash;
};

struct statement {
    struct message_id id;
    struct office_id sender, recipient;
    int64_t created;         /* UTC ms */
    struct hash256 envelope; /* SHA-256(header ‖ ciphertext) */
    struct hash256 manifest; /* SHA-256(manifest bytes) */
    bool has_replaces;
    struct message_id replaces;
    struct log_head head; /* of the directory log, as the sender saw it */
};

struct envelope_file {
    char name[ENVELOPE_NAME_MAX + 1]; /* UTF-8, as saved (transfer names in upper case) */
    char kind[32];                    /* "UPPLAN" …, or "document" */
    uint64_t size;
    struct hash256 sha256;
};

struct manifest {
    uint8_t salt[32];
    struct message_id id;
    struct office_id sender, recipient;
    int64_t created;
    char sequence[15]; /* 14 digits, or "" for a document */
    struct envelope_file *files;
    size_t n_files;
};
void manifest_free(struct manifest *m); /* frees files, zeroes the struct */

/* ---- Sealing ---- */

/* Reads the next bytes of file `index` (0…n-1, asked in order, each from its beginning to its end; see
 * `rewind` for the second time). >0 bytes, 0 end, negative errno. */
typedef int64_t envelope_read_fn(void *context, size_t index, void *out, size_t size);
/* Takes bytes. 0 or negative errno, which ends the work and is returned. */
typedef int envelope_write_fn(void *context, const void *data, size_t length);

struct seal_request {
    const struct identity *sender;
    X509 *recipient; /* already judged by trust_check(ROLE_OFFICE) */
    struct message_id id;
    struct office_id recipient_office;
    int64_t created;
    const char *sequence;              /* "" for a document */
    const struct message_id *replaces; /* or NULL */
    struct log_head head;
    const struct envelope_file
        *files; /* sizes and hashes known beforehand; verified while sealing (-EIO "file-changed") */
    size_t n_files;
    envelope_read_fn *read;
    /* The envelope's hash begins with the header, which ends with the tag, which is known only behind the
     * last byte. A unit of at most ENVELOPE_ONE_PASS bytes is therefore sealed in memory; a larger one is
     * read twice (the tag first, then the bytes that are written). `rewind` is called once between the two:
     * after it `read` starts again with file 0 at its beginning. 0 or negative errno. NULL: a larger unit is
     * refused (-EINVAL "seal-rewind"). Nothing is written before the first reading has found every size and
     * hash right. */
    int (*rewind)(void *context);
    envelope_write_fn *write; /* ciphertext, in order */
    void *context;
};
struct sealed { /* each malloc'd; sealed_free */
    uint8_t *statement, *header, *manifest;
    size_t statement_length, header_length, manifest_length;
    uint64_t ciphertext_length;
    struct hash256 envelope_hash, manifest_hash;
};
int envelope_seal(const struct seal_request *request, struct sealed *out, struct error *e);
void sealed_free(struct sealed *s);

/* ---- Opening ---- (the order of protocol.md section 3 is kept by these three calls) */

/* 1. Verifies the statement at `at_utc_ms` (the hub's acceptance time when opening; now at the hub's PUT):
 * CMS form and algorithms, signer's certificate by `trust` with ROLE_OFFICE, signer's identity ==
 * statement.sender, JSON within limits, version known. `signer` (may be NULL) receives the certificate,
 * X509_free by the caller. Codes: "statement-form", "statement-algorithm", "statement-signature",
 * "statement-signer", "certificate-*", "protocol-version". */
int statement_verify(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                     struct statement *out, X509 **signer, struct error *e);

/* 2. The envelope's hash over what was spooled. */
struct envelope_hash;
struct envelope_hash *envelope_hash_new(void);
void envelope_hash_update(struct envelope_hash *h, const void *data, size_t length);
/* 0 when equal, -EBADMSG "envelope-hash" otherwise. Frees `h`. */
int envelope_hash_check(struct envelope_hash *h, const struct hash256 *expected, struct error *e);
void envelope_hash_free(struct envelope_hash *h);

/* Form and algorithms of a header alone, without a key (the hub and the receiver both ask): exactly the
 * closed list of protocol.md section 3. Code "header-form", "header-algorithm". */
int header_check(const uint8_t *der, size_t length, struct error *e);

/* 3. Opens. Only call after 1 and 2 have answered 0. `file_data` gets the bytes of each file in order; what
 * it gets must not become real before envelope_open has answered 0. Codes: as header_check, "wrong-recipient"
 * (no key of `self` fits, or the statement names another office), "tag", "manifest-form", "manifest-hash",
 * "re-addressed" (manifest and statement differ), "file-hash", "trailing-bytes". */
struct open_request {
    const struct identity *self;
    const struct statement *statement;
    const uint8_t *header;
    size_t header_length;
    uint64_t limit;         /* most plaintext bytes; ENVELOPE_UNIT_MAX at most. Over it: -EFBIG "unit-size" */
    envelope_read_fn *read; /* ciphertext; `index` is 0 */
    int (*manifest)(void *context, const struct manifest *m, const uint8_t *json,
                    size_t length); /* once, first */
    int (*file_data)(void *context, size_t index, const void *data, size_t length);
    int (*file_end)(void *context, size_t index); /* its hash has been verified (the tag not yet) */
    void *context;
};
int envelope_open(const struct open_request *request, struct error *e);

/* ---- Receipts (protocol.md section 4) and other signed JSON ---- */

enum receipt_kind { RECEIPT_ACCEPTED, RECEIPT_RECEIVED, RECEIPT_TAKEN, RECEIPT_REFUSED };
const char *receipt_kind_name(enum receipt_kind k); /* "accepted" … */
bool receipt_kind_parse(const char *name, enum receipt_kind *k);

struct receipt {
    enum receipt_kind kind;
    struct office_id sender; /* of the message */
    struct message_id id;
    struct hash256 envelope, manifest;
    int64_t at;           /* UTC ms */
    char detail[64];      /* taken: "read" or "removed"; refused: a code; else "" */
    struct log_head head; /* as the writer saw it */
};
/* Attached SignedData (DER, malloc'd) by an office (received, taken, refused) or the hub's signer (accepted).
 */
int receipt_sign(const struct identity *by, const struct receipt *r, uint8_t **der, size_t *length,
                 struct error *e);
/* Verifies with the role that the kind asks for. `by` (may be NULL): the office that signed, "" for the hub.
 * The caller compares it with the message's recipient. `at_utc_ms` 0 means: at the receipt's own time, for
 * evidence about the past, when the signer is believed about the time. Codes as statement_verify with
 * "receipt-…". */
int receipt_verify(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                   struct receipt *out, struct office_id *by, struct error *e);

/* The directory log: entry hash = SHA-256(hash before ‖ entry bytes); the empty log's hash is 32 zero bytes.
 */
void log_head_append(struct log_head *head, const void *entry, size_t length);
bool log_head_equal(const struct log_head *a, const struct log_head *b);

/* A signed directory head: SignedData by the hub's signer over {"type":"head","n","hash","at"}. */
int log_head_sign(const struct identity *signer, const struct log_head *head, int64_t at, uint8_t **der,
                  size_t *length, struct error *e);
int log_head_verify(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                    struct log_head *out, int64_t *at, struct error *e);

/* Whether a statement, a receipt or a head names `certificate` as its signer's. Verifies nothing: for what
 * was signed here. 1, 0 (also for what cannot be read), -ENOMEM. */
int envelope_signed_by(const uint8_t *der, size_t length, X509 *certificate);

/* Text forms. */
void message_id_new(struct message_id *id);
void message_id_format(const struct message_id *id, char out[33]);
bool message_id_parse(struct message_id *id, const char *text); /* exactly 32 lower-case hex digits */

#ifdef __cplusplus
}
#endif
#endif
