/* The way out: saved, queued, sealed, accepted, answered. */
#include "exchange_house.h"

#include "base/cleanup.h"

#define PLAN "UPPLAN_A.CSV"
#define SUB "UPSUB_A.CSV"
#define RENAMED "UPPLAN_B.CSV"
#define SENT "archive/2026-11/sent/" SERVICE "_さくら訪問介護/"

static void a_unit_goes_from_its_save_to_its_archive(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, same, list[4];
    char text[4096];
    uint64_t node = save(l, PLAN, SEQUENCE, "plan", &message);
    save(l, SUB, SEQUENCE, "sub", &same);
    assert_int_equal(same, message);
    assert_int_equal(state_of(l, message), OUT_WAITING);
    assert_int_equal(ledger_to_seal(l, list, 4), 0);
    queue_all(l, message);
    assert_int_equal(ledger_to_seal(l, list, 4), 1);
    assert_int_equal(list[0], message);
    assert_int_equal(seal_as(l, message, 1), 0);
    assert_int_equal(ledger_to_seal(l, list, 4), 0);
    assert_int_equal(ledger_to_send(l, list, 4), 1);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
    assert_int_equal(ledger_to_send(l, list, 4), 0);
    assert_int_equal(state_of(l, message), OUT_SENT);
    assert_string_equal(listing(l, node_at(l, SENT SEQUENCE "-01"), text),
                        PLAN ", " SUB ", statement.der, manifest.json, accepted.der, ");
    assert_string_equal(text_of(l, node_at(l, SENT SEQUENCE "-01/" PLAN), text), "plan");
    assert_string_equal(text_of(l, node_at(l, SENT SEQUENCE "-01/accepted.der"), text), "acceptance");
    struct ledger_node archived, own;
    assert_int_equal(ledger_node(l, node_at(l, SENT SEQUENCE "-01/" PLAN), &archived), 0);
    assert_int_equal(archived.kind, NODE_ARCHIVED);
    assert_int_equal(archived.mode, 0440);
    assert_int_equal(archived.mtime_ns, ACCEPTED * 1000000);
    assert_int_equal(ledger_node(l, node, &own), 0);
    assert_int_equal(own.message, message);
}

static void a_later_version_waits_until_the_hub_has_the_earlier(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t first = 0, second = 0, other = 0, list[4];
    save(l, PLAN, SEQUENCE, "first", &first);
    queue_all(l, first);
    assert_int_equal(seal_as(l, first, 1), 0);
    save(l, PLAN, SEQUENCE, "second", &second);
    assert_int_not_equal(second, first);
    queue_all(l, second);
    assert_int_equal(seal_as(l, second, 2), 0);
    save(l, "UPPLAN_B.CSV", "20261101090001", "another unit", &other);
    queue_all(l, other);
    assert_int_equal(seal_as(l, other, 3), 0);
    assert_int_equal(ledger_to_send(l, list, 4), 2);
    assert_int_equal(list[0], first);
    assert_int_equal(list[1], other);
    assert_int_equal(ledger_accept(l, first, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
    assert_int_equal(ledger_to_send(l, list, 4), 2);
    assert_int_equal(list[0], second);
}

static void the_ciphertext_is_destroyed_when_the_hub_has_it(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, size;
    struct ledger_envelope e;
    save(l, PLAN, SEQUENCE, "plan", &message);
    queue_all(l, message);
    assert_int_equal(seal_as(l, message, 1), 0);
    assert_int_equal(ledger_envelope(l, message, &e), 0);
    uint64_t ciphertext = e.ciphertext;
    assert_int_equal(e.ciphertext_length, 10);
    assert_string_equal((const char *)e.header.data, "header");
    assert_string_equal(e.recipient.text, SERVICE);
    assert_string_equal(e.sender.text, CARE);
    ledger_envelope_free(&e);
    assert_int_equal(content_stat(l, ciphertext, &size, NULL), 0);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
    assert_int_equal(content_stat(l, ciphertext, &size, NULL), -ENOENT);
    assert_int_equal(ledger_envelope(l, message, &e), 0);
    assert_int_equal(e.ciphertext, 0);
    assert_int_equal(e.ciphertext_length, 10);
    assert_string_equal((const char *)e.acceptance.data, "acceptance");
    ledger_envelope_free(&e);
}

static void an_acceptance_given_twice_changes_nothing(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    char text[4096];
    save(l, PLAN, SEQUENCE, "plan", &message);
    send_out(l, message, 1);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_TAKEN, "taken"), 0);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"another", 7, ACCEPTED, NULL, NULL), 0);
    assert_int_equal(state_of(l, message), OUT_TAKEN);
    assert_string_equal(listing(l, node_at(l, SENT), text), SEQUENCE "-01, ");
    assert_string_equal(text_of(l, node_at(l, SENT SEQUENCE "-01/accepted.der"), text), "acceptance");
}

