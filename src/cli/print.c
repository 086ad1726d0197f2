/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The one printer. Knows widths and escapes, nothing of facts. */

#include "cli/print.h"

#include <sys/ioctl.h>

#include "base/utf8.h"

enum { FLUSH_AT = 1 << 14, LINE_MAX_BYTES = 256 << 20, LAST_MIN = 12 };

struct carom_print carom_print_begin(FILE *to)
{
    return (struct carom_print){.buf = CAROM_BUF_INIT(LINE_MAX_BYTES), .to = to};
}

struct carom_print carom_print_collect(const struct carom_buf *buf)
{
    return (struct carom_print){.buf = {.ptr = buf->ptr, .capacity = buf->capacity, .max = LINE_MAX_BYTES}};
}

struct carom_json carom_print_json(struct carom_print *print)
{
    return carom_json_to(&print->buf);
}

static int flush(struct carom_print *print)
{
    if (print->buf.failed || fwrite(print->buf.ptr, 1, print->buf.len, print->to) != print->buf.len)
        print->failed = true;
    carom_buf_clear(&print->buf);
    return print->failed ? -1 : 0;
}

int carom_print_line(struct carom_print *print)
{
    carom_buf_add_char(&print->buf, '\n');
    if (!print->to)
        return print->buf.failed ? -1 : 0;
    return print->buf.len >= FLUSH_AT || print->buf.failed ? flush(print) : 0;
}

int carom_print_add(struct carom_print *print, const struct carom_buf *lines)
{
    carom_buf_add(&print->buf, lines->ptr, lines->len);
    print->failed = print->failed || lines->failed;
    return print->buf.len >= FLUSH_AT || print->buf.failed ? flush(print) : print->failed ? -1 : 0;
}

int carom_print_end(struct carom_print *print)
{
    if (print->buf.len || print->buf.failed)
        flush(print);
    carom_buf_deinit(&print->buf);
    return fflush(print->to) == 0 && !print->failed ? 0 : -1;
}

/* The next character of text, safe to show: what controls a terminal, what is not seen and broken UTF-8 become '?'. */
static struct carom_str next_shown(struct carom_str *text)
{
    uint32_t character;
    size_t n = carom_utf8_decode(*text, &character);
    struct carom_str shown = carom_str_head(*text, n ? n : 1);

    *text = carom_str_from(*text, n ? n : 1);
    if (n && (character == '\t' || character == '\n'))
        return CAROM_STR(" ");
    return n && carom_utf8_printable(character) ? shown : CAROM_STR("?");
}

/* Cut to width, unless that is 0. Returns how many columns it took. */
static size_t print_cut(FILE *to, struct carom_str text, size_t width)
{
    struct carom_str rest = text;
    size_t columns = 0, n = 0;

    while (rest.len)
        next_shown(&rest), columns++;
    for (rest = text; rest.len; n++) {
        struct carom_str shown = next_shown(&rest);
        if (width && columns > width && n + 1 == width) {
            fputs("…", to);
            return width;
        }
        fwrite(shown.ptr, 1, shown.len, to);
    }
    return n;
}

void carom_print_cell(FILE *to, struct carom_str text, size_t width)
{
    for (size_t n = print_cut(to, text, width); n < width; n++)
        fputc(' ', to);
}

size_t carom_print_columns(FILE *to)
{
    struct winsize size;
    return ioctl(fileno(to), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void carom_print_last(FILE *to, struct carom_str text, size_t column, size_t width)
{
    size_t columns = carom_print_columns(to);
    if (columns)
        width = columns > column + LAST_MIN ? columns - column : LAST_MIN;
    print_cut(to, text, width);
}

void carom_print_wrapped(FILE *to, struct carom_str text, size_t indent)
{
    struct carom_str word, rest = text;
    size_t column = 0;

    while (carom_str_word(&rest, &word)) {
        if (!column || column + 1 + word.len > 78) {
            if (column)
                fputc('\n', to);
            fprintf(to, "%*s", (int)indent, "");
            column = indent;
        } else {
            fputc(' ', to);
            column++;
        }
        carom_print_cell(to, word, 0);
        column += word.len;
    }
    fputc('\n', to);
}
