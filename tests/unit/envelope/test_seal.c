/* Sealing and opening: what goes in comes out, in constant memory or not at all. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
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

static uint8_t *noise(size_t length)
{
    uint8_t *p = malloc(length + 1);
    assert_non_null(p);
    for (size_t i = 0, n; i < length; i += n) {
        n = length - i < 256 ? length - i : 256;
        random_bytes(p + i, n);
    }
    return p;
}

static struct order a_to_b(void)
{
    return (struct order){.from = house.a,
                          .to = identity_certificate(house.b),
                          .to_office = OFFICE_B,
                          .sequence = "20250401090000"};
}

/* Seals `c` by `order`, opens as `self` in steps of `step`, and compares. */
static void travels(const struct order *order, const struct contents *c, const struct identity *self,
                    size_t step)
{
    struct parcel p;
    struct delivery d;
    struct error e = {0};
    assert_int_equal(parcel_seal(&p, order, c, &e), 0);
    assert_string_equal(parcel_judge(&p, house.trust, self, clock_utc_ms(), step, &d), "opened");
    assert_int_equal(d.n, c->n);
    assert_int_equal(d.ended, c->n);
    assert_string_equal(d.manifest.sequence, order->sequence);
    assert_int_equal(d.statement.head.n, 7);
    for (size_t i = 0; i < c->n; i++) {
        assert_string_equal(d.files[i].name, c->files[i].name);
        assert_string_equal(d.files[i].kind, c->files[i].kind);
        assert_int_equal(d.data[i].length, c->files[i].size);
        if (c->files[i].size)
            assert_memory_equal(d.data[i].data, c->data[i], d.data[i].length);
    }
    delivery_free(&d);
    parcel_free(&p);
}

static void a_unit_of_small_files_travels(void **state)
{
    (void)state;
    struct contents c = {0};
    contents_add(&c, "UPHOSOKU_202504_0300000100_43_0300000200_11_20250401090000.CSV", "UPHOSOKU",
                 "\"1\"\r\n", 5);
    contents_add(&c, "UPSIKYU_202504_0300000100_43_0300000200_11_20250401090000.CSV", "UPSIKYU", "", 0);
    contents_add(&c, "UPPLAN_202504_0300000100_43_0300000200_11_20250401090000.CSV", "UPPLAN",
                 "\"2\",\"x\"\r\n", 9);
    struct order order = a_to_b();
    travels(&order, &c, house.b, 0);
    order.without_rewind = true;
    travels(&order, &c, house.b, 1);
}

static void a_unit_travels_at_the_bound_of_one_pass_and_one_byte_beyond(void **state)
{
    (void)state;
    for (size_t beyond = 0; beyond < 2; beyond++) {
        size_t size = ENVELOPE_ONE_PASS + beyond;
        uint8_t *data = noise(size);
        struct contents c = {0};
        contents_add(&c, "scan.pdf", "document", data, size);
        struct order order = a_to_b();
        order.sequence = "";
        travels(&order, &c, house.b, 0);
        free(data);
    }
}

static void a_large_unit_of_several_files_is_read_twice_and_travels(void **state)
{
    (void)state;
    enum { SIZE = 3 * 1024 * 1024 + 17 };
    uint8_t *data = noise(SIZE);
    struct contents c = {0};
    contents_add(&c, "UPKIHON_IMAGE_0300000100_43_0300000200_11_20250401090000_0001.jpg", "UPKIHON_IMAGE",
                 data, SIZE);
    contents_add(&c, "empty.CSV", "UPPLAN", "", 0);
    contents_add(&c, "UPKIHON_0300000100_43_0300000200_11_20250401090000.CSV", "UPKIHON", data + 5, 65536);
    struct order order = a_to_b();
    travels(&order, &c, house.b, 4099);
    free(data);
}

