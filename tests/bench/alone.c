/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* usage: bench_alone
   For each processor its number, and the nanoseconds that two loops take on it, of a few runs the least: one keeps all
   units of a core busy, the other one its own cache. They take longer where somebody else uses the same core, as a
   neighbour of a virtual machine does, unseen by the system's own figures. */

#include <sched.h>
#include <stdint.h>
#include <stdio.h>

#include "clock.h"

enum { LANES = 8, STEPS = 1000000, RUNS = 3 };
enum { LINES = 4096, LINE = 16, WALK = 100000 }; /* 256 KB, of which each line of the cache says which one comes next */

static uint32_t lines[LINES * LINE];

static void use_units(void)
{
    uint64_t lanes[LANES] = {1, 2, 3, 4, 5, 6, 7, 8};

    for (uint64_t i = 0; i < STEPS; i++)
        for (int k = 0; k < LANES; k++) {
            lanes[k] = lanes[k] * 5 + i;
            __asm__ volatile("" : "+r"(lanes[k])); /* in a register, and not left out */
        }
}

/* From each to the one that nobody foresees: a generator that comes by all of them. */
static void link_lines(void)
{
    for (uint32_t i = 0; i < LINES; i++)
        lines[i * LINE] = (i * 1229 + 777) % LINES * LINE;
}

static void use_cache(void)
{
    uint32_t at = 0;

    for (int i = 0; i < WALK; i++)
        at = lines[at];
    __asm__ volatile("" : : "r"(at));
}

static double least(void (*use)(void))
{
    double found = 0;

    for (int i = 0; i < RUNS; i++) {
        double begun = now_ns();
        use();
        double took = now_ns() - begun;
        found = i == 0 || took < found ? took : found;
    }
    return found;
}

int main(void)
{
    cpu_set_t ours, one;

    if (sched_getaffinity(0, sizeof(ours), &ours) != 0)
        return perror("sched_getaffinity"), 1;
    link_lines();
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET((size_t)i, &ours))
            continue;
        CPU_ZERO(&one);
        CPU_SET((size_t)i, &one);
        if (sched_setaffinity(0, sizeof(one), &one) != 0)
            return perror("sched_setaffinity"), 1;
        printf("%d %.0f", i, least(use_units));
        printf(" %.0f\n", least(use_cache));
    }
    return 0;
}
