/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Tables as people write them: tab-separated lines, '#' comment lines, one header line. See tables/README.md. */

#ifndef CAROM_TOOLS_TSV_H
#define CAROM_TOOLS_TSV_H

#include <stddef.h>
#include <stdio.h>

enum { CAROM_TSV_COLUMNS = 32 };

struct carom_tsv {
    const char *path;
    FILE *file;
    char *text; /* of the current line; the cells point into it */
    size_t capacity;
    unsigned line; /* of the current row, from 1 */
    size_t columns; /* of the header line, and so of every row */
    char *cell[CAROM_TSV_COLUMNS];
};

/* Opens the table and reads its header line. What is wrong with a table ends the program with a message that names
   file, line and cell: a table that does not compile must not build. */
void carom_tsv_begin(struct carom_tsv *tsv, const char *path);
/* The next row into tsv->cell, unescaped; a lone "-" stays as it is. 0: no more. */
int carom_tsv_next(struct carom_tsv *tsv);
void carom_tsv_end(struct carom_tsv *tsv);
/* The number of the column of that name, while the header line is the row. */
size_t carom_tsv_column(const struct carom_tsv *tsv, const char *name);
/* Prints "path:line: …" to stderr and ends the program. */
void carom_tsv_fail(const struct carom_tsv *tsv, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

#endif
