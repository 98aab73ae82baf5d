/* What judging found stays beside the verdict: bounded, without content, and as old as the verdict. */
#include "house.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OTHER "UPSIKYU_202407_202611_0300000100_43_0300000005_11_20261101093000.CSV"
#define NOTE HOUSE_PLAN ".エラー.txt"

static int save_found(struct house *h, struct saved *f, const char *name, const char *text,
                      const struct ledger_problem *problems, size_t n, uint64_t warnings)
{
    struct ledger_save s = save_of(h, f, name);
    s.content = content_of(h, text, strlen(text));
    s.problems = problems;
    s.n_problems = n;
    s.warnings = warnings;
    s.verdict = n && problems[0].error ? VERDICT_REJECTED : VERDICT_GOOD;
    s.reason = n && problems[0].error ? problems[0].code : "";
    return ledger_save(h->l, &s, NULL, NULL);
}

/* The newest message as status tells it, copied. */
struct told {
    size_t n;
    uint64_t warnings;
    struct ledger_problem problems[LEDGER_STATUS_PROBLEMS_MAX];
    char files[LEDGER_STATUS_PROBLEMS_MAX][128];
    char state[16], reason[48];
};

static bool remember(void *context, const struct ledger_status *s)
{
    struct told *t = context;
    assert_true(s->n_problems <= LEDGER_STATUS_PROBLEMS_MAX);
    t->n = s->n_problems;
    t->warnings = s->warnings;
    for (size_t i = 0; i < s->n_problems; i++) {
        t->problems[i] = s->problems[i];
        snprintf(t->files[i], sizeof t->files[i], "%s", s->problems[i].file ? s->problems[i].file : "");
    }
    snprintf(t->state, sizeof t->state, "%s", s->state);
    snprintf(t->reason, sizeof t->reason, "%s", s->reason);
    return false;
}

static const struct told *told(struct house *h)
{
    static struct told t;
    memset(&t, 0, sizeof t);
    assert_int_equal(ledger_status_list(h->l, 0, 1, remember, &t), 0);
    return &t;
}

static void assert_problem(const struct told *t, size_t i, const char *file, const char *code, bool error,
                           uint64_t line, unsigned column)
{
    assert_true(i < t->n);
    assert_string_equal(t->files[i], file);
    assert_string_equal(t->problems[i].code, code);
    assert_int_equal(t->problems[i].error, error);
    assert_int_equal(t->problems[i].line, line);
    assert_int_equal(t->problems[i].column, column);
}

static void warnings_of_a_good_file_are_told_with_their_places(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    const struct ledger_problem found[] = {{.code = "CP1137", .line = 2, .column = 10}, {.code = "CP1019"}};
    assert_int_equal(save_found(h, &f, HOUSE_PLAN, "plan", found, 2, 7), 0);
    house_reopen(h);
    const struct told *t = told(h);
    assert_int_equal(t->n, 2);
    assert_int_equal(t->warnings, 7);
    assert_problem(t, 0, HOUSE_PLAN, "CP1137", false, 2, 10);
    assert_problem(t, 1, HOUSE_PLAN, "CP1019", false, 0, 0);
}

static void the_first_error_of_a_rejected_file_has_its_place(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    const struct ledger_problem found[] = {{.code = "CP1042", .error = true, .line = UINT64_MAX, .column = 3},
                                           {.code = "CP1137", .line = 2, .column = 10}};
    assert_int_equal(save_found(h, &f, HOUSE_PLAN, "plan", found, 2, 1), 0);
    const struct told *t = told(h);
    assert_string_equal(t->state, "rejected");
    assert_problem(t, 0, HOUSE_PLAN, "CP1042", true, UINT64_MAX, 3);
    assert_problem(t, 1, HOUSE_PLAN, "CP1137", false, 2, 10);
}

