#include "hub/peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"

enum { BUCKETS = 8192 };

struct peers {
    uint64_t seed; /* else somebody could choose addresses that all fall into one bucket */
    size_t n;
    struct peer *buckets[BUCKETS];
};

struct peers *peers_new(void)
{
    struct peers *p = calloc(1, sizeof *p);
    if (p)
        random_bytes(&p->seed, sizeof p->seed);
    return p;
}

void peers_free(struct peers *p)
{
    for (size_t i = 0; p && i < BUCKETS; i++)
        while (p->buckets[i]) {
            struct peer *next = p->buckets[i]->next;
            free(p->buckets[i]);
            p->buckets[i] = next;
        }
    free(p);
}

static struct peer **bucket(struct peers *p, const char *key)
{
    uint64_t hash = p->seed;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(0x9E3779B97F4A7C15), hash ^= hash >> 29;
    return &p->buckets[hash % BUCKETS];
}

struct peer *peer_find(struct peers *p, const char *key)
{
    struct peer *peer = *bucket(p, key);
    while (peer && strcmp(peer->key, key) != 0)
        peer = peer->next;
    return peer;
}

struct peer *peer_get(struct peers *p, const char *key)
{
    struct peer *peer = peer_find(p, key);
    if (!peer && p->n >= PEERS_MAX && strcmp(key, "*") != 0)
        return peer_get(p, "*");
    if (peer)
        return peer;
    struct peer **place = bucket(p, key);
    peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    snprintf(peer->key, sizeof peer->key, "%s", key);
    TAILQ_INIT(&peer->waiting);
    TAILQ_INIT(&peer->commits);
    peer->next = *place;
    *place = peer;
    p->n++;
    return peer;
}

void peers_each(struct peers *p, void (*fn)(void *context, struct peer *peer), void *context)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct peer *peer = p->buckets[i]; peer; peer = peer->next)
            fn(context, peer);
}

/* Counted in pieces times the period, so that nothing is lost by rounding however often one asks. */
bool peer_take(struct peer_credit *c, int64_t most, int64_t period, int64_t now)
{
    int64_t full = most * period;
    if (!c->used)
        c->left = full;
    else if (now > c->at)
        c->left += most * (now - c->at < period ? now - c->at : period);
    if (c->left > full)
        c->left = full;
    c->used = true;
    c->at = now;
    if (c->left < period)
        return false;
    c->left -= period;
    return true;
}

void peer_give_back(struct peer_credit *c, int64_t period)
{
    c->left += period;
}

static bool is_full(const struct peer_credit *c, int64_t period, int64_t now)
{
    return !c->used || now - c->at >= period;
}

void peers_sweep(struct peers *p, int64_t now)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct peer **at = &p->buckets[i]; *at;) {
            struct peer *peer = *at;
            if (peer->references || peer->n_waiting || peer->downloads || peer->strangers ||
                !is_full(&peer->requests, PEER_MINUTE_MS, now) ||
                !is_full(&peer->refusals, PEER_HOUR_MS, now)) {
                at = &peer->next;
                continue;
            }
            *at = peer->next;
            free(peer);
            p->n--;
        }
}

void peer_address_key(const char *address, char out[PEER_KEY_MAX + 1])
{
    struct in6_addr six;
    if (inet_pton(AF_INET6, address, &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six)) {
        snprintf(out, PEER_KEY_MAX + 1, "%.*s", PEER_KEY_MAX, address);
        return;
    }
    memset(six.s6_addr + 8, 0, 8);
    if (!inet_ntop(AF_INET6, &six, out, PEER_KEY_MAX + 1))
        strcpy(out, "?");
}
