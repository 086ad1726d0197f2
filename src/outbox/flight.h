/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The jobs under way in one delivery run, and what became of them until that is written: outcomes are committed
   together, since each commit waits for the disk. A run that dies before has its jobs tried again, with the same ids. */

#ifndef CAROM_OUTBOX_FLIGHT_H
#define CAROM_OUTBOX_FLIGHT_H

#include "ledger/ledger.h"
#include "outbox/endpoint.h"
#include "outbox/render.h"

/* Jobs claimed together live in one arena until the last outcome is written. */
struct carom_batch {
    struct carom_arena *arena;
    struct carom_flight *flights;
    size_t left;
    int64_t claimed; /* ms */
    struct carom_batch *next, **back;
};

enum carom_step { CAROM_STEP_LOOK_UP, CAROM_STEP_CALL, CAROM_STEP_PROVE };

struct carom_flight {
    struct carom_job *job;
    struct carom_endpoint *endpoint;
    struct carom_batch *batch;
    enum carom_step step;
    bool trial; /* tries whether a stopped endpoint is back */
    struct carom_pair *found;    /* by the look-up */
    struct carom_flight *queued; /* a command that waits for its turn */
    struct {
        enum carom_job_state state;
        int64_t due;
        struct carom_str answer; /* the batch's */
        bool free_attempt;
        struct carom_flight *next;
    } outcome;
};

/* NULL: no memory. list: of all batches; freeing one takes it out. */
struct carom_batch *carom_batch_new(struct carom_batch **list, int64_t now);
void carom_batch_free(struct carom_batch *batch);

/* Outcomes that are not written yet. Zero-initialise. */
struct carom_outcomes {
    struct carom_flight *first, *last;
    int64_t since; /* ms: when the first came */
};

/* The answer is copied. -1: no memory. */
int carom_outcomes_add(struct carom_outcomes *outcomes, struct carom_flight *flight, enum carom_job_state state,
                       int64_t due, struct carom_str answer, bool free_attempt, int64_t now);
/* Writes them into the transaction that is open. -1: it must be given up. */
int carom_outcomes_write(const struct carom_outcomes *outcomes, const struct carom_ledger *ledger, struct carom_error *err);
/* After the commit: tells dead (NULL allowed) of each dead letter, and frees the batches of which nothing is left. */
void carom_outcomes_end(struct carom_outcomes *outcomes, void (*dead)(void *user, const struct carom_job *job), void *user);

#endif
