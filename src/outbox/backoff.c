/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The schedule of attempts: that of the Standard Webhooks specification, spread so that jobs which failed together do
   not come back together. Knows no job and no clock, and no random source: the spread comes from the job's id. */

#include "outbox/backoff.h"

#include "base/str.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* Before each attempt, counted from the one before. */
static const int64_t delays_ms[] = {
    0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
};
static const int64_t attempts_max = sizeof delays_ms / sizeof delays_ms[0];

/* The finaliser of splitmix64: neighbouring ids give unrelated numbers. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int64_t carom_backoff_ms(int64_t attempts, int64_t seed, int64_t retry_after_s)
{
    if (attempts >= attempts_max)
        return -1;
    int64_t delay = delays_ms[attempts < 0 ? 0 : attempts];
    int64_t spread = (int64_t)(mix((uint64_t)seed + (uint64_t)attempts) % 201) - 100; /* -100 to 100 */
    int64_t wait = delay + delay * spread / 1000;
    if (retry_after_s < 0)
        return wait;
    int64_t asked = retry_after_s > DAY / SECOND ? DAY : retry_after_s * SECOND;
    return asked > wait ? asked : wait;
}
