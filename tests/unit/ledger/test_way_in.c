/* The way in: downloaded, received, shown, taken. */
#include "exchange_house.h"

#include <sqlite3.h>

#define PLAN "UPPLAN_A.CSV"
#define SUB "UPSUB_A.CSV"
#define RECEIVED "archive/2026-11/received/" SERVICE "_さくら訪問介護/"
#define ORDER_FOLDER "_" SEQUENCE "_" SERVICE "_さくら訪問介護"
#define UNIT                           \
    (const char *const[])              \
    {                                  \
        PLAN, "plan", SUB, "sub", NULL \
    }
#define ONE(name, text)   \
    (const char *const[]) \
    {                     \
        name, text, NULL  \
    }

static struct ledger_download download_of(const struct office_id *sender, uint8_t id, uint64_t length)
{
    return (struct ledger_download){.sender = *sender,
                                    .id = message_id(id),
                                    .acceptance = (const uint8_t *)"acceptance",
                                    .acceptance_length = 10,
                                    .statement = (const uint8_t *)"statement",
                                    .statement_length = 9,
                                    .header = (const uint8_t *)"header",
                                    .header_length = 6,
                                    .ciphertext_length = length};
}

static void a_download_resumes_where_the_daemon_was_stopped(void **state)
{
    struct house *h = *state;
    struct office_id sender = office(SERVICE);
    struct message_id id = message_id(1);
    const size_t length = CONTENT_BLOCK_SIZE + 1000;
    uint8_t *bytes = malloc(length), *back = malloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    struct ledger_download d = download_of(&sender, 1, length);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ledger_download_begin(h->ledger, &d, NULL, NULL), 0);
    assert_int_equal(ledger_download_append(h->ledger, &sender, &id, 0, bytes, 1000, NULL, NULL), -EINVAL);
    assert_int_equal(
        ledger_download_append(h->ledger, &sender, &id, 0, bytes, CONTENT_BLOCK_SIZE, NULL, NULL), 0);
    house_restart(h);
    struct ledger_envelope e;
    uint64_t have = 0;
    assert_int_equal(ledger_download_find(h->ledger, &sender, &id, &e, &have), 0);
    assert_int_equal(have, CONTENT_BLOCK_SIZE);
    assert_int_equal(e.ciphertext_length, length);
    assert_string_equal((const char *)e.statement.data, "statement");
    ledger_envelope_free(&e);
    assert_int_equal(
        ledger_download_append(h->ledger, &sender, &id, 0, bytes, CONTENT_BLOCK_SIZE, NULL, NULL), -ESTALE);
    assert_int_equal(ledger_download_append(h->ledger, &sender, &id, have, bytes + have, 1000, NULL, NULL),
                     0);
    assert_int_equal(ledger_download_append(h->ledger, &sender, &id, length, bytes, 1, NULL, NULL), -EFBIG);
    assert_int_equal(ledger_download_find(h->ledger, &sender, &id, &e, &have), 0);
    assert_int_equal(have, length);
    assert_int_equal(content_read(h->ledger, e.ciphertext, 0, back, length), (int64_t)length);
    assert_memory_equal(back, bytes, length);
    uint64_t spool = e.ciphertext, size;
    ledger_envelope_free(&e);

    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT};
    assert_int_equal(arrive(h->ledger, &a), 0);
    assert_int_equal(ledger_download_find(h->ledger, &sender, &id, &e, &have), -ENOENT);
    assert_int_equal(content_stat(h->ledger, spool, &size, NULL), -ENOENT);
    free(bytes);
    free(back);
}

static void a_download_of_another_envelope_begins_anew(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    struct office_id sender = office(SERVICE);
    struct message_id id = message_id(1);
    struct ledger_envelope e;
    uint64_t have = 1;
    struct ledger_download d = download_of(&sender, 1, 3);
    assert_int_equal(ledger_download_begin(l, &d, NULL, NULL), 0);
    assert_int_equal(ledger_download_append(l, &sender, &id, 0, "abc", 3, NULL, NULL), 0);
    d.header_length = 5;
    assert_int_equal(ledger_download_begin(l, &d, NULL, NULL), 0);
    assert_int_equal(ledger_download_find(l, &sender, &id, &e, &have), 0);
    assert_int_equal(have, 0);
    ledger_envelope_free(&e);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ledger_download_drop(l, &sender, &id, NULL, NULL), 0);
    assert_int_equal(ledger_download_append(l, &sender, &id, 0, "abc", 3, NULL, NULL), -ENOENT);
    d.header_length = ENVELOPE_HEADER_MAX + 1;
    assert_int_equal(ledger_download_begin(l, &d, NULL, NULL), -EFBIG);
}

