/* Names of transfer files (標準仕様 4章): parsed in any case, kept in upper case. A name that fits no rule
 * but was plainly meant to is told what is wrong with it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "standard/items.h"
#include "standard/ms932.h"

enum { PARTS_MAX = 9, TEXT_MAX = 256 };

static const struct word sender_words = {"送信元", "sender"}, recipient_words = {"送信先", "recipient"};

/* A run of bytes of the name. */
struct part {
    const char *text;
    size_t length;
};

struct parse {
    const struct careplan_standard *standard;
    char whole[TEXT_MAX]; /* the name in upper case */
    char text[TEXT_MAX];  /* the same, cut up */
    const struct careplan_kind *kind;
    struct part parts[PARTS_MAX]; /* behind the kind */
    size_t n_parts;
    struct part extension; /* with the dot; empty = none */
    struct careplan_name *out;
    struct problem_sink sink;
};

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_name_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_';
}

static struct word part_word(const struct part *part, char value[VALUE_SIZE])
{
    value_text((const uint8_t *)part->text, part->length, true, VALUE_CHARACTERS, value);
    return WORD(value);
}

static void fault(struct parse *p, const char *code, const struct word *words, size_t n)
{
    problem_put(&p->sink, code, &(struct problem_place){0}, words, n);
}

static void fault_part(struct parse *p, const char *code, const struct part *part)
{
    char value[VALUE_SIZE];
    fault(p, code, (const struct word[]){part_word(part, value)}, 1);
}

/* The kind whose name and '_' stand at `text`, the longest; any version. */
static const struct careplan_kind *kind_at(const struct careplan_standard *s, const char *text)
{
    const struct careplan_kind *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < s->n_kinds; i++) {
        size_t length = strlen(s->kinds[i].name);
        if (length > longest && strncmp(text, s->kinds[i].name, length) == 0 && text[length] == '_') {
            best = &s->kinds[i];
            longest = length;
        }
    }
    return best;
}

static void form_put(char *out, size_t size, const struct careplan_kind *kind, bool services, bool japanese)
{
    static const char *const words[2][6] = {
        {"対象年月", "送信元の事業所番号", "送信元のサービス種類コード", "送信先の事業所番号",
         "送信先のサービス種類コード", "年月日時分秒"},
        {"YYYYMM", "SENDER", "TYPE", "RECIPIENT", "TYPE", "YYYYMMDDHHMMSS"},
    };
    const char *const *w = words[!japanese];
    snprintf(out, size, "%s%s%s_%s%s%s_%s%s%s_%s%s", kind->name, kind->month_in_name ? "_" : "",
             kind->month_in_name ? w[0] : "", w[1], services ? "_" : "", services ? w[2] : "", w[3],
             services ? "_" : "", services ? w[4] : "", w[5],
             !kind->image ? ".CSV"
             : japanese   ? "_枝番4桁.jpg"
                          : "_NNNN.jpg");
}

static size_t parts_of(const struct careplan_kind *kind)
{
    return (kind->version->services_in_name ? 5u : 3u) + kind->month_in_name + kind->image;
}

/* Is `kind` rather meant than `than`? First the version that applies to the month of the name, then the
 * newest.
 */
static bool is_meant(const struct parse *p, const struct careplan_kind *kind,
                     const struct careplan_kind *than)
{
    char month[8];
    snprintf(month, sizeof month, "%.*s", (int)p->parts[0].length, p->parts[0].text);
    bool applies = kind->month_in_name && version_applies(kind->version, month);
    bool than_applies = than && than->month_in_name && version_applies(than->version, month);
    if (!than || applies != than_applies)
        return !than || applies;
    return strcmp(kind->version->name, than->version->name) > 0;
}

/* The version by the number of parts (202208 names have no service types), and among versions whose names
 * look alike by the month. */
static bool version_find(struct parse *p)
{
    const struct careplan_standard *s = p->standard;
    const struct careplan_kind *found = NULL;
    for (size_t i = 0; i < s->n_kinds; i++)
        if (strcmp(s->kinds[i].name, p->kind->name) == 0 && parts_of(&s->kinds[i]) == p->n_parts &&
            is_meant(p, &s->kinds[i], found))
            found = &s->kinds[i];
    if (found)
        p->kind = found;
    return found != NULL;
}

static void fault_form(struct parse *p)
{
    char ja[TEXT_MAX], en[TEXT_MAX];
    form_put(ja, sizeof ja, p->kind, true, true);
    form_put(en, sizeof en, p->kind, true, false);
    fault(p, "CP1205", &(struct word){ja, en}, 1);
}

/* "20250325102000 - コピー": what stands behind the digits that belong there. */
static void split_tail(struct parse *p, size_t digits)
{
    struct part *last = &p->parts[p->n_parts - 1];
    if (last->length <= digits || !all_digits((const uint8_t *)last->text, digits) ||
        is_name_character(last->text[digits]))
        return;
    struct part tail = {last->text + digits, last->length - digits};
    last->length = digits;
    fault_part(p, "CP1207", &tail);
}

static void split_parts(struct parse *p, char *stem)
{
    char *at = stem;
    for (;;) {
        size_t length = strcspn(at, "_");
        if (p->n_parts < PARTS_MAX)
            p->parts[p->n_parts] = (struct part){at, length};
        p->n_parts++;
        if (!at[length])
            return;
        at += length + 1;
    }
}

static void copy_part(char *out, size_t size, const struct part *part)
{
    snprintf(out, size, "%.*s", (int)part->length, part->text);
}

static void parse_month(struct parse *p, const struct part *part)
{
    bool zero = p->kind->layout && p->kind->layout->month_may_zero && part->length == 6 &&
                memcmp(part->text, "000000", 6) == 0;
    bool good = part->length == 6 && month_is_real((const uint8_t *)part->text);
    if (!good && !zero)
        fault_part(p, "CP1206", part);
    copy_part(p->out->month, sizeof p->out->month, part);
}

