/* Sealing. The ciphertext is made by CMS's own cipher context, driven directly: CMS makes key, IV, wrapped
 * key and the place of the tag, and the bytes pass through buffers of ours.
 *
 * The envelope's hash begins with the header and the header ends with the tag, so the tag must be known
 * before the first byte of ciphertext is hashed: a small unit waits in memory, a large one is encrypted twice
 * under the same key and IV from the same plaintext. That it was the same is proven by the same tag at the
 * end; before that nothing of the first round has left this function. */
#include "careplan/envelope.h"

#include <errno.h>
#include <string.h>
#include <openssl/rsa.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "envelope/hash.h"
#include "envelope/identity_private.h"
#include "envelope/manifest.h"
#include "envelope/openssl.h"
#include "envelope/statement.h"

enum { BLOCK = 64 * 1024, TAG_SIZE = 16, CIPHER_BLOCK = 16 };

struct sealing {
    const struct seal_request *request;
    struct error *e;
    CMS_ContentInfo *cms;
    BIO *chain;
    EVP_CIPHER_CTX *cipher; /* CMS's, borrowed from `chain` */
    EVP_CIPHER_CTX *again;  /* its copy before the first byte, for the second round */
    EVP_MD_CTX *file_hash, *envelope_hash;
    struct buffer manifest, small; /* small: the ciphertext of a unit in memory */
    uint8_t *in, *out;             /* BLOCK each */
    size_t filled;                 /* of `in`: plaintext that waits to be a whole block */
    uint64_t ciphertext_length;
};

/* Takes one block of ciphertext. */
typedef int block_fn(struct sealing *s, const uint8_t *data, size_t length);

void sealed_free(struct sealed *s)
{
    free(s->statement);
    free(s->header);
    free(s->manifest);
    *s = (struct sealed){0};
}

static void sealing_close(struct sealing *s)
{
    BIO_free_all(s->chain);
    CMS_ContentInfo_free(s->cms);
    EVP_CIPHER_CTX_free(s->again);
    EVP_MD_CTX_free(s->file_hash);
    EVP_MD_CTX_free(s->envelope_hash);
    buffer_wipe(&s->manifest);
    buffer_free(&s->small);
    if (s->in)
        OPENSSL_cleanse(s->in, BLOCK);
    free(s->in);
    free(s->out);
}

/* --- the header --- */

static bool recipient_parameters(CMS_RecipientInfo *info)
{
    EVP_PKEY_CTX *how = CMS_RecipientInfo_get0_pkey_ctx(info);
    if (!how)
        return false;
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE)
        return EVP_PKEY_CTX_set_ecdh_kdf_md(how, EVP_sha256()) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(how, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(how, EVP_sha256()) == 1;
}

static int cipher_begin(struct sealing *s)
{
    s->cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_DETACHED | CMS_PARTIAL);
    CMS_RecipientInfo *to =
        s->cms ? CMS_add1_recipient_cert(s->cms, s->request->recipient, CMS_KEY_PARAM) : NULL;
    if (!to || !recipient_parameters(to))
        return openssl_error(s->e, -EIO, "seal", "cannot seal to the recipient's certificate");
    BIO *sink = BIO_new(BIO_s_null());
    s->chain = sink ? CMS_dataInit(s->cms, sink) : NULL;
    if (!s->chain) {
        BIO_free(sink);
        return openssl_error(s->e, -EIO, "seal", "cannot begin to encrypt");
    }
    BIO *filter = BIO_find_type(s->chain, BIO_TYPE_CIPHER);
    if (!filter || BIO_get_cipher_ctx(filter, &s->cipher) != 1 || !s->cipher)
        return openssl_error(s->e, -EIO, "seal", "cannot begin to encrypt");
    return 0;
}

/* After the last byte of the first round: CMS takes the tag out of the cipher. */
static int header_end(struct sealing *s, struct sealed *out)
{
    uint8_t rest[CIPHER_BLOCK];
    int n = 0;
    if (EVP_EncryptFinal_ex(s->cipher, rest, &n) != 1 || n != 0 || CMS_dataFinal(s->cms, s->chain) != 1)
        return openssl_error(s->e, -EIO, "seal", "cannot end the encryption");
    int length = i2d_CMS_ContentInfo(s->cms, NULL);
    unsigned char *p = length > 0 ? malloc((size_t)length) : NULL;
    if (!p)
        return error_set(s->e, -ENOMEM, "memory", "out of memory");
    out->header = p;
    out->header_length = (size_t)length;
    i2d_CMS_ContentInfo(s->cms, &p);
    return header_check(out->header, out->header_length, s->e);
}

/* --- the plaintext, as a stream of blocks --- */

static int block_end(struct sealing *s, EVP_CIPHER_CTX *cipher, block_fn *take)
{
    int n = 0;
    if (s->filled == 0)
        return 0;
    if (EVP_EncryptUpdate(cipher, s->out, &n, s->in, (int)s->filled) != 1 || n != (int)s->filled)
        return openssl_error(s->e, -EIO, "seal", "cannot encrypt");
    s->filled = 0;
    return take(s, s->out, (size_t)n);
}

