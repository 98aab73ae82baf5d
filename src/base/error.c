#include "careplan/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts a UTF-8 text that snprintf cut inside a character. */
static void trim_partial_character(char *text)
{
    size_t n = strlen(text), back = 0;
    while (back < n && back < 4 && ((unsigned char)text[n - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back == n)
        return;
    unsigned char lead = (unsigned char)text[n - 1 - back];
    size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (lead >= 0x80 && back < need)
        text[n - 1 - back] = '\0';
}

int error_set(struct error *e, int number, const char *code, const char *format, ...)
{
    if (!e)
        return number;
    e->number = number;
    snprintf(e->code, sizeof e->code, "%s", code);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->text, sizeof e->text, format, arguments);
    va_end(arguments);
    trim_partial_character(e->text);
    return number;
}

int error_prefix(struct error *e, int number, const char *format, ...)
{
    if (!e)
        return number;
    char what[sizeof e->text], all[2 * sizeof e->text + 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(all, sizeof all, "%s: %s", what, e->text);
    memcpy(e->text, all, sizeof e->text - 1);
    e->text[sizeof e->text - 1] = '\0';
    trim_partial_character(e->text);
    return e->number ? e->number : number;
}
