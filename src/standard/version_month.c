/* The CSVバージョン of the records and their service month, against the file's name and each other. One wrong
 * record is one problem: what it says of itself is not what the records behind it are judged by. */
#include <stdio.h>
#include <string.h>

#include "standard/check_private.h"

static const struct problem_place whole_file = {0};

/* NULL: not in versions.tsv. */
static const struct careplan_version *version_find(const struct careplan_standard *s, const char *name)
{
    for (size_t i = 0; i < s->n_versions; i++)
        if (strcmp(s->versions[i].name, name) == 0)
            return &s->versions[i];
    return NULL;
}

struct word version_words(const struct careplan_check *c, const char *name)
{
    const struct careplan_version *v = version_find(c->name.kind->standard, name);
    return WORD(v ? v->name_ja : "");
}

/* True: said before; else it is remembered. The oldest is forgotten, so that a hostile file has no end. */
static bool said_before(struct said *said, const struct scanned_item *item)
{
    char text[SAID_SIZE] = "";
    memcpy(text, item->text, item->length < SAID_SIZE ? item->length : SAID_SIZE);
    for (size_t i = 0; i < said->n && i < SAID_MAX; i++)
        if (memcmp(said->texts[i], text, SAID_SIZE) == 0)
            return true;
    memcpy(said->texts[said->n++ % SAID_MAX], text, SAID_SIZE);
    return false;
}

/* ---- Version ---- */

/* The version that the name's month asks for, else the name's own. */
static const char *version_expected(const struct careplan_check *c)
{
    const struct careplan_kind *named = c->name.kind;
    const struct careplan_kind *kind = month_is_real((const uint8_t *)c->name.month)
                                           ? kind_of_month(named->standard, named->name, c->name.month)
                                           : NULL;
    return (kind ? kind : named)->version->name;
}

static void put_version(struct record *r, const char *code, const char *second, struct word third,
                        struct word fourth)
{
    char value[VALUE_SIZE];
    const struct scanned_item *item = &r->row->items[0];
    const struct problem_place place = record_place(r, 0);
    if (said_before(&r->check->versions_said, item))
        return;
    value_text(item->text, item->length, false, VALUE_CHARACTERS, value);
    PROBLEM(&r->check->sink, code, &place, WORD(value), WORD(second), third, fourth);
}

static void put_unknown(struct record *r)
{
    const char *expected = version_expected(r->check);
    put_version(r, "CP1101", expected, version_words(r->check, expected), WORD(""));
}

/* A version of the tables that does not have this kind of file: 202208 has no UPKIHON, and tables of one's
 * own may lack some. */
static void put_no_layout(struct record *r)
{
    const struct careplan_kind *kind = r->check->name.kind;
    const struct word title = {careplan_kind_title(kind, CAREPLAN_JA),
                               careplan_kind_title(kind, CAREPLAN_EN)};
    put_version(r, "CP1107", kind->name, title, WORD(""));
}

/* The name has the form of another version than the content. */
static void put_other_form(struct record *r, const struct careplan_kind *content)
{
    struct careplan_check *c = r->check;
    const struct careplan_name *name = &c->name;
    char ja[64], en[64];
    if (name->sender_service[0]) {
        put_version(r, "CP1103", name->kind->version->name, WORD(content->version->name_ja), WORD(""));
        return;
    }
    snprintf(ja, sizeof ja, "%s%s", content->name, content->month_in_name ? "_対象年月" : "");
    snprintf(en, sizeof en, "%s%s", content->name, content->month_in_name ? "_YYYYMM" : "");
    PROBLEM(&c->sink, "CP1105", &whole_file, WORD(content->version->name), ((struct word){ja, en}));
}

static void follow(struct record *r, const struct careplan_kind *content)
{
    struct careplan_check *c = r->check;
    if (!kinds_same_form(content, c->name.kind)) {
        put_other_form(r, content);
        c->other_form = c->name.sender_service[0] != '\0';
    }
    memcpy(c->version, r->row->items[0].text, sizeof c->version - 1);
    c->layout = content->layout;
    c->version_of_content = content->version;
}

/* The first record of a known version: it is the file's when the record has that version's items. */
static bool version_first(struct record *r, const struct careplan_kind *content)
{
    struct careplan_check *c = r->check;
    size_t n = r->row->total;
    if (content == c->name.kind || n == content->layout->n_items) {
        follow(r, content);
        return count_check(r, c->layout);
    }
    if (kinds_same_form(content, c->name.kind)) /* such a name may be of either */
        return count_check(r, content->layout);
    if (n != c->layout->n_items)
        return count_check(r, c->layout);
    if (!c->name.sender_service[0]) /* the name is at fault, or the number */
        return count_check(r, content->layout);
    put_other_form(r, content);
    return true;
}

