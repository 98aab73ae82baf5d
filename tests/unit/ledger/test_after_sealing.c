/* What the user does to files of a unit that is queued, sealed or gone (mount.md, section 4, right column),
 * and what leaves the inbox. */
#include "exchange_house.h"

#define PLAN "UPPLAN_202407_202611_0300000100_43_0300000005_11_20261101090000.CSV"
#define TABLE "UP1KYO_202407_202611_0300000100_43_0300000005_11_20261101090000.CSV"
#define THIRD "UP2KYO_202407_202611_0300000100_43_0300000005_11_20261101090000.CSV"

static struct ledger *of(void **state)
{
    return ((struct house *)*state)->ledger;
}

/* "name text carried, …" of a message's files. */
static const char *files_text(struct ledger *l, uint64_t message, char out[4096])
{
    struct ledger_unit u;
    assert_int_equal(ledger_unit(l, message, &u), 0);
    out[0] = '\0';
    for (size_t i = 0; i < u.n_files; i++) {
        char text[64] = "";
        size_t n = strlen(out);
        assert_true(u.files[i].content == 0 || content_read(l, u.files[i].content, 0, text, 60) >= 0);
        snprintf(out + n, 4096 - n, "%.6s=%s%s ", u.files[i].name, text,
                 u.files[i].carried ? " (carried)" : "");
    }
    ledger_unit_free(&u);
    return out;
}

/* PLAN "plan" and TABLE "table", saved and gone. */
static uint64_t sent_unit(struct ledger *l)
{
    uint64_t message;
    save(l, PLAN, SEQUENCE, "plan", NULL);
    save(l, TABLE, SEQUENCE, "table", &message);
    send_out(l, message, 1);
    return message;
}

static size_t count_open(struct ledger *l)
{
    uint64_t open[16];
    int n = ledger_units_open(l, 0, open, 16);
    assert_true(n >= 0);
    return (size_t)n;
}

static void remove_entry(struct ledger *l, const char *name)
{
    uint64_t entry = entry_in(l, outbox_of(l, SERVICE), name);
    assert_int_equal(ledger_unlink(l, entry, false, NULL, NULL, NULL), 0);
}

static void a_save_into_a_queued_unit_lets_it_settle_anew(void **state)
{
    struct ledger *l = of(state);
    uint64_t message, again, ready[4];
    char text[4096];
    save(l, PLAN, SEQUENCE, "plan", &message);
    queue_all(l, message);
    assert_int_equal(ledger_to_seal(l, ready, 4), 1);
    save(l, PLAN, SEQUENCE, "plan", &again); /* the same bytes: it stays queued */
    assert_int_equal(ledger_to_seal(l, ready, 4), 1);
    save(l, PLAN, SEQUENCE, "changed", &again);
    assert_int_equal(again, message);
    assert_int_equal(ledger_to_seal(l, ready, 4), 0);
    assert_string_equal(state_text(l, message), "waiting");
    assert_string_equal(files_text(l, message, text), "UPPLAN=changed ");
}

static void deleting_a_queued_file_withdraws(void **state)
{
    struct ledger *l = of(state);
    uint64_t message, ready[4];
    save(l, PLAN, SEQUENCE, "plan", &message);
    queue_all(l, message);
    remove_entry(l, PLAN);
    assert_string_equal(state_text(l, message), "withdrawn");
    assert_int_equal(ledger_to_seal(l, ready, 4), 0);
}

static void the_same_bytes_after_sealing_are_nothing(void **state)
{
    struct ledger *l = of(state);
    uint64_t message = sent_unit(l), again;
    save(l, PLAN, SEQUENCE, "plan", &again);
    assert_int_equal(again, message);
    assert_int_equal(count_open(l), 0);
    assert_string_equal(state_text(l, message), "sent");
}

/* The page tells the clerk to save it again: by then the partner may take it. */
static void the_same_bytes_after_a_refusal_are_a_new_message(void **state)
{
    struct ledger *l = of(state);
    uint64_t first = sent_unit(l), second, again, ready[4];
    char text[4096];
    assert_int_equal(answer(l, first, SERVICE, RECEIPT_REFUSED, "no"), 0);
    assert_string_equal(state_text(l, first), "refused");
    save(l, PLAN, SEQUENCE, "plan", &second);
    assert_true(second != first);
    assert_string_equal(files_text(l, second, text), "UP1KYO=table (carried) UPPLAN=plan ");
    save(l, TABLE, SEQUENCE, "table", &again);
    assert_int_equal(again, second);
    queue_all(l, second);
    assert_int_equal(ledger_to_seal(l, ready, 4), 1);
    assert_string_equal(state_text(l, first), "refused");
}

static void what_the_hub_has_refused_goes_again_when_it_is_saved_again(void **state)
{
    struct ledger *l = of(state);
    uint64_t first, second;
    save(l, PLAN, SEQUENCE, "plan", &first);
    queue_all(l, first);
    assert_int_equal(seal_as(l, first, 1), 0);
    assert_int_equal(ledger_refuse_out(l, first, "unit-size", NULL, NULL), 0);
    save(l, PLAN, SEQUENCE, "plan", &second);
    assert_true(second != first);
    assert_string_equal(state_text(l, second), "waiting");
}

