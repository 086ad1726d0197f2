/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The pass over a text. It knows no table and no pattern. */

#include "base/sieve.h"

#include <assert.h>

const struct carom_sieve *carom_sieve_named(const struct carom_sieve *sieves, size_t n, struct carom_str name)
{
    for (size_t i = 0; i < n; i++)
        if (carom_str_eq(sieves[i].name, name))
            return &sieves[i];
    assert(false); /* a group of rows that the table has not */
    return NULL;
}

void carom_sieved_add(struct carom_sieved *sieved, size_t row)
{
    while (sieved->words <= row / 64)
        sieved->rows[sieved->words++] = 0;
    sieved->rows[row / 64] |= UINT64_C(1) << row % 64;
}

struct scan {
    const struct carom_sieve *sieve;
    struct carom_str text;
    bool (*found)(void *user, size_t row, size_t at);
    void *user;
};

/* The other bytes stand where they must. */
static inline bool others_stand(struct carom_str text, const struct carom_sieve_gram *gram, size_t at)
{
    size_t place = at + (size_t)(ptrdiff_t)gram->distance; /* before the text it is beyond its end */

    return gram->distance == 0 ||
           (text.len >= 4 && place <= text.len - 4 && carom_sieve_gram(text.ptr + place, 4) == gram->other);
}

/* A gram stands at `at`, or another one that has the same hash. */
static __attribute__((noinline)) bool take(const struct scan *scan, uint32_t gram, uint32_t hash, size_t at)
{
    const struct carom_sieve_gram *grams = scan->sieve->grams, *one = &grams[carom_gram_entry(&scan->sieve->set, hash)];

    for (;; one = &grams[one->more]) {
        if (one->bytes == gram && others_stand(scan->text, one, at) && scan->found(scan->user, one->row, at))
            return true;
        if (!one->more)
            return false;
    }
}

/* Of the places before `to` in bytes, which stand at `offset` of the text. length is a constant where it is called, so
   that each has a loop of its own. */
static inline bool pass(const struct scan *scan, const char *bytes, size_t to, size_t length, size_t offset)
{
    size_t stride = scan->sieve->stride;
    const uint32_t *marks = scan->sieve->set.marks;
    unsigned bits = scan->sieve->set.bits;

    for (size_t i = 0; i < to; i += stride) {
        uint32_t gram = carom_sieve_gram(bytes + i, length), hash = carom_gram_hash(gram, bits);

        if (carom_gram_marked(marks, hash) && take(scan, gram, hash, offset + i))
            return true;
    }
    return false;
}

bool carom_sieve_scan(const struct carom_sieve *sieve, struct carom_str text,
                      bool (*found)(void *user, size_t row, size_t at), void *user)
{
    const struct scan scan = {sieve, text, found, user};
    char last[4] = {0}; /* of three bytes, with none behind it */

    for (size_t i = 0; i < sieve->always_n; i++)
        if (found(user, sieve->always[i], SIZE_MAX))
            return true;
    if (text.len < sieve->length)
        return false;
    if (sieve->length == 4)
        return pass(&scan, text.ptr, text.len - 3, 4, 0);
    memcpy(last, text.ptr + text.len - 3, 3);
    return pass(&scan, text.ptr, text.len - 3, 3, 0) || pass(&scan, last, 1, 3, text.len - 3);
}

static bool keep(void *sieved, size_t row, size_t at)
{
    (void)at;
    carom_sieved_add(sieved, row);
    return false;
}

void carom_sieve_add(const struct carom_sieve *sieve, struct carom_str text, struct carom_sieved *sieved)
{
    carom_sieve_scan(sieve, text, keep, sieved);
}

void carom_sieve_add_all(const struct carom_sieve *sieve, struct carom_sieved *sieved)
{
    for (size_t i = 0; i < sieve->always_n; i++)
        carom_sieved_add(sieved, sieve->always[i]);
    for (size_t i = 0; i < sieve->grams_n; i++)
        carom_sieved_add(sieved, sieve->grams[i].row);
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
