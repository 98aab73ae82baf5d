#include "parcel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/clock.h"
#include "envelope/hash.h"
#include "envelope/manifest.h"
#include "envelope/statement.h"

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "test parcel: %s\n", what);
        abort();
    }
}

void parcel_free(struct parcel *p)
{
    buffer_free(&p->statement);
    buffer_free(&p->header);
    buffer_free(&p->ciphertext);
    buffer_free(&p->manifest);
    *p = (struct parcel){0};
}

void contents_add(struct contents *c, const char *name, const char *kind, const void *data, size_t length)
{
    struct envelope_file *f = &c->files[c->n];
    must(c->n < 4, "at most four files");
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->kind, sizeof f->kind, "%s", kind);
    f->size = length;
    must(hash_bytes(data, length, &f->sha256), "hash");
    c->data[c->n++] = data;
}

/* --- sealing --- */

struct sealer {
    const struct contents *contents;
    struct parcel *parcel;
    size_t index, at, rewound;
};

static int64_t sealer_read(void *context, size_t index, void *out, size_t size)
{
    struct sealer *s = context;
    if (index != s->index) {
        must(index == s->index + 1, "files are asked for in order");
        s->index = index;
        s->at = 0;
    }
    size_t left = (size_t)s->contents->files[index].size - s->at;
    size_t n = left < size ? left : size;
    memcpy(out, s->contents->data[index] + s->at, n);
    s->at += n;
    return (int64_t)n;
}

static int sealer_rewind(void *context)
{
    struct sealer *s = context;
    must(s->parcel->ciphertext.length == 0, "nothing is written before the first reading has ended");
    s->index = s->at = 0;
    return s->rewound++ == 0 ? 0 : -EIO;
}

static int sealer_write(void *context, const void *data, size_t length)
{
    struct sealer *s = context;
    return buffer_append(&s->parcel->ciphertext, data, length);
}

int parcel_seal(struct parcel *p, const struct order *order, const struct contents *c, struct error *e)
{
    *p = (struct parcel){0};
    struct sealer s = {.contents = c, .parcel = p};
    struct seal_request q = {.sender = order->from,
                             .recipient = order->to,
                             .recipient_office = office(order->to_office),
                             .created = clock_utc_ms(),
                             .sequence = order->sequence ? order->sequence : "",
                             .replaces = order->replaces,
                             .head = {.n = 7, .hash = {{1, 2, 3}}},
                             .files = c->files,
                             .n_files = c->n,
                             .read = sealer_read,
                             .rewind = order->without_rewind ? NULL : sealer_rewind,
                             .write = sealer_write,
                             .context = &s};
    message_id_new(&q.id);
    struct sealed sealed;
    int r = envelope_seal(&q, &sealed, e);
    if (r == 0) {
        must(sealed.ciphertext_length == p->ciphertext.length, "the ciphertext's length");
        buffer_append(&p->statement, sealed.statement, sealed.statement_length);
        buffer_append(&p->header, sealed.header, sealed.header_length);
        buffer_append(&p->manifest, sealed.manifest, sealed.manifest_length);
    }
    sealed_free(&sealed);
    return r;
}

void parcel_simple(struct parcel *p, const struct house *h)
{
    struct contents c = {0};
    contents_add(&c, "UPPLAN_202504_0300000100_43_0300000200_11_20250401090000.CSV", "UPPLAN",
                 "\"202504\"\r\n", 10);
    struct order order = {
        .from = h->a, .to = identity_certificate(h->b), .to_office = OFFICE_B, .sequence = "20250401090000"};
    must(parcel_seal(p, &order, &c, NULL) == 0, "a simple envelope");
}

/* --- judging --- */

struct opener {
    const struct buffer *ciphertext;
    size_t at, step;
    struct delivery *delivery;
};

