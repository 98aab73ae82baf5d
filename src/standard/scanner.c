#include "standard/scanner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "careplan/standard.h"
#include "standard/layout.h"

enum {
    SLICE = 64 * 1024,
    LOOKAHEAD = 24,                       /* bytes behind a place that tell whether a record begins there */
    RESTARTS_MAX = CAREPLAN_PROBLEMS_MAX, /* each costs at most one item scanned again */
    LIMIT_MAX = 1 << 30,
};

static const uint8_t END_MARK = 0x1A;

enum state { AT_ITEM, IN_PLAIN, IN_QUOTED, AFTER_QUOTE };

struct open_item {
    size_t start; /* in the window: first byte of its text */
    uint64_t line;
    size_t searched; /* in the window: no record begins at a line before it */
    uint64_t searched_line;
    bool quoted;
    uint8_t faults;
};

struct scanner {
    scanner_row_fn *fn;
    void *context;
    size_t item_bytes, row_bytes;
    uint8_t *window; /* the record under way and what has not been scanned */
    size_t length, capacity;
    size_t row;        /* in the window: where the record begins */
    size_t position;   /* in the window: next byte to scan */
    uint64_t base;     /* file offset of window[0] */
    uint64_t after_cr; /* file offset behind the last CR: an LF there ends no line of its own */
    uint64_t line, row_line;
    enum state state;
    struct open_item item;
    struct scanned_item items[LAYOUT_ITEMS_MAX];
    size_t n_items, total;
    uint8_t faults; /* of all items of the record */
    bool skipping;  /* the rest of a record that is too long */
    bool ended;     /* no more bytes will come */
    bool held;      /* the last byte was END_MARK: it waits for what is behind it */
    unsigned restarts;
};

enum byte_class { BYTE_OTHER, BYTE_COMMA, BYTE_QUOTE, BYTE_CR, BYTE_LF };
static const uint8_t byte_classes[256] = {
    [','] = BYTE_COMMA, ['"'] = BYTE_QUOTE, ['\r'] = BYTE_CR, ['\n'] = BYTE_LF};

static size_t limit_of(size_t asked, size_t standard)
{
    return asked == 0 ? standard : asked < LIMIT_MAX ? asked : LIMIT_MAX;
}

struct scanner *scanner_new(size_t item_bytes, size_t row_bytes, scanner_row_fn *fn, void *context)
{
    struct scanner *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->fn = fn;
    s->context = context;
    s->item_bytes = limit_of(item_bytes, CAREPLAN_ITEM_MAX);
    s->row_bytes = limit_of(row_bytes, CAREPLAN_ROW_MAX);
    s->line = s->row_line = 1;
    s->after_cr = UINT64_MAX;
    return s;
}

void scanner_free(struct scanner *s)
{
    if (!s)
        return;
    free(s->window);
    free(s);
}

static void row_begin(struct scanner *s, size_t at)
{
    s->row = s->position = at;
    s->row_line = s->line;
    s->state = AT_ITEM;
    s->n_items = s->total = 0;
    s->faults = 0;
    s->skipping = false;
}

static void item_begin(struct scanner *s, size_t at, bool quoted)
{
    s->item = (struct open_item){
        .start = at, .line = s->line, .searched = at, .searched_line = s->line, .quoted = quoted};
}

static void item_end(struct scanner *s, size_t end)
{
    size_t length = end - s->item.start;
    if (length > s->item_bytes)
        s->item.faults |= FAULT_TOO_LONG;
    if (s->skipping)
        return;
    s->faults |= s->item.faults;
    s->total++;
    if (s->n_items == LAYOUT_ITEMS_MAX)
        return;
    s->items[s->n_items++] = (struct scanned_item){.text = s->window + s->item.start,
                                                   .length = length,
                                                   .line = s->item.line,
                                                   .quoted = s->item.quoted,
                                                   .faults = s->item.faults};
}

static void row_report(struct scanner *s, size_t end, bool too_long)
{
    bool blank = s->total == 1 && s->items[0].length == 0 && !s->items[0].quoted;
    if (blank && !too_long)
        return;
    struct scanned_row row = {.items = s->items,
                              .n_items = s->n_items,
                              .total = s->total,
                              .bytes = s->window + s->row,
                              .length = end - s->row,
                              .line = s->row_line,
                              .too_long = too_long,
                              .faults = s->faults};
    s->fn(s->context, &row);
}

/* The record's texts end at `end`; the next one begins at `next`. */
static void row_end(struct scanner *s, size_t end, size_t next)
{
    if (!s->skipping)
        row_report(s, end, false);
    row_begin(s, next);
}