static void parse_office(struct parse *p, const struct part *part, struct word role, char out[11])
{
    char value[VALUE_SIZE], count[24];
    const struct word text = part_word(part, value);
    bool characters = true;
    for (size_t i = 0; i < part->length; i++)
        characters = characters && is_name_character(part->text[i]);
    snprintf(count, sizeof count, "%zu", part->length);
    if (!characters)
        fault(p, "CP1210", (const struct word[]){role, text}, 2);
    else if (part->length != 10)
        fault(p, "CP1202", (const struct word[]){role, text, WORD(count)}, 3);
    copy_part(out, 11, part);
}

static void parse_service(struct parse *p, const struct part *part, struct word role, char out[3])
{
    char value[VALUE_SIZE];
    if (part->length != 2 || !is_name_character(part->text[0]) || !is_name_character(part->text[1]))
        fault(p, "CP1209", (const struct word[]){role, part_word(part, value)}, 2);
    copy_part(out, 3, part);
}

static void parse_sequence(struct parse *p, const struct part *part)
{
    if (part->length != 14 || !all_digits((const uint8_t *)part->text, 14))
        fault_part(p, "CP1203", part);
    copy_part(p->out->sequence, sizeof p->out->sequence, part);
}

static void parse_image_number(struct parse *p, const struct part *part)
{
    if (part->length != 4 || !all_digits((const uint8_t *)part->text, 4))
        fault_part(p, "CP1211", part);
    copy_part(p->out->image_number, sizeof p->out->image_number, part);
}

static void parse_extension(struct parse *p)
{
    char value[VALUE_SIZE] = "";
    bool good =
        p->extension.length == 4 && memcmp(p->extension.text, p->kind->image ? ".JPG" : ".CSV", 4) == 0;
    struct word found = part_word(&p->extension, value);
    if (p->extension.length == 0)
        found = (struct word){"なし", "none"};
    if (!good)
        fault(p, "CP1201", (const struct word[]){found, WORD(p->kind->image ? ".jpg" : ".CSV")}, 2);
}

static void parse_parts(struct parse *p)
{
    const struct part *part = p->parts;
    struct careplan_name *out = p->out;
    bool services = p->kind->version->services_in_name;
    if (p->kind->month_in_name)
        parse_month(p, part++);
    parse_office(p, part++, sender_words, out->sender_number);
    if (services)
        parse_service(p, part++, sender_words, out->sender_service);
    parse_office(p, part++, recipient_words, out->recipient_number);
    if (services)
        parse_service(p, part++, recipient_words, out->recipient_service);
    parse_sequence(p, part++);
    if (p->kind->image)
        parse_image_number(p, part);
}

static void parse_kind(struct parse *p)
{
    char *stem = p->text + strlen(p->kind->name) + 1;
    char *dot = strrchr(stem, '.');
    if (dot) {
        p->extension = (struct part){p->whole + (dot - p->text), strlen(dot)};
        *dot = '\0';
    }
    split_parts(p, stem);
    if (!version_find(p)) {
        fault_form(p);
        return;
    }
    split_tail(p, p->kind->image ? 4 : 14);
    parse_parts(p);
}

/* Not a kind of the standard, and yet built like its names: KIND_…_14 digits.CSV with an office number. */
static bool looks_meant(const char *text)
{
    size_t parts = 0, offices = 0, last = 0;
    const char *end = strrchr(text, '.');
    end = end ? end : text + strlen(text);
    for (const char *at = text; at <= end; at += last + 1) {
        last = strcspn(at, "_.");
        bool number = last >= 9 && last <= 11 && all_digits((const uint8_t *)at, last);
        offices += number;
        parts++;
        if (at + last >= end)
            return parts >= 4 && offices >= 1 && last >= 12 && all_digits((const uint8_t *)at, 12);
    }
    return false;
}

static void parse_unknown(struct parse *p)
{
    for (char *at = p->text; (at = strpbrk(at, "UD")); at++) {
        if (at == p->text || is_name_character(at[-1]) || !kind_at(p->standard, at))
            continue;
        if (!looks_meant(at))
            return;
        fault_part(p, "CP1207", &(struct part){p->text, (size_t)(at - p->text)});
        return;
    }
    if (looks_meant(p->text))
        fault_part(p, "CP1208", &(struct part){p->text, strcspn(p->text, "_")});
}

enum careplan_name_class careplan_name_parse(const struct careplan_standard *s, const char *name,
                                             struct careplan_name *out, careplan_problem_fn *fn,
                                             void *context)
{
    struct careplan_name unheard;
    out = out ? out : &unheard;
    struct parse p = {.standard = standard_or_builtin(s), .out = out, .sink = {.fn = fn, .context = context}};
    size_t length = strnlen(name, TEXT_MAX);
    *out = (struct careplan_name){0};
    if (length == TEXT_MAX)
        return CAREPLAN_NAME_OTHER;
    for (size_t i = 0; i < length; i++)
        p.text[i] = upper(name[i]);
    p.kind = kind_at(p.standard, p.text);
    if (!p.kind) {
        parse_unknown(&p);
        return CAREPLAN_NAME_OTHER;
    }
    memcpy(p.whole, p.text, sizeof p.whole);
    parse_kind(&p);
    parse_extension(&p);
    if (p.sink.errors || p.sink.warnings || length >= sizeof out->canonical) {
        *out = (struct careplan_name){0};
        return CAREPLAN_NAME_OTHER;
    }
    memcpy(out->canonical, p.whole, length + 1);
    out->kind = p.kind;
    return CAREPLAN_NAME_TRANSFER;
}
