/* docs/rules.md: the catalogue as a page, in both languages. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/rules_output.h"

static const char head[] =
    "<!-- Made from src/standard/rules.tsv by `careplanctl rules --format=markdown`; how: docs/hacking.md. Change the "
    "table, not this page. -->\n"
    "# 規則の一覧 / Rules\n"
    "\n"
    "ファイルを保存したとき（`close()`）と `careplanctl check` が確かめる規則です。エラーの報告（「….エラー.txt」）の終わりにある"
    "コード（例：CP1042）で探せます。\n"
    "\n"
    "The rules that a file is judged by when it is saved (`close()`) and by `careplanctl check`. Look here for the code "
    "that a report ends with, such as CP1042.\n"
    "\n"
    "## 重さ / Severities\n"
    "\n"
    "| | |\n"
    "| --- | --- |\n"
    "| **エラー** error | 標準仕様に書かれた決まりに反しています。ファイルは送られません。直して、もう一度出力してください。<br>"
    "The standard states it. The file is not sent: correct it and export again. |\n"
    "| **警告** warning | 標準仕様にはっきりとは書かれていませんが、そう読めるものです。ファイルは送られます。<br>"
    "The standard does not say it, yet plainly means it. The file goes. |\n"
    "| **オフ** off | 確かめません（設定したときだけ）。<br>Not judged; only by configuration. |\n"
    "\n"
    "事業所の設定ファイルの `[rules]` で、規則ごとに重さを変えられます。「変えられません」とある規則は変えられません（それなしには"
    "ファイルを読めない、または送り先が決まらないため）。送信先の事業所も自分の設定で確かめるので、変えるときは両方で変えてください。\n"
    "\n"
    "`[rules]` of an office's configuration changes the severity of a rule, but for those marked \"fixed\": without them "
    "a file cannot be read, or its way is not known. The recipient judges by its own `[rules]`, so change both.\n"
    "\n"
    "```ini\n"
    "[rules]\n"
    "CP1042 = warning\n"
    "```\n"
    "\n"
    "`careplanctl rules --config FILE` は、いまの設定での重さを示します。/ shows the severities in force.\n"
    "\n"
    "文の中の ○○（ITEM）は項目の名前、X、Y、Z、U、V、W はファイルの値などです。/ In the texts, ○○ (ITEM) is the item's "
    "name, X, Y, Z, U, V, W are values of the file.\n";

static const struct {
    const char *prefix, *title;
} groups[] = {
    {"CP10", "文字コード・CSVの形・項目 / Encoding, form, items"},
    {"CP11", "レコード・CSVバージョン・年月・事業所 / Records, version, month, offices"},
    {"CP12", "ファイル名 / File names"},
    {"CP13", "送信の組み合わせ / Send units"},
    {"CP30", "この製品の決まり / This product's own rules"},
};

static void put_group(const char *code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(groups); i++)
        if (strncmp(code, groups[i].prefix, 4) == 0) {
            printf("\n## %s…: %s\n", groups[i].prefix, groups[i].title);
            return;
        }
    printf("\n## %.4s…\n", code);
}

/* As text, also where Markdown would read a mark. */
static void put_text(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (strchr("\\`*<>[]|", *p))
            putchar('\\');
        putchar(*p);
    }
}

/* What is wrong, and what to do. */
static void put_texts(const char *message, const char *remedy, bool japanese)
{
    char text[RULE_TEXT_SIZE];
    fputs("\n- ", stdout);
    rule_text(text, message, japanese);
    put_text(text);
    fputs("<br>→ ", stdout);
    rule_remedy_text(text, remedy, japanese);
    put_text(text);
}

static void put_rule(const struct careplan_rule *rule)
{
    printf("\n### %s\n\n**%s** %s · `%s`%s\n", rule->code, severity_word(rule->severity, true),
           severity_word(rule->severity, false), rule->rule, rule->fixed ? " · 変えられません / fixed" : "");
    put_texts(rule->message_ja, rule->remedy_ja, true);
    put_texts(rule->message_en, rule->remedy_en, false);
    fputs("\n- 出典 / source: ", stdout);
    put_text(rule->source);
    putchar('\n');
}

void rules_put_page(void)
{
    const struct careplan_rule *rules = careplan_rule_at(0);
    size_t n = careplan_rules();
    fputs(head, stdout);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strncmp(rules[i].code, rules[i - 1].code, 4))
            put_group(rules[i].code);
        put_rule(&rules[i]);
    }
}
