/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A table of names with open addressing. All of it stands in the arena: what is outgrown stays there, as much again. */

#include "cli/report/counter.h"

#include <stdlib.h>

static uint64_t hash_of(struct carom_str name, struct carom_str detail, enum carom_reason reason)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)reason; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * UINT64_C(1099511628211);
    for (size_t i = 0; i < detail.len; i++)
        hash = (hash ^ (unsigned char)detail.ptr[i] ^ 0x100) * UINT64_C(1099511628211);
    return hash ^ hash >> 29;
}

static void grow(struct carom_counter *counter)
{
    size_t room = counter->room ? 2 * counter->room : 64;
    struct carom_count *counts = carom_arena_array(counter->arena, struct carom_count, room);
    uint32_t *slots = carom_arena_array(counter->arena, uint32_t, 2 * room);

    if (counter->n)
        memcpy(counts, counter->counts, counter->n * sizeof(*counts));
    for (size_t i = 0; i < counter->n; i++) {
        size_t slot = counts[i].hash & (2 * room - 1);
        while (slots[slot])
            slot = (slot + 1) & (2 * room - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    counter->counts = counts;
    counter->slots = slots;
    counter->room = room;
    counter->slots_n = 2 * room;
}

/* The same name of another provider, or with another reason, is another row. */
struct carom_count *carom_counter_at(struct carom_counter *counter, struct carom_str name, struct carom_str detail,
                                      enum carom_reason reason)
{
    uint64_t hash = hash_of(name, detail, reason);
    if (counter->n == counter->room && counter->n < counter->max)
        grow(counter);
    size_t slot = hash & (counter->slots_n - 1);
    for (; counter->slots[slot]; slot = (slot + 1) & (counter->slots_n - 1)) {
        struct carom_count *count = &counter->counts[counter->slots[slot] - 1];
        if (count->hash == hash && count->reason == reason && carom_str_eq(count->name, name) &&
            carom_str_eq(count->detail, detail))
            return count;
    }
    if (counter->n == counter->max)
        return &counter->others;
    struct carom_count *count = &counter->counts[counter->n++];
    *count = (struct carom_count){.name = carom_arena_str(counter->arena, name),
                                  .detail = carom_arena_str(counter->arena, detail),
                                  .reason = reason,
                                  .first = CAROM_STR_EMPTY,
                                  .hash = hash};
    counter->slots[slot] = (uint32_t)counter->n;
    return count;
}

static int compare(const void *left, const void *right)
{
    const struct carom_count *a = left, *b = right;
    size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = n ? memcmp(a->name.ptr, b->name.ptr, n) : 0;
    if (a->n.now != b->n.now)
        return a->n.now > b->n.now ? -1 : 1;
    if (a->n.before != b->n.before)
        return a->n.before > b->n.before ? -1 : 1;
    return order ? order : a->name.len != b->name.len ? (a->name.len > b->name.len) - (a->name.len < b->name.len)
                                                      : (int)a->reason - (int)b->reason;
}

void carom_counter_sort(struct carom_counter *counter)
{
    if (counter->n)
        qsort(counter->counts, counter->n, sizeof(*counter->counts), compare);
}
