/* What always holds, whatever users, link and restarts do one after the other: checked after each of some
 * thousand random steps. A seed that fails is printed. */
#include "exchange_house.h"

#include <sqlite3.h>

#define NUMBERED(kind, sequence) kind "_202407_202611_0300000100_43_0300000005_11_" sequence ".CSV"
#define SECOND "20261101100000"

static const struct {
    const char *name, *sequence;
} FILES[] = {
    {NUMBERED("UPPLAN", SEQUENCE), SEQUENCE},
    {NUMBERED("UP1KYO", SEQUENCE), SEQUENCE},
    {NUMBERED("UPPLAN", SECOND), SECOND},
    {NUMBERED("UP1KYO", SECOND), SECOND},
};
static const char *const TEXTS[] = {"one", "two", "three", ""};
static const char *const RECIPIENTS[] = {SERVICE, SERVICE, OTHER, ""};

/* Each query finds rows that must not be. */
static const struct {
    const char *rule, *sql;
} RULES[] = {
    {"a content counts exactly those who refer to it",
     "SELECT id FROM content WHERE key IS NOT NULL AND refs<>"
     "(SELECT count(*) FROM node WHERE node.content=content.id)"
     "+(SELECT count(*) FROM node WHERE node.draft=content.id)"
     "+(SELECT count(*) FROM file WHERE file.content=content.id)"
     "+(SELECT count(*) FROM download WHERE download.content=content.id)"
     "+(SELECT count(*) FROM envelope WHERE envelope.statement=content.id)"
     "+(SELECT count(*) FROM envelope WHERE envelope.manifest=content.id)"
     "+(SELECT count(*) FROM envelope WHERE envelope.acceptance=content.id)"
     "+(SELECT count(*) FROM envelope WHERE envelope.ciphertext=content.id)"},
    {"what is referred to has its key",
     "SELECT id FROM node WHERE (content<>0 AND content NOT IN (SELECT id FROM content WHERE key IS NOT NULL))"
     " OR (draft<>0 AND draft NOT IN (SELECT id FROM content WHERE key IS NOT NULL))"},
    {"a node counts its entries",
     "SELECT id FROM node WHERE id>1 AND id<>7 AND links<>(SELECT count(*) FROM entry WHERE entry.node=node.id)"},
    {"an entry leads to a node and stands in one",
     "SELECT id FROM entry WHERE node NOT IN (SELECT id FROM node) OR parent NOT IN (SELECT id FROM node)"},
    {"a file of a message names a node that is there, or none",
     "SELECT message FROM file WHERE node<>0 AND node NOT IN (SELECT id FROM node)"},
    {"an open message has a file of its own and an open state",
     "SELECT id FROM message WHERE open=1 AND (state NOT IN (0, 1, 2, 3) OR sealed=1 OR outgoing=0 OR NOT EXISTS"
     "(SELECT 1 FROM file WHERE file.message=message.id AND carried=0 AND (node<>0 OR content<>0)))"},
    {"only good files are queued",
     "SELECT id FROM message JOIN file ON file.message=message.id WHERE outgoing=1 AND state IN (3, 4)"
     " AND verdict<>1"},
    {"what is rejected says so",
     "SELECT message.id FROM message JOIN file ON file.message=message.id WHERE open=1"
     " AND verdict=2 AND state<>0"},
    {"a taken receipt once a message at most",
     "SELECT message FROM receipt WHERE own=1 AND kind=2 GROUP BY message HAVING count(*)>1"},
    {"no folder of a unit in order is empty",
     "SELECT node.id FROM node JOIN entry ON entry.node=node.id WHERE entry.parent=5 AND node.id NOT IN"
     " (SELECT parent FROM entry)"},
};

static void assert_rules(const struct house *h, unsigned seed, int step, int did)
{
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/ledger.db", h->dir);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        sqlite3_stmt *s;
        assert_int_equal(sqlite3_prepare_v2(db, RULES[i].sql, -1, &s, NULL), SQLITE_OK);
        int rc = sqlite3_step(s);
        if (rc == SQLITE_ROW)
            print_error("seed %u, step %d (%d): not true that %s: row %lld\n", seed, step, did, RULES[i].rule,
                        (long long)sqlite3_column_int64(s, 0));
        sqlite3_finalize(s);
        assert_int_equal(rc, SQLITE_DONE);
    }
    sqlite3_close(db);
}

/* ---- Steps ---- */

struct chance {
    unsigned seed;
};

static unsigned pick(struct chance *c, unsigned n)
{
    c->seed = c->seed * 1103515245 + 12345;
    return (c->seed >> 16) % n;
}

