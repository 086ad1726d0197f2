/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Templates of lines, as the tables write them: "<{addr}>: {text}". Literals are compared without case; '*' is any run;
   "{*}" is a star; '~' in front demands an indented line. Linear: a capture ends where the next literal first stands. */

#ifndef CAROM_BOUNCE_LINE_H
#define CAROM_BOUNCE_LINE_H

#include "base/arena.h"

/* What a template caught; the empty string where it has no such capture. */
struct carom_line_captures {
    struct carom_str addr;     /* {addr}: an address, cleaned */
    struct carom_str original; /* {original}: an address, cleaned */
    struct carom_str text;     /* {text}: anything, trimmed */
    struct carom_str code;     /* {code}: three digits */
    struct carom_str host;     /* {host}: a word */
    struct carom_str ip;       /* {ip}: a word */
    struct carom_str command;  /* {command}: a word or more */
};

/* The whole line, without its end, is of that shape. */
bool carom_line_match(struct carom_arena *arena, struct carom_str line, struct carom_str shape,
                      struct carom_line_captures *captures_r);
/* The same with any of the values of a table cell. */
bool carom_line_match_cell(struct carom_arena *arena, struct carom_str line, const char *cell,
                           struct carom_line_captures *captures_r);
/* The shape, which starts with a literal or a word before one, stands somewhere in text; what it caught last ends at a
   space, when it is a word. *start_r and *end_r: where. */
bool carom_line_find(struct carom_arena *arena, struct carom_str text, struct carom_str shape,
                     struct carom_line_captures *captures_r, size_t *start_r, size_t *end_r);
/* One of the globs of a cell fits the whole of s. */
bool carom_cell_glob(struct carom_str s, const char *cell);

#endif
