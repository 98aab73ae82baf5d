/* libcurl multi for one hub: requests with bounded answers, connections kept alive, mutual TLS 1.3. All calls
 * belong to one thread, http_wake excepted. */
#ifndef LINK_HTTP_H
#define LINK_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "careplan/error.h"

struct http;

struct http_options {
    const char *url;                  /* "https://host:port"; anything but https is refused ("hub-url") */
    const struct buffer *ca;          /* PEM of the roots that the hub's certificate must lead to */
    const struct buffer *certificate; /* PEM, leaf first; NULL: no client certificate */
    const struct buffer *key;         /* PEM */
};
/* The buffers and the url are borrowed until http_free. */
int http_new(const struct http_options *options, struct http **out, struct error *e);
/* Aborts what is under way (its `done` is called with `aborted`), frees. */
void http_free(struct http *h);
void http_abort_all(struct http *h);

struct http_answer {
    bool aborted;
    int status;             /* 0: no answer; see `trouble` */
    struct buffer body;     /* also what came before a cut; the callee may take it (and zero this) */
    char media[64];         /* Content-Type without parameters, "" none */
    char problem[48];       /* CODE of an RFC 9457 problem, "" none */
    char trouble[200];      /* one line for a person, "" when status is 2xx */
    bool untrusted;         /* the hub's TLS certificate was refused, or it refused ours */
    bool too_large;         /* the answer exceeded the request's limit */
    uint64_t range_from;    /* 206: the first byte; 0 otherwise */
    uint64_t range_total;   /* 206: the whole length, 0 = not told */
    int64_t retry_after_ms; /* 0: not told */
    int64_t date_ms;        /* the hub's clock, 0 = not told */
    int64_t ahead_ms;       /* our clock less the hub's when it told that (its Date has whole seconds) */
    bool progress;          /* bytes of a body went through, one way or the other */
};
typedef void http_done_fn(void *context, struct http_answer *answer);

struct http_request {
    const char *method;          /* "GET", "PUT", "POST" */
    char path[256];              /* with query */
    const char *media;           /* of the body */
    struct buffer body;          /* taken over, also on error */
    char range[48];              /* "0-99", "" = none */
    const char *user, *password; /* HTTP Basic, or NULL; borrowed until the answer */
    size_t limit;                /* most bytes of answer */
    long total_seconds;          /* 0: no bound but the stall */
    long stall_seconds;          /* given up when fewer than 64 bytes/s moved for so long; 0: 30 */
    http_done_fn *done;          /* called once, from http_perform, http_abort_all or http_free */
    void *context;
};
/* 0 or negative (then `done` is not called). */
int http_start(struct http *h, struct http_request *request);

/* Moves what can be moved, calls `done` of what has ended. True: something has. */
bool http_perform(struct http *h);
/* Waits for sockets, http_wake, or the time. */
void http_poll(struct http *h, int timeout_ms);
void http_wake(struct http *h); /* any thread */
size_t http_active(const struct http *h);

/* One request, waited for (enrolment). The answer's body is the caller's. */
int http_call(struct http *h, struct http_request *request, struct http_answer *answer);

/* CODE of a problem document into out ("" none). Pure; for hostile input. */
void http_problem(const uint8_t *json, size_t length, char out[48]);
/* "bytes 0-99/1234" → first byte, total (0 for "*"). False: not that form. Pure. */
bool http_content_range(const char *value, uint64_t *from, uint64_t *total);

#endif
