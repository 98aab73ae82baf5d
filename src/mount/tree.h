/* What the files of the mount share: offices, live nodes, open handles, jobs. Private to src/mount.
 *
 * Locks: `mount.mutex` guards tables, references, names, modes, times and claims; it is held for moments only
 * and never over a call of the ledger. `node.lock` guards the content (draft) of one node; it may be held
 * over reads of the ledger and a judgement of a small file. Neither is taken while the other is held, and
 * none over a call that hands a change to the ledger (its callback may run inside). */
#ifndef MOUNT_TREE_H
#define MOUNT_TREE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "base/thread.h"
#include "mount/draft.h"
#include "mount/judge.h"
#include "mount/mount.h"
#include "mount/names.h"
#include "mount/pages.h"
#include "control/rules.h"
#include "mount/table.h"

enum {
    SERVE_THREADS = 6,
    WORK_THREADS = 2,
    EXPECTED_MAX = 4096,
    MAX_WRITE = 1 << 20,
    SMALL_FILE = 1 << 20, /* judged and handed in on the FUSE thread; larger ones on a work thread */
};
#define FRESH_SECONDS 1.0 /* how long the kernel may believe what it was told */

/* ---- Folders: what may be done in them ---- */

enum place {
    PLACE_TOP,    /* an office's top */
    PLACE_OUTBOX, /* outbox itself */
    PLACE_OUTBOX_PARTNER,
    PLACE_INBOX, /* inbox itself, _順番: only folders in it */
    PLACE_INBOX_PARTNER,
    PLACE_INBOX_VIEW, /* _すべて, a unit's folder in _順番 */
    PLACE_ARCHIVE,    /* and everything below */
    PLACE_HIDDEN,
};
static inline bool place_is_outbox(enum place p)
{
    return p == PLACE_OUTBOX || p == PLACE_OUTBOX_PARTNER;
}
static inline bool place_is_inbox(enum place p)
{
    return p == PLACE_INBOX || p == PLACE_INBOX_PARTNER || p == PLACE_INBOX_VIEW;
}

struct tree;
/* 0 or negative errno (-ENOENT: no such folder). */
int place_find(struct tree *t, uint64_t folder, enum place *out);

/* ---- An office ---- */

struct page { /* a page of the top, as last made; handles hold references */
    unsigned refs;
    uint64_t changes, tree_changes;
    struct page_facts facts;
    int64_t made_ns;
    struct buffer text;
};

struct expected {
    struct ledger_entry entry;
    bool shown;
};

enum { PLACES_KEPT = 256 };

struct tree {
    struct mount *mount;
    size_t index;
    const struct settings_office *settings;
    struct ledger *ledger;
    struct settler *settler;
    uint64_t slot;
    gid_t group;
    char path[OFFICE_ID_LENGTH + 2], hidden[40];
    char *drafts;
    struct draft_house house;
    struct {
        uint64_t folder;
        enum place place;
    } places[PLACES_KEPT]; /* mount.mutex */
    struct expected *expected;
    size_t n_expected; /* mount.mutex */
    struct {
        uint64_t entry, content; /* entry 0: none */
    } removal;                   /* that the announcer may make; mount.mutex */

    mount_hub_fn *hub; /* or NULL */
    void *hub_context;
    pthread_mutex_t page_mutex;
    struct page *pages[2];
    atomic_uint_fast64_t changes;      /* commits of the ledger that pages may show */
    atomic_uint_fast64_t tree_changes; /* commits that may have changed page_facts.unsendable */
};

/* ---- Live nodes: files that are open, changed, or not in the ledger yet ---- */

struct xattr {
    struct xattr *next;
    char *name;
    uint8_t *value; /* NULL: removed */
    size_t length;
    uint64_t version;
};

struct job;
struct handle;
struct node {
    struct table_link link; /* mount.nodes */
    struct tree *tree;
    uint64_t id;
    unsigned refs, handles, writers;