static void a_message_arrives_hidden_and_is_shown_dependents_first(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT};
    uint64_t messages[4], inbox = inbox_of(l, SERVICE);
    struct ledger_entry entries[16];
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    assert_string_equal(listing(l, inbox, text), "[" SUB "], [" PLAN "], ");
    assert_string_equal(listing(l, NODE_ALL, text), "[" SUB "], [" PLAN "], ");
    assert_string_equal(listing(l, NODE_ORDER, text), "[001" ORDER_FOLDER "], ");
    assert_string_equal(listing(l, node_in(l, NODE_ORDER, "001" ORDER_FOLDER), text), SUB ", " PLAN ", ");
    assert_int_equal(ledger_to_show(l, messages, 4), 1);
    assert_int_equal(ledger_show_list(l, messages[0], entries, 16), 5);
    assert_string_equal(entries[0].name, SUB);
    assert_string_equal(entries[1].name, SUB);
    assert_string_equal(entries[2].name, "001" ORDER_FOLDER);
    assert_string_equal(entries[3].name, PLAN);
    assert_string_equal(entries[4].name, PLAN);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ledger_shown(l, messages[0], NULL, NULL), 0);
    assert_int_equal(ledger_to_show(l, messages, 4), 0);
    assert_int_equal(ledger_show_list(l, incoming(l, SERVICE, 1), entries, 16), 0);
    assert_string_equal(listing(l, inbox, text), SUB ", " PLAN ", ");
    assert_int_equal(node_in(l, inbox, PLAN), node_in(l, NODE_ALL, PLAN));
    assert_string_equal(text_of(l, node_in(l, inbox, PLAN), text), "plan");
    assert_string_equal(listing(l, node_at(l, RECEIVED SEQUENCE "-01"), text),
                        PLAN ", " SUB ", statement.der, manifest.json, accepted.der, received.der, ");
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "arrived");
}

static void a_message_is_received_once_and_its_id_outlives_it(void **state)
{
    struct house *h = *state;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT}, other = {OTHER, 1, 0, SEQUENCE, 0, UNIT};
    struct office_id service = office(SERVICE), third = office(OTHER);
    struct message_id id = message_id(1);
    assert_false(ledger_seen(h->ledger, &service, &id));
    assert_int_equal(arrive(h->ledger, &a), 0);
    assert_int_equal(arrive(h->ledger, &a), -EEXIST);
    house_restart(h);
    assert_true(ledger_seen(h->ledger, &service, &id));
    assert_false(ledger_seen(h->ledger, &third, &id)); /* ids are unique per sender */
    assert_int_equal(arrive(h->ledger, &other), 0);
}

static void equal_names_of_two_partners_stand_beside_each_other(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, "", 0, ONE("scan.pdf", "one")},
                            b = {OTHER, 2, 0, "", 0, ONE("Scan.PDF", "two")};
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    assert_int_equal(arrive(l, &b), 0);
    show_all(l);
    assert_string_equal(listing(l, NODE_ALL, text), "scan.pdf, Scan (2).PDF, ");
    assert_string_equal(listing(l, inbox_of(l, OTHER), text), "Scan.PDF, ");
    assert_string_equal(listing(l, NODE_ORDER, text),
                        "001_文書_" SERVICE "_さくら訪問介護, 002_文書_" OTHER "_すみれ, ");
    assert_int_not_equal(node_at(l, RECEIVED "文書-01/scan.pdf"), 0);
}

