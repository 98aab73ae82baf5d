/* Making statements: sealing alone does that. Not public. */
#ifndef ENVELOPE_STATEMENT_H
#define ENVELOPE_STATEMENT_H

#include "careplan/envelope.h"

/* Attached SignedData over `s`, by `by`. *der malloc'd. 0, or -EINVAL "statement-form" when a field of `s`
 * cannot be written. */
int statement_sign(const struct identity *by, const struct statement *s, uint8_t **der, size_t *length,
                   struct error *e);

#endif
