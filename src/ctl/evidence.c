/* careplanctl evidence: writes what proves an exchange. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hex.h"
#include "ctl/commands.h"
#include "ctl/common.h"
#include "ctl/drop.h"
#include "ctl/evidence_folder.h"
#include "ctl/message_name.h"
#include "ctl/read_ledger.h"

enum { PEM_MAX = 1 << 20, CRL_MAX = 4 << 20 };

CLEANUP_DEFINE(autojson, json_t, json_decref);

struct evidence {
    const char *config, *folder, *message; /* as given */
    struct message_name name;
    const struct settings *settings;
    const struct settings_office *office;
    char default_folder[48];
};

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the office's configuration", 0},
    {"output", 'o', "DIR", 0, "folder to make; default evidence-ID", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct evidence *w = state->input;
    if (key == 'c')
        w->config = argument;
    else if (key == 'o')
        w->folder = argument;
    else if (key == ARGP_KEY_ARG && !w->message)
        w->message = argument;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument '%s'", argument);
    else if (key == ARGP_KEY_END && (!w->config || !w->message))
        argp_error(state, w->config ? "MESSAGE is missing" : "--config is missing");
    else if (key != ARGP_KEY_END)
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* ---- as the folder's owner: each file as "NAME LENGTH\n" and its bytes ---- */

static int put(FILE *out, const char *name, const void *data, size_t length)
{
    return fprintf(out, "%s %zu\n", name, length) < 0 || fwrite(data, 1, length, out) != length ? -EPIPE : 0;
}

static int put_buffer(FILE *out, const char *name, const struct buffer *b)
{
    return b->length ? put(out, name, b->data, b->length) : 0;
}

struct receipts {
    FILE *out;
    unsigned count[RECEIPT_REFUSED + 1];
    int result;
};

static bool put_receipt(void *context, enum receipt_kind kind, int64_t at, const uint8_t *der, size_t length)
{
    struct receipts *r = context;
    char name[EVIDENCE_NAME_MAX + 1];
    (void)at;
    if ((size_t)kind >= ARRAY_LENGTH(r->count))
        return true;
    evidence_receipt_name(kind, ++r->count[kind], name);
    r->result = put(r->out, name, der, length);
    return r->result == 0;
}

/* The root, and what stands behind the office's own certificate: the issuing CA. */
static int put_certificates(FILE *out, const struct evidence *w, struct error *e)
{
    static const char end[] = "-----END CERTIFICATE-----";
    autobuffer root = {.limit = PEM_MAX}, own = {.limit = PEM_MAX};
    autofree char *path = ctl_certificate_path(w->office->state);
    if (!path)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (!w->settings->hub_ca)
        return error_set(e, -EINVAL, "config-value", "%s: [hub] ca is not set", w->config);
    int r = file_read(w->settings->hub_ca, PEM_MAX, &root, e);
    if (r == 0)
        r = file_read(path, PEM_MAX, &own, e);
    if (r)
        return r;
    const char *issuing = own.data ? strstr((const char *)own.data, end) : NULL;
    issuing = issuing ? strstr(issuing, "-----BEGIN CERTIFICATE-----") : NULL;
    if (!issuing)
        return error_set(e, -EINVAL, "certificate-form", "%s: no issuing CA behind the certificate", path);
    r = put_buffer(out, "ca.pem", &root);
    return r ? r : put(out, "issuing.pem", issuing, strlen(issuing));
}

/* In the manifest's own words; it was judged when it was sealed or received. */
static int put_file_sums(FILE *out, const struct buffer *manifest, struct error *e)
{
    with_cleanup(autojson) json_t *m = json_loadb((const char *)manifest->data, manifest->length, 0, NULL);
    autobuffer sums = {.limit = EVIDENCE_FILE_LIMIT};
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(m, "files"), i, file)
    {
        struct hash256 hash;
        const char *name = json_string_value(json_object_get(file, "name"));
        const char *hex = json_string_value(json_object_get(file, "sha256"));
        if (!name || !hex || !hex_decode(hex, hash.bytes, sizeof hash.bytes))
            return error_set(e, -EBADMSG, "manifest-form", "the manifest in the ledger cannot be read");
        evidence_sum_line(&sums, &hash, name);
    }
    return sums.failed ? error_set(e, -ENOMEM, "memory", "out of memory")
                       : put_buffer(out, EVIDENCE_FILE_SUMS, &sums);
}

static int put_message(FILE *out, struct ledger *l, uint64_t message, const struct evidence *w,
                       struct error *e)
{
    __attribute__((__cleanup__(ledger_envelope_free))) struct ledger_envelope envelope = {0};
    int r = ledger_envelope(l, message, &envelope);
    if (r && r != -ENOENT) /* -ENOENT: not sealed yet */
        return error_set(e, r, "ledger-read", "%s: %s", w->message, strerror(-r));
    if (!envelope.statement.length || !envelope.acceptance.length || !envelope.manifest.length)
        return error_set(e, -ENODATA, "not-accepted",
                         "%s: there is nothing to prove yet: the hub has not accepted it", w->message);
    r = put_buffer(out, "manifest.json", &envelope.manifest);
    if (r == 0)
        r = put_buffer(out, "statement.der", &envelope.statement);
    if (r == 0)
        r = put_file_sums(out, &envelope.manifest, e);
    struct receipts receipts = {.out = out};
    int listed = r ? 0 : ledger_evidence(l, message, put_receipt, &receipts);
    if (r == 0)
        r = listed < 0 ? listed : receipts.result;
    if (r == 0 && receipts.count[RECEIPT_ACCEPTED] == 0)
        r = put_buffer(out, "accepted.der", &envelope.acceptance);
    return r;
}

