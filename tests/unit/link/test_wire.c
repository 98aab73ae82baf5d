/* The hub's answers as bytes: bounds, forms, and what is refused; back-off. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hex.h"
#include "link/backoff.h"
#include "link/feed_page.h"
#include "link/framing.h"
#include "link/http.h"

#define ID "0123456789abcdef0123456789abcdef"

/* ---- back-off ---- */

static void the_wait_doubles_up_to_a_minute_and_jitters_by_half(void **state)
{
    (void)state;
    struct backoff b = {0};
    int64_t now = 1000, step = BACKOFF_FIRST_MS;
    for (int i = 0; i < 12; i++) {
        backoff_failed(&b, now, 0, 0);
        assert_int_equal(b.until - now, step / 2);
        struct backoff c = b;
        c.until = now;
        c.delay_ms = i ? step / 2 : 0;
        backoff_failed(&c, now, 0, (uint32_t)(step / 2));
        assert_int_equal(c.until - now, step);
        now = b.until;
        step = step * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : step * 2;
    }
    backoff_succeeded(&b);
    assert_true(backoff_ready(&b, now));
    backoff_failed(&b, now, 0, 0);
    assert_int_equal(b.until - now, BACKOFF_FIRST_MS / 2);
}

static void requests_that_one_cut_has_ended_count_once(void **state)
{
    (void)state;
    struct backoff b = {0};
    backoff_failed(&b, 0, 0, 0);
    int64_t until = b.until;
    backoff_failed(&b, 1, 0, 0);
    assert_int_equal(b.until, until);
    backoff_failed(&b, 1, 5000, 0); /* Retry-After asks for more */
    assert_int_equal(b.until, 5001);
    backoff_failed(&b, 1, 3600000, 0); /* never more than a minute */
    assert_int_equal(b.until, 1 + BACKOFF_LAST_MS);
}

/* ---- framing ---- */

static void a_prefix_is_read_when_all_of_it_is_there(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct framing f;
    framing_put(&b, "acc", 3);
    framing_put(&b, "state", 5);
    framing_put(&b, "he", 2);
    buffer_u64be(&b, 1000);
    for (size_t i = 0; i < b.length; i++)
        assert_int_equal(framing_parse(b.data, i, &f), -EAGAIN);
    assert_int_equal(framing_parse(b.data, b.length, &f), 0);
    assert_int_equal(f.prefix, b.length);
    assert_int_equal(f.ciphertext_length, 1000);
    assert_memory_equal(f.statement, "state", 5);
    buffer_free(&b);
}

static void a_part_at_its_limit_is_taken_and_one_byte_more_is_not(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buffer b = {0};
        struct framing f;
        size_t n = ENVELOPE_RECEIPT_MAX + more;
        uint8_t *part = calloc(1, n);
        framing_put(&b, part, n);
        framing_put(&b, "s", 1);
        framing_put(&b, "h", 1);
        buffer_u64be(&b, 1);
        assert_int_equal(framing_parse(b.data, b.length, &f), more ? -EBADMSG : 0);
        buffer_free(&b);
        free(part);
    }
}

static void a_message_without_ciphertext_is_none(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct framing f;
    for (int i = 0; i < 3; i++)
        framing_put(&b, "x", 1);
    buffer_u64be(&b, 0);
    assert_int_equal(framing_parse(b.data, b.length, &f), -EBADMSG);
    buffer_free(&b);
}

static void base64_is_bounded_and_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
    } cases[] = {{"aGVsbG8=", 0},         {"aGVs\r\nbG8=\n", 0},  {"aGVsbG8", -EBADMSG},
                 {"aGVsbG8=x", -EBADMSG}, {"aG*sbG8=", -EBADMSG}, {"aGVsbG9oZWxsbw==", -EFBIG}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer b = {0};
        assert_int_equal(framing_base64(cases[i].text, strlen(cases[i].text), 5, &b), cases[i].result);
        if (cases[i].result == 0)
            assert_memory_equal(b.data, "hello", 5);
        buffer_free(&b);
    }
}

static void reserving_takes_what_is_asked_for(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_append(&b, "abc", 3);
    assert_int_equal(framing_reserve(&b, 1 << 20), 0);
    assert_int_equal(b.capacity, (1 << 20) + 4);
    assert_memory_equal(b.data, "abc", 3);
    buffer_free(&b);
}

/* ---- the feed ---- */

static int page(const char *json, struct feed_page *out)
{
    return feed_page_parse((const uint8_t *)json, strlen(json), out);
}

