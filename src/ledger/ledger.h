/* The ledger of one office: everything that must not be lost, in one SQLite file (WAL, synchronous=FULL,
 * auto_vacuum=INCREMENTAL). docs/architecture.md, "The ledger".
 *
 * Every state change is one transaction. Changes are handed in with a completion callback: all that wait go
 * into one transaction with one fsync; a callback is called exactly once, on the commit thread (or, with a
 * leader, on the thread of one of those that wait), after the transaction is durable (result 0) or has failed
 * (negative errno: -ENOSPC, -EIO, -ESTALE, -ENOENT, …; nothing of that change is then in the ledger; other
 * changes of the same batch are not affected). A callback must not block and must not call a function here
 * that waits. Changes take effect in the order in which they were handed in. Where `done` is NULL the call
 * waits itself and returns the result; otherwise it returns 0 and the callback tells. The callback may run
 * inside the call that hands in a change (that thread then commits for all): hold no lock there that the
 * callback takes.
 *
 * Reads see every change whose callback has been called. They may come from any thread (a pool of read
 * connections inside), never wait for a commit, and hold no read transaction after they return.
 *
 * Structures handed in are copied before the call returns, contents excepted: a `struct content *` passes
 * into the ledger's ownership, also on error. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "careplan/envelope.h"
#include "careplan/error.h"
#include "careplan/office.h"
#include "ledger/content.h"

struct ledger;
typedef void ledger_done_fn(void *context, int result);

/* ---- Life ---- */

struct ledger_options {
    const char *state_dir;   /* holds ledger.db, storage.key (0600, made on first use) */
    struct office_id office; /* pinned at the first open; another one later is refused ("ledger-office") */
    bool read_only;          /* careplanctl: no lock, no writes, refuses a schema it does not know */
};
/* Takes an exclusive lock on the state folder (state_dir/lock; "ledger-in-use" says which pid holds it),
 * migrates an older schema, refuses a newer one ("ledger-newer"), deletes contents left without a reference,
 * turns drafts that a dead daemon left into HELD. 0 or negative with `e`. */
int ledger_open(const struct ledger_options *options, struct ledger **out, struct error *e);
void ledger_close(struct ledger *l); /* finishes what was handed in, checkpoints, frees */

/* Ids of nodes and entries come from one counter, reserved durably in blocks of 10,000: no fsync (but one in
 * 10,000 calls), never returned again. 0 only when the ledger can no longer write. */
uint64_t ledger_new_id(struct ledger *l);

/* What a commit has changed, for those who wait for it. Called on the commit thread after the callbacks. */
enum ledger_changed {
    LEDGER_CHANGED_TREE = 1,      /* entries or nodes */
    LEDGER_CHANGED_UNITS = 2,     /* outgoing units: saved, queued, state */
    LEDGER_CHANGED_INBOX = 4,     /* something waits to be shown */
    LEDGER_CHANGED_RECEIPTS = 8,  /* a receipt waits to be signed or sent */
    LEDGER_CHANGED_DIRECTORY = 16 /* partners */
};
typedef void ledger_changed_fn(void *context, unsigned changed);
void ledger_subscribe(struct ledger *l, ledger_changed_fn *fn,
                      void *context); /* at most 8, before other threads use `l` */
/* After it returns `fn` is not called any more with `context`, nor is a call under way. Not inside `fn`. */
void ledger_unsubscribe(struct ledger *l, ledger_changed_fn *fn, void *context);

/* ---- The tree: nodes and entries ---- */

/* Fixed nodes of every ledger. */
enum ledger_fixed_node {
    NODE_ROOT = 1, /* of this office */
    NODE_OUTBOX = 2,
    NODE_INBOX = 3,
    NODE_ARCHIVE = 4,
    NODE_ORDER = 5,  /* inbox/_順番 */
    NODE_ALL = 6,    /* inbox/_すべて */
    NODE_HIDDEN = 7, /* has no entries of its own: see `shown` */
    NODE_STATUS_HTML = 8,
    NODE_STATUS_CSV = 9,
    NODE_FIRST_FREE = 64,
};

