#include "standard/status_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "standard/problem.h"

/* The first that fits; reason NULL fits all. */
static const struct {
    bool outgoing;
    const char *state, *reason;
    struct status_words words;
} states[] = {
    {true,
     "rejected",
     "CP3003",
     {"差戻し", TONE_TODO,
      "ファイル名の送信元が自分の事業所ではないため、送っていません。ファイルの横の「.エラー.txt」を開き、ソフトの"
      "事業所番号の設定を確かめて、正しい名前で出力し直してください。元のファイルは消してください。"}},
    {true,
     "rejected",
     "CP3004",
     {"差戻し", TONE_TODO,
      "ファイル名の送信先と、保存したフォルダーの事業所が違うため、送っていません。送信先の事業所のフォルダーか "
      "outbox へ移してください。"}},
    {true,
     "rejected",
     "CP3007",
     {"差戻し", TONE_TODO,
      "送信先の事業所では受け取れないため、送っていません。ファイルの横の「.エラー.txt」を開き、送信先を確かめて、"
      "正しい名前で出力し直してください。元のファイルは消してください。"}},
    {true,
     "rejected",
     "CP1121",
     {"差戻し", TONE_TODO,
      "この送信元から送信先へは送れない種類のファイルです。ファイルの横の「.エラー.txt」を開き、送信元と送信先を"
      "確かめてください。"}},
    {true,
     "rejected",
     "CP1123",
     {"差戻し", TONE_TODO,
      "連携の対象外のサービス種類のため、送っていません。ファイルの横の「.エラー.txt」を開いてください。従来の方法で"
      "送ったら、ファイルを消してください。"}},
    {true,
     "rejected",
     "CP1124",
     {"差戻し", TONE_TODO,
      "送信先が連携の対象外のサービス種類のため、送っていません。ファイルの横の「.エラー.txt」を開いてください。従来の"
      "方法で送ったら、ファイルを消してください。"}},
    {true,
     "rejected",
     "CP1105",
     {"差戻し", TONE_TODO,
      "ファイル名の形が違うため、送っていません。ファイルの横の「.エラー.txt」に書かれた名前にしてください。"}},
    {true,
     "rejected",
     NULL,
     {"差戻し", TONE_TODO,
      "ファイルに誤りがあるため、送っていません。ファイルの横の「.エラー.txt」を開き、直して、もう一度出力して"
      "ください。名前の終わりの連番が変わったときは、古い連番のファイルを全部消してください。"}},
    {true,
     "held",
     NULL,
     {"確認待ち", TONE_TODO,
      "保存の途中で接続が切れた可能性があるため、止めています。もう一度保存してください。このままで良ければ、"
      "ファイルの横の「.確認.txt」を消すと送られます。"}},
    {true,
     "waiting",
     "settling",
     {"送信準備中", TONE_WAIT, "保存が終わるのを確かめています。まもなく送ります。"}},
    {true,
     "waiting",
     "partner-unknown",
     {"相手が未参加", TONE_TODO,
      "送信先の事業所は未参加です。従来の方法で送ってください。参加すると、待っているファイルは自動で送られます。従来の"
      "方法で送ったときは、outbox のファイルを消してください。"}},
    {true,
     "waiting",
     "partner-ambiguous",
     {"送り先が未定", TONE_TODO,
      "送り先の事業所番号に、受け取れるサービスが複数あります。送りたい事業所のフォルダーに保存し直してください。"}},
    {true,
     "waiting",
     "partner-wait-over",
     {"相手が未参加", TONE_TODO,
      "待つ期間が過ぎました。自動では送られません。従来の方法で送り、ファイルを消してください。"}},
    {true,
     "waiting",
     "unit-incomplete",
     {"ファイル不足", TONE_TODO,
      "一緒に送るファイルが揃っていません。フォルダーの「連番.未完成.txt」に、足りないものや直すところが書いて"
      "あります。揃うと自動で送られます。"}},
    {true, "waiting", NULL, {"送信待ち", TONE_WAIT, "送る準備が整うのを待っています。"}},
    {true,
     "queued",
     "key-unconfirmed",
     {"送信待ち", TONE_TODO,
      "送信先の事業所の証明書が新しくなりました。管理者による確認が済むと送られます。"}},
    {true,
     "queued",
     "partner-certificate",
     {"送信待ち", TONE_TODO,
      "送信先の事業所の証明書が使えないため、待っています。送信先の事業所か運営の窓口に連絡してください。"}},
    {true,
     "queued",
     "recipient-unknown",
     {"送信待ち", TONE_TODO,
      "送信先の事業所が、センターの名簿にありません。送信先の事業所か運営の窓口に連絡してください。名簿に戻ると、自動で"
      "送られます。"}},
    {true,
     "queued",
     "no-licence",
     {"送信待ち", TONE_TODO, "相手の事業所は今、受け取れません。運営の窓口に連絡してください。"}},
    {true,
     "queued",
     "hub-offline",
     {"送信待ち", TONE_WAIT, "センターにつながりません。つながり次第、自動で送ります。"}},
    {true,
     "queued",
     "sub-missing",
     {"送信待ち", TONE_WAIT,
      "別表がないまま、まもなく送ります。別表があるのに出力していないときは、全部を新しい連番で出力し直してください。"}},
    {true, "queued", NULL, {"送信待ち", TONE_WAIT, "まもなく送ります。"}},
    {true,
     "sent",
     NULL,
     {"送信済", TONE_WAIT, "センターに届きました。相手の事業所が受け取るのを待っています。"}},
    {true, "received", NULL, {"受領済", TONE_DONE, "相手の事業所に届きました。"}},
    {true, "taken", NULL, {"取込済", TONE_DONE, "相手の事業所が取り込みました。"}},
    {true,
     "refused",
     "cp*",
     {"受取不可", TONE_TODO,
      "相手の事業所のシステムの検査で誤りとされ、受け取られませんでした。こちらの検査では送れるものだったので、相手の"
      "設定か版が違う可能性があります。連番と理由を相手の事業所に伝えてください。直したファイルか、相手の設定が"
      "直ったら同じファイルを、もう一度保存すると送られます。保存したファイルは outbox に残っています（ないときは "
      "archive の sent にあります）。"}},
    {true,
     "refused",
     NULL,
     {"受取不可", TONE_TODO,
      "届きませんでした。相手の事業所か運営の窓口に連絡し、もう一度保存してください。保存したファイルは outbox に"
      "残っています（ないときは archive の sent にあります）。"}},
    {true, "withdrawn", NULL, {"取消", TONE_GREY, "送る前に消されました。"}},
    {false, "arrived", NULL, {"未取込", TONE_WAIT, "inbox に届いています。介護ソフトに取り込んでください。"}},
    {false, "taken", NULL, {"取込済", TONE_DONE, ""}},
    {false,
     "refused",
     "CP*",
     {"受取不可", TONE_TODO,
      "検査で誤りが見つかったため、受け取っていません（inbox には入っていません）。連番と理由を相手の事業所に"
      "伝え、直して送り直してもらってください。"}},
    {false,
     "refused",
     NULL,
     {"受取不可", TONE_TODO,
      "届いたものを確かめられなかったため、受け取っていません。相手の事業所に再送を頼んでください。"}},
    {false, "superseded", NULL, {"差替済", TONE_GREY, "新しいものが届いたので、取り込まなくて構いません。"}},
};

