/* Rules of include/careplan/identity.h. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/file.h"
#include "house.h"

#define DAY ((int64_t)86400 * 1000)

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

/* Every test ends with an empty queue of OpenSSL errors. */
static int queue_is_empty(void **state)
{
    (void)state;
    return ERR_peek_error() == 0 ? 0 : -1;
}

static const char *judged(X509 *x, enum certificate_role role, int64_t at)
{
    static struct error e;
    e = (struct error){0};
    int r = trust_check(house.trust, x, role, at, NULL, &e);
    if (r != 0)
        assert_int_equal(r, -EACCES);
    return r ? e.code : "passes";
}

static void an_office_certificate_passes_as_an_office_and_tells_who_it_is(void **state)
{
    (void)state;
    struct office_id id;
    X509 *x = identity_certificate(house.a);
    assert_int_equal(trust_check(house.trust, x, ROLE_OFFICE, clock_utc_ms(), &id, NULL), 0);
    assert_string_equal(id.text, OFFICE_A);
    assert_string_equal(identity_office(house.a)->text, OFFICE_A);
    assert_string_equal(identity_office(house.signer)->text, "");
}

static void no_certificate_passes_in_another_role(void **state)
{
    (void)state;
    const struct identity *who[] = {house.a, house.server, house.signer};
    for (int own = ROLE_OFFICE; own <= ROLE_SIGNER; own++)
        for (int asked = ROLE_OFFICE; asked <= ROLE_SIGNER; asked++)
            assert_string_equal(
                judged(identity_certificate(who[own]), (enum certificate_role)asked, clock_utc_ms()),
                own == asked ? "passes" : "certificate-profile");
}

static void a_ca_passes_in_no_role(void **state)
{
    (void)state;
    for (int role = ROLE_OFFICE; role <= ROLE_SIGNER; role++)
        assert_string_equal(judged(ca_certificate(house.ca), (enum certificate_role)role, clock_utc_ms()),
                            "certificate-profile");
}

static void validity_is_judged_at_the_given_time(void **state)
{
    (void)state;
    X509 *x = identity_certificate(house.a);
    int64_t now = clock_utc_ms();
    assert_string_equal(judged(x, ROLE_OFFICE, now + 364 * DAY), "passes");
    assert_string_equal(judged(x, ROLE_OFFICE, now + 366 * DAY), "certificate-time");
    assert_string_equal(judged(x, ROLE_OFFICE, now - 1 * DAY), "certificate-time");
    int64_t end = certificate_end(x);
    assert_true(end > now + 364 * DAY && end <= now + 365 * DAY);
}

static void a_certificate_of_another_hub_is_refused(void **state)
{
    (void)state;
    struct house other;
    house_build(&other);
    assert_string_equal(judged(identity_certificate(other.a), ROLE_OFFICE, clock_utc_ms()),
                        "certificate-chain");
    house_free(&other);
}

static void an_office_name_is_exactly_one_urn_of_the_canonical_form(void **state)
{
    (void)state;
    static const char *const refused[] = {
        NULL,
        "URI:urn:careplan:office:0300000100-43,URI:urn:careplan:office:0300000200-11",
        "URI:urn:careplan:office:0300000100-43,DNS:hub.example.jp",
        "URI:urn:careplan:office:0300000100",
        "URI:urn:careplan:office:0300000100-43x",
        "URI:urn:careplan:office:0300000100-43/",
        "URI:urn:careplan:hub:0300000100-43",
        "URI:URN:careplan:office:0300000100-43",
        "DNS:urn.careplan.office",
        "email:urn:careplan:office:0300000100-43",
    };
    EVP_PKEY *key = key_new(), *ca_key = house_ca_key(&house);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        X509 *x = odd_certificate(key, "digitalSignature,keyAgreement", "clientAuth,emailProtection",
                                  refused[i], ca_certificate(house.ca), ca_key, EVP_sha256());
        assert_string_equal(judged(x, ROLE_OFFICE, clock_utc_ms()), "certificate-profile");
        X509_free(x);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}

static const char *judged_odd(EVP_PKEY *key, const char *usage, const char *extended, const EVP_MD *digest)
{
    EVP_PKEY *ca_key = house_ca_key(&house);
    X509 *x = odd_certificate(key, usage, extended, "URI:urn:careplan:office:" OFFICE_A,
                              ca_certificate(house.ca), ca_key, digest);
    const char *answer = judged(x, ROLE_OFFICE, clock_utc_ms());
    X509_free(x);
    EVP_PKEY_free(ca_key);
    return answer;
}