enum node_kind {
    NODE_FOLDER,
    NODE_FILE,     /* a user's file in the outbox (transfer name, document, other) */
    NODE_REPORT,   /* the daemon's own: .エラー.txt .確認.txt .未完成.txt */
    NODE_INCOMING, /* in the inbox, not yet taken or kept */
    NODE_ARCHIVED, /* in the archive: file or evidence */
    NODE_PAGE,     /* made when read */
};

/* What is known of a file in the outbox. */
enum file_verdict {
    VERDICT_NONE, /* never judged (empty, or a draft only) */
    VERDICT_GOOD,
    VERDICT_REJECTED, /* content or name; the report says why */
    VERDICT_WAITING,  /* good, but its partner is unknown or cannot be decided */
    VERDICT_HELD,     /* not closed by its client, or a draft found after a restart */
};

struct ledger_node {
    uint64_t id;
    enum node_kind kind;
    uint32_t mode;    /* permission bits only */
    uint64_t content; /* last judged content, 0 = none (empty file, folder) */
    uint64_t draft;   /* content that fsync() made durable and nobody has judged yet, 0 = none; it is what
                         readers see */
    uint64_t size;    /* of what readers see */
    int64_t mtime_ns, ctime_ns, atime_ns, created_ns;
    uint64_t message; /* ledger id of the message it belongs to, 0 = none */
    enum file_verdict verdict;
    bool taken;     /* NODE_INCOMING */
    uint32_t links; /* entries that lead here */
};

struct ledger_entry {
    uint64_t id; /* rises with creation: the readdir cookie */
    uint64_t parent, node;
    bool shown;     /* false: committed, but not to be seen before ledger_shown */
    char name[256]; /* NFC, UTF-8 */
};

int ledger_lookup(struct ledger *l, uint64_t parent, const char *name, struct ledger_entry *entry,
                  struct ledger_node *node); /* exact. 0, -ENOENT, -EIO */
/* An entry of `parent` whose case-folded name is `folded` (base: name_fold in mount/). Exact or twin. */
int ledger_lookup_folded(struct ledger *l, uint64_t parent, const char *folded, struct ledger_entry *entry,
                         struct ledger_node *node);
int ledger_node(struct ledger *l, uint64_t id, struct ledger_node *node);
/* Entries of `parent` with id > after, ascending, at most `max`; `fn` returns false to stop. Indexed: the
 * cost does not depend on the folder's size. */
typedef bool ledger_list_fn(void *context, const struct ledger_entry *entry, const struct ledger_node *node);
int ledger_list(struct ledger *l, uint64_t parent, uint64_t after, size_t max, ledger_list_fn *fn,
                void *context);
/* All entries that lead to a node, at most 16. Returns their number or negative. */
int ledger_entries_of(struct ledger *l, uint64_t node, struct ledger_entry *out, size_t max);

int ledger_xattr_get(struct ledger *l, uint64_t node, const char *name, struct buffer *value); /* -ENODATA */
int ledger_xattr_list(struct ledger *l, uint64_t node, struct buffer *names); /* NUL-separated */
enum { LEDGER_XATTR_BYTES = 128 * 1024 }; /* of a node: its names and values; more is -EDQUOT */
/* The bytes that each counts for. */
typedef void ledger_xattr_fn(void *context, const char *name, uint64_t bytes);
int ledger_xattr_sizes(struct ledger *l, uint64_t node, ledger_xattr_fn *fn, void *context);
/* value NULL = remove. flags: XATTR_CREATE, XATTR_REPLACE. Not fsynced on its own (done comes when it is in
 * the next transaction, at most a second later). */
int ledger_xattr_set(struct ledger *l, uint64_t node, const char *name, const void *value, size_t length,
                     int flags, ledger_done_fn *done, void *context);

