#include <errno.h>

#include "base/clock.h"
#include "base/thread.h"
#include "link/link_private.h"

/* A CRL replaces what the verifiers read (identity.h), hence one lock around all of them: they take less than
 * a millisecond each. */

int trusted_statement(struct trusted *t, const uint8_t *der, size_t length, int64_t at, struct statement *out,
                      struct error *e)
{
    LOCKED(&t->lock);
    return statement_verify(der, length, t->trust, at, out, NULL, e);
}

int trusted_receipt(struct trusted *t, const uint8_t *der, size_t length, int64_t at, struct receipt *out,
                    struct office_id *by, struct error *e)
{
    LOCKED(&t->lock);
    return receipt_verify(der, length, t->trust, at, out, by, e);
}

int trusted_head(struct trusted *t, const struct buffer *der, struct log_head *out, struct error *e)
{
    int64_t at;
    LOCKED(&t->lock);
    return log_head_verify(der->data, der->length, t->trust, clock_utc_ms(), out, &at, e);
}

X509 *trusted_certificate(struct trusted *t, const char *pem, const struct office_id *office, struct error *e)
{
    struct office_id named;
    X509 *certificate = certificate_from_pem(pem, e);
    if (!certificate)
        return NULL;
    LOCKED(&t->lock);
    int r = trust_check(t->trust, certificate, ROLE_OFFICE, clock_utc_ms(), &named, e);
    if (r == 0 && !office_id_equal(&named, office))
        r = error_set(e, -EACCES, "certificate-profile", "the certificate is that of %s, not of %s",
                      named.text, office->text);
    if (r == 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

int trusted_crl(struct trusted *t, const struct buffer *der, struct error *e)
{
    LOCKED(&t->lock);
    return trust_set_crl(t->trust, der->data, der->length, e);
}
