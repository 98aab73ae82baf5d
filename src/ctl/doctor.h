/* What `careplanctl doctor` finds: one line a check, "ok|warning|error: WHAT: TEXT". */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "base/settings.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_ERROR };

/* The texts of warnings and errors say what to do. Control characters become '?'. Returns whether it is an
 * error. */
bool doctor_say(FILE *out, enum doctor_level level, const char *what, const char *format, ...)
    __attribute__((__format__(__printf__, 4, 5)));
/* Level of a line that doctor_say wrote; -1: no such line. */
int doctor_level_of(const char *line);

/* OpenSSL, FUSE, kernel, clock. Number of errors. */
int doctor_machine(FILE *out);
/* The users of [daemon]. Number of errors. */
int doctor_users(FILE *out, const struct settings *settings);
/* One office: folder, certificate, disk, ledger, daemon, hub. As the state folder's owner. */
void doctor_office(FILE *out, const struct settings *settings, const struct settings_office *office);

#endif
