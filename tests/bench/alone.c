/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* usage: bench_alone
   For each processor its number, and the nanoseconds that a loop takes on it which keeps all units of a core busy, of a
   few runs the least. It takes longer where somebody else uses the same core, as a neighbour of a virtual machine does,
   unseen by the system's own figures. */

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { LANES = 8, STEPS = 1000000, RUNS = 3 };

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double loop(void)
{
    uint64_t lanes[LANES] = {1, 2, 3, 4, 5, 6, 7, 8};
    double begun = now_ns();

    for (uint64_t i = 0; i < STEPS; i++)
        for (int k = 0; k < LANES; k++) {
            lanes[k] = lanes[k] * 5 + i;
            __asm__ volatile("" : "+r"(lanes[k])); /* in a register, and not left out */
        }
    return now_ns() - begun;
}

static double least_on(int processor)
{
    double least = 0;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)processor, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        return 0;
    for (int i = 0; i < RUNS; i++) {
        double took = loop();
        least = i == 0 || took < least ? took : least;
    }
    return least;
}

int main(void)
{
    cpu_set_t ours;

    if (sched_getaffinity(0, sizeof(ours), &ours) != 0)
        return perror("sched_getaffinity"), 1;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET((size_t)i, &ours))
            printf("%d %.0f\n", i, least_on(i));
    return 0;
}