/* ---- Changes by the mount ---- */

/* What judging found, without any content: its words come from the catalogue and the layout. */
struct ledger_problem {
    const char *file; /* canonical name; NULL: the whole unit (not read in ledger_save) */
    char code[8];     /* "CP1137" */
    bool error;       /* else a warning */
    uint64_t line;    /* 0 = the whole file */
    unsigned column;  /* item number from 1, 0 = the whole row */
};
enum {
    LEDGER_PROBLEMS_MAX = 100,        /* kept of a file or a unit, the first error included; more are cut */
    LEDGER_STATUS_PROBLEMS_MAX = 1000 /* told of a message with all its files */
};

/* A file with its content and verdict, as of now. */
struct ledger_save {
    uint64_t node, entry,
        parent; /* new ids, or those that are there; entry 0 = the node has lost its name: content only */
    const char *name, *folded;
    uint32_t mode;
    int64_t mtime_ns;
    struct content *content; /* finished; NULL = size 0 or (with `keep_content`) what is there */
    bool keep_content;       /* judge anew what is there (after a rename): take node's draft or content */
    struct hash256 kept;     /* of keep_content: SHA-256 of what was judged, -ESTALE when the ledger has
                                something else; zeros: whatever is there */
    bool draft; /* fsync: keep as draft beside the old content; verdict and everything below ignored */
    enum file_verdict verdict; /* HELD: the content stays a draft beside the last judged one */
    const char *
        reason; /* stable code for status and audit, "" when good, e.g. "CP1042", "partner-unknown", "held" */
    const struct ledger_problem *problems; /* the first error, if there is one, and the warnings */
    size_t n_problems;
    uint64_t warnings; /* all of them */

    /* The unit. recipient "" = none can be named yet (state waiting or rejected under the name's own parts).
     */
    bool in_unit;               /* a transfer name or a document in a partner's folder */
    struct office_id recipient; /* "" when unknown */
    char recipient_text[32]; /* as the name says it, for an unknown one: "0300000005-11" or the bare number */
    char sequence[15];       /* "" for a document */
    char kind[32], version[7];
    char canonical[256];           /* name under which it is delivered */
    struct message_id new_message; /* random: used if this save begins a new message */

    /* The report beside the file: replaces the one of the same name; empty text = removes it. */
    const char *report_name; /* NULL: no change */
    const char *report_folded;
    const void *report;
    size_t report_length;
    const char *remove_reports[3]; /* names of reports beside it that no longer hold; NULL = none */
};
/* What happens with the unit, in the same transaction:
 * - the same content (SHA-256) and verdict under the same name in its current message: nothing new (times
 * excepted);
 * - its message is not sealed yet: the file is added or replaced there, the message's state recomputed;
 * - its message is sealed or gone: a new message `new_message` begins; the files of the last message of
 *   (recipient, sequence) come along marked `carried`.
 * -EEXIST when another file that stands in the outbox has the place of this name in the unit's open message.
 * A rejected file makes its message `rejected` until it is saved good or deleted. One audit row. */
int ledger_save(struct ledger *l, const struct ledger_save *save, ledger_done_fn *done, void *context);

/* Moves entry `entry` to (parent, name); an entry that stands there (replaced != 0) is removed, as by
 * ledger_unlink. The file is withdrawn from its unsealed message when `leaves_unit` (audited); joining
 * another happens by a following ledger_save with keep_content. Both may be handed in one after the other; to
 * make them one transaction set `then`. `entry` 0: the file has no durable name yet;
 * `then` makes it. */
struct ledger_rename {
    uint64_t entry, parent, replaced;
    const char *name, *folded;
    bool keep_replaced; /* as keep_node of ledger_unlink, for the node of the entry that is replaced */
    bool leaves_unit;
    const struct ledger_save *then; /* or NULL */
    const char *remove_reports[3];  /* reports beside the old name */
};
int ledger_rename(struct ledger *l, const struct ledger_rename *rename, ledger_done_fn *done, void *context);

