/* The manifest as text: JSON with exactly its members. Not public. */
#ifndef ENVELOPE_MANIFEST_H
#define ENVELOPE_MANIFEST_H

#include "careplan/envelope.h"

/* malloc'd text; NULL when a field cannot be written. It may still break a rule: read it back. */
char *manifest_write(const struct manifest *m);

/* Reads and judges: version, members, names (1 to 255 bytes, no '/', no control character, not "." or "..",
 * none twice), kinds, sizes (together at most ENVELOPE_UNIT_MAX), sequence. Codes "protocol-version",
 * "manifest-form", "unit-size". On error `m` is zeroed; else manifest_free. */
int manifest_read(const uint8_t *json, size_t length, struct manifest *m, struct error *e);

/* Sum of the files' sizes of a manifest that was read. */
uint64_t manifest_total(const struct manifest *m);

#endif
