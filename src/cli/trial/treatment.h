/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Decisions in a few words, such as "unsubscribe, suppress 7d", each kept once and known by a number. */

#ifndef CAROM_CLI_TRIAL_TREATMENT_H
#define CAROM_CLI_TRIAL_TREATMENT_H

#include "cli/trial/contrast.h"
#include "ledger/interned.h"

/* What it means for the person: nothing, a while without mail, or off. */
enum carom_level { CAROM_LEVEL_NONE, CAROM_LEVEL_PAUSED, CAROM_LEVEL_REMOVED };

enum { CAROM_TREATMENTS_KNOWN = 1024 };
struct carom_treatments {
    struct carom_interned words;
    uint8_t *levels; /* of words */
    size_t room;
    bool bookkeeping;
    struct {
        uint64_t hash;
        uint32_t what;
    } known[CAROM_TREATMENTS_KNOWN]; /* decisions seen lately, so that their words are not written again */
};

void carom_treatments_init(struct carom_treatments *treatments, struct carom_arena *arena, bool bookkeeping);
void carom_treatments_deinit(struct carom_treatments *treatments);
int carom_treatments_of(struct carom_treatments *treatments, const struct carom_decision *decision,
                        struct carom_treatment *treatment_r);
/* The number of those words; 0: no memory. */
uint32_t carom_treatments_named(struct carom_treatments *treatments, struct carom_str words);
/* The same with its removals held. */
uint32_t carom_treatments_held(struct carom_treatments *treatments, uint32_t what);
uint8_t carom_treatments_level(const struct carom_treatments *treatments, uint32_t what);
struct carom_str carom_treatments_words(const struct carom_treatments *treatments, uint32_t what);

#endif
