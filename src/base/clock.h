/* Time. Stored and API times are UTC in milliseconds; what people see is +09:00 whatever TZ says; intervals
 * (settle, linger, back-off) run on CLOCK_BOOTTIME. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_utc_ms(void);
int64_t clock_boot_ms(void);

/* "2026-11-24T12:34:56.789Z" (25 bytes with NUL). */
void clock_format_utc(int64_t utc_ms, char out[25]);
/* Reads exactly that form. 0 or -EINVAL. */
int clock_parse_utc(const char *text, int64_t *utc_ms);
/* "2026-11-24 21:34:56", Japan (20 bytes with NUL). */
void clock_format_japan(int64_t utc_ms, char out[20]);
/* "2026-11", Japan (8 bytes with NUL). */
void clock_format_japan_month(int64_t utc_ms, char out[8]);

#endif
