/* The hub's keys and certificates in its folder: made by `careplan-hub init`, read by `serve`.
 *
 *   ca.pem, root.key           the root; its key may be taken off the machine after init
 *   issuing.pem, issuing.key   signs the offices' certificates and the list of revocations
 *   server.pem, server.key     TLS
 *   signer.pem, signer.key     acceptances and heads of the directory's log */
#ifndef HUB_KEYS_H
#define HUB_KEYS_H

#include "careplan/identity.h"

struct hub_keys {
    struct identity *server, *signer;
    struct trust *trust; /* offices' certificates are judged by it */
    struct ca *ca;       /* the store's writing thread alone uses it */
    X509 *root;
};

/* Writes all of them into `dir`, which is there and empty. 0 or negative and `e`. */
int hub_keys_make(const char *dir, const char *name, struct error *e);
/* Refuses keys that others can read. 0 or negative and `e`; hub_keys_free in any case. */
int hub_keys_load(const char *dir, struct hub_keys *out, struct error *e);
void hub_keys_free(struct hub_keys *k);

#endif
