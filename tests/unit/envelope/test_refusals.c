/* What a receiver refuses: everything but exactly the envelope that protocol.md section 3 describes. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/cms.h>
#include <openssl/err.h>

#include "base/clock.h"
#include "envelope/hash.h"
#include "parcel.h"

static struct house house;

static int build(void **state)
{
    (void)state;
    house_build(&house);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    house_free(&house);
    return 0;
}

static int queue_is_empty(void **state)
{
    (void)state;
    return ERR_peek_error() == 0 ? 0 : -1;
}

static const char *judged(const struct parcel *p)
{
    return parcel_judge(p, house.trust, house.b, clock_utc_ms(), 0, NULL);
}

/* --- a flipped bit anywhere --- */

/* The sanitizers make a signature's check slow: they see every fifth bit, so still every byte. */
#ifdef __SANITIZE_ADDRESS__
enum { STEP = 5 };
#else
enum { STEP = 1 };
#endif

static void flip(struct buffer *b, size_t bit)
{
    b->data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
}

static void a_flipped_bit_in_the_statement_is_refused(void **state)
{
    (void)state;
    struct parcel p;
    parcel_simple(&p, &house);
    for (size_t bit = 0; bit < 8 * p.statement.length; bit += STEP) {
        flip(&p.statement, bit);
        assert_string_not_equal(judged(&p), "opened");
        flip(&p.statement, bit);
    }
    assert_string_equal(judged(&p), "opened");
    parcel_free(&p);
}

/* After the statement has been verified once: the envelope's hash notices every bit behind it. */
static const char *hash_judged(const struct parcel *p, const struct statement *s)
{
    static struct error e;
    struct envelope_hash *h = envelope_hash_new();
    e = (struct error){0};
    assert_non_null(h);
    envelope_hash_update(h, p->header.data, p->header.length);
    envelope_hash_update(h, p->ciphertext.data, p->ciphertext.length);
    return envelope_hash_check(h, &s->envelope, &e) ? e.code : "fits";
}

static void a_flipped_bit_in_header_or_ciphertext_is_refused(void **state)
{
    (void)state;
    struct parcel p;
    struct statement s;
    parcel_simple(&p, &house);
    assert_int_equal(
        statement_verify(p.statement.data, p.statement.length, house.trust, clock_utc_ms(), &s, NULL, NULL),
        0);
    struct buffer *const parts[] = {&p.header, &p.ciphertext};
    for (size_t i = 0; i < 2; i++)
        for (size_t bit = 0; bit < 8 * parts[i]->length; bit++) {
            flip(parts[i], bit);
            assert_string_equal(hash_judged(&p, &s), "envelope-hash");
            flip(parts[i], bit);
        }
    assert_string_equal(hash_judged(&p, &s), "fits");
    assert_string_equal(judged(&p), "opened");
    parcel_free(&p);
}

/* Even who could make the statement fit meets the tag. */
static void the_cipher_itself_notices_a_flipped_bit(void **state)
{
    (void)state;
    struct parcel p;
    struct statement s;
    parcel_simple(&p, &house);
    assert_int_equal(
        statement_verify(p.statement.data, p.statement.length, house.trust, clock_utc_ms(), &s, NULL, NULL),
        0);
    assert_string_equal(parcel_judge_inside(&p, &s, house.b, ENVELOPE_UNIT_MAX), "opened");
    for (size_t bit = 0; bit < 8 * p.ciphertext.length; bit += 5) {
        p.ciphertext.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_string_not_equal(parcel_judge_inside(&p, &s, house.b, ENVELOPE_UNIT_MAX), "opened");
        p.ciphertext.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t i = 1; i <= 16; i++) { /* the tag stands at the header's end */
        p.header.data[p.header.length - i] ^= 1;
        assert_string_equal(parcel_judge_inside(&p, &s, house.b, ENVELOPE_UNIT_MAX), "tag");
        p.header.data[p.header.length - i] ^= 1;
    }
    parcel_free(&p);
}

static void what_is_cut_or_longer_is_refused(void **state)
{
    (void)state;
    struct parcel p;
    parcel_simple(&p, &house);
    struct buffer *const parts[] = {&p.statement, &p.header, &p.ciphertext};
    static const char *const codes[] = {"statement-form", "envelope-hash", "envelope-hash"};
    for (size_t i = 0; i < 3; i++) {
        size_t whole = parts[i]->length;
        for (size_t length = 0; length < whole; length += i == 2 ? 1 : 7) {
            parts[i]->length = length;
            assert_string_equal(judged(&p), codes[i]);
        }
        parts[i]->length = whole;
        assert_int_equal(buffer_append(parts[i], "", 1), 0);
        assert_string_equal(judged(&p), codes[i]);
        parts[i]->length = whole;
    }
    assert_string_equal(judged(&p), "opened");
    parcel_free(&p);
}

