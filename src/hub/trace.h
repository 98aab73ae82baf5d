/* serve --trace FILE, for tests only: every exchange as one JSON line, which tests/validate_trace.py holds
 * against docs/hub-api.yaml. Members: listener ("hub", "operator"), method, path (with query), certificate,
 * request_media, status, media, headers (names), response (JSON bodies only), length. */
#ifndef HUB_TRACE_H
#define HUB_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "careplan/error.h"

struct evhttp_request;
struct trace;

/* Appends to `path`. NULL and `e` on error. */
struct trace *trace_open(const char *path, struct error *e);
void trace_close(struct trace *t);

/* `t` may be NULL. `media` NULL: no body. */
void trace_exchange(struct trace *t, struct evhttp_request *request, const char *listener, bool certificate,
                    int status, const char *media, const void *body, size_t length);

#endif
