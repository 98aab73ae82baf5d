#include "link/enrol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "careplan/identity.h"
#include "link/link_private.h"

enum { PEM_MAX = 1 << 20, ANSWER_MAX = 256 * 1024, CERTIFICATES_MAX = 8, CALL_SECONDS = 60 };

CLEANUP_DEFINE(autopkey, EVP_PKEY, EVP_PKEY_free);
CLEANUP_DEFINE(autox509, X509, X509_free);
CLEANUP_DEFINE(autopkcs7, PKCS7, PKCS7_free);
CLEANUP_DEFINE(autotrust, struct trust, trust_free);
CLEANUP_DEFINE(autohttp, struct http, http_free);
#define autowiped with_cleanup(buffer_wipe) struct buffer

static int no_memory(struct error *e)
{
    return error_set(e, -ENOMEM, "memory", "no memory");
}

/* ---- the key ---- */

static EVP_PKEY *parse_key(const struct buffer *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->length);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return key;
}

/* The key of an interrupted enrolment is used again: the hub may have certified it already. */
static EVP_PKEY *new_key(const char *path, bool *made, struct error *e)
{
    autowiped pem = {.limit = PEM_MAX};
    EVP_PKEY *key = NULL;
    if (access(path, F_OK) == 0) {
        if (file_read_secret(path, PEM_MAX, &pem, e))
            return NULL;
        key = pem.data ? parse_key(&pem) : NULL;
        if (key)
            return key;
    }
    *made = true;
    key = key_new();
    char *text = key ? key_to_pem(key) : NULL;
    int r = text ? file_write(path, text, strlen(text), 0600, e)
                 : error_set(e, -EIO, "key", "OpenSSL makes no key");
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
    if (r) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

/* ---- the request ---- */

static int put_base64(const uint8_t *der, size_t length, struct buffer *out)
{
    autofree char *text = malloc(4 * ((length + 2) / 3) + 1);
    if (!text)
        return -ENOMEM;
    int n = EVP_EncodeBlock((unsigned char *)text, der, (int)length);
    return buffer_append(out, text, (size_t)n);
}

static int refused(const struct http_answer *a, const char *office, struct error *e)
{
    if (a->status == 401)
        return error_set(
            e, -EACCES, "token-refused",
            "the hub refuses the token for %s: wrong, used, expired, or tried too often; do: ask the hub's "
            "operator for a new one",
            office);
    if (a->status == 0)
        return error_set(e, -EHOSTUNREACH, a->untrusted ? "hub-untrusted" : "hub-unreachable", "%s",
                         a->trouble);
    return error_set(e, -EPROTO, "hub-refuses", "%s", a->trouble);
}

/* Has the hub said no? Then it has certified nothing. */
static bool is_no(const struct http_answer *a)
{
    return a->status >= 400 && a->status < 500 && a->status != 408 && a->status != 429;
}

/* `no`: the hub has refused. */
static int call_simpleenroll(const struct enrol_request *request, const struct buffer *ca, EVP_PKEY *key,
                             struct buffer *der, bool *no, struct error *e)
{
    autofree uint8_t *csr = NULL;
    size_t csr_length;
    with_cleanup(autohttp) struct http *h = NULL;
    struct http_options options = {.url = request->hub_url, .ca = ca};
    struct http_answer a = {0};
    int r = csr_new(key, &request->office, &csr, &csr_length, e);
    r = r ? r : http_new(&options, &h, e);
    if (r)
        return r;
    struct http_request post = {.method = "POST",
                                .path = "/.well-known/est/simpleenroll",
                                .media = "application/pkcs10",
                                .user = request->office.text,
                                .password = request->token,
                                .limit = ANSWER_MAX,
                                .total_seconds = CALL_SECONDS};
    if (put_base64(csr, csr_length, &post.body) || http_call(h, &post, &a)) {
        buffer_free(&post.body);
        return no_memory(e);
    }
    *no = is_no(&a);
    if (a.status != 200)
        r = refused(&a, request->office.text, e);
    else if (framing_base64((const char *)a.body.data, a.body.length, ANSWER_MAX, der) || !der->length)
        r = error_set(e, -EPROTO, "est-form", "the hub's answer to the enrolment is not base64");
    buffer_free(&a.body);
    return r;
}

/* ---- the answer ---- */

static int append_pem(X509 *certificate, struct buffer *out)
{
    autofree char *pem = certificate_to_pem(certificate);
    return pem ? buffer_text(out, pem) : -ENOMEM;
}

/* `leaf`: the certificate of our key; `issuing`: PEM of the others. */
static int read_certificates(const struct buffer *der, EVP_PKEY *key, X509 **leaf, struct buffer *issuing,
                             struct error *e)
{
    const unsigned char *p = der->data;
    with_cleanup(autopkcs7) PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)der->length);
    STACK_OF(X509) *list = p7 && PKCS7_type_is_signed(p7) && p7->d.sign ? p7->d.sign->cert : NULL;
    if (!list || p != der->data + der->length || sk_X509_num(list) < 1 ||
        sk_X509_num(list) > CERTIFICATES_MAX)
        return error_set(e, -EPROTO, "est-form", "the hub's answer to the enrolment holds no certificates");
    for (int i = 0; i < sk_X509_num(list); i++) {
        X509 *c = sk_X509_value(list, i);
        EVP_PKEY *its = X509_get0_pubkey(c);
        if (!*leaf && its && EVP_PKEY_eq(its, key) == 1) {
            X509_up_ref(c);
            *leaf = c;
        } else if (append_pem(c, issuing)) {
            return no_memory(e);
        }
    }
    return *leaf ? 0 : error_set(e, -EPROTO, "est-form", "the hub's answer holds no certificate of our key");
}

