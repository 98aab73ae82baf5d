/* The three certificate profiles of protocol.md section 1, and the keys that they may hold. Not public. */
#ifndef ENVELOPE_PROFILE_H
#define ENVELOPE_PROFILE_H

#include <openssl/x509v3.h>

#include "careplan/identity.h"

#define OFFICE_URN "urn:careplan:office:"
#define HUB_URN "urn:careplan:hub:"

/* Exactly the profile of `role`: nothing missing, nothing more. `office` (may be NULL) as trust_check. 0 or
 * -EACCES "certificate-profile". Judges the certificate alone, neither chain nor time. */
int profile_check(X509 *certificate, enum certificate_role role, struct office_id *office, struct error *e);

/* The identity in an office certificate's name; false and "" for any other certificate. */
bool certificate_office(X509 *certificate, struct office_id *office);

/* P-256 (as a named curve), or RSA of 3072 to 8192 bits. */
bool key_is_allowed(EVP_PKEY *key);

/* Name of a hub as it stands in a certificate: 1 to 253 of A-Z a-z 0-9 . - : _ */
bool hub_name_is_allowed(const char *name);

/* A subject alternative name of one URI; GENERAL_NAMES_free by the caller, NULL without memory. */
GENERAL_NAMES *names_of_uri(const char *uri);

#endif
