/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Where messages come from: stdin, a file, a directory, an mbox, a Maildir. One at a time, in slices that a cache holds,
   never mapped. */

#ifndef CAROM_INPUT_SOURCE_H
#define CAROM_INPUT_SOURCE_H

#include "base/arena.h"
#include "input/window.h"

/* Borrowed until the next call. */
struct carom_source_item {
    struct carom_str name;  /* path as given or found, "-" for stdin */
    uint64_t index;         /* number in an mbox from 1; 0 elsewhere */
    struct carom_str bytes; /* quoting of mbox lines removed; the From_ line stands before the message */
    int64_t mtime;          /* of the file; 0 for stdin */
};

struct carom_source;

/* paths: files, "-", directories (their files in the order of the sorted names, entered one level for cur/ and new/ of
   a Maildir; names that start with a dot are left out). An mbox is known by its From_ line; an empty file holds no
   message. The strings are copied. NULL: no memory. */
struct carom_source *carom_source_open(const char *const *paths, size_t n, struct carom_error *err);
/* From now on a signal whose handler sets *stop ends waiting for input, as one that could not be read. */
void carom_source_stop_at(struct carom_source *source, const volatile sig_atomic_t *stop);
/* Would the next one keep us waiting for who writes it? */
bool carom_source_would_wait(const struct carom_source *source);
/* 1 one more; 0 the end; -1 this one could not be read (err names it): calling again goes on with the next. */
int carom_source_next(struct carom_source *source, struct carom_source_item *item_r, struct carom_error *err);
/* Keeps the item that was read last beyond the next call, until its memory is handed over (input/window.h); until then it
   may move. Returns where its bytes begin in that memory. The name is not kept. */
size_t carom_source_hold(struct carom_source *source, const struct carom_source_item *item);
int carom_source_hand_over(struct carom_source *source, struct carom_window_memory *memory, struct carom_error *err);
/* How many bytes are read and not used up: what is to be copied when the memory is handed over. */
size_t carom_source_rest(const struct carom_source *source);

/* How many files had nothing in them so far; *name_r: the first, borrowed. */
size_t carom_source_empty(const struct carom_source *source, const char **name_r);

/* Bytes read so far and in all (0: not known, as with directories and pipes), for a progress line. */
void carom_source_progress(const struct carom_source *source, uint64_t *done_r, uint64_t *total_r);
void carom_source_close(struct carom_source *source);

/* Reads a whole descriptor; CAROM_ERROR_LIMIT beyond max. The memory is the caller's: free(). */
int carom_input_slurp(int fd, size_t max, char **bytes_r, size_t *n_r, struct carom_error *err);
enum { CAROM_INPUT_MAX = 256 << 20 }; /* the largest message taken */

#endif
