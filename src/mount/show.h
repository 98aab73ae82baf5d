/* Shows what has arrived: one thread an office drives the announcer, so that the files of a unit appear by
 * renames made through the mount, dependents first, the main file last, and desktops see it. The ledger had
 * them before; what cannot be shown so (no announcer, a rename that fails) is shown without the event:
 * nothing that arrived stays hidden. */
#ifndef MOUNT_SHOW_H
#define MOUNT_SHOW_H

#include <stddef.h>

#include "ledger/ledger.h"
#include "mount/announcer.h"
#include "mount/mount.h"

struct show;

/* Subscribes to the ledger (so before other threads use it) and starts the thread, which waits for
 * show_ready. 0 or negative errno. */
int show_start(struct ledger *l, struct mount *m, size_t office, struct announcer *a, struct show **out);
/* The mount is served from now on. */
void show_ready(struct show *s);
/* Joins the thread and frees; what was not shown yet is shown at the next start. While the mount is served:
 * a call of the announcer under way is waited for. NULL is allowed. */
void show_stop(struct show *s);

/* The path of an entry below the mount point. 0, -ENOENT (not in the tree), -ENAMETOOLONG. For removals by
 * the announcer, too. */
int show_path(struct ledger *l, const struct mount *m, size_t office, const struct ledger_entry *entry,
              char *out, size_t size);

#endif
