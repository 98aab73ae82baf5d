/* A request and its answer. A route gets the exchange and owns it until it calls one of the answer_*
 * functions, which end it; between the two the connection may die, and answering then only frees. */
#ifndef HUB_EXCHANGE_H
#define HUB_EXCHANGE_H

#include <jansson.h>

#include "hub/server.h"

struct exchange {
    struct server *server;
    struct evhttp_request *request;
    struct peer *peer;
    struct form_path path;
    const char *query;       /* or NULL */
    struct office_id office; /* of the client; "" on public routes */
    struct span body;        /* valid until the answer */
    size_t held, *share;     /* bytes; where they are counted */
    bool certificate;        /* the client showed one */
};

/* evhttp's callback. */
void exchange_begin(struct evhttp_request *request, void *server);

const char *exchange_header(const struct exchange *x, const char *name); /* of the request; NULL none */
void exchange_set_header(struct exchange *x, const char *name, const char *value);

/* RFC 9457. `code` and `detail` are copied. */
void answer_problem(struct exchange *x, int status, const char *code, const char *detail);
void answer_error(struct exchange *x, int status, const struct error *e);
/* The store could not do it: 503 when it may be able to later. */
void answer_store_failed(struct exchange *x, int result);
void answer_internal(struct exchange *x); /* out of memory, or what cannot be */
void answer_empty(struct exchange *x, int status);
void answer_bytes(struct exchange *x, int status, const char *media, const void *data, size_t length);
/* Takes `body`; NULL: out of memory. */
void answer_json(struct exchange *x, int status, json_t *body);

/* An answer that is written piece by piece: the head is the caller's business (evhttp_send_reply_start after
 * exchange_set_header), this counts and frees. */
void answer_stream_end(struct exchange *x, int status, const char *media);

#endif
