/* Contents: whole, encrypted, destroyed for good; and the audit chain beside them. */
#include "house.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { MARKER_LENGTH = 16, BIG = 5 * CONTENT_BLOCK_SIZE + 12345 };
static const char MARKER[] = "KakuuTaroMarker!";

static uint8_t *big_bytes(void)
{
    uint8_t *bytes = malloc(BIG);
    assert_non_null(bytes);
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    return bytes;
}

static uint64_t save_big(struct house *h, struct saved *f, const uint8_t *bytes)
{
    struct ledger_save s = save_of(h, f, "big.pdf");
    s.in_unit = false;
    s.content = content_new(h->l);
    for (size_t at = 0; at < BIG; at += 70001)
        assert_int_equal(content_append(s.content, bytes + at, BIG - at < 70001 ? BIG - at : 70001), 0);
    assert_int_equal(content_finish(s.content), 0);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    return node_of(h, f->node).content;
}

static void several_megabytes_come_back_whole_and_at_any_offset(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    autofree uint8_t *bytes = big_bytes();
    autofree uint8_t *back = malloc(BIG);
    uint64_t content = save_big(h, &f, bytes), size;
    struct hash256 hash, expected;
    unsigned n;
    assert_int_equal(content_read(h->l, content, 0, back, BIG), BIG);
    assert_memory_equal(back, bytes, BIG);
    for (uint64_t at = 0; at < BIG; at += 333333) {
        int64_t got = content_read(h->l, content, at, back, 200000);
        assert_int_equal(got, BIG - at < 200000 ? BIG - at : 200000);
        assert_memory_equal(back, bytes + at, (size_t)got);
    }
    assert_int_equal(content_read(h->l, content, BIG, back, 10), 0);
    assert_int_equal(content_stat(h->l, content, &size, &hash), 0);
    assert_int_equal(size, BIG);
    assert_int_equal(EVP_Digest(bytes, BIG, expected.bytes, &n, EVP_sha256(), NULL), 1);
    assert_memory_equal(hash.bytes, expected.bytes, sizeof hash.bytes);
    assert_int_equal(house_number(h, "SELECT count(*) FROM block"), 6);
}

static void a_content_of_exactly_one_block_has_one(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    autofree uint8_t *bytes = big_bytes();
    struct ledger_save s = save_of(h, &f, "one.pdf");
    s.in_unit = false;
    s.content = content_of(h, bytes, CONTENT_BLOCK_SIZE);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(house_number(h, "SELECT count(*) FROM block"), 1);
    assert_int_equal(ledger_check(h->l, NULL), 0);
}

static bool file_holds(const char *path, const char *marker)
{
    autobuffer b = {.limit = 64 << 20};
    assert_int_equal(file_read(path, 64 << 20, &b, NULL), 0);
    return memmem(b.data, b.length, marker, strlen(marker)) != NULL;
}

static void contents_are_encrypted_on_the_disk(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    char path[128], text[4000] = "";
    for (int i = 0; i < 200; i++)
        strcat(text, MARKER);
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, text), 0);
    static const char *const NAMES[] = {"ledger.db-wal", "ledger.db"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", h->dir, NAMES[i]);
        assert_false(file_holds(path, MARKER));
    }
    house_close(h);
    assert_true(
        file_holds(path, HOUSE_PLAN)); /* transfer names are no secret: so the search does find things */
    assert_false(file_holds(path, MARKER));
    house_open(h);
}

static bool ledger_file_holds(const struct house *h, const uint8_t *bytes, size_t length)
{
    char path[128];
    autobuffer b = {0};
    snprintf(path, sizeof path, "%s/ledger.db", h->dir);
    assert_int_equal(file_read(path, 1 << 24, &b, NULL), 0);
    return memmem(b.data, b.length, bytes, length) != NULL;
}

static void a_destroyed_key_leaves_no_copy_in_the_ledger_file(void **state)
{
    struct house *h = *state;
    struct saved files[40] = {0};
    uint8_t keys[40][60];
    char name[64], sql[80];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "file %d.txt", i);
        assert_int_equal(save_other(h, &files[i], name, name), 0);
        snprintf(sql, sizeof sql, "SELECT key FROM content WHERE id=%llu",
                 (unsigned long long)node_of(h, files[i].node).content);
        house_blob(h, sql, keys[i], sizeof keys[i]);
    }
    house_close(h); /* the rows are in the file, not in the WAL only */
    for (int i = 0; i < 40; i++)
        assert_true(ledger_file_holds(h, keys[i] + 20, 40));
    house_open(h);
    for (int i = 0; i < 40; i += 3)
        assert_int_equal(ledger_unlink(h->l, files[i].entry, false, NULL, NULL, NULL), 0);
    while (ledger_idle(h->l))
        ;
    house_close(h);
    for (int i = 0; i < 40; i++)
        assert_int_equal(ledger_file_holds(h, keys[i] + 20, 40), i % 3 != 0);
    house_open(h);
}

