/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The globals of a policy. What is not named here does not exist: no io, os, debug, package, load, coroutine, xpcall,
   collectgarbage, print. Functions whose cost or result cannot be foreseen are ours. */

#include "policy/environment.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/str.h"
#include "policy/freeze.h"
#include "policy/keys.h"
#include "policy/pattern.h"
#include "policy/sandbox.h"
#include "policy/table.h"

/* ---- Values as text: never an address, which differs from process to process ---- */

static void push_text(lua_State *L, int index)
{
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "'__tostring' must return a string");
    } else if (lua_type(L, index) == LUA_TUSERDATA && luaL_getmetafield(L, index, "__name") == LUA_TSTRING) {
        return;
    } else if (lua_type(L, index) <= LUA_TSTRING && lua_type(L, index) != LUA_TLIGHTUSERDATA) {
        luaL_tolstring(L, index, NULL); /* nil, boolean, number, string */
    } else {
        lua_pushstring(L, luaL_typename(L, index));
    }
}

static int to_string(lua_State *L)
{
    luaL_checkany(L, 1);
    push_text(L, 1);
    return 1;
}

/* ---- Stock functions, called in place: they take the frame of the one that stands before them ---- */

static int call_stock(lua_State *L)
{
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Where a number is asked for Lua reads one from a text, however long and as often as it is given: math.max of a million
   times the same megabyte of zeros is one instruction. So texts are paid for before. Upvalue: the original. */
static int charged(lua_State *L)
{
    enum { SHORT = 256, A_STEP = 8 };
    uint64_t steps = 0;
    for (int i = lua_gettop(L); i > 0; i--) {
        size_t len = lua_type(L, i) == LUA_TSTRING ? lua_rawlen(L, i) : 0;
        steps += len > SHORT ? len / A_STEP : 0;
    }
    if (steps)
        carom_sandbox_charge(L, steps);
    return call_stock(L);
}

/* A byte that %q escapes costs a call of snprintf. */
static void charge_quoting(lua_State *L, size_t len)
{
    enum { QUOTED_MAX = 64 << 10, STEPS_A_BYTE = 4 };
    if (len > QUOTED_MAX)
        luaL_error(L, "string.format: '%%q' takes at most %d bytes", QUOTED_MAX);
    carom_sandbox_charge(L, len * STEPS_A_BYTE);
}

/* string.format: the original behind a check of its conversions. Upvalue: the original. */
static int format(lua_State *L)
{
    struct carom_str text;
    text.ptr = luaL_checklstring(L, 1, &text.len);
    int arg = 1, n = lua_gettop(L);
    carom_sandbox_charge(L, text.len / 4);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%')
            continue;
        if (++i < text.len && text.ptr[i] == '%')
            continue;
        while (i < text.len && text.ptr[i] && strchr("-+ #0123456789.", text.ptr[i]))
            i++;
        char conversion = i < text.len ? text.ptr[i] : '\0';
        arg++;
        if (conversion == 'p')
            return luaL_error(L, "string.format: '%%p' is not available: an address differs from run to run");
        if (conversion == 'q' && arg <= n && lua_type(L, arg) == LUA_TSTRING)
            charge_quoting(L, lua_rawlen(L, arg));
        if (conversion == 's' && arg <= n && lua_type(L, arg) != LUA_TSTRING) {
            push_text(L, arg);
            lua_replace(L, arg);
        }
    }
    return charged(L);
}

/* string.rep: the original spins over empty strings. Upvalue: the original. */
static int repeat(lua_State *L)
{
    size_t len, separator, total;
    luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &separator);
    if (n <= 0 || len + separator == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (__builtin_mul_overflow(len + separator, (size_t)n, &total) || (int64_t)total > carom_sandbox_memory(L) ||
        (int64_t)total < 0)
        carom_sandbox_memory_exceeded(L);
    carom_sandbox_charge(L, (uint64_t)n + total / 64);
    return call_stock(L);
}

/* ---- Tables ---- */