    enum node_kind kind;
    uint32_t mode;
    int64_t mtime_ns, ctime_ns, atime_ns;
    uint32_t links; /* of what has no name here: incoming, archive, folders */
    bool taken, has_message;
    enum file_verdict verdict; /* the last one */
    int close_error;           /* what the last judgement says to close() */
    bool close_held;           /* its last close, or a save that failed, was not its client's */
    char sequence[15];
    struct office_id recipient;

    /* A file of the outbox has one name, or none when it was unlinked. */
    bool named;
    bool loose;   /* named, but its entry is not in the ledger: it stands in mount.names and its folder */
    bool stored;  /* the node is in the ledger */
    bool pinned;  /* holds a reference to itself: has content that the ledger has not */
    bool kept;    /* unlinked in the ledger with keep_node: dropped there after the last release */
    bool leaving; /* is being unlinked: who opens it waits for the outcome */
    bool gone;    /* unlinked when nobody had it open: the ledger has not kept it */
    struct table_link name_link; /* mount.names */
    uint64_t entry, parent;
    char *name, *folded;
    enum file_class file_class;
    enum place place;

    /* Operations that change it in the ledger go one after the other. */
    bool claimed;
    struct job *waiting, **waiting_end;

    struct xattr *xattrs; /* set, and not yet (known to be) in the ledger */
    uint64_t xattr_version;

    pthread_mutex_t lock;
    struct draft draft;
    atomic_uint_fast64_t size;    /* the draft's, for who does not hold the lock */
    atomic_uint_fast64_t changes; /* of the content */
    atomic_uint_fast64_t judged;  /* `changes` of the last judgement that the ledger has */
    atomic_uint_fast64_t durable; /* `changes` of the content that the ledger has, judged or draft */
};

/* Takes a reference: the live node, or one made from the ledger. 0, -ENOENT, -ENOMEM, -EIO. */
int node_get(struct tree *t, uint64_t id, struct node **out);
/* The live node with a reference, or NULL. */
struct node *node_peek(struct tree *t, uint64_t id);
void node_put(struct node *n);
static inline void node_put_cleanup(struct node **n)
{
    if (*n)
        node_put(*n);
}
#define autonode with_cleanup(node_put_cleanup) struct node
/* A new file that is not in the ledger, loose under this name; returned with a reference. */
int node_create(struct tree *t, uint64_t parent, enum place place, const char *name, const char *folded,
                mode_t mode, struct node **out);

/* ---- Loose names (all under mount.mutex but node_loose…) ---- */

/* With a reference, or NULL. */
struct node *loose_find(struct tree *t, uint64_t parent, const char *name, const char *folded);
struct node *loose_twin(struct tree *t, uint64_t parent, const char *folded);
void loose_add(struct node *n);    /* under its parent, entry, name */
void loose_remove(struct node *n); /* the entry is in the ledger now, or gone */
/* The loose entry of `parent` with the next higher entry id; with a reference, or NULL. */
struct node *loose_next(struct tree *t, uint64_t parent, uint64_t after);
int64_t folder_changed_ns(struct tree *t, uint64_t folder);
/* Under mount.mutex. Takes `name` and `folded` (malloc'd). */
void node_rename(struct node *n, uint64_t parent, enum place place, char *name, char *folded);
void node_unname(struct node *n);
/* Unless it has content, and a name, that the ledger has not. Under the mutex; the caller has a reference. */
void node_unpin(struct node *n);
/* Its content was changed: mtime, and it stays live until the ledger has it. Takes the mutex. */
void node_changed(struct node *n, struct handle *by);
void folder_touch(struct tree *t, uint64_t folder);
void folders_free(struct mount *m);

struct name_text {
    char name[256], folded[768];
};

/* ---- Open handles ---- */

