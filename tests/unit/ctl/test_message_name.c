/* MESSAGE: OFFICE/out/ID or OFFICE/in/SENDER/ID, nothing more or less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/message_name.h"

#define ID "00112233445566778899aabbccddeeff"
#define A "0300000100-43"
#define B "0300000005-A2"

static void an_outgoing_message_is_its_offices_own(void **state)
{
    (void)state;
    struct message_name name;
    assert_true(message_name_parse(&name, A "/out/" ID));
    assert_true(name.outgoing);
    assert_string_equal(name.office.text, A);
    assert_string_equal(name.sender.text, A);
}

static void an_incoming_message_names_its_sender(void **state)
{
    (void)state;
    struct message_name name;
    assert_true(message_name_parse(&name, A "/in/" B "/" ID));
    assert_false(name.outgoing);
    assert_string_equal(name.office.text, A);
    assert_string_equal(name.sender.text, B);
}

static void what_is_printed_is_read_again(void **state)
{
    (void)state;
    static const char *const names[] = {A "/out/" ID, A "/in/" B "/" ID};
    for (size_t i = 0; i < 2; i++) {
        struct message_name name;
        char text[MESSAGE_NAME_SIZE];
        assert_true(message_name_parse(&name, names[i]));
        message_name_format(&name, text);
        assert_string_equal(text, names[i]);
    }
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "nonsense",
        A,
        A "/",
        A "/out",
        A "/out/",
        A "/out/" ID "/",
        A "/out/" ID "0",
        A "/out/0011",
        A "/out/00112233445566778899AABBCCDDEEFF",
        A "/OUT/" ID,
        A "/in/" ID,
        A "/in/" B,
        A "/in/" B "/",
        A "/in/" B "/" ID "x",
        A "/in//" ID,
        A "/sent/" ID,
        "/out/" ID,
        "0300000100/out/" ID,
        "0300000100-4/out/" ID,
        " " A "/out/" ID,
        A "/out/" ID "\n",
        "../" A "/out/" ID,
    };
    struct message_name name;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (message_name_parse(&name, refused[i]))
            fail_msg("'%s' was taken", refused[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outgoing_message_is_its_offices_own),
        cmocka_unit_test(an_incoming_message_names_its_sender),
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
