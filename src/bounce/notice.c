/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Mail that reports no delivery: automatic replies (RFC 3834), challenges, receipts as text, unsubscribe mail,
   moderation, virus warnings, machine reports. It interprets tables/notices.tsv. */

#include "base/utf8.h"
#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"

enum { LINES_MAX = 80 };

struct looking {
    struct carom_reading *reading;
    struct carom_str subject;          /* this and the lines: folded, to compare without case */
    struct carom_str lines[LINES_MAX]; /* the first lines of the text that are not blank nor quoted */
    size_t n;
    bool plain; /* neither sender nor subject are those of a bounce, and it is no bulk mail */
};

static void read_lines(struct looking *looking)
{
    struct carom_arena *arena = looking->reading->arena;
    struct carom_str rest = looking->reading->report->text, line;

    looking->subject = carom_utf8_normalise(arena, looking->reading->subject).folded;
    while (looking->n < LINES_MAX && carom_str_line(&rest, &line)) {
        line = carom_utf8_normalise(arena, line).folded;
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

/* Something besides the words says that a program sent it. */
static bool is_marked(const struct carom_reading *reading)
{
    static const char *const marks[] = {"Auto-Submitted", "X-Auto-Response-Suppress", "Precedence"};
    const struct carom_headers *headers = &reading->message->root->headers;

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        struct carom_str value = carom_str_trim(carom_headers_get(headers, marks[i]));
        if (value.len > 0 && !carom_str_ieq(value, CAROM_STR("no")) && !carom_str_ieq(value, CAROM_STR("list")))
            return true;
    }
    return reading->null_sender;
}

/* That, or it may have: where the envelope sender is not known. */
static bool is_automatic(const struct carom_reading *reading)
{
    return is_marked(reading) || (reading->unsent && !reading->person);
}

/* It answers a message (RFC 3834 3.1.5), and does not say that this one failed: whoever returns it does. */
static bool is_answer(const struct carom_reading *reading)
{
    const struct carom_headers *headers = &reading->message->root->headers;

    if (reading->report->returned_headers.n > 0 && carom_report_sign(reading->report->text, "failure"))
        return false;

    return reading->answer || carom_headers_has(headers, "In-Reply-To") || carom_headers_has(headers, "References");
}

/* One of the first lines has a phrase of that group of signs.tsv. */
static bool any_sign(const struct looking *looking, struct carom_str group)
{
    for (size_t i = 0; i < looking->n; i++)
        if (carom_report_sign(looking->lines[i], group.ptr))
            return true;
    return false;
}

static bool any_recipient(const struct carom_headers *headers, struct carom_str pattern)
{
    static const char *const names[] = {"X-Original-To", "Delivered-To", "Envelope-To", "To"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (any_header(headers, carom_str(names[i]), pattern))
            return true;
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
        return carom_str_glob(looking->subject, pattern);
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
    if (strcmp(where, "automatic") == 0)
        return is_automatic(reading) == carom_str_eq(pattern, CAROM_STR("yes"));
    if (strcmp(where, "reply") == 0)
        return is_answer(reading) && (carom_str_eq(pattern, CAROM_STR("from nobody")) ? reading->null_sender
                                                                                      : is_marked(reading));
    if (strcmp(where, "says") == 0)
        return any_sign(looking, pattern);
    if (strcmp(where, "states") == 0)
        return carom_str_glob(carom_autoreply_type(looking->reading), pattern);
    if (strcmp(where, "to") == 0)
        return any_recipient(headers, pattern);
    if (strcmp(where, "failure subject") == 0)
        return reading->undelivered == carom_str_eq(pattern, CAROM_STR("yes"));
    return carom_str_starts(place, CAROM_STR("header:")) && any_header(headers, carom_str_from(place, 7), pattern);
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

static void take_row(struct carom_reading *reading, const struct carom_notice_row *row)
{
    struct carom_report *report = reading->report;

    report->type = type_of(row->gives);
    report->format = carom_str(*row->type ? row->type : row->gives);
    if (report->type == CAROM_REPORT_AUTOREPLY)
        carom_read_autoreply(reading, carom_str(row->type));
    if (report->type == CAROM_REPORT_FEEDBACK) {
        report->feedback.type = CAROM_STR("abuse");
        report->feedback.source_ip = carom_report_ip(reading->subject);
    }
}

/* What people and their programs send comes under no mail system's name and in no mailing, unless the row says so. */
static bool may_be(const struct looking *looking, const struct carom_notice_row *row)
{
    bool somebody = strcmp(row->gives, "none") != 0 && strcmp(row->gives, "complaint") != 0;

    if (!somebody || looking->plain || strcmp(row->where_too, "failure subject") == 0)
        return true;
    /* "Out of Office AutoReply: …" of a postmaster who is away. */
    return !looking->reading->bulk && !looking->reading->undelivered && strcmp(row->gives, "autoreply") == 0 &&
           strcmp(row->where, "subject") == 0 && row->pattern[0] != '*' && !*row->where_too;
}

static bool read_rows(struct carom_reading *reading, bool sure)
{
    struct looking looking = {.reading = reading, .plain = !carom_report_suspect(reading) && !reading->bulk};

    read_lines(&looking);
    for (size_t i = 0; i < carom_notices_n; i++) {
        const struct carom_notice_row *row = &carom_notices[i];
        if (row->sure != sure || !may_be(&looking, row) || !holds(&looking, row->where, carom_str(row->pattern)) ||
            !holds(&looking, row->where_too, carom_str(row->pattern_too)))
            continue;
        take_row(reading, row);
        return true;
    }
    return false;
}

bool carom_read_sure_notice(struct carom_reading *reading) { return read_rows(reading, true); }

bool carom_read_notice(struct carom_reading *reading) { return read_rows(reading, false); }
