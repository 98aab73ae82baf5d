#include "exchange_house.h"

#include <ctype.h>
#include <ftw.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/hex.h"

struct office_id office(const char *text)
{
    struct office_id id = {""};
    if (text[0])
        assert_true(office_id_parse(&id, text, strlen(text)));
    return id;
}

struct message_id message_id(uint8_t n)
{
    struct message_id id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

struct hash256 hash(uint8_t n)
{
    struct hash256 h;
    memset(h.bytes, n, sizeof h.bytes);
    return h;
}

static void fold(const char *name, char out[768])
{
    size_t i = 0;
    for (; name[i] && i < 767; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[i] = '\0';
}

/* ---- The house ---- */

void house_start(struct house *h)
{
    struct error e = {0};
    const struct ledger_options options = {.state_dir = h->dir, .office = office(CARE)};
    int r = ledger_open(&options, &h->ledger, &e);
    if (r)
        fail_msg("ledger_open: %d %s", r, e.text);
}

void house_restart(struct house *h)
{
    ledger_close(h->ledger);
    house_start(h);
}

void add_partner(struct ledger *l, const char *id, const char *name)
{
    struct ledger_partner p = {.office = office(id), .active = true};
    char folded[768];
    snprintf(p.name, sizeof p.name, "%s", name);
    snprintf(p.folder, sizeof p.folder, "%s_%s", id, name);
    snprintf(p.fingerprint, sizeof p.fingerprint, "aa%s", id);
    fold(p.folder, folded);
    assert_int_equal(ledger_partner_put(l, &p, folded, NULL, NULL, NULL), 0);
}

int house_open(void **state)
{
    struct house *h = calloc(1, sizeof *h);
    snprintf(h->dir, sizeof h->dir, "/tmp/careplan-ledger-XXXXXX");
    if (!mkdtemp(h->dir))
        return -1;
    house_start(h);
    add_partner(h->ledger, SERVICE, "さくら訪問介護");
    add_partner(h->ledger, OTHER, "すみれ");
    *state = h;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

int house_close(void **state)
{
    struct house *h = *state;
    ledger_close(h->ledger);
    int r = nftw(h->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(h);
    return r;
}

uint64_t inbox_of(struct ledger *l, const char *partner)
{
    struct office_id id = office(partner);
    struct ledger_partner p;
    assert_int_equal(ledger_partner(l, &id, &p), 0);
    ledger_partner_free(&p);
    return p.inbox;
}

uint64_t outbox_of(struct ledger *l, const char *partner)
{
    struct office_id id = office(partner);
    struct ledger_partner p;
    assert_int_equal(ledger_partner(l, &id, &p), 0);
    ledger_partner_free(&p);
    return p.outbox;
}

struct content *content(struct ledger *l, const char *text)
{
    struct content *c = content_new(l);
    assert_non_null(c);
    assert_int_equal(content_append(c, text, strlen(text)), 0);
    assert_int_equal(content_finish(c), 0);
    return c;
}

/* ---- Out ---- */

uint64_t save_as(struct ledger *l, uint64_t parent, const char *name, const char *sequence, const char *text,
                 const char *recipient, enum file_verdict verdict, uint64_t *message)
{
    struct ledger_entry entry = {0};
    struct ledger_node node = {0};
    char folded[768];
    fold(name, folded);
    struct ledger_save s = {.parent = parent,
                            .name = name,
                            .folded = folded,
                            .mode = 0660,
                            .mtime_ns = 1000000000,
                            .verdict = verdict,
                            .reason = verdict == VERDICT_WAITING ? "partner-unknown" : "",
                            .in_unit = true,
                            .recipient = office(recipient)};
    if (ledger_lookup(l, parent, name, &entry, &node) == 0) {
        s.node = node.id;
        s.entry = entry.id;
    } else {
        s.node = ledger_new_id(l);
        s.entry = ledger_new_id(l);
    }
    s.content = content(l, text);
    snprintf(s.recipient_text, sizeof s.recipient_text, "%s", recipient[0] ? recipient : "0300000009");
    snprintf(s.sequence, sizeof s.sequence, "%s", sequence);
    snprintf(s.kind, sizeof s.kind, "UPPLAN");
    snprintf(s.canonical, sizeof s.canonical, "%s", name);
    message_id_new(&s.new_message);
    assert_int_equal(ledger_save(l, &s, NULL, NULL), 0);
    assert_int_equal(ledger_node(l, s.node, &node), 0);
    if (message)
        *message = node.message;
    return s.node;
}

uint64_t save(struct ledger *l, const char *name, const char *sequence, const char *text, uint64_t *message)
{
    return save_as(l, outbox_of(l, SERVICE), name, sequence, text, SERVICE, VERDICT_GOOD, message);
}

void queue_all(struct ledger *l, uint64_t message)
{
    struct ledger_unit u;
    const char *names[16];
    uint64_t contents[16];
    assert_int_equal(ledger_unit(l, message, &u), 0);
    assert_true(u.n_files > 0 && u.n_files <= 16);
    for (size_t i = 0; i < u.n_files; i++) {
        names[i] = u.files[i].name;
        contents[i] = u.files[i].content;
    }
    assert_int_equal(ledger_queue_unit(l, message, names, contents, u.n_files, NULL, NULL), 0);
    ledger_unit_free(&u);
}

void manifest_of(struct ledger *l, uint64_t message, struct buffer *out)
{
    struct ledger_unit unit, *u = &unit;
    assert_int_equal(ledger_unit(l, message, u), 0);
    buffer_text(out, "{\"files\":[");
    for (size_t i = 0; i < u->n_files; i++) {
        char hex[65];
        hex_encode(u->files[i].sha256.bytes, 32, hex);
        buffer_printf(out, "%s{\"name\":\"%s\",\"sha256\":\"%s\"}", i ? "," : "", u->files[i].name, hex);
    }
    buffer_text(out, "]}");
    assert_false(out->failed);
    ledger_unit_free(u);
}

int seal_with(struct ledger *l, uint64_t message, uint8_t n, const struct buffer *manifest)
{
    struct ledger_sealed s = {.message = message,
                              .statement = (const uint8_t *)"statement",
                              .statement_length = 9,
                              .header = (const uint8_t *)"header",
                              .header_length = 6,
                              .manifest = manifest->data,
                              .manifest_length = manifest->length,
                              .envelope_hash = hash(n),
                              .manifest_hash = hash((uint8_t)(n + 100)),
                              .ciphertext = content(l, "ciphertext"),
                              .recipient_fingerprint = "aa",
                              .created = ACCEPTED - 1000};
    return ledger_seal(l, &s, NULL, NULL);
}

int seal_as(struct ledger *l, uint64_t message, uint8_t n)
{
    autobuffer manifest = {0};
    manifest_of(l, message, &manifest);
    return seal_with(l, message, n, &manifest);
}

void send_out(struct ledger *l, uint64_t message, uint8_t n)
{
    queue_all(l, message);
    assert_int_equal(seal_as(l, message, n), 0);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
}

enum out_state state_of(struct ledger *l, uint64_t message)
{
    struct ledger_unit u;
    assert_int_equal(ledger_unit(l, message, &u), 0);
    enum out_state s = u.state;
    ledger_unit_free(&u);
    return s;
}

int answer(struct ledger *l, uint64_t message, const char *by, enum receipt_kind kind, const char *der)
{
    struct ledger_envelope e;
    assert_int_equal(ledger_envelope(l, message, &e), 0);
    struct receipt r = {.kind = kind,
                        .sender = office(CARE),
                        .id = e.id,
                        .envelope = e.envelope_hash,
                        .manifest = e.manifest_hash,
                        .at = ACCEPTED + 5000};
    snprintf(r.detail, sizeof r.detail, "%s",
             kind == RECEIPT_TAKEN     ? "read"
             : kind == RECEIPT_REFUSED ? "refused"
                                       : "");
    ledger_envelope_free(&e);
    struct office_id from = office(by);
    return ledger_receipt_got(l, &r, &from, (const uint8_t *)der, strlen(der), NULL, NULL);
}

/* ---- In ---- */

int arrive(struct ledger *l, const struct arrival_of *a)
{
    struct ledger_incoming_file files[16] = {0};
    char folded[16][768];
    struct ledger_incoming in = {.sender = office(a->sender),
                                 .id = message_id(a->id),
                                 .has_replaces = a->replaces != 0,
                                 .replaces = message_id(a->replaces),
                                 .sequence = a->sequence,
                                 .acceptance = (const uint8_t *)"acceptance",
                                 .acceptance_length = 10,
                                 .statement = (const uint8_t *)"statement",
                                 .statement_length = 9,
                                 .header = (const uint8_t *)"header",
                                 .header_length = 6,
                                 .manifest = (const uint8_t *)"manifest",
                                 .manifest_length = 8,
                                 .envelope_hash = hash(a->id),
                                 .manifest_hash = hash((uint8_t)(a->id + 100)),
                                 .created = ACCEPTED - 1000,
                                 .accepted_at = a->accepted_at ? a->accepted_at : ACCEPTED,
                                 .files = files,
                                 .receipt = (const uint8_t *)"received",
                                 .receipt_length = 8};
    for (; a->files && a->files[2 * in.n_files]; in.n_files++) {
        const char *name = a->files[2 * in.n_files];
        fold(name, folded[in.n_files]);
        files[in.n_files] =
            (struct ledger_incoming_file){.name = name,
                                          .folded = folded[in.n_files],
                                          .kind = "UPPLAN",
                                          .main_file = strstr(name, "PLAN") != NULL,
                                          .content = content(l, a->files[2 * in.n_files + 1])};
    }
    return ledger_receive(l, &in, NULL, NULL);
}

uint64_t incoming(struct ledger *l, const char *sender, uint8_t id)
{
    uint64_t message = 0;
    struct office_id from = office(sender);
    struct message_id uid = message_id(id);
    assert_int_equal(ledger_find(l, false, &from, &uid, &message), 0);
    return message;
}

void show_all(struct ledger *l)
{
    uint64_t messages[16];
    int n = ledger_to_show(l, messages, 16);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++)
        assert_int_equal(ledger_shown(l, messages[i], NULL, NULL), 0);
}

/* ---- Looking ---- */

static bool list_one(void *context, const struct ledger_entry *entry, const struct ledger_node *node)
{
    (void)node;
    char *out = context;
    size_t n = strlen(out);
    snprintf(out + n, 4096 - n, entry->shown ? "%s, " : "[%s], ", entry->name);
    return true;
}

const char *listing(struct ledger *l, uint64_t folder, char out[4096])
{
    out[0] = '\0';
    assert_int_equal(ledger_list(l, folder, 0, 1000, list_one, out), 0);
    return out;
}

uint64_t entry_in(struct ledger *l, uint64_t folder, const char *name)
{
    struct ledger_entry entry = {0};
    struct ledger_node node;
    return ledger_lookup(l, folder, name, &entry, &node) == 0 ? entry.id : 0;
}

uint64_t node_in(struct ledger *l, uint64_t folder, const char *name)
{
    struct ledger_entry entry = {0};
    struct ledger_node node;
    return ledger_lookup(l, folder, name, &entry, &node) == 0 ? entry.node : 0;
}

uint64_t node_at(struct ledger *l, const char *path)
{
    char copy[512];
    uint64_t node = NODE_ROOT;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *at = copy, *name; node && (name = strtok_r(NULL, "/", &at));)
        node = node_in(l, node, name);
    return node;
}

const char *text_of(struct ledger *l, uint64_t node, char out[4096])
{
    struct ledger_node n;
    assert_int_equal(ledger_node(l, node, &n), 0);
    int64_t length = n.content ? content_read(l, n.content, 0, out, 4095) : 0;
    assert_true(length >= 0);
    out[length] = '\0';
    return out;
}

struct wanted {
    uint64_t message;
    const char *state;
};

static bool status_one(void *context, const struct ledger_status *s)
{
    struct wanted *w = context;
    if (s->message == w->message)
        w->state = s->state;
    return true;
}

const char *state_text(struct ledger *l, uint64_t message)
{
    struct wanted w = {message, "not listed"};
    assert_int_equal(ledger_status_list(l, 0, 1000, status_one, &w), 0);
    return w.state;
}
