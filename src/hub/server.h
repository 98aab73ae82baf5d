/* `careplan-hub serve`: one loop, one thread. Its parts: connection.h (TLS, slow and greedy clients),
 * exchange.h (a request and its answer), route.h (what the paths do), peer.h (who asked how much), store.h.
 */
#ifndef HUB_SERVER_H
#define HUB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/buffer.h"
#include "hub/config.h"
#include "hub/connection.h"
#include "hub/keys.h"
#include "hub/peer.h"
#include "hub/store.h"
#include "hub/trace.h"

struct server_counts {   /* for /metrics */
    uint64_t answers[6]; /* by hundreds of the status */
    uint64_t accepted, receipts, enrolled;
};

struct server {
    const struct hub_config *config;
    struct hub_keys keys;
    struct store *store;
    struct trace *trace;
    struct peers *peers;
    struct event_base *base;
    struct evhttp *http, *operator_http;
    struct connections connections;

    struct log_head head; /* the directory log's newest, and its signed form */
    struct buffer head_der;
    struct buffer cacerts; /* base64 */

    size_t exchanges;      /* not answered yet */
    size_t held;           /* bytes of offices' request bodies received and not answered yet */
    size_t held_anonymous; /* of strangers' */
    size_t sending;        /* bytes of contents on their way into answers */
    struct server_counts counts;
    bool stopping;
};

/* Serves until SIGTERM or SIGINT. 0, or negative and `e`: could not begin. `trace_path` may be NULL. */
int server_run(const struct hub_config *config, const char *trace_path, struct error *e);

/* A new list of revocations: what has been judged before is judged again. */
void server_set_crl(struct server *s, const struct buffer *der);

#endif
