/* Partners, their pinned folders, the directory's head; small values. */
#include "exchange_house.h"

static struct ledger_partner partner(const char *id, const char *name)
{
    struct ledger_partner p = {.office = office(id), .active = true};
    snprintf(p.name, sizeof p.name, "%s", name);
    snprintf(p.folder, sizeof p.folder, "%s_%s", id, name);
    snprintf(p.fingerprint, sizeof p.fingerprint, "ff");
    return p;
}

static void a_partners_folders_are_pinned_when_first_seen(void **state)
{
    struct house *h = *state;
    struct ledger_partner p = partner(SERVICE, "別の名前"), found;
    p.certificate = (char *)"-----BEGIN CERTIFICATE-----";
    p.key_unconfirmed = true;
    assert_int_equal(ledger_partner_put(h->ledger, &p, p.folder, NULL, NULL, NULL), 0);
    house_restart(h);
    assert_int_equal(ledger_partner(h->ledger, &p.office, &found), 0);
    assert_string_equal(found.name, "別の名前");
    assert_string_equal(found.folder, SERVICE "_さくら訪問介護");
    assert_string_equal(found.certificate, "-----BEGIN CERTIFICATE-----");
    assert_string_equal(found.fingerprint, "ff");
    assert_true(found.key_unconfirmed && found.active);
    assert_int_equal(found.outbox, node_at(h->ledger, "outbox/" SERVICE "_さくら訪問介護"));
    assert_int_equal(found.inbox, node_at(h->ledger, "inbox/" SERVICE "_さくら訪問介護"));
    struct ledger_node folder;
    assert_int_equal(ledger_node(h->ledger, found.outbox, &folder), 0);
    assert_int_equal(folder.kind, NODE_FOLDER);
    assert_int_equal(folder.mode, 02770);
    ledger_partner_free(&found);
}

static void a_partner_is_found_by_either_folder(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    struct ledger_partner found;
    assert_int_equal(ledger_partner_by_folder(l, outbox_of(l, OTHER), &found), 0);
    assert_string_equal(found.office.text, OTHER);
    ledger_partner_free(&found);
    assert_int_equal(ledger_partner_by_folder(l, inbox_of(l, OTHER), &found), 0);
    assert_string_equal(found.office.text, OTHER);
    ledger_partner_free(&found);
    assert_int_equal(ledger_partner_by_folder(l, NODE_OUTBOX, &found), -ENOENT);
    struct office_id nobody = office("0300000099-11");
    assert_int_equal(ledger_partner(l, &nobody, &found), -ENOENT);
}

static void the_services_of_a_number_are_listed(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    struct office_id out[4];
    add_partner(l, "0300000005-15", "通所");
    assert_int_equal(ledger_partners_of_number(l, "0300000005", out, 4), 2);
    assert_string_equal(out[0].text, SERVICE);
    assert_string_equal(out[1].text, "0300000005-15");
    assert_int_equal(ledger_partners_of_number(l, "0300000005", out, 1), 1);
    assert_int_equal(ledger_partners_of_number(l, "0300000099", out, 4), 0);
    assert_int_equal(ledger_partners_of_number(l, "%", out, 4), 0);
}

static void a_folder_name_that_is_taken_gets_a_number_in_both_places(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    save_as(l, NODE_OUTBOX, "0300000008-11_x", "", "a user's file", SERVICE, VERDICT_GOOD, NULL);
    add_partner(l, "0300000008-11", "X");
    assert_int_not_equal(node_at(l, "outbox/0300000008-11_X (2)"), 0);
    assert_int_not_equal(node_at(l, "inbox/0300000008-11_X (2)"), 0);
    assert_int_equal(inbox_of(l, "0300000008-11"), node_at(l, "inbox/0300000008-11_X (2)"));
}

static void a_hostile_folder_name_is_refused(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    struct ledger_partner p = partner("0300000009-11", "x");
    static const char *const names[] = {"", "..", "a/b"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(p.folder, sizeof p.folder, "%s", names[i]);
        assert_int_equal(ledger_partner_put(l, &p, p.folder, NULL, NULL, NULL), -EINVAL);
    }
    snprintf(p.folder, sizeof p.folder, "fine");
    snprintf(p.office.text, sizeof p.office.text, "0300000009/11");
    assert_int_equal(ledger_partner_put(l, &p, "fine", NULL, NULL, NULL), -EINVAL);
}

static void the_directorys_head_is_kept_with_its_batch(void **state)
{
    struct house *h = *state;
    struct ledger_partner p = partner(SERVICE, "x");
    struct log_head head;
    ledger_log_head(h->ledger, &head);
    assert_int_equal(head.n, 0);
    head = (struct log_head){.n = UINT64_C(0x0102030405060708), .hash = hash(7)};
    assert_int_equal(ledger_partner_put(h->ledger, &p, "x", &head, NULL, NULL), 0);
    house_restart(h);
    ledger_log_head(h->ledger, &head);
    assert_int_equal(head.n, UINT64_C(0x0102030405060708));
    assert_int_equal(head.hash.bytes[31], 7);
    head.n = 9;
    assert_int_equal(ledger_partner_put(h->ledger, NULL, NULL, &head, NULL, NULL), 0);
    ledger_log_head(h->ledger, &head);
    assert_int_equal(head.n, 9);
}

static void a_value_is_kept_replaced_and_removed(void **state)
{
    struct house *h = *state;
    struct buffer b = {0};
    assert_int_equal(ledger_value_get(h->ledger, "feed", &b), -ENOENT);
    assert_int_equal(ledger_value_set(h->ledger, "feed", "12", 2, NULL, NULL), 0);
    assert_int_equal(ledger_value_set(h->ledger, "feed", "345", 3, NULL, NULL), 0);
    house_restart(h);
    assert_int_equal(ledger_value_get(h->ledger, "feed", &b), 0);
    assert_int_equal(b.length, 3);
    assert_memory_equal(b.data, "345", 3);
    assert_int_equal(ledger_value_set(h->ledger, "feed", NULL, 0, NULL, NULL), 0);
    buffer_clear(&b);
    assert_int_equal(ledger_value_get(h->ledger, "feed", &b), -ENOENT);
    buffer_free(&b);
    assert_int_equal(ledger_value_set(h->ledger, "feed", "x", (size_t)1 << 30, NULL, NULL), -EFBIG);
}

#define T(f) cmocka_unit_test_setup_teardown(f, house_open, house_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_partners_folders_are_pinned_when_first_seen),
        T(a_partner_is_found_by_either_folder),
        T(the_services_of_a_number_are_listed),
        T(a_folder_name_that_is_taken_gets_a_number_in_both_places),
        T(a_hostile_folder_name_is_refused),
        T(the_directorys_head_is_kept_with_its_batch),
        T(a_value_is_kept_replaced_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
