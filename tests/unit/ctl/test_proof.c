/* Evidence of an exchange: proven as it is, and every change is named. */
#include <setjmp.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "ctl/evidence_folder.h"
#include "ctl/proof.h"
#include "parcel.h"

struct place {
    struct house house;
    char dir[64];
    struct statement statement;
    int64_t now;
};

/* What the last judgement found wrong: "FILE: TEXT\n"…; and how much was good. */
static char findings[8192];
static size_t good_ones;

static void note(void *context, bool good, const char *file, const char *text)
{
    (void)context;
    good_ones += good;
    if (!good)
        snprintf(findings + strlen(findings), sizeof findings - strlen(findings), "%s: %s\n", file, text);
}

static int judge(const struct place *p, const char *root)
{
    struct error e = {0};
    findings[0] = '\0';
    good_ones = 0;
    return proof_judge(p->dir, root, note, NULL, &e);
}

static void put(const struct place *p, const char *name, const void *data, size_t length)
{
    char *path = file_join(p->dir, name);
    assert_int_equal(file_write(path, data, length, 0644, NULL), 0);
    free(path);
}

static void take_away(const struct place *p, const char *name)
{
    char *path = file_join(p->dir, name);
    unlink(path);
    free(path);
}

static void get(const struct place *p, const char *name, struct buffer *out)
{
    char *path = file_join(p->dir, name);
    buffer_clear(out);
    out->limit = EVIDENCE_FILE_LIMIT;
    assert_int_equal(file_read(path, EVIDENCE_FILE_LIMIT, out, NULL), 0);
    free(path);
}

/* SHA256SUMS over what is there now: a forger has it too. */
static void sum_up(const struct place *p)
{
    struct buffer sums = {0}, data = {0};
    take_away(p, EVIDENCE_SUMS);
    DIR *dir = opendir(p->dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct hash256 hash;
        if (entry->d_name[0] == '.')
            continue;
        get(p, entry->d_name, &data);
        assert_int_equal(evidence_sum(data.data, data.length, &hash), 0);
        evidence_sum_line(&sums, &hash, entry->d_name);
    }
    closedir(dir);
    put(p, EVIDENCE_SUMS, sums.data, sums.length);
    buffer_free(&sums);
    buffer_free(&data);
}

static struct receipt receipt_about(const struct place *p, enum receipt_kind kind)
{
    return (struct receipt){.kind = kind,
                            .sender = p->statement.sender,
                            .id = p->statement.id,
                            .envelope = p->statement.envelope,
                            .manifest = p->statement.manifest,
                            .at = p->now + 1000};
}

static void put_receipt(const struct place *p, const char *name, const struct identity *by,
                        const struct receipt *r)
{
    uint8_t *der = NULL;
    size_t length = 0;
    assert_int_equal(receipt_sign(by, r, &der, &length, NULL), 0);
    put(p, name, der, length);
    free(der);
}

static void put_list(const struct place *p, const struct identity *revoked, int64_t at)
{
    struct revocation r = {.at_utc_ms = at};
    uint8_t *der = NULL;
    size_t length = 0;
    if (revoked)
        certificate_serial(identity_certificate(revoked), r.serial);
    assert_int_equal(ca_crl(p->house.ca, &r, revoked != NULL, 5, p->now, 7, &der, &length, NULL), 0);
    put(p, "crl.der", der, length);
    free(der);
}

static void put_file_sums(const struct place *p)
{
    struct buffer sums = {0};
    struct hash256 hash;
    assert_int_equal(evidence_sum("\"202504\"\r\n", 10, &hash), 0);
    evidence_sum_line(&sums, &hash, "UPPLAN_202504_0300000100_43_0300000200_11_20250401090000.CSV");
    put(p, EVIDENCE_FILE_SUMS, sums.data, sums.length);
    buffer_free(&sums);
}

static int build(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/test-proof-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    house_build(&p->house);
    struct parcel parcel;
    parcel_simple(&parcel, &p->house);
    p->now = clock_utc_ms();
    assert_int_equal(statement_verify(parcel.statement.data, parcel.statement.length, p->house.trust, p->now,
                                      &p->statement, NULL, NULL),
                     0);
    put(p, "statement.der", parcel.statement.data, parcel.statement.length);
    put(p, "manifest.json", parcel.manifest.data, parcel.manifest.length);
    parcel_free(&parcel);
    put(p, "ca.pem", p->house.files.root_certificate, strlen(p->house.files.root_certificate));
    put(p, "issuing.pem", p->house.files.issuing_certificate, strlen(p->house.files.issuing_certificate));
    struct receipt accepted = receipt_about(p, RECEIPT_ACCEPTED),
                   received = receipt_about(p, RECEIPT_RECEIVED), taken = receipt_about(p, RECEIPT_TAKEN);
    strcpy(taken.detail, "read");
    put_receipt(p, "accepted.der", p->house.signer, &accepted);
    put_receipt(p, "received.der", p->house.b, &received);
    put_receipt(p, "taken.der", p->house.b, &taken);
    put_list(p, NULL, 0);
    put_file_sums(p);
    sum_up(p);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s' '%s.files' '%s.out'", p->dir, p->dir, p->dir);
    int r = system(command);
    house_free(&p->house);
    free(p);
    return r;
}

