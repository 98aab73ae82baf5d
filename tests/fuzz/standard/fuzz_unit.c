/* A send unit: files of any names and contents, checked one by one and judged together. Parts of the input
 * are divided by the byte 1E; the first line of a part is the file's name, the rest its content. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "careplan/standard.h"

enum { FILES_MAX = 12, RECORD_SEPARATOR = 0x1E };

struct unit {
    struct careplan_name names[FILES_MAX];
    struct careplan_check_result results[FILES_MAX];
    struct careplan_unit_file files[FILES_MAX];
    uint64_t not_reported[FILES_MAX], reported[FILES_MAX];
    size_t n;
    bool errors;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void problem(void *context, const struct careplan_problem *p)
{
    struct unit *u = context;
    size_t i = 0;
    while (i < u->n && p->file != &u->names[i])
        i++;
    require(i < u->n && p->severity != CAREPLAN_OFF);
    require(p->message_ja[0] && p->message_en[0] && p->remedy_ja[0] && p->remedy_en[0]);
    require(p->column <= careplan_kind_items(p->file->kind) && (p->line || !p->column));
    require(++u->reported[i] <= CAREPLAN_PROBLEMS_MAX);
    u->errors |= p->severity == CAREPLAN_ERROR;
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
    struct careplan_check *c = careplan_check_new(&u->names[u->n], NULL, NULL, NULL);
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
    struct unit u = {.n = 0};
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, RECORD_SEPARATOR, size - at);
        size_t length = end ? (size_t)(end - data) - at : size - at;
        take(&u, data + at, length);
        at += length + 1;
    }
    enum careplan_unit_state state = careplan_unit_judge(u.files, u.n, NULL, problem, &u);
    if (u.n)
        require((state == CAREPLAN_UNIT_INCOMPLETE || state == CAREPLAN_UNIT_FAULTY) == u.errors);
    for (size_t i = 0; i < u.n; i++) {
        require(u.not_reported[i] == 0 || u.reported[i] == CAREPLAN_PROBLEMS_MAX);
        careplan_check_result_free(&u.results[i]);
    }
    return 0;
}