static void what_is_larger_than_its_bound_is_refused_unread(void **state)
{
    (void)state;
    struct error e = {0};
    struct statement s;
    struct receipt r;
    size_t size = ENVELOPE_STATEMENT_MAX + 1;
    uint8_t *large = calloc(1, size);
    large[0] = 0x30;
    assert_int_equal(statement_verify(large, size, house.trust, clock_utc_ms(), &s, NULL, &e), -EBADMSG);
    assert_string_equal(e.code, "statement-form");
    assert_int_equal(receipt_verify(large, size, house.trust, clock_utc_ms(), &r, NULL, &e), -EBADMSG);
    assert_string_equal(e.code, "receipt-form");
    assert_int_equal(header_check(large, size, &e), -EBADMSG);
    assert_string_equal(e.code, "header-form");
    free(large);
}

/* --- wrong people --- */

static void only_the_recipient_opens_it(void **state)
{
    (void)state;
    struct parcel p;
    parcel_simple(&p, &house);
    const struct identity *const others[] = {house.a, house.c, house.signer};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(parcel_judge(&p, house.trust, others[i], clock_utc_ms(), 0, NULL),
                            "wrong-recipient");
    parcel_free(&p);
}

static void an_envelope_to_our_name_under_another_key_is_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = key_new();
    X509 *other = house_certify(&house, key, OFFICE_B);
    struct forgery f = {.signer = house.a, .to = other, .statement = statement_a_to_b()};
    char *manifest = manifest_of(&f.statement, "a.CSV", "x");
    struct buffer plain = {0};
    plain_begin(&plain, manifest);
    plain_file(&plain, "x");
    struct parcel p;
    parcel_forge(&p, &f, &plain, manifest);
    assert_string_equal(judged(&p), "wrong-recipient");
    parcel_free(&p);
    buffer_free(&plain);
    free(manifest);
    X509_free(other);
    EVP_PKEY_free(key);
}

/* Forges the message that `f` describes and judges it as B. */
static const char *judged_forgery(struct forgery f)
{
    char *manifest = manifest_of(&f.statement, "a.CSV", "x");
    struct buffer plain = {0};
    plain_begin(&plain, manifest);
    plain_file(&plain, "x");
    struct parcel p;
    parcel_forge(&p, &f, &plain, manifest);
    const char *answer = judged(&p);
    parcel_free(&p);
    buffer_free(&plain);
    free(manifest);
    return answer;
}

static struct forgery honest(void)
{
    return (struct forgery){
        .signer = house.a, .to = identity_certificate(house.b), .statement = statement_a_to_b()};
}

static void the_forger_of_these_tests_can_be_honest(void **state)
{
    (void)state;
    assert_string_equal(judged_forgery(honest()), "opened");
}

static void a_statement_in_anothers_name_is_refused(void **state)
{
    (void)state;
    struct forgery f = honest();
    f.signer = house.c;
    assert_string_equal(judged_forgery(f), "statement-signer");
}

static void the_hubs_own_certificates_sign_no_statement(void **state)
{
    (void)state;
    struct forgery f = honest();
    f.signer = house.signer;
    assert_string_equal(judged_forgery(f), "certificate-profile");
    f.signer = house.server;
    assert_string_equal(judged_forgery(f), "certificate-profile");
}

static void a_certificate_of_a_wrong_profile_signs_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *usage, *extended, *san;
    } profiles[] = {
        {"digitalSignature", "clientAuth,emailProtection", "URI:urn:careplan:office:" OFFICE_A},
        {"digitalSignature,keyAgreement", "emailProtection", "URI:urn:careplan:office:" OFFICE_A},
        {"digitalSignature,keyAgreement", "clientAuth,emailProtection", "URI:urn:careplan:hub:" OFFICE_A},
        {"digitalSignature,keyAgreement", "clientAuth,emailProtection", NULL},
        {"digitalSignature,keyAgreement,dataEncipherment", "clientAuth,emailProtection",
         "URI:urn:careplan:office:" OFFICE_A},
    };
    EVP_PKEY *ca_key = house_ca_key(&house), *key = key_new();
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        X509 *x = odd_certificate(key, profiles[i].usage, profiles[i].extended, profiles[i].san,
                                  ca_certificate(house.ca), ca_key, EVP_sha256());
        struct forgery f = honest();
        struct identity *odd = identity_new(key, x, NULL);
        f.signer = odd;
        assert_string_equal(judged_forgery(f), "certificate-profile");
        identity_free(odd);
        X509_free(x);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}

