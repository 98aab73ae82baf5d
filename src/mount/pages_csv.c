#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "mount/page_words.h"
#include "mount/pages.h"

enum { ROWS_MAX = 20000 };

struct table {
    struct ledger *ledger;
    const struct rules *rules;
    const struct office_id *office;
    struct buffer *out;
    bool first; /* cell of its row */
};

/* A cell is always quoted. What Excel would take for a formula gets an apostrophe before it. */
static void cell(struct table *t, const char *text)
{
    buffer_text(t->out, t->first ? "\"" : ",\"");
    t->first = false;
    if (*text && strchr("=+-@\t\r", *text))
        buffer_text(t->out, "'");
    for (const char *p = text; *p; p++)
        buffer_append(t->out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    buffer_text(t->out, "\"");
}

static void end_row(struct table *t)
{
    buffer_text(t->out, "\r\n");
    t->first = true;
}

static void cell_time(struct table *t, int64_t utc_ms)
{
    char time[20];
    page_time(utc_ms, time);
    cell(t, time);
}

static void cell_made(struct table *t, const struct ledger_status *s,
                      int (*make)(const struct careplan_standard *, const struct ledger_status *,
                                  struct buffer *))
{
    autobuffer text = {.limit = 1 << 20};
    if (make(rules_standard(t->rules), s, &text) == 0)
        cell(t, text.data ? (const char *)text.data : "");
    else
        t->out->failed = true;
}

static int names(const struct careplan_standard *standard, const struct ledger_status *s, struct buffer *out)
{
    return page_names(standard, s, " ", out);
}

static bool row(void *context, const struct ledger_status *s)
{
    struct table *t = context;
    struct status_words words = status_words(s->outgoing, s->state, s->reason);
    char name[256], identity[32], id[2 * ENVELOPE_ID_SIZE + 1], reason[PAGE_REASON_SIZE], warnings[24] = "";
    page_partner(t->ledger, t->office, s, name, identity);
    hex_encode(s->id.bytes, sizeof s->id.bytes, id);
    cell(t, s->outgoing ? "送信" : "受信");
    cell(t, words.label);
    cell(t, identity);
    cell(t, name);
    cell(t, s->sequence);
    cell_made(t, s, page_contents);
    cell_made(t, s, names);
    cell_time(t, s->saved);
    cell_time(t, s->sent);
    cell_time(t, s->received);
    cell_time(t, s->taken);
    cell(t, words.what);
    page_reason(rules_standard(t->rules), s, reason);
    cell(t, reason);
    cell(t, id);
    if (s->warnings)
        snprintf(warnings, sizeof warnings, "%llu", (unsigned long long)s->warnings);
    cell(t, warnings);
    end_row(t);
    return !t->out->failed;
}

int page_status_csv(struct ledger *l, const struct rules *rules, const struct office_id *office,
                    struct buffer *out)
{
    static const char *const head[] = {"方向", "状態",       "相手の事業所", "相手の名前",     "連番",
                                       "内容", "ファイル名", "保存",         "送信",           "受領",
                                       "取込", "説明",       "理由",         "メッセージ番号", "注意の件数"};
    struct table t = {.ledger = l, .rules = rules, .office = office, .out = out, .first = true};
    buffer_text(out, "\xef\xbb\xbf");
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        cell(&t, head[i]);
    end_row(&t);
    int r = ledger_status_list(l, 0, ROWS_MAX, row, &t);
    return r < 0 ? r : out->failed ? -ENOMEM : 0;
}
