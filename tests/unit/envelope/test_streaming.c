/* A document of 1 GB is sealed, hashed and opened, and no process's memory rises by more than 8 MiB. Nothing
 * of it is ever held: the document is recomputed at each reading, and so is the ciphertext, by encrypting it
 * again under the same key on the way to the opener. Each phase is a process of its own that looks at its own
 * peak. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/cms.h>

#include "base/clock.h"
#include "base/hex.h"
#include "envelope/hash.h"
#include "envelope/statement.h"
#include "parcel.h"

enum { PATTERN = 1 << 20, PEAK_KIB = 8 * 1024 };
#define DOCUMENT ((uint64_t)1 << 30)

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "streaming: %s\n", what);
        exit(1);
    }
}

/* Peak of the resident memory in KiB. */
static long peak(void)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (status)
        fclose(status);
    must(kib > 0, "no VmHWM in /proc/self/status");
    return kib;
}

struct document {
    uint8_t pattern[PATTERN];
    struct envelope_file file;
};

static size_t document_at(const struct document *d, uint64_t at, const uint8_t **bytes, size_t size)
{
    size_t from = (size_t)(at % PATTERN), n = PATTERN - from < size ? PATTERN - from : size;
    *bytes = d->pattern + from;
    return n < DOCUMENT - at ? n : (size_t)(DOCUMENT - at);
}

static void document_make(struct document *d)
{
    for (size_t i = 0; i < PATTERN; i += 256)
        random_bytes(d->pattern + i, 256);
    d->file = (struct envelope_file){.name = "scan.pdf", .kind = "document", .size = DOCUMENT};
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    must(md && hash_begin(md), "hash");
    for (uint64_t at = 0; at < DOCUMENT; at += PATTERN)
        EVP_DigestUpdate(md, d->pattern, PATTERN);
    must(hash_end(md, &d->file.sha256), "hash");
    EVP_MD_CTX_free(md);
}

/* --- sealing --- */

struct source {
    const struct document *document;
    uint64_t at, written;
};

static int64_t source_read(void *context, size_t index, void *out, size_t size)
{
    struct source *s = context;
    const uint8_t *bytes;
    (void)index;
    size_t n = document_at(s->document, s->at, &bytes, size);
    memcpy(out, bytes, n);
    s->at += n;
    return (int64_t)n;
}

static int source_rewind(void *context)
{
    ((struct source *)context)->at = 0;
    return 0;
}

static int source_write(void *context, const void *data, size_t length)
{
    (void)data;
    ((struct source *)context)->written += length;
    return 0;
}

static void seal(const struct house *h, const struct document *d)
{
    struct source s = {.document = d};
    struct error e = {0};
    struct seal_request q = {.sender = h->a,
                             .recipient = identity_certificate(h->b),
                             .recipient_office = office(OFFICE_B),
                             .created = clock_utc_ms(),
                             .sequence = "",
                             .files = &d->file,
                             .n_files = 1,
                             .read = source_read,
                             .rewind = source_rewind,
                             .write = source_write,
                             .context = &s};
    struct sealed sealed;
    must(envelope_seal(&q, &sealed, &e) == 0, e.text);
    must(s.written == sealed.ciphertext_length && s.written > DOCUMENT, "all of it is written");
    sealed_free(&sealed);
}

/* --- opening --- */

/* The ciphertext of a message, made again at each reading. */
struct replay {
    const struct document *document;
    CMS_ContentInfo *cms;
    EVP_CIPHER_CTX *start, *now; /* CMS's cipher before the first byte, and where the reading stands */
    struct buffer prefix;        /* manifest with its length, the document's length */
    uint64_t at, received;
};

static int64_t replay_read(void *context, size_t index, void *out, size_t size)
{
    struct replay *r = context;
    const uint8_t *bytes = r->prefix.data + r->at;
    size_t n = size;
    (void)index;
    if (r->at < r->prefix.length)
        n = r->prefix.length - (size_t)r->at < size ? r->prefix.length - (size_t)r->at : size;
    else
        n = document_at(r->document, r->at - r->prefix.length, &bytes, size);
    int done = 0;
    if (n && (EVP_EncryptUpdate(r->now, out, &done, bytes, (int)n) != 1 || (size_t)done != n))
        return -EIO;
    r->at += n;
    return (int64_t)n;
}

static void replay_rewind(struct replay *r)
{
    must(EVP_CIPHER_CTX_copy(r->now, r->start) == 1, "rewind");
    r->at = 0;
}

static int replay_check(void *context, size_t index, const void *data, size_t length)
{
    struct replay *r = context;
    (void)index;
    for (const uint8_t *p = data; length > 0;) {
        const uint8_t *bytes;
        size_t n = document_at(r->document, r->received, &bytes, length);
        if (n == 0 || memcmp(p, bytes, n) != 0)
            return -EILSEQ;
        p += n;
        length -= n;
        r->received += n;
    }
    return 0;
}

