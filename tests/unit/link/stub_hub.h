/* A hub in the test's own process, by docs/hub-api.yaml: it keeps messages in memory, signs acceptances and
 * the directory's log, and lies, cuts and fails as a test asks it to. The real hub has its own tests; this
 * one is for what a real hub never does. */
#ifndef TESTS_STUB_HUB_H
#define TESTS_STUB_HUB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <openssl/ssl.h>

#include "base/buffer.h"
#include "careplan/envelope.h"
#include "../envelope/house.h"

enum { STUB_MESSAGES = 2048, STUB_EVENTS = 16384, STUB_OFFICES = 8, STUB_PARTS = 256 };

struct stub_message {
    struct office_id sender, recipient;
    struct message_id id;
    struct statement said;
    struct buffer statement, header, acceptance;
    struct buffer parts[STUB_PARTS];
    uint64_t length;
    bool accepted, received, taken, refused;
};
struct stub_event {
    struct office_id to;
    char *json; /* without n */
};
struct stub_office {
    struct office_id office;
    const char *name;
    char *certificate; /* PEM or NULL */
    char fingerprint[65];
};

struct stub_hub {
    struct house *house;
    SSL_CTX *tls;
    int listener, port;
    pthread_t thread;
    atomic_bool running;
    atomic_int connections;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct stub_message *messages;
    size_t n_messages;
    struct stub_event *events;
    size_t n_events;
    struct stub_office offices[STUB_OFFICES];
    size_t n_offices;
    char *log[64];
    size_t n_log;

    /* What it does wrong. */
    atomic_int fail_503;         /* requests answered 503 */
    atomic_bool lie_acceptance;  /* signed over another hash */
    atomic_bool lie_receipt;     /* receipts in the feed have a flipped byte */
    atomic_int flip_message;     /* downloads with a flipped byte near their end */
    atomic_bool swap_acceptance; /* downloads begin with the acceptance of another message */
    atomic_bool lie_log;         /* an entry's text is not what its hash says */
    atomic_bool fork_log;        /* the first entry is another one than before */
    atomic_bool short_range;     /* ranges are answered with nothing */
    atomic_bool repeat_feed;     /* the feed tells everything twice */
    atomic_bool flood;           /* the feed's answer has no end */
    atomic_int cut_after;        /* bytes after which a connection is cut, either way; 0: never */
    const char *refuse_problem;  /* PUT of a message is answered 422 with this */
    atomic_bool lose_answer;     /* a message is accepted, the answer is 503 */
    atomic_bool away;            /* PUT of a message, whole or its end, is answered 503 */
    atomic_llong fail_size; /* … is answered 500 when its ciphertext is of about this length; 0: never */
    atomic_llong behind_ms; /* its clock */
    atomic_int crl_number;  /* of the revocation list */
    X509 *revoked;          /* what this certificate has signed is answered 422 certificate-revoked */
    /* What it has seen. */
    atomic_size_t bytes_in, bytes_out;
    atomic_int failed_500, puts, part_puts, commits, receipts, gets, enrolled;
};

void stub_start(struct stub_hub *h, struct house *house);
void stub_stop(struct stub_hub *h);
/* An envelope that no link has made, as if its sender had put it. */
void stub_put(struct stub_hub *h, const struct sealed *sealed, const struct buffer *ciphertext,
              const struct office_id *sender, const struct message_id *id, const struct office_id *to);
/* An office of the directory; `certificate` may be NULL. `proof` "token" or "old-key". */
void stub_office(struct stub_hub *h, const char *office, const char *name, X509 *certificate,
                 const char *proof);

#endif