static void a_thousand_warnings_are_counted_and_a_hundred_kept(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    static struct ledger_problem found[1000];
    for (unsigned i = 0; i < 1000; i++)
        found[i] = (struct ledger_problem){.code = "CP1137", .line = i + 1, .column = 10};
    assert_int_equal(save_found(h, &f, HOUSE_PLAN, "plan", found, 1000, 1000), 0);
    const struct told *t = told(h);
    assert_int_equal(t->n, LEDGER_PROBLEMS_MAX);
    assert_int_equal(t->warnings, 1000);
    assert_problem(t, 99, HOUSE_PLAN, "CP1137", false, 100, 10);
    assert_true(house_number(h, "SELECT max(length(problems)) FROM file") < 4096);
}

static void a_message_of_many_files_tells_a_bounded_number(void **state)
{
    struct house *h = *state;
    static struct ledger_problem found[LEDGER_PROBLEMS_MAX];
    for (unsigned i = 0; i < LEDGER_PROBLEMS_MAX; i++)
        found[i] = (struct ledger_problem){.code = "CP1137", .line = i + 1};
    for (int i = 0; i < 12; i++) {
        char name[64];
        struct saved f = {0};
        snprintf(name, sizeof name, "UPPLAN_%02d.CSV", i);
        assert_int_equal(save_found(h, &f, name, "x", found, LEDGER_PROBLEMS_MAX, 200), 0);
    }
    const struct told *t = told(h);
    assert_int_equal(t->n, LEDGER_STATUS_PROBLEMS_MAX);
    assert_int_equal(t->warnings, 12 * 200);
}

static void a_new_verdict_has_its_own(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    const struct ledger_problem old = {.code = "CP1137", .line = 2, .column = 10},
                                new = {.code = "CP1042", .line = 1, .column = 1};
    assert_int_equal(save_found(h, &f, HOUSE_PLAN, "plan", &old, 1, 1), 0);
    assert_int_equal(save_found(h, &f, HOUSE_PLAN, "changed", &new, 1, 1), 0);
    assert_problem(told(h), 0, HOUSE_PLAN, "CP1042", false, 1, 1);
    /* The same bytes, and [rules] says otherwise by now. */
    assert_int_equal(save_found(h, &f, HOUSE_PLAN, "changed", NULL, 0, 0), 0);
    assert_int_equal(told(h)->n, 0);
    assert_int_equal(told(h)->warnings, 0);
}

static void what_comes_along_brings_its_warnings(void **state)
{
    struct house *h = *state;
    struct saved plan = {0}, other = {0};
    const struct ledger_problem found = {.code = "CP1137", .line = 2, .column = 10};
    assert_int_equal(save_found(h, &plan, HOUSE_PLAN, "plan", &found, 1, 1), 0);
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE message SET sealed=1, open=0 WHERE id=%llu",
             (unsigned long long)newest_message(h));
    house_sql(h, sql);
    assert_int_equal(save_found(h, &other, OTHER, "use", NULL, 0, 0), 0);
    assert_int_equal(messages_count(h), 2);
    assert_problem(told(h), 0, HOUSE_PLAN, "CP1137", false, 2, 10);
}

/* ---- The unit as a whole ---- */

struct unit_case {
    struct saved plan, other;
    uint64_t message, contents[2];
    const char *names[2];
    struct ledger_note note;
    struct ledger_problem problems[2];
    struct ledger_unit_judgement judgement;
};

static void fault_of(struct house *h, struct unit_case *u)
{
    *u = (struct unit_case){.names = {HOUSE_PLAN, OTHER},
                            .note = {NODE_OUTBOX, NOTE, NOTE, "does not fit", 12},
                            .problems = {{.file = HOUSE_PLAN, .code = "CP1310", .error = true, .line = 3},
                                         {.file = OTHER, .code = "CP1311", .line = 1, .column = 2}}};
    assert_int_equal(save_text(h, &u->plan, HOUSE_PLAN, "plan"), 0);
    assert_int_equal(save_text(h, &u->other, OTHER, "use"), 0);
    u->message = newest_message(h);
    u->contents[0] = node_of(h, u->plan.node).content;
    u->contents[1] = node_of(h, u->other.node).content;
    u->judgement = (struct ledger_unit_judgement){.names = u->names,
                                                  .contents = u->contents,
                                                  .n = 2,
                                                  .fault = "CP1310",
                                                  .notes = &u->note,
                                                  .n_notes = 1,
                                                  .problems = u->problems,
                                                  .n_problems = 2,
                                                  .warnings = 1};
}

