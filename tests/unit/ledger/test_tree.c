/* Names, listings, renames, removals, attributes. */
#include "house.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static struct ledger_rename rename_of(const struct saved *f, uint64_t parent, const char *name)
{
    return (struct ledger_rename){.entry = f->entry, .parent = parent, .name = name, .folded = name};
}

struct listing {
    size_t n, stop_at;
    uint64_t last;
    char first[256];
};

static bool list_one(void *context, const struct ledger_entry *e, const struct ledger_node *n)
{
    struct listing *list = context;
    assert_true(e->id > list->last);
    assert_int_equal(e->node, n->id);
    if (!list->n)
        strcpy(list->first, e->name);
    list->last = e->id;
    list->n++;
    return list->n != list->stop_at;
}

static void a_listing_goes_on_behind_a_cookie_in_order_of_creation(void **state)
{
    struct house *h = *state;
    struct listing all = {0}, rest = {0}, two = {.stop_at = 2};
    char name[32];
    for (int i = 0; i < 30; i++) {
        struct saved f = {0};
        snprintf(name, sizeof name, "memo %02d.txt", 29 - i);
        assert_int_equal(save_other(h, &f, name, "x"), 0);
    }
    assert_int_equal(ledger_list(h->l, NODE_OUTBOX, 0, 100, list_one, &all), 0);
    assert_int_equal(all.n, 30);
    assert_string_equal(all.first, "memo 29.txt");
    assert_int_equal(ledger_list(h->l, NODE_OUTBOX, 0, 100, list_one, &two), 0);
    assert_int_equal(two.n, 2);
    assert_int_equal(ledger_list(h->l, NODE_OUTBOX, two.last, 10, list_one, &rest), 0);
    assert_int_equal(rest.n, 10);
    assert_string_equal(rest.first, "memo 27.txt");
}

static void a_twin_is_found_by_its_folded_name(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct ledger_entry e;
    struct ledger_save s = save_of(h, &f, "Memo.TXT");
    s.folded = "memo.txt";
    s.in_unit = false;
    s.content = content_of(h, "x", 1);
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, "memo.txt", &e, NULL), -ENOENT);
    assert_int_equal(ledger_lookup_folded(h->l, NODE_OUTBOX, "memo.txt", &e, NULL), 0);
    assert_string_equal(e.name, "Memo.TXT");
    assert_int_equal(ledger_lookup_folded(h->l, NODE_OUTBOX, "other.txt", &e, NULL), -ENOENT);
}

static void a_rename_moves_the_name_and_keeps_the_node(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct ledger_entry e;
    struct ledger_node n;
    assert_int_equal(save_other(h, &f, "a.txt", "x"), 0);
    struct ledger_rename r = rename_of(&f, NODE_OUTBOX, "b.txt");
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), 0);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, "a.txt", &e, &n), -ENOENT);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, "b.txt", &e, &n), 0);
    assert_int_equal(e.id, f.entry);
    assert_int_equal(n.id, f.node);
    assert_int_equal(ledger_entries_of(h->l, f.node, &e, 1), 1);
}

static void a_rename_onto_a_taken_name_needs_to_say_so(void **state)
{
    struct house *h = *state;
    struct saved a = {0}, b = {0};
    struct ledger_node n;
    assert_int_equal(save_other(h, &a, "a.txt", "a"), 0);
    assert_int_equal(save_other(h, &b, "b.txt", "b"), 0);
    struct ledger_rename r = rename_of(&a, NODE_OUTBOX, "b.txt");
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), -EEXIST);
    r.replaced = b.entry;
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), 0);
    assert_int_equal(ledger_node(h->l, b.node, &n), -ENOENT);
    assert_int_equal(house_number(h, "SELECT count(*) FROM content WHERE key IS NOT NULL"), 1);
}

static void a_replaced_file_that_is_open_keeps_its_node(void **state)
{
    struct house *h = *state;
    struct saved a = {0}, b = {0};
    assert_int_equal(save_other(h, &a, "a.txt", "a"), 0);
    assert_int_equal(save_other(h, &b, "b.txt", "b"), 0);
    struct ledger_rename r = rename_of(&a, NODE_OUTBOX, "b.txt");
    r.replaced = b.entry;
    r.keep_replaced = true;
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), 0);
    assert_content(h, node_of(h, b.node).content, "b");
}

