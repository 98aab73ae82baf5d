/* Two offices with a ledger and a link each, and a hub in between that can be asked to fail, cut and lie. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "station.h"
#include "stub_http.h"

struct world {
    struct house house;
    struct stub_hub hub;
    struct station care, service;
};

static void announce(struct world *w)
{
    X509 *care = station_certificate(&w->care), *service = station_certificate(&w->service);
    stub_office(&w->hub, CARE, "架空居宅", care, "token");
    stub_office(&w->hub, SERVICE, "架空訪問", service, "token");
    X509_free(care);
    X509_free(service);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    house_build(&w->house);
    stub_start(&w->hub, &w->house);
    station_make(&w->care, &w->house, CARE);
    station_make(&w->service, &w->house, SERVICE);
    station_open(&w->care, w->hub.port);
    station_open(&w->service, w->hub.port);
    announce(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    atomic_store(&w->hub.cut_after, 0);
    station_close(&w->care);
    station_close(&w->service);
    stub_stop(&w->hub);
    station_remove(&w->care);
    station_remove(&w->service);
    house_free(&w->house);
    free(w);
    return 0;
}

static void start_both(struct world *w)
{
    station_start(&w->care);
    station_start(&w->service);
    assert_true(station_wait_knows(&w->care, SERVICE));
    assert_true(station_wait_knows(&w->service, CARE));
}

static void assert_same(struct world *w, uint64_t message, const char *name)
{
    struct ledger_unit u;
    struct hash256 got;
    uint64_t size;
    assert_int_equal(ledger_unit(w->care.ledger, message, &u), 0);
    assert_true(station_arrived(&w->service, name, &got, &size));
    for (size_t i = 0; i < u.n_files; i++)
        if (strcmp(u.files[i].name, name) == 0) {
            assert_int_equal(size, u.files[i].size);
            assert_memory_equal(&got, &u.files[i].sha256, sizeof got);
            ledger_unit_free(&u);
            return;
        }
    fail_msg("%s was not sent", name);
}

static void a_unit_arrives_and_its_receipt_comes_back(void **state)
{
    struct world *w = *state;
    start_both(w);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_in(&w->service, "arrived", 1, 20));
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    assert_same(w, m, "UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.CSV");
    struct link_state s;
    link_state(w->care.link, &s);
    assert_true(s.online);
    assert_string_equal(s.trouble, "");
}

static void results_go_the_other_way(void **state)
{
    struct world *w = *state;
    start_both(w);
    uint64_t m = station_send_sample(&w->service, CARE, "c_result_202504_11_to_43");
    assert_true(station_wait_in(&w->care, "arrived", 1, 20));
    assert_true(station_wait_state(&w->service, m, OUT_RECEIVED, 20));
}

static void five_hundred_documents_arrive_once_each(void **state)
{
    struct world *w = *state;
    start_both(w);
    uint64_t last = 0;
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "scan%03d.pdf", i);
        last = station_send_document(&w->care, SERVICE, name, 20000 + (size_t)i);
    }
    assert_true(station_wait_in(&w->service, "arrived", 500, 60));
    assert_true(station_wait_state(&w->care, last, OUT_RECEIVED, 60));
    assert_int_equal(station_count_in(&w->service, NULL), 500);
    assert_int_equal(atomic_load(&w->hub.puts), 500);
    assert_int_equal(w->hub.n_messages, 500);
}

static void a_document_in_parts_passes_a_line_that_is_cut(void **state)
{
    struct world *w = *state;
    enum { SIZE = 12 * 1000 * 1000 };
    start_both(w);
    atomic_store(&w->hub.cut_after, 2500 * 1000);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", SIZE);
    assert_true(station_wait_in(&w->service, "arrived", 1, 120));
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 60));
    assert_same(w, m, "scan.pdf");
    assert_true(atomic_load(&w->hub.bytes_in) < 2 * SIZE);
    assert_true(atomic_load(&w->hub.bytes_out) < 2 * SIZE);
}

static void a_small_message_passes_a_line_that_is_cut_within_it(void **state)
{
    struct world *w = *state;
    start_both(w);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", 900 * 1000);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    station_stop(&w->service);
    atomic_store(&w->hub.cut_after, 300 * 1000);
    m = station_send_document(&w->care, SERVICE, "second.pdf", 200 * 1000);
    assert_true(station_wait_state(&w->care, m, OUT_SENT, 20));
    atomic_store(&w->hub.cut_after, 150 * 1000);
    station_start(&w->service);
    assert_true(station_wait_in(&w->service, "arrived", 2, 60));
    assert_same(w, m, "second.pdf");
}

static void what_was_uploaded_is_not_sent_again_after_a_restart(void **state)
{
    struct world *w = *state;
    enum { SIZE = 8 * 1000 * 1000 };
    start_both(w);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", SIZE);
    while (atomic_load(&w->hub.part_puts) < 3)
        usleep(500);
    station_stop(&w->care);
    station_start(&w->care);
    assert_true(station_wait_in(&w->service, "arrived", 1, 30));
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 30));
    assert_true(atomic_load(&w->hub.part_puts) <= 8 + 2);
}

static void a_download_goes_on_after_a_restart(void **state)
{
    struct world *w = *state;
    enum { SIZE = 10 * 1000 * 1000 };
    start_both(w);
    station_stop(&w->service);
    uint64_t m = station_send_document(&w->care, SERVICE, "scan.pdf", SIZE);
    assert_true(station_wait_state(&w->care, m, OUT_SENT, 30));
    size_t before = atomic_load(&w->hub.bytes_out);
    station_start(&w->service);
    while (atomic_load(&w->hub.gets) < 4)
        usleep(500);
    station_close(&w->service);
    station_open(&w->service, w->hub.port);
    station_start(&w->service);
    assert_true(station_wait_in(&w->service, "arrived", 1, 30));
    assert_same(w, m, "scan.pdf");
    assert_true(atomic_load(&w->hub.bytes_out) - before < SIZE + 6 * 1000 * 1000);
}

static void it_goes_on_when_the_hub_comes_back(void **state)
{
    struct world *w = *state;
    start_both(w);
    stub_unlisten(&w->hub);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    struct link_state s;
    for (int i = 0; i < 2000; i++) {
        link_state(w->care.link, &s);
        if (!s.online)
            break;
        usleep(10000);
    }
    assert_false(s.online);
    assert_true(s.trouble[0] != '\0');
    stub_listen(&w->hub);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 60));
    assert_int_equal(station_count_in(&w->service, "arrived"), 1);
}

static void a_hub_that_fails_for_a_while_gets_it_later(void **state)
{
    struct world *w = *state;
    start_both(w);
    atomic_store(&w->hub.fail_503, 4);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 60));
}

static void a_feed_that_repeats_delivers_once(void **state)
{
    struct world *w = *state;
    atomic_store(&w->hub.repeat_feed, true);
    start_both(w);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    station_stop(&w->service);
    assert_int_equal(ledger_value_set(w->service.ledger, "feed-cursor", "0", 1, NULL, NULL), 0);
    station_start(&w->service);
    m = station_send_document(&w->care, SERVICE, "second.pdf", 3000);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    assert_int_equal(station_count_in(&w->service, NULL), 2);
}

static void sealing_anew_replaces_what_was_not_taken(void **state)
{
    struct world *w = *state;
    start_both(w);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    struct message_id old = station_id(&w->care, m), fresh;
    message_id_new(&fresh);
    int r = ledger_resend(w->care.ledger, &old, &fresh, NULL, NULL);
    if (r) /* a received message need not be sent again; the ledger says so */
        assert_int_equal(r, -EINVAL);
    else
        assert_true(station_wait_in(&w->service, "superseded", 1, 20));
}

