/* The check of one file as a stream: encoding, form, number of columns, items, rules of records, and the
 * records against the file's name. What is checked stands in the tables; here is the order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "standard/check_private.h"
#include "standard/ms932.h"

static const struct problem_place whole_file = {0};

struct problem_place record_place(const struct record *r, size_t i)
{
    const struct careplan_layout *layout = r->check->layout;
    return (struct problem_place){.line = r->row->items[i].line,
                                  .column = (unsigned)i + 1,
                                  .item = i < layout->n_items ? &layout->items[i] : NULL};
}

static bool item_copy(char *out, size_t size, const struct scanned_item *item)
{
    if (item->length + 1 != size)
        return false;
    memcpy(out, item->text, item->length);
    out[item->length] = '\0';
    return true;
}

/* ---- Form of the record ---- */

static bool has_digit(const struct scanned_item *item)
{
    for (size_t i = 0; i < item->length; i++)
        if (item->text[i] >= '0' && item->text[i] <= '9')
            return true;
    return item->length == 0;
}

/* Every record begins with three items of digits: version, insurer, insured person. */
static bool is_header(const struct scanned_row *row)
{
    return row->n_items >= 3 && !has_digit(&row->items[0]) && !has_digit(&row->items[1]) &&
           !has_digit(&row->items[2]);
}

static void limit_text(char out[24], size_t asked, size_t standard)
{
    snprintf(out, 24, "%zu", asked ? asked : standard);
}

static void quotes_check(struct record *r)
{
    const struct scanned_row *row = r->row;
    for (size_t i = 0; i < row->n_items; i++) {
        uint8_t faults = row->items[i].faults;
        const struct problem_place place = record_place(r, i);
        const char *code = faults & FAULT_UNCLOSED    ? "CP1011"
                           : faults & FAULT_UNESCAPED ? "CP1012"
                           : faults & FAULT_PLAIN     ? "CP1014"
                                                      : NULL;
        if (code)
            record_bad(r, i, problem_put(&r->check->sink, code, &place, NULL, 0));
        if (faults & FAULT_TOO_LONG) {
            char limit[24];
            limit_text(limit, r->check->sink.options.limits.item_bytes, CAREPLAN_ITEM_MAX);
            record_bad(r, i, PROBLEM(&r->check->sink, "CP1015", &place, WORD(limit)));
        }
    }
}

/* The kind's layout in another version that has this number of items, or NULL. */
static const struct careplan_layout *layout_with(const struct careplan_check *c, size_t n_items)
{
    const struct careplan_standard *s = c->name.kind->standard;
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct careplan_layout *layout = s->kinds[i].layout;
        if (layout && strcmp(layout->kind, c->layout->kind) == 0 && layout->n_items == n_items)
            return layout;
    }
    return NULL;
}

/* Was it said of an item that its quotes are wrong? Not of those that are over the most that are kept. */
static bool quotes_said(const struct scanned_row *row)
{
    for (size_t i = 0; (row->faults & FAULT_QUOTES) && i < row->n_items; i++)
        if (row->items[i].faults & FAULT_QUOTES)
            return true;
    return false;
}

/* NULL: not in versions.tsv. */
static const struct careplan_version *version_find(const struct careplan_standard *s, const char *name)
{
    for (size_t i = 0; i < s->n_versions; i++)
        if (strcmp(s->versions[i].name, name) == 0)
            return &s->versions[i];
    return NULL;
}

/* 第4.1版 */
static struct word version_words(const struct careplan_check *c, const char *name)
{
    const struct careplan_version *v = version_find(c->name.kind->standard, name);
    return WORD(v ? v->name_ja : "");
}

