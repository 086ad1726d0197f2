/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Where one message of an mbox ends and the next one begins. There is no standard that files keep, so:
   - a From_ line is one only after an empty line and when it reads "From address date": prose that begins with "From "
     is common, and mboxcl2 quotes nothing;
   - Content-Length (mboxcl, mboxcl2) is believed only when it leads exactly to a From_ line or to the end of the file:
     many messages carry a stale one;
   - ">From " loses one '>' in the body, as mboxrd wants it; so does mboxo's, where a line that was ">From " before is
     then the only one read wrongly. With a Content-Length it may be quoted or not (mboxcl, mboxcl2): a bare "From " at
     the start of a line shows that nothing is.
   It does not look into messages beyond that. */

#include "input/mbox.h"

#include "base/date.h"
#include "base/many.h"

enum {
    LINE_ENDS = 4,        /* before a From_ line: its empty line's, and the one before */
    FROM_LINE_MAX = 1000, /* RFC 5321 4.5.3.1 allows paths of 256 */
    HEADER_MAX = 64 << 10 /* beyond that no Content-Length is looked for */
};

/* The length of the line end before `at`. */
static size_t line_end_before(struct carom_str s, size_t at)
{
    if (at == 0)
        return 0;
    return s.ptr[at - 1] == '\r' ? 1 : s.ptr[at - 1] != '\n' ? 0 : at > 1 && s.ptr[at - 2] == '\r' ? 2 : 1;
}

