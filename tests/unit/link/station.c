#include "station.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "base/file.h"
#include "careplan/standard.h"
#include "mount/names.h"

#ifndef SAMPLES
#error "SAMPLES is the folder of the valid samples"
#endif

static void write_text(const struct station *s, const char *name, const char *text, mode_t mode)
{
    char path[128];
    struct error e = {0};
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    assert_int_equal(file_write(path, text, strlen(text), mode, &e), 0);
}

void station_folder(struct station *s, const char *office_text, const char *ca)
{
    *s = (struct station){.id = office(office_text)};
    strcpy(s->dir, "/tmp/test-link-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->ca, sizeof s->ca, "%s", ca);
}

void station_new_key(struct station *s, struct house *house, int days)
{
    EVP_PKEY *key = key_new();
    uint8_t *csr = NULL;
    size_t length = 0;
    assert_int_equal(csr_new(key, &s->id, &csr, &length, NULL), 0);
    X509 *leaf = ca_issue_office(house->ca, csr, length, &s->id, days > 0 ? days : 1, NULL);
    assert_non_null(leaf);
    if (days <= 0) { /* none that a CA would give: it has ended */
        EVP_PKEY *ca = house_ca_key(house);
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(leaf), (long)days * 86400));
        assert_true(X509_sign(leaf, ca, EVP_sha256()) > 0);
        EVP_PKEY_free(ca);
    }
    char *pem = key_to_pem(key), *certificate = certificate_to_pem(leaf), *both = NULL;
    assert_true(asprintf(&both, "%s%s", certificate, house->files.issuing_certificate) > 0);
    write_text(s, "office.key", pem, 0600);
    write_text(s, "office.pem", both, 0644);
    free(pem);
    free(certificate);
    free(both);
    free(csr);
    X509_free(leaf);
    EVP_PKEY_free(key);
}

void station_make(struct station *s, struct house *house, const char *office_text)
{
    station_folder(s, office_text, "");
    station_new_key(s, house, 365);
    write_text(s, "ca.pem", house->files.root_certificate, 0644);
    snprintf(s->ca, sizeof s->ca, "%s/ca.pem", s->dir);
}

X509 *station_certificate(const struct station *s)
{
    char path[128];
    struct buffer pem = {0};
    snprintf(path, sizeof path, "%s/office.pem", s->dir);
    assert_int_equal(file_read(path, 65536, &pem, NULL), 0);
    X509 *x = certificate_from_pem((const char *)pem.data, NULL);
    buffer_free(&pem);
    return x;
}

void station_open(struct station *s, int port)
{
    char text[512];
    struct error e = {0};
    struct ledger_options options = {.state_dir = s->dir, .office = s->id};
    snprintf(text, sizeof text, "[hub]\nurl = https://127.0.0.1:%d\nca = %s\n[office %s]\nstate = %s\n", port,
             s->ca, s->id.text, s->dir);
    s->settings = settings_read("test", text, &e);
    if (!s->settings || ledger_open(&options, &s->ledger, &e))
        fail_msg("%s", e.text);
}

void station_start(struct station *s)
{
    struct error e = {0};
    struct link_options options = {
        .ledger = s->ledger,
        .settings = s->settings,
        .office = &s->settings->offices[0],
        .names = {name_normalise, name_fold, name_partner_folder, name_display, name_is_report}};
    if (link_start(&options, &s->link, &e))
        fail_msg("%s", e.text);
}

void station_stop(struct station *s)
{
    link_stop(s->link);
    s->link = NULL;
}

