/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A frozen table is empty and has a metatable of ours that leads to its content ("shadow"), so that every write comes
   to __newindex. Lua cannot make a local variable read-only: those that functions share are put back after each hook,
   and a hook that changed one fails, since its next decision would depend on what came before in this process. */

#include "policy/freeze.h"

#include <lauxlib.h>

#include "policy/sandbox.h"

/* Keys by address; a policy has no light userdata. */
static const char shadow_key, wrap_key, variables_key;

enum { VARIABLE_FUNCTION = 1, VARIABLE_INDEX, VARIABLE_VALUE, VARIABLE_FIELDS = 3 };

bool carom_freeze_unwrap(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index))
        return false;
    bool frozen = lua_rawgetp(L, -1, &shadow_key) == LUA_TTABLE;
    if (frozen)
        lua_copy(L, -1, index);
    lua_pop(L, 2);
    return frozen;
}

bool carom_freeze_is_frozen(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    bool frozen = carom_freeze_unwrap(L, -1);
    lua_pop(L, 1);
    return frozen;
}

/* Pushes the table at that address key in the registry, made on first use. */
static void push_registered(lua_State *L, const char *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void carom_freeze_wrap(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    push_registered(L, &wrap_key);
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) == LUA_TTABLE)
        lua_copy(L, -1, index);
    lua_pop(L, 2);
}

static int refuse_write(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    if (lua_rawequal(L, 1, -1))
        return luaL_error(L, "global '%s' cannot be set in a hook: declare it local; what must be remembered "
                             "belongs into the ledger (bounce:tag, bounce:score)", name);
    return luaL_error(L, "field '%s' of a table made at load cannot be set: the table is read-only; what must be "
                         "remembered belongs into the ledger (bounce:tag, bounce:score)", name);
}

/* __index where the table had one of its own. Upvalues: the content, the old __index. */
static int index_frozen(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    if (lua_type(L, lua_upvalueindex(2)) != LUA_TFUNCTION) {
        lua_gettable(L, lua_upvalueindex(2));
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
}

static int length_of_content(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, lua_upvalueindex(1)));
    return 1;
}

/* Copies the pairs of table `from` to table `to`. */
static void copy_pairs(lua_State *L, int from, int to)
{
    lua_pushnil(L);
    while (lua_next(L, from)) {
        carom_sandbox_charge(L, 1);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, to);
    }
}

static void clear(lua_State *L, int table)
{
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, table);
    }
}

/* Sets __index of the metatable at `meta`, which holds the old one's fields. */
static void set_index(lua_State *L, int meta, int shadow)
{
    lua_pushvalue(L, shadow);
    lua_pushstring(L, "__index");
    if (lua_rawget(L, meta) == LUA_TNIL)
        lua_pop(L, 1);
    else
        lua_pushcclosure(L, index_frozen, 2);
    lua_setfield(L, meta, "__index");
}

static void set_length(lua_State *L, int meta, int shadow)
{
    if (lua_getfield(L, meta, "__len") == LUA_TNIL) {
        lua_pushvalue(L, shadow);
        lua_pushcclosure(L, length_of_content, 1);
        lua_setfield(L, meta, "__len");
    }
    lua_pop(L, 1);
}

/* The metatable that leads from the table to its content. A class used as metatable may be frozen itself. */
static void push_metatable(lua_State *L, int table, int shadow)
{
    lua_createtable(L, 0, 4);
    int meta = lua_gettop(L);
    if (lua_getmetatable(L, table)) {
        int old = lua_gettop(L);
        lua_pushvalue(L, old);
        carom_freeze_unwrap(L, -1);
        copy_pairs(L, lua_gettop(L), meta);
        lua_pop(L, 1);
        if (lua_getfield(L, meta, "__metatable") == LUA_TNIL) {
            lua_pushvalue(L, old);
            lua_setfield(L, meta, "__metatable");
        }
        lua_settop(L, meta);
    }
    set_index(L, meta, shadow);
    set_length(L, meta, shadow);
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, meta, "__newindex");
    lua_pushvalue(L, shadow);
    lua_rawsetp(L, meta, &shadow_key);
}

void carom_freeze_table(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (carom_freeze_is_frozen(L, index))
        return;
    luaL_checkstack(L, 12, NULL);
    lua_newtable(L);
    int shadow = lua_gettop(L);
    copy_pairs(L, index, shadow);
    push_metatable(L, index, shadow);
    push_registered(L, &wrap_key);
    lua_pushvalue(L, shadow);
    lua_pushvalue(L, index);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    clear(L, index);
    lua_setmetatable(L, index);
    lua_pop(L, 1);
}

/* ---- What can be reached ---- */

/* The walk's worklist (1) and the set of what was seen (2), as absolute indexes. */
struct walk {
    int todo, seen;
    lua_Integer n;
};