static int judged(struct house *h, const struct unit_case *u)
{
    return ledger_judge_unit(h->l, u->message, &u->judgement, NULL, NULL);
}

static bool note_stands(struct house *h, uint64_t *node)
{
    struct ledger_entry entry;
    struct ledger_node found;
    bool stands = ledger_lookup(h->l, NODE_OUTBOX, NOTE, &entry, &found) == 0;
    *node = stands ? found.id : 0;
    return stands;
}

static void a_unit_whose_files_do_not_fit_is_rejected_with_a_note(void **state)
{
    struct house *h = *state;
    struct unit_case u;
    uint64_t node;
    struct ledger_entry notes[4];
    fault_of(h, &u);
    assert_int_equal(judged(h, &u), 0);
    const struct told *t = told(h);
    assert_string_equal(t->state, "rejected");
    assert_string_equal(t->reason, "CP1310");
    assert_int_equal(t->warnings, 1);
    assert_problem(t, 0, HOUSE_PLAN, "CP1310", true, 3, 0);
    assert_problem(t, 1, OTHER, "CP1311", false, 1, 2);
    assert_true(note_stands(h, &node));
    assert_content(h, node_of(h, node).content, "does not fit");
    assert_int_equal(node_of(h, u.plan.node).verdict, VERDICT_GOOD);
    assert_int_equal(ledger_unit_notes(h->l, u.message, 0, notes, 4), 1);
    assert_string_equal(notes[0].name, NOTE);
    assert_int_equal(ledger_unit_notes(h->l, u.message, notes[0].id, notes, 4), 0);
}

static void judged_again_alike_it_writes_nothing(void **state)
{
    struct house *h = *state;
    struct unit_case u;
    uint64_t node, again, rows;
    fault_of(h, &u);
    assert_int_equal(judged(h, &u), 0);
    assert_true(note_stands(h, &node));
    assert_int_equal(ledger_verify(h->l, &rows, NULL), 0);
    house_reopen(h);
    assert_int_equal(judged(h, &u), 0);
    assert_true(note_stands(h, &again));
    assert_int_equal(node, again);
    uint64_t after;
    assert_int_equal(ledger_verify(h->l, &after, NULL), 0);
    assert_int_equal(after, rows);
    assert_int_equal(house_number(h, "SELECT count(*) FROM entry WHERE name LIKE '%エラー%'"), 1);
}

static void a_judgement_of_what_has_changed_is_refused(void **state)
{
    struct house *h = *state;
    struct unit_case u;
    uint64_t node;
    struct saved late = {0};
    fault_of(h, &u);
    assert_int_equal(save_text(h, &u.other, OTHER, "changed"), 0);
    assert_int_equal(judged(h, &u), -ESTALE);
    u.contents[1] = node_of(h, u.other.node).content;
    assert_int_equal(save_text(h, &late, HOUSE_TABLE, "one more"), 0);
    assert_int_equal(judged(h, &u), -ESTALE); /* perhaps it makes them fit */
    assert_false(note_stands(h, &node));
    assert_string_equal(told(h)->reason, "settling");
}

static void a_save_has_the_unit_judged_anew_and_what_goes_has_no_note(void **state)
{
    struct house *h = *state;
    struct unit_case u;
    uint64_t node;
    fault_of(h, &u);
    assert_int_equal(judged(h, &u), 0);
    assert_int_equal(save_text(h, &u.other, OTHER, "corrected"), 0);
    assert_string_equal(told(h)->state, "waiting");
    assert_int_equal(told(h)->n, 0);
    u.contents[1] = node_of(h, u.other.node).content;
    u.judgement.fault = NULL;
    u.judgement.problems = &u.problems[1];
    u.judgement.n_problems = 1;
    assert_int_equal(judged(h, &u), 0);
    const struct told *t = told(h);
    assert_string_equal(t->state, "queued");
    assert_int_equal(t->n, 1);
    assert_problem(t, 0, OTHER, "CP1311", false, 1, 2);
    assert_false(note_stands(h, &node));
}

