/* What saving, renaming and removing share. */
#ifndef LEDGER_SAVE_H
#define LEDGER_SAVE_H

#include "ledger/internal.h"

/* A save handed in, everything copied into its change. */
struct save_work {
    struct ledger_save s;
    struct content *report; /* owned by the change; NULL = none */
    const char *problems;   /* as a row has them */
};
/* `s->content` passes to the change, also on failure (change->failed). */
void save_copy(struct ledger *l, struct change *c, const struct ledger_save *s, struct save_work *out);
int save_apply(struct ledger *l, struct change *c, const struct save_work *work);

/* taken.c, apply: an incoming file that is about to leave the inbox. `changed` gets enum ledger_changed. */
int taken_by_removal(struct ledger *l, const struct ledger_node *node, unsigned *changed);
/* The message's files leave _順番 and _すべて, where only stands what is not yet taken. */
int taken_places_go(struct ledger *l, uint64_t message);

#endif
