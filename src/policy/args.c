/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Checks what a policy writes in braces. A key that is ignored is a rule that does not hold, so every unknown one is an
   error that names the nearest known. Knows nothing of what the arguments mean. */

#include "policy/args.h"

#include <lauxlib.h>

#include "base/date.h"
#include "policy/api.h"
#include "policy/freeze.h"
#include "policy/keys.h"
#include "policy/sandbox.h"

const char *carom_nearest_push(lua_State *L, const struct carom_nearest *nearest)
{
    if (!nearest->best.len)
        return lua_pushliteral(L, "");
    lua_pushlstring(L, nearest->best.ptr, nearest->best.len);
    return lua_pushfstring(L, "; did you mean \"%s\"?", lua_tostring(L, -1));
}

/* ---- Arguments ---- */

_Noreturn void carom_args_fail(const struct carom_args *args, const char *format, ...)
{
    va_list list;
    luaL_where(args->L, 1);
    lua_pushfstring(args->L, "%s: ", args->what);
    va_start(list, format);
    lua_pushvfstring(args->L, format, list);
    va_end(list);
    lua_concat(args->L, 3);
    lua_error(args->L);
    __builtin_unreachable();
}

static _Noreturn void refuse_key(const struct carom_args *args, struct carom_str key, const char *of)
{
    struct carom_nearest nearest = carom_nearest_to(key);
    carom_api_offer(&nearest, of);
    carom_args_fail(args, "\"%s\" is no key%s", key.ptr, carom_nearest_push(args->L, &nearest));
}

static void check_key(const struct carom_args *args, const char *of)
{
    struct carom_str key;
    if (lua_type(args->L, -1) != LUA_TSTRING)
        carom_args_fail(args, "takes named values in braces, such as { %s = … }", carom_api_first(of)->name);
    key.ptr = lua_tolstring(args->L, -1, &key.len);
    if (!carom_api_has(of, key))
        refuse_key(args, key, of);
}

static bool all_known(lua_State *L, int table, const char *of)
{
    lua_pushnil(L);
    while (lua_next(L, table)) {
        struct carom_str key = CAROM_STR_EMPTY;
        lua_pop(L, 1);
        carom_sandbox_charge(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING)
            key.ptr = lua_tolstring(L, -1, &key.len);
        if (!carom_api_has(of, key)) {
            lua_pop(L, 1);
            return false;
        }
    }
    return true;
}

/* In an order that does not change, so that the same one is named each time. */
static void refuse_first(const struct carom_args *args, const char *of)
{
    carom_keys_push(args->L, args->table);
    lua_Integer keys = (lua_Integer)lua_rawlen(args->L, -1);
    for (lua_Integer i = 1; i <= keys; i++) {
        lua_rawgeti(args->L, -1, i);
        check_key(args, of);
        lua_pop(args->L, 1);
    }
    lua_pop(args->L, 1);
}

struct carom_args carom_args_begin_of(lua_State *L, int index, const char *what, const char *of)
{
    struct carom_args args = {.L = L, .what = what};
    luaL_checkstack(L, 10, NULL);
    if (lua_isnoneornil(L, index))
        lua_newtable(L);
    else
        lua_pushvalue(L, index);
    args.table = lua_gettop(L);
    if (!lua_istable(L, args.table))
        carom_args_fail(&args, "takes a table, not a %s", luaL_typename(L, args.table));
    carom_freeze_unwrap(L, args.table);
    if (!all_known(L, args.table, of))
        refuse_first(&args, of);
    return args;
}

struct carom_args carom_args_begin(lua_State *L, int index, const char *what)
{
    return carom_args_begin_of(L, index, what, what);
}

bool carom_args_push(const struct carom_args *args, const char *name)
{
    lua_pushstring(args->L, name);
    if (lua_rawget(args->L, args->table) != LUA_TNIL)
        return true;
    lua_pop(args->L, 1);
    return false;
}

bool carom_args_has(const struct carom_args *args, const char *name)
{
    bool has = carom_args_push(args, name);
    if (has)
        lua_pop(args->L, 1);
    return has;
}