static int plain(struct sealing *s, EVP_CIPHER_CTX *cipher, block_fn *take, const void *data, size_t length)
{
    for (const uint8_t *p = data; length > 0;) {
        size_t n = length < BLOCK - s->filled ? length : BLOCK - s->filled;
        memcpy(s->in + s->filled, p, n);
        s->filled += n;
        p += n;
        length -= n;
        int r = s->filled == BLOCK ? block_end(s, cipher, take) : 0;
        if (r)
            return r;
    }
    return 0;
}

static int plain_u64(struct sealing *s, EVP_CIPHER_CTX *cipher, block_fn *take, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    return plain(s, cipher, take, bytes, sizeof bytes);
}

static int file_changed(struct sealing *s, size_t index)
{
    return error_set(s->e, -EIO, "file-changed", "file %zu of the unit is not what was recorded of it",
                     index + 1);
}

/* One file, read straight into the block, its size and hash compared with what the request says. */
static int plain_file(struct sealing *s, EVP_CIPHER_CTX *cipher, block_fn *take, size_t index)
{
    const struct envelope_file *file = &s->request->files[index];
    struct hash256 found;
    int r = plain_u64(s, cipher, take, file->size);
    if (r)
        return r;
    if (!hash_begin(s->file_hash))
        return openssl_error(s->e, -EIO, "seal", "cannot hash");
    for (uint64_t left = file->size;;) {
        int64_t n = s->request->read(s->request->context, index, s->in + s->filled, BLOCK - s->filled);
        if (n < 0)
            return error_set(s->e, (int)n, "seal-read", "file %zu of the unit: %s", index + 1,
                             strerror((int)-n));
        if (n == 0 && left == 0)
            break;
        if (n == 0 || (uint64_t)n > left || (uint64_t)n > BLOCK - s->filled)
            return file_changed(s, index);
        EVP_DigestUpdate(s->file_hash, s->in + s->filled, (size_t)n);
        s->filled += (size_t)n;
        left -= (uint64_t)n;
        r = s->filled == BLOCK ? block_end(s, cipher, take) : 0;
        if (r)
            return r;
    }
    return hash_end(s->file_hash, &found) && hash_equal(&found, &file->sha256) ? 0 : file_changed(s, index);
}

static int plain_all(struct sealing *s, EVP_CIPHER_CTX *cipher, block_fn *take)
{
    s->filled = 0;
    s->ciphertext_length = 0;
    int r = plain_u64(s, cipher, take, s->manifest.length);
    if (!r)
        r = plain(s, cipher, take, s->manifest.data, s->manifest.length);
    for (size_t i = 0; !r && i < s->request->n_files; i++)
        r = plain_file(s, cipher, take, i);
    return r ? r : block_end(s, cipher, take);
}

/* --- the rounds --- */

static int keep_block(struct sealing *s, const uint8_t *data, size_t length)
{
    s->ciphertext_length += length;
    return buffer_append(&s->small, data, length)
               ? error_set(s->e, -ENOMEM, "memory", "out of memory for a unit's ciphertext")
               : 0;
}

static int forget_block(struct sealing *s, const uint8_t *data, size_t length)
{
    (void)data;
    s->ciphertext_length += length;
    return 0;
}

static int send_block(struct sealing *s, const uint8_t *data, size_t length)
{
    s->ciphertext_length += length;
    if (EVP_DigestUpdate(s->envelope_hash, data, length) != 1)
        return openssl_error(s->e, -EIO, "seal", "cannot hash");
    int r = s->request->write(s->request->context, data, length);
    return r ? error_set(s->e, r, "seal-write", "the ciphertext cannot be kept: %s", strerror(-r)) : 0;
}

static int envelope_hash_begin(struct sealing *s, const struct sealed *out)
{
    return hash_begin(s->envelope_hash) &&
                   EVP_DigestUpdate(s->envelope_hash, out->header, out->header_length) == 1
               ? 0
               : openssl_error(s->e, -EIO, "seal", "cannot hash");
}

static int seal_small(struct sealing *s, struct sealed *out)
{
    int r = plain_all(s, s->cipher, keep_block);
    if (!r)
        r = header_end(s, out);
    if (!r)
        r = envelope_hash_begin(s, out);
    s->ciphertext_length = 0;
    for (size_t at = 0; !r && at < s->small.length;) {
        size_t n = s->small.length - at < BLOCK ? s->small.length - at : BLOCK;
        r = send_block(s, s->small.data + at, n);
        at += n;
    }
    return r;
}