/* Nobody but the sender has it. */
static void what_was_refused_stays_in_the_outbox(void **state)
{
    struct ledger *l = of(state);
    struct ledger_entry out[4];
    struct ledger_node node;
    const char *const none[3] = {NULL};
    uint64_t message = sent_unit(l), entry = entry_in(l, outbox_of(l, SERVICE), PLAN);
    assert_int_equal(ledger_sent_entries(l, INT64_MAX, out, 4), 2);
    assert_int_equal(answer(l, message, SERVICE, RECEIPT_REFUSED, "no"), 0);
    assert_int_equal(ledger_sent_entries(l, INT64_MAX, out, 4), 0);
    assert_int_equal(ledger_node(l, node_in(l, outbox_of(l, SERVICE), PLAN), &node), 0);
    assert_int_equal(ledger_unlink_settled(l, entry, node.content, false, none, NULL, NULL), -ESTALE);
    remove_entry(l, PLAN); /* the user may */
    assert_string_equal(state_text(l, message), "refused");
}

static void changed_bytes_after_sealing_are_a_new_message_with_the_whole_unit(void **state)
{
    struct ledger *l = of(state);
    uint64_t first = sent_unit(l), second;
    char text[4096];
    save(l, PLAN, SEQUENCE, "changed", &second);
    assert_true(second != first);
    assert_string_equal(files_text(l, second, text), "UP1KYO=table (carried) UPPLAN=changed ");
    assert_string_equal(files_text(l, first, text), "UP1KYO=table UPPLAN=plan ");
    send_out(l, second, 2);
    assert_string_equal(state_text(l, second), "sent");
}

static void a_file_that_comes_later_brings_the_earlier_ones_along(void **state)
{
    struct ledger *l = of(state);
    uint64_t second;
    char text[4096];
    sent_unit(l);
    save(l, THIRD, SEQUENCE, "third", &second);
    assert_string_equal(files_text(l, second, text),
                        "UP1KYO=table (carried) UP2KYO=third UPPLAN=plan (carried) ");
}

static void a_carried_file_saved_with_the_same_bytes_stays_carried(void **state)
{
    struct ledger *l = of(state);
    uint64_t second, again;
    char text[4096];
    sent_unit(l);
    save(l, PLAN, SEQUENCE, "changed", &second);
    save(l, TABLE, SEQUENCE, "table", &again);
    assert_int_equal(again, second);
    assert_string_equal(files_text(l, second, text), "UP1KYO=table (carried) UPPLAN=changed ");
    save(l, TABLE, SEQUENCE, "other", &again);
    assert_int_equal(again, second);
    assert_string_equal(files_text(l, second, text), "UP1KYO=other UPPLAN=changed ");
}

static void deleting_after_sealing_takes_the_entry_only(void **state)
{
    struct ledger *l = of(state);
    uint64_t message = sent_unit(l);
    char text[4096];
    remove_entry(l, PLAN);
    assert_string_equal(state_text(l, message), "sent");
    assert_string_equal(files_text(l, message, text), "UP1KYO=table UPPLAN=plan ");
    assert_string_equal(listing(l, outbox_of(l, SERVICE), text), TABLE ", ");
}

static void deleting_the_changed_file_withdraws_its_new_message(void **state)
{
    struct ledger *l = of(state);
    uint64_t first = sent_unit(l), second;
    save(l, PLAN, SEQUENCE, "changed", &second);
    remove_entry(l, PLAN);
    assert_string_equal(state_text(l, second), "withdrawn");
    assert_string_equal(state_text(l, first), "sent");
    assert_int_equal(count_open(l), 0);
}

static void deleting_one_of_two_changed_files_brings_back_what_was_sent(void **state)
{
    struct ledger *l = of(state);
    uint64_t second;
    char text[4096];
    sent_unit(l);
    save(l, PLAN, SEQUENCE, "changed", &second);
    save(l, TABLE, SEQUENCE, "changed too", &second);
    remove_entry(l, PLAN);
    assert_string_equal(files_text(l, second, text), "UP1KYO=changed too UPPLAN=plan (carried) ");
}

static void deleting_a_carried_file_leaves_it_in_the_new_message(void **state)
{
    struct ledger *l = of(state);
    uint64_t second;
    char text[4096];
    sent_unit(l);
    save(l, PLAN, SEQUENCE, "changed", &second);
    remove_entry(l, TABLE); /* as after the linger time */
    assert_string_equal(files_text(l, second, text), "UP1KYO=table (carried) UPPLAN=changed ");
}

static void a_rejected_change_after_sealing_does_not_touch_what_is_gone(void **state)
{
    struct ledger *l = of(state);
    uint64_t first = sent_unit(l), second;
    char text[4096];
    save_as(l, outbox_of(l, SERVICE), PLAN, SEQUENCE, "bad", SERVICE, VERDICT_REJECTED, &second);
    assert_string_equal(state_text(l, second), "rejected");
    assert_string_equal(state_text(l, first), "sent");
    assert_string_equal(files_text(l, first, text), "UP1KYO=table UPPLAN=plan ");
    assert_string_equal(
        text_of(l, node_at(l, "archive/2026-11/sent/" SERVICE "_さくら訪問介護/" SEQUENCE "-01/" PLAN), text),
        "plan");
}

