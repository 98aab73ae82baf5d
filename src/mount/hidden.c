/* The hidden folder: not listed, there for the announcer alone. What has arrived is in the ledger before it
 * is shown; the announcer's rename out of the hidden folder shows it, so that inotify tells desktops. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "mount/tree.h"

bool is_announcer(const struct mount *m, fuse_req_t req)
{
    pid_t announcer = atomic_load(&m->announcer);
    return announcer && fuse_req_ctx(req)->pid == announcer;
}

bool is_any_announcer(const struct mount *m, fuse_req_t req)
{
    return is_announcer(m, req) || (m->owner && fuse_req_ctx(req)->uid == m->owner);
}

/* Under the mutex. */
static struct expected *expected_find(struct tree *t, uint64_t entry)
{
    for (size_t i = 0; i < t->n_expected; i++)
        if (t->expected[i].entry.id == entry)
            return &t->expected[i];
    return NULL;
}

bool entry_visible(struct tree *t, const struct ledger_entry *e)
{
    if (e->shown)
        return true;
    LOCKED(&t->mount->mutex);
    const struct expected *x = expected_find(t, e->id);
    return x && x->shown;
}

int mount_expect(struct mount *m, size_t office, const struct ledger_entry *entry)
{
    struct tree *t = &m->trees[office];
    LOCKED(&m->mutex);
    if (expected_find(t, entry->id))
        return 0;
    if (t->n_expected == EXPECTED_MAX)
        return -EAGAIN;
    struct expected *expected = realloc(t->expected, (t->n_expected + 1) * sizeof *expected);
    if (!expected)
        return -ENOMEM;
    expected[t->n_expected++] = (struct expected){.entry = *entry};
    t->expected = expected;
    return 0;
}

void mount_expect_end(struct mount *m, size_t office, uint64_t entry)
{
    struct tree *t = &m->trees[office];
    LOCKED(&m->mutex);
    struct expected *x = expected_find(t, entry);
    if (x)
        *x = t->expected[--t->n_expected];
}

void mount_expect_removal(struct mount *m, size_t office, uint64_t entry, uint64_t content)
{
    LOCKED(&m->mutex);
    m->trees[office].removal.entry = entry;
    m->trees[office].removal.content = content;
}

/* "NAME is the entry's id in decimal." */
static uint64_t entry_number(const char *name)
{
    int64_t number;
    return config_number(name, 1, INT64_MAX, &number) ? (uint64_t)number : 0;
}

int hidden_lookup(struct tree *t, const char *name, uint64_t *node)
{
    LOCKED(&t->mount->mutex);
    const struct expected *x = expected_find(t, entry_number(name));
    if (!x || x->shown)
        return -ENOENT;
    *node = x->entry.node;
    return 0;
}

int hidden_rename(struct tree *t, const char *name, uint64_t new_parent, const char *new_name)
{
    LOCKED(&t->mount->mutex);
    struct expected *x = expected_find(t, entry_number(name));
    if (!x || x->shown)
        return -ENOENT;
    if (x->entry.parent != new_parent || strcmp(x->entry.name, new_name) != 0)
        return -EACCES;
    x->shown = true;
    folder_touch(t, new_parent);
    return 0;
}

void mount_set_announcer(struct mount *m, pid_t announcer)
{
    atomic_store(&m->announcer, announcer);
}

const char *mount_office_path(const struct mount *m, size_t office)
{
    return m->trees[office].path;
}

const char *mount_hidden_name(const struct mount *m, size_t office)
{
    return m->trees[office].hidden;
}
