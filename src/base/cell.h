/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Cells of the tables that are compiled in (src/tables). */

#ifndef CAROM_BASE_CELL_H
#define CAROM_BASE_CELL_H

#include "base/str.h"

/* A text, by its place in carom_cell_texts, where each text of the tables stands once, a NUL behind it. Pointers would be
   work at every start: whoever loads a program writes each of them, and the page that it stands on is no longer shared. */
struct carom_cell {
    uint32_t at, len;
};

extern const char carom_cell_texts[];

static inline struct carom_str carom_cell_str(struct carom_cell cell)
{
    return carom_str_n(carom_cell_texts + cell.at, cell.len);
}

/* Takes the next value off *cell, which has several: each stands behind its length, one byte. false: none left. */
static inline bool carom_cell_next(const char **cell, struct carom_str *value_r)
{
    size_t n = (unsigned char)**cell;

    *value_r = carom_str_n(*cell + 1, n);
    *cell += n > 0 ? n + 1 : 0;
    return n > 0;
}

#endif
