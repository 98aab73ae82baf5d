/* A unit whose files are good one by one but do not fit each other: said beside those at fault, until they
 * do. */
#include "house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "mount/names.h"

#define MONTH "broken/B45_unit_user_mismatch"
#define MORE "UPHOSOKU_202504_0300000100_43_0300000005_11_20250401094500.CSV"
#define PLAN "UPPLAN_202504_0300000100_43_0300000005_11_20250401094500.CSV"
#define USE "UPSIKYU_202504_0300000100_43_0300000005_11_20250401094500.CSV"
#define REPORT ".エラー.txt"
#define IMAGE "UPKIHON_IMAGE_0300000100_43_0300000005_11_20250401094500_%04u.jpg"

/* A file of a sample folder, one text in it replaced by another of the same length everywhere. */
static void save_with(struct house *h, const char *folder, const char *name, const char *text, const char *by,
                      uint64_t *message)
{
    char path[512];
    autobuffer content = {0};
    snprintf(path, sizeof path, SAMPLES "/%s/%s", folder, name);
    assert_int_equal(file_read(path, 1 << 20, &content, NULL), 0);
    for (char *at = (char *)content.data; text && (at = strstr(at, text)); at += strlen(by))
        memcpy(at, by, strlen(by));
    save(h, &(struct save_of){.name = name, .text = (const char *)content.data}, message);
}

static uint64_t save_faulty(struct house *h)
{
    uint64_t message;
    save_with(h, MONTH, PLAN, NULL, NULL, NULL);
    save_with(h, MONTH, USE, NULL, NULL, NULL);
    save_with(h, MONTH, MORE, NULL, NULL, &message);
    return message;
}

static void save_corrected(struct house *h)
{
    save_with(h, MONTH, MORE, "0000000109", "0000000101", NULL);
}

/* As the mount does it: the file's own report goes with it. */
static void remove_file(struct house *h, const char *name)
{
    struct ledger_entry entry;
    struct ledger_node node;
    struct office_id partner = office(SERVICE);
    char report[256];
    snprintf(report, sizeof report, "%s" REPORT, name);
    const char *const reports[3] = {report};
    assert_int_equal(ledger_lookup(h->ledger, NODE_OUTBOX, name, &entry, &node), 0);
    assert_int_equal(ledger_unlink(h->ledger, entry.id, false, reports, NULL, NULL), 0);
    settler_touch(h->settler, &partner, "20250401094500", node.id);
}

static uint64_t report_of(struct house *h, const char *name, char text[8192])
{
    char report[256];
    struct ledger_entry entry;
    struct ledger_node node;
    snprintf(report, sizeof report, "%s" REPORT, name);
    if (ledger_lookup(h->ledger, NODE_OUTBOX, report, &entry, &node))
        return 0;
    int64_t n = content_read(h->ledger, node.content, 0, text, 8191);
    assert_true(n > 0);
    text[n] = '\0';
    return node.id;
}

static void wait_gone(struct house *h, const char *report)
{
    for (int i = 0; i < 2000 && has_entry(h, NODE_OUTBOX, report); i++)
        sleep_ms(5);
    assert_false(has_entry(h, NODE_OUTBOX, report));
}

static void it_is_rejected_at_once_beside_the_file_at_fault(void **state)
{
    struct house *h = *state;
    char text[8192];
    house_settle(h);
    uint64_t message = save_faulty(h);
    wait_state(h, message, OUT_REJECTED, "CP1311"); /* unit_wait is ten minutes */
    assert_true(report_of(h, MORE, text) != 0);
    assert_non_null(strstr(text, "1行目 3列目："));
    assert_non_null(strstr(text, "CP1311"));
    const char *good = strstr(text, "■ 問題のないファイル");
    assert_non_null(good);
    assert_non_null(strstr(good, PLAN));
    assert_non_null(strstr(good, USE));
    assert_null(strstr(good, MORE));
    assert_false(has_entry(h, NODE_OUTBOX, PLAN REPORT));
    assert_false(has_entry(h, NODE_OUTBOX, USE REPORT));
    sleep_ms(400);
    assert_false(is_settled(h, message));
}

