/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One question of those who are about to mail. It decides nothing: the ledger knows. */

#include "base/date.h"
#include "base/error.h"
#include "engine/engine.h"
#include "mail/address.h"

int carom_may_mail(struct carom_engine *engine, const char *address, const char *list, struct carom_refusal *refusal_r,
                   struct carom_error *err)
{
    struct carom_refusal unwanted;
    struct carom_arena *arena = carom_arena_new();

    if (!arena)
        return carom_error_memory(err);
    if (carom_arena_guard(arena)) {
        carom_arena_free(arena);
        return carom_error_memory(err);
    }
    struct carom_str key = carom_address_key(arena, carom_str(address));
    int may = !carom_address_valid(key)
                  ? carom_error_set(err, CAROM_ERROR_USAGE, "'%s' is no address", address ? address : "")
                  : engine->ledger.ops->check(engine->ledger.store, key, carom_str(list), carom_policy_config(engine->policy)->held.deny,
                                              engine->now ? engine->now * 1000 : carom_date_now_ms(),
                                              refusal_r ? refusal_r : &unwanted, err);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return may;
}
