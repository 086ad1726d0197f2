/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Asks the readers in turn, surest first, and keeps what the first one says. It knows the order and what all readers
   share (text, sender, suspicion); it knows no format. */

#include "base/utf8.h"
#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/address.h"
#include "mail/charset.h"

enum { TEXT_MAX = 64 * 1024, TEXT_PARTS = 8, SCANS = 4 * 1024 * 1024, WRAPPED = 2 };

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

    carom_sieved_init(&rows);
    carom_sieve_add(carom_sieve_named(carom_signs_sieves, carom_signs_sieves_n, where), text, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++)
        if (carom_str_glob(text, carom_signs[i].pattern))
            return true;
    return false;
}

bool carom_report_marker(struct carom_str text, struct carom_str kind)
{
    struct carom_sieved rows;

    carom_sieved_init(&rows);
    carom_sieve_add(carom_markers_sieves, text, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++)
        if (carom_str_eq(carom_markers[i].kind, kind) && carom_str_glob(text, carom_markers[i].pattern))
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

bool carom_report_may_scan(struct carom_reading *reading)
{
    size_t cost = reading->report->text.len + 1;

    if (reading->scans < cost)
        return false;
    reading->scans -= cost;
    return true;
}

bool carom_report_suspect(const struct carom_reading *reading)
{
    return !reading->answer && (reading->daemon || (reading->undelivered && !reading->person));
}

bool carom_report_automatic(const struct carom_reading *reading)
{
    return carom_report_suspect(reading) || (reading->null_sender && !reading->answer);
}

/* Attached headers ("mailheaders-1.txt") are what came back, not what is said about it. */
static bool is_speech(struct carom_arena *arena, struct carom_part *part, const char *type)
{
    return carom_part_is(part, type) && !carom_report_marker(carom_part_name(arena, part), CAROM_STR("name"));
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
    if (carom_utf8_plain(text) || (carom_str_find(text, CAROM_STR("\302\240")) == SIZE_MAX &&
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
    static const char *const types[] = {"text/plain", "text/html"};
    struct carom_str texts[TEXT_PARTS];
    size_t n = 0;

    for (size_t t = 0; t < 2 && n == 0; t++) {
        for (struct carom_part *p = scope; p && n < TEXT_PARTS; p = carom_part_walk_own(scope, p)) {
            if (!is_speech(arena, p, types[t]))
                continue;
            struct carom_str text = carom_part_text(arena, p, TEXT_MAX);
            if (carom_str_trim(text).len > 0)
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

/* RFC 3834 5. Jobs, shops and monitors write "auto-generated" too, so that from them it says nothing of a bounce. */
static bool answers_by_itself(const struct carom_reading *reading, const struct carom_headers *headers)
{
    struct carom_str automatic = carom_headers_get(headers, "Auto-Submitted");

    if (carom_str_istarts(automatic, CAROM_STR("auto-generated")))
        return reading->daemon || carom_str_ifind(automatic, CAROM_STR("(failure)")) != SIZE_MAX;
    return automatic.len > 0 && !carom_str_istarts(automatic, CAROM_STR("no"));
}

static void read_sender(struct carom_reading *reading)
{
    const struct carom_headers *headers = &reading->message->root->headers;
    struct carom_str value = carom_headers_get(headers, "From"), rest = value;
    struct carom_str path = carom_headers_get(headers, "Return-Path");

    reading->from_name = CAROM_STR_EMPTY;
    if (!carom_address_next(reading->arena, &rest, &reading->from, &reading->from_name)) {
        reading->from = carom_header_token(reading->arena, value);
        reading->from_name = carom_header_text(reading->arena, value);
    }
    size_t at = carom_str_chr(reading->from, '@');
    struct carom_str local = carom_str_head(reading->from, at < reading->from.len ? at : reading->from.len);

    reading->daemon = carom_report_sign(local, CAROM_STR("local")) || carom_report_sign(reading->from_name, CAROM_STR("name")) ||
                      (value.len > 0 && carom_address_first(reading->arena, value).len == 0);
    reading->null_sender = carom_str_eq(path, CAROM_STR("<>")) || answers_by_itself(reading, headers);
    reading->unsent = path.len == 0;
}

/* Lists and ticket systems put their mark before the "Re:": "[#4711] Re: …". */
static struct carom_str without_marks(struct carom_str subject)
{
    size_t close;

    while (subject.len > 0 && subject.ptr[0] == '[' && (close = carom_str_chr(subject, ']')) < subject.len)
        subject = carom_str_trim(carom_str_from(subject, close + 1));
    return subject;
}

/* "Automatic reply: Undelivered Mail …": what is answered is not what happened. */
static bool announces_reply(struct carom_str subject)
{
    struct carom_sieved rows;

    carom_sieved_init(&rows);
    carom_sieve_add(carom_sieve_named(carom_notices_sieves, carom_notices_sieves_n, CAROM_STR("subject")), subject, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++) {
        const struct carom_notice_row *row = &carom_notices[i];
        if (carom_str_eq(row->gives, CAROM_STR("autoreply")) && !carom_str_starts(row->pattern, CAROM_STR("*")) &&
            carom_str_glob(subject, row->pattern))
            return true;
    }
    return false;
}

static void read_subject(struct carom_reading *reading)
{
    reading->subject = carom_headers_text(reading->arena, &reading->message->root->headers, "Subject");
    reading->folded = carom_utf8_normalise(reading->arena, reading->subject).folded;
    reading->undelivered = carom_report_sign(reading->subject, CAROM_STR("subject")) && !announces_reply(reading->folded);
    reading->answer = !reading->daemon && (carom_report_sign(reading->subject, CAROM_STR("answer")) ||
                                           carom_report_sign(without_marks(reading->subject), CAROM_STR("answer")));
}

/* Reports come from nobody (RFC 5321 6.1). Who stands behind both senders, or writes with a mail program, is somebody;
   jobs, shops and monitors, whose mail may come from nobody as well, say "auto-generated". */
static void read_writer(struct carom_reading *reading)
{
    const struct carom_headers *headers = &reading->message->root->headers;
    struct carom_str path = carom_address_first(reading->arena, carom_headers_get(headers, "Return-Path"));
    bool writes = carom_headers_has(headers, "User-Agent") ||
                  carom_report_sign(carom_headers_get(headers, "X-Mailer"), CAROM_STR("mailer"));
    bool job = carom_str_istarts(carom_headers_get(headers, "Auto-Submitted"), CAROM_STR("auto-generated")) &&
               !answers_by_itself(reading, headers);

    reading->bulk = carom_headers_has(headers, "List-Id") || carom_headers_has(headers, "List-Unsubscribe");
    if (!reading->daemon)
        reading->person = reading->bulk || job || (writes && !reading->null_sender) ||
                          (path.len > 0 && carom_str_ieq(path, reading->from));
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

/* RFC 5321 4.5.5: reports come from nobody. MAILER-DAEMON is how some servers write that to a command. */
static bool is_nobody(const char *sender)
{
    struct carom_str name = carom_str_trim(carom_str(sender));

    return sender && (!name.len || carom_str_eq(name, CAROM_STR("<>")) || carom_str_ieq(name, CAROM_STR("MAILER-DAEMON")));
}

/* sender: of the envelope, or NULL. */
/* A multipart whose Content-Type header was lost: "--boundary" stands at the top of the text, and again before the
   fields of a part (a first part may have none). NULL: none. */
static struct carom_part *find_lost(struct carom_reading *reading)
{
    enum { PREAMBLE = 5 };
    struct carom_part *root = reading->message->root;
    struct carom_str rest = carom_str_head(root->body, TEXT_MAX), line, boundary = CAROM_STR_EMPTY;
    bool before = false;

    if (root->child || !carom_part_is(root, "text/plain"))
        return NULL;
    for (int i = 0; i < PREAMBLE && boundary.len == 0 && carom_str_line(&rest, &line);) {
        if (line.len > 4 && carom_str_starts(line, CAROM_STR("--")) && line.ptr[2] != ' ')
            boundary = carom_str_trim(carom_str_from(line, 2));
        i += carom_str_trim(line).len > 0;
    }
    before = boundary.len > 0;
    while (boundary.len > 0 && carom_str_line(&rest, &line)) {
        if (before && carom_str_istarts(line, CAROM_STR("Content-")))
            return carom_part_split(reading->arena, root->body, boundary);
        before = carom_str_starts(line, CAROM_STR("--")) && carom_str_eq(carom_str_trim(carom_str_from(line, 2)), boundary);
    }
    return NULL;
}

static void begin(struct carom_reading *reading, const char *sender)
{
    read_sender(reading);
    reading->null_sender = reading->null_sender || is_nobody(sender);
    reading->unsent = reading->unsent && !sender;
    read_subject(reading);
    read_writer(reading);
    struct carom_part *lost = carom_report_suspect(reading) ? find_lost(reading) : NULL;
    carom_report_enter(reading, lost ? lost : reading->message->root);
}

/* A gateway that wraps what it passes on leaves a text of its own in front: the bounce is the message attached. Only
   where a mail system wrapped a mail system's: a person who attaches a bounce reports no failure. */
bool carom_read_wrapped(struct carom_reading *reading)
{
    static bool (*const readers[])(struct carom_reading *) = {carom_read_dsn, carom_read_text, carom_read_generic};
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
        begin(&inner, NULL);
        if (!carom_report_suspect(&inner))
            break;
        for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
            if (readers[i](&inner))
                return true;
    }
    carom_report_enter(reading, reading->message->root);
    return false;
}

struct carom_report *carom_report_read(struct carom_arena *arena, const struct carom_message *message,
                                       const char *sender)
{
    static bool (*const readers[])(struct carom_reading *) = {
        carom_read_dsn, carom_read_event, carom_read_feedback, carom_read_xarf, carom_read_receipt,
        carom_read_sure_notice, carom_read_text, carom_read_dsn_inside, carom_read_wrapped, carom_read_notice,
        carom_read_generic,
    };
    struct carom_reading reading = {.arena = arena, .message = message, .report = new_report(arena), .scans = SCANS};

    begin(&reading, sender);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (readers[i](&reading))
            break;
    return reading.report;
}
