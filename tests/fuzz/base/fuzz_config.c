/* The configuration file: any text is either settings or one clear error. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct error e = {0};
    struct settings *s = settings_read("fuzz", text, &e);
    if (!s && (e.number == 0 || !e.code[0] || !e.text[0] || strpbrk(e.text, "\n\r")))
        abort(); /* a refusal without one clear line */
    settings_free(s);
    free(text);
    return 0;
}
