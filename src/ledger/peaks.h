/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How many of many moments lie in the busiest window of a stretch of time. */

#ifndef CAROM_LEDGER_PEAKS_H
#define CAROM_LEDGER_PEAKS_H

#include "base/error.h"

/* Zero-initialise, with the window. */
struct carom_peaks {
    int64_t window;
    int64_t *times;  /* ascending */
    uint32_t *tree;  /* over them, room leaves: how many lie in the window that ends with each, and the most of two below */
    size_t n, room;  /* room: a power of two */
};

/* Cheapest for the latest of all. */
int carom_peaks_add(struct carom_peaks *peaks, int64_t time, struct carom_error *err);
/* Those after … until alone. */
size_t carom_peaks_most(const struct carom_peaks *peaks, int64_t after, int64_t until);
void carom_peaks_deinit(struct carom_peaks *peaks); /* empties it too */

#endif
