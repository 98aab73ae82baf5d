/* What a partner may put into the inbox: transfer files of its own to us by the standard's check, or
 * documents of the agreed kinds; nothing else, under no other name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "careplan/standard.h"
#include "standard/product.h"
#include "link/link_private.h"

enum {
    FIRST_BYTES = 512,
    HELD_MAX = 2 << 20, /* bytes of small files that wait in memory for the rest of their unit */
};

struct incoming_file {
    char name[256], folded[768];
    char kind[32];
    struct careplan_name transfer; /* kind NULL: a document */
    uint64_t size;
    bool begun;
    struct content *content; /* NULL: no bytes */
    struct careplan_check_result result;
};
struct incoming {
    struct link *l;
    const struct statement *statement;
    char sequence[15];
    struct buffer manifest;
    struct incoming_file *files;
    struct ledger_incoming_file *given;
    size_t n_files;
    /* of the file whose bytes come: one at a time */
    struct careplan_check *check;
    uint8_t first[FIRST_BYTES];
    size_t n_first;
    size_t held; /* in memory of those before it */
    size_t keys; /* in the results of those before it */
    bool local, open_fault;
    char fault[24], unit_fault[24];
};

struct incoming *incoming_new(struct link *l, const struct statement *statement)
{
    struct incoming *in = calloc(1, sizeof *in);
    if (in) {
        in->l = l;
        in->statement = statement;
    }
    return in;
}

void incoming_free(struct incoming *in)
{
    if (!in)
        return;
    for (size_t i = 0; i < in->n_files; i++) {
        content_abort(in->files[i].content);
        careplan_check_result_free(&in->files[i].result);
    }
    careplan_check_free(in->check);
    buffer_free(&in->manifest);
    free(in->files);
    free(in->given);
    free(in);
}

bool incoming_local_trouble(const struct incoming *in)
{
    return in->local;
}

const char *incoming_fault(const struct incoming *in)
{
    return in->fault;
}

bool incoming_fault_is_open(const struct incoming *in)
{
    return in->open_fault;
}

static int fault(struct incoming *in, const char *code)
{
    snprintf(in->fault, sizeof in->fault, "%s", code);
    return -EBADMSG;
}

/* The standard's own codes: the partner reads them in its status. */
static int open_fault(struct incoming *in, const char *code)
{
    in->open_fault = true;
    return fault(in, code);
}

static int local(struct incoming *in, int r)
{
    in->local = true;
    return r;
}

/* ---- names ---- */

static bool same_service(const char *named, const struct office_id *office)
{
    return !named[0] || strcmp(named, office_id_service(office)) == 0; /* names of 202208 have none */
}

static bool same_number(const char *number, const struct office_id *office)
{
    return strncmp(number, office->text, 10) == 0 && office->text[10] == '-';
}

static int judge_transfer(struct incoming *in, struct incoming_file *f)
{
    const struct office_id *sender = &in->statement->sender, *self = in->l->self;
    const struct careplan_name *t = &f->transfer;
    if (strcmp(f->name, t->canonical) != 0 || strcmp(f->kind, t->kind->name) != 0)
        return fault(in, "file-kind");
    if (strcmp(t->sequence, in->sequence) != 0)
        return fault(in, "file-sequence");
    if (!same_number(t->sender_number, sender) || !same_service(t->sender_service, sender) ||
        !same_number(t->recipient_number, self) || !same_service(t->recipient_service, self))
        return fault(in, "file-offices");
    if (!careplan_flow_allowed(t->kind, office_id_service(sender), office_id_service(self)))
        return fault(in, "file-flow");
    return 0;
}

static int judge_document(struct incoming *in, struct incoming_file *f)
{
    const char *dot = strrchr(f->name, '.');
    if (in->sequence[0] || strcmp(f->kind, "document") != 0 || in->l->names.reserved(f->name) || !dot)
        return fault(in, "file-kind");
    for (char **allowed = in->l->settings->documents; allowed && *allowed; allowed++)
        if (strcasecmp(dot + 1, *allowed) == 0)
            return 0;
    return open_fault(in, RULE_DOCUMENT_TYPE);
}