static void what_is_not_sealed_cannot_be_accepted(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    save(l, PLAN, SEQUENCE, "plan", &message);
    queue_all(l, message);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL),
                     -EINVAL);
    assert_int_equal(ledger_accept(l, 4711, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL),
                     -ENOENT);
    assert_int_equal(state_of(l, message), OUT_QUEUED);
}

static void a_unit_that_changed_while_it_was_sealed_is_not_sealed(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, same;
    autobuffer both = {0}, old = {0};
    save(l, PLAN, SEQUENCE, "plan", &message);
    save(l, SUB, SEQUENCE, "sub", NULL);
    queue_all(l, message);
    manifest_of(l, message, &both);
    uint64_t entry = entry_in(l, outbox_of(l, SERVICE), SUB);
    assert_int_equal(ledger_unlink(l, entry, false, NULL, NULL, NULL), 0);
    assert_int_equal(seal_with(l, message, 1, &both), -ESTALE); /* not queued any more */
    queue_all(l, message);
    assert_int_equal(seal_with(l, message, 1, &both), -ESTALE); /* queued anew, with a file less */
    manifest_of(l, message, &old);
    save(l, PLAN, SEQUENCE, "changed", &same);
    assert_int_equal(same, message);
    queue_all(l, message);
    assert_int_equal(seal_with(l, message, 1, &old), -ESTALE); /* queued anew, with other bytes */
    assert_int_equal(seal_as(l, message, 2), 0);
}

static void a_file_renamed_while_it_was_sealed_is_not_delivered_under_its_old_name(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, same;
    autobuffer old = {0};
    uint64_t node = save(l, PLAN, SEQUENCE, "plan", &message);
    queue_all(l, message);
    manifest_of(l, message, &old);
    struct ledger_save then = {.node = node,
                               .entry = entry_in(l, outbox_of(l, SERVICE), PLAN),
                               .parent = outbox_of(l, SERVICE),
                               .name = RENAMED,
                               .folded = RENAMED,
                               .mode = 0660,
                               .keep_content = true,
                               .verdict = VERDICT_GOOD,
                               .in_unit = true,
                               .kind = "UPPLAN",
                               .sequence = SEQUENCE,
                               .canonical = RENAMED,
                               .recipient = {SERVICE},
                               .recipient_text = SERVICE};
    const struct ledger_rename rename = {.entry = then.entry,
                                         .parent = then.parent,
                                         .name = RENAMED,
                                         .folded = RENAMED,
                                         .leaves_unit = true,
                                         .then = &then};
    assert_int_equal(ledger_rename(l, &rename, NULL, NULL), 0);
    struct ledger_node n;
    assert_int_equal(ledger_node(l, node, &n), 0);
    same = n.message;
    assert_int_equal(same, message);
    queue_all(l, message);
    assert_int_equal(seal_with(l, message, 1, &old), -ESTALE);
    assert_int_equal(seal_as(l, message, 1), 0);
}

