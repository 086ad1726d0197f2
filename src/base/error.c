/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Error texts: formatted, cut to fit and made one printable line of UTF-8, because they often quote file names and
   mail. It knows no exit codes and prints nothing. */

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

/* A character that snprintf cut in two at the end goes the way of every other bad byte. */
static void make_printable(char *text)
{
    struct carom_str rest = carom_str(text);
    while (rest.len > 0) {
        uint32_t character;
        size_t n = carom_utf8_decode(rest, &character);
        char *at = text + (rest.ptr - text);
        if (n == 0)
            *at = '?';
        else if (!carom_utf8_printable(character))
            memset(at, ' ', n);
        rest = carom_str_from(rest, n ? n : 1);
    }
}

int carom_error_set(struct carom_error *err, enum carom_error_code code, const char *format, ...)
{
    if (!err)
        return -1;
    /* Arguments may point into err->text: a caller rewords what it got. */
    char text[sizeof(err->text)];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) < 0)
        text[0] = '\0';
    va_end(args);
    make_printable(text);
    err->code = code;
    memcpy(err->text, text, sizeof(text));
    return -1;
}

int carom_error_prefix(struct carom_error *err, const char *format, ...)
{
    if (!err)
        return -1;
    char where[sizeof(err->text)];
    va_list args;
    va_start(args, format);
    if (vsnprintf(where, sizeof(where), format, args) < 0)
        where[0] = '\0';
    va_end(args);
    return carom_error_set(err, err->code, "%s: %s", where, err->text);
}

int carom_error_memory(struct carom_error *err)
{
    return carom_error_set(err, CAROM_ERROR_MEMORY, "out of memory");
}
