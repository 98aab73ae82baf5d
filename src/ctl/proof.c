#include "ctl/proof.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "ctl/evidence_folder.h"
#include "envelope/manifest.h"

enum { PEM_MAX = 1 << 20, CLOCK_SKEW_MS = 5 * 60 * 1000 };

struct proof {
    const char *folder, *root_path;
    proof_say_fn *say;
    void *context;
    int wrong;
    struct trust *trust;
    int64_t accepted_at;
    struct statement statement;
    struct receipt accepted;
    struct office_id signer;
};

static void __attribute__((__format__(__printf__, 4, 5)))
found(struct proof *p, bool good, const char *file, const char *format, ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    p->wrong += !good;
    p->say(p->context, good, file, text);
}

static void refused(struct proof *p, const char *file, const struct error *e)
{
    found(p, false, file, "%s [%s]", e->text, e->code);
}

static int load(struct proof *p, const char *name, struct buffer *out, struct error *e)
{
    autofree char *path = file_join(p->folder, name);
    out->limit = EVIDENCE_FILE_LIMIT;
    return path ? file_read(path, EVIDENCE_FILE_LIMIT, out, e)
                : error_set(e, -ENOMEM, "memory", "out of memory");
}

/* ---- SHA256SUMS: every file is listed and is what the list says ---- */

struct names {
    char name[EVIDENCE_FILES_MAX][EVIDENCE_NAME_MAX + 1];
    size_t n;
};