static void a_large_unit_that_cannot_be_read_twice_is_refused(void **state)
{
    (void)state;
    uint8_t *data = noise(ENVELOPE_ONE_PASS + 1);
    struct contents c = {0};
    contents_add(&c, "scan.pdf", "document", data, ENVELOPE_ONE_PASS + 1);
    struct order order = a_to_b();
    order.sequence = "";
    order.without_rewind = true;
    struct parcel p;
    struct error e = {0};
    assert_int_equal(parcel_seal(&p, &order, &c, &e), -EINVAL);
    assert_string_equal(e.code, "seal-rewind");
    assert_int_equal(p.ciphertext.length, 0);
    parcel_free(&p);
    free(data);
}

static void an_office_with_an_rsa_key_is_sealed_to_as_well(void **state)
{
    (void)state;
    struct identity *rsa = house_identity(&house, rsa_key(3072), OFFICE_C);
    struct contents c = {0};
    contents_add(&c, "a.pdf", "document", "%PDF", 4);
    struct order order = a_to_b();
    order.to = identity_certificate(rsa);
    order.to_office = OFFICE_C;
    order.sequence = "";
    travels(&order, &c, rsa, 0);
    order.from = rsa;
    order.to = identity_certificate(house.b);
    order.to_office = OFFICE_B;
    travels(&order, &c, house.b, 0);
    identity_free(rsa);
}

static void mail_under_way_opens_with_the_retired_key(void **state)
{
    (void)state;
    struct parcel p;
    parcel_simple(&p, &house); /* to the old key of B */
    char folder[] = "/tmp/test-seal-XXXXXX", key[64], certificate[64];
    assert_non_null(mkdtemp(folder));
    snprintf(key, sizeof key, "%s/key", folder);
    snprintf(certificate, sizeof certificate, "%s/certificate", folder);
    char *pem = key_to_pem(identity_key(house.b)), *leaf = certificate_to_pem(identity_certificate(house.b));
    assert_int_equal(file_write(key, pem, strlen(pem), 0600, NULL), 0);
    assert_int_equal(file_write(certificate, leaf, strlen(leaf), 0644, NULL), 0);
    struct identity *renewed = house_identity(&house, key_new(), OFFICE_B);
    assert_string_equal(parcel_judge(&p, house.trust, renewed, clock_utc_ms(), 0, NULL), "wrong-recipient");
    assert_int_equal(identity_add_retired(renewed, key, certificate, NULL), 0);
    assert_string_equal(parcel_judge(&p, house.trust, renewed, clock_utc_ms(), 0, NULL), "opened");
    identity_free(renewed);
    unlink(key);
    unlink(certificate);
    rmdir(folder);
    free(pem);
    free(leaf);
    parcel_free(&p);
}

static void the_statement_names_the_message_that_it_replaces(void **state)
{
    (void)state;
    struct message_id old;
    message_id_new(&old);
    struct contents c = {0};
    contents_add(&c, "a.pdf", "document", "x", 1);
    struct order order = a_to_b();
    order.replaces = &old;
    struct parcel p;
    struct delivery d;
    assert_int_equal(parcel_seal(&p, &order, &c, NULL), 0);
    assert_string_equal(parcel_judge(&p, house.trust, house.b, clock_utc_ms(), 0, &d), "opened");
    assert_true(d.statement.has_replaces);
    assert_memory_equal(d.statement.replaces.bytes, old.bytes, sizeof old.bytes);
    delivery_free(&d);
    parcel_free(&p);
}

static void two_envelopes_over_the_same_files_have_nothing_in_common(void **state)
{
    (void)state;
    struct parcel p, q;
    parcel_simple(&p, &house);
    parcel_simple(&q, &house);
    assert_int_equal(p.ciphertext.length, q.ciphertext.length);
    assert_memory_not_equal(p.ciphertext.data, q.ciphertext.data, 64);
    assert_memory_not_equal(p.manifest.data, q.manifest.data, p.manifest.length); /* the salt */
    parcel_free(&p);
    parcel_free(&q);
}

/* --- what stops the sealing --- */

struct stubborn {
    const char *text;
    size_t at, reads;
    int read_error, rewind_error, write_error;
    size_t written;
    bool changes; /* another byte at the second reading */
    bool second;
    size_t filler; /* bytes in front of `text` */
};

