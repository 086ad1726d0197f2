/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A window that moves over a descriptor: what has been read and not yet used up, in one piece of memory. It grows as
   far as its user asks and is reused from file to file. What is held of what was used up stays in that memory, until it
   is handed over in exchange for another piece. */

#ifndef CAROM_INPUT_WINDOW_H
#define CAROM_INPUT_WINDOW_H

#include <signal.h>

#include "base/error.h"
#include "base/str.h"

struct carom_window {
    int fd;
    char *bytes;
    size_t held, start, end, capacity; /* held: so much from the front on stays */
    uint64_t offset; /* in the file, of what is read next */
    bool regular, eof;
    const volatile sig_atomic_t *stop; /* or NULL: a signal whose handler sets it ends waiting for more */
};

/* Zero-initialise first. The descriptor stays the caller's. */
int carom_window_open(struct carom_window *window, int fd, bool regular, struct carom_error *err);
void carom_window_deinit(struct carom_window *window);

/* Reads until the view has wanted bytes or the end is reached. -1: err without the file's name. */
int carom_window_fill(struct carom_window *window, size_t wanted, struct carom_error *err);
static inline struct carom_str carom_window_view(const struct carom_window *window)
{
    return (struct carom_str){window->bytes + window->start, window->end - window->start};
}
static inline void carom_window_skip(struct carom_window *window, size_t n) { window->start += n; }

/* All that was used up so far stays where it is in the memory; that itself moves when it grows. */
static inline void carom_window_hold(struct carom_window *window) { window->held = window->start; }
struct carom_window_memory {
    char *bytes; /* free() it, or hand it over again */
    size_t capacity;
};
/* Exchanges the memory in which all stands that is held for the one given, zero or one from before. -1: there is none,
   and nothing changed. */
int carom_window_hand_over(struct carom_window *window, struct carom_window_memory *memory, struct carom_error *err);

/* Copies up to n bytes from `at`, counted from the start of the view, which moves nothing: beyond the view a regular
   file is read in place. Fewer than n: the file ends. -1: err. */
int64_t carom_window_peek(struct carom_window *window, size_t at, char *out, size_t n, struct carom_error *err);

#endif
