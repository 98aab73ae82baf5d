/* The store: what it promises of a change that it has answered, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "hub/store.h"

#define CARE "0300000100-43"
#define SERVICE "0300000005-11"
#define CENTER "0300000200-46"

struct world {
    char dir[64], path[80];
    struct store *store;
    struct ca_files files;
    struct ca *ca;
};

static struct office_id office(const char *text)
{
    struct office_id id;
    assert_true(office_id_parse(&id, text, strlen(text)));
    return id;
}

static void add_office(struct world *w, const char *text)
{
    struct store_office_add call = {.office = office(text), .name = "架空", .municipality = "", .now = 1};
    store_office_add(w->store, &call);
    assert_int_equal(call.job.result, 0);
}

static void open_world(struct world *w, bool create)
{
    struct error e;
    if (store_open(w->path, create, &w->store, &e))
        fail_msg("%s", e.text);
}

static int build(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/careplan-store-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/hub.db", w->dir);
    open_world(w, true);
    store_close(w->store);
    open_world(w, false);
    assert_int_equal(ca_init("hub.example.jp", &w->files, NULL), 0);
    w->ca = ca_new(w->files.issuing_key, w->files.issuing_certificate, w->files.root_certificate, NULL);
    assert_non_null(w->ca);
    add_office(w, CARE);
    add_office(w, SERVICE);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"hub.db", "hub.db-wal", "hub.db-shm"};
    store_close(w->store);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", w->dir, names[i]);
        unlink(path);
    }
    rmdir(w->dir);
    ca_free(w->ca);
    ca_files_free(&w->files);
    free(w);
    return 0;
}

/* ---- what offices do ---- */

enum { UPLOADS_MAX = 3, BYTES_MAX = 100 * 1024 * 1024 };

/* A message as the routes have verified it: the store looks at no signature. */
struct sent {
    struct statement statement;
    struct store_message_put put;
};

static struct sent message(const char *sender, const char *recipient, uint8_t id)
{
    static const uint8_t bytes[] = "bytes";
    struct sent s = {.statement = {.sender = office(sender), .recipient = office(recipient), .created = 5}};
    memset(s.statement.id.bytes, id, sizeof s.statement.id.bytes);
    memset(s.statement.envelope.bytes, id, sizeof s.statement.envelope.bytes);
    s.put.statement_der = s.put.header = s.put.acceptance = s.put.ciphertext = (struct span){bytes, 5};
    s.put.ciphertext_length = 5;
    s.put.bytes_max = BYTES_MAX;
    return s;
}

static enum store_put put(struct world *w, struct sent *s)
{
    s->put.statement = &s->statement;
    store_message_put(w->store, &s->put);
    assert_int_equal(s->put.job.result, 0);
    buffer_free(&s->put.kept);
    return s->put.outcome;
}

static enum store_part_outcome put_part_within(struct world *w, uint8_t id, uint32_t n, struct span data,
                                               int64_t bytes_max)
{
    struct store_part_put call = {.sender = office(CARE),
                                  .n = n,
                                  .data = data,
                                  .now = clock_utc_ms(),
                                  .uploads_max = UPLOADS_MAX,
                                  .bytes_max = bytes_max};
    memset(call.id.bytes, id, sizeof call.id.bytes);
    EVP_Digest(data.data, data.length, call.sha256.bytes, NULL, EVP_sha256(), NULL);
    store_part_put(w->store, &call);
    assert_int_equal(call.job.result, 0);
    return call.outcome;
}

static bool put_part(struct world *w, uint8_t id, uint32_t n, const void *data, size_t length)
{
    return put_part_within(w, id, n, (struct span){data, length}, BYTES_MAX) == STORE_PART_KEPT;
}

static struct store_parts_hash hash_parts(struct world *w, uint8_t id, uint64_t length)
{
    struct store_parts_hash call = {.sender = office(CARE), .ciphertext_length = length};
    memset(call.id.bytes, id, sizeof call.id.bytes);
    store_parts_hash(w->store, &call);
    assert_int_equal(call.job.result, 0);
    return call;
}

static size_t count_events(struct world *w, const char *who, enum store_event_type type)
{
    struct store_feed_read *call = calloc(1, sizeof *call);
    size_t n = 0;
    call->office = office(who);
    store_feed_read(w->store, call);
    assert_int_equal(call->job.result, 0);
    for (size_t i = 0; i < call->n_events; i++)
        n += call->events[i].type == type;
    store_events_free(call->events, call->n_events);
    free(call);
    return n;
}

