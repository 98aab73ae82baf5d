/* What this product adds to the standard: documents, and the rules of its own in the catalogue. Not part of
 * libcareplan's public headers. */
#ifndef STANDARD_PRODUCT_H
#define STANDARD_PRODUCT_H

#include "careplan/standard.h"

/* Do records of this kind name images that go with them (units.tsv)? */
bool unit_names_images(const struct careplan_kind *kind);

/* A document (not by the standard): is its content what its extension says, by its first bytes? `extension`
 * without the dot, any case; known: pdf jpg jpeg png xlsx docx. */
bool document_known(const char *extension);
bool document_matches(const char *extension, const void *first,
                      size_t length); /* give at least 8 bytes if there are */

/* Codes of the catalogue that are found outside the standard's own checks; arguments in order for
 * report_add_code. Who keeps a file's state and its report uses these. */
#define RULE_EMPTY_FILE "CP3018"          /* - */
#define RULE_UNKNOWN_NAME "CP3001"        /* file name */
#define RULE_UNKNOWN_PARTNER "CP3002"     /* office */
#define RULE_SENDER_MISMATCH "CP3003"     /* sender of the name, this office */
#define RULE_FOLDER_MISMATCH "CP3004"     /* recipient of the name, office of the folder */
#define RULE_HOLE "CP3005"                /* offset of the first byte that was never written, from 1 */
#define RULE_RECIPIENT_UNCLEAR "CP3006"   /* office number, candidates in words (202208 names) */
#define RULE_RECIPIENT_NONE "CP3007"      /* office number, careplan_kind_title */
#define RULE_DOCUMENT_TYPE "CP3008"       /* extension */
#define RULE_DOCUMENT_CONTENT "CP3009"    /* extension */
#define RULE_UNIT_INCOMPLETE "CP3010"     /* sequence number, what is missing in words */
#define RULE_HELD "CP3011"                /* name of the .確認.txt note */
#define RULE_DOCUMENT_FOLDER "CP3012"     /* - */
#define RULE_PARTNER_CERTIFICATE "CP3013" /* office */
#define RULE_REFUSED "CP3014"             /* office, its code or words */
#define RULE_UNREADABLE "CP3015"          /* - */
#define RULE_TOO_LARGE "CP3016"           /* limit in words, "1 GB" */
#define RULE_NAME_TWICE "CP3017"          /* folder of the other one: "outbox", "outbox/NAME" */
#define RULE_TOO_MANY_FILES "CP3019"      /* sequence number, how many there are, how many may be */
#define RULE_SENT_BEFORE "CP3020"         /* names of the files */

/* Problems that are not the standard's: unknown partner, folder and name disagree, never-written range, … by
 * a code of the catalogue and up to four arguments for its placeholders, in order. */
void report_add_code(struct careplan_report *r, const char *code, const char *const *arguments, size_t n);

#endif
