/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Takes SMTP replies apart as bounces quote them: prefixed, wrapped, repeated, with the code in quotes or behind '#'.
   It knows the shape of codes, not their meaning (smtp/codes). */

#include "smtp/reply.h"

#include <limits.h>

#include "base/many.h"
#include "smtp/codes.h"

static size_t digits(struct carom_str text, size_t from)
{
    size_t n = 0;

    while (from + n < text.len && carom_is_digit(text.ptr[from + n]))
        n++;
    return n;
}

size_t carom_status_length(struct carom_str text)
{
    size_t subject, detail, end;

    if (text.len < 5 || text.ptr[1] != '.' || (text.ptr[0] != '2' && text.ptr[0] != '4' && text.ptr[0] != '5'))
        return 0;
    if (text.ptr[3] == '.' && carom_is_digit(text.ptr[2]) && carom_is_digit(text.ptr[4]) &&
        (text.len == 5 || text.ptr[5] == ' ')) /* most */
        return 5;
    subject = digits(text, 2);
    if (subject < 1 || subject > 3 || 2 + subject >= text.len || text.ptr[2 + subject] != '.')
        return 0;
    detail = digits(text, 3 + subject);
    end = 3 + subject + detail;
    if (detail < 1 || detail > 3)
        return 0;
    if (end < text.len && (carom_is_alpha(text.ptr[end]) || text.ptr[end] == '_'))
        return 0;
    if (end + 1 < text.len && text.ptr[end] == '.' && carom_is_digit(text.ptr[end + 1]))
        return 0; /* four numbers: an IP address */
    return end;
}

/* The figures from 0 to that one. */
static inline carom_many up_to(const char *at, unsigned char last)
{
    return (carom_many)(carom_many_load(at) - '0' <= (unsigned char)(last - '0'));
}

/* Where among many bytes the code of a refusal may stand, of three figures. */
static inline uint64_t refusals(const char *at)
{
    carom_many refuses = (carom_many)(carom_many_load(at) - '4' <= 1);

    return carom_many_mask(refuses & up_to(at + 1, '9') & up_to(at + 2, '9'));
}

/* And a status: "5.1.". RFC 3463 has the subjects 0 to 7; what is beyond is a version or a release date. */
static inline uint64_t statuses(const char *at)
{
    carom_many dots = (carom_many)((carom_many_load(at + 1) == '.') & (carom_many_load(at + 3) == '.'));

    return carom_many_mask(dots & up_to(at, '5') & up_to(at + 2, '7'));
}

/* The first place at or behind `at` where so many bytes may be what is looked for; without so many: none. The last ones
   overlap those before. */
static inline __attribute__((always_inline)) size_t next_place(struct carom_str text, size_t at, size_t length,
                                                               uint64_t (*places)(const char *))
{
    const size_t window = CAROM_MANY + length - 1;
    uint64_t hits;

    for (; at + window <= text.len; at += CAROM_MANY)
        if ((hits = places(text.ptr + at)) != 0)
            return at + carom_many_lowest(hits);
    if (at + length > text.len || text.len < window) /* a short text is tried everywhere */
        return at;
    size_t last = text.len - window;
    hits = carom_many_mask_from(places(text.ptr + last), at - last);
    return hits ? last + carom_many_lowest(hits) : text.len;
}

static size_t next_code(struct carom_str text, size_t at) { return next_place(text, at, 3, refusals); }
static size_t next_status(struct carom_str text, size_t at) { return next_place(text, at, 4, statuses); }

/* Whether the word before a number says that it is a version: "Postfix 2.5.1", "version 4.4.1". */
static bool after_version_word(struct carom_str before)
{
    static const char *const words[] = {"version", "ver", "release", "build", "exim", "postfix", "sendmail", "qmail",
                                        "server", "esmtp", "v", "service"};
    size_t end, start;

    before = carom_str_trim(before);
    end = before.len;
    for (start = end; start > 0 && carom_is_alpha(before.ptr[start - 1]);)
        start--;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (carom_str_ieq(carom_str_n(before.ptr + start, end - start), carom_str(words[i])))
            return true;
    }
    return false;
}

/* A code may stand behind "550-", "(#", quotes; not behind a letter, a digit or another number's dot. */
static bool stands_alone(struct carom_str text, size_t at)
{
    char before;

    if (at == 0)
        return true;
    before = text.ptr[at - 1];
    if (carom_is_alpha(before) || carom_is_digit(before) || strchr("._/\\@%", before) || (before & 0x80))
        return false;
    if (before == '-' && (at < 4 || !carom_is_digit(text.ptr[at - 2]) || digits(text, at - 4) != 3))
        return false;
    return true;
}

struct carom_str carom_status_find(struct carom_str text)
{
    for (size_t at = next_status(text, 0); at + 4 <= text.len; at = next_status(text, at + 1)) {
        struct carom_str here = carom_str_from(text, at);
        size_t length = carom_status_length(here);

        if (length > 0 && here.ptr[3] == '.' && here.ptr[2] <= '7' && stands_alone(text, at) &&
            !after_version_word(carom_str_head(text, at)))
            return carom_str_head(here, length);
    }
    return CAROM_STR_EMPTY;
}

