/* What a save means for the unit: mount.md, section 4, as far as it lies before sealing. (After sealing:
 * test_resave.c.) */
#include "house.h"

#include <errno.h>
#include <string.h>

static void the_first_good_file_begins_a_message_that_settles(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WAITING);
    assert_string_equal(u.reason, "settling");
    assert_string_equal(u.recipient.text, HOUSE_PARTNER);
    assert_string_equal(u.sequence, HOUSE_SEQUENCE);
    assert_false(u.settled || u.sealed);
    assert_true(u.saved > 0);
    assert_int_equal(u.n_files, 1);
    assert_string_equal(u.files[0].name, HOUSE_PLAN);
    assert_int_equal(u.files[0].node, f.node);
    assert_int_equal(u.files[0].size, 4);
    assert_int_equal(node_of(h, f.node).message, u.message);
    ledger_unit_free(&u);
    uint64_t open[4];
    assert_int_equal(ledger_units_open(h->l, 0, open, 4), 1);
}

static void files_of_one_number_are_one_message(void **state)
{
    struct house *h = *state;
    struct saved plan = {0}, table = {0};
    assert_int_equal(save_text(h, &plan, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(save_text(h, &table, HOUSE_TABLE, "table"), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(messages_count(h), 1);
    assert_int_equal(u.n_files, 2);
    ledger_unit_free(&u);
}

static void the_same_bytes_again_are_nothing_new(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    uint64_t content = node_of(h, f.node).content, rows;
    assert_int_equal(ledger_verify(h->l, &rows, NULL), 0);
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    uint64_t after;
    assert_int_equal(ledger_verify(h->l, &after, NULL), 0);
    assert_int_equal(after, rows);
    assert_int_equal(messages_count(h), 1);
    assert_int_equal(node_of(h, f.node).content, content);
    assert_int_equal(house_number(h, "SELECT count(*) FROM content"), 1);
    assert_int_equal(house_number(h, "SELECT refs FROM content"), 2); /* node, file */
}

static void changed_bytes_replace_the_file_and_destroy_the_old_key(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    uint64_t old = node_of(h, f.node).content;
    char byte;
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan, changed"), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(messages_count(h), 1);
    assert_int_equal(u.n_files, 1);
    assert_content(h, u.files[0].content, "plan, changed");
    assert_int_equal(node_of(h, f.node).content, u.files[0].content);
    assert_int_equal(content_read(h->l, old, 0, &byte, 1), -ENOENT);
    ledger_unit_free(&u);
}

static void a_rejected_file_makes_its_unit_rejected_until_it_is_saved_good(void **state)
{
    struct house *h = *state;
    struct saved plan = {0}, table = {0};
    assert_int_equal(save_text(h, &plan, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(save_verdict(h, &table, HOUSE_TABLE, "bad", VERDICT_REJECTED, "CP1042"), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_REJECTED);
    assert_string_equal(u.reason, "CP1042");
    ledger_unit_free(&u);
    assert_int_equal(save_text(h, &table, HOUSE_TABLE, "good"), 0);
    u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WAITING);
    assert_string_equal(u.reason, "settling");
    ledger_unit_free(&u);
}

static void a_rejected_file_that_is_deleted_leaves_the_rest_to_go(void **state)
{
    struct house *h = *state;
    struct saved plan = {0}, table = {0};
    assert_int_equal(save_text(h, &plan, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(save_verdict(h, &table, HOUSE_TABLE, "bad", VERDICT_REJECTED, "CP1042"), 0);
    assert_int_equal(ledger_unlink(h->l, table.entry, false, NULL, NULL, NULL), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WAITING);
    assert_int_equal(u.n_files, 1);
    ledger_unit_free(&u);
}

static void the_worst_file_names_the_units_state(void **state)
{
    struct house *h = *state;
    struct saved plan = {0}, table = {0};
    assert_int_equal(save_verdict(h, &plan, HOUSE_PLAN, "plan", VERDICT_WAITING, "partner-unknown"), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WAITING);
    assert_string_equal(u.reason, "partner-unknown");
    ledger_unit_free(&u);
    assert_int_equal(save_verdict(h, &table, HOUSE_TABLE, "table", VERDICT_HELD, "held"), 0);
    u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_HELD);
    ledger_unit_free(&u);
}

static void an_unknown_partner_waits_under_what_the_name_says(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN);
    s.recipient.text[0] = '\0';
    strcpy(s.recipient_text, "0300000005");
    s.content = content_of(h, "plan", 4);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WAITING);
    assert_string_equal(u.reason, "partner-unknown");
    assert_string_equal(u.recipient.text, "");
    assert_string_equal(u.recipient_text, "0300000005");
    ledger_unit_free(&u);
    /* Saved again when the directory decides: it moves, and the old message is withdrawn. */
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    u = unit_of(h, newest_message(h));
    assert_string_equal(u.recipient.text, HOUSE_PARTNER);
    assert_string_equal(u.reason, "settling");
    ledger_unit_free(&u);
    assert_int_equal(house_number(h, "SELECT count(*) FROM message WHERE open=1"), 1);
    assert_int_equal(house_number(h, "SELECT count(*) FROM message WHERE state=8"), 1);
}

static void deleting_the_last_file_withdraws_and_says_so_in_the_audit(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    uint64_t content = node_of(h, f.node).content;
    assert_int_equal(ledger_unlink(h->l, f.entry, false, NULL, NULL, NULL), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    char byte;
    assert_int_equal(u.state, OUT_WITHDRAWN);
    assert_int_equal(u.n_files, 1);
    assert_string_equal(u.files[0].name, HOUSE_PLAN); /* status can tell what it was */
    assert_int_equal(u.files[0].content, 0);
    ledger_unit_free(&u);
    assert_int_equal(content_read(h->l, content, 0, &byte, 1), -ENOENT);
    assert_int_equal(ledger_units_open(h->l, 0, &content, 1), 0);
    assert_int_equal(house_number(h, "SELECT count(*) FROM audit WHERE event='withdrawn'"), 1);
}

static void saving_anew_after_a_withdrawal_begins_a_new_message(void **state)
{
    struct house *h = *state;
    struct saved f = {0}, again = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(ledger_unlink(h->l, f.entry, false, NULL, NULL, NULL), 0);
    assert_int_equal(save_text(h, &again, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(messages_count(h), 2);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WAITING);
    assert_int_equal(u.n_files, 1);
    ledger_unit_free(&u);
}

static void each_document_is_a_unit_of_its_own(void **state)
{
    struct house *h = *state;
    struct saved a = {0}, b = {0};
    const char *names[] = {"会議.pdf", "写真.jpg"};
    struct saved *files[] = {&a, &b};
    for (int i = 0; i < 2; i++) {
        struct ledger_save s = save_of(h, files[i], names[i]);
        s.sequence[0] = '\0';
        strcpy(s.kind, "document");
        s.content = content_of(h, "%PDF", 4);
        assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    }
    assert_int_equal(messages_count(h), 2);
    assert_int_equal(house_number(h, "SELECT count(*) FROM file WHERE document=1"), 2);
    assert_int_equal(house_number(h, "SELECT count(*) FROM audit WHERE detail LIKE '%pdf%'"), 0);
}

static void a_report_stands_beside_is_replaced_and_goes(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct ledger_entry e;
    struct ledger_node n;
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN);
    s.content = content_of(h, "bad", 3);
    s.verdict = VERDICT_REJECTED;
    s.reason = "CP1042";
    s.report_name = s.report_folded = HOUSE_PLAN ".エラー.txt";
    s.report = "line 1";
    s.report_length = 6;
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, HOUSE_PLAN ".エラー.txt", &e, &n), 0);
    assert_int_equal(n.kind, NODE_REPORT);
    assert_content(h, n.content, "line 1");
    uint64_t first = n.id;
    s.content = content_of(h, "bad too", 7);
    s.report = "line 22";
    s.report_length = 7;
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, HOUSE_PLAN ".エラー.txt", &e, &n), 0);
    assert_content(h, n.content, "line 22");
    assert_true(n.id != first);
    assert_content(h, node_of(h, first).content, "line 1"); /* somebody may have it open */
    s.content = content_of(h, "good", 4);
    s.verdict = VERDICT_GOOD;
    s.reason = "";
    s.report_length = 0;
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, HOUSE_PLAN ".エラー.txt", &e, &n), -ENOENT);
    assert_content(h, node_of(h, first).content, "line 1");
    while (ledger_idle(h->l))
        ;
    assert_int_equal(house_number(h, "SELECT count(*) FROM content WHERE key IS NOT NULL"), 3);
    house_sql(h, "UPDATE node SET ctime=ctime-3700000000000"); /* an hour later */
    while (ledger_idle(h->l))
        ;
    assert_int_equal(house_number(h, "SELECT count(*) FROM content WHERE key IS NOT NULL"), 1);
}

