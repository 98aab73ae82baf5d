#include "mount/names.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "base/cleanup.h"

enum {
    HOSTILE_MAX = 1024,      /* bytes of a hostile display name that are looked at */
    DISPLAY_CHARACTERS = 40, /* code points of it that are kept */
};

static const char *const report_suffixes[] = {
    [CAREPLAN_REPORT_ERROR] = ".エラー.txt",
    [CAREPLAN_REPORT_INCOMPLETE] = ".未完成.txt",
    [CAREPLAN_REPORT_CONFIRM] = ".確認.txt",
};
static const char *const page_names[] = {"送受信状況.html", "送受信一覧.csv"};

/* Characters that change the direction of what stands beside them: they can make a name look like another. */
static bool is_bidirectional(utf8proc_int32_t c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static bool is_control(utf8proc_int32_t c)
{
    /* C0, DEL, C1; line and paragraph separators break lines as controls do. */
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* Takes no room on the screen: harmless in a user's own name, but two hostile names could look alike. */
static bool is_invisible(utf8proc_int32_t c)
{
    return c == 0x00ad || c == 0x034f || c == 0x115f || c == 0x1160 || c == 0x180e ||
           (c >= 0x200b && c <= 0x200d) || (c >= 0x2060 && c <= 0x206f) || c == 0x3164 || c == 0xfeff ||
           c == 0xffa0 || (c >= 0xfff0 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

static bool is_windows_separator(utf8proc_int32_t c)
{
    return c < 0x80 && c > 0 && strchr("<>:\"/\\|?*", (int)c);
}

/* The devices of DOS: with any extension, any case, and spaces before the dot they still are the device. */
static bool is_device_name(const char *name)
{
    static const char *const plain[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    static const char *const numbers[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"};
    size_t n = strcspn(name, ".");
    while (n && name[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < ARRAY_LENGTH(plain); i++)
        if (n == strlen(plain[i]) && strncasecmp(name, plain[i], n) == 0)
            return true;
    if (n < 4 || (strncasecmp(name, "COM", 3) != 0 && strncasecmp(name, "LPT", 3) != 0))
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        if (n - 3 == strlen(numbers[i]) && memcmp(name + 3, numbers[i], n - 3) == 0)
            return true;
    return false;
}

/* The next code point at `text`; its bytes in *length (at least 1). Negative: not UTF-8. */
static utf8proc_int32_t next_character(const char *text, size_t left, size_t *length)
{
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)left, &c);
    *length = n > 0 ? (size_t)n : 1;
    return n > 0 ? c : -1;
}

static bool is_plain_ascii(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
            return false;
    return true;
}

/* What Windows can hold, of a name in UTF-8. */
static bool windows_can_hold(const char *name)
{
    size_t length = strlen(name), step = 0;
    if (length == 0 || name[length - 1] == '.' || name[length - 1] == ' ' || is_device_name(name))
        return false;
    for (size_t i = 0; i < length; i += step) {
        utf8proc_int32_t c = next_character(name + i, length - i, &step);
        if (c < 0 || is_control(c) || is_bidirectional(c) || is_windows_separator(c))
            return false;
    }
    return true;
}

int name_normalise(const char *name, char out[256])
{
    size_t length = strnlen(name, HOSTILE_MAX + 1);
    if (length > HOSTILE_MAX)
        return -ENAMETOOLONG;
    autofree utf8proc_uint8_t *composed = NULL;
    const char *text = name;
    if (!is_plain_ascii(name)) {
        utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)name, (utf8proc_ssize_t)length, &composed,
                                          UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (n < 0)
            return n == UTF8PROC_ERROR_NOMEM ? -ENOMEM : -EINVAL;
        text = (const char *)composed;
        length = (size_t)n;
    }
    if (length > NAMES_MAX)
        return -ENAMETOOLONG;
    if (!windows_can_hold(text))
        return -EINVAL;
    memcpy(out, text, length + 1);
    return 0;
}

void name_fold(const char *name, char out[768])
{
    size_t length = strnlen(name, 255), step = 0, at = 0;
    for (size_t i = 0; i < length && at + 4 < 768; i += step) {
        utf8proc_int32_t c = next_character(name + i, length - i, &step);
        if (c < 0) { /* not NFC as promised: the byte stands for itself */
            out[at++] = name[i];
            continue;
        }
        at +=
            (size_t)utf8proc_encode_char(utf8proc_tolower(utf8proc_toupper(c)), (utf8proc_uint8_t *)out + at);
    }
    out[at] = '\0';
}

static bool ends_with(const char *text, size_t length, const char *suffix)
{
    size_t n = strlen(suffix);
    return length > n && strcmp(text + length - n, suffix) == 0;
}

bool name_is_report(const char *name)
{
    char folded[768];
    name_fold(name, folded);
    size_t length = strlen(folded);
    for (size_t i = 0; i < ARRAY_LENGTH(report_suffixes); i++)
        if (ends_with(folded, length, report_suffixes[i]))
            return true;
    return false;
}

static bool is_reserved(const char *name)
{
    char folded[768];
    name_fold(name, folded);
    for (size_t i = 0; i < ARRAY_LENGTH(page_names); i++)
        if (strcmp(folded, page_names[i]) == 0)
            return true;
    return name_is_report(name);
}

static bool is_scratch(const struct settings *s, const char *name)
{
    for (char *const *pattern = s->scratch; pattern && *pattern; pattern++)
        if (fnmatch(*pattern, name, FNM_CASEFOLD | FNM_NOESCAPE) == 0)
            return true;
    return false;
}

static bool is_document(const struct settings *s, const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name)
        return false;
    for (char *const *extension = s->documents; extension && *extension; extension++)
        if (strcasecmp(*extension, dot + 1) == 0)
            return true;
    return false;
}

enum file_class name_class(const struct settings *s, const struct careplan_standard *standard,
                           const char *name, bool in_partner_folder, struct careplan_name *transfer)
{
    struct careplan_name parsed;
    if (is_reserved(name))
        return CLASS_RESERVED;
    if (careplan_name_parse(standard, name, transfer ? transfer : &parsed, NULL, NULL) ==
        CAREPLAN_NAME_TRANSFER)
        return CLASS_TRANSFER;
    if (is_scratch(s, name))
        return CLASS_SCRATCH;
    return in_partner_folder && is_document(s, name) ? CLASS_DOCUMENT : CLASS_OTHER;
}

/* Copies what may stay of a hostile text; what Windows cannot hold becomes '_', bytes that are no UTF-8 and
 * what cannot be seen goes. Returns the length; at most `length` bytes. */
static size_t keep_harmless(const char *text, size_t length, char *out)
{
    size_t at = 0, step = 0;
    for (size_t i = 0; i < length; i += step) {
        utf8proc_int32_t c = next_character(text + i, length - i, &step);
        if (c < 0 || is_control(c) || is_bidirectional(c) || is_invisible(c))
            continue;
        if (is_windows_separator(c)) {
            out[at++] = '_';
            continue;
        }
        memcpy(out + at, text + i, step);
        at += step;
    }
    out[at] = '\0';
    return at;
}

/* The first DISPLAY_CHARACTERS code points, without spaces and dots at either end. A part of NFC is NFC. */
static void cut_display(const char *text, size_t length, char out[256])
{
    size_t end = 0, step = 0;
    while (length && (*text == ' ' || *text == '.'))
        text++, length--;
    for (unsigned n = 0; n < DISPLAY_CHARACTERS && end < length; n++, end += step)
        next_character(text + end, length - end, &step);
    while (end && (text[end - 1] == ' ' || text[end - 1] == '.'))
        end--;
    memcpy(out, text, end);
    out[end] = '\0';
}

void name_display(const char *hostile, char out[256])
{
    char kept[HOSTILE_MAX + 1];
    size_t length = keep_harmless(hostile, strnlen(hostile, HOSTILE_MAX), kept);
    autofree utf8proc_uint8_t *composed = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)kept, (utf8proc_ssize_t)length, &composed,
                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    out[0] = '\0';
    if (n > 0) /* composing may make a separator of a look-alike: U+037E becomes ';', none of ours */
        cut_display((const char *)composed, (size_t)n, out);
    if (is_device_name(out))
        out[0] = '_';
}

void name_partner_folder(const struct office_id *office, const char *hostile, char out[256])
{
    char display[256];
    name_display(hostile, display);
    snprintf(out, 256, display[0] ? "%s_%.240s" : "%s%s", office->text, display);
}

void name_report(const char *name, enum careplan_report_kind kind, char out[256])
{
    snprintf(out, 256, "%.*s%s", NAMES_MAX, name, report_suffixes[kind]);
}