static void mtimes_rise_from_unit_to_unit(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    int64_t last = 0;
    for (uint8_t i = 1; i <= 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "UPPLAN_%u.CSV", i);
        const struct arrival_of a = {SERVICE, i, 0, SEQUENCE, 0, ONE(name, "x")};
        assert_int_equal(arrive(l, &a), 0);
        struct ledger_node n;
        assert_int_equal(ledger_node(l, node_in(l, NODE_ALL, name), &n), 0);
        assert_true(n.mtime_ns >= last + 1000000);
        last = n.mtime_ns;
    }
}

static void mtimes_rise_though_the_clock_goes_back(void **state)
{
    struct house *h = *state;
    const int64_t ahead = INT64_C(4000000000000000000);
    char path[96], sql[96];
    sqlite3 *db = NULL;
    ledger_close(h->ledger);
    snprintf(path, sizeof path, "%s/ledger.db", h->dir);
    snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO internal VALUES('inbox_mtime', %lld)",
             (long long)ahead);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    house_start(h);
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT};
    struct ledger_node plan, sub;
    assert_int_equal(arrive(h->ledger, &a), 0);
    assert_int_equal(ledger_node(h->ledger, node_in(h->ledger, NODE_ALL, PLAN), &plan), 0);
    assert_int_equal(ledger_node(h->ledger, node_in(h->ledger, NODE_ALL, SUB), &sub), 0);
    assert_int_equal(plan.mtime_ns, ahead + 1000000);
    assert_int_equal(sub.mtime_ns, plan.mtime_ns); /* one for the unit */
}

static void a_newer_version_takes_the_place_of_one_not_taken(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT},
                            b = {SERVICE,
                                 2,
                                 0,
                                 SEQUENCE,
                                 ACCEPTED + 1,
                                 (const char *const[]){PLAN, "newer", SUB, "sub", NULL}};
    uint64_t inbox = inbox_of(l, SERVICE);
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    uint64_t old = node_in(l, inbox, PLAN);
    assert_int_equal(arrive(l, &b), 0);
    show_all(l);
    assert_int_not_equal(node_in(l, inbox, PLAN), old);
    assert_string_equal(text_of(l, node_in(l, inbox, PLAN), text), "newer");
    assert_string_equal(text_of(l, old, text), "plan"); /* who has it open reads on */
    assert_string_equal(listing(l, NODE_ALL, text), SUB ", " PLAN ", ");
    assert_string_equal(listing(l, NODE_ORDER, text),
                        "002" ORDER_FOLDER ", "); /* numbers are not given again */
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "superseded");
    assert_string_equal(state_text(l, incoming(l, SERVICE, 2)), "arrived");
    assert_string_equal(text_of(l, node_at(l, RECEIVED SEQUENCE "-01/" PLAN), text), "plan");
    assert_string_equal(text_of(l, node_at(l, RECEIVED SEQUENCE "-02/" PLAN), text), "newer");
}

static void a_message_of_which_a_part_was_taken_is_superseded_by_the_rest(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT},
                            b = {SERVICE, 2, 0, SEQUENCE, ACCEPTED + 1, ONE(PLAN, "newer")};
    uint64_t inbox = inbox_of(l, SERVICE), id = 0;
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    assert_int_equal(ledger_read_whole(l, node_in(l, inbox, SUB), true, NULL, NULL), 0);
    assert_int_equal(arrive(l, &b), 0);
    show_all(l);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "superseded");
    assert_string_equal(listing(l, inbox, text), SUB ", " PLAN ", ");
    assert_string_equal(listing(l, NODE_ALL, text), PLAN ", ");
    assert_string_equal(listing(l, NODE_ORDER, text), "002" ORDER_FOLDER ", ");
    struct ledger_receipt r;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ledger_receipt_next(l, id, &r), 0);
        assert_int_equal(r.kind, RECEIPT_RECEIVED); /* nobody is told that the first was taken */
        id = r.id;
        ledger_receipt_free(&r);
    }
    assert_int_equal(ledger_receipt_next(l, id, &r), -ENOENT);
}

