/* What judging found, as rows keep it: a line a problem, "e|w CODE LINE COLUMN", behind one of a unit the
 * file's name. Nothing of the content stands there. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/exchange.h"

char *problems_copy(struct change *c, const struct ledger_problem *problems, size_t n)
{
    autobuffer text = {0};
    for (size_t i = 0; i < n && i < LEDGER_PROBLEMS_MAX; i++) {
        const struct ledger_problem *p = &problems[i];
        buffer_printf(&text, "%c %.7s %" PRIu64 " %u%s%s\n", p->error ? 'e' : 'w', p->code, p->line,
                      p->column, p->file ? " " : "", p->file ? p->file : "");
    }
    c->failed |= text.failed;
    return change_text(c, text.data ? (const char *)text.data : "");
}

int message_set_problems(struct ledger *l, uint64_t message, const char *problems, uint64_t warnings)
{
    return sql_run(
        &l->writer,
        "UPDATE message SET problems=?1, warnings=?2 WHERE id=?3 AND (problems<>?1 OR warnings<>?2)", "tii",
        problems, warnings, message);
}

/* ---- Reading ---- */

static const char *name_in(const struct ledger_unit_file *files, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(files[i].name, name) == 0)
            return files[i].name;
    return NULL;
}

static bool line_read(const char *line, size_t length, struct ledger_problem *out, char name[256])
{
    char copy[320], severity;
    name[0] = '\0';
    if (length >= sizeof copy)
        return false;
    memcpy(copy, line, length);
    copy[length] = '\0';
    if (sscanf(copy, "%c %7s %" SCNu64 " %u %255s", &severity, out->code, &out->line, &out->column, name) < 4)
        return false;
    out->error = severity == 'e';
    return true;
}

static int problem_add(struct ledger_status *s, const struct ledger_problem *p)
{
    if ((s->n_problems & (s->n_problems - 1)) == 0) { /* room for the next power of two */
        size_t room = s->n_problems ? 2 * s->n_problems : 1;
        struct ledger_problem *grown = reallocarray(s->problems, room, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        s->problems = grown;
    }
    s->problems[s->n_problems++] = *p;
    return 0;
}

/* `file`: whose row it is; NULL: the message's, where each line may name one. */
static int text_read(const char *text, const char *file, const struct ledger_unit_file *files, size_t n_files,
                     struct ledger_status *out)
{
    int r = 0;
    for (size_t length; r == 0 && out->n_problems < LEDGER_STATUS_PROBLEMS_MAX; text += length + 1) {
        char name[256];
        struct ledger_problem p = {0};
        length = strcspn(text, "\n");
        if (!text[length])
            break;
        if (!line_read(text, length, &p, name))
            continue;
        p.file = file ? file : name_in(files, n_files, name);
        r = problem_add(out, &p);
    }
    return r;
}

int problems_of(struct connection *c, uint64_t message, const struct ledger_unit_file *files, size_t n_files,
                struct ledger_status *out)
{
    autoquery s =
        sql_query(c,
                  "SELECT '', problems, warnings FROM message WHERE id=?1 AND problems<>''"
                  " UNION ALL SELECT name, problems, warnings FROM file WHERE message=?1 AND problems<>''",
                  "i", message);
    int r;
    while ((r = sql_row(s)) > 0) {
        const char *name = (const char *)sqlite3_column_text(s, 0),
                   *text = (const char *)sqlite3_column_text(s, 1);
        const char *file = name && *name ? name_in(files, n_files, name) : NULL;
        if (!name || !text)
            return -ENOMEM;
        if (*name && !file) /* it has come since the files were read */
            continue;
        out->warnings += sql_u64(s, 2);
        r = text_read(text, file, files, n_files, out);
        if (r)
            return r;
    }
    return r;
}
