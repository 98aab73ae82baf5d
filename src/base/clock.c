#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_utc_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_boot_ms(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

/* Splits into calendar parts; times out of what four digits of a year hold are clamped to them. */
static struct tm split(int64_t utc_ms, long offset_seconds, int *ms)
{
    const int64_t last = INT64_C(253402300799999); /* 9999-12-31T23:59:59.999Z */
    int64_t t = utc_ms + (int64_t)offset_seconds * 1000;
    t = t < 0 ? 0 : t > last ? last : t;
    time_t seconds = (time_t)(t / 1000);
    *ms = (int)(t % 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    return parts;
}

void clock_format_utc(int64_t utc_ms, char out[25])
{
    int ms;
    struct tm t = split(utc_ms, 0, &ms);
    char text[64];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900, t.tm_mon + 1,
             t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, ms);
    memcpy(out, text, 24);
    out[24] = '\0';
}

/* Reads `n` digits at *p. -1: not digits. */
static int digits(const char **p, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        v = v * 10 + (**p - '0');
    }
    return v;
}

int clock_parse_utc(const char *text, int64_t *utc_ms)
{
    static const struct {
        int digits;
        char then;
    } form[] = {{4, '-'}, {2, '-'}, {2, 'T'}, {2, ':'}, {2, ':'}, {2, '.'}, {3, 'Z'}};
    int v[7];
    const char *p = text;
    for (size_t i = 0; i < 7; i++) {
        v[i] = digits(&p, form[i].digits);
        if (v[i] < 0 || *p++ != form[i].then)
            return -EINVAL;
    }
    if (*p)
        return -EINVAL;
    struct tm t = {.tm_year = v[0] - 1900,
                   .tm_mon = v[1] - 1,
                   .tm_mday = v[2],
                   .tm_hour = v[3],
                   .tm_min = v[4],
                   .tm_sec = v[5]};
    int64_t ms = (int64_t)timegm(&t) * 1000 + v[6];
    char again[25];
    clock_format_utc(ms, again);
    if (strcmp(again, text) != 0) /* 31 February, hour 24, … */
        return -EINVAL;
    *utc_ms = ms;
    return 0;
}

void clock_format_japan(int64_t utc_ms, char out[20])
{
    int ms;
    struct tm t = split(utc_ms, 9 * 3600, &ms);
    char text[64];
    snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
             t.tm_hour, t.tm_min, t.tm_sec);
    memcpy(out, text, 19);
    out[19] = '\0';
}

void clock_format_japan_month(int64_t utc_ms, char out[8])
{
    char text[20];
    clock_format_japan(utc_ms, text);
    memcpy(out, text, 7);
    out[7] = '\0';
}
