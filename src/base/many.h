/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Sixteen bytes at once, which compilers make of what the machine has. A comparison gives a vector, in which each byte
   has all bits where it holds. */

#ifndef CAROM_BASE_MANY_H
#define CAROM_BASE_MANY_H

#include "base/str.h"

enum { CAROM_MANY = 16 };
typedef unsigned char carom_many __attribute__((vector_size(CAROM_MANY)));
typedef signed char carom_many_signed __attribute__((vector_size(CAROM_MANY)));
typedef uint64_t carom_many_long __attribute__((vector_size(CAROM_MANY)));

static inline carom_many carom_many_load(const char *at)
{
    carom_many bytes;

    memcpy(&bytes, at, CAROM_MANY);
    return bytes;
}

/* All of the n < CAROM_MANY bytes there, in any order, some of them more than once; n is not 0. */
struct carom_words {
    uint64_t first, last;
};
static inline struct carom_words carom_many_words(const char *at, size_t n)
{
    struct carom_words words;

    if (n >= sizeof(uint64_t)) {
        memcpy(&words.first, at, sizeof(uint64_t));
        memcpy(&words.last, at + n - sizeof(uint64_t), sizeof(uint64_t));
    } else if (n >= sizeof(uint32_t)) {
        uint32_t first, last;
        memcpy(&first, at, sizeof(first));
        memcpy(&last, at + n - sizeof(last), sizeof(last));
        words.first = words.last = (uint64_t)first << 32 | last;
    } else {
        words.first = 0x0101010101010101u * (unsigned char)at[0];
        words.last = words.first << 16 | (uint64_t)(unsigned char)at[n / 2] << 8 | (unsigned char)at[n - 1];
    }
    return words;
}
static inline carom_many carom_many_load_few(const char *at, size_t n)
{
    struct carom_words words = carom_many_words(at, n);

    return (carom_many)(carom_many_long){words.first, words.last};
}

/* The same, and copies them. */
static inline carom_many carom_many_copy_few(char *out, const char *at, size_t n)
{
    carom_many bytes = carom_many_load_few(at, n);

    if (n >= sizeof(uint64_t)) {
        memcpy(out, &bytes, sizeof(uint64_t));
        memcpy(out + n - sizeof(uint64_t), (const char *)&bytes + sizeof(uint64_t), sizeof(uint64_t));
    } else if (n >= sizeof(uint32_t)) {
        memcpy(out, at, sizeof(uint32_t));
        memcpy(out + n - sizeof(uint32_t), at + n - sizeof(uint32_t), sizeof(uint32_t));
    } else {
        char first = at[0], middle = at[n / 2], last = at[n - 1];
        out[0] = first, out[n / 2] = middle, out[n - 1] = last;
    }
    return bytes;
}

/* A bit for each of the bytes, all of whose bits are set or none, the first one lowest. */
static inline uint64_t carom_many_mask(carom_many hits)
{
#ifdef __SSE2__
    typedef char chars __attribute__((vector_size(CAROM_MANY)));
    return (uint64_t)(uint32_t)__builtin_ia32_pmovmskb128((chars)hits);
#else
    const carom_many bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint64_t ones = UINT64_C(0x0101010101010101); /* times them: the highest byte is the sum of all */
    carom_many_long halves = (carom_many_long)(hits & bits);
    return (halves[0] * ones >> 56) | (halves[1] * ones >> 56 << 8);
#endif
}

static inline bool carom_many_any(carom_many hits)
{
    return carom_many_mask(hits) != 0;
}

/* The first place in a mask that is not 0. */
static inline size_t carom_many_lowest(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask);
}

/* The mask without its first n < CAROM_MANY places. */
static inline uint64_t carom_many_mask_from(uint64_t mask, size_t n)
{
    return mask & UINT64_MAX << n;
}

/* The first place that has all bits; CAROM_MANY: there is none. */
static inline size_t carom_many_first(carom_many hits)
{
    return carom_many_lowest(carom_many_mask(hits) | UINT64_C(1) << CAROM_MANY);
}

/* The first place in four vectors one behind the other; 4 * CAROM_MANY: there is none. In which of them it is, no
   processor can foresee: nothing is branched on. */
static inline size_t carom_many_first_of_four(carom_many first, carom_many second, carom_many third, carom_many fourth)
{
    uint64_t mask = carom_many_mask(first) | carom_many_mask(second) << CAROM_MANY |
                    carom_many_mask(third) << 2 * CAROM_MANY | carom_many_mask(fourth) << 3 * CAROM_MANY;

    return mask ? carom_many_lowest(mask) : 4 * CAROM_MANY;
}

static inline carom_many carom_many_line_ends(const char *at)
{
    carom_many bytes = carom_many_load(at);

    return (carom_many)((bytes == '\n') | (bytes == '\r'));
}

/* The first CR or LF in as many bytes as most lines have at most; that many: there is none. */
enum { CAROM_MANY_LINE = 4 * CAROM_MANY };
static inline size_t carom_many_line_end(const char *at)
{
    return carom_many_first_of_four(carom_many_line_ends(at), carom_many_line_ends(at + CAROM_MANY),
                                    carom_many_line_ends(at + 2 * CAROM_MANY), carom_many_line_ends(at + 3 * CAROM_MANY));
}

/* carom_str_line_length where it is asked for each line of a text. */
static inline size_t carom_many_line_length(struct carom_str s)
{
    size_t looked = s.len >= CAROM_MANY_LINE ? CAROM_MANY_LINE : 0, end = looked ? carom_many_line_end(s.ptr) : 0;

    return end < looked ? end : looked + carom_str_line_length(carom_str_n(s.ptr + looked, s.len - looked));
}

/* What `of` gives of the bytes in s, many at a time, or-ed. */
static inline __attribute__((always_inline)) carom_many carom_many_gather(struct carom_str s, carom_many (*of)(carom_many))
{
    carom_many found = {0};

    for (size_t i = CAROM_MANY; i < s.len; i += CAROM_MANY)
        found |= of(carom_many_load(s.ptr + i - CAROM_MANY));
    if (s.len >= CAROM_MANY)
        found |= of(carom_many_load(s.ptr + s.len - CAROM_MANY));
    else if (s.len > 0)
        found |= of(carom_many_load_few(s.ptr, s.len));
    return found;
}

/* Has none of the bytes in s what odd finds in many of them? */
static inline __attribute__((always_inline)) bool carom_many_none(struct carom_str s, carom_many (*odd)(carom_many))
{
    return !carom_many_any(carom_many_gather(s, odd));
}

#endif