static bool names_hold(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

static void check_sum(struct proof *p, const char *line, size_t length, struct names *listed)
{
    char name[EVIDENCE_NAME_MAX + 1], hex[2 * ENVELOPE_HASH_SIZE + 1];
    struct hash256 expected, is;
    size_t head = sizeof hex - 1 + 2;
    if (length <= head || length - head > EVIDENCE_NAME_MAX || memcmp(line + head - 2, "  ", 2) ||
        listed->n == EVIDENCE_FILES_MAX) {
        found(p, false, EVIDENCE_SUMS, "a line is not of the form HASH  NAME");
        return;
    }
    snprintf(hex, sizeof hex, "%s", line);
    snprintf(name, sizeof name, "%.*s", (int)(length - head), line + head);
    if (!hex_decode(hex, expected.bytes, sizeof expected.bytes) || !evidence_name_fits(name) ||
        names_hold(listed, name)) {
        found(p, false, EVIDENCE_SUMS, "a line is not of the form HASH  NAME");
        return;
    }
    strcpy(listed->name[listed->n++], name);
    struct error e = {0};
    autobuffer data = {0};
    if (load(p, name, &data, &e))
        refused(p, name, &e);
    else if (evidence_sum(data.data, data.length, &is) || memcmp(&is, &expected, sizeof is))
        found(p, false, name, "is not what " EVIDENCE_SUMS " says: it was changed");
}

static int check_sums(struct proof *p, struct names *listed, struct error *e)
{
    autobuffer sums = {0};
    int before = p->wrong;
    struct error missing = {0};
    if (load(p, EVIDENCE_SUMS, &sums, &missing)) {
        refused(p, EVIDENCE_SUMS, &missing);
        return 0;
    }
    const char *text = sums.data ? (const char *)sums.data : "", *end = text + sums.length;
    while (text < end) {
        size_t n = strcspn(text, "\n");
        if (text[n] != '\n')
            found(p, false, EVIDENCE_SUMS, "ends inside a line, or holds what is no text");
        else
            check_sum(p, text, n, listed);
        text += text[n] == '\n' ? n + 1 : (size_t)(end - text);
    }
    DIR *dir = opendir(p->folder);
    if (!dir)
        return error_set(e, -errno, "folder", "%s: %s", p->folder, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
            strcmp(entry->d_name, EVIDENCE_SUMS) && !names_hold(listed, entry->d_name))
            found(p, false, entry->d_name, "is not listed in " EVIDENCE_SUMS);
    closedir(dir);
    if (p->wrong == before)
        found(p, true, EVIDENCE_SUMS, "%zu files, all unchanged", listed->n);
    return 0;
}

/* ---- who is believed ---- */

static int read_root(struct proof *p, struct buffer *pem, struct error *e)
{
    pem->limit = PEM_MAX;
    return p->root_path ? file_read(p->root_path, PEM_MAX, pem, e) : load(p, "ca.pem", pem, e);
}

static bool check_trust(struct proof *p, bool has_crl)
{
    autobuffer root = {0}, issuing = {0}, crl = {0};
    struct error e = {0};
    char fingerprint[65] = "";
    const char *file = "ca.pem";
    if (read_root(p, &root, &e) || (file = "issuing.pem", load(p, file, &issuing, &e))) {
        refused(p, file, &e);
        return false;
    }
    p->trust = trust_new(root.data ? (const char *)root.data : "",
                         issuing.data ? (const char *)issuing.data : "", &e);
    if (!p->trust) {
        refused(p, file, &e);
        return false;
    }
    X509 *x = certificate_from_pem((const char *)root.data, NULL);
    if (x)
        certificate_fingerprint(x, fingerprint);
    X509_free(x);
    found(p, true, p->root_path ? "" : "ca.pem", "root certificate, SHA-256 %s%s", fingerprint,
          p->root_path ? "" : "; compare it with the hub's own");
    if (!has_crl)
        found(p, true, "", "no revocation list: whether a certificate had been revoked is not known");
    else if (load(p, "crl.der", &crl, &e) || trust_set_crl(p->trust, crl.data, crl.length, &e))
        refused(p, "crl.der", &e);
    else
        found(p, true, "crl.der", "revocation list, signed by the CA");
    return true;
}

/* ---- what was signed ---- */

static bool check_acceptance(struct proof *p)
{
    autobuffer der = {0};
    struct error e = {0};
    char when[20];
    if (load(p, "accepted.der", &der, &e) ||
        receipt_verify(der.data, der.length, p->trust, 0, &p->accepted, NULL, &e)) {
        refused(p, "accepted.der", &e);
        return false;
    }
    if (p->accepted.kind != RECEIPT_ACCEPTED) {
        found(p, false, "accepted.der", "is no acceptance of a hub");
        return false;
    }
    p->accepted_at = p->accepted.at;
    clock_format_japan(p->accepted_at, when);
    found(p, true, "accepted.der", "the hub accepted the message on %s (+09:00)", when);
    return true;
}

static bool same_message(const struct proof *p, const struct receipt *r)
{
    return office_id_equal(&r->sender, &p->statement.sender) &&
           memcmp(&r->id, &p->statement.id, sizeof r->id) == 0 &&
           memcmp(&r->envelope, &p->statement.envelope, sizeof r->envelope) == 0 &&
           memcmp(&r->manifest, &p->statement.manifest, sizeof r->manifest) == 0;
}

static bool check_statement(struct proof *p)
{
    autobuffer der = {0};
    struct error e = {0};
    if (load(p, "statement.der", &der, &e) ||
        statement_verify(der.data, der.length, p->trust, p->accepted_at, &p->statement, NULL, &e)) {
        refused(p, "statement.der", &e);
        return false;
    }
    char id[33];
    message_id_format(&p->statement.id, id);
    found(p, true, "statement.der", "%s states that it sent message %s to %s", p->statement.sender.text, id,
          p->statement.recipient.text);
    if (!same_message(p, &p->accepted))
        found(p, false, "accepted.der", "speaks of another message than the statement");
    if (p->statement.created > p->accepted_at + CLOCK_SKEW_MS)
        found(p, false, "statement.der", "was made after the hub's acceptance");
    return true;
}

static void check_file_sums(struct proof *p, const struct manifest *m)
{
    autobuffer given = {0}, wanted = {.limit = EVIDENCE_FILE_LIMIT};
    struct error e = {0};
    for (size_t i = 0; i < m->n_files; i++)
        evidence_sum_line(&wanted, &m->files[i].sha256, m->files[i].name);
    if (load(p, EVIDENCE_FILE_SUMS, &given, &e))
        refused(p, EVIDENCE_FILE_SUMS, &e);
    else if (wanted.failed || given.length != wanted.length || memcmp(given.data, wanted.data, given.length))
        found(p, false, EVIDENCE_FILE_SUMS, "does not say what the manifest says");
    else
        found(p, true, EVIDENCE_FILE_SUMS, "the hashes of the manifest");
}

static void check_manifest(struct proof *p)
{
    __attribute__((__cleanup__(manifest_free))) struct manifest m = {0};
    autobuffer json = {0};
    struct error e = {0};
    struct hash256 is;
    if (load(p, "manifest.json", &json, &e)) {
        refused(p, "manifest.json", &e);
        return;
    }
    if (evidence_sum(json.data, json.length, &is) || memcmp(&is, &p->statement.manifest, sizeof is)) {
        found(p, false, "manifest.json", "is not the manifest that the statement names");
        return;
    }
    if (manifest_read(json.data, json.length, &m, &e)) {
        refused(p, "manifest.json", &e);
        return;
    }
    if (memcmp(&m.id, &p->statement.id, sizeof m.id) || !office_id_equal(&m.sender, &p->statement.sender) ||
        !office_id_equal(&m.recipient, &p->statement.recipient) || m.created != p->statement.created) {
        found(p, false, "manifest.json",
              "names another message, sender, recipient or time than the statement");
        return;
    }
    found(p, true, "manifest.json", "%zu file%s, as stated by the sender", m.n_files,
          m.n_files == 1 ? "" : "s");
    check_file_sums(p, &m);
}

/* The recipient's receipts, each at its own time: certificates may have been renewed in between. */
static void check_receipt(struct proof *p, const char *name)
{
    autobuffer der = {0};
    struct error e = {0};
    struct receipt r;
    struct office_id by;
    char when[20];
    if (load(p, name, &der, &e) || receipt_verify(der.data, der.length, p->trust, 0, &r, &by, &e)) {
        refused(p, name, &e);
        return;
    }
    clock_format_japan(r.at, when);
    if (!same_message(p, &r))
        found(p, false, name, "speaks of another message than the statement");
    else if (r.kind != RECEIPT_ACCEPTED && !office_id_equal(&by, &p->statement.recipient))
        found(p, false, name, "is signed by %s, which is not the recipient", by.text);
    else if (strncmp(name, receipt_kind_name(r.kind), strlen(receipt_kind_name(r.kind))))
        found(p, false, name, "is a receipt of another kind: %s", receipt_kind_name(r.kind));
    else if (r.at < p->accepted_at - CLOCK_SKEW_MS)
        found(p, false, name, "is older than the hub's acceptance");
    else if (r.kind != RECEIPT_ACCEPTED)
        found(p, true, name, "%s: %s%s%s on %s (+09:00)", by.text, receipt_kind_name(r.kind),
              *r.detail ? " " : "", r.detail, when);
}

static bool is_receipt(const char *name)
{
    static const char *const kinds[] = {"accepted-", "received", "taken", "refused"};
    size_t n = strlen(name);
    for (size_t i = 0; n > 4 && strcmp(name + n - 4, ".der") == 0 && i < ARRAY_LENGTH(kinds); i++)
        if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

int proof_judge(const char *folder, const char *root_path, proof_say_fn *say, void *context, struct error *e)
{
    struct proof p = {.folder = folder, .root_path = root_path, .say = say, .context = context};
    struct names listed = {.n = 0};
    struct stat status;
    if (stat(folder, &status))
        return error_set(e, -errno, "folder", "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return error_set(e, -ENOTDIR, "folder", "%s: not a folder", folder);
    int r = check_sums(&p, &listed, e);
    if (r)
        return r;
    if (check_trust(&p, names_hold(&listed, "crl.der")) && check_acceptance(&p) && check_statement(&p)) {
        check_manifest(&p);
        for (size_t i = 0; i < listed.n; i++)
            if (is_receipt(listed.name[i]))
                check_receipt(&p, listed.name[i]);
    }
    trust_free(p.trust);
    return p.wrong;
}
