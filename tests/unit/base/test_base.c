#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/settings.h"
#include "careplan/office.h"

static void an_error_text_is_cut_at_a_character(void **state)
{
    (void)state;
    struct error e;
    char text[1024];
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof e.text - 3, "訪問", 7);
    assert_int_equal(error_set(&e, -EINVAL, "code", "%s", text), -EINVAL);
    assert_int_equal(strlen(e.text), sizeof e.text - 3);
}

static void an_identity_is_ten_and_two_and_nothing_else(void **state)
{
    (void)state;
    struct office_id id;
    assert_true(office_id_parse(&id, "0300000100-43", 13));
    assert_string_equal(office_id_service(&id), "43");
    assert_false(office_id_parse(&id, "0300000100-4", 12));
    assert_false(office_id_parse(&id, "0300000100_43", 13));
    assert_false(office_id_parse(&id, "030000010a-43", 13));
    assert_string_equal(id.text, "");
    assert_true(office_id_join(&id, "0300000005", "A2"));
    assert_string_equal(id.text, "0300000005-A2");
    assert_false(office_id_join(&id, "03000000050", "A2"));
}

static void a_buffer_stops_at_its_limit(void **state)
{
    (void)state;
    autobuffer b = {.limit = 10};
    assert_int_equal(buffer_text(&b, "0123456789"), 0);
    assert_int_equal(buffer_text(&b, "x"), -EFBIG);
    assert_true(b.failed);
    assert_int_equal(b.length, 10);
}

static void times_round_trip_and_impossible_ones_are_refused(void **state)
{
    (void)state;
    int64_t ms;
    char text[25], japan[20];
    assert_int_equal(clock_parse_utc("2026-11-24T15:30:00.007Z", &ms), 0);
    clock_format_utc(ms, text);
    assert_string_equal(text, "2026-11-24T15:30:00.007Z");
    clock_format_japan(ms, japan);
    assert_string_equal(japan, "2026-11-25 00:30:00");
    assert_int_equal(clock_parse_utc("2026-02-30T00:00:00.000Z", &ms), -EINVAL);
    assert_int_equal(clock_parse_utc("2026-11-24T15:30:00Z", &ms), -EINVAL);
    assert_int_equal(clock_parse_utc("2026-11-24T15:30:00.007Zx", &ms), -EINVAL);
}

static void hex_is_exact(void **state)
{
    (void)state;
    uint8_t b[2];
    assert_true(hex_decode("00ff", b, 2));
    assert_int_equal(b[1], 255);
    assert_false(hex_decode("00fF", b, 2));
    assert_false(hex_decode("00f", b, 2));
    assert_false(hex_decode("00ff0", b, 2));
}

static void durations_have_units_and_a_bound(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(config_duration("500ms", &ms));
    assert_int_equal(ms, 500);
    assert_true(config_duration("10m", &ms));
    assert_int_equal(ms, 600000);
    assert_true(config_duration("100y", &ms));
    assert_false(config_duration("101y", &ms));
    assert_false(config_duration("10", &ms));
    assert_false(config_duration("s", &ms));
    assert_false(config_duration("-1s", &ms));
    assert_false(config_duration("9999999999999s", &ms));
}

static int only_url(void *context, const char *section, const char *key, const char *value, struct error *e)
{
    if (strcmp(section, "hub") || strcmp(key, "url"))
        return error_set(e, -EINVAL, "config-unknown-key", "unknown key '%s' in [%s]", key, section);
    snprintf(context, 64, "%s", value);
    return 0;
}

