/* Rows of messages, their files and receipts. All of it "apply" (see tree.h), but the readings that take a
 * connection. */
#ifndef LEDGER_MESSAGE_H
#define LEDGER_MESSAGE_H

#include "ledger/internal.h"

struct message {
    uint64_t id;
    bool outgoing;
    struct message_id uid;
    struct office_id partner; /* "" unknown; in: the sender */
    char partner_text[32];
    char sequence[15];
    uint64_t document; /* the node of a document (out), else 0 */
    int state;         /* enum out_state or in_state */
    char reason[48];
    bool settled, sealed, open;
    int64_t saved, sent, received, taken;
    bool has_replaces;
    struct message_id replaces;
    uint64_t archive; /* folder node */
};
#define MESSAGE_COLUMNS                                                                                   \
    "message.id, message.outgoing, message.uid, message.partner, message.partner_text, message.sequence," \
    " message.document, message.state, message.reason, message.settled, message.sealed, message.open,"    \
    " message.saved, message.sent, message.received, message.taken, message.replaces, message.archive"
enum { MESSAGE_COLUMNS_COUNT = 18 };
void message_read(sqlite3_stmt *s, int first, struct message *out);
int message_find(struct connection *c, uint64_t id, struct message *out); /* 0, -ENOENT, -EIO */
/* Column `at`: 13 characters or "". */
void office_read(sqlite3_stmt *s, int at, struct office_id *out);

/* Columns of a file row, read into the public struct. Order by file.name. */
#define FILE_COLUMNS                                                                                     \
    "file.node, file.content, file.name, file.kind, file.version, file.size, file.sha256, file.verdict," \
    " file.carried, file.document"
enum { FILE_COLUMNS_COUNT = 10 };
void file_read_row(sqlite3_stmt *s, int first, struct ledger_unit_file *out);
/* All files of a message, malloc'd. */
int message_files(struct connection *c, uint64_t message, struct ledger_unit_file **files, size_t *n);

/* ---- Units: which message a saved file belongs to ----
 * A unit is (message.unit, sequence, document): unit = the recipient, or recipient_text while it is unknown;
 * document = the node for a document, else 0. Open: not sealed, not withdrawn, not refused. There is one open
 * message of a unit, or several when some of its files were queued without the others. */
struct unit_key {
    const char *unit, *sequence;
    uint64_t document;
};
/* The open message that holds the file `name` (canonical; NULL: none named), else the newest open one.
 * -ENOENT. */
int unit_open_message(struct ledger *l, const struct unit_key *key, const char *name, struct message *out);
/* The entry of another node than `node` that the unit's open message holds as the file `name`, and that did
 * not come along from an earlier message. -ENOENT. */
int unit_standing(struct connection *c, const struct unit_key *key, const char *name, uint64_t node,
                  struct ledger_entry *out);
int unit_last_sealed(struct ledger *l, const struct unit_key *key, struct message *out); /* or -ENOENT */

struct message_new {
    bool outgoing;
    struct message_id uid;
    struct office_id partner;
    const char *partner_text, *sequence;
    uint64_t document;
    int state;
    const char *reason;
    const struct message_id *replaces; /* or NULL */
    int64_t saved, sent, received;
};
/* Outgoing ones are open. */
int message_insert(struct ledger *l, const struct message_new *m, uint64_t *id);
/* `reason` "" when none. Sets nothing else. */
int message_set_state(struct ledger *l, uint64_t id, int state, const char *reason);
/* One of ours; it is to be told beside its files. */
int message_refused(struct ledger *l, uint64_t id, const char *reason);

extern const struct hash256 HASH_OF_NOTHING; /* SHA-256 of an empty file */

struct file_new {
    const char *name, *folded, *kind, *version, *reason;
    const char *problems; /* problems_copy; NULL: none */
    uint64_t warnings;
    uint64_t node, content; /* content gets a reference; size and hash are read from it. 0 = empty */
    uint64_t size;          /* without a content: what it had */
    enum file_verdict verdict;
    bool carried, document, main;
    bool counted; /* the content counts this reference already */
};
/* Adds the file, or replaces the one of this name (its reference is given back). */
int file_put(struct ledger *l, uint64_t message, const struct file_new *f);
int file_remove(struct ledger *l, uint64_t message, const char *name); /* 0 when it is not there */
/* The files of `from` whose names are not in `to`, marked `carried`; rejected and held ones excepted. */
int files_carry(struct ledger *l, uint64_t from, uint64_t to);

/* An open message after a change of its files: withdrawn (audited) when none but carried files are left; else
 * it carries what its unit's last sealed message has besides, and its state follows its files: rejected,
 * held, waiting ("partner-unknown", or "settling" until the mount queues or marks it). `settled` goes. Not
 * open: nothing. */
int message_recompute(struct ledger *l, uint64_t id);
/* The file of `node` leaves the open message it belongs to; sealed messages, and those that only carry it,
 * keep it without its node. node.message becomes 0. `*left`: the open message, to be recomputed (0 = none).
 */
int unit_leave(struct ledger *l, uint64_t node, uint64_t *left);

/* note.c: the notes beside a unit: what it lacks, or which of its records do not fit. */
struct note {
    uint64_t parent;
    const char *name, *folded;
    struct content *report; /* the change's own */
};
/* They go; 0 when there are none. */
int unit_notes_remove(struct ledger *l, uint64_t message);
/* A change's own copy of what it is handed in with. */
struct note *notes_copy(struct ledger *l, struct change *c, const struct ledger_note *notes, size_t n);
bool notes_are_safe(const struct ledger_note *notes, size_t n);
/* Just these stand there from now on; what is there already stays as it is. */
int unit_notes_put(struct ledger *l, uint64_t message, const struct note *notes, size_t n);

/* The unit of the refused message `from` goes on in `to`: its notes, and files that stand in the outbox. */
int refused_go_on(struct ledger *l, uint64_t from, uint64_t to);

/* problem.c: problems as the text of a row; "" for none. NULL: no memory (change->failed). */
char *problems_copy(struct change *c, const struct ledger_problem *problems, size_t n);
/* Those of a message and of its files, malloc'd; the names point into `files`. */
int problems_of(struct connection *c, uint64_t message, const struct ledger_unit_file *files, size_t n_files,
                struct ledger_status *out);
/* What was found of the unit as a whole; "" and 0 take it away. */
int message_set_problems(struct ledger *l, uint64_t message, const char *problems, uint64_t warnings);

/* ---- Receipts ---- */

/* One of ours about an incoming message; `der` NULL: to be signed first. */
int receipt_queue(struct ledger *l, uint64_t message, enum receipt_kind kind, const char *detail,
                  const void *der, size_t length);

/* An audit row "EVENT" with detail "out|in ID: …". */
int message_audit(struct ledger *l, const char *event, uint64_t message, const char *format, ...)
    __attribute__((__format__(__printf__, 4, 5)));

#endif
