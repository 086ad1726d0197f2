/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the objects that a hook sees have in common: read-only, protected, and an unknown field is an error. It knows
   none of their fields. */

#include "policy/api.h"
#include "policy/args.h"
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

_Noreturn void carom_object_refuse(lua_State *L, struct carom_str key, const char *of, const char *more)
{
    struct carom_nearest nearest = carom_nearest_to(key);
    carom_api_offer(&nearest, of);
    if (more)
        carom_api_offer(&nearest, more);
    luaL_getmetafield(L, 1, "__name");
    const char *name = lua_tostring(L, -1);
    luaL_error(L, "%s has no field \"%s\"%s", name, key.ptr, carom_nearest_push(L, &nearest));
    __builtin_unreachable();
}

struct carom_str carom_object_name(lua_State *L)
{
    struct carom_str key;
    if (lua_type(L, 2) != LUA_TSTRING) {
        luaL_getmetafield(L, 1, "__name");
        luaL_error(L, "%s has named fields only, not a %s", lua_tostring(L, -1), luaL_typename(L, 2));
    }
    key.ptr = lua_tolstring(L, 2, &key.len);
    return key;
}

struct carom_str carom_object_key(lua_State *L, const char *of)
{
    struct carom_str key = carom_object_name(L);
    if (!carom_api_has(of, key))
        carom_object_refuse(L, key, of, NULL);
    return key;
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

static bool header_text(struct carom_arena *arena, const struct carom_headers *headers, const char *name,
                        struct carom_str *text_r)
{
    if (carom_arena_guard(arena))
        return false;
    *text_r = carom_headers_text(arena, headers, name);
    carom_arena_unguard(arena);
    return true;
}

int carom_object_push_header(lua_State *L, const struct carom_headers *headers)
{
    struct carom_arena *scratch = carom_host_policy(L)->scratch;
    struct carom_str text;
    const char *name = luaL_checkstring(L, 2);
    if (!headers) {
        lua_pushnil(L);
        return 1;
    }
    carom_sandbox_charge(L, headers->n + carom_headers_get(headers, name).len);
    if (!header_text(scratch, headers, name, &text))
        carom_sandbox_no_memory(L);
    carom_object_push_str(L, text);
    carom_arena_reset(scratch);
    return 1;
}
