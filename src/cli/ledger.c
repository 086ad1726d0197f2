/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Opening the ledger for the commands that look at it. */

#include "cli/ledger.h"

#include "base/error.h"

int carom_cli_ledger(struct carom_arena *arena, const struct carom_cli_place *place, enum carom_ledger_mode mode,
                     struct carom_ledger *ledger_r, struct carom_policy **policy_r, struct carom_str *url_r,
                     struct carom_error *err)
{
    *policy_r = NULL;
    if (place->policy && !(*policy_r = carom_policy_load(place->policy, &carom_log_stderr, err)))
        return -1;
    if (carom_engine_store_url(arena, place->store, *policy_r ? carom_policy_config(*policy_r) : NULL, place->state,
                               url_r, err) == 0 &&
        carom_ledger_open(url_r->ptr, mode, ledger_r, err) == 0)
        return 0;
    carom_policy_free(*policy_r);
    *policy_r = NULL;
    return -1;
}