static void a_second_file_does_not_take_the_firsts_place_in_its_unit(void **state)
{
    struct house *h = *state;
    struct saved first = {0}, second = {0};
    struct ledger_entry e;
    assert_int_equal(save_text(h, &first, HOUSE_PLAN, "first"), 0);
    struct ledger_save s = save_of(h, &second, HOUSE_PLAN);
    s.parent = NODE_ROOT;
    s.content = content_of(h, "second", 6);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), -EEXIST);
    assert_int_equal(ledger_standing(h->l, HOUSE_PARTNER, HOUSE_SEQUENCE, HOUSE_PLAN, second.node, &e), 0);
    assert_int_equal(e.node, first.node);
    assert_int_equal(ledger_standing(h->l, HOUSE_PARTNER, HOUSE_SEQUENCE, HOUSE_PLAN, first.node, &e),
                     -ENOENT);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.n_files, 1);
    assert_content(h, u.files[0].content, "first");
    ledger_unit_free(&u);
    assert_int_equal(ledger_unlink(h->l, first.entry, true, NULL, NULL, NULL), 0); /* still open somewhere */
    s.content = content_of(h, "second", 6);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    u = unit_of(h, newest_message(h));
    assert_content(h, u.files[0].content, "second");
    ledger_unit_free(&u);
}