static void usages_are_exactly_those_of_the_profile(void **state)
{
    (void)state;
    EVP_PKEY *key = key_new();
    const char *good = "digitalSignature,keyAgreement", *both = "clientAuth,emailProtection";
    assert_string_equal(judged_odd(key, good, both, EVP_sha256()), "passes");
    assert_string_equal(judged_odd(key, NULL, both, EVP_sha256()), "certificate-profile");
    assert_string_equal(judged_odd(key, "digitalSignature", both, EVP_sha256()), "certificate-profile");
    assert_string_equal(judged_odd(key, "digitalSignature,keyAgreement,nonRepudiation", both, EVP_sha256()),
                        "certificate-profile");
    assert_string_equal(judged_odd(key, good, NULL, EVP_sha256()), "certificate-profile");
    assert_string_equal(judged_odd(key, good, "emailProtection", EVP_sha256()), "certificate-profile");
    assert_string_equal(judged_odd(key, good, "clientAuth,emailProtection,serverAuth", EVP_sha256()),
                        "certificate-profile");
    assert_string_equal(judged_odd(key, good, "clientAuth,clientAuth", EVP_sha256()), "certificate-profile");
    assert_string_equal(judged_odd(key, good, both, EVP_sha1()), "certificate-chain");
    EVP_PKEY_free(key);
}

static void keys_are_p256_or_rsa_of_3072_bits(void **state)
{
    (void)state;
    struct office_id id = office(OFFICE_A);
    struct {
        EVP_PKEY *key;
        bool good;
    } cases[] = {{key_new(), true},
                 {rsa_key(3072), true},
                 {rsa_key(2048), false},
                 {EVP_EC_gen("P-384"), false},
                 {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error e = {0};
        uint8_t *csr = NULL;
        size_t length = 0;
        const EVP_MD *digest = i == 4 ? NULL : EVP_sha256();
        X509_REQ *request = X509_REQ_new();
        X509_REQ_set_pubkey(request, cases[i].key);
        assert_true(X509_REQ_sign(request, cases[i].key, digest) > 0);
        length = (size_t)i2d_X509_REQ(request, &csr);
        X509_REQ_free(request);
        X509 *x = ca_issue_office(house.ca, csr, length, &id, 30, &e);
        assert_int_equal(x != NULL, cases[i].good);
        if (x)
            assert_string_equal(judged(x, ROLE_OFFICE, clock_utc_ms()), "passes");
        else
            assert_string_equal(e.code, "key-type");
        X509_free(x);
        OPENSSL_free(csr);
        EVP_PKEY_free(cases[i].key);
    }
}

static void the_hub_takes_only_the_key_of_a_request(void **state)
{
    (void)state;
    struct office_id asked = office(OFFICE_B), given = office(OFFICE_A), found;
    EVP_PKEY *key = key_new();
    uint8_t *csr = NULL;
    size_t length = 0;
    assert_int_equal(csr_new(key, &asked, &csr, &length, NULL), 0);
    X509 *x = ca_issue_office(house.ca, csr, length, &given, 30, NULL);
    assert_int_equal(trust_check(house.trust, x, ROLE_OFFICE, clock_utc_ms(), &found, NULL), 0);
    assert_string_equal(found.text, OFFICE_A);
    X509_free(x);
    free(csr);
    EVP_PKEY_free(key);
}

static void a_request_with_any_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct office_id id = office(OFFICE_A);
    EVP_PKEY *key = key_new();
    uint8_t *csr = NULL;
    size_t length = 0;
    assert_int_equal(csr_new(key, &id, &csr, &length, NULL), 0);
    for (size_t i = 0; i < length; i++) {
        csr[i] ^= (uint8_t)(1U << (i % 8));
        X509 *x = ca_issue_office(house.ca, csr, length, &id, 30, NULL);
        assert_null(x);
        csr[i] ^= (uint8_t)(1U << (i % 8));
    }
    assert_null(ca_issue_office(house.ca, csr, length - 1, &id, 30, NULL));
    free(csr);
    EVP_PKEY_free(key);
}

static uint8_t *list_of(const struct identity *revoked, int64_t at, uint64_t number, int64_t now,
                        size_t *length)
{
    struct revocation r = {.at_utc_ms = at};
    uint8_t *der = NULL;
    certificate_serial(identity_certificate(revoked), r.serial);
    assert_int_equal(ca_crl(house.ca, &r, 1, number, now, 7, &der, length, NULL), 0);
    return der;
}

