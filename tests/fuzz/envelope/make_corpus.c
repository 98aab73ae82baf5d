/* Makes the corpora of the envelope's fuzz targets and the certificates under which they verify; run by hand
 * when the format changes: make-envelope-corpus tests/fuzz. Its keys are made afresh and thrown away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "envelope/manifest.h"
#include "parcel.h"

static const char *top;

static void put(const char *name, const void *data, size_t length)
{
    char *path = file_join(top, name);
    struct error e = {0};
    if (!path || file_write(path, data, length, 0644, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    free(path);
}

static void put_signed_json(const char *name, const uint8_t *der, size_t length)
{
    const uint8_t *begin = memmem(der, length, "{\"", 2), *end = begin;
    for (int depth = 0; end && end < der + length; end++) {
        depth += *end == '{';
        depth -= *end == '}';
        if (depth == 0)
            break;
    }
    put(name, begin, (size_t)(end - begin) + 1);
}

static void put_receipt(const char *name, const struct identity *by, enum receipt_kind kind,
                        const char *detail, int64_t at)
{
    struct receipt r = {.kind = kind, .sender = office(OFFICE_A), .at = at, .head = {.n = 3}};
    uint8_t *der = NULL;
    size_t length = 0;
    char path[96];
    strcpy(r.detail, detail);
    if (receipt_sign(by, &r, &der, &length, NULL))
        exit(1);
    snprintf(path, sizeof path, "corpus/receipt/%s.der", name);
    put(path, der, length);
    snprintf(path, sizeof path, "corpus/receipt/%s.json", name);
    put_signed_json(path, der, length);
    free(der);
}

static void put_head(const struct identity *by, int64_t at)
{
    struct log_head head = {.n = 9};
    uint8_t *der = NULL;
    size_t length = 0;
    if (log_head_sign(by, &head, at, &der, &length, NULL))
        exit(1);
    put("corpus/receipt/head.der", der, length);
    put_signed_json("corpus/receipt/head.json", der, length);
    free(der);
}

static void put_envelope(const struct house *h, X509 *to, const char *name)
{
    struct forgery f = {.signer = h->a, .to = to, .statement = statement_a_to_b()};
    char path[96], *manifest = manifest_of(&f.statement, "a.CSV", "abc");
    struct buffer plain = {0};
    struct parcel p;
    plain_begin(&plain, manifest);
    plain_file(&plain, "abc");
    parcel_forge(&p, &f, &plain, manifest);
    snprintf(path, sizeof path, "corpus/statement/%s.der", name);
    put(path, p.statement.data, p.statement.length);
    snprintf(path, sizeof path, "corpus/statement/%s.json", name);
    put_signed_json(path, p.statement.data, p.statement.length);
    snprintf(path, sizeof path, "corpus/header/%s.der", name);
    put(path, p.header.data, p.header.length);
    parcel_free(&p);
    buffer_free(&plain);
    free(manifest);
}

static void put_manifest(int64_t at)
{
    struct statement s = statement_a_to_b();
    memset(s.id.bytes, 0x11, sizeof s.id.bytes);
    s.created = at;
    char *manifest = manifest_of(&s, "a.CSV", "abc");
    struct buffer layout = {0};
    put("corpus/manifest/unit.json", manifest, strlen(manifest));
    buffer_text(&layout, "L");
    plain_begin(&layout, manifest);
    plain_file(&layout, "abc");
    put("corpus/manifest/layout", layout.data, layout.length);
    buffer_free(&layout);
    free(manifest);
}

static void put_people(const struct house *h, int64_t at)
{
    struct buffer text = {0};
    buffer_printf(&text,
                  "/* Made by make_corpus.c: the certificates under which the corpora verify. */\n"
                  "#ifndef CORPUS_PEOPLE_H\n#define CORPUS_PEOPLE_H\n\n#define CORPUS_TIME INT64_C(%lld)\n",
                  (long long)at);
    const char *const names[] = {"corpus_root", "corpus_issuing"}, *const pems[] = {
                                                                       h->files.root_certificate,
                                                                       h->files.issuing_certificate};
    for (size_t i = 0; i < 2; i++) {
        buffer_printf(&text, "\nstatic const char %s[] =", names[i]);
        for (const char *line = pems[i]; *line; line += strcspn(line, "\n") + 1)
            buffer_printf(&text, "\n    \"%.*s\\n\"", (int)strcspn(line, "\n"), line);
        buffer_text(&text, ";\n");
    }
    buffer_text(&text, "\n#endif\n");
    put("envelope/corpus_people.h", text.data, text.length);
    buffer_free(&text);
}

int main(int argc, char **argv)
{
    struct house h;
    if (argc != 2)
        return 2;
    top = argv[1];
    house_build(&h);
    int64_t now = clock_utc_ms();
    EVP_PKEY *key = rsa_key(3072);
    struct identity *rsa = house_identity(&h, key, OFFICE_B);
    put_people(&h, now);
    put_envelope(&h, identity_certificate(h.b), "p256");
    put_envelope(&h, identity_certificate(rsa), "rsa");
    put("corpus/header/changed", "P\0\x10\x01", 4);
    put_receipt("accepted", h.signer, RECEIPT_ACCEPTED, "", now);
    put_receipt("received", h.b, RECEIPT_RECEIVED, "", now);
    put_receipt("taken", h.b, RECEIPT_TAKEN, "removed", now);
    put_receipt("refused", h.b, RECEIPT_REFUSED, "envelope", now);
    put_head(h.signer, now);
    put_manifest(now);
    identity_free(rsa);
    house_free(&h);
    return 0;
}
