/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A descriptor line by line, as long as somebody writes into it: says when the writer pauses, so that whoever answers
   can answer before it waits. Knows nothing of what the lines say. */

#ifndef CAROM_INPUT_LINES_H
#define CAROM_INPUT_LINES_H

#include "base/str.h"

struct carom_lines {
    int fd;      /* stays the caller's */
    size_t max;  /* a longer line is skipped */
    char *bytes;
    size_t begin, scanned, end, capacity; /* no line end between begin and scanned */
    bool ended, skipping;
    int failed; /* errno of a read, told once */
};

static inline struct carom_lines carom_lines_begin(int fd, size_t max) { return (struct carom_lines){.fd = fd, .max = max}; }
void carom_lines_end(struct carom_lines *lines);

/* The next call of carom_lines_next would wait for the writer. */
bool carom_lines_pauses(struct carom_lines *lines);
/* 1 a line without its end, borrowed until the next call; the last one may lack its end. 0 the end. -1:
   CAROM_ERROR_LIMIT, a line was too long, calling again goes on behind it; else nothing more can be read. */
int carom_lines_next(struct carom_lines *lines, struct carom_str *line_r, struct carom_error *err);

#endif
