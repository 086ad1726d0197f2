/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Opening the ledger for the commands that look at it. */

#include "cli/ledger.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/owner.h"

/* What only works on a ledger makes none: an empty one in a misspelt place would look like nothing to do. */
static int must_exist(struct carom_str url, struct carom_error *err)
{
    struct carom_ledger ledger;

    if (carom_ledger_open(url.ptr, CAROM_LEDGER_READ, &ledger, err) != 0)
        return err->code == CAROM_ERROR_CONFIG ? 0 : -1; /* of another version, perhaps: who opens it says so */
    carom_ledger_close(&ledger);
    return 0;
}

int carom_cli_ledger_find(struct carom_arena *arena, const struct carom_cli_place *place, struct carom_policy **policy_r,
                          struct carom_str *url_r, struct carom_error *err)
{
    *policy_r = NULL;
    if (carom_cli_become_owner(place, err) != 0)
        return -1;
    if (place->policy && !(*policy_r = carom_policy_load(place->policy, place->log ? place->log : &carom_log_stderr, err)))
        return -1;
    if (carom_engine_store_url(arena, place->store, *policy_r ? carom_policy_config(*policy_r) : NULL, place->state,
                               url_r, err) == 0)
        return 0;
    carom_policy_free(*policy_r);
    *policy_r = NULL;
    return -1;
}

int carom_cli_ledger(struct carom_arena *arena, const struct carom_cli_place *place, enum carom_ledger_mode mode, bool make,
                     struct carom_ledger *ledger_r, struct carom_policy **policy_r, struct carom_str *url_r,
                     struct carom_error *err)
{
    bool writes = mode == CAROM_LEDGER_WRITE || mode == CAROM_LEDGER_MIGRATE;

    if (carom_cli_ledger_find(arena, place, policy_r, url_r, err) != 0)
        return -1;
    if ((make ? carom_engine_store_make(arena, *url_r, place->state, err) : writes ? must_exist(*url_r, err) : 0) == 0 &&
        carom_ledger_open(url_r->ptr, mode, ledger_r, err) == 0)
        return 0;
    carom_policy_free(*policy_r);
    *policy_r = NULL;
    return -1;
}

bool carom_cli_ledger_is_missing(struct carom_str url)
{
    const struct carom_str scheme = CAROM_STR("sqlite:");
    const char *path = carom_str_starts(url, scheme) ? url.ptr + scheme.len : "";
    return *path && access(path, F_OK) != 0 && errno == ENOENT;
}

int carom_cli_ledger_if_any(struct carom_arena *arena, const struct carom_cli_place *place, const struct carom_policy *policy,
                            struct carom_ledger *ledger_r, struct carom_error *err)
{
    struct carom_str url;

    *ledger_r = (struct carom_ledger){0};
    if (carom_engine_store_url(arena, place->store, carom_policy_config(policy), place->state, &url, err) != 0)
        return -1;
    if (carom_cli_ledger_is_missing(url))
        return 0;
    return carom_ledger_open(url.ptr, CAROM_LEDGER_READ, ledger_r, err);
}

const char *carom_cli_list_wrong(struct carom_arena *arena, const struct carom_policy *policy, struct carom_str list)
{
    const struct carom_config *config = policy ? carom_policy_config(policy) : NULL;
    struct carom_nearest nearest = carom_nearest_to(list);

    if (!config || !config->lists || !list.len || carom_config_list(config, list))
        return NULL;
    for (const struct carom_list_entry *entry = config->lists; entry; entry = entry->next)
        carom_nearest_offer(&nearest, entry->id);
    return carom_arena_printf(arena, "is none of the policy's lists%s" CAROM_STR_FMT "%s", nearest.best.len ? "; did you mean " : "",
                              CAROM_STR_ARG(nearest.best), nearest.best.len ? "?" : "").ptr;
}

int carom_cli_list(struct carom_arena *arena, const struct carom_policy *policy, const char *list, struct carom_error *err)
{
    const char *wrong = carom_cli_list_wrong(arena, policy, carom_str(list));

    return wrong ? carom_error_set(err, CAROM_ERROR_USAGE, "--list: '%s' %s", list, wrong) : 0;
}
