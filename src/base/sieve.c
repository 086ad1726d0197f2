/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The pass over a text. It knows no table and no pattern. */

#include "base/sieve.h"

#include <assert.h>

const struct carom_sieve *carom_sieve_named(const struct carom_sieve *sieves, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(sieves[i].name, name) == 0)
            return &sieves[i];
    assert(!"a group of rows that the table has");
    return NULL;
}

static void mark(struct carom_sieved *sieved, size_t row)
{
    while (sieved->words <= row / 64)
        sieved->rows[sieved->words++] = 0;
    sieved->rows[row / 64] |= UINT64_C(1) << row % 64;
}

static __attribute__((noinline)) void take(const struct carom_sieve *sieve, uint32_t gram, uint32_t hash, struct carom_sieved *sieved)
{
    uint32_t bucket = carom_sieve_bucket(hash, sieve->bits);

    for (size_t i = sieve->first[bucket]; i < sieve->first[bucket + 1]; i++)
        if (sieve->grams[i].bytes == gram)
            mark(sieved, sieve->grams[i].row);
}

/* length is a constant where it is called, so that each has a loop of its own. */
static inline void pass(const struct carom_sieve *sieve, const char *at, const char *end, size_t length,
                        struct carom_sieved *sieved)
{
    const uint8_t *marked = sieve->marked;
    unsigned bits = sieve->bits;

    for (; at < end; at++) {
        uint32_t gram = carom_sieve_gram(at, length), hash = carom_sieve_hash(gram, bits);

        if (marked[hash])
            take(sieve, gram, hash, sieved);
    }
}

void carom_sieve_add(const struct carom_sieve *sieve, struct carom_str text, struct carom_sieved *sieved)
{
    for (size_t i = 0; i < sieve->always_n; i++)
        mark(sieved, sieve->always[i]);
    if (text.len < sieve->length)
        return;
    if (sieve->length == 4) {
        pass(sieve, text.ptr, text.ptr + text.len - 3, 4, sieved);
        return;
    }
    char last[4] = {0}; /* the last gram has no byte behind it */
    memcpy(last, text.ptr + text.len - 3, 3);
    pass(sieve, text.ptr, text.ptr + text.len - 3, 3, sieved);
    pass(sieve, last, last + 1, 3, sieved);
}

void carom_sieve_add_all(const struct carom_sieve *sieve, struct carom_sieved *sieved)
{
    for (size_t i = 0; i < sieve->always_n; i++)
        mark(sieved, sieve->always[i]);
    for (size_t i = 0; i < sieve->first[CAROM_SIEVE_BUCKETS]; i++)
        mark(sieved, sieve->grams[i].row);
}

size_t carom_sieved_next(const struct carom_sieved *sieved, size_t from)
{
    for (size_t word = from / 64; word < sieved->words; word++) {
        uint64_t bits = sieved->rows[word];

        if (word == from / 64)
            bits &= UINT64_MAX << from % 64;
        if (bits)
            return word * 64 + (size_t)__builtin_ctzll(bits);
    }
    return SIZE_MAX;
}
