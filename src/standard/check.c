/* The check of one file as a stream: encoding, form (record_form.c), version and month (version_month.c),
 * items, rules of records, and the file's name. What is checked stands in the tables; here is the order. */
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
    size_t column = r->shift + i;
    bool known = column < layout->n_items;
    return (struct problem_place){.line = r->row->items[i].line,
                                  .column = known || !r->shift ? (unsigned)column + 1 : 0,
                                  .item = known ? &layout->items[column] : NULL};
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
        else if (r->controls)
            controls_check(r, i);
    }
}

static void row_check(void *context, struct scanned_row *row)
{
    struct careplan_check *c = context;
    struct record record = {.check = c, .row = row};
    struct record *r = &record;
    if (c->unreadable)
        return;
    compare_pending(c);
    c->rows++;
    bool goes_on = torn_goes_on(c, row);
    r->shift = goes_on ? c->torn.sum - row->total : 0;
    encoding_check(r);
    if (goes_on || c->unreadable)
        return;
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
    if (!version_check(r)) {
        c->compare.unsure = true;
        return;
    }
    items_check(r);
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
    snprintf(en, sizeof en, "It is sent by %s, and taken in by %s.", senders, takers);
    service_words(name->kind->standard, services[0], from);
    service_words(name->kind->standard, services[1], to);
    PROBLEM(&c->sink, c->wrong_way ? "CP1121" : "CP1127", &whole_file, title, WORD(from), WORD(to),
            ((struct word){ja, en}));
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
    const char *other = encoding_of_head(c->head, c->head_length);
    if (other) {
        c->unreadable = true;
        PROBLEM(&c->sink, "CP1002", &whole_file, WORD(other));
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
    if (!name || !name->kind) {
        errno = EINVAL;
        return NULL;
    }
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

/* A 別表: whether one without records is sent, the standard does not say. */
static bool may_be_empty(const struct careplan_kind *kind)
{
    const struct careplan_standard *s = kind->standard;
    for (size_t i = 0; i < s->n_units; i++)
        for (size_t k = 0; k < UNIT_PARTS && s->units[i].subs[k]; k++)
            if (strcmp(s->units[i].subs[k], kind->name) == 0)
                return true;
    return false;
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
    if (c->no_memory || c->finished)
        return c->no_memory ? -ENOMEM : -EINVAL;
    check_begin(c);
    if (length == 0) /* there need be no bytes */
        return 0;
    c->bytes += length;
    if (!c->head_done) {
        size_t room = HEAD_SIZE - c->head_length, n = length < room ? length : room;
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
    if (c->finished)
        return c->no_memory ? -ENOMEM : -EINVAL;
    c->finished = true;
    check_begin(c);
    int r = c->head_done ? 0 : head_check(c);
    if (r == 0 && c->scanner && !c->unreadable)
        r = scanner_finish(c->scanner);
    if (check_ended(c, r) < 0)
        return -ENOMEM;
    if (c->scanner && !c->unreadable && c->records == 0 && !may_be_empty(c->name.kind))
        problem_put(&c->sink, "CP1018", &whole_file, NULL, 0);
    torn_end(c);
    if (c->scanner && !c->unreadable && scanner_end_mark(c->scanner))
        problem_put(&c->sink, "CP1023", &whole_file, NULL, 0);
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
        .images_over = c->images_over,
    };
    memcpy(result->version, c->version, sizeof c->version);
    c->images = NULL;
    c->image_lines = NULL;
    /* Without an error nothing comes anew: what could not be read is merely not there. */
    r = relation_finish(&c->relation, !c->unreadable, c->sink.errors ? c->records : c->relation.records,
                        result);
    if (r < 0)
        careplan_check_result_free(result);
    return check_ended(c, r);
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
    if (!r)
        return;
    free(r->images);
    free(r->image_lines);
    free(r->keys);
    free(r->key_order);
    *r = (struct careplan_check_result){0};
}
