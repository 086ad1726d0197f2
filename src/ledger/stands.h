/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What stands for one address in a ledger in memory: suppressions, departures, tags; and what an action does to them. */

#ifndef CAROM_LEDGER_STANDS_H
#define CAROM_LEDGER_STANDS_H

#include "ledger/interned.h"
#include "ledger/ledger.h"

/* Oldest first. What has ended is not there. */
struct carom_stands {
    struct carom_stands_suppression *suppressions;
    struct carom_stands_departure *departures;
    struct carom_stands_tag *tags;
};

struct carom_stands_work {
    struct carom_arena *arena;
    struct carom_interned *words;
    struct carom_stands *stands;
    const struct carom_entry *entry;
    uint32_t fact;
};

/* -1: no memory. */
int carom_stands_carry_out(struct carom_stands_work *work, const struct carom_decided *decided);
/* A delivery lifts what came only from soft bounces before it. */
void carom_stands_delivered(struct carom_stands_work *work);
/* Suppressions and departures that this fact brought end; config: the lists that there are. */
void carom_stands_take_back(struct carom_stands *stands, const struct carom_config *config, uint32_t fact);
/* Those in force at history->now, into it. */
void carom_stands_read(const struct carom_stands *stands, struct carom_arena *arena, struct carom_history *history);
/* And back: the fact that brought them is not known. */
int carom_stands_adopt(struct carom_stands_work *work, const struct carom_history *history);

#endif
