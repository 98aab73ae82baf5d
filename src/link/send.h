/* One message on its way to the hub; send.c. */
#ifndef LINK_SEND_H
#define LINK_SEND_H

#include "link/link_private.h"

struct send {
    struct task task; /* its result in the ledger */
    struct link *l;
    struct send *next;
    uint64_t message;
    struct message_id id;
    struct office_id recipient;
    char name[256]; /* sequence number, or the document's name: what a later version shares */
    struct ledger_envelope envelope;
    bool large;    /* in parts */
    size_t bytes;  /* of bodies, counted in link.sending_bytes */
    size_t active; /* requests */

    uint8_t *have; /* by part: the hub has it */
    size_t n_parts, next_part;
    bool asked, asked_after_any, put_all;
    uint64_t asked_after;
    bool committed; /* the last PUT was a commit */
    unsigned commits;
    int64_t wait_ms; /* until the next try, when the hub is in trouble */
    const char
        *anew; /* why it is not sent as it was sealed: its message's reason, "" none; NULL: it is sent */
    bool failed, local; /* a part did not get there; because of the own machine */
    int problem_status; /* what the hub said of a part, 0 nothing */
    char problem[48];
};
struct send_part {
    struct send *send;
    size_t n;
};

void send_free(struct send *s);
/* Will the hub never take it, whatever happens? What it may take later is tried again. Pure. */
bool send_problem_is_final(int status, const char *problem);

#endif
