/* A manifest from a partner; and, behind "L", everything that an envelope may hold: it is encrypted to us,
 * and the statement names whatever stands where the manifest should. */
#include "fuzz_house.h"

#include <stdlib.h>
#include <string.h>

#include "envelope/hash.h"
#include "envelope/manifest.h"

static void judge_text(const uint8_t *data, size_t size)
{
    struct error e = {0};
    struct manifest m;
    int r = manifest_read(data, size, &m, &e);
    fuzz_judge(r, &e);
    if (r == 0) {
        /* What was read can be written and says the same. */
        struct manifest again;
        char *text = manifest_write(&m);
        if (!text || manifest_read((const uint8_t *)text, strlen(text), &again, NULL) ||
            again.n_files != m.n_files || memcmp(again.files, m.files, m.n_files * sizeof *m.files))
            abort();
        manifest_free(&again);
        free(text);
    }
    manifest_free(&m);
}

static void judge_layout(const uint8_t *data, size_t size)
{
    struct forgery f = {.signer = fuzz_house()->a,
                        .to = identity_certificate(fuzz_house()->b),
                        .statement = statement_a_to_b()};
    /* That of the corpus, so that the manifests there fit. */
    memset(f.statement.id.bytes, 0x11, sizeof f.statement.id.bytes);
    f.statement.created = fuzz_time;
    uint64_t length = 0;
    for (size_t i = 0; i < 8 && i < size; i++)
        length = length << 8 | data[i];
    const uint8_t *manifest = size >= 8 ? data + 8 : data;
    size_t left = size >= 8 ? size - 8 : 0;
    if (!hash_bytes(manifest, length < left ? (size_t)length : left, &f.statement.manifest))
        abort();
    f.keep_hashes = true;
    struct buffer plain = {0};
    struct parcel p;
    buffer_append(&plain, data, size);
    parcel_forge(&p, &f, &plain, "");
    parcel_judge_inside(&p, &f.statement, fuzz_house()->b, 1 << 20);
    parcel_free(&p);
    buffer_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == 'L')
        judge_layout(data + 1, size - 1);
    else
        judge_text(data, size);
    return 0;
}
