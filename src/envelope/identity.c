/* An own key with its certificate. */
#include "envelope/identity_private.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "envelope/openssl.h"
#include "envelope/profile.h"

enum { KEY_FILE_MAX = 64 * 1024, CERTIFICATE_FILE_MAX = 1024 * 1024 };

CLEANUP_DEFINE(autoidentity, struct identity, identity_free);

static void key_pair_free(struct key_pair *p)
{
    EVP_PKEY_free(p->key);
    X509_free(p->certificate);
    *p = (struct key_pair){0};
}

void identity_free(struct identity *i)
{
    if (!i)
        return;
    for (size_t n = 0; n < i->n_pairs; n++)
        key_pair_free(&i->pairs[n]);
    free(i->pairs);
    certificates_free(i->chain);
    free(i);
}

static int key_read(const char *path, EVP_PKEY **key, struct error *e)
{
    __attribute__((__cleanup__(buffer_wipe))) struct buffer text = {0};
    int r = file_read_secret(path, KEY_FILE_MAX, &text, e);
    if (r)
        return r;
    *key = key_from_pem(text.data ? (const char *)text.data : "", e);
    return *key ? 0 : error_prefix(e, -EINVAL, "%s", path);
}

/* Reads and joins a key and its certificate; `chain` receives what stands behind the leaf. */
static int key_pair_read(const char *key_path, const char *certificate_path, struct key_pair *pair,
                         STACK_OF(X509) * *chain, struct error *e)
{
    autobuffer text = {0};
    with_cleanup(autopkey) EVP_PKEY *key = NULL;
    int r = key_read(key_path, &key, e);
    if (!r)
        r = file_read(certificate_path, CERTIFICATE_FILE_MAX, &text, e);
    if (r)
        return r;
    with_cleanup(autocertificates) STACK_OF(X509) *all =
        certificates_from_pem(text.data ? (const char *)text.data : "", e);
    if (!all)
        return error_prefix(e, -EINVAL, "%s", certificate_path);
    if (X509_check_private_key(sk_X509_value(all, 0), key) != 1)
        return error_set(e, -EINVAL, "key-mismatch", "%s: not the key of the first certificate in %s",
                         key_path, certificate_path);
    pair->key = key;
    pair->certificate = sk_X509_shift(all);
    *chain = all;
    key = NULL;
    all = NULL;
    return 0;
}

static int identity_push(struct identity *i, struct key_pair pair)
{
    struct key_pair *pairs = realloc(i->pairs, (i->n_pairs + 1) * sizeof *pairs);
    if (!pairs)
        return -ENOMEM;
    i->pairs = pairs;
    i->pairs[i->n_pairs++] = pair;
    return 0;
}

struct identity *identity_load(const char *key_path, const char *certificate_path, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    struct key_pair pair = {0};
    with_cleanup(autocertificates) STACK_OF(X509) *chain = NULL;
    if (key_pair_read(key_path, certificate_path, &pair, &chain, e))
        return NULL;
    struct identity *i = identity_new(pair.key, pair.certificate, chain);
    key_pair_free(&pair);
    if (!i)
        error_set(e, -ENOMEM, "memory", "%s: out of memory", key_path);
    return i;
}

struct identity *identity_new(EVP_PKEY *key, X509 *certificate, STACK_OF(X509) * chain)
{
    OPENSSL_ERRORS_END_HERE;
    with_cleanup(autoidentity) struct identity *i = calloc(1, sizeof *i);
    if (!i || identity_push(i, (struct key_pair){key, certificate}))
        return NULL;
    EVP_PKEY_up_ref(key);
    X509_up_ref(certificate);
    i->chain = chain ? X509_chain_up_ref(chain) : sk_X509_new_null();
    if (!i->chain)
        return NULL;
    certificate_office(certificate, &i->office);
    struct identity *result = i;
    i = NULL;
    return result;
}

int identity_add_retired(struct identity *i, const char *key_path, const char *certificate_path,
                         struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    struct key_pair pair = {0};
    struct office_id office;
    with_cleanup(autocertificates) STACK_OF(X509) *chain = NULL;
    int r = key_pair_read(key_path, certificate_path, &pair, &chain, e);
    if (r)
        return r;
    if (!certificate_office(pair.certificate, &office) || !office_id_equal(&office, &i->office))
        r = error_set(e, -EINVAL, "key-mismatch", "%s: a retired certificate of another office",
                      certificate_path);
    else if (identity_push(i, pair))
        r = error_set(e, -ENOMEM, "memory", "%s: out of memory", key_path);
    if (r)
        key_pair_free(&pair);
    return r;
}

EVP_PKEY *identity_key(const struct identity *i)
{
    return i->pairs[0].key;
}

X509 *identity_certificate(const struct identity *i)
{
    return i->pairs[0].certificate;
}

const struct office_id *identity_office(const struct identity *i)
{
    return &i->office;
}

static int request_name(X509_REQ *request, const struct office_id *office)
{
    X509_NAME *subject = X509_REQ_get_subject_name(request);
    return X509_NAME_add_entry_by_NID(subject, NID_serialNumber, MBSTRING_ASC,
                                      (const unsigned char *)office->text, -1, -1, 0);
}

static int request_add_san(X509_REQ *request, const struct office_id *office)
{
    char urn[sizeof OFFICE_URN + OFFICE_ID_LENGTH];
    snprintf(urn, sizeof urn, OFFICE_URN "%s", office->text);
    with_cleanup(autonames) GENERAL_NAMES *names = names_of_uri(urn);
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    int ok = names && X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
             X509_REQ_add_extensions(request, extensions) == 1;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return ok;
}

CLEANUP_DEFINE(autorequest, X509_REQ, X509_REQ_free);

int csr_new(EVP_PKEY *key, const struct office_id *office, uint8_t **der, size_t *length, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    *der = NULL;
    *length = 0;
    with_cleanup(autorequest) X509_REQ *request = X509_REQ_new();
    if (!request || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
        !request_name(request, office) || X509_REQ_set_pubkey(request, key) != 1 ||
        !request_add_san(request, office) || X509_REQ_sign(request, key, EVP_sha256()) <= 0)
        return openssl_error(e, -EINVAL, "csr", "cannot make a certificate request");
    int n = i2d_X509_REQ(request, NULL);
    unsigned char *p = n > 0 ? malloc((size_t)n) : NULL;
    if (!p)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    *der = p;
    *length = (size_t)n;
    i2d_X509_REQ(request, &p);
    return 0;
}
