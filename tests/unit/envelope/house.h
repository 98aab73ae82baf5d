/* The people of the envelope's tests: one hub's CA, two offices that write to each other, a third that does
 * not belong, and the hub's signer. All are made up afresh by each test program. */
#ifndef TESTS_HOUSE_H
#define TESTS_HOUSE_H

#include "careplan/identity.h"

#define OFFICE_A "0300000100-43"
#define OFFICE_B "0300000200-11"
#define OFFICE_C "0300000300-15"

struct house {
    struct ca_files files;
    struct ca *ca;
    struct trust *trust;
    struct identity *a, *b, *c; /* offices */
    struct identity *signer;    /* the hub's */
    struct identity *server;    /* the hub's, TLS */
};

void house_build(struct house *h);
void house_free(struct house *h);

struct office_id office(const char *text);
/* An office certificate for `key`, aborts on failure. */
X509 *house_certify(struct house *h, EVP_PKEY *key, const char *office_text);
struct identity *house_identity(struct house *h, EVP_PKEY *key, const char *office_text);
/* An RSA key of `bits`. */
EVP_PKEY *rsa_key(unsigned bits);

/* A certificate that no ca_issue_* would make: `usage`, `extended` and `san` in OpenSSL's configuration form,
 * any may be NULL; signed by `ca_key`/`ca` with `digest`. */
X509 *odd_certificate(EVP_PKEY *key, const char *usage, const char *extended, const char *san, X509 *ca,
                      EVP_PKEY *ca_key, const EVP_MD *digest);
/* The issuing CA's key, which struct ca does not give; EVP_PKEY_free. */
EVP_PKEY *house_ca_key(const struct house *h);

#endif