static void nothing_is_sealed_to_a_new_key_before_a_person_has_confirmed_it(void **state)
{
    struct world *w = *state;
    start_both(w);
    EVP_PKEY *key = key_new();
    X509 *other = house_certify(&w->house, key, SERVICE);
    stub_office(&w->hub, SERVICE, "架空訪問", other, "token");
    struct office_id id = office(SERVICE);
    for (int i = 0; i < 1000; i++) {
        struct ledger_partner p;
        assert_int_equal(ledger_partner(w->care.ledger, &id, &p), 0);
        bool unconfirmed = p.key_unconfirmed;
        ledger_partner_free(&p);
        if (unconfirmed)
            break;
        usleep(10000);
    }
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    usleep(300 * 1000);
    struct ledger_unit u;
    assert_int_equal(ledger_unit(w->care.ledger, m, &u), 0);
    assert_false(u.sealed);
    assert_string_equal(u.reason, "key-unconfirmed");
    ledger_unit_free(&u);
    assert_int_equal(atomic_load(&w->hub.puts), 0);
    X509_free(other);
    EVP_PKEY_free(key);
}

/* Whether the old key has signed the new one is the hub's word alone. */
static void a_new_key_waits_whatever_the_hub_says_of_it(void **state)
{
    struct world *w = *state;
    start_both(w);
    EVP_PKEY *key = key_new();
    X509 *other = house_certify(&w->house, key, SERVICE);
    char fingerprint[65];
    certificate_fingerprint(other, fingerprint);
    stub_office(&w->hub, SERVICE, "架空訪問", other, "old-key");
    struct office_id id = office(SERVICE);
    bool waits = false;
    for (int i = 0; i < 1000 && !waits; i++) {
        struct ledger_partner p;
        assert_int_equal(ledger_partner(w->care.ledger, &id, &p), 0);
        assert_string_not_equal(p.fingerprint, fingerprint);
        waits = p.key_unconfirmed;
        ledger_partner_free(&p);
        usleep(10000);
    }
    assert_true(waits);
    X509_free(other);
    EVP_PKEY_free(key);
}

