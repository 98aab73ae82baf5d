#include "house.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

/* A test house that cannot be built is a broken machine, not a failed test. */
static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "test house: %s\n", what);
        abort();
    }
}

struct office_id office(const char *text)
{
    struct office_id id;
    must(office_id_parse(&id, text, strlen(text)), text);
    return id;
}

X509 *house_certify(struct house *h, EVP_PKEY *key, const char *office_text)
{
    struct office_id id = office(office_text);
    uint8_t *csr = NULL;
    size_t length = 0;
    must(csr_new(key, &id, &csr, &length, NULL) == 0, "csr");
    X509 *x = ca_issue_office(h->ca, csr, length, &id, 365, NULL);
    must(x != NULL, "office certificate");
    free(csr);
    return x;
}

static struct identity *joined(struct house *h, EVP_PKEY *key, X509 *x)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    must(chain && x && sk_X509_push(chain, ca_certificate(h->ca)) > 0, "chain");
    struct identity *i = identity_new(key, x, chain);
    must(i != NULL, "identity");
    sk_X509_free(chain);
    X509_free(x);
    EVP_PKEY_free(key);
    return i;
}

struct identity *house_identity(struct house *h, EVP_PKEY *key, const char *office_text)
{
    return joined(h, key, house_certify(h, key, office_text));
}

void house_build(struct house *h)
{
    *h = (struct house){0};
    must(ca_init("hub.example.jp", &h->files, NULL) == 0, "ca_init");
    h->ca = ca_new(h->files.issuing_key, h->files.issuing_certificate, h->files.root_certificate, NULL);
    h->trust = trust_new(h->files.root_certificate, h->files.issuing_certificate, NULL);
    must(h->ca && h->trust, "ca and trust");
    h->a = house_identity(h, key_new(), OFFICE_A);
    h->b = house_identity(h, key_new(), OFFICE_B);
    h->c = house_identity(h, key_new(), OFFICE_C);
    EVP_PKEY *key = key_new();
    h->signer = joined(h, key, ca_issue_signer(h->ca, key, "hub.example.jp", 365, NULL));
    key = key_new();
    h->server = joined(h, key, ca_issue_server(h->ca, key, "hub.example.jp", 365, NULL));
}

void house_free(struct house *h)
{
    identity_free(h->a);
    identity_free(h->b);
    identity_free(h->c);
    identity_free(h->signer);
    identity_free(h->server);
    trust_free(h->trust);
    ca_free(h->ca);
    ca_files_free(&h->files);
}

EVP_PKEY *rsa_key(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    must(key != NULL, "RSA key");
    return key;
}

static void odd_extension(X509 *x, X509 *ca, int nid, const char *value)
{
    if (!value)
        return;
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, ca, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension && X509_add_ext(x, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

X509 *odd_certificate(EVP_PKEY *key, const char *usage, const char *extended, const char *san, X509 *ca,
                      EVP_PKEY *ca_key, const EVP_MD *digest)
{
    X509 *x = X509_new();
    must(x && X509_set_version(x, X509_VERSION_3) == 1, "certificate");
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 4711);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_ASC,
                               (const unsigned char *)"odd", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(ca));
    odd_extension(x, ca, NID_key_usage, usage);
    odd_extension(x, ca, NID_ext_key_usage, extended);
    odd_extension(x, ca, NID_subject_alt_name, san);
    odd_extension(x, ca, NID_subject_key_identifier, "hash");
    odd_extension(x, ca, NID_authority_key_identifier, "keyid:always");
    must(X509_sign(x, ca_key, digest) > 0, "sign");
    return x;
}

EVP_PKEY *house_ca_key(const struct house *h)
{
    BIO *in = BIO_new_mem_buf(h->files.issuing_key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    BIO_free(in);
    must(key != NULL, "CA key");
    return key;
}
