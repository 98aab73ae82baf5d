/* Who is believed: chain, time, profile, and revocation at a given time.
 *
 * OpenSSL's own CRL check knows no "revoked when": a certificate in the list is revoked, whatever the time it
 * is asked for, and a list newer than that time is refused. Evidence asks about the past, so the lists are
 * kept and asked here. */
#include "careplan/identity.h"

#include <errno.h>
#include <string.h>

#include "envelope/openssl.h"
#include "envelope/profile.h"
#include "envelope/signed.h"

enum { CRL_MAX = 16 * 1024 * 1024, SECURITY_LEVEL = 2 /* 112 bits: no SHA-1 in a chain */ };

enum { LISTS_MAX = 32 }; /* a PEM text gives 16 roots, another 16 issuing CAs */

/* The newest list of one issuer, verified. */
struct held_list {
    X509_CRL *list;
    X509 *issuer; /* borrowed: the store or `issuing` holds it */
};

struct trust {
    X509_STORE *store; /* the roots */
    STACK_OF(X509) * issuing;
    struct held_list lists[LISTS_MAX];
    size_t n_lists;
};

CLEANUP_DEFINE(autotrust, struct trust, trust_free);
CLEANUP_DEFINE(autostorectx, X509_STORE_CTX, X509_STORE_CTX_free);

void trust_free(struct trust *t)
{
    if (!t)
        return;
    X509_STORE_free(t->store);
    certificates_free(t->issuing);
    for (size_t i = 0; i < t->n_lists; i++)
        X509_CRL_free(t->lists[i].list);
    free(t);
}

/* Builds the chain of `certificate`. `at_seconds` NULL: without looking at validity. On 0 `chain` (may be
 * NULL) receives it, leaf first. */
static int chain_check(const struct trust *t, X509 *certificate, const time_t *at_seconds,
                       STACK_OF(X509) * *chain, struct error *e)
{
    with_cleanup(autostorectx) X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (!context || X509_STORE_CTX_init(context, t->store, certificate, t->issuing) != 1)
        return openssl_error(e, -ENOMEM, "memory", "cannot begin to check a certificate");
    X509_VERIFY_PARAM *how = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_auth_level(how, SECURITY_LEVEL);
    X509_VERIFY_PARAM_set_depth(how, 2);
    if (at_seconds)
        X509_VERIFY_PARAM_set_time(how, *at_seconds);
    else
        X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_NO_CHECK_TIME);
    if (X509_verify_cert(context) == 1) {
        if (chain)
            *chain = X509_STORE_CTX_get1_chain(context);
        return !chain || *chain ? 0 : error_set(e, -ENOMEM, "memory", "out of memory");
    }
    int reason = X509_STORE_CTX_get_error(context);
    if (reason == X509_V_ERR_OUT_OF_MEM)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    bool time = reason == X509_V_ERR_CERT_NOT_YET_VALID || reason == X509_V_ERR_CERT_HAS_EXPIRED;
    return error_set(e, -EACCES, time ? "certificate-time" : "certificate-chain", "%s",
                     X509_verify_cert_error_string(reason));
}

static int trust_add_root(struct trust *t, X509 *root, struct error *e)
{
    if (X509_self_signed(root, 1) != 1 || X509_check_ca(root) != 1)
        return openssl_error(e, -EINVAL, "certificate-chain", "a root is not a self-signed CA");
    return X509_STORE_add_cert(t->store, root) == 1 ? 0 : openssl_error(e, -ENOMEM, "memory", "root");
}

struct trust *trust_new(const char *root_pem, const char *issuing_pem, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    with_cleanup(autocertificates) STACK_OF(X509) *roots = certificates_from_pem(root_pem, e);
    with_cleanup(autotrust) struct trust *t = roots ? calloc(1, sizeof *t) : NULL;
    if (!t)
        return NULL;
    t->store = X509_STORE_new();
    t->issuing = issuing_pem ? certificates_from_pem(issuing_pem, e) : sk_X509_new_null();
    if (!t->store || !t->issuing)
        return NULL;
    for (int i = 0; i < sk_X509_num(roots); i++)
        if (trust_add_root(t, sk_X509_value(roots, i), e))
            return NULL;
    for (int i = 0; i < sk_X509_num(t->issuing); i++) {
        X509 *issuing = sk_X509_value(t->issuing, i);
        if (X509_check_ca(issuing) != 1) {
            error_set(e, -EINVAL, "certificate-chain", "an issuing certificate is not a CA");
            return NULL;
        }
        if (chain_check(t, issuing, NULL, NULL, e)) {
            error_prefix(e, 0, "issuing CA");
            return NULL;
        }
    }
    struct trust *result = t;
    t = NULL;
    return result;
}

/* The CA, root or issuing, that has signed `list`; borrowed. */
static X509 *list_issuer(const struct trust *t, X509_CRL *list)
{
    with_cleanup(autocertificates) STACK_OF(X509) *roots = X509_STORE_get1_all_certs(t->store);
    STACK_OF(X509) *const places[] = {t->issuing, roots};
    for (size_t p = 0; p < ARRAY_LENGTH(places); p++) {
        for (int i = 0; places[p] && i < sk_X509_num(places[p]); i++) {
            X509 *ca = sk_X509_value(places[p], i);
            EVP_PKEY *key = X509_get0_pubkey(ca);
            if (X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(list)) == 0 && key &&
                (X509_get_key_usage(ca) & KU_CRL_SIGN) && X509_CRL_verify(list, key) == 1)
                return ca; /* the store or `t` holds it */
        }
    }
    return NULL;
}

