/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.smtp: what we mail. Our own mail (alerts, probes, a bounce forwarded to a person, any other decision told to an
   address) has the null envelope sender, but a probe, which is to come back, a signed one; it is marked as automatic and carries our loop header. A returned message is
   submitted again only where all conditions of carom-policy(5) hold; the job says which one failed. Nothing that came by
   mail gets into a header unless it is one line of plain characters. */

#include "outbox/render.h"

#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <time.h>

#include "base/date.h"
#include "base/utf8.h"
#include "bounce/report.h"
#include "decision/trust.h"
#include "mail/address.h"

#define LOOP_HEADER "X-Carom-Loop"
enum { RESUBMIT_MAX = 10 << 20, SUBJECT_MAX = 160, DAY_S = 86400, BOUNDARY = 32 };
static const int64_t default_max_age = 2 * DAY_S * INT64_C(1000);

static enum carom_rendered refuse(struct carom_render *render, const char *why)
{
    carom_error_set(render->err, CAROM_ERROR_USAGE, "sink %.*s: not sent: %s", CAROM_STR_ARG(render->sink->name), why);
    return CAROM_RENDER_DEAD;
}

static enum carom_rendered misconfigured(struct carom_render *render, const char *why)
{
    carom_error_set(render->err, CAROM_ERROR_CONFIG, "sink %.*s: %s", CAROM_STR_ARG(render->sink->name), why);
    return CAROM_RENDER_WAIT;
}

/* ---- Where it goes ---- */

/* A sink that names no server uses the one of the configuration's `smtp`. */
static const struct carom_sink *relay_of(const struct carom_render *render)
{
    return render->sink->url.len ? render->sink : render->config->smtp;
}

/* Printable, without what would end it inside <…>: it goes into an SMTP command and a header. */
static bool is_mailable(struct carom_str address)
{
    for (size_t i = 0; i < address.len; i++)
        if ((unsigned char)address.ptr[i] <= ' ' || address.ptr[i] == 0x7f || strchr("<>,;", address.ptr[i]))
            return false;
    return address.len > 0 && address.len <= 254 && address.ptr[0] != '-' && carom_address_valid(address);
}

static enum carom_rendered set_relay(struct carom_render *render, struct carom_request *request)
{
    const struct carom_sink *relay = relay_of(render);
    if (!relay || !relay->url.len)
        return misconfigured(render, "no server is named: give it a url, or configure smtp");
    if (!carom_render_url_is_sound(render, relay->url, "smtp://", "smtps://"))
        return CAROM_RENDER_WAIT;
    request->method = "";
    request->url = carom_arena_str(render->arena, relay->url).ptr;
    request->allow_private = relay->allow_private;
    request->ca = relay->ca.len ? carom_arena_str(render->arena, relay->ca).ptr : NULL;
    if (!relay->user.len)
        return CAROM_RENDERED;
    struct carom_str password;
    if (carom_render_secret(render, &relay->password, "password", &password) != 0)
        return CAROM_RENDER_WAIT;
    request->user = carom_arena_str(render->arena, relay->user).ptr;
    request->password = carom_arena_str(render->arena, password).ptr;
    return CAROM_RENDERED;
}

static enum carom_rendered set_recipient(struct carom_render *render, struct carom_str address,
                                         struct carom_request *request)
{
    if (!is_mailable(address))
        return refuse(render, address.len ? "the recipient is no address that mail can go to" : "no recipient is known");
    request->rcpt = carom_arena_str(render->arena, address).ptr;
    return CAROM_RENDERED;
}

/* ---- Lines ---- */

/* SMTP wants CRLF and no bare CR or LF, at which servers may disagree where a message ends. */
static void add_lines(struct carom_buf *out, struct carom_str text)
{
    struct carom_str line;
    while (carom_str_line(&text, &line)) {
        carom_buf_add_str(out, line);
        carom_buf_add_str(out, CAROM_STR("\r\n"));
    }
}