/* True: as many items as the layout has. A file wrong from its first record on is said to be so once. */
static bool count_check(struct careplan_check *c, const struct scanned_row *row)
{
    bool first = c->records == 1, good = row->total == c->layout->n_items;
    bool again = !good && row->total == c->wrong_count;
    if (first)
        c->wrong_count = good ? 0 : row->total;
    else if (!again)
        c->wrong_count = 0;
    if (good || again || quotes_said(row))
        return good;

    char found[24], right[24];
    const struct problem_place place = {.line = row->line};
    const struct careplan_kind *kind = c->name.kind;
    const struct word title = {careplan_kind_title(kind, CAREPLAN_JA),
                               careplan_kind_title(kind, CAREPLAN_EN)};
    const struct careplan_layout *other = layout_with(c, row->total);
    snprintf(found, sizeof found, "%zu", row->total);
    snprintf(right, sizeof right, "%zu", c->layout->n_items);
    if (other)
        PROBLEM(&c->sink, "CP1022", &place, WORD(found), WORD(c->layout->version), title, WORD(right),
                WORD(other->version), version_words(c, c->layout->version));
    else
        PROBLEM(&c->sink, "CP1021", &place, WORD(found), title, WORD(right));
    return false;
}

/* ---- The records against the name ---- */

/* The name has the form of another version than the content. */
static void version_of_name(struct record *r, const struct careplan_kind *content)
{
    struct careplan_check *c = r->check;
    const struct careplan_name *name = &c->name;
    bool old_name = name->sender_service[0] == '\0';
    const struct problem_place place = record_place(r, 0);
    char ja[64], en[64];
    snprintf(ja, sizeof ja, "%s%s", content->name, content->month_in_name ? "_対象年月" : "");
    snprintf(en, sizeof en, "%s%s", content->name, content->month_in_name ? "_YYYYMM" : "");
    if (old_name)
        PROBLEM(&c->sink, "CP1105", &whole_file, WORD(c->version), ((struct word){ja, en}));
    else
        PROBLEM(&c->sink, "CP1103", &place, WORD(c->version), WORD(name->kind->version->name),
                WORD(content->version->name_ja));
}

static void version_first(struct record *r)
{
    struct careplan_check *c = r->check;
    char value[VALUE_SIZE];
    const struct scanned_item *item = &r->row->items[0];
    const struct problem_place place = record_place(r, 0);
    value_text(item->text, item->length, false, VALUE_CHARACTERS, value);
    if (!item_copy(c->version, sizeof c->version, item)) {
        PROBLEM(&c->sink, "CP1101", &place, WORD(value), WORD(c->layout->version),
                version_words(c, c->layout->version));
        r->bad[0] = true;
        return;
    }
    memcpy(c->last_version, c->version, sizeof c->version);
    const struct careplan_kind *content = kind_in_version(c->name.kind, c->version);
    const struct careplan_version *known = version_find(c->name.kind->standard, c->version);
    bool replaced = known && known->replaced_by[0];
    if (replaced) {
        PROBLEM(&c->sink, "CP1102", &place, WORD(value), WORD(known->replaced_by), WORD(known->name_ja),
                version_words(c, known->replaced_by));
        return;
    }
    if (!content) {
        PROBLEM(&c->sink, "CP1101", &place, WORD(value), WORD(c->layout->version),
                version_words(c, c->layout->version));
        return;
    }
    if (!kinds_same_form(content, c->name.kind))
        version_of_name(r, content);
    c->layout = content->layout;
    c->version_of_content = content->version;
}

/* True: the record is of the file's version. A run of records that are not is said once. */
static bool version_check(struct record *r)
{
    struct careplan_check *c = r->check;
    const struct scanned_item *item = &r->row->items[0];
    if (r->bad[0] || item->length == 0)
        return true;
    if (c->version[0] == '\0') {
        version_first(r);
        return true;
    }
    if (item_equals(item, c->version, strlen(c->version))) {
        memcpy(c->last_version, c->version, sizeof c->version);
        return true;
    }
    char value[VALUE_SIZE];
    const struct problem_place place = record_place(r, 0);
    value_text(item->text, item->length, false, VALUE_CHARACTERS, value);
    bool known = item_equals(item, c->last_version, strlen(c->last_version));
    if (!item_copy(c->last_version, sizeof c->last_version, item))
        c->last_version[0] = '\0';
    char first[VALUE_SIZE];
    value_text((const uint8_t *)c->version, strlen(c->version), false, VALUE_CHARACTERS, first);
    if (!known)
        PROBLEM(&c->sink, "CP1104", &place, WORD(first), WORD(value));
    return false;
}

