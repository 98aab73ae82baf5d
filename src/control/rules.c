#include "control/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/layouts.h"

struct rules {
    struct careplan_standard *standard; /* NULL: the built-in one */
    struct careplan_check_options options;
    uint8_t severities[]; /* enum careplan_severity, in the catalogue's order */
};

static enum careplan_severity severity(void *context, const char *code, enum careplan_severity standard)
{
    const struct rules *r = context;
    const struct careplan_rule *rule = careplan_rule_find(code);
    return rule ? (enum careplan_severity)r->severities[rule - careplan_rule_at(0)] : standard;
}

static enum careplan_severity severity_by_name(const char *name)
{
    return strcmp(name, "off") == 0       ? CAREPLAN_OFF
           : strcmp(name, "warning") == 0 ? CAREPLAN_WARNING
                                          : CAREPLAN_ERROR;
}

static void set_severities(struct rules *r, const struct settings *s)
{
    const struct careplan_rule *first = careplan_rule_at(0);
    size_t n = careplan_rules();
    for (size_t i = 0; i < n; i++)
        r->severities[i] = (uint8_t)first[i].severity;
    for (size_t i = 0; i < s->n_rules; i++) { /* the later value wins */
        const struct careplan_rule *rule = careplan_rule_find(s->rules[i].code);
        if (rule && !rule->fixed)
            r->severities[rule - first] = (uint8_t)severity_by_name(s->rules[i].severity);
    }
}

struct rules *rules_new(const struct settings *s, struct error *e)
{
    struct rules *r = calloc(1, sizeof *r + careplan_rules());
    if (!r) {
        error_set(e, -ENOMEM, "memory", "out of memory");
        return NULL;
    }
    set_severities(r, s);
    r->options = (struct careplan_check_options){.severity = severity, .context = r};
    if (!s->layouts || (r->standard = layouts_read(s->layouts, e)))
        return r;
    rules_free(r);
    return NULL;
}

void rules_free(struct rules *r)
{
    if (r)
        careplan_standard_free(r->standard);
    free(r);
}

const struct careplan_standard *rules_standard(const struct rules *r)
{
    return r ? r->standard : NULL;
}

const struct careplan_check_options *rules_options(const struct rules *r)
{
    return r ? &r->options : NULL;
}

struct careplan_check_options rules_unit_options(const struct rules *r, size_t held)
{
    const struct careplan_check_options *in_force = rules_options(r);
    struct careplan_check_options options = in_force ? *in_force : (struct careplan_check_options){0};
    size_t left = held < RULES_UNIT_KEYS ? RULES_UNIT_KEYS - held : 1;
    size_t keys = options.limits.keys ? options.limits.keys : CAREPLAN_KEYS_MAX;
    options.limits.keys = keys < left ? keys : left;
    return options;
}

enum careplan_severity rules_severity(const struct rules *r, const struct careplan_rule *rule)
{
    return r ? (enum careplan_severity)r->severities[rule - careplan_rule_at(0)] : rule->severity;
}

static const char *rule_fault(const char *code)
{
    const struct careplan_rule *rule = careplan_rule_find(code);
    return !rule ? "there is no such rule; do: remove the line, or name a code of a report"
           : rule->fixed
               ? "this rule cannot be changed: a file that breaks it cannot be read; do: remove the line"
               : NULL;
}

int rules_check(const char *path, const char *data, struct error *e)
{
    return settings_check_rules(path, data, rule_fault, e);
}
