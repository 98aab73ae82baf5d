/* State folders: whose they are, and that work in them is done as their owner. Run as root it also becomes
 * somebody else (uid 65534); as anybody else the rules for that user are shown. */
#include <setjmp.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ctl/common.h"
#include "ctl/drop.h"
#include "ctl/state_folder.h"

enum { NOBODY = 65534, OTHER = 65533 };

struct place {
    char dir[64], state[96];
    struct drop_user user; /* nobody when run as root, else the caller */
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/test-state-XXXXXX");
    if (!mkdtemp(p->dir) || chmod(p->dir, 0755))
        return -1;
    snprintf(p->state, sizeof p->state, "%s/office", p->dir);
    p->user = geteuid() == 0 ? (struct drop_user){NOBODY, NOBODY} : (struct drop_user){geteuid(), getegid()};
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
    int r = system(command);
    free(p);
    return r;
}

static int prepare(struct place *p, unsigned *created, struct error *e)
{
    *e = (struct error){0};
    return state_folder_prepare(p->state, &p->user, created, e);
}

static void a_new_folder_is_made_for_its_user_alone(void **state)
{
    struct place *p = *state;
    struct error e;
    struct stat status;
    unsigned created;
    assert_int_equal(prepare(p, &created, &e), 0);
    assert_int_equal(created, 1);
    assert_int_equal(stat(p->state, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(status.st_uid, p->user.uid);
    assert_int_equal(prepare(p, &created, &e), 0);
    assert_int_equal(created, 0);
}

static void folders_above_it_are_made_too(void **state)
{
    struct place *p = *state;
    struct error e;
    unsigned created;
    strcat(p->state, "/a/b");
    assert_int_equal(prepare(p, &created, &e), 0);
    assert_int_equal(created, 3);
    state_folder_remove(p->state, created); /* … and go again, no others */
    p->state[strlen(p->state) - strlen("/a/b")] = '\0';
    assert_int_equal(access(p->state, F_OK), -1);
    assert_int_equal(access(p->dir, F_OK), 0);
}

static void an_empty_folder_is_taken_over(void **state)
{
    struct place *p = *state;
    struct error e;
    struct stat status;
    unsigned created;
    assert_int_equal(mkdir(p->state, 0777), 0);
    assert_int_equal(prepare(p, &created, &e), 0);
    assert_int_equal(created, 0);
    assert_int_equal(stat(p->state, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(status.st_uid, p->user.uid);
}

static void put_letter(const struct place *p)
{
    char path[128];
    snprintf(path, sizeof path, "%s/letter", p->state);
    assert_int_equal(file_write(path, "mine", 4, 0600, NULL), 0);
}

static void a_folder_that_lets_others_in_is_refused_with_the_remedy(void **state)
{
    struct place *p = *state;
    struct error e;
    unsigned created;
    assert_int_equal(mkdir(p->state, 0700), 0);
    put_letter(p);
    assert_int_equal(chown(p->state, p->user.uid, (gid_t)-1), 0);
    assert_int_equal(chmod(p->state, 0750), 0);
    assert_int_equal(prepare(p, &created, &e), -EPERM);
    assert_string_equal(e.code, "state-mode");
    assert_non_null(strstr(e.text, "chmod 700"));
}

static void a_folder_of_somebody_else_is_not_taken(void **state)
{
    struct place *p = *state;
    struct error e;
    unsigned created;
    if (geteuid() != 0) /* nobody else's folder can be made then: name another user */
        p->user.uid = OTHER;
    assert_int_equal(mkdir(p->state, 0700), 0);
    put_letter(p);
    assert_int_equal(prepare(p, &created, &e), -EPERM);
    assert_string_equal(e.code, "state-owner");
}

static void neither_a_file_nor_a_link_is_a_state_folder(void **state)
{
    struct place *p = *state;
    struct error e;
    unsigned created;
    assert_int_equal(file_write(p->state, "x", 1, 0600, NULL), 0);
    assert_int_not_equal(prepare(p, &created, &e), 0);
    assert_int_equal(unlink(p->state), 0);
    assert_int_equal(symlink("/tmp", p->state), 0);
    assert_int_not_equal(prepare(p, &created, &e), 0);
    assert_int_equal(e.number != 0, 1);
}

static void only_an_empty_folder_is_removed_again(void **state)
{
    struct place *p = *state;
    assert_int_equal(mkdir(p->state, 0700), 0);
    put_letter(p);
    state_folder_remove(p->state, 1);
    assert_int_equal(access(p->state, F_OK), 0);
}

static void the_daemons_user_must_exist_when_root_enrols(void **state)
{
    struct place *p = *state;
    struct error e = {0};
    if (geteuid() != 0) {
        assert_int_equal(state_folder_user("no-such-user-here", &p->user, &e), 0);
        assert_int_equal(p->user.uid, geteuid());
        return;
    }
    assert_int_equal(state_folder_user("no-such-user-here", &p->user, &e), -ENOENT);
    assert_string_equal(e.code, "daemon-user");
    assert_non_null(strstr(e.text, "adduser"));
    assert_int_equal(state_folder_user("nobody", &p->user, &e), 0);
    assert_int_equal(p->user.uid, NOBODY);
}

/* --- drop --- */

static int say_who(void *context, int out, struct error *e)
{
    gid_t groups[8];
    (void)context;
    (void)e;
    mode_t mask = umask(0);
    return dprintf(out, "%u %u %u %d %o", (unsigned)getuid(), (unsigned)geteuid(), (unsigned)getegid(),
                   getgroups(8, groups), (unsigned)mask) < 0
               ? -EIO
               : 0;
}

static int take_text(void *context, int in, struct error *e)
{
    char *text = context;
    size_t have = 0;
    (void)e;
    for (ssize_t n; have < 127 && (n = read(in, text + have, 127 - have)) > 0;)
        have += (size_t)n;
    text[have] = '\0';
    return 0;
}

static void the_work_is_done_as_the_owner_and_handed_over(void **state)
{
    struct place *p = *state;
    struct error e = {0};
    struct drop_user owner;
    unsigned created;
    char text[128] = "", expected[128];
    assert_int_equal(prepare(p, &created, &e), 0);
    assert_int_equal(drop_owner(p->state, &owner, &e), 0);
    assert_int_equal(owner.uid, p->user.uid);
    assert_int_equal(drop_run(&p->user, say_who, take_text, text, &e), 0);
    if (geteuid() == 0) {
        snprintf(expected, sizeof expected, "%u %u %u 1 77", NOBODY, NOBODY, NOBODY);
        assert_string_equal(text, expected);
    } else
        assert_int_equal(atoi(text), geteuid());
}

static int come_back_as_root(void *context, int out, struct error *e)
{
    (void)context;
    (void)out;
    return setresuid(0, 0, 0) == 0 ? error_set(e, -EPERM, "root-again", "became root again") : 0;
}

static void there_is_no_way_back_to_root(void **state)
{
    struct place *p = *state;
    struct error e = {0};
    assert_int_equal(drop_run(&p->user, come_back_as_root, NULL, NULL, &e), 0);
}

static int say_no(void *context, int out, struct error *e)
{
    (void)out;
    return context ? -EIO : error_set(e, -ENOENT, "message-unknown", "not there");
}

static void the_works_error_comes_back_whole(void **state)
{
    struct place *p = *state;
    struct error e = {0};
    assert_int_equal(drop_run(&p->user, say_no, NULL, NULL, &e), -ENOENT);
    assert_string_equal(e.code, "message-unknown");
    assert_string_equal(e.text, "not there");
    assert_int_equal(drop_run(&p->user, say_no, NULL, p, &e), -EIO);
    assert_string_equal(e.code, "internal");
}

static int die(void *context, int out, struct error *e)
{
    (void)context;
    (void)out;
    (void)e;
    _exit(3);
}

static void a_work_that_dies_is_an_error(void **state)
{
    struct place *p = *state;
    struct error e = {0};
    assert_int_equal(drop_run(&p->user, die, NULL, NULL, &e), -EIO);
    assert_string_equal(e.code, "internal");
}

static int write_much(void *context, int out, struct error *e)
{
    static const char block[4096];
    (void)context;
    for (int i = 0; i < 1000; i++)
        if (write(out, block, sizeof block) < 0)
            return error_set(e, -errno, "pipe", "the reader has gone");
    return 0;
}

static int give_up(void *context, int in, struct error *e)
{
    (void)context;
    (void)in;
    return error_set(e, -EEXIST, "folder", "is there already");
}

static void a_reader_that_gives_up_says_why_and_stops_the_work(void **state)
{
    struct place *p = *state;
    struct error e = {0};
    assert_int_equal(drop_run(&p->user, write_much, give_up, NULL, &e), -EEXIST);
    assert_string_equal(e.code, "folder");
}

static void the_owner_of_nothing_is_an_error(void **state)
{
    struct place *p = *state;
    struct error e = {0};
    struct drop_user user;
    assert_int_equal(drop_owner(p->state, &user, &e), -ENOENT);
    assert_int_equal(file_write(p->state, "x", 1, 0600, NULL), 0);
    assert_int_equal(drop_owner(p->state, &user, &e), -ENOTDIR);
}

/* --- common --- */

static void lines_from_the_child_are_bounded(void **state)
{
    (void)state;
    autobuffer line = {.limit = 64};
    char text[] = "one\n\nlonger than that\nlast without end";
    FILE *in = fmemopen(text, strlen(text), "r");
    assert_int_equal(ctl_line(in, &line, 8), 1);
    assert_string_equal((const char *)line.data, "one");
    assert_int_equal(ctl_line(in, &line, 8), 1);
    assert_int_equal(line.length, 0);
    assert_int_equal(ctl_line(in, &line, 8), -EPROTO);
    fclose(in);
    in = fmemopen(text + 22, strlen(text + 22), "r");
    assert_int_equal(ctl_line(in, &line, 60), -EPROTO);
    fclose(in);
    in = fmemopen(text, 4, "r");
    assert_int_equal(ctl_line(in, &line, 8), 1);
    assert_int_equal(ctl_line(in, &line, 8), 0);
    fclose(in);
}

static void the_language_is_the_options_else_that_of_the_locale(void **state)
{
    (void)state;
    unsetenv("LC_ALL");
    unsetenv("LC_MESSAGES");
    setenv("LANG", "ja_JP.UTF-8", 1);
    assert_true(ctl_japanese(NULL));
    assert_false(ctl_japanese("en"));
    setenv("LC_ALL", "C", 1);
    assert_false(ctl_japanese(NULL));
    assert_true(ctl_japanese("ja"));
    setenv("LC_ALL", "", 1);
    assert_true(ctl_japanese(NULL));
    assert_true(ctl_language_known("ja") && ctl_language_known("en"));
    assert_false(ctl_language_known("fr") || ctl_language_known(""));
}

static void paths_become_absolute_without_being_followed(void **state)
{
    (void)state;
    char cwd[512], expected[600];
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(expected, sizeof expected, "%s/a/b", cwd);
    static const char *const relative[] = {"a/b", "./a/b", ".//a/b", "a/b//"};
    for (size_t i = 0; i < 4; i++) {
        char *path = ctl_absolute(relative[i]);
        assert_string_equal(path, expected);
        free(path);
    }
    char *path = ctl_absolute("/x/");
    assert_string_equal(path, "/x");
    free(path);
    path = ctl_absolute("/");
    assert_string_equal(path, "/");
    free(path);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(a_new_folder_is_made_for_its_user_alone),
        IN_A_PLACE(folders_above_it_are_made_too),
        IN_A_PLACE(an_empty_folder_is_taken_over),
        IN_A_PLACE(a_folder_that_lets_others_in_is_refused_with_the_remedy),
        IN_A_PLACE(a_folder_of_somebody_else_is_not_taken),
        IN_A_PLACE(neither_a_file_nor_a_link_is_a_state_folder),
        IN_A_PLACE(only_an_empty_folder_is_removed_again),
        IN_A_PLACE(the_daemons_user_must_exist_when_root_enrols),
        IN_A_PLACE(the_work_is_done_as_the_owner_and_handed_over),
        IN_A_PLACE(there_is_no_way_back_to_root),
        IN_A_PLACE(the_works_error_comes_back_whole),
        IN_A_PLACE(a_work_that_dies_is_an_error),
        IN_A_PLACE(a_reader_that_gives_up_says_why_and_stops_the_work),
        IN_A_PLACE(the_owner_of_nothing_is_an_error),
        cmocka_unit_test(lines_from_the_child_are_bounded),
        cmocka_unit_test(the_language_is_the_options_else_that_of_the_locale),
        cmocka_unit_test(paths_become_absolute_without_being_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