static int64_t stubborn_read(void *context, size_t index, void *out, size_t size)
{
    struct stubborn *s = context;
    (void)index;
    s->reads++;
    if (s->read_error)
        return s->read_error;
    size_t all = s->filler + strlen(s->text), n = all - s->at < size ? all - s->at : size;
    memset(out, s->second && s->changes ? 'y' : 'x', n);
    for (size_t i = 0; i < n; i++)
        if (s->at + i >= s->filler)
            ((char *)out)[i] = s->text[s->at + i - s->filler];
    s->at += n;
    return (int64_t)n;
}

static int stubborn_rewind(void *context)
{
    struct stubborn *s = context;
    s->at = 0;
    s->second = true;
    return s->rewind_error;
}

static int stubborn_write(void *context, const void *data, size_t length)
{
    struct stubborn *s = context;
    (void)data;
    s->written += length;
    return s->write_error;
}

static int seal_stubborn(struct stubborn *s, const struct envelope_file *file, struct error *e)
{
    struct seal_request q = {.sender = house.a,
                             .recipient = identity_certificate(house.b),
                             .recipient_office = office(OFFICE_B),
                             .created = clock_utc_ms(),
                             .sequence = "",
                             .files = file,
                             .n_files = 1,
                             .read = stubborn_read,
                             .rewind = stubborn_rewind,
                             .write = stubborn_write,
                             .context = s};
    struct sealed sealed;
    int r = envelope_seal(&q, &sealed, e);
    if (r) {
        assert_null(sealed.statement);
        assert_null(sealed.header);
        assert_null(sealed.manifest);
    }
    sealed_free(&sealed);
    return r;
}

static struct envelope_file file_of(const void *data, size_t length)
{
    struct contents c = {0};
    contents_add(&c, "a.pdf", "document", data, length);
    return c.files[0];
}

static void a_file_that_is_not_what_was_recorded_is_not_sealed(void **state)
{
    (void)state;
    static const char *const now[] = {"abcX", "abc", "abcde", ""};
    struct envelope_file file = file_of("abcd", 4);
    for (size_t i = 0; i < 4; i++) {
        struct stubborn s = {.text = now[i]};
        struct error e = {0};
        assert_int_equal(seal_stubborn(&s, &file, &e), -EIO);
        assert_string_equal(e.code, "file-changed");
        assert_int_equal(s.written, 0);
    }
}

static void a_file_that_changes_between_the_readings_is_not_sealed(void **state)
{
    (void)state;
    enum { SIZE = ENVELOPE_ONE_PASS + 100 };
    uint8_t *data = malloc(SIZE);
    memset(data, 'x', SIZE);
    struct envelope_file file = file_of(data, SIZE);
    struct stubborn same = {.text = "", .filler = SIZE},
                    other = {.text = "", .filler = SIZE, .changes = true};
    struct error e = {0};
    assert_int_equal(seal_stubborn(&same, &file, &e), 0);
    assert_int_equal(seal_stubborn(&other, &file, &e), -EIO);
    assert_string_equal(e.code, "file-changed");
    free(data);
}

static void errors_of_reader_and_writer_come_back_as_they_are(void **state)
{
    (void)state;
    enum { SIZE = ENVELOPE_ONE_PASS + 100 };
    uint8_t *data = malloc(SIZE);
    memset(data, 'x', SIZE);
    struct envelope_file small = file_of("abcd", 4), large = file_of(data, SIZE);
    struct stubborn reads = {.text = "abcd", .read_error = -ESTALE},
                    writes = {.text = "abcd", .write_error = -ENOSPC},
                    rewinds = {.text = "", .filler = SIZE, .rewind_error = -ENOENT};
    struct error e = {0};
    assert_int_equal(seal_stubborn(&reads, &small, &e), -ESTALE);
    assert_string_equal(e.code, "seal-read");
    assert_int_equal(seal_stubborn(&writes, &small, &e), -ENOSPC);
    assert_string_equal(e.code, "seal-write");
    assert_int_equal(seal_stubborn(&rewinds, &large, &e), -ENOENT);
    assert_string_equal(e.code, "seal-read");
    assert_int_equal(rewinds.written, 0);
    free(data);
}