static void a_changed_block_is_noticed(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    char byte;
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    house_sql(h, "UPDATE block SET data=zeroblob(length(data))");
    assert_int_equal(content_read(h->l, node_of(h, f.node).content, 0, &byte, 1), -EBADMSG);
}

static void a_lost_block_is_noticed_by_reading_and_by_the_check(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct error e = {0};
    char byte;
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(ledger_check(h->l, &e), 0);
    house_sql(h, "DELETE FROM block");
    assert_int_equal(content_read(h->l, node_of(h, f.node).content, 0, &byte, 1), -EBADMSG);
    assert_int_equal(ledger_check(h->l, &e), -EBADMSG);
    assert_string_equal(e.code, "ledger-damaged");
}

static void an_abandoned_content_goes(void **state)
{
    struct house *h = *state;
    autofree uint8_t *bytes = big_bytes();
    struct content *c = content_new(h->l);
    assert_int_equal(content_append(c, bytes, BIG), 0);
    content_abort(c);
    assert_int_equal(ledger_audit(h->l, "test", "takes what is lazy along", NULL, NULL), 0);
    while (ledger_idle(h->l))
        ;
    assert_int_equal(house_number(h, "SELECT count(*) FROM block"), 0);
}

static void freed_room_is_given_back_in_idle_slices(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    autofree uint8_t *bytes = malloc(16 << 20);
    memset(bytes, 1, 16 << 20);
    struct ledger_save s = save_of(h, &f, "large.pdf");
    s.in_unit = false;
    s.content = content_of(h, bytes, 16 << 20);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    int64_t pages = house_number(h, "PRAGMA page_count");
    assert_int_equal(ledger_unlink(h->l, f.entry, false, NULL, NULL, NULL), 0);
    while (ledger_idle(h->l))
        ;
    assert_true(house_number(h, "PRAGMA page_count") < pages - 1500);
    assert_int_equal(ledger_check(h->l, NULL), 0);
}

/* ---- The audit chain ---- */

static void events(struct house *h)
{
    for (int i = 0; i < 10; i++)
        assert_int_equal(ledger_audit(h->l, "test", "an event", NULL, NULL), 0);
}

static void assert_broken(struct house *h, const char *sql, const char *says)
{
    struct error e = {0};
    uint64_t rows;
    events(h);
    assert_int_equal(ledger_verify(h->l, &rows, &e), 0);
    assert_int_equal(rows, 11);
    house_sql(h, sql);
    assert_int_equal(ledger_verify(h->l, &rows, &e), -EBADMSG);
    assert_string_equal(e.code, "audit-chain");
    assert_non_null(strstr(e.text, says));
}

static void a_changed_audit_row_is_found(void **state)
{
    assert_broken(*state, "UPDATE audit SET detail='another event' WHERE id=5", "row 5");
}

static void a_changed_time_is_found(void **state)
{
    assert_broken(*state, "UPDATE audit SET at=at+1 WHERE id=11", "row 11");
}

static void a_text_moved_from_event_to_detail_is_found(void **state)
{
    assert_broken(*state, "UPDATE audit SET event='tes', detail='tan event' WHERE id=3", "row 3");
}

static void a_removed_audit_row_is_found(void **state)
{
    assert_broken(*state, "DELETE FROM audit WHERE id=7", "row 7");
}

static void a_forged_row_in_the_middle_breaks_the_next(void **state)
{
    assert_broken(*state, "UPDATE audit SET hash=zeroblob(32) WHERE id=4", "row 4");
}

static void the_chain_goes_on_over_a_restart_and_over_a_failed_change(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct error e = {0};
    uint64_t rows;
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(ledger_unlink(h->l, 999999, false, NULL, NULL, NULL), -ENOENT);
    house_reopen(h);
    assert_int_equal(ledger_audit(h->l, "test", "two\nlines", NULL, NULL), 0);
    assert_int_equal(ledger_verify(h->l, &rows, &e), 0);
    assert_int_equal(rows, 3);
    assert_int_equal(house_number(h, "SELECT count(*) FROM audit WHERE detail='two?lines'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
        T(several_megabytes_come_back_whole_and_at_any_offset),
        T(a_content_of_exactly_one_block_has_one),
        T(contents_are_encrypted_on_the_disk),
        T(a_destroyed_key_leaves_no_copy_in_the_ledger_file),
        T(a_changed_block_is_noticed),
        T(a_lost_block_is_noticed_by_reading_and_by_the_check),
        T(an_abandoned_content_goes),
        T(freed_room_is_given_back_in_idle_slices),
        T(a_changed_audit_row_is_found),
        T(a_changed_time_is_found),
        T(a_text_moved_from_event_to_detail_is_found),
        T(a_removed_audit_row_is_found),
        T(a_forged_row_in_the_middle_breaks_the_next),
        T(the_chain_goes_on_over_a_restart_and_over_a_failed_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
