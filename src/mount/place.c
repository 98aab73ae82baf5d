/* What kind of folder is it? Fixed ones by their ids, partners' by the ledger, the rest by where they stand.
 * A folder never changes its place, so answers are kept. */
#include <errno.h>

#include "mount/tree.h"

static bool place_fixed(uint64_t folder, enum place *out)
{
    switch (folder) {
    case NODE_ROOT:
        *out = PLACE_TOP;
        return true;
    case NODE_OUTBOX:
        *out = PLACE_OUTBOX;
        return true;
    case NODE_INBOX:
    case NODE_ORDER:
        *out = PLACE_INBOX;
        return true;
    case NODE_ALL:
        *out = PLACE_INBOX_VIEW;
        return true;
    case NODE_ARCHIVE:
        *out = PLACE_ARCHIVE;
        return true;
    case NODE_HIDDEN:
        *out = PLACE_HIDDEN;
        return true;
    default:
        return false;
    }
}

static int place_ask(struct tree *t, uint64_t folder, enum place *out)
{
    struct ledger_partner partner = {0};
    struct ledger_node node;
    struct ledger_entry entry;
    int r = ledger_partner_by_folder(t->ledger, folder, &partner);
    if (r == 0) {
        *out = partner.outbox == folder ? PLACE_OUTBOX_PARTNER : PLACE_INBOX_PARTNER;
        ledger_partner_free(&partner);
        return 0;
    }
    if (r != -ENOENT)
        return r;
    r = ledger_node(t->ledger, folder, &node);
    if (r || node.kind != NODE_FOLDER)
        return r ? r : -ENOTDIR;
    int n = ledger_entries_of(t->ledger, folder, &entry, 1);
    if (n < 0)
        return n;
    *out = n && entry.parent == NODE_ORDER ? PLACE_INBOX_VIEW : PLACE_ARCHIVE;
    return 0;
}

int place_find(struct tree *t, uint64_t folder, enum place *out)
{
    if (place_fixed(folder, out))
        return 0;
    size_t slot = folder % PLACES_KEPT;
    {
        LOCKED(&t->mount->mutex);
        if (t->places[slot].folder == folder) {
            *out = t->places[slot].place;
            return 0;
        }
    }
    int r = place_ask(t, folder, out);
    if (r == 0) {
        LOCKED(&t->mount->mutex);
        t->places[slot].folder = folder;
        t->places[slot].place = *out;
    }
    return r;
}
