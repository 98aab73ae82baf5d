/* The report beside a file, for a clerk: one sentence that says what to do, each problem with its place and
 * its remedy, what becomes of the old files, and which files are good. */
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "standard/items.h"
#include "standard/report.h"
#include "standard/unit_private.h"

enum { REPORT_LIMIT = 16 * 1024 * 1024, SEQUENCE = 14 };

/* The part of the report that an entry stands in. */
enum part { PART_MISSING, PART_CORRECT, PART_NOTES };

static void put_line(struct buffer *b, const char *text)
{
    buffer_text(b, text);
    buffer_text(b, "\r\n");
}

/* ---- What it is about ---- */

static bool is_of_name(const struct entry *e)
{
    static const char *const codes[] = {RULE_UNKNOWN_NAME, RULE_SENDER_MISMATCH, RULE_FOLDER_MISMATCH,
                                        RULE_RECIPIENT_NONE};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(e->rule->code, codes[i]) == 0)
            return true;
    return strcmp(e->rule->rule, "file_name") == 0;
}

/* The unit lacks a file: what is there needs no correction. */
static bool is_of_missing(const struct entry *e)
{
    return strcmp(e->rule->rule, "unit") == 0;
}

static enum part part_of(const struct careplan_report *r, const struct entry *e)
{
    if (e->severity != CAREPLAN_ERROR)
        return PART_NOTES;
    return r->kind == CAREPLAN_REPORT_INCOMPLETE && is_of_missing(e) ? PART_MISSING : PART_CORRECT;
}

static size_t count(const struct careplan_report *r, enum part part)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_entries; i++)
        n += part_of(r, &r->entries[i]) == part;
    return n;
}

/* An error by the standard, in the name or in the content of what is there. */
static bool has_fault(const struct careplan_report *r, bool of_name)
{
    for (size_t i = 0; i < r->n_entries; i++) {
        const struct entry *e = &r->entries[i];
        bool standard = strncmp(e->rule->code, "CP1", 3) == 0 && !is_of_missing(e);
        if (e->severity == CAREPLAN_ERROR && standard && is_of_name(e) == of_name)
            return true;
    }
    return false;
}

static bool has_rule(const struct careplan_report *r, const char *code)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (strcmp(r->entries[i].rule->code, code) == 0)
            return true;
    return false;
}

/* Sender or recipient of its name take no part in this. */
static bool is_out_of_scope(const struct careplan_report *r)
{
    return has_rule(r, "CP1123") || has_rule(r, "CP1124");
}

/* Its name is one that must not be used again. */
static bool has_wrong_office(const struct careplan_report *r)
{
    return has_rule(r, RULE_SENDER_MISMATCH) || has_rule(r, RULE_RECIPIENT_NONE) || has_rule(r, "CP1121") ||
           is_out_of_scope(r);
}

/* ---- The first sentence ---- */

static const char *what_the_unit_needs(const struct careplan_report *r)
{
    bool missing = count(r, PART_MISSING), correct = count(r, PART_CORRECT);
    if (missing && correct)
        return "この連番のファイルはまだ送られていないので、下の「直すところ」を直して出力し直し、「足りないもの」も"
               "ここに保存してください。";
    if (missing)
        return "この連番のファイルはまだ送られていないので、下の「足りないもの」を出力して、ここに保存してください。";
    return correct
               ? "この連番のファイルはまだ送られていないので、下の「直すところ」を直して、もう一度出力してください。"
               : "この連番のファイルはまだ送られていないので、下のお知らせのとおりにしてください。";
}

static const char *what_the_file_needs(const struct careplan_report *r)
{
    if (count(r, PART_CORRECT) == 0)
        return "このファイルはまだ送られていないので、下のお知らせのとおりにしてください。";
    if (has_rule(r, RULE_REFUSED))
        return "このファイルは送りましたが受け取られなかったので、下のとおりにしてください。";
    if (is_out_of_scope(r))
        return "このファイルは送られていないので、下のとおりにしてください（連携では送れないサービスです）。";
    if (has_wrong_office(r))
        return "このファイルは送られていないので、送信元と送信先を確かめて、正しい名前で出力し直してください。";
    if (has_rule(r, RULE_FOLDER_MISMATCH))
        return "このファイルは送られていないので、正しい事業所のフォルダーへ移してください。";
    if (has_fault(r, false))
        return "このファイルは送られていないので、下の「直すところ」を直して、もう一度出力してください。";
    return has_fault(r, true) ? "このファイルは送られていないので、下のとおりに名前を直してください。"
                              : "このファイルは送られていないので、下のとおりにしてください。";
}

