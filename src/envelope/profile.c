#include "envelope/profile.h"

#include <errno.h>
#include <string.h>
#include <openssl/core_names.h>

#include "envelope/openssl.h"

enum { RSA_BITS_MIN = 3072, RSA_BITS_MAX = 8192 };

bool key_is_allowed(EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA")) {
        int bits = EVP_PKEY_get_bits(key);
        return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    }
    char group[32];
    int explicit_parameters = 1;
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0 &&
           EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                  &explicit_parameters) == 1 &&
           !explicit_parameters;
}

bool hub_name_is_allowed(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:_");
    return length > 0 && length <= 253 && name[length] == '\0';
}

/* Key usage as the bit string's first byte or two; only an extension that stands there exactly once counts.
 */
static unsigned key_usage(X509 *certificate)
{
    int critical;
    ASN1_BIT_STRING *bits = X509_get_ext_d2i(certificate, NID_key_usage, &critical, NULL);
    unsigned usage = 0;
    for (int i = 0; bits && i < 9; i++)
        usage |= ASN1_BIT_STRING_get_bit(bits, i) ? 1U << i : 0;
    ASN1_BIT_STRING_free(bits);
    return usage;
}

enum { DIGITAL_SIGNATURE = 1 << 0, KEY_ENCIPHERMENT = 1 << 2, KEY_AGREEMENT = 1 << 4 };

static bool key_usage_fits(X509 *certificate, EVP_PKEY *key, enum certificate_role role)
{
    unsigned usage = key_usage(certificate);
    bool rsa = EVP_PKEY_is_a(key, "RSA") == 1;
    if (role == ROLE_OFFICE)
        return usage == (unsigned)(DIGITAL_SIGNATURE | (rsa ? KEY_ENCIPHERMENT : KEY_AGREEMENT));
    return usage == DIGITAL_SIGNATURE;
}

/* Whether the extended key usage is exactly the set {first, second}; second may be NID_undef. */
static bool extended_usage_is(X509 *certificate, int first, int second)
{
    int critical;
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(certificate, NID_ext_key_usage, &critical, NULL);
    int n = usage ? sk_ASN1_OBJECT_num(usage) : 0;
    bool has_first = false, has_second = second == NID_undef;
    for (int i = 0; i < n; i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i));
        has_first |= nid == first;
        has_second |= second != NID_undef && nid == second;
    }
    EXTENDED_KEY_USAGE_free(usage);
    return has_first && has_second && n == (second == NID_undef ? 1 : 2);
}

static bool is_end_entity(X509 *certificate)
{
    int critical;
    BASIC_CONSTRAINTS *basic = X509_get_ext_d2i(certificate, NID_basic_constraints, &critical, NULL);
    bool ca = basic && basic->ca;
    bool absent = !basic && critical == -1;
    BASIC_CONSTRAINTS_free(basic);
    return absent || (basic && !ca);
}

/* The one URI of a certificate whose subject alternative name holds nothing else; behind `urn`, of `length`
 * bytes. The caller frees with GENERAL_NAMES_free; NULL when it is not so. */
static GENERAL_NAMES *only_urn(X509 *certificate, const char *urn, const char **rest, size_t *length)
{
    int critical;
    with_cleanup(autonames) GENERAL_NAMES *names =
        X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    if (!names || sk_GENERAL_NAME_num(names) != 1)
        return NULL;
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
    if (name->type != GEN_URI)
        return NULL;
    const char *text = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
    size_t all = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier), prefix = strlen(urn);
    if (all <= prefix || memcmp(text, urn, prefix) != 0)
        return NULL;
    *rest = text + prefix;
    *length = all - prefix;
    GENERAL_NAMES *result = names;
    names = NULL;
    return result;
}

GENERAL_NAMES *names_of_uri(const char *uri)
{
    with_cleanup(autonames) GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    if (!names || !name || !text || ASN1_STRING_set(text, uri, -1) != 1 ||
        !sk_GENERAL_NAME_push(names, name)) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(text);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    GENERAL_NAMES *result = names;
    names = NULL;
    return result;
}

bool certificate_office(X509 *certificate, struct office_id *office)
{
    const char *text = NULL;
    size_t length = 0;
    office->text[0] = '\0';
    with_cleanup(autonames) GENERAL_NAMES *names = only_urn(certificate, OFFICE_URN, &text, &length);
    return names && office_id_parse(office, text, length);
}

static bool names_hub(X509 *certificate)
{
    const char *text = NULL;
    size_t length = 0;
    with_cleanup(autonames) GENERAL_NAMES *names = only_urn(certificate, HUB_URN, &text, &length);
    char name[254] = "";
    if (!names || length >= sizeof name)
        return false;
    memcpy(name, text, length);
    return strlen(name) == length && hub_name_is_allowed(name);
}

static bool names_only_hosts(X509 *certificate)
{
    int critical;
    with_cleanup(autonames) GENERAL_NAMES *names =
        X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    int n = names ? sk_GENERAL_NAME_num(names) : 0;
    for (int i = 0; i < n; i++) {
        int type = sk_GENERAL_NAME_value(names, i)->type;
        if (type != GEN_DNS && type != GEN_IPADD)
            return false;
    }
    return n > 0;
}

static bool name_fits(X509 *certificate, enum certificate_role role, struct office_id *office)
{
    switch (role) {
    case ROLE_OFFICE:
        return certificate_office(certificate, office);
    case ROLE_SERVER:
        return names_only_hosts(certificate);
    case ROLE_SIGNER:
        return names_hub(certificate);
    }
    return false;
}

static bool extended_usage_fits(X509 *certificate, enum certificate_role role)
{
    switch (role) {
    case ROLE_OFFICE:
        return extended_usage_is(certificate, NID_client_auth, NID_email_protect);
    case ROLE_SERVER:
        return extended_usage_is(certificate, NID_server_auth, NID_undef);
    case ROLE_SIGNER:
        return extended_usage_is(certificate, NID_email_protect, NID_undef);
    }
    return false;
}

int profile_check(X509 *certificate, enum certificate_role role, struct office_id *office, struct error *e)
{
    static const char *const roles[] = {"an office", "the hub's TLS server", "the hub's signer"};
    struct office_id found = {""};
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    const char *wrong = NULL;
    if (office)
        office->text[0] = '\0';
    if (X509_get_version(certificate) != X509_VERSION_3 || !is_end_entity(certificate))
        wrong = "it is not an X.509 v3 end entity";
    else if (!key || !key_is_allowed(key))
        wrong = "its key is neither P-256 nor RSA of 3072 bits or more";
    else if (!key_usage_fits(certificate, key, role))
        wrong = "keyUsage";
    else if (!extended_usage_fits(certificate, role))
        wrong = "extendedKeyUsage";
    else if (!name_fits(certificate, role, &found))
        wrong = "subjectAltName";
    if (wrong)
        return error_set(e, -EACCES, "certificate-profile", "not a certificate of %s: %s", roles[role],
                         wrong);
    if (office)
        *office = found;
    return 0;
}
