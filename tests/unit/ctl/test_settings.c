/* The configuration: every key, every refusal, and its page in docs/. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/settings.h"

#define SECOND INT64_C(1000)
#define DAY (86400 * SECOND)

static struct settings *read_text(const char *text, struct error *e)
{
    *e = (struct error){0};
    return settings_read("office.conf", text, e);
}

static void without_a_line_every_key_has_its_default(void **state)
{
    (void)state;
    struct error e;
    struct settings *s = read_text("", &e);
    assert_non_null(s);
    assert_null(s->hub_url);
    assert_int_equal(s->settle, 2 * SECOND);
    assert_int_equal(s->documents_settle, 60 * SECOND);
    assert_int_equal(s->linger, 600 * SECOND);
    assert_int_equal(s->unit_wait, 600 * SECOND);
    assert_int_equal(s->partner_wait, 90 * DAY);
    assert_true(s->reject_close);
    assert_true(s->taken_by_read);
    assert_int_equal(s->archive_keep, 5 * 365 * DAY);
    assert_int_equal(s->unit_max, 1 << 30);
    assert_string_equal(s->user, "careplan");
    assert_string_equal(s->announcer, "careplan-announce");
    assert_int_equal(s->n_offices, 0);
    settings_free(s);
}

static void every_key_is_read(void **state)
{
    (void)state;
    struct error e;
    struct settings *s =
        read_text("[hub]\nurl = https://hub.example.jp:8443/\nca = /etc/ca.pem\n"
                  "[outbox]\nsettle = 500ms\ndocuments_settle = 1s\nlinger = 2m\nunit_wait = 3h\n"
                  "partner_wait = 4d\nreject = report\ndocuments = pdf, txt\nscratch = *.tmp ~*\n"
                  "unit_max = 2000000\n"
                  "[inbox]\ntaken = removed\n[archive]\nkeep = 1y\n"
                  "[rules]\nCP1042 = warning\nCP1043=off\n"
                  "[daemon]\nuser = a\nannouncer = b\n"
                  "[office 0300000100-43]\nstate = /var/lib/x\ngroup = root\nmode = 0750\n",
                  &e);
    assert_non_null(s);
    assert_string_equal(s->hub_url, "https://hub.example.jp:8443");
    assert_string_equal(s->hub_ca, "/etc/ca.pem");
    assert_int_equal(s->settle, 500);
    assert_int_equal(s->documents_settle, SECOND);
    assert_int_equal(s->linger, 120 * SECOND);
    assert_int_equal(s->unit_wait, 3 * 3600 * SECOND);
    assert_int_equal(s->partner_wait, 4 * DAY);
    assert_false(s->reject_close);
    assert_string_equal(s->documents[0], "pdf");
    assert_string_equal(s->documents[1], "txt");
    assert_null(s->documents[2]);
    assert_string_equal(s->scratch[1], "~*");
    assert_null(s->scratch[2]);
    assert_int_equal(s->unit_max, 2000000);
    assert_false(s->taken_by_read);
    assert_int_equal(s->archive_keep, 365 * DAY);
    assert_int_equal(s->n_rules, 2);
    assert_string_equal(s->rules[0].code, "CP1042");
    assert_string_equal(s->rules[1].severity, "off");
    assert_string_equal(s->user, "a");
    assert_string_equal(s->announcer, "b");
    assert_int_equal(s->n_offices, 1);
    assert_string_equal(s->offices[0].state, "/var/lib/x");
    assert_int_equal(s->offices[0].group, 0);
    assert_int_equal(s->offices[0].mode, 0750);
    assert_ptr_equal(settings_office_find(s, &s->offices[0].office), &s->offices[0]);
    settings_free(s);
}

static void a_section_may_come_again_and_the_later_value_wins(void **state)
{
    (void)state;
    struct error e;
    struct settings *s = read_text("[outbox]\nsettle = 1s\n[inbox]\ntaken = read\n[outbox]\nsettle = 3s\n"
                                   "[rules]\nCP1042 = off\nCP1042 = error\n"
                                   "[office 0300000100-43]\nstate = /a\n[office 0300000100-43]\nstate = /b\n",
                                   &e);
    assert_non_null(s);
    assert_int_equal(s->settle, 3 * SECOND);
    assert_int_equal(s->n_rules, 1);
    assert_string_equal(s->rules[0].severity, "error");
    assert_int_equal(s->n_offices, 1);
    assert_string_equal(s->offices[0].state, "/b");
    settings_free(s);
}

static void what_is_wrong_is_named_with_line_and_key(void **state)
{
    (void)state;
    static const struct {
        const char *text, *code, *words;
    } cases[] = {
        {"[outbox]\nsettel = 2s\n", "config-unknown-key", "office.conf:2"},
        {"[hub]\nport = 1\n", "config-unknown-key", "port"},
        {"[daemon]\ngroup = x\n", "config-unknown-key", "group"},
        {"[office 0300000100-43]\nstate = /a\nname = x\n", "config-unknown-key", "office.conf:3"},
        {"[mailbox]\nx = 1\n", "config-unknown-section", "mailbox"},
        {"settle = 2s\n", "config-unknown-section", "office.conf:1"},
        {"[outbox]\nsettle = 2\n", "config-value", "settle"},
        {"[outbox]\nsettle = -2s\n", "config-value", "duration"},
        {"[outbox]\nlinger = 101y\n", "config-value", "linger"},
        {"[outbox]\nlinger = 99999999999999999999s\n", "config-value", "linger"},
        {"[outbox]\nreject = never\n", "config-value", "close+report"},
        {"[outbox]\nunit_max = 1048575\n", "config-value", "unit_max"},
        {"[outbox]\nunit_max = 8589934593\n", "config-value", "unit_max"},
        {"[inbox]\ntaken = seen\n", "config-value", "removed"},
        {"[archive]\nkeep = long\n", "config-value", "keep"},
        {"[rules]\nCP104 = off\n", "config-unknown-key", "CP104"},
        {"[rules]\nCP1042 = maybe\n", "config-value", "CP1042"},
        {"[hub]\nurl = http://hub\n", "config-value", "https://"},
        {"[hub]\nurl = https://\n", "config-value", "https://"},
        {"[hub]\nurl = https://a b\n", "config-value", "https://"},
        {"[hub]\nurl = https://user@hub\n", "config-value", "https://"},
        {"[office 0300000100]\nstate = /a\n", "config-value", "NUMBER-SERVICE"},
        {"[office 0300000100-43]\nstate = a\n", "config-value", "absolute"},
        {"[office 0300000100-43]\nstate = /a\nmode = 888\n", "config-value", "octal"},
        {"[office 0300000100-43]\nstate = /a\nmode = 0070\n", "config-value", "octal"},
        {"[office 0300000100-43]\nstate = /a\ngroup = no-such-group-here\n", "config-value", "group"},
        {"[office 0300000100-43]\nmode = 2770\n", "config-value", "state"},
        {"[office 0300000100-43]\nstate = /a\n[office 0300000100-46]\nstate = /a\n", "config-value", "share"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error e;
        struct settings *s = read_text(cases[i].text, &e);
        if (s || strcmp(e.code, cases[i].code) || !strstr(e.text, cases[i].words))
            fail_msg("%s: '%s' [%s], expected '%s' [%s]", cases[i].text, s ? "taken" : e.text, e.code,
                     cases[i].words, cases[i].code);
    }
}

static void an_error_is_one_line_whatever_the_file_holds(void **state)
{
    (void)state;
    struct error e;
    assert_null(read_text("[hub]\nke\ry\x1b[2J = 1\n", &e));
    assert_null(strpbrk(e.text, "\r\n\x1b"));
    assert_null(read_text("[outbox]\nreject = a\rb\x7f\n", &e));
    assert_null(strpbrk(e.text, "\r\n\x7f"));
}

static const char *only_cp1042(const char *code)
{
    return strcmp(code, "CP1042") == 0 ? NULL : "is not there";
}

static void a_rule_that_is_not_there_is_named_with_line_and_key(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(
        settings_check_rules("office.conf", "[rules]\nCP1042 = off\n[outbox]\nCP9999 = x\n", only_cp1042, &e),
        0);
    assert_int_equal(
        settings_check_rules("office.conf", "[rules]\nCP1042 = off\nCP9999 = off\n", only_cp1042, &e),
        -EINVAL);
    assert_string_equal(e.code, "config-unknown-key");
    assert_non_null(strstr(e.text, "office.conf:3: [rules] CP9999: is not there"));
}

struct enrolment {
    char path[64];
    struct office_id office;
};

static void write_config(const struct enrolment *w, const char *text)
{
    assert_int_equal(file_write(w->path, text, strlen(text), 0640, NULL), 0);
}

static int begin_enrolment(void **state)
{
    struct enrolment *w = calloc(1, sizeof *w);
    strcpy(w->path, "/tmp/test-settings-XXXXXX");
    int fd = mkstemp(w->path);
    close(fd);
    *state = w;
    return fd < 0 || !office_id_parse(&w->office, "0300000100-43", 13);
}

static int end_enrolment(void **state)
{
    struct enrolment *w = *state;
    unlink(w->path);
    free(w);
    return 0;
}

static void enrolling_keeps_every_other_line(void **state)
{
    struct enrolment *w = *state;
    struct error e = {0};
    write_config(
        w,
        "; our own words\n[outbox]\nsettle = 5s ; slow software\n\n[office 0300000005-11]\nstate = /other\n"
        "[hub]\nurl = https://old\n");
    assert_int_equal(settings_enrol(w->path, &w->office, "/new", "https://hub:8443", "/ca.pem", &e), 0);
    autobuffer text = {0};
    assert_int_equal(file_read(w->path, 1 << 16, &text, NULL), 0);
    assert_string_equal((const char *)text.data,
                        "; our own words\n[outbox]\nsettle = 5s ; slow software\n\n[office 0300000005-11]\n"
                        "state = /other\n[hub]\nurl = https://hub:8443\nca = /ca.pem\n\n"
                        "[office 0300000100-43]\nstate = /new\n");
}

static void enrolling_again_replaces_and_adds_nothing(void **state)
{
    struct enrolment *w = *state;
    struct error e = {0};
    autobuffer once = {0}, twice = {0};
    write_config(w, "");
    assert_int_equal(settings_enrol(w->path, &w->office, "/a", "https://hub", "/ca.pem", &e), 0);
    assert_int_equal(file_read(w->path, 1 << 16, &once, NULL), 0);
    assert_int_equal(settings_enrol(w->path, &w->office, "/a", "https://hub", "/ca.pem", &e), 0);
    assert_int_equal(file_read(w->path, 1 << 16, &twice, NULL), 0);
    assert_string_equal((const char *)once.data, (const char *)twice.data);
}

static void a_configuration_that_would_be_broken_is_not_written(void **state)
{
    struct enrolment *w = *state;
    struct error e = {0};
    const char *text = "[office 0300000005-11]\nstate = /taken\n";
    write_config(w, text);
    assert_int_not_equal(settings_enrol(w->path, &w->office, "/taken", "https://hub", "/ca.pem", &e), 0);
    assert_int_not_equal(settings_enrol(w->path, &w->office, "/x\n[rules]", "https://hub", "/ca.pem", &e), 0);
    autobuffer now = {0};
    assert_int_equal(file_read(w->path, 1 << 16, &now, NULL), 0);
    assert_string_equal((const char *)now.data, text);
}

/* Every key of the documentation is one, and every key is documented, with its default. */
static void the_documentation_names_every_key(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "`url`",
        "`ca`",
        "`settle` | `2s`",
        "`documents_settle` | `60s`",
        "`linger` | `10m`",
        "`unit_wait` | `10m`",
        "`partner_wait` | `90d`",
        "`reject` | `close+report`",
        "`documents` |",
        "`scratch` |",
        "`unit_max` | `1073741824`",
        "`taken` | `read`",
        "`keep` | `5y`",
        "`user` | `careplan`",
        "`announcer` | `careplan-announce`",
        "`state` |",
        "`group` |",
        "`mode` | `2770`",
    };
    autobuffer page = {.limit = 1 << 20};
    assert_int_equal(file_read(CONFIGURATION_PAGE, 1 << 20, &page, NULL), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        if (!strstr((const char *)page.data, keys[i]))
            fail_msg("docs/configuration.md says nothing of %s", keys[i]);
    /* Its example is a configuration. */
    const char *begin = strstr((const char *)page.data, "```ini\n"),
               *end = begin ? strstr(begin + 7, "```") : NULL;
    assert_non_null(end);
    char *example = strndup(begin + 7, (size_t)(end - begin) - 7);
    struct error e;
    struct settings *s = read_text(example, &e);
    if (!s)
        fail_msg("the example: %s", e.text);
    assert_int_equal(s->n_offices, 2);
    settings_free(s);
    free(example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_line_every_key_has_its_default),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(a_section_may_come_again_and_the_later_value_wins),
        cmocka_unit_test(what_is_wrong_is_named_with_line_and_key),
        cmocka_unit_test(a_rule_that_is_not_there_is_named_with_line_and_key),
        cmocka_unit_test(an_error_is_one_line_whatever_the_file_holds),
        cmocka_unit_test_setup_teardown(enrolling_keeps_every_other_line, begin_enrolment, end_enrolment),
        cmocka_unit_test_setup_teardown(enrolling_again_replaces_and_adds_nothing, begin_enrolment,
                                        end_enrolment),
        cmocka_unit_test_setup_teardown(a_configuration_that_would_be_broken_is_not_written, begin_enrolment,
                                        end_enrolment),
        cmocka_unit_test(the_documentation_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
