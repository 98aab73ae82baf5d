/* Form and algorithms of an envelope's header, without a key: the closed list of protocol.md section 3.
 * RFC 5083 (AuthEnvelopedData), RFC 5652 6.2 (recipients), RFC 5753 (ECDH), RFC 5084 (GCM), RFC 8017 (OAEP).
 */
#include "careplan/envelope.h"

#include <errno.h>

#include "envelope/der.h"
#include "envelope/openssl.h"

/* What is wrong with a header; algorithms that are known but not on the list are told apart from a broken
 * form. */
enum verdict { GOOD, BAD_FORM, BAD_ALGORITHM };

enum {
    IV_SIZE = 12,
    TAG_SIZE = 16,
    WRAPPED_KEY_SIZE = 40, /* 32 bytes under AES key wrap */
    POINT_SIZE = 1 + 65,   /* unused bits, then 04 ‖ X ‖ Y of P-256 */
    OAEP_MIN = 3072 / 8,
    OAEP_MAX = 8192 / 8,
    KEY_AGREEMENT_NAME = DER_CONTEXT_1, /* [1] in RecipientInfo; [1] in OriginatorIdentifierOrKey */
};

static enum verdict check_originator(struct der *kari)
{
    struct der originator, key, point, parameters;
    int nid = NID_undef, curve = NID_undef;
    if (!der_take(kari, DER_CONTEXT_0, &originator) || !der_take(&originator, KEY_AGREEMENT_NAME, &key) ||
        originator.left != 0 || !der_take_algorithm(&key, &nid, &parameters) ||
        !der_take(&key, DER_BIT_STRING, &point) || key.left != 0)
        return BAD_FORM;
    if (nid != NID_X9_62_id_ecPublicKey || point.left != POINT_SIZE || point.at[0] != 0 || point.at[1] != 4)
        return BAD_ALGORITHM;
    /* RFC 5753 3.1.1: parameters absent, NULL, or the recipient's curve. */
    if (der_no_parameters(parameters))
        return GOOD;
    return der_take_oid(&parameters, &curve) && parameters.left == 0 && curve == NID_X9_62_prime256v1
               ? GOOD
               : BAD_ALGORITHM;
}

/* A recipient is named by issuer and serial number. */
static bool take_recipient_name(struct der *d)
{
    struct der name;
    return der_take(d, DER_SEQUENCE, &name) && der_take(&name, DER_SEQUENCE, NULL) &&
           der_take(&name, DER_INTEGER, NULL) && name.left == 0;
}

static enum verdict check_agreement(struct der kari)
{
    struct der scheme, wrap, keys, one, wrapped;
    int scheme_nid = NID_undef, wrap_nid = NID_undef;
    if (!der_take_number(&kari, 3))
        return BAD_FORM;
    enum verdict v = check_originator(&kari);
    if (v != GOOD)
        return v;
    if (!der_take_algorithm(&kari, &scheme_nid, &scheme))
        return BAD_FORM;
    if (scheme_nid != NID_dhSinglePass_stdDH_sha256kdf_scheme ||
        !der_take_algorithm(&scheme, &wrap_nid, &wrap) || scheme.left != 0 ||
        wrap_nid != NID_id_aes256_wrap || wrap.left != 0)
        return BAD_ALGORITHM;
    if (!der_take(&kari, DER_SEQUENCE, &keys) || kari.left != 0 || !der_take(&keys, DER_SEQUENCE, &one) ||
        keys.left != 0 || !take_recipient_name(&one) || !der_take(&one, DER_OCTET_STRING, &wrapped) ||
        one.left != 0)
        return BAD_FORM;
    return wrapped.left == WRAPPED_KEY_SIZE ? GOOD : BAD_ALGORITHM;
}

/* RSAES-OAEP-params with SHA-256 twice and no label. */
static bool is_oaep_sha256(struct der oaep)
{
    struct der parameters, hash_field, hash, mask_field, mask, mask_hash;
    int hash_nid = NID_undef, mask_nid = NID_undef, mask_hash_nid = NID_undef;
    return der_take(&oaep, DER_SEQUENCE, &parameters) && oaep.left == 0 &&
           der_take(&parameters, DER_CONTEXT_0, &hash_field) &&
           der_take_algorithm(&hash_field, &hash_nid, &hash) && hash_field.left == 0 &&
           hash_nid == NID_sha256 && der_no_parameters(hash) &&
           der_take(&parameters, DER_CONTEXT_1, &mask_field) && parameters.left == 0 &&
           der_take_algorithm(&mask_field, &mask_nid, &mask) && mask_field.left == 0 &&
           mask_nid == NID_mgf1 && der_take_algorithm(&mask, &mask_hash_nid, &mask_hash) && mask.left == 0 &&
           mask_hash_nid == NID_sha256 && der_no_parameters(mask_hash);
}

