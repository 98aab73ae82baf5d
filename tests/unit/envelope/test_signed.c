/* Statements, receipts and log heads as signed objects, and manifests as text: exactly their form. */
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
#include "envelope/manifest.h"
#include "envelope/signed.h"
#include "envelope/statement.h"
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

static const char *statement_judged(const uint8_t *der, size_t length)
{
    static struct error e;
    struct statement s;
    e = (struct error){0};
    return statement_verify(der, length, house.trust, clock_utc_ms(), &s, NULL, &e) ? e.code : "good";
}

/* --- JSON, signed as it should be --- */

static const char *statement_text_judged(const char *text)
{
    uint8_t *der = NULL;
    size_t length = 0;
    assert_int_equal(signed_make(house.a, text, &der, &length, NULL), 0);
    const char *answer = statement_judged(der, length);
    free(der);
    return answer;
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID "00112233445566778899aabbccddeeff"
#define HEAD "\"head\":{\"hash\":\"" HASH "\",\"n\":3}"
#define STATEMENT(protocol, id, recipient, created, more)                                                    \
    "{\"created\":\"" created "\",\"envelope\":\"" HASH "\"," HEAD ",\"id\":\"" id "\",\"manifest\":\"" HASH \
    "\",\"protocol\":" protocol ",\"recipient\":\"" recipient "\",\"sender\":\"" OFFICE_A                    \
    "\",\"type\":\"statement\"" more "}"
#define WHEN "2026-11-24T12:34:56.789Z"

static void a_statement_has_exactly_its_members(void **state)
{
    (void)state;
    static const struct {
        const char *text, *answer;
    } cases[] = {
        {STATEMENT("1", ID, OFFICE_B, WHEN, ""), "good"},
        {STATEMENT("1", ID, OFFICE_B, WHEN, ",\"replaces\":\"" ID "\""), "good"},
        {STATEMENT("2", ID, OFFICE_B, WHEN, ""), "protocol-version"},
        {STATEMENT("0", ID, OFFICE_B, WHEN, ""), "protocol-version"},
        {STATEMENT("-1", ID, OFFICE_B, WHEN, ",\"new\":1"), "protocol-version"},
        {STATEMENT("\"1\"", ID, OFFICE_B, WHEN, ""), "statement-form"},
        {STATEMENT("1.0", ID, OFFICE_B, WHEN, ""), "statement-form"},
        {STATEMENT("1", ID, OFFICE_B, WHEN, ",\"new\":1"), "statement-form"},
        {STATEMENT("1", ID, OFFICE_B, WHEN, ",\"replaces\":\"1\""), "statement-form"},
        {STATEMENT("1", ID, OFFICE_B, WHEN, ",\"sender\":\"" OFFICE_A "\""), "statement-form"},
        {STATEMENT("1", "001122", OFFICE_B, WHEN, ""), "statement-form"},
        {STATEMENT("1", "00112233445566778899AABBCCDDEEFF", OFFICE_B, WHEN, ""), "statement-form"},
        {STATEMENT("1", ID, "0300000200", WHEN, ""), "statement-form"},
        {STATEMENT("1", ID, "0300000200-11\\u0000", WHEN, ""), "statement-form"},
        {STATEMENT("1", ID, OFFICE_B, "2026-02-31T12:34:56.789Z", ""), "statement-form"},
        {STATEMENT("1", ID, OFFICE_B, "2026-11-24 12:34:56", ""), "statement-form"},
        {STATEMENT("1", ID, OFFICE_B, WHEN, "") "x", "statement-form"},
        {"[" STATEMENT("1", ID, OFFICE_B, WHEN, "") "]", "statement-form"},
        {"{}", "statement-form"},
        {"", "statement-form"},
        {"{\"protocol\":1}", "statement-form"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer = statement_text_judged(cases[i].text);
        if (strcmp(answer, cases[i].answer) != 0)
            fail_msg("%s: %s, expected %s", cases[i].text, answer, cases[i].answer);
    }
}

/* --- the CMS around it --- */

struct odd_signing {
    const struct identity *by;
    const EVP_MD *md;
    unsigned flags;                /* of CMS_add1_signer beside CMS_BINARY, CMS_PARTIAL, CMS_NOSMIMECAP */
    const struct identity *second; /* signs too */
    X509 *extra;                   /* a certificate that comes along */
    bool detached, unsigned_attribute, with_crl;
    int type; /* of the content; NID_undef: data */
};

static const char *signed_judged(const struct odd_signing *o)
{
    enum { FLAGS = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP };
    unsigned detached = o->detached ? CMS_DETACHED : 0;
    BIO *in = BIO_new_mem_buf(STATEMENT("1", ID, OFFICE_B, WHEN, ""), -1);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, FLAGS | detached);
    assert_non_null(cms);
    if (o->type)
        assert_int_equal(CMS_set1_eContentType(cms, OBJ_nid2obj(o->type)), 1);
    const struct identity *const by[] = {o->by, o->second};
    for (size_t i = 0; i < 2; i++) {
        if (!by[i])
            continue;
        CMS_SignerInfo *signer =
            CMS_add1_signer(cms, identity_certificate(by[i]), identity_key(by[i]), o->md, FLAGS | o->flags);
        assert_non_null(signer);
        if (o->unsigned_attribute)
            assert_int_equal(CMS_unsigned_add1_attr_by_txt(signer, "1.2.3.4", V_ASN1_OCTET_STRING, "x", 1),
                             1);
    }
    if (o->extra)
        assert_int_equal(CMS_add1_cert(cms, o->extra), 1);
    if (o->with_crl) {
        uint8_t *der = NULL;
        size_t length = 0;
        assert_int_equal(ca_crl(house.ca, NULL, 0, 1, clock_utc_ms(), 7, &der, &length, NULL), 0);
        const unsigned char *p = der;
        X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)length);
        assert_int_equal(CMS_add1_crl(cms, crl), 1);
        X509_CRL_free(crl);
        free(der);
    }
    assert_int_equal(CMS_final(cms, in, NULL, FLAGS | detached), 1);
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(cms, &der);
    assert_true(length > 0);
    const char *answer = statement_judged(der, (size_t)length);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    ERR_clear_error();
    return answer;
}

