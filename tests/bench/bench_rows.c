#include "bench_rows.h"

#include <stdio.h>

/* "支援 見本子" and "見本訪問介護ステーション" in MS932. */
#define STAFF "\x8E\x78\x89\x87 \x8C\xA9\x96\x7B\x8E\x71"
#define OFFICE \
    "\x8C\xA9\x96\x7B\x96\x4B\x96\xE2\x89\xEE\x8C\xEC\x83\x58\x83\x65\x81\x5B\x83\x56\x83\x87\x83\x93"

enum { DAYS = 30, VISITS = 36, RECORDS_A_USER = DAYS * VISITS };

size_t rows_next(struct rows *r, char out[ROW_SIZE])
{
    uint64_t i = r->next++;
    unsigned in_month = (unsigned)(i % RECORDS_A_USER);
    uint64_t user = r->users ? i / RECORDS_A_USER % r->users : i;
    uint64_t again = r->users ? i / RECORDS_A_USER / r->users : 0;
    unsigned hour = 8 + in_month % VISITS / 4, minute = in_month % 4 * 15;
    int n = snprintf(out, ROW_SIZE,
                     "202407,039999,%010llu,20250325,202504,0300000100,\"" STAFF
                     "\",387,0,202504%02u,,%02u%02u,%02u%02u,1,11%04llu,,,\"\",,0300000005,\"" OFFICE
                     "\",,0,0300000100,\r\n",
                     (unsigned long long)(user % 10000000000), in_month / VISITS + 1, hour, minute, hour + 1,
                     minute, (unsigned long long)(1111 + again % 8000));
    return n > 0 && n < ROW_SIZE ? (size_t)n : 0;
}
