/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Lines of CSV (RFC 4180), as spreadsheets and databases write them. */

#ifndef CAROM_CLI_CSV_H
#define CAROM_CLI_CSV_H

#include "base/arena.h"

enum { CAROM_CSV_CELLS = 64 };

/* What the first line says of all. Zero-initialise. */
struct carom_csv {
    char separator; /* comma, semicolon (German and French spreadsheets) or tab: whichever comes first in it */
    size_t columns; /* its cells: a line with more is wrong */
};

/* The cells of a line that is not blank, trimmed and without quotes; empty ones at its end are none. NULL, or what is
   wrong with it, as in "'…' has too many columns". */
const char *carom_csv_split(struct carom_csv *csv, struct carom_arena *arena, struct carom_str line,
                            struct carom_str cells[CAROM_CSV_CELLS], size_t *n_r);
/* cell is that column's name, whatever its case and what else than letters stands in it. name: lower-case letters. */
bool carom_csv_is(struct carom_str cell, const char *name);

#endif