static void a_version_that_was_taken_or_put_back_makes_room_too(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT},
                            b = {SERVICE,
                                 2,
                                 0,
                                 SEQUENCE,
                                 ACCEPTED + 1,
                                 (const char *const[]){PLAN, "newer", SUB, "sub", NULL}};
    uint64_t inbox = inbox_of(l, SERVICE);
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    assert_int_equal(ledger_read_whole(l, node_in(l, inbox, SUB), true, NULL, NULL), 0);
    assert_int_equal(ledger_unlink(l, entry_in(l, inbox, PLAN), false, NULL, NULL, NULL), 0);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "taken");
    struct ledger_save back = {.node = ledger_new_id(l),
                               .entry = ledger_new_id(l),
                               .parent = inbox,
                               .name = PLAN,
                               .folded = "upplan_a.csv",
                               .content = content(l, "plan"),
                               .reason = ""};
    assert_int_equal(ledger_save(l, &back, NULL, NULL), 0);
    assert_int_equal(arrive(l, &b), 0);
    show_all(l);
    assert_string_equal(listing(l, inbox, text), SUB ", " PLAN ", ");
    assert_string_equal(text_of(l, node_in(l, inbox, PLAN), text), "newer");
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "taken");
}

static void a_version_overtaken_by_a_newer_one_is_not_shown(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of newer = {SERVICE, 2, 0, SEQUENCE, ACCEPTED + 1, ONE(PLAN, "newer")},
                            older = {SERVICE, 1, 0, SEQUENCE, ACCEPTED, ONE(PLAN, "older")};
    char text[4096];
    uint64_t list[4];
    assert_int_equal(arrive(l, &newer), 0);
    show_all(l);
    assert_int_equal(arrive(l, &older), 0);
    assert_int_equal(ledger_to_show(l, list, 4), 0);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "superseded");
    assert_string_equal(text_of(l, node_in(l, NODE_ALL, PLAN), text), "newer");
    assert_string_equal(listing(l, NODE_ORDER, text), "001" ORDER_FOLDER ", ");
}

static void of_a_replaced_message_and_its_successor_one_is_shown(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT},
                            b = {SERVICE, 2, 1, SEQUENCE, ACCEPTED + 1, ONE(PLAN, "plan")},
                            late = {SERVICE, 4, 0, SEQUENCE, ACCEPTED + 2, ONE("UPPLAN_L.CSV", "l")},
                            successor = {SERVICE, 5, 4, SEQUENCE, ACCEPTED + 2, ONE("UPPLAN_L.CSV", "l")};
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    assert_int_equal(arrive(l, &b), 0);
    show_all(l);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "superseded");
    assert_string_equal(listing(l, NODE_ALL, text), PLAN ", ");
    assert_string_equal(listing(l, inbox_of(l, SERVICE), text), PLAN ", ");
    assert_int_equal(arrive(l, &successor), 0); /* the successor came first */
    assert_int_equal(arrive(l, &late), 0);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 4)), "superseded");
    assert_string_equal(state_text(l, incoming(l, SERVICE, 5)), "arrived");
}

static int next_receipt(struct ledger *l, uint64_t after, enum receipt_kind kind, const char *detail,
                        uint64_t *id)
{
    struct ledger_receipt r;
    int result = ledger_receipt_next(l, after, &r);
    if (result)
        return result;
    assert_int_equal(r.kind, kind);
    assert_string_equal(r.detail, detail);
    assert_string_equal(r.sender.text, SERVICE);
    *id = r.id;
    result = (int)r.der.length;
    ledger_receipt_free(&r);
    return result;
}

