/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The message that came back: as a part, as an attached file, or in the text behind a line that announces it
   (tables/markers.tsv). It finds where and what; whose it is, it does not ask. */

#include <assert.h>

#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"

enum { RETURNED_MAX = 256 * 1024 };

static bool is_message(const struct carom_part *part)
{
    return carom_part_is(part, "message/rfc822") || carom_part_is(part, "message/global") ||
           carom_part_is(part, "text/rfc822") || carom_part_is(part, "message/news");
}

/* RFC 6522 3 and 4, RFC 6533 6; the singular is a common mistake. */
static bool is_header_block(const struct carom_part *part)
{
    return carom_part_is(part, "text/rfc822-headers") || carom_part_is(part, "text/rfc822-header") ||
           carom_part_is(part, "message/rfc822-headers") || carom_part_is(part, "message/global-headers");
}

static bool is_headers(struct carom_arena *arena, struct carom_part *part)
{
    return is_header_block(part) || carom_report_marker(carom_part_name(arena, part), CAROM_STR("name"));
}

static struct carom_str skip_blank(struct carom_str bytes)
{
    struct carom_str rest = bytes, line;

    while (carom_str_line(&rest, &line) && carom_str_blank(line))
        bytes = rest;
    return bytes;
}

static void take_bytes(struct carom_reading *reading, struct carom_str bytes, bool whole)
{
    struct carom_report *report = reading->report;
    struct carom_str body = CAROM_STR_EMPTY;

    report->returned_headers = carom_headers_parse(reading->arena, skip_blank(bytes), &body);
    report->returned_complete = whole && !carom_str_blank(body);
}

static void take_part(struct carom_reading *reading, const struct carom_part *part, bool whole)
{
    struct carom_report *report = reading->report;

    report->returned = part;
    if (part->child && part->encoding == CAROM_ENCODING_NONE && part->child->headers.n > 0) {
        report->returned_headers = part->child->headers;
        report->returned_complete = whole && !carom_str_blank(carom_str_head(part->child->body, 4096));
    } else {
        take_bytes(reading, carom_part_bytes(reading->arena, part, RETURNED_MAX), whole);
    }
}

static bool find_part(struct carom_reading *reading)
{
    struct carom_part *scope = reading->scope, *p = scope;

    while ((p = carom_part_walk_own(scope, p)) && !is_message(p))
        ;
    bool whole = p;
    if (!whole)
        for (p = scope; (p = carom_part_walk_own(scope, p)) && !is_headers(reading->arena, p);)
            ;
    if (p)
        take_part(reading, p, whole);
    return p;
}

static bool is_rule(struct carom_str line)
{
    line = carom_str_trim(line);
    for (size_t i = 0; i < line.len; i++)
        if (!strchr("-=_*", line.ptr[i]))
            return false;
    return true;
}

/* Without the indentation of its first line in front of every line (FML quotes so). */
static struct carom_str outdent(struct carom_arena *arena, struct carom_str text)
{
    size_t indent = 0, n = 0;
    struct carom_str line;

    while (indent < text.len && text.ptr[indent] == ' ')
        indent++;
    if (indent == 0)
        return text;
    char *out = carom_arena_raw(arena, text.len + 1);
    while (carom_str_line(&text, &line)) {
        size_t cut = 0;
        while (cut < indent && cut < line.len && line.ptr[cut] == ' ')
            cut++;
        memcpy(out + n, line.ptr + cut, line.len - cut);
        n += line.len - cut;
        out[n++] = '\n';
    }
    return carom_str_n(out, n);
}

/* rest follows a marker line: what announces further (rules, a From_ line) goes first. */
static void take_text(struct carom_reading *reading, struct carom_str rest, bool whole)
{
    struct carom_str ahead = rest, line;

    while (carom_str_line(&ahead, &line) && is_rule(line))
        rest = ahead;
    rest = outdent(reading->arena, rest);
    if (carom_str_starts(rest, CAROM_STR("From ")))
        carom_str_line(&rest, &line);
    take_bytes(reading, rest, whole);
}

static void cut(struct carom_reading *reading, struct carom_str line)
{
    struct carom_str *text = &reading->report->text;

    text->len = (size_t)(line.ptr - text->ptr);
}

