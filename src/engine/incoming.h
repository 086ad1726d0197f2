/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What happens to a message before its facts are decided. */

#ifndef CAROM_ENGINE_INCOMING_H
#define CAROM_ENGINE_INCOMING_H

#include "engine/result.h"
#include "engine/trust.h"
#include "policy/policy.h"

/* Fills result->facts, under the guard of result->arena, unless on_message did not want the message: then it is one
   fact of kind other, and result->skipped. -1: the hook failed, or the ledger could not be asked whom a token means. */
int carom_engine_read(struct carom_policy *policy, struct carom_result *result, struct carom_str bytes,
                      const struct carom_envelope *envelope, struct carom_engine_trust *trust, int64_t now_ms,
                      struct carom_error *err);
/* Its two halves, for who reads a message once for several policies. on_message is asked: is it to be read? */
int carom_engine_wants(struct carom_policy *policy, const struct carom_message *message,
                       const struct carom_envelope *envelope, int64_t now_ms, bool *wanted_r, struct carom_error *err);
/* The facts as the policy sees them, under the guard of the arena; report NULL: it was not read. No hook runs. */
int carom_engine_facts(struct carom_arena *arena, const struct carom_policy *policy, const struct carom_message *message,
                       const struct carom_report *report, const struct carom_envelope *envelope,
                       struct carom_engine_trust *trust, int64_t now_ms, struct carom_fact_list *facts_r,
                       struct carom_error *err);
/* The decision about a skipped message. */
void carom_engine_skip(struct carom_arena *arena, struct carom_decision *decision);

#endif