static void reading_all_of_a_unit_takes_it(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT};
    uint64_t inbox = inbox_of(l, SERVICE), received = 0, taken = 0;
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    assert_int_equal(next_receipt(l, 0, RECEIPT_RECEIVED, "", &received), 8);
    assert_int_equal(next_receipt(l, received, RECEIPT_TAKEN, "read", &taken), -ENOENT);
    assert_int_equal(ledger_read_whole(l, node_in(l, inbox, SUB), true, NULL, NULL), 0);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "arrived");
    assert_int_equal(ledger_read_whole(l, node_in(l, inbox, PLAN), true, NULL, NULL), 0);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "taken");
    assert_string_equal(listing(l, inbox, text), SUB ", " PLAN ", ");
    assert_string_equal(listing(l, NODE_ALL, text), "");
    assert_string_equal(listing(l, NODE_ORDER, text), "");
    assert_int_equal(next_receipt(l, received, RECEIPT_TAKEN, "read", &taken), 0); /* to be signed */
    for (int i = 0; i < 2; i++)
        assert_int_equal(ledger_receipt_signed(l, taken, (const uint8_t *)"taken", 5, NULL, NULL), 0);
    assert_int_equal(next_receipt(l, received, RECEIPT_TAKEN, "read", &taken), 5);
    assert_string_equal(text_of(l, node_at(l, RECEIVED SEQUENCE "-01/taken.der"), text), "taken");
    assert_int_equal(ledger_receipt_unsign(l, taken, NULL, NULL), 0); /* a new key */
    assert_int_equal(next_receipt(l, received, RECEIPT_TAKEN, "read", &taken), 0);
    assert_int_equal(ledger_receipt_signed(l, taken, (const uint8_t *)"again", 5, NULL, NULL), 0);
    assert_string_equal(text_of(l, node_at(l, RECEIVED SEQUENCE "-01/taken-2.der"), text), "again");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ledger_receipt_sent(l, taken, NULL, NULL), 0);
        assert_int_equal(ledger_receipt_sent(l, received, NULL, NULL), 0);
    }
    assert_int_equal(ledger_receipt_unsign(l, taken, NULL, NULL), 0); /* the hub has it: it stays */
    assert_int_equal(next_receipt(l, 0, RECEIPT_TAKEN, "", &taken), -ENOENT);
    assert_int_equal(ledger_receipt_sent(l, 4711, NULL, NULL), -ENOENT);
}

static void removing_all_of_a_unit_takes_it_and_its_folder_in_order(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT};
    uint64_t inbox = inbox_of(l, SERVICE), received = 0, taken = 0;
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    assert_int_equal(next_receipt(l, 0, RECEIPT_RECEIVED, "", &received), 8);
    assert_int_equal(ledger_unlink(l, entry_in(l, NODE_ALL, SUB), false, NULL, NULL, NULL), 0);
    assert_string_equal(listing(l, inbox, text), PLAN ", ");
    assert_string_equal(listing(l, NODE_ORDER, text), "001" ORDER_FOLDER ", ");
    assert_int_equal(ledger_unlink(l, entry_in(l, inbox, PLAN), false, NULL, NULL, NULL), 0);
    assert_string_equal(listing(l, NODE_ALL, text), "");
    assert_string_equal(listing(l, NODE_ORDER, text), "");
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "taken");
    assert_int_equal(next_receipt(l, received, RECEIPT_TAKEN, "removed", &taken), 0);
    assert_string_equal(text_of(l, node_at(l, RECEIVED SEQUENCE "-01/" PLAN), text), "plan");
}

static void a_refused_message_leaves_a_receipt_and_nothing_to_see(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    struct ledger_incoming in = {.sender = office(SERVICE),
                                 .id = message_id(1),
                                 .sequence = "",
                                 .refused = true,
                                 .reason = "tag",
                                 .receipt = (const uint8_t *)"refused",
                                 .receipt_length = 7,
                                 .statement = (const uint8_t *)"s",
                                 .statement_length = 1};
    uint64_t id = 0;
    char text[4096];
    assert_int_equal(ledger_receive(l, &in, NULL, NULL), 0);
    assert_int_equal(ledger_receive(l, &in, NULL, NULL), -EEXIST);
    assert_true(ledger_seen(l, &in.sender, &in.id));
    assert_int_equal(next_receipt(l, 0, RECEIPT_REFUSED, "", &id), 7);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "refused");
    assert_string_equal(listing(l, NODE_ALL, text), "");
    assert_string_equal(listing(l, NODE_ARCHIVE, text), "");
}

