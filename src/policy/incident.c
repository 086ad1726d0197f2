/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The incident that on_incident is told of: a provider's bad day, seen by the breaker. */

#include "policy/args.h"
#include "policy/host.h"

#define INCIDENT "incident"

bool carom_incident_is(lua_State *L, int index)
{
    if (!luaL_testudata(L, index, INCIDENT))
        return false;
    if (!carom_host_policy(L)->call || !carom_host_policy(L)->call->incident)
        luaL_error(L, "the incident belongs to the hook that got it");
    return true;
}

static void push_samples(lua_State *L, const struct carom_trouble *trouble)
{
    lua_newtable(L);
    for (size_t i = 0; i < trouble->n; i++) {
        carom_object_push_str(L, trouble->samples[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int index_incident(lua_State *L)
{
    carom_incident_is(L, 1);
    const struct carom_trouble *trouble = carom_host_policy(L)->call->incident;
    struct carom_str key = carom_object_key(L, "incident");
    if (strcmp(key.ptr, "id") == 0)
        lua_pushinteger(L, trouble->incident->id);
    else if (strcmp(key.ptr, "provider") == 0)
        carom_object_push_str(L, trouble->incident->provider);
    else if (strcmp(key.ptr, "reason") == 0)
        carom_object_push_str(L, trouble->incident->reason);
    else if (strcmp(key.ptr, "since") == 0)
        carom_object_push_time(L, trouble->incident->since / 1000);
    else if (strcmp(key.ptr, "count") == 0)
        lua_pushinteger(L, trouble->incident->count);
    else if (strcmp(key.ptr, "usual") == 0)
        lua_pushinteger(L, trouble->incident->usual);
    else if (strcmp(key.ptr, "samples") == 0)
        push_samples(L, trouble);
    else if (!carom_object_method(L, carom_incident_methods, key))
        carom_object_refuse(L, key, "incident", NULL);
    return 1;
}

void carom_incident_push(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, INCIDENT, index_incident);
}