struct some {
    struct ledger_entry entries[64];
    struct ledger_node nodes[64];
    size_t n;
};

static bool keep_one(void *context, const struct ledger_entry *e, const struct ledger_node *n)
{
    struct some *s = context;
    if (n->kind != NODE_FOLDER && s->n < 64) {
        s->entries[s->n] = *e;
        s->nodes[s->n++] = *n;
    }
    return true;
}

static uint64_t folder(struct ledger *l, struct chance *c)
{
    return pick(c, 3) ? outbox_of(l, SERVICE) : NODE_OUTBOX;
}

static bool choose(struct ledger *l, struct chance *c, uint64_t parent, struct ledger_entry *e,
                   struct ledger_node *n)
{
    struct some s = {.n = 0};
    assert_int_equal(ledger_list(l, parent, 0, 64, keep_one, &s), 0);
    if (!s.n)
        return false;
    size_t i = pick(c, (unsigned)s.n);
    *e = s.entries[i];
    *n = s.nodes[i];
    return true;
}

static struct ledger_save some_save(struct ledger *l, struct chance *c, uint64_t parent, bool transfer)
{
    size_t f = pick(c, 4);
    struct ledger_entry e;
    struct ledger_node n;
    static const enum file_verdict VERDICTS[] = {VERDICT_GOOD, VERDICT_GOOD,    VERDICT_GOOD,
                                                 VERDICT_HELD, VERDICT_WAITING, VERDICT_REJECTED};
    struct ledger_save s = {.parent = parent,
                            .name = transfer ? FILES[f].name : "other.txt",
                            .mtime_ns = 1,
                            .mode = 0660,
                            .verdict = VERDICTS[pick(c, 6)],
                            .in_unit = transfer,
                            .recipient = office(RECIPIENTS[pick(c, 4)])};
    s.folded = s.name;
    s.reason = s.verdict == VERDICT_GOOD ? "" : "why";
    snprintf(s.recipient_text, sizeof s.recipient_text, "0300000005");
    snprintf(s.sequence, sizeof s.sequence, "%s", FILES[f].sequence);
    snprintf(s.kind, sizeof s.kind, "UPPLAN");
    snprintf(s.canonical, sizeof s.canonical, "%s", s.name);
    message_id_new(&s.new_message);
    bool there = ledger_lookup(l, parent, s.name, &e, &n) == 0;
    s.node = there ? n.id : ledger_new_id(l);
    s.entry = there ? e.id : ledger_new_id(l);
    return s;
}

/* Done, or the name's place in its unit is another's. */
static void assert_done(int result)
{
    if (result != -EEXIST)
        assert_int_equal(result, 0);
}

static void step_save(struct ledger *l, struct chance *c)
{
    struct ledger_save s = some_save(l, c, folder(l, c), pick(c, 5) != 0);
    const char *text = TEXTS[pick(c, 4)];
    s.keep_content = pick(c, 5) == 0;
    s.draft = !s.keep_content && pick(c, 5) == 0;
    s.content = s.keep_content || !text[0] ? NULL : content(l, text);
    if (pick(c, 3) == 0) {
        s.report_name = s.report_folded = "report.txt";
        s.report = "text";
        s.report_length = pick(c, 2) ? 4 : 0;
    }
    assert_done(ledger_save(l, &s, NULL, NULL));
}

static void step_unlink(struct ledger *l, struct chance *c)
{
    struct ledger_entry e;
    struct ledger_node n;
    bool keep = pick(c, 4) == 0;
    if (!choose(l, c, folder(l, c), &e, &n))
        return;
    assert_int_equal(ledger_unlink(l, e.id, keep, NULL, NULL, NULL), 0);
    if (!keep || pick(c, 2))
        return;
    struct ledger_save late = some_save(l, c, e.parent, true); /* a flush after the unlink */
    late.node = e.node;
    late.entry = 0;
    late.content = content(l, "late");
    assert_int_equal(ledger_save(l, &late, NULL, NULL), 0);
    assert_int_equal(ledger_drop_node(l, e.node, NULL, NULL), 0);
}

static void step_rename(struct ledger *l, struct chance *c)
{
    struct ledger_entry e, there;
    struct ledger_node n;
    uint64_t to = folder(l, c);
    if (!choose(l, c, folder(l, c), &e, &n) || n.kind != NODE_FILE)
        return;
    struct ledger_save then = some_save(l, c, to, pick(c, 3) != 0);
    bool replaces = ledger_lookup(l, to, then.name, &there, &n) == 0;
    struct ledger_rename r = {.entry = e.id,
                              .parent = to,
                              .replaced = replaces && there.id != e.id ? there.id : 0,
                              .name = then.name,
                              .folded = then.name,
                              .keep_replaced = pick(c, 4) == 0,
                              .leaves_unit = pick(c, 3) != 0,
                              .then = &then};
    then.node = e.node;
    then.entry = e.id;
    then.keep_content = true;
    assert_done(ledger_rename(l, &r, NULL, NULL));
}