static const char *what_to_do(const struct careplan_report *r)
{
    switch (r->kind) {
    case CAREPLAN_REPORT_INCOMPLETE:
        return what_the_unit_needs(r);
    case CAREPLAN_REPORT_CONFIRM:
        return "このファイルは送るのを止めているので、中身を確認して、もう一度保存するか、このままで良ければこの"
               "お知らせを消してください。";
    case CAREPLAN_REPORT_ERROR:
        break;
    }
    return what_the_file_needs(r);
}

/* ---- Problems ---- */

/* The item is named here when the sentence does not, or when no row tells that one of them is meant. */
static void put_place(struct buffer *b, const struct entry *e)
{
    bool named = e->item_name && (!e->line || !strstr(e->message, e->item_name));
    const char *name = named ? e->item_name : "", *open = named ? "「" : "", *close = named ? "」" : "";
    if (e->file[0])
        buffer_printf(b, e->line ? "%s  " : "%s", e->file);
    else if (!e->line)
        buffer_text(b, is_of_name(e) ? "ファイル名" : "ファイル全体");
    if (e->line)
        buffer_printf(b, "%llu行目", (unsigned long long)e->line);
    if (e->column && e->line)
        buffer_printf(b, " %u列目%s%s%s", e->column, open, name, close);
    else if (e->column)
        buffer_printf(b, "（%u列目%s%s%s）", e->column, open, name, close);
    buffer_text(b, "：");
}

/* The number in its part of the first entry that has the same remedy. */
static size_t said_at(const struct careplan_report *r, size_t i, enum part part)
{
    size_t number = 0;
    for (size_t k = 0; k < i; k++) {
        if (part_of(r, &r->entries[k]) != part)
            continue;
        number++;
        if (strcmp(r->entries[k].remedy, r->entries[i].remedy) == 0)
            return number;
    }
    return 0;
}

static void put_entries(struct buffer *b, const struct careplan_report *r, enum part part,
                        const char *heading, const char *remark)
{
    size_t n = count(r, part), number = 0;
    if (n == 0)
        return;
    buffer_printf(b, "■ %s（%zu件%s）\r\n", heading, n, remark);
    for (size_t i = 0; i < r->n_entries; i++) {
        const struct entry *e = &r->entries[i];
        if (part_of(r, e) != part)
            continue;
        buffer_printf(b, "%zu) ", ++number);
        if (part != PART_MISSING || e->line) /* a file that lacks another is not at fault */
            put_place(b, e);
        buffer_printf(b, "%s\r\n", e->message);
        size_t said = said_at(r, i, part);
        if (said)
            buffer_printf(b, "   → %zu)と同じようにしてください。\r\n", said);
        else
            buffer_printf(b, "   → %s\r\n", e->remedy);
        buffer_printf(b, "   [%s]  根拠：%s\r\n", e->rule->code, e->rule->source);
    }
    buffer_text(b, "\r\n");
}

/* Whose row it is is not said here: names and numbers of users stay in the file. */
static void put_where(struct buffer *b, const struct careplan_report *r)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (r->entries[i].line || r->entries[i].column) {
            put_line(
                b,
                "※ 行と列は、CSVファイルの中の位置です。どの利用者の行かは、ファイルをメモ帳で開き、その行の"
                "3番目の項目（被保険者番号）を見てください。開くだけで、保存はしないでください。");
            buffer_text(b, "\r\n");
            return;
        }
}

/* ---- What becomes of the files ---- */

/* The sequence number in a transfer file's name; "" for other names. */
static void sequence_of(const char *name, char out[SEQUENCE + 1])
{
    size_t digits = 0, i = 0;
    out[0] = '\0';
    for (;; i++) {
        if (name[i] >= '0' && name[i] <= '9') {
            digits++;
            continue;
        }
        if (digits == SEQUENCE && (i == digits || name[i - digits - 1] == '_')) {
            memcpy(out, name + i - digits, digits);
            out[digits] = '\0';
        }
        digits = 0;
        if (!name[i])
            return;
    }
}

/* True: as far as is known, no other file goes with it. */
static bool goes_alone(const char *file_name)
{
    struct careplan_name name;
    if (careplan_name_parse(NULL, file_name, &name, NULL, NULL) != CAREPLAN_NAME_TRANSFER)
        return false;
    const struct unit_pattern *p = pattern_of(name.kind);
    return p && !p->needs[0] && !p->subs[0] && !p->images;
}