/* Removes an entry; the node goes with its last entry unless `keep_node` (open handles: ledger_drop_node
 * later). An outgoing file leaves its unsealed message (withdrawn when it was the last; audited). An incoming
 * one that was not taken becomes taken "removed" when its last partner-folder/_順番/_すべて entry goes: any
 * one removal removes all its inbox entries, queues the taken receipt when it was the last of its unit. Its
 * reports go too. */
int ledger_unlink(struct ledger *l, uint64_t entry, bool keep_node, const char *const remove_reports[3],
                  ledger_done_fn *done, void *context);
/* The same for what the daemon itself takes away: a report, or a sent file whose linger time is over
 * (ledger_sent_entries). -ESTALE unless its content is `content` still, and (a file) what its message has
 * sent. */
int ledger_unlink_settled(struct ledger *l, uint64_t entry, uint64_t content, bool keep_node,
                          const char *const remove_reports[3], ledger_done_fn *done, void *context);
int ledger_drop_node(struct ledger *l, uint64_t node, ledger_done_fn *done, void *context);

/* Times and mode (never a save). Not fsynced on its own, as ledger_xattr_set. UINT32_MAX / INT64_MIN =
 * unchanged. */
int ledger_set_attributes(struct ledger *l, uint64_t node, uint32_t mode, int64_t atime_ns, int64_t mtime_ns,
                          ledger_done_fn *done, void *context);

/* Every byte was read through one open: taken "read" of that file; when all files of its unit are, the unit's
 * taken receipt is queued. `counts`: [inbox] taken=read makes it 取込済, else it is noted as 閲覧済 only. */
int ledger_read_whole(struct ledger *l, uint64_t node, bool counts, ledger_done_fn *done, void *context);

/* The note was deleted: send as it is. A held file becomes what judging `save` says. */

/* ---- Outgoing units ---- */

enum out_state { /* names as `status --json` prints them */
                 OUT_REJECTED,
                 OUT_WAITING,
                 OUT_HELD,
                 OUT_QUEUED,
                 OUT_SENT,
                 OUT_RECEIVED,
                 OUT_TAKEN,
                 OUT_REFUSED,
                 OUT_WITHDRAWN,
};
const char *out_state_name(enum out_state s);

struct ledger_unit_file {
    uint64_t node, content; /* node 0: the entry has gone */
    char name[256];         /* canonical */
    char kind[32], version[7];
    uint64_t size;
    struct hash256 sha256;
    enum file_verdict verdict;
    bool carried; /* comes along from an earlier message */
    bool document;
};
struct ledger_unit {
    uint64_t message; /* ledger id */
    struct message_id id;
    struct office_id recipient; /* "" = unknown */
    char recipient_text[32];
    char sequence[15];
    enum out_state state;
    char reason[48]; /* "partner-unknown", "unit-incomplete", "key-unconfirmed", … */
    bool settled;    /* handed over by the mount (state queued) */
    bool sealed;
    int64_t saved, sent, received, taken; /* UTC ms, 0 = not yet */
    bool has_replaces;
    struct message_id replaces;
    size_t n_files;
    struct ledger_unit_file *files; /* malloc'd; ledger_unit_free */
};
void ledger_unit_free(struct ledger_unit *u);
int ledger_unit(struct ledger *l, uint64_t message, struct ledger_unit *out);
/* The entry of another node than `node` that an open message has under the canonical name `name`. `unit`: the
 * recipient, or recipient_text while it is unknown. Two files would go as one, and which is the user's guess.
 * 0, -ENOENT, -EIO. */
int ledger_standing(struct ledger *l, const char *unit, const char *sequence, const char *name, uint64_t node,
                    struct ledger_entry *out);
/* Messages not yet sealed and not withdrawn, ids ascending after `after`, at most max ids. Returns how many.
 */
