/* A send unit: files of any names and contents, checked one by one and judged together. Parts of the input
 * are divided by the byte 1E; the first line of a part is the file's name, the rest its content. What must
 * hold whatever comes, besides what the problems say of themselves:
 * - the report of the unit's problems is UTF-8 text in lines of Notepad, and their words as status fit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "careplan/standard.h"
#include "standard/status_words.h"
#include "text.h"

enum { FILES_MAX = 12, RECORD_SEPARATOR = 0x1E, TOLD_MAX = 16 };

struct unit {
    struct careplan_name names[FILES_MAX];
    struct careplan_check_result results[FILES_MAX];
    struct careplan_unit_file files[FILES_MAX];
    uint64_t not_reported[FILES_MAX], reported[FILES_MAX];
    size_t n, told;
    bool errors;
    struct careplan_report *report;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Only so many: they are sentences, and slow. */
static void tell(struct unit *u, const struct careplan_problem *p)
{
    char words[STATUS_REASON_SIZE], place[STATUS_PLACE_SIZE];
    if (u->told++ >= TOLD_MAX)
        return;
    careplan_report_add(u->report, p);
    for (int language = CAREPLAN_JA; language <= CAREPLAN_EN; language++) {
        status_problem_words(p->file ? p->file->kind : NULL, p->code, p->line, p->column,
                             (enum careplan_language)language, words);
        status_place_words(p->line, p->column, (enum careplan_language)language, place);
        require(text_is_sentence(words) && text_is_plain(place, strlen(place), false));
        require(!place[0] == (!p->line && !p->column));
        status_reason_words(p->code, (enum careplan_language)language, words);
        require(strncmp(words, p->code, strlen(p->code)) == 0 && text_is_sentence(words));
    }
}

static void report_check(const struct unit *u)
{
    size_t length = 0, ends = 0;
    if (u->n && !u->errors)
        careplan_report_add_good_file(u->report, u->names[0].canonical);
    char *text = careplan_report_text(u->report, &length);
    require(text && length > 5 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 && text_is_plain(text, length, true));
    for (size_t i = 0; i < length; i++) {
        ends += text[i] == '\r';
        require((text[i] == '\n') == (i > 0 && text[i - 1] == '\r'));
    }
    require(ends > 1 && text[length - 1] == '\n');
    free(text);
}

static void problem(void *context, const struct careplan_problem *p)
{
    struct unit *u = context;
    size_t i = 0;
    while (i < u->n && p->file != &u->names[i])
        i++;
    require(i < u->n && p->severity != CAREPLAN_OFF);
    require(text_is_sentence(p->message_ja) && text_is_sentence(p->message_en));
    require(text_is_sentence(p->remedy_ja) && text_is_sentence(p->remedy_en));
    require(p->column <= careplan_kind_items(p->file->kind) && (p->line || !p->column));
    require(++u->reported[i] <= CAREPLAN_PROBLEMS_MAX);
    u->errors |= p->severity == CAREPLAN_ERROR;
    tell(u, p);
}

/* Keys are each there once, in the order that is promised. */
static void keys_are_sorted(const struct careplan_check_result *r)
{
    for (size_t i = 0; i < r->n_keys; i++) {
        require(r->key_order[i] < r->n_keys);
        if (i == 0)
            continue;
        const struct careplan_key *a = &r->keys[r->key_order[i - 1]], *b = &r->keys[r->key_order[i]];
        int order = strcmp(a->insured_no, b->insured_no);
        order = order ? order : strcmp(a->insurer_no, b->insurer_no);
        require((order ? order : strcmp(a->date, b->date)) < 0);
        require(r->keys[i - 1].line < r->keys[i].line);
    }
}

/* Of one file by itself; told as one of no unit. */
static void file_problem(void *context, const struct careplan_problem *p)
{
    tell(context, p);
}

static void take(struct unit *u, const uint8_t *part, size_t length)
{
    char name[CAREPLAN_NAME_MAX + 1];
    const uint8_t *end = memchr(part, '\n', length);
    size_t n = end ? (size_t)(end - part) : length;
    if (n >= sizeof name || u->n == FILES_MAX)
        return;
    memcpy(name, part, n);
    name[n] = '\0';
    if (careplan_name_parse(NULL, name, &u->names[u->n], NULL, NULL) != CAREPLAN_NAME_TRANSFER)
        return;
    u->told = 0;
    struct careplan_check *c = careplan_check_new(&u->names[u->n], NULL, file_problem, u);
    require(c != NULL);
    if (end)
        require(careplan_check_write(c, end + 1, length - n - 1) == 0);
    require(careplan_check_finish(c, &u->results[u->n]) == 0);
    careplan_check_free(c);
    keys_are_sorted(&u->results[u->n]);
    u->files[u->n] = (struct careplan_unit_file){&u->names[u->n], &u->results[u->n], &u->not_reported[u->n]};
    u->n++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unit u = {.report = careplan_report_new(size % 3, "UPPLAN.CSV")};
    require(u.report != NULL);
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, RECORD_SEPARATOR, size - at);
        size_t length = end ? (size_t)(end - data) - at : size - at;
        take(&u, data + at, length);
        at += length + 1;
    }
    u.told = 0;
    enum careplan_unit_state state = careplan_unit_judge(u.files, u.n, NULL, problem, &u);
    if (u.n)
        require((state == CAREPLAN_UNIT_INCOMPLETE || state == CAREPLAN_UNIT_FAULTY) == u.errors);
    for (size_t i = 0; i < u.n; i++) {
        require(u.not_reported[i] == 0 || u.reported[i] == CAREPLAN_PROBLEMS_MAX);
        careplan_check_result_free(&u.results[i]);
    }
    report_check(&u);
    careplan_report_free(u.report);
    return 0;
}
