/* An office for the link's tests: a state folder with its keys, a ledger, and a link to a hub; no mount. */
#ifndef TESTS_STATION_H
#define TESTS_STATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "link/link.h"
#include "stub_hub.h"

#define CARE "0300000100-43"
#define SERVICE "0300000005-11"

struct station {
    char dir[64], ca[96];
    struct office_id id;
    struct settings *settings;
    struct ledger *ledger;
    struct link *link;
};

/* Makes the folder and writes key and certificate of `office_text`. */
void station_make(struct station *s, struct house *house, const char *office_text);
/* The folder alone, for an enrolment; `ca` is the hub's root certificate. */
void station_folder(struct station *s, const char *office_text, const char *ca);
X509 *station_certificate(const struct station *s); /* X509_free */
/* Another key and certificate, as after a second enrolment (without the retired pair); the link is stopped.
 */
void station_new_key(struct station *s, struct house *house, int days);
void station_open(struct station *s, int port); /* ledger and settings */
void station_start(struct station *s);          /* the link */
void station_stop(struct station *s);
void station_close(struct station *s);
void station_remove(struct station *s);

/* Saves files of the samples' folder as one unit and queues it. Returns the ledger's message id. */
uint64_t station_send_sample(struct station *s, const char *to, const char *folder);
/* A document of `size` bytes. */
uint64_t station_send_document(struct station *s, const char *to, const char *name, size_t size);
struct message_id station_id(struct station *s, uint64_t message);

/* Waits at most `seconds` until the condition holds; false when it does not. */
typedef bool station_condition(void *context);
bool station_wait(station_condition *condition, void *context, int seconds);
bool station_knows(struct station *s, const char *partner); /* with a certificate to seal to */
bool station_wait_knows(struct station *s, const char *partner);
bool station_wait_state(struct station *s, uint64_t message, enum out_state state, int seconds);
/* How many incoming messages are in `state` ("arrived", "refused", …). */
size_t station_count_in(struct station *s, const char *state);
bool station_wait_in(struct station *s, const char *state, size_t n, int seconds);
/* SHA-256 of the one file of that name which has arrived. False: none. */
bool station_arrived(struct station *s, const char *name, struct hash256 *sha256, uint64_t *size);
/* The reason of the newest incoming message. */
void station_reason_in(struct station *s, char out[48]);

#endif
