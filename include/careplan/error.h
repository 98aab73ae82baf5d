/* What went wrong, for a person and for a program.
 *
 * Functions of this project return 0 or a negative errno. Where a person will read the reason, they also
 * take a `struct error *` (it may be NULL) and fill it before they return non-zero. */
#ifndef CAREPLAN_ERROR_H
#define CAREPLAN_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

struct error {
    int number; /* negative errno, the function's result; 0: no error */
    char
        code[24]; /* stable, for programs: "config-unknown-key", "envelope-signer", …; never empty on error */
    char text[488]; /* one line of English, UTF-8: what, where, why, what to do. Never contents, keys or
                       persons. */
};

/* Fills `e` (when not NULL) and returns `number`, so that a function can `return error_set(…)`. A text too
 * long is cut at a character. */
int error_set(struct error *e, int number, const char *code, const char *format, ...)
    __attribute__((__format__(__printf__, 4, 5)));

/* Puts "WHAT: " before the text that is there; returns e->number (or `number` when e is NULL). */
int error_prefix(struct error *e, int number, const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
