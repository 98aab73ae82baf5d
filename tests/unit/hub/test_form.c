/* What clients and operators may write, and what they may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "hub/form.h"

#define ID "0123456789abcdef0123456789abcdef"
#define OFFICE "0300000100-43"

/* ---- bodies ---- */

static void put_frame(struct buffer *b, size_t length)
{
    autofree char *bytes = calloc(1, length + 1);
    buffer_u64be(b, length);
    buffer_append(b, bytes, length);
}

static int read_body(size_t statement, size_t header, size_t ciphertext)
{
    struct form_message m;
    autobuffer b = {0};
    put_frame(&b, statement);
    put_frame(&b, header);
    put_frame(&b, ciphertext);
    return form_message_read(b.data, b.length, false, &m, NULL);
}

static void a_message_has_three_frames_within_their_bounds(void **state)
{
    (void)state;
    assert_int_equal(read_body(ENVELOPE_STATEMENT_MAX, ENVELOPE_HEADER_MAX, FORM_WHOLE_MAX), 0);
    assert_int_equal(read_body(ENVELOPE_STATEMENT_MAX + 1, 1, 1), -EINVAL);
    assert_int_equal(read_body(1, ENVELOPE_HEADER_MAX + 1, 1), -EINVAL);
    assert_int_equal(read_body(1, 1, FORM_WHOLE_MAX + 1), -EINVAL);
    assert_int_equal(read_body(0, 1, 1), -EINVAL);
    assert_int_equal(read_body(1, 0, 1), -EINVAL);
    assert_int_equal(read_body(1, 1, 0), -EINVAL);
}

static void a_message_cut_anywhere_or_followed_by_bytes_is_refused(void **state)
{
    (void)state;
    struct form_message m;
    autobuffer b = {0};
    put_frame(&b, 5);
    put_frame(&b, 6);
    put_frame(&b, 7);
    for (size_t n = 0; n < b.length; n++)
        assert_int_equal(form_message_read(b.data, n, false, &m, NULL), -EINVAL);
    assert_int_equal(form_message_read(b.data, b.length, false, &m, NULL), 0);
    assert_int_equal(m.statement.length, 5);
    assert_int_equal(m.ciphertext_length, 7);
    buffer_append(&b, "", 1);
    assert_int_equal(form_message_read(b.data, b.length, false, &m, NULL), -EINVAL);
}

static void a_commit_ends_with_a_length_alone(void **state)
{
    (void)state;
    struct form_message m;
    autobuffer b = {0};
    put_frame(&b, 5);
    put_frame(&b, 6);
    assert_int_equal(form_message_read(b.data, b.length, true, &m, NULL), -EINVAL);
    buffer_u64be(&b, UINT64_MAX);
    assert_int_equal(form_message_read(b.data, b.length, true, &m, NULL), 0);
    assert_true(m.ciphertext_length == UINT64_MAX && m.ciphertext.length == 0);
    buffer_append(&b, "", 1);
    assert_int_equal(form_message_read(b.data, b.length, true, &m, NULL), -EINVAL);
}

/* ---- paths ---- */

static enum form_route route(const char *path)
{
    struct form_path p;
    form_path_read(path, &p);
    return p.route;
}

static void every_path_of_the_api_is_known(void **state)
{
    (void)state;
    assert_int_equal(route("/v1/messages/" ID), ROUTE_MESSAGE_PUT);
    assert_int_equal(route("/v1/messages/" ID "/parts"), ROUTE_PARTS);
    assert_int_equal(route("/v1/messages/" ID "/parts/0"), ROUTE_PART);
    assert_int_equal(route("/v1/messages/" ID "/parts/1000000"), ROUTE_PART);
    assert_int_equal(route("/v1/messages/" OFFICE "/" ID), ROUTE_MESSAGE);
    assert_int_equal(route("/v1/messages/" OFFICE "/" ID "/receipts/taken"), ROUTE_RECEIPT);
    assert_int_equal(route("/v1/feed"), ROUTE_FEED);
    assert_int_equal(route("/v1/directory"), ROUTE_DIRECTORY);
    assert_int_equal(route("/v1/directory/log"), ROUTE_DIRECTORY_LOG);
    assert_int_equal(route("/v1/crl"), ROUTE_CRL);
    assert_int_equal(route("/.well-known/est/cacerts"), ROUTE_CACERTS);
    assert_int_equal(route("/.well-known/est/simpleenroll"), ROUTE_ENROLL);
    assert_int_equal(route("/.well-known/est/simplereenroll"), ROUTE_REENROLL);
}

