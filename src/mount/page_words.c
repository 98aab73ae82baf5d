#include "mount/page_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "careplan/standard.h"
#include "standard/layout.h"
#include "standard/product.h"

void page_partner(struct ledger *l, const struct office_id *self, const struct ledger_status *s,
                  char name[256], char identity[32])
{
    with_cleanup(ledger_partner_free) struct ledger_partner p = {0};
    name[0] = '\0';
    snprintf(identity, 32, "%s", s->partner.text[0] ? s->partner.text : s->partner_text);
    if (strcmp(identity, self->text) == 0)
        identity[0] = '\0';
    else if (s->partner.text[0] && ledger_partner(l, &s->partner, &p) == 0)
        snprintf(name, 256, "%s", p.name);
}

static void words_of_size(uint64_t bytes, char out[32])
{
    if (bytes < 1000)
        snprintf(out, 32, "%llu B", (unsigned long long)bytes);
    else if (bytes < 1000000)
        snprintf(out, 32, "%llu KB", (unsigned long long)(bytes + 500) / 1000);
    else
        snprintf(out, 32, "%.1f MB", (double)bytes / 1e6);
}

static const struct careplan_kind *kind_of(const struct careplan_standard *standard,
                                           const struct ledger_unit_file *f)
{
    const struct careplan_kind *kind =
        f->version[0] ? careplan_kind_find(standard, f->version, f->kind) : NULL;
    return kind ? kind : kind_newest(standard, f->kind); /* what arrives says the kind only */
}

static const char *title_of(const struct careplan_standard *standard, const struct ledger_unit_file *f)
{
    const struct careplan_kind *kind = kind_of(standard, f);
    return kind ? careplan_kind_title(kind, CAREPLAN_JA) : NULL;
}

static const struct ledger_unit_file *file_of(const struct ledger_status *s, const struct ledger_problem *p)
{
    for (size_t i = 0; p->file && i < s->n_files; i++)
        if (strcmp(s->files[i].name, p->file) == 0)
            return &s->files[i];
    return NULL;
}

void page_problem(const struct careplan_standard *standard, const struct ledger_status *s,
                  const struct ledger_problem *p, char *out, size_t size)
{
    char place[STATUS_PLACE_SIZE], sentence[STATUS_REASON_SIZE];
    const struct ledger_unit_file *file = file_of(s, p);
    const struct careplan_kind *kind = file && !file->document ? kind_of(standard, file) : NULL;
    const char *title = kind ? careplan_kind_title(kind, CAREPLAN_JA) : "";
    status_place_words(p->line, p->column, CAREPLAN_JA, place);
    status_problem_words(kind, p->code, p->line, p->column, CAREPLAN_JA, sentence);
    snprintf(out, size, "%s%s%s%s%s", title, *title && *place ? " " : "", place, *title || *place ? "：" : "",
             sentence);
}

void page_remedy(const struct careplan_standard *standard, const struct ledger_status *s,
                 const struct ledger_problem *p, char out[STATUS_REASON_SIZE])
{
    const struct ledger_unit_file *file = file_of(s, p);
    const struct careplan_kind *kind = file && !file->document ? kind_of(standard, file) : NULL;
    status_remedy_words(kind, p->code, p->line, p->column, CAREPLAN_JA, out);
}

/* What the message is rejected for; or, of one that the partner refused, what was a warning here (its codes
 * come in lower case). */
static const struct ledger_problem *fault_of(const struct ledger_status *s)
{
    bool rejected = strcmp(s->state, "rejected") == 0, refused = strcmp(s->state, "refused") == 0;
    for (size_t i = 0; (rejected || refused) && i < s->n_problems; i++)
        if ((s->problems[i].error || refused) && strcasecmp(s->problems[i].code, s->reason) == 0)
            return &s->problems[i];
    return NULL;
}

void page_reason(const struct careplan_standard *standard, const struct ledger_status *s,
                 char out[PAGE_REASON_SIZE])
{
    const struct ledger_problem *fault = fault_of(s);
    if (!fault || !(fault->line || fault->column)) {
        status_reason_words(s->reason, CAREPLAN_JA, out);
        return;
    }
    size_t n = (size_t)snprintf(out, PAGE_REASON_SIZE, "%s：", fault->code);
    page_problem(standard, s, fault, out + n, PAGE_REASON_SIZE - n);
}

/* "文書（PDF、1.2 MB）": a document's name would name a person. */
static int document_words(const struct ledger_unit_file *f, struct buffer *out)
{
    char size[32], type[8] = "";
    const char *dot = strrchr(f->name, '.');
    words_of_size(f->size, size);
    if (dot && document_known(dot + 1) && strlen(dot + 1) < sizeof type)
        for (size_t i = 0; dot[i + 1]; i++)
            type[i] = (char)(dot[i + 1] & ~0x20); /* letters only */
    return buffer_printf(out, "文書（%s%s%s）", type, type[0] ? "、" : "", size);
}

/* Files of one kind are told once, at the first of them. */
static size_t count_of_kind(const struct ledger_status *s, size_t i, bool *first)
{
    size_t n = 0;
    *first = true;
    for (size_t k = 0; k < s->n_files; k++)
        if (!s->files[k].document && strcmp(s->files[k].kind, s->files[i].kind) == 0) {
            *first &= k >= i;
            n++;
        }
    return n;
}

int page_contents(const struct careplan_standard *standard, const struct ledger_status *s, struct buffer *out)
{
    const char *separator = "";
    if (s->n_files == 0 && !s->outgoing) /* refused before it could be opened */
        return buffer_text(out, "内容不明");
    for (size_t i = 0; i < s->n_files; i++) {
        const struct ledger_unit_file *f = &s->files[i];
        const char *title = f->document ? NULL : title_of(standard, f);
        bool first = true;
        size_t n = title ? count_of_kind(s, i, &first) : 1;
        if (!first)
            continue;
        buffer_text(out, separator);
        separator = "、";
        if (!title)
            document_words(f, out);
        else
            buffer_text(out, title);
        if (n > 1)
            buffer_printf(out, " ×%zu", n);
    }
    return out->failed ? -ENOMEM : 0;
}

int page_names(const struct careplan_standard *standard, const struct ledger_status *s, const char *separator,
               struct buffer *out)
{
    bool first = true;
    for (size_t i = 0; i < s->n_files; i++) {
        if (s->files[i].document || !title_of(standard, &s->files[i]))
            continue;
        buffer_text(out, first ? "" : separator);
        buffer_text(out, s->files[i].name);
        first = false;
    }
    return out->failed ? -ENOMEM : 0;
}

void page_time(int64_t utc_ms, char out[20])
{
    out[0] = '\0';
    if (utc_ms <= 0)
        return;
    clock_format_japan(utc_ms, out);
    out[16] = '\0'; /* without seconds */
}
