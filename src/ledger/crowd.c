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

struct carom_crowd *carom_crowds_make(struct carom_crowds *crowds, uint64_t group, struct carom_error *err)
{
    struct carom_crowd *crowd = carom_crowds_find(crowds, group);
    if (crowd)
        return crowd;
    if (crowds->n == crowds->room && grow(crowds, err) != 0)
        return NULL;
    size_t slot = slot_of(crowds, group);
    crowds->list[crowds->n++] = (struct carom_crowd){.group = group, .since = INT64_MAX};
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

void carom_crowd_changed(struct carom_crowd *crowd)
{
    carom_peaks_deinit(&crowd->done);
    crowd->done.window = 0;
}

static void forget_count(struct carom_crowd *crowd)
{
    carom_crowd_changed(crowd);
    carom_present_clear(&crowd->window);
    crowd->first = crowd->end = 0;
}

/* What was counted goes on with one more at that place. */
static int follow(struct carom_crowd *crowd, size_t place, struct carom_error *err)
{
    const struct carom_crowd_removal *removal = &crowd->list[place];
    bool before = place <= crowd->first, inside = !before && place < crowd->end;
    crowd->first += before;
    crowd->end += before || inside;
    if ((!inside || carom_present_come(&crowd->window, removal->address, err) == 0) &&
        (!crowd->done.window || !removal->done || carom_peaks_add(&crowd->done, removal->received, err) == 0))
        return 0;
    forget_count(crowd);
    return -1;
}

int carom_crowds_add(struct carom_crowds *crowds, uint64_t group, const struct carom_crowd_removal *removal,
                     struct carom_error *err)
{
    struct carom_crowd *crowd = carom_crowds_make(crowds, group, err);
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
    return follow(crowd, place, err);
}

/* ---- Counting ---- */

static int come(struct carom_crowd *crowd, size_t i, struct carom_error *err)
{
    return carom_present_come(&crowd->window, crowd->list[i].address, err);
}

static void go(struct carom_crowd *crowd, size_t i)
{
    carom_present_go(&crowd->window, crowd->list[i].address);
}

/* Time goes on, mostly, and a little at a time. */
static int move_window(struct carom_crowd *crowd, size_t first, size_t end, struct carom_error *err)
{
    if (first >= crowd->end || end <= crowd->first) {
        carom_present_clear(&crowd->window);
        crowd->first = crowd->end = first;
    }
    for (; crowd->end < end; crowd->end++)
        if (come(crowd, crowd->end, err) != 0)
            return -1;
    for (; crowd->first > first; crowd->first--)
        if (come(crowd, crowd->first - 1, err) != 0)
            return -1;
    while (crowd->end > end)
        go(crowd, --crowd->end);
    while (crowd->first < first)
        go(crowd, crowd->first++);
    return 0;
}

int carom_crowd_count(struct carom_crowd *crowd, int64_t after, int64_t until, int64_t address, int64_t *n_r,
                      struct carom_error *err)
{
    if (move_window(crowd, carom_crowd_upto(crowd, after), carom_crowd_upto(crowd, until), err) != 0)
        return -1;
    *n_r = (int64_t)crowd->window.n + !carom_present_has(&crowd->window, address);
    return 0;
}

void carom_crowd_empty(struct carom_crowd *crowd)
{
    forget_count(crowd);
    crowd->n = 0;
}

static int count_done(struct carom_crowd *crowd, int64_t window, struct carom_error *err)
{
    carom_crowd_changed(crowd);
    crowd->done.window = window;
    for (size_t i = 0; i < crowd->n; i++)
        if (crowd->list[i].done && carom_peaks_add(&crowd->done, crowd->list[i].received, err) != 0)
            return carom_crowd_changed(crowd), -1;
    return 0;
}

int carom_crowd_busiest(struct carom_crowd *crowd, int64_t window, int64_t after, int64_t until, int64_t *n_r,
                        struct carom_error *err)
{
    if (crowd->done.window != window && count_done(crowd, window, err) != 0)
        return -1;
    *n_r = (int64_t)carom_peaks_most(&crowd->done, after, until);
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
    struct carom_crowd *crowd = carom_crowds_make(crowds, incident->group, err);
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
        carom_present_deinit(&crowds->list[i].window);
        carom_peaks_deinit(&crowds->list[i].done);
        free(crowds->list[i].list);
        free(crowds->list[i].incidents);
    }
    free(crowds->list);
    free(crowds->slots);
    *crowds = (struct carom_crowds){0};
}