struct handle {
    uint64_t fh;
    struct node *node;
    struct page *page; /* of a page: what it was when opened */
    bool writer;       /* opened for writing */
    bool wrote;
    bool held; /* its last flush was not its client's close */
    uid_t uid;
    pid_t pid;    /* of the last flush */
    bool watched; /* reads are followed: an incoming file not yet taken */
    bool read_whole;
    pthread_mutex_t read_mutex;
    struct ranges read;
};

/* Takes a reference of the node; counts it. 0, -ENFILE (no memory, or too many), -ESTALE (it has gone),
 * -EAGAIN: it is leaving, to be asked again by a job of the node. */
int handle_open(struct node *n, const struct fuse_ctx *who, bool writer, struct handle **out);
struct handle *handle_find(struct mount *m, uint64_t fh);
void handle_close(struct mount *m, struct handle *h); /* gives everything back */

/* ---- Jobs: changes of a node in the ledger, one after the other ---- */

struct job {
    struct job *next;
    void (*run)(struct job *);
    struct node *node, *other; /* claimed while it runs, with references; other may be NULL */
    fuse_req_t req;            /* NULL: nobody waits */
    bool heavy;                /* not on a FUSE thread */
};
/* Runs the job when nobody else has its nodes, here or (heavy) on a work thread; later on a work thread. */
void job_start(struct mount *m, struct job *job);
/* The job's end, on any thread: gives the claims and the references back, frees it. */
void job_done(struct job *job);
void job_reply(struct job *job, int result); /* 0 or negative errno, when somebody waits; once */
int work_start(struct mount *m);
void work_stop(struct mount *m); /* waits for every job and every pending callback */
/* A callback of the ledger will come that needs the mount: work_stop waits for it. */
void pending_begin(struct mount *m);
void pending_end(struct mount *m);

/* ---- The mount ---- */

struct slot_table {
    struct handle **items;
    uint32_t *generations;
    size_t n, capacity, first_free;
};

struct mount {
    const struct settings *settings;
    const struct rules *rules;
    struct fuse_session *session;
    uid_t owner;
    gid_t group;
    struct tree *trees;
    size_t n_trees;
    atomic_int announcer;
    atomic_size_t draft_memory;

    pthread_mutex_t mutex;
    struct table nodes, names, folders;
    struct slot_table handles;
    uint64_t removals; /* of live nodes: who read the ledger meanwhile reads again */

    pthread_mutex_t work_mutex;
    pthread_cond_t work;
    struct job *todo, **todo_end;
    size_t pending; /* jobs and callbacks under way */
    bool work_stopping;
    pthread_t workers[WORK_THREADS];
    size_t n_workers;

    pthread_mutex_t stop_mutex;
    pthread_cond_t stopped;
    bool stop;
    size_t serving;
    int result;
};

/* ---- Inodes and attributes ---- */

struct attr {
    uint64_t id;
    enum node_kind kind;
    uint32_t mode;
    uint64_t size;
    uint32_t links;
    int64_t mtime_ns, ctime_ns, atime_ns;
};
/* The tree and the ledger id of an inode; false: the mount's root of several offices, or nobody's. */
bool inode_split(struct mount *m, fuse_ino_t ino, struct tree **tree, uint64_t *id);
fuse_ino_t inode_of(const struct tree *t, uint64_t id);
/* As programs see it: the ledger's, and over it what is live. */
int attr_get(struct tree *t, uint64_t id, struct attr *out);
void attr_of_live(struct node *n, struct attr *out); /* under mount.mutex */
void attr_of_ledger(struct tree *t, const struct ledger_node *node, struct attr *out);
void attr_stat(const struct tree *t, const struct attr *a, struct stat *out);
void attr_entry(const struct tree *t, const struct attr *a, struct fuse_entry_param *out);
double attr_timeout(const struct attr *a);
void attr_root(const struct mount *m, struct stat *out); /* above several offices */
int slots_pin(struct mount *m, struct error *e);

/* ---- Pages ---- */

