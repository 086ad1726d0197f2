/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Mail that reports no delivery: automatic replies (RFC 3834), challenges, receipts as text, unsubscribe mail,
   moderation, virus warnings, machine reports. It interprets tables/notices.tsv and tables/autoreplies.tsv. */

#include "base/date.h"
#include "base/utf8.h"
#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/address.h"

enum { LINES_MAX = 80 };

struct looking {
    struct carom_reading *reading;
    struct carom_str lines[LINES_MAX]; /* the first lines of the text that are not blank nor quoted */
    size_t n;
};

static void read_lines(struct looking *looking)
{
    struct carom_str rest = looking->reading->report->text, line;

    while (looking->n < LINES_MAX && carom_str_line(&rest, &line)) {
        line = carom_str_trim(line);
        if (line.len > 0 && line.ptr[0] != '>')
            looking->lines[looking->n++] = line;
    }
}

static bool any_line(const struct looking *looking, struct carom_str pattern, size_t n)
{
    for (size_t i = 0; i < looking->n && i < n; i++)
        if (carom_str_glob(looking->lines[i], pattern))
            return true;
    return false;
}

static bool any_header(const struct carom_headers *headers, struct carom_str name, struct carom_str pattern)
{
    for (size_t i = 0; i < headers->n; i++)
        if (carom_str_glob(headers->list[i].name, name) && carom_str_glob(headers->list[i].value, pattern))
            return true;
    return false;
}

static bool any_attachment(const struct looking *looking, struct carom_str pattern)
{
    struct carom_part *scope = looking->reading->scope;

    for (struct carom_part *p = scope; p; p = carom_part_walk_own(scope, p)) {
        struct carom_str name = carom_header_param(looking->reading->arena, p->content_type, "name");
        if (name.len == 0)
            name = carom_header_param(looking->reading->arena, carom_headers_get(&p->headers, "Content-Disposition"),
                                      "filename");
        if (name.len > 0 && carom_str_glob(name, pattern))
            return true;
    }
    return false;
}

/* One condition of a row. */
static bool holds(const struct looking *looking, const char *where, struct carom_str pattern)
{
    const struct carom_reading *reading = looking->reading;
    const struct carom_headers *headers = &reading->message->root->headers;
    struct carom_str place = carom_str(where);

    if (!*where)
        return true;
    if (strcmp(where, "subject") == 0)
        return carom_str_glob(reading->subject, pattern);
    if (strcmp(where, "from") == 0)
        return carom_str_glob(reading->from, pattern) || carom_str_glob(reading->from_name, pattern);
    if (strcmp(where, "text") == 0)
        return any_line(looking, pattern, LINES_MAX);
    if (strcmp(where, "first line") == 0)
        return any_line(looking, pattern, 1);
    if (strcmp(where, "attachment") == 0)
        return any_attachment(looking, pattern);
    if (strcmp(where, "suspect") == 0)
        return carom_report_suspect(reading) == carom_str_eq(pattern, CAROM_STR("yes"));
    if (strcmp(where, "failure subject") == 0)
        return reading->undelivered == carom_str_eq(pattern, CAROM_STR("yes"));
    return carom_str_starts(place, CAROM_STR("header:")) && any_header(headers, carom_str_from(place, 7), pattern);
}

/* ---- What automatic replies state ---- */

static int month_of(struct carom_str word)
{
    static const char *const months[12] = {"jan gen ene", "feb fév fev", "mar mär maa mrt", "apr avr abr", "may mai mag mei",
                                           "jun juin giu", "jul juil lug", "aug aoû ago", "sep set", "oct okt ott out",
                                           "nov", "dec dez déc dic"};

    for (int m = 0; m < 12; m++) {
        struct carom_str rest = carom_str(months[m]), name;
        while (carom_str_word(&rest, &name))
            if (carom_str_istarts(word, name))
                return m + 1;
    }
    return 0;
}

static size_t digits(struct carom_str s, size_t at)
{
    size_t n = 0;

    while (at + n < s.len && carom_is_digit(s.ptr[at + n]))
        n++;
    return n;
}

