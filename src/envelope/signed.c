#include "envelope/signed.h"

#include <errno.h>
#include <string.h>

#include "careplan/envelope.h"
#include "envelope/der.h"
#include "envelope/identity_private.h"

enum { CERTIFICATES_MAX = 4 };

int signed_make(const struct identity *by, const char *text, uint8_t **der, size_t *length, struct error *e)
{
    enum { FLAGS = CMS_BINARY | CMS_NOSMIMECAP };
    *der = NULL;
    *length = 0;
    with_cleanup(autobio) BIO *in = BIO_new_mem_buf(text, -1);
    with_cleanup(autocms) CMS_ContentInfo *cms =
        in ? CMS_sign(NULL, NULL, by->chain, NULL, FLAGS | CMS_PARTIAL) : NULL;
    if (!cms ||
        !CMS_add1_signer(cms, identity_certificate(by), identity_key(by), EVP_sha256(),
                         FLAGS | CMS_PARTIAL) ||
        CMS_final(cms, in, NULL, FLAGS) != 1)
        return openssl_error(e, -EIO, "sign", "cannot sign");
    int n = i2d_CMS_ContentInfo(cms, NULL);
    unsigned char *p = n > 0 ? malloc((size_t)n) : NULL;
    if (!p)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    *der = p;
    *length = (size_t)n;
    i2d_CMS_ContentInfo(cms, &p);
    return 0;
}

int signed_error(const struct signed_data *s, struct error *e, const char *suffix, const char *text)
{
    char code[24];
    snprintf(code, sizeof code, "%s-%s", s->what, suffix);
    return error_set(e, -EBADMSG, code, "%s", text);
}

/* What the walk over the bytes finds. */
struct signed_form {
    int digest, signer_digest, signature;
    struct der signature_parameters;
    struct der signer_name; /* issuer and serial number, whole */
    bool has_certificates;
};

static bool walk_signer(struct der *signers, struct signed_form *form)
{
    struct der signer, nothing, parameters;
    return der_take(signers, DER_SEQUENCE, &signer) && signers->left == 0 && der_take_number(&signer, 1) &&
           der_take_whole(&signer, DER_SEQUENCE, &form->signer_name) &&
           der_take_algorithm(&signer, &form->signer_digest, &parameters) && der_no_parameters(parameters) &&
           der_take(&signer, DER_CONTEXT_0, &nothing) &&
           der_take_algorithm(&signer, &form->signature, &form->signature_parameters) &&
           der_take(&signer, DER_OCTET_STRING, &nothing) && signer.left == 0;
}

/* RFC 5652, 5.1 and 5.3, as far as the closed list allows. */
static bool walk(struct der der, struct signed_form *form)
{
    struct der info, explicit_content, data, digests, parameters, encapsulated, content, signers;
    int type = NID_undef, content_type = NID_undef;
    if (!der_take(&der, DER_SEQUENCE, &info) || der.left != 0 || !der_take_oid(&info, &type) ||
        type != NID_pkcs7_signed || !der_take(&info, DER_CONTEXT_0, &explicit_content) || info.left != 0 ||
        !der_take(&explicit_content, DER_SEQUENCE, &data) || explicit_content.left != 0)
        return false;
    if (!der_take_number(&data, 1) || !der_take(&data, DER_SET, &digests) ||
        !der_take_algorithm(&digests, &form->digest, &parameters) || !der_no_parameters(parameters) ||
        digests.left != 0)
        return false;
    if (!der_take(&data, DER_SEQUENCE, &encapsulated) || !der_take_oid(&encapsulated, &content_type) ||
        content_type != NID_pkcs7_data || !der_take(&encapsulated, DER_CONTEXT_0, &content) ||
        encapsulated.left != 0 || !der_take(&content, DER_OCTET_STRING, NULL) || content.left != 0)
        return false;
    form->has_certificates = der_take(&data, DER_CONTEXT_0, NULL);
    return form->has_certificates && der_take(&data, DER_SET, &signers) && data.left == 0 &&
           walk_signer(&signers, form);
}

static bool algorithms_are_allowed(const struct signed_form *form)
{
    static const struct {
        int digest, ecdsa, rsa;
    } allowed[] = {{NID_sha256, NID_ecdsa_with_SHA256, NID_sha256WithRSAEncryption},
                   {NID_sha384, NID_ecdsa_with_SHA384, NID_sha384WithRSAEncryption},
                   {NID_sha512, NID_ecdsa_with_SHA512, NID_sha512WithRSAEncryption}};
    if (form->digest != form->signer_digest)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++) {
        if (form->digest != allowed[i].digest)
            continue;
        if (form->signature == allowed[i].ecdsa)
            return form->signature_parameters.left == 0;
        return (form->signature == NID_rsaEncryption || form->signature == allowed[i].rsa) &&
               der_null_parameters(form->signature_parameters);
    }
    return false;
}

