#include "house.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/thread.h"
#include "mount/names.h"

static struct ledger_node node_of(struct house *h, uint64_t id)
{
    struct ledger_node node = {0};
    assert_int_equal(ledger_node(h->ledger, id, &node), 0);
    return node;
}

struct office_id office(const char *text)
{
    struct office_id id = {""};
    if (text[0])
        assert_true(office_id_parse(&id, text, strlen(text)));
    return id;
}

void add_partner(struct house *h, const char *id)
{
    struct ledger_partner p = {.office = office(id), .active = true};
    char folded[768];
    snprintf(p.name, sizeof p.name, "架空事業所");
    name_partner_folder(&p.office, p.name, p.folder);
    name_fold(p.folder, folded);
    assert_int_equal(ledger_partner_put(h->ledger, &p, folded, NULL, NULL, NULL), 0);
}

uint64_t outbox_of(struct house *h, const char *partner)
{
    struct office_id id = office(partner);
    struct ledger_partner p;
    assert_int_equal(ledger_partner(h->ledger, &id, &p), 0);
    ledger_partner_free(&p);
    return p.outbox;
}

int house_setup(void **state)
{
    struct house *h = calloc(1, sizeof *h);
    struct error e = {0};
    struct ledger_options options = {.office = office(CARE)};
    assert_non_null(h);
    strcpy(h->dir, "/tmp/test-mount-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    options.state_dir = h->dir;
    if (ledger_open(&options, &h->ledger, &e))
        fail_msg("%s", e.text);
    h->settings = (struct settings){.settle = 150,
                                    .documents_settle = 150,
                                    .linger = 600000,
                                    .unit_wait = 600000,
                                    .partner_wait = 1000000000,
                                    .unit_max = 1 << 30};
    pthread_mutex_init(&h->mutex, NULL);
    add_partner(h, SERVICE);
    *state = h;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

int house_teardown(void **state)
{
    struct house *h = *state;
    house_unsettle(h);
    ledger_close(h->ledger);
    pthread_mutex_destroy(&h->mutex);
    int r = nftw(h->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(h);
    return r;
}

/* ---- The mount that remembers ---- */

static bool host_busy(void *context, uint64_t node)
{
    struct house *h = context;
    LOCKED(&h->mutex);
    if (h->busy == node && h->idle_answers) {
        h->idle_answers--;
        return false;
    }
    return h->busy == node;
}

static int host_remove_entry(void *context, const struct ledger_entry *entry)
{
    struct house *h = context;
    const char *const none[3] = {NULL};
    int r = ledger_unlink(h->ledger, entry->id, false, none, NULL, NULL);
    LOCKED(&h->mutex);
    h->removed += r == 0;
    return r;
}

static void host_changed(void *context, uint64_t parent, const char *name)
{
    struct house *h = context;
    (void)parent;
    (void)name;
    LOCKED(&h->mutex);
    h->changed++;
}

static void host_judge_empty(void *context, uint64_t node)
{
    struct house *h = context;
    LOCKED(&h->mutex);
    h->emptied = node;
}

static void host_sweep(void *context)
{
    (void)context;
}

void house_settle(struct house *h)
{
    const struct settle_host host = {h,         host_busy, host_remove_entry, host_changed, host_judge_empty,
                                     host_sweep};
    struct office_id id = office(CARE);
    assert_int_equal(settler_start(h->ledger, &h->settings, NULL, &id, &host, &h->settler), 0);
}

void house_unsettle(struct house *h)
{
    settler_stop(h->settler);
    settler_free(h->settler);
    h->settler = NULL;
}

/* ---- Saving ---- */

uint64_t save(struct house *h, const struct save_of *o, uint64_t *message)
{
    struct ledger_entry entry = {0};
    struct ledger_node node = {0};
    struct careplan_name name = {0};
    char folded[768];
    const char *recipient = o->recipient ? o->recipient : SERVICE;
    name_fold(o->name, folded);
    struct ledger_save s = {.parent = o->folder ? o->folder : NODE_OUTBOX,
                            .name = o->name,
                            .folded = folded,
                            .mode = 0660,
                            .mtime_ns = 1000000000,
                            .verdict = o->nameless    ? VERDICT_REJECTED
                                       : o->verdict   ? o->verdict
                                       : recipient[0] ? VERDICT_GOOD
                                                      : VERDICT_WAITING,
                            .in_unit = !o->nameless,
                            .recipient = office(recipient)};
    s.reason = s.verdict == VERDICT_GOOD ? "" : s.verdict == VERDICT_WAITING ? "partner-unknown" : "CP1042";
    s.reason = o->reason ? o->reason : s.reason;
    s.problems = o->problems;
    s.n_problems = o->n_problems;
    s.warnings = o->warnings;
    if (ledger_lookup(h->ledger, s.parent, o->name, &entry, &node)) {
        entry.id = ledger_new_id(h->ledger);
        entry.node = ledger_new_id(h->ledger);
    }
    s.node = entry.node;
    s.entry = entry.id;
    snprintf(s.canonical, sizeof s.canonical, "%s", o->name);
    snprintf(s.recipient_text, sizeof s.recipient_text, "%s", recipient[0] ? recipient : STRANGER);
    if (!o->document && !o->nameless) {
        assert_int_equal(careplan_name_parse(NULL, o->name, &name, NULL, NULL), CAREPLAN_NAME_TRANSFER);
        snprintf(s.sequence, sizeof s.sequence, "%s", name.sequence);
        snprintf(s.canonical, sizeof s.canonical, "%s", name.canonical);
        snprintf(s.version, sizeof s.version, "%s", name.kind->version->name);
    }
    snprintf(s.kind, sizeof s.kind, "%s", o->document ? "DOCUMENT" : o->nameless ? "" : name.kind->name);
    message_id_new(&s.new_message);
    s.content = content_new(h->ledger);
    assert_non_null(s.content);
    assert_int_equal(content_append(s.content, o->text, strlen(o->text)), 0);
    assert_int_equal(content_finish(s.content), 0);
    assert_int_equal(ledger_save(h->ledger, &s, NULL, NULL), 0);
    if (h->settler)
        settler_touch(h->settler, &s.recipient, s.sequence, s.node);
    if (message)
        *message = node_of(h, s.node).message;
    return s.node;
}

uint64_t save_samples(struct house *h, const char *folder, const char *without)
{
    char path[512];
    uint64_t message = 0;
    snprintf(path, sizeof path, SAMPLES "/%s", folder);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *f; (f = readdir(d));) {
        autobuffer text = {0};
        if (f->d_name[0] == '.' || (without && strstr(f->d_name, without)))
            continue;
        snprintf(path, sizeof path, SAMPLES "/%s/%s", folder, f->d_name);
        assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
        save(h, &(struct save_of){.name = f->d_name, .text = (const char *)text.data}, &message);
    }
    closedir(d);
    assert_true(message);
    return message;
}

/* The ledger seals only what the manifest names. */
static void manifest_of(struct house *h, uint64_t message, struct buffer *out)
{
    struct ledger_unit u;
    char hash[65];
    assert_int_equal(ledger_unit(h->ledger, message, &u), 0);
    buffer_text(out, "{\"files\":[");
    for (size_t i = 0; i < u.n_files; i++) {
        hex_encode(u.files[i].sha256.bytes, sizeof u.files[i].sha256.bytes, hash);
        buffer_printf(out, "%s{\"name\":\"%s\",\"sha256\":\"%s\"}", i ? "," : "", u.files[i].name, hash);
    }
    buffer_text(out, "]}");
    ledger_unit_free(&u);
}

void send_out(struct house *h, uint64_t message)
{
    autobuffer manifest = {0};
    manifest_of(h, message, &manifest);
    struct ledger_sealed s = {.message = message,
                              .statement = (const uint8_t *)"s",
                              .header = (const uint8_t *)"h",
                              .manifest = manifest.data,
                              .statement_length = 1,
                              .header_length = 1,
                              .manifest_length = manifest.length,
                              .ciphertext = content_new(h->ledger),
                              .recipient_fingerprint = "aa",
                              .created = clock_utc_ms()};
    assert_int_equal(content_append(s.ciphertext, "c", 1), 0);
    assert_int_equal(content_finish(s.ciphertext), 0);
    assert_int_equal(ledger_seal(h->ledger, &s, NULL, NULL), 0);
    assert_int_equal(ledger_accept(h->ledger, message, (const uint8_t *)"a", 1, clock_utc_ms(), NULL, NULL),
                     0);
}

void refuse(struct house *h, uint64_t message, const char *reason)
{
    struct office_id by = office(SERVICE);
    struct receipt r = {
        .kind = RECEIPT_REFUSED, .sender = office(CARE), .id = unit_of(h, message).id, .at = clock_utc_ms()};
    snprintf(r.detail, sizeof r.detail, "%s", reason);
    assert_int_equal(ledger_receipt_got(h->ledger, &r, &by, (const uint8_t *)"r", 1, NULL, NULL), 0);
    assert_int_equal(unit_of(h, message).state, OUT_REFUSED);
}

/* ---- Looking ---- */

struct ledger_unit unit_of(struct house *h, uint64_t message)
{
    struct ledger_unit u;
    assert_int_equal(ledger_unit(h->ledger, message, &u), 0);
    ledger_unit_free(&(struct ledger_unit){.files = u.files});
    u.files = NULL;
    return u;
}

bool has_entry(struct house *h, uint64_t folder, const char *name)
{
    struct ledger_entry entry;
    struct ledger_node node;
    return ledger_lookup(h->ledger, folder, name, &entry, &node) == 0;
}

bool is_settled(struct house *h, uint64_t message)
{
    struct ledger_unit u = unit_of(h, message);
    return u.settled && u.state == OUT_QUEUED;
}

void sleep_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

void wait_state(struct house *h, uint64_t message, enum out_state state, const char *reason)
{
    struct ledger_unit u = {0};
    for (int i = 0; i < 2000; i++) {
        u = unit_of(h, message);
        if (u.state == state && (!reason || strcmp(u.reason, reason) == 0))
            return;
        sleep_ms(5);
    }
    fail_msg("expected %s %s, is %s %s", out_state_name(state), reason ? reason : "", out_state_name(u.state),
             u.reason);
}

void wait_settled(struct house *h, uint64_t message)
{
    for (int i = 0; i < 2000 && !is_settled(h, message); i++)
        sleep_ms(5);
    assert_true(is_settled(h, message));
}
