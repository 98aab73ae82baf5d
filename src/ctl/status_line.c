#include "ctl/status_line.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/common.h"

struct word {
    const char *code, *japanese, *english;
};

static const char *say(const struct word *words, size_t n, const char *code, bool japanese)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i].code, code) == 0)
            return japanese ? words[i].japanese : words[i].english;
    return code;
}

static const struct word states[] = {
    {"rejected", "エラー（送信しません）", "rejected"},
    {"waiting", "待機中", "waiting"},
    {"held", "確認待ち", "held"},
    {"queued", "送信待ち", "queued"},
    {"sent", "送信済", "sent"},
    {"received", "相手に到着", "received"},
    {"taken", "取込済", "taken"},
    {"refused", "受取拒否", "refused"},
    {"withdrawn", "取下げ", "withdrawn"},
    {"arrived", "到着", "arrived"},
    {"superseded", "差替え済", "superseded"},
};

/* What a person can do something about; other codes are shown as they are. */
static const struct word reasons[] = {
    {"partner-unknown", "この事業所は未参加です", "this office has not joined"},
    {"unit-incomplete", "ファイルがそろっていません", "files are missing"},
    {"key-unconfirmed", "相手の新しい鍵の確認待ち", "the partner's new key waits to be confirmed"},
    {"hub-offline", "連携センターに接続できません", "the hub is away"},
    {"held", "保存が完了していません", "not closed by the program that saved it"},
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void local_time(const json_t *object, const char *key, char out[20])
{
    int64_t ms;
    strcpy(out, "-");
    if (clock_parse_utc(text_of(object, key), &ms) == 0)
        clock_format_japan(ms, out);
}

void status_print_office(const json_t *office, bool japanese)
{
    char since[20];
    bool online = strcmp(text_of(office, "hub"), "online") == 0;
    const char *trouble = text_of(office, "trouble");
    local_time(office, "since", since);
    ctl_put(text_of(office, "office"));
    if (japanese)
        printf("  連携センター: %s", online ? "接続中" : "未接続");
    else
        printf("  hub %s", online ? "online" : "offline");
    if (strcmp(since, "-"))
        printf(japanese ? "（%s から）" : " since %s", since);
    if (*trouble) {
        fputs(": ", stdout);
        ctl_put(trouble);
    }
    putchar('\n');
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

void status_print_unit(const json_t *unit, bool japanese)
{
    static const char *const times[] = {"saved", "sent", "received", "taken"};
    static const char *const japanese_times[] = {"保存", "送信", "到着", "取込"};
    bool outgoing = strcmp(text_of(unit, "direction"), "out") == 0;
    const char *sequence = text_of(unit, "sequence"), *reason = text_of(unit, "reason");
    printf("  %s ", japanese ? (outgoing ? "送信" : "受信") : (outgoing ? "out" : "in "));
    ctl_put(text_of(unit, "partner"));
    fputs("  ", stdout);
    ctl_put(*sequence ? sequence : japanese ? "文書" : "document");
    printf("  %s", say(states, ARRAY_LENGTH(states), text_of(unit, "state"), japanese));
    if (*reason) {
        fputs(": ", stdout);
        ctl_put(say(reasons, ARRAY_LENGTH(reasons), reason, japanese));
    }
    putchar('\n');
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
        char when[20];
        local_time(unit, times[i], when);
        if (strcmp(when, "-"))
            printf("    %s %s", japanese ? japanese_times[i] : times[i], when);
    }
    fputs("\n    ", stdout);
    ctl_put(text_of(unit, "message"));
    putchar('\n');
    print_files(json_object_get(unit, "files"));
}

void status_print_nothing(bool japanese)
{
    puts(japanese ? "  送受信はまだありません" : "  nothing sent or received yet");
}

void status_print_more(bool japanese)
{
    puts(japanese ? "  （これより古いものは --limit で表示）" : "  (older ones: --limit N)");
}