bool carom_status_is_filler(struct carom_str status)
{
    return status.len == 5 && memcmp(status.ptr + 1, ".0.0", 4) == 0;
}

/* A reply code at the start of text, or 0. "550.1" and "5501" are none. */
static int code_at(struct carom_str text)
{
    char after;

    if (text.len < 3 || text.ptr[0] < '2' || text.ptr[0] > '5' || !carom_is_digit(text.ptr[1]) || !carom_is_digit(text.ptr[2]))
        return 0;
    after = text.len > 3 ? text.ptr[3] : ' ';
    if (carom_is_alpha(after) || carom_is_digit(after) || after == '_' || after == '/' || after == '@' || after == '%')
        return 0;
    if (after == '.' && text.len > 4 && carom_is_digit(text.ptr[4]))
        return 0;
    return (text.ptr[0] - '0') * 100 + (text.ptr[1] - '0') * 10 + (text.ptr[2] - '0');
}

/* What stands around codes, and is skipped. */
enum {
    SPACE = 1,
    TAB = 2,
    BLANK = SPACE | TAB,
    END = 4, /* of a line */
    HYPHEN = 8,
    COLON = 16, /* or semicolon */
    COMMA = 32,
    QUOTE = 64,
    ANGLE = 128, /* the opening one */
    SHARP = 256,
    OPEN = 512, /* other brackets */
    CLOSE = 1024,
};
static const uint16_t signs[UCHAR_MAX + 1] = {
    [' '] = SPACE, ['\t'] = TAB, ['\r'] = END, ['\n'] = END, ['-'] = HYPHEN, [':'] = COLON, [';'] = COLON,
    [','] = COMMA, ['\''] = QUOTE, ['"'] = QUOTE, ['<'] = ANGLE, ['#'] = SHARP, ['('] = OPEN, ['['] = OPEN,
    [')'] = CLOSE, [']'] = CLOSE,
};

static inline struct carom_str skip(struct carom_str text, unsigned set)
{
    size_t n = 0;

    while (n < text.len && signs[(unsigned char)text.ptr[n]] & set)
        n++;
    return carom_str_from(text, n);
}

/* "smtp;", "X-Postfix;": a diagnostic type that stayed before the words. */
static struct carom_str skip_type(struct carom_str text)
{
    size_t n = 0;

    while (n < text.len && n < 32 && (carom_is_alpha(text.ptr[n]) || text.ptr[n] == '-' || text.ptr[n] == '.'))
        n++;
    if (n == 0 || n >= text.len || text.ptr[n] != ';')
        return text;
    return skip(carom_str_from(text, n + 1), BLANK | END);
}

/* The status at the start of text, also "#5.1.1" (qmail, IronPort) and "(5.1.1)"; *rest_r is what follows. */
static struct carom_str status_at(struct carom_str text, struct carom_str *rest_r)
{
    struct carom_str at = skip(text, BLANK | END | SHARP | OPEN | QUOTE);
    size_t length = carom_status_length(at);

    *rest_r = length ? skip(carom_str_from(at, length), CLOSE) : text;
    return carom_str_head(at, length);
}

/* IronPort and SES of that time: "5.1.0 - Unknown address error 550-'5.1.1 …' (delivery attempts: 0)". What stands in
   quotes are the remote server's words. */
static struct carom_str quoted_reply(struct carom_str text)
{
    for (size_t from = 4, at; (at = carom_str_find(carom_str_from(text, from), CAROM_STR("-'"))) != SIZE_MAX; from += at + 2) {
        struct carom_str here = carom_str_from(text, from + at - 3);
        if (here.len > 5 && !carom_is_digit(here.ptr[-1]) && code_at(here) >= 400)
            return here;
    }
    return CAROM_STR_EMPTY;
}

/* Codes and status at the start: "550 5.1.1", "550-5.1.1", "550: 5.1.1", "550 550 5.1.1", "550 #5.1.1", "5.1.1 550". */
static struct carom_str parse_codes(struct carom_str text, struct carom_reply *reply)
{
    for (int i = 0; i < 4; i++) {
        struct carom_str rest = skip(text, BLANK | END | HYPHEN | COLON | COMMA | QUOTE | ANGLE);
        int code = code_at(rest);

        if (code != 0 && (reply->code == 0 || reply->code == code)) {
            reply->code = code;
            text = skip(carom_str_from(rest, 3), BLANK | HYPHEN | COLON | COMMA | QUOTE);
            continue;
        }
        if (reply->status.len == 0) {
            reply->status = status_at(text, &rest);
            if (reply->status.len > 0) {
                text = skip(rest, BLANK | COLON);
                if (text.len > 1 && text.ptr[0] == '-' && text.ptr[1] == ' ')
                    text = skip(text, SPACE | HYPHEN);
                continue;
            }
        } else if (carom_str_starts(text, reply->status) && carom_status_length(text) == reply->status.len) {
            text = skip(carom_str_from(text, reply->status.len), BLANK | COLON);
            continue;
        }
        break;
    }
    return text;
}

