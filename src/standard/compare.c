/* The records of a file against each other: what is remembered of them, duplicates, and users who have
 * nothing to do with the office that the file goes to.
 *
 * Users, and what belongs to them, are remembered to the end of the file. Records are compared within their
 * user: when there is no more room, those of the users before are forgotten. Files have a user's records
 * together, so that nothing is lost by it; when a forgotten user comes again, that is said (CP1019). */
#include <stdio.h>
#include <string.h>

#include "standard/records_private.h"

enum { PART_WHOLE, PART_PERSON };
enum { INSURER = 1, INSURED = 2 }; /* items of every layout */
enum { LIST_SIZE = 512 };

void compare_begin(struct careplan_check *c)
{
    struct comparison *m = &c->compare;
    size_t asked = c->sink.options.limits.keys;
    m->limit = m->left = asked ? asked : CAREPLAN_KEYS_MAX;
    m->lasting.left = m->passing.left = &m->left;
}

void compare_free(struct comparison *m)
{
    keys_free(&m->lasting);
    keys_free(&m->passing);
}

void limit_say(struct careplan_check *c, size_t limit)
{
    char number[24];
    number_text(number, limit);
    if (!c->compare.said)
        PROBLEM(&c->sink, "CP1019", &((struct problem_place){0}), WORD(number));
    c->compare.said = true;
}

static void forget_records(struct comparison *m)
{
    keys_clear(&m->passing);
    m->person = NULL; /* its records are gone too */
    m->epoch++;
}

/* Keys name rules of one layout; a first record without version may have been read by another. */
static void layout_follow(struct careplan_check *c)
{
    struct comparison *m = &c->compare;
    if (m->layout && m->layout != c->layout) {
        forget_records(m);
        keys_clear(&m->lasting);
        m->unsure = true;
    }
    m->layout = c->layout;
}

static struct key *key_take(const struct judged *j, uint64_t line, enum key_found found, struct key *key,
                            bool *known)
{
    struct careplan_check *c = j->check;
    *known = found == KEY_KNOWN;
    if (found == KEY_NEW) {
        key->rule = j->index;
        key->line = line;
    }
    if (found == KEY_FULL)
        limit_say(c, c->compare.limit);
    if (found == KEY_NO_MEMORY)
        c->no_memory = true;
    return found == KEY_KNOWN || found == KEY_NEW ? key : NULL;
}

struct key *remember_text(const struct judged *j, const struct key_text *text, bool *known)
{
    struct comparison *m = &j->check->compare;
    struct key *key = NULL;
    uint64_t hash[2];
    layout_follow(j->check);
    key_text_hash(text, hash);
    enum key_found found = keys_put(&m->lasting, hash, &key);
    if (found == KEY_FULL && m->passing.n) {
        forget_records(m);
        found = keys_put(&m->lasting, hash, &key);
    }
    return key_take(j, j->items[0]->line, found, key, known);
}

static void text_of(const struct judged *j, uint8_t part, size_t from, size_t n, struct key_text *text)
{
    key_text_begin(text, j->index, part);
    for (size_t i = from; i < from + n; i++)
        key_text_add(text, j->items[i]);
}

struct key *remember(const struct judged *j, uint8_t part, size_t from, size_t n, bool *known)
{
    struct key_text text;
    text_of(j, part, from, n, &text);
    return remember_text(j, &text, known);
}

void doubt_rule(const struct judged *j)
{
    j->check->compare.unsure_rules[j->rule->check] = true;
}

/* ---- Duplicates ---- */

static void list_add(char out[LIST_SIZE], const char *comma, const char *name)
{
    size_t at = strlen(out);
    if (at + strlen(comma) + strlen(name) < LIST_SIZE)
        snprintf(out + at, LIST_SIZE - at, "%s%s", at ? comma : "", name);
}

static void put_duplicate(const struct judged *j, uint64_t line, const struct key *first)
{
    char number[24], ja[LIST_SIZE] = "", en[LIST_SIZE] = "";
    number_text(number, first->line);
    for (size_t i = 0; i < j->rule->n_items; i++) {
        list_add(ja, "、", rule_item(j, i)->name_ja);
        list_add(en, ", ", rule_item(j, i)->name_en);
    }
    rule_put_end(j, line, j->rule->code, (const struct word[]){WORD(number), {ja, en}}, 2);
}

static bool all_filled(const struct judged *j)
{
    for (size_t i = 0; i < j->rule->n_items; i++)
        if (j->items[i]->length == 0)
            return false;
    return true;
}

void check_unique(const struct judged *j)
{
    bool known;
    if (strcmp(j->rule->values, "filled") == 0 && !all_filled(j))
        return;
    const struct key *key = remember(j, PART_WHOLE, 0, j->rule->n_items, &known);
    if (key && known)
        put_duplicate(j, j->items[0]->line, key);
}

/* ---- The record's user ---- */

static bool person_same(const struct comparison *m, const struct scanned_item *insurer,
                        const struct scanned_item *insured)
{
    return m->person && m->person_length == insurer->length + insured->length &&
           memcmp(m->person_text, insurer->text, insurer->length) == 0 &&
           memcmp(m->person_text + insurer->length, insured->text, insured->length) == 0;
}

static void person_keep(struct comparison *m, struct key *person, const struct scanned_item *insurer,
                        const struct scanned_item *insured)
{
    if (insurer->length + insured->length > PERSON_SIZE)
        return;
    memcpy(m->person_text, insurer->text, insurer->length);
    memcpy(m->person_text + insurer->length, insured->text, insured->length);
    m->person_length = insurer->length + insured->length;
    m->person = person;
}

