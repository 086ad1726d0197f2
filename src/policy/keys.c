/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Walking tables. Lua's own order follows addresses and a random seed, and the first match in a walk often decides. */

#include "policy/keys.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/str.h"
#include "policy/freeze.h"
#include "policy/sandbox.h"

struct key {
    enum { NUMBER, STRING, BOOLEAN } type;
    bool integer;
    lua_Integer i; /* also a boolean */
    long double number;
    struct carom_str text;
};

static struct key read_key(lua_State *L, int index)
{
    struct key key = {.type = STRING};
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        key.type = NUMBER;
        key.integer = lua_isinteger(L, index);
        key.i = lua_tointegerx(L, index, NULL);
        key.number = key.integer ? (long double)key.i : (long double)lua_tonumber(L, index);
        break;
    case LUA_TBOOLEAN:
        key.type = BOOLEAN;
        key.i = lua_toboolean(L, index);
        break;
    case LUA_TSTRING:
        key.text.ptr = lua_tolstring(L, index, &key.text.len);
        break;
    default:
        luaL_error(L, "a %s as a key of a table has no place in a repeatable order; use a text",
                   luaL_typename(L, index));
    }
    return key;
}

static void push_key(lua_State *L, const struct key *key)
{
    if (key->type == STRING)
        lua_pushlstring(L, key->text.ptr, key->text.len);
    else if (key->type == BOOLEAN)
        lua_pushboolean(L, key->i != 0);
    else if (key->integer)
        lua_pushinteger(L, key->i);
    else
        lua_pushnumber(L, (lua_Number)key->number);
}

static int compare(const void *one, const void *other)
{
    const struct key *a = one, *b = other;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->type == NUMBER && !(a->integer && b->integer))
        return (a->number > b->number) - (a->number < b->number);
    if (a->type != STRING)
        return (a->i > b->i) - (a->i < b->i);
    size_t shorter = a->text.len < b->text.len ? a->text.len : b->text.len;
    int order = shorter ? memcmp(a->text.ptr, b->text.ptr, shorter) : 0;
    return order ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static size_t count_pairs(lua_State *L, int table)
{
    size_t n = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        n++;
    }
    return n;
}

static uint64_t cost_of_sorting(size_t n)
{
    uint64_t levels = 2;
    for (size_t rest = n; rest > 1; rest /= 2)
        levels++;
    return n * levels;
}

void carom_keys_push(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 8, NULL);
    size_t n = count_pairs(L, index), i = 0;
    carom_sandbox_charge(L, cost_of_sorting(n));
    struct key *keys = lua_newuserdatauv(L, n * sizeof(*keys) + 1, 0);
    lua_createtable(L, (int)n, 0);
    /* The table may be weak, and every allocation may collect: fewer keys may be left than were counted, and what
       `keys` points into must be held by a table that is not. */
    lua_pushnil(L);
    while (i < n && lua_next(L, index)) {
        lua_pop(L, 1);
        keys[i] = read_key(L, -1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, (lua_Integer)++i);
    }
    if (i == n)
        lua_pop(L, 1); /* where the walk stood */
    n = i;
    qsort(keys, n, sizeof(*keys), compare);
    lua_createtable(L, (int)n, 0);
    for (i = 0; i < n; i++) {
        push_key(L, &keys[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* Upvalues: the table's content, its keys in order, how many are behind us. What was removed meanwhile is skipped. */
static int step(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));
    carom_sandbox_charge(L, 1);
    while (lua_rawgeti(L, lua_upvalueindex(2), ++i) != LUA_TNIL) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
            lua_pushinteger(L, i);
            lua_replace(L, lua_upvalueindex(3));
            return 2;
        }
        lua_pop(L, 2);
        carom_sandbox_charge(L, 1);
    }
    lua_pushinteger(L, i - 1);
    lua_replace(L, lua_upvalueindex(3));
    lua_pushnil(L);
    return 1;
}

int carom_keys_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushvalue(L, 1);
    carom_freeze_unwrap(L, -1);
    carom_keys_push(L, -1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, step, 3);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* The smallest key greater than the given one: needs no memory of the walk, at the price of looking at all keys. */
int carom_keys_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    carom_freeze_unwrap(L, 1);
    bool first = lua_isnil(L, 2), found = false;
    struct key after = {0}, best = {0};
    if (!first)
        after = read_key(L, 2);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        carom_sandbox_charge(L, 1);
        struct key key = read_key(L, -1);
        if ((first || compare(&key, &after) > 0) && (!found || compare(&key, &best) < 0)) {
            best = key;
            found = true;
        }
    }
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    push_key(L, &best);
    lua_pushvalue(L, -1);
    lua_rawget(L, 1);
    return 2;
}
