/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The last resort: mail that looks like a bounce in sender or subject and names an address beside words of failure. A
   newsletter about bounces, an answer to one, a discussion with quoted replies: all have addresses and words, so that
   two independent signs are asked for. All it says is a guess. */

#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/address.h"
#include "smtp/reply.h"

enum { PARAGRAPHS_MAX = 200, RECIPIENTS_MAX = 50 };

/* From outside: two of a mail system as sender, a subject of failure, nobody as sender, and a message that came back.
   Where it is not known who sent it, a mail system is given the benefit of the doubt. */
static bool looks_like_bounce(struct carom_reading *reading)
{
    const struct carom_outside *outside = carom_report_outside(reading);
    int signs = outside->daemon + (outside->undelivered && !outside->person) + (reading->report->returned_headers.n > 0) +
                (outside->null_sender || (outside->daemon && outside->unsent));

    return !outside->answer && !outside->bulk && signs >= 2 &&
           (outside->daemon || outside->undelivered || carom_report_sign(reading->report->text, CAROM_STR("failure")));
}

/* Takes the next paragraph off *rest. */
static bool next_paragraph(struct carom_str *rest, struct carom_str *paragraph_r)
{
    const char *start = NULL, *end = NULL;
    struct carom_str line;

    while (carom_str_line(rest, &line)) {
        if (carom_str_blank(line)) {
            if (start)
                break;
            continue;
        }
        if (line.ptr[0] == '>')
            continue;
        if (!start)
            start = line.ptr;
        end = line.ptr + line.len;
    }
    if (start)
        *paragraph_r = carom_str_n(start, (size_t)(end - start));
    return start != NULL;
}

/* Whose address it is not: the two parties of the bounce itself. */
static bool is_party(struct carom_reading *reading, struct carom_str addr)
{
    const struct carom_headers *headers = &reading->message->root->headers;
    static const char *const names[] = {"To", "Delivered-To", "Return-Path", "Reply-To", "X-Original-To"};
    static const char *const theirs[] = {"From", "Sender", "Return-Path", "Reply-To"};
    struct carom_str at = carom_str_from(addr, carom_str_chr(addr, '@'));

    if (carom_str_ieq(addr, carom_report_outside(reading)->from) ||
        carom_report_sign(carom_str_head(addr, addr.len - at.len), CAROM_STR("local")))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (carom_str_ieq(addr, carom_address_first(reading->arena, carom_headers_get(headers, names[i]))))
            return true;
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
        if (carom_str_ieq(addr, carom_address_first(reading->arena,
                                                    carom_headers_get(&reading->report->returned_headers, theirs[i]))))
            return true;
    return false;
}

static bool speaks_of_failure(struct carom_str words)
{
    return carom_report_sign(words, CAROM_STR("failure")) || carom_report_sign(words, CAROM_STR("delay")) ||
           carom_reply_find(words).code >= 400;
}

/* "Questions? Write to help@example.com": where to turn to, not whom it failed to reach. */
static bool is_contact(struct carom_str line, struct carom_str addr)
{
    size_t at = carom_str_ifind(line, addr);
    struct carom_str before = carom_str_head(line, at == SIZE_MAX ? 0 : at);

    return carom_report_sign(carom_str_from(before, before.len > 60 ? before.len - 60 : 0), CAROM_STR("contact"));
}

static void add_all(struct carom_reading *reading, struct carom_str paragraph, struct carom_str words)
{
    struct carom_str line;

    while (carom_str_line(&paragraph, &line)) {
        struct carom_str addr = carom_address_find(reading->arena, line);
        if (carom_str_ifind(line, CAROM_STR("message-id")) != SIZE_MAX)
            continue;
        if (!carom_address_valid(addr) || is_party(reading, addr) || is_contact(line, addr) ||
            carom_report_find(reading, addr) || reading->report->n >= RECIPIENTS_MAX)
            continue;
        struct carom_report_recipient *r = carom_report_add(reading);
        r->final = addr;
        r->diagnostic = words;
        r->where = CAROM_STR("text");
        r->claim = carom_report_sign(carom_report_outside(reading)->subject, CAROM_STR("delay")) ||
                           carom_report_sign(words, CAROM_STR("delay"))
                       ? CAROM_CLAIM_DELAYED
                   : carom_report_sign(words, CAROM_STR("gave_up")) ? CAROM_CLAIM_GAVE_UP
                                                         : CAROM_CLAIM_FAILED;
        carom_read_details(reading, r);
    }
}

struct paragraphs {
    struct carom_str list[PARAGRAPHS_MAX], words[PARAGRAPHS_MAX];
    size_t n;
};

static void split(struct carom_reading *reading, struct paragraphs *all)
{
    struct carom_str rest = reading->report->text;

    for (all->n = 0; all->n < PARAGRAPHS_MAX && next_paragraph(&rest, &all->list[all->n]); all->n++)
        all->words[all->n] = carom_text_flow(reading->arena, all->list[all->n]);
}

/* An address counts with the words of its own paragraph, or of the one before or behind it. */
static void scan(struct carom_reading *reading, const struct paragraphs *all)
{
    const struct carom_str *list = all->list, *words = all->words;
    size_t n = all->n;

    for (size_t i = 0; i < n; i++) {
        if (carom_str_chr(list[i], '@') >= list[i].len)
            continue;
        if (speaks_of_failure(words[i]))
            add_all(reading, list[i], words[i]);
        else if (i + 1 < n && speaks_of_failure(words[i + 1]))
            add_all(reading, list[i], carom_arena_join(reading->arena, words[i], ' ', words[i + 1]));
        else if (i > 0 && speaks_of_failure(words[i - 1]))
            add_all(reading, list[i], carom_arena_join(reading->arena, words[i], ' ', words[i - 1]));
    }
}

/* In a language that nobody wrote words down of: where sender and subject, or sender and a returned message, both say
   that this is a bounce, the first paragraph that names somebody else names who did not get it. */
static void scan_wordless(struct carom_reading *reading, const struct paragraphs *all)
{
    const struct carom_outside *outside = carom_report_outside(reading);
    bool returned = reading->report->returned_headers.n > 3;
    bool sure = outside->daemon && (outside->undelivered || (outside->null_sender && returned));

    for (size_t i = 0; sure && i < all->n && reading->report->n == 0; i++)
        if (carom_str_chr(all->list[i], '@') < all->list[i].len)
            add_all(reading, all->list[i], carom_text_flow(reading->arena, reading->report->text));
}

/* X-Failed-Recipients is Exim's and Google's word for it, whatever the text says. */
static void add_failed_header(struct carom_reading *reading)
{
    struct carom_str rest = carom_headers_get(&reading->message->root->headers, "X-Failed-Recipients"), addr;

    while (reading->report->n < RECIPIENTS_MAX && carom_address_next(reading->arena, &rest, &addr, NULL)) {
        struct carom_report_recipient *r = carom_report_add(reading);
        r->final = addr;
        r->diagnostic = carom_text_flow(reading->arena, reading->report->text);
        r->where = CAROM_STR("text");
        r->claim = CAROM_CLAIM_FAILED;
    }
}

bool carom_read_generic(struct carom_reading *reading)
{
    struct carom_report *report = reading->report;
    struct paragraphs all;

    if (!looks_like_bounce(reading))
        return false;
    split(reading, &all);
    scan(reading, &all);
    if (report->n == 0)
        add_failed_header(reading);
    if (report->n == 0)
        scan_wordless(reading, &all);
    if (report->n == 0)
        return false;
    report->type = CAROM_REPORT_DELIVERY;
    report->format = CAROM_STR("generic");
    report->guess = true;
    return true;
}
