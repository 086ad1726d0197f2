/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The human part of a report, where it says more than its fields: OpenSMTPD and EZweb write no Diagnostic-Code, Sendmail
   cuts it to a line and prints the session. It finds words and leaves their meaning to others. */

#include "base/utf8.h"
#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/address.h"
#include "smtp/reply.h"

enum { FLOW_MAX = 4096 };

/* Of a trimmed line. */
static size_t put_words(char *out, struct carom_str line)
{
    size_t n = 0;

    if (carom_utf8_even(line)) {
        memcpy(out, line.ptr, line.len);
        return line.len;
    }
    for (size_t i = 0; i < line.len; i++)
        if (!carom_is_space(line.ptr[i]))
            out[n++] = line.ptr[i];
        else if (out[n - 1] != ' ')
            out[n++] = ' ';
    return n;
}

struct carom_str carom_text_flow(struct carom_arena *arena, struct carom_str text)
{
    text = carom_str_trim(carom_str_head(text, FLOW_MAX < text.len ? FLOW_MAX : text.len));
    char *flow = carom_arena_raw(arena, text.len);
    struct carom_str line;
    size_t n = 0;

    while (carom_str_line(&text, &line)) {
        line = carom_str_trim(line);
        if (n > 0 && line.len > 0)
            flow[n++] = ' ';
        n += put_words(flow + n, line);
    }
    return carom_str_n(flow, n);
}

/* ---- Sessions ---- */

struct session {
    struct carom_arena *arena;
    struct carom_str addr;
    struct carom_str host, command; /* as the lines go by */
    bool ours;                      /* the last command was RCPT for addr */
    struct carom_str own, own_command, own_host;          /* the reply to it */
    struct carom_str named, named_command, named_host;    /* a reply that has addr in it */
    struct carom_str last, last_command, last_host;       /* the refusal that ended the session */
    bool transcript;                                      /* behind Sendmail's heading */
    struct carom_str result, general; /* what Sendmail made of it: "550 5.1.2 <a>... Host unknown", "554 5.3.0 …" */
};

static bool names(struct carom_str text, struct carom_str addr)
{
    return addr.len > 0 && carom_str_ifind(text, addr) != SIZE_MAX;
}

/* The refusal that starts at line: it and the "<<<" lines that go on with it. */
static struct carom_str reply_lines(struct carom_arena *arena, struct carom_str line, struct carom_str rest)
{
    struct carom_str next, reply = carom_str_trim(carom_str_from(line, 3));
    const char *end = line.ptr + line.len;
    char *all;
    size_t n = 0;

    if (reply.len < 4 || reply.ptr[3] != '-')
        return reply;
    while (carom_str_line(&rest, &next) && carom_str_starts(next, CAROM_STR("<<<")))
        end = next.ptr + next.len;
    struct carom_str block = carom_str_n(line.ptr, (size_t)(end - line.ptr));
    all = carom_arena_raw(arena, block.len + 1);
    while (carom_str_line(&block, &next)) {
        struct carom_str text = carom_str_trim(carom_str_from(next, 3));
        if (text.len >= 3 && memcmp(text.ptr, reply.ptr, 3) != 0)
            break;
        memcpy(all + n, text.ptr, text.len);
        n += text.len;
        all[n++] = '\n';
    }
    return carom_str_trim(carom_str_n(all, n));
}

static void see_reply(struct session *s, struct carom_str line, struct carom_str rest)
{
    struct carom_str reply = carom_str_trim(carom_str_from(line, 3));

    if (reply.len < 3 || (reply.ptr[0] != '4' && reply.ptr[0] != '5'))
        return;
    if (s->ours && s->own.len == 0) {
        s->own = reply_lines(s->arena, line, rest);
        s->own_command = s->command, s->own_host = s->host;
    } else if (s->named.len == 0 && names(reply, s->addr)) {
        s->named = reply_lines(s->arena, line, rest);
        s->named_command = s->command, s->named_host = s->host;
    } else if (s->last.len == 0 && !carom_str_istarts(s->command, CAROM_STR("RCPT")) &&
               !carom_str_istarts(s->command, CAROM_STR("QUIT"))) {
        s->last = reply_lines(s->arena, line, rest);
        s->last_command = s->command, s->last_host = s->host;
    }
}

/* "550 5.1.2 <a@example.com>... Host unknown (…)": no session took place, or a program failed; in warnings
   "<a@example.com>,<b@example.com>... Deferred: …". */
