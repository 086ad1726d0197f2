/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reads a table line by line. It knows cells and escapes; what a column means is the caller's business. */

#include "tools/tsv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

void carom_tsv_fail(const struct carom_tsv *tsv, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%u: ", tsv->path, tsv->line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* \t, \n, \r, \s (a space at an end, where editors would strip it) and \\, in place. */
static void unescape(const struct carom_tsv *tsv, char *cell)
{
    char *to = cell;

    for (const char *from = cell; *from; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        switch (*++from) {
        case 't': *to++ = '\t'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 's': *to++ = ' '; break;
        case '\\': *to++ = '\\'; break;
        default: carom_tsv_fail(tsv, "'\\%c' is no escape: write \\t, \\n, \\r, \\s or \\\\", *from ? *from : ' ');
        }
    }
    *to = '\0';
}

/* The next line that is neither empty nor a comment, without its end, cut at the tabs. Returns the number of cells, 0
   at the end. */
static size_t read_line(struct carom_tsv *tsv)
{
    ssize_t length;

    while ((length = getline(&tsv->text, &tsv->capacity, tsv->file)) >= 0) {
        size_t n = 0;
        char *rest = tsv->text;

        tsv->line++;
        while (length > 0 && (rest[length - 1] == '\n' || rest[length - 1] == '\r'))
            rest[--length] = '\0';
        if (length == 0 || rest[0] == '#')
            continue;
        if (strlen(rest) != (size_t)length)
            carom_tsv_fail(tsv, "a NUL byte");
        while (rest) {
            if (n == CAROM_TSV_COLUMNS)
                carom_tsv_fail(tsv, "more than %d columns", CAROM_TSV_COLUMNS);
            tsv->cell[n++] = strsep(&rest, "\t");
        }
        return n;
    }
    if (ferror(tsv->file))
        carom_tsv_fail(tsv, "cannot be read");
    return 0;
}

void carom_tsv_begin(struct carom_tsv *tsv, const char *path)
{
    *tsv = (struct carom_tsv){.path = path, .file = fopen(path, "r")};
    if (!tsv->file)
        carom_tsv_fail(tsv, "cannot be opened");
    tsv->columns = read_line(tsv);
    if (tsv->columns == 0)
        carom_tsv_fail(tsv, "has no header line");
}

int carom_tsv_next(struct carom_tsv *tsv)
{
    size_t n = read_line(tsv);

    if (n == 0)
        return 0;
    if (n != tsv->columns)
        carom_tsv_fail(tsv, "%zu cells, but the header line has %zu (separated by one tab each)", n, tsv->columns);
    for (size_t i = 0; i < n; i++)
        unescape(tsv, tsv->cell[i]);
    return 1;
}

void carom_tsv_end(struct carom_tsv *tsv)
{
    fclose(tsv->file);
    free(tsv->text);
}

size_t carom_tsv_column(const struct carom_tsv *tsv, const char *name)
{
    for (size_t i = 0; i < tsv->columns; i++)
        if (strcmp(tsv->cell[i], name) == 0)
            return i;
    carom_tsv_fail(tsv, "no column is named '%s'", name);
}
