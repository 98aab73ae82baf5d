/* The directory: its log is followed entry by entry up to a head that the hub has signed, then the offices
 * are read, and what has changed of a partner goes into the ledger. A log that does not continue ours is a
 * fork: nothing of it is taken. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "link/link_private.h"

enum {
    PUTS_MAX = 20000, /* partners that one walk changes */
    PROBLEM_MS = 60000,
    ROUNDS_MAX = 8, /* of a log that goes on while its offices are read */
};

CLEANUP_DEFINE(autox509, X509, X509_free);

struct directory_walk {
    struct link *l;
    struct log_head head;
    struct office_id last;
    struct ledger_partner *puts; /* found changed, handed in at the end */
    size_t n_puts, puts_room, puts_out;
    unsigned rounds;
    bool failed, lied;
};

static void forget_puts(struct directory_walk *w)
{
    for (size_t i = 0; i < w->n_puts; i++)
        ledger_partner_free(&w->puts[i]);
    w->n_puts = 0;
    w->last = (struct office_id){""};
}

static void walk_free(struct directory_walk *w)
{
    forget_puts(w);
    free(w->puts);
    free(w);
}

static void walk_end(struct directory_walk *w, int64_t again_ms)
{
    struct link *l = w->l;
    l->walk = NULL;
    l->directory_due = clock_boot_ms() + again_ms;
    walk_free(w);
}

static void walk_distrust(struct directory_walk *w, const char *what)
{
    log_error("directory-false", "office %s: %s", w->l->self->text, what);
    link_distrust(w->l, what);
    w->l->directory_dirty = false;
    walk_end(w, PROBLEM_MS);
}

/* ---- the ledger ---- */

static void walk_kept(struct directory_walk *w)
{
    struct link *l = w->l;
    if (w->failed) {
        walk_end(w, LOCAL_RETRY_MS);
        return;
    }
    pthread_mutex_lock(&l->head_lock);
    l->head = w->head;
    pthread_mutex_unlock(&l->head_lock);
    walk_end(w, DIRECTORY_EVERY_MS);
}

struct put_job {
    struct task task;
    struct directory_walk *walk;
};

static void put_kept(struct task *t)
{
    struct directory_walk *w = ((struct put_job *)t)->walk;
    w->failed = w->failed || t->result;
    free(t);
    if (--w->puts_out == 0)
        walk_kept(w);
}

static void put(struct directory_walk *w, const struct ledger_partner *p, const struct log_head *head)
{
    struct link *l = w->l;
    char folded[768] = "";
    struct put_job *job = calloc(1, sizeof *job);
    if (!job) {
        w->failed = true;
        return;
    }
    job->walk = w;
    w->puts_out++;
    if (p)
        l->names.fold(p->folder, folded);
    link_expect(l, &job->task, put_kept);
    link_handed(&job->task, ledger_partner_put(l->ledger, p, folded, head, link_done, &job->task));
}

/* The head last: what a crash leaves out is read again from the old head. */
static void put_all(struct directory_walk *w)
{
    struct log_head before;
    link_head(w->l, &before);
    w->puts_out = 1; /* this function */
    for (size_t i = 0; i < w->n_puts && !w->failed; i++)
        put(w, &w->puts[i], NULL);
    if (!w->failed && !log_head_equal(&before, &w->head))
        put(w, NULL, &w->head);
    if (--w->puts_out == 0)
        walk_kept(w);
}

/* ---- one office ---- */

/* The certificate that the directory shows, if it holds: that of this office, with this fingerprint: 1, 0, or
 * -ENOMEM. */
static int certificate_holds(struct directory_walk *w, const struct directory_office *o)
{
    struct error e = {0};
    char fingerprint[65];
    with_cleanup(autox509) X509 *certificate =
        trusted_certificate(&w->l->trusted, o->certificate, &o->office, &e);
    if (!certificate && e.number == -ENOMEM)
        return -ENOMEM;
    if (!certificate) {
        log_warning("partner-certificate", "office %s: the directory's certificate of %s is not taken: %s",
                    w->l->self->text, o->office.text, e.text);
        return 0;
    }
    certificate_fingerprint(certificate, fingerprint);
    w->lied = w->lied || strcmp(fingerprint, o->fingerprint) != 0;
    return strcmp(fingerprint, o->fingerprint) == 0;
}

