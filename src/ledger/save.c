/* A file saved: content, verdict, its unit and its report in one transaction. */
#include "ledger/save.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/content_store.h"
#include "ledger/message.h"
#include "ledger/tree.h"

enum { FILE_MODE = 0660 };

/* What the file shall hold. */
struct judged {
    uint64_t content, size; /* 0 = none */
    struct hash256 hash;
    bool stored; /* the change's own content is in the ledger */
    const char *problems;
};

/* ---- Node and entry ---- */

static int entry_new(struct ledger *l, const struct ledger_save *s, bool counted)
{
    const struct entry_new e = {.id = s->entry,
                                .parent = s->parent,
                                .node = s->node,
                                .counted = counted,
                                .name = s->name,
                                .folded = s->folded};
    return entry_insert(l, &e, NULL);
}

static int entry_ensure(struct ledger *l, const struct ledger_save *s)
{
    struct ledger_entry entry;
    int r = entry_find(&l->writer, s->entry, &entry);
    if (r == 0)
        return entry.node == s->node ? 0 : -ESTALE;
    return r == -ENOENT ? entry_new(l, s, false) : r;
}

static int node_begin(struct ledger *l, const struct ledger_save *s, struct ledger_node *node)
{
    const struct node_new n = {.id = s->node,
                               .kind = NODE_FILE,
                               .mode = s->mode ? s->mode : FILE_MODE,
                               .mtime_ns = s->mtime_ns,
                               .links = s->entry ? 1 : 0};
    *node = (struct ledger_node){.id = s->node, .kind = NODE_FILE, .links = n.links};
    int r = node_insert(l, &n, NULL);
    return r || !s->entry ? r : entry_new(l, s, true);
}

static int node_ensure(struct ledger *l, const struct ledger_save *s, struct ledger_node *node)
{
    int r = node_find(&l->writer, s->node, node);
    if (r == -ENOENT)
        return node_begin(l, s, node);
    return r || !s->entry ? r : entry_ensure(l, s);
}

static int draft_put(struct ledger *l, const struct ledger_save *s, const struct ledger_node *node)
{
    if (s->keep_content) /* the ledger has what is there */
        return 0;
    int r = content_store(l, s->content, 1);
    if (r == 0)
        r = content_unref(l, node->draft);
    /* Of a message's file the old verdict stays until the new content has one. */
    return r ? r
             : sql_run(&l->writer,
                       "UPDATE node SET draft=?, size=?, mtime=?, ctime=?,"
                       " verdict=CASE WHEN message=0 THEN 0 ELSE verdict END WHERE id=?",
                       "iiiii", content_id(s->content), content_size(s->content), s->mtime_ns, now_ns(),
                       s->node);
}

static int kept_agrees(const struct ledger_save *s, const struct hash256 *there)
{
    static const struct hash256 ANY;
    bool agrees = !s->keep_content || memcmp(&s->kept, &ANY, sizeof ANY) == 0 ||
                  memcmp(&s->kept, there, sizeof *there) == 0;
    return agrees ? 0 : -ESTALE;
}

static int judged_find(struct ledger *l, const struct ledger_save *s, const struct ledger_node *node,
                       struct judged *out)
{
    *out = (struct judged){0};
    if (s->content) {
        out->content = content_id(s->content);
        out->size = content_size(s->content);
        content_hash(s->content, &out->hash);
        return 0;
    }
    out->stored = true;
    if (s->keep_content)
        out->content = node->draft ? node->draft : node->content;
    if (!out->content) {
        out->hash = HASH_OF_NOTHING;
        return kept_agrees(s, &out->hash);
    }
    int r = content_known(l, out->content, &out->size, &out->hash);
    return r ? r : kept_agrees(s, &out->hash);
}

/* Takes `refs` references to it, storing it first when it is not in the ledger yet: with them at once, or it
 * would stand for a moment among those that nobody refers to, which is one more page to write. */