static int judge_certificate(const struct enrol_request *request, const struct buffer *ca,
                             const struct buffer *issuing, X509 *leaf, struct error *e)
{
    struct office_id office;
    with_cleanup(autotrust) struct trust *trust =
        trust_new((const char *)ca->data, issuing->length ? (const char *)issuing->data : NULL, e);
    if (!trust)
        return error_prefix(e, -EINVAL, "%s", request->ca_file);
    if (trust_check(trust, leaf, ROLE_OFFICE, clock_utc_ms(), &office, e))
        return error_prefix(e, -EACCES, "the certificate that the hub gives does not hold");
    return office_id_equal(&office, &request->office)
               ? 0
               : error_set(e, -EACCES, "certificate-profile",
                           "the hub gives a certificate of %s instead of %s", office.text,
                           request->office.text);
}

/* ---- the state folder ---- */

static int link_or_same(const char *from, const char *to, struct error *e)
{
    if (link(from, to) == 0 || errno == EEXIST)
        return 0;
    return error_set(e, -errno, "file", "%s: %s", to, strerror(errno));
}

static int sync_folder(const char *dir, struct error *e)
{
    autoclose int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? 0 : error_set(e, -errno, "file", "%s: %s", dir, strerror(errno));
}

/* The pair in force stays where it is and gets a second name under retired/, by the certificate's
 * fingerprint. */
static int retire(const char *dir, const char *key, const char *certificate, struct error *e)
{
    autobuffer pem = {.limit = PEM_MAX};
    autofree char *retired = file_join(dir, "retired");
    char fingerprint[65], path[2][PATH_MAX];
    if (access(certificate, F_OK) || access(key, F_OK))
        return 0;
    if (!retired)
        return no_memory(e);
    if (file_read(certificate, PEM_MAX, &pem, e))
        return e->number;
    with_cleanup(autox509) X509 *leaf = pem.data ? certificate_from_pem((const char *)pem.data, NULL) : NULL;
    if (!leaf)
        return 0; /* unusable: nothing was ever sealed to it */
    certificate_fingerprint(leaf, fingerprint);
    if (mkdir(retired, 0700) && errno != EEXIST)
        return error_set(e, -errno, "file", "%s: %s", retired, strerror(errno));
    snprintf(path[0], PATH_MAX, "%s/%.32s.key", retired, fingerprint);
    snprintf(path[1], PATH_MAX, "%s/%.32s.pem", retired, fingerprint);
    int r = link_or_same(certificate, path[1], e); /* a key has its certificate beside it at any time */
    r = r ? r : link_or_same(key, path[0], e);
    r = r ? r : sync_folder(retired, e);
    return r ? r : sync_folder(dir, e); /* on the disk before the pair in force goes */
}

struct paths {
    char *key, *new_key, *certificate, *new_certificate;
};

static void paths_free(struct paths *p)
{
    free(p->key);
    free(p->new_key);
    free(p->certificate);
    free(p->new_certificate);
}

