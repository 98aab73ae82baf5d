/* Where a file goes, and what is judged of it. */
#include "house.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mount/judge.h"
#include "mount/route.h"
#include "standard/product.h"

#define PREVENTIVE "0300000005-A2"
#define NAME_TO(number, service) "DLTPLAN_202504_0300000100_43_" number "_" service "_20250501000001.CSV"

static struct route route_of(struct house *h, const char *name, const char *folder)
{
    struct route out;
    struct careplan_name t;
    struct office_id id = office(CARE), partner = office(folder ? folder : "");
    struct ledger_partner p = {0};
    if (careplan_name_parse(NULL, name, &t, NULL, NULL) != CAREPLAN_NAME_TRANSFER)
        fail_msg("%s is no transfer name", name);
    if (folder)
        assert_int_equal(ledger_partner(h->ledger, &partner, &p), 0);
    assert_int_equal(route_find(h->ledger, &id, folder ? &p : NULL, &t, &out), 0);
    if (folder)
        ledger_partner_free(&p);
    return out;
}

static void a_known_recipient_is_found(void **state)
{
    struct route r = route_of(*state, NAME_TO("0300000005", "11"), NULL);
    assert_int_equal(r.state, ROUTE_KNOWN);
    assert_string_equal(r.recipient.text, SERVICE);
}

static void an_unknown_recipient_waits(void **state)
{
    struct route r = route_of(*state, NAME_TO("0300000007", "11"), NULL);
    assert_int_equal(r.state, ROUTE_WAITING);
    assert_string_equal(r.reason, "partner-unknown");
    assert_string_equal(r.recipient_text, STRANGER);
}

static void a_file_of_another_sender_is_rejected(void **state)
{
    struct route r = route_of(*state, "DLTPLAN_202504_0300000101_43_0300000005_11_20250501000001.CSV", NULL);
    assert_int_equal(r.state, ROUTE_WRONG);
    assert_string_equal(r.code, RULE_SENDER_MISMATCH);
}

static void a_name_that_disagrees_with_its_folder_is_rejected_never_rerouted(void **state)
{
    struct house *h = *state;
    add_partner(h, STRANGER);
    struct route r = route_of(h, NAME_TO("0300000005", "11"), STRANGER);
    assert_int_equal(r.state, ROUTE_WRONG);
    assert_string_equal(r.code, RULE_FOLDER_MISMATCH);
}

static void a_file_to_oneself_is_rejected(void **state)
{
    struct route r = route_of(*state, NAME_TO("0300000100", "43"), NULL);
    assert_int_equal(r.state, ROUTE_WRONG);
}

static void an_older_name_goes_to_the_only_service_that_may_take_it_in(void **state)
{
    struct house *h = *state;
    const char *name = "UPPLAN_202410_0300000100_0300000005_20241101000001.CSV";
    struct route r = route_of(h, name, NULL);
    assert_int_equal(r.state, ROUTE_KNOWN);
    assert_string_equal(r.recipient.text, SERVICE);
    add_partner(h, "0300000005-12");
    r = route_of(h, name, NULL);
    assert_int_equal(r.state, ROUTE_WAITING);
    assert_string_equal(r.reason, "partner-ambiguous");
    r = route_of(h, name, "0300000005-12"); /* the partner's own folder decides */
    assert_int_equal(r.state, ROUTE_KNOWN);
    assert_string_equal(r.recipient.text, "0300000005-12");
}

/* ---- Judging ---- */

static int64_t read_text(void *context, uint64_t offset, void *out, size_t size)
{
    const char *text = context;
    size_t length = strlen(text);
    if (offset >= length)
        return 0;
    size = size < length - offset ? size : length - (size_t)offset;
    memcpy(out, text + offset, size);
    return (int64_t)size;
}

static int64_t read_fails(void *context, uint64_t offset, void *out, size_t size)
{
    (void)context;
    (void)offset;
    (void)out;
    (void)size;
    return -EIO;
}

static struct judge_request request(struct house *h, const char *name, char *text)
{
    static char *extensions[] = {"pdf", NULL};
    static char *patterns[] = {"*.tmp", NULL};
    h->settings.documents = extensions;
    h->settings.scratch = patterns;
    return (struct judge_request){.ledger = h->ledger,
                                  .settings = &h->settings,
                                  .office = office(CARE),
                                  .folder = NODE_OUTBOX,
                                  .name = name,
                                  .size = strlen(text),
                                  .read = read_text,
                                  .context = text};
}