static void found(void *context, const struct careplan_problem *problem)
{
    struct incoming *in = context;
    if (problem->severity == CAREPLAN_ERROR && !in->fault[0])
        open_fault(in, problem->code);
}

/* A name that cannot be in the inbox is "". */
static void name_file(struct incoming *in, struct incoming_file *f, const struct envelope_file *named)
{
    f->size = named->size;
    snprintf(f->kind, sizeof f->kind, "%s", named->kind);
    if (in->l->names.normalise(named->name, f->name) || strcmp(named->name, f->name) != 0)
        f->name[0] = '\0';
    in->l->names.fold(f->name, f->folded);
}

static int judge_name(struct incoming *in, struct incoming_file *f)
{
    if (!f->name[0])
        return fault(in, "file-name");
    if (careplan_name_parse(rules_standard(in->l->rules), f->name, &f->transfer, NULL, NULL) ==
        CAREPLAN_NAME_TRANSFER)
        return judge_transfer(in, f);
    f->transfer.kind = NULL;
    return judge_document(in, f);
}

static int by_folded(const void *a, const void *b)
{
    const struct incoming_file *const *x = a, *const *y = b;
    return strcmp((*x)->folded, (*y)->folded);
}

/* Two names that Windows holds for one would overwrite each other there. */
static int refuse_twins(struct incoming *in)
{
    autofree const struct incoming_file **sorted = calloc(in->n_files, sizeof *sorted);
    if (!sorted)
        return local(in, -ENOMEM);
    for (size_t i = 0; i < in->n_files; i++)
        sorted[i] = &in->files[i];
    qsort(sorted, in->n_files, sizeof *sorted, by_folded);
    for (size_t i = 1; i < in->n_files; i++)
        if (strcmp(sorted[i - 1]->folded, sorted[i]->folded) == 0)
            return fault(in, "file-twins");
    return 0;
}

int incoming_manifest(void *incoming, const struct manifest *m, const uint8_t *json, size_t length)
{
    struct incoming *in = incoming;
    if (m->n_files == 0 || m->n_files > ENVELOPE_FILES_MAX)
        return fault(in, "manifest-form");
    snprintf(in->sequence, sizeof in->sequence, "%s", m->sequence);
    in->files = calloc(m->n_files, sizeof *in->files);
    if (!in->files || buffer_append(&in->manifest, json, length))
        return local(in, -ENOMEM);
    in->n_files = m->n_files;
    for (size_t i = 0; i < m->n_files; i++) /* all: what is refused has to be named to its sender */
        name_file(in, &in->files[i], &m->files[i]);
    int r = 0;
    for (size_t i = 0; r == 0 && i < m->n_files; i++)
        r = judge_name(in, &in->files[i]);
    return r ? r : refuse_twins(in);
}

/* ---- bytes ---- */

static int begin_file(struct incoming *in, struct incoming_file *f)
{
    f->begun = true;
    in->n_first = 0;
    if (f->transfer.kind) {
        struct careplan_check_options options = rules_unit_options(in->l->rules, in->keys);
        in->check = careplan_check_new(&f->transfer, &options, found, in);
    }
    if (f->size)
        f->content = content_new(in->l->ledger);
    return (f->transfer.kind && !in->check) || (f->size && !f->content) ? local(in, -ENOMEM) : 0;
}

int incoming_data(void *incoming, size_t index, const void *data, size_t length)
{
    struct incoming *in = incoming;
    struct incoming_file *f = &in->files[index];
    if (link_stopping(in->l))
        return local(in, -ECANCELED);
    int r = f->begun ? 0 : begin_file(in, f);
    if (r || !length)
        return r;
    size_t room = sizeof in->first - in->n_first, n = length < room ? length : room;
    memcpy(in->first + in->n_first, data, n);
    in->n_first += n;
    r = in->check ? careplan_check_write(in->check, data, length) : 0;
    if (r == 0)
        r = f->content ? content_append(f->content, data, length) : -EIO;
    return r ? local(in, r) : 0;
}

