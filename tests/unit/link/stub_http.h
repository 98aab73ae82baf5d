/* The stub hub's line: TLS 1.3 with client certificates, one thread a connection, HTTP/1.1 kept alive. */
#ifndef TESTS_STUB_HTTP_H
#define TESTS_STUB_HTTP_H

#include "stub_hub.h"

struct stub_call {
    struct office_id office; /* of the client certificate, "" none */
    char method[8], path[300], body_media[64], range[64], user[64], password[64];
    struct buffer body;
    int status;
    const char *media;
    char content_range[64];
    struct buffer answer;
};

void stub_listen(struct stub_hub *h);
void stub_unlisten(struct stub_hub *h);
void stub_serve(struct stub_hub *h, struct stub_call *c);
uint64_t stub_query(const struct stub_call *c, const char *key); /* 0 when not there */

#endif
