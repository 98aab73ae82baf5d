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
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
