#include "ctl/status_line.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/common.h"
#include "standard/status_words.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

enum { TIME_SIZE = 24, WARNINGS_SHOWN = 5 };

/* "2026-11-24 21:34:05 JST", or "" when there is none. */
static void local_time(const json_t *object, const char *key, char out[TIME_SIZE])
{
    int64_t ms;
    out[0] = '\0';
    if (clock_parse_utc(text_of(object, key), &ms))
        return;
    clock_format_japan(ms, out);
    strcat(out, " JST");
}

void status_print_office(const json_t *office, bool japanese)
{
    char since[TIME_SIZE];
    bool online = strcmp(text_of(office, "hub"), "online") == 0;
    const char *trouble = text_of(office, "trouble");
    local_time(office, "since", since);
    ctl_put(text_of(office, "office"));
    if (japanese)
        printf("  センター：%s", online ? "接続中" : "接続できません");
    else
        printf("  hub %s", online ? "online" : "offline");
    if (since[0])
        printf(japanese ? "（%s から）" : " since %s", since);
    if (*trouble) {
        fputs(": ", stdout);
        ctl_put(trouble);
    }
    putchar('\n');
    json_int_t unsendable = json_integer_value(json_object_get(office, "unsendable"));
    if (unsendable > 0)
        printf(japanese
                   ? "  送られないファイルがあります：%lld 件（outbox の「.エラー.txt」を見てください）\n"
                   : "  files in the outbox that cannot be sent for their names or places: %lld (see their "
                     "reports there)\n",
               (long long)unsendable);
}

static void print_files(const json_t *files)
{
    size_t n = json_array_size(files);
    for (size_t i = 0; i < n; i++) {
        fputs("    ", stdout);
        ctl_put(json_string_value(json_array_get(files, i)) ?: "");
        putchar('\n');
    }
}

/* What it is: its sequence number; a document has none, nor has what was refused before it could be opened.
 */
static const char *what_of(const json_t *unit, bool japanese)
{
    const char *sequence = text_of(unit, "sequence");
    if (*sequence)
        return sequence;
    if (json_array_size(json_object_get(unit, "files")) == 0)
        return japanese ? "内容不明" : "contents unknown";
    return japanese ? "文書" : "document";
}

/* Nobody sends to the own office: the name of a rejected file is wrong. */
static const char *partner_of(const json_t *unit)
{
    const char *partner = text_of(unit, "partner"), *message = text_of(unit, "message");
    size_t n = strlen(partner);
    return n && strncmp(message, partner, n) == 0 && message[n] == '/' ? "-" : partner;
}

/* "UPJSK_….CSV 2行目 10列目：「サービス利用日」の… [CP1113]" */
static void print_problem(const json_t *problem, bool japanese)
{
    char place[STATUS_PLACE_SIZE];
    const char *file = text_of(problem, "file");
    status_place_words((uint64_t)json_integer_value(json_object_get(problem, "line")),
                       (unsigned)json_integer_value(json_object_get(problem, "column")),
                       japanese ? CAREPLAN_JA : CAREPLAN_EN, place);
    ctl_put(file);
    printf("%s%s%s", *file && place[0] ? " " : "", place, !*file && !place[0] ? "" : japanese ? "：" : ": ");
    ctl_put(text_of(problem, "message"));
    printf(" [");
    ctl_put(text_of(problem, "code"));
    putchar(']');
}

static void print_warnings(const json_t *unit, bool japanese)
{
    const json_t *warnings = json_object_get(unit, "warnings");
    json_int_t total = json_integer_value(json_object_get(unit, "warnings_total"));
    size_t n = json_array_size(warnings), shown = n < WARNINGS_SHOWN ? n : WARNINGS_SHOWN;
    if (total <= 0)
        return;
    const char *state = text_of(unit, "state");
    bool goes =
        strcmp(state, "rejected") != 0 && strcmp(state, "refused") != 0 && strcmp(state, "withdrawn") != 0;
    printf(japanese ? "    念のため確かめるところ：%lld 件%s\n" : "    warnings: %lld%s\n", (long long)total,
           !goes      ? ""
           : japanese ? "（送信は、このまま進みます）"
                      : " (it is sent all the same)");
    for (size_t i = 0; i < shown; i++) {
        fputs("      ", stdout);
        print_problem(json_array_get(warnings, i), japanese);
        putchar('\n');
    }
    if ((json_int_t)shown < total)
        printf(japanese ? "      ほか %lld 件\n" : "      and %lld more\n",
               (long long)(total - (json_int_t)shown));
}

static void print_state(const json_t *unit, bool outgoing, bool japanese)
{
    char words[STATUS_REASON_SIZE];
    const char *state = text_of(unit, "state"), *reason = text_of(unit, "reason");
    fputs("  ", stdout);
    ctl_put(japanese ? status_words(outgoing, state, reason).label : state);
    const json_t *fault = json_object_get(unit, "fault");
    if (json_is_object(fault)) {
        fputs(japanese ? "：" : ": ", stdout);
        print_problem(fault, japanese);
        putchar('\n');
        return;
    }
    status_reason_words(reason, japanese ? CAREPLAN_JA : CAREPLAN_EN, words);
    if (words[0]) {
        fputs(japanese ? "：" : ": ", stdout);
        ctl_put(words);
    }
    putchar('\n');
}

static void print_times(const json_t *unit, bool outgoing, bool japanese)
{
    static const char *const times[] = {"saved", "sent", "received", "taken"};
    static const char *const japanese_times[] = {"保存", "送信", "受領", "取込"};
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
        char when[TIME_SIZE];
        const char *name = !japanese ? times[i] : !outgoing && i == 2 ? "受信" : japanese_times[i];
        local_time(unit, times[i], when);
        if (when[0])
            printf("    %s %s", name, when);
    }
    putchar('\n');
}

void status_print_unit(const json_t *unit, bool japanese)
{
    bool outgoing = strcmp(text_of(unit, "direction"), "out") == 0;
    printf("  %s ", japanese ? (outgoing ? "送信" : "受信") : (outgoing ? "out" : "in "));
    ctl_put(partner_of(unit));
    fputs("  ", stdout);
    ctl_put(what_of(unit, japanese));
    print_state(unit, outgoing, japanese);
    print_times(unit, outgoing, japanese);
    fputs("    ", stdout);
    ctl_put(text_of(unit, "message"));
    putchar('\n');
    print_files(json_object_get(unit, "files"));
    print_warnings(unit, japanese);
}

void status_print_nothing(bool japanese)
{
    puts(japanese ? "  送受信はまだありません" : "  nothing sent or received yet");
}

void status_print_more(bool japanese)
{
    puts(japanese ? "  （これより古いものは --limit で表示）" : "  (older ones: --limit N)");
}