static int judged_take(struct ledger *l, const struct ledger_save *s, struct judged *j, int refs)
{
    int r = 0;
    if (j->stored)
        for (int i = 0; i < refs && r == 0; i++)
            r = content_ref(l, j->content);
    else
        r = content_store(l, s->content, refs);
    j->stored = true;
    return r;
}

/* The node takes `content` (judged, or the same bytes as a message holds them) with a reference that its
 * caller has taken. A held one is not judged: it stays a draft beside the last judged content, so that a
 * client that drops out in the middle loses neither. */
static int node_judge(struct ledger *l, const struct ledger_save *s, const struct ledger_node *node,
                      uint64_t content, uint64_t size, uint64_t message)
{
    bool held = s->verdict == VERDICT_HELD;
    int r = content_unref(l, node->draft);
    if (r == 0 && !held)
        r = content_unref(l, node->content);
    return r ? r
             : sql_run(&l->writer,
                       "UPDATE node SET content=?, draft=?, size=?, verdict=?, message=?, mtime=?, ctime=?"
                       " WHERE id=?",
                       "iiidiiii", held ? node->content : content, held ? content : 0, size, (int)s->verdict,
                       message, s->mtime_ns, now_ns(), s->node);
}

/* ---- Its unit ---- */

static struct unit_key key_of(const struct ledger_save *s)
{
    return (struct unit_key){
        .unit = s->recipient.text[0] ? s->recipient.text : s->recipient_text,
        .sequence = s->sequence,
        .document = s->sequence[0] ? 0 : s->node,
    };
}

struct known_file {
    uint64_t content;
    struct hash256 hash;
    enum file_verdict verdict;
    char reason[48];
};

static int known_file(struct ledger *l, uint64_t message, const char *name, struct known_file *out)
{
    autoquery s = sql_query(&l->writer,
                            "SELECT content, sha256, verdict, reason FROM file WHERE message=? AND name=?"
                            " AND (node<>0 OR content<>0)",
                            "it", message, name);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    out->content = sql_u64(s, 0);
    sql_bytes(s, 1, out->hash.bytes, sizeof out->hash.bytes);
    out->verdict = (enum file_verdict)sqlite3_column_int(s, 2);
    sql_text(s, 3, out->reason, sizeof out->reason);
    return 0;
}

static bool same_as(const struct known_file *f, const struct ledger_save *s, const struct judged *j)
{
    return f->verdict == s->verdict && memcmp(f->hash.bytes, j->hash.bytes, sizeof j->hash.bytes) == 0 &&
           strcmp(f->reason, s->reason) == 0;
}

/* Does the file stand in `message` just as it is saved now? 1 = yes; nothing new then but times, node, and
 * what [rules] has warned of meanwhile. */
static int nothing_new(struct ledger *l, const struct ledger_save *s, const struct ledger_node *node,
                       const struct judged *j, const struct message *m)
{
    struct known_file known;
    int r = known_file(l, m->id, s->canonical, &known);
    if (r || !same_as(&known, s, j))
        return r == -ENOENT ? 0 : r;
    r = sql_run(&l->writer, "UPDATE file SET node=?, problems=?, warnings=? WHERE message=? AND name=?",
                "itiit", s->node, j->problems, s->warnings, m->id, s->canonical);
    if (r == 0 && m->sent) /* it goes from the outbox again, as what it is: sent */
        r = sql_run(&l->writer, "UPDATE message SET linger=1 WHERE id=?", "i", m->id);
    if (r == 0)
        r = content_ref(l, known.content);
    if (r == 0)
        r = node_judge(l, s, node, known.content, j->size, m->id);
    return r ? r : 1;
}

static int message_begin(struct ledger *l, const struct ledger_save *s, const struct unit_key *key,
                         uint64_t *id)
{
    const struct message_new m = {
        .outgoing = true,
        .uid = s->new_message,
        .partner = s->recipient,
        .partner_text = s->recipient_text,
        .sequence = s->sequence,
        .document = key->document,
        .state = OUT_WAITING,
        .saved = clock_utc_ms(),
    };
    return message_insert(l, &m, id);
}

