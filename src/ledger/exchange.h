/* What the files about messages that leave and arrive share, beyond message.h. */
#ifndef LEDGER_EXCHANGE_H
#define LEDGER_EXCHANGE_H

#include "ledger/content_store.h"
#include "ledger/message.h"
#include "ledger/tree.h"

enum { FOLDER_MODE = 02770, ARCHIVE_FOLDER_MODE = 02750, READ_ONLY_MODE = 0440 };
#define DOCUMENT_WORD "文書" /* stands where a sequence number would, in names of folders */

/* A change that is refused before it is handed in: what the call that got `done` returns. */
int change_answer(int result, ledger_done_fn *done, void *context);

/* ids of a query's rows (column 0). Returns how many or negative errno. */
int column_ids(sqlite3_stmt *s, uint64_t *out, size_t max);
/* Appends a blob or text column. */
int column_buffer(sqlite3_stmt *s, int column, struct buffer *out);

/* May this stand as a name in the tree? Not empty, at most 255 bytes, no separator, not "." or "..". */
bool name_is_safe(const char *name);
/* "" or digits that fit struct message's field. */
bool sequence_is_safe(const char *sequence);
/* A reason as it fits struct message's field; the hub's and the partners' may be longer. */
char *reason_copy(struct change *c, const char *reason);

/* ---- Apply ---- */

/* Links a content that the change owns; references are taken by those who use it. NULL: *id = 0. */
int content_link(struct ledger *l, struct content *c, uint64_t *id);
/* A content from bytes that only the ledger has (a receipt's row); no reference yet. */
int content_inline(struct ledger *l, const void *data, size_t length, uint64_t *id);
/* The number under `key`, then one more; begins with 1. Durable, never given again. */
int number_take(struct ledger *l, const char *key, uint64_t *out);

/* The case-folded name of a message's file. */
int file_folded(struct ledger *l, uint64_t message, const char *name, char out[768]);

/* partner.c: the partner as its rows say, made under its bare identity if the directory has not named it. */
struct partner_place {
    uint64_t inbox;
    char folder[256], folded[768];
};
int partner_place(struct ledger *l, const struct office_id *office, struct partner_place *out);

/* archive.c: archive/MONTH/sent|received/PARTNER/SEQUENCE-NN, new; kept as message.archive. */
int archive_make(struct ledger *l, uint64_t message, int64_t accepted_at, uint64_t *folder);
int archive_add(struct ledger *l, uint64_t message, uint64_t folder, const char *name, const char *folded,
                uint64_t content, int64_t at);
/* statement.der, manifest.json, accepted.der of its envelope row, and the receipts that are there. */
int archive_evidence(struct ledger *l, uint64_t message, uint64_t folder);
/* "received.der" … into the message's archive folder, if it has one. `copy` is the change's own. */
int archive_receipt(struct ledger *l, uint64_t message, enum receipt_kind kind, int64_t at,
                    struct content *copy);

/* envelope.c */
struct envelope_row {
    uint64_t statement, manifest, acceptance, ciphertext, ciphertext_length; /* contents */
    const void *header;
    size_t header_length;
    const struct hash256 *envelope_hash, *manifest_hash;
    const char *fingerprint;
    int64_t created, accepted;
};
int envelope_insert(struct ledger *l, uint64_t message, const struct envelope_row *e);
/* The ciphertext's only reference goes, and with it its key. */
int envelope_drop_ciphertext(struct ledger *l, uint64_t message);

/* download.c */
int download_remove(struct ledger *l, const struct office_id *sender, const struct message_id *id);

/* arrive.c: where the files of a message that is in the ledger are shown. */
int arrive_show(struct ledger *l, uint64_t message, unsigned *changed);

#endif