static void an_office_of_another_hub_is_a_stranger(void **state)
{
    (void)state;
    struct house other;
    house_build(&other);
    struct forgery f = honest();
    f.signer = other.a;
    assert_string_equal(judged_forgery(f), "certificate-chain");
    house_free(&other);
}

static void the_time_of_judgement_counts_for_validity_and_revocation(void **state)
{
    (void)state;
    int64_t now = clock_utc_ms(), year = INT64_C(366) * 86400 * 1000;
    struct house other; /* its own: the list stays in the trust */
    house_build(&other);
    struct parcel p;
    parcel_simple(&p, &other);
    assert_string_equal(parcel_judge(&p, other.trust, other.b, now, 0, NULL), "opened");
    assert_string_equal(parcel_judge(&p, other.trust, other.b, now + year, 0, NULL), "certificate-time");
    struct revocation r = {.at_utc_ms = now};
    certificate_serial(identity_certificate(other.a), r.serial);
    uint8_t *der = NULL;
    size_t length = 0;
    assert_int_equal(ca_crl(other.ca, &r, 1, 2, now, 7, &der, &length, NULL), 0);
    assert_int_equal(trust_set_crl(other.trust, der, length, NULL), 0);
    assert_string_equal(parcel_judge(&p, other.trust, other.b, now - 10000, 0, NULL), "opened");
    assert_string_equal(parcel_judge(&p, other.trust, other.b, now + 1000, 0, NULL), "certificate-revoked");
    free(der);
    parcel_free(&p);
    house_free(&other);
}

/* --- re-addressed --- */

/* B has opened A's message and seals A's manifest and files anew to C, under a statement of its own or with
 * one more change of A's words. */
static void what_says_another_thing_inside_than_outside_is_refused(void **state)
{
    (void)state;
    struct statement inside = statement_a_to_b();
    for (int what = 0; what < 4; what++) {
        struct forgery f = {.signer = house.a, .to = identity_certificate(house.b), .statement = inside};
        if (what == 0)
            f.signer = house.c, f.statement.sender = office(OFFICE_C); /* C takes it for its own */
        else if (what == 1)
            message_id_new(&f.statement.id);
        else if (what == 2)
            f.statement.created += 1;
        else
            f.to = identity_certificate(house.c), f.statement.recipient = office(OFFICE_C);
        char *manifest = manifest_of(&inside, "a.CSV", "x");
        struct buffer plain = {0};
        plain_begin(&plain, manifest);
        plain_file(&plain, "x");
        struct parcel p;
        parcel_forge(&p, &f, &plain, manifest);
        assert_string_equal(
            parcel_judge(&p, house.trust, what == 3 ? house.c : house.b, clock_utc_ms(), 0, NULL),
            "re-addressed");
        parcel_free(&p);
        buffer_free(&plain);
        free(manifest);
    }
}

/* A's own statement over another header: the old envelope cannot be carried to somebody else. */
static void a_statement_goes_with_no_other_envelope(void **state)
{
    (void)state;
    struct parcel p, q;
    parcel_simple(&p, &house);
    parcel_simple(&q, &house);
    struct buffer kept = p.statement;
    p.statement = q.statement;
    assert_string_equal(judged(&p), "envelope-hash");
    q.statement = kept;
    parcel_free(&p);
    parcel_free(&q);
}

/* --- weaker algorithms: the header --- */

static const char *header_judged(const uint8_t *der, size_t length)
{
    static struct error e;
    e = (struct error){0};
    int r = header_check(der, length, &e);
    if (r)
        assert_int_equal(r, -EBADMSG);
    return r ? e.code : "good";
}

