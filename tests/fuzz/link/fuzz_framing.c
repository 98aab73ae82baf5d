/* What stands before a message's ciphertext, and base64: lengths that lie never lead out of the bytes. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "careplan/envelope.h"
#include "link/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void inside(const uint8_t *data, size_t size, const uint8_t *part, size_t length)
{
    must(length > 0 && part >= data && length <= size && (size_t)(part - data) <= size - length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct framing f;
    struct buffer b = {0};
    int r = framing_parse(data, size, &f);
    must(r == 0 || r == -EAGAIN || r == -EBADMSG);
    must(r != -EAGAIN || size < FRAMING_PREFIX_MAX);
    if (r == 0) {
        inside(data, size, f.acceptance, f.acceptance_length);
        inside(data, size, f.statement, f.statement_length);
        inside(data, size, f.header, f.header_length);
        must(f.prefix <= size && f.prefix <= FRAMING_PREFIX_MAX && f.ciphertext_length > 0);
        framing_put(&b, f.acceptance, f.acceptance_length);
        framing_put(&b, f.statement, f.statement_length);
        framing_put(&b, f.header, f.header_length);
        buffer_u64be(&b, f.ciphertext_length);
        must(b.length == f.prefix);
        buffer_free(&b);
        b = (struct buffer){0};
    }
    r = framing_base64((const char *)data, size, 4096, &b);
    must(r == 0 || r == -EBADMSG || r == -EFBIG);
    must(b.length <= 4096);
    buffer_free(&b);
    return 0;
}