static int set_certificate(struct ledger_partner *p, const struct directory_office *o)
{
    char *copy = strdup(o->certificate);
    if (!copy)
        return -ENOMEM;
    free(p->certificate);
    p->certificate = copy;
    memcpy(p->fingerprint, o->fingerprint, sizeof p->fingerprint);
    p->key_unconfirmed = false;
    return 0;
}

/* 1: changed, 0: not, negative. */
static int judge_key(struct directory_walk *w, struct ledger_partner *p, const struct directory_office *o)
{
    if (!o->certificate)
        return 0;
    if (strcmp(p->fingerprint, o->fingerprint) == 0) {
        bool was = p->key_unconfirmed;
        p->key_unconfirmed = false; /* the key that we know is in force again */
        return was;
    }
    int holds = certificate_holds(w, o);
    if (holds <= 0)
        return holds;
    if (!p->fingerprint[0]) {
        log_info("partner-key", "office %s: %s has the key %.16s", w->l->self->text, p->office.text,
                 o->fingerprint);
        return set_certificate(p, o) ? -ENOMEM : 1;
    }
    if (p->key_unconfirmed)
        return 0;
    log_warning(
        "key-unconfirmed",
        "office %s: %s has a new key (%.16s): nothing is sealed to it before a person has confirmed it",
        w->l->self->text, p->office.text, o->fingerprint);
    p->key_unconfirmed = true;
    return 1;
}

static int add_put(struct directory_walk *w, const struct ledger_partner *p)
{
    if (w->n_puts == w->puts_room) {
        size_t room = w->puts_room ? w->puts_room * 2 : 16;
        struct ledger_partner *more = room <= PUTS_MAX ? realloc(w->puts, room * sizeof *more) : NULL;
        if (!more)
            return -ENOMEM;
        w->puts = more;
        w->puts_room = room;
    }
    w->puts[w->n_puts++] = *p;
    return 0;
}

static int take_office(void *context, const struct directory_office *o)
{
    struct directory_walk *w = context;
    struct link *l = w->l;
    struct ledger_partner p = {0};
    char name[256];
    if (office_id_equal(&o->office, l->self))
        return 0;
    int r = ledger_partner(l->ledger, &o->office, &p);
    if (r && r != -ENOENT)
        return r;
    bool changed = r == -ENOENT || !p.active;
    if (r == -ENOENT) {
        p = (struct ledger_partner){.office = o->office};
        l->names.partner_folder(&o->office, o->name, p.folder);
    }
    p.active = true;
    l->names.display(o->name, name);
    if (strcmp(name, p.name) != 0) {
        memcpy(p.name, name, sizeof p.name);
        changed = true;
    }
    r = judge_key(w, &p, o);
    if (r > 0 || (r == 0 && changed)) {
        r = add_put(w, &p);
        if (r == 0)
            return 0; /* the walk's now */
    }
    ledger_partner_free(&p);
    return r;
}

static void ask_offices(struct directory_walk *w);

static void ask_log(struct directory_walk *w);

/* The offices are those of the log as followed: 0. -EAGAIN: the log has gone on between the two answers, and
 * what it says of a new key has not been read. Else the hub lies. */
static int compare_heads(struct directory_walk *w, const struct buffer *signed_head)
{
    struct log_head head;
    struct error e = {0};
    int r = trusted_head(&w->l->trusted, signed_head, &head, &e);
    if (r)
        return r == -ENOMEM ? r : -EBADMSG;
    if (log_head_equal(&head, &w->head))
        return 0;
    return head.n > w->head.n ? -EAGAIN : -EBADMSG;
}

