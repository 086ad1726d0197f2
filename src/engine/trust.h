/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a reader may believe, put together from policy and ledger. */

#ifndef CAROM_ENGINE_TRUST_H
#define CAROM_ENGINE_TRUST_H

#include "classify/trust.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

struct carom_engine_trust {
    struct carom_trust trust;
    const struct carom_ledger *ledger; /* may be NULL: references mean nobody */
    const struct carom_config *config;
    struct carom_error err; /* why trust.failed */
};

/* Borrows policy and ledger. -1: a secret cannot be fetched. */
int carom_engine_trust(struct carom_policy *policy, const struct carom_ledger *ledger,
                       struct carom_engine_trust *trust_r, struct carom_error *err);

/* Signs with the keys of the policy, under the arena's guard. Empty with err; the list may be a List-Id or a key. */
struct carom_str carom_engine_sign_for(struct carom_arena *arena, struct carom_policy *policy,
                                       enum carom_verp_place place, struct carom_verp_subject subject, int64_t now,
                                       struct carom_error *err);

/* carom_engine_verify without an engine, under the arena's guard. */
int carom_engine_check_token(struct carom_arena *arena, struct carom_engine_trust *trust, struct carom_str text,
                             struct carom_str recipient, int64_t now, struct carom_verp_answer *answer_r,
                             struct carom_error *err);

/* The hash under which the ledger keeps whom a token means. */
uint64_t carom_engine_reference(struct carom_arena *arena, const struct carom_verp_subject *subject);

#endif