static void events_of_every_known_type_are_read(void **state)
{
    (void)state;
    struct feed_page p;
    assert_int_equal(
        page(
            "{\"events\":[{\"n\":1,\"type\":\"message\",\"sender\":\"0300000100-43\",\"id\":\"" ID
            "\",\"created\":5,\"size\":7},{\"n\":2,\"type\":\"receipt\",\"sender\":\"0300000100-43\",\"id\":\"" ID
            "\",\"kind\":\"received\",\"by\":\"0300000005-11\",\"receipt\":\"aGVsbG8=\"},"
            "{\"n\":3,\"type\":\"directory\",\"head\":{}},"
            "{\"n\":4,\"type\":\"key_change\",\"office\":\"0300000005-11\"},"
            "{\"n\":5,\"type\":\"licence\",\"more\":[1,2]}],\"next\":5,\"unknown\":true}",
            &p),
        0);
    assert_int_equal(p.n, 5);
    assert_int_equal(p.next, 5);
    assert_int_equal(p.events[0].type, FEED_MESSAGE);
    assert_int_equal(p.events[0].size, 7);
    assert_int_equal(p.events[1].receipt.length, 5);
    assert_int_equal(p.events[3].type, FEED_KEY_CHANGE);
    assert_int_equal(p.events[4].type, FEED_UNKNOWN);
    assert_string_equal(p.events[4].type_name, "licence");
    feed_page_free(&p);
}

static void an_event_that_is_not_of_its_form_makes_the_page_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"events\":{},\"next\":1}",
        "{\"events\":[],\"next\":-1}",
        "{\"events\":[],\"next\":\"1\"}",
        "{\"events\":[{\"type\":\"message\",\"sender\":\"0300000100-43\",\"id\":\"" ID "\"}],\"next\":1}",
        "{\"events\":[{\"type\":\"message\",\"sender\":\"030000010-43\",\"id\":\"" ID
        "\",\"size\":1}],\"next\":1}",
        "{\"events\":[{\"type\":\"message\",\"sender\":\"0300000100-43\",\"id\":\"../etc\",\"size\":1}],\"next\":1}",
        "{\"events\":[{\"type\":\"receipt\",\"sender\":\"0300000100-43\",\"id\":\"" ID
        "\",\"receipt\":\"*\"}],\"next\":1}",
        "{\"events\":[{\"n\":1}],\"next\":1}",
        "{\"events\":[],\"events\":[],\"next\":1}",
        "{\"events\":[7],\"next\":1}"};
    struct feed_page p;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(page(wrong[i], &p), -EBADMSG);
}

static void more_events_than_agreed_are_refused(void **state)
{
    (void)state;
    for (size_t n = FEED_EVENTS_MAX; n <= FEED_EVENTS_MAX + 1; n++) {
        struct buffer b = {0};
        struct feed_page p;
        buffer_text(&b, "{\"events\":[");
        for (size_t i = 0; i < n; i++)
            buffer_text(&b, i ? ",{\"type\":\"x\"}" : "{\"type\":\"x\"}");
        buffer_text(&b, "],\"next\":1}");
        assert_int_equal(feed_page_parse(b.data, b.length, &p), n > FEED_EVENTS_MAX ? -EBADMSG : 0);
        feed_page_free(&p);
        buffer_free(&b);
    }
}

/* ---- parts ---- */

static void parts_of_full_size_are_there(void **state)
{
    (void)state;
    uint8_t have[3] = {0};
    struct parts_page p;
    const char *json = "{\"parts\":[{\"n\":0,\"size\":1048576},{\"n\":1,\"size\":5},{\"n\":2,\"size\":9},"
                       "{\"n\":7,\"size\":1}],\"more\":true,\"committed\":false}";
    assert_int_equal(parts_page_parse((const uint8_t *)json, strlen(json), 2 * 1048576 + 9, have, 3, &p), 0);
    assert_true(have[0] && !have[1] && have[2] && p.more && !p.committed);
    assert_int_equal(p.last, 7);
}

static void parts_that_do_not_rise_are_refused(void **state)
{
    (void)state;
    uint8_t have[2] = {0};
    struct parts_page p;
    const char *json =
        "{\"parts\":[{\"n\":1,\"size\":5},{\"n\":1,\"size\":5}],\"more\":false,\"committed\":false}";
    assert_int_equal(parts_page_parse((const uint8_t *)json, strlen(json), 100, have, 2, &p), -EBADMSG);
    json = "{\"parts\":[],\"more\":true,\"committed\":false}"; /* pages without end */
    assert_int_equal(parts_page_parse((const uint8_t *)json, strlen(json), 100, have, 2, &p), -EBADMSG);
}

/* ---- the log and the directory ---- */

static size_t n_entries, n_offices;

static int count_entry(void *context, const struct log_entry *entry)
{
    (void)context;
    n_entries += entry->type == LOG_CERTIFICATE;
    return 0;
}

static int count_office(void *context, const struct directory_office *o)
{
    (void)context;
    n_offices += o->name != NULL;
    return 0;
}