static void hostile_messages_are_not_taken_in(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    char longest[300];
    memset(longest, 'x', sizeof longest);
    longest[299] = '\0';
    const struct arrival_of bad[] = {
        {SERVICE, 1, 0, SEQUENCE, 0, ONE("../x", "x")},
        {SERVICE, 1, 0, SEQUENCE, 0, ONE("..", "x")},
        {SERVICE, 1, 0, SEQUENCE, 0, ONE("", "x")},
        {SERVICE, 1, 0, SEQUENCE, 0, ONE(longest, "x")},
        {SERVICE, 1, 0, "2026/1", 0, ONE("a.pdf", "x")},
        {SERVICE, 1, 0, "202611010900001", 0, ONE("a.pdf", "x")},
        {SERVICE, 1, 0, SEQUENCE, 0, (const char *const[]){"a.pdf", "x", "a.pdf", "y", NULL}},
        {SERVICE, 1, 0, SEQUENCE, 0, NULL},
    };
    struct office_id service = office(SERVICE);
    struct message_id id = message_id(1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(arrive(l, &bad[i]), -EINVAL);
    assert_false(ledger_seen(l, &service, &id));
    struct ledger_incoming in = {.sender = office(SERVICE),
                                 .id = id,
                                 .sequence = "",
                                 .refused = true,
                                 .statement = (const uint8_t *)"s",
                                 .statement_length = ENVELOPE_STATEMENT_MAX + 1};
    assert_int_equal(ledger_receive(l, &in, NULL, NULL), -EINVAL);
}

static void a_partner_whom_the_directory_has_not_named_has_a_folder_too(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {"0300000007-11", 1, 0, SEQUENCE, 0, UNIT};
    assert_int_equal(arrive(l, &a), 0);
    assert_int_not_equal(node_at(l, "inbox/0300000007-11/" PLAN), 0);
    add_partner(l, "0300000007-11", "ひまわり");
    assert_int_not_equal(node_at(l, "inbox/0300000007-11/" PLAN), 0); /* pinned when first seen */
    assert_int_equal(inbox_of(l, "0300000007-11"), node_at(l, "inbox/0300000007-11"));
}

struct proofs {
    char text[256];
};

static bool proof_one(void *context, enum receipt_kind kind, int64_t at, const uint8_t *der, size_t length)
{
    struct proofs *p = context;
    size_t n = strlen(p->text);
    (void)at;
    snprintf(p->text + n, sizeof p->text - n, "%s=%.*s ", receipt_kind_name(kind), (int)length,
             (const char *)der);
    return true;
}

static void evidence_lists_the_acceptance_and_every_receipt(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, UNIT};
    struct proofs in = {""}, out = {""};
    uint64_t message = 0;
    assert_int_equal(arrive(l, &a), 0);
    assert_int_equal(ledger_evidence(l, incoming(l, SERVICE, 1), proof_one, &in), 0);
    assert_string_equal(in.text, "accepted=acceptance received=received ");
    save(l, PLAN, SEQUENCE, "plan", &message);
    assert_int_equal(ledger_evidence(l, message, proof_one, &out), 0);
    assert_string_equal(out.text, "");
    send_out(l, message, 1);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_RECEIVED, "r"), 0);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_TAKEN, "t"), 0);
    assert_int_equal(ledger_evidence(l, message, proof_one, &out), 0);
    assert_string_equal(out.text, "accepted=acceptance received=r taken=t ");
    assert_int_equal(ledger_verify(l, NULL, NULL), 0);
    assert_int_equal(ledger_check(l, NULL), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, house_open, house_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_download_resumes_where_the_daemon_was_stopped),
        T(a_download_of_another_envelope_begins_anew),
        T(a_message_arrives_hidden_and_is_shown_dependents_first),
        T(a_message_is_received_once_and_its_id_outlives_it),
        T(equal_names_of_two_partners_stand_beside_each_other),
        T(mtimes_rise_from_unit_to_unit),
        T(mtimes_rise_though_the_clock_goes_back),
        T(a_newer_version_takes_the_place_of_one_not_taken),
        T(a_message_of_which_a_part_was_taken_is_superseded_by_the_rest),
        T(a_version_that_was_taken_or_put_back_makes_room_too),
        T(a_version_overtaken_by_a_newer_one_is_not_shown),
        T(of_a_replaced_message_and_its_successor_one_is_shown),
        T(reading_all_of_a_unit_takes_it),
        T(removing_all_of_a_unit_takes_it_and_its_folder_in_order),
        T(a_refused_message_leaves_a_receipt_and_nothing_to_see),
        T(hostile_messages_are_not_taken_in),
        T(a_partner_whom_the_directory_has_not_named_has_a_folder_too),
        T(evidence_lists_the_acceptance_and_every_receipt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