void station_close(struct station *s)
{
    station_stop(s);
    ledger_close(s->ledger);
    settings_free(s->settings);
    s->ledger = NULL;
    s->settings = NULL;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void station_remove(struct station *s)
{
    assert_int_equal(nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- sending ---- */

static void save(struct station *s, const char *to, const char *name, struct content *content)
{
    char folded[768];
    struct careplan_name transfer;
    bool is_transfer = careplan_name_parse(NULL, name, &transfer, NULL, NULL) == CAREPLAN_NAME_TRANSFER;
    name_fold(name, folded);
    struct ledger_save save = {.node = ledger_new_id(s->ledger),
                               .entry = ledger_new_id(s->ledger),
                               .parent = NODE_OUTBOX,
                               .name = name,
                               .folded = folded,
                               .content = content,
                               .verdict = VERDICT_GOOD,
                               .reason = "",
                               .in_unit = true,
                               .recipient = office(to)};
    if (!is_transfer) {
        struct ledger_partner p;
        assert_int_equal(ledger_partner(s->ledger, &save.recipient, &p), 0);
        save.parent = p.outbox;
        ledger_partner_free(&p);
    }
    snprintf(save.recipient_text, sizeof save.recipient_text, "%s", to);
    snprintf(save.sequence, sizeof save.sequence, "%s", is_transfer ? transfer.sequence : "");
    snprintf(save.kind, sizeof save.kind, "%s", is_transfer ? transfer.kind->name : "DOCUMENT");
    snprintf(save.version, sizeof save.version, "%s", is_transfer ? transfer.kind->version->name : "");
    snprintf(save.canonical, sizeof save.canonical, "%s", is_transfer ? transfer.canonical : name);
    message_id_new(&save.new_message);
    assert_int_equal(ledger_save(s->ledger, &save, NULL, NULL), 0);
}

static uint64_t queue_newest(struct station *s)
{
    const char *names[64];
    uint64_t contents[64], message = 0, some[256];
    struct ledger_unit u;
    int n;
    while ((n = ledger_units_open(s->ledger, message, some, 256)) > 0)
        message = some[n - 1];
    assert_int_equal(ledger_unit(s->ledger, message, &u), 0);
    assert_true(u.n_files > 0 && u.n_files <= 64);
    for (size_t i = 0; i < u.n_files; i++) {
        names[i] = u.files[i].name;
        contents[i] = u.files[i].content;
    }
    assert_int_equal(ledger_queue_unit(s->ledger, message, names, contents, u.n_files, NULL, NULL), 0);
    ledger_unit_free(&u);
    return message;
}

uint64_t station_send_sample(struct station *s, const char *to, const char *folder)
{
    char dir[512], path[1024];
    snprintf(dir, sizeof dir, "%s/%s", SAMPLES, folder);
    DIR *d = opendir(dir);
    struct dirent *entry;
    assert_non_null(d);
    while ((entry = readdir(d))) {
        struct buffer bytes = {0};
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        assert_int_equal(file_read(path, 1 << 20, &bytes, NULL), 0);
        struct content *c = content_new(s->ledger);
        assert_int_equal(content_append(c, bytes.data, bytes.length) || content_finish(c), 0);
        save(s, to, entry->d_name, c);
        buffer_free(&bytes);
    }
    closedir(d);
    return queue_newest(s);
}

uint64_t station_send_document(struct station *s, const char *to, const char *name, size_t size)
{
    static const char start[] = "%PDF-1.7\n";
    uint8_t block[65536];
    struct content *c = content_new(s->ledger);
    uint32_t random = (uint32_t)size * 2654435761U + (uint32_t)strlen(name);
    assert_int_equal(content_append(c, start, sizeof start - 1), 0);
    for (size_t left = size - (sizeof start - 1); left;) {
        size_t n = left < sizeof block ? left : sizeof block;
        for (size_t i = 0; i < n; i++)
            block[i] = (uint8_t)((random = random * 1664525U + 1013904223U) >> 24);
        assert_int_equal(content_append(c, block, n), 0);
        left -= n;
    }
    assert_int_equal(content_finish(c), 0);
    save(s, to, name, c);
    return queue_newest(s);
}

struct message_id station_id(struct station *s, uint64_t message)
{
    struct ledger_unit u;
    assert_int_equal(ledger_unit(s->ledger, message, &u), 0);
    struct message_id id = u.id;
    ledger_unit_free(&u);
    return id;
}

/* ---- looking ---- */

bool station_wait(station_condition *condition, void *context, int seconds)
{
    const char *slow = getenv("CAREPLAN_SLOW");
    int64_t end = clock_boot_ms() + (int64_t)(1000 * seconds * (slow ? atof(slow) : 1.0));
    while (!condition(context)) {
        if (clock_boot_ms() > end)
            return false;
        usleep(2000);
    }
    return true;
}

bool station_knows(struct station *s, const char *partner)
{
    struct office_id id = office(partner);
    struct ledger_partner p;
    if (ledger_partner(s->ledger, &id, &p))
        return false;
    bool knows = p.certificate && p.fingerprint[0];
    ledger_partner_free(&p);
    return knows;
}

struct asked {
    struct station *s;
    const char *text;
    uint64_t message;
    enum out_state state;
    size_t n;
};

static bool knows_now(void *context)
{
    struct asked *a = context;
    return station_knows(a->s, a->text);
}

bool station_wait_knows(struct station *s, const char *partner)
{
    struct asked a = {.s = s, .text = partner};
    return station_wait(knows_now, &a, 20);
}

static bool state_now(void *context)
{
    struct asked *a = context;
    struct ledger_unit u;
    if (ledger_unit(a->s->ledger, a->message, &u))
        return false;
    bool is = u.state == a->state;
    ledger_unit_free(&u);
    return is;
}

bool station_wait_state(struct station *s, uint64_t message, enum out_state state, int seconds)
{
    struct asked a = {.s = s, .message = message, .state = state};
    return station_wait(state_now, &a, seconds);
}

struct counted {
    const char *state;
    size_t n;
    char reason[48];
};

static bool count_one(void *context, const struct ledger_status *st)
{
    struct counted *c = context;
    if (!st->outgoing && (!c->state || strcmp(st->state, c->state) == 0) && c->n++ == 0)
        snprintf(c->reason, sizeof c->reason, "%s", st->reason);
    return true;
}

size_t station_count_in(struct station *s, const char *state)
{
    struct counted c = {.state = state};
    assert_true(ledger_status_list(s->ledger, 0, 10000, count_one, &c) >= 0);
    return c.n;
}

static bool count_now(void *context)
{
    struct asked *a = context;
    return station_count_in(a->s, a->text) >= a->n;
}

bool station_wait_in(struct station *s, const char *state, size_t n, int seconds)
{
    struct asked a = {.s = s, .text = state, .n = n};
    return station_wait(count_now, &a, seconds);
}

void station_reason_in(struct station *s, char out[48])
{
    struct counted c = {0};
    ledger_status_list(s->ledger, 0, 10000, count_one, &c);
    memcpy(out, c.reason, 48);
}

struct sought {
    struct station *s;
    const char *name;
    struct hash256 sha256;
    uint64_t size;
    bool found;
};

static bool seek_file(void *context, const struct ledger_status *st)
{
    struct sought *w = context;
    for (size_t i = 0; !st->outgoing && i < st->n_files; i++)
        if (strcmp(st->files[i].name, w->name) == 0) {
            w->found = content_stat(w->s->ledger, st->files[i].content, &w->size, &w->sha256) == 0;
            return false;
        }
    return true;
}

bool station_arrived(struct station *s, const char *name, struct hash256 *sha256, uint64_t *size)
{
    struct sought w = {.s = s, .name = name};
    ledger_status_list(s->ledger, 0, 10000, seek_file, &w);
    *sha256 = w.sha256;
    *size = w.size;
    return w.found;
}
