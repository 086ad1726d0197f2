/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Output for people and machines: tables for a terminal, JSON lines else. Text from mail never reaches a terminal
   with its control bytes. */

#ifndef CAROM_CLI_PRINT_H
#define CAROM_CLI_PRINT_H

#include <stdio.h>

#include "base/json.h"

/* One line of JSON, written and flushed in big pieces. */
struct carom_print {
    struct carom_buf buf;
    FILE *to;    /* NULL: lines are only collected, for carom_print_add */
    bool failed; /* a line was lost */
};
struct carom_print carom_print_begin(FILE *to);
struct carom_print carom_print_collect(const struct carom_buf *buf); /* into its memory, from the front; free what it is then */
struct carom_json carom_print_json(struct carom_print *print); /* starts a line */
int carom_print_line(struct carom_print *print);               /* ends it; -1: out of memory or not writable */
int carom_print_add(struct carom_print *print, const struct carom_buf *lines); /* whole ones; -1: as that, or lines failed */
int carom_print_end(struct carom_print *print);                /* writes the rest and frees; -1: as that, or any line before */

/* A cell: text made safe and padded or cut (with …) to width columns; width 0: as long as it is. */
void carom_print_cell(FILE *to, struct carom_str text, size_t width);
/* The last cell of a row, which begins at that column: cut to what the terminal has left, elsewhere to width; not padded. */
void carom_print_last(FILE *to, struct carom_str text, size_t column, size_t width);
size_t carom_print_columns(FILE *to); /* of the terminal; 0: none */
/* Text made safe and wrapped at 78 columns, each line indented. */
void carom_print_wrapped(FILE *to, struct carom_str text, size_t indent);

#endif
