#include "ctl/common.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "careplan/standard.h"
#include "ctl/commands.h"

static void put_to(FILE *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    for (; *p; p++) {
        bool c1 = *p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0; /* U+0080…009F command terminals too */
        fputc(*p < 0x20 || *p == 0x7F || c1 ? '?' : *p, out);
        p += c1;
    }
}

void ctl_put(const char *text)
{
    put_to(stdout, text);
}

int ctl_fail(const char *command, const struct error *e)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", command);
    put_to(stderr, e->text);
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

static bool rule_known(const char *code)
{
    return careplan_rule_find(code) != NULL;
}

struct settings *ctl_settings(const char *path, struct error *e)
{
    autofree char *real = realpath(path, NULL);
    if (!real) {
        error_set(e, -errno, "file", "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct settings *s = settings_read(real, NULL, e);
    if (s && settings_check_rules(real, NULL, rule_known, e) == 0)
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
