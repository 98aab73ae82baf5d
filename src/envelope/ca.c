/* The hub's side: a root, an issuing CA, certificates and the list of revocations. */
#include "careplan/identity.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "envelope/openssl.h"
#include "envelope/profile.h"

enum {
    ROOT_DAYS = 20 * 365,
    ISSUING_DAYS = 10 * 365,
    LIFE_MAX_DAYS = 30 * 365,
    BACKDATE_SECONDS = 3600, /* an office's clock may lag behind the hub's */
    CSR_MAX = 64 * 1024,
};

struct ca {
    EVP_PKEY *key;
    X509 *certificate;
};

CLEANUP_DEFINE(autoca, struct ca, ca_free);
CLEANUP_DEFINE(autorequest, X509_REQ, X509_REQ_free);
CLEANUP_DEFINE(autorevoked, X509_REVOKED, X509_REVOKED_free);
CLEANUP_DEFINE(autotime, ASN1_TIME, ASN1_TIME_free);
CLEANUP_DEFINE(autointeger, ASN1_INTEGER, ASN1_INTEGER_free);

/* --- building one certificate --- */

/* A serial number of 127 random bits, positive. */
static bool set_serial(X509 *x)
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    bytes[0] = (unsigned char)((bytes[0] & 0x7F) | 0x40);
    with_cleanup(autobn) BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
}

static bool set_life(X509 *x, int days)
{
    time_t now = (time_t)(clock_utc_ms() / 1000), begin = now - BACKDATE_SECONDS;
    return days >= 1 && days <= LIFE_MAX_DAYS && ASN1_TIME_adj(X509_getm_notBefore(x), begin, 0, 0) &&
           ASN1_TIME_adj(X509_getm_notAfter(x), now, days, 0);
}

/* `value` in OpenSSL's configuration form; only constants of this file, never input. */
static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    with_cleanup(autoextension) X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    return extension && X509_add_ext(x, extension, -1) == 1;
}

static bool add_name(X509_NAME *name, int nid, const char *value)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_ASC, (const unsigned char *)value, -1, -1, 0) == 1;
}

/* Serial, life and public key; the subject's common name is `what`. */
static X509 *certificate_begin(EVP_PKEY *key, const char *what, int days)
{
    with_cleanup(autox509) X509 *x = X509_new();
    if (!x || X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) || !set_life(x, days) ||
        X509_set_pubkey(x, key) != 1 || !add_name(X509_get_subject_name(x), NID_commonName, what))
        return NULL;
    X509 *result = x;
    x = NULL;
    return result;
}

