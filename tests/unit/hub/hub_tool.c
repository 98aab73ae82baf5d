/* What an office does, for tests that drive the hub from outside:
 *
 *   hub-tool seal KEY CERTIFICATE RECIPIENT.pem RECIPIENT-OFFICE ID SIZE DIR AHEAD
 *       created AHEAD ms in the future; writes DIR/statement, DIR/header, DIR/ciphertext; prints both hashes,
 * in hex hub-tool receipt KEY CERTIFICATE KIND SENDER ID ENVELOPE MANIFEST DETAIL FILE */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "careplan/envelope.h"

static void must(bool good, const char *what, const struct error *e)
{
    if (!good) {
        fprintf(stderr, "hub-tool: %s%s%s\n", what, e ? ": " : "", e ? e->text : "");
        exit(2);
    }
}

struct source {
    uint64_t size, at;
    FILE *out;
};

static uint8_t byte_at(uint64_t at)
{
    return (uint8_t)(at * 2654435761U >> 13);
}

static int64_t read_source(void *context, size_t index, void *out, size_t size)
{
    struct source *s = context;
    (void)index;
    size_t n = 0;
    for (; n < size && s->at < s->size; n++)
        ((uint8_t *)out)[n] = byte_at(s->at++);
    return (int64_t)n;
}

static int rewind_source(void *context)
{
    ((struct source *)context)->at = 0;
    return 0;
}

static int write_ciphertext(void *context, const void *data, size_t length)
{
    struct source *s = context;
    return fwrite(data, 1, length, s->out) == length ? 0 : -EIO;
}

static void write_to(const char *dir, const char *name, const void *data, size_t length)
{
    struct error e;
    autofree char *path = file_join(dir, name);
    must(path && file_write(path, data, length, 0600, &e) == 0, name, &e);
}

static void take_office(struct office_id *office, const char *text)
{
    must(office_id_parse(office, text, strlen(text)), text, NULL);
}

static int seal(char **a)
{
    struct error e = {0};
    struct source source = {.size = strtoull(a[5], NULL, 10)};
    struct envelope_file file = {.name = "letter.bin", .kind = "document", .size = source.size};
    struct seal_request request = {
        .created = clock_utc_ms() + strtoll(a[7], NULL, 10), .sequence = "", .files = &file, .n_files = 1};
    autobuffer pem = {0};
    struct identity *sender = identity_load(a[0], a[1], &e);
    must(sender != NULL, a[0], &e);
    must(file_read(a[2], 1 << 20, &pem, &e) == 0, a[2], &e);
    X509 *recipient = certificate_from_pem((const char *)pem.data, &e);
    must(recipient != NULL, a[2], &e);
    take_office(&request.recipient_office, a[3]);
    must(message_id_parse(&request.id, a[4]), "ID", NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    for (uint64_t at = 0; at < source.size; at++) {
        uint8_t b = byte_at(at);
        EVP_DigestUpdate(md, &b, 1);
    }
    EVP_DigestFinal_ex(md, file.sha256.bytes, NULL);
    EVP_MD_CTX_free(md);
    autofree char *path = file_join(a[6], "ciphertext");
    source.out = fopen(path, "w");
    must(source.out != NULL, path, NULL);
    request.sender = sender;
    request.recipient = recipient;
    request.read = read_source;
    request.rewind = rewind_source;
    request.write = write_ciphertext;
    request.context = &source;
    struct sealed sealed;
    must(envelope_seal(&request, &sealed, &e) == 0, "seal", &e);
    must(fclose(source.out) == 0, path, NULL);
    write_to(a[6], "statement", sealed.statement, sealed.statement_length);
    write_to(a[6], "header", sealed.header, sealed.header_length);
    char envelope[65], manifest[65];
    hex_encode(sealed.envelope_hash.bytes, 32, envelope);
    hex_encode(sealed.manifest_hash.bytes, 32, manifest);
    printf("%s %s\n", envelope, manifest);
    sealed_free(&sealed);
    identity_free(sender);
    X509_free(recipient);
    return 0;
}

static int receipt(char **a)
{
    struct error e = {0};
    struct receipt r = {.at = clock_utc_ms()};
    struct identity *by = identity_load(a[0], a[1], &e);
    must(by != NULL, a[0], &e);
    must(receipt_kind_parse(a[2], &r.kind), "KIND", NULL);
    take_office(&r.sender, a[3]);
    must(message_id_parse(&r.id, a[4]) && hex_decode(a[5], r.envelope.bytes, 32) &&
             hex_decode(a[6], r.manifest.bytes, 32),
         "ID, ENVELOPE or MANIFEST", NULL);
    snprintf(r.detail, sizeof r.detail, "%s", a[7]);
    autofree uint8_t *der = NULL;
    size_t length;
    must(receipt_sign(by, &r, &der, &length, &e) == 0, "sign", &e);
    must(file_write(a[8], der, length, 0600, &e) == 0, a[8], &e);
    identity_free(by);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 10 && strcmp(argv[1], "seal") == 0)
        return seal(argv + 2);
    if (argc == 11 && strcmp(argv[1], "receipt") == 0)
        return receipt(argv + 2);
    fprintf(stderr, "usage: see the top of hub_tool.c\n");
    return 2;
}
