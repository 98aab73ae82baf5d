/* A partner whose program is not ours: what it seals and signs correctly, and what of it goes into the inbox.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "base/clock.h"
#include "station.h"

struct world {
    struct house house;
    struct stub_hub hub;
    struct station service;
    struct identity *care; /* the partner's */
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    house_build(&w->house);
    stub_start(&w->hub, &w->house);
    station_make(&w->service, &w->house, SERVICE);
    w->care = house_identity(&w->house, key_new(), CARE);
    X509 *own = station_certificate(&w->service);
    stub_office(&w->hub, CARE, "架空居宅", identity_certificate(w->care), "token");
    stub_office(&w->hub, SERVICE, "架空訪問", own, "token");
    X509_free(own);
    station_open(&w->service, w->hub.port);
    station_start(&w->service);
    assert_true(station_wait_knows(&w->service, CARE));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    station_close(&w->service);
    stub_stop(&w->hub);
    station_remove(&w->service);
    identity_free(w->care);
    house_free(&w->house);
    free(w);
    return 0;
}

/* ---- sealing by hand ---- */

struct given {
    const char *name, *kind;
    size_t size;
    uint64_t at;
};
struct letter {
    struct given *files;
    size_t n_files;
    const char *sequence, *to;
    int64_t created;
    size_t index;
    uint64_t at;
    struct buffer ciphertext;
};

static void fill(uint8_t *out, uint64_t at, size_t n)
{
    static const char start[] = "%PDF-1.7\n";
    for (size_t i = 0; i < n; i++)
        out[i] = at + i < sizeof start - 1 ? (uint8_t)start[at + i] : (uint8_t)((at + i) * 31 >> 3);
}

static int64_t read_given(void *context, size_t index, void *out, size_t size)
{
    struct letter *l = context;
    if (index != l->index) {
        l->index = index;
        l->at = 0;
    }
    size_t left = l->files[index].size - (size_t)l->at, n = left < size ? left : size;
    fill(out, l->at, n);
    l->at += n;
    return (int64_t)n;
}

static int again(void *context)
{
    struct letter *l = context;
    l->index = 0;
    l->at = 0;
    return 0;
}

static int keep(void *context, const void *data, size_t length)
{
    return buffer_append(&((struct letter *)context)->ciphertext, data, length);
}

static void hash_given(const struct given *g, struct envelope_file *f)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t block[4096];
    assert_true(EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
    for (size_t at = 0; at < g->size;) {
        size_t n = g->size - at < sizeof block ? g->size - at : sizeof block;
        fill(block, at, n);
        EVP_DigestUpdate(md, block, n);
        at += n;
    }
    EVP_DigestFinal_ex(md, f->sha256.bytes, NULL);
    EVP_MD_CTX_free(md);
}

/* What the envelope's own maker refuses to seal (a name with a slash) has tests there. */
static void post(struct world *w, struct letter *l)
{
    struct envelope_file *files = calloc(l->n_files, sizeof *files);
    struct sealed sealed;
    struct error e = {0};
    X509 *recipient = station_certificate(&w->service);
    struct office_id sender = office(CARE), to = office(l->to ? l->to : SERVICE);
    struct message_id id;
    message_id_new(&id);
    l->ciphertext.limit = 256 << 20;
    for (size_t i = 0; i < l->n_files; i++) {
        snprintf(files[i].name, sizeof files[i].name, "%s", l->files[i].name);
        snprintf(files[i].kind, sizeof files[i].kind, "%s", l->files[i].kind);
        files[i].size = l->files[i].size;
        hash_given(&l->files[i], &files[i]);
    }
    struct seal_request request = {.sender = w->care,
                                   .recipient = recipient,
                                   .id = id,
                                   .recipient_office = to,
                                   .created = l->created ? l->created : clock_utc_ms(),
                                   .sequence = l->sequence ? l->sequence : "",
                                   .files = files,
                                   .n_files = l->n_files,
                                   .read = read_given,
                                   .rewind = again,
                                   .write = keep,
                                   .context = l};
    if (envelope_seal(&request, &sealed, &e))
        fail_msg("%s", e.text);
    struct office_id mailbox = office(SERVICE);
    stub_put(&w->hub, &sealed, &l->ciphertext, &sender, &id, &mailbox);
    sealed_free(&sealed);
    buffer_free(&l->ciphertext);
    X509_free(recipient);
    free(files);
}

static void refused_with(struct world *w, const char *reason)
{
    char got[48];
    assert_true(station_wait_in(&w->service, "refused", 1, 20));
    station_reason_in(&w->service, got);
    assert_string_equal(got, reason);
    assert_int_equal(station_count_in(&w->service, NULL), 1);
}

/* ---- the rules ---- */

static void documents_of_one_message_arrive_together(void **state)
{
    struct world *w = *state;
    struct given files[] = {{"a.pdf", "document", 3000, 0}, {"b.pdf", "document", 2 << 20, 0}};
    struct letter l = {.files = files, .n_files = 2};
    struct hash256 hash;
    uint64_t size;
    post(w, &l);
    assert_true(station_wait_in(&w->service, "arrived", 1, 20));
    assert_true(station_arrived(&w->service, "b.pdf", &hash, &size));
    assert_int_equal(size, 2 << 20);
}

