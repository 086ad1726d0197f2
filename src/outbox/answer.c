/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The meaning of answers, of HTTP, SMTP and commands: done, again later, never, or not this endpoint now. The sink's own list of answers that
   mean done comes first. Knows no jobs and no schedule. */

#include "outbox/answer.h"

#include <sysexits.h>

#include "base/utf8.h"

enum { CODES_2XX = -2, DONE_MAX = sizeof((struct carom_sink *)0)->done / sizeof(int), EXITS_MAX = DONE_MAX,
       EXCERPT = 160 };

static const struct {
    int code;
    const char *phrase;
} phrases[] = {
    {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
    {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
    {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
    {406, "Not Acceptable"}, {407, "Proxy Authentication Required"}, {408, "Request Timeout"}, {409, "Conflict"},
    {410, "Gone"}, {411, "Length Required"}, {413, "Content Too Large"}, {415, "Unsupported Media Type"},
    {421, "Misdirected Request"}, {422, "Unprocessable Content"}, {425, "Too Early"}, {429, "Too Many Requests"},
    {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static bool matches(int wanted, int code)
{
    return wanted == code || (wanted == CODES_2XX && code >= 200 && code <= 299);
}

static bool is_done(const struct carom_sink *sink, int code)
{
    for (int i = 0; i < DONE_MAX && sink->done[i]; i++)
        if (matches(sink->done[i], code))
            return true;
    if (sink->done[0])
        return false;
    /* Who deletes what is gone already has what he wanted; Mailman 3 answers 404 to a second DELETE. */
    bool gone = sink->type == CAROM_SINK_HTTP && carom_str_ieq(sink->method, CAROM_STR("DELETE")) &&
                (code == 404 || code == 410);
    return gone || matches(CODES_2XX, code);
}

static bool is_among(const int *codes, size_t max, int code)
{
    for (size_t i = 0; i < max && codes[i]; i++)
        if (matches(codes[i], code))
            return true;
    return false;
}

/* RFC 5321 4.2.1; 530, 534, 535 and 538: the relay wants other credentials (RFC 4954 6). */
static enum carom_verdict judge_mail(int code)
{
    if (code >= 200 && code <= 299)
        return CAROM_VERDICT_DONE;
    if (code == 530 || code == 534 || code == 535 || code == 538)
        return CAROM_VERDICT_PAUSE;
    return code >= 500 && code <= 599 ? CAROM_VERDICT_DEAD : CAROM_VERDICT_RETRY;
}

/* Of a webhook, whose URL is fixed: the address or its server is wrong, not the job. Of another call a 404 may be about
   one subscriber. */
static bool is_astray(const struct carom_sink *sink, int code)
{
    return sink->type == CAROM_SINK_WEBHOOK &&
           ((code >= 300 && code <= 399) || code == 404 || code == 405 || code == 421);
}

enum carom_verdict carom_answer_judge(const struct carom_sink *sink, const struct carom_answer *answer)
{
    int code = answer->code;
    if (code == 0)
        return CAROM_VERDICT_RETRY;
    if (sink->type == CAROM_SINK_SMTP)
        return judge_mail(code);
    if (is_among(sink->pending, DONE_MAX, code))
        return CAROM_VERDICT_PENDING;
    if (is_done(sink, code))
        return CAROM_VERDICT_DONE;
    if (code == 401 || code == 403 || code == 407)
        return CAROM_VERDICT_PAUSE;
    if (is_astray(sink, code))
        return CAROM_VERDICT_ASTRAY;
    if (code == 410 && sink->type == CAROM_SINK_WEBHOOK)
        return CAROM_VERDICT_DISABLE;
    if (code == 408 || code == 425 || code == 429 || (code >= 500 && code <= 599))
        return CAROM_VERDICT_RETRY;
    return CAROM_VERDICT_DEAD;
}

static const char *phrase_of(int code)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].code == code)
            return phrases[i].phrase;
    return "";
}

/* What an operator should know beyond the number. */
static const char *advice(const struct carom_sink *sink, int code)
{
    if (is_among(sink->pending, DONE_MAX, code))
        return " (taken, not done yet)";
    if (is_done(sink, code))
        return "";
    if (code >= 300 && code <= 399)
        return " (redirects are not followed: give the final URL)";
    if (is_astray(sink, code))
        return " (the webhook's address seems to be wrong: its jobs wait)";
    if (code == 401 || code == 403 || code == 407)
        return " (the sink's credentials are refused: its jobs wait)";
    if (code == 410 && sink->type == CAROM_SINK_WEBHOOK)
        return " (the webhook says it is gone: its jobs wait until `carom outbox enable`)";
    if (code >= 200 && code <= 299)
        return " (not among the answers that mean done for this sink)";
    return "";
}

static void add_text(struct carom_buf *out, struct carom_str body, size_t max)
{
    struct carom_str rest = carom_str_trim(body);
    for (size_t shown = 0; rest.len && shown < max; shown++) {
        uint32_t character = 0;
        size_t n = carom_utf8_decode(rest, &character);
        if (n == 0)
            carom_buf_add_char(out, '?');
        else if (!carom_utf8_printable(character))
            carom_buf_add_char(out, ' ');
        else
            carom_buf_add(out, rest.ptr, n);
        rest = carom_str_from(rest, n ? n : 1);
    }
    if (rest.len)
        carom_buf_add_str(out, CAROM_STR("…"));
}

static void add_excerpt(struct carom_buf *out, struct carom_str body)
{
    add_text(out, body, EXCERPT);
}

void carom_answer_print(const struct carom_sink *sink, const struct carom_answer *answer, struct carom_buf *out)
{
    if (answer->code == 0) {
        add_excerpt(out, carom_str(answer->error[0] ? answer->error : "no answer"));
        return;
    }
    if (sink->type == CAROM_SINK_SMTP) { /* the server's own words hold the code */
        add_excerpt(out, answer->body);
        return;
    }
    const char *phrase = phrase_of(answer->code);
    carom_buf_printf(out, "%d%s%s%s", answer->code, *phrase ? " " : "", phrase, advice(sink, answer->code));
    /* What comes with a success is nobody's concern. */
    if (is_done(sink, answer->code) || carom_str_blank(answer->body))
        return;
    carom_buf_add_str(out, CAROM_STR(": "));
    add_excerpt(out, answer->body);
}

/* ---- Commands ---- */

/* Exit codes are kept plus 1, so that 0 can end the list. */
static bool is_exit(const int *codes, int otherwise, int code)
{
    if (!codes[0])
        return code == otherwise;
    for (int i = 0; i < EXITS_MAX && codes[i]; i++)
        if (codes[i] == code + 1)
            return true;
    return false;
}

/* What was not proven is tried again: the other side may only be slow to show it. */
enum carom_verdict carom_end_judge(const struct carom_sink *sink, const struct carom_command_end *end, bool proof)
{
    if (end->how != CAROM_COMMAND_EXITED)
        return CAROM_VERDICT_RETRY;
    if (proof)
        return end->code == 0 ? CAROM_VERDICT_DONE : CAROM_VERDICT_RETRY;
    if (is_exit(sink->exits_done, 0, end->code))
        return CAROM_VERDICT_DONE;
    return is_exit(sink->exits_retry, EX_TEMPFAIL, end->code) ? CAROM_VERDICT_RETRY : CAROM_VERDICT_DEAD;
}

void carom_end_print(const struct carom_command_end *end, bool proof, struct carom_buf *out)
{
    carom_buf_add_str(out, proof ? CAROM_STR("verify: ") : CAROM_STR_EMPTY);
    if (end->how == CAROM_COMMAND_TIMED_OUT)
        carom_buf_add_str(out, CAROM_STR("took too long and was ended"));
    else
        carom_buf_printf(out, end->how == CAROM_COMMAND_EXITED ? "exit %d" : "ended by signal %d", end->code);
    if (carom_str_blank(end->output))
        return;
    carom_buf_add_str(out, CAROM_STR(": "));
    add_text(out, end->output, CAROM_COMMAND_OUTPUT_MAX);
}