/* One line of valid UTF-8, without control characters. */
static struct carom_str one_line(struct carom_arena *arena, struct carom_str text, size_t max)
{
    char *out = carom_arena_alloc(arena, max + 4);
    size_t n = 0;
    while (text.len && n < max) {
        uint32_t character = 0;
        size_t length = carom_utf8_decode(text, &character);
        bool shown = length && n + length <= max && carom_utf8_printable(character);
        if (shown)
            memcpy(out + n, text.ptr, length);
        else
            out[n] = ' ';
        n += shown ? length : 1;
        text = carom_str_from(text, length ? length : 1);
    }
    return carom_str_n(out, n);
}

/* RFC 2047: base64 words of at most 45 bytes, cut between characters. Plain ASCII stays. */
static void add_text_header(struct carom_render *render, struct carom_buf *out, const char *name, struct carom_str text)
{
    bool plain = carom_str_find(text, CAROM_STR("=?")) == SIZE_MAX;
    text = carom_str_trim(one_line(render->arena, text, SUBJECT_MAX));
    for (size_t i = 0; i < text.len; i++)
        plain = plain && (unsigned char)text.ptr[i] < 0x80;
    carom_buf_printf(out, "%s:", name);
    if (plain)
        carom_buf_printf(out, " " CAROM_STR_FMT, CAROM_STR_ARG(text));
    while (!plain && text.len) {
        char word[BASE64_ENCODE_RAW_LENGTH(45) + 1];
        size_t n = text.len < 45 ? text.len : 45;
        while (n > 1 && n < text.len && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
            n--;
        base64_encode_raw(word, n, (const uint8_t *)text.ptr);
        word[BASE64_ENCODE_RAW_LENGTH(n)] = '\0';
        text = carom_str_from(text, n);
        carom_buf_printf(out, " =?UTF-8?B?%s?=%s", word, text.len ? "\r\n" : "");
    }
    carom_buf_add_str(out, CAROM_STR("\r\n"));
}

/* RFC 5322 3.3, in English whatever the locale. */
static void add_date(struct carom_buf *out, int64_t seconds)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t then = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&then, &tm))
        carom_buf_printf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday,
                         months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- Our own mail ---- */

/* The same at every attempt, so that whoever gets it twice knows it again. */
static enum carom_rendered add_envelope(struct carom_render *render, struct carom_buf *out, struct carom_str to,
                                        struct carom_str subject)
{
    const struct carom_sink *relay = relay_of(render);
    struct carom_str from = render->sink->sender.len ? render->sink->sender : relay->sender;
    if (!is_mailable(from))
        return misconfigured(render, from.len ? "its sender (from) is no address" : "no sender is named: configure smtp's from");
    add_date(out, render->job->created / 1000);
    carom_buf_printf(out, "From: <" CAROM_STR_FMT ">\r\nTo: <" CAROM_STR_FMT ">\r\n", CAROM_STR_ARG(from),
                     CAROM_STR_ARG(to));
    add_text_header(render, out, "Subject", subject);
    carom_buf_printf(out, "Message-ID: <" CAROM_STR_FMT "@" CAROM_STR_FMT ">\r\n", CAROM_STR_ARG(render->job->key),
                     CAROM_STR_ARG(carom_address_domain(from)));
    carom_buf_printf(out, "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n" LOOP_HEADER
                          ": " CAROM_STR_FMT "\r\nMIME-Version: 1.0\r\n", CAROM_STR_ARG(render->job->key));
    return CAROM_RENDERED;
}

static void add_field(struct carom_render *render, struct carom_buf *out, const char *label, const char *name)
{
    struct carom_str value = one_line(render->arena, carom_render_field(render, name), 400);
    if (value.len)
        carom_buf_printf(out, "%s: " CAROM_STR_FMT "\r\n", label, CAROM_STR_ARG(value));
}

