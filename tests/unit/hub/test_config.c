/* hub.conf: every limit at its bounds and one beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "hub/config.h"

#define HUB "[hub]\nlisten = 127.0.0.1:8443\nname = hub.example.jp\n"

static int read_text(const char *text, struct hub_config *out, struct error *e)
{
    return hub_config_read("hub.conf", text, out, e);
}

static void the_defaults_are_those_of_the_api(void **state)
{
    (void)state;
    struct hub_config c;
    assert_int_equal(read_text(HUB, &c, NULL), 0);
    assert_int_equal(c.body_max, 1024 * 1024 + 160 * 1024);
    assert_int_equal(c.parts_max, 8256);
    assert_int_equal(c.headers_max, 64);
    assert_int_equal(c.feeds_per_office, 4);
    assert_int_equal(c.uploads_per_office, 64);
    assert_int_equal(c.bytes_per_office, INT64_C(20) << 30);
    assert_int_equal(c.requests_per_minute, 6000);
    assert_int_equal(c.certificate_days, 730);
    assert_int_equal(c.upload_keep, 24 * 3600 * 1000);
    assert_false(c.tls12);
    assert_string_equal(c.operator_, "");
}

static void every_number_is_taken_at_its_bounds_and_refused_one_beyond(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        long long min, max;
    } keys[] = {{"body_max", 65536, 4194304},
                {"headers_size", 1024, 262144},
                {"headers_max", 8, 1000},
                {"message_max", 1048576, 1099511627776},
                {"parts_max", 1, 1000000},
                {"feeds_per_office", 1, 1000},
                {"uploads_per_office", 1, 1000000},
                {"bytes_per_office", 2097152, 1125899906842624},
                {"anonymous_connections", 1, 1000000},
                {"tokens_refused_per_hour", 1, 1000000},
                {"requests_per_minute", 1, 10000000},
                {"anonymous_per_minute", 1, 10000000},
                {"connections", 1, 1000000},
                {"buffered_max", 8388608, 68719476736}};
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        const long long values[] = {keys[i].min, keys[i].max, keys[i].min - 1, keys[i].max + 1};
        for (size_t v = 0; v < ARRAY_LENGTH(values); v++) {
            struct hub_config c;
            struct error e;
            char text[256];
            snprintf(text, sizeof text, HUB "[limits]\n%s = %lld\n", keys[i].key, values[v]);
            int r = read_text(text, &c, &e);
            if ((r == 0) != (v < 2))
                fail_msg("%s = %lld: %d", keys[i].key, values[v], r);
            if (r)
                assert_non_null(strstr(e.text, keys[i].key));
        }
    }
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } bad[] = {{HUB "colour = red\n", "hub.conf:4: [hub] has no key \"colour\""},
               {HUB "[limit]\nbody_max = 65536\n", "hub.conf:5"},
               {HUB "tls12 = 1\n", "hub.conf:4: tls12"},
               {HUB "retention = 5 days\n", "hub.conf:4: retention"},
               {HUB "listen = hub.example.jp:8443\n", "numeric"},
               {HUB "listen = 127.0.0.1\n", "ADDRESS:PORT"},
               {HUB "[limits]\nidle_timeout = 999ms\n", "idle_timeout"},
               {"[hub]\nlisten = 127.0.0.1:8443\n", "needs listen and name"}};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct hub_config c;
        struct error e = {0};
        assert_true(read_text(bad[i].text, &c, &e) < 0);
        if (!strstr(e.text, bad[i].word))
            fail_msg("expected '%s' in '%s'", bad[i].word, e.text);
    }
}

static void an_address_is_numeric_with_a_port(void **state)
{
    (void)state;
    assert_true(hub_address_is_valid("0.0.0.0:8443"));
    assert_true(hub_address_is_valid("[::1]:8443"));
    assert_false(hub_address_is_valid("localhost:8443"));
    assert_false(hub_address_is_valid("127.0.0.1:"));
    assert_false(hub_address_is_valid("127.0.0.1:x"));
    assert_false(hub_address_is_valid("127.0.0.1:70000"));
}

static void the_operators_page_names_every_key(void **state)
{
    (void)state;
    static const char *const keys[] = {"listen",
                                       "operator",
                                       "name",
                                       "tls12",
                                       "certificate_days",
                                       "retention",
                                       "body_max",
                                       "headers_size",
                                       "headers_max",
                                       "message_max",
                                       "parts_max",
                                       "upload_keep",
                                       "uploads_per_office",
                                       "bytes_per_office",
                                       "anonymous_connections",
                                       "anonymous_timeout",
                                       "tokens_refused_per_hour",
                                       "upkeep",
                                       "connections",
                                       "buffered_max",
                                       "request_timeout",
                                       "feeds_per_office",
                                       "requests_per_minute",
                                       "anonymous_per_minute",
                                       "idle_timeout"};
    autobuffer page = {0};
    assert_int_equal(file_read(HUB_PAGE, 1 << 20, &page, NULL), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        char row[64];
        snprintf(row, sizeof row, "\n| `%s` | ", keys[i]);
        if (!strstr((const char *)page.data, row))
            fail_msg("docs/hub.md says nothing of %s", keys[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_api),
        cmocka_unit_test(the_operators_page_names_every_key),
        cmocka_unit_test(every_number_is_taken_at_its_bounds_and_refused_one_beyond),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(an_address_is_numeric_with_a_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
