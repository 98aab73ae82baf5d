/* What the commands share: their errors, their language, their configuration, their paths. */
#ifndef CTL_COMMON_H
#define CTL_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/settings.h"
#include "careplan/error.h"
#include "careplan/office.h"

/* "COMMAND: TEXT [CODE]" on stderr, control characters as '?'; returns CTL_CANNOT. */
int ctl_fail(const char *command, const struct error *e);

/* Is Japanese wanted? `option` is the value of --lang, NULL when not given: then LC_ALL, LC_MESSAGES and LANG
 * decide in this order. */
bool ctl_japanese(const char *option);

/* The configuration; symbolic links are followed. NULL and `e`. The caller frees with settings_free. */
struct settings *ctl_settings(const char *path, struct error *e);

/* The path, absolute, without a slash at its end; malloc'd. NULL: no memory, or no current folder. Follows
 * nothing and asks for nothing to exist. */
char *ctl_absolute(const char *path);

/* Prints `text` with everything that a terminal could obey as '?'. UTF-8 stays. */
void ctl_put(const char *text);
void ctl_put_to(FILE *out, const char *text);
/* The same for JSON's text: nothing is lost, it is written as \uXXXX. */
void ctl_put_json(const char *text);

/* Columns that `text` takes on a terminal (Japanese characters take two). */
size_t ctl_width(const char *text);

/* --lang as an option's value: "ja" or "en". */
bool ctl_language_known(const char *language);

/* The certificate file and the key file of a state folder. malloc'd. */
char *ctl_key_path(const char *state_dir);
char *ctl_certificate_path(const char *state_dir);

/* One line of `in` without its newline, at most `limit` bytes, into `line` (cleared first). 1, 0 at the end,
 * -EPROTO when it is longer or the end comes inside. */
int ctl_line(FILE *in, struct buffer *line, size_t limit);

#endif