static void see_result(struct session *s, struct carom_str line)
{
    size_t dots = carom_str_find(line, CAROM_STR(">... "));

    if (dots < line.len && line.ptr[0] == '<' && names(carom_str_head(line, dots), s->addr))
        s->result = carom_str_from(line, dots + 5);
    if (line.len < 5 || (line.ptr[0] != '4' && line.ptr[0] != '5') || carom_str_number(carom_str_head(line, 3)) < 0 ||
        line.ptr[3] != ' ')
        return;
    if (names(line, s->addr))
        s->result = line;
    else if (carom_str_chr(line, '@') >= line.len)
        s->general = line;
}

static void see_line(struct session *s, struct carom_str line, struct carom_str rest)
{
    size_t talking;

    if (carom_str_starts(line, CAROM_STR(">>>")) || carom_str_starts(line, CAROM_STR("-->"))) {
        struct carom_str words = carom_str_trim(carom_str_from(line, 3)), word = CAROM_STR_EMPTY;
        s->ours = carom_str_istarts(words, CAROM_STR("RCPT")) && names(words, s->addr);
        carom_str_word(&words, &word);
        s->command = word;
    } else if (carom_str_starts(line, CAROM_STR("<<<")) || carom_str_starts(line, CAROM_STR("<--"))) {
        see_reply(s, line, rest);
    } else if ((talking = carom_str_ifind(line, CAROM_STR("while talking to "))) != SIZE_MAX) {
        struct carom_str host = carom_str_trim(carom_str_from(line, talking + 17));
        while (host.len > 0 && (host.ptr[host.len - 1] == ':' || host.ptr[host.len - 1] == '.'))
            host.len--;
        s->host = host;
        s->ours = false;
        s->command = CAROM_STR("CONN");
    } else if (s->transcript) {
        see_result(s, line);
    } else if (carom_str_find(line, CAROM_STR("Transcript of ")) != SIZE_MAX) {
        s->transcript = true;
    }
}

/* MDaemon prints "-->" and "<--" behind the time. */
static struct carom_str from_arrow(struct carom_str line)
{
    struct carom_str head = carom_str_head(line, 48), words = carom_str_trim(line);

    if (carom_str_starts(words, CAROM_STR(">>> ")) || carom_str_starts(words, CAROM_STR("<<< "))) /* EZweb, Courier */
        return words;
    size_t at = carom_str_find(head, CAROM_STR("--> "));
    if (at == SIZE_MAX)
        at = carom_str_find(head, CAROM_STR("<-- "));
    return at == SIZE_MAX ? line : carom_str_from(line, at);
}

static bool has_session(struct carom_str text)
{
    struct carom_str rest = text;

    for (size_t at; (at = carom_str_chr(rest, '<')) != SIZE_MAX; rest = carom_str_from(rest, at + 1)) {
        struct carom_str here = carom_str_from(rest, at);
        if (carom_str_starts(here, CAROM_STR("<<<")) || carom_str_starts(here, CAROM_STR("<-- ")))
            return true;
    }
    return carom_str_find(text, CAROM_STR("Transcript of ")) != SIZE_MAX;
}

struct carom_str carom_transcript_reply(struct carom_reading *reading, struct carom_str addr, bool shared,
                                        struct carom_str *command_r, struct carom_str *host_r)
{
    struct carom_arena *arena = reading->arena;
    struct carom_str text = reading->report->text, line;
    const struct carom_str none = CAROM_STR_EMPTY;

    *command_r = *host_r = none;
    if (!has_session(text) || !carom_report_may_scan(reading))
        return none;
    struct session s = {arena, addr, none, none, false, none, none, none, none, none, none, none, none, none,
                        false, none, none};
    while (carom_str_line(&text, &line))
        see_line(&s, from_arrow(line), text);
    if (s.own.len > 0) {
        *command_r = s.own_command, *host_r = s.own_host;
        return s.own;
    }
    if (s.named.len > 0) {
        *command_r = s.named_command, *host_r = s.named_host;
        return s.named;
    }
    if (shared && s.last.len > 0) {
        *command_r = s.last_command, *host_r = s.last_host;
        return s.last;
    }
    return !shared ? none : s.result.len > 0 ? s.result : s.general;
}

/* ---- Paragraphs ---- */