/* Subject and authority key identifiers, issuer, signature. `issuer` may be `x` itself. */
static bool certificate_finish(X509 *x, X509 *issuer, EVP_PKEY *issuer_key)
{
    return X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
           add_extension(x, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(x, issuer, NID_authority_key_identifier, "keyid:always") &&
           X509_sign(x, issuer_key, EVP_sha256()) > 0;
}

/* --- ca_init --- */

static X509 *ca_certificate_new(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *name, int days,
                                const char *constraints)
{
    with_cleanup(autox509) X509 *x = certificate_begin(key, name, days);
    if (!x || !add_extension(x, x, NID_basic_constraints, constraints) ||
        !add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !certificate_finish(x, issuer ? issuer : x, issuer_key))
        return NULL;
    X509 *result = x;
    x = NULL;
    return result;
}

int ca_init(const char *name, struct ca_files *out, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    *out = (struct ca_files){0};
    if (!hub_name_is_allowed(name))
        return error_set(e, -EINVAL, "hub-name", "a hub's name is 1 to 253 of A-Z a-z 0-9 . - : _");
    char root_name[65], issuing_name[65]; /* X.520's bound of a common name is 64 */
    snprintf(root_name, sizeof root_name, "%.48s root CA", name);
    snprintf(issuing_name, sizeof issuing_name, "%.48s issuing CA", name);
    with_cleanup(autopkey) EVP_PKEY *root_key = key_new();
    with_cleanup(autopkey) EVP_PKEY *issuing_key = key_new();
    if (!root_key || !issuing_key)
        return openssl_error(e, -EIO, "ca", "cannot make the CA's keys");
    with_cleanup(autox509) X509 *root =
        ca_certificate_new(root_key, NULL, root_key, root_name, ROOT_DAYS, "critical,CA:TRUE,pathlen:1");
    with_cleanup(autox509) X509 *issuing =
        root ? ca_certificate_new(issuing_key, root, root_key, issuing_name, ISSUING_DAYS,
                                  "critical,CA:TRUE,pathlen:0")
             : NULL;
    if (!issuing)
        return openssl_error(e, -EIO, "ca", "cannot make the CA's certificates");
    out->root_key = key_to_pem(root_key);
    out->root_certificate = certificate_to_pem(root);
    out->issuing_key = key_to_pem(issuing_key);
    out->issuing_certificate = certificate_to_pem(issuing);
    if (out->root_key && out->root_certificate && out->issuing_key && out->issuing_certificate)
        return 0;
    ca_files_free(out);
    return error_set(e, -ENOMEM, "memory", "out of memory");
}

static void secret_free(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void ca_files_free(struct ca_files *f)
{
    secret_free(f->root_key);
    secret_free(f->issuing_key);
    free(f->root_certificate);
    free(f->issuing_certificate);
    *f = (struct ca_files){0};
}

/* --- the issuing CA --- */

struct ca *ca_new(const char *issuing_key_pem, const char *issuing_certificate_pem,
                  const char *root_certificate_pem, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    with_cleanup(autoca) struct ca *c = calloc(1, sizeof *c);
    with_cleanup(autox509) X509 *root = certificate_from_pem(root_certificate_pem, e);
    if (!c || !root)
        return NULL;
    c->key = key_from_pem(issuing_key_pem, e);
    c->certificate = c->key ? certificate_from_pem(issuing_certificate_pem, e) : NULL;
    if (!c->certificate)
        return NULL;
    if (X509_check_private_key(c->certificate, c->key) != 1) {
        error_set(e, -EINVAL, "key-mismatch", "not the key of the issuing CA's certificate");
        return NULL;
    }
    if (X509_check_ca(c->certificate) != 1 || X509_verify(c->certificate, X509_get0_pubkey(root)) != 1) {
        error_set(e, -EINVAL, "certificate-chain", "the issuing CA's certificate is not signed by the root");
        return NULL;
    }
    struct ca *result = c;
    c = NULL;
    return result;
}

void ca_free(struct ca *c)
{
    if (!c)
        return;
    EVP_PKEY_free(c->key);
    X509_free(c->certificate);
    free(c);
}

X509 *ca_certificate(const struct ca *c)
{
    return c->certificate;
}

/* The rest of a leaf: the usages and names of its profile, and the CA's signature. Gives back `x`, or frees
 * it. */
static X509 *leaf_finish(struct ca *c, X509 *leaf, const char *usage, const char *extended,
                         GENERAL_NAMES *names, struct error *e)
{
    with_cleanup(autox509) X509 *x = leaf;
    if (!x || !names || !add_extension(x, x, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(x, x, NID_key_usage, usage) || !add_extension(x, x, NID_ext_key_usage, extended) ||
        X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1 ||
        !certificate_finish(x, c->certificate, c->key)) {
        openssl_error(e, -EINVAL, "ca", "cannot make the certificate");
        return NULL;
    }
    X509 *result = x;
    x = NULL;
    return result;
}

static X509 *key_refused(struct error *e)
{
    error_set(e, -EINVAL, "key-type", "a key must be P-256 or RSA of 3072 to 8192 bits");
    return NULL;
}

X509 *ca_issue_office(struct ca *c, const uint8_t *csr_der, size_t length, const struct office_id *office,
                      int days, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    const unsigned char *p = csr_der;
    with_cleanup(autorequest) X509_REQ *request =
        length <= CSR_MAX ? d2i_X509_REQ(NULL, &p, (long)length) : NULL;
    EVP_PKEY *key = request && p == csr_der + length ? X509_REQ_get0_pubkey(request) : NULL;
    if (!key) {
        openssl_error(e, -EINVAL, "csr", "not a certificate request in PKCS#10 DER");
        return NULL;
    }
    if (!key_is_allowed(key))
        return key_refused(e);
    if (X509_REQ_verify(request, key) != 1) {
        openssl_error(e, -EINVAL, "csr", "the request is not signed by its own key");
        return NULL;
    }
    char urn[sizeof OFFICE_URN + OFFICE_ID_LENGTH];
    snprintf(urn, sizeof urn, OFFICE_URN "%s", office->text);
    with_cleanup(autonames) GENERAL_NAMES *names = names_of_uri(urn);
    const char *usage = EVP_PKEY_is_a(key, "RSA") ? "critical,digitalSignature,keyEncipherment"
                                                  : "critical,digitalSignature,keyAgreement";
    X509 *x = certificate_begin(key, office->text, days);
    return leaf_finish(c, x, usage, "clientAuth,emailProtection", names, e);
}

static GENERAL_NAMES *names_of_host(const char *dns_or_ip)
{
    with_cleanup(autonames) GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    if (!names || !name || !sk_GENERAL_NAME_push(names, name)) {
        GENERAL_NAME_free(name);
        return NULL;
    }
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(dns_or_ip);
    if (address) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, address);
    } else {
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        if (!text || strchr(dns_or_ip, ':') || ASN1_STRING_set(text, dns_or_ip, -1) != 1) {
            ASN1_IA5STRING_free(text);
            return NULL;
        }
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
    }
    GENERAL_NAMES *result = names;
    names = NULL;
    return result;
}

X509 *ca_issue_server(struct ca *c, EVP_PKEY *key, const char *dns_or_ip, int days, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    if (!key_is_allowed(key))
        return key_refused(e);
    if (!hub_name_is_allowed(dns_or_ip)) {
        error_set(e, -EINVAL, "hub-name", "a hub's name is a DNS name or an IP address");
        return NULL;
    }
    char name[65];
    snprintf(name, sizeof name, "%s", dns_or_ip);
    with_cleanup(autonames) GENERAL_NAMES *names = names_of_host(dns_or_ip);
    return leaf_finish(c, certificate_begin(key, name, days), "critical,digitalSignature", "serverAuth",
                       names, e);
}

X509 *ca_issue_signer(struct ca *c, EVP_PKEY *key, const char *hub_name, int days, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    if (!key_is_allowed(key))
        return key_refused(e);
    if (!hub_name_is_allowed(hub_name)) {
        error_set(e, -EINVAL, "hub-name", "a hub's name is 1 to 253 of A-Z a-z 0-9 . - : _");
        return NULL;
    }
    char name[65], urn[sizeof HUB_URN + 253];
    snprintf(name, sizeof name, "%.50s signer", hub_name);
    snprintf(urn, sizeof urn, HUB_URN "%s", hub_name);
    with_cleanup(autonames) GENERAL_NAMES *names = names_of_uri(urn);
    return leaf_finish(c, certificate_begin(key, name, days), "critical,digitalSignature", "emailProtection",
                       names, e);
}

/* --- the list of revocations --- */

static bool list_add(X509_CRL *list, const struct revocation *r)
{
    with_cleanup(autorevoked) X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM *parsed = NULL;
    size_t digits = strnlen(r->serial, sizeof r->serial);
    int read = digits > 0 && digits < sizeof r->serial ? BN_hex2bn(&parsed, r->serial) : 0;
    with_cleanup(autobn) BIGNUM *number = parsed;
    with_cleanup(autointeger) ASN1_INTEGER *serial =
        read == (int)digits && number && !BN_is_negative(number) ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    with_cleanup(autotime) ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)(r->at_utc_ms / 1000));
    if (!entry || !serial || !at || X509_REVOKED_set_serialNumber(entry, serial) != 1 ||
        X509_REVOKED_set_revocationDate(entry, at) != 1 || X509_CRL_add0_revoked(list, entry) != 1)
        return false;
    entry = NULL;
    return true;
}