static void scratch_and_empty_files_are_not_judged(void **state)
{
    struct judgement j;
    struct judge_request r = request(*state, "x.tmp", (char[]){"anything"});
    assert_int_equal(judge_file(&r, &j), 0);
    assert_int_equal(j.verdict, VERDICT_NONE);
    judgement_free(&j);
    r = request(*state, NAME_TO("0300000005", "11"), (char[]){""});
    assert_int_equal(judge_file(&r, &j), 0);
    assert_int_equal(j.verdict, VERDICT_NONE);
    judgement_free(&j);
    r.settled = true;
    assert_int_equal(judge_file(&r, &j), 0);
    assert_int_equal(j.verdict, VERDICT_REJECTED);
    assert_string_equal(j.reason, RULE_EMPTY_FILE);
    judgement_free(&j);
}

static void a_never_written_range_is_a_fault(void **state)
{
    struct judgement j;
    struct judge_request r = request(*state, NAME_TO("0300000005", "11"), (char[]){"x"});
    r.has_hole = true;
    assert_int_equal(judge_file(&r, &j), 0);
    assert_int_equal(j.verdict, VERDICT_REJECTED);
    assert_int_equal(j.close_error, EINVAL);
    assert_string_equal(j.reason, RULE_HOLE);
    assert_string_equal(j.report_name, NAME_TO("0300000005", "11") ".エラー.txt");
    assert_true(j.report.length > 0);
    judgement_free(&j);
}

static void a_document_is_judged_by_its_first_bytes(void **state)
{
    struct house *h = *state;
    struct judgement j;
    uint64_t node =
        save(h,
             &(struct save_of){
                 .name = "letter.pdf", .text = "%PDF-1.7", .document = true, .folder = outbox_of(h, SERVICE)},
             NULL);
    assert_true(node != 0);
    struct judge_request r = request(h, "letter.pdf", (char[]){"%PDF-1.7 x"});
    r.folder = outbox_of(h, SERVICE);
    assert_int_equal(judge_file(&r, &j), 0);
    assert_int_equal(j.verdict, VERDICT_GOOD);
    assert_string_equal(j.recipient.text, SERVICE);
    assert_string_equal(j.sequence, "");
    judgement_free(&j);
    r.context = (char[]){"no pdf at"};
    r.size = 9;
    assert_int_equal(judge_file(&r, &j), 0);
    assert_int_equal(j.verdict, VERDICT_REJECTED);
    judgement_free(&j);
}

static void what_was_not_closed_by_its_client_is_held_whatever_it_holds(void **state)
{
    struct judgement j;
    struct judge_request r = request(*state, NAME_TO("0300000005", "11"), (char[]){"half"});
    r.held = true;
    assert_int_equal(judge_file(&r, &j), 0);
    assert_int_equal(j.verdict, VERDICT_HELD);
    assert_int_equal(j.close_error, 0);
    assert_string_equal(j.report_name, NAME_TO("0300000005", "11") ".確認.txt");
    judgement_free(&j);
}

static void content_that_cannot_be_read_is_no_verdict(void **state)
{
    struct judgement j;
    struct judge_request r = request(*state, NAME_TO("0300000005", "11"), (char[]){"x"});
    r.read = read_fails;
    assert_int_equal(judge_file(&r, &j), -EIO);
    assert_int_equal(j.verdict, VERDICT_NONE);
    judgement_free(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define RULE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
        RULE(a_known_recipient_is_found),
        RULE(an_unknown_recipient_waits),
        RULE(a_file_of_another_sender_is_rejected),
        RULE(a_name_that_disagrees_with_its_folder_is_rejected_never_rerouted),
        RULE(a_file_to_oneself_is_rejected),
        RULE(an_older_name_goes_to_the_only_service_that_may_take_it_in),
        RULE(scratch_and_empty_files_are_not_judged),
        RULE(a_never_written_range_is_a_fault),
        RULE(a_document_is_judged_by_its_first_bytes),
        RULE(what_was_not_closed_by_its_client_is_held_whatever_it_holds),
        RULE(content_that_cannot_be_read_is_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