static void a_note_that_no_longer_holds_goes_for_those_that_do(void **state)
{
    struct house *h = *state;
    struct unit_case u;
    uint64_t node;
    struct ledger_entry notes[4];
    fault_of(h, &u);
    assert_int_equal(judged(h, &u), 0);
    u.note = (struct ledger_note){NODE_OUTBOX, OTHER ".エラー.txt", OTHER ".エラー.txt", "nor this", 8};
    u.judgement.fault = "CP1312";
    assert_int_equal(judged(h, &u), 0);
    assert_false(note_stands(h, &node));
    assert_int_equal(ledger_unit_notes(h->l, u.message, 0, notes, 4), 1);
    assert_string_equal(notes[0].name, OTHER ".エラー.txt");
    assert_string_equal(told(h)->reason, "CP1312");
    const char *none[3] = {NULL};
    assert_int_equal(ledger_unlink(h->l, u.plan.entry, false, none, NULL, NULL), 0);
    assert_int_equal(ledger_unlink(h->l, u.other.entry, false, none, NULL, NULL), 0);
    assert_string_equal(told(h)->state, "withdrawn");
    assert_int_equal(told(h)->n, 0);
    assert_int_equal(ledger_unit_notes(h->l, u.message, 0, notes, 4), 0);
}

static void a_note_of_no_name_is_refused(void **state)
{
    struct house *h = *state;
    struct unit_case u;
    fault_of(h, &u);
    u.note.name = "../etc";
    assert_int_equal(judged(h, &u), -EINVAL);
}

/* ---- The schema ---- */

static void a_ledger_of_schema_1_is_brought_forward(void **state)
{
    struct house *h = *state;
    struct saved f = {0};
    struct error e = {0};
    const struct ledger_problem found = {.code = "CP1137", .line = 2, .column = 10};
    assert_int_equal(save_text(h, &f, HOUSE_PLAN, "plan"), 0);
    house_close(h);
    house_sql(h, "ALTER TABLE file DROP COLUMN problems; ALTER TABLE file DROP COLUMN warnings;"
                 "ALTER TABLE message DROP COLUMN problems; ALTER TABLE message DROP COLUMN warnings;"
                 "PRAGMA user_version=1");
    assert_int_equal(house_try_open(h, true, HOUSE_OFFICE, &e), -ENOTSUP);
    assert_string_equal(e.code, "ledger-older");
    house_open(h);
    assert_int_equal(house_number(h, "PRAGMA user_version"), 2);
    assert_int_equal(told(h)->n, 0);
    assert_content(h, node_of(h, f.node).content, "plan");
    assert_int_equal(save_found(h, &f, HOUSE_PLAN, "changed", &found, 1, 1), 0);
    assert_problem(told(h), 0, HOUSE_PLAN, "CP1137", false, 2, 10);
    assert_int_equal(ledger_verify(h->l, NULL, NULL), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        T(warnings_of_a_good_file_are_told_with_their_places),
        T(the_first_error_of_a_rejected_file_has_its_place),
        T(a_thousand_warnings_are_counted_and_a_hundred_kept),
        T(a_message_of_many_files_tells_a_bounded_number),
        T(a_new_verdict_has_its_own),
        T(what_comes_along_brings_its_warnings),
        T(a_unit_whose_files_do_not_fit_is_rejected_with_a_note),
        T(judged_again_alike_it_writes_nothing),
        T(a_judgement_of_what_has_changed_is_refused),
        T(a_save_has_the_unit_judged_anew_and_what_goes_has_no_note),
        T(a_note_that_no_longer_holds_goes_for_those_that_do),
        T(a_note_of_no_name_is_refused),
        T(a_ledger_of_schema_1_is_brought_forward),
    };
    return cmocka_run_group_tests_name("problems", tests, NULL, NULL);
}