static void replay_open(struct replay *r, const struct house *h, const struct document *d,
                        const struct statement *s)
{
    *r = (struct replay){.document = d, .start = EVP_CIPHER_CTX_new(), .now = EVP_CIPHER_CTX_new()};
    char *manifest = manifest_of_file(s, &d->file);
    plain_begin(&r->prefix, manifest);
    buffer_u64be(&r->prefix, DOCUMENT);
    free(manifest);
    r->cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_DETACHED | CMS_PARTIAL);
    CMS_RecipientInfo *to = CMS_add1_recipient_cert(r->cms, identity_certificate(h->b), CMS_KEY_PARAM);
    must(to && EVP_PKEY_CTX_set_ecdh_kdf_md(CMS_RecipientInfo_get0_pkey_ctx(to), EVP_sha256()) == 1,
         "recipient");
}

/* Runs the plaintext through CMS's cipher once, so that CMS can write the tag into the header. */
static void replay_header(struct replay *r, struct buffer *header)
{
    EVP_CIPHER_CTX *cipher = NULL;
    BIO *chain = CMS_dataInit(r->cms, BIO_new(BIO_s_null()));
    must(chain && BIO_get_cipher_ctx(BIO_find_type(chain, BIO_TYPE_CIPHER), &cipher) == 1, "cipher");
    must(EVP_CIPHER_CTX_copy(r->start, cipher) == 1, "copy");
    uint8_t *out = malloc(65536), rest[16];
    int64_t n;
    int tail = 0;
    EVP_CIPHER_CTX *own = r->now;
    r->now = cipher;
    while ((n = replay_read(r, 0, out, 65536)) > 0)
        ;
    r->now = own;
    free(out);
    must(n == 0 && EVP_EncryptFinal_ex(cipher, rest, &tail) == 1 && CMS_dataFinal(r->cms, chain) == 1, "tag");
    BIO_free_all(chain);
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(r->cms, &der);
    must(length > 0 && buffer_append(header, der, (size_t)length) == 0, "header");
    OPENSSL_free(der);
}

/* As a receiver does: the hash over what was spooled, then the opening. */
static void open_back(const struct house *h, const struct document *d)
{
    struct statement s = statement_a_to_b();
    struct replay r;
    struct buffer header = {0};
    struct error e = {0};
    replay_open(&r, h, d, &s);
    must(hash_bytes(r.prefix.data + 8, r.prefix.length - 16, &s.manifest), "hash");
    replay_header(&r, &header);

    uint8_t *block = malloc(65536);
    struct envelope_hash *hash = envelope_hash_new();
    envelope_hash_update(hash, header.data, header.length);
    replay_rewind(&r);
    for (int64_t n; (n = replay_read(&r, 0, block, 65536)) > 0;)
        envelope_hash_update(hash, block, (size_t)n);
    must(envelope_hash_check(hash, &s.envelope, &e) == -EBADMSG, "the hash of another envelope");
    free(block);

    replay_rewind(&r);
    struct open_request q = {.self = h->b,
                             .statement = &s,
                             .header = header.data,
                             .header_length = header.length,
                             .limit = ENVELOPE_UNIT_MAX,
                             .read = replay_read,
                             .file_data = replay_check,
                             .context = &r};
    must(envelope_open(&q, &e) == 0, e.text);
    must(r.received == DOCUMENT, "all of it came out");
    EVP_CIPHER_CTX_free(r.start);
    EVP_CIPHER_CTX_free(r.now);
    CMS_ContentInfo_free(r.cms);
    buffer_free(&r.prefix);
    buffer_free(&header);
}

/* --- measuring --- */

/* Everything that is loaded once (algorithms, error texts) is there before the measurement begins. */
static void warm_up(const struct house *h)
{
    struct parcel p;
    parcel_simple(&p, h);
    must(strcmp(parcel_judge(&p, h->trust, h->b, clock_utc_ms(), 0, NULL), "opened") == 0,
         "a small envelope");
    parcel_free(&p);
}

typedef void phase_fn(const struct house *h, const struct document *d);

static bool measured(const char *name, phase_fn *phase, const struct house *h, const struct document *d)
{
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        warm_up(h);
        long before = peak();
        int64_t begin = clock_boot_ms();
        phase(h, d);
        long rise = peak() - before;
        printf("[%s] %s a document of 1 GB: memory rose by %ld KiB (at most %d), %lld ms\n",
               rise <= PEAK_KIB ? "       OK " : "  FAILED  ", name, rise, PEAK_KIB,
               (long long)(clock_boot_ms() - begin));
        exit(rise <= PEAK_KIB ? 0 : 1);
    }
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
    struct house house;
    struct document *document = malloc(sizeof *document);
    must(document != NULL, "memory");
    house_build(&house);
    document_make(document);
    bool sealed = measured("sealing", seal, &house, document);
    bool opened = measured("opening", open_back, &house, document);
    house_free(&house);
    free(document);
    return sealed && opened ? 0 : 1;
}
