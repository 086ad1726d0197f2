/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Open addressing, at most half full. The hashes are spread well already, so that their low bits choose the slot. */

#include "ledger/hashes.h"

#include <stdlib.h>

static void put(struct carom_hashes *set, uint64_t hash)
{
    size_t i = (size_t)hash & (set->room - 1);
    while (set->slots[i] && set->slots[i] != hash)
        i = (i + 1) & (set->room - 1);
    set->n += !set->slots[i];
    set->slots[i] = hash;
}

static int grow(struct carom_hashes *set, struct carom_error *err)
{
    struct carom_hashes larger = {.room = set->room ? set->room * 2 : 1024};
    if (!(larger.slots = calloc(larger.room, sizeof(*larger.slots))))
        return carom_error_memory(err);
    for (size_t i = 0; i < set->room; i++)
        if (set->slots[i])
            put(&larger, set->slots[i]);
    free(set->slots);
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
    for (size_t i = (size_t)wanted & (set->room - 1); set->slots[i]; i = (i + 1) & (set->room - 1))
        if (set->slots[i] == wanted)
            return true;
    return false;
}

void carom_hashes_deinit(struct carom_hashes *set)
{
    free(set->slots);
    *set = (struct carom_hashes){NULL, 0, 0};
}
