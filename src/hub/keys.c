#include "hub/keys.h"

#include <errno.h>
#include <string.h>
#include <openssl/crypto.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "envelope/openssl.h"

enum { HUB_LEAF_DAYS = 5 * 365, PEM_MAX = 1 << 20 };

CLEANUP_DEFINE(autoca, struct ca, ca_free);

static int write_file(const char *dir, const char *name, const char *text, mode_t mode, struct error *e)
{
    autofree char *path = file_join(dir, name);
    return path ? file_write(path, text, strlen(text), mode, e)
                : error_set(e, -ENOMEM, "memory", "out of memory");
}

/* A leaf of the hub's own: its key, and its certificate with the issuing CA's behind it. */
static int write_leaf(const char *dir, const char *what, EVP_PKEY *key, X509 *leaf, const char *issuing,
                      struct error *e)
{
    char name[32];
    char *key_pem = key_to_pem(key);
    autofree char *leaf_pem = certificate_to_pem(leaf);
    autofree char *chain = NULL;
    int r = key_pem && leaf_pem && asprintf(&chain, "%s%s", leaf_pem, issuing) >= 0
                ? 0
                : error_set(e, -ENOMEM, "memory", "out of memory");
    snprintf(name, sizeof name, "%s.key", what);
    if (!r)
        r = write_file(dir, name, key_pem, 0600, e);
    snprintf(name, sizeof name, "%s.pem", what);
    if (!r)
        r = write_file(dir, name, chain, 0644, e);
    if (key_pem)
        OPENSSL_cleanse(key_pem, strlen(key_pem));
    free(key_pem);
    return r;
}

typedef X509 *issue_fn(struct ca *c, EVP_PKEY *key, const char *name, int days, struct error *e);

static int make_leaf(const char *dir, const char *what, struct ca *ca, issue_fn *issue, const char *name,
                     const char *issuing, struct error *e)
{
    with_cleanup(autopkey) EVP_PKEY *key = key_new();
    with_cleanup(autox509) X509 *leaf = key ? issue(ca, key, name, HUB_LEAF_DAYS, e) : NULL;
    if (!key)
        return error_set(e, -EIO, "ca", "cannot make a key");
    return leaf ? write_leaf(dir, what, key, leaf, issuing, e) : e->number;
}

int hub_keys_make(const char *dir, const char *name, struct error *e)
{
    with_cleanup(ca_files_free) struct ca_files files = {0};
    int r = ca_init(name, &files, e);
    if (r)
        return r;
    with_cleanup(autoca) struct ca *ca =
        ca_new(files.issuing_key, files.issuing_certificate, files.root_certificate, e);
    if (!ca)
        return e->number;
    r = write_file(dir, "ca.pem", files.root_certificate, 0644, e);
    if (!r)
        r = write_file(dir, "root.key", files.root_key, 0600, e);
    if (!r)
        r = write_file(dir, "issuing.pem", files.issuing_certificate, 0644, e);
    if (!r)
        r = write_file(dir, "issuing.key", files.issuing_key, 0600, e);
    if (!r)
        r = make_leaf(dir, "server", ca, ca_issue_server, name, files.issuing_certificate, e);
    if (!r)
        r = make_leaf(dir, "signer", ca, ca_issue_signer, name, files.issuing_certificate, e);
    return r;
}

/* ---- loading ---- */

static struct identity *load_leaf(const char *dir, const char *what, struct error *e)
{
    char key_name[32], certificate_name[32];
    snprintf(key_name, sizeof key_name, "%s.key", what);
    snprintf(certificate_name, sizeof certificate_name, "%s.pem", what);
    autofree char *key = file_join(dir, key_name);
    autofree char *certificate = file_join(dir, certificate_name);
    if (key && certificate)
        return identity_load(key, certificate, e);
    error_set(e, -ENOMEM, "memory", "out of memory");
    return NULL;
}

static int read_pem(const char *dir, const char *name, bool secret, struct buffer *out, struct error *e)
{
    autofree char *path = file_join(dir, name);
    if (!path)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    int r = secret ? file_read_secret(path, PEM_MAX, out, e) : file_read(path, PEM_MAX, out, e);
    return r || out->data ? r : error_set(e, -EINVAL, "file", "%s: empty", path);
}

int hub_keys_load(const char *dir, struct hub_keys *out, struct error *e)
{
    *out = (struct hub_keys){0};
    autobuffer root = {.limit = PEM_MAX};
    autobuffer issuing = {.limit = PEM_MAX};
    with_cleanup(buffer_wipe) struct buffer key = {.limit = PEM_MAX};
    int r = read_pem(dir, "ca.pem", false, &root, e);
    if (!r)
        r = read_pem(dir, "issuing.pem", false, &issuing, e);
    if (!r)
        r = read_pem(dir, "issuing.key", true, &key, e);
    if (r)
        return r;
    *e = (struct error){0};
    const char *root_pem = (const char *)root.data, *issuing_pem = (const char *)issuing.data;
    out->root = certificate_from_pem(root_pem, e);
    out->ca = out->root ? ca_new((const char *)key.data, issuing_pem, root_pem, e) : NULL;
    out->trust = out->ca ? trust_new(root_pem, issuing_pem, e) : NULL;
    if (!out->trust)
        return error_prefix(e, e->number ? e->number : -ENOMEM, "%s: ca.pem, issuing.pem, issuing.key", dir);
    out->server = load_leaf(dir, "server", e);
    out->signer = out->server ? load_leaf(dir, "signer", e) : NULL;
    return out->signer ? 0 : e->number;
}

void hub_keys_free(struct hub_keys *k)
{
    identity_free(k->server);
    identity_free(k->signer);
    trust_free(k->trust);
    ca_free(k->ca);
    X509_free(k->root);
    *k = (struct hub_keys){0};
}