/* What happened, in lines; each of them ours, whatever stands behind its colon. */
static void add_story(struct carom_render *render, struct carom_buf *out)
{
    carom_buf_add_str(out, CAROM_STR("Content-Type: text/plain; charset=utf-8\r\n"
                                     "Content-Transfer-Encoding: 8bit\r\n\r\n"));
    struct carom_str text = one_line(render->arena, carom_render_field(render, "text"), 900);
    if (text.len)
        carom_buf_printf(out, CAROM_STR_FMT "\r\n\r\n", CAROM_STR_ARG(text));
    add_field(render, out, "Action", "action");
    add_field(render, out, "Address", "recipient");
    add_field(render, out, "List", "list");
    add_field(render, out, "Kind", "kind");
    add_field(render, out, "Reason", "reason");
    add_field(render, out, "Provider", "provider");
    add_field(render, out, "Diagnostic", "diagnostic");
    add_field(render, out, "Authenticity", "authenticity");
    add_field(render, out, "Not told since the last one", "count");
    carom_buf_printf(out, "Job: " CAROM_STR_FMT "\r\n", CAROM_STR_ARG(render->job->key));
}

static struct carom_str subject_of(struct carom_render *render)
{
    struct carom_str text = carom_render_field(render, "text");
    struct carom_str about = carom_render_field(render, "recipient");
    if (text.len)
        return carom_arena_printf(render->arena, "carom: " CAROM_STR_FMT, CAROM_STR_ARG(text));
    return carom_arena_printf(render->arena, "carom: " CAROM_STR_FMT "%s" CAROM_STR_FMT,
                              CAROM_STR_ARG(render->job->action), about.len ? " " : "", CAROM_STR_ARG(about));
}

static enum carom_rendered tell(struct carom_render *render, struct carom_str to, struct carom_buf *out)
{
    enum carom_rendered result = add_envelope(render, out, to, subject_of(render));
    if (result == CAROM_RENDERED)
        add_story(render, out);
    return result;
}

/* Signed for the day on which it was decided, so that every attempt is the same mail. The list goes where there is no
   room for it: what matters is who it was that did not get it. */
static enum carom_rendered sign_probe(struct carom_render *render, struct carom_str to, struct carom_request *request)
{
    struct carom_str list = carom_trust_list_name(render->config, carom_render_field(render, "list"));
    struct carom_verp_subject subject = {list, CAROM_STR(CAROM_VERP_PROBE), to};
    struct carom_verp *verp;
    if (carom_trust_keys(render->arena, render->config, &verp, render->err) != 0)
        return carom_error_prefix(render->err, "sink %.*s", CAROM_STR_ARG(render->sink->name)), CAROM_RENDER_WAIT;
    if (!verp)
        return misconfigured(render, "a probe needs a signed return path: configure verp");
    struct carom_str path = carom_verp_sign(render->arena, verp, CAROM_VERP_PATH, &subject, render->job->created / 1000,
                                            render->err);
    if (path.len && carom_str_ifind(path, CAROM_STR("=." CAROM_VERP_PROBE)) == SIZE_MAX) {
        subject.list = CAROM_STR_EMPTY;
        path = carom_verp_sign(render->arena, verp, CAROM_VERP_PATH, &subject, render->job->created / 1000, render->err);
    }
    if (!path.len)
        return CAROM_RENDER_WAIT;
    request->sender = path.ptr;
    return CAROM_RENDERED;
}

static enum carom_rendered probe(struct carom_render *render, struct carom_str to, struct carom_request *request,
                                 struct carom_buf *out)
{
    enum carom_rendered result = sign_probe(render, to, request);
    if (result == CAROM_RENDERED)
        result = add_envelope(render, out, to, CAROM_STR("Does this address still work?"));
    if (result != CAROM_RENDERED)
        return result;
    carom_buf_add_str(out, CAROM_STR("Content-Type: text/plain; charset=utf-8\r\n\r\n"
                                     "Mail to this address came back. This message only tries whether it arrives\r\n"
                                     "again. There is nothing to do; an answer is not needed and not read.\r\n"));
    return result;
}

/* ---- A bounce to a person ---- */

