/* Receipts and log heads from the network. "{…" is signed first, by the hub when its kind is "accepted". */
#include "fuzz_house.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "envelope/signed.h"

static void verify(const uint8_t *der, size_t length, const struct trust *trust, int64_t at)
{
    struct error e = {0};
    struct receipt r;
    struct log_head head;
    struct office_id by;
    int64_t when;
    fuzz_judge(receipt_verify(der, length, trust, at, &r, &by, &e), &e);
    e = (struct error){0};
    fuzz_judge(log_head_verify(der, length, trust, at, &head, &when, &e), &e);
}

static void verify_signed(const uint8_t *data, size_t size)
{
    const struct house *h = fuzz_house();
    uint8_t *der = NULL;
    size_t length = 0;
    char *text = strndup((const char *)data, size);
    bool hub = strstr(text, "\"accepted\"") || strstr(text, "\"head\",");
    if (signed_make(hub ? h->signer : h->b, text, &der, &length, NULL) == 0)
        verify(der, length, h->trust, clock_utc_ms());
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
