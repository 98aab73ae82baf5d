/* Keys and certificates: who an office is. protocol.md section 1.
 *
 * Two levels: a root (ca.pem) and an issuing CA that signs the office, TLS and signing certificates and,
 * itself, the CRL. Three leaf profiles; every verifier checks the role, never the chain alone:
 *
 *   office   SAN urn:careplan:office:NUMBER-SERVICE, keyUsage digitalSignature + keyAgreement (P-256) or
 *            digitalSignature + keyEncipherment (RSA ≥ 3072), extendedKeyUsage clientAuth + emailProtection
 *   server   SAN DNS or IP of the hub, keyUsage digitalSignature, extendedKeyUsage serverAuth
 *   signer   SAN urn:careplan:hub:NAME, keyUsage digitalSignature, extendedKeyUsage emailProtection
 *
 * Nothing here opens a network connection; files are read only by the *_load functions. Thread-safe as long
 * as one object is used by one thread at a time; `struct trust` and `struct identity` may be shared
 * read-only. */
#ifndef CAREPLAN_IDENTITY_H
#define CAREPLAN_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "careplan/error.h"
#include "careplan/office.h"

#ifdef __cplusplus
extern "C" {
#endif

enum certificate_role { ROLE_OFFICE, ROLE_SERVER, ROLE_SIGNER };

/* Root, issuing CA and CRLs against which certificates are judged. */
struct trust;

/* `root_pem`: one or more self-signed roots; `issuing_pem` (may be NULL): intermediate certificates; PEM text
 * of at most 1 MiB each. NULL and `e` on error. The caller frees with trust_free. */
struct trust *trust_new(const char *root_pem, const char *issuing_pem, struct error *e);
void trust_free(struct trust *t);

/* Adds or replaces the CRL (DER) of its issuer; its signature is verified by the issuing CA, a CRL older
 * (crlNumber, then lastUpdate) than the one held is not taken: 1, code "crl-older". 0, 1, -EINVAL code
 * "crl", or -ENOMEM. Until the first
 * CRL has been set, revocation is not known: certificates then pass. A list past its nextUpdate still counts:
 * an office that cannot reach the hub goes on with what it knows. Not thread-safe against other uses of
 * `t`. */
int trust_set_crl(struct trust *t, const uint8_t *der, size_t length, struct error *e);

/* Chain, validity and revocation at `at_utc_ms`, profile and role. For ROLE_OFFICE `office` (may be NULL)
 * receives the identity. 0, or -EACCES with code "certificate-chain", "certificate-profile",
 * "certificate-time", "certificate-revoked". */
int trust_check(const struct trust *t, X509 *certificate, enum certificate_role role, int64_t at_utc_ms,
                struct office_id *office, struct error *e);

/* An own key with its certificate, and retired keys of the same office for mail under way. */
struct identity;

/* `key_path`: PEM private key, mode 0600 (wider: -EPERM "key-readable"); `certificate_path`: PEM, the leaf
 * first, then the issuing CA. The key must fit the leaf ("key-mismatch"). */
struct identity *identity_load(const char *key_path, const char *certificate_path, struct error *e);
/* From objects; takes references of its own. */
struct identity *identity_new(EVP_PKEY *key, X509 *certificate, STACK_OF(X509) * chain);
/* Adds a retired key for opening only. */
int identity_add_retired(struct identity *i, const char *key_path, const char *certificate_path,
                         struct error *e);
void identity_free(struct identity *i);
EVP_PKEY *identity_key(const struct identity *i);                  /* borrowed */
X509 *identity_certificate(const struct identity *i);              /* borrowed */
const struct office_id *identity_office(const struct identity *i); /* "" for the hub's identities */

/* A new P-256 key. Caller frees with EVP_PKEY_free. NULL only on OpenSSL failure. */
EVP_PKEY *key_new(void);
/* PKCS#8 PEM, malloc'd, NUL-terminated; wipe with OPENSSL_cleanse before free. */
char *key_to_pem(EVP_PKEY *key);
/* PKCS#10 DER for `office` (subject serialNumber and SAN urn; the hub takes the public key and nothing else).
 * *der is malloc'd. 0 or negative. */
int csr_new(EVP_PKEY *key, const struct office_id *office, uint8_t **der, size_t *length, struct error *e);

char *certificate_to_pem(X509 *certificate);                  /* malloc'd */
X509 *certificate_from_pem(const char *pem, struct error *e); /* the first one; X509_free */
X509 *certificate_from_der(const uint8_t *der, size_t length, struct error *e);
int certificate_to_der(X509 *certificate, uint8_t **der, size_t *length);
/* SHA-256 of the DER, 64 hex digits. */
void certificate_fingerprint(X509 *certificate, char out[65]);
/* notAfter as UTC milliseconds. */
int64_t certificate_end(X509 *certificate);

/* --- The hub's side: the CA ------------------------------------------------------------------------------
 */

/* An issuing CA: key, certificate, root. */
struct ca;

struct ca_files { /* what ca_init makes; each malloc'd PEM */
    char *root_key, *root_certificate, *issuing_key, *issuing_certificate;
};
/* Makes a root and an issuing CA for hub `name`. */
int ca_init(const char *name, struct ca_files *out, struct error *e);
void ca_files_free(struct ca_files *f); /* wipes the keys */

struct ca *ca_new(const char *issuing_key_pem, const char *issuing_certificate_pem,
                  const char *root_certificate_pem, struct error *e);
void ca_free(struct ca *c);
X509 *ca_certificate(const struct ca *c); /* issuing CA, borrowed */

/* Certificates. `days`: life. X509_free by the caller; NULL and `e` on error. ca_issue_office reads the
 * public key out of a PKCS#10 whose self-signature must verify; only P-256 and RSA ≥ 3072 are taken
 * ("key-type"). */
X509 *ca_issue_office(struct ca *c, const uint8_t *csr_der, size_t length, const struct office_id *office,
                      int days, struct error *e);
X509 *ca_issue_server(struct ca *c, EVP_PKEY *key, const char *dns_or_ip, int days, struct error *e);
X509 *ca_issue_signer(struct ca *c, EVP_PKEY *key, const char *hub_name, int days, struct error *e);

struct revocation {
    char serial[41]; /* upper-case hex, two digits a byte, as `openssl x509 -serial` prints it */
    int64_t at_utc_ms;
};
/* A CRL signed by the issuing CA itself. *der malloc'd. */
int ca_crl(struct ca *c, const struct revocation *list, size_t n, uint64_t number, int64_t now_utc_ms,
           int days, uint8_t **der, size_t *length, struct error *e);
/* "" for a serial number that no CA of ours gives (negative, longer than 20 bytes). */
void certificate_serial(X509 *certificate, char out[41]);

#ifdef __cplusplus
}
#endif
#endif