static bool version_known(struct record *r, const struct careplan_version *version)
{
    struct careplan_check *c = r->check;
    bool right = r->row->total == c->layout->n_items;
    const struct careplan_kind *content = kind_in_version(c->name.kind, version->name);
    if (version->replaced_by[0]) {
        put_version(r, "CP1102", version->replaced_by, WORD(version->name_ja),
                    version_words(c, version->replaced_by));
        return right;
    }
    if (!content || !content->layout) {
        put_no_layout(r);
        return right;
    }
    if (c->version[0] == '\0')
        return version_first(r, content);
    if (!right && r->row->total != content->layout->n_items)
        return count_check(r, c->layout);
    /* That the file is of another version than its name was said; this record is what the name says. */
    if (c->other_form && content == c->name.kind)
        return right;
    const struct problem_place place = record_place(r, 0);
    if (!said_before(&c->versions_said, &r->row->items[0]))
        PROBLEM(&c->sink, "CP1104", &place, WORD(c->version), WORD(version->name));
    return right;
}

bool version_check(struct record *r)
{
    struct careplan_check *c = r->check;
    const struct scanned_item *item = &r->row->items[0];
    bool right = r->row->total == c->layout->n_items;
    bool six = item->length == 6 && all_digits(item->text, 6);
    if (r->bad[0] || item->length == 0 || (!six && !right) ||
        (c->version[0] && item_equals(item, c->version, strlen(c->version))))
        return count_check(r, c->layout);
    char value[7] = "";
    memcpy(value, item->text, six ? 6 : 0);
    const struct careplan_version *version = version_find(c->name.kind->standard, value);
    if (version)
        return version_known(r, version);
    put_unknown(r);
    /* With no insurer's number either it is no record: a header, say. */
    return right && r->row->n_items > 1 && all_digits(r->row->items[1].text, r->row->items[1].length);
}

/* ---- Month ---- */

/* The newest version that is for the month, whether it has the kind or not; NULL: none. */
static const struct careplan_version *version_for(const struct careplan_standard *s, const char *month)
{
    const struct careplan_version *newest = NULL;
    for (size_t i = 0; i < s->n_versions; i++) {
        const struct careplan_version *v = &s->versions[i];
        if (v->replaced_by[0] == '\0' && version_applies(v, month) &&
            (!newest || strcmp(v->name, newest->name) > 0))
            newest = v;
    }
    return newest;
}

/* What to say of the month instead. */
static void month_words(const struct careplan_kind *named, const char *month, char ja[VALUE_SIZE],
                        char en[VALUE_SIZE])
{
    const struct careplan_kind *kind = kind_of_month(named->standard, named->name, month);
    const struct careplan_version *version = version_for(named->standard, month);
    if (kind) {
        snprintf(ja, VALUE_SIZE, "この月は%s、%s", kind->version->name, kind->version->name_ja);
        snprintf(en, VALUE_SIZE, "that month is of version %s", kind->version->name);
    } else if (version) {
        snprintf(ja, VALUE_SIZE, "この月は%sですが、この種類のファイルの様式がありません", version->name);
        snprintf(en, VALUE_SIZE, "that month is of version %s, which has no layout for this kind of file",
                 version->name);
    } else {
        snprintf(ja, VALUE_SIZE, "この月のバージョンはありません");
        snprintf(en, VALUE_SIZE, "no version is for that month");
    }
}

/* A version is used from one service month on, and until one (標準仕様 改版履歴). */
static void version_of_month(struct record *r, const char *month)
{
    struct careplan_check *c = r->check;
    if (c->wrong_month || !c->version_of_content || !month_is_real((const uint8_t *)month) ||
        !item_equals(&r->row->items[0], c->version, strlen(c->version)) ||
        version_applies(c->version_of_content, month))
        return;
    c->wrong_month = true;
    char ja[VALUE_SIZE], en[VALUE_SIZE];
    const struct problem_place place = record_place(r, 0);
    month_words(c->name.kind, month, ja, en);
    PROBLEM(&c->sink, "CP1106", &place, WORD(c->version), WORD(month), ((struct word){ja, en}));
}

void month_check(struct record *r)
{
    struct careplan_check *c = r->check;
    const char *named = c->name.month;
    char month[7] = "";
    if (c->layout->month_item < 0 || strcmp(named, "000000") == 0)
        return;
    size_t i = (size_t)c->layout->month_item;
    const struct scanned_item *item = &r->row->items[i];
    if (r->bad[i] || item->length != 6)
        return;
    if (item_equals(item, named, strlen(named))) {
        c->month_found = true;
        version_of_month(r, named);
        return;
    }
    if (said_before(&c->months_said, item))
        return;
    const struct problem_place place = record_place(r, i);
    memcpy(month, item->text, 6);
    if (c->month_found)
        PROBLEM(&c->sink, "CP1112", &place, WORD(named), WORD(month));
    else
        PROBLEM(&c->sink, "CP1111", &place, WORD(month), WORD(named));
}
