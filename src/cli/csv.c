/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Cuts text into rows and those into cells. It knows no columns. */

#include "cli/csv.h"

static char find_separator(struct carom_str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == ',' || line.ptr[i] == ';' || line.ptr[i] == '\t')
            return line.ptr[i];
    return ',';
}

/* ---- Cells ---- */

/* The place behind the quote that ends what s begins with; SIZE_MAX: none does. */
static size_t quote_end(struct carom_str s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] != '"')
            continue;
        if (i + 1 == s.len || s.ptr[i + 1] != '"')
            return i + 1;
        i++;
    }
    return SIZE_MAX;
}

static struct carom_str unquote(struct carom_arena *arena, struct carom_str s)
{
    char *out = carom_arena_raw(arena, s.len);
    size_t n = 0;

    for (size_t i = 1; i + 1 < s.len; i += s.ptr[i] == '"' ? 2 : 1)
        out[n++] = s.ptr[i];
    return carom_str_n(out, n);
}

/* A quote may be a part of its cell only: "Doe, Jane" <jane@example.com>. One that goes over lines and does not end its cell
   was none: who took it for one would lose the rows in it. */
static const char *take_cell(struct carom_csv *csv, struct carom_arena *arena, struct carom_str *cell_r)
{
    while (csv->rest.len && csv->rest.ptr[0] == ' ')
        csv->rest = carom_str_from(csv->rest, 1);
    const struct carom_str rest = csv->rest;
    const size_t quoted = rest.len && rest.ptr[0] == '"' ? quote_end(rest) : 0;
    size_t end = quoted;
    if (quoted == SIZE_MAX)
        return "has a quote that does not end";
    while (end < rest.len && rest.ptr[end] != csv->separator && rest.ptr[end] != '\n' && rest.ptr[end] != '\r')
        end++;
    *cell_r = carom_str_trim(carom_str_head(rest, end));
    if (quoted && cell_r->len == quoted)
        *cell_r = unquote(arena, *cell_r);
    else if (quoted && carom_str_line_length(*cell_r) < cell_r->len)
        return "has a quote that does not end with its cell";
    csv->rest = carom_str_from(rest, end);
    return NULL;
}

/* ---- Rows ---- */

static const char *take_cells(struct carom_csv *csv, struct carom_arena *arena)
{
    bool more = true;

    for (csv->n = 0; more; csv->n++) {
        const char *wrong = csv->n < CAROM_CSV_CELLS ? take_cell(csv, arena, &csv->cells[csv->n]) : "has too many columns";
        if (wrong)
            return wrong;
        more = csv->rest.len && csv->rest.ptr[0] == csv->separator;
        if (more)
            csv->rest = carom_str_from(csv->rest, 1);
    }
    while (csv->n && !csv->cells[csv->n - 1].len)
        csv->n--;
    if (!csv->columns)
        csv->columns = csv->n;
    /* Nobody knows which of them is too much: that before it may be another's. */
    return csv->n > csv->columns
               ? carom_arena_printf(arena, "has %zu cells, the first line %zu", csv->n, csv->columns).ptr : NULL;
}

static bool find_row(struct carom_csv *csv)
{
    struct carom_str rest = csv->rest;

    while (carom_str_line(&rest, &csv->begin)) {
        csv->line = ++csv->lines;
        if (!carom_str_blank(csv->begin))
            return true;
        csv->rest = rest;
    }
    return false;
}

bool carom_csv_next(struct carom_csv *csv, struct carom_arena *arena, const char **wrong_r)
{
    if (!find_row(csv))
        return false;
    if (!csv->columns)
        csv->separator = find_separator(csv->begin);
    struct carom_str row = csv->rest, line;
    *wrong_r = take_cells(csv, arena);
    if (*wrong_r)
        csv->rest = carom_str_from(row, csv->begin.len);
    row.len -= csv->rest.len;
    for (csv->lines--; carom_str_line(&row, &line); csv->lines++)
        ;
    csv->rest = carom_str_from(csv->rest, carom_str_skip_line_end(csv->rest, 0));
    return true;
}

bool carom_csv_is(struct carom_str cell, const char *name)
{
    for (size_t i = 0; i < cell.len; i++)
        if (carom_is_alpha(cell.ptr[i]) && carom_lower(cell.ptr[i]) != *name++)
            return false;
    return !*name;
}
