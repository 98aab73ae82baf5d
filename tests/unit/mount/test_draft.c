#include "house.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/draft.h"

enum { MEGABYTE = 1 << 20 };

static atomic_size_t memory;
static char folder[96];
static struct draft_house drafts;

static struct draft open_draft(struct house *h, uint64_t base, uint64_t size)
{
    struct draft d;
    snprintf(folder, sizeof folder, "%s/drafts", h->dir);
    mkdir(folder, 0700);
    drafts = (struct draft_house){h->ledger, folder, &memory, 100 * MEGABYTE};
    draft_open(&d, &drafts, ledger_new_id(h->ledger), base, size);
    return d;
}

static void expect(struct draft *d, const char *text)
{
    char got[64] = "";
    assert_int_equal(d->size, strlen(text));
    assert_int_equal(draft_read(d, 0, got, sizeof got), (int)strlen(text));
    assert_string_equal(got, text);
}

static uint64_t content_of(struct house *h, const char *text)
{
    uint64_t node =
        save(h,
             &(struct save_of){.name = "DLTPLAN_202504_0300000100_43_0300000005_11_20250501000001.CSV",
                               .text = text},
             NULL);
    struct ledger_node n;
    assert_int_equal(ledger_node(h->ledger, node, &n), 0);
    return n.content;
}

static void lays_what_is_written_over_the_base(void **state)
{
    struct draft d = open_draft(*state, content_of(*state, "0123456789"), 10);
    assert_true(draft_is_base(&d));
    assert_int_equal(draft_write(&d, 3, "abc", 3), 0);
    expect(&d, "012abc6789");
    assert_int_equal(draft_write(&d, 9, "xyz", 3), 0);
    expect(&d, "012abc678xyz");
    assert_false(draft_is_base(&d));
    draft_close(&d);
}

static void knows_a_range_that_nobody_wrote(void **state)
{
    struct draft d = open_draft(*state, 0, 0);
    uint64_t hole;
    assert_int_equal(draft_resize(&d, 10), 0);
    assert_true(draft_has_hole(&d, &hole));
    assert_int_equal(hole, 0);
    assert_int_equal(draft_write(&d, 0, "01234", 5), 0);
    assert_true(draft_has_hole(&d, &hole));
    assert_int_equal(hole, 5);
    assert_int_equal(draft_write(&d, 5, "56789", 5), 0);
    assert_false(draft_has_hole(&d, &hole));
    draft_close(&d);
}

static void what_was_cut_off_does_not_come_back(void **state)
{
    struct draft d = open_draft(*state, content_of(*state, "0123456789"), 10);
    char got[10];
    uint64_t hole;
    assert_int_equal(draft_resize(&d, 4), 0);
    assert_int_equal(draft_resize(&d, 10), 0);
    assert_int_equal(draft_read(&d, 0, got, 10), 10);
    assert_memory_equal(got, "0123\0\0\0\0\0\0", 10);
    assert_true(draft_has_hole(&d, &hole));
    assert_int_equal(hole, 4);
    draft_close(&d);
}

static void goes_to_a_file_when_large_and_leaves_none_behind(void **state)
{
    struct draft d = open_draft(*state, 0, 0);
    char path[160], *block = malloc(MEGABYTE);
    struct stat status;
    assert_non_null(block);
    memset(block, 'a', MEGABYTE);
    snprintf(path, sizeof path, "%s/%llu", folder, (unsigned long long)d.id);
    assert_int_equal(draft_write(&d, 0, block, MEGABYTE), 0);
    assert_int_equal(stat(path, &status), -1);
    assert_int_equal(draft_write(&d, MEGABYTE, "end", 3), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(atomic_load(&memory), 0);
    draft_rest(&d);
    assert_int_equal(draft_read(&d, MEGABYTE - 1, block, 10), 4);
    assert_memory_equal(block, "aend", 4);
    draft_close(&d);
    assert_int_equal(stat(path, &status), -1);
    free(block);
}

static void all_drafts_together_take_eight_megabytes(void **state)
{
    struct draft d[10];
    char *block = calloc(1, MEGABYTE);
    assert_non_null(block);
    for (int i = 0; i < 10; i++) {
        d[i] = open_draft(*state, 0, 0);
        assert_int_equal(draft_write(&d[i], 0, block, MEGABYTE), 0);
        assert_true(atomic_load(&memory) <= DRAFT_MEMORY_ALL);
    }
    assert_false(d[7].filed);
    assert_true(d[8].filed);
    for (int i = 0; i < 10; i++)
        draft_close(&d[i]);
    assert_int_equal(atomic_load(&memory), 0);
    free(block);
}

static void refuses_what_is_beyond_the_bound(void **state)
{
    struct draft d = open_draft(*state, 0, 0);
    assert_int_equal(draft_write(&d, 100 * MEGABYTE, "x", 1), -EFBIG);
    assert_int_equal(draft_write(&d, INT64_MAX, "x", 1), -EFBIG);
    assert_int_equal(draft_resize(&d, 100 * MEGABYTE + 1), -EFBIG);
    assert_int_equal(d.size, 0);
    draft_close(&d);
}

static void a_full_disk_loses_nothing_that_was_there(void **state)
{
    struct draft d = open_draft(*state, 0, 0);
    struct rlimit before, none = {0, RLIM_INFINITY};
    char got[4], *block = calloc(1, MEGABYTE);
    assert_non_null(block);
    assert_int_equal(draft_write(&d, 0, "kept", 4), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0); /* the draft's file cannot grow */
    int r = draft_write(&d, 4, block, MEGABYTE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r, -EFBIG);
    assert_int_equal(draft_read(&d, 0, got, 4), 4);
    assert_memory_equal(got, "kept", 4);
    assert_int_equal(d.size, 4);
    draft_close(&d);
    free(block);
}

static void a_saved_draft_keeps_its_hole(void **state)
{
    struct draft d = open_draft(*state, content_of(*state, "0123456789"), 10);
    uint64_t hole, saved = content_of(*state, "0123456789..x");
    assert_int_equal(draft_write(&d, 12, "x", 1), 0);
    draft_saved(&d, saved, 13, true);
    assert_true(draft_has_hole(&d, &hole));
    assert_int_equal(hole, 10);
    assert_int_equal(draft_write(&d, 10, "yz", 2), 0);
    expect(&d, "0123456789yzx");
    draft_saved(&d, content_of(*state, "0123456789yzx"), 13, true);
    assert_true(draft_is_base(&d));
    assert_int_equal(atomic_load(&memory), 0);
    expect(&d, "0123456789yzx");
    draft_close(&d);
}

static void what_was_written_during_a_save_stays_over_it(void **state)
{
    struct draft d = open_draft(*state, 0, 0);
    assert_int_equal(draft_write(&d, 0, "0123456789", 10), 0);
    uint64_t saved = content_of(*state, "0123456789");
    assert_int_equal(draft_write(&d, 0, "AB", 2), 0);
    assert_int_equal(draft_resize(&d, 6), 0);
    draft_saved(&d, saved, 10, false);
    expect(&d, "AB2345");
    draft_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lays_what_is_written_over_the_base, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(knows_a_range_that_nobody_wrote, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_was_cut_off_does_not_come_back, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(goes_to_a_file_when_large_and_leaves_none_behind, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(all_drafts_together_take_eight_megabytes, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_beyond_the_bound, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing_that_was_there, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(a_saved_draft_keeps_its_hole, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_was_written_during_a_save_stays_over_it, house_setup,
                                        house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
