/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a decided action does: to the address (suppressions, departures, tags) and to the outbox (jobs). Inside the
   transaction that the caller opened. It decides nothing, and writes no fact. */

#ifndef CAROM_LEDGER_EFFECT_H
#define CAROM_LEDGER_EFFECT_H

#include "ledger/sqlite.h"

/* One fact whose actions are carried out. */
struct carom_effect {
    struct carom_store *store;
    struct carom_db *db;
    const struct carom_entry *entry;
    int64_t fact, address; /* rows; address 0: none */
    bool fresh;            /* the address was not known before: nothing stands, and nothing waits for it */
    int64_t by;            /* what ends things: the fact, or the row of an operation or incident */
    int64_t time;          /* effective */
    int64_t part;          /* jobs so far */
    struct carom_error *err;
};

int carom_effect_carry_out(struct carom_effect *effect, const struct carom_decided *decided);
/* Jobs for the action's sinks, and nothing else. */
int carom_effect_tell(struct carom_effect *effect, const struct carom_decided *decided);
/* Where something ended that would have lasted longest, the end of what does now is told at its time. */
int carom_effect_tell_ends(struct carom_effect *effect);
/* A departure was ended: where a list is not left any more, that each was left ends, too. */
int carom_effect_returned(struct carom_effect *effect);
/* What a fact that counts does by itself: a permanent one, or a delivery, ends the retries that wait for the same
   delivery; a delivery lifts what came only from soft bounces before it. Others do nothing. */
int carom_effect_outcome(struct carom_effect *effect);

#endif
