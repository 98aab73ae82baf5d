/* The rules in force: severities as [rules] says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/rules.h"

static enum careplan_severity ruling(const struct rules *r, const char *code)
{
    const struct careplan_rule *rule = careplan_rule_find(code);
    const struct careplan_check_options *options = rules_options(r);
    assert_non_null(rule);
    if (options)
        assert_int_equal(options->severity(options->context, code, rule->severity), rules_severity(r, rule));
    return rules_severity(r, rule);
}

static void the_later_value_of_a_rule_wins(void **state)
{
    (void)state;
    struct settings_rule list[] = {{"CP1034", "warning"}, {"CP1034", "off"}, {"CP1302", "error"}};
    struct settings s = {.rules = list, .n_rules = 3};
    struct rules *r = rules_new(&s, NULL);
    assert_non_null(r);
    assert_int_equal(ruling(r, "CP1034"), CAREPLAN_OFF);
    assert_int_equal(ruling(r, "CP1302"), CAREPLAN_ERROR);
    assert_int_equal(ruling(r, "CP1004"), CAREPLAN_ERROR);
    rules_free(r);
}

static void without_rules_the_catalogue_is_in_force(void **state)
{
    (void)state;
    assert_null(rules_options(NULL));
    assert_null(rules_standard(NULL));
    assert_int_equal(ruling(NULL, "CP1302"), CAREPLAN_WARNING);
    rules_free(NULL);
}

static void a_fixed_or_unknown_rule_is_refused_with_its_line(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(rules_check("o.conf", "[rules]\nCP1034 = off\n[outbox]\nCP9999 = x\n", &e), 0);
    assert_int_equal(rules_check("o.conf", "[rules]\nCP1034 = off\nCP9999 = off\n", &e), -EINVAL);
    assert_non_null(strstr(e.text, "o.conf:3: [rules] CP9999: there is no such rule"));
    assert_int_equal(rules_check("o.conf", "[rules]\nCP1002 = warning\n", &e), -EINVAL);
    assert_non_null(strstr(e.text, "o.conf:2: [rules] CP1002: this rule cannot be changed"));
    struct settings_rule list[] = {{"CP1002", "off"}};
    struct rules *r = rules_new(&(struct settings){.rules = list, .n_rules = 1}, NULL);
    assert_int_equal(ruling(r, "CP1002"), CAREPLAN_ERROR);
    rules_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_later_value_of_a_rule_wins),
        cmocka_unit_test(without_rules_the_catalogue_is_in_force),
        cmocka_unit_test(a_fixed_or_unknown_rule_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