static void the_corrected_file_heals_it(void **state)
{
    struct house *h = *state;
    house_settle(h);
    uint64_t message = save_faulty(h);
    wait_state(h, message, OUT_REJECTED, NULL);
    save_corrected(h);
    wait_settled(h, message);
    assert_false(has_entry(h, NODE_OUTBOX, MORE REPORT));
}

static void the_corrected_main_file_heals_its_dependents(void **state)
{
    struct house *h = *state;
    char text[8192];
    uint64_t message;
    static const char *const dependents[] = {USE, MORE};
    house_settle(h);
    save_with(h, MONTH, MORE, "0000000109", "0000000101", NULL);
    save_with(h, MONTH, USE, NULL, NULL, NULL);
    save_with(h, MONTH, PLAN, "0000000101", "0000000109", &message);
    wait_state(h, message, OUT_REJECTED, NULL);
    for (size_t i = 0; i < 2; i++)
        assert_true(report_of(h, dependents[i], text) != 0);
    save_with(h, MONTH, PLAN, NULL, NULL, NULL);
    wait_settled(h, message);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(report_of(h, dependents[i], text), 0);
    LOCKED(&h->mutex);
    assert_int_equal(h->removed, 2); /* as desktops see it */
}

static void without_the_file_at_fault_it_only_waits(void **state)
{
    struct house *h = *state;
    char text[8192];
    house_settle(h);
    save_with(h, MONTH, PLAN, "0000000101", "0000000109", NULL);
    save_with(h, MONTH, USE, NULL, NULL, NULL);
    uint64_t message;
    save_with(h, MONTH, MORE, "0000000109", "0000000101", &message);
    wait_state(h, message, OUT_REJECTED, NULL);
    assert_true(report_of(h, USE, text) != 0);
    remove_file(h, PLAN);
    wait_gone(h, USE REPORT);
    wait_gone(h, MORE REPORT);
    wait_state(h, message, OUT_WAITING, NULL);
}

static void beside_a_file_that_is_rejected_itself_nothing_is_said_of_the_others(void **state)
{
    struct house *h = *state;
    char text[8192];
    house_settle(h);
    uint64_t message = save_faulty(h);
    wait_state(h, message, OUT_REJECTED, "CP1311");
    save(h, &(struct save_of){.name = PLAN, .text = "1", .verdict = VERDICT_REJECTED}, NULL);
    wait_gone(h, MORE REPORT);
    wait_state(h, message, OUT_REJECTED, "CP1042");
    save_with(h, MONTH, PLAN, NULL, NULL, NULL);
    wait_state(h, message, OUT_REJECTED, "CP1311");
    assert_true(report_of(h, MORE, text) != 0);
}

static void after_a_restart_there_is_one_report_and_the_same(void **state)
{
    struct house *h = *state;
    char before[8192], after[8192];
    house_settle(h);
    uint64_t message = save_faulty(h);
    wait_state(h, message, OUT_REJECTED, "CP1311");
    uint64_t report = report_of(h, MORE, before);
    house_unsettle(h);
    house_settle(h);
    sleep_ms(500);
    wait_state(h, message, OUT_REJECTED, "CP1311");
    assert_int_equal(report_of(h, MORE, after), report);
    assert_string_equal(before, after);
    house_unsettle(h);
    save_corrected(h); /* and nobody looks */
    house_settle(h);
    wait_settled(h, message);
    assert_int_equal(report_of(h, MORE, after), 0);
}

static void delete_report(struct house *h, const char *name)
{
    struct ledger_entry entry;
    struct ledger_node node;
    const char *const none[3] = {NULL};
    assert_int_equal(ledger_lookup(h->ledger, NODE_OUTBOX, name, &entry, &node), 0);
    assert_int_equal(ledger_unlink(h->ledger, entry.id, false, none, NULL, NULL), 0);
}

static void a_report_that_was_lost_comes_back(void **state)
{
    struct house *h = *state;
    char text[8192];
    house_settle(h);
    uint64_t message = save_faulty(h);
    wait_state(h, message, OUT_REJECTED, "CP1311");
    delete_report(h, MORE REPORT);
    house_unsettle(h);
    house_settle(h);
    for (int i = 0; i < 2000 && !report_of(h, MORE, text); i++)
        sleep_ms(5);
    assert_true(report_of(h, MORE, text) != 0);
}

