/* What every file of this room needs of OpenSSL: cleanup attributes, one way to report its errors, and the
 * rule that no error stays in the thread's queue behind a call. Not public. */
#ifndef ENVELOPE_OPENSSL_H
#define ENVELOPE_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "careplan/error.h"

static inline void certificates_free(STACK_OF(X509) * s)
{
    sk_X509_pop_free(s, X509_free);
}

static inline void openssl_free(void *p)
{
    OPENSSL_free(p);
}

CLEANUP_DEFINE(autobio, BIO, BIO_free_all);
CLEANUP_DEFINE(autocms, CMS_ContentInfo, CMS_ContentInfo_free);
CLEANUP_DEFINE(autox509, X509, X509_free);
CLEANUP_DEFINE(autocertificates, STACK_OF(X509), certificates_free);
CLEANUP_DEFINE(autopkey, EVP_PKEY, EVP_PKEY_free);
CLEANUP_DEFINE(automd, EVP_MD_CTX, EVP_MD_CTX_free);
CLEANUP_DEFINE(autobn, BIGNUM, BN_free);
CLEANUP_DEFINE(autocrl, X509_CRL, X509_CRL_free);
CLEANUP_DEFINE(autoextension, X509_EXTENSION, X509_EXTENSION_free);
CLEANUP_DEFINE(autonames, GENERAL_NAMES, GENERAL_NAMES_free);
CLEANUP_DEFINE(autoopenssl, void, openssl_free);

static inline void openssl_queue_clear(const int *unused)
{
    (void)unused;
    ERR_clear_error();
}

/* First line of a public function: whatever OpenSSL queued inside is gone when it returns. */
#define OPENSSL_ERRORS_END_HERE \
    __attribute__((__cleanup__(openssl_queue_clear), __unused__)) const int openssl_errors_end_here = 0

/* error_set with `what` and OpenSSL's newest reason, when it has one. */
int openssl_error(struct error *e, int number, const char *code, const char *what);

/* Whether an allocation has failed since errno was 0 and OpenSSL's queue of errors empty; empties it. Many
 * places in OpenSSL only say "no" then; malloc says ENOMEM. A call that failed so says nothing about what it
 * was called for. */
bool openssl_no_memory(void);
/* What a function that judges answers, having begun with errno = 0: `r`, or -ENOMEM where that may be the
 * reason. */
int openssl_judged(int r, struct error *e);

/* All certificates of a PEM text, at most 16. NULL and `e` ("certificate-form") when there is none or one
 * cannot be read. The caller frees with certificates_free. */
STACK_OF(X509) * certificates_from_pem(const char *pem, struct error *e);

/* A private key from PEM; never asks a terminal for a password. `code` "key-form" on error. */
EVP_PKEY *key_from_pem(const char *pem, struct error *e);

#endif
