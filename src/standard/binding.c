/* Structs of the interface by functions, for languages that do not read our headers. */
#include "careplan/binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

struct careplan_options {
    struct careplan_check_options options;
    uint8_t severities[]; /* enum careplan_severity, in the catalogue's order */
};

static size_t rule_index(const struct careplan_rule *rule)
{
    return (size_t)(rule - careplan_rule_at(0));
}

static enum careplan_severity severity(void *context, const char *code, enum careplan_severity standard)
{
    const struct careplan_options *o = context;
    const struct careplan_rule *rule = careplan_rule_find(code);
    return rule ? (enum careplan_severity)o->severities[rule_index(rule)] : standard;
}

struct careplan_options *careplan_options_new(void)
{
    size_t n = careplan_rules();
    struct careplan_options *o = calloc(1, sizeof *o + n);
    if (!o)
        return NULL;
    o->options.severity = severity;
    o->options.context = o;
    for (size_t i = 0; i < n; i++)
        o->severities[i] = (uint8_t)careplan_rule_at(i)->severity;
    return o;
}

void careplan_options_free(struct careplan_options *o)
{
    free(o);
}

int careplan_options_set_severity(struct careplan_options *o, const char *code,
                                  enum careplan_severity severity_wanted)
{
    const struct careplan_rule *rule = careplan_rule_find(code);
    if (!rule)
        return -ENOENT;
    if (rule->fixed)
        return -EPERM;
    if (severity_wanted != CAREPLAN_OFF && severity_wanted != CAREPLAN_WARNING &&
        severity_wanted != CAREPLAN_ERROR)
        return -EINVAL;
    o->severities[rule_index(rule)] = (uint8_t)severity_wanted;
    return 0;
}

int careplan_options_set_limit(struct careplan_options *o, enum careplan_limit limit, size_t value)
{
    struct careplan_limits *limits = &o->options.limits;
    switch (limit) {
    case CAREPLAN_LIMIT_ITEM_BYTES:
        limits->item_bytes = value;
        return 0;
    case CAREPLAN_LIMIT_ROW_BYTES:
        limits->row_bytes = value;
        return 0;
    case CAREPLAN_LIMIT_KEYS:
        limits->keys = value;
        return 0;
    case CAREPLAN_LIMIT_IMAGES:
        limits->images = value;
        return 0;
    }
    return -EINVAL;
}

const struct careplan_check_options *careplan_options_get(const struct careplan_options *o)
{
    return &o->options;
}

/* ---- Names and kinds ---- */

struct careplan_name *careplan_name_new(void)
{
    return calloc(1, sizeof(struct careplan_name));
}

void careplan_name_free(struct careplan_name *name)
{
    free(name);
}

static const struct part {
    size_t offset, size;
} parts[] = {
#define PART(member)                                                                        \
    {                                                                                       \
        offsetof(struct careplan_name, member), sizeof(((struct careplan_name *)0)->member) \
    }
    [CAREPLAN_PART_MONTH] = PART(month),
    [CAREPLAN_PART_SENDER_NUMBER] = PART(sender_number),
    [CAREPLAN_PART_SENDER_SERVICE] = PART(sender_service),
    [CAREPLAN_PART_RECIPIENT_NUMBER] = PART(recipient_number),
    [CAREPLAN_PART_RECIPIENT_SERVICE] = PART(recipient_service),
    [CAREPLAN_PART_SEQUENCE] = PART(sequence),
    [CAREPLAN_PART_IMAGE_NUMBER] = PART(image_number),
    [CAREPLAN_PART_CANONICAL] = PART(canonical),
#undef PART
};

const char *careplan_name_part(const struct careplan_name *name, enum careplan_name_part part)
{
    return (size_t)part < sizeof parts / sizeof *parts ? (const char *)name + parts[part].offset : "";
}

int careplan_name_set_part(struct careplan_name *name, enum careplan_name_part part, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)part >= CAREPLAN_PART_CANONICAL || length >= parts[part].size)
        return -EINVAL;
    memcpy((char *)name + parts[part].offset, text, length + 1);
    return 0;
}

const struct careplan_kind *careplan_name_kind(const struct careplan_name *name)
{
    return name->kind;
}

void careplan_name_set_kind(struct careplan_name *name, const struct careplan_kind *kind)
{
    name->kind = kind;
}

const char *careplan_kind_name(const struct careplan_kind *k)
{
    return k->name;
}

const char *careplan_kind_version(const struct careplan_kind *k)
{
    return k->version->name;
}

/* ---- The result of a check ---- */

struct careplan_check_result *careplan_result_new(void)
{
    return calloc(1, sizeof(struct careplan_check_result));
}

void careplan_result_free(struct careplan_check_result *r)
{
    careplan_check_result_free(r);
    free(r);
}

uint64_t careplan_result_bytes(const struct careplan_check_result *r)
{
    return r->bytes;
}

uint64_t careplan_result_records(const struct careplan_check_result *r)
{
    return r->records;
}

uint64_t careplan_result_errors(const struct careplan_check_result *r)
{
    return r->errors;
}

uint64_t careplan_result_warnings(const struct careplan_check_result *r)
{
    return r->warnings;
}

uint64_t careplan_result_not_reported(const struct careplan_check_result *r)
{
    return r->not_reported;
}

const char *careplan_result_version(const struct careplan_check_result *r)
{
    return r->version;
}
