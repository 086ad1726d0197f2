/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A growing byte buffer with a maximum set at birth. An append that fails (no memory, beyond the maximum) sets
   `failed` and changes nothing; later appends do nothing: check once at the end. */

#ifndef CAROM_BASE_BUF_H
#define CAROM_BASE_BUF_H

#include "base/str.h"

struct carom_buf {
    char *ptr;
    size_t len, capacity, max;
    bool failed;
};

#define CAROM_BUF_INIT(maximum) ((struct carom_buf){.max = (maximum)})
void carom_buf_deinit(struct carom_buf *buf);
static inline void carom_buf_clear(struct carom_buf *buf) { buf->len = 0, buf->failed = false; }

/* Makes room for n bytes and a NUL behind them; false: failed. */
bool carom_buf_grow(struct carom_buf *buf, size_t n);
static inline bool carom_buf_has_room(const struct carom_buf *buf, size_t n)
{
    return !buf->failed && n < buf->capacity - buf->len;
}
static inline bool carom_buf_reserve(struct carom_buf *buf, size_t n)
{
    return carom_buf_has_room(buf, n) || carom_buf_grow(buf, n);
}
static inline void carom_buf_add(struct carom_buf *buf, const void *bytes, size_t n)
{
    if (n == 0 || !carom_buf_reserve(buf, n))
        return;
    memcpy(buf->ptr + buf->len, bytes, n);
    buf->len += n;
}
static inline void carom_buf_add_str(struct carom_buf *buf, struct carom_str s) { carom_buf_add(buf, s.ptr, s.len); }
static inline void carom_buf_add_char(struct carom_buf *buf, char c) { carom_buf_add(buf, &c, 1); }
void carom_buf_printf(struct carom_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The content; NUL-terminated behind len. Borrowed until the next change. */
struct carom_str carom_buf_str(struct carom_buf *buf);
/* Hands the NUL-terminated memory to the caller, who frees it with free(); NULL after a failure. Empties buf. */
char *carom_buf_take(struct carom_buf *buf);

#endif
