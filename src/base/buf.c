/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A growing byte buffer that never exceeds its maximum and remembers that it failed. It knows no text formats. */

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void carom_buf_deinit(struct carom_buf *buf)
{
    free(buf->ptr);
    *buf = (struct carom_buf){.max = buf->max};
}

/* The NUL does not count against the maximum. */
bool carom_buf_grow(struct carom_buf *buf, size_t n)
{
    if (buf->failed)
        return false;
    buf->failed = true;
    if (buf->len > buf->max || n > buf->max - buf->len || buf->max == SIZE_MAX)
        return false;
    size_t wanted = buf->capacity < 128 ? 256 : buf->capacity < SIZE_MAX / 4 ? buf->capacity * 2 : SIZE_MAX / 2;
    if (wanted > buf->max + 1)
        wanted = buf->max + 1;
    if (wanted < buf->len + n + 1)
        wanted = buf->len + n + 1;
    char *ptr = realloc(buf->ptr, wanted);
    if (!ptr)
        return false;
    buf->ptr = ptr;
    buf->capacity = wanted;
    buf->failed = false;
    return true;
}

void carom_buf_printf(struct carom_buf *buf, const char *format, ...)
{
    if (!carom_buf_reserve(buf, 0))
        return;
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(buf->ptr + buf->len, buf->capacity - buf->len, format, args);
    va_end(args);
    if (wanted < 0) {
        buf->failed = true;
        return;
    }
    size_t n = (size_t)wanted;
    if (n >= buf->capacity - buf->len) {
        if (!carom_buf_reserve(buf, n))
            return;
        va_start(args, format);
        vsnprintf(buf->ptr + buf->len, n + 1, format, args);
        va_end(args);
    }
    buf->len += n;
}

struct carom_str carom_buf_str(struct carom_buf *buf)
{
    if (!buf->ptr)
        return CAROM_STR_EMPTY;
    buf->ptr[buf->len] = '\0';
    return carom_str_n(buf->ptr, buf->len);
}

char *carom_buf_take(struct carom_buf *buf)
{
    char *text = NULL;
    if (carom_buf_reserve(buf, 0)) {
        buf->ptr[buf->len] = '\0';
        text = buf->ptr;
        buf->ptr = NULL;
    }
    carom_buf_deinit(buf);
    return text;
}