/* The labels of quoted headers: what follows them is the returned message, not what happened to it. */
static bool is_header_label(struct carom_str label)
{
    static const char *const names[] = {"To:", "Cc:", "From:", "Reply-To:", "Return-Path:", "Sender:", "Delivered-To:"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (carom_str_ieq(label, carom_str(names[i])))
            return true;
    return false;
}

/* The line is about the address that stands first in it at `at`: at the front, behind marks or a short label ("Recipient
   address: "). *label_r: that label. */
static bool is_about(struct carom_str line, size_t at, struct carom_str *label_r)
{
    size_t i = 0;

    *label_r = CAROM_STR_EMPTY;
    if (at > 48)
        return false;
    while (i < at && (carom_is_space(line.ptr[i]) || strchr("<\"*->#[('", line.ptr[i])))
        i++;
    if (i == at)
        return true;
    struct carom_str label = carom_str_trim(carom_str_n(line.ptr + i, at - i));
    while (label.len > 0 && strchr("<\"[ ", label.ptr[label.len - 1]))
        label.len--;
    *label_r = label;
    return carom_str_ieq(label, CAROM_STR("generated by")) ||
           (label.len > 0 && label.ptr[label.len - 1] == ':' && !is_header_label(label));
}

/* "<a@example.com>: …", or without brackets (OpenSMTPD). */
static bool starts_with_address(struct carom_str line)
{
    size_t colon = carom_str_chr(line, ':'), end;

    if (colon < line.len && carom_str_chr(carom_str_head(line, colon), ' ') >= colon &&
        carom_address_valid(carom_str_head(line, colon)))
        return true;
    return line.len > 0 && line.ptr[0] == '<' && (end = carom_str_chr(line, '>')) < line.len &&
           carom_str_chr(carom_str_head(line, end), '@') < end;
}

/* What stands behind addr, to the end of the paragraph or the next recipient. */
static struct carom_str paragraph(struct carom_arena *arena, struct carom_str text, struct carom_str addr)
{
    struct carom_str rest = text, label, best = CAROM_STR_EMPTY;
    size_t at;

    while (best.len == 0 && (at = carom_str_ifind(rest, addr)) != SIZE_MAX) {
        const struct carom_str line = carom_str_line_around(rest, at);
        const char *start = rest.ptr + at + addr.len, *end = line.ptr + line.len;
        at -= (size_t)(line.ptr - rest.ptr);
        rest = carom_str_from(rest, carom_str_skip_line_end(rest, (size_t)(end - rest.ptr)));
        if (start > end || !is_about(line, at, &label)) /* on two lines it is no address */
            continue;
        struct carom_str after = rest, next;
        while (carom_str_line(&after, &next) && !carom_str_blank(next) && !starts_with_address(next) &&
               !(label.len > 0 && carom_str_istarts(carom_str_trim(next), label)))
            end = next.ptr + next.len;
        while (start < end && (carom_is_space(*start) || strchr(">\"):,;]*'", *start)))
            start++;
        best = carom_text_flow(arena, carom_str_n(start, (size_t)(end - start)));
    }
    return best;
}

/* "x-unix; 77", "unknown", the comment of a Status, nothing: says less than any sentence. Domino folds X-Notes within
   words. */
static bool is_poor(const struct carom_report_recipient *recipient)
{
    struct carom_str diagnostic = recipient->diagnostic;

    return diagnostic.len == 0 || carom_str_chr(diagnostic, ' ') >= diagnostic.len ||
           carom_str_ieq(recipient->diagnostic_type, CAROM_STR("x-notes")) ||
           carom_str_eq(recipient->where, CAROM_STR("Status"));
}

/* Sendmail keeps the first line of a reply: "552-5.7.0 This message was blocked because its content presents a". */
static bool goes_on(struct carom_str words, struct carom_str diagnostic)
{
    return diagnostic.len > 3 && diagnostic.ptr[3] == '-' && words.len > diagnostic.len &&
           carom_str_starts(words, diagnostic);
}

static bool same_class(struct carom_str a, struct carom_str b)
{
    return a.len > 0 && b.len > 0 && a.ptr[0] == b.ptr[0];
}

void carom_read_words(struct carom_reading *reading, struct carom_report_recipient *recipient)
{
    struct carom_str text = reading->report->text, command, host, addr = recipient->final, words;

    if (addr.len == 0 || text.len == 0 || !carom_report_may_scan(reading))
        return;
    words = carom_transcript_reply(reading, addr, true, &command, &host);
    if (words.len > 0 && !(recipient->diagnostic.len > 0 && !is_poor(recipient) &&
                           carom_is_digit(recipient->diagnostic.ptr[0]) && !same_class(words, recipient->diagnostic))) {
        words = carom_text_flow(reading->arena, words);
        recipient->command = command;
        recipient->session = command.len > 0;
        if (recipient->remote_mta.len == 0)
            recipient->remote_mta = host;
    } else {
        words = paragraph(reading->arena, text, addr);
        if (words.len == 0 && recipient->original.len > 0)
            words = paragraph(reading->arena, text, recipient->original);
        if (words.len == 0 && is_poor(recipient) && carom_report_may_scan(reading))
            words = carom_text_words(reading, addr);
    }
    if (words.len == 0 || carom_str_ieq(words, recipient->diagnostic))
        return;
    recipient->text_diagnostic = words;
    if (is_poor(recipient) || goes_on(words, recipient->diagnostic)) {
        recipient->diagnostic = words;
        recipient->diagnostic_type = CAROM_STR_EMPTY;
        recipient->where = CAROM_STR("text");
    }
}

/* ---- Details ---- */

static void take_detail(struct carom_report_recipient *r, const struct carom_line_captures *found,
                        struct carom_str command)
{
    if (r->remote_mta.len == 0)
        r->remote_mta = found->host;
    if (r->remote_ip.len == 0)
        r->remote_ip = found->ip;
    if (r->original.len == 0)
        r->original = found->original;
    if (r->command.len == 0)
        r->command = command.len ? command : found->command;
}

static bool is_ip(struct carom_str s)
{
    bool v6 = carom_str_chr(s, ':') < s.len;

    for (size_t i = 0; i < s.len; i++)
        if (!carom_is_digit(s.ptr[i]) && s.ptr[i] != '.' && !(v6 && strchr(":abcdefABCDEF", s.ptr[i])))
            return false;
    return s.len > 0;
}

/* "RCPT TO:<a@b>", "end of data", "HELO/EHLO x": to the verbs that a fact may have. */
static struct carom_str verb(struct carom_str command)
{
    static const struct {
        const char *start, *verb;
    } verbs[] = {
        {"RCPT", "RCPT"}, {"MAIL", "MAIL"}, {"end of DATA", "DATA"}, {"DATA", "DATA"}, {"BDAT", "BDAT"}, {".", "DATA"}, {"final DATA", "DATA"},
        {"sending end of data", "DATA"}, {"sending message", "DATA"}, {"EHLO", "EHLO"}, {"HELO", "EHLO"},
        {"LHLO", "EHLO"}, {"CONN", "CONN"}, {"initial connection", "CONN"}, {"STARTTLS", "EHLO"}, {"RSET", "MAIL"},
        {"pipelined end", "DATA"}, {"pipelined sending", "DATA"}, {"pipelined MAIL", "MAIL"},
        {"pipelined RCPT", "RCPT"}, {"pipelined DATA", "DATA"}, {"TEXT", "DATA"},
    };

    for (size_t i = 0; command.len > 0 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (carom_str_istarts(command, carom_str(verbs[i].start)))
            return carom_str(verbs[i].verb);
    return CAROM_STR_EMPTY;
}

/* One of the things that the row catches is not known yet. */
static bool may_add(const struct carom_report_recipient *r, const struct carom_detail_row *row)
{
    bool adds = row->command.len > 0 && r->command.len == 0;
    struct carom_str rest = carom_cell_str(row->pattern);

    for (size_t at; !adds && (at = carom_str_chr(rest, '{')) != SIZE_MAX && at + 1 < rest.len;) {
        rest = carom_str_from(rest, at + 1);
        switch (rest.ptr[0]) {
        case 'h': adds = r->remote_mta.len == 0; break;
        case 'i': adds = r->remote_ip.len == 0; break;
        case 'o': adds = r->original.len == 0; break;
        default: adds = r->command.len == 0;
        }
    }
    return adds;
}

static void scan_details(struct carom_reading *reading, struct carom_report_recipient *r, struct carom_str words)
{
    struct carom_line_captures found;
    struct carom_sieved rows;
    size_t start, end;

    if (words.len == 0)
        return;
    carom_sieved_init(&rows);
    carom_sieve_add(carom_details_sieves, words, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++)
        if (may_add(r, &carom_details[i]) &&
            carom_line_find(reading->arena, words, carom_cell_str(carom_details[i].pattern), &found, &start, &end))
            take_detail(r, &found, carom_cell_str(carom_details[i].command));
}

/* Mostly the human part has the diagnostic in it, with more around. It is looked for once, by its beginning. */
static bool quotes(struct carom_str text, struct carom_str diagnostic)
{
    enum { BEGINNING = 16 };
    size_t at = carom_str_ifind(text, carom_str_head(diagnostic, BEGINNING));

    return at != SIZE_MAX && carom_str_starts(carom_str_from(text, at), diagnostic);
}

void carom_read_details(struct carom_reading *reading, struct carom_report_recipient *recipient)
{
    scan_details(reading, recipient, recipient->text_diagnostic);
    if (!quotes(recipient->text_diagnostic, recipient->diagnostic))
        scan_details(reading, recipient, recipient->diagnostic);
    recipient->command = verb(recipient->command);
    if (is_ip(recipient->remote_mta)) { /* McAfee, qmail: they name nothing else */
        if (recipient->remote_ip.len == 0)
            recipient->remote_ip = recipient->remote_mta;
        recipient->remote_mta = CAROM_STR_EMPTY;
    }
    if (carom_str_ieq(recipient->original, recipient->final))
        recipient->original = CAROM_STR_EMPTY;
}
