/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Bounces that producers write as text: the interpreter of tables/formats.tsv. It knows how a report is laid out
   (lines, paragraphs, labels) and no producer by name. */

#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/address.h"
#include "smtp/reply.h"

enum { RECOGNISE_MAX = 120, IN_LINES_MAX = 1000, IN_HEADERS_MAX = 256 };

/* A line that names a recipient. */
struct found {
    struct carom_line_captures captures;
    size_t line; /* lines.n: from a header */
};

struct text_report {
    struct carom_reading *reading;
    const struct carom_format_row *row;
    struct carom_lines lines; /* up to the end of the report */
    size_t start;       /* first line that may name a recipient */
    struct found *found; /* room for every line, or IN_HEADERS_MAX */
    size_t n;
    bool *named; /* per line: it names a recipient */
    bool searched, labelled;            /* the label was looked for in the whole text, and found */
    struct carom_line_captures captures; /* what its line caught */
    struct carom_str text;               /* what stands behind it */
};

static struct carom_str span(struct carom_str first, struct carom_str last)
{
    return carom_str_n(first.ptr, (size_t)(last.ptr + last.len - first.ptr));
}

/* ---- Recognition ---- */

static bool from_fits(const struct carom_outside *outside, const char *cell)
{
    return carom_cell_glob(outside->from, cell) ||
           (outside->from_name.len > 0 && carom_cell_glob(outside->from_name, cell));
}

static bool header_fits(struct carom_reading *reading, const char *cell)
{
    const struct carom_headers *headers = &reading->message->root->headers;
    struct carom_str value;

    while (carom_cell_next(&cell, &value)) {
        size_t colon = carom_str_chr(value, ':');
        struct carom_str name = carom_str_head(value, colon < value.len ? colon : value.len);
        struct carom_str glob = carom_str_trim(carom_str_from(value, name.len + 1));
        for (const struct carom_header *h = carom_headers_find(headers, name, 0); h; h = carom_headers_next(headers, h))
            if (carom_str_glob(h->value, glob))
                return true;
    }
    return false;
}

/* The formats that a text may have: by their body, and those for which it is still to be asked. */
struct candidates {
    const struct carom_lines *lines;
    struct carom_str text;
    struct carom_sieved rows, open;
};

static bool any_line_fits(const struct carom_lines *lines, const char *cell)
{
    for (size_t i = 0; i < lines->n && i < RECOGNISE_MAX; i++)
        if (lines->list[i].len > 0 && carom_cell_glob(carom_str_trim(lines->list[i]), cell))
            return true;
    return !*cell;
}

static bool see_body(void *user, size_t row, size_t at)
{
    struct candidates *candidates = user;

    if (at == SIZE_MAX)
        carom_sieved_add(&candidates->open, row);
    else if (carom_sieved_next(&candidates->rows, row) == row ||
             !carom_cell_glob(carom_str_trim(carom_str_line_around(candidates->text, at)), carom_formats[row].body))
        return false;
    carom_sieved_add(&candidates->rows, row);
    return false;
}

static void find_candidates(const struct carom_lines *lines, struct candidates *candidates_r)
{
    size_t n = lines->n < RECOGNISE_MAX ? lines->n : RECOGNISE_MAX;

    candidates_r->lines = lines;
    candidates_r->text = n > 0 ? span(lines->list[0], lines->list[n - 1]) : CAROM_STR_EMPTY;
    carom_sieved_init(&candidates_r->rows);
    carom_sieved_init(&candidates_r->open);
    carom_sieve_scan(carom_formats_sieves, candidates_r->text, see_body, candidates_r);
}

/* What beside the body makes a candidate that format. The text alone makes no bounce: people quote bounces. */
static bool recognise(struct carom_reading *reading, const struct candidates *candidates, size_t candidate)
{
    const struct carom_format_row *row = &carom_formats[candidate];
    const struct carom_outside *outside = carom_report_outside(reading);

    if (!*row->from && !*row->subject && !*row->header && !carom_report_automatic(reading))
        return false;
    return (!*row->header || header_fits(reading, row->header)) && /* what most messages have not, first */
           (!*row->subject || carom_cell_glob(outside->subject, row->subject)) &&
           (!*row->from || from_fits(outside, row->from)) &&
           (carom_sieved_next(&candidates->open, candidate) != candidate || any_line_fits(candidates->lines, row->body));
}

/* ---- Recipients ---- */