static void wrong(struct place *p, const char *file, const char *words)
{
    sum_up(p);
    int n = judge(p, NULL);
    char start[64];
    snprintf(start, sizeof start, "%s: ", file);
    if (n < 1 || !strstr(findings, start) || !strstr(findings, words))
        fail_msg("expected '%s%s', found %d:\n%s", start, words, n, findings);
}

static void good_evidence_is_proven(void **state)
{
    struct place *p = *state;
    assert_int_equal(judge(p, NULL), 0);
    assert_true(good_ones >= 8);
}

static void any_changed_byte_is_named_by_its_file(void **state)
{
    struct place *p = *state;
    static const char *const names[] = {"statement.der", "manifest.json", "accepted.der",
                                        "received.der",  "taken.der",     "ca.pem",
                                        "issuing.pem",   "crl.der",       EVIDENCE_FILE_SUMS};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buffer data = {0};
        char start[64];
        snprintf(start, sizeof start, "%s: ", names[i]);
        get(p, names[i], &data);
        for (size_t at = 0; at < data.length; at += data.length / 7) {
            data.data[at] ^= 1;
            put(p, names[i], data.data, data.length);
            assert_true(judge(p, NULL) > 0);
            assert_non_null(strstr(findings, start));
            data.data[at] ^= 1;
        }
        put(p, names[i], data.data, data.length);
        buffer_free(&data);
    }
    assert_int_equal(judge(p, NULL), 0);
}

static void any_changed_bit_of_the_list_itself_is_noticed(void **state)
{
    struct place *p = *state;
    struct buffer data = {0};
    get(p, EVIDENCE_SUMS, &data);
    for (size_t bit = 0; bit < 8 * data.length; bit += 17) {
        data.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        put(p, EVIDENCE_SUMS, data.data, data.length);
        assert_true(judge(p, NULL) > 0);
        data.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    buffer_free(&data);
}

static void what_is_missing_or_more_is_named(void **state)
{
    struct place *p = *state;
    put(p, "letter.txt", "x", 1);
    assert_int_equal(judge(p, NULL), 1);
    assert_non_null(strstr(findings, "letter.txt: "));
    take_away(p, "letter.txt");
    static const char *const names[] = {"statement.der", "manifest.json", "accepted.der",     "ca.pem",
                                        "issuing.pem",   "crl.der",       EVIDENCE_FILE_SUMS, EVIDENCE_SUMS};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buffer data = {0};
        get(p, names[i], &data);
        take_away(p, names[i]);
        assert_true(judge(p, NULL) > 0);
        assert_non_null(strstr(findings, names[i]));
        put(p, names[i], data.data, data.length);
        buffer_free(&data);
    }
}

static void an_acceptance_by_anybody_but_the_hub_is_refused(void **state)
{
    struct place *p = *state;
    struct receipt r = receipt_about(p, RECEIPT_ACCEPTED);
    put_receipt(p, "accepted.der", p->house.a, &r);
    wrong(p, "accepted.der", "certificate-profile");
}

static void an_acceptance_of_another_message_is_refused(void **state)
{
    struct place *p = *state;
    struct receipt r = receipt_about(p, RECEIPT_ACCEPTED);
    message_id_new(&r.id);
    put_receipt(p, "accepted.der", p->house.signer, &r);
    wrong(p, "accepted.der", "another message");
}

static void a_receipt_in_the_place_of_the_acceptance_is_refused(void **state)
{
    struct place *p = *state;
    struct receipt r = receipt_about(p, RECEIPT_RECEIVED);
    put_receipt(p, "accepted.der", p->house.b, &r);
    wrong(p, "accepted.der", "no acceptance");
}

static void a_receipt_by_another_office_is_refused(void **state)
{
    struct place *p = *state;
    struct receipt r = receipt_about(p, RECEIPT_RECEIVED);
    put_receipt(p, "received.der", p->house.c, &r);
    wrong(p, "received.der", OFFICE_C);
}

