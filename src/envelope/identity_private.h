/* What the sealing and opening side of this room sees of an identity. Not public. */
#ifndef ENVELOPE_IDENTITY_PRIVATE_H
#define ENVELOPE_IDENTITY_PRIVATE_H

#include "careplan/identity.h"

struct key_pair {
    EVP_PKEY *key;
    X509 *certificate;
};

struct identity {
    struct key_pair *pairs; /* the first signs and opens, the others only open */
    size_t n_pairs;
    STACK_OF(X509) * chain; /* behind the first leaf: the issuing CA */
    struct office_id office;
};

#endif