/* Whether `name` is byte for byte the SEQUENCE of this certificate's issuer and serial number. OpenSSL
 * compares names without regard to case, which would let bits change unnoticed. */
static bool names_certificate(struct der name, X509 *certificate)
{
    struct der inside, part;
    if (!der_take(&name, DER_SEQUENCE, &inside) || !der_take_whole(&inside, DER_SEQUENCE, &part))
        return false;
    unsigned char *issuer = NULL, *serial = NULL;
    int issuer_length = i2d_X509_NAME(X509_get_issuer_name(certificate), &issuer);
    int serial_length = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &serial);
    bool same = issuer_length > 0 && serial_length > 0 && part.left == (size_t)issuer_length &&
                memcmp(part.at, issuer, part.left) == 0 && inside.left == (size_t)serial_length &&
                memcmp(inside.at, serial, inside.left) == 0;
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
    return same;
}

/* OpenSSL reads BER as well; what it would write again must be what came in. */
static bool is_canonical(CMS_ContentInfo *cms, const uint8_t *der, size_t length)
{
    unsigned char *again = NULL;
    int n = i2d_CMS_ContentInfo(cms, &again);
    bool same = n > 0 && (size_t)n == length && memcmp(again, der, length) == 0;
    OPENSSL_free(again);
    return same;
}

int signed_open(struct signed_data *s, const char *what, const uint8_t *der, size_t length, size_t limit,
                struct error *e)
{
    *s = (struct signed_data){.what = what};
    struct signed_form form = {0};
    if (length > limit || !walk((struct der){der, length}, &form))
        return signed_error(s, e, "form", "not a SignedData of exactly the form that the protocol asks for");
    if (!algorithms_are_allowed(&form))
        return signed_error(s, e, "algorithm", "signed with an algorithm that is not on the list");
    const unsigned char *p = der;
    s->cms = d2i_CMS_ContentInfo(NULL, &p, (long)length);
    if (!s->cms || !is_canonical(s->cms, der, length))
        return signed_error(s, e, "form", "not a SignedData in DER");
    s->certificates = CMS_get1_certs(s->cms);
    int n = s->certificates ? sk_X509_num(s->certificates) : 0;
    for (int i = 0; i < n && n <= CERTIFICATES_MAX && !s->signer; i++)
        if (names_certificate(form.signer_name, sk_X509_value(s->certificates, i)))
            s->signer = sk_X509_value(s->certificates, i);
    if (!s->signer)
        return signed_error(s, e, "form", "the signer's certificate is not inside");
    EVP_PKEY *key = X509_get0_pubkey(s->signer);
    bool ecdsa = form.signature_parameters.left == 0;
    if (!key || !EVP_PKEY_is_a(key, ecdsa ? "EC" : "RSA"))
        return signed_error(s, e, "algorithm", "the signature's algorithm is not that of the signer's key");
    ASN1_OCTET_STRING **content = CMS_get0_content(s->cms);
    if (!content || !*content)
        return signed_error(s, e, "form", "nothing is signed");
    s->content = ASN1_STRING_get0_data(*content);
    s->length = (size_t)ASN1_STRING_length(*content);
    return 0;
}

int signed_verify(const struct signed_data *s, const struct trust *trust, enum certificate_role role,
                  int64_t at_utc_ms, struct office_id *office, struct error *e)
{
    int before = errno; /* an allocation that failed may show in a certificate alone */
    int r = trust_check(trust, s->signer, role, at_utc_ms, office, e);
    errno = before == ENOMEM ? before : errno;
    if (r)
        return error_prefix(e, r, "signer of the %s", s->what);
    for (int i = 0; i < sk_X509_num(s->certificates); i++) {
        X509 *x = sk_X509_value(s->certificates, i);
        if (x != s->signer && !trust_holds(trust, x))
            return signed_error(s, e, "form",
                                "a certificate is inside that is neither the signer's nor a CA's");
    }
    STACK_OF(X509) *signers = sk_X509_new_null();
    bool good = signers && sk_X509_push(signers, s->signer) > 0 &&
                CMS_verify(s->cms, signers, NULL, NULL, NULL,
                           CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) == 1;
    sk_X509_free(signers);
    if (good)
        ERR_clear_error();
    return good ? 0 : signed_error(s, e, "signature", "the signature does not fit");
}

int envelope_signed_by(const uint8_t *der, size_t length, X509 *certificate)
{
    OPENSSL_ERRORS_END_HERE;
    with_cleanup(signed_close) struct signed_data s;
    int r = signed_open(&s, "signed", der, length, ENVELOPE_STATEMENT_MAX, NULL);
    if (r)
        return r == -ENOMEM ? r : 0;
    return X509_cmp(s.signer, certificate) == 0;
}

void signed_close(struct signed_data *s)
{
    certificates_free(s->certificates);
    CMS_ContentInfo_free(s->cms);
    *s = (struct signed_data){0};
}