static void a_receipt_over_other_hashes_is_refused(void **state)
{
    struct place *p = *state;
    struct receipt r = receipt_about(p, RECEIPT_RECEIVED);
    r.manifest.bytes[0] ^= 1;
    put_receipt(p, "received.der", p->house.b, &r);
    wrong(p, "received.der", "another message");
}

static void a_receipt_under_the_name_of_another_kind_is_refused(void **state)
{
    struct place *p = *state;
    struct receipt r = receipt_about(p, RECEIPT_RECEIVED);
    put_receipt(p, "taken.der", p->house.b, &r);
    wrong(p, "taken.der", "another kind");
}

static void a_receipt_before_the_acceptance_is_refused(void **state)
{
    struct place *p = *state;
    struct receipt r = receipt_about(p, RECEIPT_ACCEPTED), early = receipt_about(p, RECEIPT_RECEIVED);
    r.at = p->now + 3600 * 1000;
    early.at = p->now;
    put_receipt(p, "accepted.der", p->house.signer, &r);
    put_receipt(p, "received.der", p->house.b, &early);
    wrong(p, "received.der", "older");
}

static void another_manifest_is_refused(void **state)
{
    struct place *p = *state;
    char *text = manifest_of(&p->statement, "b.CSV", "other");
    put(p, "manifest.json", text, strlen(text));
    free(text);
    wrong(p, "manifest.json", "not the manifest");
}

static void file_hashes_that_differ_from_the_manifest_are_refused(void **state)
{
    struct place *p = *state;
    put(p, EVIDENCE_FILE_SUMS, "", 0);
    wrong(p, EVIDENCE_FILE_SUMS, "manifest");
}

static void a_foreign_root_proves_nothing(void **state)
{
    struct place *p = *state;
    struct house other;
    char root[] = "/tmp/test-proof-root-XXXXXX";
    int fd = mkstemp(root);
    close(fd);
    house_build(&other);
    assert_int_equal(
        file_write(root, other.files.root_certificate, strlen(other.files.root_certificate), 0644, NULL), 0);
    assert_true(judge(p, root) > 0);
    assert_int_equal(file_write(root, p->house.files.root_certificate,
                                strlen(p->house.files.root_certificate), 0644, NULL),
                     0);
    assert_int_equal(judge(p, root), 0);
    unlink(root);
    house_free(&other);
}

static void revocation_counts_from_its_time_on(void **state)
{
    struct place *p = *state;
    put_list(p, p->house.a, p->now + 60000); /* after the acceptance */
    sum_up(p);
    assert_int_equal(judge(p, NULL), 0);
    put_list(p, p->house.a, p->now - 60000);
    wrong(p, "statement.der", "certificate-revoked");
}

/* The commands of docs/evidence.md, as they stand there. `root` may be NULL. */
static int stock_tools(const struct place *p, const char *root)
{
    struct buffer page = {.limit = 1 << 20};
    char script[] = "/tmp/test-proof-script-XXXXXX", command[512];
    int fd = mkstemp(script);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_read(EVIDENCE_PAGE, 1 << 20, &page, NULL), 0);
    const char *begin = strstr((const char *)page.data, "```sh\n"),
               *end = begin ? strstr(begin + 6, "```") : NULL;
    assert_non_null(end);
    assert_int_equal(file_write(script, begin + 6, (size_t)(end - begin) - 6, 0600, NULL), 0);
    snprintf(command, sizeof command, "DIR=%s FILES=%s.files CA=%s sh %s >%s.out 2>&1", p->dir, p->dir,
             root ? root : "", script, p->dir);
    int r = system(command);
    unlink(script);
    buffer_free(&page);
    return r;
}

static void put_files(const struct place *p, const char *data)
{
    char path[256];
    snprintf(path, sizeof path, "%s.files", p->dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s.files/UPPLAN_202504_0300000100_43_0300000200_11_20250401090000.CSV",
             p->dir);
    assert_int_equal(file_write(path, data, strlen(data), 0600, NULL), 0);
}

static void the_documented_commands_prove_it_with_stock_tools(void **state)
{
    struct place *p = *state;
    put_files(p, "\"202504\"\r\n");
    assert_int_equal(stock_tools(p, NULL), 0);
    put_files(p, "\"202505\"\r\n");
    assert_int_not_equal(stock_tools(p, NULL), 0);
}

