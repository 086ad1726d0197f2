/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Who was, or would be, removed when, by groups of provider and reason, and the incidents of each. The breaker's two
   questions are answered from what was counted for the one before: for each removal anew, a bad day would take hours. */

#ifndef CAROM_LEDGER_CROWD_H
#define CAROM_LEDGER_CROWD_H

#include "ledger/ledger.h"
#include "ledger/peaks.h"
#include "ledger/present.h"

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
    int64_t since;               /* what a file knows of that time and later was taken over; INT64_MAX: nothing */
    size_t first, end;           /* of the list: the window that was counted last */
    struct carom_present window; /* who is in it */
    struct carom_peaks done;     /* window 0: not made yet */
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
/* How many addresses there are after … until, with that one. */
int carom_crowd_count(struct carom_crowd *crowd, int64_t after, int64_t until, int64_t address, int64_t *n_r,
                      struct carom_error *err);
/* Of those after … until that were carried out, the most in one window. */
int carom_crowd_busiest(struct carom_crowd *crowd, int64_t window, int64_t after, int64_t until, int64_t *n_r,
                        struct carom_error *err);
/* Takes all removals out. */
void carom_crowd_empty(struct carom_crowd *crowd);
/* `done` of one was changed. */
void carom_crowd_changed(struct carom_crowd *crowd);
/* The group, which is there then. */
struct carom_crowd *carom_crowds_make(struct carom_crowds *crowds, uint64_t group, struct carom_error *err);
/* The last that had begun by then; id 0: none. */
struct carom_incident carom_crowds_incident(const struct carom_crowds *crowds, uint64_t group, int64_t time);
int carom_crowds_put_incident(struct carom_crowds *crowds, struct carom_incident *incident, struct carom_error *err);
void carom_crowds_deinit(struct carom_crowds *crowds);

#endif