/* What stands at the start of text: a reply, or a label with a status alone. */
static struct carom_reply parse_label(struct carom_str text)
{
    struct carom_reply reply = {0, CAROM_STR_EMPTY, CAROM_STR_EMPTY};

    text = skip(skip_type(carom_str_trim(text)), BLANK | QUOTE | ANGLE);
    reply.words = parse_codes(text, &reply);
    return reply;
}

struct carom_str carom_reply_quoted(struct carom_str text)
{
    if (carom_str_chr(text, '\'') == SIZE_MAX) /* most have none */
        return CAROM_STR_EMPTY;
    struct carom_reply label = parse_label(text);
    return label.code == 0 ? quoted_reply(label.words) : CAROM_STR_EMPTY;
}

/* A reply at the start of text, or the one that a label there wraps. */
static struct carom_reply parse(struct carom_str text)
{
    struct carom_reply reply = parse_label(text), remote = {0, CAROM_STR_EMPTY, CAROM_STR_EMPTY};
    struct carom_str inner = reply.code == 0 ? quoted_reply(reply.words) : CAROM_STR_EMPTY;

    if (inner.len == 0)
        return reply;
    remote.words = parse_codes(inner, &remote);
    if (remote.status.len == 0)
        remote.status = reply.status;
    return remote;
}

/* What may stand directly before a reply inside a sentence: quotes, brackets and signs, or one of these words. */
static bool introduces(struct carom_str before)
{
    static const char *const words[] = {"said", "error", "code", "reply", "replied", "response", "responded",
                                        "returned", "reason", "answer", "status", "error_code", "was", "message"};
    size_t end, start;

    if (before.len == 0 || strchr("\n\r\"'>;([`", before.ptr[before.len - 1]))
        return true;
    before = carom_str_trim(before);
    if (carom_str_iends(before, CAROM_STR("：")) || carom_str_iends(before, CAROM_STR("（"))) /* as Chinese and Japanese write them */
        return true;
    if (before.len == 0 || strchr(":;\"'>([`|=", before.ptr[before.len - 1]))
        return true;
    end = before.len;
    for (start = end; start > 0 && (carom_is_alpha(before.ptr[start - 1]) || before.ptr[start - 1] == '_');)
        start--;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (carom_str_ieq(carom_str_n(before.ptr + start, end - start), carom_str(words[i])))
            return true;
    }
    return false;
}

/* Whether text begins with a refusal that nobody takes for a number: a code and a status behind it, or a code where a
   reply is announced. */
static bool reply_at(struct carom_str text, size_t at)
{
    struct carom_str here = carom_str_from(text, at), rest, status;

    if (code_at(here) < 400)
        return false;
    if (at > 0 && (carom_is_alpha(text.ptr[at - 1]) || carom_is_digit(text.ptr[at - 1]) ||
                   strchr(".-_/@#", text.ptr[at - 1])))
        return false;
    rest = skip(carom_str_from(here, 3), SPACE | HYPHEN | COLON | SHARP | QUOTE);
    status = carom_str_head(rest, carom_status_length(rest));
    return status.len > 0 || introduces(carom_str_head(text, at));
}

/* Exchange Online passes another server's refusal on: "550 5.1.351 Remote server returned … -> 550 5.1.1 …". */
static struct carom_str passed_on(struct carom_str text)
{
    size_t arrow = carom_str_find(text, CAROM_STR("-> "));

    if (arrow == SIZE_MAX || carom_str_ifind(carom_str_head(text, arrow + 20), CAROM_STR("remote server returned")) > arrow)
        return text;
    return code_at(carom_str_from(text, arrow + 3)) >= 400 ? carom_str_from(text, arrow + 3) : text;
}

struct carom_reply carom_reply_find(struct carom_str text)
{
    struct carom_reply reply;
    size_t at;

    text = passed_on(carom_str_trim(text));
    for (at = next_code(text, 0); at + 3 <= text.len && !reply_at(text, at); at = next_code(text, at + 1))
        ;
    reply = parse(at + 3 <= text.len ? carom_str_from(text, at) : text);
    if (reply.status.len == 0)
        reply.status = carom_status_find(at + 3 <= text.len ? reply.words : text); /* "… (#5.1.1)", qmail and its patches */
    return reply;
}

struct carom_str carom_reply_command(struct carom_str text)
{
    struct carom_str command = CAROM_STR_EMPTY;
    struct carom_sieved rows;
    size_t first = SIZE_MAX;

    text = passed_on(text);
    carom_sieved_init(&rows);
    carom_sieve_add(carom_phases_sieves, text, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++) {
        size_t at = carom_str_ifind(text, carom_str(carom_phases[i].phrase));

        if (at < first)
            first = at, command = carom_str(carom_phases[i].command);
    }
    return command;
}
