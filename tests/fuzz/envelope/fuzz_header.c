/* A header from the network, judged without a key and then opened. "P" and triples (position, two bytes;
 * mask) change a header that is ours to open, so that the key is used on damage too. */
#include "fuzz_house.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct opening {
    const struct buffer *ciphertext;
    size_t at;
};

static int64_t read_ciphertext(void *context, size_t index, void *out, size_t size)
{
    struct opening *o = context;
    (void)index;
    size_t n = o->ciphertext->length - o->at;
    n = n < size ? n : size;
    if (n)
        memcpy(out, o->ciphertext->data + o->at, n);
    o->at += n;
    return (int64_t)n;
}

static int open_header(const struct statement *s, const struct buffer *ciphertext, const uint8_t *der,
                       size_t length)
{
    struct error e = {0};
    struct opening o = {.ciphertext = ciphertext};
    struct open_request q = {.self = fuzz_house()->b,
                             .statement = s,
                             .header = der,
                             .header_length = length,
                             .limit = 1 << 20,
                             .read = read_ciphertext,
                             .context = &o};
    int r = header_check(der, length, &e);
    fuzz_judge(r, &e);
    int opened = envelope_open(&q, &e);
    fuzz_judge(opened, &e);
    if (r && !opened)
        abort(); /* opened what the check refuses */
    return opened;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct parcel p;
    static struct statement s;
    if (!p.header.length) {
        parcel_simple(&p, fuzz_house());
        if (statement_verify(p.statement.data, p.statement.length, fuzz_house()->trust, clock_utc_ms(), &s,
                             NULL, NULL))
            abort();
    }
    if (!size || data[0] != 'P') {
        open_header(&s, &p.ciphertext, data, size);
        return 0;
    }
    uint8_t *changed = malloc(p.header.length);
    memcpy(changed, p.header.data, p.header.length);
    for (size_t i = 1; i + 2 < size; i += 3)
        changed[(size_t)(data[i] << 8 | data[i + 1]) % p.header.length] ^= data[i + 2];
    /* The header's hash is the statement's business; here a change may only be harmless where nothing rests
     * on it. */
    open_header(&s, &p.ciphertext, changed, p.header.length);
    free(changed);
    return 0;
}