/* A version is used from one service month on, and until one (標準仕様 改版履歴). */
static void version_month_check(struct record *r)
{
    struct careplan_check *c = r->check;
    char month[7];
    if (c->wrong_month || !c->version_of_content || c->layout->month_item < 0)
        return;
    size_t i = (size_t)c->layout->month_item;
    /* Of a record of another month than the file's, that is said. */
    if (r->bad[i] || !item_copy(month, sizeof month, &r->row->items[i]) ||
        strcmp(month, c->name.month) != 0 || !month_is_real((const uint8_t *)month) ||
        version_applies(c->version_of_content, month))
        return;
    c->wrong_month = true;
    char ja[VALUE_SIZE], en[VALUE_SIZE];
    const struct problem_place place = record_place(r, 0);
    const struct careplan_kind *kind = kind_of_month(c->name.kind->standard, c->name.kind->name, month);
    if (kind)
        snprintf(ja, sizeof ja, "この月は%s（%s）", kind->version->name, kind->version->name_ja);
    else
        snprintf(ja, sizeof ja, "この月のバージョンはありません");
    snprintf(en, sizeof en, "%s%s", kind ? "that month is of version " : "no version is for that month",
             kind ? kind->version->name : "");
    PROBLEM(&c->sink, "CP1106", &place, WORD(c->version), WORD(month), ((struct word){ja, en}));
}

static void month_check(struct record *r)
{
    struct careplan_check *c = r->check;
    char month[7];
    if (c->layout->month_item < 0 || strcmp(c->name.month, "000000") == 0)
        return;
    size_t i = (size_t)c->layout->month_item;
    if (r->bad[i] || !item_copy(month, sizeof month, &r->row->items[i]))
        return;
    const struct problem_place place = record_place(r, i);
    bool first = c->month[0] == '\0';
    if (first)
        memcpy(c->month, month, sizeof month);
    if (first && strcmp(month, c->name.month) != 0)
        PROBLEM(&c->sink, "CP1111", &place, WORD(month), WORD(c->name.month));
    else if (strcmp(month, c->month) != 0 && strcmp(month, c->last_month) != 0)
        PROBLEM(&c->sink, "CP1112", &place, WORD(c->month), WORD(month));
    memcpy(c->last_month, month, sizeof month);
}

/* ---- One record ---- */

static void items_check(struct record *r)
{
    struct careplan_check *c = r->check;
    const struct careplan_layout *layout = c->layout;
    for (size_t i = 0; i < layout->n_items; i++) {
        /* Item 1 is the version, which was looked at; only its absence is left. */
        if (r->bad[i] || (i == 0 && r->row->items[0].length))
            continue;
        uint64_t errors = c->sink.errors;
        if (!item_check(&c->items, &layout->items[i], (unsigned)i + 1, &r->row->items[i]))
            record_bad(r, i, c->sink.errors > errors ? CAREPLAN_ERROR : CAREPLAN_WARNING);
    }
}

static void row_check(void *context, struct scanned_row *row)
{
    struct careplan_check *c = context;
    struct record record = {.check = c, .row = row};
    struct record *r = &record;
    compare_pending(c);
    c->rows++;
    encoding_check(r);
    if (c->rows == 1 && is_header(row)) {
        const struct problem_place place = {.line = row->line, .column = 1, .item = &c->layout->items[0]};
        problem_put(&c->sink, "CP1017", &place, NULL, 0);
        return;
    }
    c->records++;
    if (row->faults)
        quotes_check(r);
    if (row->too_long) {
        char limit[24];
        const struct problem_place place = {.line = row->line};
        limit_text(limit, c->sink.options.limits.row_bytes, CAREPLAN_ROW_MAX);
        PROBLEM(&c->sink, "CP1016", &place, WORD(limit));
        c->compare.unsure = true;
        return;
    }
    if (!version_check(r) || !count_check(c, row)) {
        c->compare.unsure = true;
        return;
    }
    items_check(r);
    version_month_check(r);
    month_check(r);
    record_check(r);
}

/* ---- The stream ---- */

