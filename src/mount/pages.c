#include "mount/pages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "mount/page_words.h"

enum {
    LOOKED_AT = 2000, /* messages */
    TODO_MAX = 100,   /* rows a table */
    NOTES_MAX = 20,
    NOTES_SHOWN = 5, /* of a row */
    ROWS_MAX = 200,
};

/* No script, nothing from elsewhere; what is printed keeps its frames without colour. */
static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>送受信状況</title>\n<style>\n"
    ":root{color-scheme:light;--ink:#1d2733;--soft:#5a6775;--line:#d5dce3;--paper:#fff;--ground:#f3f5f7}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.65 \"Yu Gothic UI\",\"Meiryo\","
    "\"Hiragino Sans\",\"Noto Sans CJK JP\",sans-serif}\n"
    "main{max-width:1180px;margin:0 auto;padding:24px 20px 48px}\n"
    "h1{font-size:26px;margin:0}\nh2{font-size:19px;margin:36px 0 10px}\n"
    ".lead{color:var(--soft);margin:2px 0 20px}\n"
    ".cards{display:flex;flex-wrap:wrap;gap:12px}\n"
    ".card{flex:1 1 170px;background:var(--paper);border:1px solid var(--line);border-left:6px solid #8996a3;"
    "border-radius:6px;padding:10px 16px}\n"
    ".card b{display:block;font-size:30px;line-height:1.25;font-variant-numeric:tabular-nums}\n"
    ".card.todo{border-left-color:#b42318}.card.todo b{color:#b42318}\n"
    ".card.wait{border-left-color:#9a6700}.card.in{border-left-color:#0b5cad}.card.done{border-left-color:#1a7f37}\n"
    ".scroll{overflow-x:auto;background:var(--paper);border:1px solid var(--line);border-radius:6px}\n"
    "table{border-collapse:collapse;width:100%;min-width:820px}\n"
    "th,td{text-align:left;vertical-align:top;padding:9px 12px;border-bottom:1px solid var(--line)}\n"
    "tr:last-child td{border-bottom:0}\n"
    "th{font-size:13.5px;color:var(--soft);font-weight:600;white-space:nowrap;background:#f8f9fb}\n"
    "td.time{white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    "td.what{min-width:17em}\n"
    ".tag{display:inline-block;min-width:6.4em;text-align:center;white-space:nowrap;border:1px solid;border-radius:4px;"
    "padding:1px 8px;font-weight:600;font-size:14px}\n"
    ".todo .tag{color:#b42318;background:#fef1f0}.wait .tag{color:#7a5200;background:#fff8e5}\n"
    ".done .tag{color:#116329;background:#edf9f0}.grey .tag{color:#5a6775;background:#f3f5f7}\n"
    ".number,.id{white-space:nowrap;color:var(--soft);font-size:13.5px;font-variant-numeric:tabular-nums}\n"
    ".none{background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:12px 16px;margin:0}\n"
    ".why{color:var(--soft);font-size:13.5px}\n"
    ".alert{background:#fff8e5;border:1px solid #d9b44a;border-left:6px solid #9a6700;border-radius:6px;"
    "padding:10px 16px;margin:0 0 14px}\n"
    ".more,footer{color:var(--soft);font-size:14px}\nfooter{margin-top:36px}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;margin:6px 0}dt{font-weight:600}dd{margin:0}\n"
    "@media print{body{background:#fff;font-size:10.5pt}main{max-width:none;padding:0}.card,.scroll,.none,.alert{break-inside:"
    "avoid}.scroll{overflow:visible;border-radius:0;break-inside:auto}table{min-width:0}tr{break-inside:avoid}"
    "thead{display:table-header-group}h2{break-after:avoid}}\n"
    "</style>\n</head>\n<body>\n<main>\n";

/* Rows of one table, made while the ledger is read. */
struct rows {
    struct buffer html;
    size_t n, left_out;
};

struct page {
    struct ledger *ledger;
    const struct rules *rules;
    const struct office_id *office;
    const struct page_facts *facts;
    struct rows todo, notes, out, in;
    size_t waiting, arrived, looked_at;
    bool failed;
};

static const char *tone_class(enum status_tone tone)
{
    return tone == TONE_TODO ? "todo" : tone == TONE_WAIT ? "wait" : tone == TONE_DONE ? "done" : "grey";
}

