#include "standard/problem.h"

#include <stdio.h>
#include <string.h>

const struct careplan_rule *careplan_rule_find(const char *code)
{
    const struct careplan_rule *rules = careplan_rule_at(0);
    size_t low = 0, high = careplan_rules();
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(code, rules[middle].code);
        if (order == 0)
            return &rules[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Appends as many whole UTF-8 characters of `text` as fit. */
static size_t text_append(char *out, size_t size, size_t at, const char *text)
{
    size_t length = strlen(text);
    size_t room = size - 1 - at;
    if (length > room) {
        length = room;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    memcpy(out + at, text, length);
    return at + length;
}

void template_fill(char *out, size_t size, const char *template, const char *item, const char *const *words,
                   size_t n)
{
    size_t at = 0;
    while (*template) {
        const char *brace = strchr(template, '{');
        char piece[MESSAGE_SIZE];
        size_t length = brace ? (size_t)(brace - template) : strlen(template);
        snprintf(piece, sizeof piece, "%.*s", (int)length, template);
        at = text_append(out, size, at, piece);
        template += length;
        if (!brace)
            break;
        const char *end = strchr(brace, '}');
        if (!end)
            break;
        if (strncmp(brace, "{item}", 6) == 0)
            at = text_append(out, size, at, item ? item : "");
        else if (brace[1] >= '1' && (size_t)(brace[1] - '1') < n && words[brace[1] - '1'])
            at = text_append(out, size, at, words[brace[1] - '1']);
        template = end + 1;
    }
    out[at] = '\0';
}

/* Errors and warnings are bounded each by itself: why a file is refused must not stand behind warnings. */
static bool sink_count(struct problem_sink *sink, enum careplan_severity severity)
{
    if (severity == CAREPLAN_OFF)
        return false;
    uint64_t *count = severity == CAREPLAN_ERROR ? &sink->errors : &sink->warnings;
    if (++*count > CAREPLAN_PROBLEMS_MAX) {
        sink->not_reported++;
        return false;
    }
    return sink->fn != NULL;
}

static void problem_say(const struct problem_sink *sink, const struct careplan_rule *rule,
                        enum careplan_severity severity, const struct problem_place *place,
                        const struct word *words, size_t n)
{
    const char *ja[WORDS_MAX] = {NULL}, *en[WORDS_MAX] = {NULL};
    for (size_t i = 0; i < n && i < WORDS_MAX; i++) {
        ja[i] = words[i].ja;
        en[i] = words[i].en;
    }
    const struct layout_item *item = place->item;
    char item_ja[256] = "この行", item_en[256] = "the record";
    if (item) {
        snprintf(item_ja, sizeof item_ja, "%s", item->name_ja);
        if (place->column)
            snprintf(item_en, sizeof item_en, "item %u %s", place->column, item->name_en);
        else
            snprintf(item_en, sizeof item_en, "%s", item->name_en);
    }
    char message_ja[MESSAGE_SIZE], message_en[MESSAGE_SIZE], remedy_ja[MESSAGE_SIZE], remedy_en[MESSAGE_SIZE];
    template_fill(message_ja, sizeof message_ja, rule->message_ja, item_ja, ja, n);
    template_fill(message_en, sizeof message_en, rule->message_en, item_en, en, n);
    template_fill(remedy_ja, sizeof remedy_ja, rule->remedy_ja, item_ja, ja, n);
    template_fill(remedy_en, sizeof remedy_en, rule->remedy_en, item_en, en, n);
    const struct careplan_problem problem = {
        .code = rule->code,
        .rule = rule->rule,
        .severity = severity,
        .line = place->line,
        .column = place->column,
        .item_name = item ? item->name_ja : NULL,
        .file = place->file,
        .message_ja = message_ja,
        .message_en = message_en,
        .remedy_ja = remedy_ja,
        .remedy_en = remedy_en,
    };
    sink->fn(sink->context, &problem);
}

static enum careplan_severity in_force(const struct problem_sink *sink, const struct careplan_rule *rule)
{
    bool asked = sink->options.severity && !rule->fixed;
    return asked ? sink->options.severity(sink->options.context, rule->code, rule->severity) : rule->severity;
}

enum careplan_severity problem_severity(const struct problem_sink *sink, const char *code)
{
    const struct careplan_rule *rule = careplan_rule_find(code);
    return rule ? in_force(sink, rule) : CAREPLAN_OFF;
}

enum careplan_severity problem_put(struct problem_sink *sink, const char *code,
                                   const struct problem_place *place, const struct word *words, size_t n)
{
    const struct careplan_rule *rule = careplan_rule_find(code);
    if (!rule)
        return CAREPLAN_OFF;
    enum careplan_severity severity = in_force(sink, rule);
    if (sink_count(sink, severity))
        problem_say(sink, rule, severity, place, words, n);
    return severity;
}
