/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Open addressing, at most half full; addresses are hashes already. Who has gone keeps his slot until they are made anew. */

#include "ledger/present.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 256 };

struct carom_presence {
    int64_t address;
    uint32_t times;
    bool used;
};

static struct carom_presence *slot_of(const struct carom_present *present, int64_t address)
{
    size_t i = (size_t)address & (present->room - 1);
    while (present->slots[i].used && present->slots[i].address != address)
        i = (i + 1) & (present->room - 1);
    return &present->slots[i];
}

static int make_room(struct carom_present *present, struct carom_error *err)
{
    struct carom_present other = {.room = FIRST_ROOM};
    while (other.room < 4 * present->n)
        other.room *= 2;
    if (!(other.slots = calloc(other.room, sizeof(*other.slots))))
        return carom_error_memory(err);
    for (size_t i = 0; i < present->room; i++)
        if (present->slots[i].times)
            *slot_of(&other, present->slots[i].address) = present->slots[i];
    other.n = other.used = present->n;
    free(present->slots);
    *present = other;
    return 0;
}

int carom_present_come(struct carom_present *present, int64_t address, struct carom_error *err)
{
    if (2 * present->used >= present->room && make_room(present, err) != 0)
        return -1;
    struct carom_presence *slot = slot_of(present, address);
    present->used += !slot->used;
    present->n += !slot->times;
    *slot = (struct carom_presence){address, slot->times + 1, true};
    return 0;
}

void carom_present_go(struct carom_present *present, int64_t address)
{
    present->n -= --slot_of(present, address)->times == 0;
}

bool carom_present_has(const struct carom_present *present, int64_t address)
{
    return present->room && slot_of(present, address)->times;
}

void carom_present_clear(struct carom_present *present)
{
    if (present->used)
        memset(present->slots, 0, present->room * sizeof(*present->slots));
    present->n = present->used = 0;
}

void carom_present_deinit(struct carom_present *present)
{
    free(present->slots);
    *present = (struct carom_present){0};
}
