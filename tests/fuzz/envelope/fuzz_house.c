#include "fuzz_house.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "corpus_people.h"

const int64_t fuzz_time = CORPUS_TIME;

const struct house *fuzz_house(void)
{
    static struct house house;
    static bool built;
    if (!built)
        house_build(&house);
    built = true;
    return &house;
}

const struct trust *fuzz_trust(void)
{
    static struct trust *trust;
    if (!trust)
        trust = trust_new(corpus_root, corpus_issuing, NULL);
    if (!trust)
        abort();
    return trust;
}

void fuzz_judge(int r, const struct error *e)
{
    if (ERR_peek_error() ||
        (r && (r > 0 || e->number != r || !e->code[0] || !e->text[0] || strpbrk(e->text, "\n\r"))))
        abort();
}
