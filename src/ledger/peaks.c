/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Each moment knows how many lie in the window that ends with it, which one that comes later does not change; the most of
   any of them is found in a tree of maxima. A window is shorter than its length by a moment: two that are that far apart
   are not in one. */

#include "ledger/peaks.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

/* The number of those before that moment, or until it. */
static size_t upto(const struct carom_peaks *peaks, int64_t time, bool with)
{
    size_t low = 0, high = peaks->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (peaks->times[middle] < time || (with && peaks->times[middle] == time))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Above those leaves. */
static void refresh(struct carom_peaks *peaks, size_t first, size_t last)
{
    for (first += peaks->room, last += peaks->room; (first /= 2) != 0;) {
        last /= 2;
        for (size_t i = first; i <= last; i++)
            peaks->tree[i] = larger(peaks->tree[2 * i], peaks->tree[2 * i + 1]);
    }
}

static int grow(struct carom_peaks *peaks, struct carom_error *err)
{
    size_t room = peaks->room ? 2 * peaks->room : FIRST_ROOM;
    int64_t *times = reallocarray(peaks->times, room, sizeof(*times));
    if (times)
        peaks->times = times;
    uint32_t *tree = times ? calloc(2 * room, sizeof(*tree)) : NULL;
    if (!tree)
        return carom_error_memory(err);
    if (peaks->n)
        memcpy(&tree[room], &peaks->tree[peaks->room], peaks->n * sizeof(*tree));
    free(peaks->tree);
    peaks->tree = tree;
    peaks->room = room;
    refresh(peaks, 0, room - 1);
    return 0;
}

int carom_peaks_add(struct carom_peaks *peaks, int64_t time, struct carom_error *err)
{
    if (peaks->n == peaks->room && grow(peaks, err) != 0)
        return -1;
    size_t place = upto(peaks, time, true), behind = peaks->n++ - place;
    uint32_t *leaf = &peaks->tree[peaks->room + place];
    memmove(&peaks->times[place + 1], &peaks->times[place], behind * sizeof(*peaks->times));
    memmove(leaf + 1, leaf, behind * sizeof(*leaf));
    peaks->times[place] = time;
    *leaf = (uint32_t)(place + 1 - upto(peaks, time - peaks->window, true));
    for (size_t i = 1; i <= behind && peaks->times[place + i] - time < peaks->window; i++)
        leaf[i]++;
    refresh(peaks, place, peaks->n - 1);
    return 0;
}

static uint32_t most_of(const struct carom_peaks *peaks, size_t first, size_t end)
{
    uint32_t most = 0;
    for (first += peaks->room, end += peaks->room; first < end; first /= 2, end /= 2) {
        if (first & 1)
            most = larger(most, peaks->tree[first++]);
        if (end & 1)
            most = larger(most, peaks->tree[--end]);
    }
    return most;
}

/* Of windows that the first moment is in, what was before it does not count. */
size_t carom_peaks_most(const struct carom_peaks *peaks, int64_t after, int64_t until)
{
    size_t first = upto(peaks, after, true), end = upto(peaks, until, true);
    if (first >= end)
        return 0;
    size_t beyond = upto(peaks, peaks->times[first] + peaks->window, false);
    if (beyond >= end)
        return end - first;
    size_t most = most_of(peaks, beyond, end);
    return most > beyond - first ? most : beyond - first;
}

void carom_peaks_deinit(struct carom_peaks *peaks)
{
    free(peaks->times);
    free(peaks->tree);
    *peaks = (struct carom_peaks){.window = peaks->window};
}