/* ---- a hub that lies ---- */

static bool is_distrusted(void *context)
{
    struct link_state s;
    link_state(context, &s);
    return !s.online && s.trouble[0];
}

static void an_acceptance_of_something_else_is_no_acceptance(void **state)
{
    struct world *w = *state;
    start_both(w);
    atomic_store(&w->hub.lie_acceptance, true);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait(is_distrusted, w->care.link, 20));
    assert_false(station_wait_state(&w->care, m, OUT_SENT, 1));
}

static void a_false_receipt_changes_nothing(void **state)
{
    struct world *w = *state;
    start_both(w);
    atomic_store(&w->hub.lie_receipt, true);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_in(&w->service, "arrived", 1, 20));
    assert_true(station_wait(is_distrusted, w->care.link, 20));
    assert_true(station_wait_state(&w->care, m, OUT_SENT, 1));
}

static void damaged_bytes_are_fetched_once_more(void **state)
{
    struct world *w = *state;
    start_both(w);
    atomic_store(&w->hub.flip_message, 1);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    assert_int_equal(station_count_in(&w->service, NULL), 1);
}

static void bytes_that_stay_damaged_are_refused(void **state)
{
    struct world *w = *state;
    char reason[48];
    start_both(w);
    atomic_store(&w->hub.flip_message, 100);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_state(&w->care, m, OUT_REFUSED, 20));
    assert_int_equal(station_count_in(&w->service, "refused"), 1);
    station_reason_in(&w->service, reason);
    assert_string_equal(reason, "envelope-hash");
}

static void a_message_with_anothers_acceptance_is_not_kept(void **state)
{
    struct world *w = *state;
    start_both(w);
    uint64_t m = station_send_document(&w->care, SERVICE, "first.pdf", 3000);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    atomic_store(&w->hub.swap_acceptance, true);
    m = station_send_document(&w->care, SERVICE, "second.pdf", 3000);
    assert_true(station_wait_state(&w->care, m, OUT_SENT, 20));
    assert_true(station_wait(is_distrusted, w->service.link, 20));
    assert_int_equal(station_count_in(&w->service, NULL), 1);
}

static void a_range_with_nothing_in_it_is_not_asked_for_without_end(void **state)
{
    struct world *w = *state;
    start_both(w);
    atomic_store(&w->hub.short_range, true);
    station_send_document(&w->care, SERVICE, "scan.pdf", 5 * 1000 * 1000);
    assert_true(station_wait(is_distrusted, w->service.link, 30));
    int gets = atomic_load(&w->hub.gets);
    usleep(500 * 1000);
    assert_true(atomic_load(&w->hub.gets) - gets < 3);
}

