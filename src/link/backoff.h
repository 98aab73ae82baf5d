/* How long to leave the hub alone after a failure: 0.5 s, doubling to 60 s, with jitter, so that a thousand
 * offices do not return in one moment. Pure; times are clock_boot_ms(). */
#ifndef LINK_BACKOFF_H
#define LINK_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

enum { BACKOFF_FIRST_MS = 500, BACKOFF_LAST_MS = 60000 };

struct backoff {
    int64_t until;    /* nothing is begun before */
    int64_t delay_ms; /* the last step without jitter; 0 after a success */
};

/* A failure at `now`. Several requests that one cut has ended count once: a failure while waiting changes
 * nothing, unless `at_least_ms` (the hub's Retry-After, 0 = none) asks for more. `random` is any 32 bits. */
void backoff_failed(struct backoff *b, int64_t now, int64_t at_least_ms, uint32_t random);
/* Something got through: the next failure waits only the first step. */
void backoff_succeeded(struct backoff *b);
bool backoff_ready(const struct backoff *b, int64_t now);

/* Requests that the hub answers with a trouble of its own (5xx, 429). One of them waits alone while others
 * get through; several without any success in between are the hub's. */
enum { STRIKES_KEPT = 16, STRIKES_ALL = 3, STRIKE_FEED = 1 /* `who` of the feed */ };
struct strike {
    uint64_t who;   /* what is asked for, 0 = free */
    unsigned tries; /* that failed one after the other */
    bool fresh;     /* nothing has got through since */
};
struct strikes {
    struct strike list[STRIKES_KEPT];
    unsigned next; /* to be forgotten when there is no room */
};
/* How long `who` waits (0.5 s, doubling to 60 s, with jitter; not less than the hub's Retry-After). `all`:
 * the hub as a whole is in trouble: three have failed, or the feed, which goes on by itself, twice. */
int64_t strikes_failed(struct strikes *s, uint64_t who, int64_t at_least_ms, uint32_t random, bool *all);
void strikes_succeeded(struct strikes *s, uint64_t who);

#endif