static void a_file_with_an_unjudged_content_is_not_queued(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    uint64_t node = save(l, PLAN, SEQUENCE, "plan", &message);
    struct ledger_node n;
    assert_int_equal(ledger_node(l, node, &n), 0);
    struct ledger_save draft = {.node = node,
                                .entry = entry_in(l, outbox_of(l, SERVICE), PLAN),
                                .parent = outbox_of(l, SERVICE),
                                .name = PLAN,
                                .folded = PLAN,
                                .mode = 0660,
                                .draft = true};
    assert_int_equal(ledger_save(l, &draft, NULL, NULL), 0);
    const char *names[] = {PLAN};
    assert_int_equal(ledger_queue_unit(l, message, names, &n.content, 1, NULL, NULL), -ESTALE);
    assert_int_equal(state_of(l, message), OUT_WAITING);
}

static void an_older_version_is_not_sent_over_a_newer_one(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t first = 0, second = 0, list[4];
    struct ledger_unit u;
    save(l, PLAN, SEQUENCE, "plan", &first);
    send_out(l, first, 1);
    assert_int_equal(ledger_unit(l, first, &u), 0);
    struct message_id old = u.id, again = message_id(0x61), newest = message_id(0x62);
    ledger_unit_free(&u);
    save(l, PLAN, SEQUENCE, "changed",
         &second); /* not on its way yet: the first is what the partner is to have */
    assert_int_equal(ledger_resend(l, &old, &again, NULL, NULL), 0);
    assert_int_equal(ledger_to_seal(l, list, 4), 1);
    assert_int_equal(seal_as(l, list[0], 2), 0);
    queue_all(l, second);
    struct message_id third = message_id(0x63);
    assert_int_equal(ledger_resend(l, &old, &third, NULL, NULL), -ESTALE);
    assert_int_equal(seal_as(l, second, 3), 0);
    assert_int_equal(ledger_accept(l, second, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
    assert_int_equal(ledger_resend(l, &old, &third, NULL, NULL), -ESTALE);
    assert_int_equal(ledger_unit(l, second, &u), 0);
    old = u.id;
    ledger_unit_free(&u);
    assert_int_equal(ledger_accept(l, list[0], (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
    assert_int_equal(ledger_resend(l, &again, &third, NULL, NULL), -ESTALE); /* what repeats is as old */
    assert_int_equal(ledger_resend(l, &old, &newest, NULL, NULL), 0);
}

static void a_message_is_sealed_once(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    save(l, PLAN, SEQUENCE, "plan", &message);
    queue_all(l, message);
    assert_int_equal(seal_as(l, message, 1), 0);
    assert_int_equal(seal_as(l, message, 1), 0);
    assert_int_equal(seal_as(l, message, 2), -EEXIST);
    struct ledger_envelope e;
    assert_int_equal(ledger_envelope(l, message, &e), 0);
    assert_int_equal(e.envelope_hash.bytes[0], 1);
    ledger_envelope_free(&e);
}

static void a_queued_unit_names_what_is_there(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    save(l, PLAN, SEQUENCE, "plan", &message);
    const char *names[] = {PLAN}, *wrong[] = {"UPPLAN_B.CSV"};
    uint64_t old = 1;
    assert_int_equal(ledger_queue_unit(l, message, names, &old, 1, NULL, NULL), -ESTALE);
    assert_int_equal(ledger_queue_unit(l, message, wrong, &old, 1, NULL, NULL), -ESTALE);
    assert_int_equal(ledger_queue_unit(l, message, names, &old, 0, NULL, NULL), -EINVAL);
    assert_int_equal(state_of(l, message), OUT_WAITING);
}

static void files_not_named_are_left_to_a_new_message_of_the_same_number(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    uint64_t node = save(l, PLAN, SEQUENCE, "plan", &message),
             lone = save(l, "UPX_A.CSV", SEQUENCE, "x", NULL);
    struct ledger_node n;
    assert_int_equal(ledger_node(l, node, &n), 0);
    const char *names[] = {PLAN};
    assert_int_equal(ledger_queue_unit(l, message, names, &n.content, 1, NULL, NULL), 0);
    assert_int_equal(state_of(l, message), OUT_QUEUED);
    assert_int_equal(ledger_node(l, lone, &n), 0);
    assert_int_not_equal(n.message, message);
    assert_int_equal(state_of(l, n.message), OUT_WAITING);
    struct ledger_unit u;
    assert_int_equal(ledger_unit(l, n.message, &u), 0);
    assert_int_equal(u.n_files, 2); /* its own, and what it may need carried along */
    assert_true(u.files[0].carried && !u.files[1].carried);
    assert_string_equal(u.sequence, SEQUENCE);
    ledger_unit_free(&u);
    assert_int_equal(seal_as(l, message, 1), 0);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
    char text[4096];
    assert_string_equal(listing(l, node_at(l, SENT SEQUENCE "-01"), text),
                        PLAN ", statement.der, manifest.json, accepted.der, ");
}

static void carried_files_alone_do_not_go(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t first = 0, second = 0;
    uint64_t node = save(l, PLAN, SEQUENCE, "plan", &first);
    send_out(l, first, 1);
    save(l, "UPX_A.CSV", SEQUENCE, "x", &second);
    assert_int_not_equal(first, second);
    struct ledger_node n;
    assert_int_equal(ledger_node(l, node, &n), 0);
    const char *names[] = {PLAN};
    assert_int_equal(ledger_queue_unit(l, second, names, &n.content, 1, NULL, NULL), -ESTALE);
}

static void an_incomplete_unit_has_a_note_until_it_goes(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, outbox = outbox_of(l, SERVICE);
    const char *note = SEQUENCE ".未完成.txt";
    char text[4096];
    save(l, PLAN, SEQUENCE, "plan", &message);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ledger_mark_unit(l, message, OUT_WAITING, "unit-incomplete", outbox, note, note,
                                          "lacks", 5, NULL, NULL),
                         0);
    assert_string_equal(listing(l, outbox, text), PLAN ", " SEQUENCE ".未完成.txt, ");
    assert_string_equal(text_of(l, node_in(l, outbox, note), text), "lacks");
    assert_int_equal(ledger_mark_unit(l, message, OUT_WAITING, "unit-incomplete", NODE_OUTBOX, note, note,
                                      "still", 5, NULL, NULL),
                     0);
    assert_string_equal(listing(l, outbox, text), PLAN ", "); /* one note, where it was said last */
    assert_string_equal(text_of(l, node_in(l, NODE_OUTBOX, note), text), "still");
    queue_all(l, message);
    assert_int_equal(node_in(l, NODE_OUTBOX, note), 0);
    assert_int_equal(ledger_mark_unit(l, message, OUT_SENT, "", outbox, NULL, NULL, NULL, 0, NULL, NULL),
                     -EINVAL);
}

static void a_withdrawn_units_note_goes_with_it(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, outbox = outbox_of(l, SERVICE);
    const char *note = SEQUENCE ".未完成.txt";
    char text[4096];
    save(l, PLAN, SEQUENCE, "plan", &message);
    assert_int_equal(ledger_mark_unit(l, message, OUT_WAITING, "unit-incomplete", outbox, note, note, "lacks",
                                      5, NULL, NULL),
                     0);
    assert_int_equal(ledger_unlink(l, entry_in(l, outbox, PLAN), false, NULL, NULL, NULL), 0);
    assert_int_equal(state_of(l, message), OUT_WITHDRAWN);
    assert_string_equal(listing(l, outbox, text), "");
}

static void a_recipient_that_joins_takes_its_waiting_unit(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, early = 0, late = 0;
    struct office_id recipient = office(OTHER);
    uint64_t node = save_as(l, NODE_OUTBOX, PLAN, SEQUENCE, "plan", "", VERDICT_WAITING, &message);
    assert_int_equal(ledger_set_recipient(l, message, &recipient, NULL, NULL), 0);
    assert_int_equal(ledger_set_recipient(l, message, &recipient, NULL, NULL), 0);
    struct ledger_unit u;
    assert_int_equal(ledger_unit(l, message, &u), 0);
    assert_string_equal(u.recipient.text, OTHER);
    assert_int_equal(u.files[0].verdict, VERDICT_GOOD);
    ledger_unit_free(&u);
    struct ledger_node n;
    assert_int_equal(ledger_node(l, node, &n), 0);
    assert_int_equal(n.verdict, VERDICT_GOOD);

    /* Another unit, one file of which was saved after its partner had joined. */
    uint64_t first =
        save_as(l, NODE_OUTBOX, "UPPLAN_C.CSV", "20261101090001", "c", "", VERDICT_WAITING, &early);
    save_as(l, NODE_OUTBOX, "UPSUB_C.CSV", "20261101090001", "s", OTHER, VERDICT_GOOD, &late);
    assert_int_not_equal(early, late);
    assert_int_equal(ledger_set_recipient(l, early, &recipient, NULL, NULL), 0);
    assert_int_equal(state_of(l, early), OUT_WITHDRAWN);
    assert_int_equal(ledger_node(l, first, &n), 0);
    assert_int_equal(n.message, late);
    assert_int_equal(ledger_unit(l, late, &u), 0);
    assert_int_equal(u.n_files, 2);
    ledger_unit_free(&u);
    send_out(l, late, 9);
}

static void the_partners_receipts_lead_forward_only(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    save(l, PLAN, SEQUENCE, "plan", &message);
    send_out(l, message, 1);
    assert_int_equal(answer(l, message, OTHER, RECEIPT_RECEIVED, "foreign"), -ENOENT);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_TAKEN, "taken"), 0);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_RECEIVED, "received"), 0);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_REFUSED, "refused"), 0);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_REFUSED, "refused"), 0);
    assert_int_equal(state_of(l, message), OUT_TAKEN);
    char text[4096];
    assert_string_equal(
        listing(l, node_at(l, SENT SEQUENCE "-01"), text),
        PLAN ", statement.der, manifest.json, accepted.der, taken.der, received.der, refused.der, ");
}

