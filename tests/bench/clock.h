/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the programs of the bench measure time with. */

#ifndef CAROM_BENCH_CLOCK_H
#define CAROM_BENCH_CLOCK_H

#include <time.h>

/* Nanoseconds since some moment that stays. */
static inline double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

#endif