static void escaped(struct buffer *b, const char *text)
{
    for (const char *p = text; *p; p++)
        switch (*p) {
        case '&':
            buffer_text(b, "&amp;");
            break;
        case '<':
            buffer_text(b, "&lt;");
            break;
        case '>':
            buffer_text(b, "&gt;");
            break;
        case '"':
            buffer_text(b, "&quot;");
            break;
        case '\'':
            buffer_text(b, "&#39;");
            break;
        default:
            buffer_append(b, p, 1);
        }
}

static void cell_time(struct buffer *b, int64_t utc_ms)
{
    char time[20];
    page_time(utc_ms, time);
    buffer_printf(b, "<td class=\"time\">%s</td>", time[0] ? time : "－");
}

static void cell_partner(struct page *p, struct buffer *b, const struct ledger_status *s)
{
    char name[256], identity[32];
    page_partner(p->ledger, p->office, s, name, identity);
    buffer_text(b, "<td>");
    if (name[0]) {
        escaped(b, name);
        buffer_text(b, "<br>");
    }
    buffer_text(b, "<span class=\"id\">");
    escaped(b, identity[0] ? identity : "－");
    buffer_text(b, "</span></td>");
}

static void cell_contents(struct page *p, struct buffer *b, const struct ledger_status *s)
{
    autobuffer text = {.limit = 1 << 20};
    p->failed |= page_contents(rules_standard(p->rules), s, &text) != 0;
    buffer_text(b, "<td>");
    escaped(b, text.data ? (const char *)text.data : "");
    if (s->sequence[0]) {
        buffer_text(b, "<br><span class=\"number\">連番 ");
        escaped(b, s->sequence);
        buffer_text(b, "</span>");
    }
    buffer_text(b, "</td>");
}

/* Where `words` say why it is so already there is no reason behind them. */
static void cell_what(struct page *p, struct buffer *b, const struct status_words *words,
                      const struct ledger_status *s)
{
    buffer_text(b, "<td class=\"what\">");
    escaped(b, words->what);
    char reason[PAGE_REASON_SIZE] = "";
    if (words->tone == TONE_TODO && (strcmp(s->state, "rejected") == 0 || strcmp(s->state, "refused") == 0))
        page_reason(rules_standard(p->rules), s, reason);
    if (reason[0]) {
        buffer_text(b, "<br><span class=\"why\">［");
        escaped(b, reason);
        buffer_text(b, "］</span>");
    }
    buffer_text(b, "</td>");
}

static struct buffer *row_begin(struct rows *rows, size_t max, const struct status_words *words)
{
    if (rows->n >= max) {
        rows->left_out++;
        return NULL;
    }
    rows->n++;
    buffer_printf(&rows->html, "<tr class=\"%s\"><td><span class=\"tag\">", tone_class(words->tone));
    escaped(&rows->html, words->label);
    buffer_text(&rows->html, "</span></td>");
    return &rows->html;
}

static void row_todo(struct page *p, const struct ledger_status *s, const struct status_words *words)
{
    struct buffer *b = row_begin(&p->todo, TODO_MAX, words);
    if (!b)
        return;
    buffer_printf(b, "<td class=\"time\">%s</td>", s->outgoing ? "送信" : "受信");
    cell_partner(p, b, s);
    cell_contents(p, b, s);
    cell_time(b, s->outgoing ? s->saved : s->received);
    cell_what(p, b, words, s);
    buffer_text(b, "</tr>\n");
}

/* What was sent, or will be, and should be looked at again. */
static void row_notes(struct page *p, const struct ledger_status *s, const struct status_words *words)
{
    struct buffer *b = row_begin(&p->notes, NOTES_MAX, words);
    if (!b)
        return;
    cell_partner(p, b, s);
    cell_contents(p, b, s);
    cell_time(b, s->saved);
    buffer_text(b, "<td class=\"what\">");
    size_t shown = 0;
    char remedy[STATUS_REASON_SIZE], before[STATUS_REASON_SIZE] = "";
    for (size_t i = 0; i < s->n_problems && shown < NOTES_SHOWN; i++) {
        char text[PAGE_REASON_SIZE];
        if (s->problems[i].error)
            continue;
        page_problem(rules_standard(p->rules), s, &s->problems[i], text, sizeof text);
        buffer_text(b, shown++ ? "<br>・" : "・");
        escaped(b, text);
        buffer_printf(b, " <span class=\"why\">［%s］</span>", s->problems[i].code);
        page_remedy(rules_standard(p->rules), s, &s->problems[i], remedy);
        if (strcmp(remedy, before) == 0) /* a run of the same is told once what to do */
            continue;
        memcpy(before, remedy, sizeof before);
        buffer_text(b, "<br>→ ");
        escaped(b, remedy);
    }
    if (s->warnings > shown)
        buffer_printf(b, "<br><span class=\"why\">ほか %llu 件</span>",
                      (unsigned long long)(s->warnings - shown));
    buffer_text(b, "</td></tr>\n");
}

