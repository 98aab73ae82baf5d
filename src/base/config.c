#include "base/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

struct reading {
    config_key_fn *fn;
    void *context;
    struct error error;
    const char *text; /* what is left to read */
};

static char *next_line(char *out, int size, void *context)
{
    struct reading *r = context;
    r->text += strspn(r->text, " \t"); /* else inih takes an indented key for the value's next line */
    if (!*r->text || size < 2)
        return NULL;
    size_t n = strcspn(r->text, "\n");
    n += r->text[n] == '\n';
    if (n > (size_t)size - 1)
        n = (size_t)size - 1;
    memcpy(out, r->text, n);
    out[n] = '\0';
    r->text += n;
    return out;
}

static int on_key(void *context, const char *section, const char *key, const char *value)
{
    struct reading *r = context;
    return r->fn(r->context, section, key, value, &r->error) == 0;
}

/* Debian's inih has a buffer of 200 bytes a line and takes the rest of a longer one for a line of its own;
 * such a file is refused before. */
enum { LINE_MAX_BYTES = 198 };

static int check_lines(const char *path, const struct buffer *text, struct error *e)
{
    const char *p = (const char *)text->data;
    if (strlen(p) != text->length)
        return error_set(e, -EINVAL, "config-form", "%s: contains a NUL byte", path);
    for (int line = 1; *p; line++) {
        size_t n = strcspn(p, "\n");
        if (n > LINE_MAX_BYTES)
            return error_set(e, -EINVAL, "config-form", "%s:%d: line longer than %d bytes", path, line,
                             LINE_MAX_BYTES);
        p += n + (p[n] == '\n');
    }
    return 0;
}

/* Keys and values are quoted in errors; they may hold what a terminal obeys. */
static void one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

int config_read(const char *path, const char *data, config_key_fn *fn, void *context, struct error *e)
{
    autobuffer text = {.limit = 1 << 20};
    int r = data ? buffer_text(&text, data) : file_read(path, 1 << 20, &text, e);
    if (r)
        return data ? error_set(e, r, "config-form", "%s: larger than 1 MiB", path) : r;
    if (!text.data)
        return 0; /* an empty file is an empty configuration */
    r = check_lines(path, &text, e);
    if (r)
        return r;
    struct reading reading = {.fn = fn, .context = context, .text = (const char *)text.data};
    int line = ini_parse_stream(next_line, &reading, on_key, &reading);
    if (line == 0)
        return 0;
    if (line < 0)
        return error_set(e, -ENOMEM, "memory", "%s: out of memory", path);
    if (reading.error.number == 0)
        return error_set(e, -EINVAL, "config-form", "%s:%d: neither [section] nor key = value", path, line);
    one_line(reading.error.text);
    if (e)
        *e = reading.error;
    return error_prefix(e, -EINVAL, "%s:%d", path, line);
}

bool config_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    if (!*text || strlen(text) > 18 || strspn(text, "0123456789") != strlen(text))
        return false;
    int64_t v = strtoll(text, NULL, 10);
    if (v < min || v > max)
        return false;
    *out = v;
    return true;
}

bool config_duration(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"y", INT64_C(31536000000)}};
    size_t n = strspn(text, "0123456789");
    char number[20];
    if (n == 0 || n > 12)
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text + n, units[i].unit) == 0) {
            int64_t v = strtoll(number, NULL, 10), most = 100 * units[5].ms;
            if (v > most / units[i].ms)
                return false;
            *ms = v * units[i].ms;
            return true;
        }
    return false;
}
