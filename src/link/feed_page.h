/* The hub's JSON answers, read within bounds. Pure; everything in them is hostile. */
#ifndef LINK_FEED_PAGE_H
#define LINK_FEED_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "careplan/envelope.h"

enum {
    FEED_ANSWER_MAX = 16 << 20, /* bytes: 100 receipts of 64 KiB in base64, and some */
    FEED_EVENTS_MAX = 1000,
    LOG_ANSWER_MAX = 8 << 20,
    LOG_ENTRIES_MAX = 5000,
    LOG_ENTRY_MAX = 64 * 1024,
    PARTS_ANSWER_MAX = 1 << 20,
    HEAD_MAX = 64 * 1024, /* DER of a signed head */
};

enum feed_type { FEED_MESSAGE, FEED_RECEIPT, FEED_DIRECTORY, FEED_KEY_CHANGE, FEED_UNKNOWN };
struct feed_event {
    enum feed_type type;
    struct office_id sender; /* message, receipt */
    struct message_id id;
    uint64_t size;           /* message: bytes of the GET, as the hub says (a hint) */
    struct buffer receipt;   /* DER */
    struct office_id office; /* key change */
    char type_name[32];      /* unknown ones: for the log */
};
struct feed_page {
    struct feed_event *events;
    size_t n;
    uint64_t next;
};
/* 0, -EBADMSG (not the form: the whole answer is refused), -ENOMEM. An event of a known type whose members
 * are wrong makes the whole page wrong: skipping it would lose a message. */
int feed_page_parse(const uint8_t *json, size_t length, struct feed_page *out);
void feed_page_free(struct feed_page *p);

/* Parts of GET …/parts: `have` gets a mark for each part that is there in full. */
struct parts_page {
    uint64_t last; /* greatest number seen */
    bool any, more, committed;
};
int parts_page_parse(const uint8_t *json, size_t length, uint64_t ciphertext_length, uint8_t *have,
                     size_t n_have, struct parts_page *out);

/* One entry of the directory log, its JSON text read. */
enum log_type { LOG_OFFICE, LOG_CERTIFICATE, LOG_OTHER };
struct log_entry {
    enum log_type type;
    struct office_id office;
    char fingerprint[65]; /* certificate */
    bool old_key;         /* certificate: proof "old-key" */
};
/* Members of no use here are skipped; an unknown type is LOG_OTHER. 0 or -EBADMSG. */
int log_entry_parse(const char *json, size_t length, struct log_entry *out);

/* Calls `fn` for each entry, whose `hash` has been checked: `head` is carried along and must lead on from
 * what it was. 0, -EBADMSG (form), -EILSEQ (the chain does not continue ours), or what `fn` returns.
 * `signed_head` gets the DER. */
typedef int log_entry_fn(void *context, const struct log_entry *entry);
int log_page_parse(const uint8_t *json, size_t length, struct log_head *head, struct buffer *signed_head,
                   size_t *n_entries, log_entry_fn *fn, void *context);

/* One office of GET /v1/directory. */
struct directory_office {
    struct office_id office;
    const char *name;        /* hostile text; valid during the callback */
    const char *certificate; /* PEM or NULL */
    char fingerprint[65];    /* "" without a certificate */
};
typedef int directory_office_fn(void *context, const struct directory_office *office);
int directory_page_parse(const uint8_t *json, size_t length, bool *more, struct office_id *last,
                         struct buffer *signed_head, directory_office_fn *fn, void *context);

#endif