/* A header made by CMS as it pleases; `prepare` adds what it likes. */
static const char *header_made(const EVP_CIPHER *cipher, X509 *to, X509 *second, bool default_kdf,
                               unsigned flags)
{
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, cipher, CMS_BINARY | CMS_DETACHED | CMS_PARTIAL);
    X509 *const all[] = {to, second};
    for (size_t i = 0; i < 2; i++) {
        if (!all[i])
            continue;
        CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, all[i], CMS_KEY_PARAM | flags);
        assert_non_null(info);
        if (!default_kdf && CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE)
            assert_int_equal(
                EVP_PKEY_CTX_set_ecdh_kdf_md(CMS_RecipientInfo_get0_pkey_ctx(info), EVP_sha256()), 1);
    }
    if (!to && !second) {
        unsigned char *shared = OPENSSL_zalloc(32), *name = (unsigned char *)OPENSSL_strdup("k");
        assert_non_null(CMS_add0_recipient_key(cms, NID_undef, shared, 32, name, 1, NULL, NULL, NULL));
    }
    BIO *chain = CMS_dataInit(cms, BIO_new(BIO_s_null()));
    assert_non_null(chain);
    BIO_write(chain, "plain", 5);
    (void)BIO_flush(chain);
    assert_int_equal(CMS_dataFinal(cms, chain), 1);
    BIO_free_all(chain);
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(cms, &der);
    assert_true(length > 0);
    const char *answer = header_judged(der, (size_t)length);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return answer;
}

static void a_header_of_the_list_is_taken(void **state)
{
    (void)state;
    X509 *b = identity_certificate(house.b);
    assert_string_equal(header_made(EVP_aes_256_gcm(), b, NULL, false, 0), "good");
}

static void weaker_ciphers_and_content_types_are_refused(void **state)
{
    (void)state;
    X509 *b = identity_certificate(house.b);
    assert_string_equal(header_made(EVP_aes_128_gcm(), b, NULL, false, 0), "header-algorithm");
    assert_string_equal(header_made(EVP_aes_192_gcm(), b, NULL, false, 0), "header-algorithm");
    assert_string_equal(header_made(EVP_aes_256_cbc(), b, NULL, false, 0), "header-algorithm");
    assert_string_equal(header_made(EVP_aes_128_cbc(), b, NULL, false, 0), "header-algorithm");
    assert_string_equal(header_made(EVP_des_ede3_cbc(), b, NULL, false, 0), "header-algorithm");
}

static void openssls_default_kdf_over_sha1_is_refused(void **state)
{
    (void)state;
    assert_string_equal(header_made(EVP_aes_256_gcm(), identity_certificate(house.b), NULL, true, 0),
                        "header-algorithm");
}

static void there_is_exactly_one_recipient_named_by_issuer_and_serial_number(void **state)
{
    (void)state;
    X509 *b = identity_certificate(house.b), *c = identity_certificate(house.c);
    assert_string_equal(header_made(EVP_aes_256_gcm(), b, c, false, 0), "header-form");
    assert_string_equal(header_made(EVP_aes_256_gcm(), b, b, false, 0), "header-form");
    assert_string_equal(header_made(EVP_aes_256_gcm(), b, NULL, false, CMS_USE_KEYID), "header-form");
    assert_string_equal(header_made(EVP_aes_256_gcm(), NULL, NULL, false, 0),
                        "header-form"); /* a shared key */
}

static void an_rsa_key_is_wrapped_by_oaep_with_sha256_alone(void **state)
{
    (void)state;
    EVP_PKEY *key = rsa_key(3072);
    struct identity *rsa = house_identity(&house, key, OFFICE_B);
    struct forgery f = honest();
    f.to = identity_certificate(rsa);
    static const struct {
        const EVP_MD *(*md)(void);
        const char *answer;
    } cases[] = {{EVP_sha256, "good"}, {EVP_sha1, "header-algorithm"}, {EVP_sha512, "header-algorithm"}};
    struct buffer plain = {0};
    plain_begin(&plain, "{}");
    for (size_t i = 0; i < 3; i++) {
        struct parcel p;
        f.kdf = cases[i].md();
        parcel_forge(&p, &f, &plain, "{}");
        assert_string_equal(header_judged(p.header.data, p.header.length), cases[i].answer);
        parcel_free(&p);
    }
    buffer_free(&plain);
    /* PKCS#1 v1.5 is what CMS does when nobody asks. */
    assert_string_equal(header_made(EVP_aes_256_gcm(), identity_certificate(rsa), NULL, true, 0),
                        "header-algorithm");
    identity_free(rsa);
}

/* Replaces the last occurrence of `from` in a good header. */
static const char *header_with(const char *from, const char *to, size_t length)
{
    struct parcel p;
    parcel_simple(&p, &house);
    uint8_t *at = NULL, *last = NULL;
    for (at = p.header.data; (at = memmem(at, p.header.length - (size_t)(at - p.header.data), from, length));
         at++)
        last = at;
    assert_non_null(last);
    memcpy(last, to, length);
    const char *answer = header_judged(p.header.data, p.header.length);
    parcel_free(&p);
    return answer;
}