static int get_metatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    /* The metatable of a frozen table is ours; it names the one that the policy had set. */
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return 1;
    if (carom_freeze_is_frozen(L, 1))
        lua_pushnil(L);
    else
        carom_freeze_wrap(L, -1);
    return 1;
}

static void refuse_field(lua_State *L, const char *name, const char *why)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, 2) != LUA_TNIL)
        luaL_error(L, "setmetatable: %s is not available: %s", name, why);
    lua_pop(L, 1);
}

static int set_metatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int type = lua_type(L, 2);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (carom_freeze_is_frozen(L, 1))
        return luaL_error(L, "setmetatable: a table made at load is read-only in a hook");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    lua_settop(L, 2);
    if (type == LUA_TTABLE) {
        carom_freeze_unwrap(L, 2); /* a frozen class: Lua reads metamethods without asking __index */
        refuse_field(L, "__gc", "when garbage is collected is not repeatable");
        refuse_field(L, "__mode", "when garbage is collected is not repeatable");
        refuse_field(L, "__close", "use pcall to clean up");
    }
    lua_setmetatable(L, 1);
    return 1;
}

static int raw_get(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    carom_freeze_unwrap(L, 1);
    lua_rawget(L, 1);
    return 1;
}

static int raw_set(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (carom_freeze_is_frozen(L, 1))
        return luaL_error(L, "rawset: a table made at load is read-only in a hook");
    lua_rawset(L, 1);
    return 1;
}

static int raw_len(lua_State *L)
{
    luaL_argexpected(L, lua_istable(L, 1) || lua_isstring(L, 1), 1, "table or string");
    carom_freeze_unwrap(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

/* ---- math.random ---- */

/* Evenly in 0 to most: the next mask of ones, drawn until it fits. */
static uint64_t draw(lua_State *L, uint64_t most)
{
    uint64_t mask = most, value;
    for (unsigned shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    do
        value = carom_sandbox_random(L) & mask;
    while (value > most);
    return value;
}

static int random_number(lua_State *L)
{
    lua_Integer low = 1, high;
    switch (lua_gettop(L)) {
    case 0:
        lua_pushnumber(L, (lua_Number)(carom_sandbox_random(L) >> 11) * 0x1p-53);
        return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        break;
    case 2:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
        break;
    default:
        return luaL_error(L, "wrong number of arguments to 'random'");
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + draw(L, (uint64_t)high - (uint64_t)low)));
    return 1;
}

/* ---- The whitelist ---- */

static const char *const base_kept[] = {"assert", "error",  "ipairs",   "rawequal", "select",
                                        "tonumber", "type", "_VERSION", NULL};
static const char *const string_kept[] = {"byte", "char",     "len",     "lower", "pack",   "packsize",
                                          "reverse", "sub", "unpack", "upper", NULL};
static const char *const math_kept[] = {"abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp",
                                        "floor", "fmod", "huge", "log", "max", "maxinteger", "min",
                                        "mininteger", "modf", "pi", "rad", "sin", "sqrt", "tan",
                                        "tointeger", "type", "ult", NULL};
static const char *const utf8_kept[] = {"char", "charpattern", "codepoint", "codes", "len", "offset", NULL};

static const luaL_Reg base_ours[] = {
    {"getmetatable", get_metatable}, {"next", carom_keys_next}, {"pairs", carom_keys_pairs},
    {"pcall", carom_sandbox_pcall},  {"rawget", raw_get},       {"rawlen", raw_len},
    {"rawset", raw_set},             {"setmetatable", set_metatable}, {"tostring", to_string},
    {NULL, NULL},
};
static const luaL_Reg string_ours[] = {
    {"find", carom_pattern_find}, {"gmatch", carom_pattern_gmatch}, {"gsub", carom_pattern_gsub},
    {"match", carom_pattern_match}, {NULL, NULL},
};
static const luaL_Reg math_ours[] = {{"random", random_number}, {NULL, NULL}};

/* Opens one of Lua's libraries on its own: pushes it and leaves no global behind. */
static void push_stock(lua_State *L, lua_CFunction open)
{
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
}

static void copy_names(lua_State *L, int from, int to, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, from, *names);
        if (lua_iscfunction(L, -1))
            lua_pushcclosure(L, charged, 1);
        lua_setfield(L, to, *names);
    }
}

