/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* CSV (RFC 4180), as spreadsheets and databases write them. */

#ifndef CAROM_CLI_CSV_H
#define CAROM_CLI_CSV_H

#include "base/arena.h"

enum { CAROM_CSV_CELLS = 64 };

/* Zero-initialise, and set rest to the text. */
struct carom_csv {
    struct carom_str rest; /* not read yet */
    char separator;        /* comma, semicolon (German and French spreadsheets) or tab: whichever comes first in the first line */
    size_t columns, lines; /* the cells of the first line: a row with more is wrong; the lines that were read */
    /* The row: its cells, trimmed and without quotes, empty ones at its end not counted; its first line, and the number of that. */
    struct carom_str cells[CAROM_CSV_CELLS], begin;
    size_t n, line;
};

/* Takes the next row off rest, and blank lines before it. false: there is none. *wrong_r: NULL, or what is wrong with it, as in
   "'…' has too many columns"; then the next one begins with the next line. */
bool carom_csv_next(struct carom_csv *csv, struct carom_arena *arena, const char **wrong_r);
/* cell is that column's name, whatever its case and what else than letters stands in it. name: lower-case letters. */
bool carom_csv_is(struct carom_str cell, const char *name);

#endif
