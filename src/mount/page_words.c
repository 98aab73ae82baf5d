#include "mount/page_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "careplan/standard.h"

/* The first that fits; reason NULL fits all. */
static const struct {
    bool outgoing;
    const char *state, *reason;
    struct page_words words;
} words[] = {
    {true, "rejected", NULL,
     {"差戻し", TONE_TODO,
      "ファイルに誤りがあるため、送っていません。ファイルの横の「.エラー.txt」を開き、直したファイルを同じ名前で"
      "保存し直してください。"}},
    {true, "held", NULL,
     {"確認待ち", TONE_TODO,
      "保存の途中で接続が切れた可能性があるため、止めています。もう一度保存してください。このままで良ければ、"
      "ファイルの横の「.確認.txt」を消すと送られます。"}},
    {true, "waiting", "settling", {"送信準備中", TONE_WAIT, "保存が終わるのを確かめています。まもなく送ります。"}},
    {true, "waiting", "partner-unknown",
     {"相手が未参加", TONE_TODO,
      "この事業所は未参加です。従来の方法で送ってください。参加すると、待っているファイルは自動で送られます。"}},
    {true, "waiting", "partner-ambiguous",
     {"送り先が未定", TONE_TODO,
      "送り先の事業所番号に、受け取れるサービスが複数あります。送りたい事業所のフォルダーに保存し直してください。"}},
    {true, "waiting", "partner-wait-over",
     {"相手が未参加", TONE_TODO,
      "待つ期間が過ぎました。自動では送られません。従来の方法で送り、ファイルを消してください。"}},
    {true, "waiting", "unit-incomplete",
     {"ファイル不足", TONE_TODO,
      "一緒に送るファイルが揃っていません。フォルダーの「連番.未完成.txt」に、足りないものが書いてあります。揃うと"
      "自動で送られます。"}},
    {true, "waiting", NULL, {"送信待ち", TONE_WAIT, "送る準備が整うのを待っています。"}},
    {true, "queued", "key-unconfirmed",
     {"送信待ち", TONE_TODO,
      "相手の事業所の証明書が新しくなりました。管理者による確認が済むと送られます。"}},
    {true, "queued", "no-licence", {"送信待ち", TONE_TODO, "相手の事業所は今、受け取れません。運営の窓口に連絡してください。"}},
    {true, "queued", "hub-offline", {"送信待ち", TONE_WAIT, "センターにつながりません。つながり次第、自動で送ります。"}},
    {true, "queued", "sub-missing", {"送信待ち", TONE_WAIT, "別表がないまま、まもなく送ります。"}},
    {true, "queued", NULL, {"送信待ち", TONE_WAIT, "まもなく送ります。"}},
    {true, "sent", NULL, {"送信済", TONE_WAIT, "センターに届きました。相手の事業所が受け取るのを待っています。"}},
    {true, "received", NULL, {"受領済", TONE_DONE, "相手の事業所に届きました。"}},
    {true, "taken", NULL, {"取込済", TONE_DONE, "相手の事業所が取り込みました。"}},
    {true, "refused", NULL,
     {"受取不可", TONE_TODO, "届きませんでした。相手の事業所か運営の窓口に連絡し、もう一度保存してください。"}},
    {true, "withdrawn", NULL, {"取消", TONE_GREY, "送る前に消されました。"}},
    {false, "arrived", NULL, {"未取込", TONE_WAIT, "inbox に届いています。介護ソフトに取り込んでください。"}},
    {false, "taken", NULL, {"取込済", TONE_DONE, ""}},
    {false, "refused", NULL,
     {"受取不可", TONE_TODO, "届いたものを確かめられなかったため、受け取っていません。相手の事業所に再送を頼んでください。"}},
    {false, "superseded", NULL, {"差替済", TONE_GREY, "新しいものが届いたので、取り込まなくて構いません。"}},
};