bool trust_holds(const struct trust *t, X509 *certificate)
{
    with_cleanup(autocertificates) STACK_OF(X509) *roots = X509_STORE_get1_all_certs(t->store);
    STACK_OF(X509) *const places[] = {t->issuing, roots};
    for (size_t p = 0; p < ARRAY_LENGTH(places); p++)
        for (int i = 0; places[p] && i < sk_X509_num(places[p]); i++)
            if (X509_cmp(sk_X509_value(places[p], i), certificate) == 0)
                return true;
    return false;
}

/* Delta lists and lists for a part of the certificates would need rules that nothing here has. */
static bool list_is_plain(X509_CRL *list)
{
    for (int i = 0; i < X509_CRL_get_ext_count(list); i++) {
        X509_EXTENSION *extension = X509_CRL_get_ext(list, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (nid == NID_delta_crl || nid == NID_issuing_distribution_point ||
            (X509_EXTENSION_get_critical(extension) && nid != NID_authority_key_identifier &&
             nid != NID_crl_number))
            return false;
    }
    int digest = NID_undef;
    return OBJ_find_sigid_algs(X509_CRL_get_signature_nid(list), &digest, NULL) == 1 &&
           (digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512);
}

/* Whether `list` is older than `held`: by number, then by date. */
static bool list_is_older(X509_CRL *list, X509_CRL *held)
{
    int critical;
    ASN1_INTEGER *a = X509_CRL_get_ext_d2i(list, NID_crl_number, &critical, NULL);
    ASN1_INTEGER *b = X509_CRL_get_ext_d2i(held, NID_crl_number, &critical, NULL);
    int order = a && b ? ASN1_INTEGER_cmp(a, b) : a ? 1 : b ? -1 : 0;
    ASN1_INTEGER_free(a);
    ASN1_INTEGER_free(b);
    if (order == 0)
        order = ASN1_TIME_compare(X509_CRL_get0_lastUpdate(list), X509_CRL_get0_lastUpdate(held));
    return order < 0;
}

static int crl_judge(struct trust *t, const uint8_t *der, size_t length, struct error *e)
{
    const unsigned char *p = der;
    with_cleanup(autocrl) X509_CRL *list = length <= CRL_MAX ? d2i_X509_CRL(NULL, &p, (long)length) : NULL;
    if (!list || p != der + length || !list_is_plain(list))
        return openssl_error(e, -EINVAL, "crl", "not a complete list of revocations (CRL, DER, SHA-256)");
    X509 *issuer = list_issuer(t, list);
    if (!issuer)
        return error_set(e, -EINVAL, "crl", "the list of revocations is signed by no CA that is trusted");
    struct held_list *held = t->lists, *const end = t->lists + t->n_lists;
    while (held < end && X509_cmp(held->issuer, issuer) != 0)
        held++;
    if (held == t->lists + LISTS_MAX)
        return error_set(e, -EINVAL, "crl", "more lists of revocations than CAs");
    if (held < end && list_is_older(list, held->list))
        return error_set(e, 1, "crl-older", "the list of revocations is older than the one that is known");
    if (held < end)
        X509_CRL_free(held->list);
    else
        t->n_lists++;
    *held = (struct held_list){.list = list, .issuer = issuer};
    list = NULL;
    return 0;
}

int trust_set_crl(struct trust *t, const uint8_t *der, size_t length, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    errno = 0;
    return openssl_judged(crl_judge(t, der, length, e), e);
}

/* Whether `list` revokes `certificate` not later than `at_seconds`. A date that cannot be read is "always".
 */
static bool list_revokes(X509_CRL *list, X509 *certificate, time_t at_seconds)
{
    X509_REVOKED *entry = NULL;
    if (X509_CRL_get0_by_cert(list, &entry, certificate) != 1)
        return false;
    struct tm since;
    if (ASN1_TIME_to_tm(X509_REVOKED_get0_revocationDate(entry), &since) != 1)
        return true;
    return timegm(&since) <= at_seconds;
}

static bool is_revoked(const struct trust *t, X509 *certificate, X509 *issuer, time_t at_seconds)
{
    for (size_t i = 0; i < t->n_lists; i++)
        if (EVP_PKEY_eq(X509_get0_pubkey(t->lists[i].issuer), X509_get0_pubkey(issuer)) == 1 &&
            list_revokes(t->lists[i].list, certificate, at_seconds))
            return true;
    return false;
}

static int certificate_judge(const struct trust *t, X509 *certificate, enum certificate_role role,
                             int64_t at_utc_ms, struct office_id *office, struct error *e)
{
    if (office)
        office->text[0] = '\0';
    struct office_id found;
    time_t at_seconds = (time_t)(at_utc_ms / 1000);
    with_cleanup(autocertificates) STACK_OF(X509) *chain = NULL;
    int r = chain_check(t, certificate, &at_seconds, &chain, e);
    if (!r)
        r = profile_check(certificate, role, &found, e);
    if (r)
        return r;
    for (int i = 0; i + 1 < sk_X509_num(chain); i++)
        if (is_revoked(t, sk_X509_value(chain, i), sk_X509_value(chain, i + 1), at_seconds))
            return error_set(e, -EACCES, "certificate-revoked",
                             i == 0 ? "the certificate had been revoked by then"
                                    : "the issuing CA had been revoked by then");
    if (office)
        *office = found;
    return 0;
}

int trust_check(const struct trust *t, X509 *certificate, enum certificate_role role, int64_t at_utc_ms,
                struct office_id *office, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    errno = 0;
    return openssl_judged(certificate_judge(t, certificate, role, at_utc_ms, office, e), e);
}
