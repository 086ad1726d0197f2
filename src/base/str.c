/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Views of text: compare, find, cut. Bytes and ASCII only; what a letter is elsewhere, base/utf8.h knows. */

#include "base/str.h"

bool carom_str_same_caseless(const char *a, const char *b, size_t n)
{
    size_t i = 0;

    for (uint64_t x, y; i + sizeof x <= n; i += sizeof x) { /* mostly the same in all */
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        if (x != y)
            break;
    }
    for (; i < n; i++)
        if (a[i] != b[i] && carom_lower(a[i]) != carom_lower(b[i]))
            return false;
    return true;
}

bool carom_str_iends(struct carom_str s, struct carom_str suffix)
{
    return suffix.len == 0 ||
           (s.len >= suffix.len && carom_str_same_caseless(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len));
}

/* Needles are mostly short words of ours: looking for their first byte is cheaper than preparing anything. Long ones may
   come from mail, and be made so that each place looks like a beginning. */
size_t carom_str_find(struct carom_str s, struct carom_str needle)
{
    enum { SHORT = 32 };
    const char *at, *last;

    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return SIZE_MAX;
    at = s.ptr;
    last = s.ptr + (s.len - needle.len);
    if (needle.len > SHORT) {
        at = memmem(s.ptr, s.len, needle.ptr, needle.len);
        return at ? (size_t)(at - s.ptr) : SIZE_MAX;
    }
    while (at <= last && (at = memchr(at, needle.ptr[0], (size_t)(last - at) + 1))) {
        if (memcmp(at, needle.ptr, needle.len) == 0)
            return (size_t)(at - s.ptr);
        at++;
    }
    return SIZE_MAX;
}

/* Sixteen bytes at once, which compilers make of what the machine has. */
enum { MANY = 16 };
typedef unsigned char many __attribute__((vector_size(MANY)));

static inline many load(const char *at)
{
    many bytes;

    memcpy(&bytes, at, MANY);
    return bytes;
}

/* The first place of which hits has all bits, MANY: there is none. */
static inline size_t first_hit(many hits)
{
    uint64_t half[2];

    memcpy(half, &hits, MANY);
    if ((half[0] | half[1]) == 0)
        return MANY;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return half[0] ? (size_t)__builtin_clzll(half[0]) / 8 : 8 + (size_t)__builtin_clzll(half[1]) / 8;
#else
    return half[0] ? (size_t)__builtin_ctzll(half[0]) / 8 : 8 + (size_t)__builtin_ctzll(half[1]) / 8;
#endif
}

/* The first place at or behind i where needle may stand, by its first and its last letter; or what differs from them in
   the bit alone that is the case of a letter. At most the place behind the last one. */
static inline size_t next_place(struct carom_str s, size_t i, struct carom_str needle)
{
    unsigned char first = (unsigned char)needle.ptr[0] | 0x20, last = (unsigned char)needle.ptr[needle.len - 1] | 0x20;
    size_t end = s.len - needle.len + 1;

    for (size_t hit; i + MANY <= end; i += MANY) {
        many firsts = load(s.ptr + i) | 0x20, lasts = load(s.ptr + i + needle.len - 1) | 0x20;
        if ((hit = first_hit((many)((firsts == first) & (lasts == last)))) < MANY)
            return i + hit;
    }
    while (i < end && ((unsigned char)s.ptr[i] | 0x20) != first)
        i++;
    return i;
}

size_t carom_str_ifind(struct carom_str s, struct carom_str needle)
{
    if (needle.len == 0)
        return 0;
    for (size_t i = 0; s.len >= needle.len && (i = next_place(s, i, needle)) <= s.len - needle.len; i++)
        if (carom_str_same_caseless(s.ptr + i, needle.ptr, needle.len))
            return i;
    return SIZE_MAX;
}

size_t carom_str_rchr(struct carom_str s, char c)
{
    const char *at = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

size_t carom_str_line_length(struct carom_str s)
{
    size_t i = 0;

    for (size_t hit; i + MANY <= s.len; i += MANY) {
        many bytes = load(s.ptr + i);
        if ((hit = first_hit((many)((bytes == '\n') | (bytes == '\r')))) < MANY)
            return i + hit;
    }
    while (i < s.len && s.ptr[i] != '\n' && s.ptr[i] != '\r')
        i++;
    return i;
}

/* Where the line begins that goes on at `at`. In windows: with one memrchr over all before, a text that has only CR (or
   only LF) would be read to its beginning for each of its lines. */
static size_t line_start(struct carom_str s, size_t at)
{
    enum { WINDOW = 256 };
    for (size_t end = at, n; end > 0; end -= n) {
        n = end < WINDOW ? end : WINDOW;
        const char *from = s.ptr + end - n;
        const char *lf = memrchr(from, '\n', n);
        const char *cr = lf ? memrchr(lf, '\r', (size_t)(from + n - lf)) : memrchr(from, '\r', n);
        if (cr || lf)
            return (size_t)((cr ? cr : lf) + 1 - s.ptr);
    }
    return 0;
}

struct carom_str carom_str_line_around(struct carom_str s, size_t at)
{
    size_t start = line_start(s, at);
    return carom_str_n(s.ptr + start, at - start + carom_str_line_length(carom_str_from(s, at)));
}

bool carom_str_line(struct carom_str *rest, struct carom_str *line_r)
{
    if (rest->len == 0)
        return false;
    size_t n = carom_str_line_length(*rest);
    *line_r = carom_str_n(rest->ptr, n);
    if (n < rest->len)
        n += rest->ptr[n] == '\r' && n + 1 < rest->len && rest->ptr[n + 1] == '\n' ? 2 : 1;
    *rest = carom_str_n(rest->ptr + n, rest->len - n);
    return true;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool carom_str_word(struct carom_str *rest, struct carom_str *word_r)
{
    size_t start = 0;
    while (start < rest->len && is_blank(rest->ptr[start]))
        start++;
    size_t end = start;
    while (end < rest->len && !is_blank(rest->ptr[end]))
        end++;
    if (start == end)
        return false;
    *word_r = carom_str_n(rest->ptr + start, end - start);
    *rest = carom_str_from(*rest, end);
    return true;
}

/* The first piece is anchored at the start, the last one at the end, and those between are taken where they come first:
   that leaves the most for the others. */
bool carom_str_glob_whole(struct carom_str s, struct carom_str pattern)
{
    size_t star = carom_str_chr(pattern, '*');
    if (star == SIZE_MAX)
        return carom_str_ieq(s, pattern);
    if (!carom_str_istarts(s, carom_str_head(pattern, star)))
        return false;
    s = carom_str_from(s, star);
    pattern = carom_str_from(pattern, star + 1);
    while ((star = carom_str_chr(pattern, '*')) != SIZE_MAX) {
        size_t at = carom_str_ifind(s, carom_str_head(pattern, star));
        if (at == SIZE_MAX)
            return false;
        s = carom_str_from(s, at + star);
        pattern = carom_str_from(pattern, star + 1);
    }
    return carom_str_iends(s, pattern);
}

int64_t carom_str_number(struct carom_str s)
{
    int64_t number = s.len > 0 ? 0 : -1;
    for (size_t i = 0; i < s.len; i++) {
        if (!carom_is_digit(s.ptr[i]) || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, s.ptr[i] - '0', &number))
            return -1;
    }
    return number;
}

void carom_str_put(char *out, size_t size, struct carom_str s)
{
    size_t n = s.len < size ? s.len : size - 1;

    memcpy(out, s.ptr, n);
    out[n] = '\0';
}
