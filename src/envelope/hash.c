#include "envelope/hash.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"

bool hash_begin(EVP_MD_CTX *md)
{
    return EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
}

bool hash_end(EVP_MD_CTX *md, struct hash256 *out)
{
    return EVP_DigestFinal_ex(md, out->bytes, NULL) == 1;
}

bool hash_bytes(const void *data, size_t length, struct hash256 *out)
{
    return EVP_Digest(data, length, out->bytes, NULL, EVP_sha256(), NULL) == 1;
}

bool hash_equal(const struct hash256 *a, const struct hash256 *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct envelope_hash {
    EVP_MD_CTX *md;
    bool failed;
};

struct envelope_hash *envelope_hash_new(void)
{
    OPENSSL_ERRORS_END_HERE;
    struct envelope_hash *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->md = EVP_MD_CTX_new();
    h->failed = !h->md || !hash_begin(h->md);
    return h;
}

void envelope_hash_update(struct envelope_hash *h, const void *data, size_t length)
{
    if (!h->failed && length > 0)
        h->failed = EVP_DigestUpdate(h->md, data, length) != 1;
}

int envelope_hash_check(struct envelope_hash *h, const struct hash256 *expected, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    struct hash256 found;
    errno = 0;
    bool good = !h->failed && hash_end(h->md, &found) && hash_equal(&found, expected);
    bool failed = h->failed;
    envelope_hash_free(h);
    if (good)
        return 0;
    return openssl_judged(
        error_set(e, failed ? -ENOMEM : -EBADMSG, failed ? "memory" : "envelope-hash",
                  failed ? "out of memory" : "header and ciphertext are not those that the statement names"),
        e);
}

void envelope_hash_free(struct envelope_hash *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->md);
    free(h);
}