static void a_path_almost_of_the_api_is_none(void **state)
{
    (void)state;
    static const char *const paths[] = {"",
                                        "/",
                                        "v1/feed",
                                        "/v1/feed/",
                                        "//v1/feed",
                                        "/v1//feed",
                                        "/V1/feed",
                                        "/v1/messages",
                                        "/v1/messages/",
                                        "/v1/messages/" ID "/",
                                        "/v1/messages/" ID "0",
                                        "/v1/messages/0123456789ABCDEF0123456789ABCDEF",
                                        "/v1/messages/" ID "/parts/",
                                        "/v1/messages/" ID "/parts/00",
                                        "/v1/messages/" ID "/parts/-1",
                                        "/v1/messages/" ID "/parts/1000001",
                                        "/v1/messages/" ID "/parts/99999999999999999999",
                                        "/v1/messages/" ID "/parts/1/2",
                                        "/v1/messages/" OFFICE,
                                        "/v1/messages/" OFFICE "/x",
                                        "/v1/messages/" OFFICE "/" ID "/receipts",
                                        "/v1/messages/" OFFICE "/" ID "/receipts/accepted",
                                        "/v1/messages/" OFFICE "/" ID "/receipts/received/x",
                                        "/v1/messages/" OFFICE "/" ID "/receipts/",
                                        "/a/b/c/d/e/f/g/h/i"};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
        if (route(paths[i]) != ROUTE_NONE)
            fail_msg("%s is taken", paths[i]);
}

/* ---- queries and headers ---- */

static void a_query_value_is_found_once_and_decoded(void **state)
{
    (void)state;
    char value[6];
    assert_int_equal(form_query_value("a=1&b=x%41%2f", "b", value, sizeof value), 1);
    assert_string_equal(value, "xA/");
    assert_int_equal(form_query_value("a=1&b", "b", value, sizeof value), 1);
    assert_string_equal(value, "");
    assert_int_equal(form_query_value("aa=1&ab=2", "a", value, sizeof value), 0);
    assert_int_equal(form_query_value(NULL, "a", value, sizeof value), 0);
    assert_int_equal(form_query_value("a=1&a=2", "a", value, sizeof value), -EINVAL);
    assert_int_equal(form_query_value("a=%4", "a", value, sizeof value), -EINVAL);
    assert_int_equal(form_query_value("a=%zz", "a", value, sizeof value), -EINVAL);
    assert_int_equal(form_query_value("a=%00", "a", value, sizeof value), -EINVAL);
    assert_int_equal(form_query_value("a=12345", "a", value, sizeof value), 1);
    assert_int_equal(form_query_value("a=123456", "a", value, sizeof value), -EINVAL);
}

