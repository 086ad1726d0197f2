/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Asks the readers in turn, surest first, and keeps what the first one says. It knows the order and the text that all
   readers share; it knows no format. */

#include "base/utf8.h"
#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/charset.h"

enum { TEXT_MAX = 64 * 1024, TEXT_PARTS = 8, SCANS = 4 * 1024 * 1024, WRAPPED = 2, LINES_MAX = 2000 };

struct carom_report_recipient *carom_report_add(struct carom_reading *reading)
{
    struct carom_report_recipient *r = carom_arena_new_of(reading->arena, struct carom_report_recipient);

    r->original = r->final = r->action = r->status = r->diagnostic = r->diagnostic_type = CAROM_STR_EMPTY;
    r->text_diagnostic = r->remote_mta = r->remote_ip = r->command = r->where = CAROM_STR_EMPTY;
    *reading->report->tail = r;
    reading->report->tail = &r->next;
    reading->report->n++;
    return r;
}

struct carom_report_recipient *carom_report_find(struct carom_reading *reading, struct carom_str addr)
{
    for (struct carom_report_recipient *r = reading->report->recipients; r; r = r->next)
        if (carom_str_ieq(r->final, addr))
            return r;
    return NULL;
}

bool carom_report_sign(struct carom_str text, struct carom_str where)
{
    struct carom_sieved rows;

    if (text.len == 0) /* most senders have no name */
        return false;
    carom_sieved_init(&rows);
    carom_sieve_add(carom_sieve_named(carom_signs_sieves, carom_signs_sieves_n, where), text, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++)
        if (carom_str_glob(text, carom_cell_str(carom_signs[i].pattern)))
            return true;
    return false;
}

bool carom_report_marker(struct carom_str text, struct carom_str where)
{
    struct carom_sieved rows;

    if (text.len == 0) /* most parts are no files */
        return false;
    carom_sieved_init(&rows);
    carom_sieve_add(carom_sieve_named(carom_markers_sieves, carom_markers_sieves_n, where), text, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++)
        if (carom_str_glob(text, carom_cell_str(carom_markers[i].pattern)))
            return true;
    return false;
}

/* "complaint about message from 192.0.2.1", "[SpamCop (192.0.2.1) id:1]…" */
struct carom_str carom_report_ip(struct carom_str text)
{
    struct carom_str word, rest = text;

    while (carom_str_word(&rest, &word)) {
        while (word.len > 0 && !carom_is_digit(word.ptr[0]))
            word = carom_str_from(word, 1);
        size_t n = 0, dots = 0;
        while (n < word.len && (carom_is_digit(word.ptr[n]) || word.ptr[n] == '.'))
            dots += word.ptr[n++] == '.';
        if (dots == 3 && n >= 7)
            return carom_str_head(word, n);
    }
    return CAROM_STR_EMPTY;
}

struct carom_lines carom_report_lines(struct carom_reading *reading)
{
    struct carom_str text = reading->report->text, rest = text, line;
    struct carom_lines *lines = &reading->lines;
    size_t room = 0;

    if (lines->list && reading->lines_of.ptr == text.ptr && reading->lines_of.len == text.len)
        return *lines;
    *lines = (struct carom_lines){NULL, 0};
    while (lines->n < LINES_MAX && carom_str_line(&rest, &line)) {
        if (lines->n == room) {
            struct carom_str *list = lines->list;
            room = room ? 4 * room : 32;
            lines->list = carom_arena_raw(reading->arena, room * sizeof *list);
            if (lines->n > 0)
                memcpy(lines->list, list, lines->n * sizeof *list);
        }
        lines->list[lines->n++] = line;
    }
    reading->lines_of = text;
    return *lines;
}

bool carom_report_may_scan(struct carom_reading *reading)
{
    size_t cost = reading->report->text.len + 1;

    if (reading->scans < cost)
        return false;
    reading->scans -= cost;
    return true;
}

/* Attached headers ("mailheaders-1.txt") are what came back, not what is said about it. */
static bool is_speech(struct carom_arena *arena, struct carom_part *part, bool html)
{
    return (html ? carom_part_is(part, "text/html") : carom_part_is(part, "text/plain")) &&
           !carom_report_marker(carom_part_name(arena, part), CAROM_STR("name"));
}

static struct carom_str join(struct carom_arena *arena, const struct carom_str *texts, size_t n)
{
    size_t total = 0, at = 0;

    for (size_t i = 0; i < n; i++)
        total += texts[i].len + 2;
    char *all = carom_arena_raw(arena, total);
    for (size_t i = 0; i < n; i++) {
        memcpy(all + at, texts[i].ptr, texts[i].len);
        at += texts[i].len;
        memcpy(all + at, "\n\n", 2);
        at += 2;
    }
    return carom_str_n(all, at < TEXT_MAX ? at : TEXT_MAX);
}

/* No-break spaces (U+00A0, U+202F) as plain ones: HTML indents with them, French sets them before a colon. */
static struct carom_str plain_spaces(struct carom_arena *arena, struct carom_str text)
{
    if (carom_utf8_ascii(text) || (carom_str_find(text, CAROM_STR("\302\240")) == SIZE_MAX &&
                                   carom_str_find(text, CAROM_STR("\342\200\257")) == SIZE_MAX))
        return text;
    char *out = carom_arena_raw(arena, text.len);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        struct carom_str here = carom_str_from(text, i);
        bool narrow = carom_str_starts(here, CAROM_STR("\342\200\257"));
        bool space = narrow || carom_str_starts(here, CAROM_STR("\302\240"));
        out[n++] = space ? ' ' : text.ptr[i];
        i += space ? 1 + narrow : 0;
    }
    return carom_str_n(out, n);
}

