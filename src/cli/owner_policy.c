/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The policy may name another store than the state directory's, and is Lua: it is read as the owner of the state
   directory, never as root. */

#include <unistd.h>

#include "cli/owner.h"

/* The store that the policy names; a policy that does not load is told of later, by whom it concerns. */
static struct carom_owner owner_by_policy(struct carom_arena *arena, const struct carom_cli_place *place, struct carom_owner owner)
{
    struct carom_str url;

    if (setegid(owner.group) != 0 || seteuid(owner.user) != 0)
        return owner;
    struct carom_policy *policy = carom_policy_load(place->policy, NULL, NULL);
    if (seteuid(0) != 0 || setegid(0) != 0)
        return owner; /* who cannot return is where he should be */
    if (policy && carom_policy_config(policy)->store.len &&
        carom_engine_store_url(arena, NULL, carom_policy_config(policy), place->state, &url, NULL) == 0)
        owner = carom_cli_owner_of(arena, url);
    carom_policy_free(policy);
    return owner;
}

static int become(struct carom_arena *arena, const struct carom_cli_place *place, struct carom_str url, struct carom_error *err)
{
    struct carom_owner owner = carom_cli_owner_of(arena, url);

    if (place->policy && !place->store)
        owner = owner_by_policy(arena, place, owner);
    return owner.user ? carom_cli_become(owner.user, owner.group, url.ptr, err) : 0;
}

int carom_cli_become_owner(const struct carom_cli_place *place, struct carom_error *err)
{
    return carom_cli_as_owner(place, become, err);
}
