#include "ctl/common.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "control/rules.h"
#include "ctl/commands.h"

/* What a terminal could obey, or what would let a text look like another: controls, also those of U+0080…,
 * ends of a line, changes of the direction of writing. */
static bool is_unsafe(utf8proc_int32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

/* The next character of `text`, -1: its next byte begins none. Returns how many bytes it has. */
static size_t next_character(const char *text, utf8proc_int32_t *c)
{
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)strnlen(text, 4), c);
    return n > 0 ? (size_t)n : 1;
}

void ctl_put_to(FILE *out, const char *text)
{
    utf8proc_int32_t c;
    for (size_t n; *text; text += n) {
        n = next_character(text, &c);
        if (c < 0 || is_unsafe(c))
            fputc('?', out);
        else
            fwrite(text, 1, n, out);
    }
}

void ctl_put(const char *text)
{
    ctl_put_to(stdout, text);
}

void ctl_put_json(const char *text)
{
    utf8proc_int32_t c;
    for (size_t n; *text; text += n) {
        n = next_character(text, &c);
        if (c >= 0 && is_unsafe(c))
            printf("\\u%04x", (unsigned)c);
        else
            fwrite(text, 1, n, stdout);
    }
}

size_t ctl_width(const char *text)
{
    size_t width = 0;
    utf8proc_int32_t c;
    for (size_t n; *text; text += n) {
        n = next_character(text, &c);
        width += c < 0 ? 1 : (size_t)utf8proc_charwidth(c);
    }
    return width;
}

int ctl_fail(const char *command, const struct error *e)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", command);
    ctl_put_to(stderr, e->text);
    fprintf(stderr, " [%s]\n", e->code);
    return CTL_CANNOT;
}

bool ctl_japanese(const char *option)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; !option && i < ARRAY_LENGTH(names); i++) {
        option = getenv(names[i]);
        if (option && !*option)
            option = NULL;
    }
    return option && strncmp(option, "ja", 2) == 0;
}

bool ctl_language_known(const char *language)
{
    return strcmp(language, "ja") == 0 || strcmp(language, "en") == 0;
}

struct settings *ctl_settings(const char *path, struct error *e)
{
    autofree char *real = realpath(path, NULL);
    if (!real) {
        error_set(e, -errno, "file", "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct settings *s = settings_read(real, NULL, e);
    if (s && rules_check(real, NULL, e) == 0)
        return s;
    settings_free(s);
    return NULL;
}

char *ctl_absolute(const char *path)
{
    autofree char *cwd = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
    while (path[0] == '.' && path[1] == '/')
        path += 1 + strspn(path + 1, "/");
    char *absolute = NULL;
    if (!cwd || asprintf(&absolute, "%s%s%s", cwd, path[0] == '/' ? "" : "/", path) < 0)
        return NULL;
    for (size_t n = strlen(absolute); n > 1 && absolute[n - 1] == '/'; n--)
        absolute[n - 1] = '\0';
    return absolute;
}

char *ctl_key_path(const char *state_dir)
{
    return file_join(state_dir, "office.key");
}

char *ctl_certificate_path(const char *state_dir)
{
    return file_join(state_dir, "office.pem");
}

int ctl_line(FILE *in, struct buffer *line, size_t limit)
{
    char part[4096];
    buffer_clear(line);
    while (fgets(part, sizeof part, in)) {
        size_t n = strcspn(part, "\n");
        if (line->length + n > limit || buffer_append(line, part, n))
            return -EPROTO;
        if (part[n] == '\n')
            return 1;
    }
    return line->length || ferror(in) ? -EPROTO : 0;
}
