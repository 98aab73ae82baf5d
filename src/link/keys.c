/* The office's key pair in its state folder: office.key, office.pem, and the retired pairs. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "link/link_private.h"

enum { RETIRED_MAX = 64 };

CLEANUP_DEFINE(autodir, DIR, closedir);
CLEANUP_DEFINE(autoidentity, struct identity, identity_free);

const char *keys_behind_leaf(const char *pem)
{
    static const char mark[] = "-----BEGIN CERTIFICATE-----";
    const char *first = strstr(pem, mark);
    const char *second = first ? strstr(first + 1, mark) : NULL;
    return second ? second : "";
}

int keys_recover(const char *state_dir, struct error *e)
{
    autofree char *key = file_join(state_dir, "office.key");
    autofree char *fresh = file_join(state_dir, "office.pem.new"),
                  *certificate = file_join(state_dir, "office.pem");
    if (!key || !fresh || !certificate)
        return error_set(e, -ENOMEM, "memory", "no memory");
    if (access(fresh, F_OK))
        return 0;
    /* It fits the key in force only when the interruption fell between the two renames. */
    with_cleanup(autoidentity) struct identity *fits = identity_load(key, fresh, NULL);
    if (fits && rename(fresh, certificate))
        return error_set(e, -errno, "file", "%s: %s", certificate, strerror(errno));
    return 0;
}

static int add_retired(struct identity *i, const char *dir, const char *key_name, struct error *e)
{
    autofree char *key = file_join(dir, key_name), *certificate = file_join(dir, key_name);
    if (!key || !certificate)
        return error_set(e, -ENOMEM, "memory", "no memory");
    memcpy(certificate + strlen(certificate) - 4, ".pem", 4);
    if (access(certificate, F_OK) && errno == ENOENT) {
        /* A crash while an enrolment put it here; the pair is still the one in force. */
        log_warning("key-retired", "%s has no certificate beside it and is not used", key);
        return 0;
    }
    return identity_add_retired(i, key, certificate, e);
}

static int add_all_retired(struct identity *i, const char *state_dir, struct error *e)
{
    autofree char *dir = file_join(state_dir, "retired");
    if (!dir)
        return error_set(e, -ENOMEM, "memory", "no memory");
    with_cleanup(autodir) DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT ? 0 : error_set(e, -errno, "file", "%s: %s", dir, strerror(errno));
    struct dirent *entry;
    size_t n = 0;
    while ((entry = readdir(d)) && n < RETIRED_MAX) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".key") != 0)
            continue;
        n++;
        int r = add_retired(i, dir, entry->d_name, e);
        if (r)
            return r;
    }
    return 0;
}

struct identity *keys_load(const char *state_dir, struct error *e)
{
    autofree char *key = file_join(state_dir, "office.key"),
                  *certificate = file_join(state_dir, "office.pem");
    if (!key || !certificate) {
        error_set(e, -ENOMEM, "memory", "no memory");
        return NULL;
    }
    if (keys_recover(state_dir, e))
        return NULL;
    struct identity *i = identity_load(key, certificate, e);
    if (i && add_all_retired(i, state_dir, e)) {
        identity_free(i);
        return NULL;
    }
    return i;
}