static int file_join(struct ledger *l, const struct ledger_save *s, const struct ledger_node *node,
                     struct judged *j, uint64_t message)
{
    const struct file_new f = {
        .name = s->canonical,
        .folded = s->folded,
        .kind = s->kind,
        .version = s->version,
        .reason = s->reason,
        .problems = j->problems,
        .warnings = s->warnings,
        .node = s->node,
        .content = j->content,
        .verdict = s->verdict,
        .document = !s->sequence[0],
        .counted = true,
    };
    int r = judged_take(l, s, j, 2);
    if (r == 0)
        r = file_put(l, message, &f);
    if (r == 0)
        r = node_judge(l, s, node, j->content, j->size, message);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE message SET saved=? WHERE id=?", "ii", clock_utc_ms(), message);
    return r ? r
             : message_audit(l, "saved", message, "%s%s%s", f.document ? "document" : s->canonical,
                             s->reason[0] ? " " : "", s->reason);
}

/* The file stands under another name, or in another unit, than it is saved for now: it leaves there. */
static int leave_others(struct ledger *l, const struct ledger_save *s, const struct unit_key *key,
                        uint64_t *left)
{
    int64_t elsewhere;
    int r = sql_number(
        &l->writer, &elsewhere,
        "SELECT 1 FROM file JOIN message ON message.id=file.message WHERE file.node=? AND file.node<>0"
        " AND carried=0 AND open=1 AND (unit<>? OR sequence<>? OR message.document<>? OR name<>?)"
        " LIMIT 1",
        "ittit", s->node, key->unit, key->sequence, key->document, s->canonical);
    *left = 0;
    return r == -ENOENT ? 0 : r ? r : unit_leave(l, s->node, left);
}

/* The partner has it, or it is on its way there. What was refused has to go again. */
static bool is_under_way(const struct message *m)
{
    return m->state >= OUT_QUEUED && m->state <= OUT_TAKEN;
}
_Static_assert(OUT_QUEUED < OUT_SENT && OUT_SENT < OUT_RECEIVED && OUT_RECEIVED < OUT_TAKEN,
               "a range is asked");

static int unit_join(struct ledger *l, const struct ledger_save *s, const struct ledger_node *node,
                     struct judged *j, const struct unit_key *key)
{
    struct message m;
    int r = unit_open_message(l, key, s->canonical, &m);
    const bool open = r == 0;
    if (open)
        r = nothing_new(l, s, node, j, &m);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r > 0)
        return 0;
    struct message sealed;
    r = unit_last_sealed(l, key, &sealed);
    if (r == 0 && !open && is_under_way(&sealed))
        r = nothing_new(l, s, node, j, &sealed);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r > 0)
        return 0;
    bool again = r == 0 && !open && sealed.state == OUT_REFUSED;
    r = open ? 0 : message_begin(l, s, key, &m.id);
    if (r == 0)
        r = file_join(l, s, node, j, m.id);
    if (r == 0)
        r = message_recompute(l, m.id);
    return r || !again ? r : refused_go_on(l, sealed.id, m.id);
}

static int save_in_unit(struct ledger *l, const struct ledger_save *s, const struct ledger_node *node,
                        struct judged *j)
{
    const struct unit_key key = key_of(s);
    struct ledger_entry other;
    uint64_t left;
    int r = unit_standing(&l->writer, &key, s->canonical, s->node, &other);
    if (r != -ENOENT)
        return r ? r : -EEXIST;
    r = leave_others(l, s, &key, &left);
    if (r == 0)
        r = unit_join(l, s, node, j, &key);
    return r || !left ? r : message_recompute(l, left);
}

