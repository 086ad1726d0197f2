/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Views of text: compare, find, cut. Bytes and ASCII only; what a letter is elsewhere, base/utf8.h knows. */

#include "base/str.h"

#include "base/many.h"

/* A letter differs from its other case in this bit. */
static const uint64_t case_bits = 0x2020202020202020u;

/* Are those of eight bytes letters whose case_bits are in bits? Apart, as names are mostly written alike. */
static __attribute__((noinline)) bool are_letters(uint64_t bytes, uint64_t bits)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t small = (bytes | case_bits) & ~(0x80 * ones);

    return (bits << 2 & ~((small + ones * (0x80 - 'a')) & ~(small + ones * (0x7f - 'z')) & ~bytes)) == 0;
}

static inline bool same_word(uint64_t x, uint64_t y)
{
    return x == y || (((x ^ y) & ~case_bits) == 0 && are_letters(x, x ^ y));
}

static inline uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* The first half of a word, and the last one, which may overlap it. */
static inline uint64_t halves_at(const char *at, size_t n)
{
    uint32_t first, last;

    memcpy(&first, at, sizeof(first));
    memcpy(&last, at + n - sizeof(last), sizeof(last));
    return (uint64_t)first << 32 | last;
}

/* The last word begins where it must to be whole. */
bool carom_str_same_caseless(const char *a, const char *b, size_t n)
{
    enum { WORD = sizeof(uint64_t) };

    if (n >= WORD) {
        for (size_t i = 0; i < n - WORD; i += WORD)
            if (!same_word(word_at(a + i), word_at(b + i)))
                return false;
        return same_word(word_at(a + n - WORD), word_at(b + n - WORD));
    }
    if (n >= WORD / 2)
        return same_word(halves_at(a, n), halves_at(b, n));
    for (size_t i = 0; i < n; i++)
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

/* The first place at or behind i where needle may stand, by its first and its last letter; or what differs from them in
   the bit alone that is the case of a letter. At most the place behind the last one. */
static inline size_t next_place(struct carom_str s, size_t i, struct carom_str needle)
{
    unsigned char first = (unsigned char)needle.ptr[0] | 0x20, last = (unsigned char)needle.ptr[needle.len - 1] | 0x20;
    size_t end = s.len - needle.len + 1;

    for (size_t hit; i + CAROM_MANY <= end; i += CAROM_MANY) {
        carom_many firsts = carom_many_load(s.ptr + i) | 0x20, lasts = carom_many_load(s.ptr + i + needle.len - 1) | 0x20;
        if ((hit = carom_many_first((carom_many)((firsts == first) & (lasts == last)))) < CAROM_MANY)
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

static inline carom_many line_ends(const char *at)
{
    carom_many bytes = carom_many_load(at);

    return (carom_many)((bytes == '\n') | (bytes == '\r'));
}

/* Two vectors a step, as most lines have more. The last one overlaps what has been looked at, which has no end. */
size_t carom_str_line_length(struct carom_str s)
{
    size_t i = 0, hit;

    for (; i + 2 * CAROM_MANY <= s.len; i += 2 * CAROM_MANY) {
        carom_many first = line_ends(s.ptr + i), second = line_ends(s.ptr + i + CAROM_MANY);
        if (carom_many_any(first | second))
            return i + ((hit = carom_many_first(first)) < CAROM_MANY ? hit : CAROM_MANY + carom_many_first(second));
    }
    if (i + CAROM_MANY <= s.len && (hit = carom_many_first(line_ends(s.ptr + i))) < CAROM_MANY)
        return i + hit;
    if (s.len >= CAROM_MANY)
        return s.len - CAROM_MANY + carom_many_first(line_ends(s.ptr + s.len - CAROM_MANY));
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
    n = carom_str_skip_line_end(*rest, n);
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
