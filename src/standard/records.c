/* Rules between the items of a record, between records of the file, and between a record and the file's name
 * (records.tsv says which kind has which). A rule is judged only when the items it looks at are well-formed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "standard/ms932.h"
#include "standard/records_private.h"

const struct layout_item *rule_item(const struct judged *j, size_t i)
{
    return &j->check->layout->items[j->rule->items[i]];
}

struct word rule_item_words(const struct judged *j, size_t i, struct item_words *words)
{
    unsigned column = j->rule->items[i] + 1u;
    snprintf(words->ja, sizeof words->ja, "%u列目「%s」", column, rule_item(j, i)->name_ja);
    snprintf(words->en, sizeof words->en, "item %u %s", column, rule_item(j, i)->name_en);
    return (struct word){words->ja, words->en};
}

bool rule_item_bad(const struct judged *j, size_t i)
{
    return j->record->bad[j->rule->items[i]];
}

static void value_of(const struct scanned_item *item, char value[VALUE_SIZE])
{
    value_text(item->text, item->length, false, VALUE_CHARACTERS, value);
}

void rule_put(const struct judged *j, size_t i, const char *code, const struct word *words, size_t n)
{
    const struct problem_place place = {
        .line = j->items[i]->line, .column = j->rule->items[i] + 1u, .item = rule_item(j, i)};
    problem_put(&j->check->sink, code, &place, words, n);
}

void rule_put_value(const struct judged *j, size_t i, const char *code, struct word second, struct word third)
{
    char value[VALUE_SIZE];
    value_of(j->items[i], value);
    rule_put(j, i, code, (const struct word[]){WORD(value), second, third}, 3);
}

void rule_put_end(const struct judged *j, uint64_t line, const char *code, const struct word *words, size_t n)
{
    const struct problem_place place = {
        .line = line, .column = j->rule->items[0] + 1u, .item = rule_item(j, 0)};
    problem_put(&j->check->sink, code, &place, words, n);
}

void number_text(char out[24], uint64_t number)
{
    snprintf(out, 24, "%llu", (unsigned long long)number);
}

bool number_read(const struct scanned_item *item, long *number)
{
    size_t sign = item->length && item->text[0] == '-';
    if (item->length - sign > 9 || !all_digits(item->text + sign, item->length - sign))
        return false;
    *number = 0;
    for (size_t i = sign; i < item->length; i++)
        *number = *number * 10 + (item->text[i] - '0');
    if (sign)
        *number = -*number;
    return true;
}

const struct record_rule *rule_of(const struct judged *j, enum record_check check)
{
    const struct careplan_layout *layout = j->check->layout;
    for (size_t i = 0; i < layout->n_rules; i++)
        if (layout->rules[i].check == check)
            return &layout->rules[i];
    return NULL;
}

static const struct word nothing = {"", ""};

bool rule_in_values(const struct judged *j, const uint8_t *text, size_t length)
{
    for (const char *at = j->rule->values; *at; at += *at == ' ') {
        size_t n = 0;
        while (at[n] && at[n] != ' ')
            n++;
        if (n == length && n && at[0] == text[0] && memcmp(at, text, n) == 0)
            return true;
        at += n;
    }
    return false;
}

static bool has_type(const struct judged *j, const struct scanned_item *service_code)
{
    return service_code->length >= 2 && rule_in_values(j, service_code->text, 2);
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
    rule_put_value(j, 0, j->rule->code, WORD(words), nothing);
}

/* A record of another month than the name's was said to be so. */
static void in_month(const struct judged *j)
{
    char month[VALUE_SIZE];
    const struct scanned_item *date = j->items[0], *target = j->items[1];
    if (date->length != 8 || target->length != 6 || memcmp(date->text, target->text, 6) == 0 ||
        !item_equals(target, j->check->name.month, 6))
        return;
    value_of(target, month);
    rule_put_value(j, 0, j->rule->code, WORD(month), nothing);
}