static void what_the_partner_refused_stays_refused(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    struct ledger_unit u;
    save(l, PLAN, SEQUENCE, "plan", &message);
    send_out(l, message, 1);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_REFUSED, "refused"), 0);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_TAKEN, "taken"), 0);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_RECEIVED, "received"), 0);
    assert_int_equal(ledger_unit(l, message, &u), 0);
    assert_int_equal(u.state, OUT_REFUSED);
    assert_string_equal(u.reason, "refused");
    assert_true(u.received == 0 && u.taken == 0);
    ledger_unit_free(&u);
}

static void a_receipt_over_another_envelope_is_not_ours(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    save(l, PLAN, SEQUENCE, "plan", &message);
    send_out(l, message, 1);
    struct ledger_envelope e;
    assert_int_equal(ledger_envelope(l, message, &e), 0);
    struct receipt r = {.kind = RECEIPT_RECEIVED,
                        .sender = office(CARE),
                        .id = e.id,
                        .envelope = hash(77),
                        .manifest = e.manifest_hash,
                        .at = ACCEPTED};
    struct office_id by = office(SERVICE);
    assert_int_equal(ledger_receipt_got(l, &r, &by, (const uint8_t *)"x", 1, NULL, NULL), -ENOENT);
    r.envelope = e.envelope_hash;
    r.sender = office(OTHER);
    assert_int_equal(ledger_receipt_got(l, &r, &by, (const uint8_t *)"x", 1, NULL, NULL), -ENOENT);
    ledger_envelope_free(&e);
    assert_int_equal(state_of(l, message), OUT_SENT);
}

