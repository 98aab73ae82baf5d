/* What the settler says of a unit beside its files, and what looking at one and saying share. Private to the
 * settler. */
#ifndef MOUNT_SETTLE_SAY_H
#define MOUNT_SETTLE_SAY_H

#include "base/hex.h"
#include "mount/settle_judge.h"

#define REASON_INCOMPLETE "unit-incomplete"

void settle_label(const struct ledger_unit *u, char out[2 * ENVELOPE_ID_SIZE + 1]);
/* The entry under which the user sees the file. 0, -ENOENT or negative. */
int settle_entry(const struct settle_look *look, const struct ledger_unit_file *file,
                 struct ledger_entry *out);
/* All of them as they were judged. */
void settle_files(const struct ledger_unit *u, const char **names, uint64_t *contents);
bool settle_busy(const struct settle_look *look, const struct ledger_unit *u);
/* What a change that failed means: the unit went or changed meanwhile, or the ledger is in trouble. */
enum settle_outcome settle_outcome_of(int r);
/* Where the unit's own report stands: in the folder of its first file that is still there. */
uint64_t settle_folder(const struct settle_look *look, const struct ledger_unit *u);

/* Takes the unit's notes away that are not to stay (parent 0: wherever they are), through the mount: the
 * ledger would do it unseen. */
void settle_notes_go(const struct settle_look *look, const struct ledger_note *keep, size_t n_keep);
/* The unit is not judged as a whole just now: only the note that says what it lacks may stay. */
void settle_faults_go(const struct settle_look *look, const struct ledger_unit *u);
/* This report beside (parent), if it stands there. */
void settle_note_gone(const struct settle_look *look, uint64_t parent, const char *report);
/* What is missing, beside the files and in the status. */
enum settle_outcome settle_say_incomplete(struct settle_look *look, const struct ledger_unit *u,
                                          struct unit_judging *j);
/* Its files are good one by one, but do not fit each other: at once, beside those at fault. */
enum settle_outcome settle_say_faulty(struct settle_look *look, struct unit_judging *j);
/* There are more than can go at once: said beside one of them, without a look into any. */
enum settle_outcome settle_say_too_many(struct settle_look *look, const struct ledger_unit *u);

#endif
