/* From a node's content to a change of the ledger: judged, copied, committed, remembered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "mount/settle.h"
#include "mount/tree.h"

enum { COPY_SIZE = 64 * 1024, OPTIMISTIC_TRIES = 2 };

/* Reads the draft of a node. A small one under a lock that is held all the time; a large one block by block,
 * so that a program that reads it meanwhile does not wait for the check of a gigabyte. */
struct reader {
    struct node *node;
    bool locked;
};

static int64_t read_block(void *context, uint64_t offset, void *out, size_t size)
{
    struct reader *r = context;
    if (r->locked)
        return draft_read(&r->node->draft, offset, out, size);
    LOCKED(&r->node->lock);
    return draft_read(&r->node->draft, offset, out, size);
}

static int copy_content(struct reader *reader, uint64_t size, struct content **out)
{
    autofree uint8_t *block = malloc(size < COPY_SIZE ? (size_t)size + 1 : COPY_SIZE);
    struct content *content = content_new(reader->node->tree->ledger);
    int r = block && content ? 0 : -ENOMEM;
    for (uint64_t at = 0; at < size && r == 0;) {
        uint64_t left = size - at;
        int64_t n = read_block(reader, at, block, left < COPY_SIZE ? (size_t)left : COPY_SIZE);
        r = n <= 0 ? (n < 0 ? (int)n : -EIO) : content_append(content, block, (size_t)n);
        at += n > 0 ? (uint64_t)n : 0;
    }
    if (r == 0)
        r = content_finish(content);
    if (r)
        content_abort(content);
    else
        *out = content;
    return r;
}

/* ---- What may be put back into the inbox ---- */

struct wanted {
    const struct office_id *partner;
    struct hash256 hash;
    uint64_t last;
    bool found;
    size_t seen;
};

static bool is_wanted(void *context, const struct ledger_status *s)
{
    struct wanted *w = context;
    w->last = s->message;
    w->seen++;
    if (s->outgoing || !office_id_equal(&s->partner, w->partner))
        return true;
    for (size_t i = 0; i < s->n_files && !w->found; i++)
        w->found = memcmp(&s->files[i].sha256, &w->hash, sizeof w->hash) == 0;
    return !w->found;
}

/* A file in a partner's inbox folder is kept only if its content once came from that partner. */
static int putback_check(struct node *n, uint64_t folder, const struct content *content)
{
    enum { MESSAGES = 200 };
    struct ledger_partner partner = {0};
    int r = ledger_partner_by_folder(n->tree->ledger, folder, &partner);
    if (r)
        return r;
    struct wanted w = {.partner = &partner.office};
    if (content)
        content_hash(content, &w.hash);
    do {
        w.seen = 0;
        r = ledger_status_list(n->tree->ledger, w.last, MESSAGES, is_wanted, &w);
    } while (r >= 0 && !w.found && w.seen == MESSAGES);
    ledger_partner_free(&partner);
    return r < 0 ? r : content && w.found ? 0 : -EACCES;
}

/* ---- Judging and copying ---- */

static int judge(struct node *n, uint64_t folder, const char *name, const struct save_how *how,
                 struct reader *reader, const struct draft *draft, struct judgement *out)
{
    struct judge_request request = {
        .ledger = n->tree->ledger,
        .settings = n->tree->mount->settings,
        .rules = n->tree->mount->rules,
        .office = n->tree->settings->office,
        .folder = folder,
        .name = name,
        .node = n->id,
        .replaces = how->replaces,
        .size = draft->size,
        .held = how->held,
        .settled = how->settled,
        .read = read_block,
        .context = reader,
    };
    request.has_hole = draft_has_hole(draft, &request.hole_at);
    return judge_file(&request, out);
}

/* What is judged, as numbers. The written ranges belong to the node, so of them only the first hole stays. */
static struct draft draft_numbers(const struct draft *d)
{
    struct draft numbers = *d;
    uint64_t hole;
    numbers.base_limit = draft_has_hole(d, &hole) ? hole : d->size;
    numbers.written = (struct ranges){0};
    return numbers;
}

static int prepare(struct node *n, uint64_t folder, enum place place, const char *name,
                   const struct save_how *how, struct reader *reader, struct commit *c)
{
    struct draft numbers;
    int r = 0;
    bool judged = !how->draft && place != PLACE_INBOX_PARTNER;
    if (!reader->locked)
        pthread_mutex_lock(&n->lock);
    numbers = draft_numbers(&n->draft);
    c->changes = atomic_load(&n->changes);
    c->keep_content = draft_is_base(&n->draft) && n->stored;
    if (c->keep_content)
        r = draft_base_hash(&n->draft, &c->kept);
    if (!reader->locked)
        pthread_mutex_unlock(&n->lock);
    c->size = numbers.size;
    c->draft = how->draft;
    if (r)
        return r;
    r = judged ? judge(n, folder, name, how, reader, &numbers, &c->judgement) : 0;
    if (r || (judged && c->judgement.verdict == VERDICT_NONE))
        return r;
    if (!c->keep_content && (numbers.size || how->draft))
        r = copy_content(reader, numbers.size, &c->content);
    if (r == 0 && place == PLACE_INBOX_PARTNER && !how->draft)
        r = putback_check(n, folder, c->content);
    return r;
}