/* ---- messages ---- */

static void a_message_is_kept_once(void **state)
{
    struct world *w = *state;
    struct sent m = message(CARE, SERVICE, 1), other = message(CARE, SERVICE, 1);
    assert_int_equal(put(w, &m), STORE_NEW);
    assert_int_equal(put(w, &m), STORE_SAME);
    other.statement.envelope.bytes[0] ^= 1;
    assert_int_equal(put(w, &other), STORE_CONFLICT);
    assert_int_equal(count_events(w, SERVICE, EVENT_MESSAGE), 1);
    assert_int_equal(count_events(w, CARE, EVENT_MESSAGE), 0);
}

static void the_same_id_of_two_senders_is_two_messages(void **state)
{
    struct world *w = *state;
    struct sent a = message(CARE, SERVICE, 1), b = message(SERVICE, CARE, 1);
    assert_int_equal(put(w, &a), STORE_NEW);
    assert_int_equal(put(w, &b), STORE_NEW);
}

static void a_message_to_nobody_is_refused(void **state)
{
    struct sent m = message(CARE, CENTER, 1);
    assert_int_equal(put(*state, &m), STORE_UNKNOWN_RECIPIENT);
}

static bool finds(struct world *w, const char *reader)
{
    struct store_message_find call = {.sender = office(CARE), .reader = office(reader)};
    memset(call.id.bytes, 1, sizeof call.id.bytes);
    store_message_find(w->store, &call);
    assert_int_equal(call.job.result, 0);
    buffer_free(&call.head);
    return call.found;
}

static void only_sender_and_recipient_find_a_message(void **state)
{
    struct world *w = *state;
    struct sent m = message(CARE, SERVICE, 1);
    put(w, &m);
    assert_true(finds(w, CARE));
    assert_true(finds(w, SERVICE));
    assert_false(finds(w, CENTER));
}

/* ---- parts ---- */

static void parts_must_have_no_gap_and_sum_up(void **state)
{
    struct world *w = *state;
    autofree uint8_t *full = calloc(1, FORM_PART_SIZE);
    assert_false(hash_parts(w, 1, 5).complete);
    assert_true(put_part(w, 1, 1, "tail", 4));
    assert_false(hash_parts(w, 1, FORM_PART_SIZE + 4).complete);
    assert_true(put_part(w, 1, 0, full, FORM_PART_SIZE));
    assert_true(hash_parts(w, 1, FORM_PART_SIZE + 4).complete);
    assert_false(hash_parts(w, 1, FORM_PART_SIZE + 3).complete);
    assert_false(hash_parts(w, 1, FORM_PART_SIZE + 5).complete);
    assert_false(hash_parts(w, 1, FORM_PART_SIZE).complete);
    assert_true(put_part(w, 1, 2, "more", 4));
    assert_false(hash_parts(w, 1, FORM_PART_SIZE + 4).complete);
}

static void the_hash_goes_over_header_and_parts(void **state)
{
    struct world *w = *state;
    struct hash256 expected;
    put_part(w, 1, 0, "abc", 3);
    struct store_parts_hash call = {
        .sender = office(CARE), .ciphertext_length = 3, .header = {(const uint8_t *)"H", 1}};
    memset(call.id.bytes, 1, sizeof call.id.bytes);
    store_parts_hash(w->store, &call);
    EVP_Digest("Habc", 4, expected.bytes, NULL, EVP_sha256(), NULL);
    assert_true(call.complete);
    assert_memory_equal(&call.hash, &expected, sizeof expected);
}

static void a_part_that_changes_after_the_hashing_stops_the_commit(void **state)
{
    struct world *w = *state;
    struct sent m = message(CARE, SERVICE, 1);
    put_part(w, 1, 0, "abc", 3);
    struct store_parts_hash hash = hash_parts(w, 1, 3);
    put_part(w, 1, 0, "abd", 3);
    m.put.in_parts = true;
    m.put.content = hash.content;
    m.put.version = hash.version;
    assert_int_equal(put(w, &m), STORE_PARTS_CHANGED);
    hash = hash_parts(w, 1, 3);
    m.put.version = hash.version;
    assert_int_equal(put(w, &m), STORE_NEW);
    assert_true(put_part(w, 1, 0, "abd", 3));
    assert_false(put_part(w, 1, 0, "abc", 3));
}