/* Takes the value off the stack into the worklist, once. */
static void visit(lua_State *L, struct walk *walk)
{
    int type = lua_type(L, -1);
    if (type != LUA_TTABLE && type != LUA_TFUNCTION) {
        lua_pop(L, 1);
        return;
    }
    lua_pushvalue(L, -1);
    if (lua_rawget(L, walk->seen) != LUA_TNIL) {
        lua_pop(L, 2);
        return;
    }
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushboolean(L, true);
    lua_rawset(L, walk->seen);
    lua_rawseti(L, walk->todo, ++walk->n);
}

static void visit_table(lua_State *L, struct walk *walk, int table)
{
    lua_pushvalue(L, table);
    carom_freeze_unwrap(L, -1);
    int content = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, content)) {
        carom_sandbox_charge(L, 2);
        visit(L, walk);
        lua_pushvalue(L, -1);
        visit(L, walk);
    }
    if (lua_getmetatable(L, content))
        visit(L, walk);
    lua_settop(L, content - 1);
    carom_freeze_table(L, table);
}

/* What a C function of ours keeps for itself and changes is a number: how far an iterator came. */
static bool may_change(lua_State *L, int function, int value)
{
    return !lua_iscfunction(L, function) || lua_type(L, value) == LUA_TNUMBER;
}

/* Appends {function, index, value} of one upvalue, whose value is on top, to the remembered variables. */
static void remember(lua_State *L, int function, int upvalue)
{
    int value = lua_gettop(L);
    push_registered(L, &variables_key);
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    lua_pushvalue(L, function);
    lua_rawseti(L, -2, n + VARIABLE_FUNCTION);
    lua_pushinteger(L, upvalue);
    lua_rawseti(L, -2, n + VARIABLE_INDEX);
    /* nil would end the sequence. */
    if (lua_isnil(L, value))
        lua_pushlightuserdata(L, NULL);
    else
        lua_pushvalue(L, value);
    lua_rawseti(L, -2, n + VARIABLE_VALUE);
    lua_pop(L, 1);
}

static void visit_function(lua_State *L, struct walk *walk, int function)
{
    for (int i = 1; lua_getupvalue(L, function, i); i++) {
        carom_sandbox_charge(L, 2);
        lua_pushlightuserdata(L, lua_upvalueid(L, function, i)); /* functions share variables: once is enough */
        lua_pushvalue(L, -1);
        bool known = lua_rawget(L, walk->seen) != LUA_TNIL;
        lua_pop(L, 1);
        lua_pushboolean(L, true);
        lua_rawset(L, walk->seen);
        if (!known && may_change(L, function, -1))
            remember(L, function, i);
        visit(L, walk);
    }
}

void carom_freeze_reachable(lua_State *L, int index)
{
    luaL_checkstack(L, 20, NULL);
    lua_pushvalue(L, index);
    lua_newtable(L);
    lua_newtable(L);
    struct walk walk = {.todo = lua_gettop(L) - 1, .seen = lua_gettop(L)};
    lua_pushvalue(L, -3);
    visit(L, &walk);
    while (walk.n > 0) {
        lua_rawgeti(L, walk.todo, walk.n);
        lua_pushnil(L);
        lua_rawseti(L, walk.todo, walk.n--);
        int value = lua_gettop(L);
        if (lua_istable(L, value))
            visit_table(L, &walk, value);
        else
            visit_function(L, &walk, value);
        lua_settop(L, value - 1);
    }
    lua_settop(L, walk.todo - 2);
}

static bool same(lua_State *L, int a, int b)
{
    if (lua_rawequal(L, a, b))
        return true;
    if (lua_type(L, a) != LUA_TNUMBER || lua_type(L, b) != LUA_TNUMBER)
        return false;
    lua_Number x = lua_tonumber(L, a), y = lua_tonumber(L, b);
    return x != x && y != y;
}

/* Nothing here allocates, so nothing raises. */
const char *carom_freeze_restore(lua_State *L)
{
    const char *changed = NULL;
    int top = lua_gettop(L);

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &variables_key) == LUA_TTABLE) {
        int variables = top + 1;
        lua_Integer n = (lua_Integer)lua_rawlen(L, variables);
        for (lua_Integer i = 0; i + VARIABLE_FIELDS <= n; i += VARIABLE_FIELDS) {
            lua_rawgeti(L, variables, i + VARIABLE_FUNCTION);
            lua_rawgeti(L, variables, i + VARIABLE_INDEX);
            lua_rawgeti(L, variables, i + VARIABLE_VALUE);
            if (lua_islightuserdata(L, -1)) {
                lua_pushnil(L);
                lua_replace(L, -2);
            }
            int function = variables + 1, upvalue = (int)lua_tointeger(L, variables + 2);
            const char *name = lua_getupvalue(L, function, upvalue);
            if (!same(L, -1, -2))
                changed = name && *name ? name : "(an iterator)";
            lua_pop(L, 1);
            lua_setupvalue(L, function, upvalue);
            lua_settop(L, variables);
        }
    }
    lua_settop(L, top);
    return changed;
}
