/* The mount itself: a low-level libfuse session over the ledgers of one or more offices, served by a fixed
 * number of threads in a receive loop of our own. What every operation means: docs/mount.md. It never waits
 * for the network, and no thread that answers a request waits for the announcer. */
#ifndef MOUNT_MOUNT_H
#define MOUNT_MOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/settings.h"
#include "careplan/error.h"
#include "ledger/ledger.h"

struct mount;
struct rules;
struct settler;

struct mount_office {
    const struct settings_office *office;
    struct ledger *ledger;
};
struct mount_options {
    const struct settings *settings;
    const struct rules *rules;
    const struct mount_office
        *offices; /* with one, the tree stands at the top; with several, a folder each */
    size_t n_offices;
    int fuse_fd; /* /dev/fuse, mounted by the keeper */
    uid_t owner; /* of folders and files: the announcer's user */
    gid_t group; /* where an office names none: the daemon's user's group */
};
/* Sets up the session; no request is served yet. */
int mount_new(const struct mount_options *options, struct mount **out, struct error *e);
/* Serves until the mount is gone (0) or mount_stop was called (0). Negative: the device failed. */
int mount_serve(struct mount *m);
void mount_stop(struct mount *m); /* any thread; makes mount_serve return */
void mount_free(struct mount *m); /* after mount_serve; before the ledgers are closed */

/* Whether the hub answers, for the status page: false = it is away, since *since (UTC ms). Asked on FUSE
 * threads, so that it may not wait. Before mount_serve; `context` outlives it. */
typedef bool mount_hub_fn(void *context, int64_t *since);
void mount_set_hub(struct mount *m, size_t office, mount_hub_fn *fn, void *context);

/* ---- What the announcer's driver (show.c) needs; `office` is the index in mount_options.offices ---- */

/* Only this process may look into and rename out of the hidden folder; 0 = nobody. */
void mount_set_announcer(struct mount *m, pid_t announcer);
/* Where the office's tree stands below the mount point: "" or "0300000100-43/". */
const char *mount_office_path(const struct mount *m, size_t office);
/* Name of the office's hidden folder (in its top), random at each start. */
const char *mount_hidden_name(const struct mount *m, size_t office);
/* Allows one rename: hidden/NAME → (entry->parent, entry->name), where NAME is the entry's id in decimal.
 * From that rename on the entry is seen by all, though the ledger says shown = false. */
int mount_expect(struct mount *m, size_t office, const struct ledger_entry *entry);
/* The ledger has it (ledger_shown's callback), or the attempt is over: forgets what mount_expect allowed. */
void mount_expect_end(struct mount *m, size_t office, uint64_t entry);

/* Allows the announcer one removal: of this entry, while its content is the ledger's `content` and nobody has
 * it open for writing, or has changed it; else its unlink answers EBUSY, as every other of the announcer
 * does: one that was asked for long ago may still come. One at a time. `entry` 0: the attempt is over. */
void mount_expect_removal(struct mount *m, size_t office, uint64_t entry, uint64_t content);

/* ---- What the settler needs ---- */

/* Whom the mount tells of saves and live handles (settler_touch, settler_empty). Before mount_serve; the
 * settler, stopped or not, outlives the mount: mount_free waits for saves under way, which tell it. */
void mount_set_settler(struct mount *m, size_t office, struct settler *settler);
/* The file is still empty after its settle time, or its last save failed: unless somebody has it open, it is
 * judged as settled (judge_request.settled), with its report. Never called on a FUSE thread; may wait. */
void mount_judge_empty(struct mount *m, size_t office, uint64_t node);
/* Has the node a live handle that may write, or content that nobody has judged? */
bool mount_busy(struct mount *m, size_t office, uint64_t node);
/* The ledger changed this entry without a request: the kernel forgets what it knew. `name` NULL: the folder's
 * attributes and listing. Never called on a FUSE thread. */
void mount_changed(struct mount *m, size_t office, uint64_t parent, const char *name);
/* Removes scratch older than a day that nobody has open. */
void mount_sweep(struct mount *m, size_t office);

#endif