/* NULL: not remembered. Most records are of the same user as the one before. */
static struct key *person_of(const struct judged *j)
{
    struct comparison *m = &j->check->compare;
    const struct scanned_item *insurer = &j->record->row->items[INSURER];
    const struct scanned_item *insured = &j->record->row->items[INSURED];
    struct key_text text;
    bool known;
    if (j->check->layout->n_items <= INSURED)
        return NULL;
    if (m->layout == j->check->layout && person_same(m, insurer, insured))
        return m->person;
    key_text_begin(&text, UINT8_MAX, PART_PERSON);
    key_text_add(&text, insurer);
    key_text_add(&text, insured);
    m->person = NULL;
    struct key *person = remember_text(j, &text, &known);
    if (!person)
        return NULL;
    if (m->passing.n > m->left)
        forget_records(m);
    if (known && person->value != m->epoch)
        limit_say(j->check, m->limit);
    if (!known)
        person->flags = KEY_PART;
    person->value = m->epoch;
    person_keep(m, person, insurer, insured);
    return person;
}

/* Results that are passed on have the plan added to them (標準仕様 3.1), which is the same rows again. */
void check_unique_service(const struct judged *j)
{
    struct comparison *m = &j->check->compare;
    struct key_text text;
    bool added = strcmp(j->rule->values, "own") == 0 && passes_results_on(j->check);
    if (added || !person_of(j))
        return;
    text_of(j, PART_WHOLE, 0, j->rule->n_items, &text);
    m->pending = (struct pending){.set = true, .rule = j->index, .line = j->items[0]->line};
    key_text_hash(&text, m->pending.hash);
    keys_prefetch(&m->passing, m->pending.hash);
}

void compare_pending(struct careplan_check *c)
{
    struct comparison *m = &c->compare;
    struct key *key = NULL;
    bool known;
    if (!m->pending.set)
        return;
    m->pending.set = false;
    const struct judged j = {
        .check = c, .rule = &c->layout->rules[m->pending.rule], .index = m->pending.rule};
    enum key_found found = keys_put(&m->passing, m->pending.hash, &key);
    key = key_take(&j, m->pending.line, found, key, &known);
    if (key && known)
        put_duplicate(&j, m->pending.line, key);
}

/* ---- 標準仕様: no user who has nothing to do with the receiving office ---- */

enum { USER_RELATED = KEY_FLAG, USER_UNNAMED = KEY_FLAG << 1 };
enum { USER_ITEMS = 2, USER_OFFICE = 2 };

/* In a 202208 name nothing but the kind tells: plans go to service offices. */
static bool goes_to_service(struct careplan_check *c)
{
    const struct careplan_name *name = &c->name;
    if (c->compare.to_service == 0) {
        const char *code = name->recipient_service;
        const struct service_type *type = service_type_find(name->kind->standard, code, strlen(code));
        c->compare.to_service = !c->wrong_way && (code[0] == '\0' || (type && type->linked)) ? 1 : -1;
    }
    return c->compare.to_service > 0;
}

/* What is known of the user stands with the user. */
static struct key *user_of(const struct judged *j)
{
    struct key *user = person_of(j);
    if (user) {
        user->rule = j->index;
        user->flags &= (uint8_t)~KEY_PART;
    }
    return user;
}

void check_user_relation(const struct judged *j)
{
    if (!goes_to_service(j->check))
        return;
    const char *recipient = j->check->name.recipient_number;
    struct key *user = user_of(j);
    if (!user)
        return;
    if (item_equals(j->items[USER_OFFICE], recipient, strlen(recipient)))
        user->flags |= USER_RELATED;
    else if (j->items[USER_OFFICE]->length == 0)
        user->flags |= USER_UNNAMED;
}

void doubt_user_relation(const struct judged *j)
{
    for (size_t i = 0; i < USER_ITEMS; i++)
        if (rule_item_bad(j, i)) {
            doubt_rule(j);
            return;
        }
    struct key *user = user_of(j);
    if (user)
        user->flags |= KEY_UNSURE;
}

void end_user_relation(const struct judged *j, const struct key *user)
{
    const char *recipient = j->check->name.recipient_number;
    bool all_named = strcmp(j->rule->values, "named") != 0 || !(user->flags & USER_UNNAMED);
    if (!(user->flags & USER_RELATED) && all_named)
        rule_put_end(j, user->line, j->rule->code, (const struct word[]){WORD(recipient)}, 1);
}

/* Then it is the recipient that is wrong, not each of the users. One alone tells nothing. */
bool end_no_user_related(struct careplan_check *c)
{
    const struct keys *keys = &c->compare.lasting;
    struct judged j = {.check = c};
    const struct key *first = NULL;
    size_t users = 0;
    j.rule = rule_of(&j, RECORD_USER_RELATION_NONE);
    if (!j.rule || c->compare.said || c->compare.unsure_rules[RECORD_USER_RELATION])
        return false;
    for (size_t i = 0; i < keys->n; i++) {
        const struct key *user = keys_at(keys, i);
        if (c->layout->rules[user->rule].check != RECORD_USER_RELATION || (user->flags & KEY_PART))
            continue;
        if (user->flags & (USER_RELATED | KEY_UNSURE))
            return false;
        first = first ? first : user;
        users++;
    }
    if (users < 2)
        return false;
    rule_put_end(&j, first->line, j.rule->code, (const struct word[]){WORD(c->name.recipient_number)}, 1);
    return true;
}
