#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* The process's log; set once by log_open before threads start, read only afterwards. */
static const char *program_name = "careplan";
static enum log_level threshold = LOG_LEVEL_INFO;
static bool journal;

/* journald says which descriptor is its stream: JOURNAL_STREAM=device:inode (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void log_open(const char *program)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_LEVEL_ERROR},
                  {"warning", LOG_LEVEL_WARNING},
                  {"info", LOG_LEVEL_INFO},
                  {"debug", LOG_LEVEL_DEBUG}};
    program_name = program;
    journal = stderr_is_journal();
    const char *wanted = getenv("CAREPLAN_LOG");
    for (size_t i = 0; wanted && i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(wanted, levels[i].name) == 0)
            threshold = levels[i].level;
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    if (level > threshold)
        return;
    char text[1024], line[1280], time[25];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    clock_format_utc(clock_utc_ms(), time);
    int n = journal ? snprintf(line, sizeof line, "<%d>%s: %s\n", (int)level, event, text)
                    : snprintf(line, sizeof line, "%s %s[%d] %s %s: %s\n", time, program_name, (int)getpid(),
                               level == LOG_LEVEL_ERROR     ? "error"
                               : level == LOG_LEVEL_WARNING ? "warning"
                               : level == LOG_LEVEL_INFO    ? "info"
                                                            : "debug",
                               event, text);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
        return; /* nowhere left to say it */
}