static void a_temporary_file_renamed_onto_the_transfer_name_keeps_the_message(void **state)
{
    struct house *h = *state;
    struct saved plan = {0}, temporary = {0};
    assert_int_equal(save_text(h, &plan, HOUSE_PLAN, "old"), 0);
    uint64_t message = newest_message(h);
    assert_int_equal(save_other(h, &temporary, "x.dat", "new"), 0);
    struct ledger_save then = save_of(h, &temporary, HOUSE_PLAN);
    then.keep_content = true;
    struct ledger_rename r = rename_of(&temporary, NODE_OUTBOX, HOUSE_PLAN);
    r.replaced = plan.entry;
    r.then = &then;
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), 0);
    assert_int_equal(messages_count(h), 1);
    struct ledger_unit u = unit_of(h, message);
    assert_int_equal(u.n_files, 1);
    assert_int_equal(u.files[0].node, temporary.node);
    assert_content(h, u.files[0].content, "new");
    assert_int_equal(u.state, OUT_WAITING);
    ledger_unit_free(&u);
}

static void a_file_without_a_durable_name_may_replace_one(void **state)
{
    struct house *h = *state;
    struct saved plan = {0}, fresh = {0};
    assert_int_equal(save_text(h, &plan, HOUSE_PLAN, "old"), 0);
    struct ledger_save then = save_of(h, &fresh, HOUSE_PLAN);
    then.content = content_of(h, "new", 3);
    struct ledger_rename r = {.replaced = plan.entry, .then = &then};
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(messages_count(h), 1);
    assert_int_equal(u.files[0].node, fresh.node);
    ledger_unit_free(&u);
}

static void a_rename_to_no_transfer_name_withdraws(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    struct ledger_rename r = rename_of(&f, NODE_OUTBOX, "later.CSV");
    r.leaves_unit = true;
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WITHDRAWN);
    ledger_unit_free(&u);
    assert_int_equal(node_of(h, f.node).message, 0);
    assert_content(h, node_of(h, f.node).content, "plan");
}

static void a_rename_to_another_number_moves_the_file_between_messages(void **state)
{
    struct house *h = *state;
    struct saved plan = {0}, table = {0};
    assert_int_equal(save_text(h, &plan, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(save_text(h, &table, HOUSE_TABLE, "table"), 0);
    uint64_t first = newest_message(h);
    static const char OTHER[] = "UP1KYO_202407_202611_0300000100_43_0300000005_11_20261101100000.CSV";
    struct ledger_save then = save_of(h, &table, OTHER);
    strcpy(then.sequence, "20261101100000");
    then.keep_content = true;
    struct ledger_rename r = rename_of(&table, NODE_OUTBOX, OTHER);
    r.leaves_unit = true;
    r.then = &then;
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), 0);
    struct ledger_unit u = unit_of(h, first);
    assert_int_equal(u.n_files, 1);
    assert_string_equal(u.files[0].name, HOUSE_PLAN);
    ledger_unit_free(&u);
    u = unit_of(h, newest_message(h));
    assert_true(u.message != first);
    assert_string_equal(u.files[0].name, OTHER);
    assert_content(h, u.files[0].content, "table");
    ledger_unit_free(&u);
}

static void a_rename_that_stays_in_its_unit_changes_nothing_there(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    struct ledger_rename r = rename_of(&f, NODE_INBOX, HOUSE_PLAN);
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), 0);
    struct ledger_unit u = unit_of(h, newest_message(h));
    assert_int_equal(u.state, OUT_WAITING);
    assert_int_equal(u.n_files, 1);
    ledger_unit_free(&u);
}

static void folders_and_pages_cannot_be_removed_or_renamed(void **state)
{
    struct house *h = *state;
    struct saved page = {.entry = NODE_STATUS_HTML}, folder = {.entry = NODE_OUTBOX};
    struct ledger_rename r = rename_of(&page, NODE_OUTBOX, "x");
    assert_int_equal(ledger_unlink(h->l, NODE_OUTBOX, false, NULL, NULL, NULL), -EISDIR);
    assert_int_equal(ledger_unlink(h->l, NODE_STATUS_HTML, false, NULL, NULL, NULL), -EPERM);
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), -EPERM);
    r = rename_of(&folder, NODE_INBOX, "x");
    assert_int_equal(ledger_rename(h->l, &r, NULL, NULL), -EPERM);
    assert_int_equal(ledger_unlink(h->l, 999999, false, NULL, NULL, NULL), -ENOENT);
}