struct page_words page_words_of(const struct ledger_status *s)
{
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (words[i].outgoing == s->outgoing && strcmp(words[i].state, s->state) == 0 &&
            (!words[i].reason || strcmp(words[i].reason, s->reason) == 0))
            return words[i].words;
    return (struct page_words){s->state, TONE_GREY, ""};
}

void page_partner(struct ledger *l, const struct ledger_status *s, char name[256], char identity[32])
{
    with_cleanup(ledger_partner_free) struct ledger_partner p = {0};
    name[0] = '\0';
    snprintf(identity, 32, "%s", s->partner.text[0] ? s->partner.text : s->partner_text);
    if (s->partner.text[0] && ledger_partner(l, &s->partner, &p) == 0)
        snprintf(name, 256, "%s", p.name);
}

static void words_of_size(uint64_t bytes, char out[32])
{
    if (bytes < 1000)
        snprintf(out, 32, "%llu B", (unsigned long long)bytes);
    else if (bytes < 1000000)
        snprintf(out, 32, "%llu KB", (unsigned long long)(bytes + 500) / 1000);
    else
        snprintf(out, 32, "%.1f MB", (double)bytes / 1e6);
}

static const char *title_of(const struct ledger_unit_file *f)
{
    const struct standard_kind *kind = NULL;
    if (f->version[0])
        kind = standard_kind_find(f->version, f->kind);
    if (!kind) /* what arrives says the kind only */
        kind = standard_kind_find("202407", f->kind);
    if (!kind)
        kind = standard_kind_find("202208", f->kind);
    return kind ? standard_kind_title(kind, STANDARD_JA) : NULL;
}

/* "文書（PDF、1.2 MB）": a document's name would name a person. */
static int document_words(const struct ledger_unit_file *f, struct buffer *out)
{
    char size[32], type[8] = "";
    const char *dot = strrchr(f->name, '.');
    words_of_size(f->size, size);
    if (dot && document_known(dot + 1) && strlen(dot + 1) < sizeof type)
        for (size_t i = 0; dot[i + 1]; i++)
            type[i] = (char)(dot[i + 1] & ~0x20); /* letters only */
    return buffer_printf(out, "文書（%s%s%s）", type, type[0] ? "、" : "", size);
}

/* Files of one kind are told once, at the first of them. */
static size_t count_of_kind(const struct ledger_status *s, size_t i, bool *first)
{
    size_t n = 0;
    *first = true;
    for (size_t k = 0; k < s->n_files; k++)
        if (!s->files[k].document && strcmp(s->files[k].kind, s->files[i].kind) == 0) {
            *first &= k >= i;
            n++;
        }
    return n;
}

int page_contents(const struct ledger_status *s, struct buffer *out)
{
    const char *separator = "";
    for (size_t i = 0; i < s->n_files; i++) {
        const struct ledger_unit_file *f = &s->files[i];
        const char *title = f->document ? NULL : title_of(f);
        bool first = true;
        size_t n = title ? count_of_kind(s, i, &first) : 1;
        if (!first)
            continue;
        buffer_text(out, separator);
        separator = "、";
        if (!title)
            document_words(f, out);
        else
            buffer_text(out, title);
        if (n > 1)
            buffer_printf(out, " ×%zu", n);
    }
    return out->failed ? -ENOMEM : 0;
}

int page_names(const struct ledger_status *s, const char *separator, struct buffer *out)
{
    bool first = true;
    for (size_t i = 0; i < s->n_files; i++) {
        if (s->files[i].document || !title_of(&s->files[i]))
            continue;
        buffer_text(out, first ? "" : separator);
        buffer_text(out, s->files[i].name);
        first = false;
    }
    return out->failed ? -ENOMEM : 0;
}

void page_time(int64_t utc_ms, char out[20])
{
    out[0] = '\0';
    if (utc_ms <= 0)
        return;
    clock_format_japan(utc_ms, out);
    out[16] = '\0'; /* without seconds */
}
