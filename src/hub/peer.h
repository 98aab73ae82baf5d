/* Who asks: an office, or an address without a certificate. Remembers in memory how much each has asked for
 * lately and what of it is still under way. The loop's thread only. */
#ifndef HUB_PEER_H
#define HUB_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct feed;
TAILQ_HEAD(feed_list, feed);

enum { PEER_KEY_MAX = 47, PEERS_MAX = 65536 };

struct peer {
    struct peer *next;
    char key[PEER_KEY_MAX + 1];
    int64_t credit, credit_at; /* of requests (-1: new); when it was counted, boot ms */
    size_t references;         /* exchanges under way */
    size_t downloads;
    struct feed_list waiting; /* feeds, the oldest first */
    size_t n_waiting;
    uint64_t wakes; /* events came; a feed that reads meanwhile must read again */
};

struct peers;
struct peers *peers_new(void); /* NULL: no memory */
void peers_free(struct peers *p);

/* The peer of `key`, made when it is not there. NULL: no memory. When PEERS_MAX are known, strangers share
 * one. */
struct peer *peer_get(struct peers *p, const char *key);
/* As peer_get, NULL when unknown. */
struct peer *peer_find(struct peers *p, const char *key);
void peers_each(struct peers *p, void (*fn)(void *context, struct peer *peer), void *context);

/* May this peer ask once more? At most `per_minute` at once, and as many in each minute on average. */
bool peer_may_ask(struct peer *peer, int64_t per_minute, int64_t now_boot_ms);

/* Forgets those who have nothing under way and have not asked for a minute. */
void peers_sweep(struct peers *p, int64_t now_boot_ms);

/* "192.0.2.1"; an IPv6 address counts by its /64, which is what one customer has. */
void peer_address_key(const char *address, char out[PEER_KEY_MAX + 1]);

#endif
