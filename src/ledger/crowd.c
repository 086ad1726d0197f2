/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Removals come nearly in order, so that each finds its place from the end. */

#include "ledger/crowd.h"

#include <stdlib.h>

#include "base/error.h"

/* ---- Groups ---- */

static size_t slot_of(const struct carom_crowds *crowds, uint64_t group)
{
    size_t slot = (size_t)group & crowds->mask;
    while (crowds->slots[slot] && crowds->list[crowds->slots[slot] - 1].group != group)
        slot = (slot + 1) & crowds->mask;
    return slot;
}

struct carom_crowd *carom_crowds_find(const struct carom_crowds *crowds, uint64_t group)
{
    uint32_t number = crowds->slots ? crowds->slots[slot_of(crowds, group)] : 0;
    return number ? &crowds->list[number - 1] : NULL;
}

static int grow(struct carom_crowds *crowds, struct carom_error *err)
{
    size_t room = crowds->room ? 2 * crowds->room : 32, mask = 2 * room - 1;
    struct carom_crowd *list = reallocarray(crowds->list, room, sizeof(*list));
    if (list)
        crowds->list = list;
    uint32_t *slots = list ? calloc(mask + 1, sizeof(*slots)) : NULL;
    if (!slots)
        return carom_error_memory(err);
    free(crowds->slots);
    crowds->slots = slots;
    crowds->mask = mask;
    crowds->room = room;
    for (size_t i = 0; i < crowds->n; i++)
        slots[slot_of(crowds, list[i].group)] = (uint32_t)i + 1;
    return 0;
}

static struct carom_crowd *make(struct carom_crowds *crowds, uint64_t group, struct carom_error *err)
{
    struct carom_crowd *crowd = carom_crowds_find(crowds, group);
    if (crowd)
        return crowd;
    if (crowds->n == crowds->room && grow(crowds, err) != 0)
        return NULL;
    size_t slot = slot_of(crowds, group);
    crowds->list[crowds->n++] = (struct carom_crowd){.group = group};
    crowds->slots[slot] = (uint32_t)crowds->n;
    return &crowds->list[crowds->n - 1];
}

/* ---- Removals ---- */

size_t carom_crowd_upto(const struct carom_crowd *crowd, int64_t until)
{
    size_t low = 0, high = crowd->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (crowd->list[middle].received <= until)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int carom_crowds_add(struct carom_crowds *crowds, uint64_t group, const struct carom_crowd_removal *removal,
                     struct carom_error *err)
{
    struct carom_crowd *crowd = make(crowds, group, err);
    if (!crowd)
        return -1;
    if (crowd->n == crowd->room) {
        size_t room = crowd->room ? 2 * crowd->room : 8;
        struct carom_crowd_removal *list = reallocarray(crowd->list, room, sizeof(*list));
        if (!list)
            return carom_error_memory(err);
        crowd->list = list;
        crowd->room = room;
    }
    size_t place = carom_crowd_upto(crowd, removal->received);
    memmove(&crowd->list[place + 1], &crowd->list[place], (crowd->n++ - place) * sizeof(*crowd->list));
    crowd->list[place] = *removal;
    if (!crowds->first)
        crowds->first = removal->received;
    return 0;
}

/* ---- Incidents ---- */

struct carom_incident carom_crowds_incident(const struct carom_crowds *crowds, uint64_t group, int64_t time)
{
    const struct carom_crowd *crowd = carom_crowds_find(crowds, group);
    for (size_t i = crowd ? crowd->incidents_n : 0; i-- > 0;)
        if (crowd->incidents[i].since <= time)
            return crowd->incidents[i];
    return (struct carom_incident){.provider = CAROM_STR_EMPTY, .reason = CAROM_STR_EMPTY};
}

int carom_crowds_put_incident(struct carom_crowds *crowds, struct carom_incident *incident, struct carom_error *err)
{
    struct carom_crowd *crowd = make(crowds, incident->group, err);
    if (!crowd)
        return -1;
    for (size_t i = 0; incident->id && i < crowd->incidents_n; i++)
        if (crowd->incidents[i].id == incident->id) {
            crowd->incidents[i] = *incident;
            return 0;
        }
    struct carom_incident *list = reallocarray(crowd->incidents, crowd->incidents_n + 1, sizeof(*list));
    if (!list)
        return carom_error_memory(err);
    crowd->incidents = list;
    incident->id = incident->id ? incident->id : ++crowds->incidents;
    size_t place = crowd->incidents_n++;
    for (; place > 0 && list[place - 1].since > incident->since; place--)
        list[place] = list[place - 1];
    list[place] = *incident;
    return 0;
}

void carom_crowds_deinit(struct carom_crowds *crowds)
{
    for (size_t i = 0; i < crowds->n; i++) {
        free(crowds->list[i].list);
        free(crowds->list[i].incidents);
    }
    free(crowds->list);
    free(crowds->slots);
    *crowds = (struct carom_crowds){0};
}