/* Software gives every export a new sequence number: the old files would wait for ever. */
static void put_new_sequence(struct buffer *b, const struct careplan_report *r)
{
    char sequence[SEQUENCE + 1];
    sequence_of(r->file_name, sequence);
    if (!sequence[0] || goes_alone(r->file_name))
        put_line(b, "・別の名前で出力したときは、上の「ファイル」に書かれたファイルを消してください。");
    else
        buffer_printf(
            b,
            "・出力し直して、名前の終わりの14桁（連番）が変わったときは、組のファイルを全部、新しい連番で"
            "保存してください。新しい組を保存したら、古い連番（%s）のファイルは、問題のないものも含めて全部"
            "消してください。\r\n",
            sequence);
}

static void put_last(struct buffer *b, const struct careplan_report *r)
{
    bool incomplete = r->kind == CAREPLAN_REPORT_INCOMPLETE, correct = has_fault(r, false);
    bool wrong_office = has_wrong_office(r), wrong_folder = has_rule(r, RULE_FOLDER_MISMATCH);
    if (!incomplete && !correct && !wrong_office && !wrong_folder && !has_fault(r, true))
        return;
    put_line(b, incomplete && !correct ? "■ 保存したあと" : "■ 直したあと");
    if (wrong_office) /* under the same name the corrected file would be rejected again */
        put_line(b,
                 "・正しい名前で出力するか、従来の方法で送ったら、上の「ファイル」に書かれたファイルを消して"
                 "ください。このお知らせも自動で消えます。");
    else if (wrong_folder)
        put_line(b, "・ファイルを移すと、このお知らせは自動で消えます。");
    else if (incomplete)
        put_line(b, "・同じ連番のファイルが揃うと、自動で送られ、このお知らせも自動で消えます。");
    else
        put_line(b, correct ? "・直したファイルを同じ名前で保存すると、このお知らせは自動で消えます。"
                            : "・名前を直すと、このお知らせは自動で消えます。");
    if (!wrong_office && !wrong_folder)
        put_new_sequence(b, r);
    buffer_text(b, "\r\n");
}

static bool is_to_correct(const struct careplan_report *r, const char *file)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (part_of(r, &r->entries[i]) == PART_CORRECT && strcmp(r->entries[i].file, file) == 0)
            return true;
    return false;
}

static void put_good_files(struct buffer *b, const struct careplan_report *r)
{
    bool first = true;
    for (size_t i = 0; i < r->n_good; i++) {
        if (is_to_correct(r, r->good[i]))
            continue;
        if (first)
            put_line(b, has_fault(r, false)
                            ? "■ 問題のないファイル（同じ連番で直すときは、このままにしてください）"
                            : "■ 問題のないファイル（同じ連番で揃えるときは、このままにしてください）");
        first = false;
        put_line(b, r->good[i]);
    }
}

char *careplan_report_text(const struct careplan_report *r, size_t *length)
{
    static const char *const names[] = {[CAREPLAN_REPORT_ERROR] = "ファイル",
                                        [CAREPLAN_REPORT_INCOMPLETE] = "連番",
                                        [CAREPLAN_REPORT_CONFIRM] = "ファイル"};
    bool errors = count(r, PART_CORRECT) || count(r, PART_MISSING);
    autobuffer b = {.limit = REPORT_LIMIT};
    if (r->failed)
        return NULL;
    buffer_text(&b, "\xEF\xBB\xBF");
    put_line(&b, what_to_do(r));
    buffer_printf(&b, "%s：%s\r\n\r\n", names[r->kind], r->file_name);
    put_entries(&b, r, PART_MISSING, "足りないもの", "");
    put_entries(&b, r, PART_CORRECT, "直すところ", "");
    put_entries(&b, r, PART_NOTES, errors ? "念のため確かめるところ" : "お知らせ",
                errors ? "。正しいときは、このままで構いません" : "");
    if (r->more)
        buffer_printf(&b, "このほかに%llu件あります。\r\n\r\n", (unsigned long long)r->more);
    put_where(&b, r);
    put_last(&b, r);
    put_good_files(&b, r);
    if (b.failed)
        return NULL;
    if (length)
        *length = b.length;
    char *text = (char *)b.data;
    b.data = NULL;
    return text;
}