static void a_partner_cannot_fill_the_ledger_with_receipts(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    char der[32], text[4096];
    save(l, PLAN, SEQUENCE, "plan", &message);
    send_out(l, message, 1);
    for (int i = 0; i < 40; i++) {
        snprintf(der, sizeof der, "receipt %d", i);
        assert_int_equal(answer(l, message, SERVICE, RECEIPT_RECEIVED, der), 0);
    }
    listing(l, node_at(l, SENT SEQUENCE "-01"), text);
    assert_non_null(strstr(text, "received-16.der"));
    assert_null(strstr(text, "received-17.der"));
}

static void a_receipt_before_our_hubs_answer_waits_for_it(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0;
    char text[4096];
    save(l, PLAN, SEQUENCE, "plan", &message);
    queue_all(l, message);
    assert_int_equal(seal_as(l, message, 1), 0);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_RECEIVED, "received"), 0);
    assert_int_equal(state_of(l, message), OUT_QUEUED);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
    assert_int_equal(state_of(l, message), OUT_RECEIVED);
    assert_string_equal(text_of(l, node_at(l, SENT SEQUENCE "-01/received.der"), text), "received");
}

static void a_refused_message_keeps_no_ciphertext_and_can_be_sent_again(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, again = 0, list[4];
    struct ledger_unit u;
    save(l, PLAN, SEQUENCE, "plan", &message);
    queue_all(l, message);
    assert_int_equal(ledger_note_reason(l, message, "hub-offline", NULL, NULL), 0);
    assert_int_equal(seal_as(l, message, 1), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ledger_refuse_out(l, message, "too-large", NULL, NULL), 0);
    assert_int_equal(ledger_unit(l, message, &u), 0);
    assert_int_equal(u.state, OUT_REFUSED);
    assert_string_equal(u.reason, "too-large");
    assert_int_equal(ledger_to_send(l, list, 4), 0);
    struct message_id old = u.id, new_id = message_id(0x55);
    ledger_unit_free(&u);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL),
                     -EINVAL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ledger_resend(l, &old, &new_id, NULL, NULL), 0);
    assert_int_equal(ledger_to_seal(l, list, 4), 1);
    struct office_id none = {""};
    assert_int_equal(ledger_find(l, true, &none, &new_id, &again), 0);
    assert_int_equal(list[0], again);
    assert_int_equal(ledger_unit(l, again, &u), 0);
    assert_true(u.has_replaces && memcmp(&u.replaces, &old, sizeof old) == 0);
    assert_int_equal(u.n_files, 1);
    ledger_unit_free(&u);
    struct message_id third = message_id(0x56);
    assert_int_equal(ledger_resend(l, &new_id, &third, NULL, NULL), -EINVAL); /* still on its way */
    assert_int_equal(ledger_resend(l, &third, &old, NULL, NULL), -ENOENT);
}