static bool ready(struct ledger *l, uint64_t message)
{
    struct ledger_unit u;
    assert_int_equal(ledger_unit(l, message, &u), 0);
    bool good = u.recipient.text[0] != '\0';
    for (size_t i = 0; i < u.n_files; i++) {
        struct ledger_node n = {0}; /* what nobody has judged yet does not stand for what was */
        good &= u.files[i].verdict == VERDICT_GOOD;
        if (u.files[i].node)
            assert_int_equal(ledger_node(l, u.files[i].node, &n), 0);
        good &= n.draft == 0;
    }
    ledger_unit_free(&u);
    return good;
}

static void step_send(struct ledger *l, struct chance *c)
{
    static uint8_t number;
    uint64_t open[16];
    int n = ledger_units_open(l, 0, open, 16);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        if (!ready(l, open[i]))
            continue;
        queue_all(l, open[i]);
        if (pick(c, 4) == 0)
            return;
        assert_int_equal(seal_as(l, open[i], ++number), 0);
        if (pick(c, 4) == 0)
            assert_int_equal(ledger_refuse_out(l, open[i], "problem", NULL, NULL), 0);
        else
            assert_int_equal(ledger_accept(l, open[i], (const uint8_t *)"yes", 3, ACCEPTED, NULL, NULL), 0);
    }
}

static void step_join(struct ledger *l, struct chance *c)
{
    uint64_t open[16];
    int n = ledger_units_open(l, 0, open, 16);
    struct office_id service = office(SERVICE);
    if (n > 0)
        assert_true(ledger_set_recipient(l, open[pick(c, (unsigned)n)], &service, NULL, NULL) <= 0);
}

static void step_arrive(struct ledger *l, struct chance *c)
{
    static uint8_t number;
    const char *const files[] = {FILES[0].name, TEXTS[pick(c, 3)], FILES[1].name, TEXTS[pick(c, 3)], NULL};
    number++;
    const struct arrival_of a = {SERVICE, number, 0, SEQUENCE, ACCEPTED + number, files};
    int r = arrive(l, &a);
    assert_true(r == 0 || r == -EEXIST);
    if (pick(c, 2))
        show_all(l);
}

static void step_take(struct ledger *l, struct chance *c)
{
    struct ledger_entry e;
    struct ledger_node n;
    if (!choose(l, c, pick(c, 2) ? inbox_of(l, SERVICE) : NODE_ALL, &e, &n))
        return;
    if (pick(c, 2))
        assert_int_equal(ledger_read_whole(l, n.id, pick(c, 2) == 0, NULL, NULL), 0);
    else
        assert_int_equal(ledger_unlink(l, e.id, false, NULL, NULL, NULL), 0);
}

static void step_rest(struct house *h, struct chance *c)
{
    if (pick(c, 3))
        while (ledger_idle(h->ledger))
            ;
    else
        house_restart(h);
}

static int step(struct house *h, struct chance *c)
{
    int which = (int)pick(c, 16);
    if (which < 6)
        step_save(h->ledger, c);
    else if (which < 8)
        step_unlink(h->ledger, c);
    else if (which < 10)
        step_rename(h->ledger, c);
    else if (which < 12)
        step_send(h->ledger, c);
    else if (which == 12)
        step_arrive(h->ledger, c);
    else if (which == 13)
        step_take(h->ledger, c);
    else if (which == 14)
        step_join(h->ledger, c);
    else
        step_rest(h, c);
    return which;
}

static void what_always_holds_holds_after_every_step(void **state)
{
    struct house *h = *state;
    const char *only = getenv("CAREPLAN_SEED");
    unsigned first = only ? (unsigned)strtoul(only, NULL, 10) : 1, last = only ? first : 8;
    for (unsigned seed = first; seed <= last; seed++) {
        struct chance c = {seed * 7919};
        for (int i = 0; i < 60; i++) {
            int did = step(h, &c);
            assert_rules(h, seed, i, did);
        }
        assert_int_equal(ledger_verify(h->ledger, NULL, NULL), 0);
    }
    assert_int_equal(ledger_check(h->ledger, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_always_holds_holds_after_every_step, house_open, house_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