/* Each forgery has fitting sums; the commands must notice it by what is signed. */
static void the_documented_commands_notice_what_is_wrong(void **state)
{
    struct place *p = *state;
    struct receipt accepted = receipt_about(p, RECEIPT_ACCEPTED),
                   received = receipt_about(p, RECEIPT_RECEIVED), r;
    put_files(p, "\"202504\"\r\n");
    put_receipt(p, "accepted.der", p->house.a, &accepted); /* not the hub */
    sum_up(p);
    assert_int_not_equal(stock_tools(p, NULL), 0);
    r = accepted;
    r.envelope.bytes[3] ^= 1; /* another envelope */
    put_receipt(p, "accepted.der", p->house.signer, &r);
    sum_up(p);
    assert_int_not_equal(stock_tools(p, NULL), 0);
    put_receipt(p, "accepted.der", p->house.signer, &accepted);
    put_receipt(p, "received.der", p->house.c, &received); /* not the recipient */
    sum_up(p);
    assert_int_not_equal(stock_tools(p, NULL), 0);
    put_receipt(p, "received.der", p->house.b, &received);
    put_list(p, p->house.a, p->now - 60000); /* a revoked sender */
    sum_up(p);
    assert_int_not_equal(stock_tools(p, NULL), 0);
    put_list(p, NULL, 0);
    struct buffer manifest = {0};
    get(p, "manifest.json", &manifest);
    manifest.data[manifest.length / 2] ^= 1;
    put(p, "manifest.json", manifest.data, manifest.length);
    sum_up(p);
    assert_int_not_equal(stock_tools(p, NULL), 0);
    manifest.data[manifest.length / 2] ^= 1;
    put(p, "manifest.json", manifest.data, manifest.length);
    assert_int_not_equal(stock_tools(p, NULL), 0); /* the sums */
    sum_up(p);
    assert_int_equal(stock_tools(p, NULL), 0);
    buffer_free(&manifest);
}

static void what_is_no_folder_cannot_be_judged(void **state)
{
    struct place *p = *state;
    struct error e = {0};
    char *file = file_join(p->dir, "ca.pem");
    assert_int_equal(proof_judge("/nonexistent", NULL, note, NULL, &e), -ENOENT);
    assert_int_equal(proof_judge(file, NULL, note, NULL, &e), -ENOTDIR);
    free(file);
}

static void names_in_the_folder_never_leave_it(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "", ".", "..", "../x", "a/b", ".hidden", "-rf", "a b", "a\n", "a-name-that-is-longer-than-it-may-be"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(evidence_name_fits(refused[i]));
    assert_true(evidence_name_fits("received-2.der") && evidence_name_fits(EVIDENCE_SUMS));
}

static void sums_are_written_as_sha256sum_reads_them(void **state)
{
    struct place *p = *state;
    struct buffer sums = {0};
    struct hash256 hash;
    char command[256];
    assert_int_equal(evidence_sum("x", 1, &hash), 0);
    evidence_sum_line(&sums, &hash, "a\\b c");
    put(p, "odd.sha256", sums.data, sums.length);
    put(p, "a\\b c", "x", 1);
    snprintf(command, sizeof command, "cd %s && sha256sum --strict -c odd.sha256 %s >/dev/null 2>&1", p->dir,
             EVIDENCE_SUMS);
    assert_int_equal(system(command), 0);
    buffer_free(&sums);
}

#define PLACED(test) cmocka_unit_test_setup_teardown(test, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACED(good_evidence_is_proven),
        PLACED(any_changed_byte_is_named_by_its_file),
        PLACED(any_changed_bit_of_the_list_itself_is_noticed),
        PLACED(what_is_missing_or_more_is_named),
        PLACED(an_acceptance_by_anybody_but_the_hub_is_refused),
        PLACED(an_acceptance_of_another_message_is_refused),
        PLACED(a_receipt_in_the_place_of_the_acceptance_is_refused),
        PLACED(a_receipt_by_another_office_is_refused),
        PLACED(a_receipt_over_other_hashes_is_refused),
        PLACED(a_receipt_under_the_name_of_another_kind_is_refused),
        PLACED(a_receipt_before_the_acceptance_is_refused),
        PLACED(another_manifest_is_refused),
        PLACED(file_hashes_that_differ_from_the_manifest_are_refused),
        PLACED(a_foreign_root_proves_nothing),
        PLACED(revocation_counts_from_its_time_on),
        PLACED(the_documented_commands_prove_it_with_stock_tools),
        PLACED(the_documented_commands_notice_what_is_wrong),
        PLACED(what_is_no_folder_cannot_be_judged),
        cmocka_unit_test(names_in_the_folder_never_leave_it),
        PLACED(sums_are_written_as_sha256sum_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
