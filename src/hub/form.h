/* The forms of what clients send: paths, queries, header values, bodies. Pure functions over hostile bytes;
 * nothing here knows the store, the network or a key. */
#ifndef HUB_FORM_H
#define HUB_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "careplan/envelope.h"
#include "careplan/error.h"

enum {
    FORM_PART_SIZE = 1024 * 1024,    /* every part but the last */
    FORM_WHOLE_MAX = FORM_PART_SIZE, /* ciphertext inside a body */
    FORM_TOKEN_MAX = 64,             /* characters of a token in HTTP Basic */
    FORM_PART_NUMBER_MAX = 1000000,
};

/* A run of bytes inside another's memory. */
struct span {
    const uint8_t *data;
    size_t length;
};

/* The body of PUT /v1/messages/{id}. */
struct form_message {
    struct span statement, header;
    struct span ciphertext; /* empty when it lies in parts */
    uint64_t ciphertext_length;
};
/* Reads the frames; `commit`: the third frame is a length alone. The spans point into `data`. 0, or -EINVAL
 * "message-form" (a frame is cut, empty or over its bound, or bytes follow). */
int form_message_read(const uint8_t *data, size_t length, bool commit, struct form_message *out,
                      struct error *e);

/* What a path names. Routes are told apart by their segments' forms alone. */
enum form_route {
    ROUTE_NONE,
    ROUTE_MESSAGE_PUT, /* /v1/messages/{id} */
    ROUTE_PARTS,       /* /v1/messages/{id}/parts */
    ROUTE_PART,        /* /v1/messages/{id}/parts/{n} */
    ROUTE_MESSAGE,     /* /v1/messages/{sender}/{id} */
    ROUTE_RECEIPT,     /* /v1/messages/{sender}/{id}/receipts/{kind} */
    ROUTE_FEED,
    ROUTE_DIRECTORY,
    ROUTE_DIRECTORY_LOG,
    ROUTE_CRL,
    ROUTE_CACERTS,
    ROUTE_ENROLL,
    ROUTE_REENROLL,
};
struct form_path {
    enum form_route route;
    struct message_id id;
    struct office_id sender;
    uint32_t part;
    enum receipt_kind kind;
};
/* `path` without its query. A path that fits nothing gives ROUTE_NONE. */
void form_path_read(const char *path, struct form_path *out);

/* The value of `name` in a query ("a=1&b=2", may be NULL), percent-decoded into `out`. 1 found, 0 absent,
 * -EINVAL: twice, too long for `size`, or a broken escape. */
int form_query_value(const char *query, const char *name, char *out, size_t size);
/* A whole number in min…max; absent: `out` is left. 0 or -EINVAL "query". */
int form_query_number(const char *query, const char *name, int64_t min, int64_t max, int64_t *out,
                      struct error *e);

/* `content_type` (may be NULL) names `type`, whatever its parameters and case. */
bool form_media_type(const char *content_type, const char *type);

/* RFC 9110, 14.1: one range of bytes over a body of `size` bytes. NONE: no header, another unit, several
 * ranges or no valid form: then all of it is sent. */
enum form_range { FORM_RANGE_NONE, FORM_RANGE_ONE, FORM_RANGE_BEHIND };
enum form_range form_range_read(const char *header, uint64_t size, uint64_t *first, uint64_t *last);

/* "Basic …" (RFC 7617) with an identity as user. False: anything else. */
bool form_basic_read(const char *header, struct office_id *user, char token[FORM_TOKEN_MAX + 1]);

/* Base64 with white space between, as EST sends it; at most `limit` bytes come out. False: not base64. */
bool form_base64_read(const uint8_t *text, size_t length, size_t limit, struct buffer *out);
/* One line, NUL-terminated, malloc'd. */
char *form_base64(const void *data, size_t length);

/* The name of an office as people write it: UTF-8 of 1 to 255 bytes without control characters. */
bool form_office_name(const char *name);
/* 市町村コード or 保険者番号: 5 or 6 digits. */
bool form_municipality(const char *code);

#endif
