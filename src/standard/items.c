#include "standard/items.h"

#include <stdio.h>
#include <string.h>

#include "standard/ms932.h"

static unsigned number2(const uint8_t *text)
{
    return (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
}

bool all_digits(const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return length > 0;
}

bool month_is_real(const uint8_t *text)
{
    if (!all_digits(text, 6))
        return false;
    unsigned month = number2(text + 4);
    return month >= 1 && month <= 12;
}

bool date_is_real(const uint8_t *text)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!month_is_real(text) || !all_digits(text + 6, 2))
        return false;
    unsigned year = number2(text) * 100 + number2(text + 2), month = number2(text + 4);
    unsigned day = number2(text + 6);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1 && day >= 1 && day <= days[month - 1] + (unsigned)(month == 2 && leap);
}

bool time_is_real(const uint8_t *text)
{
    return all_digits(text, 6) && number2(text) < 24 && number2(text + 2) < 60 && number2(text + 4) < 60;
}

static bool is_code_character(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

bool office_number_is_good(const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_code_character(text[i]))
            return false;
    return length == 10;
}

struct judged {
    const struct item_context *context;
    const struct layout_item *definition;
    const struct scanned_item *item;
    unsigned column;
};

/* The item's value, and what the message says besides. */
static bool fault_words(const struct judged *j, const char *code, const struct word *words, size_t n)
{
    char value[VALUE_SIZE];
    struct word all[WORDS_MAX] = {{"", ""}};
    const struct problem_place place = {.line = j->item->line, .column = j->column, .item = j->definition};
    value_text(j->item->text, j->item->length, j->context->utf8, VALUE_CHARACTERS, value);
    all[0] = WORD(value);
    for (size_t i = 0; i < n && i + 1 < WORDS_MAX; i++)
        all[i + 1] = words[i];
    problem_put(j->context->sink, code, &place, all, WORDS_MAX);
    return false;
}

static bool fault(const struct judged *j, const char *code, const char *second)
{
    return fault_words(j, code, &WORD(second), 1);
}

/* `hint` ends the remedy. */
static bool length_fault(const struct judged *j, const char *code, size_t found, struct word hint)
{
    char count[24], right[24];
    snprintf(count, sizeof count, "%zu", found);
    snprintf(right, sizeof right, "%u", j->definition->max);
    return fault_words(j, code, (const struct word[]){WORD(count), WORD(right), hint}, 3);
}

static bool in_values(const struct judged *j)
{
    const struct layout_item *d = j->definition;
    for (unsigned i = 0; i < d->n_values; i++)
        if (strlen(d->values[i].code) == j->item->length &&
            memcmp(d->values[i].code, j->item->text, j->item->length) == 0)
            return true;
    return false;
}

static const struct word
    nothing = {"", ""},
    zeros_lost = {"先頭の0が失われていないかも確かめてください（ファイルをExcelで開いて保存すると、"
                  "0が消えます）。",
                  " Leading zeros may have been lost (Excel drops them)."};

static bool check_length(const struct judged *j, size_t length)
{
    const struct layout_item *d = j->definition;
    if (d->max == 0 || length == d->max || (length < d->max && !d->exact))
        return true;
    bool number = d->type == ITEM_DIGITS && length < d->max;
    return length_fault(j, d->exact ? "CP1042" : "CP1043", length, number ? zeros_lost : nothing);
}

static bool check_ym(const struct judged *j)
{
    if (j->item->length == 6 && month_is_real(j->item->text))
        return true;
    return in_values(j) ? true : fault(j, "CP1039", "");
}

static bool check_ymd(const struct judged *j)
{
    if (j->item->length == 8 && date_is_real(j->item->text))
        return true;
    if (in_values(j))
        return true;
    bool form = j->item->length == 8 && all_digits(j->item->text, 8);
    return fault(j, form ? "CP1038" : "CP1037", "");
}

