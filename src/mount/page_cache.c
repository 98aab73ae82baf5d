/* The pages of the top are made when they are looked at. Their size must be known before they are read (smbd
 * and others trust it), so they are kept until the ledger has changed; a handle keeps what it opened. */
#include <errno.h>
#include <stdlib.h>

#include "mount/pages.h"
#include "mount/tree.h"

#define SECOND_NS INT64_C(1000000000)

int page_index(uint64_t id)
{
    return id == NODE_STATUS_HTML ? 0 : id == NODE_STATUS_CSV ? 1 : -1;
}

/* Under the page mutex. */
static void page_drop(struct page *p)
{
    if (p && --p->refs == 0) {
        buffer_free(&p->text);
        free(p);
    }
}

static int facts_of(struct tree *t, struct page_facts *out)
{
    *out = (struct page_facts){0};
    out->hub_away = t->hub && !t->hub(t->hub_context, &out->since);
    if (!out->hub_away)
        out->since = 0;
    return ledger_unsendable(t->ledger, &out->unsendable);
}

/* Under the page mutex. The ledger is asked only when the tree has changed. */
static bool same_facts(struct tree *t, struct page *p)
{
    uint64_t tree_changes = atomic_load(&t->tree_changes);
    int64_t since = 0;
    bool away = t->hub && !t->hub(t->hub_context, &since);
    if (away != p->facts.hub_away || (away && since != p->facts.since))
        return false;
    if (tree_changes == p->tree_changes)
        return true;
    struct page_facts now;
    if (facts_of(t, &now) || now.unsendable != p->facts.unsendable)
        return false;
    p->tree_changes = tree_changes;
    return true;
}

static struct page *page_make(struct tree *t, uint64_t id)
{
    struct page *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->refs = 1;
    p->changes = atomic_load(&t->changes);
    p->tree_changes = atomic_load(&t->tree_changes);
    p->made_ns = clock_now_ns();
    const struct rules *rules = t->mount->rules;
    int r = facts_of(t, &p->facts);
    if (r == 0)
        r = id == NODE_STATUS_HTML
                ? page_status_html(t->ledger, rules, &t->settings->office, &p->facts, &p->text)
                : page_status_csv(t->ledger, rules, &t->settings->office, &p->text);
    if (r) {
        page_drop(p);
        return NULL;
    }
    return p;
}

struct page *page_get(struct tree *t, uint64_t id, bool fresh)
{
    struct page **kept = &t->pages[page_index(id)];
    LOCKED(&t->page_mutex);
    if (*kept) {
        int64_t age = clock_now_ns() - (*kept)->made_ns;
        bool current =
            (*kept)->changes == atomic_load(&t->changes) && age < 60 * SECOND_NS && same_facts(t, *kept);
        bool young = age >= 0 && age < SECOND_NS;
        if (!current && (fresh || !young)) {
            page_drop(*kept);
            *kept = NULL;
        }
    }
    if (!*kept)
        *kept = page_make(t, id);
    if (*kept)
        (*kept)->refs++;
    return *kept;
}

void page_put(struct tree *t, struct page *p)
{
    LOCKED(&t->page_mutex);
    page_drop(p);
}
