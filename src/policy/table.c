/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Lua's table library walks ranges such as 1 to 2^62 inside one call, where no hook fires, and sorts with a pivot taken
   from the clock. Here each element costs an instruction. Frozen tables can be read. */

#include "policy/table.h"

#include <stdbool.h>

#include "policy/freeze.h"
#include "policy/sandbox.h"

enum { RANGE = 1000000 };

static lua_Integer check_read(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    carom_freeze_unwrap(L, arg);
    return (lua_Integer)lua_rawlen(L, arg);
}

static lua_Integer check_write(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    if (carom_freeze_is_frozen(L, arg))
        luaL_argerror(L, arg, "a table made at load is read-only in a hook");
    return (lua_Integer)lua_rawlen(L, arg);
}

/* How many from first to last; charged. */
static lua_Integer check_range(lua_State *L, lua_Integer first, lua_Integer last)
{
    lua_Integer n;
    if (first > last)
        return 0;
    if (__builtin_sub_overflow(last, first, &n) || n >= RANGE)
        luaL_error(L, "a range of more than %d elements", RANGE);
    carom_sandbox_charge(L, (uint64_t)n + 1);
    return n + 1;
}

static int insert(lua_State *L)
{
    lua_Integer n = check_write(L, 1), at = n + 1;
    if (lua_gettop(L) == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= n + 1, 2, "position out of bounds");
        check_range(L, at, n);
        for (lua_Integer i = n; i >= at; i--) {
            lua_rawgeti(L, 1, i);
            lua_rawseti(L, 1, i + 1);
        }
    } else if (lua_gettop(L) != 2) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_rawseti(L, 1, at);
    return 0;
}

static int take_out(lua_State *L)
{
    lua_Integer n = check_write(L, 1), at = luaL_optinteger(L, 2, n);
    luaL_argcheck(L, (at >= 1 && at <= n + 1) || (n == 0 && at == 0), 2, "position out of bounds");
    check_range(L, at, n);
    lua_rawgeti(L, 1, at);
    for (; at < n; at++) {
        lua_rawgeti(L, 1, at + 1);
        lua_rawseti(L, 1, at);
    }
    if (at <= n) {
        lua_pushnil(L);
        lua_rawseti(L, 1, at);
    }
    return 1;
}

static int move(lua_State *L)
{
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    check_write(L, to);
    check_read(L, 1);
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3), at = luaL_checkinteger(L, 4), end;
    lua_Integer n = check_range(L, first, last);
    luaL_argcheck(L, !__builtin_add_overflow(at, n, &end), 4, "destination wraps around");
    bool backwards = at > first && at <= last && lua_rawequal(L, 1, to);
    for (lua_Integer k = 0; k < n; k++) {
        lua_Integer i = backwards ? n - 1 - k : k;
        lua_rawgeti(L, 1, first + i);
        lua_rawseti(L, to, at + i);
    }
    lua_pushvalue(L, to);
    return 1;
}

static int concat(lua_State *L)
{
    lua_Integer n = check_read(L, 1);
    size_t separator_len;
    const char *separator = luaL_optlstring(L, 2, "", &separator_len);
    lua_Integer first = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, n);
    n = check_range(L, first, last);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (lua_Integer k = 0; k < n; k++) {
        if (k)
            luaL_addlstring(&out, separator, separator_len);
        lua_rawgeti(L, 1, first + k);
        if (!lua_isstring(L, -1))
            return luaL_error(L, "invalid value (a %s) at index %I in table for 'concat'", luaL_typename(L, -1),
                              (LUAI_UACINT)(first + k));
        carom_sandbox_charge(L, (lua_rawlen(L, -1) + separator_len) / 64);
        luaL_addvalue(&out);
    }
    luaL_pushresult(&out);
    return 1;
}

static int unpack(lua_State *L)
{
    lua_Integer n = check_read(L, 1);
    lua_Integer first = luaL_optinteger(L, 2, 1), last = luaL_optinteger(L, 3, n);
    n = check_range(L, first, last);
    if (!lua_checkstack(L, (int)n))
        return luaL_error(L, "too many results to unpack");
    for (lua_Integer k = 0; k < n; k++)
        lua_rawgeti(L, 1, first + k);
    return (int)n;
}

static int pack(lua_State *L)
{
    int n = lua_gettop(L);
    carom_sandbox_charge(L, (uint64_t)n);
    lua_createtable(L, n, 1);
    lua_insert(L, 1);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, n);
    lua_setfield(L, 1, "n");
    return 1;
}

/* ---- sort: merging runs of growing length from one table into the other; stable ---- */

/* Is element j of table `from` less than element i? */
static bool comes_before(lua_State *L, int from, lua_Integer j, lua_Integer i)
{
    bool less;
    carom_sandbox_charge(L, 4);
    if (lua_isnil(L, 2)) {
        lua_rawgeti(L, from, j);
        lua_rawgeti(L, from, i);
        if (lua_type(L, -1) == LUA_TSTRING && lua_type(L, -2) == LUA_TSTRING)
            carom_sandbox_charge(L, lua_rawlen(L, -1) / 64);
        less = lua_compare(L, -2, -1, LUA_OPLT);
        lua_pop(L, 2);
        return less;
    }
    lua_pushvalue(L, 2);
    lua_rawgeti(L, from, j);
    lua_rawgeti(L, from, i);
    lua_call(L, 2, 1);
    less = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return less;
}

static void merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer middle, lua_Integer high)
{
    lua_Integer i = low, j = middle;
    for (lua_Integer k = low; k < high; k++) {
        bool right = i >= middle || (j < high && comes_before(L, from, j, i));
        lua_rawgeti(L, from, right ? j++ : i++);
        lua_rawseti(L, to, k);
    }
}

static lua_Integer least(lua_Integer a, lua_Integer b)
{
    return a < b ? a : b;
}

static int sort(lua_State *L)
{
    lua_Integer n = check_write(L, 1);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    check_range(L, 1, n);
    lua_createtable(L, (int)n, 0);
    int from = 1, to = 3;
    for (lua_Integer width = 1; width < n; width *= 2) {
        for (lua_Integer low = 1; low <= n; low += 2 * width)
            merge(L, from, to, low, least(low + width, n + 1), least(low + 2 * width, n + 1));
        from = to;
        to = from == 1 ? 3 : 1;
    }
    for (lua_Integer i = 1; from != 1 && i <= n; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, 1, i);
    }
    return 0;
}

const luaL_Reg carom_table_functions[] = {
    {"concat", concat}, {"insert", insert}, {"move", move}, {"pack", pack}, {"remove", take_out},
    {"sort", sort},     {"unpack", unpack}, {NULL, NULL},
};
