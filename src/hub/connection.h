/* The hub's TLS connections, watched from the first byte on: evhttp calls a route only when a whole request
 * has arrived, so whoever sends slowly or too much is found here, below it, and cut off.
 *
 * A connection is a stranger's until a request comes over it with an office's certificate. Strangers have a
 * small share of their own of everything (bytes, connections of an address, time), so that they take nothing
 * from offices; when it is full, the oldest of them goes.
 *
 * A connection's record lives as long as its SSL object. */
#ifndef HUB_CONNECTION_H
#define HUB_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

#include "careplan/error.h"
#include "careplan/office.h"

struct server;
struct bufferevent;
struct evconnlistener;
struct evhttp_request;

enum {
    ANONYMOUS_BODY_MAX = 32 * 1024, /* a certificate request in base64 needs half of it */
    ANONYMOUS_SHARE = 16            /* all strangers' bodies: so small a part of buffered_max, beside it */
};

struct connection {
    TAILQ_ENTRY(connection) entry;
    struct connection_list *list; /* receiving, strangers or NULL: an office's between two requests */
    TAILQ_ENTRY(connection) fresh;
    struct peer *address; /* where it is counted as a stranger's; NULL: nowhere */
    struct server *server;
    struct bufferevent *bufferevent;
    bool is_fresh, serving, closing;
    bool stranger;   /* whose share the bytes of this request are of */
    int64_t since;   /* boot ms: when the request began to arrive; strangers: or the waiting for one */
    size_t received; /* bytes since the last request was handed over */
    /* The certificate's judgement, good until `judged_until` while the list of revocations is the same. */
    uint64_t judged_generation;
    int64_t judged_until;
    struct office_id office; /* "" refused or none */
};
TAILQ_HEAD(connection_list, connection);

struct connections {
    SSL_CTX *tls;
    int index;           /* of the record in the SSL object */
    uint64_t generation; /* of the list of revocations */
    size_t n;
    size_t most;                                 /* at the same time */
    struct connection_list receiving, strangers; /* by `since` */
    struct connection_list fresh; /* accepted in this turn of the loop: no address is known yet */
    struct event *arrived;        /* when there are some */
    size_t n_cut; /* strangers' since the last tick, and why the last of them: one line in the log for all */
    const char *cut_why;
    struct evconnlistener *listener;
    bool paused;
};

/* Listens; evhttp gets its connections from here. 0, or negative and `e`. */
int connections_open(struct server *s, struct error *e);
void connections_close(struct server *s);
/* Each second: cuts off who takes too long to send a request; accepts again when there is room, and makes
 * some at the cost of strangers. */
void connections_tick(struct server *s, int64_t now_boot_ms);

/* NULL: the connection is gone. */
struct connection *connection_of(struct server *s, struct evhttp_request *request);
bool connection_has_certificate(const struct connection *c);
/* The office that the client's certificate names, judged now; "" when it is refused. */
const struct office_id *connection_office(struct connection *c);

/* A whole request has been handed over: how many bytes it had, and of whose share: they stay counted there.
 */
size_t connection_request(struct connection *c, size_t **share);
void connection_answered(struct connection *c);

#endif
