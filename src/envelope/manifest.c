#include "envelope/manifest.h"

#include <errno.h>
#include <string.h>

#include "envelope/json.h"

void manifest_free(struct manifest *m)
{
    free(m->files);
    *m = (struct manifest){0};
}

/* --- writing --- */

static json_t *file_write_json(const struct envelope_file *f)
{
    with_cleanup(autojson) json_t *o = json_object();
    bool good = o && json_set_text(o, "name", f->name) && json_set_text(o, "kind", f->kind) &&
                json_set_count(o, "size", f->size) &&
                json_set_hex(o, "sha256", f->sha256.bytes, ENVELOPE_HASH_SIZE);
    return good ? json_incref(o) : NULL;
}

static json_t *files_write(const struct manifest *m)
{
    with_cleanup(autojson) json_t *files = json_array();
    for (size_t i = 0; files && i < m->n_files; i++)
        if (json_array_append_new(files, file_write_json(&m->files[i])) != 0)
            return NULL;
    return json_incref(files);
}

char *manifest_write(const struct manifest *m)
{
    with_cleanup(autojson) json_t *o = json_object();
    bool good =
        o && json_set_text(o, "type", "manifest") && json_set_count(o, "protocol", ENVELOPE_VERSION) &&
        json_set_hex(o, "salt", m->salt, sizeof m->salt) &&
        json_set_hex(o, "id", m->id.bytes, ENVELOPE_ID_SIZE) && json_set_text(o, "sender", m->sender.text) &&
        json_set_text(o, "recipient", m->recipient.text) && json_set_time(o, "created", m->created) &&
        json_set_text(o, "sequence", m->sequence) && json_object_set_new(o, "files", files_write(m)) == 0;
    return good ? json_text(o) : NULL;
}

/* --- reading --- */

static bool name_is_allowed(const char *name)
{
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (*p < 0x20 || *p == 0x7F || *p == '/')
            return false;
    return true;
}

static bool kind_is_allowed(const char *kind)
{
    size_t length = strspn(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return length > 0 && kind[length] == '\0';
}

static bool sequence_is_allowed(const char *sequence)
{
    size_t length = strspn(sequence, "0123456789");
    return sequence[length] == '\0' && (length == 0 || length == 14);
}

static bool file_read_json(const json_t *o, struct envelope_file *f)
{
    return json_is_object(o) && json_object_size(o) == 4 &&
           json_get_text(o, "name", f->name, sizeof f->name) && name_is_allowed(f->name) &&
           json_get_text(o, "kind", f->kind, sizeof f->kind) && kind_is_allowed(f->kind) &&
           json_get_count(o, "size", &f->size) &&
           json_get_hex(o, "sha256", f->sha256.bytes, ENVELOPE_HASH_SIZE);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool names_differ(const struct manifest *m)
{
    autofree const char **names = malloc((m->n_files + 1) * sizeof *names);
    if (!names)
        return false;
    for (size_t i = 0; i < m->n_files; i++)
        names[i] = m->files[i].name;
    qsort(names, m->n_files, sizeof *names, name_order);
    for (size_t i = 1; i < m->n_files; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return false;
    return true;
}

static bool files_read(const json_t *array, struct manifest *m)
{
    size_t n = json_array_size(array);
    if (!json_is_array(array) || n == 0 || n > ENVELOPE_FILES_MAX)
        return false;
    m->files = calloc(n, sizeof *m->files);
    if (!m->files)
        return false;
    m->n_files = n;
    for (size_t i = 0; i < n; i++)
        if (!file_read_json(json_array_get(array, i), &m->files[i]))
            return false;
    return names_differ(m);
}

static bool members_read(const json_t *o, struct manifest *m)
{
    return json_object_size(o) == 9 && json_is(o, "type", "manifest") &&
           json_is_integer(json_object_get(o, "protocol")) &&
           json_get_hex(o, "salt", m->salt, sizeof m->salt) &&
           json_get_hex(o, "id", m->id.bytes, ENVELOPE_ID_SIZE) && json_get_office(o, "sender", &m->sender) &&
           json_get_office(o, "recipient", &m->recipient) && json_get_time(o, "created", &m->created) &&
           json_get_text(o, "sequence", m->sequence, sizeof m->sequence) &&
           sequence_is_allowed(m->sequence) && files_read(json_object_get(o, "files"), m);
}

uint64_t manifest_total(const struct manifest *m)
{
    uint64_t total = 0;
    for (size_t i = 0; i < m->n_files; i++) {
        if (m->files[i].size > ENVELOPE_UNIT_MAX - total)
            return UINT64_MAX;
        total += m->files[i].size;
    }
    return total;
}

int manifest_read(const uint8_t *json, size_t length, struct manifest *m, struct error *e)
{
    *m = (struct manifest){0};
    bool no_memory = false;
    with_cleanup(autojson) json_t *o =
        length <= ENVELOPE_MANIFEST_MAX ? json_read(json, length, &no_memory) : NULL;
    if (no_memory)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (!o)
        return error_set(e, -EBADMSG, "manifest-form", "the manifest is not a JSON object within its limits");
    int r = json_version_check(o, e);
    if (r)
        return r;
    if (!members_read(o, m)) {
        manifest_free(m);
        return error_set(e, -EBADMSG, "manifest-form",
                         "the manifest has not exactly its members, or a file's name or kind is not allowed");
    }
    if (manifest_total(m) > ENVELOPE_UNIT_MAX) {
        manifest_free(m);
        return error_set(e, -EFBIG, "unit-size", "the files are together larger than %llu bytes",
                         (unsigned long long)ENVELOPE_UNIT_MAX);
    }
    return 0;
}