static void what_is_judged_is_what_the_ledger_has(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(draft_text(h, &f, HOUSE_PLAN, "garbage"), 0);
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN);
    s.keep_content = true;
    memset(&s.kept, 1, sizeof s.kept);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), -ESTALE);
    assert_int_equal(node_of(h, f.node).verdict, VERDICT_NONE);
    assert_int_equal(content_stat(h->l, node_of(h, f.node).draft, NULL, &s.kept), 0);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_content(h, node_of(h, f.node).content, "garbage");
}

static void a_draft_of_what_is_there_is_no_empty_one(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN);
    s.keep_content = s.draft = true;
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(node_of(h, f.node).draft, 0);
    assert_int_equal(node_of(h, f.node).size, 4);
}

static void a_users_file_is_never_replaced_by_a_report(void **state)
{
    struct house *h = *state;
    struct saved f = {0}, memo = {0};
    assert_int_equal(save_other(h, &memo, "memo.txt", "mine"), 0);
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN);
    s.content = content_of(h, "bad", 3);
    s.report_name = "memo.txt";
    s.report = "report";
    s.report_length = 6;
    s.remove_reports[0] = "memo.txt";
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_content(h, node_of(h, memo.node).content, "mine");
}

static void a_draft_stands_beside_the_old_content_until_it_is_judged(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "old"), 0);
    assert_int_equal(draft_text(h, &f, HOUSE_PLAN, "new draft"), 0);
    assert_content(h, node_of(h, f.node).content, "old");
    assert_int_equal(node_of(h, f.node).size, 9);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_content(h, u.files[0].content, "old");
    ledger_unit_free(&u);
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN);
    s.keep_content = true; /* the draft is judged */
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    struct ledger_node n = node_of(h, f.node);
    assert_int_equal(n.draft, 0);
    assert_content(h, n.content, "new draft");
    u = unit_of(h, newest_message(h));
    assert_content(h, u.files[0].content, "new draft");
    ledger_unit_free(&u);
    assert_int_equal(house_number(h, "SELECT count(*) FROM content WHERE key IS NOT NULL"), 1);
    assert_int_equal(house_number(h, "SELECT refs FROM content WHERE key IS NOT NULL"), 2);
}

static void a_held_save_loses_neither_the_half_nor_the_whole_before_it(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "whole"), 0);
    assert_int_equal(save_verdict(h, &f, HOUSE_PLAN, "ha", VERDICT_HELD, "held"), 0);
    struct ledger_node n = node_of(h, f.node);
    assert_content(h, n.content, "whole");
    assert_content(h, n.draft, "ha");
    assert_int_equal(n.size, 2);
    assert_int_equal(n.verdict, VERDICT_HELD);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_HELD);
    ledger_unit_free(&u);
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN); /* the note was deleted: as it is */
    s.keep_content = true;
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_content(h, node_of(h, f.node).content, "ha");
    u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WAITING);
    assert_content(h, u.files[0].content, "ha");
    ledger_unit_free(&u);
    assert_int_equal(house_number(h, "SELECT count(*) FROM content WHERE key IS NOT NULL"), 1);
}

