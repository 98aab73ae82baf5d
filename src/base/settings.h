/* The configuration of an office's machine, one INI file, shared by careplanfs and careplanctl. Keys and
 * defaults: docs/configuration.md. base/config.h reads the form; unknown keys are errors with line and key.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "careplan/error.h"
#include "careplan/office.h"

struct settings_office {
    struct office_id office;
    char *state;   /* absolute folder; malloc'd */
    gid_t group;   /* (gid_t)-1: the mount's own group */
    uint32_t mode; /* of the folders, default 02770 */
};

struct settings_rule {
    char code[16];
    char severity[8]; /* "error", "warning", "off" */
};

struct settings {
    char *hub_url; /* "https://host:port", no slash at the end; NULL when not set */
    char *hub_ca;  /* file */
    int64_t settle, documents_settle, linger, unit_wait, partner_wait; /* ms */
    bool reject_close;      /* [outbox] reject: close+report (true) or report */
    bool taken_by_read;     /* [inbox] taken: read (true) or removed */
    int64_t archive_keep;   /* ms */
    char *user, *announcer; /* names from [daemon] */
    uint64_t unit_max;      /* [outbox] unit_max: bytes of a unit, default 1 GB */
    char **documents;       /* extensions allowed as documents, NULL-terminated */
    char **scratch;         /* name patterns (fnmatch, any case), NULL-terminated */
    struct settings_rule *rules;
    size_t n_rules;
    char *layouts; /* [standard] layouts: absolute folder; NULL: the built-in tables alone */
    struct settings_office *offices;
    size_t n_offices;
};

/* NULL and `e` (one line: file, line, key, what to do). `data` as in config_read. */
struct settings *settings_read(const char *path, const char *data, struct error *e);
void settings_free(struct settings *s);
/* The rules that [rules] names must be there, and such that can be changed. base/ does not know them: `fault`
 * does, and says what is wrong and what to do, NULL = nothing. Reads as settings_read. */
typedef const char *settings_rule_fault_fn(const char *code);
int settings_check_rules(const char *path, const char *data, settings_rule_fault_fn *fault, struct error *e);
const struct settings_office *settings_office_find(const struct settings *s, const struct office_id *office);

/* Adds the section [office OFFICE] (state) and [hub] (url, ca), or replaces their keys where they stand, and
 * keeps every other line and comment; the new text is written durably with the old file's mode and owner (a
 * new file: 0644). For `careplanctl enrol`. */
int settings_enrol(const char *path, const struct office_id *office, const char *state, const char *hub_url,
                   const char *hub_ca, struct error *e);

#endif