static void abandoned_parts_are_swept_and_living_ones_are_not(void **state)
{
    struct world *w = *state;
    put_part(w, 1, 0, "abc", 3);
    struct store_sweep sweep = {.uploads_before = clock_utc_ms() - 60000};
    store_sweep(w->store, &sweep);
    assert_int_equal(sweep.uploads, 0);
    sweep.uploads_before = clock_utc_ms() + 1;
    do
        store_sweep(w->store, &sweep);
    while (sweep.more);
    assert_int_equal(sweep.uploads, 1);
    assert_int_equal(hash_parts(w, 1, 3).complete, false);
}

static void a_committed_message_is_not_hashed_again(void **state)
{
    struct world *w = *state;
    struct sent m = message(CARE, SERVICE, 1), other = message(CARE, SERVICE, 1);
    put_part(w, 1, 0, "abc", 3);
    struct store_parts_hash hash = hash_parts(w, 1, 3);
    assert_false(hash.committed);
    m.put.in_parts = true;
    m.put.content = hash.content;
    m.put.version = hash.version;
    assert_int_equal(put(w, &m), STORE_NEW);
    hash = hash_parts(w, 1, 3);
    assert_true(hash.committed);
    assert_int_equal(hash.hashed, 0);
    assert_false(hash.complete);
    m.put.content = -1;
    assert_int_equal(put(w, &m), STORE_SAME);
    other.put.in_parts = true;
    other.put.content = -1;
    other.statement.envelope.bytes[0] ^= 1;
    assert_int_equal(put(w, &other), STORE_CONFLICT);
}

static void created_five_minutes_ahead_is_taken_and_a_moment_more_is_not(void **state)
{
    struct sent m = message(CARE, SERVICE, 1);
    m.put.accepted = 1000;
    m.statement.created = 1001 + STORE_AHEAD_MS;
    assert_int_equal(put(*state, &m), STORE_FUTURE);
    m.statement.created = 1000 + STORE_AHEAD_MS;
    assert_int_equal(put(*state, &m), STORE_NEW);
    m.put.accepted = 0;
    assert_int_equal(put(*state, &m), STORE_SAME); /* however the clock goes, what is accepted stays so */
}

/* ---- what an office may have under way ---- */

static void uploads_are_counted_until_they_are_committed_or_swept(void **state)
{
    struct world *w = *state;
    struct sent m = message(CARE, SERVICE, 1);
    for (uint8_t id = 1; id <= UPLOADS_MAX; id++)
        assert_true(put_part(w, id, 0, "abc", 3));
    struct span data = {(const uint8_t *)"abc", 3};
    assert_int_equal(put_part_within(w, 9, 0, data, BYTES_MAX), STORE_PART_OVER_UPLOADS);
    assert_true(put_part(w, 1, 1, "more of an open one", 19));
    assert_int_equal(put(w, &m), STORE_NEW); /* whole: its upload ends */
    assert_true(put_part(w, 9, 0, "abc", 3));
    assert_int_equal(put_part_within(w, 10, 0, data, BYTES_MAX), STORE_PART_OVER_UPLOADS);
    struct store_sweep sweep = {.uploads_before = clock_utc_ms() + 1};
    do
        store_sweep(w->store, &sweep);
    while (sweep.more);
    for (uint8_t id = 21; id <= 20 + UPLOADS_MAX; id++)
        assert_true(put_part(w, id, 0, "abc", 3));
}

static void receive(struct world *w, const char *by, struct sent *m)
{
    struct receipt receipt = {.kind = RECEIPT_RECEIVED,
                              .sender = m->statement.sender,
                              .id = m->statement.id,
                              .envelope = m->statement.envelope,
                              .manifest = m->statement.manifest};
    struct store_receipt_put call = {.sender = m->statement.sender,
                                     .by = office(by),
                                     .id = m->statement.id,
                                     .receipt = &receipt,
                                     .der = {(const uint8_t *)"r", 1},
                                     .now = 1};
    store_receipt_put(w->store, &call);
    assert_int_equal(call.job.result, 0);
    assert_int_equal(call.outcome, STORE_RECEIPT_NEW);
}