/* A stock function that one of ours calls. */
static void set_wrapped(lua_State *L, int from, int to, const char *name, lua_CFunction ours)
{
    lua_getfield(L, from, name);
    lua_pushcclosure(L, ours, 1);
    lua_setfield(L, to, name);
}

static void push_library(lua_State *L, lua_CFunction open, const char *const *kept, const luaL_Reg *ours)
{
    push_stock(L, open);
    lua_newtable(L);
    copy_names(L, lua_gettop(L) - 1, lua_gettop(L), kept);
    luaL_setfuncs(L, ours, 0);
}

/* ("x"):upper() finds its functions here. No arithmetic on strings: reading a number from a long one takes long. */
static void set_string_metatable(lua_State *L, int library)
{
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, library);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

static void publish(lua_State *L, int globals, const char *name)
{
    carom_freeze_table(L, -1);
    lua_setfield(L, globals, name);
}

/* ---- What is not there ---- */

/* A global that is not there reads as nil, so that a policy may ask whether it is; only Lua's error says what was meant. */
const char *carom_environment_instead(struct carom_str why)
{
    static const struct {
        const char *global, *instead;
    } known[] = {
        {"(global 'print')", "; a policy has no print: carom.log('info', text) writes to the log"},
        {"(global 'io')", "; a policy reads and writes no files: carom.log writes to the log, carom.file names a secret"},
        {"(global 'os')", "; a policy has no os: carom.now() is the time, carom.env names a variable, bounce:run starts a command"},
        {"(global 'load')", "; a policy loads no code from texts: require reads a file beside it"},
        {"(global 'loadfile')", "; a policy has no loadfile: require reads a file beside it"},
        {"(global 'dofile')", "; a policy has no dofile: require reads a file beside it"},
        {"(global 'package')", "; a policy has no package: require reads a file beside it"},
        {"(global 'debug')", "; a policy has no debug: carom.log('debug', text) writes to the log"},
        {"(global 'xpcall')", "; a policy has no xpcall: pcall catches errors"},
        {"(global 'coroutine')", "; a policy has no coroutines: functions and tables do"},
        {"(global 'collectgarbage')", "; a policy has no collectgarbage: its memory is limited, and freed after each hook"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (carom_str_find(why, carom_str(known[i].global)) != SIZE_MAX && carom_str_find(why, CAROM_STR("a nil value")) != SIZE_MAX)
            return known[i].instead;
    return "";
}

void carom_environment_open(lua_State *L)
{
    static const char *const nothing[] = {NULL};
    luaL_checkstack(L, 20, NULL);
    int top = lua_gettop(L);

    /* luaopen_base fills the registry's globals; the policy gets another table. */
    push_stock(L, luaopen_base);
    int stock = lua_gettop(L);
    lua_newtable(L);
    int globals = lua_gettop(L);
    copy_names(L, stock, globals, base_kept);
    luaL_setfuncs(L, base_ours, 0);
    lua_pushvalue(L, globals);
    lua_setfield(L, globals, "_G");

    push_library(L, luaopen_string, string_kept, string_ours);
    set_wrapped(L, lua_gettop(L) - 1, lua_gettop(L), "format", format);
    set_wrapped(L, lua_gettop(L) - 1, lua_gettop(L), "rep", repeat);
    set_string_metatable(L, lua_gettop(L));
    publish(L, globals, "string");
    push_library(L, luaopen_math, math_kept, math_ours);
    publish(L, globals, "math");
    push_library(L, luaopen_utf8, utf8_kept, base_ours + sizeof(base_ours) / sizeof(base_ours[0]) - 1);
    publish(L, globals, "utf8");
    push_library(L, luaopen_table, nothing, carom_table_functions);
    publish(L, globals, "table");

    lua_pushvalue(L, globals);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_settop(L, top);
}