/* A reason that ends with "*" is a family. */
static bool reason_fits(const char *entry, const char *reason)
{
    size_t n = strlen(entry);
    return n && entry[n - 1] == '*' ? strncmp(entry, reason, n - 1) == 0 : strcmp(entry, reason) == 0;
}

struct status_words status_words(bool outgoing, const char *state, const char *reason)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (states[i].outgoing == outgoing && strcmp(states[i].state, state) == 0 &&
            (!states[i].reason || reason_fits(states[i].reason, reason)))
            return states[i].words;
    return (struct status_words){state, TONE_GREY, ""};
}

/* A code, or a family of codes ("certificate-"); the first that fits. */
static const struct {
    const char *code, *words[2]; /* by enum careplan_language */
} reasons[] = {
    {"settling", {"保存が終わるのを確かめています", "waits until saving is over"}},
    {"partner-unknown", {"送信先の事業所は未参加です", "the recipient has not joined"}},
    {"partner-ambiguous",
     {"送信先のサービスが決められません", "several services of the recipient may take it in"}},
    {"partner-wait-over",
     {"送信先の事業所の参加を待つ期間が過ぎました", "the recipient did not join in time"}},
    {"partner-certificate",
     {"送信先の事業所の証明書が使えません", "the recipient's certificate cannot be used"}},
    {"unit-incomplete", {"一緒に送るファイルが揃っていません", "files are missing"}},
    {"sub-missing", {"別表がありません", "its SUB files are missing"}},
    {"key-unconfirmed",
     {"送信先の新しい証明書の確認を待っています", "the recipient's new key waits to be confirmed"}},
    {"recipient-unknown",
     {"送信先の事業所がセンターの名簿にありません", "the recipient is not in the hub's directory"}},
    {"no-licence", {"送信先の事業所は今、受け取れません", "the recipient cannot take in now"}},
    {"hub-offline", {"センターにつながりません", "the hub is away"}},
    {"held", {"保存が最後まで終わっていない可能性があります", "not closed by the program that saved it"}},
    {"clock-ahead", {"時計が進んでいます", "a clock is ahead"}},
    {"statement-time", {"送信元の時計が合っていません", "the sender's clock is wrong"}},
    {"acceptance-time", {"時計が合っていません", "a clock is wrong"}},
    {"certificate-revoked", {"証明書が失効しています", "the certificate is revoked"}},
    {"certificate-time", {"証明書の有効期間の外です", "the certificate is not valid at that time"}},
    {"certificate-", {"証明書を確かめられません", "the certificate cannot be verified"}},
    {"unit-size", {"大きすぎます", "too large"}},
    {"message-too-large", {"大きすぎます", "too large"}},
    {"wrong-recipient", {"送信先が違います", "meant for another office"}},
    {"unreadable", {"開けないか、確かめられませんでした", "it could not be opened or verified"}},
    {"file-kind", {"受け取れない種類のファイルです", "of a kind that is not taken in"}},
    {"file-sequence", {"ファイル名の連番がそろっていません", "sequence numbers differ"}},
    {"file-offices",
     {"ファイル名の事業所番号が送信元か送信先と違います", "the file names are of other offices"}},
    {"file-flow",
     {"この事業所同士では送れない種類のファイルです", "this kind may not go between these offices"}},
    {"file-name", {"受け取れないファイル名です", "a file name is not allowed"}},
    {"file-twins", {"同じ名前のファイルが2つあります", "two files of the same name"}},
    {"file-", {"ファイルの中身が一致しません", "the files differ from what was signed"}},
    {"manifest-", {"送信の内容が壊れています", "the message is damaged"}},
    {"statement-", {"送信の署名が確かめられません", "the sender's statement cannot be verified"}},
    {"header-", {"送信の内容が壊れています", "the message is damaged"}},
    {"envelope-", {"送信の内容が壊れています", "the message is damaged"}},
    {"message-", {"送信の内容が壊れています", "the message is damaged"}},
    {"part-conflict", {"送信の内容が壊れています", "the message is damaged"}},
    {"id-conflict", {"同じ番号の送信がすでにあります", "there is a message of the same id"}},
    {"protocol-version", {"センターと版が合いません", "the hub is of another version"}},
};