/* What else than a time may stand there: 9999. */
static bool time_fault(const struct judged *j)
{
    char form_ja[64], form_en[64], ja[VALUE_SIZE], en[64];
    const struct item_value *special = j->definition->n_values ? &j->definition->values[0] : NULL;
    snprintf(form_ja, sizeof form_ja, "HHMM%s%.8s", special ? "、または" : "", special ? special->code : "");
    snprintf(form_en, sizeof form_en, "HHMM%s%.8s", special ? " or " : "", special ? special->code : "");
    snprintf(ja, sizeof ja, "か、%.8s（%s）", special ? special->code : "", special ? special->meaning : "");
    snprintf(en, sizeof en, " or %.8s", special ? special->code : "");
    const struct word also = special ? (struct word){ja, en} : nothing;
    return fault_words(j, "CP1041", (const struct word[]){{form_ja, form_en}, also}, 2);
}

/* 2400 as an end of day: the standard does not say; accepted. */
static bool check_hhmm(const struct judged *j)
{
    const uint8_t *t = j->item->text;
    if (j->item->length == 4 && all_digits(t, 4) &&
        ((number2(t) < 24 && number2(t + 2) < 60) || memcmp(t, "2400", 4) == 0))
        return true;
    return in_values(j) ? true : time_fault(j);
}

/* Where the source is in doubt about digits, any half-width characters are taken. */
static bool check_digits(const struct judged *j)
{
    if (j->definition->any_code)
        return check_length(j, ms932_characters(j->item->text, j->item->length));
    if (!all_digits(j->item->text, j->item->length))
        return fault(j, "CP1046", "");
    return check_length(j, j->item->length);
}

/* Wide hyphens 817C (－) and 815D (‐) count as one character where the source is in doubt. */
static size_t code_length(const struct judged *j)
{
    const uint8_t *t = j->item->text;
    size_t characters = 0;
    for (size_t i = 0; i < j->item->length; characters++) {
        bool wide = j->definition->wide_hyphen && i + 1 < j->item->length && t[i] == 0x81 &&
                    (t[i + 1] == 0x7C || t[i + 1] == 0x5D);
        bool good = is_code_character(t[i]) || t[i] == '-' ||
                    (j->definition->any_code && t[i] >= 0x20 && t[i] < 0x7F);
        if (!wide && !good)
            return SIZE_MAX;
        i += wide ? 2 : 1;
    }
    return characters;
}

/* Their meanings are Japanese: English has the codes alone, as many as there is room for. */
static bool value_fault(const struct judged *j)
{
    const struct layout_item *item = j->definition;
    char codes[VALUE_SIZE];
    size_t at = 0;
    for (size_t i = 0; i < item->n_values; i++) {
        const char *code = item->values[i].code, *comma = i ? ", " : "";
        if (at + strlen(comma) + strlen(code) + sizeof ", …" > sizeof codes) {
            snprintf(codes + at, sizeof codes - at, ", …");
            break;
        }
        at += (size_t)snprintf(codes + at, sizeof codes - at, "%s%s", comma, code);
    }
    return fault_words(j, "CP1034", (const struct word[]){{item->values_text, codes}}, 1);
}

static bool check_code(const struct judged *j)
{
    if (j->definition->n_values)
        return in_values(j) ? true : value_fault(j);
    size_t length = code_length(j);
    if (length == SIZE_MAX)
        return fault(j, "CP1035", "");
    if (!check_length(j, length))
        return false;
    bool unknown = j->definition->service_type &&
                   !service_type_find(j->context->standard, (const char *)j->item->text, j->item->length);
    return unknown ? fault(j, "CP1036", "") : true;
}

static bool check_int(const struct judged *j)
{
    size_t sign = j->item->text[0] == '-';
    if (!all_digits(j->item->text + sign, j->item->length - sign))
        return fault(j, "CP1044", "");
    return check_length(j, j->item->length - sign);
}