static int tags_agree(struct sealing *s)
{
    uint8_t first[TAG_SIZE], second[TAG_SIZE], rest[CIPHER_BLOCK];
    int n = 0;
    if (EVP_EncryptFinal_ex(s->again, rest, &n) != 1 || n != 0 ||
        EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, first) != 1 ||
        EVP_CIPHER_CTX_ctrl(s->again, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, second) != 1)
        return openssl_error(s->e, -EIO, "seal", "cannot end the encryption");
    return CRYPTO_memcmp(first, second, TAG_SIZE) == 0
               ? 0
               : error_set(s->e, -EIO, "file-changed", "a file of the unit changed while it was sealed");
}

static int seal_large(struct sealing *s, struct sealed *out)
{
    if (!s->request->rewind)
        return error_set(s->e, -EINVAL, "seal-rewind", "a unit of this size needs to be read twice");
    s->again = EVP_CIPHER_CTX_new();
    if (!s->again || EVP_CIPHER_CTX_copy(s->again, s->cipher) != 1)
        return openssl_error(s->e, -EIO, "seal", "cannot prepare the second round");
    int r = plain_all(s, s->cipher, forget_block);
    if (!r)
        r = header_end(s, out);
    if (!r)
        r = envelope_hash_begin(s, out);
    if (r)
        return r;
    r = s->request->rewind(s->request->context);
    if (r)
        return error_set(s->e, r, "seal-read", "the unit cannot be read again: %s", strerror(-r));
    r = plain_all(s, s->again, send_block);
    return r ? r : tags_agree(s);
}

/* --- the whole --- */

/* The manifest's text, judged by the reader that the recipient has: nothing is sealed that he would refuse.
 */
static int manifest_prepare(struct sealing *s, struct sealed *out, uint64_t *total)
{
    const struct seal_request *q = s->request;
    struct manifest m = {.id = q->id,
                         .sender = *identity_office(q->sender),
                         .recipient = q->recipient_office,
                         .created = q->created,
                         .n_files = q->n_files};
    if (strlen(q->sequence) >= sizeof m.sequence || q->n_files == 0 || q->n_files > ENVELOPE_FILES_MAX)
        return error_set(s->e, -EINVAL, "manifest-form",
                         "a unit has 1 to %d files and a sequence of 14 digits", ENVELOPE_FILES_MAX);
    strcpy(m.sequence, q->sequence);
    random_bytes(m.salt, sizeof m.salt);
    m.files = malloc(q->n_files * sizeof *m.files);
    if (m.files)
        memcpy(m.files, q->files, q->n_files * sizeof *m.files);
    char *text = m.files ? manifest_write(&m) : NULL;
    manifest_free(&m);
    if (!text)
        return error_set(s->e, -EINVAL, "manifest-form", "a field of the manifest cannot be written");
    size_t length = strlen(text);
    out->manifest = (uint8_t *)text;
    out->manifest_length = length;
    int r = manifest_read(out->manifest, length, &m, s->e);
    if (r)
        return r;
    *total = manifest_total(&m);
    manifest_free(&m);
    if (buffer_append(&s->manifest, text, length) || !hash_bytes(text, length, &out->manifest_hash))
        return error_set(s->e, -ENOMEM, "memory", "out of memory");
    return 0;
}

static int sealing_open(struct sealing *s)
{
    s->in = malloc(BLOCK);
    s->out = malloc(BLOCK);
    s->file_hash = EVP_MD_CTX_new();
    s->envelope_hash = EVP_MD_CTX_new();
    return s->in && s->out && s->file_hash && s->envelope_hash
               ? cipher_begin(s)
               : error_set(s->e, -ENOMEM, "memory", "out of memory");
}

static int seal_all(struct sealing *s, struct sealed *out)
{
    const struct seal_request *q = s->request;
    uint64_t total = 0;
    int r = manifest_prepare(s, out, &total);
    if (!r)
        r = sealing_open(s);
    if (!r)
        r = total <= ENVELOPE_ONE_PASS ? seal_small(s, out) : seal_large(s, out);
    if (r)
        return r;
    if (!hash_end(s->envelope_hash, &out->envelope_hash))
        return openssl_error(s->e, -EIO, "seal", "cannot hash");
    out->ciphertext_length = s->ciphertext_length;
    struct statement statement = {.id = q->id,
                                  .sender = *identity_office(q->sender),
                                  .recipient = q->recipient_office,
                                  .created = q->created,
                                  .envelope = out->envelope_hash,
                                  .manifest = out->manifest_hash,
                                  .has_replaces = q->replaces != NULL,
                                  .head = q->head};
    if (q->replaces)
        statement.replaces = *q->replaces;
    return statement_sign(q->sender, &statement, &out->statement, &out->statement_length, s->e);
}

int envelope_seal(const struct seal_request *request, struct sealed *out, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    *out = (struct sealed){0};
    with_cleanup(sealing_close) struct sealing s = {
        .request = request, .e = e, .small = {.limit = ENVELOPE_ONE_PASS + ENVELOPE_MANIFEST_MAX + BLOCK}};
    int r = seal_all(&s, out);
    if (r)
        sealed_free(out);
    return r;
}
