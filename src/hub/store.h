/* The hub's store: everything that survives. One SQLite file (hub.db) by default.
 *
 * Every call is a job: the caller embeds `struct store_job` first in a struct with the call's arguments and
 * results, and hands it over. A job runs on a thread of the store and comes back to the loop's thread, where
 * store_completions() calls `done`. What a job points to must live until then. Writes that wait together are
 * one transaction with one fsync; when `done` is called with result 0 the change is durable.
 *
 * Before store_start (and in the commands beside `serve`) a job runs at once on the caller's thread. */
#ifndef HUB_STORE_H
#define HUB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "careplan/envelope.h"
#include "careplan/error.h"
#include "careplan/identity.h"
#include "hub/form.h"

struct store;
struct connection_db;

struct store_job {
    int (*run)(struct connection_db *db, struct store_job *job); /* set by the store */
    void (*done)(struct store_job *job);                         /* set by the caller; may be NULL */
    void *context;                                               /* the caller's */
    int result; /* 0, or negative errno: the store failed (-ENOSPC: full) and nothing changed */
    bool again; /* the store's: a long job that lets others go first */
    struct store_job *next;
};

enum { STORE_SCHEMA = 2 };

/* `create`: the file must not exist; else it must. A newer schema is refused, an older one migrated. */
int store_open(const char *path, bool create, struct store **out, struct error *e);
/* Starts the threads. */
int store_start(struct store *s, struct error *e);
/* Finishes what was handed over, stops the threads, closes. `done` of jobs left over is called. */
void store_close(struct store *s);

/* Readable (poll) when store_completions has something to do. */
int store_event_fd(const struct store *s);
/* Calls `done` of finished jobs, and `woken` for each office with new events ("" = every office). */
typedef void store_woken_fn(void *context, const struct office_id *office);
void store_on_woken(struct store *s, store_woken_fn *fn, void *context);
void store_completions(struct store *s);

/* ---- messages ---- */

enum store_put {
    STORE_NEW,
    STORE_SAME,
    STORE_CONFLICT,
    STORE_UNKNOWN_RECIPIENT,
    STORE_PARTS_CHANGED,
    STORE_FUTURE, /* created later than `accepted` + STORE_AHEAD_MS: its recipient would refuse it for good */
    STORE_OVER_BYTES /* the sender has as much under way as `bytes_max` lets it */
};
enum { STORE_AHEAD_MS = 5 * 60 * 1000 };

struct store_message_put {
    struct store_job job;
    const struct statement *statement;
    struct span statement_der, header;
    struct span acceptance; /* kept when the message is new */
    struct span ciphertext; /* or, with `in_parts`, what store_parts_hash found: */
    bool in_parts;
    int64_t content, version;
    uint64_t ciphertext_length;
    int64_t accepted;  /* UTC ms */
    int64_t bytes_max; /* of a sender: open parts and messages that nobody has received yet */
    enum store_put outcome;
    struct buffer kept; /* the acceptance that is kept: STORE_NEW, STORE_SAME; buffer_free by the caller */
};
void store_message_put(struct store *s, struct store_message_put *call);

enum store_part_outcome {
    STORE_PART_KEPT,
    STORE_PART_CONFLICT,
    STORE_PART_OVER_UPLOADS,
    STORE_PART_OVER_BYTES
};
struct store_part_put {
    struct store_job job;
    struct office_id sender;
    struct message_id id;
    uint32_t n;
    struct span data;
    struct hash256 sha256;
    int64_t now;
    int64_t uploads_max, bytes_max;  /* of the sender */
    enum store_part_outcome outcome; /* conflict: committed with another content */
};
void store_part_put(struct store *s, struct store_part_put *call);

enum { STORE_PARTS_PAGE = 1000 };
struct store_part {
    uint32_t n;
    uint32_t size;
    struct hash256 sha256;
};
struct store_parts_list {
    struct store_job job;
    struct office_id sender;
    struct message_id id;
    int64_t after; /* -1: from the first */
    struct store_part *parts;
    size_t n_parts; /* at most STORE_PARTS_PAGE; parts: free by the caller */
    bool more, committed;
};
void store_parts_list(struct store *s, struct store_parts_list *call);

/* SHA-256(header ‖ all parts), part by part. A message that is committed already is not hashed again. */
struct store_parts_hash {
    struct store_job job;
    struct office_id sender;
    struct message_id id;
    struct span header;
    uint64_t ciphertext_length;
    bool committed; /* then nothing else is said */
    bool complete;  /* the parts are there and sum up to ciphertext_length */
    int64_t content, version;
    struct hash256 hash;
    /* the store's */
    struct envelope_digest *digest;
    uint32_t at;
    uint64_t hashed;
};
void store_parts_hash(struct store *s, struct store_parts_hash *call);

struct store_message_find {
    struct store_job job;
    struct office_id sender, reader; /* found only when `reader` is its recipient or sender */
    struct message_id id;
    bool found;
    struct hash256 envelope;
    int64_t content;
    uint64_t ciphertext_length;
    struct buffer head; /* framed acceptance, statement, header and the ciphertext's length; buffer_free */
};
void store_message_find(struct store *s, struct store_message_find *call);