/* May CARE have just so many bytes more under way, and not one beyond? Leaves nothing. */
static void assert_under_way(struct world *w, int64_t bytes)
{
    struct span one = {(const uint8_t *)"x", 1};
    struct store_sweep sweep = {.uploads_before = clock_utc_ms() + 1000};
    assert_int_equal(put_part_within(w, 200, 0, one, bytes), STORE_PART_OVER_BYTES);
    assert_int_equal(put_part_within(w, 200, 0, one, bytes + 1), STORE_PART_KEPT);
    do
        store_sweep(w->store, &sweep);
    while (sweep.more);
}

static void bytes_are_counted_until_the_partner_has_received_them(void **state)
{
    struct world *w = *state;
    struct sent m = message(CARE, SERVICE, 1), second = message(CARE, SERVICE, 2);
    assert_under_way(w, 0);
    m.put.bytes_max = 14; /* statement, header and ciphertext of 5 each */
    assert_int_equal(put(w, &m), STORE_OVER_BYTES);
    m.put.bytes_max = 15;
    assert_int_equal(put(w, &m), STORE_NEW);
    assert_int_equal(put(w, &m), STORE_SAME);
    assert_under_way(w, 15);
    second.put.bytes_max = 29;
    assert_int_equal(put(w, &second), STORE_OVER_BYTES);
    receive(w, SERVICE, &m);
    assert_under_way(w, 0);
    assert_int_equal(put(w, &second), STORE_NEW);
    assert_under_way(w, 15);
}

static void a_part_that_replaces_another_counts_by_what_it_is_longer(void **state)
{
    struct world *w = *state;
    struct span four = {(const uint8_t *)"four", 4}, seven = {(const uint8_t *)"sevenxx", 7};
    assert_int_equal(put_part_within(w, 1, 0, four, 4), STORE_PART_KEPT);
    assert_int_equal(put_part_within(w, 1, 0, four, 4), STORE_PART_KEPT);
    assert_int_equal(put_part_within(w, 1, 0, seven, 6), STORE_PART_OVER_BYTES);
    assert_int_equal(put_part_within(w, 1, 0, seven, 7), STORE_PART_KEPT);
    assert_int_equal(put_part_within(w, 1, 0, four, 1), STORE_PART_KEPT); /* shorter is always well */
    assert_int_equal(put_part_within(w, 1, 1, seven, 10), STORE_PART_OVER_BYTES);
    assert_int_equal(put_part_within(w, 1, 1, seven, 11), STORE_PART_KEPT);
}

static void what_an_office_sends_to_itself_counts_until_it_is_dropped(void **state)
{
    struct world *w = *state;
    struct sent m = message(CARE, CARE, 1);
    assert_int_equal(put(w, &m), STORE_NEW);
    receive(w, CARE, &m);
    assert_under_way(w, 15);
    struct store_sweep sweep = {.received_before = clock_utc_ms() + 1};
    do
        store_sweep(w->store, &sweep);
    while (sweep.more);
    assert_under_way(w, 0);
}

/* ---- enrolment ---- */

static enum store_enrol enrol_told(struct world *w, const char *who, const char *token, EVP_PKEY *key,
                                   int64_t now, bool *last_try)
{
    autofree uint8_t *csr = NULL;
    size_t length;
    struct office_id id = office(who);
    assert_int_equal(csr_new(key, &id, &csr, &length, NULL), 0);
    struct store_enrol_call call = {
        .ca = w->ca, .office = id, .request = {csr, length}, .days = 30, .now = now, .renewal = !token};
    if (token)
        EVP_Digest(token, strlen(token), call.token.bytes, NULL, EVP_sha256(), NULL);
    store_enrol(w->store, &call);
    assert_int_equal(call.job.result, 0);
    free(call.certificate);
    buffer_free(&call.crl);
    if (last_try)
        *last_try = call.last_try;
    return call.outcome;
}

static enum store_enrol enrol(struct world *w, const char *who, const char *token, EVP_PKEY *key, int64_t now)
{
    return enrol_told(w, who, token, key, now, NULL);
}

static void new_token(struct world *w, const char *who, const char *token, int64_t now)
{
    struct store_token_new call = {.office = office(who), .now = now, .expires = now + 1000};
    EVP_Digest(token, strlen(token), call.hash.bytes, NULL, EVP_sha256(), NULL);
    store_token_new(w->store, &call);
    assert_int_equal(call.job.result, 0);
    assert_false(call.unknown);
}