static void offices_answered(void *context, struct http_answer *a)
{
    struct directory_walk *w = context;
    autobuffer signed_head = {.limit = HEAD_MAX};
    bool more = false;
    int64_t wait = link_judge(w->l, a, WHO_DIRECTORY);
    if (wait) {
        walk_end(w, wait);
        return;
    }
    int r = a->status == 200 ? directory_page_parse(a->body.data, a->body.length, &more, &w->last,
                                                    &signed_head, take_office, w)
                             : -EBADMSG;
    r = r ? r : w->lied ? -EBADMSG : compare_heads(w, &signed_head);
    if (r == -EAGAIN && ++w->rounds < ROUNDS_MAX) {
        forget_puts(w);
        ask_log(w);
    } else if (r == -EAGAIN) {
        walk_end(w, LOCAL_RETRY_MS);
    } else if (r == -EBADMSG) {
        walk_distrust(w, "the hub's directory is not what was agreed");
    } else if (r) {
        walk_end(w, LOCAL_RETRY_MS);
    } else if (more) {
        ask_offices(w);
    } else {
        put_all(w);
    }
}

static void ask_offices(struct directory_walk *w)
{
    struct http_request request = {
        .method = "GET", .limit = LOG_ANSWER_MAX, .done = offices_answered, .context = w};
    snprintf(request.path, sizeof request.path, "/v1/directory%s%s", w->last.text[0] ? "?after=" : "",
             w->last.text);
    if (http_start(w->l->http, &request))
        walk_end(w, LOCAL_RETRY_MS);
}

/* ---- the log ---- */

/* Entries are hashed; what they say is read from the offices, whose head is the log's. Who says that an old
 * key has signed the new one is the hub alone: nothing follows from it. */
static int take_entry(void *context, const struct log_entry *entry)
{
    (void)context, (void)entry;
    return 0;
}

static void log_answered(void *context, struct http_answer *a)
{
    struct directory_walk *w = context;
    autobuffer signed_head = {.limit = HEAD_MAX};
    struct log_head head;
    struct error e = {0};
    size_t n = 0;
    int64_t wait = link_judge(w->l, a, WHO_DIRECTORY);
    if (wait) {
        walk_end(w, wait);
        return;
    }
    int r = a->status == 200
                ? log_page_parse(a->body.data, a->body.length, &w->head, &signed_head, &n, take_entry, w)
                : -EBADMSG;
    int head_r = r ? 0 : trusted_head(&w->l->trusted, &signed_head, &head, &e);
    if (r == -ENOMEM || head_r == -ENOMEM) {
        walk_end(w, LOCAL_RETRY_MS);
    } else if (r == -EILSEQ) {
        walk_distrust(w, "the hub's directory log does not continue the one that it showed before");
    } else if (r) {
        walk_distrust(w, "the hub's directory log is not what was agreed");
    } else if (head_r) {
        walk_distrust(w, "the signature of the directory log's head does not hold");
    } else if (head.n > w->head.n && n) {
        ask_log(w);
    } else if (!log_head_equal(&head, &w->head)) {
        walk_distrust(w, "the head that the hub has signed is not that of the directory log that it shows");
    } else {
        ask_offices(w);
    }
}

static void ask_log(struct directory_walk *w)
{
    struct http_request request = {
        .method = "GET", .limit = LOG_ANSWER_MAX, .done = log_answered, .context = w};
    snprintf(request.path, sizeof request.path, "/v1/directory/log?after=%" PRIu64, w->head.n);
    if (http_start(w->l->http, &request))
        walk_end(w, LOCAL_RETRY_MS);
}

void directory_step(struct link *l, int64_t now)
{
    if (l->walk || (!l->directory_dirty && now < l->directory_due) || link_stopping(l))
        return;
    struct directory_walk *w = calloc(1, sizeof *w);
    if (!w)
        return;
    w->l = l;
    link_head(l, &w->head);
    l->walk = w;
    l->directory_dirty = false;
    ask_log(w);
}
