/* The log: one event a line, to stderr (with a level prefix "<N>" that journald understands when it is the
 * journal's) or to journald's socket when stderr is connected to it. Texts hold message ids and names of
 * transfer files; never contents, never names of persons, never secrets. Documents' names name persons: log
 * their ids. Control characters in arguments are replaced by '?'. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

enum { LOG_NAMES_MAX = 800 }; /* bytes of names of transfer files in one line, which holds about 1,000 */

/* `program` is kept, not copied. Level: CAREPLAN_LOG=debug|info|warning|error, default info. */
void log_open(const char *program);

/* `event` is a stable name of the event, e.g. "message-sent". */
void log_write(enum log_level level, const char *event, const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));

#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warning(event, ...) log_write(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_info(event, ...) log_write(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