/* Pushes the value when it is given, and checks its type. */
static bool push_typed(const struct carom_args *args, const char *name, int type)
{
    if (!carom_args_push(args, name))
        return false;
    if (lua_type(args->L, -1) != type)
        carom_args_fail(args, "%s must be a %s, not a %s", name, lua_typename(args->L, type),
                        luaL_typename(args->L, -1));
    return true;
}

bool carom_args_str(const struct carom_args *args, const char *name, struct carom_str *value_r)
{
    if (!push_typed(args, name, LUA_TSTRING))
        return false;
    value_r->ptr = lua_tolstring(args->L, -1, &value_r->len);
    if (!value_r->len)
        carom_args_fail(args, "%s is empty", name);
    lua_pop(args->L, 1); /* the table still holds it */
    return true;
}

bool carom_args_bool(const struct carom_args *args, const char *name, bool *value_r)
{
    if (!push_typed(args, name, LUA_TBOOLEAN))
        return false;
    *value_r = lua_toboolean(args->L, -1);
    lua_pop(args->L, 1);
    return true;
}

bool carom_args_int(const struct carom_args *args, const char *name, int64_t *value_r)
{
    int whole;
    if (!push_typed(args, name, LUA_TNUMBER))
        return false;
    *value_r = lua_tointegerx(args->L, -1, &whole);
    if (!whole)
        carom_args_fail(args, "%s must be a whole number", name);
    lua_pop(args->L, 1);
    return true;
}

bool carom_args_number(const struct carom_args *args, const char *name, double *value_r)
{
    if (!push_typed(args, name, LUA_TNUMBER))
        return false;
    *value_r = lua_tonumber(args->L, -1);
    lua_pop(args->L, 1);
    return true;
}

bool carom_args_duration(const struct carom_args *args, const char *name, int64_t *ms_r)
{
    struct carom_str text;
    if (!carom_args_str(args, name, &text))
        return false;
    *ms_r = carom_duration_parse_ms(text);
    if (*ms_r <= 0)
        carom_args_fail(args, "%s = \"%s\" is no duration; write \"90s\", \"15m\", \"4h\" or \"30d\"", name, text.ptr);
    return true;
}

bool carom_args_size(const struct carom_args *args, const char *name, int64_t *bytes_r)
{
    static const struct {
        struct carom_str unit;
        int shift;
    } units[] = {{{"KiB", 3}, 10}, {{"MiB", 3}, 20}, {{"GiB", 3}, 30}};
    struct carom_str text;
    if (!carom_args_str(args, name, &text))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        int64_t n;
        if (!carom_str_iends(text, units[i].unit))
            continue;
        n = carom_str_number(carom_str_trim(carom_str_head(text, text.len - units[i].unit.len)));
        if (n > 0 && n <= INT64_C(1) << 20) {
            *bytes_r = n << units[i].shift;
            return true;
        }
    }
    carom_args_fail(args, "%s = \"%s\" is no size; write \"8MiB\"", name, text.ptr);
}

bool carom_args_table(const struct carom_args *args, const char *name)
{
    if (!push_typed(args, name, LUA_TTABLE))
        return false;
    carom_freeze_unwrap(args->L, -1);
    return true;
}

bool carom_args_word(const struct carom_args *args, const char *name, const char *(*name_of)(int), int n, int *value_r)
{
    struct carom_str text;
    if (!carom_args_str(args, name, &text))
        return false;
    for (*value_r = 0; *value_r < n; ++*value_r) {
        struct carom_str word = carom_str(name_of(*value_r));
        if (word.len && carom_str_eq(word, text))
            return true;
    }
    struct carom_nearest nearest = carom_nearest_to(text);
    for (int i = 0; i < n; i++)
        if (name_of(i))
            carom_nearest_offer(&nearest, carom_str(name_of(i)));
    carom_args_fail(args, "\"%s\" is no %s%s", text.ptr, name, carom_nearest_push(args->L, &nearest));
}