static int end_check(struct incoming *in, struct incoming_file *f)
{
    int r = careplan_check_finish(in->check, &f->result);
    in->keys += f->result.n_keys;
    if (r == 0 && f->result.errors && !in->fault[0]) /* beyond what is reported one by one */
        open_fault(in, RULE_UNREADABLE);
    careplan_check_free(in->check);
    in->check = NULL;
    return r;
}

/* Many small files are no more in memory than one large one. */
static int hold(struct incoming *in, struct incoming_file *f)
{
    size_t last = (size_t)(f->size % CONTENT_BLOCK_SIZE);
    last = last ? last : CONTENT_BLOCK_SIZE;
    if (in->held + last > HELD_MAX)
        return content_spill(f->content);
    in->held += last;
    return 0;
}

/* A fault of the contents does not end the opening: it counts only when the tag behind them holds. */
int incoming_end(void *incoming, size_t index)
{
    struct incoming *in = incoming;
    struct incoming_file *f = &in->files[index];
    int r = f->begun ? 0 : begin_file(in, f);
    if (r)
        return r;
    if (in->check)
        r = end_check(in, f);
    else if (!document_matches(strrchr(f->name, '.') + 1, in->first, in->n_first) && !in->fault[0])
        open_fault(in, RULE_DOCUMENT_CONTENT);
    if (r == 0 && f->content)
        r = content_finish(f->content);
    if (r == 0 && f->content)
        r = hold(in, f);
    return r ? local(in, r) : 0;
}

/* ---- the whole ---- */

static void unit_found(void *context, const struct careplan_problem *problem)
{
    struct incoming *in = context;
    if (problem->severity == CAREPLAN_ERROR && !in->unit_fault[0])
        snprintf(in->unit_fault, sizeof in->unit_fault, "%s", problem->code);
}

int incoming_judge(struct incoming *in)
{
    autofree struct careplan_unit_file *unit = NULL;
    if (in->fault[0])
        return -EBADMSG;
    if (!in->sequence[0])
        return 0;
    unit = calloc(in->n_files, sizeof *unit);
    if (!unit)
        return local(in, -ENOMEM);
    for (size_t i = 0; i < in->n_files; i++)
        unit[i] = (struct careplan_unit_file){.name = &in->files[i].transfer, .result = &in->files[i].result};
    const struct careplan_check_options options = rules_unit_options(in->l->rules, 0);
    switch (careplan_unit_judge(unit, in->n_files, &options, unit_found, in)) {
    case CAREPLAN_UNIT_INCOMPLETE:
        return open_fault(in, RULE_UNIT_INCOMPLETE);
    case CAREPLAN_UNIT_FAULTY:
        return open_fault(in, in->unit_fault);
    case CAREPLAN_UNIT_SUB_MISSING:
    case CAREPLAN_UNIT_COMPLETE:
        break;
    }
    return 0;
}

int incoming_give(struct incoming *in, struct ledger_incoming *out)
{
    in->given = calloc(in->n_files, sizeof *in->given);
    if (!in->given)
        return local(in, -ENOMEM);
    for (size_t i = 0; i < in->n_files; i++) {
        struct incoming_file *f = &in->files[i];
        in->given[i] =
            (struct ledger_incoming_file){.name = f->name,
                                          .folded = f->folded,
                                          .kind = f->kind,
                                          .main_file = !f->transfer.kind || f->transfer.kind->main_file,
                                          .content = f->content};
        f->content = NULL; /* the ledger's from now on */
    }
    out->files = in->given;
    out->n_files = in->n_files;
    out->sequence = in->sequence;
    out->manifest = in->manifest.data;
    out->manifest_length = in->manifest.length;
    return 0;
}

int incoming_describe(struct incoming *in, struct ledger_incoming *out)
{
    out->sequence = in->sequence;
    in->given = calloc(in->n_files + 1, sizeof *in->given);
    if (!in->given)
        return -ENOMEM;
    for (size_t i = 0; i < in->n_files; i++) {
        const struct incoming_file *f = &in->files[i];
        if (f->name[0])
            in->given[out->n_files++] = (struct ledger_incoming_file){
                .name = f->name, .folded = f->folded, .kind = f->kind, .size = f->size};
    }
    out->files = in->given;
    return 0;
}
