/* Names in the mount: classes, folding, what Windows can hold. mount.md section 2. Pure functions. */
#ifndef MOUNT_NAMES_H
#define MOUNT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/settings.h"
#include "careplan/standard.h"

enum { NAMES_MAX = 212 }; /* bytes; the report's suffix needs 14, a lookup xattr takes 226 */

/* NFC of `name` into out (256). 0, -ENAMETOOLONG (over NAMES_MAX), -EINVAL (not UTF-8, or what Windows cannot
 * hold: control and bidirectional characters, < > : " / \ | ? *, a dot or space at the end, CON NUL COM1 …).
 */
int name_normalise(const char *name, char out[256]);
/* tolower(toupper(c)) of each NFC code point. Two names are twins when equal. `name` is NFC. Fits into 768
 * bytes. */
void name_fold(const char *name, char out[768]);

enum file_class {
    CLASS_TRANSFER, /* a rule of the standard fits; the name is filled */
    CLASS_DOCUMENT, /* an allowed extension, in a partner's own folder */
    CLASS_SCRATCH,  /* never sent, never judged, swept after a day */
    CLASS_OTHER,    /* kept, never sent, with a report */
    CLASS_RESERVED, /* the daemon's own names: users cannot create them */
};
enum file_class name_class(const struct settings *s, const struct careplan_standard *standard,
                           const char *name, bool in_partner_folder, struct careplan_name *transfer);

/* A partner folder's name "0300000005-11_さくら訪問介護" from a hostile name: NFC, at most 40 characters of
 * it, no separators, control, bidirectional or Windows-reserved forms. */
void name_partner_folder(const struct office_id *office, const char *hostile, char out[256]);
/* NFC of a hostile display name, bounded and harmless (at most 40 characters). */
void name_display(const char *hostile, char out[256]);

/* "<name>.エラー.txt" etc. by report kind; `name` for CAREPLAN_REPORT_INCOMPLETE is the sequence number. */
void name_report(const char *name, enum careplan_report_kind kind, char out[256]);
/* Is it a report's name? */
bool name_is_report(const char *name);

#endif
