/* Attached CMS SignedData over a small text: the form of statements, receipts and log heads. Not public.
 *
 * Exactly: version 1, one digest (SHA-256, -384 or -512), content of type data, the signer's certificate and
 * nothing beside it but CAs that the reader trusts anyway, no CRLs, one signer by issuer and serial number,
 * signed attributes, ECDSA or RSA (PKCS#1) with the same digest, no unsigned attributes, DER throughout. So
 * no bit can be changed without being noticed. */
#ifndef ENVELOPE_SIGNED_H
#define ENVELOPE_SIGNED_H

#include "careplan/identity.h"

#include "envelope/openssl.h"

struct signed_data {
    const char *what; /* "statement", "receipt", "head": begins the error codes */
    CMS_ContentInfo *cms;
    STACK_OF(X509) * certificates; /* all that are inside */
    X509 *signer;                  /* one of them, borrowed */
    const uint8_t *content;        /* of `cms` */
    size_t length;
};

int signed_make(const struct identity *by, const char *text, uint8_t **der, size_t *length, struct error *e);

/* Reads form and algorithms; verifies nothing yet. Codes WHAT-form, WHAT-algorithm. signed_close in any case.
 */
int signed_open(struct signed_data *s, const char *what, const uint8_t *der, size_t length, size_t limit,
                struct error *e);
/* The signer's certificate by `trust`, then the signature. Codes certificate-*, WHAT-signature. */
int signed_verify(const struct signed_data *s, const struct trust *trust, enum certificate_role role,
                  int64_t at_utc_ms, struct office_id *office, struct error *e);
void signed_close(struct signed_data *s);

/* error_set with the code WHAT-`suffix`, -EBADMSG. */
int signed_error(const struct signed_data *s, struct error *e, const char *suffix, const char *text);

/* Whether `certificate` is one of the CAs that `trust` was made of (trust.c). */
bool trust_holds(const struct trust *t, X509 *certificate);

#endif
