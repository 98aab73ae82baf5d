/* Opening. Plaintext comes out of the cipher in blocks and goes through a small machine that knows the
 * layout: manifest length, manifest, then for each file its length and its bytes. The tag is known last;
 * until it has been checked everything that was handed out is only a claim. */
#include "careplan/envelope.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "envelope/hash.h"
#include "envelope/identity_private.h"
#include "envelope/manifest.h"
#include "envelope/openssl.h"

enum { BLOCK = 64 * 1024 };

enum stage { MANIFEST_LENGTH, MANIFEST, FILE_LENGTH, FILE_DATA, END };

struct opening {
    const struct open_request *request;
    struct error *e;
    CMS_ContentInfo *cms;
    BIO *chain;
    EVP_CIPHER_CTX *cipher; /* CMS's, borrowed from `chain` */
    EVP_MD_CTX *file_hash;
    uint8_t *in, *out; /* BLOCK each */

    enum stage stage;
    uint8_t number[8]; /* a length under way */
    size_t number_filled;
    uint64_t left; /* bytes of the manifest or file still to come */
    struct buffer text;
    struct manifest manifest;
    size_t index; /* of the file under way */
};

static void opening_close(struct opening *o)
{
    BIO_free_all(o->chain);
    CMS_ContentInfo_free(o->cms);
    EVP_MD_CTX_free(o->file_hash);
    buffer_wipe(&o->text);
    manifest_free(&o->manifest);
    if (o->out)
        OPENSSL_cleanse(o->out, BLOCK);
    free(o->in);
    free(o->out);
}

/* --- the key --- */

static bool is_for(CMS_RecipientInfo *info, X509 *certificate)
{
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS)
        return CMS_RecipientInfo_ktri_cert_cmp(info, certificate) == 0;
    STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(info);
    return keys && sk_CMS_RecipientEncryptedKey_num(keys) == 1 &&
           CMS_RecipientEncryptedKey_cert_cmp(sk_CMS_RecipientEncryptedKey_value(keys, 0), certificate) == 0;
}

static const struct key_pair *own_pair(const struct identity *self, CMS_ContentInfo *cms)
{
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(cms);
    for (size_t i = 0; i < self->n_pairs; i++)
        if (all && sk_CMS_RecipientInfo_num(all) == 1 &&
            is_for(sk_CMS_RecipientInfo_value(all, 0), self->pairs[i].certificate))
            return &self->pairs[i];
    return NULL;
}

static int bad_tag(struct opening *o)
{

    return error_set(o->e, -EBADMSG, "tag", "the ciphertext or the wrapped key is not genuine");
}

static int cipher_begin(struct opening *o)
{
    const unsigned char *p = o->request->header;
    o->cms = d2i_CMS_ContentInfo(NULL, &p, (long)o->request->header_length);
    if (!o->cms || p != o->request->header + o->request->header_length)
        return openssl_error(o->e, -EBADMSG, "header-form", "the header cannot be read");
    const struct key_pair *pair = own_pair(o->request->self, o->cms);
    if (!pair)
        return error_set(o->e, -EACCES, "wrong-recipient", "sealed to a certificate that is not ours");
    /* For RSA a key that does not unwrap is replaced by a random one here (Bleichenbacher); the tag tells. */
    if (CMS_decrypt_set1_pkey(o->cms, pair->key, pair->certificate) != 1)
        return bad_tag(o);
    BIO *source = BIO_new(BIO_s_null());
    o->chain = source ? CMS_dataInit(o->cms, source) : NULL;
    if (!o->chain) {
        BIO_free(source);
        return bad_tag(o);
    }
    BIO *filter = BIO_find_type(o->chain, BIO_TYPE_CIPHER);
    if (!filter || BIO_get_cipher_ctx(filter, &o->cipher) != 1 || !o->cipher)
        return openssl_error(o->e, -EIO, "open", "cannot begin to decrypt");
    return 0;
}

/* --- the layout --- */

static int manifest_broken(struct opening *o, const char *why)
{
    return error_set(o->e, -EBADMSG, "manifest-form", "%s", why);
}

/* Statement first, manifest second: nothing can be re-addressed. */
static int manifest_compare(struct opening *o)
{
    const struct statement *s = o->request->statement;
    const struct manifest *m = &o->manifest;
    if (memcmp(s->id.bytes, m->id.bytes, sizeof s->id.bytes) == 0 &&
        office_id_equal(&s->sender, &m->sender) && office_id_equal(&s->recipient, &m->recipient) &&
        s->created == m->created)
        return 0;
    return error_set(o->e, -EBADMSG, "re-addressed",
                     "the manifest names another message, sender, recipient or time than the statement");
}

static int manifest_end(struct opening *o)
{
    struct hash256 found;
    if (!hash_bytes(o->text.data, o->text.length, &found) ||
        !hash_equal(&found, &o->request->statement->manifest))
        return error_set(o->e, -EBADMSG, "manifest-hash",
                         "the manifest is not the one that the statement names");
    int r = manifest_read(o->text.data, o->text.length, &o->manifest, o->e);
    if (!r)
        r = manifest_compare(o);
    if (r)
        return r;
    if (manifest_total(&o->manifest) > o->request->limit)
        return error_set(o->e, -EFBIG, "unit-size", "the files are together larger than %llu bytes",
                         (unsigned long long)o->request->limit);
    o->stage = FILE_LENGTH;
    return o->request->manifest
               ? o->request->manifest(o->request->context, &o->manifest, o->text.data, o->text.length)
               : 0;
}

