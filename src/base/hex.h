/* Lower-case hex, and random bytes. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void hex_encode(const void *data, size_t length, char *out); /* writes 2·length + 1 */
bool hex_decode(const char *text, void *out,
                size_t length); /* exactly 2·length lower-case digits, then NUL */

/* Fills from getrandom(2); aborts the process when the kernel has none (it never returns weak bytes). */
void random_bytes(void *out, size_t length);

#endif