static int64_t opener_read(void *context, size_t index, void *out, size_t size)
{
    struct opener *o = context;
    must(index == 0, "the ciphertext is one stream");
    size_t n = o->ciphertext->length - o->at;
    n = n < size ? n : size;
    if (o->step && o->step < n)
        n = o->step;
    if (n)
        memcpy(out, o->ciphertext->data + o->at, n);
    o->at += n;
    return (int64_t)n;
}

static int opener_manifest(void *context, const struct manifest *m, const uint8_t *json, size_t length)
{
    struct opener *o = context;
    struct hash256 found;
    must(hash_bytes(json, length, &found), "hash");
    if (!o->delivery)
        return 0;
    must(hash_equal(&found, &o->delivery->statement.manifest),
         "the manifest that is handed out is the named one");
    o->delivery->manifest = *m;
    o->delivery->manifest.files = NULL;
    o->delivery->n = m->n_files;
    memcpy(o->delivery->files, m->files, (m->n_files < 4 ? m->n_files : 4) * sizeof *m->files);
    return 0;
}

static int opener_data(void *context, size_t index, const void *data, size_t length)
{
    struct opener *o = context;
    return o->delivery ? buffer_append(&o->delivery->data[index], data, length) : 0;
}

static int opener_end(void *context, size_t index)
{
    struct opener *o = context;
    if (o->delivery)
        must(index == o->delivery->ended++, "files end in order, each once");
    return 0;
}

void delivery_free(struct delivery *d)
{
    for (size_t i = 0; i < 4; i++)
        buffer_free(&d->data[i]);
    *d = (struct delivery){0};
}

static const char *code_of(int r, const struct error *e)
{
    static char code[sizeof e->code];
    if (r == 0)
        return "opened";
    must(e->number == r && e->text[0] && e->code[0], "a refusal says why");
    must(ERR_peek_error() == 0, "no error stays in OpenSSL's queue");
    snprintf(code, sizeof code, "%s", e->code);
    return code;
}

static int open_parcel(const struct parcel *p, const struct statement *s, const struct identity *self,
                       uint64_t limit, size_t step, struct delivery *d, struct error *e)
{
    struct opener o = {.ciphertext = &p->ciphertext, .step = step, .delivery = d};
    struct open_request q = {.self = self,
                             .statement = s,
                             .header = p->header.data,
                             .header_length = p->header.length,
                             .limit = limit,
                             .read = opener_read,
                             .manifest = opener_manifest,
                             .file_data = opener_data,
                             .file_end = opener_end,
                             .context = &o};
    return envelope_open(&q, e);
}

const char *parcel_judge(const struct parcel *p, const struct trust *trust, const struct identity *self,
                         int64_t at, size_t step, struct delivery *d)
{
    struct error e = {0};
    struct statement s;
    int r = statement_verify(p->statement.data, p->statement.length, trust, at, &s, NULL, &e);
    if (r)
        return code_of(r, &e);
    struct envelope_hash *h = envelope_hash_new();
    must(h != NULL, "memory");
    envelope_hash_update(h, p->header.data, p->header.length);
    envelope_hash_update(h, p->ciphertext.data, p->ciphertext.length);
    r = envelope_hash_check(h, &s.envelope, &e);
    if (r)
        return code_of(r, &e);
    if (d) {
        *d = (struct delivery){.statement = s};
        for (size_t i = 0; i < 4; i++)
            d->data[i].limit = 64 << 20;
    }
    return code_of(open_parcel(p, &s, self, ENVELOPE_UNIT_MAX, step, d, &e), &e);
}

const char *parcel_judge_inside(const struct parcel *p, const struct statement *s,
                                const struct identity *self, uint64_t limit)
{
    struct error e = {0};
    int r = open_parcel(p, s, self, limit, 0, NULL, &e);
    return code_of(r, &e);
}

/* --- forging --- */

void plain_begin(struct buffer *plain, const char *manifest)
{
    buffer_u64be(plain, strlen(manifest));
    buffer_text(plain, manifest);
}