/* "15 通所介護". Types beside the standard's lists are named by the national code list. */
static void service_words(const struct careplan_standard *s, const char *service, char words[VALUE_SIZE])
{
    static const char *const others[][2] = {
        {"43", "居宅介護支援"}, {"46", "介護予防支援"}, {"AF", "介護予防ケアマネジメント"}};
    const struct service_type *type = service_type_find(s, service, strlen(service));
    const char *name = type ? type->name_ja : NULL;
    for (size_t i = 0; !name && i < ARRAY_LENGTH(others); i++)
        if (strcmp(others[i][0], service) == 0)
            name = others[i][1];
    snprintf(words, VALUE_SIZE, "%s%s%s", service, name ? " " : "", name ? name : "");
}

/* Service types in the name: who may send what to whom (標準仕様 1.3, 1.4, 2.2, 3.2). */
static void flow_check(struct careplan_check *c)
{
    const struct careplan_name *name = &c->name;
    if (name->sender_service[0] == '\0') /* 202208: only its office knows */
        return;
    const char *const services[] = {name->sender_service, name->recipient_service};
    bool in_scope = true;
    for (size_t i = 0; i < ARRAY_LENGTH(services); i++) {
        char words[VALUE_SIZE];
        const struct service_type *type =
            service_type_find(name->kind->standard, services[i], strlen(services[i]));
        if (!type || type->linked)
            continue;
        in_scope = false;
        service_words(name->kind->standard, services[i], words);
        PROBLEM(&c->sink, i == 0 ? "CP1123" : "CP1124", &whole_file, WORD(words));
    }
    if (!in_scope || flow_expected(name->kind, services[0], services[1]))
        return;
    c->wrong_way = !careplan_flow_allowed(name->kind, services[0], services[1]);
    char ja[VALUE_SIZE * 3], en[VALUE_SIZE * 3], senders[VALUE_SIZE], takers[VALUE_SIZE];
    char from[VALUE_SIZE], to[VALUE_SIZE];
    const struct word title = {careplan_kind_title(name->kind, CAREPLAN_JA),
                               careplan_kind_title(name->kind, CAREPLAN_EN)};
    flow_offices(name->kind, false, CAREPLAN_JA, senders, sizeof senders);
    flow_offices(name->kind, true, CAREPLAN_JA, takers, sizeof takers);
    snprintf(ja, sizeof ja, "%sを送るのは%s、受け取るのは%sです。", title.ja, senders, takers);
    flow_offices(name->kind, false, CAREPLAN_EN, senders, sizeof senders);
    flow_offices(name->kind, true, CAREPLAN_EN, takers, sizeof takers);
    snprintf(en, sizeof en, "It goes from %s to %s.", senders, takers);
    service_words(name->kind->standard, services[0], from);
    service_words(name->kind->standard, services[1], to);
    PROBLEM(&c->sink, c->wrong_way ? "CP1121" : "CP1127", &whole_file, title, WORD(from), WORD(to),
            ((struct word){ja, en}));
}

static bool is_utf16(const uint8_t *head, size_t length)
{
    if (length >= 2 && ((head[0] == 0xFF && head[1] == 0xFE) || (head[0] == 0xFE && head[1] == 0xFF)))
        return true;
    return length >= 4 &&
           ((head[0] && !head[1] && head[2] && !head[3]) || (!head[0] && head[1] && !head[2] && head[3]));
}

static void image_head_check(struct careplan_check *c)
{
    if (!document_matches("jpg", c->head, c->head_length))
        problem_put(&c->sink, "CP1308", &whole_file, NULL, 0);
}

/* The first bytes are there, or the file is shorter. */
static int head_check(struct careplan_check *c)
{
    size_t skip = 0;
    c->head_done = true;
    if (c->name.kind->image) {
        image_head_check(c);
        return 0;
    }
    if (is_utf16(c->head, c->head_length)) {
        c->unreadable = true;
        problem_put(&c->sink, "CP1002", &whole_file, NULL, 0);
        return 0;
    }
    if (c->head_length >= 3 && memcmp(c->head, "\xEF\xBB\xBF", 3) == 0) {
        const struct problem_place place = {.line = 1, .column = 1, .item = &c->layout->items[0]};
        skip = 3;
        problem_put(&c->sink, "CP1003", &place, NULL, 0);
    }
    return scanner_write(c->scanner, c->head + skip, c->head_length - skip);
}