/* The new pair comes into force by two renames; an interruption between them is mended by keys_recover. */
static int put_into_force(const char *dir, const struct paths *p, const struct buffer *pem, struct error *e)
{
    int r = file_write(p->new_certificate, pem->data, pem->length, 0644, e);
    r = r ? r : retire(dir, p->key, p->certificate, e);
    if (r)
        return r;
    if (rename(p->new_key, p->key))
        return error_set(e, -errno, "file", "%s: %s", p->key, strerror(errno));
    r = sync_folder(dir, e); /* keys_recover mends this order, not the other */
    if (r)
        return r;
    if (rename(p->new_certificate, p->certificate))
        return error_set(e, -errno, "file", "%s: %s", p->certificate, strerror(errno));
    return sync_folder(dir, e);
}

int enrol_office(const struct enrol_request *request, struct error *e)
{
    const char *dir = request->state_dir;
    struct error mine = {0};
    with_cleanup(paths_free) struct paths p = {file_join(dir, "office.key"), file_join(dir, "office.key.new"),
                                               file_join(dir, "office.pem"),
                                               file_join(dir, "office.pem.new")};
    autobuffer ca = {.limit = PEM_MAX}, der = {.limit = ANSWER_MAX}, pem = {.limit = PEM_MAX};
    autobuffer issuing = {.limit = PEM_MAX};
    with_cleanup(autox509) X509 *leaf = NULL;
    if (!e)
        e = &mine;
    if (!p.key || !p.new_key || !p.certificate || !p.new_certificate)
        return no_memory(e);
    int r = file_read(request->ca_file, PEM_MAX, &ca, e);
    if (r == 0 && !ca.data)
        r = error_set(e, -EINVAL, "file", "%s: is empty", request->ca_file);
    r = r ? r : keys_recover(dir, e);
    if (r)
        return r;
    bool made = false, no = false;
    with_cleanup(autopkey) EVP_PKEY *key = new_key(p.new_key, &made, e);
    if (!key)
        return e->number ? e->number : -EIO;
    r = call_simpleenroll(request, &ca, key, &der, &no, e);
    if (made && no)
        unlink(p.new_key); /* a refused token leaves nothing behind */
    r = r ? r : read_certificates(&der, key, &leaf, &issuing, e);
    r = r ? r : judge_certificate(request, &ca, &issuing, leaf, e);
    if (r)
        return r;
    if (append_pem(leaf, &pem) || buffer_append(&pem, issuing.data, issuing.length))
        return no_memory(e);
    return put_into_force(dir, &p, &pem, e);
}

/* ---- the probe ---- */

static int read_pair(const char *dir, struct buffer *key, struct buffer *certificate, struct error *e)
{
    autofree char *key_path = file_join(dir, "office.key"), *certificate_path = file_join(dir, "office.pem");
    if (!key_path || !certificate_path)
        return no_memory(e);
    int r = file_read_secret(key_path, PEM_MAX, key, e);
    return r ? r : file_read(certificate_path, PEM_MAX, certificate, e);
}

int enrol_probe(const char *hub_url, const char *ca_file, const char *state_dir, int64_t *clock_ahead_ms,
                struct error *e)
{
    autobuffer ca = {.limit = PEM_MAX}, certificate = {.limit = PEM_MAX};
    autowiped key = {.limit = PEM_MAX};
    with_cleanup(autohttp) struct http *h = NULL;
    struct http_answer a = {0};
    *clock_ahead_ms = 0;
    int r = file_read(ca_file, PEM_MAX, &ca, e);
    r = r ? r : read_pair(state_dir, &key, &certificate, e);
    if (r)
        return r;
    struct http_options options = {.url = hub_url, .ca = &ca, .certificate = &certificate, .key = &key};
    r = http_new(&options, &h, e);
    if (r)
        return r;
    /* A cheap question that the hub answers to an office only: are there parts of a message that nobody has?
     */
    struct http_request get = {.method = "GET",
                               .path = "/v1/messages/00000000000000000000000000000000/parts",
                               .limit = ANSWER_MAX,
                               .total_seconds = 15};
    if (http_call(h, &get, &a))
        return no_memory(e);
    buffer_free(&a.body);
    if (a.status == 401 || a.status == 403)
        return error_set(e, -EACCES, "certificate-refused",
                         "the hub refuses this office's certificate (%s); do: enrol again with a new token",
                         a.trouble);
    if (a.status != 200)
        return refused(&a, "this office", e);
    /* The header tells whole seconds. */
    if (a.date_ms)
        *clock_ahead_ms = clock_utc_ms() - a.date_ms - 500;
    return 0;
}
