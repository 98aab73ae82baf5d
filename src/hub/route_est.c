/* Enrolment over Secure Transport, RFC 7030: cacerts, simpleenroll, simplereenroll. */
#include "hub/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/pkcs7.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "envelope/openssl.h"

enum { REQUEST_MAX = 16 * 1024 };

static const char media[] = "application/pkcs7-mime; smime-type=certs-only";
static const char cacerts_media[] = "application/pkcs7-mime";

CLEANUP_DEFINE(autopkcs7, PKCS7, PKCS7_free);

/* ---- certs-only PKCS#7 ---- */

/* As `openssl crl2pkcs7 -nocrl` makes it, in base64 lines. `second` may be NULL. */
static int certs_only(X509 *first, X509 *second, struct buffer *out)
{
    OPENSSL_ERRORS_END_HERE;
    with_cleanup(autopkcs7) PKCS7 *p7 = PKCS7_new();
    if (!p7 || PKCS7_set_type(p7, NID_pkcs7_signed) != 1 || PKCS7_content_new(p7, NID_pkcs7_data) != 1 ||
        PKCS7_set_detached(p7, 1) != 1 || PKCS7_add_certificate(p7, first) != 1 ||
        (second && PKCS7_add_certificate(p7, second) != 1))
        return -ENOMEM;
    unsigned char *der = NULL;
    int length = i2d_PKCS7(p7, &der);
    autofree char *text = length > 0 ? form_base64(der, (size_t)length) : NULL;
    OPENSSL_free(der);
    if (!text)
        return -ENOMEM;
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i += 64) {
        buffer_append(out, text + i, n - i < 64 ? n - i : 64);
        buffer_append(out, "\n", 1);
    }
    return out->failed ? -ENOMEM : 0;
}

int est_cacerts(struct server *s, struct buffer *out)
{
    return certs_only(ca_certificate(s->keys.ca), s->keys.root, out);
}

void route_cacerts(struct exchange *x)
{
    const struct buffer *cacerts = &x->server->cacerts;
    exchange_set_header(x, "Content-Transfer-Encoding", "base64");
    answer_bytes(x, 200, cacerts_media, cacerts->data, cacerts->length);
}

/* ---- enrolment ---- */

struct enrolment {
    struct store_enrol_call call;
    struct buffer request; /* DER */
    struct exchange *x;
};

static void enrolment_free(struct enrolment *n)
{
    free(n->call.certificate);
    buffer_free(&n->call.crl);
    buffer_free(&n->request);
    free(n);
}

static void answer_token_refused(struct exchange *x)
{
    exchange_set_header(x, "WWW-Authenticate", "Basic realm=\"careplan\", charset=\"UTF-8\"");
    answer_problem(
        x, 401, "token-refused",
        "identity or token is wrong, used, expired or tried too often; do: ask the operator for a new one");
}

static void answer_certificate(struct enrolment *n)
{
    autobuffer body = {0};
    struct server *s = n->x->server;
    with_cleanup(autox509) X509 *leaf = certificate_from_pem(n->call.certificate, NULL);
    if (!leaf || certs_only(leaf, ca_certificate(s->keys.ca), &body)) {
        answer_internal(n->x);
        return;
    }
    s->counts.enrolled++;
    log_info("enrolled", "%s, %s", n->call.office.text,
             n->call.renewal ? "renewed by the old key" : "by a token");
    exchange_set_header(n->x, "Content-Transfer-Encoding", "base64");
    answer_bytes(n->x, 200, media, body.data, body.length);
}

/* The operator must be able to see who guesses. */
static void refuse_token(struct enrolment *n)
{
    const char *office = n->call.office.text;
    log_warning("token-refused", "for %s, from %s", office, n->x->peer->key);
    if (n->call.last_try)
        log_warning("token-ended",
                    "the token of %s was tried %d times and is no good any more; do: give out a new one",
                    office, STORE_TOKEN_TRIES);
    answer_token_refused(n->x);
}

static void on_enrolled(struct store_job *job)
{
    struct enrolment *n = job->context;
    bool refused = !job->result && n->call.outcome == STORE_ENROL_REFUSED;
    if (!n->call.renewal && !refused)
        peer_give_back(&n->x->peer->refusals, PEER_HOUR_MS);
    if (n->call.crl.length && !job->result)
        server_set_crl(n->x->server, &n->call.crl);
    if (job->result)
        answer_store_failed(n->x, job->result);
    else if (n->call.outcome == STORE_ENROLLED)
        answer_certificate(n);
    else if (n->call.outcome == STORE_ENROL_REQUEST)
        answer_error(n->x, 422, &n->call.error);
    else
        refuse_token(n);
    enrolment_free(n);
}

/* Takes the request out of the body and hands the enrolment to the store. */
static void enrol(struct exchange *x, const struct office_id *office, const struct hash256 *token)
{
    struct enrolment *n = x->body.length <= REQUEST_MAX ? calloc(1, sizeof *n) : NULL;
    if (!n) {
        if (x->body.length > REQUEST_MAX)
            answer_problem(x, 413, "body-too-large", "a certificate request has at most 16 KiB");
        else
            answer_internal(x);
        return;
    }
    n->request.limit = REQUEST_MAX;
    if (!form_base64_read(x->body.data, x->body.length, REQUEST_MAX, &n->request) || !n->request.length) {
        enrolment_free(n);
        answer_problem(x, 400, "request-form", "the body is not base64 of a certificate request");
        return;
    }
    /* Counted before it is known, so that many at once are no way round. */
    if (token && !peer_take(&x->peer->refusals, x->server->config->tokens_refused_per_hour, PEER_HOUR_MS,
                            clock_boot_ms())) {
        enrolment_free(n);
        exchange_set_header(x, "Retry-After", "3600");
        answer_problem(x, 429, "rate", "too many tokens from this address were refused; do: wait an hour");
        return;
    }
    n->x = x;
    n->call.job = (struct store_job){.done = on_enrolled, .context = n};
    n->call.ca = x->server->keys.ca;
    n->call.office = *office;
    n->call.renewal = !token;
    if (token)
        n->call.token = *token;
    n->call.request = (struct span){n->request.data, n->request.length};
    n->call.days = (int)x->server->config->certificate_days;
    n->call.now = clock_utc_ms();
    store_enrol(x->server->store, &n->call);
}

void route_enroll(struct exchange *x)
{
    struct office_id office;
    struct hash256 hash;
    char token[FORM_TOKEN_MAX + 1];
    if (!form_basic_read(exchange_header(x, "Authorization"), &office, token)) {
        answer_token_refused(x);
        return;
    }
    int good = EVP_Digest(token, strlen(token), hash.bytes, NULL, EVP_sha256(), NULL);
    explicit_bzero(token, sizeof token);
    if (good == 1)
        enrol(x, &office, &hash);
    else
        answer_internal(x);
}

void route_reenroll(struct exchange *x)
{
    enrol(x, &x->office, NULL);
}
