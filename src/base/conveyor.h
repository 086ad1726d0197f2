/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Loads that pass through stations in the order in which they came, worked on by several threads. A station is either
   for one load at a time, in order, or for as many as there are threads. It does not know what is carried. */

#ifndef CAROM_BASE_CONVEYOR_H
#define CAROM_BASE_CONVEYOR_H

#include "base/error.h"

enum { CAROM_CONVEYOR_THREADS = 64 }; /* at most */

struct carom_station {
    /* 0; -1 with err stops the belt; of the first station, which fills the load, 1: there is no more. */
    int (*work)(void *user, void *load, struct carom_error *err);
    bool side_by_side; /* not in order, and several at once; never the first one */
};

struct carom_conveyor {
    const struct carom_station *stations;
    size_t n; /* at least two */
    void **loads; /* used again and again; at least one, better two for each thread */
    size_t loads_n;
    unsigned threads; /* the caller's is one of them */
    void *user;
};

/* Returns when all has passed the last station. -1: the error of the first that failed. Where a thread cannot be made,
   those that there are do the work. */
int carom_conveyor_run(const struct carom_conveyor *conveyor, struct carom_error *err);
/* As many threads as this process may have processors at once, and no more than are allowed. */
unsigned carom_conveyor_processors(void);

#endif
