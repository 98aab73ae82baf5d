/* What was sent and refused: a report beside its files, which stay in the outbox. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "mount/names.h"
#include "mount/page_words.h"
#include "mount/settle_say.h"
#include "standard/product.h"

enum { MESSAGES = 64 };

struct refused_note {
    char name[256], folded[768];
    char *text;
};

struct refusal {
    const struct settle_look *look;
    uint64_t message;
    struct refused_note items[FAULTY_FILES_MAX];
    struct ledger_note notes[FAULTY_FILES_MAX];
    size_t n;
    int result;
};

static void refusal_free(struct refusal *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->items[i].text);
    free(r);
}
CLEANUP_DEFINE(autorefusal, struct refusal, refusal_free);

/* Does the file stand there just as it was sent? */
static bool stands(const struct refusal *r, const struct ledger_unit_file *f, struct ledger_entry *entry)
{
    struct ledger_node node;
    return settle_entry(r->look, f, entry) == 0 && ledger_node(r->look->ledger, f->node, &node) == 0 &&
           node.message == r->message && node.content == f->content && !node.draft;
}

static char *refused_text(const struct settle_look *look, const struct ledger_status *s, const char *name,
                          size_t *length)
{
    char reason[PAGE_REASON_SIZE];
    struct careplan_report *report = careplan_report_new(CAREPLAN_REPORT_ERROR, name);
    page_reason(rules_standard(look->rules), s, reason);
    if (report)
        report_add_code(report, RULE_REFUSED, (const char *[]){s->partner.text, reason}, 2);
    char *text = report ? careplan_report_text(report, length) : NULL;
    careplan_report_free(report);
    return text;
}

static bool note_files(void *context, const struct ledger_status *s)
{
    struct refusal *r = context;
    if (s->message != r->message)
        return false;
    for (size_t i = 0; i < s->n_files && r->n < FAULTY_FILES_MAX; i++) {
        struct ledger_entry entry;
        struct refused_note *item = &r->items[r->n];
        if (!stands(r, &s->files[i], &entry))
            continue;
        struct ledger_note *note = &r->notes[r->n++];
        name_report(entry.name, CAREPLAN_REPORT_ERROR, item->name);
        name_fold(item->name, item->folded);
        *note = (struct ledger_note){.parent = entry.parent, .name = item->name, .folded = item->folded};
        note->text = item->text = refused_text(r->look, s, entry.name, &note->length);
        r->result = item->text ? r->result : -ENOMEM;
    }
    return false;
}

static int tell_one(const struct settle_look *look, uint64_t message)
{
    with_cleanup(autorefusal) struct refusal *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->look = look;
    r->message = message;
    int result = ledger_status_list(look->ledger, message + 1, 1, note_files, r);
    result = result ? result : r->result;
    if (result == 0)
        result = ledger_refused_told(look->ledger, message, r->notes, r->n, NULL, NULL);
    for (size_t i = 0; i < r->n && result == 0; i++)
        look->host->changed(look->host->context, r->notes[i].parent, r->notes[i].name);
    return result == -ESTALE ? 0 : result;
}

int settle_tell_refused(const struct settle_look *look)
{
    uint64_t messages[MESSAGES];
    int n = ledger_refused(look->ledger, messages, MESSAGES), r = n < 0 ? n : 0;
    for (int i = 0; i < n && r == 0; i++)
        r = tell_one(look, messages[i]);
    if (r)
        log_error("settle", "it cannot be told beside the files that they were refused: %s", strerror(-r));
    return r ? r : n == MESSAGES;
}