static void a_query_number_is_whole_and_within_bounds(void **state)
{
    (void)state;
    int64_t n = 7;
    assert_int_equal(form_query_number("x=1", "wait", 0, 60, &n, NULL), 0);
    assert_int_equal(n, 7);
    assert_int_equal(form_query_number("wait=60", "wait", 0, 60, &n, NULL), 0);
    assert_int_equal(n, 60);
    static const char *const bad[] = {"wait=61", "wait=-1",  "wait=",   "wait=1.0",
                                      "wait=+1", "wait=1e3", "wait=0x1"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(form_query_number(bad[i], "wait", 0, 60, &n, NULL), -EINVAL);
    assert_int_equal(n, 60);
}

static void a_media_type_has_no_case_and_may_have_parameters(void **state)
{
    (void)state;
    assert_true(form_media_type("Application/CMS; x=y", "application/cms"));
    assert_false(form_media_type("application/cms2", "application/cms"));
    assert_false(form_media_type("application/cm", "application/cms"));
    assert_false(form_media_type(NULL, "application/cms"));
}

static void check_range(const char *header, enum form_range expected, uint64_t expected_first,
                        uint64_t expected_last)
{
    uint64_t first = 0, last = 0;
    enum form_range range = form_range_read(header, 100, &first, &last);
    if (range != expected || (range == FORM_RANGE_ONE && (first != expected_first || last != expected_last)))
        fail_msg("%s: %d %llu-%llu", header ? header : "(none)", (int)range, (unsigned long long)first,
                 (unsigned long long)last);
}

static void a_range_is_one_of_bytes(void **state)
{
    (void)state;
    check_range("bytes=0-0", FORM_RANGE_ONE, 0, 0);
    check_range("bytes=5-", FORM_RANGE_ONE, 5, 99);
    check_range("BYTES=5-500", FORM_RANGE_ONE, 5, 99);
    check_range("bytes=-1", FORM_RANGE_ONE, 99, 99);
    check_range("bytes=-100", FORM_RANGE_ONE, 0, 99);
    check_range("bytes=-101", FORM_RANGE_ONE, 0, 99);
    check_range("bytes=99-", FORM_RANGE_ONE, 99, 99);
    check_range("bytes=100-", FORM_RANGE_BEHIND, 0, 0);
    check_range("bytes=-0", FORM_RANGE_BEHIND, 0, 0);
    static const char *const none[] = {
        "bytes=",     "bytes=-",   "bytes=a-b", "bytes=5-4", "bytes=0-1,2-3",
        "bytes=0-1 ", "bytes 0-1", "items=0-1", "",          "bytes=9999999999999999999-"};
    for (size_t i = 0; i < ARRAY_LENGTH(none); i++)
        check_range(none[i], FORM_RANGE_NONE, 0, 0);
    check_range(NULL, FORM_RANGE_NONE, 0, 0);
}

/* ---- HTTP Basic, base64 ---- */

static bool basic(const char *plain, struct office_id *user, char *token)
{
    autofree char *text = form_base64(plain, strlen(plain));
    autofree char *header = NULL;
    assert_true(asprintf(&header, "Basic %s", text) > 0);
    return form_basic_read(header, user, token);
}

static void http_basic_names_an_identity_and_a_token_of_at_most_64(void **state)
{
    (void)state;
    struct office_id user;
    char token[FORM_TOKEN_MAX + 1];
    char longest[160];
    assert_true(basic(OFFICE ":a:b", &user, token));
    assert_string_equal(user.text, OFFICE);
    assert_string_equal(token, "a:b");
    snprintf(longest, sizeof longest, "%s:%064d", OFFICE, 7);
    assert_true(basic(longest, &user, token));
    snprintf(longest, sizeof longest, "%s:%065d", OFFICE, 7);
    assert_false(basic(longest, &user, token));
    assert_false(basic(OFFICE ":", &user, token));
    assert_false(basic(OFFICE, &user, token));
    assert_false(basic("x:y", &user, token));
    assert_false(form_basic_read(NULL, &user, token));
    assert_false(form_basic_read("Bearer abc", &user, token));
    assert_false(form_basic_read("Basic ", &user, token));
    assert_false(form_basic_read("Basic !!!!", &user, token));
}

static bool decodes(const char *text, size_t limit, const char *expected)
{
    autobuffer b = {.limit = limit};
    bool good = form_base64_read((const uint8_t *)text, strlen(text), limit, &b);
    return good && b.length == strlen(expected) && memcmp(b.data, expected, b.length) == 0;
}

static void base64_bears_white_space_and_nothing_else(void **state)
{
    (void)state;
    assert_true(decodes("YWJj\r\nZA==\n", 100, "abcd"));
    assert_true(decodes("YW Jj", 3, "abc"));
    assert_false(decodes("YWJj", 2, "abc"));
    assert_false(decodes("YWJ", 100, "ab"));
    assert_false(decodes("YW=j", 100, "ab"));
    assert_false(decodes("YW-j", 100, "ab"));
    assert_false(decodes("====", 100, ""));
    assert_false(decodes("", 100, ""));
    assert_false(decodes("YWJjZA==YWJj", 100, "abcdabc"));
}

/* ---- what an operator types ---- */

static void an_offices_name_is_clean_utf8_of_at_most_255_bytes(void **state)
{
    (void)state;
    char name[257];
    memset(name, 'a', 256);
    name[256] = '\0';
    assert_false(form_office_name(name));
    name[255] = '\0';
    assert_true(form_office_name(name));
    assert_true(form_office_name("ケアプランひまわり（架空）"));
    assert_false(form_office_name(""));
    assert_false(form_office_name("a\nb"));
    assert_false(form_office_name("\xC2\x85"));
    assert_false(form_office_name("\xE3\x81"));
    assert_false(form_office_name("\xED\xA0\x80"));
}

static void a_municipality_has_5_or_6_digits(void **state)
{
    (void)state;
    assert_true(form_municipality("03201"));
    assert_true(form_municipality("032018"));
    assert_false(form_municipality("0320"));
    assert_false(form_municipality("0320189"));
    assert_false(form_municipality("0320x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_three_frames_within_their_bounds),
        cmocka_unit_test(a_message_cut_anywhere_or_followed_by_bytes_is_refused),
        cmocka_unit_test(a_commit_ends_with_a_length_alone),
        cmocka_unit_test(every_path_of_the_api_is_known),
        cmocka_unit_test(a_path_almost_of_the_api_is_none),
        cmocka_unit_test(a_query_value_is_found_once_and_decoded),
        cmocka_unit_test(a_query_number_is_whole_and_within_bounds),
        cmocka_unit_test(a_media_type_has_no_case_and_may_have_parameters),
        cmocka_unit_test(a_range_is_one_of_bytes),
        cmocka_unit_test(http_basic_names_an_identity_and_a_token_of_at_most_64),
        cmocka_unit_test(base64_bears_white_space_and_nothing_else),
        cmocka_unit_test(an_offices_name_is_clean_utf8_of_at_most_255_bytes),
        cmocka_unit_test(a_municipality_has_5_or_6_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
