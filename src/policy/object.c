/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the objects that a hook sees have in common: read-only, protected, and an unknown field is an error. It knows
   none of their fields. */

#include "policy/host.h"

static int refuse_write(lua_State *L)
{
    luaL_getmetafield(L, 1, "__name");
    return luaL_error(L, "%s is read-only; what must be remembered belongs into the ledger (bounce:tag, bounce:score)",
                      lua_tostring(L, -1));
}

void carom_object_set(lua_State *L, const char *name, lua_CFunction index)
{
    if (luaL_newmetatable(L, name)) {
        lua_pushcfunction(L, index);
        lua_setfield(L, -2, "__index");
        lua_pushcfunction(L, refuse_write);
        lua_setfield(L, -2, "__newindex");
        lua_pushboolean(L, false);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
}

bool carom_object_method(lua_State *L, const luaL_Reg *methods, struct carom_str name)
{
    for (; methods->name; methods++)
        if (carom_str_eq(carom_str(methods->name), name)) {
            lua_pushcfunction(L, methods->func);
            return true;
        }
    return false;
}

void carom_object_push_time(lua_State *L, int64_t seconds)
{
    if (seconds)
        lua_pushinteger(L, seconds);
    else
        lua_pushnil(L);
}

void carom_object_push_str(lua_State *L, struct carom_str text)
{
    if (text.len)
        lua_pushlstring(L, text.ptr, text.len);
    else
        lua_pushnil(L);
}