static void find_bounds(struct text_report *report)
{
    const struct carom_format_row *row = report->row;
    size_t i = 0;

    if (*row->start) {
        while (i < report->lines.n && !carom_cell_glob(carom_str_trim(report->lines.list[i]), row->start))
            i++;
        i = i < report->lines.n ? i + 1 : 0; /* without it, everything counts */
    }
    report->start = i;
    for (; *row->end && i < report->lines.n; i++)
        if (!carom_str_blank(report->lines.list[i]) && carom_cell_glob(carom_str_trim(report->lines.list[i]), row->end))
            report->lines.n = i;
}

static size_t indentation(struct carom_str line)
{
    size_t n = 0;

    while (n < line.len && carom_is_space(line.ptr[n]))
        n++;
    return n;
}

/* A line that is indented deeper than the first recipient and says nothing else, or names the recipient before it
   again, or stands in the indented lines right behind that one, belongs to a diagnostic: replies repeat the address on
   continuation lines. */
static bool continues(const struct text_report *report, size_t i, size_t depth, struct carom_str addr)
{
    struct carom_str line = report->lines.list[i];
    const struct found *before = depth != SIZE_MAX ? &report->found[report->n - 1] : NULL;

    if (!before || indentation(line) <= depth + 1)
        return false;
    if (carom_str_trim(line).len <= addr.len + 2 || carom_str_ieq(before->captures.addr, addr))
        return true;
    while (i > before->line && indentation(report->lines.list[i]) > depth + 1 && !carom_str_blank(report->lines.list[i]))
        i--;
    return i == before->line;
}

/* Each template has an address in it. */
static void find_in_lines(struct text_report *report)
{
    struct carom_arena *arena = report->reading->arena;
    struct carom_line_captures captures;
    size_t depth = SIZE_MAX;

    for (size_t i = report->start; i < report->lines.n && report->n < IN_LINES_MAX; i++) {
        struct carom_str line = report->lines.list[i];
        if (carom_str_chr(line, '@') >= line.len || !carom_line_match_cell(arena, line, report->row->recipient, &captures))
            continue;
        if (depth == SIZE_MAX)
            depth = indentation(line);
        else if (continues(report, i, depth, captures.addr))
            continue;
        report->found[report->n++] = (struct found){captures, i};
        report->named[i] = true;
    }
}

/* "header:X-Failed-Recipients" among the recipient templates: where the text has none. */
static void find_in_headers(struct text_report *report)
{
    struct carom_reading *reading = report->reading;
    const struct carom_headers *headers = &reading->message->root->headers;
    const char *cell = report->row->recipient;
    const struct carom_str none = CAROM_STR_EMPTY;
    struct carom_str value;

    while (report->n == 0 && carom_cell_next(&cell, &value)) {
        if (!carom_str_starts(value, CAROM_STR("header:")))
            continue;
        for (size_t i = 0; i < headers->n; i++) {
            struct carom_str field = headers->list[i].value, addr;
            if (!carom_str_ieq(headers->list[i].name, carom_str_from(value, 7)))
                continue;
            while (report->n < IN_HEADERS_MAX && carom_address_next(reading->arena, &field, &addr, NULL))
                report->found[report->n++] = (struct found){{addr, none, none, none, none, none, none}, report->lines.n};
        }
    }
}

/* ---- Diagnostics ---- */

/* Text and the lines from `from` up to `to`, as one line. */
static struct carom_str flow(struct text_report *report, struct carom_str text, size_t from, size_t to)
{
    struct carom_arena *arena = report->reading->arena;

    if (from >= to)
        return carom_text_flow(arena, text);
    struct carom_str more = carom_text_flow(arena, span(report->lines.list[from], report->lines.list[to - 1]));
    if (text.len == 0)
        return more;
    text = carom_text_flow(arena, text);
    return carom_arena_join(arena, text, ' ', more);
}

static size_t skip_blank(const struct text_report *report, size_t i, size_t to)
{
    while (i < to && carom_str_blank(report->lines.list[i]))
        i++;
    return i;
}

static size_t until_blank(const struct text_report *report, size_t i, size_t to)
{
    while (i < to && !carom_str_blank(report->lines.list[i]))
        i++;
    return i;
}

/* Behind the first label, in the order of the cell, that stands in lines [from, to). */
static bool take_label(struct text_report *report, size_t from, size_t to, struct carom_line_captures *captures_r,
                       struct carom_str *text_r)
{
    const char *cell = report->row->label;
    struct carom_str label;

    while (carom_cell_next(&cell, &label)) {
        for (size_t i = from; i < to; i++) {
            struct carom_line_captures captures;
            if (carom_str_blank(report->lines.list[i]) ||
                !carom_line_match(report->reading->arena, report->lines.list[i], label, &captures))
                continue;
            size_t first = captures.text.len > 0 ? i + 1 : skip_blank(report, i + 1, to);
            *text_r = flow(report, captures.text, first, until_blank(report, first, to));
            *captures_r = captures;
            if (text_r->len > 0)
                return true;
        }
    }
    return false;
}

