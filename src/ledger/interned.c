/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Open addressing, at most half full, by hashes that cannot be made to collide at will: the texts come from mail. */

#include "ledger/interned.h"

#include <stdlib.h>

#include "base/hash.h"

static size_t slot_of(const struct carom_interned *interned, struct carom_str text, uint64_t hash)
{
    size_t slot = (size_t)hash & interned->mask;
    for (uint32_t number; (number = interned->slots[slot]) != 0; slot = (slot + 1) & interned->mask) {
        const struct carom_interned_text *it = &interned->list[number - 1];
        if (it->hash == hash && carom_str_eq(it->text, text))
            break;
    }
    return slot;
}

static int grow_slots(struct carom_interned *interned)
{
    size_t mask = interned->mask ? 2 * interned->mask + 1 : 63;
    uint32_t *slots = calloc(mask + 1, sizeof(*slots));
    if (!slots)
        return -1;
    free(interned->slots);
    interned->slots = slots;
    interned->mask = mask;
    for (uint32_t i = 0; i < interned->n; i++)
        slots[slot_of(interned, interned->list[i].text, interned->list[i].hash)] = i + 1;
    return 0;
}

static int grow_list(struct carom_interned *interned)
{
    size_t room = interned->room ? 2 * interned->room : 32;
    struct carom_interned_text *list = reallocarray(interned->list, room, sizeof(*list));
    if (!list)
        return -1;
    interned->list = list;
    interned->room = room;
    return 0;
}

uint32_t carom_interned_add(struct carom_interned *interned, struct carom_str text)
{
    uint64_t hash = carom_hash(text);

    if (interned->n >= UINT32_MAX - 1 || ((size_t)interned->n * 2 >= interned->mask && grow_slots(interned) != 0))
        return 0;
    size_t slot = slot_of(interned, text, hash);
    if (interned->slots[slot])
        return interned->slots[slot];
    char *copy = carom_arena_try(interned->arena, text.len + 1);
    if (!copy || (interned->n == interned->room && grow_list(interned) != 0))
        return 0;
    memcpy(copy, text.ptr, text.len);
    interned->list[interned->n++] = (struct carom_interned_text){carom_str_n(copy, text.len), hash};
    return interned->slots[slot] = interned->n;
}

uint32_t carom_interned_find(const struct carom_interned *interned, struct carom_str text)
{
    return interned->slots ? interned->slots[slot_of(interned, text, carom_hash(text))] : 0;
}

struct carom_str carom_interned_text(const struct carom_interned *interned, uint32_t number)
{
    return number ? interned->list[number - 1].text : CAROM_STR_EMPTY;
}

void carom_interned_deinit(struct carom_interned *interned)
{
    free(interned->slots);
    free(interned->list);
    *interned = (struct carom_interned){.arena = interned->arena};
}
