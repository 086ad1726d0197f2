/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Views of text: compare, find, cut. Bytes and ASCII only; what a letter is elsewhere, base/utf8.h knows. */

#include "base/str.h"

#include "base/many.h"

/* Do they differ in nothing but the case of letters? */
static bool alike(carom_many a, carom_many b)
{
    carom_many other = a ^ b, letter = (carom_many)((a | 0x20) - 'a' < 26);

    return !carom_many_any((carom_many)(other != 0)) || !carom_many_any((carom_many)((other & ~(letter & 0x20)) != 0));
}

/* Most are written alike, which the words show at once. */
static inline bool few_alike(const char *a, const char *b, size_t n)
{
    struct carom_words x = carom_many_words(a, n), y = carom_many_words(b, n);
    uint64_t other = (x.first ^ y.first) | (x.last ^ y.last);

    return other == 0 || ((other & ~UINT64_C(0x2020202020202020)) == 0 &&
                          alike((carom_many)(carom_many_long){x.first, x.last}, (carom_many)(carom_many_long){y.first, y.last}));
}

/* The last many bytes begin where they must to be whole. */
bool carom_str_same_caseless(const char *a, const char *b, size_t n)
{
    if (n < CAROM_MANY)
        return n == 0 || few_alike(a, b, n);
    for (size_t i = 0; i < n - CAROM_MANY; i += CAROM_MANY)
        if (!alike(carom_many_load(a + i), carom_many_load(b + i)))
            return false;
    return alike(carom_many_load(a + n - CAROM_MANY), carom_many_load(b + n - CAROM_MANY));
}

bool carom_str_iends(struct carom_str s, struct carom_str suffix)
{
    return suffix.len == 0 ||
           (s.len >= suffix.len && carom_str_same_caseless(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len));
}

/* What the first and the last letter of a needle are in each of many bytes. fold: 0x20 where that bit, the case of a
   letter, does not matter. */
struct ends {
    carom_many first, last, fold;
    size_t apart;
};

static inline carom_many may_begin(const char *at, const struct ends *ends)
{
    carom_many first = carom_many_load(at) | ends->fold, last = carom_many_load(at + ends->apart) | ends->fold;

    return (carom_many)((first == ends->first) & (last == ends->last));
}

/* The first place at or behind i where needle may stand; at most the one behind the last. Often it is far away. */
static inline __attribute__((always_inline)) size_t next_place(struct carom_str s, size_t i, struct carom_str needle,
                                                               unsigned char fold)
{
    const carom_many none = {0};
    const unsigned char first = (unsigned char)needle.ptr[0] | fold, last = (unsigned char)needle.ptr[needle.len - 1] | fold;
    const struct ends ends = {none + first, none + last, none + fold, needle.len - 1};
    size_t end = s.len - ends.apart;

    for (; i + 4 * CAROM_MANY <= end; i += 4 * CAROM_MANY) {
        const char *at = s.ptr + i;
        carom_many a = may_begin(at, &ends), b = may_begin(at + CAROM_MANY, &ends),
                   c = may_begin(at + 2 * CAROM_MANY, &ends), d = may_begin(at + 3 * CAROM_MANY, &ends);
        if (carom_many_any(a | b | c | d))
            return i + carom_many_first_of_four(a, b, c, d);
    }
    for (size_t hit; i + CAROM_MANY <= end; i += CAROM_MANY)
        if ((hit = carom_many_first(may_begin(s.ptr + i, &ends))) < CAROM_MANY)
            return i + hit;
    if (end >= CAROM_MANY && i < end) { /* the last ones overlap what has been looked at */
        size_t tail = end - CAROM_MANY;
        uint64_t mask = carom_many_mask_from(carom_many_mask(may_begin(s.ptr + tail, &ends)), i - tail);

        return mask ? tail + carom_many_lowest(mask) : end;
    }
    while (i < end && (((unsigned char)s.ptr[i] | fold) != first || ((unsigned char)s.ptr[i + ends.apart] | fold) != last))
        i++;
    return i;
}

/* Needles are mostly short words of ours. Long ones may come from mail, and be made so that each place looks like a
   beginning. */
size_t carom_str_find(struct carom_str s, struct carom_str needle)
{
    enum { SHORT = 32 };

    if (needle.len == 0)
        return 0;
    if (needle.len > SHORT) {
        const char *at = memmem(s.ptr, s.len, needle.ptr, needle.len);
        return at ? (size_t)(at - s.ptr) : SIZE_MAX;
    }
    for (size_t i = 0; s.len >= needle.len && (i = next_place(s, i, needle, 0)) <= s.len - needle.len; i++)
        if (needle.len <= 2 || memcmp(s.ptr + i, needle.ptr, needle.len) == 0) /* its ends are alike */
            return i;
    return SIZE_MAX;
}

size_t carom_str_ifind(struct carom_str s, struct carom_str needle)
{
    if (needle.len == 0)
        return 0;
    for (size_t i = 0; s.len >= needle.len && (i = next_place(s, i, needle, 0x20)) <= s.len - needle.len; i++)
        if (carom_str_same_caseless(s.ptr + i, needle.ptr, needle.len))
            return i;
    return SIZE_MAX;
}

size_t carom_str_rchr(struct carom_str s, char c)
{
    const char *at = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

/* The last vector overlaps what has been looked at, which has no end. */
size_t carom_str_line_length(struct carom_str s)
{
    size_t i = 0, hit;

    for (; i + CAROM_MANY_LINE <= s.len; i += CAROM_MANY_LINE)
        if ((hit = carom_many_line_end(s.ptr + i)) < CAROM_MANY_LINE)
            return i + hit;
    for (; i + CAROM_MANY <= s.len; i += CAROM_MANY)
        if ((hit = carom_many_first(carom_many_line_ends(s.ptr + i))) < CAROM_MANY)
            return i + hit;
    if (s.len >= CAROM_MANY)
        return s.len - CAROM_MANY + carom_many_first(carom_many_line_ends(s.ptr + s.len - CAROM_MANY));
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
    size_t n = carom_many_line_length(*rest);
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