/* CR, LF or CRLF is one line end. Returns false for the LF of a CRLF whose CR was counted. */
static bool line_break(struct scanner *s, uint8_t c, size_t at)
{
    if (c == '\n' && s->base + at == s->after_cr)
        return false;
    if (c == '\r')
        s->after_cr = s->base + at + 1;
    s->line++;
    return true;
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Does a record begin here? Its CSVバージョン (20dddd) and its 保険者番号, both digits, quoted or not. */
static bool looks_like_record(const uint8_t *p, const uint8_t *end)
{
    bool quoted = p < end && *p == '"';
    p += quoted;
    const uint8_t *digits = skip_digits(p, end);
    if (digits - p != 6 || p[0] != '2' || p[1] != '0')
        return false;
    p = digits;
    if (quoted && (p == end || *p++ != '"'))
        return false;
    if (p == end || *p++ != ',')
        return false;
    p += p < end && *p == '"';
    digits = skip_digits(p, end);
    return digits - p >= 4 && digits - p <= 6 && digits < end && (*digits == ',' || *digits == '"');
}

/* The open quoted item went wrong at `position`: if a line inside it begins like a record, its quote was
 * never closed. Ends the record there and scans on from it. At least LOOKAHEAD bytes stand behind `position`,
 * or the file has ended: what is found does not depend on how the bytes came in. Each line is looked at once.
 */
static bool row_restart(struct scanner *s)
{
    if (s->skipping || s->restarts == RESTARTS_MAX)
        return false;
    size_t ahead = s->length - s->position < LOOKAHEAD ? s->length - s->position : LOOKAHEAD;
    const uint8_t *end = s->window + s->position + ahead;
    uint64_t line = s->item.searched_line;
    size_t i = s->item.searched;
    for (; i < s->position; i++) {
        uint8_t c = s->window[i];
        if (c != '\n' && c != '\r')
            continue;
        bool pair = c == '\r' && s->window + i + 1 < end && s->window[i + 1] == '\n';
        size_t next = i + (pair ? 2 : 1);
        line++;
        if (looks_like_record(s->window + next, end)) {
            s->restarts++;
            s->item.faults = FAULT_UNCLOSED;
            item_end(s, i);
            row_report(s, i, false);
            s->line = line;
            s->after_cr = UINT64_MAX;
            row_begin(s, next);
            return true;
        }
        i = next - 1;
    }
    s->item.searched = i;
    s->item.searched_line = line;
    return false;
}

static void scan_item_start(struct scanner *s, uint8_t c)
{
    size_t at = s->position;
    if (c == '"') {
        item_begin(s, at + 1, true);
        s->state = IN_QUOTED;
        s->position++;
        return;
    }
    if (c == '\n' && s->base + at == s->after_cr && s->total == 0) {
        row_begin(s, at + 1);
        return;
    }
    item_begin(s, at, false);
    s->state = IN_PLAIN;
}

/* `at` is a comma or a line end behind the item whose text ended at `end`. */
static void scan_item_end(struct scanner *s, uint8_t c, size_t at, size_t end)
{
    item_end(s, end);
    s->state = AT_ITEM;
    s->position = at + 1;
    if (c == ',')
        return;
    line_break(s, c, at);
    row_end(s, at, at + 1);
}

static void scan_plain(struct scanner *s, size_t limit)
{
    size_t i = s->position;
    while (i < limit && byte_classes[s->window[i]] == BYTE_OTHER)
        i++;
    s->position = i;
    if (i == limit)
        return;
    if (s->window[i] == '"') {
        s->item.faults |= FAULT_PLAIN;
        s->position++;
        return;
    }
    scan_item_end(s, s->window[i], i, i);
}

static bool may_be_unclosed(const struct scanner *s)
{
    return !s->skipping && !(s->item.faults & FAULT_TOO_LONG);
}

/* False: more bytes are needed to go on. */
static bool scan_quoted(struct scanner *s, size_t limit)
{
    size_t i = s->position, longest = s->item.start + s->item_bytes + 1;
    if (longest < i) /* a doubled quote stands across it */
        longest = i;
    bool bounded = may_be_unclosed(s) && longest < limit;
    if (bounded)
        limit = longest;
    while (i < limit && byte_classes[s->window[i]] <= BYTE_COMMA)
        i++;
    s->position = i;
    if (bounded && i == limit) {
        if (s->length - i < LOOKAHEAD && !s->ended)
            return false;
        if (!row_restart(s))
            s->item.faults |= FAULT_TOO_LONG;
        return true;
    }
    if (i == limit)
        return true;
    s->position++;
    if (s->window[i] == '"')
        s->state = AFTER_QUOTE;
    else
        line_break(s, s->window[i], i);
    return true;
}

/* False: more bytes are needed to go on. */
static bool scan_after_quote(struct scanner *s, uint8_t c)
{
    size_t at = s->position;
    if (c == ',' || c == '\r' || c == '\n') {
        scan_item_end(s, c, at, at - 1);
        return true;
    }
    if (c != '"') {
        if (s->length - at < LOOKAHEAD && !s->ended)
            return false;
        if (row_restart(s))
            return true;
        s->item.faults |= FAULT_UNESCAPED;
    }
    s->state = IN_QUOTED;
    if (c == '"')
        s->position++;
    return true;
}

static void row_too_long(struct scanner *s)
{
    if (s->state != AT_ITEM)
        s->faults |= s->item.faults;
    row_report(s, s->position, true);
    s->skipping = true;
}

static bool scan_step(struct scanner *s, size_t limit)
{
    uint8_t c = s->window[s->position];
    switch (s->state) {
    case IN_PLAIN:
        scan_plain(s, limit);
        return true;
    case IN_QUOTED:
        return scan_quoted(s, limit);
    case AT_ITEM:
        scan_item_start(s, c);
        return true;
    case AFTER_QUOTE:
        return scan_after_quote(s, c);
    }
    return true;
}

static void scan(struct scanner *s)
{
    for (;;) {
        size_t longest = s->row + s->row_bytes + 1;
        size_t limit = s->skipping || s->length < longest ? s->length : longest;
        if (!s->skipping && s->position >= longest)
            row_too_long(s);
        else if (s->position >= s->length || !scan_step(s, limit))
            return;
    }
}

/* Texts of items point into the window: what moves it moves them. */
static void items_move(struct scanner *s, const uint8_t *from, const uint8_t *to)
{
    for (size_t i = 0; i < s->n_items; i++)
        s->items[i].text = to + (s->items[i].text - from);
}

static void window_compact(struct scanner *s)
{
    if (s->skipping) {
        s->row = s->position;
        s->item.start = s->item.searched = s->position;
        s->n_items = 0;
    }
    size_t gone = s->row;
    if (gone == 0)
        return;
    memmove(s->window, s->window + gone, s->length - gone);
    items_move(s, s->window + gone, s->window);
    s->length -= gone;
    s->position -= gone;
    s->row = 0;
    s->item.start = s->item.start > gone ? s->item.start - gone : 0;
    s->item.searched = s->item.searched > gone ? s->item.searched - gone : 0;
    s->base += gone;
}

static int window_reserve(struct scanner *s, size_t more)
{
    if (s->length + more <= s->capacity)
        return 0;
    size_t capacity = s->capacity ? s->capacity : 4096;
    while (capacity < s->length + more)
        capacity *= 2;
    size_t most = s->row_bytes + SLICE + LOOKAHEAD + 1; /* never more stands in it */
    if (capacity > most && s->length + more <= most)
        capacity = most;
    uint8_t *grown = malloc(capacity);
    if (!grown)
        return -ENOMEM;
    if (s->length)
        memcpy(grown, s->window, s->length);
    items_move(s, s->window, grown);
    free(s->window);
    s->window = grown;
    s->capacity = capacity;
    return 0;
}

static int scanner_take(struct scanner *s, const uint8_t *data, size_t length)
{
    while (length) {
        size_t slice = length < SLICE ? length : SLICE;
        window_compact(s);
        int result = window_reserve(s, slice);
        if (result)
            return result;
        memcpy(s->window + s->length, data, slice);
        s->length += slice;
        data += slice;
        length -= slice;
        scan(s);
    }
    return 0;
}

int scanner_write(struct scanner *s, const uint8_t *data, size_t length)
{
    if (length == 0)
        return 0;
    int result = s->held ? scanner_take(s, &END_MARK, 1) : 0;
    s->held = data[length - 1] == END_MARK;
    return result ? result : scanner_take(s, data, length - s->held);
}

bool scanner_end_mark(const struct scanner *s)
{
    return s->held;
}

int scanner_finish(struct scanner *s)
{
    s->ended = true;
    scan(s);
    while (s->state == IN_QUOTED) {
        if (!row_restart(s)) {
            s->item.faults |= FAULT_UNCLOSED;
            break;
        }
        scan(s);
    }
    bool nothing = s->state == AT_ITEM && s->total == 0;
    if (nothing)
        return 0;
    if (s->state == AT_ITEM)
        item_begin(s, s->length, false);
    item_end(s, s->state == AFTER_QUOTE ? s->length - 1 : s->length);
    row_end(s, s->length, s->length);
    return 0;
}