static void a_log_that_is_not_what_its_hashes_say_gives_no_partner(void **state)
{
    struct world *w = *state;
    atomic_store(&w->hub.lie_log, true);
    station_start(&w->care);
    assert_true(station_wait(is_distrusted, w->care.link, 20));
    assert_false(station_knows(&w->care, SERVICE));
}

static void a_log_that_forks_from_ours_is_found_out(void **state)
{
    struct world *w = *state;
    start_both(w);
    atomic_store(&w->hub.fork_log, true);
    EVP_PKEY *key = key_new();
    X509 *other = house_certify(&w->house, key, SERVICE);
    stub_office(&w->hub, SERVICE, "架空訪問", other, "old-key");
    assert_true(station_wait(is_distrusted, w->care.link, 20));
    char fingerprint[65];
    certificate_fingerprint(other, fingerprint);
    struct office_id id = office(SERVICE);
    struct ledger_partner p;
    assert_int_equal(ledger_partner(w->care.ledger, &id, &p), 0);
    assert_string_not_equal(p.fingerprint, fingerprint);
    ledger_partner_free(&p);
    X509_free(other);
    EVP_PKEY_free(key);
}

static void an_answer_without_end_is_left(void **state)
{
    struct world *w = *state;
    atomic_store(&w->hub.flood, true);
    station_start(&w->care);
    assert_true(station_wait(is_distrusted, w->care.link, 30));
}

static void what_the_hub_will_never_take_is_refused(void **state)
{
    struct world *w = *state;
    start_both(w);
    w->hub.refuse_problem = "header-algorithm";
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_state(&w->care, m, OUT_REFUSED, 20));
}

static void what_the_hub_may_take_later_stays(void **state)
{
    struct world *w = *state;
    start_both(w);
    w->hub.refuse_problem = "recipient-unknown";
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    usleep(500 * 1000);
    struct ledger_unit u;
    assert_int_equal(ledger_unit(w->care.ledger, m, &u), 0);
    assert_true(u.state == OUT_QUEUED && u.sealed);
    assert_string_equal(u.reason, "recipient-unknown");
    ledger_unit_free(&u);
    assert_true(atomic_load(&w->hub.puts) < 3);
}

/* ---- what a partner may not do ---- */

static void refused_with(struct world *w, uint64_t m, const char *reason)
{
    char got[48];
    assert_true(station_wait_state(&w->care, m, OUT_REFUSED, 20));
    station_reason_in(&w->service, got);
    assert_string_equal(got, reason);
    assert_int_equal(station_count_in(&w->service, "arrived"), 0);
}

/* The refused unit, as its receiver knows it: "SEQUENCE: KIND KIND ". */
static bool tell_refused(void *context, const struct ledger_status *s)
{
    char *out = context;
    size_t n = (size_t)snprintf(out, 512, "%s: ", s->sequence);
    for (size_t i = 0; i < s->n_files; i++) {
        n += (size_t)snprintf(out + n, 512 - n, "%s ", s->files[i].kind);
        assert_true(s->files[i].size > 0 && s->files[i].content == 0);
    }
    return false;
}

/* So that it can be named to the sender. */
static void what_is_refused_is_known_by_its_number_and_kinds(void **state)
{
    struct world *w = *state;
    char text[512];
    start_both(w);
    refused_with(w, station_send_sample(&w->care, SERVICE, "../broken/B45_unit_user_mismatch"), "CP1311");
    assert_int_equal(ledger_status_list(w->service.ledger, 0, 1, tell_refused, text), 0);
    assert_string_equal(text, "20250401094500: UPHOSOKU UPPLAN UPSIKYU ");
}

static void a_document_whose_content_is_something_else_is_refused(void **state)
{
    struct world *w = *state;
    start_both(w);
    refused_with(w, station_send_document(&w->care, SERVICE, "scan.jpg", 3000), "CP3009");
}

static void a_document_of_a_kind_that_is_not_agreed_is_refused(void **state)
{
    struct world *w = *state;
    start_both(w);
    refused_with(w, station_send_document(&w->care, SERVICE, "setup.exe", 3000), "CP3008");
}

