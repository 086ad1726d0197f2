/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The job that on_dead_letter is told of. */

#include "policy/args.h"
#include "policy/host.h"

static int index_job(lua_State *L)
{
    static const char *const names[] = {"id", "action", "attempts", "last_answer", "fact"};
    const struct carom_hook_call *call = carom_host_policy(L)->call;
    struct carom_str key;
    if (!call || !call->job)
        return luaL_error(L, "the job belongs to the hook that got it");
    key.ptr = luaL_checklstring(L, 2, &key.len);
    struct carom_nearest nearest = carom_nearest_to(key);
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
    else {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            carom_nearest_offer(&nearest, carom_str(names[i]));
        return luaL_error(L, "job has no field \"%s\"%s", key.ptr, carom_nearest_push(L, &nearest));
    }
    return 1;
}

void carom_dead_letter_push(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, "job", index_job);
}
