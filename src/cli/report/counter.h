/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Counts by name, in this period and the one before. Names come from mail, so that there may be as many as somebody
   likes: beyond a maximum new ones are counted together. */

#ifndef CAROM_CLI_REPORT_COUNTER_H
#define CAROM_CLI_REPORT_COUNTER_H

#include "base/arena.h"

struct carom_figure {
    int64_t now, before;
};

struct carom_count {
    struct carom_str name, detail; /* detail: of whom */
    enum carom_reason reason;
    struct carom_figure n;
    struct carom_str first; /* whom the caller saw it from first; empty until he says so */
    bool several;           /* and from others too */
    uint64_t hash;
};

struct carom_counter {
    struct carom_arena *arena;  /* of the names; guarded by the caller */
    struct carom_count *counts; /* an array, in order of their coming; sorted: the most frequent now first */
    size_t n, room, max;
    uint32_t *slots; /* number in counts, plus 1 */
    size_t slots_n;
    struct carom_count others;
};

/* What is counted under name, detail and reason, which are copied when they are new. Borrowed until the next one. */
struct carom_count *carom_counter_at(struct carom_counter *counter, struct carom_str name, struct carom_str detail,
                                      enum carom_reason reason);
/* Nothing can be counted after that. */
void carom_counter_sort(struct carom_counter *counter);

#endif
