/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A few bytes in a row, by which a text is known to hold something longer, and lists of what is known by them. The build
   tool and the search, on other machines, must agree on both. */

#ifndef CAROM_BASE_GRAM_H
#define CAROM_BASE_GRAM_H

#include <stddef.h>
#include <stdint.h>

/* Of 1, 2 or 4 bytes; length is a constant where speed matters. */
static inline uint32_t carom_gram(const char *bytes, size_t length)
{
    const unsigned char *b = (const unsigned char *)bytes;

    return length == 4   ? (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24
           : length == 2 ? (uint32_t)b[0] | (uint32_t)b[1] << 8
                         : b[0];
}
static inline uint32_t carom_gram_hash(uint32_t gram, unsigned bits) { return gram * 0x9e3779b1u >> (32 - bits); }

/* The hashes that something is known by. A list has one entry for each, in their order and without holes, so that it is
   short enough to stay in the cache; further entries with the same hash stand behind all those. */
struct carom_gram_set {
    const uint32_t *marks; /* a bit for each hash; behind them, as few are asked for, how many are marked before each 32 */
    uint32_t bits;         /* of a hash, at least 5 */
};
/* For so many bits: numbers of marks, and as many of counts behind them. */
static inline size_t carom_gram_numbers(uint32_t bits) { return (size_t)1 << (bits - 5); }

static inline uint32_t carom_gram_ones(uint32_t bits)
{
    bits -= bits >> 1 & 0x55555555u;
    bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
    return ((bits + (bits >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}
static inline uint32_t carom_gram_marked(const uint32_t *marks, uint32_t hash)
{
    return marks[hash / 32] >> hash % 32 & 1;
}
/* The entry of a hash that is marked. */
static inline uint32_t carom_gram_entry(const struct carom_gram_set *set, uint32_t hash)
{
    const uint32_t *marks = set->marks + hash / 32;

    return marks[carom_gram_numbers(set->bits)] + carom_gram_ones(*marks & ((UINT32_C(1) << hash % 32) - 1));
}
static inline void carom_gram_mark(uint32_t *marks, uint32_t hash)
{
    marks[hash / 32] |= UINT32_C(1) << hash % 32;
}
/* Once all are marked: returns how many are. */
static inline uint32_t carom_gram_count(uint32_t *marks, uint32_t bits)
{
    size_t numbers = carom_gram_numbers(bits);
    uint32_t n = 0;

    for (size_t i = 0; i < numbers; n += carom_gram_ones(marks[i++]))
        marks[numbers + i] = n;
    return n;
}

#endif
