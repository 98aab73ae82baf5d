/* hub.conf. Every limit has its key here and its default in config.c; docs/hub.md explains them. */
#ifndef HUB_CONFIG_H
#define HUB_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "careplan/error.h"

struct hub_config {
    char dir[4096];                    /* the folder of hub.conf; everything else lies in it */
    char listen[128], operator_[128];  /* ADDR:PORT; operator: "" = no listener */
    char name[254];                    /* of the hub, as in its certificates */
    bool tls12;                        /* also TLS 1.2, AEAD suites only */
    int64_t certificate_days;          /* life of an office's certificate */
    int64_t retention;                 /* ms a message is kept after its `received` or `refused` receipt */
    int64_t upkeep;                    /* ms between two looks for what has had its time */
    int64_t body_max;                  /* bytes of a request body */
    int64_t headers_size, headers_max; /* bytes and number of request headers */
    int64_t message_max, parts_max;    /* ciphertext bytes of a message; parts of it */
    int64_t upload_keep;               /* ms that parts without a commit are kept */
    int64_t uploads_per_office;        /* messages of which parts came and no commit */
    int64_t bytes_per_office;          /* parts without a commit and messages not received yet */
    int64_t feeds_per_office;          /* waiting at the same time */
    int64_t requests_per_minute;       /* an office */
    int64_t anonymous_per_minute;      /* requests without a certificate, an address */
    int64_t anonymous_connections;     /* without an office's certificate, an address */
    int64_t anonymous_timeout;         /* ms to a request, and for it to arrive, without one */
    int64_t tokens_refused_per_hour;   /* an address */
    int64_t connections;
    int64_t buffered_max;    /* bytes of all request bodies under way */
    int64_t request_timeout; /* ms for a whole request to arrive, from its first byte */
    int64_t idle_timeout;    /* ms between two requests; and for an answer that the client does not take */
};

/* Reads DIR/hub.conf. 0, or negative and one line that names file, line, key. `data` as in config_read. */
int hub_config_read(const char *path, const char *data, struct hub_config *out, struct error *e);

/* Is `text` ADDR:PORT or [ADDR]:PORT with a numeric address? */
bool hub_address_is_valid(const char *text);

#endif
