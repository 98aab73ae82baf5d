/* A stranger with openssl and sha256sum, and nothing of ours, proves an exchange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "parcel.h"

struct place {
    struct house house;
    struct parcel parcel;
    char dir[64];
};

static void put(const struct place *p, const char *name, const void *data, size_t length)
{
    char *path = file_join(p->dir, name);
    assert_int_equal(file_write(path, data, length, 0600, NULL), 0);
    free(path);
}

/* Runs a line of shell in the folder; its exit status. */
static int shell(const struct place *p, const char *line)
{
    char *command;
    assert_true(asprintf(&command, "cd %s && { %s; } >out 2>err", p->dir, line) > 0);
    int status = system(command);
    free(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int build(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/test-stock-XXXXXX");
    if (!p || !mkdtemp(p->dir))
        return -1;
    house_build(&p->house);
    parcel_simple(&p->parcel, &p->house);
    struct statement s;
    assert_int_equal(statement_verify(p->parcel.statement.data, p->parcel.statement.length, p->house.trust,
                                      clock_utc_ms(), &s, NULL, NULL),
                     0);
    struct receipt r = {.kind = RECEIPT_ACCEPTED,
                        .sender = s.sender,
                        .id = s.id,
                        .envelope = s.envelope,
                        .manifest = s.manifest,
                        .at = clock_utc_ms()};
    uint8_t *der = NULL;
    size_t length = 0;
    assert_int_equal(receipt_sign(p->house.signer, &r, &der, &length, NULL), 0);
    put(p, "accepted.der", der, length);
    free(der);
    r.kind = RECEIPT_RECEIVED;
    assert_int_equal(receipt_sign(p->house.b, &r, &der, &length, NULL), 0);
    put(p, "received.der", der, length);
    free(der);
    put(p, "statement.der", p->parcel.statement.data, p->parcel.statement.length);
    put(p, "header.der", p->parcel.header.data, p->parcel.header.length);
    put(p, "ciphertext", p->parcel.ciphertext.data, p->parcel.ciphertext.length);
    put(p, "manifest.json", p->parcel.manifest.data, p->parcel.manifest.length);
    put(p, "plan.CSV", "\"202504\"\r\n", 10);
    put(p, "ca.pem", p->house.files.root_certificate, strlen(p->house.files.root_certificate));
    char *key = key_to_pem(identity_key(p->house.b));
    put(p, "b.key", key, strlen(key));
    free(key);
    key = certificate_to_pem(identity_certificate(p->house.b));
    put(p, "b.pem", key, strlen(key));
    free(key);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    assert_int_equal(shell(p, "rm -f ./*"), 0);
    rmdir(p->dir);
    parcel_free(&p->parcel);
    house_free(&p->house);
    free(p);
    return 0;
}

#define VERIFY(name) "openssl cms -verify -inform DER -in " name ".der -CAfile ca.pem -out " name ".json"
/* The value of a member of canonical JSON. */
#define MEMBER(file, key) "$(grep -o '\"" key "\":\"[0-9a-f]*\"' " file ".json | cut -d'\"' -f4)"

static void openssl_cms_verifies_statement_and_receipts(void **state)
{
    assert_int_equal(shell(*state, VERIFY("statement")), 0);
    assert_int_equal(shell(*state, VERIFY("accepted")), 0);
    assert_int_equal(shell(*state, VERIFY("received")), 0);
    assert_int_equal(shell(*state, "grep -q '\"recipient\":\"" OFFICE_B "\"' statement.json"), 0);
    assert_int_equal(shell(*state, "grep -q '\"kind\":\"received\"' received.json"), 0);
}

static void openssl_cms_says_who_signed(void **state)
{
    assert_int_equal(shell(*state,
                           VERIFY("received") " -signer signer.pem && openssl x509 -in signer.pem -noout "
                                              "-ext subjectAltName | grep -q urn:careplan:office:" OFFICE_B),
                     0);
    assert_int_equal(shell(*state,
                           VERIFY("accepted") " -signer signer.pem && openssl x509 -in signer.pem -noout "
                                              "-ext subjectAltName | grep -q urn:careplan:hub:"),
                     0);
}

static void sha256sum_ties_manifest_and_file_to_the_statement(void **state)
{
    assert_int_equal(shell(*state, VERIFY("statement")), 0);
    assert_int_equal(shell(*state, "test \"$(sha256sum <manifest.json | cut -c1-64)\" = \"" MEMBER(
                                       "statement", "manifest") "\""),
                     0);
    assert_int_equal(
        shell(*state, "test \"$(sha256sum <plan.CSV | cut -c1-64)\" = \"" MEMBER("manifest", "sha256") "\""),
        0);
    assert_int_equal(
        shell(*state, "test \"$(cat header.der ciphertext | sha256sum | cut -c1-64)\" = \"" MEMBER(
                          "statement", "envelope") "\""),
        0);
}

static void the_receipts_speak_of_the_same_hashes(void **state)
{
    assert_int_equal(shell(*state, VERIFY("statement") " && " VERIFY("accepted") " && " VERIFY("received")),
                     0);
    assert_int_equal(shell(*state, "for f in accepted received; do for m in id envelope manifest; do "
                                   "a=$(grep -o \"\\\"$m\\\":\\\"[0-9a-f]*\\\"\" statement.json); "
                                   "test -n \"$a\" && grep -qF \"$a\" $f.json || exit 1; done; done"),
                     0);
}

static void openssl_notices_a_changed_statement(void **state)
{
    assert_int_equal(shell(*state,
                           "cp statement.der changed.der; printf X | dd of=changed.der bs=1 conv=notrunc "
                           "seek=$(grep -abo recipient changed.der | head -1 | cut -d: -f1)"),
                     0);
    assert_int_not_equal(shell(*state, VERIFY("changed")), 0);
}

static void openssl_does_not_verify_under_another_root(void **state)
{
    struct house other;
    house_build(&other);
    put(*state, "other.pem", other.files.root_certificate, strlen(other.files.root_certificate));
    house_free(&other);
    assert_int_not_equal(
        shell(*state, "openssl cms -verify -inform DER -in statement.der -CAfile other.pem -out x.json"), 0);
}

/* What we read as AuthEnvelopedData by ECDH and AES-256-GCM is what stock openssl calls so. */
static void openssl_names_the_same_algorithms_in_the_header(void **state)
{
    assert_int_equal(shell(*state, "openssl cms -cmsout -print -inform DER -in header.der"), 0);
    assert_int_equal(shell(*state,
                           "openssl asn1parse -inform DER -in header.der >asn1; "
                           "grep -q authEnvelopedData asn1 && grep -q dhSinglePass-stdDH-sha256kdf asn1 && "
                           "grep -q id-aes256-wrap asn1 && grep -q aes-256-gcm asn1"),
                     0);
}

/* And the recipient needs nothing of ours either to read what he was sent. */
static void openssl_cms_opens_the_envelope_with_the_recipients_key(void **state)
{
    assert_int_equal(shell(*state,
                           "openssl cms -decrypt -inform DER -in header.der -content ciphertext -binary "
                           "-inkey b.key -recip b.pem -out plain"),
                     0);
    assert_int_equal(
        shell(*state, "tail -c 10 plain | cmp - plan.CSV && "
                      "tail -c +9 plain | head -c \"$(stat -c %s manifest.json)\" | cmp - manifest.json"),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_cms_verifies_statement_and_receipts),
        cmocka_unit_test(openssl_cms_says_who_signed),
        cmocka_unit_test(sha256sum_ties_manifest_and_file_to_the_statement),
        cmocka_unit_test(the_receipts_speak_of_the_same_hashes),
        cmocka_unit_test(openssl_notices_a_changed_statement),
        cmocka_unit_test(openssl_does_not_verify_under_another_root),
        cmocka_unit_test(openssl_names_the_same_algorithms_in_the_header),
        cmocka_unit_test(openssl_cms_opens_the_envelope_with_the_recipients_key),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