/* Also without a restart: when the unit is looked at again. */
static void a_report_that_was_deleted_comes_back_when_a_file_is_saved_again(void **state)
{
    struct house *h = *state;
    char text[8192];
    house_settle(h);
    uint64_t message = save_faulty(h);
    wait_state(h, message, OUT_REJECTED, "CP1311");
    delete_report(h, MORE REPORT);
    save_with(h, MONTH, USE, NULL, NULL, NULL); /* the same bytes */
    for (int i = 0; i < 2000 && !report_of(h, MORE, text); i++)
        sleep_ms(5);
    assert_true(report_of(h, MORE, text) != 0);
    wait_state(h, message, OUT_REJECTED, "CP1311");
}

static void what_went_before_is_told_of_beside_the_file_that_is_there(void **state)
{
    struct house *h = *state;
    char text[8192];
    uint64_t sent, message;
    house_settle(h);
    save_with(h, MONTH, PLAN, NULL, NULL, NULL);
    save_with(h, MONTH, USE, NULL, NULL, NULL);
    save_with(h, MONTH, MORE, "0000000109", "0000000101", &sent);
    wait_settled(h, sent);
    send_out(h, sent);
    for (size_t i = 0; i < 3; i++)
        remove_file(h, (const char *const[]){PLAN, USE, MORE}[i]);
    save_with(h, MONTH, PLAN, "0000000101", "0000000109", &message);
    wait_state(h, message, OUT_REJECTED, NULL);
    assert_true(report_of(h, PLAN, text) != 0);
    assert_false(has_entry(h, NODE_OUTBOX, USE REPORT));
    assert_false(has_entry(h, NODE_OUTBOX, MORE REPORT));
    assert_non_null(strstr(text, USE "  1行目 "));
    assert_non_null(strstr(text, MORE "  1行目 "));
    const char *before = strstr(text, "前に送ったときのもの");
    assert_non_null(before);
    assert_non_null(strstr(before, MORE "、" USE));
    assert_non_null(strstr(before, "CP3020"));
    assert_null(strstr(text, "問題のないファイル"));
    save_with(h, MONTH, PLAN, NULL, NULL, NULL); /* heals it: just what was sent */
    wait_gone(h, PLAN REPORT);
}

/* Images of one number, saved by many threads: each alone would wait for the disk. */
enum { SAVERS = 32 };
struct saver {
    struct house *h;
    unsigned first, last;
    pthread_t thread;
    int result;
};

static void *save_images(void *context)
{
    struct saver *saver = context;
    struct ledger *l = saver->h->ledger;
    for (unsigned i = saver->first; i <= saver->last && saver->result == 0; i += SAVERS) {
        char name[128], folded[768];
        struct ledger_save s = {.node = ledger_new_id(l),
                                .entry = ledger_new_id(l),
                                .parent = NODE_OUTBOX,
                                .name = name,
                                .folded = folded,
                                .mode = 0660,
                                .verdict = VERDICT_GOOD,
                                .reason = "",
                                .in_unit = true,
                                .recipient = office(SERVICE),
                                .sequence = "20250401094500",
                                .kind = "UPKIHON_IMAGE",
                                .version = "202504"};
        snprintf(name, sizeof name, IMAGE, i);
        name_fold(name, folded);
        snprintf(s.canonical, sizeof s.canonical, "%s", name);
        message_id_new(&s.new_message);
        saver->result = ledger_save(l, &s, NULL, NULL);
    }
    return NULL;
}

static void save_all_images(struct house *h, unsigned n)
{
    static struct saver savers[SAVERS];
    for (unsigned i = 0; i < SAVERS; i++) {
        savers[i] = (struct saver){.h = h, .first = i + 1, .last = n};
        assert_int_equal(pthread_create(&savers[i].thread, NULL, save_images, &savers[i]), 0);
    }
    for (unsigned i = 0; i < SAVERS; i++) {
        pthread_join(savers[i].thread, NULL);
        assert_int_equal(savers[i].result, 0);
    }
}