static void what_was_sealed_and_may_not_be_sent_is_sealed_anew_under_another_id(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, list[4], size;
    struct ledger_envelope e;
    struct ledger_unit u;
    struct message_id id = message_id(0x61), next = message_id(0x62);
    save(l, PLAN, SEQUENCE, "plan", &message);
    assert_int_equal(ledger_unseal(l, message, &id, "", NULL, NULL), -ESTALE);
    queue_all(l, message);
    assert_int_equal(seal_as(l, message, 1), 0);
    assert_int_equal(ledger_envelope(l, message, &e), 0);
    struct message_id old = e.id;
    uint64_t ciphertext = e.ciphertext;
    ledger_envelope_free(&e);
    assert_int_equal(ledger_unseal(l, message, &id, "clock-ahead", NULL, NULL), 0);
    assert_int_equal(ledger_unseal(l, message, &next, "", NULL, NULL), -ESTALE);
    assert_int_equal(content_stat(l, ciphertext, &size, NULL), -ENOENT);
    assert_int_equal(ledger_to_send(l, list, 4), 0);
    assert_int_equal(ledger_to_seal(l, list, 4), 1);
    assert_int_equal(list[0], message);
    assert_int_equal(ledger_unit(l, message, &u), 0);
    assert_int_equal(u.state, OUT_QUEUED);
    assert_string_equal(u.reason, "clock-ahead");
    assert_memory_equal(&u.id, &id, sizeof id);
    assert_true(u.has_replaces && memcmp(&u.replaces, &old, sizeof old) == 0);
    ledger_unit_free(&u);
    assert_int_equal(seal_as(l, message, 2), 0);
    assert_int_equal(ledger_unseal(l, message, &next, "", NULL, NULL), 0);
    assert_int_equal(ledger_unit(l, message, &u), 0); /* the receiver has seen none but the first, if any */
    assert_true(u.has_replaces && memcmp(&u.replaces, &old, sizeof old) == 0);
    ledger_unit_free(&u);
    assert_int_equal(seal_as(l, message, 3), 0);
    assert_int_equal(ledger_accept(l, message, (const uint8_t *)"acceptance", 10, ACCEPTED, NULL, NULL), 0);
    assert_int_equal(ledger_unseal(l, message, &id, "", NULL, NULL), -ESTALE);
    assert_int_equal(state_of(l, message), OUT_SENT);
    assert_int_equal(ledger_verify(l, NULL, NULL), 0);
    assert_int_equal(ledger_check(l, NULL), 0);
}