static void an_unknown_key_is_named_with_file_and_line(void **state)
{
    (void)state;
    char url[64];
    struct error e = {0};
    assert_int_equal(config_read("f", "[hub]\nurl = a\n[hub]\nurl=b\n", only_url, url, &e), 0);
    assert_string_equal(url, "b");
    assert_int_equal(config_read("f", "[hub]\nurl = a\nurll = b\n", only_url, url, &e), -EINVAL);
    assert_string_equal(e.text, "f:3: unknown key 'urll' in [hub]");
    assert_int_equal(config_read("f", "nonsense\n", only_url, url, &e), -EINVAL);
    assert_string_equal(e.code, "config-form");
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
    (void)state;
    char dir[] = "/tmp/careplan-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    autofree char *path = file_join(dir, "key");
    struct error e;
    autobuffer b = {0};
    assert_int_equal(file_write(path, "secret", 6, 0600, &e), 0);
    assert_int_equal(file_read_secret(path, 100, &b, &e), 0);
    assert_string_equal((char *)b.data, "secret");
    assert_int_equal(chmod(path, 0640), 0);
    buffer_clear(&b);
    assert_int_equal(file_read_secret(path, 100, &b, &e), -EPERM);
    assert_string_equal(e.code, "key-readable");
    assert_int_equal(file_read(path, 5, &b, &e), -EFBIG);
    unlink(path);
    rmdir(dir);
}

static void settings_have_defaults_and_name_what_is_wrong(void **state)
{
    (void)state;
    struct error e = {0};
    struct settings *s = settings_read(
        "f", "[office 0300000100-43]\nstate=/s\n[outbox]\nsettle=500ms\n[rules]\nCP1001=off\n", &e);
    assert_non_null(s);
    assert_int_equal(s->settle, 500);
    assert_int_equal(s->linger, 600000);
    assert_true(s->reject_close);
    assert_int_equal(s->offices[0].mode, 02770);
    settings_free(s);
    static const char *const bad[][2] = {
        {"[hub]\nurl=http://x\n", "f:2: url = http://x: must be https://HOST[:PORT]"},
        {"[outbox]\n\nsettel=2s\n", "f:3: unknown key 'settel' in [outbox]; see docs/configuration.md"},
        {"[outbux]\nsettle=2s\n", "f:2: unknown section [outbux]; see docs/configuration.md"},
        {"[outbox]\nsettle=2\n", "f:2: settle = 2: must be a duration such as 500ms, 2s, 10m, 90d"},
        {"[office 1-43]\nstate=/s\n",
         "f:2: [office 1-43]: an office is NUMBER-SERVICE, e.g. [office 0300000100-43]"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_null(settings_read("f", bad[i][0], &e));
        assert_string_equal(e.text, bad[i][1]);
    }
}

static void enrolling_changes_its_keys_and_keeps_the_rest(void **state)
{
    (void)state;
    char dir[] = "/tmp/careplan-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    autofree char *path = file_join(dir, "conf");
    struct error e = {0};
    struct office_id office;
    assert_true(office_id_parse(&office, "0300000100-43", 13));
    static const char before[] = "; ours\n[hub]\nurl = https://old\n[office 0300000005-11]\nstate = /b\n";
    assert_int_equal(file_write(path, before, strlen(before), 0640, &e), 0);
    assert_int_equal(settings_enrol(path, &office, "/a", "https://hub:1", "/ca.pem", &e), 0);
    assert_int_equal(settings_enrol(path, &office, "/a2", "https://hub:1", "/ca.pem", &e), 0);
    autobuffer text = {0};
    assert_int_equal(file_read(path, 4096, &text, &e), 0);
    assert_string_equal((char *)text.data,
                        "; ours\n[hub]\nurl = https://hub:1\nca = /ca.pem\n[office 0300000005-11]\n"
                        "state = /b\n\n[office 0300000100-43]\nstate = /a2\n");
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_text_is_cut_at_a_character),
        cmocka_unit_test(an_identity_is_ten_and_two_and_nothing_else),
        cmocka_unit_test(a_buffer_stops_at_its_limit),
        cmocka_unit_test(times_round_trip_and_impossible_ones_are_refused),
        cmocka_unit_test(hex_is_exact),
        cmocka_unit_test(durations_have_units_and_a_bound),
        cmocka_unit_test(an_unknown_key_is_named_with_file_and_line),
        cmocka_unit_test(settings_have_defaults_and_name_what_is_wrong),
        cmocka_unit_test(enrolling_changes_its_keys_and_keeps_the_rest),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