static int gather_from(struct ledger *l, const struct evidence *w, FILE *out, struct error *e)
{
    uint64_t message;
    int r = ledger_find(l, w->name.outgoing, &w->name.sender, &w->name.id, &message);
    if (r == -ENOENT)
        return error_set(e, r, "message-unknown", "%s is not in the ledger; see: careplanctl status",
                         w->message);
    if (r)
        return error_set(e, r, "ledger-read", "%s: %s", w->message, strerror(-r));
    r = put_message(out, l, message, w, e);
    if (r == 0)
        r = put_certificates(out, w, e);
    autobuffer crl = {.limit = CRL_MAX};
    if (r == 0 && ledger_value_get(l, "crl", &crl) == 0)
        r = put_buffer(out, "crl.der", &crl);
    return r;
}

static int gather(void *context, int out, struct error *e)
{
    const struct evidence *w = context;
    struct ledger *l;
    autofclose FILE *f = fdopen(dup(out), "w");
    if (!f)
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    int r = read_ledger_open(w->office, &l, e);
    if (r == 0)
        r = gather_from(l, w, f, e);
    ledger_close(l);
    return r == 0 && fflush(f) ? -EPIPE : r;
}

/* ---- in the parent: the folder ---- */

static int folder_make(const char *path, struct error *e)
{
    if (mkdir(path, 0700) == 0)
        return 0;
    return errno == EEXIST
               ? error_set(e, -EEXIST, "folder", "%s is there already; do: name another with -o", path)
               : error_set(e, -errno, "folder", "%s: %s", path, strerror(errno));
}

static int folder_write(const char *folder, const char *name, const struct buffer *data, struct error *e)
{
    autofree char *path = file_join(folder, name);
    return path ? file_write(path, data->length ? (const void *)data->data : "", data->length, 0644, e)
                : error_set(e, -ENOMEM, "memory", "out of memory");
}

/* 1: a file was read, 0: the end. */
static int read_one(FILE *in, char name[EVIDENCE_NAME_MAX + 1], struct buffer *data)
{
    autobuffer line = {0};
    size_t length;
    int end = 0;
    int r = ctl_line(in, &line, 80);
    if (r <= 0)
        return r;
    if (sscanf((const char *)line.data, "%32s %zu%n", name, &length, &end) != 2 ||
        (size_t)end != line.length || !evidence_name_fits(name) || length > EVIDENCE_FILE_LIMIT)
        return -EPROTO;
    buffer_clear(data);
    for (char block[8192]; length > 0;) {
        size_t n = fread(block, 1, length < sizeof block ? length : sizeof block, in);
        if (n == 0 || buffer_append(data, block, n))
            return -EPROTO;
        length -= n;
    }
    return 1;
}

static int take(void *context, int in, struct error *e)
{
    const struct evidence *w = context;
    autobuffer data = {.limit = EVIDENCE_FILE_LIMIT}, sums = {0};
    char name[EVIDENCE_NAME_MAX + 1];
    autofclose FILE *f = fdopen(dup(in), "r");
    if (!f)
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    int r, n = 0;
    while ((r = read_one(f, name, &data)) > 0) {
        struct hash256 hash;
        if (n++ == EVIDENCE_FILES_MAX || evidence_sum(data.data, data.length, &hash))
            return error_set(e, -EPROTO, "internal", "more evidence than fits");
        r = n == 1 ? folder_make(w->folder, e) : 0;
        if (r == 0)
            r = folder_write(w->folder, name, &data, e);
        if (r)
            return r;
        evidence_sum_line(&sums, &hash, name);
    }
    if (r < 0 || n == 0)
        return error_set(e, r ? r : -EPIPE, "internal", "the evidence did not come whole");
    return folder_write(w->folder, EVIDENCE_SUMS, &sums, e);
}

static int evidence(struct evidence *w, struct error *e)
{
    if (!message_name_parse(&w->name, w->message))
        return error_set(
            e, -EINVAL, "usage",
            "MESSAGE must be OFFICE/out/ID or OFFICE/in/SENDER/ID, as careplanctl status prints it");
    w->office = settings_office_find(w->settings, &w->name.office);
    if (!w->office)
        return error_set(e, -EINVAL, "usage", "%s has no office %s", w->config, w->name.office.text);
    char id[33];
    message_id_format(&w->name.id, id);
    snprintf(w->default_folder, sizeof w->default_folder, "evidence-%s", id);
    if (!w->folder)
        w->folder = w->default_folder;
    if (access(w->folder, F_OK) == 0)
        return folder_make(w->folder, e);
    struct drop_user user;
    int r = drop_owner(w->office->state, &user, e);
    return r ? r : drop_run(&user, gather, take, w, e);
}

int evidence_command(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "MESSAGE",
        "Writes what proves an exchange into a new folder; `careplanctl verify DIR`, or "
        "openssl and sha256sum alone, then prove it anywhere.",
        NULL,
        NULL,
        NULL};
    struct evidence w = {0};
    struct error e = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &w))
        return CTL_CANNOT;
    struct settings *settings = ctl_settings(w.config, &e);
    w.settings = settings;
    int r = settings ? evidence(&w, &e) : e.number;
    settings_free(settings);
    if (r) {
        ctl_fail(argv[0], &e);
        return r == -ENODATA || strcmp(e.code, "message-unknown") == 0 ? CTL_NO : CTL_CANNOT;
    }
    printf("%s: written. Prove it: careplanctl verify %s\n", w.folder, w.folder);
    return CTL_DONE;
}
