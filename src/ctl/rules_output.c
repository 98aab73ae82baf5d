#include "ctl/rules_output.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/common.h"
#include "standard/problem.h"

void rule_text(char out[RULE_TEXT_SIZE], const char *template, bool japanese)
{
    static const char *const words[] = {"X", "Y", "Z", "U", "V", "W"};
    template_fill(out, RULE_TEXT_SIZE, template, japanese ? "○○" : "ITEM", words, ARRAY_LENGTH(words));
}

void rule_remedy_text(char out[RULE_TEXT_SIZE], const char *template, bool japanese)
{
    char whole[RULE_TEXT_SIZE];
    const char *end = template[0] == '{' ? strchr(template, '}') : NULL;
    const char *begin = end ? end + 1 : template;
    begin += strspn(begin, " ");
    size_t length = strlen(begin);
    const char *last = strrchr(begin, '{');
    if (last && begin[length - 1] == '}')
        length = (size_t)(last - begin);
    while (length && begin[length - 1] == ' ')
        length--;
    snprintf(whole, sizeof whole, "%.*s", (int)length, begin);
    rule_text(out, whole, japanese);
}

const char *severity_word(enum careplan_severity s, bool japanese)
{
    switch (s) {
    case CAREPLAN_ERROR:
        return japanese ? "エラー" : "error";
    case CAREPLAN_WARNING:
        return japanese ? "警告" : "warning";
    default:
        return japanese ? "オフ" : "off";
    }
}

bool view_names(const struct rules_view *v, const struct careplan_rule *rule)
{
    for (size_t i = 0; v->settings && i < v->settings->n_rules; i++)
        if (strcmp(v->settings->rules[i].code, rule->code) == 0)
            return true;
    return false;
}

static void put_padded(const char *text, size_t width)
{
    size_t have = ctl_width(text);
    ctl_put(text);
    printf("%*s", (int)(have < width ? width - have : 0), "");
}

/* "warning", or "warning (error)" when the configuration changes it. */
static void severity_text(char out[64], const struct rules_view *v, const struct careplan_rule *rule)
{
    enum careplan_severity now = rules_severity(v->in_force, rule);
    if (now == rule->severity)
        snprintf(out, 64, "%s", severity_word(now, v->japanese));
    else
        snprintf(out, 64, v->japanese ? "%s（%s）" : "%s (%s)", severity_word(now, v->japanese),
                 severity_word(rule->severity, v->japanese));
}

void rules_put_list(const struct rules_view *v, const struct careplan_rule *const *rules, size_t n)
{
    char severity[64], message[RULE_TEXT_SIZE];
    size_t width = 0;
    for (size_t i = 0; i < n; i++) {
        severity_text(severity, v, rules[i]);
        size_t w = ctl_width(severity);
        width = w > width ? w : width;
    }
    for (size_t i = 0; i < n; i++) {
        severity_text(severity, v, rules[i]);
        rule_text(message, v->japanese ? rules[i]->message_ja : rules[i]->message_en, v->japanese);
        printf("%s  ", rules[i]->code);
        put_padded(severity, width + 2);
        ctl_put(message);
        putchar('\n');
    }
}

static void put_line(const char *label, size_t width, const char *text)
{
    fputs("  ", stdout);
    put_padded(label, width);
    ctl_put(text);
    putchar('\n');
}

/* Which severity is in force, and by whom. */
static void ruling_text(char out[RULE_TEXT_SIZE], const struct rules_view *v,
                        const struct careplan_rule *rule)
{
    const char *now = severity_word(rules_severity(v->in_force, rule), v->japanese);
    const char *standard = severity_word(rule->severity, v->japanese);
    if (view_names(v, rule))
        snprintf(out, RULE_TEXT_SIZE,
                 v->japanese ? "%s（%.500s の [rules]。もとは%s）"
                             : "%s, by [rules] of %.500s (catalogue: %s)",
                 now, v->config, standard);
    else
        snprintf(out, RULE_TEXT_SIZE, v->japanese ? "%s（もとのまま）" : "%s, by the catalogue", now);
}

static void put_whole(const struct rules_view *v, const struct careplan_rule *rule)
{
    char text[RULE_TEXT_SIZE];
    const bool ja = v->japanese;
    const size_t width = ja ? 8 : 12;
    printf("%s  %s\n", rule->code, rule->rule);
    rule_text(text, ja ? rule->message_ja : rule->message_en, ja);
    put_line(ja ? "内容" : "Message", width, text);
    rule_remedy_text(text, ja ? rule->remedy_ja : rule->remedy_en, ja);
    put_line(ja ? "直し方" : "What to do", width, text);
    put_line(ja ? "出典" : "Source", width, rule->source);
    ruling_text(text, v, rule);
    put_line(ja ? "重さ" : "Severity", width, text);
    if (rule->fixed)
        snprintf(text, sizeof text, "%s", ja ? "[rules] では変えられません" : "not by [rules]: it is fixed");
    else
        snprintf(text, sizeof text, "[rules] %s = error|warning|off", rule->code);
    put_line(ja ? "変更" : "To change", width, text);
}

void rules_put_whole(const struct rules_view *v, const struct careplan_rule *const *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            putchar('\n');
        put_whole(v, rules[i]);
    }
}

static json_t *json_rule(const struct rules_view *v, const struct careplan_rule *rule)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s}", "code", rule->code, "rule",
                     rule->rule, "severity", severity_word(rules_severity(v->in_force, rule), false),
                     "catalogue_severity", severity_word(rule->severity, false), "severity_from",
                     view_names(v, rule) ? "config" : "catalogue", "fixed", rule->fixed, "message_ja",
                     rule->message_ja, "message_en", rule->message_en, "remedy_ja", rule->remedy_ja,
                     "remedy_en", rule->remedy_en, "source", rule->source);
}

int rules_put_json(const struct rules_view *v, const struct careplan_rule *const *rules, size_t n)
{
    json_t *list = json_array();
    int bad = list ? 0 : -1;
    for (size_t i = 0; bad == 0 && i < n; i++)
        bad = json_array_append_new(list, json_rule(v, rules[i]));
    json_t *object = json_pack("{s:o}", "rules", list);
    autofree char *text = bad == 0 && object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        return -ENOMEM;
    ctl_put_json(text);
    putchar('\n');
    return 0;
}