static bool begins_with_weekday(struct carom_str text)
{
    static const char names[][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    char word[4] = "";
    bool found = false;

    for (size_t i = 0; i < 3 && i < text.len; i++)
        word[i] = (char)(text.ptr[i] | ' '); /* which no other byte than the letter becomes */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        found |= memcmp(word, names[i], sizeof(word)) == 0;
    return found;
}

/* asctime's form, or RFC 5322's: both begin with the weekday and have a time of day. */
static bool is_dated(struct carom_str text)
{
    text = carom_str_trim(text);
    return begins_with_weekday(text) && carom_str_chr(text, ':') != SIZE_MAX && carom_date_parse(text) != 0;
}

/* line without its end. The address may be missing (a null sender) or a quoted string with spaces. */
static bool is_from_line(struct carom_str line)
{
    if (!carom_str_starts(line, CAROM_STR("From ")))
        return false;
    struct carom_str rest = carom_str_from(line, 5), word;
    if (is_dated(rest))
        return true;
    if (rest.len > 0 && rest.ptr[0] == '"') {
        size_t quote = carom_str_rchr(rest, '"');
        rest = carom_str_from(rest, quote);
    }
    return carom_str_word(&rest, &word) && is_dated(rest);
}

/* Is there a From_ line at the start of s? unfinished_r: its end is not in s. */
static bool starts_with_from_line(struct carom_str s, bool *unfinished_r)
{
    struct carom_str rest = carom_str_head(s, FROM_LINE_MAX), line = CAROM_STR_EMPTY;
    carom_str_line(&rest, &line);
    *unfinished_r = line.len == s.len && s.len < FROM_LINE_MAX;
    return line.len < FROM_LINE_MAX && is_from_line(line);
}

bool carom_mbox_starts(struct carom_str head)
{
    bool unfinished;
    for (size_t n; (n = carom_str_skip_line_end(head, 0)) > 0;)
        head = carom_str_from(head, n);
    return starts_with_from_line(head, &unfinished);
}

/* The next From_ line behind *from that follows an empty line: its offset, or SIZE_MAX and *from moved to where to look
   again once there is more. *quoted_r is set where one behind a '>' comes before. */
static size_t find_from_line(struct carom_str view, bool eof, size_t *from, bool *quoted_r)
{
    for (;;) {
        size_t at = carom_str_find(carom_str_from(view, *from), CAROM_STR("From "));
        if (at == SIZE_MAX) {
            if (view.len > *from + 4)
                *from = view.len - 4;
            return SIZE_MAX;
        }
        at += *from;
        size_t end = line_end_before(view, at);
        bool unfinished = false;
        if (end > 0 && line_end_before(view, at - end) > 0 &&
            starts_with_from_line(carom_str_from(view, at), &unfinished) && (!unfinished || eof))
            return at;
        if (unfinished && !eof) {
            *from = at;
            return SIZE_MAX;
        }
        *quoted_r |= at > 0 && view.ptr[at - 1] == '>';
        *from = at + 5;
    }
}

/* ---- Content-Length ---- */

/* Offset of the body, 0 when the header has no end in view; *length_r is Content-Length, -1 none. */
static size_t read_header(struct carom_str view, int64_t *length_r)
{
    const struct carom_str name = CAROM_STR("Content-Length:");
    *length_r = -1;
    view = carom_str_head(view, HEADER_MAX);
    for (size_t i = 0, end; i < view.len; i = carom_str_skip_line_end(view, end)) {
        struct carom_str rest = carom_str_n(view.ptr + i, view.len - i);
        end = i + carom_many_line_length(rest);
        if (end == i)
            return carom_str_skip_line_end(view, i);
        if (carom_str_istarts(rest, name))
            *length_r = carom_str_number(carom_str_trim(carom_str_n(rest.ptr + name.len, end - i - name.len)));
    }
    return 0;
}

/* 0: at `at`, or behind at most two line ends there (*skip_r bytes), a From_ line or the end of the file comes; -1 not;
   -2 err. Two, since a body whose last line has no end has one put behind it before the empty line. */
static int leads_to_from_line(struct carom_window *window, size_t at, size_t *skip_r, struct carom_error *err)
{
    char bytes[FROM_LINE_MAX + 8];
    int64_t got = carom_window_peek(window, at - 1, bytes, sizeof(bytes), err);
    if (got < 1)
        return got < 0 ? -2 : -1;
    struct carom_str around = carom_str_n(bytes, (size_t)got), rest = carom_str_from(around, 1);
    bool at_line = line_end_before(around, 1) > 0, unfinished;
    size_t n;
    for (int i = 0; i < 2 && (n = carom_str_skip_line_end(rest, 0)) > 0; i++, at_line = true)
        rest = carom_str_from(rest, n);
    *skip_r = (size_t)(rest.ptr - around.ptr) - 1;
    if (rest.len == 0)
        return (size_t)got < sizeof(bytes) ? 0 : -1;
    return at_line && starts_with_from_line(rest, &unfinished) ? 0 : -1;
}

/* ---- Messages ---- */

/* The bytes of the message, and of the message with what separates it from the next. */
struct frame {
    size_t body, length, whole;
    bool quoted; /* some of its lines may be */
};

static bool has_bare_from(struct carom_str body)
{
    for (size_t at; (at = carom_str_find(body, CAROM_STR("From "))) != SIZE_MAX; body = carom_str_from(body, at + 5))
        if (line_end_before(body, at) > 0)
            return true;
    return false;
}

/* Reads no further than the header needs: what is read is then still in the cache when it is parsed. An end of it that
   is the last byte may go on with a LF. */
static int find_body(struct carom_window *window, struct frame *frame, int64_t *length_r, struct carom_error *err)
{
    for (;;) {
        struct carom_str view = carom_window_view(window);
        frame->body = read_header(view, length_r);
        if ((frame->body > 0 && frame->body < view.len) || view.len >= HEADER_MAX || window->eof)
            return 0;
        if (carom_window_fill(window, view.len * 2 < HEADER_MAX ? view.len * 2 : HEADER_MAX, err) < 0)
            return -1;
    }
}

/* 1: Content-Length frames the message; 0 it does not; -1 err. */
static int frame_by_length(struct carom_window *window, size_t max, struct frame *frame, struct carom_error *err)
{
    int64_t length;
    if (find_body(window, frame, &length, err) < 0)
        return -1;
    if (frame->body == 0 || length < 0 || frame->body + (uint64_t)length > max)
        return 0;
    size_t end = frame->body + (size_t)length, skip;
    int leads = leads_to_from_line(window, end, &skip, err);
    if (leads == -2 || (leads == 0 && carom_window_fill(window, end + skip, err) < 0))
        return -1;
    struct carom_str view = carom_window_view(window);
    if (leads < 0 || view.len < end + skip) /* shorter: the file was cut meanwhile */
        return 0;
    frame->length = end;
    frame->whole = end + skip;
    frame->quoted = !has_bare_from(carom_str_from(carom_str_head(view, end), frame->body - 1));
    return 1;
}

/* The message ends before the empty line that comes before the next From_ line. The end of the file is treated alike,
   so that the last message is the same bytes as if another one followed. */
static void frame_at(struct carom_str view, size_t at, struct frame *frame)
{
    size_t end = line_end_before(view, at);
    frame->length = line_end_before(view, at - end) > 0 ? at - end : at;
    frame->whole = at;
}

static int frame_by_from_line(struct carom_window *window, size_t max, struct frame *frame, struct carom_error *err)
{
    bool large = false;
    for (size_t from = frame->body > 0 ? frame->body : 1;;) {
        struct carom_str view = carom_window_view(window);
        size_t at = find_from_line(view, window->eof, &from, &frame->quoted);
        if (at == SIZE_MAX && window->eof)
            at = view.len;
        if (at != SIZE_MAX) {
            frame_at(view, at, frame);
            return large || frame->length > max ? 0 : 1;
        }
        if (from > LINE_ENDS && from - LINE_ENDS > max) {
            /* Too large to hold: go on without what is behind, but for the line ends that matter. */
            large = true;
            carom_window_skip(window, from - LINE_ENDS);
            from = LINE_ENDS;
        }
        if (carom_window_fill(window, view.len + 1, err) < 0)
            return -1;
    }
}

/* In place: each run between quoted lines moves to the left by what was taken out. */
static size_t unquote(char *bytes, size_t len, size_t body)
{
    body = body < len ? body : len; /* a header without a body ends at the From_ line */
    struct carom_str rest = carom_str_from(carom_str_n(bytes, len), body);
    char *out = bytes + body;
    while (rest.len > 0) {
        size_t at = carom_str_find(rest, CAROM_STR(">From "));
        size_t run = at == SIZE_MAX ? rest.len : at;
        while (at != SIZE_MAX && run > 0 && rest.ptr[run - 1] == '>')
            run--;
        bool quoted = at != SIZE_MAX && (run == 0 ? rest.ptr == bytes + body : line_end_before(rest, run) > 0);
        size_t keep = at == SIZE_MAX || quoted ? run : at + 6;
        if (out != rest.ptr)
            memmove(out, rest.ptr, keep);
        out += keep;
        rest = carom_str_from(rest, quoted ? keep + 1 : keep);
        if (quoted) {
            /* The remaining '>' and "From " itself. */
            size_t word = at + 5 - run;
            memmove(out, rest.ptr, word);
            out += word;
            rest = carom_str_from(rest, word);
        }
    }
    return (size_t)(out - bytes);
}

int carom_mbox_next(struct carom_window *window, size_t max, struct carom_str *message_r, struct carom_error *err)
{
    for (size_t n = 1; n > 0; carom_window_skip(window, n)) {
        if (carom_window_fill(window, 2, err) < 0)
            return -1;
        n = carom_str_skip_line_end(carom_window_view(window), 0);
    }
    if (carom_window_view(window).len == 0)
        return 0;
    struct frame frame = {0};
    int framed = frame_by_length(window, max, &frame, err);
    if (framed == 0) {
        framed = frame_by_from_line(window, max, &frame, err);
        if (framed == 0)
            carom_error_set(err, CAROM_ERROR_LIMIT, "larger than %zu bytes: not read", max);
    }
    if (framed < 0)
        return -1;
    char *bytes = window->bytes + window->start;
    carom_window_skip(window, frame.whole);
    if (framed == 0)
        return -1;
    size_t len = frame.quoted ? unquote(bytes, frame.length, frame.body) : frame.length;
    *message_r = carom_str_n(bytes, len);
    return 1;
}