static bool list_finish(struct ca *c, X509_CRL *list, uint64_t number)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, c->certificate, NULL, NULL, list, 0);
    with_cleanup(autoextension) X509_EXTENSION *authority =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    with_cleanup(autointeger) ASN1_INTEGER *n = ASN1_INTEGER_new();
    return authority && n && ASN1_INTEGER_set_uint64(n, number) == 1 &&
           X509_CRL_add_ext(list, authority, -1) == 1 &&
           X509_CRL_add1_ext_i2d(list, NID_crl_number, n, 0, X509V3_ADD_DEFAULT) == 1 &&
           X509_CRL_sort(list) == 1 && X509_CRL_sign(list, c->key, EVP_sha256()) > 0;
}

int ca_crl(struct ca *c, const struct revocation *list, size_t n, uint64_t number, int64_t now_utc_ms,
           int days, uint8_t **der, size_t *length, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    *der = NULL;
    *length = 0;
    time_t now = (time_t)(now_utc_ms / 1000);
    with_cleanup(autocrl) X509_CRL *crl = X509_CRL_new();
    with_cleanup(autotime) ASN1_TIME *begin = ASN1_TIME_set(NULL, now);
    with_cleanup(autotime) ASN1_TIME *end = ASN1_TIME_adj(NULL, now, days, 0);
    if (!crl || !begin || !end || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(c->certificate)) != 1 ||
        X509_CRL_set1_lastUpdate(crl, begin) != 1 || X509_CRL_set1_nextUpdate(crl, end) != 1)
        return openssl_error(e, -ENOMEM, "memory", "cannot begin the list of revocations");
    for (size_t i = 0; i < n; i++)
        if (!list_add(crl, &list[i]))
            return openssl_error(e, -EINVAL, "crl", "a revocation's serial number or time cannot be written");
    if (!list_finish(c, crl, number))
        return openssl_error(e, -EIO, "crl", "cannot sign the list of revocations");
    int size = i2d_X509_CRL(crl, NULL);
    unsigned char *p = size > 0 ? malloc((size_t)size) : NULL;
    if (!p)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    *der = p;
    *length = (size_t)size;
    i2d_X509_CRL(crl, &p);
    return 0;
}
