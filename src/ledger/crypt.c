#include "ledger/crypt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/hex.h"

static const uint64_t KEY_ITSELF = UINT64_MAX;

static void context_free(EVP_CIPHER_CTX **x)
{
    EVP_CIPHER_CTX_free(*x);
}

static int storage_key_read(struct crypt *c, const char *path, struct error *e)
{
    struct buffer key = {.limit = 64};
    int r = file_read_secret(path, 64, &key, e);
    if (r == 0 && key.length != CRYPT_KEY)
        r = error_set(e, -EINVAL, "storage-key", "%s: not a storage key (%zu bytes instead of %d)", path,
                      key.length, CRYPT_KEY);
    if (r == 0)
        memcpy(c->storage, key.data, CRYPT_KEY);
    buffer_wipe(&key);
    return r;
}

static int storage_key_open(struct crypt *c, const char *path, int may_make, struct error *e)
{
    if (access(path, F_OK) == 0)
        return storage_key_read(c, path, e);
    if (!may_make)
        return error_set(e, -ENOENT, "storage-key-missing",
                         "%s: missing; without it the ledger's contents cannot be read; put it back from the "
                         "backup",
                         path);
    random_bytes(c->storage, CRYPT_KEY);
    return file_write(path, c->storage, CRYPT_KEY, 0600, e);
}

int crypt_open(struct crypt *c, const char *state_dir, int may_make, struct error *e)
{
    c->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!c->gcm || !c->sha256)
        return error_set(e, -EIO, "openssl", "OpenSSL has no AES-256-GCM or SHA-256");
    autofree char *path = file_join(state_dir, "storage.key");
    return path ? storage_key_open(c, path, may_make, e) : error_set(e, -ENOMEM, "memory", "out of memory");
}

void crypt_close(struct crypt *c)
{
    EVP_CIPHER_free(c->gcm);
    EVP_MD_free(c->sha256);
    OPENSSL_cleanse(c, sizeof *c);
}

static void place_bytes(struct crypt_place at, uint8_t out[16])
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(at.content >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(at.block >> (56 - 8 * i));
    }
}

int crypt_seal(const struct crypt *c, const uint8_t key[CRYPT_KEY], struct crypt_place at, uint8_t *piece,
               size_t length)
{
    uint8_t place[16], *data = piece + CRYPT_NONCE;
    int n;
    place_bytes(at, place);
    random_bytes(piece, CRYPT_NONCE);
    with_cleanup(context_free) EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    if (!x || EVP_EncryptInit_ex2(x, c->gcm, key, piece, NULL) != 1 ||
        EVP_EncryptUpdate(x, NULL, &n, place, sizeof place) != 1 ||
        EVP_EncryptUpdate(x, data, &n, data, (int)length) != 1 || EVP_EncryptFinal_ex(x, data + n, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, CRYPT_TAG, data + length) != 1)
        return -ENOMEM;
    return 0;
}

int crypt_unseal(const struct crypt *c, const uint8_t key[CRYPT_KEY], struct crypt_place at,
                 const uint8_t *piece, size_t length, uint8_t *out)
{
    if (length < CRYPT_OVERHEAD || length > INT32_MAX)
        return -EBADMSG;
    uint8_t place[16], tag[CRYPT_TAG];
    int n, data = (int)(length - CRYPT_OVERHEAD);
    place_bytes(at, place);
    memcpy(tag, piece + length - CRYPT_TAG, CRYPT_TAG);
    with_cleanup(context_free) EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    if (!x)
        return -ENOMEM;
    if (EVP_DecryptInit_ex2(x, c->gcm, key, piece, NULL) != 1 ||
        EVP_DecryptUpdate(x, NULL, &n, place, sizeof place) != 1 ||
        EVP_DecryptUpdate(x, out, &n, piece + CRYPT_NONCE, data) != 1 ||
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, CRYPT_TAG, tag) != 1 ||
        EVP_DecryptFinal_ex(x, out + n, &n) != 1)
        return -EBADMSG;
    return 0;
}

int crypt_wrap(const struct crypt *c, uint64_t content, const uint8_t key[CRYPT_KEY],
               uint8_t wrapped[CRYPT_WRAPPED])
{
    memcpy(wrapped + CRYPT_NONCE, key, CRYPT_KEY);
    return crypt_seal(c, c->storage, (struct crypt_place){content, KEY_ITSELF}, wrapped, CRYPT_KEY);
}

int crypt_unwrap(const struct crypt *c, uint64_t content, const uint8_t *wrapped, size_t length,
                 uint8_t key[CRYPT_KEY])
{
    if (length != CRYPT_WRAPPED)
        return -EBADMSG;
    return crypt_unseal(c, c->storage, (struct crypt_place){content, KEY_ITSELF}, wrapped, length, key);
}