static int save_alone(struct ledger *l, const struct ledger_save *s, const struct ledger_node *node,
                      struct judged *j)
{
    uint64_t left = 0;
    int r = s->entry ? unit_leave(l, s->node, &left) : 0;
    if (r == 0)
        r = judged_take(l, s, j, 1);
    if (r == 0)
        r = node_judge(l, s, node, j->content, j->size, 0);
    return r || !left ? r : message_recompute(l, left);
}

/* ---- The reports beside it ---- */

static int reports_put(struct ledger *l, const struct save_work *w)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(w->s.remove_reports) && r == 0; i++)
        r = report_remove(l, w->s.parent, w->s.remove_reports[i]);
    if (r == 0 && w->report)
        r = content_store(l, w->report, 0);
    if (r == 0 && w->s.report_name)
        r = report_put(l, w->s.parent, w->s.report_name, w->s.report_folded,
                       w->report ? content_id(w->report) : 0);
    return r;
}

int save_apply(struct ledger *l, struct change *c, const struct save_work *w)
{
    const struct ledger_save *s = &w->s;
    struct ledger_node node;
    struct judged j;
    c->changed |= LEDGER_CHANGED_TREE;
    int r = node_ensure(l, s, &node);
    if (r || s->draft)
        return r ? r : draft_put(l, s, &node);
    r = judged_find(l, s, &node, &j);
    if (r)
        return r;
    j.problems = w->problems;
    if (s->in_unit && s->entry) {
        c->changed |= LEDGER_CHANGED_UNITS;
        r = save_in_unit(l, s, &node, &j);
    } else {
        c->changed |= node.message ? LEDGER_CHANGED_UNITS : 0;
        r = save_alone(l, s, &node, &j);
    }
    return r ? r : reports_put(l, w);
}

/* ---- Handing in ---- */

static void copy_fixed(struct ledger_save *s, const struct ledger_save *from)
{
    *s = *from;
    s->recipient.text[sizeof s->recipient.text - 1] = '\0';
    s->recipient_text[sizeof s->recipient_text - 1] = '\0';
    s->sequence[sizeof s->sequence - 1] = '\0';
    s->kind[sizeof s->kind - 1] = '\0';
    s->version[sizeof s->version - 1] = '\0';
    s->canonical[sizeof s->canonical - 1] = '\0';
}

void save_copy(struct ledger *l, struct change *c, const struct ledger_save *from, struct save_work *out)
{
    struct ledger_save *s = &out->s;
    copy_fixed(s, from);
    s->name = change_text(c, from->name ? from->name : "");
    s->folded = change_text(c, from->folded ? from->folded : from->name ? from->name : "");
    s->reason = change_text(c, from->reason ? from->reason : "");
    s->report_name = change_text(c, from->report_name);
    s->report_folded = change_text(c, from->report_folded ? from->report_folded : from->report_name);
    s->report = NULL;
    out->problems = problems_copy(c, from->problems, from->n_problems);
    s->problems = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(s->remove_reports); i++)
        s->remove_reports[i] = change_text(c, from->remove_reports[i]);
    change_own(c, from->content);
    if (s->draft && !s->content && !s->keep_content) /* an empty draft beside an old content */
        s->content = change_content(l, c, "", 0);
    out->report = from->report_name && from->report_length && !s->draft
                      ? change_content(l, c, from->report, from->report_length)
                      : NULL;
}

struct save_change {
    struct change change;
    struct save_work work;
};

static int save_change_apply(struct ledger *l, struct change *c)
{
    return save_apply(l, c, &((struct save_change *)c)->work);
}

int ledger_save(struct ledger *l, const struct ledger_save *save, ledger_done_fn *done, void *context)
{
    struct save_change *c = change_new(sizeof *c, save_change_apply, done, context);
    if (c)
        save_copy(l, &c->change, save, &c->work);
    else
        content_abort(save->content);
    return change_submit(l, c ? &c->change : NULL, done, context);
}
