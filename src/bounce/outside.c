/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a message looks like from outside: who sends it, what its subject announces, whether a person wrote it. A report
   with fields of its own needs none of this, so that it waits for the first reader that asks. */

#include "base/utf8.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/address.h"

/* RFC 5321 4.5.5: reports come from nobody. MAILER-DAEMON is how some servers write that to a command. */
static bool is_nobody(const char *sender)
{
    struct carom_str name = carom_str_trim(carom_str(sender));

    return sender && (!name.len || carom_str_eq(name, CAROM_STR("<>")) || carom_str_ieq(name, CAROM_STR("MAILER-DAEMON")));
}

/* RFC 3834 5. Jobs, shops and monitors write "auto-generated" too, so that from them it says nothing of a bounce. */
static bool answers_by_itself(const struct carom_outside *outside, const struct carom_headers *headers)
{
    struct carom_str automatic = carom_headers_get(headers, "Auto-Submitted");

    if (carom_str_istarts(automatic, CAROM_STR("auto-generated")))
        return outside->daemon || carom_str_ifind(automatic, CAROM_STR("(failure)")) != SIZE_MAX;
    return automatic.len > 0 && !carom_str_istarts(automatic, CAROM_STR("no"));
}

static void read_sender(struct carom_reading *reading, struct carom_outside *outside)
{
    const struct carom_headers *headers = &reading->message->root->headers;
    struct carom_str value = carom_headers_get(headers, "From"), rest = value;
    struct carom_str path = carom_headers_get(headers, "Return-Path");

    outside->from_name = CAROM_STR_EMPTY;
    bool address = carom_address_next(reading->arena, &rest, &outside->from, &outside->from_name);
    if (!address) {
        outside->from = carom_header_token(reading->arena, value);
        outside->from_name = carom_header_text(reading->arena, value);
    }
    size_t at = carom_str_chr(outside->from, '@');
    struct carom_str local = carom_str_head(outside->from, at < outside->from.len ? at : outside->from.len);

    outside->daemon = carom_report_sign(local, CAROM_STR("local")) || carom_report_sign(outside->from_name, CAROM_STR("name")) ||
                      (!address && value.len > 0 && carom_address_first(reading->arena, value).len == 0);
    outside->null_sender = carom_str_eq(path, CAROM_STR("<>")) || answers_by_itself(outside, headers) ||
                           is_nobody(reading->sender);
    outside->unsent = path.len == 0 && !reading->sender;
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
    carom_sieve_add(carom_sieve_named(carom_notices_sieves, carom_notices_sieves_n, CAROM_STR("no subject")), subject, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++) {
        const struct carom_notice_row *row = &carom_notices[i];
        struct carom_str pattern = carom_cell_str(row->pattern);
        if (carom_str_eq(carom_cell_str(row->gives), CAROM_STR("autoreply")) &&
            !carom_str_starts(pattern, CAROM_STR("*")) && carom_str_glob(subject, pattern))
            return true;
    }
    return false;
}

static void read_subject(struct carom_reading *reading, struct carom_outside *outside)
{
    outside->subject = carom_headers_text(reading->arena, &reading->message->root->headers, "Subject");
    outside->folded = carom_utf8_normalise(reading->arena, outside->subject).folded;
    outside->undelivered = carom_report_sign(outside->subject, CAROM_STR("subject")) && !announces_reply(outside->folded);
    struct carom_str shown = without_marks(outside->subject);
    outside->answer = !outside->daemon && (carom_report_sign(outside->subject, CAROM_STR("answer")) ||
                                           (shown.len < outside->subject.len && carom_report_sign(shown, CAROM_STR("answer"))));
}

static bool is_job(const struct carom_outside *outside, const struct carom_headers *headers)
{
    return carom_str_istarts(carom_headers_get(headers, "Auto-Submitted"), CAROM_STR("auto-generated")) &&
           !answers_by_itself(outside, headers);
}

static bool has_mailer(const struct carom_headers *headers)
{
    return carom_headers_has(headers, "User-Agent") ||
           carom_report_sign(carom_headers_get(headers, "X-Mailer"), CAROM_STR("mailer"));
}

/* Who writes is who gets what bounces. */
static bool sends_itself(struct carom_arena *arena, const struct carom_outside *outside, const struct carom_headers *headers)
{
    struct carom_str path = carom_address_first(arena, carom_headers_get(headers, "Return-Path"));

    return path.len > 0 && carom_str_ieq(path, outside->from);
}

/* Reports come from nobody (RFC 5321 6.1). Who stands behind both senders, or writes with a mail program, is somebody;
   jobs, shops and monitors, whose mail may come from nobody as well, say "auto-generated". */
static void read_writer(struct carom_reading *reading, struct carom_outside *outside)
{
    const struct carom_headers *headers = &reading->message->root->headers;

    outside->bulk = carom_headers_has(headers, "List-Id") || carom_headers_has(headers, "List-Unsubscribe");
    outside->person = !outside->daemon && (outside->bulk || is_job(outside, headers) ||
                                           (!outside->null_sender && has_mailer(headers)) ||
                                           sends_itself(reading->arena, outside, headers));
}

const struct carom_outside *carom_report_outside(struct carom_reading *reading)
{
    struct carom_outside *outside = reading->outside;

    if (outside)
        return outside;
    reading->outside = outside = carom_arena_new_of(reading->arena, struct carom_outside);
    read_sender(reading, outside);
    read_subject(reading, outside);
    read_writer(reading, outside);
    return outside;
}

bool carom_report_suspect(struct carom_reading *reading)
{
    const struct carom_outside *outside = carom_report_outside(reading);

    return !outside->answer && (outside->daemon || (outside->undelivered && !outside->person));
}

bool carom_report_automatic(struct carom_reading *reading)
{
    const struct carom_outside *outside = carom_report_outside(reading);

    return carom_report_suspect(reading) || (outside->null_sender && !outside->answer);
}
