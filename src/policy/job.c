/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The job that on_dead_letter is told of. */

#include "policy/args.h"
#include "policy/host.h"

static int index_job(lua_State *L)
{
    const struct carom_hook_call *call = carom_host_policy(L)->call;
    if (!call || !call->job)
        return luaL_error(L, "the job belongs to the hook that got it");
    struct carom_str key = carom_object_key(L, "job");
    if (strcmp(key.ptr, "id") == 0)
        lua_pushinteger(L, call->job->id);
    else if (strcmp(key.ptr, "attempts") == 0)
        lua_pushinteger(L, call->job->attempts);
    else if (strcmp(key.ptr, "action") == 0)
        carom_object_push_str(L, call->job->action);
    else if (strcmp(key.ptr, "last_answer") == 0)
        carom_object_push_str(L, call->job->last_answer);
    else if (strcmp(key.ptr, "fact") == 0)
        carom_bounce_push_past(L);
    else
        carom_object_refuse(L, key, "job", NULL);
    return 1;
}

void carom_dead_letter_push(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, "job", index_job);
}