static void a_drafts_predecessor_goes_with_the_next_draft(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(draft_text(h, &f, HOUSE_PLAN, "one"), 0);
    assert_int_equal(draft_text(h, &f, HOUSE_PLAN, "two"), 0);
    assert_int_equal(house_number(h, "SELECT count(*) FROM content WHERE key IS NOT NULL"), 1);
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN);
    s.draft = true; /* truncated, then fsync: an empty draft */
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(node_of(h, f.node).size, 0);
    assert_true(node_of(h, f.node).draft != 0);
    assert_content(h, node_of(h, f.node).draft, "");
}

static void an_empty_file_is_kept_as_one(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct ledger_save s = save_of(h, &f, HOUSE_PLAN);
    s.verdict = VERDICT_REJECTED;
    s.reason = "CP0001";
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(node_of(h, f.node).content, 0);
    assert_int_equal(node_of(h, f.node).size, 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_REJECTED);
    ledger_unit_free(&u);
}

static void a_file_without_a_name_is_content_only(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(ledger_unlink(h->l, f.entry, true, NULL, NULL, NULL), 0);
    f.entry = 0;
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "late"), 0);
    assert_content(h, node_of(h, f.node).content, "late");
    assert_int_equal(house_number(h, "SELECT count(*) FROM message WHERE open=1"), 0);
    assert_int_equal(ledger_drop_node(h->l, f.node, NULL, NULL), 0);
    struct ledger_node n;
    assert_int_equal(ledger_node(h->l, f.node, &n), -ENOENT);
    assert_int_equal(house_number(h, "SELECT count(*) FROM content WHERE key IS NOT NULL"), 0);
}

static void a_name_that_is_taken_is_refused_and_leaves_nothing(void **state)
{
    struct house *h = *state;
    struct saved first = {0}, second = {0};
    struct ledger_node n;
    assert_int_equal(save_other(h, &first, "memo.txt", "one"), 0);
    assert_int_equal(save_other(h, &second, "memo.txt", "two"), -EEXIST);
    assert_int_equal(ledger_node(h->l, second.node, &n), -ENOENT);
    assert_int_equal(house_number(h, "SELECT count(*) FROM content"), 1);
}

static void a_file_that_is_no_transfer_file_is_kept_and_in_no_message(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_other(h, &f, "UPPLAN - コピー.CSV", "x"), 0);
    assert_int_equal(node_of(h, f.node).verdict, VERDICT_REJECTED);
    assert_int_equal(messages_count(h), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
        T(the_first_good_file_begins_a_message_that_settles),
        T(files_of_one_number_are_one_message),
        T(the_same_bytes_again_are_nothing_new),
        T(changed_bytes_replace_the_file_and_destroy_the_old_key),
        T(a_rejected_file_makes_its_unit_rejected_until_it_is_saved_good),
        T(a_rejected_file_that_is_deleted_leaves_the_rest_to_go),
        T(the_worst_file_names_the_units_state),
        T(an_unknown_partner_waits_under_what_the_name_says),
        T(deleting_the_last_file_withdraws_and_says_so_in_the_audit),
        T(saving_anew_after_a_withdrawal_begins_a_new_message),
        T(each_document_is_a_unit_of_its_own),
        T(a_report_stands_beside_is_replaced_and_goes),
        T(a_second_file_does_not_take_the_firsts_place_in_its_unit),
        T(what_is_judged_is_what_the_ledger_has),
        T(a_draft_of_what_is_there_is_no_empty_one),
        T(a_users_file_is_never_replaced_by_a_report),
        T(a_draft_stands_beside_the_old_content_until_it_is_judged),
        T(a_held_save_loses_neither_the_half_nor_the_whole_before_it),
        T(a_drafts_predecessor_goes_with_the_next_draft),
        T(an_empty_file_is_kept_as_one),
        T(a_file_without_a_name_is_content_only),
        T(a_name_that_is_taken_is_refused_and_leaves_nothing),
        T(a_file_that_is_no_transfer_file_is_kept_and_in_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