static void every_parameter_of_the_header_is_on_the_list(void **state)
{
    (void)state;
    static const struct {
        const char *what, *from, *to;
        size_t length;
        const char *code;
    } cases[] = {
        {"aes256-wrap to aes128-wrap", "\x60\x86\x48\x01\x65\x03\x04\x01\x2d",
         "\x60\x86\x48\x01\x65\x03\x04\x01\x05", 9, "header-algorithm"},
        {"gcm to ccm", "\x60\x86\x48\x01\x65\x03\x04\x01\x2e", "\x60\x86\x48\x01\x65\x03\x04\x01\x2f", 9,
         "header-algorithm"},
        {"gcm to cbc", "\x60\x86\x48\x01\x65\x03\x04\x01\x2e", "\x60\x86\x48\x01\x65\x03\x04\x01\x2a", 9,
         "header-algorithm"},
        {"standard to cofactor ECDH", "\x2b\x81\x04\x01\x0b\x01", "\x2b\x81\x04\x01\x0e\x01", 6,
         "header-algorithm"},
        {"KDF SHA-256 to SHA-224", "\x2b\x81\x04\x01\x0b\x01", "\x2b\x81\x04\x01\x0b\x00", 6,
         "header-algorithm"},
        {"a tag of 12 bytes", "\x02\x01\x10\x04\x10", "\x02\x01\x0c\x04\x10", 5, "header-algorithm"},
        {"an uncompressed point becomes a hybrid one", "\x03\x42\x00\x04", "\x03\x42\x00\x06", 4,
         "header-algorithm"},
        {"authEnvelopedData to envelopedData", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17",
         "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09", 11, "header-algorithm"},
        {"content other than data", "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
         "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 9, "header-form"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer = header_with(cases[i].from, cases[i].to, cases[i].length);
        if (strcmp(answer, cases[i].code) != 0)
            fail_msg("%s: %s", cases[i].what, answer);
    }
}

static void the_content_stands_outside_the_header(void **state)
{
    (void)state;
    BIO *in = BIO_new_mem_buf("plain", 5);
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_PARTIAL);
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, identity_certificate(house.b), CMS_KEY_PARAM);
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_md(CMS_RecipientInfo_get0_pkey_ctx(info), EVP_sha256()), 1);
    assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(cms, &der);
    assert_string_equal(header_judged(der, (size_t)length), "header-form");
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    ERR_clear_error();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_flipped_bit_in_the_statement_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(a_flipped_bit_in_header_or_ciphertext_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(the_cipher_itself_notices_a_flipped_bit, queue_is_empty),
        cmocka_unit_test_teardown(what_is_cut_or_longer_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(what_is_larger_than_its_bound_is_refused_unread, queue_is_empty),
        cmocka_unit_test_teardown(only_the_recipient_opens_it, queue_is_empty),
        cmocka_unit_test_teardown(an_envelope_to_our_name_under_another_key_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(the_forger_of_these_tests_can_be_honest, queue_is_empty),
        cmocka_unit_test_teardown(a_statement_in_anothers_name_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(the_hubs_own_certificates_sign_no_statement, queue_is_empty),
        cmocka_unit_test_teardown(a_certificate_of_a_wrong_profile_signs_nothing, queue_is_empty),
        cmocka_unit_test_teardown(an_office_of_another_hub_is_a_stranger, queue_is_empty),
        cmocka_unit_test_teardown(the_time_of_judgement_counts_for_validity_and_revocation, queue_is_empty),
        cmocka_unit_test_teardown(what_says_another_thing_inside_than_outside_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(a_statement_goes_with_no_other_envelope, queue_is_empty),
        cmocka_unit_test_teardown(a_header_of_the_list_is_taken, queue_is_empty),
        cmocka_unit_test_teardown(weaker_ciphers_and_content_types_are_refused, queue_is_empty),
        cmocka_unit_test_teardown(openssls_default_kdf_over_sha1_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(there_is_exactly_one_recipient_named_by_issuer_and_serial_number,
                                  queue_is_empty),
        cmocka_unit_test_teardown(an_rsa_key_is_wrapped_by_oaep_with_sha256_alone, queue_is_empty),
        cmocka_unit_test_teardown(every_parameter_of_the_header_is_on_the_list, queue_is_empty),
        cmocka_unit_test_teardown(the_content_stands_outside_the_header, queue_is_empty),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