static void a_token_is_good_until_its_end_and_only_for_its_office(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = key_new();
    int64_t now = clock_utc_ms();
    new_token(w, CARE, "token", now);
    assert_int_equal(enrol(w, SERVICE, "token", key, now), STORE_ENROL_REFUSED);
    assert_int_equal(enrol(w, CARE, "token", key, now + 1000), STORE_ENROL_REFUSED);
    assert_int_equal(enrol(w, CARE, "token", key, now + 999), STORE_ENROLLED);
    EVP_PKEY_free(key);
}

static void an_hour_later_a_used_token_is_refused_to_the_same_key_too(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = key_new(), *other = key_new();
    int64_t now = clock_utc_ms();
    struct store_token_new call = {.office = office(CARE), .now = now, .expires = now + 100000000};
    EVP_Digest("token", 5, call.hash.bytes, NULL, EVP_sha256(), NULL);
    store_token_new(w->store, &call);
    assert_int_equal(enrol(w, CARE, "token", key, now), STORE_ENROLLED);
    assert_int_equal(enrol(w, CARE, "token", key, now + 3599999), STORE_ENROLLED);
    assert_int_equal(enrol(w, CARE, "token", other, now + 1), STORE_ENROL_REFUSED);
    assert_int_equal(enrol(w, CARE, "token", key, now + 3600000), STORE_ENROL_REFUSED);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void the_fifth_wrong_try_is_said_to_be_the_last(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = key_new();
    int64_t now = clock_utc_ms();
    new_token(w, CARE, "token", now);
    for (int i = 1; i <= STORE_TOKEN_TRIES + 1; i++) {
        bool last_try;
        assert_int_equal(enrol_told(w, CARE, "wrong", key, now, &last_try), STORE_ENROL_REFUSED);
        assert_int_equal(last_try, i == STORE_TOKEN_TRIES);
    }
    assert_int_equal(enrol(w, CARE, "token", key, now), STORE_ENROL_REFUSED);
    EVP_PKEY_free(key);
}

static void a_new_token_ends_the_one_before(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = key_new();
    int64_t now = clock_utc_ms();
    new_token(w, CARE, "first", now);
    new_token(w, CARE, "second", now);
    assert_int_equal(enrol(w, CARE, "first", key, now), STORE_ENROL_REFUSED);
    assert_int_equal(enrol(w, CARE, "second", key, now), STORE_ENROLLED);
    EVP_PKEY_free(key);
}

static void a_failed_request_leaves_the_token_and_the_log_as_they_were(void **state)
{
    struct world *w = *state;
    int64_t now = clock_utc_ms();
    struct store_log_read before = {0}, after = {0};
    new_token(w, CARE, "token", now);
    store_log_read(w->store, &before);
    struct store_enrol_call call = {
        .ca = w->ca, .office = office(CARE), .request = {(const uint8_t *)"x", 1}, .days = 30, .now = now};
    EVP_Digest("token", 5, call.token.bytes, NULL, EVP_sha256(), NULL);
    store_enrol(w->store, &call);
    assert_int_equal(call.outcome, STORE_ENROL_REQUEST);
    assert_string_equal(call.error.code, "csr");
    store_log_read(w->store, &after);
    assert_true(log_head_equal(&before.head, &after.head));
    store_log_entries_free(before.entries, before.n_entries);
    store_log_entries_free(after.entries, after.n_entries);
    EVP_PKEY *key = key_new();
    assert_int_equal(enrol(w, CARE, "token", key, now), STORE_ENROLLED);
    EVP_PKEY_free(key);
}

static void a_key_change_is_told_to_partners_alone(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = key_new(), *other = key_new();
    int64_t now = clock_utc_ms();
    add_office(w, CENTER);
    struct sent m = message(CARE, SERVICE, 1);
    put(w, &m);
    new_token(w, CARE, "one", now);
    assert_int_equal(enrol(w, CARE, "one", key, now), STORE_ENROLLED);
    assert_int_equal(count_events(w, SERVICE, EVENT_KEY_CHANGE), 0);
    new_token(w, CARE, "two", now);
    assert_int_equal(enrol(w, CARE, "two", other, now), STORE_ENROLLED);
    assert_int_equal(count_events(w, CARE, EVENT_KEY_CHANGE), 1);
    assert_int_equal(count_events(w, SERVICE, EVENT_KEY_CHANGE), 1);
    assert_int_equal(count_events(w, CENTER, EVENT_KEY_CHANGE), 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

/* ---- the file ---- */

static void a_newer_store_and_a_foreign_file_are_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *sql, *code;
    } changes[] = {{"PRAGMA user_version = 3", "store-newer"}, {"PRAGMA application_id = 7", "store-form"}};
    for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
        sqlite3 *db;
        struct error e;
        store_close(w->store);
        w->store = NULL;
        assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, changes[i].sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(store_open(w->path, false, &w->store, &e), -EINVAL);
        assert_string_equal(e.code, changes[i].code);
        assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
    }
}