/* Does a header block start here that nothing announces: four fields in a row, three of them of every message, one that
   only machines write? What mail programs show of a message has From, To, Date and Subject alone. */
static bool begins_headers(struct carom_str text)
{
    enum { MACHINES = 5 };
    static const char *const names[] = {"Received:", "Return-Path:", "Message-ID:", "MIME-Version:", "Content-Type:",
                                        "From:", "To:", "Subject:", "Date:"};
    struct carom_str line;
    unsigned seen = 0, known = 0;
    size_t fields = 0;

    while (fields < 40 && carom_str_line(&text, &line) && line.len > 0) {
        size_t colon = carom_str_chr(line, ':');
        if (fields > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
            continue;
        if (colon >= line.len || colon == 0 || carom_str_chr(carom_str_head(line, colon), ' ') < colon)
            break;
        fields++;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (carom_str_istarts(line, carom_str(names[i])))
                seen |= 1u << i;
    }
    bool machine = seen & ((1u << MACHINES) - 1);
    for (; seen; seen &= seen - 1)
        known++;
    return machine && fields >= 4 && known >= 3;
}

static bool may_be_field(struct carom_str line)
{
    return line.len > 2 && carom_is_alpha(line.ptr[0]) && carom_str_chr(carom_str_head(line, 40), ':') != SIZE_MAX;
}

static const struct carom_sieve *lines(void)
{
    return carom_sieve_named(carom_markers_sieves, carom_markers_sieves_n, CAROM_STR("line"));
}

static bool is_whole(size_t row) { return carom_str_eq(carom_cell_str(carom_markers[row].kind), CAROM_STR("message")); }

/* Of the rows that a line fits, one says that the whole message follows. */
static bool announces_whole(struct carom_str line)
{
    struct carom_sieved rows;

    carom_sieved_init(&rows);
    carom_sieve_add(lines(), line, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++)
        if (is_whole(i) && carom_str_glob(line, carom_cell_str(carom_markers[i].pattern)))
            return true;
    return false;
}

struct search {
    struct carom_str text, line; /* the line that announces */
    bool whole;                  /* the whole message */
};

static bool see_marker(void *user, size_t row, size_t at)
{
    struct search *search = user;
    struct carom_str line = carom_str_line_around(search->text, at), shown = carom_str_trim(line);

    assert(at < search->text.len); /* a marker of a few letters would have to be tried on every line */
    if (!carom_str_glob(shown, carom_cell_str(carom_markers[row].pattern)))
        return false;
    search->line = line;
    search->whole = is_whole(row) || announces_whole(shown);
    return true;
}

/* The end of the human text where a header block follows that nothing announces. */
static bool find_headers(struct carom_reading *reading, struct carom_str text)
{
    struct carom_str rest = text, line;
    bool blank_before = false, text_before = false;

    while (carom_str_line(&rest, &line)) {
        bool blank = carom_str_blank(line);

        if (blank_before && text_before && may_be_field(line)) {
            struct carom_str whole = reading->report->text, all = carom_str_from(whole, (size_t)(line.ptr - whole.ptr));
            if (carom_report_marker(line, CAROM_STR("first")) || begins_headers(all)) {
                cut(reading, line);
                take_bytes(reading, all, true);
                return true;
            }
        }
        blank_before = blank;
        text_before = text_before || !blank;
    }
    return false;
}

static void find_marker(struct carom_reading *reading, bool take)
{
    struct carom_str text = reading->report->text, before = text;
    struct search search = {text, CAROM_STR_EMPTY, false};
    bool found = carom_sieve_scan(lines(), text, see_marker, &search);

    if (found)
        before = carom_str_head(text, (size_t)(search.line.ptr - text.ptr));
    if ((take && find_headers(reading, before)) || !found)
        return;
    cut(reading, search.line);
    text = carom_str_from(text, before.len);
    if (take && carom_str_line(&text, &search.line))
        take_text(reading, text, search.whole);
}

void carom_read_returned(struct carom_reading *reading)
{
    bool found = find_part(reading);

    find_marker(reading, !found);
}