static void row_out(struct page *p, const struct ledger_status *s, const struct status_words *words)
{
    struct buffer *b = row_begin(&p->out, ROWS_MAX, words);
    if (!b)
        return;
    cell_partner(p, b, s);
    cell_contents(p, b, s);
    cell_time(b, s->saved);
    cell_time(b, s->sent);
    cell_time(b, s->received);
    cell_time(b, s->taken);
    buffer_text(b, "</tr>\n");
}

static void row_in(struct page *p, const struct ledger_status *s, const struct status_words *words)
{
    struct buffer *b = row_begin(&p->in, ROWS_MAX, words);
    if (!b)
        return;
    cell_partner(p, b, s);
    cell_contents(p, b, s);
    cell_time(b, s->received);
    cell_time(b, s->taken);
    cell_what(p, b, words, s);
    buffer_text(b, "</tr>\n");
}

static bool take(void *context, const struct ledger_status *s)
{
    struct page *p = context;
    struct status_words words = status_words(s->outgoing, s->state, s->reason);
    p->looked_at++;
    if (words.tone == TONE_TODO)
        row_todo(p, s, &words);
    else if (words.tone == TONE_WAIT && s->outgoing)
        p->waiting += strcmp(s->state, "sent") != 0;
    else if (words.tone == TONE_WAIT)
        p->arrived++;
    if (s->warnings && strcmp(s->state, "rejected") != 0 && strcmp(s->state, "refused") != 0 &&
        strcmp(s->state, "withdrawn") != 0)
        row_notes(p, s, &words);
    if (s->outgoing)
        row_out(p, s, &words);
    else
        row_in(p, s, &words);
    return !p->todo.html.failed && !p->notes.html.failed && !p->out.html.failed && !p->in.html.failed &&
           !p->failed;
}

static void card(struct buffer *b, const char *class, size_t n, const char *words)
{
    buffer_printf(b, "<div class=\"card %s\"><b>%zu</b>%s</div>\n", class, n, words);
}