static void a_store_of_schema_1_is_brought_forward_and_counts_what_is_there(void **state)
{
    struct world *w = *state;
    struct sent m = message(CARE, SERVICE, 1), had = message(CARE, SERVICE, 2);
    sqlite3 *db;
    assert_int_equal(put(w, &m), STORE_NEW);
    assert_int_equal(put(w, &had), STORE_NEW);
    receive(w, SERVICE, &had);
    put_part(w, 3, 0, "abc", 3);
    put_part(w, 3, 1, "de", 2);
    store_close(w->store);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TRIGGER uploads_new; DROP TRIGGER uploads_bytes;"
                                  "DROP TRIGGER uploads_gone; DROP TRIGGER messages_new;"
                                  "DROP TRIGGER messages_gone; DROP TABLE quota;"
                                  "ALTER TABLE uploads DROP COLUMN bytes; PRAGMA user_version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    open_world(w, false);
    struct span one = {(const uint8_t *)"x", 1};
    assert_int_equal(put_part_within(w, 3, 2, one, 15 + 5), STORE_PART_OVER_BYTES);
    assert_int_equal(put_part_within(w, 3, 2, one, 15 + 5 + 1), STORE_PART_KEPT);
}

/* ---- threads ---- */

struct many {
    struct sent sent;
    atomic_int *done;
    int *good;
};

static void on_done(struct store_job *job)
{
    struct many *m = job->context;
    *m->good += job->result == 0 && m->sent.put.outcome == STORE_NEW;
    buffer_free(&m->sent.put.kept);
    atomic_fetch_add(m->done, 1);
}

static void on_woken(void *context, const struct office_id *who)
{
    *(int *)context += strcmp(who->text, SERVICE) == 0;
}

static void pump(struct store *s, atomic_int *done, int n)
{
    while (atomic_load(done) < n) {
        struct pollfd p = {.fd = store_event_fd(s), .events = POLLIN};
        assert_true(poll(&p, 1, 10000) > 0);
        store_completions(s);
    }
}

static void jobs_come_back_to_the_caller_and_wake_the_recipient(void **state)
{
    enum { N = 200 };
    struct world *w = *state;
    struct many *all = calloc(N, sizeof *all);
    atomic_int done = 0;
    int good = 0, woken = 0;
    assert_int_equal(store_start(w->store, NULL), 0);
    store_on_woken(w->store, on_woken, &woken);
    for (int i = 0; i < N; i++) {
        all[i] = (struct many){.sent = message(CARE, SERVICE, (uint8_t)i), .done = &done, .good = &good};
        all[i].sent.put.statement = &all[i].sent.statement;
        all[i].sent.put.job.done = on_done;
        all[i].sent.put.job.context = &all[i];
        store_message_put(w->store, &all[i].sent.put);
    }
    pump(w->store, &done, N);
    assert_int_equal(good, N);
    assert_true(woken >= 1 && woken <= N);
    free(all);
}

static void closing_finishes_what_was_handed_over(void **state)
{
    struct world *w = *state;
    struct many one = {.sent = message(CARE, SERVICE, 1)};
    atomic_int done = 0;
    int good = 0;
    assert_int_equal(store_start(w->store, NULL), 0);
    one.done = &done;
    one.good = &good;
    one.sent.put.statement = &one.sent.statement;
    one.sent.put.job.done = on_done;
    one.sent.put.job.context = &one;
    store_message_put(w->store, &one.sent.put);
    store_close(w->store);
    assert_int_equal(good, 1);
    open_world(w, false);
    assert_int_equal(put(w, &one.sent), STORE_SAME);
}

static void another_process_wakes_everybody(void **state)
{
    struct world *w = *state;
    struct world beside = *w;
    int woken = 0;
    assert_int_equal(store_start(w->store, NULL), 0);
    open_world(&beside, false);
    add_office(&beside, CENTER);
    store_close(beside.store);
    for (int64_t end = clock_boot_ms() + 10000; clock_boot_ms() < end && !woken;) {
        struct pollfd p = {.fd = store_event_fd(w->store), .events = POLLIN};
        if (poll(&p, 1, 100) > 0)
            woken = 1;
    }
    assert_int_equal(woken, 1);
}

