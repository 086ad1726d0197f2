/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Open addressing, at most half full. The hashes are spread well already, so that their low bits choose the slot. Most who
   are asked for are not there, and the slots are too many for the processor's cache: the words before them are not, and of
   each hash four bits of one word are set. Of those who are not there one in a hundred, or less, has all four by chance. */

#include "ledger/hashes.h"

#include <stdlib.h>

enum { FIRST_ROOM = 1024, SLOTS_A_WORD = 16 };

static size_t word_of(const struct carom_hashes *set, uint64_t hash)
{
    return (size_t)(hash >> 16) & (set->room / SLOTS_A_WORD - 1);
}

static uint64_t bits_of(uint64_t hash)
{
    return UINT64_C(1) << (hash >> 40 & 63) | UINT64_C(1) << (hash >> 46 & 63) | UINT64_C(1) << (hash >> 52 & 63) |
           UINT64_C(1) << (hash >> 58);
}

static void put(struct carom_hashes *set, uint64_t hash)
{
    set->words[word_of(set, hash)] |= bits_of(hash);
    size_t i = (size_t)hash & (set->room - 1);
    while (set->slots[i] && set->slots[i] != hash)
        i = (i + 1) & (set->room - 1);
    set->n += !set->slots[i];
    set->slots[i] = hash;
}

static int grow(struct carom_hashes *set, struct carom_error *err)
{
    struct carom_hashes larger = {.room = set->room ? set->room * 2 : FIRST_ROOM};
    larger.slots = calloc(larger.room, sizeof(*larger.slots));
    larger.words = calloc(larger.room / SLOTS_A_WORD, sizeof(*larger.words));
    if (!larger.slots || !larger.words) {
        carom_hashes_deinit(&larger);
        return carom_error_memory(err);
    }
    for (size_t i = 0; i < set->room; i++)
        if (set->slots[i])
            put(&larger, set->slots[i]);
    carom_hashes_deinit(set);
    *set = larger;
    return 0;
}

int carom_hashes_add(struct carom_hashes *set, int64_t hash, struct carom_error *err)
{
    if (set->n * 2 >= set->room && grow(set, err) != 0)
        return -1;
    put(set, hash ? (uint64_t)hash : 1);
    return 0;
}

int carom_hashes_add_many(struct carom_hashes *set, const int64_t *hashes, size_t n, struct carom_error *err)
{
    while ((set->n + n) * 2 > set->room)
        if (grow(set, err) != 0)
            return -1;
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(&set->slots[(uint64_t)hashes[i] & (set->room - 1)], 1);
        __builtin_prefetch(&set->words[word_of(set, (uint64_t)hashes[i])], 1);
    }
    for (size_t i = 0; i < n; i++)
        put(set, hashes[i] ? (uint64_t)hashes[i] : 1);
    return 0;
}

bool carom_hashes_has(const struct carom_hashes *set, int64_t hash)
{
    uint64_t wanted = hash ? (uint64_t)hash : 1, bits = bits_of(wanted);
    if (!set->n || (set->words[word_of(set, wanted)] & bits) != bits)
        return false;
    for (size_t i = (size_t)wanted & (set->room - 1); set->slots[i]; i = (i + 1) & (set->room - 1))
        if (set->slots[i] == wanted)
            return true;
    return false;
}

void carom_hashes_has_many(const struct carom_hashes *set, const int64_t *hashes, size_t n, bool *has_r)
{
    for (size_t i = 0; i < n && set->n; i++)
        __builtin_prefetch(&set->words[word_of(set, (uint64_t)hashes[i])]);
    for (size_t i = 0; i < n; i++)
        has_r[i] = has_r[i] || carom_hashes_has(set, hashes[i]);
}

void carom_hashes_deinit(struct carom_hashes *set)
{
    free(set->slots);
    free(set->words);
    *set = (struct carom_hashes){0};
}