int page_index(uint64_t id); /* 0, 1, or -1: no page */
/* The page as it is now (fresh), or at most a second old; with a reference. NULL: cannot be made. */
struct page *page_get(struct tree *t, uint64_t id, bool fresh);
void page_put(struct tree *t, struct page *p);

/* ---- The hidden folder ---- */

bool is_announcer(const struct mount *m, fuse_req_t req);
/* One that is there now or was: its user runs nothing else. */
bool is_any_announcer(const struct mount *m, fuse_req_t req);
/* May everybody see this entry? (shown, or expected and shown by the announcer's rename) */
bool entry_visible(struct tree *t, const struct ledger_entry *e);
int hidden_lookup(struct tree *t, const char *name, uint64_t *node); /* for the announcer */
int hidden_rename(struct tree *t, const char *name, uint64_t new_parent, const char *new_name);

/* ---- Saving ---- */

struct save_how {
    bool held;         /* not closed by its client */
    bool settled;      /* empty, and to be judged all the same */
    bool draft;        /* fsync: durable, without a verdict */
    uint64_t replaces; /* node whose name it takes */
};
/* Starts the job that judges and commits what the node holds, and answers `req` (may be NULL). */
void save_start(struct node *n, fuse_req_t req, struct save_how how);
/* When nobody has it open for writing any more: what is dirty still (munmap after close, a rename that met
 * the last release) is judged now; no errno any more, a report only. */
void save_unattended(struct node *n);
/* Is there content that is to be judged and that nobody has judged? Under no lock. */
bool node_dirty(struct node *n);

/* What goes to the ledger of a node under its claim, and what the node knows after the commit. */
struct commit {
    struct judgement judgement;
    struct content *content; /* passes to the ledger */
    bool keep_content, draft;
    struct hash256 kept; /* of keep_content: what the ledger is to have */
    uint64_t changes, content_id, size;
    uint32_t mode;
    int64_t mtime_ns;
};
/* Judges the content under this name (not if `draft`), and copies it unless the ledger has it. 0 or negative
 * errno (-EACCES: not what may be put back); commit_free in any case. */
int commit_prepare(struct node *n, uint64_t folder, enum place place, const char *name, struct save_how how,
                   struct commit *out);
/* Fills everything but the names; `content` passes to `save`. Pointers into `c`. */
void commit_fill(struct commit *c, const struct node *n, struct ledger_save *save);
/* The ledger has it: on the thread of the callback. `c` without its judgement's report. */
void commit_made(struct node *n, const struct commit *c);
void commit_free(struct commit *c);

void node_touch_settler(struct node *n);
/* Times and mode of a node that the ledger has. */
void attributes_hand_in(struct node *n);
/* Xattrs set before the node was in the ledger follow it. */
void xattrs_hand_in(struct node *n);
void xattrs_free(struct node *n);

/* Scratch of a day ago (that nobody has open, or has renamed)? Under the mutex. */
bool is_swept(const struct node *n);
/* Removes such a file without a request, if it is one still; takes the caller's reference. */
void unlink_swept(struct node *n, uint64_t entry);
int recover_all(struct mount *m, struct error *e);

/* Shared by create, rename and unlink. */
struct found {         /* an entry of a folder, with its node live */
    struct node *node; /* with a reference */
    uint64_t entry;
    bool in_ledger;
};
/* 0, -ENOENT, …; only what everybody sees. */
int entry_seek(struct tree *t, uint64_t parent, const char *name, struct found *out);
/* A twin of this name in the folder: its entry id, 0 = none. Or negative errno in *error. */
uint64_t entry_twin(struct tree *t, uint64_t parent, const char *folded, int *error);
/* A name that a user may give a file of the outbox. 0, -EINVAL, -ENAMETOOLONG, -EACCES. */
int name_accept(const struct mount *m, const char *name, enum place place, struct name_text *out,
                enum file_class *file_class);

int64_t clock_now_ns(void);

#endif
