/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The message that on_message is told of: its headers and its envelope. Nobody has read it yet, so that it knows of no
   bounce. */

#include "policy/args.h"
#include "policy/host.h"

#define MESSAGE "message"

static const struct carom_incoming *incoming_of(lua_State *L)
{
    const struct carom_policy *policy = carom_host_policy(L);
    if (!policy->call || !policy->call->incoming)
        luaL_error(L, "the message belongs to the hook that got it");
    return policy->call->incoming;
}

static int header(lua_State *L)
{
    if (!luaL_testudata(L, 1, MESSAGE))
        return luaL_error(L, "header is called with a colon: message:header(\"Subject\")");
    return carom_object_push_header(L, incoming_of(L)->headers);
}

/* One spelling of the null sender, which is "". */
static void push_sender(lua_State *L, const char *sender)
{
    struct carom_str text = carom_str(sender);
    bool null = carom_str_eq(text, CAROM_STR("<>")) || carom_str_ieq(text, CAROM_STR("MAILER-DAEMON"));
    if (sender)
        lua_pushstring(L, null ? "" : sender);
    else
        lua_pushnil(L);
}

static int index_message(lua_State *L)
{
    const struct carom_incoming *incoming = incoming_of(L);
    struct carom_str key = carom_object_key(L, "message");
    if (strcmp(key.ptr, "header") == 0)
        lua_pushcfunction(L, header);
    else if (strcmp(key.ptr, "headers") == 0)
        carom_object_push_str(L, incoming->headers->block);
    else if (strcmp(key.ptr, "sender") == 0)
        push_sender(L, incoming->sender);
    else if (strcmp(key.ptr, "recipient") == 0)
        carom_object_push_str(L, carom_str(incoming->recipient));
    else if (strcmp(key.ptr, "source") == 0)
        carom_object_push_str(L, carom_str(incoming->source));
    else if (strcmp(key.ptr, "size") == 0)
        lua_pushinteger(L, (lua_Integer)incoming->size);
    else
        carom_object_refuse(L, key, "message", NULL);
    return 1;
}

void carom_incoming_push(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, MESSAGE, index_message);
}