static void what_the_recipient_would_refuse_is_not_sealed(void **state)
{
    (void)state;
    static const char *const names[] = {"", ".", "..", "a/b", "a\nb", "a\x7f", "\xff\xfe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct envelope_file file = file_of("abcd", 4);
        strcpy(file.name, names[i]);
        struct stubborn s = {.text = "abcd"};
        struct error e = {0};
        assert_int_not_equal(seal_stubborn(&s, &file, &e), 0);
        assert_string_equal(e.code, "manifest-form");
        assert_int_equal(s.reads, 0);
    }
    struct envelope_file file = file_of("abcd", 4);
    struct stubborn s = {.text = "abcd"};
    struct error e = {0};
    strcpy(file.kind, "UP PLAN");
    assert_int_not_equal(seal_stubborn(&s, &file, &e), 0);
    assert_string_equal(e.code, "manifest-form");
    file = file_of("abcd", 4);
    file.size = ENVELOPE_UNIT_MAX + 1;
    assert_int_equal(seal_stubborn(&s, &file, &e), -EFBIG);
    assert_string_equal(e.code, "unit-size");
    assert_int_equal(s.reads, 0);
}

static void a_unit_has_files_of_different_names_and_a_sequence_of_14_digits_or_none(void **state)
{
    (void)state;
    struct parcel p;
    struct error e = {0};
    struct order order = a_to_b();
    struct contents none = {0}, twice = {0}, one = {0};
    assert_int_equal(parcel_seal(&p, &order, &none, &e), -EINVAL);
    parcel_free(&p);
    contents_add(&twice, "a.pdf", "document", "x", 1);
    contents_add(&twice, "a.pdf", "document", "y", 1);
    assert_int_equal(parcel_seal(&p, &order, &twice, &e), -EBADMSG);
    parcel_free(&p);
    contents_add(&one, "a.pdf", "document", "x", 1);
    static const char *const sequences[] = {"2025040109000", "202504010900000", "2025040109000x", "-"};
    for (size_t i = 0; i < 4; i++) {
        order.sequence = sequences[i];
        assert_int_not_equal(parcel_seal(&p, &order, &one, &e), 0);
        assert_string_equal(e.code, "manifest-form");
        parcel_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_unit_of_small_files_travels, queue_is_empty),
        cmocka_unit_test_teardown(a_unit_travels_at_the_bound_of_one_pass_and_one_byte_beyond,
                                  queue_is_empty),
        cmocka_unit_test_teardown(a_large_unit_of_several_files_is_read_twice_and_travels, queue_is_empty),
        cmocka_unit_test_teardown(a_large_unit_that_cannot_be_read_twice_is_refused, queue_is_empty),
        cmocka_unit_test_teardown(an_office_with_an_rsa_key_is_sealed_to_as_well, queue_is_empty),
        cmocka_unit_test_teardown(mail_under_way_opens_with_the_retired_key, queue_is_empty),
        cmocka_unit_test_teardown(the_statement_names_the_message_that_it_replaces, queue_is_empty),
        cmocka_unit_test_teardown(two_envelopes_over_the_same_files_have_nothing_in_common, queue_is_empty),
        cmocka_unit_test_teardown(a_file_that_is_not_what_was_recorded_is_not_sealed, queue_is_empty),
        cmocka_unit_test_teardown(a_file_that_changes_between_the_readings_is_not_sealed, queue_is_empty),
        cmocka_unit_test_teardown(errors_of_reader_and_writer_come_back_as_they_are, queue_is_empty),
        cmocka_unit_test_teardown(what_the_recipient_would_refuse_is_not_sealed, queue_is_empty),
        cmocka_unit_test_teardown(a_unit_has_files_of_different_names_and_a_sequence_of_14_digits_or_none,
                                  queue_is_empty),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