static void revocation_counts_from_its_own_time_on(void **state)
{
    (void)state;
    int64_t now = clock_utc_ms();
    size_t length;
    uint8_t *der = list_of(house.c, now, 10, now, &length);
    assert_int_equal(trust_set_crl(house.trust, der, length, NULL), 0);
    X509 *x = identity_certificate(house.c);
    assert_string_equal(judged(x, ROLE_OFFICE, now - 60000), "passes");
    assert_string_equal(judged(x, ROLE_OFFICE, now), "certificate-revoked");
    assert_string_equal(judged(x, ROLE_OFFICE, now + 30 * DAY), "certificate-revoked");
    assert_string_equal(judged(identity_certificate(house.a), ROLE_OFFICE, now), "passes");
    free(der);
}

static void an_older_list_does_not_replace_a_newer_one(void **state)
{
    (void)state;
    int64_t now = clock_utc_ms();
    size_t old_length, new_length;
    uint8_t *newer = list_of(house.c, now - 1000, 20, now, &new_length);
    uint8_t *older = list_of(house.b, now - 1000, 19, now, &old_length);
    assert_int_equal(trust_set_crl(house.trust, newer, new_length, NULL), 0);
    assert_int_equal(trust_set_crl(house.trust, older, old_length, NULL), 1);
    assert_string_equal(judged(identity_certificate(house.c), ROLE_OFFICE, now), "certificate-revoked");
    assert_string_equal(judged(identity_certificate(house.b), ROLE_OFFICE, now), "passes");
    free(newer);
    free(older);
}

static void a_list_with_any_flipped_bit_or_of_another_ca_is_refused(void **state)
{
    (void)state;
    int64_t now = clock_utc_ms();
    size_t length;
    uint8_t *der = list_of(house.c, now, 1000, now, &length);
    for (size_t i = 0; i < length; i++) {
        struct error e = {0};
        der[i] ^= (uint8_t)(1U << (i % 8));
        assert_int_equal(trust_set_crl(house.trust, der, length, &e), -EINVAL);
        assert_string_equal(e.code, "crl");
        der[i] ^= (uint8_t)(1U << (i % 8));
    }
    struct house other;
    house_build(&other);
    assert_int_equal(trust_set_crl(other.trust, der, length, NULL), -EINVAL);
    house_free(&other);
    free(der);
}

static void a_certificate_with_any_flipped_bit_is_refused(void **state)
{
    (void)state;
    uint8_t *der = NULL;
    size_t length = 0;
    assert_int_equal(certificate_to_der(identity_certificate(house.a), &der, &length), 0);
    for (size_t i = 0; i < length; i++) {
        der[i] ^= (uint8_t)(1U << (i % 8));
        X509 *x = certificate_from_der(der, length, NULL);
        if (x)
            assert_string_not_equal(judged(x, ROLE_OFFICE, clock_utc_ms()), "passes");
        X509_free(x);
        der[i] ^= (uint8_t)(1U << (i % 8));
    }
    assert_null(certificate_from_der(der, length - 1, NULL));
    free(der);
}

struct folder {
    char path[64], key[96], certificate[96];
};