struct store_content_read {
    struct store_job job;
    int64_t content;
    uint64_t offset;
    size_t length; /* at most FORM_PART_SIZE */
    uint8_t *data; /* room for `length` */
    size_t got;    /* fewer only when the content has been dropped */
};
void store_content_read(struct store *s, struct store_content_read *call);

enum store_receipt { STORE_RECEIPT_NEW, STORE_RECEIPT_THERE, STORE_RECEIPT_UNKNOWN, STORE_RECEIPT_MISMATCH };
struct store_receipt_put {
    struct store_job job;
    struct office_id sender, by; /* of the message; who signed and sent it */
    struct message_id id;
    const struct receipt *receipt;
    struct span der;
    int64_t now;
    enum store_receipt outcome;
};
void store_receipt_put(struct store *s, struct store_receipt_put *call);

/* ---- feed ---- */

enum store_event_type { EVENT_MESSAGE = 1, EVENT_RECEIPT, EVENT_DIRECTORY, EVENT_KEY_CHANGE };
enum { STORE_EVENTS_PAGE = 100, STORE_EVENTS_BYTES = 1024 * 1024 };
struct store_event {
    int64_t n;
    enum store_event_type type;
    struct office_id sender, other; /* of the message; receipt: by; key_change: the office */
    struct message_id id;
    int64_t created;
    uint64_t size;
    enum receipt_kind kind;
    uint8_t *receipt; /* malloc'd */
    size_t receipt_length;
    struct log_head head;
};
struct store_feed_read {
    struct store_job job;
    struct office_id office;
    int64_t after;
    struct store_event events[STORE_EVENTS_PAGE];
    size_t n_events;
};
void store_feed_read(struct store *s, struct store_feed_read *call);
void store_events_free(struct store_event *events, size_t n);

/* ---- directory ---- */

enum { STORE_DIRECTORY_PAGE = 500, STORE_LOG_PAGE = 500 };
struct store_office {
    struct office_id office;
    char *name, *municipality, *certificate; /* malloc'd; certificate: PEM or NULL */
    char fingerprint[65];
};
struct store_directory_read {
    struct store_job job;
    struct office_id after;
    struct store_office *offices; /* store_offices_free */
    size_t n_offices;
    bool more;
    struct log_head head;
};
void store_directory_read(struct store *s, struct store_directory_read *call);
void store_offices_free(struct store_office *offices, size_t n);

struct store_log_entry {
    uint64_t n;
    char *entry; /* malloc'd */
    struct hash256 hash;
};
struct store_log_read {
    struct store_job job;
    int64_t after;
    struct store_log_entry *entries; /* store_log_entries_free */
    size_t n_entries;
    struct log_head head;
};
void store_log_read(struct store *s, struct store_log_read *call);
void store_log_entries_free(struct store_log_entry *entries, size_t n);

struct store_office_add {
    struct store_job job;
    struct office_id office;
    const char *name, *municipality;
    int64_t now;
    bool there, same; /* was there already; and was the same */
};
void store_office_add(struct store *s, struct store_office_add *call);

/* ---- enrolment ---- */

enum { STORE_TOKEN_SIZE = 16, STORE_TOKEN_TRIES = 5 };
struct store_token_new {
    struct store_job job;
    struct office_id office;
    struct hash256 hash; /* SHA-256 of the token's text */
    int64_t now, expires;
    bool unknown; /* no such office */
};
void store_token_new(struct store *s, struct store_token_new *call);

enum store_enrol { STORE_ENROLLED, STORE_ENROL_REFUSED, STORE_ENROL_REQUEST };
/* The whole of an enrolment in one transaction: token, certificate, revocation of the old one with its CRL,
 * the directory's log, the events. Without a token (`renewal`) the caller has proven the old key. */
struct store_enrol_call {
    struct store_job job;
    struct ca *ca; /* used on the store's writing thread alone */
    struct office_id office;
    bool renewal;
    struct hash256 token; /* SHA-256 of what the client gave */
    struct span request;  /* PKCS#10 DER */
    int days;
    int64_t now;
    enum store_enrol outcome;
    struct error error; /* STORE_ENROL_REQUEST: why */
    bool last_try;      /* refused, and the office's token is no good any more */
    char *certificate;  /* PEM; free by the caller */
    struct buffer crl;  /* the new CRL when one was made; buffer_free by the caller */
};
void store_enrol(struct store *s, struct store_enrol_call *call);

/* The newest CRL. `ca` given and the list older than `renew_after` ms (or absent): makes a new one first. */
struct store_crl {
    struct store_job job;
    struct ca *ca; /* or NULL: only reads */
    int64_t now, renew_after;
    struct buffer der; /* buffer_free by the caller */
};
void store_crl(struct store *s, struct store_crl *call);

/* ---- upkeep ---- */

/* A bounded piece of sweeping: parts without a commit since `uploads_before`, contents whose `received`
 * or `refused` receipt is older than `received_before`, free pages. `more`: call again. */
struct store_sweep {
    struct store_job job;
    int64_t uploads_before, received_before;
    bool more;
    uint64_t uploads, contents; /* dropped */
};
void store_sweep(struct store *s, struct store_sweep *call);

struct store_ping {
    struct store_job job;
    int64_t offices, messages;
};
void store_ping(struct store *s, struct store_ping *call);

#endif