int ledger_units_open(struct ledger *l, uint64_t after, uint64_t *messages, size_t max);

/* A report beside the files of a unit. */
struct ledger_note {
    uint64_t parent;
    const char *name, *folded;
    const void *text;
    size_t length;
};
/* The mount has judged the settled unit as a whole. */
struct ledger_unit_judgement {
    const char *const *names; /* canonical: the files that were judged */
    const uint64_t *contents; /* theirs; -ESTALE when one has another by now */
    size_t n;
    const char *fault; /* code of the first error: state → rejected, its notes beside the files. NULL: they
                          go, state → queued; others of the unit are left to a new message of the same number
                          (none if all were carried) */
    const struct ledger_note
        *notes; /* instead of those that stand there; of a unit that goes none are left */
    size_t n_notes;
    const struct ledger_problem *problems; /* of the unit, beyond those of each file */
    size_t n_problems;
    uint64_t warnings;
};
/* -ENOENT; -ESTALE: withdrawn, sealed or changed meanwhile. Nothing is written that is there already. */
int ledger_judge_unit(struct ledger *l, uint64_t message, const struct ledger_unit_judgement *j,
                      ledger_done_fn *done, void *context);
/* The same for a unit that goes, with nothing to say of it. */
int ledger_queue_unit(struct ledger *l, uint64_t message, const char *const *names, const uint64_t *contents,
                      size_t n, ledger_done_fn *done, void *context);
/* State and reason of an unsealed unit (waiting: incomplete, partner unknown, partner cannot be decided) and
 * its report `<sequence>.未完成.txt` in `parent` (report NULL: none, removes it). */
int ledger_mark_unit(struct ledger *l, uint64_t message, enum out_state state, const char *reason,
                     uint64_t parent, const char *report_name, const char *report_folded, const void *report,
                     size_t report_length, ledger_done_fn *done, void *context);
/* The notes of an unsealed unit that stand there, ids ascending after `after`, at most max. Returns how many.
 */
int ledger_unit_notes(struct ledger *l, uint64_t message, uint64_t after, struct ledger_entry *out,
                      size_t max);
/* The recipient of a waiting unit has become known. */
int ledger_set_recipient(struct ledger *l, uint64_t message, const struct office_id *recipient,
                         ledger_done_fn *done, void *context);
/* Entries in the outbox of messages accepted (and not refused) before `accepted_before` (UTC ms) and
 * unchanged since: nodes to remove (by ledger_unlink, which does not withdraw what is sealed). */
int ledger_sent_entries(struct ledger *l, int64_t accepted_before, struct ledger_entry *out, size_t max);

/* Refused messages of which nothing has been said beside their files yet. Returns how many. */
int ledger_refused(struct ledger *l, uint64_t *messages, size_t max);
/* It is said now, by these notes; not when a later message of the unit is there already, which then has the
 * files that it repeats. Notes go with the message that the files are saved into again. */
int ledger_refused_told(struct ledger *l, uint64_t message, const struct ledger_note *notes, size_t n,
                        ledger_done_fn *done, void *context);

/* ---- Sealing and sending (link) ---- */

/* The next queued, unsealed messages, oldest first. Returns how many. */
int ledger_to_seal(struct ledger *l, uint64_t *messages, size_t max);
struct ledger_sealed {
    uint64_t message;
    const uint8_t *statement, *header, *manifest;
    size_t statement_length, header_length, manifest_length;
    struct hash256 envelope_hash, manifest_hash;
    struct content *ciphertext;     /* finished */
    char recipient_fingerprint[65]; /* of the certificate it is sealed to */
    int64_t created;
};
/* Durable before the first byte is sent. */
int ledger_seal(struct ledger *l, const struct ledger_sealed *sealed, ledger_done_fn *done, void *context);
/* What was sealed must not be sent as it is (the key that signed it is no longer ours, its time is one to
 * come) and the hub has not accepted it: the envelope goes, the message is queued anew under `new_id`, which
 * replaces the old one. -ESTALE: not sealed, or not queued any more. */
