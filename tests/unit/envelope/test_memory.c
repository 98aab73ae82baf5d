/* Want of memory is no judgement: when an allocation of OpenSSL or of the JSON reader fails, what is genuine
 * is verified, or "out of memory" is the answer. OpenSSL 3.0 clears errno behind a few of its allocations:
 * those few may still be taken for a fault, and the link fetches once more before it believes one. (Opening
 * is not tried so: EVP_KDF_CTX_new of OpenSSL 3.0 does not live through it.) */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "parcel.h"

static long left = -1; /* allocations until the one that fails; negative: none does */
static bool failed;

static bool fails(void)
{
    if (left < 0 || left-- > 0)
        return false;
    left = -1;
    errno = ENOMEM;
    return failed = true;
}

static void *openssl_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : malloc(n);
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : realloc(p, n);
}

static void openssl_release(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

static void *json_malloc(size_t n)
{
    return fails() ? NULL : malloc(n);
}

static struct house house;
static struct parcel parcel;
static uint8_t *receipt;
static size_t receipt_length;

static const char *statement_verified(void)
{
    static struct error e;
    struct statement found;
    return statement_verify(parcel.statement.data, parcel.statement.length, house.trust, clock_utc_ms(),
                            &found, NULL, &e)
               ? e.code
               : "opened";
}

static const char *receipt_verified(void)
{
    static struct error e;
    struct receipt r;
    return receipt_verify(receipt, receipt_length, house.trust, clock_utc_ms(), &r, NULL, &e) ? e.code
                                                                                              : "opened";
}

/* Each allocation in turn fails once, until all are behind. */
static void never_judged_falsely(const char *(*judge)(void))
{
    size_t without_memory = 0, falsely = 0;
    long n = 0;
    assert_string_equal(judge(), "opened"); /* what is made once is made */
    for (;; n++) {
        left = n;
        failed = false;
        const char *answer = judge();
        left = -1;
        falsely += strcmp(answer, "opened") != 0 && strcmp(answer, "memory") != 0;
        without_memory += strcmp(answer, "memory") == 0;
        if (!failed)
            break;
    }
    assert_true(without_memory > 200);
    assert_true((long)falsely * 200 < n);
    assert_string_equal(judge(), "opened");
}

static void a_statement_is_not_false_for_want_of_memory(void **state)
{
    (void)state;
    never_judged_falsely(statement_verified);
}

static void a_receipt_is_not_false_for_want_of_memory(void **state)
{
    (void)state;
    never_judged_falsely(receipt_verified);
}

static int build(void **state)
{
    (void)state;
    struct receipt r = {.kind = RECEIPT_RECEIVED, .sender = office(OFFICE_A), .at = clock_utc_ms()};
    house_build(&house);
    parcel_simple(&parcel, &house);
    return receipt_sign(house.b, &r, &receipt, &receipt_length, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    free(receipt);
    parcel_free(&parcel);
    house_free(&house);
    return 0;
}

int main(void)
{
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_release) != 1)
        return 1; /* before OpenSSL allocates anything */
    json_set_alloc_funcs(json_malloc, free);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_is_not_false_for_want_of_memory),
        cmocka_unit_test(a_statement_is_not_false_for_want_of_memory),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