/* One label for all recipients, before the first or behind the last of them (between them it is one's own): looked for
   once. */
static bool take_shared_label(struct text_report *report, struct carom_line_captures *captures_r, struct carom_str *text_r)
{
    size_t first = report->n > 0 ? report->found[0].line : report->lines.n;
    size_t last = report->n > 0 ? report->found[report->n - 1].line : 0;

    if (!report->searched)
        report->labelled = take_label(report, 0, first, &report->captures, &report->text) ||
                           (last < report->lines.n &&
                            take_label(report, last, report->lines.n, &report->captures, &report->text));
    report->searched = true;
    if (report->labelled)
        *captures_r = report->captures, *text_r = report->text;
    return report->labelled;
}

/* The paragraph that stands before the recipients (Domino 4, MailMarshal). */
static struct carom_str take_before(struct text_report *report, size_t line)
{
    size_t end = line, begin;

    while (end > 0 && (carom_str_blank(report->lines.list[end - 1]) || report->named[end - 1]))
        end--;
    for (begin = end; begin > report->start && !carom_str_blank(report->lines.list[begin - 1]); begin--)
        ;
    return flow(report, CAROM_STR_EMPTY, begin, end);
}

static struct carom_str take(struct text_report *report, const struct found *found, size_t next)
{
    const char *mode = report->row->take;
    size_t from = found->line + 1, to = from;

    if (strcmp(mode, "text") == 0)
        return flow(report, CAROM_STR_EMPTY, 0, report->lines.n);
    if (found->line >= report->lines.n || strcmp(mode, "line") == 0)
        return flow(report, found->captures.text, 0, 0);
    if (strcmp(mode, "before") == 0 && found->captures.text.len == 0)
        return take_before(report, found->line);
    if (strcmp(mode, "self") == 0)
        return flow(report, CAROM_STR_EMPTY, found->line, until_blank(report, found->line, next));
    if (strcmp(mode, "indented") == 0) {
        while (to < next && report->lines.list[to].len > 0 && carom_is_space(report->lines.list[to].ptr[0]) &&
               !carom_str_blank(report->lines.list[to]))
            to++;
    } else if (strcmp(mode, "paragraph") == 0) {
        if (found->captures.text.len == 0)
            from = skip_blank(report, from, next);
        to = until_blank(report, from, next);
    } else { /* block */
        to = next;
    }
    return flow(report, found->captures.text, from, to);
}

static enum carom_claim read_claim(const char *word, struct carom_str diagnostic)
{
    if (strcmp(word, "delayed") == 0)
        return CAROM_CLAIM_DELAYED;
    if (strcmp(word, "delivered") == 0)
        return CAROM_CLAIM_DELIVERED;
    if (strcmp(word, "gave_up") == 0 || carom_report_sign(diagnostic, CAROM_STR("gave_up")))
        return CAROM_CLAIM_GAVE_UP;
    return CAROM_CLAIM_FAILED;
}