static bool check_decimal(const struct judged *j)
{
    const uint8_t *t = j->item->text;
    size_t n = j->item->length;
    bool good = n >= 4 && n <= 6 && t[n - 3] == '.' && all_digits(t, n - 3) && all_digits(t + n - 2, 2);
    return good ? true : fault(j, "CP1045", "");
}

static bool check_flags31(const struct judged *j)
{
    for (size_t i = 0; i < j->item->length; i++) {
        uint8_t c = j->item->text[i];
        if (c == '0' || c == '1')
            continue;
        char value[VALUE_SIZE];
        const struct problem_place place = {j->item->line, j->column, j->definition, NULL};
        uint32_t character;
        size_t size = ms932_read(j->item->text + i, j->item->length - i, &character);
        value_text(j->item->text + i, size, j->context->utf8, 1, value);
        PROBLEM(j->context->sink, "CP1048", &place, WORD(value));
        return false;
    }
    return j->item->length == 31 ? true : length_fault(j, "CP1047", j->item->length, nothing);
}

static bool check_postal(const struct judged *j)
{
    const uint8_t *t = j->item->text;
    bool good = j->item->length == 8 && t[3] == '-' && all_digits(t, 3) && all_digits(t + 4, 4);
    return good ? true : fault(j, "CP1049", "");
}

static bool check_insured_no(const struct judged *j)
{
    const uint8_t *t = j->item->text;
    bool good = j->item->length == 10 && all_digits(t + 1, 9) && (t[0] == 'H' || all_digits(t, 1));
    return good ? true : fault(j, "CP1050", "");
}

static bool check_office_no(const struct judged *j)
{
    size_t n = j->item->length;
    if (office_number_is_good(j->item->text, n))
        return true;
    for (size_t i = 0; i < n; i++)
        if (!is_code_character(j->item->text[i]))
            return fault(j, "CP1052", "");
    return length_fault(j, "CP1051", n, nothing);
}

static bool check_text(const struct judged *j)
{
    if (j->item->quoted || (j->item->faults & FAULT_PLAIN))
        return true;
    return fault(j, "CP1013", "");
}

static bool check_phone(const struct judged *j)
{
    return check_length(j, ms932_characters(j->item->text, j->item->length));
}

static bool check_unused(const struct judged *j)
{
    return fault(j, "CP1053", "");
}

static bool check_empty(const struct judged *j)
{
    const struct problem_place place = {j->item->line, j->column, j->definition, NULL};
    const char *code = NULL;
    if (j->definition->required == REQUIRED_YES)
        code = j->context->deletion ? "CP1033" : "CP1031";
    else if (j->definition->required == REQUIRED_DOUBTFUL)
        code = "CP1032";
    if (code)
        problem_put(j->context->sink, code, &place, NULL, 0);
    return j->definition->required != REQUIRED_YES;
}

bool item_check(const struct item_context *context, const struct layout_item *definition, unsigned column,
                const struct scanned_item *item)
{
    static bool (*const checks[])(const struct judged *) = {
        [ITEM_YM] = check_ym,
        [ITEM_YMD] = check_ymd,
        [ITEM_HHMM] = check_hhmm,
        [ITEM_DIGITS] = check_digits,
        [ITEM_CODE] = check_code,
        [ITEM_INT] = check_int,
        [ITEM_DECIMAL] = check_decimal,
        [ITEM_TEXT] = check_text,
        [ITEM_FLAGS31] = check_flags31,
        [ITEM_POSTAL] = check_postal,
        [ITEM_PHONE] = check_phone,
        [ITEM_INSURED_NO] = check_insured_no,
        [ITEM_OFFICE_NO] = check_office_no,
        [ITEM_UNUSED] = check_unused,
    };
    const struct judged j = {context, definition, item, column};
    return item->length ? checks[definition->type](&j) : check_empty(&j);
}