static void a_sent_entry_leaves_the_outbox_after_the_linger_time_unless_changed(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t message = 0, outbox = outbox_of(l, SERVICE);
    struct ledger_entry entries[4];
    save(l, PLAN, SEQUENCE, "plan", &message);
    save(l, SUB, SEQUENCE, "sub", NULL);
    send_out(l, message, 1);
    assert_int_equal(ledger_sent_entries(l, ACCEPTED - 1, entries, 4), 0);
    assert_int_equal(ledger_sent_entries(l, ACCEPTED, entries, 4), 2);
    save(l, SUB, SEQUENCE, "changed", NULL);
    assert_int_equal(ledger_sent_entries(l, ACCEPTED, entries, 4), 1);
    assert_string_equal(entries[0].name, PLAN);
    assert_int_equal(ledger_unlink(l, entries[0].id, false, NULL, NULL, NULL), 0);
    assert_int_equal(ledger_sent_entries(l, ACCEPTED, entries, 4), 0);
    assert_int_equal(entry_in(l, outbox, PLAN), 0);
    assert_int_equal(state_of(l, message), OUT_SENT);
}

static void two_exchanges_under_one_number_have_a_folder_each(void **state)
{
    struct ledger *l = ((struct house *)*state)->ledger;
    uint64_t first = 0, second = 0;
    char text[4096];
    save(l, PLAN, SEQUENCE, "plan", &first);
    send_out(l, first, 1);
    save(l, PLAN, SEQUENCE, "newer plan", &second);
    assert_int_not_equal(first, second);
    send_out(l, second, 2);
    assert_string_equal(listing(l, node_at(l, SENT), text), SEQUENCE "-01, " SEQUENCE "-02, ");
    assert_string_equal(text_of(l, node_at(l, SENT SEQUENCE "-01/" PLAN), text), "plan");
    assert_string_equal(text_of(l, node_at(l, SENT SEQUENCE "-02/" PLAN), text), "newer plan");
    assert_int_equal(ledger_verify(l, NULL, NULL), 0);
    assert_int_equal(ledger_check(l, NULL), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, house_open, house_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_unit_goes_from_its_save_to_its_archive),
        T(a_later_version_waits_until_the_hub_has_the_earlier),
        T(the_ciphertext_is_destroyed_when_the_hub_has_it),
        T(an_acceptance_given_twice_changes_nothing),
        T(what_is_not_sealed_cannot_be_accepted),
        T(a_unit_that_changed_while_it_was_sealed_is_not_sealed),
        T(a_file_renamed_while_it_was_sealed_is_not_delivered_under_its_old_name),
        T(a_file_with_an_unjudged_content_is_not_queued),
        T(an_older_version_is_not_sent_over_a_newer_one),
        T(a_message_is_sealed_once),
        T(a_queued_unit_names_what_is_there),
        T(files_not_named_are_left_to_a_new_message_of_the_same_number),
        T(carried_files_alone_do_not_go),
        T(an_incomplete_unit_has_a_note_until_it_goes),
        T(a_withdrawn_units_note_goes_with_it),
        T(a_recipient_that_joins_takes_its_waiting_unit),
        T(the_partners_receipts_lead_forward_only),
        T(what_the_partner_refused_stays_refused),
        T(a_receipt_over_another_envelope_is_not_ours),
        T(a_partner_cannot_fill_the_ledger_with_receipts),
        T(a_receipt_before_our_hubs_answer_waits_for_it),
        T(a_refused_message_keeps_no_ciphertext_and_can_be_sent_again),
        T(what_was_sealed_and_may_not_be_sent_is_sealed_anew_under_another_id),
        T(a_sent_entry_leaves_the_outbox_after_the_linger_time_unless_changed),
        T(two_exchanges_under_one_number_have_a_folder_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
