/* Editing the configuration for `careplanctl enrol`: line by line, so that comments and order stay. */
#include "base/settings.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

struct wanted {
    const char *section, *key, *value;
    bool done;
};

static void trim(const char **text, size_t *length)
{
    while (*length && isspace((unsigned char)**text))
        ++*text, --*length;
    while (*length && isspace((unsigned char)(*text)[*length - 1]))
        --*length;
}

/* "[section]" → its name in `out` (128). */
static bool is_section(const char *line, size_t length, char *out)
{
    trim(&line, &length);
    const char *end = length && line[0] == '[' ? memchr(line, ']', length) : NULL;
    if (!end || (size_t)(end - line) > 127)
        return false;
    memcpy(out, line + 1, (size_t)(end - line) - 1);
    out[end - line - 1] = '\0';
    return true;
}

static bool is_key(const char *line, size_t length, const char *key)
{
    trim(&line, &length);
    size_t n = strcspn(line, "=:\n");
    if (n >= length)
        return false;
    trim(&line, &n);
    return n == strlen(key) && memcmp(line, key, n) == 0;
}

static void put(struct buffer *out, struct wanted *w)
{
    buffer_printf(out, "%s = %s\n", w->key, w->value);
    w->done = true;
}

/* Before a section ends, what it still lacks is added to it. */
static void finish_section(struct buffer *out, struct wanted *wanted, size_t n, const char *section)
{
    for (size_t i = 0; i < n; i++)
        if (!wanted[i].done && strcmp(wanted[i].section, section) == 0)
            put(out, &wanted[i]);
}

static void edit_line(struct buffer *out, struct wanted *wanted, size_t n, char *section, const char *line,
                      size_t length)
{
    char next[128];
    if (is_section(line, length, next)) {
        finish_section(out, wanted, n, section);
        strcpy(section, next);
    }
    for (size_t i = 0; i < n; i++)
        if (strcmp(wanted[i].section, section) == 0 && is_key(line, length, wanted[i].key)) {
            if (!wanted[i].done)
                put(out, &wanted[i]);
            return; /* a later value would win: dropped */
        }
    buffer_append(out, line, length);
    if (length && line[length - 1] != '\n')
        buffer_text(out, "\n");
}

static void edit(struct buffer *out, struct wanted *wanted, size_t n, const char *old)
{
    char section[128] = "";
    for (size_t length; *old; old += length) {
        length = strcspn(old, "\n");
        length += old[length] == '\n';
        edit_line(out, wanted, n, section, old, length);
    }
    finish_section(out, wanted, n, section);
    for (size_t i = 0; i < n; i++)
        if (!wanted[i].done) {
            buffer_printf(out, "%s[%s]\n", out->length ? "\n" : "", wanted[i].section);
            finish_section(out, wanted, n, wanted[i].section);
        }
}

int settings_enrol(const char *path, const struct office_id *office, const char *state, const char *hub_url,
                   const char *hub_ca, struct error *e)
{
    if (strpbrk(state, "\n\r") || strpbrk(hub_url, "\n\r") || strpbrk(hub_ca, "\n\r"))
        return error_set(e, -EINVAL, "config-value", "a path or URL holds a line break");
    autobuffer old = {.limit = 1 << 20}, new = {.limit = 2 << 20};
    struct stat status = {.st_mode = 0644, .st_uid = (uid_t)-1, .st_gid = (gid_t)-1};
    bool there = stat(path, &status) == 0;
    int r = there ? file_read(path, 1 << 20, &old, e) : 0;
    if (r)
        return r;
    char section[32] = "office ";
    strcat(section, office->text);
    struct wanted wanted[] = {
        {"hub", "url", hub_url, false}, {"hub", "ca", hub_ca, false}, {section, "state", state, false}};
    edit(&new, wanted, ARRAY_LENGTH(wanted), old.data ? (const char *)old.data : "");
    if (new.failed)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    struct settings *check = settings_read(path, (const char *)new.data, e);
    if (!check)
        return e ? e->number : -EINVAL;
    settings_free(check);
    r = file_write(path, new.data, new.length, status.st_mode & 07777, e);
    if (r == 0 && there && chown(path, status.st_uid, status.st_gid))
        r = error_set(e, -errno, "file", "%s: owner not kept: %s", path, strerror(errno));
    return r;
}