static void a_removal_takes_its_reports_along(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct ledger_entry e;
    const char *reports[3] = {"bad.エラー.txt", NULL, "not there.txt"};
    struct ledger_save s = save_of(h, &f, "bad.CSV");
    s.in_unit = false;
    s.content = content_of(h, "x", 1);
    s.report_name = "bad.エラー.txt";
    s.report = "r";
    s.report_length = 1;
    assert_int_equal(ledger_save(h->l, &s, NULL, NULL), 0);
    assert_int_equal(ledger_unlink(h->l, f.entry, false, reports, NULL, NULL), 0);
    assert_int_equal(ledger_lookup(h->l, NODE_OUTBOX, "bad.エラー.txt", &e, NULL), -ENOENT);
}

static void xattrs_are_kept_listed_replaced_and_removed(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    autobuffer value = {0};
    autobuffer names = {0};
    assert_int_equal(save_other(h, &f, "a.txt", "x"), 0);
    assert_int_equal(ledger_xattr_get(h->l, f.node, "user.a", &value), -ENODATA);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.a", "1", 1, XATTR_REPLACE, NULL, NULL), -ENODATA);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.a", "1", 1, 0, NULL, NULL), 0);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.a", "1", 1, XATTR_CREATE, NULL, NULL), -EEXIST);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.a", "22", 2, XATTR_REPLACE, NULL, NULL), 0);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.b", "", 0, 0, NULL, NULL), 0);
    assert_int_equal(ledger_xattr_get(h->l, f.node, "user.a", &value), 0);
    assert_string_equal((char *)value.data, "22");
    assert_int_equal(ledger_xattr_list(h->l, f.node, &names), 0);
    assert_int_equal(names.length, 14);
    assert_memory_equal(names.data, "user.a\0user.b", 14);
    buffer_clear(&value);
    assert_int_equal(ledger_xattr_get(h->l, f.node, "user.b", &value), 0);
    assert_int_equal(value.length, 0);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.a", NULL, 0, 0, NULL, NULL), 0);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.a", NULL, 0, 0, NULL, NULL), -ENODATA);
    assert_int_equal(ledger_xattr_set(h->l, 999999, "user.a", "1", 1, 0, NULL, NULL), -ENOENT);
}

static void xattrs_are_bounded(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    static char big[64 * 1024 + 1];
    char name[300];
    assert_int_equal(save_other(h, &f, "a.txt", "x"), 0);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.a", big, sizeof big, 0, NULL, NULL), -E2BIG);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.a", big, 64 * 1024, 0, NULL, NULL), 0);
    assert_int_equal(ledger_xattr_set(h->l, f.node, "user.b", big, 64 * 1024, 0, NULL, NULL), -EDQUOT);
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(ledger_xattr_set(h->l, f.node, name, "1", 1, 0, NULL, NULL), -E2BIG);
}

static void times_and_mode_change_without_a_save(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(ledger_set_attributes(h->l, f.node, 0440, INT64_MIN, 77, NULL, NULL), 0);
    struct ledger_node n = node_of(h, f.node);
    assert_int_equal(n.mode, 0440);
    assert_int_equal(n.mtime_ns, 77);
    int64_t atime = n.atime_ns;
    assert_int_equal(ledger_set_attributes(h->l, f.node, UINT32_MAX, 88, INT64_MIN, NULL, NULL), 0);
    n = node_of(h, f.node);
    assert_int_equal(n.mode, 0440);
    assert_int_equal(n.mtime_ns, 77);
    assert_int_equal(n.atime_ns, 88);
    assert_true(atime != 88);
    assert_int_equal(messages_count(h), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
        T(a_listing_goes_on_behind_a_cookie_in_order_of_creation),
        T(a_twin_is_found_by_its_folded_name),
        T(a_rename_moves_the_name_and_keeps_the_node),
        T(a_rename_onto_a_taken_name_needs_to_say_so),
        T(a_replaced_file_that_is_open_keeps_its_node),
        T(a_temporary_file_renamed_onto_the_transfer_name_keeps_the_message),
        T(a_file_without_a_durable_name_may_replace_one),
        T(a_rename_to_no_transfer_name_withdraws),
        T(a_rename_to_another_number_moves_the_file_between_messages),
        T(a_rename_that_stays_in_its_unit_changes_nothing_there),
        T(folders_and_pages_cannot_be_removed_or_renamed),
        T(a_removal_takes_its_reports_along),
        T(xattrs_are_kept_listed_replaced_and_removed),
        T(xattrs_are_bounded),
        T(times_and_mode_change_without_a_save),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