/* Mimecast starts its lines with "-- ", Exchange 2007 writes "#550 5.1.1 … ##". */
static struct carom_str without_marks(struct carom_str s)
{
    while (s.len > 0 && strchr("- #", s.ptr[0]))
        s = carom_str_from(s, 1);
    while (s.len > 0 && strchr(" #", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* The diagnostic of a recipient; *label_r: what its label line caught beside. */
static struct carom_str diagnose(struct text_report *report, const struct found *found, size_t next,
                                 struct carom_line_captures *label_r, bool *labelled_r)
{
    struct carom_str text = CAROM_STR_EMPTY;

    *labelled_r = *report->row->label &&
                  ((found->line < next && take_label(report, found->line, next, label_r, &text)) ||
                   take_shared_label(report, label_r, &text));
    return without_marks(*labelled_r ? text : take(report, found, next));
}

static void fill(struct text_report *report, struct carom_report_recipient *r, const struct found *found, size_t next)
{
    struct carom_reading *reading = report->reading;
    struct carom_line_captures label = found->captures;
    struct carom_str command, host;
    bool labelled;

    r->diagnostic = diagnose(report, found, next, &label, &labelled);
    if (labelled)
        r->text_diagnostic = take(report, found, next);
    /* "(unrecoverable error)" says less than the session. */
    bool poor = r->diagnostic.len == 0 || carom_reply_find(r->diagnostic).code == 0;
    struct carom_str reply = carom_transcript_reply(reading, r->final, poor, &command, &host);
    if (reply.len > 0) {
        if (r->diagnostic.len > 0)
            r->text_diagnostic = r->diagnostic;
        r->diagnostic = carom_text_flow(reading->arena, reply);
        r->command = command;
        r->remote_mta = host;
    }
    r->original = found->captures.original;
    if (label.host.len > 0)
        r->remote_mta = label.host;
    r->remote_ip = label.ip;
    if (label.command.len > 0 && r->command.len == 0)
        r->command = label.command;
    if (label.code.len > 0)
        r->reply_code = (int)carom_str_number(label.code);
    r->where = r->diagnostic.len > 0 ? CAROM_STR("text") : CAROM_STR_EMPTY;
    r->claim = read_claim(report->row->claim, r->diagnostic);
    carom_read_details(reading, r);
}

/* The first report of an address counts; Mail.Ru prints its list twice. */
static void add(struct text_report *report, const struct found *found, size_t next)
{
    struct carom_report_recipient *r = carom_report_find(report->reading, found->captures.addr);

    if (r && r->diagnostic.len > 0)
        return;
    if (!r)
        r = carom_report_add(report->reading);
    r->final = found->captures.addr;
    fill(report, r, found, next);
}

static struct text_report find_recipients(struct carom_reading *reading, const struct carom_format_row *row,
                                          struct carom_lines lines)
{
    struct text_report report = {.reading = reading, .row = row, .lines = lines};

    report.found = carom_arena_raw(reading->arena, carom_arena_product(sizeof(struct found), lines.n + IN_HEADERS_MAX));
    report.named = carom_arena_array(reading->arena, bool, lines.n + 1);
    find_bounds(&report);
    find_in_lines(&report);
    find_in_headers(&report);
    return report;
}

static size_t next_line(const struct text_report *report, size_t i)
{
    return i + 1 < report->n ? report->found[i + 1].line : report->lines.n;
}

static bool read_row(struct carom_reading *reading, const struct carom_format_row *row, struct carom_lines lines)
{
    struct text_report report = find_recipients(reading, row, lines);

    for (size_t i = 0; i < report.n; i++)
        add(&report, &report.found[i], next_line(&report, i));
    return report.n > 0;
}

struct carom_str carom_text_words(struct carom_reading *reading, struct carom_str addr)
{
    struct carom_lines lines = carom_report_lines(reading);
    struct candidates candidates;
    struct carom_line_captures captures;
    bool labelled;

    find_candidates(&lines, &candidates);
    for (size_t i = 0; (i = carom_sieved_next(&candidates.rows, i)) != SIZE_MAX; i++) {
        if (!recognise(reading, &candidates, i))
            continue;
        struct text_report report = find_recipients(reading, &carom_formats[i], lines);
        for (size_t n = 0; n < report.n; n++)
            if (carom_str_ieq(report.found[n].captures.addr, addr) || (report.n == 1 && reading->report->n == 1))
                return diagnose(&report, &report.found[n], next_line(&report, n), &captures, &labelled);
    }
    return CAROM_STR_EMPTY;
}

/* A bounce that hides its recipient is still one. */
static void read_nameless(struct carom_reading *reading, const struct carom_format_row *row, struct carom_lines lines)
{
    struct text_report report = {.reading = reading, .row = row, .lines = lines};
    const struct carom_str none = CAROM_STR_EMPTY;
    const struct found nobody = {{none, none, none, none, none, none, none}, lines.n};

    find_bounds(&report);
    fill(&report, carom_report_add(reading), &nobody, lines.n);
}

bool carom_read_text(struct carom_reading *reading)
{
    struct carom_report *report = reading->report;
    const struct carom_format_row *row = NULL, *nameless = NULL;

    if (carom_report_outside(reading)->answer || report->text.len == 0)
        return false;
    struct carom_lines lines = carom_report_lines(reading);
    struct candidates candidates;
    find_candidates(&lines, &candidates);
    for (size_t i = 0; !row && (i = carom_sieved_next(&candidates.rows, i)) != SIZE_MAX; i++) {
        if (!recognise(reading, &candidates, i))
            continue;
        if (read_row(reading, &carom_formats[i], lines))
            row = &carom_formats[i];
        else if (!nameless && carom_formats[i].certain)
            nameless = &carom_formats[i];
    }
    if (!row && nameless) {
        /* A filter that wraps a report says little; what it wraps names the recipient (InterScan over Mirapoint). */
        if (carom_read_dsn_inside(reading) || carom_read_wrapped(reading) || carom_read_generic(reading))
            return true;
        row = nameless;
        read_nameless(reading, row, lines);
    }
    if (!row)
        return false;
    report->type = CAROM_REPORT_DELIVERY;
    report->format = carom_str(row->name);
    report->machine = row->certain;
    return true;
}