static void an_export_done_again_after_the_linger_time_goes_from_the_outbox_again(void **state)
{
    struct ledger *l = of(state);
    uint64_t message = sent_unit(l), again;
    struct ledger_entry out[8];
    while (ledger_sent_entries(l, INT64_MAX, out, 8) > 0)
        assert_int_equal(ledger_unlink(l, out[0].id, false, NULL, NULL, NULL), 0);
    char text[4096];
    assert_string_equal(listing(l, outbox_of(l, SERVICE), text), "");
    uint64_t node = save(l, PLAN, SEQUENCE, "plan", &again);
    assert_int_equal(again, message);
    assert_int_equal(count_open(l), 0);
    assert_int_equal(ledger_sent_entries(l, INT64_MAX, out, 8), 1);
    assert_int_equal(out[0].node, node);
}

static void a_file_of_the_inbox_is_not_moved_within_the_mount(void **state)
{
    struct ledger *l = of(state);
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, (const char *const[]){PLAN, "came", NULL}};
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    uint64_t inbox = inbox_of(l, SERVICE), node = node_in(l, inbox, PLAN);
    struct ledger_rename r = {
        .entry = entry_in(l, inbox, PLAN), .parent = NODE_OUTBOX, .name = "kept.dat", .folded = "kept.dat"};
    assert_int_equal(ledger_rename(l, &r, NULL, NULL), -EPERM);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "arrived");
    assert_int_equal(node_in(l, inbox, PLAN), node);
    assert_string_equal(text_of(l, node, text), "came");
    assert_int_equal(ledger_check(l, NULL), 0);
}

static void a_file_only_viewed_is_not_taken_until_it_is_removed(void **state)
{
    struct ledger *l = of(state);
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, (const char *const[]){PLAN, "came", NULL}};
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    uint64_t inbox = inbox_of(l, SERVICE), node = node_in(l, inbox, PLAN), rows, after;
    struct ledger_node n;
    assert_int_equal(ledger_read_whole(l, node, false, NULL, NULL), 0);
    assert_int_equal(ledger_node(l, node, &n), 0);
    assert_false(n.taken);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "arrived");
    assert_int_equal(ledger_verify(l, &rows, NULL), 0);
    assert_int_equal(ledger_read_whole(l, node, false, NULL, NULL), 0); /* noted once */
    assert_int_equal(ledger_verify(l, &after, NULL), 0);
    assert_int_equal(after, rows);
    assert_int_equal(ledger_unlink(l, entry_in(l, NODE_ALL, PLAN), false, NULL, NULL, NULL), 0);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "taken");
}

static void an_incoming_file_that_is_open_keeps_its_content_when_removed(void **state)
{
    struct ledger *l = of(state);
    const struct arrival_of a = {SERVICE, 1, 0, SEQUENCE, 0, (const char *const[]){PLAN, "came", NULL}};
    char text[4096];
    assert_int_equal(arrive(l, &a), 0);
    show_all(l);
    uint64_t inbox = inbox_of(l, SERVICE), node = node_in(l, inbox, PLAN);
    assert_int_equal(ledger_unlink(l, entry_in(l, inbox, PLAN), true, NULL, NULL, NULL), 0);
    assert_string_equal(state_text(l, incoming(l, SERVICE, 1)), "taken");
    assert_string_equal(text_of(l, node, text), "came");
    assert_int_equal(ledger_drop_node(l, node, NULL, NULL), 0);
    struct ledger_node n;
    assert_int_equal(ledger_node(l, node, &n), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
        T(a_save_into_a_queued_unit_lets_it_settle_anew),
        T(deleting_a_queued_file_withdraws),
        T(the_same_bytes_after_sealing_are_nothing),
        T(the_same_bytes_after_a_refusal_are_a_new_message),
        T(what_the_hub_has_refused_goes_again_when_it_is_saved_again),
        T(what_was_refused_stays_in_the_outbox),
        T(changed_bytes_after_sealing_are_a_new_message_with_the_whole_unit),
        T(a_file_that_comes_later_brings_the_earlier_ones_along),
        T(a_carried_file_saved_with_the_same_bytes_stays_carried),
        T(deleting_after_sealing_takes_the_entry_only),
        T(deleting_the_changed_file_withdraws_its_new_message),
        T(deleting_one_of_two_changed_files_brings_back_what_was_sent),
        T(deleting_a_carried_file_leaves_it_in_the_new_message),
        T(a_rejected_change_after_sealing_does_not_touch_what_is_gone),
        T(an_export_done_again_after_the_linger_time_goes_from_the_outbox_again),
        T(a_file_of_the_inbox_is_not_moved_within_the_mount),
        T(a_file_only_viewed_is_not_taken_until_it_is_removed),
        T(an_incoming_file_that_is_open_keeps_its_content_when_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
