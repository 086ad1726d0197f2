/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Open addressing, at most half full. The hashes are spread well already, so that their low bits choose the slot. Most who
   are asked for are not there, and the slots are too many for the processor's cache: the bits before them are not. */

#include "ledger/hashes.h"

#include <stdlib.h>

enum { FIRST_ROOM = 1024, BITS = 2 /* for each slot: of those who are not there one in four has his set, or less */ };

static size_t bit_of(const struct carom_hashes *set, uint64_t hash)
{
    return (size_t)(hash >> 24) & (BITS * set->room - 1);
}

static void put(struct carom_hashes *set, uint64_t hash)
{
    size_t bit = bit_of(set, hash);
    set->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
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
    larger.bits = calloc(larger.room / (8 / BITS), 1);
    if (!larger.slots || !larger.bits) {
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

bool carom_hashes_has(const struct carom_hashes *set, int64_t hash)
{
    uint64_t wanted = hash ? (uint64_t)hash : 1;
    if (!set->n)
        return false;
    size_t bit = bit_of(set, wanted);
    if (!(set->bits[bit / 8] >> bit % 8 & 1))
        return false;
    for (size_t i = (size_t)wanted & (set->room - 1); set->slots[i]; i = (i + 1) & (set->room - 1))
        if (set->slots[i] == wanted)
            return true;
    return false;
}

void carom_hashes_deinit(struct carom_hashes *set)
{
    free(set->slots);
    free(set->bits);
    *set = (struct carom_hashes){0};
}