void plain_file(struct buffer *plain, const char *data)
{
    buffer_u64be(plain, strlen(data));
    buffer_text(plain, data);
}

static void add_recipient(CMS_ContentInfo *cms, X509 *to, const EVP_MD *kdf)
{
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, to, CMS_KEY_PARAM);
    EVP_PKEY_CTX *how = info ? CMS_RecipientInfo_get0_pkey_ctx(info) : NULL;
    must(how != NULL, "recipient");
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE)
        must(EVP_PKEY_CTX_set_ecdh_kdf_md(how, kdf) == 1, "KDF");
    else
        must(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_OAEP_PADDING) == 1 &&
                 EVP_PKEY_CTX_set_rsa_oaep_md(how, kdf) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(how, kdf) == 1,
             "OAEP");
}

/* CMS_final on a detached content throws the ciphertext away; a chain of one's own keeps it. */
void parcel_forge(struct parcel *p, const struct forgery *f, const struct buffer *plain, const char *manifest)
{
    const EVP_CIPHER *cipher = f->cipher ? f->cipher : EVP_aes_256_gcm();
    const EVP_MD *kdf = f->kdf ? f->kdf : EVP_sha256();
    struct statement s = f->statement;
    *p = (struct parcel){0};
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, cipher, CMS_BINARY | CMS_DETACHED | CMS_PARTIAL);
    must(cms != NULL, "CMS_encrypt");
    add_recipient(cms, f->to, kdf);
    if (f->second)
        add_recipient(cms, f->second, kdf);
    BIO *sink = BIO_new(BIO_s_mem()), *chain = CMS_dataInit(cms, sink);
    must(chain && BIO_write(chain, plain->data, (int)plain->length) == (int)plain->length &&
             BIO_flush(chain) == 1 && CMS_dataFinal(cms, chain) == 1,
         "encrypt");
    char *data;
    long n = BIO_get_mem_data(sink, &data);
    buffer_append(&p->ciphertext, data, (size_t)n);
    BIO_free_all(chain);
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(cms, &der);
    must(length > 0, "header");
    buffer_append(&p->header, der, (size_t)length);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    if (!f->keep_hashes) {
        struct buffer both = {0};
        buffer_append(&both, p->header.data, p->header.length);
        buffer_append(&both, p->ciphertext.data, p->ciphertext.length);
        must(hash_bytes(both.data, both.length, &s.envelope) &&
                 hash_bytes(manifest, strlen(manifest), &s.manifest),
             "hash");
        buffer_free(&both);
    }
    uint8_t *signed_statement = NULL;
    size_t signed_length = 0;
    must(statement_sign(f->signer, &s, &signed_statement, &signed_length, NULL) == 0, "sign");
    buffer_append(&p->statement, signed_statement, signed_length);
    free(signed_statement);
    ERR_clear_error();
}

char *manifest_of_file(const struct statement *s, const struct envelope_file *file)
{
    struct envelope_file copy = *file;
    struct manifest m = {.salt = {9},
                         .id = s->id,
                         .sender = s->sender,
                         .recipient = s->recipient,
                         .created = s->created,
                         .n_files = 1,
                         .files = &copy};
    if (strcmp(file->kind, "document") != 0)
        strcpy(m.sequence, "20250401090000");
    char *text = manifest_write(&m);
    must(text != NULL, "manifest");
    return text;
}

char *manifest_of(const struct statement *s, const char *name, const char *data)
{
    struct envelope_file file = {.kind = "UPPLAN", .size = strlen(data)};
    snprintf(file.name, sizeof file.name, "%s", name);
    must(hash_bytes(data, strlen(data), &file.sha256), "hash");
    return manifest_of_file(s, &file);
}

struct statement statement_a_to_b(void)
{
    struct statement s = {
        .sender = office(OFFICE_A), .recipient = office(OFFICE_B), .created = clock_utc_ms()};
    message_id_new(&s.id);
    return s;
}
