/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reading in slices. Not mapped: mapped pages count as memory, and a file cut while mapped is SIGBUS. It knows nothing
   of messages. */

#include "input/window.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A slice is small enough to be still in the cache of a processor when its messages are parsed. */
enum { SLICE = 64 << 10, KEPT_MAX = 16 << 20 };

static int grow(struct carom_window *window, size_t capacity, struct carom_error *err)
{
    char *bytes = realloc(window->bytes, capacity);
    if (!bytes)
        return carom_error_memory(err);
    window->bytes = bytes;
    window->capacity = capacity;
    return 0;
}

int carom_window_open(struct carom_window *window, int fd, bool regular, struct carom_error *err)
{
    if (window->capacity > KEPT_MAX && window->held == 0)
        carom_window_deinit(window);
    window->fd = fd;
    window->start = window->end = window->held;
    window->offset = 0;
    window->regular = regular && lseek(fd, 0, SEEK_CUR) == 0;
    window->eof = false;
    return window->capacity < SLICE ? grow(window, SLICE, err) : 0;
}

void carom_window_deinit(struct carom_window *window)
{
    free(window->bytes);
    *window = (struct carom_window){.fd = -1, .stop = window->stop};
}

/* Moving the rest to the front, behind what is held, pays only when it is shorter than what was used up: else each small
   message before a large rest would move all of it. */
static int make_room(struct carom_window *window, struct carom_error *err)
{
    size_t len = window->end - window->start;
    if (window->capacity - window->end > window->capacity / 4)
        return 0;
    if (window->start - window->held >= len) {
        memmove(window->bytes + window->held, window->bytes + window->start, len);
        window->start = window->held;
        window->end = window->held + len;
    }
    if (window->capacity - window->end > window->capacity / 4)
        return 0;
    return grow(window, window->capacity * 2, err);
}

int carom_window_fill(struct carom_window *window, size_t wanted, struct carom_error *err)
{
    while (!window->eof && window->end - window->start < wanted) {
        if (make_room(window, err) < 0)
            return -1;
        size_t room = window->capacity - window->end;
        ssize_t n = read(window->fd, window->bytes + window->end, room < SLICE ? room : SLICE);
        if (n < 0 && errno == EINTR && !(window->stop && *window->stop))
            continue;
        if (n < 0)
            return carom_error_set(err, CAROM_ERROR_IO, "reading failed: %s", strerror(errno));
        window->end += (size_t)n;
        window->offset += (uint64_t)n;
        window->eof = n == 0; /* not where it gave less than was asked for: a network's file may do that anywhere */
    }
    return 0;
}

/* What is too large to be kept, or too small, is made anew. */
static int make_fit(struct carom_window_memory *memory, size_t wanted, struct carom_error *err)
{
    if (memory->capacity >= wanted && memory->capacity <= KEPT_MAX)
        return 0;
    char *bytes = malloc(wanted);
    if (!bytes)
        return carom_error_memory(err);
    free(memory->bytes);
    *memory = (struct carom_window_memory){bytes, wanted};
    return 0;
}

int carom_window_hand_over(struct carom_window *window, struct carom_window_memory *memory, struct carom_error *err)
{
    struct carom_str rest = carom_window_view(window);
    struct carom_window_memory held = {window->bytes, window->capacity};
    if (make_fit(memory, rest.len + 2 * SLICE, err) < 0)
        return -1;
    if (rest.len > 0)
        memcpy(memory->bytes, rest.ptr, rest.len);
    window->bytes = memory->bytes;
    window->capacity = memory->capacity;
    window->held = window->start = 0;
    window->end = rest.len;
    *memory = held;
    return 0;
}

/* Where memory has no piece [at, at + n), and a pipe cannot be asked, the view must grow to it. */
int64_t carom_window_peek(struct carom_window *window, size_t at, char *out, size_t n, struct carom_error *err)
{
    struct carom_str view = carom_window_view(window);
    if (view.len - n < at || view.len < n) {
        if (window->regular && !window->eof) {
            size_t done = 0;
            while (done < n) {
                ssize_t got = pread(window->fd, out + done, n - done, (off_t)(window->offset - view.len + at + done));
                if (got < 0 && errno == EINTR)
                    continue;
                if (got < 0)
                    return carom_error_set(err, CAROM_ERROR_IO, "reading failed: %s", strerror(errno));
                if (got == 0)
                    break;
                done += (size_t)got;
            }
            return (int64_t)done;
        }
        if (carom_window_fill(window, at + n, err) < 0)
            return -1;
        view = carom_window_view(window);
    }
    view = carom_str_head(carom_str_from(view, at), n);
    memcpy(out, view.ptr, view.len);
    return (int64_t)view.len;
}