static bool code_fits(const char *entry, const char *code)
{
    size_t n = strlen(entry);
    return n && entry[n - 1] == '-' ? strncmp(entry, code, n) == 0 : strcmp(entry, code) == 0;
}

/* A receipt's codes are in lower case. */
static const struct careplan_rule *rule_of(const char *reason)
{
    char code[8] = "";
    for (size_t i = 0; reason[i]; i++) {
        if (i == sizeof code - 1)
            return NULL;
        code[i] = (char)toupper((unsigned char)reason[i]);
    }
    return careplan_rule_find(code);
}

/* What stood there is not kept; the report beside the file says it. */
static void rule_fill(const struct careplan_rule *rule, enum careplan_language language, const char *item,
                      char *out, size_t size)
{
    static const char *const unknown[WORDS_MAX] = {"…", "…", "…", "…", "…", "…"};
    template_fill(out, size, language == CAREPLAN_JA ? rule->message_ja : rule->message_en, item, unknown,
                  WORDS_MAX);
}

/* Where to go on. What would not fit stays as it is. */
static char *replace(char *at, size_t n, const char *by, const char *buffer)
{
    size_t m = strlen(by), rest = strlen(at + n) + 1;
    if ((size_t)(at - buffer) + m + rest > STATUS_REASON_SIZE)
        return at + n;
    memmove(at + m, at + n, rest);
    memcpy(at, by, m);
    return at + m;
}

static bool is_particle(const char *at) /* hiragana before `at` */
{
    const unsigned char *c = (const unsigned char *)at - 3;
    return c[0] == 0xE3 && (c[1] == 0x81 || (c[1] == 0x82 && c[2] <= 0x9F));
}

