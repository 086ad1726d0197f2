/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Jobs under way, and the outcomes that wait for the next commit. It knows neither sinks nor requests. */

#include "outbox/flight.h"

#include <stdlib.h>

#include "base/error.h"

struct carom_batch *carom_batch_new(struct carom_batch **list, int64_t now)
{
    struct carom_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->next = *list;
    batch->back = list;
    if (batch->next)
        batch->next->back = &batch->next;
    *list = batch;
    batch->claimed = now;
    batch->arena = carom_arena_new();
    if (batch->arena)
        return batch;
    carom_batch_free(batch);
    return NULL;
}

void carom_batch_free(struct carom_batch *batch)
{
    *batch->back = batch->next;
    if (batch->next)
        batch->next->back = batch->back;
    carom_arena_free(batch->arena);
    free(batch->flights);
    free(batch);
}

int carom_outcomes_add(struct carom_outcomes *outcomes, struct carom_flight *flight, enum carom_job_state state,
                       int64_t due, struct carom_str answer, bool free_attempt, int64_t now)
{
    char *copy = carom_arena_try(flight->batch->arena, answer.len + 1);
    if (!copy)
        return -1;
    memcpy(copy, answer.ptr, answer.len);
    flight->outcome.state = state;
    flight->outcome.due = due;
    flight->outcome.answer = carom_str_n(copy, answer.len);
    flight->outcome.free_attempt = free_attempt;
    flight->outcome.next = NULL;
    if (outcomes->first)
        outcomes->last->outcome.next = flight;
    else
        outcomes->first = flight;
    outcomes->last = flight;
    if (outcomes->first == flight)
        outcomes->since = now;
    return 0;
}

int carom_outcomes_write(const struct carom_outcomes *outcomes, const struct carom_ledger *ledger, struct carom_error *err)
{
    for (const struct carom_flight *flight = outcomes->first; flight; flight = flight->outcome.next)
        if (ledger->ops->settle(ledger->store, flight->job->id, flight->outcome.state, flight->outcome.due,
                                flight->outcome.answer, flight->outcome.free_attempt, err) != 0)
            return -1;
    return 0;
}

void carom_outcomes_end(struct carom_outcomes *outcomes, void (*dead)(void *user, const struct carom_job *job), void *user)
{
    struct carom_flight *flight = outcomes->first, *next;
    *outcomes = (struct carom_outcomes){0};
    for (; flight; flight = next) {
        struct carom_job *job = flight->job;
        next = flight->outcome.next;
        if (flight->outcome.state == CAROM_JOB_DEAD && dead) {
            job->state = CAROM_JOB_DEAD;
            job->attempts += flight->outcome.free_attempt ? 0 : 1;
            job->last_answer = flight->outcome.answer;
            dead(user, job);
        }
        if (--flight->batch->left == 0)
            carom_batch_free(flight->batch);
    }
}