/* ---- kill -9 ---- */

struct acknowledged {
    atomic_int handed_over, done;
};

static void on_acknowledged(struct store_job *job)
{
    struct many *m = job->context;
    if (job->result == 0)
        atomic_fetch_add(m->done, 1);
    else
        abort();
}

/* Writes until it is killed; what is acknowledged is told in shared memory, in order. */
static void write_forever(struct world *w, struct acknowledged *told)
{
    struct world mine = *w;
    if (store_open(mine.path, false, &mine.store, NULL) || store_start(mine.store, NULL))
        abort();
    for (int i = atomic_load(&told->handed_over);; i++) {
        struct many *m = calloc(1, sizeof *m);
        m->sent = message(CARE, SERVICE, 0);
        memcpy(m->sent.statement.id.bytes, &i, sizeof i);
        m->sent.put.statement = &m->sent.statement;
        m->done = &told->done;
        m->sent.put.job.done = on_acknowledged;
        m->sent.put.job.context = m;
        atomic_store(&told->handed_over, i + 1);
        store_message_put(mine.store, &m->sent.put);
        while (i + 1 - atomic_load(&told->done) > 30)
            store_completions(mine.store);
    }
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    struct world *w = *state;
    struct acknowledged *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int under_way = 0;
    assert_true(told != MAP_FAILED);
    store_close(w->store); /* no connection is carried over a fork */
    w->store = NULL;
    for (int round = 0; round < 10; round++) {
        pid_t child = fork();
        if (child == 0)
            write_forever(w, told);
        uint8_t random;
        random_bytes(&random, 1);
        usleep(50000 + random * 300u);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        int handed = atomic_load(&told->handed_over), done = atomic_load(&told->done);
        under_way += handed - done;
        open_world(w, false);
        int found = 0;
        for (int i = 0; i < handed; i++) {
            struct store_message_find call = {.sender = office(CARE), .reader = office(SERVICE)};
            memcpy(call.id.bytes, &i, sizeof i);
            store_message_find(w->store, &call);
            buffer_free(&call.head);
            if (!call.found && i < done)
                fail_msg("message %d of %d acknowledged ones is gone", i, done);
            found += call.found;
        }
        /* What was written and not acknowledged is there and counts as told from now on. */
        atomic_store(&told->handed_over, found);
        atomic_store(&told->done, found);
        store_close(w->store);
        w->store = NULL;
    }
    assert_true(atomic_load(&told->done) > 0 && under_way > 0);
    munmap(told, sizeof *told);
}

#define T(test) cmocka_unit_test_setup_teardown(test, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_is_kept_once),
        T(the_same_id_of_two_senders_is_two_messages),
        T(a_message_to_nobody_is_refused),
        T(only_sender_and_recipient_find_a_message),
        T(parts_must_have_no_gap_and_sum_up),
        T(the_hash_goes_over_header_and_parts),
        T(a_part_that_changes_after_the_hashing_stops_the_commit),
        T(abandoned_parts_are_swept_and_living_ones_are_not),
        T(a_committed_message_is_not_hashed_again),
        T(created_five_minutes_ahead_is_taken_and_a_moment_more_is_not),
        T(uploads_are_counted_until_they_are_committed_or_swept),
        T(bytes_are_counted_until_the_partner_has_received_them),
        T(a_part_that_replaces_another_counts_by_what_it_is_longer),
        T(what_an_office_sends_to_itself_counts_until_it_is_dropped),
        T(a_store_of_schema_1_is_brought_forward_and_counts_what_is_there),
        T(a_token_is_good_until_its_end_and_only_for_its_office),
        T(an_hour_later_a_used_token_is_refused_to_the_same_key_too),
        T(the_fifth_wrong_try_is_said_to_be_the_last),
        T(a_new_token_ends_the_one_before),
        T(a_failed_request_leaves_the_token_and_the_log_as_they_were),
        T(a_key_change_is_told_to_partners_alone),
        T(a_newer_store_and_a_foreign_file_are_refused),
        T(jobs_come_back_to_the_caller_and_wake_the_recipient),
        T(closing_finishes_what_was_handed_over),
        T(another_process_wakes_everybody),
        T(what_was_acknowledged_survives_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