static void a_signature_is_sha256_or_better(void **state)
{
    (void)state;
    static const struct {
        const EVP_MD *(*md)(void);
        const char *answer;
    } cases[] = {{EVP_sha256, "good"},
                 {EVP_sha384, "good"},
                 {EVP_sha512, "good"},
                 {EVP_sha1, "statement-algorithm"},
                 {EVP_sha224, "statement-algorithm"},
                 {EVP_sha3_256, "statement-algorithm"}};
    EVP_PKEY *key = rsa_key(3072);
    struct identity *rsa = house_identity(&house, key, OFFICE_A);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct odd_signing o = {.by = house.a, .md = cases[i].md()};
        if (cases[i].md != EVP_sha3_256) /* not with ECDSA in OpenSSL 3.0 */
            assert_string_equal(signed_judged(&o), cases[i].answer);
        o.by = rsa;
        assert_string_equal(signed_judged(&o), cases[i].answer);
    }
    identity_free(rsa);
}

static void a_signature_has_one_form_only(void **state)
{
    (void)state;
    const struct odd_signing good = {.by = house.a, .md = EVP_sha256()};
    assert_string_equal(signed_judged(&good), "good");
    struct odd_signing o = good;
    o.flags = CMS_NOATTR;
    assert_string_equal(signed_judged(&o), "statement-form");
    o = good, o.flags = CMS_USE_KEYID;
    assert_string_equal(signed_judged(&o), "statement-form");
    o = good, o.flags = CMS_NOCERTS;
    assert_string_equal(signed_judged(&o), "statement-form");
    o = good, o.second = house.c;
    assert_string_equal(signed_judged(&o), "statement-form");
    o = good, o.detached = true;
    assert_string_equal(signed_judged(&o), "statement-form");
    o = good, o.unsigned_attribute = true;
    assert_string_equal(signed_judged(&o), "statement-form");
    o = good, o.with_crl = true;
    assert_string_equal(signed_judged(&o), "statement-form");
    o = good, o.type = NID_id_smime_ct_TSTInfo;
    assert_string_equal(signed_judged(&o), "statement-form");
}

