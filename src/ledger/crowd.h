/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Who was, or would be, removed when, by groups of provider and reason, and the incidents of each: what the breaker asks
   a ledger in memory. */

#ifndef CAROM_LEDGER_CROWD_H
#define CAROM_LEDGER_CROWD_H

#include "ledger/ledger.h"

struct carom_crowd_removal {
    int64_t received, address; /* address: hash of the key */
    uint32_t fact;             /* 0: of before */
    bool done;                 /* carried out, not held */
};

struct carom_crowd {
    uint64_t group;
    struct carom_crowd_removal *list; /* by received, ascending */
    size_t n, room;
    struct carom_incident *incidents; /* by since, ascending */
    size_t incidents_n;
};

struct carom_crowds {
    struct carom_crowd *list;
    size_t n, room, mask;
    uint32_t *slots;
    int64_t first; /* received of the removal that came first; 0 none */
    int64_t incidents;
};

int carom_crowds_add(struct carom_crowds *crowds, uint64_t group, const struct carom_crowd_removal *removal,
                     struct carom_error *err);
struct carom_crowd *carom_crowds_find(const struct carom_crowds *crowds, uint64_t group); /* NULL: none */
/* How many of its removals were received until then. */
size_t carom_crowd_upto(const struct carom_crowd *crowd, int64_t until);
/* The last that had begun by then; id 0: none. */
struct carom_incident carom_crowds_incident(const struct carom_crowds *crowds, uint64_t group, int64_t time);
int carom_crowds_put_incident(struct carom_crowds *crowds, struct carom_incident *incident, struct carom_error *err);
void carom_crowds_deinit(struct carom_crowds *crowds);

#endif
