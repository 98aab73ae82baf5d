/* The hub's TLS connections, watched from the first byte on: evhttp calls a route only when a whole request
 * has arrived, so whoever sends slowly or too much is found here, below it, and cut off.
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

enum { ANONYMOUS_BODY_MAX = 128 * 1024 };

struct connection {
    TAILQ_ENTRY(connection) receiving; /* by `since` */
    struct server *server;
    struct bufferevent *bufferevent;
    bool is_receiving, serving, closing;
    int64_t since;   /* boot ms: when the request began to arrive (at first: when the connection came) */
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
    struct connection_list receiving;
    struct evconnlistener *listener;
    bool paused;
};

/* Listens; evhttp gets its connections from here. 0, or negative and `e`. */
int connections_open(struct server *s, struct error *e);
void connections_close(struct server *s);
/* Each second: cuts off who takes too long to send a request; accepts again when there is room. */
void connections_tick(struct server *s, int64_t now_boot_ms);

/* NULL: the connection is gone. */
struct connection *connection_of(struct server *s, struct evhttp_request *request);
bool connection_has_certificate(const struct connection *c);
/* The office that the client's certificate names, judged now; "" when it is refused. */
const struct office_id *connection_office(struct connection *c);

/* A whole request has been handed over: how many bytes it had. They are counted as held until
 * connection_answered. */
size_t connection_request(struct connection *c);
void connection_answered(struct connection *c);

#endif