static void table(struct buffer *b, const char *title, const struct rows *rows, const char *const *columns,
                  const char *none)
{
    buffer_printf(b, "<h2>%s</h2>\n", title);
    if (rows->n == 0) {
        buffer_printf(b, "<p class=\"none\">%s</p>\n", none);
        return;
    }
    buffer_text(b, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (size_t i = 0; columns[i]; i++)
        buffer_printf(b, "<th scope=\"col\">%s</th>", columns[i]);
    buffer_text(b, "</tr></thead>\n<tbody>\n");
    buffer_append(b, rows->html.data, rows->html.length);
    buffer_text(b, "</tbody></table></div>\n");
    if (rows->left_out)
        buffer_printf(b,
                      "<p class=\"more\">ほかに %zu 件あります。すべては「送受信一覧.csv」にあります。</p>\n",
                      rows->left_out);
}

static void write_alerts(struct buffer *b, const struct page *p)
{
    if (p->facts->hub_away) {
        char since[20];
        page_time(p->facts->since, since);
        buffer_text(b, "<p class=\"alert\"><b>センターに接続できません");
        if (since[0])
            buffer_printf(b, "（%s から）", since);
        buffer_text(
            b, "</b>。つながり次第、自動で送受信します。長く続くときは、管理者に連絡してください。</p>\n");
    }
    if (p->facts->unsendable)
        buffer_printf(
            b,
            "<p class=\"alert\"><b>送られないファイルがあります：%llu 件</b>。ファイル名や置き場所が違うため、"
            "下の表には出ません。outbox で、ファイルの横の「.エラー.txt」を見てください。</p>\n",
            (unsigned long long)p->facts->unsendable);
}

static void write_head(struct buffer *b, const struct page *p)
{
    char now[20];
    clock_format_japan(clock_utc_ms(), now);
    now[16] = '\0';
    buffer_text(b, head);
    buffer_text(b, "<h1>送受信状況</h1>\n<p class=\"lead\">事業所 ");
    escaped(b, p->office->text);
    buffer_printf(b, "　／　%s 現在　（最新の状況を見るには、F5 キーで開き直してください）</p>\n", now);
    write_alerts(b, p);
    buffer_text(b, "<div class=\"cards\">\n");
    size_t todo = p->todo.n + p->todo.left_out + (size_t)p->facts->unsendable;
    card(b, todo ? "todo" : "done", todo, "対応が必要なもの");
    card(b, "wait", p->waiting, "送信を待っているもの");
    card(b, "in", p->arrived, "届いていて、未取込のもの");
    if (p->notes.n)
        card(b, "wait", p->notes.n + p->notes.left_out, "念のため確かめるもの");
    buffer_text(b, "</div>\n");
}

static void write_foot(struct buffer *b, const struct page *p)
{
    buffer_text(
        b,
        "<footer>\n<h2>状態の意味（送信）</h2>\n<dl>"
        "<dt>送信準備中・送信待ち</dt><dd>自動で送られます。待つだけで構いません。</dd>"
        "<dt>送信済</dt><dd>センターに届きました。相手はまだ受け取っていません。</dd>"
        "<dt>受領済</dt><dd>相手の事業所のフォルダーに届きました。</dd>"
        "<dt>取込済</dt><dd>相手の事業所が取り込みました。</dd>"
        "<dt>差戻し・確認待ち・ファイル不足</dt><dd>送られていません。「対応が必要なもの」を見てください。</dd>"
        "<dt>送り先が未定</dt><dd>送り先のサービスを選べません。送りたい事業所のフォルダーに保存し直してください。</dd>"
        "<dt>相手が未参加</dt><dd>送られていません。従来の方法で送ってください。</dd>"
        "<dt>受取不可</dt><dd>相手の事業所が受け取れませんでした。理由は「対応が必要なもの」にあります。</dd>"
        "<dt>取消</dt><dd>送る前に消されました。</dd>"
        "<dt>念のため確かめるもの</dt><dd>誤りかもしれないところです。誤りのときは、直したファイルを保存し直してください。"
        "正しいときは、何もしなくて構いません。</dd>"
        "</dl>\n<h2>状態の意味（受信）</h2>\n<dl>"
        "<dt>未取込</dt><dd>inbox に届いています。介護ソフトに取り込んでください。</dd>"
        "<dt>取込済</dt><dd>取り込みました。</dd>"
        "<dt>差替済</dt><dd>新しいものが届いたので、取り込まなくて構いません。</dd>"
        "<dt>受取不可</dt><dd>確かめられなかったため、受け取っていません。相手の事業所に再送を頼んでください。</dd>"
        "</dl>\n");
    if (p->looked_at >= LOOKED_AT)
        buffer_printf(
            b, "<p>新しいものから %d 件を見ています。それより古いものは「送受信一覧.csv」にあります。</p>\n",
            LOOKED_AT);
    buffer_text(
        b,
        "<p>文書は、名前に個人名が含まれることがあるため、種類と大きさだけを表示しています。時刻は日本時間です。</p>\n"
        "</footer>\n</main>\n</body>\n</html>\n");
}

int page_status_html(struct ledger *l, const struct rules *rules, const struct office_id *office,
                     const struct page_facts *facts, struct buffer *out)
{
    static const char *const todo[] = {"状態", "方向", "相手の事業所", "内容", "日時", "すること", NULL};
    static const char *const notes[] = {"状態", "送り先", "内容", "保存", "確かめるところ", NULL};
    static const char *const sent[] = {"状態", "送り先", "内容", "保存", "送信", "受領", "取込", NULL};
    static const char *const received[] = {"状態", "送り元", "内容", "受信", "取込", "説明", NULL};
    struct page p = {.ledger = l, .rules = rules, .office = office, .facts = facts};
    int r = ledger_status_list(l, 0, LOOKED_AT, take, &p);
    if (r >= 0) {
        write_head(out, &p);
        table(out, "対応が必要なもの", &p.todo, todo,
              facts->unsendable ? "上の「送られないファイル」のほかには、ありません。"
                                : "ありません。すべて自動で進んでいます。");
        if (p.notes.n)
            table(out, "念のため確かめるもの（送信は、このまま進みます）", &p.notes, notes, "");
        table(out, "送ったもの・送るもの", &p.out, sent,
              "まだありません。送るファイルを outbox に保存してください。");
        table(out, "届いたもの", &p.in, received, "まだありません。");
        write_foot(out, &p);
    }
    bool failed = p.failed || p.todo.html.failed || p.notes.html.failed || p.out.html.failed ||
                  p.in.html.failed || out->failed;
    buffer_free(&p.todo.html);
    buffer_free(&p.notes.html);
    buffer_free(&p.out.html);
    buffer_free(&p.in.html);
    return r < 0 ? r : failed ? -ENOMEM : 0;
}