int ledger_unseal(struct ledger *l, uint64_t message, const struct message_id *new_id, const char *reason,
                  ledger_done_fn *done, void *context);
/* -EAGAIN-like reasons while queued ("key-unconfirmed", "hub-offline", "no-licence"); shown in status. */
int ledger_note_reason(struct ledger *l, uint64_t message, const char *reason, ledger_done_fn *done,
                       void *context);

/* Sealed messages the hub has not accepted, oldest first; of one unit only the earliest, as the order in
 * which the hub accepts them says which version is the newest. */
int ledger_to_send(struct ledger *l, uint64_t *messages, size_t max);
struct ledger_envelope { /* of a sealed outgoing or an incoming message */
    struct message_id id;
    struct office_id sender, recipient;
    struct buffer statement, header, manifest, acceptance; /* empty when not there */
    uint64_t ciphertext;                                   /* content id, 0 = destroyed */
    uint64_t ciphertext_length;
    struct hash256 envelope_hash, manifest_hash;
    int64_t created;
};
void ledger_envelope_free(struct ledger_envelope *e);
int ledger_envelope(struct ledger *l, uint64_t message, struct ledger_envelope *out);
/* The hub's signed acceptance, verified by the caller: state sent (or what the partner has answered already),
 * archive/MONTH/sent/PARTNER/SEQUENCE-NN with the files and the evidence (statement.der, manifest.json,
 * accepted.der; received.der, taken.der … as they come, a second one received-2.der), ciphertext destroyed.
 * Again with the same message: 0, nothing changes. */
int ledger_accept(struct ledger *l, uint64_t message, const uint8_t *acceptance, size_t length,
                  int64_t accepted_at, ledger_done_fn *done, void *context);
/* The hub will never take it (its problem code): state refused, reason. */
int ledger_refuse_out(struct ledger *l, uint64_t message, const char *reason, ledger_done_fn *done,
                      void *context);
/* careplanctl resend, lost keys: a new message with a new id that names the old, queued at once; -EINVAL
 * unless the hub has taken or refused the old one; -ESTALE when a later message of its unit has another
 * version of a file, which the partner would lose. */
int ledger_resend(struct ledger *l, const struct message_id *old, const struct message_id *new_id,
                  ledger_done_fn *done, void *context);

/* ---- Receiving (link) ---- */

enum in_state { IN_ARRIVED, IN_TAKEN, IN_REFUSED, IN_SUPERSEDED };
const char *in_state_name(enum in_state s);

/* Where a download stands, durable so that it resumes. Begun with the parts before the ciphertext. */
struct ledger_download {
    struct office_id sender;
    struct message_id id;
    const uint8_t *acceptance, *statement, *header;
    size_t acceptance_length, statement_length, header_length;
    uint64_t ciphertext_length;
};
/* Whole blocks of CONTENT_BLOCK_SIZE (the last may be shorter), in order; `offset` must equal what is there
 * (-ESTALE else). download_id is returned by ledger_download_find after the first call. */
int ledger_download_begin(struct ledger *l, const struct ledger_download *d, ledger_done_fn *done,
                          void *context);
int ledger_download_append(struct ledger *l, const struct office_id *sender, const struct message_id *id,
                           uint64_t offset, const void *data, size_t length, ledger_done_fn *done,
                           void *context);
/* 0 and filled (`have` bytes of ciphertext lie there, content id for content_read), or -ENOENT. */
int ledger_download_find(struct ledger *l, const struct office_id *sender, const struct message_id *id,
                         struct ledger_envelope *out, uint64_t *have);
int ledger_download_drop(struct ledger *l, const struct office_id *sender, const struct message_id *id,
                         ledger_done_fn *done, void *context);

