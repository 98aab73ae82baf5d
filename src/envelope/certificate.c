/* Certificates and keys in their text and byte forms. */
#include "careplan/identity.h"

#include <errno.h>
#include <string.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "base/hex.h"
#include "envelope/openssl.h"

enum { PEM_MAX = 1024 * 1024, CERTIFICATE_MAX = 64 * 1024, CERTIFICATES_MAX = 16 };

bool openssl_no_memory(void)
{
    bool found = errno == ENOMEM;
    for (unsigned long code; (code = ERR_get_error());)
        found = found || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    return found;
}

int openssl_judged(int r, struct error *e)
{
    return r < 0 && openssl_no_memory() ? error_set(e, -ENOMEM, "memory", "out of memory") : r;
}

int openssl_error(struct error *e, int number, const char *code, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (reason)
        error_set(e, number, code, "%s: %s", what, reason);
    else
        error_set(e, number, code, "%s", what);
    return number;
}

static int refuse_password(char *buffer, int size, int writing, void *unused)
{
    (void)buffer, (void)size, (void)writing, (void)unused;
    return -1;
}

static BIO *pem_open(const char *pem)
{
    size_t length = strnlen(pem, PEM_MAX + 1);
    return length > PEM_MAX ? NULL : BIO_new_mem_buf(pem, (int)length);
}

STACK_OF(X509) * certificates_from_pem(const char *pem, struct error *e)
{
    with_cleanup(autobio) BIO *in = pem_open(pem);
    STACK_OF(X509) *all = sk_X509_new_null();
    for (X509 *x; in && all && (x = PEM_read_bio_X509(in, NULL, refuse_password, NULL));) {
        if (sk_X509_num(all) == CERTIFICATES_MAX || !sk_X509_push(all, x)) {
            X509_free(x);
            ERR_clear_error();
            break;
        }
    }
    /* Reading past the last certificate says "no start line"; anything else is damage. */
    unsigned long last = ERR_peek_last_error();
    if (all && sk_X509_num(all) > 0 && ERR_GET_LIB(last) == ERR_LIB_PEM &&
        ERR_GET_REASON(last) == PEM_R_NO_START_LINE) {
        ERR_clear_error();
        return all;
    }
    certificates_free(all);
    openssl_error(e, -EINVAL, "certificate-form", "not a list of 1 to 16 certificates in PEM");
    return NULL;
}

X509 *certificate_from_pem(const char *pem, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    with_cleanup(autobio) BIO *in = pem_open(pem);
    X509 *x = in ? PEM_read_bio_X509(in, NULL, refuse_password, NULL) : NULL;
    if (!x)
        openssl_error(e, -EINVAL, "certificate-form", "not a certificate in PEM");
    return x;
}

EVP_PKEY *key_from_pem(const char *pem, struct error *e)
{
    with_cleanup(autobio) BIO *in = pem_open(pem);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, refuse_password, NULL) : NULL;
    if (!key)
        openssl_error(e, -EINVAL, "key-form", "not a private key in PEM without a password");
    return key;
}

/* A memory BIO's bytes, malloc'd, with a NUL behind them. */
static char *text_from_bio(BIO *bio)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    char *text = length > 0 ? malloc((size_t)length + 1) : NULL;
    if (text) {
        memcpy(text, data, (size_t)length);
        text[length] = '\0';
    }
    return text;
}

char *certificate_to_pem(X509 *certificate)
{
    OPENSSL_ERRORS_END_HERE;
    with_cleanup(autobio) BIO *out = BIO_new(BIO_s_mem());
    return out && PEM_write_bio_X509(out, certificate) == 1 ? text_from_bio(out) : NULL;
}

EVP_PKEY *key_new(void)
{
    OPENSSL_ERRORS_END_HERE;
    return EVP_EC_gen("P-256");
}

char *key_to_pem(EVP_PKEY *key)
{
    OPENSSL_ERRORS_END_HERE;
    /* A memory BIO wipes what it frees. */
    with_cleanup(autobio) BIO *out = BIO_new(BIO_s_mem());
    return out && PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1 ? text_from_bio(out)
                                                                                          : NULL;
}

X509 *certificate_from_der(const uint8_t *der, size_t length, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    const unsigned char *p = der;
    X509 *x = length <= CERTIFICATE_MAX ? d2i_X509(NULL, &p, (long)length) : NULL;
    if (x && p == der + length)
        return x;
    X509_free(x);
    openssl_error(e, -EINVAL, "certificate-form", "not a certificate in DER");
    return NULL;
}

int certificate_to_der(X509 *certificate, uint8_t **der, size_t *length)
{
    OPENSSL_ERRORS_END_HERE;
    *der = NULL;
    *length = 0;
    int n = i2d_X509(certificate, NULL);
    unsigned char *p = n > 0 ? malloc((size_t)n) : NULL;
    if (!p)
        return -ENOMEM;
    *der = p;
    *length = (size_t)n;
    return i2d_X509(certificate, &p) == n ? 0 : -EINVAL;
}

void certificate_fingerprint(X509 *certificate, char out[65])
{
    OPENSSL_ERRORS_END_HERE;
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    out[0] = '\0';
    if (X509_digest(certificate, EVP_sha256(), hash, &length) == 1 && length == 32)
        hex_encode(hash, length, out);
}

void certificate_serial(X509 *certificate, char out[41])
{
    OPENSSL_ERRORS_END_HERE;
    out[0] = '\0';
    with_cleanup(autobn) BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    with_cleanup(autoopenssl) void *hex = serial && BN_num_bytes(serial) <= 20 ? BN_bn2hex(serial) : NULL;
    if (hex && !BN_is_negative(serial))
        strcpy(out, hex); /* at most 20 bytes: 40 digits */
}

int64_t certificate_end(X509 *certificate)
{
    OPENSSL_ERRORS_END_HERE;
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    return (int64_t)timegm(&end) * 1000;
}