static void either_filled(const struct judged *j)
{
    const struct scanned_item *code = j->items[2];
    if (j->items[0]->length || j->items[1]->length || !has_type(j, code) || table7_is_subtotal(code))
        return;
    char type[3] = {(char)code->text[0], (char)code->text[1], '\0'};
    rule_put(j, 0, j->rule->code,
             (const struct word[]){WORD(type), rule_item_words(j, 1, &(struct item_words){"", ""})}, 2);
}

static void empty_unless_type(const struct judged *j)
{
    if (j->items[0]->length && !has_type(j, j->items[1]))
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

/* The lists hold every type of service, also those that plan besides: their results are their own. Who is in
 * none (43, 46, AF) passes on the results of others (標準仕様 3.1). */
bool passes_results_on(const struct careplan_check *c)
{
    const char *sender = c->name.sender_service;
    return sender[0] && !service_type_find(c->name.kind->standard, sender, strlen(sender));
}

/* An alternation of offices is said once a file. */
static bool say_once(const struct judged *j)
{
    bool *said = &j->check->said_once[j->rule->check];
    bool first = !*said;
    *said = true;
    return first;
}

static void sender_results(const struct judged *j)
{
    const struct careplan_name *name = &j->check->name;
    if (!passes_results_on(j->check) &&
        !item_equals(j->items[0], name->sender_number, strlen(name->sender_number)) && say_once(j))
        rule_put_value(j, 0, j->rule->code, WORD(name->sender_number), nothing);
}

static void filled_when(const struct judged *j)
{
    const struct layout_item *other = rule_item(j, 1);
    char words[VALUE_SIZE];
    if (j->items[0]->length || !rule_in_values(j, j->items[1]->text, j->items[1]->length))
        return;
    snprintf(words, sizeof words, "%s", j->rule->values);
    for (size_t i = 0; i < other->n_values; i++)
        if (strcmp(other->values[i].code, j->rule->values) == 0)
            snprintf(words, sizeof words, "%s:%s", other->values[i].code, other->values[i].meaning);
    rule_put(j, 0, j->rule->code,
             (const struct word[]){rule_item_words(j, 1, &(struct item_words){"", ""}), WORD(words)}, 2);
}

static bool goes_with_plan(const struct judged *j)
{
    return strcmp(j->check->name.month, "000000") == 0;
}

static void hosoku_plan_date(const struct judged *j)
{
    bool zero = rule_in_values(j, j->items[0]->text, j->items[0]->length);
    if (goes_with_plan(j) == zero)
        rule_put_value(j, 0, zero ? "CP1133" : j->rule->code, nothing, nothing);
}

static void hosoku_target(const struct judged *j)
{
    if (goes_with_plan(j) && !rule_in_values(j, j->items[0]->text, j->items[0]->length))
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

static void image_twice(const struct judged *j, uint64_t line)
{
    char number[24];
    const struct record_rule *twice = rule_of(j, RECORD_IMAGE_TWICE);
    number_text(number, line);
    if (twice)
        rule_put_value(j, 0, twice->code, WORD(number), nothing);
}

static bool images_reserve(struct careplan_check *c, size_t limit)
{
    if (c->n_images < c->images_capacity)
        return true;
    size_t capacity = c->images_capacity ? 2 * c->images_capacity : 16;
    capacity = capacity < limit ? capacity : limit;
    char(*images)[CAREPLAN_NAME_MAX] = reallocarray(c->images, capacity, sizeof *images);
    c->images = images ? images : c->images;
    uint64_t *lines = reallocarray(c->image_lines, capacity, sizeof *lines);
    c->image_lines = lines ? lines : c->image_lines;
    if (!images || !lines)
        return false;
    c->images_capacity = capacity;
    return true;
}

/* Only images of this file's own unit come here, which their number tells apart. */
static void image_add(const struct judged *j, const struct careplan_name *image)
{
    struct careplan_check *c = j->check;
    uint16_t *index = &c->image_index[strtoul(image->image_number, NULL, 10) % IMAGE_NUMBERS];
    if (*index) {
        image_twice(j, c->image_lines[*index - 1]);
        return;
    }
    size_t asked = c->sink.options.limits.images;
    size_t limit = asked && asked < CAREPLAN_IMAGES_MAX ? asked : CAREPLAN_IMAGES_MAX;
    if (c->n_images == limit) {
        limit_say(c, limit);
        c->images_over = true;
        return;
    }
    if (!images_reserve(c, limit)) {
        c->no_memory = true;
        return;
    }
    memcpy(c->images[c->n_images], image->canonical, sizeof image->canonical);
    c->image_lines[c->n_images++] = j->items[0]->line;
    *index = (uint16_t)c->n_images;
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
        image_add(j, &image);
    else
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

static void names_office(const struct judged *j, struct word role, const char *number)
{
    if (!j->check->wrong_way && j->items[0]->length && !item_equals(j->items[0], number, strlen(number)) &&
        say_once(j))
        rule_put_value(j, 0, j->rule->code, role, WORD(number));
}

static void names_sender(const struct judged *j)
{
    names_office(j, (struct word){"送信元", "sender"}, j->check->name.sender_number);
}

static void names_recipient(const struct judged *j)
{
    if (!passes_results_on(j->check))
        names_office(j, (struct word){"送信先", "recipient"}, j->check->name.recipient_number);
}

/* A record of another month that the office takes for good is merely no part of the month. */
static bool months_lowered(const struct careplan_check *c)
{
    return problem_severity(&c->sink, "CP1111") != CAREPLAN_ERROR &&
           problem_severity(&c->sink, "CP1112") != CAREPLAN_ERROR;
}

static void relation_key(const struct judged *j)
{
    struct careplan_check *c = j->check;
    size_t before = c->relation.n;
    uint64_t records = c->relation.records;
    if (j->rule != relation_rule(c->layout, &c->name))
        return;
    if (relation_add(&c->relation, &c->name, j->items, before + c->compare.left) < 0)
        c->no_memory = true;
    c->compare.left -= c->relation.n - before;
    if (c->relation.over)
        limit_say(c, c->compare.limit);
    else if (c->relation.records == records && months_lowered(c))
        c->relation.records++;
}

/* Its key cannot be read, and is not to come anew either. */
static void relation_skip(const struct judged *j)
{
    if (j->rule == relation_rule(j->check->layout, &j->check->name))
        j->check->relation.records++;
}

static const struct {
    rule_fn *check; /* NULL: another check brings it about */
    rule_fn *doubt; /* an item of its record is not well-formed, and that is an error */
    rule_end_fn *end;
    rule_fn *lowered; /* it is not well-formed, and the office does not mind */
} checks[RECORD_CHECKS] = {
    [RECORD_IN_SCOPE] = {in_scope},
    [RECORD_IN_MONTH] = {in_month},
    [RECORD_EITHER_FILLED] = {either_filled},
    [RECORD_EMPTY_UNLESS_TYPE] = {empty_unless_type},
    [RECORD_SENDER_RESULTS] = {sender_results},
    [RECORD_FILLED_WHEN] = {filled_when},
    [RECORD_HOSOKU_PLAN_DATE] = {hosoku_plan_date},
    [RECORD_HOSOKU_TARGET] = {hosoku_target},
    [RECORD_TABLE7_ZERO] = {check_table7_zero},
    [RECORD_TABLE7_EMPTY] = {check_table7_empty},
    [RECORD_TABLE7_OFFICE] = {check_table7_office},
    [RECORD_IMAGE_NAME] = {image_name},
    [RECORD_NAMES_SENDER] = {names_sender},
    [RECORD_NAMES_RECIPIENT] = {names_recipient},
    [RECORD_RELATION_KEY] = {relation_key, .lowered = relation_skip},
    [RECORD_NUMBER_RANGE] = {check_number_range},
    [RECORD_FLAGS_OF_MONTH] = {check_flags_of_month},
    [RECORD_BOTH_SPECIAL] = {check_both_special},
    [RECORD_BOTH_FILLED] = {check_both_filled},
    [RECORD_ONE_GROUP] = {check_one_group},
    [RECORD_ANY_GROUP] = {check_any_group},
    [RECORD_IN_ORDER] = {check_in_order},
    [RECORD_NEEDS_TYPE] = {check_needs_type},
    [RECORD_NOT_VALUES] = {check_not_values},
    [RECORD_DATES_IN_ORDER] = {check_dates_in_order},
    [RECORD_DAYS_SUM] = {check_days_sum},
    [RECORD_TABLE7_MANAGED] = {check_table7_managed},
    [RECORD_IMAGE_TWICE] = {NULL},
    [RECORD_UNIQUE] = {check_unique},
    [RECORD_UNIQUE_SERVICE] = {check_unique_service},
    [RECORD_TABLE7_UNIQUE] = {check_table7_unique},
    [RECORD_TABLE7_HAS_TOTAL] = {check_has_total, doubt_has_total, end_has_total},
    [RECORD_TABLE7_HAS_SUBTOTAL] = {check_has_subtotal, doubt_has_subtotal, end_has_subtotal},
    [RECORD_TABLE7_SUBTOTAL_ELSEWHERE] = {NULL},
    [RECORD_TABLE7_SERVICE_OFFICE] = {check_table7_service_office},
    [RECORD_NO_TABLE7_ROW] = {check_no_table7_row},
    [RECORD_FILLED] = {check_filled},
    [RECORD_USER_RELATION_NONE] = {NULL},
    [RECORD_USER_RELATION] = {check_user_relation, doubt_user_relation, end_user_relation},
    [RECORD_DETAIL_CODE] = {check_detail_code, doubt_detail_code, end_detail_code},
    [RECORD_DETAIL_CLASH] = {NULL},
    [RECORD_DETAIL_RUN] = {NULL},
    [RECORD_DETAIL_ALONE] = {NULL},
    [RECORD_PLAN_ORDER] = {check_plan_order},
    [RECORD_FIRST_ONLY] = {check_first_only},
};

void record_check(struct record *record)
{
    const struct careplan_layout *layout = record->check->layout;
    const struct scanned_item *items = record->row->items;
    struct judged j = {.check = record->check, .record = record};
    for (size_t r = 0; r < layout->n_rules; r++) {
        bool good = true, wrong = false;
        j.rule = &layout->rules[r];
        j.index = (uint8_t)r;
        for (size_t i = 0; i < j.rule->n_items; i++) {
            j.items[i] = &items[j.rule->items[i]];
            good = good && !record->bad[j.rule->items[i]];
            wrong = wrong || record->wrong[j.rule->items[i]];
        }
        rule_fn *judge = good    ? checks[j.rule->check].check
                         : wrong ? checks[j.rule->check].doubt
                                 : checks[j.rule->check].lowered;
        if (judge)
            judge(&j);
    }
}

void records_end(struct careplan_check *c)
{
    const struct keys *keys = &c->compare.lasting;
    compare_pending(c);
    if (!c->layout ||
        c->compare.layout != c->layout) /* nothing was remembered of the layout that the keys' rules are of */
        return;
    /* Without an error nothing comes anew. */
    if (c->compare.unsure && c->sink.errors)
        return;
    bool none_related = end_no_user_related(c);
    for (size_t i = 0; i < keys->n; i++) {
        const struct key *key = keys_at(keys, i);
        const struct judged j = {.check = c, .rule = &c->layout->rules[key->rule], .index = key->rule};
        rule_end_fn *end = checks[j.rule->check].end;
        if (none_related && j.rule->check == RECORD_USER_RELATION)
            continue;
        if (end && !(key->flags & (KEY_UNSURE | KEY_PART)) && !c->compare.unsure_rules[j.rule->check])
            end(&j, key);
    }
}