/* Was (sender, id) ever seen (received, refused or superseded)? Ids outlive contents. */
bool ledger_seen(struct ledger *l, const struct office_id *sender, const struct message_id *id);

struct ledger_incoming_file {
    const char *name; /* as delivered */
    const char *folded;
    const char *kind;
    bool main_file;          /* shown last */
    struct content *content; /* finished; NULL when empty */
    uint64_t size;           /* of a refused one, of which no content is kept */
};
struct ledger_incoming {
    struct office_id sender;
    struct message_id id;
    bool has_replaces;
    struct message_id replaces;
    const char *sequence;
    const uint8_t *acceptance, *statement, *header, *manifest;
    size_t acceptance_length, statement_length, header_length, manifest_length;
    struct hash256 envelope_hash, manifest_hash;
    int64_t created, accepted_at;
    const struct ledger_incoming_file *files;
    size_t n_files;
    const uint8_t *receipt; /* signed "received", to be sent */
    size_t receipt_length;
    bool refused; /* then no contents and nothing in the inbox: what is known of the files, the reason and a
                     "refused" receipt instead */
    const char *reason; /* precise, for the own log and status */
};
/* One transaction: contents, the inbox nodes with their entries (partner's folder, _順番/NNN_…, _すべて; all
 * with shown = false), the archive's folder and evidence, the receipt to send, the download's spool
 * destroyed. A newer version under the name of a file not yet taken replaces it (its entries go, its message
 * becomes superseded). A message that this one replaces and that is not taken: likewise. mtimes rise from
 * unit to unit. -EEXIST: seen. */
int ledger_receive(struct ledger *l, const struct ledger_incoming *in, ledger_done_fn *done, void *context);

/* Incoming messages with entries to be shown, oldest first; then their entries in the order to show them
 * (dependents first, main file last, a _順番 folder as one entry). */
int ledger_to_show(struct ledger *l, uint64_t *messages, size_t max);
int ledger_show_list(struct ledger *l, uint64_t message, struct ledger_entry *out, size_t max);
int ledger_shown(struct ledger *l, uint64_t message, ledger_done_fn *done, void *context);

/* ---- Receipts ---- */

struct ledger_receipt {
    uint64_t id;
    uint64_t message;
    struct office_id sender; /* of the message it speaks of */
    struct message_id message_id;
    struct hash256 envelope, manifest;
    enum receipt_kind kind;
    char detail[64];
    int64_t at;
    struct buffer der; /* empty: to be signed first (ledger_receipt_signed) */
};
void ledger_receipt_free(struct ledger_receipt *r);
int ledger_receipt_next(struct ledger *l, uint64_t after,
                        struct ledger_receipt *out); /* own ones not yet at the hub; -ENOENT */
int ledger_receipt_signed(struct ledger *l, uint64_t receipt, const uint8_t *der, size_t length,
                          ledger_done_fn *done, void *context);
/* One that is not at the hub yet is to be signed anew (a new key). What was signed stays in the archive. */
int ledger_receipt_unsign(struct ledger *l, uint64_t receipt, ledger_done_fn *done, void *context);
int ledger_receipt_sent(struct ledger *l, uint64_t receipt, ledger_done_fn *done, void *context);
/* A partner's verified receipt over one of our messages: state and evidence. Again, or a later contradicting
 * one: kept as evidence, the state does not go back. -ENOENT: no such message of ours, or hashes differ. */
int ledger_receipt_got(struct ledger *l, const struct receipt *r, const struct office_id *by,
                       const uint8_t *der, size_t length, ledger_done_fn *done, void *context);

/* ---- Partners and the directory ---- */

struct ledger_partner {
    struct office_id office;
    char name[256];         /* from the hub, NFC, bounded, safe */
    char folder[256];       /* pinned folder name "0300000005-11_さくら訪問介護" */
    uint64_t outbox, inbox; /* folder nodes */
    char fingerprint[65];   /* of the certificate that may be sealed to; "" = none */
    char *certificate;      /* PEM, malloc'd, or NULL */
    bool key_unconfirmed;   /* a new key that the old one has not signed waits for a person */
    bool active;            /* still in the directory */
};
void ledger_partner_free(struct ledger_partner *p);
int ledger_partner(struct ledger *l, const struct office_id *office,
                   struct ledger_partner *out); /* -ENOENT */