/* 「対象年月「…」の日」 is read without it, 「中身が「…」の形式」 is not. */
static void cut_quoted(char *text, const char *buffer)
{
    static const char empty[] = "「…」";
    size_t n = strlen(empty);
    for (char *at = text; (at = strstr(at, empty));)
        if (at - buffer < 3 || !is_particle(at))
            at = replace(at, n, "", buffer);
        else if (strncmp(at + n, "の", strlen("の")) == 0)
            at = replace(at, n, "所定", buffer);
        else
            at += n;
}

/* Nor is the item known here: a sentence that can be read without what would stand in its places. */
static void rule_words(const struct careplan_rule *rule, enum careplan_language language,
                       char out[STATUS_REASON_SIZE])
{
    static const struct {
        const char *empty, *by;
    } neutral[][4] = {
        [CAREPLAN_JA] = {{"「項目」の「…」", "ある項目の値"},
                         {"「項目」", "ある項目"},
                         {"（…）", ""},
                         {"（…～…）", ""}},
        [CAREPLAN_EN] = {{"\"…\" of an item", "the value of an item"}, {" (…)", ""}},
    };
    bool japanese = language == CAREPLAN_JA;
    size_t n = (size_t)snprintf(out, STATUS_REASON_SIZE, japanese ? "%s：" : "%s: ", rule->code);
    rule_fill(rule, language, japanese ? "項目" : "an item", out + n, STATUS_REASON_SIZE - n);
    for (size_t i = 0; i < sizeof neutral[0] / sizeof *neutral[0] && neutral[language][i].empty; i++)
        for (char *at = out + n; (at = strstr(at, neutral[language][i].empty));)
            at = replace(at, strlen(neutral[language][i].empty), neutral[language][i].by, out);
    if (japanese)
        cut_quoted(out + n, out);
}

/* As problem_put names it. */
static void item_words(const struct careplan_kind *kind, uint64_t line, unsigned column,
                       enum careplan_language language, char out[256])
{
    bool japanese = language == CAREPLAN_JA;
    const char *ja = kind && column ? careplan_kind_item_ja(kind, column - 1) : NULL;
    const char *en = kind && column ? careplan_kind_item_en(kind, column - 1) : NULL;
    if (ja && japanese)
        snprintf(out, 256, "%s", ja);
    else if (en && !japanese)
        snprintf(out, 256, "item %u %s", column, en);
    else if (column || !line)
        snprintf(out, 256, "%s", japanese ? "項目" : "an item");
    else
        snprintf(out, 256, "%s", japanese ? "この行" : "the record");
}

void status_problem_words(const struct careplan_kind *kind, const char *code, uint64_t line, unsigned column,
                          enum careplan_language language, char out[STATUS_REASON_SIZE])
{
    char item[256];
    const struct careplan_rule *rule = careplan_rule_find(code);
    item_words(kind, line, column, language, item);
    if (rule)
        rule_fill(rule, language, item, out, STATUS_REASON_SIZE);
    else
        snprintf(out, STATUS_REASON_SIZE, "%s", code);
}

void status_remedy_words(const struct careplan_kind *kind, const char *code, uint64_t line, unsigned column,
                         enum careplan_language language, char out[STATUS_REASON_SIZE])
{
    char item[256];
    const struct careplan_rule *rule = careplan_rule_find(code);
    item_words(kind, line, column, language, item);
    out[0] = '\0';
    if (rule)
        template_fill(out, STATUS_REASON_SIZE, language == CAREPLAN_JA ? rule->remedy_ja : rule->remedy_en,
                      item, NULL, 0);
}

void status_place_words(uint64_t line, unsigned column, enum careplan_language language,
                        char out[STATUS_PLACE_SIZE])
{
    bool japanese = language == CAREPLAN_JA;
    out[0] = '\0';
    if (line && column)
        snprintf(out, STATUS_PLACE_SIZE, japanese ? "%llu行目 %u列目" : "line %llu, column %u",
                 (unsigned long long)line, column);
    else if (line)
        snprintf(out, STATUS_PLACE_SIZE, japanese ? "%llu行目" : "line %llu", (unsigned long long)line);
    else if (column)
        snprintf(out, STATUS_PLACE_SIZE, japanese ? "%u列目" : "column %u", column);
}

void status_reason_words(const char *reason, enum careplan_language language, char out[STATUS_REASON_SIZE])
{
    const struct careplan_rule *rule = rule_of(reason);
    if (rule) {
        rule_words(rule, language, out);
        return;
    }
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (code_fits(reasons[i].code, reason)) {
            reason = reasons[i].words[language];
            break;
        }
    snprintf(out, STATUS_REASON_SIZE, "%s", reason);
}
