/* A statement from the network. "{…" is signed first, so that what stands behind the signature is reached
 * too. */
#include "fuzz_house.h"

#include <stdlib.h>

#include "base/clock.h"
#include "envelope/signed.h"

static int verify(const uint8_t *der, size_t length, const struct trust *trust, int64_t at)
{
    struct error e = {0};
    struct statement s;
    X509 *signer = NULL;
    int r = statement_verify(der, length, trust, at, &s, &signer, &e);
    fuzz_judge(r, &e);
    if (!signer != (r != 0))
        abort();
    X509_free(signer);
    return r;
}

static void verify_signed(const uint8_t *data, size_t size)
{
    uint8_t *der = NULL;
    size_t length = 0;
    char *text = strndup((const char *)data, size);
    if (signed_make(fuzz_house()->a, text, &der, &length, NULL) == 0)
        verify(der, length, fuzz_house()->trust, clock_utc_ms());
    free(der);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == '{')
        verify_signed(data, size);
    else
        verify(data, size, fuzz_trust(), fuzz_time);
    return 0;
}