static bool has_looped(struct carom_render *render, struct carom_str message)
{
    struct carom_str body;
    struct carom_headers headers = carom_headers_parse(render->arena, message, &body);
    return carom_headers_has(&headers, LOOP_HEADER);
}

/* A boundary made of what stands between: nobody can write it in. */
static void boundary_of(struct carom_str bytes, char out[BOUNDARY + 1])
{
    struct sha256_ctx ctx;
    uint8_t digest[BOUNDARY / 2];
    sha256_init(&ctx);
    sha256_update(&ctx, bytes.len, (const uint8_t *)bytes.ptr);
    sha256_digest(&ctx, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static enum carom_rendered forward(struct carom_render *render, struct carom_str to, struct carom_buf *out)
{
    struct carom_str raw = render->mail->raw, body;
    char boundary[BOUNDARY + 1];
    if (!raw.len)
        return refuse(render, "the message is not kept in the ledger, or not any more");
    if (has_looped(render, raw))
        return refuse(render, "the message was sent by carom itself (" LOOP_HEADER "): it would go round");
    struct carom_headers headers = carom_headers_parse(render->arena, raw, &body);
    struct carom_str subject = carom_headers_text(render->arena, &headers, "Subject");
    subject = carom_arena_printf(render->arena, "Fwd: " CAROM_STR_FMT, CAROM_STR_ARG(subject));
    enum carom_rendered result = add_envelope(render, out, to, subject);
    if (result != CAROM_RENDERED)
        return result;
    boundary_of(raw, boundary);
    carom_buf_printf(out, "Content-Type: multipart/mixed; boundary=\"=_%s\"\r\n\r\n--=_%s\r\n", boundary, boundary);
    add_story(render, out);
    carom_buf_printf(out, "\r\n--=_%s\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", boundary);
    add_lines(out, raw);
    carom_buf_printf(out, "\r\n--=_%s--\r\n", boundary);
    return result;
}

/* ---- A returned message, once more ---- */

/* Exim says in words that it cut the copy. */
static bool was_cut(const struct carom_report *report)
{
    return carom_str_ifind(report->text, CAROM_STR("or so are included here")) != SIZE_MAX;
}

static bool all_closed(const struct carom_part *root)
{
    for (const struct carom_part *part = root; part; part = carom_part_walk(root, (struct carom_part *)(uintptr_t)part))
        if (carom_part_is(part, "multipart/") && !part->closed)
            return false;
    return true;
}

/* The returned message, or NULL with *why. */
static const struct carom_part *returned_of(struct carom_render *render, const char **why)
{
    *why = "no message is kept that could be submitted again, or not any more";
    if (!render->mail->raw.len)
        return NULL;
    struct carom_message *message = carom_message_parse(render->arena, render->mail->raw);
    const struct carom_report *report = carom_report_read(render->arena, message, NULL);
    *why = "the message did not come back, or not as a part of the bounce";
    if (!report->returned || !carom_part_is(report->returned, "message/") || !report->returned->child)
        return NULL;
    *why = "the message did not come back completely";
    if (!report->returned_complete || message->truncated || message->limited || was_cut(report) ||
        !all_closed(report->returned->child))
        return NULL;
    *why = NULL;
    return report->returned;
}

/* Why the same delivery must not be submitted again, or NULL. */
static const char *unproven(struct carom_render *render, char *text, size_t size)
{
    struct carom_str authenticity = carom_render_field(render, "authenticity");
    if (!carom_str_eq(authenticity, CAROM_STR("direct")) && !carom_str_eq(authenticity, CAROM_STR("signed")))
        return "the bounce is neither direct nor signed: it may be forged, and so may the message in it";
    if (!render->mail->same_delivery_known)
        return "the delivery has no identity, so that it may have been submitted again before";
    if (render->mail->before == 0)
        return NULL;
    snprintf(text, size, "this delivery was submitted again before, by job %lld", (long long)render->mail->before);
    return text;
}

static const char *too_old(const struct carom_render *render, const struct carom_part *returned)
{
    int64_t max_age = render->sink->max_age_ms ? render->sink->max_age_ms : default_max_age;
    int64_t date = carom_date_parse(carom_headers_get(&returned->child->headers, "Date"));
    if (date == 0 || date > render->now + DAY_S)
        return "the message has no usable date, so that its age is not known";
    return render->now - date > max_age / 1000 ? "the message is older than max_age" : NULL;
}

/* As it came back: what the receiving servers wrote on top stays, but Return-Path, which a relay must not see
   (RFC 5321 4.4). */
static void add_returned(struct carom_buf *out, struct carom_str bytes)
{
    struct carom_str rest = bytes, line;
    bool dropping = false;
    while (carom_str_line(&rest, &line) && line.len) {
        bool folded = line.ptr[0] == ' ' || line.ptr[0] == '\t';
        dropping = folded ? dropping : carom_str_istarts(line, CAROM_STR("Return-Path:"));
        if (!dropping)
            add_lines(out, carom_str_n(line.ptr, line.len));
        bytes = rest;
    }
    if (!line.len)
        add_lines(out, bytes);
}

static enum carom_rendered resubmit(struct carom_render *render, struct carom_buf *out)
{
    char text[96];
    const char *why = unproven(render, text, sizeof text);
    const struct carom_part *returned = why ? NULL : returned_of(render, &why);
    if (!why)
        why = too_old(render, returned);
    if (!why && carom_headers_has(&returned->child->headers, LOOP_HEADER))
        why = "the message was submitted again before (" LOOP_HEADER ")";
    if (why)
        return refuse(render, why);
    struct carom_str bytes = carom_part_bytes(render->arena, returned, RESUBMIT_MAX + 1);
    if (bytes.len > RESUBMIT_MAX)
        return refuse(render, "the message is larger than 10 MB");
    carom_buf_printf(out, LOOP_HEADER ": " CAROM_STR_FMT "\r\n", CAROM_STR_ARG(render->job->key));
    add_returned(out, bytes);
    return CAROM_RENDERED;
}

/* ---- Which of them ---- */

static bool is_action(const struct carom_render *render, const char *action)
{
    return carom_str_eq(render->job->action, carom_str(action));
}

/* Who gets it: of a returned message the recipient that the fact proves, of a probe the address that it is about, of a
   forwarded bounce the person that the hook named, else whom the sink names. */
static enum carom_rendered address_of(struct carom_render *render, struct carom_str *to_r)
{
    const struct carom_sink *sink = render->sink;
    *to_r = carom_render_field(render, is_action(render, "forward") ? "to" : "recipient");
    if (is_action(render, "forward") || (is_action(render, "probe") && !sink->to.len))
        return CAROM_RENDERED;
    if (is_action(render, "retry"))
        return sink->to.len ? misconfigured(render, "a message is submitted again to its own recipient and nobody else: "
                                                    "leave out to")
                            : CAROM_RENDERED;
    if (!sink->to.len)
        return misconfigured(render, "no recipient is named for this action: give the sink to");
    return carom_render_text(render, sink->to, CAROM_ESCAPE_HEADER, to_r) == 0 ? CAROM_RENDERED : CAROM_RENDER_DEAD;
}

enum carom_rendered carom_mail_render(struct carom_render *render, struct carom_request *request)
{
    struct carom_buf *out = &render->form;
    struct carom_str to;
    enum carom_rendered result = address_of(render, &to);
    if (result == CAROM_RENDERED)
        result = set_recipient(render, to, request);
    if (result == CAROM_RENDERED)
        result = set_relay(render, request);
    if (result != CAROM_RENDERED)
        return result;
    result = is_action(render, "retry")     ? resubmit(render, out)
             : is_action(render, "forward") ? forward(render, to, out)
             : is_action(render, "probe")   ? probe(render, to, request, out)
                                            : tell(render, to, out);
    if (result == CAROM_RENDERED && out->failed)
        return refuse(render, "the mail is too large");
    request->body = result == CAROM_RENDERED ? carom_arena_str(render->arena, carom_buf_str(out)) : CAROM_STR_EMPTY;
    return result;
}
