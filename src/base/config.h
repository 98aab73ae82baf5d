/* The configuration: one INI file, read by inih, checked against a table. An unknown section or key, a bad
 * value, or an unreadable file is an error that names file, line and key. A section may appear again; the
 * later value wins.
 *
 * base/ knows the form, not the keys: each program hands its table in. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "careplan/error.h"

/* Called for each key in file order. `section` is the text between the brackets; `context` is the caller's.
 * Returns 0, or negative with a text in `e` (without file and line: config_read puts them before it). */
typedef int config_key_fn(void *context, const char *section, const char *key, const char *value,
                          struct error *e);

/* 0, or negative; `e` reads "FILE:LINE: …" then. At most 1 MiB, lines at most 198 bytes. A section header
 * without any key is legal and not reported. Reads `data` when not NULL (tests, fuzzing), else the file. */
int config_read(const char *path, const char *data, config_key_fn *fn, void *context, struct error *e);

/* "500ms", "2s", "10m", "3h", "90d", "5y" (365 days) → milliseconds, 0 ≤ v ≤ 100 y. False: not a duration. */
bool config_duration(const char *text, int64_t *ms);
/* Decimal, no sign. False: not in min…max. */
bool config_number(const char *text, int64_t min, int64_t max, int64_t *out);

#endif
