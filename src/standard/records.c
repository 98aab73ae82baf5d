/* Rules between the items of one record, and between a record and the file's name (records.tsv says which
 * kind has which). A rule is judged only when the items it looks at are well-formed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "standard/check_private.h"
#include "standard/ms932.h"

/* One rule on its record. */
struct judged {
    struct careplan_check *check;
    const struct record_rule *rule;
    const struct scanned_item *items[RECORD_ITEMS];
};

static const struct layout_item *definition(const struct judged *j, size_t i)
{
    return &j->check->layout->items[j->rule->items[i]];
}

static void value_of(const struct scanned_item *item, char value[VALUE_SIZE])
{
    value_text(item->text, item->length, false, VALUE_CHARACTERS, value);
}

static void put(const struct judged *j, const char *code, const struct word *words, size_t n)
{
    const struct problem_place place = {
        .line = j->items[0]->line, .column = j->rule->items[0] + 1u, .item = definition(j, 0)};
    problem_put(&j->check->sink, code, &place, words, n);
}

/* The rule's problem with the first item's value as its first argument. */
static void put_value(const struct judged *j, const char *code, struct word second, struct word third)
{
    char value[VALUE_SIZE];
    value_of(j->items[0], value);
    put(j, code, (const struct word[]){WORD(value), second, third}, 3);
}

static const struct word nothing = {"", ""};

/* Is `text` one of the rule's values, which are separated by spaces? */
static bool in_values(const struct judged *j, const uint8_t *text, size_t length)
{
    for (const char *at = j->rule->values; *at; at += *at == ' ') {
        size_t n = strcspn(at, " ");
        if (n == length && memcmp(at, text, n) == 0)
            return true;
        at += n;
    }
    return false;
}

static bool has_type(const struct judged *j, const struct scanned_item *service_code)
{
    return service_code->length >= 2 && in_values(j, service_code->text, 2);
}

/* 標準仕様 別紙 第7表: what a サービスコード says of its row. */
static bool is_total(const struct scanned_item *code)
{
    return item_equals(code, "999999", 6);
}

static bool is_subtotal(const struct scanned_item *code)
{
    if (code->length != 6)
        return false;
    const uint8_t *tail = code->text + 2;
    return memcmp(tail, "AAAA", 4) == 0 || memcmp(tail, "EEEE", 4) == 0 || memcmp(tail, "ZZZZ", 4) == 0;
}

static void in_scope(const struct judged *j)
{
    char words[VALUE_SIZE];
    const struct service_type *type =
        j->items[0]->length >= 2
            ? service_type_find(j->check->name.kind->standard, (const char *)j->items[0]->text, 2)
            : NULL;
    if (!type || type->linked)
        return;
    snprintf(words, sizeof words, "%s %s", type->code, type->name_ja);
    put_value(j, j->rule->code, WORD(words), nothing);
}

/* A record of another month than the file's was said to be so. */
static void in_month(const struct judged *j)
{
    char month[VALUE_SIZE];
    const struct scanned_item *date = j->items[0], *target = j->items[1];
    if (date->length != 8 || target->length != 6 || memcmp(date->text, target->text, 6) == 0 ||
        !item_equals(target, j->check->month, strlen(j->check->month)))
        return;
    value_of(target, month);
    put_value(j, j->rule->code, WORD(month), nothing);
}

static void either_filled(const struct judged *j)
{
    const struct scanned_item *code = j->items[2];
    if (j->items[0]->length || j->items[1]->length || !has_type(j, code) || is_subtotal(code))
        return;
    char type[3] = {(char)code->text[0], (char)code->text[1], '\0'};
    put(j, j->rule->code, (const struct word[]){WORD(type)}, 1);
}

static void empty_unless_type(const struct judged *j)
{
    if (j->items[0]->length && !has_type(j, j->items[1]))
        put_value(j, j->rule->code, nothing, nothing);
}

/* A care-management office or a center passes on the results it got (標準仕様 3.1). */
static void sender_results(const struct judged *j)
{
    const struct careplan_name *name = &j->check->name;
    bool own =
        name->sender_service[0] == '\0' || !service_may_plan(name->kind->standard, name->sender_service);
    if (own && !item_equals(j->items[0], name->sender_number, strlen(name->sender_number)))
        put_value(j, j->rule->code, WORD(name->sender_number), nothing);
}

static void filled_when(const struct judged *j)
{
    const struct layout_item *other = definition(j, 1);
    char words[VALUE_SIZE];
    if (j->items[0]->length || !in_values(j, j->items[1]->text, j->items[1]->length))
        return;
    snprintf(words, sizeof words, "%s", j->rule->values);
    for (size_t i = 0; i < other->n_values; i++)
        if (strcmp(other->values[i].code, j->rule->values) == 0)
            snprintf(words, sizeof words, "%s:%s", other->values[i].code, other->values[i].meaning);
    put(j, j->rule->code, (const struct word[]){{other->name_ja, other->name_en}, WORD(words)}, 2);
}

static bool goes_with_plan(const struct judged *j)
{
    return strcmp(j->check->name.month, "000000") == 0;
}

static void hosoku_plan_date(const struct judged *j)
{
    bool zero = in_values(j, j->items[0]->text, j->items[0]->length);
    if (goes_with_plan(j) == zero)
        put_value(j, zero ? "CP1133" : j->rule->code, nothing, nothing);
}

static void hosoku_target(const struct judged *j)
{
    if (goes_with_plan(j) && !in_values(j, j->items[0]->text, j->items[0]->length))
        put_value(j, j->rule->code, nothing, nothing);
}