static void certificates_that_come_along_are_those_of_trusted_cas(void **state)
{
    (void)state;
    struct odd_signing o = {.by = house.a, .md = EVP_sha256(), .extra = ca_certificate(house.ca)};
    assert_string_equal(signed_judged(&o), "good");
    o.extra = identity_certificate(house.c);
    assert_string_equal(signed_judged(&o), "statement-form");
}

static void the_signers_certificate_is_handed_out(void **state)
{
    (void)state;
    struct parcel p;
    struct statement s;
    X509 *signer = NULL;
    parcel_simple(&p, &house);
    assert_int_equal(statement_verify(p.statement.data, p.statement.length, house.trust, clock_utc_ms(), &s,
                                      &signer, NULL),
                     0);
    assert_int_equal(X509_cmp(signer, identity_certificate(house.a)), 0);
    X509_free(signer);
    parcel_free(&p);
}

/* --- receipts --- */

static struct receipt receipt_of(enum receipt_kind kind, const char *detail)
{
    struct receipt r = {.kind = kind,
                        .sender = office(OFFICE_A),
                        .envelope = {{1}},
                        .manifest = {{2}},
                        .at = clock_utc_ms(),
                        .head = {.n = 5, .hash = {{3}}}};
    message_id_new(&r.id);
    strcpy(r.detail, detail);
    return r;
}