static void more_files_than_go_at_once_are_told_at_once_and_heal(void **state)
{
    struct house *h = *state;
    char text[8192], first[128], name[128], report[160];
    uint64_t messages[2];
    save_all_images(h, ENVELOPE_FILES_MAX + 1);
    assert_int_equal(ledger_units_open(h->ledger, 0, messages, 2), 1);
    house_settle(h);
    wait_state(h, messages[0], OUT_REJECTED, "CP3019");
    snprintf(first, sizeof first, IMAGE, 1u);
    assert_true(report_of(h, first, text) != 0);
    assert_non_null(strstr(text, "20250401094500"));
    assert_non_null(strstr(text, "4097個"));
    assert_non_null(strstr(text, "4096個"));
    {
        LOCKED(&h->mutex);
        h->changed = 0;
    }
    sleep_ms(600); /* it is not looked at again and again */
    {
        LOCKED(&h->mutex);
        assert_int_equal(h->changed, 0);
    }
    snprintf(name, sizeof name, IMAGE, 4097u);
    remove_file(h, name);
    snprintf(report, sizeof report, "%s" REPORT, first);
    wait_gone(h, report);
    wait_state(h, messages[0], OUT_WAITING, NULL); /* without its UPKIHON */
}

/* A file of the sample, its rows again and again. */
static char *large_text(const char *name, size_t size)
{
    char path[512];
    autobuffer content = {0};
    snprintf(path, sizeof path, SAMPLES "/%s/%s", MONTH, name);
    assert_int_equal(file_read(path, 1 << 20, &content, NULL), 0);
    char *text = malloc(size + content.length + 1), *end = text;
    assert_non_null(text);
    for (; end < text + size; end += content.length)
        memcpy(end, content.data, content.length);
    *end = '\0';
    return text;
}

static void a_large_unit_that_is_read_holds_no_small_one_up(void **state)
{
    struct house *h = *state;
    uint64_t large, small;
    autofree char *text = large_text(PLAN, 24 << 20);
    save_with(h, MONTH, USE, NULL, NULL, NULL);
    save_with(h, MONTH, MORE, "0000000109", "0000000101", NULL);
    save(h, &(struct save_of){.name = PLAN, .text = text}, &large);
    house_settle(h); /* the large one is the first */
    small = save_samples(h, "valid/a_plan_43_to_11", NULL);
    wait_settled(h, small);
    assert_string_equal(out_state_name(unit_of(h, large).state), "waiting");
    for (int i = 0; i < 2000 && unit_of(h, large).state == OUT_WAITING; i++)
        sleep_ms(10);
    assert_string_not_equal(out_state_name(unit_of(h, large).state), "waiting");
}

static bool remember(void *context, const struct ledger_status *s)
{
    uint64_t *told = context;
    told[0] = s->warnings;
    told[1] = s->n_problems;
    assert_true(s->n_problems == 0 || strcmp(s->problems[0].code, "CP1302") == 0);
    assert_true(s->n_problems == 0 || s->problems[0].file != NULL);
    return false;
}

static void what_a_unit_that_goes_is_warned_of_stays_with_it(void **state)
{
    struct house *h = *state;
    uint64_t told[2] = {0};
    h->settings.unit_wait = 300;
    house_settle(h);
    uint64_t message = save_samples(h, "valid/e_kihon_only_46_to_43", "_SUB");
    wait_settled(h, message);
    assert_int_equal(ledger_status_list(h->ledger, 0, 1, remember, told), 0);
    assert_int_equal(told[0], 2); /* SUB1 and SUB2 */
    assert_int_equal(told[1], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)
        TEST(it_is_rejected_at_once_beside_the_file_at_fault),
        TEST(the_corrected_file_heals_it),
        TEST(the_corrected_main_file_heals_its_dependents),
        TEST(without_the_file_at_fault_it_only_waits),
        TEST(beside_a_file_that_is_rejected_itself_nothing_is_said_of_the_others),
        TEST(after_a_restart_there_is_one_report_and_the_same),
        TEST(a_report_that_was_lost_comes_back),
        TEST(a_report_that_was_deleted_comes_back_when_a_file_is_saved_again),
        TEST(what_went_before_is_told_of_beside_the_file_that_is_there),
        TEST(more_files_than_go_at_once_are_told_at_once_and_heal),
        TEST(a_large_unit_that_is_read_holds_no_small_one_up),
        TEST(what_a_unit_that_goes_is_warned_of_stays_with_it),
    };
    setenv("CAREPLAN_LOG", "error", 1);
    log_open("test");
    return cmocka_run_group_tests_name("faulty", tests, NULL, NULL);
}