static bool is_zero(const struct scanned_item *item)
{
    for (size_t i = 0; i < item->length; i++)
        if (item->text[i] != '0')
            return false;
    return true;
}

static void table7_zero(const struct judged *j)
{
    if ((is_total(j->items[1]) || is_subtotal(j->items[1])) && !is_zero(j->items[0]))
        put_value(j, j->rule->code, nothing, nothing);
}

static void table7_empty(const struct judged *j)
{
    if ((is_total(j->items[1]) || is_subtotal(j->items[1])) && j->items[0]->length)
        put_value(j, j->rule->code, nothing, nothing);
}

static void table7_office(const struct judged *j)
{
    if (is_total(j->items[1]) && !in_values(j, j->items[0]->text, j->items[0]->length))
        put_value(j, j->rule->code, nothing, nothing);
}

/* Only images of this file's own unit come here, which their number tells apart. */
static void image_add(struct careplan_check *c, const struct careplan_name *image, uint64_t line)
{
    unsigned number = (unsigned)strtoul(image->image_number, NULL, 10) % IMAGE_NUMBERS;
    uint8_t bit = (uint8_t)(1u << (number % 8));
    if ((c->image_seen[number / 8] & bit) || c->n_images == CAREPLAN_IMAGES_MAX)
        return;
    if (!c->images) {
        c->images = calloc(CAREPLAN_IMAGES_MAX, sizeof *c->images);
        c->image_lines = calloc(CAREPLAN_IMAGES_MAX, sizeof *c->image_lines);
    }
    if (!c->images || !c->image_lines) {
        c->no_memory = true;
        return;
    }
    c->image_seen[number / 8] |= bit;
    memcpy(c->images[c->n_images], image->canonical, sizeof image->canonical);
    c->image_lines[c->n_images++] = line;
}

static void image_name(const struct judged *j)
{
    const struct scanned_item *item = j->items[0];
    const struct careplan_name *own = &j->check->name;
    struct careplan_name image;
    char text[CAREPLAN_NAME_MAX];
    if (item->length == 0)
        return;
    int length = item->length < sizeof text ? (int)item->length : 0;
    snprintf(text, sizeof text, "%.*s", length, (const char *)item->text);
    bool good =
        careplan_name_parse(own->kind->standard, text, &image, NULL, NULL) == CAREPLAN_NAME_TRANSFER &&
        image.kind->image && strcmp(image.sender_number, own->sender_number) == 0 &&
        strcmp(image.sender_service, own->sender_service) == 0 &&
        strcmp(image.recipient_number, own->recipient_number) == 0 &&
        strcmp(image.recipient_service, own->recipient_service) == 0 &&
        strcmp(image.sequence, own->sequence) == 0;
    if (good)
        image_add(j->check, &image, item->line);
    else
        put_value(j, j->rule->code, nothing, nothing);
}

static void names_office(const struct judged *j, struct word role, const char *number)
{
    char value[VALUE_SIZE];
    if (j->check->wrong_way || item_equals(j->items[0], number, strlen(number)))
        return;
    value_of(j->items[0], value);
    if (j->items[0]->length == 0 || strcmp(value, j->check->last_office) == 0)
        return;
    memcpy(j->check->last_office, value, sizeof value);
    put_value(j, j->rule->code, role, WORD(number));
}

static void names_sender(const struct judged *j)
{
    names_office(j, (struct word){"送信元", "sender"}, j->check->name.sender_number);
}

static void names_recipient(const struct judged *j)
{
    names_office(j, (struct word){"送信先", "recipient"}, j->check->name.recipient_number);
}

static void relation_key(const struct judged *j)
{
    struct careplan_check *c = j->check;
    size_t limit = c->sink.options.limits.keys ? c->sink.options.limits.keys : CAREPLAN_KEYS_MAX;
    if (j->rule == relation_rule(c->layout, &c->name) &&
        relation_add(&c->relation, &c->name, j->items, limit) < 0)
        c->no_memory = true;
}

static void (*const checks[RECORD_CHECKS])(const struct judged *) = {
    [RECORD_IN_SCOPE] = in_scope,
    [RECORD_IN_MONTH] = in_month,
    [RECORD_EITHER_FILLED] = either_filled,
    [RECORD_EMPTY_UNLESS_TYPE] = empty_unless_type,
    [RECORD_SENDER_RESULTS] = sender_results,
    [RECORD_FILLED_WHEN] = filled_when,
    [RECORD_HOSOKU_PLAN_DATE] = hosoku_plan_date,
    [RECORD_HOSOKU_TARGET] = hosoku_target,
    [RECORD_TABLE7_ZERO] = table7_zero,
    [RECORD_TABLE7_EMPTY] = table7_empty,
    [RECORD_TABLE7_OFFICE] = table7_office,
    [RECORD_IMAGE_NAME] = image_name,
    [RECORD_NAMES_SENDER] = names_sender,
    [RECORD_NAMES_RECIPIENT] = names_recipient,
    [RECORD_RELATION_KEY] = relation_key,
};

void record_check(struct record *record)
{
    const struct careplan_layout *layout = record->check->layout;
    for (size_t r = 0; r < layout->n_rules; r++) {
        struct judged j = {.check = record->check, .rule = &layout->rules[r]};
        bool good = true;
        for (size_t i = 0; i < j.rule->n_items; i++) {
            j.items[i] = &record->row->items[j.rule->items[i]];
            good = good && !record->bad[j.rule->items[i]];
        }
        if (good)
            checks[j.rule->check](&j);
    }
}
