/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From Lua to plain C. Heap memory that must survive a raising call is owned by a userdata. It knows no action and no
   sink. */

#include "policy/value.h"

#include <lauxlib.h>
#include <math.h>

#include "base/json.h"
#include "decision/template.h"
#include "policy/freeze.h"
#include "policy/keys.h"
#include "policy/sandbox.h"

enum { DEPTH = 16 };

static int free_buffer(lua_State *L)
{
    carom_buf_deinit(lua_touserdata(L, 1));
    return 0;
}

struct carom_buf *carom_value_buffer(lua_State *L, size_t max)
{
    struct carom_buf *buf = lua_newuserdatauv(L, sizeof(*buf), 0);
    *buf = CAROM_BUF_INIT(max);
    if (luaL_newmetatable(L, "carom.buffer")) {
        lua_pushcfunction(L, free_buffer);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return buf;
}

struct carom_str carom_value_keep(lua_State *L, struct carom_arena *arena, struct carom_str text)
{
    carom_sandbox_keep(L, text.len + 1);
    char *copy = carom_arena_try(arena, text.len + 1);
    if (!copy)
        carom_sandbox_no_memory(L);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return carom_str_n(copy, text.len);
}

void *carom_value_new(lua_State *L, struct carom_arena *arena, size_t size)
{
    carom_sandbox_keep(L, size);
    void *bytes = carom_arena_try(arena, size);
    if (!bytes)
        carom_sandbox_no_memory(L);
    return bytes;
}

void carom_value_check_template(lua_State *L, const char *what, const char *name, struct carom_str text,
                                const struct carom_pair *more)
{
    struct carom_error err;
    carom_sandbox_charge(L, text.len / 8);
    if (carom_template_check_with(text, more, &err) != 0)
        luaL_error(L, "%s: %s: %s", what, name, err.text);
}

struct writer {
    lua_State *L;
    const char *what;
    struct carom_json json;
    int depth;
    size_t last; /* length of the text written last */
};

static void write_value(struct writer *writer);

/* A failed buffer does not say whether it was full or the machine was. An escaped byte takes six. */
static void check_buffer(const struct writer *writer)
{
    const struct carom_buf *buf = writer->json.buf;
    if (!buf->failed)
        return;
    if (writer->last < buf->max / 8 && buf->len + 6 * writer->last + 64 < buf->max)
        carom_sandbox_no_memory(writer->L);
    luaL_error(writer->L, "%s: larger than %d bytes", writer->what, (int)buf->max);
}

/* Keys 1 to n, and nothing else. keys: index of the ordered keys. */
static bool is_sequence(lua_State *L, int keys, lua_Integer n)
{
    bool is = n > 0;
    for (lua_Integer i = 1; is && i <= n; i++) {
        lua_rawgeti(L, keys, i);
        is = lua_isinteger(L, -1) && lua_tointeger(L, -1) == i;
        lua_pop(L, 1);
    }
    return is;
}

static void write_key(struct writer *writer)
{
    struct carom_str key;
    if (lua_type(writer->L, -1) != LUA_TSTRING)
        luaL_error(writer->L, "%s: a table is either a list or has texts as keys, not a %s among them", writer->what,
                   luaL_typename(writer->L, -1));
    key.ptr = lua_tolstring(writer->L, -1, &key.len);
    writer->last = key.len;
    carom_json_key(&writer->json, key);
    check_buffer(writer);
}

/* The table on top. */
static void write_table(struct writer *writer)
{
    lua_State *L = writer->L;
    int table = lua_gettop(L), keys = table + 1;
    if (++writer->depth > DEPTH)
        luaL_error(L, "%s: tables nested deeper than %d", writer->what, DEPTH);
    luaL_checkstack(L, 10, NULL);
    carom_freeze_unwrap(L, table);
    carom_keys_push(L, table);
    lua_Integer n = (lua_Integer)lua_rawlen(L, keys);
    bool sequence = is_sequence(L, keys, n);
    (sequence ? carom_json_array : carom_json_object)(&writer->json);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, keys, i);
        if (!sequence)
            write_key(writer);
        lua_rawget(L, table);
        write_value(writer);
        lua_pop(L, 1);
    }
    (sequence ? carom_json_array_end : carom_json_object_end)(&writer->json);
    lua_settop(L, table);
    writer->depth--;
}

static void write_number(struct writer *writer)
{
    lua_Number number = lua_tonumber(writer->L, -1);
    if (lua_isinteger(writer->L, -1))
        carom_json_int(&writer->json, lua_tointeger(writer->L, -1));
    else if (isfinite(number))
        carom_json_number(&writer->json, number);
    else
        luaL_error(writer->L, "%s: a number that is infinite or none at all cannot be sent", writer->what);
}

static void write_value(struct writer *writer)
{
    lua_State *L = writer->L;
    struct carom_str text;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        text.ptr = lua_tolstring(L, -1, &text.len);
        carom_sandbox_charge(L, text.len / 4);
        writer->last = text.len;
        carom_json_str(&writer->json, text);
        break;
    case LUA_TNUMBER: write_number(writer); break;
    case LUA_TBOOLEAN: carom_json_bool(&writer->json, lua_toboolean(L, -1)); break;
    case LUA_TTABLE: write_table(writer); break;
    default: luaL_error(L, "%s: a %s cannot be sent", writer->what, luaL_typename(L, -1));
    }
    check_buffer(writer);
}

void carom_value_json(lua_State *L, int index, const char *what, struct carom_buf *out)
{
    struct writer writer = {.L = L, .what = what, .json = carom_json_to(out)};
    lua_pushvalue(L, index);
    write_table(&writer);
    lua_pop(L, 1);
    check_buffer(&writer);
}
