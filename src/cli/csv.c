/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Cuts lines into cells. It knows no columns. A cell does not go on in the next line: no address or name needs that. */

#include "cli/csv.h"

static char find_separator(struct carom_str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == ',' || line.ptr[i] == ';' || line.ptr[i] == '\t')
            return line.ptr[i];
    return ',';
}

static struct carom_str quoted_cell(struct carom_arena *arena, struct carom_str *rest, bool *closed_r)
{
    char *out = carom_arena_alloc(arena, rest->len + 1);
    size_t n = 0, i = 1;

    for (*closed_r = false; i < rest->len && !*closed_r; i++) {
        if (rest->ptr[i] == '"' && i + 1 < rest->len && rest->ptr[i + 1] == '"')
            out[n++] = rest->ptr[i++];
        else if (rest->ptr[i] == '"')
            *closed_r = true;
        else
            out[n++] = rest->ptr[i];
    }
    *rest = carom_str_from(*rest, i);
    return carom_str_n(out, n);
}

static const char *split(struct carom_arena *arena, struct carom_str rest, char separator,
                         struct carom_str cells[CAROM_CSV_CELLS], size_t *n_r)
{
    bool closed = true, more = true;

    for (*n_r = 0; more; rest = carom_str_from(rest, 1)) {
        if (*n_r == CAROM_CSV_CELLS)
            return "has too many columns";
        struct carom_str cell = CAROM_STR_EMPTY;
        if (rest.len && rest.ptr[0] == '"')
            cell = quoted_cell(arena, &rest, &closed);
        size_t end = carom_str_chr(rest, separator);
        more = end != SIZE_MAX;
        if (!closed)
            return "has a quote that does not end on its line";
        if (!cell.len)
            cell = carom_str_trim(carom_str_head(rest, end));
        rest = carom_str_from(rest, more ? end : rest.len);
        cells[(*n_r)++] = cell;
    }
    return NULL;
}

const char *carom_csv_split(struct carom_csv *csv, struct carom_arena *arena, struct carom_str line,
                            struct carom_str cells[CAROM_CSV_CELLS], size_t *n_r)
{
    if (!csv->columns)
        csv->separator = find_separator(line);
    const char *wrong = split(arena, line, csv->separator, cells, n_r);
    while (*n_r && !cells[*n_r - 1].len)
        --*n_r;
    if (wrong)
        return wrong;
    if (!csv->columns)
        csv->columns = *n_r;
    /* Nobody knows which of them is too much: that before it may be another's. */
    return *n_r > csv->columns
               ? carom_arena_printf(arena, "has %zu cells, the first line %zu", *n_r, csv->columns).ptr : NULL;
}

bool carom_csv_is(struct carom_str cell, const char *name)
{
    for (size_t i = 0; i < cell.len; i++)
        if (carom_is_alpha(cell.ptr[i]) && carom_lower(cell.ptr[i]) != *name++)
            return false;
    return !*name;
}