static enum verdict check_transport(struct der ktri)
{
    struct der parameters, wrapped;
    int nid = NID_undef;
    if (!der_take_number(&ktri, 0) || !take_recipient_name(&ktri) ||
        !der_take_algorithm(&ktri, &nid, &parameters))
        return BAD_FORM;
    if (nid != NID_rsaesOaep || !is_oaep_sha256(parameters))
        return BAD_ALGORITHM;
    if (!der_take(&ktri, DER_OCTET_STRING, &wrapped) || ktri.left != 0)
        return BAD_FORM;
    return wrapped.left >= OAEP_MIN && wrapped.left <= OAEP_MAX ? GOOD : BAD_ALGORITHM;
}

static enum verdict check_recipients(struct der *data)
{
    struct der recipients, one;
    if (!der_take(data, DER_SET, &recipients))
        return BAD_FORM;
    bool agreement = der_next_is(&recipients, KEY_AGREEMENT_NAME);
    if (!der_take(&recipients, agreement ? KEY_AGREEMENT_NAME : DER_SEQUENCE, &one) || recipients.left != 0)
        return BAD_FORM; /* none, two, or another kind: a password, a shared key */
    return agreement ? check_agreement(one) : check_transport(one);
}

static enum verdict check_cipher(struct der *data)
{
    struct der info, parameters, gcm, iv;
    int type = NID_undef, nid = NID_undef;
    if (!der_take(data, DER_SEQUENCE, &info) || !der_take_oid(&info, &type) || type != NID_pkcs7_data ||
        !der_take_algorithm(&info, &nid, &parameters) || info.left != 0) /* the content is detached */
        return BAD_FORM;
    return nid == NID_aes_256_gcm && der_take(&parameters, DER_SEQUENCE, &gcm) && parameters.left == 0 &&
                   der_take(&gcm, DER_OCTET_STRING, &iv) && iv.left == IV_SIZE &&
                   der_take_number(&gcm, TAG_SIZE) && gcm.left == 0
               ? GOOD
               : BAD_ALGORITHM;
}

static enum verdict check(struct der der)
{
    struct der info, explicit_content, data, tag;
    int type = NID_undef;
    if (!der_take(&der, DER_SEQUENCE, &info) || der.left != 0 || !der_take_oid(&info, &type) ||
        !der_take(&info, DER_CONTEXT_0, &explicit_content) || info.left != 0)
        return BAD_FORM;
    if (type != NID_id_smime_ct_authEnvelopedData)
        return BAD_ALGORITHM; /* EnvelopedData and the like */
    if (!der_take(&explicit_content, DER_SEQUENCE, &data) || explicit_content.left != 0 ||
        !der_take_number(&data, 0))
        return BAD_FORM;
    enum verdict v = check_recipients(&data);
    if (v == GOOD)
        v = check_cipher(&data);
    if (v != GOOD)
        return v;
    if (!der_take(&data, DER_OCTET_STRING, &tag) || data.left != 0)
        return BAD_FORM;
    return tag.left == TAG_SIZE ? GOOD : BAD_ALGORITHM;
}

static int header_judge(const uint8_t *der, size_t length, struct error *e)
{
    enum verdict v = length <= ENVELOPE_HEADER_MAX ? check((struct der){der, length}) : BAD_FORM;
    if (v == BAD_FORM)
        return error_set(
            e, -EBADMSG, "header-form",
            "the header is not an AuthEnvelopedData of exactly the form that the protocol asks for");
    if (v == BAD_ALGORITHM)
        return error_set(e, -EBADMSG, "header-algorithm",
                         "the header names an algorithm or a size that is not on the list");
    return 0;
}

int header_check(const uint8_t *der, size_t length, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    errno = 0;
    return openssl_judged(header_judge(der, length, e), e);
}