int ledger_partner_by_folder(struct ledger *l, uint64_t folder_node, struct ledger_partner *out);
/* Partners whose number is `number`, at most max. Returns how many. */
int ledger_partners_of_number(struct ledger *l, const char *number, struct office_id *out, size_t max);
/* Adds or changes a partner; at the first time makes and pins the folders in outbox and inbox (a name that is
 * taken there gets " (2)"). The log's head and its number of entries are stored with the last of a batch; `p`
 * NULL: the head alone. `folder`/`folded` are used only when new. */
int ledger_partner_put(struct ledger *l, const struct ledger_partner *p, const char *folded,
                       const struct log_head *head, ledger_done_fn *done, void *context);
void ledger_log_head(struct ledger *l, struct log_head *out);

/* ---- Small durable values ---- (feed cursor, CRL, pinned slot, clock of the last commit) */
int ledger_value_get(struct ledger *l, const char *key, struct buffer *out); /* -ENOENT */
int ledger_value_set(struct ledger *l, const char *key, const void *value, size_t length,
                     ledger_done_fn *done, void *context);

/* ---- Status, evidence, audit ---- */

struct ledger_status {
    uint64_t message;
    bool outgoing;
    struct message_id id;
    struct office_id partner; /* "" unknown */
    char partner_text[32];
    char sequence[15];
    const char *state; /* out_state_name or in_state_name */
    char reason[48];
    int64_t saved, sent, received,
        taken; /* in: saved 0, sent = accepted by the hub, received = in our ledger */
    size_t n_files;
    struct ledger_unit_file *files;  /* valid during the callback */
    size_t n_problems;               /* at most LEDGER_STATUS_PROBLEMS_MAX, the unit's own first */
    struct ledger_problem *problems; /* valid during the callback */
    uint64_t warnings;               /* all, also those that are not kept */
};
typedef bool ledger_status_fn(void *context, const struct ledger_status *s);
/* Newest first, from `before` (0 = the end), at most max. */
int ledger_status_list(struct ledger *l, uint64_t before, size_t max, ledger_status_fn *fn, void *context);
/* How many files of the outbox and its folders are rejected and belong to no message: their names cannot be
 * sent, so that nothing else tells of them. */
int ledger_unsendable(struct ledger *l, uint64_t *n);
/* Finds a message by direction, partner (in: sender) and id. 0 or -ENOENT. */
int ledger_find(struct ledger *l, bool outgoing, const struct office_id *sender, const struct message_id *id,
                uint64_t *message);
/* All receipts held about a message (acceptance included), oldest first. */
typedef bool ledger_evidence_fn(void *context, enum receipt_kind kind, int64_t at, const uint8_t *der,
                                size_t length);
int ledger_evidence(struct ledger *l, uint64_t message, ledger_evidence_fn *fn, void *context);

/* Appends an audit row (the other changes append their own). `detail`: one line, ids and transfer names only.
 */
int ledger_audit(struct ledger *l, const char *event, const char *detail, ledger_done_fn *done,
                 void *context);
/* Walks the chain; 0, or -EBADMSG with the first row that does not fit in `e`. rows may be NULL. */
int ledger_verify(struct ledger *l, uint64_t *rows, struct error *e);
/* PRAGMA quick_check and every content's blocks present. For doctor. */
int ledger_check(struct ledger *l, struct error *e);

/* Idle work in slices (free pages, orphaned blocks, checkpoint); the mount calls it when nothing was saved
 * for a moment. Returns true when there is more to do. */
bool ledger_idle(struct ledger *l);

#endif