static void two_names_that_windows_holds_for_one_are_refused(void **state)
{
    struct world *w = *state;
    struct given files[] = {{"scan.pdf", "document", 3000, 0}, {"SCAN.PDF", "document", 3000, 0}};
    struct letter l = {.files = files, .n_files = 2};
    post(w, &l);
    refused_with(w, "file-twins");
}

static void a_name_that_windows_cannot_hold_is_refused(void **state)
{
    struct world *w = *state;
    struct given files[] = {{"scan?.pdf", "document", 3000, 0}};
    struct letter l = {.files = files, .n_files = 1};
    post(w, &l);
    refused_with(w, "file-name");
}

static void a_document_under_a_sequence_number_is_refused(void **state)
{
    struct world *w = *state;
    struct given files[] = {{"scan.pdf", "document", 3000, 0}};
    struct letter l = {.files = files, .n_files = 1, .sequence = "20250401090100"};
    post(w, &l);
    refused_with(w, "file-kind");
}

static void a_transfer_file_named_as_a_document_is_refused(void **state)
{
    struct world *w = *state;
    struct given files[] = {
        {"UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.CSV", "document", 3000, 0}};
    struct letter l = {.files = files, .n_files = 1};
    post(w, &l);
    refused_with(w, "file-kind");
}

static void a_statement_for_another_office_is_refused(void **state)
{
    struct world *w = *state;
    struct given files[] = {{"scan.pdf", "document", 3000, 0}};
    struct letter l = {.files = files, .n_files = 1, .to = OFFICE_C};
    post(w, &l);
    refused_with(w, "wrong-recipient");
}

static void a_statement_from_the_time_to_come_is_refused(void **state)
{
    struct world *w = *state;
    struct given files[] = {{"scan.pdf", "document", 3000, 0}};
    struct letter l = {.files = files, .n_files = 1, .created = clock_utc_ms() + 6 * 60 * 1000};
    post(w, &l);
    refused_with(w, "statement-time");
}

static void a_statement_of_last_year_is_taken(void **state)
{
    struct world *w = *state;
    struct given files[] = {{"scan.pdf", "document", 3000, 0}};
    struct letter l = {.files = files, .n_files = 1, .created = clock_utc_ms() - 365LL * 24 * 3600 * 1000};
    post(w, &l);
    assert_true(station_wait_in(&w->service, "arrived", 1, 20));
}

static void a_unit_larger_than_this_office_takes_is_refused_without_being_fetched(void **state)
{
    struct world *w = *state;
    struct given files[] = {{"scan.pdf", "document", 12 << 20, 0}};
    struct letter l = {.files = files, .n_files = 1};
    station_stop(&w->service);
    w->service.settings->unit_max = 8 << 20;
    size_t before = atomic_load(&w->hub.bytes_out);
    station_start(&w->service);
    post(w, &l);
    refused_with(w, "unit-size");
    assert_true(atomic_load(&w->hub.bytes_out) - before < 4 << 20);
}

static void more_files_than_are_held_in_memory_arrive_whole(void **state)
{
    struct world *w = *state;
    enum { FILES = 60 };
    struct given files[FILES];
    char names[FILES][16];
    struct letter l = {.files = files, .n_files = FILES};
    for (int i = 0; i < FILES; i++) {
        snprintf(names[i], sizeof names[i], "%02d.pdf", i);
        files[i] = (struct given){names[i], "document", 900 * 1000, 0};
    }
    station_stop(&w->service);
    post(w, &l); /* 54 MB, which the hub of this process holds */
    station_start(&w->service);
    assert_true(station_wait_in(&w->service, "arrived", 1, 60));
    assert_int_equal(station_count_in(&w->service, NULL), 1);
    for (int i = 0; i < FILES; i++) {
        struct envelope_file sent;
        struct hash256 got;
        uint64_t size;
        hash_given(&files[i], &sent);
        assert_true(station_arrived(&w->service, names[i], &got, &size));
        assert_int_equal(size, 900 * 1000);
        assert_memory_equal(&got, &sent.sha256, sizeof got);
    }
}

int main(void)
{
#define RULE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        RULE(documents_of_one_message_arrive_together),
        RULE(two_names_that_windows_holds_for_one_are_refused),
        RULE(a_name_that_windows_cannot_hold_is_refused),
        RULE(a_document_under_a_sequence_number_is_refused),
        RULE(a_transfer_file_named_as_a_document_is_refused),
        RULE(a_statement_for_another_office_is_refused),
        RULE(a_statement_from_the_time_to_come_is_refused),
        RULE(a_statement_of_last_year_is_taken),
        RULE(a_unit_larger_than_this_office_takes_is_refused_without_being_fetched),
        RULE(more_files_than_are_held_in_memory_arrive_whole),
    };
    const char *only = getenv("CAREPLAN_ONLY");
    if (only)
        cmocka_set_test_filter(only);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