int commit_prepare(struct node *n, uint64_t folder, enum place place, const char *name, struct save_how how,
                   struct commit *out)
{
    for (unsigned i = 0;; i++) {
        struct reader reader = {n, atomic_load(&n->size) <= SMALL_FILE || i == OPTIMISTIC_TRIES};
        *out = (struct commit){0};
        if (reader.locked)
            pthread_mutex_lock(&n->lock);
        int r = prepare(n, folder, place, name, &how, &reader, out);
        if (reader.locked)
            pthread_mutex_unlock(&n->lock);
        if (r || reader.locked || atomic_load(&n->changes) == out->changes)
            return r;
        commit_free(out); /* somebody wrote meanwhile: perhaps neither the old nor the new was judged */
    }
}

void commit_free(struct commit *c)
{
    content_abort(c->content);
    c->content = NULL;
    judgement_free(&c->judgement);
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void fill_judgement(const struct judgement *j, struct ledger_save *save)
{
    save->verdict = j->verdict;
    save->reason = j->reason;
    save->problems = j->problems;
    save->n_problems = j->n_problems;
    save->warnings = j->warnings;
    save->in_unit = j->in_unit;
    save->recipient = j->recipient;
    memcpy(save->recipient_text, j->recipient_text, sizeof save->recipient_text);
    memcpy(save->sequence, j->sequence, sizeof save->sequence);
    memcpy(save->kind, j->kind, sizeof save->kind);
    memcpy(save->version, j->version, sizeof save->version);
    memcpy(save->canonical, j->canonical, sizeof save->canonical);
    random_bytes(&save->new_message, sizeof save->new_message);
    save->report_name = text_or_null(j->report_name);
    save->report_folded = text_or_null(j->report_folded);
    save->report = j->report.data;
    save->report_length = j->report.length;
    for (size_t i = 0; i < ARRAY_LENGTH(save->remove_reports); i++)
        save->remove_reports[i] = text_or_null(j->remove_reports[i]);
}

void commit_fill(struct commit *c, const struct node *n, struct ledger_save *save)
{
    *save = (struct ledger_save){.node = n->id, .reason = ""};
    {
        LOCKED(&n->tree->mount->mutex);
        c->mode = n->mode;
        c->mtime_ns = n->mtime_ns;
    }
    save->mode = c->mode;
    save->mtime_ns = c->mtime_ns;
    save->keep_content = c->keep_content;
    save->kept = c->kept;
    save->draft = c->draft;
    save->content = c->content;
    c->content_id = c->content ? content_id(c->content) : 0;
    c->content = NULL;
    if (!c->draft)
        fill_judgement(&c->judgement, save);
}

/* ---- After the commit ---- */

void commit_made(struct node *n, const struct commit *c)
{
    struct mount *m = n->tree->mount;
    bool first, attributes;
    {
        LOCKED(&n->lock);
        if (!c->keep_content)
            draft_saved(&n->draft, c->content_id, c->size, atomic_load(&n->changes) == c->changes);
        atomic_store(&n->durable, c->changes);
        if (!c->draft)
            atomic_store(&n->judged, c->changes);
    }
    {
        LOCKED(&m->mutex);
        if (!c->draft) {
            n->verdict = c->judgement.verdict;
            n->close_error = c->judgement.close_error;
            n->recipient = c->judgement.recipient;
            n->has_message |= c->judgement.in_unit;
        }
        first = !n->stored;
        n->stored = true;
        loose_remove(n);
        folder_touch(n->tree, n->parent);
        node_unpin(n);
        attributes = n->mode != c->mode || n->mtime_ns != c->mtime_ns;
    }
    if (first)
        xattrs_hand_in(n);
    if (attributes)
        attributes_hand_in(n);
    if (!c->draft)
        node_touch_settler(n);
}

void node_touch_settler(struct node *n)
{
    struct tree *t = n->tree;
    struct office_id recipient;
    char sequence[15];
    if (!t->settler || !(n->file_class == CLASS_TRANSFER || n->file_class == CLASS_DOCUMENT))
        return;
    {
        LOCKED(&t->mount->mutex);
        recipient = n->recipient;
        memcpy(sequence, n->sequence, sizeof sequence);
    }
    settler_touch(t->settler, &recipient, sequence, n->id);
}

bool node_dirty(struct node *n)
{
    struct mount *m = n->tree->mount;
    LOCKED(&m->mutex);
    return n->named && n->kind == NODE_FILE && n->file_class != CLASS_SCRATCH && place_is_outbox(n->place) &&
           atomic_load(&n->changes) != atomic_load(&n->judged);
}