static void folder_make(struct folder *f, const struct identity *i)
{
    strcpy(f->path, "/tmp/test-identity-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->key, sizeof f->key, "%s/key.pem", f->path);
    snprintf(f->certificate, sizeof f->certificate, "%s/certificate.pem", f->path);
    char *key = key_to_pem(identity_key(i)), *certificate = certificate_to_pem(identity_certificate(i)),
         *both;
    assert_true(asprintf(&both, "%s%s", certificate, house.files.issuing_certificate) > 0);
    assert_int_equal(file_write(f->key, key, strlen(key), 0600, NULL), 0);
    assert_int_equal(file_write(f->certificate, both, strlen(both), 0644, NULL), 0);
    free(key);
    free(certificate);
    free(both);
}

static void folder_remove(struct folder *f)
{
    unlink(f->key);
    unlink(f->certificate);
    rmdir(f->path);
}

static void an_identity_is_loaded_from_its_files(void **state)
{
    (void)state;
    struct folder f;
    folder_make(&f, house.a);
    struct error e = {0};
    struct identity *i = identity_load(f.key, f.certificate, &e);
    assert_non_null(i);
    assert_string_equal(identity_office(i)->text, OFFICE_A);
    assert_int_equal(identity_add_retired(i, f.key, f.certificate, &e), 0);
    identity_free(i);
    folder_remove(&f);
}

static void a_key_that_others_can_read_is_refused_with_the_remedy(void **state)
{
    (void)state;
    struct folder f;
    folder_make(&f, house.a);
    static const mode_t wider[] = {0640, 0604, 0660, 0601};
    for (size_t i = 0; i < 4; i++) {
        struct error e = {0};
        assert_int_equal(chmod(f.key, wider[i]), 0);
        assert_null(identity_load(f.key, f.certificate, &e));
        assert_int_equal(e.number, -EPERM);
        assert_string_equal(e.code, "key-readable");
        assert_non_null(strstr(e.text, "chmod 600"));
        assert_non_null(strstr(e.text, f.key));
    }
    folder_remove(&f);
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    (void)state;
    struct folder a, b;
    folder_make(&a, house.a);
    folder_make(&b, house.b);
    struct error e = {0};
    assert_null(identity_load(a.key, b.certificate, &e));
    assert_string_equal(e.code, "key-mismatch");
    struct identity *i = identity_load(a.key, a.certificate, &e);
    assert_int_equal(identity_add_retired(i, b.key, b.certificate, &e), -EINVAL);
    assert_string_equal(e.code, "key-mismatch");
    identity_free(i);
    folder_remove(&a);
    folder_remove(&b);
}

static void what_is_no_key_or_certificate_is_refused(void **state)
{
    (void)state;
    struct folder f;
    folder_make(&f, house.a);
    struct error e = {0};
    assert_int_equal(file_write(f.certificate, "nothing", 7, 0644, NULL), 0);
    assert_null(identity_load(f.key, f.certificate, &e));
    assert_string_equal(e.code, "certificate-form");
    assert_int_equal(file_write(f.key, "", 0, 0600, NULL), 0);
    assert_null(identity_load(f.key, f.certificate, &e));
    assert_string_equal(e.code, "key-form");
    assert_null(certificate_from_pem("-----BEGIN CERTIFICATE-----\n", &e));
    assert_null(trust_new("", NULL, &e));
    assert_null(trust_new(house.files.issuing_certificate, NULL, &e));
    assert_null(
        ca_new(house.files.root_key, house.files.issuing_certificate, house.files.root_certificate, &e));
    assert_string_equal(e.code, "key-mismatch");
    folder_remove(&f);
}

static void a_hub_name_cannot_smuggle_another_name(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a b", "hub,URI:urn:careplan:office:0300000100-43", "hub\n"};
    EVP_PKEY *key = key_new();
    struct ca_files files;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_null(ca_issue_signer(house.ca, key, names[i], 30, NULL));
        assert_null(ca_issue_server(house.ca, key, names[i], 30, NULL));
        assert_int_equal(ca_init(names[i], &files, NULL), -EINVAL);
    }
    char name[254];
    memset(name, 'h', 253);
    name[253] = '\0';
    X509 *x = ca_issue_signer(house.ca, key, name, 30, NULL);
    assert_string_equal(judged(x, ROLE_SIGNER, clock_utc_ms()), "passes");
    X509_free(x);
    EVP_PKEY_free(key);
}

static void a_server_certificate_names_its_host_or_address(void **state)
{
    (void)state;
    EVP_PKEY *key = key_new();
    X509 *x = ca_issue_server(house.ca, key, "192.0.2.7", 30, NULL);
    assert_int_equal(X509_check_ip_asc(x, "192.0.2.7", 0), 1);
    X509_free(x);
    x = ca_issue_server(house.ca, key, "2001:db8::7", 30, NULL);
    assert_int_equal(X509_check_ip_asc(x, "2001:db8::7", 0), 1);
    X509_free(x);
    x = ca_issue_server(house.ca, key, "hub.example.jp", 30, NULL);
    assert_int_equal(X509_check_host(x, "hub.example.jp", 0, 0, NULL), 1);
    X509_free(x);
    EVP_PKEY_free(key);
}

#define T(f) cmocka_unit_test_teardown(f, queue_is_empty)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_office_certificate_passes_as_an_office_and_tells_who_it_is),
        T(no_certificate_passes_in_another_role),
        T(a_ca_passes_in_no_role),
        T(validity_is_judged_at_the_given_time),
        T(a_certificate_of_another_hub_is_refused),
        T(an_office_name_is_exactly_one_urn_of_the_canonical_form),
        T(usages_are_exactly_those_of_the_profile),
        T(keys_are_p256_or_rsa_of_3072_bits),
        T(the_hub_takes_only_the_key_of_a_request),
        T(a_request_with_any_flipped_bit_is_refused),
        T(revocation_counts_from_its_own_time_on),
        T(an_older_list_does_not_replace_a_newer_one),
        T(a_list_with_any_flipped_bit_or_of_another_ca_is_refused),
        T(a_certificate_with_any_flipped_bit_is_refused),
        T(an_identity_is_loaded_from_its_files),
        T(a_key_that_others_can_read_is_refused_with_the_remedy),
        T(a_key_of_another_certificate_is_refused),
        T(what_is_no_key_or_certificate_is_refused),
        T(a_hub_name_cannot_smuggle_another_name),
        T(a_server_certificate_names_its_host_or_address),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