static void a_log_page_has_to_continue_ours(void **state)
{
    (void)state;
    char hex[65], fingerprint[65], json[2048];
    memset(fingerprint, 'a', 64);
    fingerprint[64] = '\0';
    struct log_head head = {0};
    snprintf(
        json, sizeof json,
        "{\"type\":\"certificate\",\"office\":\"0300000005-11\",\"fingerprint\":\"%s\",\"proof\":\"old-key\"}",
        fingerprint);
    log_head_append(&head, json, strlen(json));
    hex_encode(head.hash.bytes, 32, hex);
    snprintf(
        json, sizeof json,
        "{\"entries\":[{\"n\":1,\"entry\":\"{\\\"type\\\":\\\"certificate\\\",\\\"office\\\":\\\"0300000005-11\\\","
        "\\\"fingerprint\\\":\\\"%s\\\",\\\"proof\\\":\\\"old-key\\\"}\",\"hash\":\"%s\"}],\"head\":\"aGVsbG8=\"}",
        fingerprint, hex);
    struct log_head ours = {0};
    struct buffer signed_head = {0};
    size_t n;
    n_entries = 0;
    assert_int_equal(
        log_page_parse((const uint8_t *)json, strlen(json), &ours, &signed_head, &n, count_entry, NULL), 0);
    assert_int_equal(n_entries, 1);
    assert_true(log_head_equal(&ours, &head));
    struct log_head other = {.n = 0, .hash.bytes = {1}};
    assert_int_equal(
        log_page_parse((const uint8_t *)json, strlen(json), &other, &signed_head, &n, count_entry, NULL),
        -EILSEQ);
    buffer_free(&signed_head);
}

static void offices_come_in_order_each_once(void **state)
{
    (void)state;
    struct buffer head = {0};
    struct office_id last = {""};
    bool more;
    const char *good =
        "{\"offices\":[{\"office\":\"0300000005-11\",\"name\":\"x\",\"certificate\":null,\"fingerprint\":null},"
        "{\"office\":\"0300000100-43\",\"name\":\"y\",\"certificate\":null,\"fingerprint\":null}],"
        "\"more\":false,\"head\":\"aGVsbG8=\"}";
    n_offices = 0;
    assert_int_equal(
        directory_page_parse((const uint8_t *)good, strlen(good), &more, &last, &head, count_office, NULL),
        0);
    assert_int_equal(n_offices, 2);
    /* the same page again would never end */
    assert_int_equal(
        directory_page_parse((const uint8_t *)good, strlen(good), &more, &last, &head, count_office, NULL),
        -EBADMSG);
    buffer_free(&head);
}

/* ---- HTTP ---- */

static void content_range_is_read_strictly(void **state)
{
    (void)state;
    uint64_t from, total;
    assert_true(http_content_range("bytes 5-9/100", &from, &total));
    assert_true(from == 5 && total == 100);
    assert_false(http_content_range("bytes 9-5/100", &from, &total));
    assert_false(http_content_range("bytes 0-100/100", &from, &total));
    assert_false(http_content_range("bytes 0-9/100x", &from, &total));
    assert_false(http_content_range("bytes 99999999999999999999-9/1", &from, &total));
    assert_false(http_content_range("", &from, &total));
}

static void a_problems_code_is_a_code(void **state)
{
    (void)state;
    static const struct {
        const char *json, *code;
    } cases[] = {{"{\"type\":\"urn:careplan:problem:id-conflict\"}", "id-conflict"},
                 {"{\"type\":\"urn:careplan:problem:Id\"}", ""},
                 {"{\"type\":\"urn:careplan:problem:a\\nb\"}", ""},
                 {"{\"type\":\"about:blank\"}", ""},
                 {"{\"type\":7}", ""},
                 {"<html>", ""},
                 {"", ""}};
    char code[48];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        http_problem((const uint8_t *)cases[i].json, strlen(cases[i].json), code);
        assert_string_equal(code, cases[i].code);
    }
}

static void only_https_is_spoken(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://127.0.0.1", "https://", "file:///etc/passwd", ""};
    struct buffer ca = {0};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct http *h;
        struct error e = {0};
        struct http_options o = {.url = urls[i], .ca = &ca};
        assert_int_equal(http_new(&o, &h, &e), -EINVAL);
        assert_string_equal(e.code, "hub-url");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_doubles_up_to_a_minute_and_jitters_by_half),
        cmocka_unit_test(requests_that_one_cut_has_ended_count_once),
        cmocka_unit_test(a_prefix_is_read_when_all_of_it_is_there),
        cmocka_unit_test(a_part_at_its_limit_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(a_message_without_ciphertext_is_none),
        cmocka_unit_test(base64_is_bounded_and_strict),
        cmocka_unit_test(reserving_takes_what_is_asked_for),
        cmocka_unit_test(events_of_every_known_type_are_read),
        cmocka_unit_test(an_event_that_is_not_of_its_form_makes_the_page_wrong),
        cmocka_unit_test(more_events_than_agreed_are_refused),
        cmocka_unit_test(parts_of_full_size_are_there),
        cmocka_unit_test(parts_that_do_not_rise_are_refused),
        cmocka_unit_test(a_log_page_has_to_continue_ours),
        cmocka_unit_test(offices_come_in_order_each_once),
        cmocka_unit_test(content_range_is_read_strictly),
        cmocka_unit_test(a_problems_code_is_a_code),
        cmocka_unit_test(only_https_is_spoken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