/* All text of scope's own parts; HTML only where there is nothing else. */
static struct carom_str collect(struct carom_arena *arena, struct carom_part *scope)
{
    struct carom_str texts[TEXT_PARTS];
    size_t n = 0;

    for (int html = 0; html < 2 && n == 0; html++) {
        for (struct carom_part *p = scope; p && n < TEXT_PARTS; p = carom_part_walk_own(scope, p)) {
            if (!is_speech(arena, p, html))
                continue;
            struct carom_str text = carom_part_text(arena, p, TEXT_MAX);
            if (!carom_str_blank(text))
                texts[n++] = text;
        }
    }
    if (n == 0 && carom_part_is(scope, "multipart/")) /* unreadable as such: boundary lost or written wrongly */
        return carom_charset_to_utf8(arena, CAROM_STR_EMPTY, scope->body, TEXT_MAX);
    return n == 0 ? CAROM_STR_EMPTY : n == 1 ? texts[0] : join(arena, texts, n);
}

void carom_report_enter(struct carom_reading *reading, struct carom_part *scope)
{
    struct carom_report *report = reading->report;

    reading->scope = scope;
    reading->notices = NULL;
    reading->text = report->text = plain_spaces(reading->arena, collect(reading->arena, scope));
    report->returned = NULL;
    report->returned_headers = (struct carom_headers){.block = CAROM_STR_EMPTY};
    report->returned_complete = false;
    carom_read_returned(reading);
}

static struct carom_report *new_report(struct carom_arena *arena)
{
    struct carom_report *report = carom_arena_new_of(arena, struct carom_report);
    const struct carom_str none = CAROM_STR_EMPTY;

    report->format = report->reporting_mta = report->arrival_date = report->original_envelope_id = none;
    report->envelope_from = report->text = report->feedback_recipient = report->returned_headers.block = none;
    report->autoreply.type = report->autoreply.new_address = none;
    report->feedback = (struct carom_feedback){none, none, none, none, none, none, none};
    report->tail = &report->recipients;
    return report;
}

/* Goes behind the next line that is mark. false: there is none. */
static bool skip_mark(struct carom_str *rest, struct carom_str mark)
{
    struct carom_str text = *rest, line;
    bool found = false;
    size_t at;

    while (!found && (at = carom_str_find(text, mark)) != SIZE_MAX) {
        bool begins = at == 0 || text.ptr[at - 1] == '\n' || text.ptr[at - 1] == '\r';
        text = carom_str_from(text, at);
        found = carom_str_line(&text, &line) && begins && carom_str_eq(carom_str_trim(line), mark);
    }
    *rest = text;
    return found;
}

/* A multipart whose Content-Type header was lost: "--boundary" stands at the top of the text, and again before the
   fields of a part (a first part may have none). NULL: none. */
static struct carom_part *find_lost(struct carom_reading *reading)
{
    enum { PREAMBLE = 5 };
    struct carom_part *root = reading->message->root;
    struct carom_str rest = carom_str_head(root->body, TEXT_MAX), line, mark = CAROM_STR_EMPTY;

    if (root->child || !carom_part_is(root, "text/plain"))
        return NULL;
    for (int i = 0; i < PREAMBLE && mark.len == 0 && carom_str_line(&rest, &line);) {
        if (line.len > 4 && carom_str_starts(line, CAROM_STR("--")) && line.ptr[2] != ' ')
            mark = carom_str_trim(line);
        i += !carom_str_blank(line);
    }
    while (mark.len > 0 && !carom_str_istarts(rest, CAROM_STR("Content-")))
        if (!skip_mark(&rest, mark))
            return NULL;
    return mark.len > 0 ? carom_part_split(reading->arena, root->body, carom_str_from(mark, 2)) : NULL;
}

static void begin(struct carom_reading *reading)
{
    struct carom_part *lost = find_lost(reading);

    carom_report_enter(reading, lost && carom_report_suspect(reading) ? lost : reading->message->root);
}

/* A gateway that wraps what it passes on leaves a text of its own in front: the bounce is the message attached. Only
   where a mail system wrapped a mail system's: a person who attaches a bounce reports no failure. */
bool carom_read_wrapped(struct carom_reading *reading)
{
    struct carom_reading inner = *reading;
    struct carom_message message = *reading->message;

    if (!carom_report_suspect(reading))
        return false;
    for (int depth = 0; depth < WRAPPED; depth++) {
        struct carom_part *root = NULL;
        for (struct carom_part *p = message.root; p && !root; p = carom_part_walk_own(message.root, p))
            if (p->child && !carom_part_is(p, "multipart/"))
                root = p->child;
        if (!root)
            break;
        message.root = root;
        inner.message = &message;
        inner.outside = NULL;
        inner.sender = NULL;
        begin(&inner);
        if (!carom_report_suspect(&inner))
            break;
        if (carom_read_dsn(&inner) || carom_read_text(&inner) || carom_read_generic(&inner))
            return true;
    }
    carom_report_enter(reading, reading->message->root);
    return false;
}

/* The surest first. */
static bool ask(struct carom_reading *reading)
{
    return carom_read_dsn(reading) || carom_read_event(reading) || carom_read_feedback(reading) ||
           carom_read_xarf(reading) || carom_read_receipt(reading) || carom_read_sure_notice(reading) ||
           carom_read_text(reading) || carom_read_dsn_inside(reading) || carom_read_wrapped(reading) ||
           carom_read_notice(reading) || carom_read_generic(reading);
}

struct carom_report *carom_report_read(struct carom_arena *arena, const struct carom_message *message,
                                       const char *sender)
{
    struct carom_reading reading = {.arena = arena, .message = message, .sender = sender,
                                    .report = new_report(arena), .scans = SCANS};

    begin(&reading);
    ask(&reading);
    return reading.report;
}