static void a_document_named_like_the_daemons_own_is_refused(void **state)
{
    struct world *w = *state;
    start_both(w);
    refused_with(w, station_send_document(&w->care, SERVICE, "計画.エラー.txt", 3000), "file-kind");
}

static void a_transfer_file_that_fails_the_check_is_refused(void **state)
{
    struct world *w = *state;
    start_both(w);
    refused_with(w,
                 station_send_document(&w->care, SERVICE,
                                       "UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.CSV", 3000),
                 "CP1005");
}

static void a_transfer_file_of_another_office_is_refused(void **state)
{
    struct world *w = *state;
    start_both(w);
    refused_with(w, station_send_sample(&w->care, SERVICE, "c_result_202504_11_to_43"), "file-offices");
}

static void a_unit_whose_records_do_not_fit_each_other_is_refused(void **state)
{
    struct world *w = *state;
    start_both(w);
    refused_with(w, station_send_sample(&w->care, SERVICE, "../broken/B45_unit_user_mismatch"), "CP1311");
}

static void a_unit_that_lacks_a_file_is_refused(void **state)
{
    struct world *w = *state;
    start_both(w);
    refused_with(w, station_send_sample(&w->care, SERVICE, "../broken/B43_unit_incomplete"), "CP3010");
}

static void a_file_that_is_only_warned_of_arrives(void **state)
{
    struct world *w = *state;
    start_both(w);
    uint64_t m = station_send_sample(&w->service, CARE, "../broken/B37_service_date_outside");
    assert_true(station_wait_state(&w->service, m, OUT_RECEIVED, 20));
    assert_int_equal(station_count_in(&w->care, "arrived"), 1);
}

int main(void)
{
#define RULE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        RULE(a_unit_arrives_and_its_receipt_comes_back),
        RULE(results_go_the_other_way),
        RULE(five_hundred_documents_arrive_once_each),
        RULE(a_document_in_parts_passes_a_line_that_is_cut),
        RULE(a_small_message_passes_a_line_that_is_cut_within_it),
        RULE(what_was_uploaded_is_not_sent_again_after_a_restart),
        RULE(a_download_goes_on_after_a_restart),
        RULE(it_goes_on_when_the_hub_comes_back),
        RULE(a_hub_that_fails_for_a_while_gets_it_later),
        RULE(a_feed_that_repeats_delivers_once),
        RULE(sealing_anew_replaces_what_was_not_taken),
        RULE(nothing_is_sealed_to_a_new_key_before_a_person_has_confirmed_it),
        RULE(a_new_key_waits_whatever_the_hub_says_of_it),
        RULE(an_acceptance_of_something_else_is_no_acceptance),
        RULE(a_false_receipt_changes_nothing),
        RULE(damaged_bytes_are_fetched_once_more),
        RULE(bytes_that_stay_damaged_are_refused),
        RULE(a_message_with_anothers_acceptance_is_not_kept),
        RULE(a_range_with_nothing_in_it_is_not_asked_for_without_end),
        RULE(a_log_that_is_not_what_its_hashes_say_gives_no_partner),
        RULE(a_log_that_forks_from_ours_is_found_out),
        RULE(an_answer_without_end_is_left),
        RULE(what_the_hub_will_never_take_is_refused),
        RULE(what_the_hub_may_take_later_stays),
        RULE(a_document_whose_content_is_something_else_is_refused),
        RULE(a_document_of_a_kind_that_is_not_agreed_is_refused),
        RULE(a_document_named_like_the_daemons_own_is_refused),
        RULE(a_transfer_file_that_fails_the_check_is_refused),
        RULE(a_transfer_file_of_another_office_is_refused),
        RULE(a_unit_whose_records_do_not_fit_each_other_is_refused),
        RULE(a_unit_that_lacks_a_file_is_refused),
        RULE(what_is_refused_is_known_by_its_number_and_kinds),
        RULE(a_file_that_is_only_warned_of_arrives),
    };
    const char *only = getenv("CAREPLAN_ONLY");
    if (only)
        cmocka_set_test_filter(only);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
