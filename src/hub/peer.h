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
struct message_put;
TAILQ_HEAD(commit_list, message_put);

enum { PEER_KEY_MAX = 47, PEERS_MAX = 65536 };

/* What is left of a rate; all zero: new. */
struct peer_credit {
    int64_t left, at; /* in units of its period; when it was counted, boot ms */
    bool used;
};

struct peer {
    struct peer *next;
    char key[PEER_KEY_MAX + 1];
    struct peer_credit requests;
    struct peer_credit refusals; /* of tokens */
    size_t strangers;            /* connections of this address without an office's certificate */
    size_t references;           /* exchanges under way */
    size_t downloads;
    struct feed_list waiting; /* feeds, the oldest first */
    size_t n_waiting;
    bool committing;            /* one commit at a time: it reads and hashes all parts */
    struct commit_list commits; /* that wait for it */
    size_t n_commits;
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

enum { PEER_MINUTE_MS = 60 * 1000, PEER_HOUR_MS = 3600 * 1000 };
/* Once more? At most `most` at once, and as many in each `period` on average. */
bool peer_take(struct peer_credit *credit, int64_t most, int64_t period_ms, int64_t now_boot_ms);
void peer_give_back(struct peer_credit *credit, int64_t period_ms);

/* Forgets those who have nothing under way and all their credit again. */
void peers_sweep(struct peers *p, int64_t now_boot_ms);

/* "192.0.2.1"; an IPv6 address counts by its /64, which is what one customer has. */
void peer_address_key(const char *address, char out[PEER_KEY_MAX + 1]);

#endif