static int file_end(struct opening *o)
{
    struct hash256 found;
    if (!hash_end(o->file_hash, &found) || !hash_equal(&found, &o->manifest.files[o->index].sha256))
        return error_set(o->e, -EBADMSG, "file-hash", "file %zu is not the one that the manifest names",
                         o->index + 1);
    size_t index = o->index++;
    o->stage = o->index < o->manifest.n_files ? FILE_LENGTH : END;
    return o->request->file_end ? o->request->file_end(o->request->context, index) : 0;
}

/* A length of 8 bytes is complete. */
static int number_end(struct opening *o)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | o->number[i];
    o->number_filled = 0;
    o->left = value;
    if (o->stage == MANIFEST_LENGTH) {
        if (value == 0 || value > ENVELOPE_MANIFEST_MAX)
            return manifest_broken(o, "the manifest's length is beyond its limits");
        o->stage = MANIFEST;
        return 0;
    }
    if (value != o->manifest.files[o->index].size)
        return error_set(o->e, -EBADMSG, "file-hash", "file %zu has not the size that the manifest names",
                         o->index + 1);
    if (!hash_begin(o->file_hash))
        return openssl_error(o->e, -EIO, "open", "cannot hash");
    o->stage = FILE_DATA;
    return value == 0 ? file_end(o) : 0;
}

static int take_number(struct opening *o, const uint8_t *data, size_t length, size_t *used)
{
    *used = length < 8 - o->number_filled ? length : 8 - o->number_filled;
    memcpy(o->number + o->number_filled, data, *used);
    o->number_filled += *used;
    return o->number_filled == 8 ? number_end(o) : 0;
}

static int take_manifest(struct opening *o, const uint8_t *data, size_t length, size_t *used)
{
    *used = length < o->left ? length : (size_t)o->left;
    if (buffer_append(&o->text, data, *used))
        return error_set(o->e, -ENOMEM, "memory", "out of memory");
    o->left -= *used;
    return o->left == 0 ? manifest_end(o) : 0;
}

static int take_file(struct opening *o, const uint8_t *data, size_t length, size_t *used)
{
    *used = length < o->left ? length : (size_t)o->left;
    o->left -= *used;
    if (EVP_DigestUpdate(o->file_hash, data, *used) != 1)
        return openssl_error(o->e, -EIO, "open", "cannot hash");
    int r = o->request->file_data ? o->request->file_data(o->request->context, o->index, data, *used) : 0;
    if (r)
        return r;
    return o->left == 0 ? file_end(o) : 0;
}

static int take(struct opening *o, const uint8_t *data, size_t length)
{
    while (length > 0) {
        size_t used = 0;
        int r = 0;
        switch (o->stage) {
        case MANIFEST_LENGTH:
        case FILE_LENGTH:
            r = take_number(o, data, length, &used);
            break;
        case MANIFEST:
            r = take_manifest(o, data, length, &used);
            break;
        case FILE_DATA:
            r = take_file(o, data, length, &used);
            break;
        case END:
            r = error_set(o->e, -EBADMSG, "trailing-bytes", "bytes stand behind the last file");
            break;
        }
        if (r)
            return r;
        data += used;
        length -= used;
    }
    return 0;
}

/* --- the whole --- */

static int decrypt_all(struct opening *o)
{
    for (;;) {
        int64_t got = o->request->read(o->request->context, 0, o->in, BLOCK);
        int n = 0;
        if (got < 0)
            return error_set(o->e, (int)got, "open-read", "the ciphertext cannot be read: %s",
                             strerror((int)-got));
        if (got == 0)
            break;
        if (got > BLOCK || EVP_DecryptUpdate(o->cipher, o->out, &n, o->in, (int)got) != 1)
            return openssl_error(o->e, -EIO, "open", "cannot decrypt");
        int r = take(o, o->out, (size_t)n);
        if (r)
            return r;
    }
    int n = 0;
    if (EVP_DecryptFinal_ex(o->cipher, o->out, &n) != 1 || n != 0)
        return bad_tag(o);
    return o->stage == END ? 0 : manifest_broken(o, "the content ends before the last file does");
}

static int envelope_judge(const struct open_request *request, struct error *e)
{
    with_cleanup(opening_close) struct opening o = {
        .request = request, .e = e, .text = {.limit = ENVELOPE_MANIFEST_MAX}};
    int r = header_check(request->header, request->header_length, e);
    if (r)
        return r;
    if (!office_id_equal(&request->statement->recipient, identity_office(request->self)))
        return error_set(e, -EACCES, "wrong-recipient", "the statement names another recipient");
    o.in = malloc(BLOCK);
    o.out = malloc(BLOCK);
    o.file_hash = EVP_MD_CTX_new();
    if (!o.in || !o.out || !o.file_hash)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    r = cipher_begin(&o);
    return r ? r : decrypt_all(&o);
}

int envelope_open(const struct open_request *request, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    errno = 0;
    return openssl_judged(envelope_judge(request, e), e);
}