static int64_t midnight(struct carom_arena *arena, int64_t year, int64_t month, int64_t day)
{
    if (year < 1990 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    return carom_date_parse_rfc3339(carom_arena_printf(arena, "%04d-%02d-%02dT00:00:00Z", (int)year, (int)month, (int)day));
}

/* The next run of digits or of letters, whatever stands between. */
static bool next_token(struct carom_str *rest, struct carom_str *token_r)
{
    size_t at = 0, n;

    while (at < rest->len && !carom_is_digit(rest->ptr[at]) && !carom_is_alpha(rest->ptr[at]) &&
           (unsigned char)rest->ptr[at] < 0x80)
        at++;
    n = digits(*rest, at);
    if (n == 0)
        while (at + n < rest->len && (carom_is_alpha(rest->ptr[at + n]) || (unsigned char)rest->ptr[at + n] >= 0x80))
            n++;
    *token_r = carom_str_n(rest->ptr + at, n);
    *rest = carom_str_from(*rest, at + n);
    return n > 0;
}

/* A date with its year near the start of text: 2026-03-09, 9.3.2026, 9 March 2026, March 9, 2026. "3/9/2026" says one
   thing in America and another elsewhere: only taken when a number above 12 decides. */
static int64_t read_date(struct carom_arena *arena, struct carom_str text)
{
    enum { TOKENS = 10 };
    struct carom_str rest = carom_str_head(text, text.len < 60 ? text.len : 60), token[TOKENS];
    size_t n = 0;

    while (n < TOKENS && next_token(&rest, &token[n]))
        n++;
    for (size_t i = 0; i + 2 < n; i++) {
        int64_t a = carom_str_number(token[i]), b = carom_str_number(token[i + 1]), c = carom_str_number(token[i + 2]);
        char between = token[i].ptr[token[i].len];
        if (a >= 1990 && token[i].len == 4 && b > 0 && c > 0)
            return midnight(arena, a, b, c);
        if (a < 0 && month_of(token[i]) && b > 0 && b <= 31 && c >= 1990)
            return midnight(arena, c, month_of(token[i]), b);
        if (a <= 0 || a > 31)
            continue;
        if (b < 0 && month_of(token[i + 1]) && c >= 1990)
            return midnight(arena, c, month_of(token[i + 1]), a);
        if (b > 0 && c >= 1990 && (between == '.' || a > 12))
            return midnight(arena, c, b, a);
        if (b > 12 && c >= 1990)
            return midnight(arena, c, a, b);
    }
    return 0;
}

static void read_autoreply(struct looking *looking, const char *type)
{
    struct carom_reading *reading = looking->reading;
    struct carom_autoreply *autoreply = &reading->report->autoreply;
    struct carom_str text = carom_text_flow(reading->arena, reading->report->text);
    struct carom_line_captures found;
    size_t start, end;

    if (*type)
        autoreply->type = carom_str(type);
    for (size_t i = 0; i < carom_autoreplies_n; i++) {
        const struct carom_autoreply_row *row = &carom_autoreplies[i];
        bool until = strcmp(row->what, "until") == 0, address = strcmp(row->what, "new_address") == 0;
        if ((until && autoreply->until) || (address && autoreply->new_address.len > 0) ||
            (!until && !address && autoreply->type.len > 0))
            continue;
        if (!carom_line_find(reading->arena, text, carom_str(row->pattern), &found, &start, &end))
            continue;
        if (until)
            autoreply->until = read_date(reading->arena, found.text);
        else if (address && !carom_str_ieq(found.addr, reading->from))
            autoreply->new_address = found.addr;
        else if (!address)
            autoreply->type = carom_str(row->what);
    }
}

static enum carom_report_type type_of(const char *gives)
{
    static const struct {
        const char *gives;
        enum carom_report_type type;
    } types[] = {
        {"autoreply", CAROM_REPORT_AUTOREPLY}, {"challenge", CAROM_REPORT_CHALLENGE},
        {"receipt", CAROM_REPORT_RECEIPT}, {"unsubscribe", CAROM_REPORT_UNSUBSCRIBE},
        {"complaint", CAROM_REPORT_FEEDBACK},
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].gives, gives) == 0)
            return types[i].type;
    return CAROM_REPORT_NONE;
}

bool carom_read_notice(struct carom_reading *reading)
{
    struct looking looking = {.reading = reading};

    read_lines(&looking);
    for (size_t i = 0; i < carom_notices_n; i++) {
        const struct carom_notice_row *row = &carom_notices[i];
        if (!holds(&looking, row->where, carom_str(row->pattern)) ||
            !holds(&looking, row->where_too, carom_str(row->pattern_too)))
            continue;
        reading->report->type = type_of(row->gives);
        reading->report->format = carom_str(*row->type ? row->type : row->gives);
        if (reading->report->type == CAROM_REPORT_AUTOREPLY)
            read_autoreply(&looking, row->type);
        if (reading->report->type == CAROM_REPORT_FEEDBACK)
            reading->report->feedback.type = CAROM_STR("abuse");
        return true;
    }
    return false;
}
