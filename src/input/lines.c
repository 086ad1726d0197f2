/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One buffer that grows with the longest line; each byte is looked at once. It refuses to know what a line says. */

#include "input/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

enum { PIECE = 64 << 10 };

void carom_lines_end(struct carom_lines *lines)
{
    free(lines->bytes);
    *lines = (struct carom_lines){.fd = -1, .ended = true};
}

static bool has_line(struct carom_lines *lines)
{
    const char *at = lines->scanned < lines->end
                         ? memchr(lines->bytes + lines->scanned, '\n', lines->end - lines->scanned)
                         : NULL;
    lines->scanned = at ? (size_t)(at - lines->bytes) : lines->end;
    return at;
}

/* Room for one more piece: the unfinished line moves to the front, or the buffer grows. */
static int make_room(struct carom_lines *lines)
{
    if (lines->begin) {
        memmove(lines->bytes, lines->bytes + lines->begin, lines->end - lines->begin);
        lines->scanned -= lines->begin;
        lines->end -= lines->begin;
        lines->begin = 0;
    }
    if (lines->capacity - lines->end >= PIECE)
        return 0;
    size_t capacity = lines->capacity ? lines->capacity * 2 : (size_t)2 * PIECE;
    char *more = realloc(lines->bytes, capacity);
    if (!more)
        return -1;
    lines->bytes = more;
    lines->capacity = capacity;
    return 0;
}

static void fill(struct carom_lines *lines)
{
    if (lines->end - lines->begin > lines->max) {
        lines->skipping = true;
        lines->begin = lines->scanned = lines->end = 0;
    }
    if (make_room(lines) != 0) {
        lines->failed = ENOMEM;
        lines->ended = true;
        return;
    }
    ssize_t got = read(lines->fd, lines->bytes + lines->end, PIECE);
    if (got > 0)
        lines->end += (size_t)got;
    else if (got == 0 || errno != EINTR) {
        lines->failed = got < 0 ? errno : 0;
        lines->ended = true;
    }
}

bool carom_lines_pauses(struct carom_lines *lines)
{
    while (!lines->ended && !has_line(lines)) {
        struct pollfd wait = {.fd = lines->fd, .events = POLLIN};
        if (poll(&wait, 1, 0) == 0)
            return true;
        fill(lines);
    }
    return false;
}

static int fail(struct carom_lines *lines, struct carom_error *err)
{
    int why = lines->failed;

    lines->failed = 0;
    lines->begin = lines->scanned = lines->end; /* half a line is none */
    return why == ENOMEM ? carom_error_memory(err)
                         : carom_error_set(err, CAROM_ERROR_IO, "cannot read: %s", strerror(why));
}

int carom_lines_next(struct carom_lines *lines, struct carom_str *line_r, struct carom_error *err)
{
    while (!has_line(lines) && !lines->ended)
        fill(lines);
    if (lines->failed)
        return fail(lines, err);
    *line_r = carom_str_n(lines->bytes + lines->begin, lines->scanned - lines->begin);
    bool more = lines->scanned < lines->end || line_r->len || lines->skipping;
    if (lines->scanned < lines->end)
        lines->scanned++;
    lines->begin = lines->scanned;
    if (lines->skipping || line_r->len > lines->max) {
        lines->skipping = false;
        return carom_error_set(err, CAROM_ERROR_LIMIT, "the line is longer than %zu bytes", lines->max);
    }
    return more;
}