struct careplan_check *careplan_check_new(const struct careplan_name *name,
                                          const struct careplan_check_options *options,
                                          careplan_problem_fn *fn, void *context)
{
    struct careplan_check *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->name = *name;
    c->layout = name->kind->layout;
    c->sink = (struct problem_sink){.fn = fn, .context = context};
    if (options)
        c->sink.options = *options;
    compare_begin(c);
    c->items = (struct item_context){
        .sink = &c->sink, .standard = name->kind->standard, .deletion = name->kind->deletion};
    if (!c->layout)
        return c;
    c->scanner =
        scanner_new(c->sink.options.limits.item_bytes, c->sink.options.limits.row_bytes, row_check, c);
    if (c->scanner)
        return c;
    free(c);
    return NULL;
}

/* 標準仕様 5: the sequence number is a date and a time; only its 14 digits make the name one. */
static void sequence_check(struct careplan_check *c)
{
    const uint8_t *text = (const uint8_t *)c->name.sequence;
    if (!date_is_real(text) || !time_is_real(text + 8))
        PROBLEM(&c->sink, "CP1204", &whole_file, WORD(c->name.sequence));
}

static void check_begin(struct careplan_check *c)
{
    if (!c->begun) {
        sequence_check(c);
        flow_check(c);
    }
    c->begun = true;
}

/* What was lost is said ever after. */
static int check_ended(struct careplan_check *c, int result)
{
    c->no_memory |= result < 0;
    return c->no_memory ? -ENOMEM : 0;
}

int careplan_check_write(struct careplan_check *c, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    if (c->no_memory)
        return -ENOMEM;
    check_begin(c);
    c->bytes += length;
    if (!c->head_done) {
        size_t room = HEAD_SIZE - c->head_length, n = length < room ? length : room;
        if (n)
            memcpy(c->head + c->head_length, bytes, n);
        c->head_length += n;
        bytes += n;
        length -= n;
        if (c->head_length < HEAD_SIZE)
            return 0;
        int r = check_ended(c, head_check(c));
        if (r < 0)
            return r;
    }
    if (!c->scanner || c->unreadable || length == 0)
        return 0;
    return check_ended(c, scanner_write(c->scanner, bytes, length));
}

int careplan_check_finish(struct careplan_check *c, struct careplan_check_result *result)
{
    *result = (struct careplan_check_result){0};
    check_begin(c);
    int r = c->head_done ? 0 : head_check(c);
    if (r == 0 && c->scanner && !c->unreadable)
        r = scanner_finish(c->scanner);
    if (check_ended(c, r) < 0)
        return -ENOMEM;
    if (c->scanner && !c->unreadable && c->rows == 0)
        problem_put(&c->sink, "CP1018", &whole_file, NULL, 0);
    encoding_end(c);
    records_end(c);
    if (c->no_memory) /* the last record may be remembered only there */
        return -ENOMEM;
    *result = (struct careplan_check_result){
        .bytes = c->bytes,
        .records = c->records,
        .errors = c->sink.errors,
        .warnings = c->sink.warnings,
        .not_reported = c->sink.not_reported,
        .images = c->images,
        .image_lines = c->image_lines,
        .n_images = c->n_images,
    };
    if (strspn(c->version, "0123456789") == strlen(c->version)) /* else it is none, but any bytes */
        memcpy(result->version, c->version, sizeof c->version);
    c->images = NULL;
    c->image_lines = NULL;
    r = relation_finish(&c->relation, !c->unreadable, c->records, result);
    if (r < 0)
        careplan_check_result_free(result);
    return r;
}

void careplan_check_free(struct careplan_check *c)
{
    if (!c)
        return;
    scanner_free(c->scanner);
    free(c->images);
    free(c->image_lines);
    relation_free(&c->relation);
    compare_free(&c->compare);
    free(c);
}

void careplan_check_result_free(struct careplan_check_result *r)
{
    free(r->images);
    free(r->image_lines);
    free(r->keys);
    free(r->key_order);
    *r = (struct careplan_check_result){0};
}