static void receipts_of_every_kind_travel(void **state)
{
    (void)state;
    static const struct {
        enum receipt_kind kind;
        const char *detail;
    } cases[] = {{RECEIPT_ACCEPTED, ""},
                 {RECEIPT_RECEIVED, ""},
                 {RECEIPT_TAKEN, "read"},
                 {RECEIPT_TAKEN, "removed"},
                 {RECEIPT_REFUSED, "envelope"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct receipt r = receipt_of(cases[i].kind, cases[i].detail), out;
        const struct identity *by = r.kind == RECEIPT_ACCEPTED ? house.signer : house.b;
        uint8_t *der = NULL;
        size_t length = 0;
        struct office_id who;
        assert_int_equal(receipt_sign(by, &r, &der, &length, NULL), 0);
        assert_int_equal(receipt_verify(der, length, house.trust, r.at, &out, &who, NULL), 0);
        assert_string_equal(who.text, r.kind == RECEIPT_ACCEPTED ? "" : OFFICE_B);
        assert_int_equal(out.kind, r.kind);
        assert_int_equal(out.at, r.at);
        assert_string_equal(out.detail, r.detail);
        assert_memory_equal(out.id.bytes, r.id.bytes, sizeof r.id.bytes);
        assert_true(hash_equal(&out.envelope, &r.envelope) && hash_equal(&out.manifest, &r.manifest));
        assert_true(log_head_equal(&out.head, &r.head));
        assert_int_equal(receipt_verify(der, length, house.trust, 0, &out, &who, NULL),
                         0); /* at its own time */
        free(der);
    }
}

static const char *receipt_judged(const struct identity *by, const struct receipt *r)
{
    static struct error e;
    uint8_t *der = NULL;
    size_t length = 0;
    struct receipt out;
    e = (struct error){0};
    int answer = receipt_sign(by, r, &der, &length, &e);
    if (!answer)
        answer = receipt_verify(der, length, house.trust, clock_utc_ms(), &out, NULL, &e);
    free(der);
    return answer ? e.code : "good";
}

static void the_kind_of_a_receipt_asks_for_its_signers_role(void **state)
{
    (void)state;
    struct receipt accepted = receipt_of(RECEIPT_ACCEPTED, ""), received = receipt_of(RECEIPT_RECEIVED, "");
    assert_string_equal(receipt_judged(house.signer, &accepted), "good");
    assert_string_equal(receipt_judged(house.b, &accepted), "certificate-profile");
    assert_string_equal(receipt_judged(house.server, &accepted), "certificate-profile");
    assert_string_equal(receipt_judged(house.b, &received), "good");
    assert_string_equal(receipt_judged(house.signer, &received), "certificate-profile");
}

static void a_receipts_detail_is_that_of_its_kind(void **state)
{
    (void)state;
    static const struct {
        enum receipt_kind kind;
        const char *detail;
    } cases[] = {{RECEIPT_RECEIVED, "read"}, {RECEIPT_TAKEN, ""},      {RECEIPT_TAKEN, "seen"},
                 {RECEIPT_REFUSED, ""},      {RECEIPT_REFUSED, "No!"}, {RECEIPT_ACCEPTED, "x"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct receipt r = receipt_of(cases[i].kind, cases[i].detail);
        assert_string_equal(receipt_judged(cases[i].kind == RECEIPT_ACCEPTED ? house.signer : house.b, &r),
                            "receipt-form");
    }
}

static void a_flipped_bit_in_a_receipt_is_refused(void **state)
{
    (void)state;
    struct receipt r = receipt_of(RECEIPT_RECEIVED, ""), out;
    uint8_t *der = NULL;
    size_t length = 0;
    assert_int_equal(receipt_sign(house.b, &r, &der, &length, NULL), 0);
    for (size_t i = 0; i < length; i++) {
        der[i] ^= (uint8_t)(1U << (i % 8));
        assert_int_not_equal(receipt_verify(der, length, house.trust, r.at, &out, NULL, NULL), 0);
        der[i] ^= (uint8_t)(1U << (i % 8));
    }
    free(der);
}

static void a_statement_is_no_receipt_and_no_head(void **state)
{
    (void)state;
    struct parcel p;
    struct receipt r;
    struct log_head head;
    struct error e = {0};
    parcel_simple(&p, &house);
    assert_int_not_equal(
        receipt_verify(p.statement.data, p.statement.length, house.trust, clock_utc_ms(), &r, NULL, &e), 0);
    assert_string_equal(e.code, "receipt-form");
    assert_int_not_equal(
        log_head_verify(p.statement.data, p.statement.length, house.trust, clock_utc_ms(), &head, NULL, &e),
        0);
    assert_string_equal(e.code, "certificate-profile");
    parcel_free(&p);
}

/* --- the directory log --- */

static void a_log_head_covers_every_entry_and_its_order(void **state)
{
    (void)state;
    struct log_head a = {0}, b = {0}, c = {0};
    log_head_append(&a, "one", 3);
    log_head_append(&a, "two", 3);
    log_head_append(&b, "two", 3);
    log_head_append(&b, "one", 3);
    assert_int_equal(a.n, 2);
    assert_false(log_head_equal(&a, &b));
    log_head_append(&c, "one", 3);
    assert_false(log_head_equal(&a, &c));
    log_head_append(&c, "two", 3);
    assert_true(log_head_equal(&a, &c));
}

static void a_log_head_is_signed_by_the_hub_alone(void **state)
{
    (void)state;
    struct log_head head = {.n = 12, .hash = {{7}}}, out;
    int64_t now = clock_utc_ms(), at = 0;
    uint8_t *der = NULL;
    size_t length = 0;
    struct error e = {0};
    assert_int_equal(log_head_sign(house.signer, &head, now, &der, &length, NULL), 0);
    assert_int_equal(log_head_verify(der, length, house.trust, now, &out, &at, NULL), 0);
    assert_true(log_head_equal(&head, &out));
    assert_int_equal(at, now);
    free(der);
    assert_int_equal(log_head_sign(house.a, &head, now, &der, &length, NULL), 0);
    assert_int_equal(log_head_verify(der, length, house.trust, now, &out, &at, &e), -EACCES);
    assert_string_equal(e.code, "certificate-profile");
    free(der);
}

/* --- manifests --- */

static const char *manifest_judged(const char *text)
{
    static struct error e;
    struct manifest m;
    e = (struct error){0};
    int r = manifest_read((const uint8_t *)text, strlen(text), &m, &e);
    if (r)
        assert_null(m.files);
    manifest_free(&m);
    return r ? e.code : "good";
}

#define FILE_TEXT(name, kind, size) \
    "{\"kind\":\"" kind "\",\"name\":\"" name "\",\"sha256\":\"" HASH "\",\"size\":" size "}"
#define MANIFEST(protocol, sequence, files, more)                                              \
    "{\"created\":\"" WHEN "\",\"files\":[" files "],\"id\":\"" ID "\",\"protocol\":" protocol \
    ",\"recipient\":\"" OFFICE_B "\",\"salt\":\"" HASH "\",\"sender\":\"" OFFICE_A             \
    "\",\"sequence\":\"" sequence "\",\"type\":\"manifest\"" more "}"
#define GOOD_FILE FILE_TEXT("a.CSV", "UPPLAN", "3")

static void a_manifest_has_exactly_its_members(void **state)
{
    (void)state;
    static const struct {
        const char *text, *answer;
    } cases[] = {
        {MANIFEST("1", "20250401090000", GOOD_FILE, ""), "good"},
        {MANIFEST("1", "", FILE_TEXT("\xe8\xa8\x98\xe9\x8c\xb2.pdf", "document", "0"), ""), "good"},
        {MANIFEST("2", "20250401090000", GOOD_FILE, ""), "protocol-version"},
        {MANIFEST("1", "20250401090000", GOOD_FILE, ",\"x\":1"), "manifest-form"},
        {MANIFEST("1", "20250401090000", GOOD_FILE, ",\"id\":\"" ID "\""), "manifest-form"},
        {MANIFEST("1", "2025", GOOD_FILE, ""), "manifest-form"},
        {MANIFEST("1", "2025040109000x", GOOD_FILE, ""), "manifest-form"},
        {MANIFEST("1", "", "", ""), "manifest-form"},
        {MANIFEST("1", "", GOOD_FILE "," GOOD_FILE, ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("", "UPPLAN", "3"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("..", "UPPLAN", "3"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("../x", "UPPLAN", "3"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a\\u0000b", "UPPLAN", "3"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a\\nb", "UPPLAN", "3"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("\\ud800", "UPPLAN", "3"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a", "", "3"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a", "UP/PLAN", "3"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a", "UPPLAN", "-1"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a", "UPPLAN", "1.5"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a", "UPPLAN", "\"3\""), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a", "UPPLAN", "99999999999999999999"), ""), "manifest-form"},
        {MANIFEST("1", "", FILE_TEXT("a", "UPPLAN", "9223372036854775807"), ""), "unit-size"},
        {MANIFEST("1", "", FILE_TEXT("a", "UPPLAN", "8589934593"), ""), "unit-size"},
        {MANIFEST("1", "", FILE_TEXT("a", "UPPLAN", "8589934592"), ""), "good"},
        {MANIFEST("1", "", FILE_TEXT("a", "UPPLAN", "8589934592") "," FILE_TEXT("b", "UPPLAN", "1"), ""),
         "unit-size"},
        {"[]", "manifest-form"},
        {"", "manifest-form"},
        {"{\"protocol\":1}", "manifest-form"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer = manifest_judged(cases[i].text);
        if (strcmp(answer, cases[i].answer) != 0)
            fail_msg("%s: %s, expected %s", cases[i].text, answer, cases[i].answer);
    }
}

static void names_and_kinds_are_bounded(void **state)
{
    (void)state;
    char name[300], text[2048];
    for (size_t length = ENVELOPE_NAME_MAX; length <= ENVELOPE_NAME_MAX + 1; length++) {
        memset(name, 'n', length);
        name[length] = '\0';
        snprintf(
            text, sizeof text,
            MANIFEST("1", "", "{\"kind\":\"UPPLAN\",\"name\":\"%s\",\"sha256\":\"" HASH "\",\"size\":1}", ""),
            name);
        assert_string_equal(manifest_judged(text), length <= ENVELOPE_NAME_MAX ? "good" : "manifest-form");
    }
}

/* ENVELOPE_FILES_MAX files are taken, one more is not; JSON nested without end is not followed. */
static void the_number_of_files_and_the_depth_are_bounded(void **state)
{
    (void)state;
    for (size_t n = ENVELOPE_FILES_MAX; n <= ENVELOPE_FILES_MAX + 1; n++) {
        struct buffer text = {0};
        buffer_text(&text, "{\"created\":\"" WHEN "\",\"files\":[");
        for (size_t i = 0; i < n; i++)
            buffer_printf(&text, "%s{\"kind\":\"K\",\"name\":\"%zu\",\"sha256\":\"" HASH "\",\"size\":1}",
                          i ? "," : "", i);
        buffer_text(&text,
                    "],\"id\":\"" ID "\",\"protocol\":1,\"recipient\":\"" OFFICE_B "\",\"salt\":\"" HASH
                    "\",\"sender\":\"" OFFICE_A "\",\"sequence\":\"\",\"type\":\"manifest\"}");
        assert_false(text.failed);
        assert_string_equal(manifest_judged((const char *)text.data),
                            n <= ENVELOPE_FILES_MAX ? "good" : "manifest-form");
        buffer_free(&text);
    }
    char *deep = malloc(ENVELOPE_MANIFEST_MAX);
    memset(deep, '[', ENVELOPE_MANIFEST_MAX - 1);
    deep[ENVELOPE_MANIFEST_MAX - 1] = '\0';
    assert_string_equal(manifest_judged(deep), "manifest-form");
    free(deep);
}

/* --- the layout inside the ciphertext --- */

/* Judges `plain` as A's message to B whose manifest is `manifest`. */
static const char *inside_judged(const struct statement *s, const struct buffer *plain, const char *manifest,
                                 uint64_t limit)
{
    struct forgery f = {.signer = house.a, .to = identity_certificate(house.b), .statement = *s};
    struct statement found;
    struct parcel p;
    parcel_forge(&p, &f, plain, manifest);
    assert_int_equal(statement_verify(p.statement.data, p.statement.length, house.trust, clock_utc_ms(),
                                      &found, NULL, NULL),
                     0);
    const char *answer = parcel_judge_inside(&p, &found, house.b, limit);
    parcel_free(&p);
    return answer;
}

static void the_layout_inside_is_exactly_manifest_and_files(void **state)
{
    (void)state;
    struct statement s = statement_a_to_b();
    char *m = manifest_of(&s, "a.CSV", "abc");
    struct buffer plain = {0};
    plain_begin(&plain, m);
    plain_file(&plain, "abc");
    size_t whole = plain.length;
    assert_string_equal(inside_judged(&s, &plain, m, ENVELOPE_UNIT_MAX), "opened");
    assert_string_equal(inside_judged(&s, &plain, m, 3), "opened");
    assert_string_equal(inside_judged(&s, &plain, m, 2), "unit-size");
    for (size_t length = 0; length < whole; length += length < whole - 14 ? 31 : 1) {
        plain.length = length;
        assert_string_equal(inside_judged(&s, &plain, m, ENVELOPE_UNIT_MAX), "manifest-form");
    }
    plain.length = whole;
    buffer_text(&plain, "x");
    assert_string_equal(inside_judged(&s, &plain, m, ENVELOPE_UNIT_MAX), "trailing-bytes");
    buffer_clear(&plain);
    plain_begin(&plain, m);
    plain_file(&plain, "abd");
    assert_string_equal(inside_judged(&s, &plain, m, ENVELOPE_UNIT_MAX), "file-hash");
    buffer_clear(&plain);
    plain_begin(&plain, m);
    plain_file(&plain, "abcd");
    assert_string_equal(inside_judged(&s, &plain, m, ENVELOPE_UNIT_MAX), "file-hash");
    buffer_clear(&plain);
    plain_begin(&plain, m);
    assert_string_equal(inside_judged(&s, &plain, "another manifest", ENVELOPE_UNIT_MAX), "manifest-hash");
    buffer_clear(&plain);
    buffer_u64be(&plain, 0);
    assert_string_equal(inside_judged(&s, &plain, "", ENVELOPE_UNIT_MAX), "manifest-form");
    buffer_clear(&plain);
    buffer_u64be(&plain, ENVELOPE_MANIFEST_MAX + 1);
    assert_string_equal(inside_judged(&s, &plain, "", ENVELOPE_UNIT_MAX), "manifest-form");
    buffer_clear(&plain);
    buffer_u64be(&plain, UINT64_MAX);
    assert_string_equal(inside_judged(&s, &plain, "", ENVELOPE_UNIT_MAX), "manifest-form");
    buffer_clear(&plain);
    plain_begin(&plain, "no json");
    assert_string_equal(inside_judged(&s, &plain, "no json", ENVELOPE_UNIT_MAX), "manifest-form");
    buffer_free(&plain);
    free(m);
}

static void ids_have_one_text_form(void **state)
{
    (void)state;
    struct message_id id, again;
    char text[33];
    message_id_new(&id);
    message_id_format(&id, text);
    assert_true(message_id_parse(&again, text));
    assert_memory_equal(&id, &again, sizeof id);
    assert_false(message_id_parse(&again, ""));
    assert_false(message_id_parse(&again, "0011"));
    assert_false(message_id_parse(&again, "00112233445566778899AABBCCDDEEFF"));
    assert_false(message_id_parse(&again, ID "0"));
    enum receipt_kind kind;
    for (int k = RECEIPT_ACCEPTED; k <= RECEIPT_REFUSED; k++) {
        assert_true(receipt_kind_parse(receipt_kind_name((enum receipt_kind)k), &kind));
        assert_int_equal(kind, k);
    }
    assert_false(receipt_kind_parse("seen", &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_statement_has_exactly_its_members, queue_is_empty),
        cmocka_unit_test_teardown(a_signature_is_sha256_or_better, queue_is_empty),
        cmocka_unit_test_teardown(a_signature_has_one_form_only, queue_is_empty),
        cmocka_unit_test_teardown(certificates_that_come_along_are_those_of_trusted_cas, queue_is_empty),
        cmocka_unit_test_teardown(the_signers_certificate_is_handed_out, queue_is_empty),
        cmocka_unit_test_teardown(receipts_of_every_kind_travel, queue_is_empty),
        cmocka_unit_test_teardown(the_kind_of_a_receipt_asks_for_its_signers_role, queue_is_empty),
        cmocka_unit_test_teardown(a_receipts_detail_is_that_of_its_kind, queue_is_empty),
        cmocka_unit_test_teardown(a_flipped_bit_in_a_receipt_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(a_statement_is_no_receipt_and_no_head, queue_is_empty),
        cmocka_unit_test_teardown(a_log_head_covers_every_entry_and_its_order, queue_is_empty),
        cmocka_unit_test_teardown(a_log_head_is_signed_by_the_hub_alone, queue_is_empty),
        cmocka_unit_test_teardown(a_manifest_has_exactly_its_members, queue_is_empty),
        cmocka_unit_test_teardown(names_and_kinds_are_bounded, queue_is_empty),
        cmocka_unit_test_teardown(the_number_of_files_and_the_depth_are_bounded, queue_is_empty),
        cmocka_unit_test_teardown(the_layout_inside_is_exactly_manifest_and_files, queue_is_empty),
        cmocka_unit_test_teardown(ids_have_one_text_form, queue_is_empty),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
