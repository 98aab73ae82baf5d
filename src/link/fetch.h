/* One message on its way from the hub; fetch.c. */
#ifndef LINK_FETCH_H
#define LINK_FETCH_H

#include "link/link_private.h"

struct fetch {
    struct link *l;
    struct fetch *next;
    struct office_id sender;
    struct message_id id;
    uint64_t hint; /* its length, as the feed says */
    struct page *page;
    unsigned tries;
    int64_t due; /* clock_boot_ms() of the next try; 0: now */
    bool active;
    size_t bytes; /* counted in link.fetching_bytes */

    struct buffer prefix; /* what stands before the ciphertext; of a small one the whole */
    uint64_t length;      /* of the ciphertext */

    /* in the spool */
    bool spooled, appending, requesting;
    uint64_t content, have;
    size_t handed;      /* being committed behind `have` */
    struct buffer tail; /* behind that */
    uint64_t range_from, last_have;
    size_t range_n;
    int64_t wait_ms;             /* the hub has trouble with this one alone; 0: no */
    bool cut;                    /* to go on when the hub is there again */
    bool trouble, missing, lied; /* how the last range, or its commit, ended */
};

#endif
