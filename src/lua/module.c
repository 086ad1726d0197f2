/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* require "carom" for any program in Lua 5.4: what a bounce or a reply says, as tables. It stands on carom.h alone, and
   has neither policy nor ledger. The names of the fields come from the table of the API. */

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "carom.h"

#define FACTS "carom.facts"

/* ---- Facts as tables ---- */

static void set_string(lua_State *L, const char *name, struct carom_str text)
{
    if (!text.len)
        return;
    lua_pushlstring(L, text.ptr, text.len);
    lua_setfield(L, -2, name);
}

static void set_word(lua_State *L, const char *name, const char *word)
{
    lua_pushstring(L, word); /* nil where there is none */
    lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
    if (!value)
        return;
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

/* Only a fact of that kind has these two; evidence and original are always there, as in a policy. */
static bool has_group(const struct carom_fact *fact, const char *group)
{
    if (!strcmp(group, "autoreply"))
        return fact->kind == CAROM_KIND_AUTOREPLY || fact->autoreply.type.len;
    if (!strcmp(group, "feedback"))
        return fact->kind == CAROM_KIND_COMPLAINT || fact->feedback.type.len;
    return true;
}

static void push_fact(lua_State *L, const struct carom_fact *fact)
{
    lua_newtable(L);
#define STRING(name, member) set_string(L, #name, fact->member);
#define INTEGER(name, member) set_integer(L, #name, (lua_Integer)fact->member);
#define BOOLEAN(name, member) set_boolean(L, #name, fact->member);
#define WORD(name, member) set_word(L, #name, carom_##member##_name(fact->member));
#define GROUP(name) \
    if (has_group(fact, #name)) { \
        lua_newtable(L);
#define GROUP_END(name) \
        lua_setfield(L, -2, #name); \
    }
#include "fact-fields.h"
}

/* ---- Their memory, also when Lua raises in between ---- */

static struct carom_facts **push_owner(lua_State *L)
{
    struct carom_facts **owner = lua_newuserdatauv(L, sizeof *owner, 0);
    *owner = NULL;
    luaL_setmetatable(L, FACTS);
    return owner;
}

static int release(lua_State *L)
{
    struct carom_facts **owner = luaL_checkudata(L, 1, FACTS);
    carom_facts_free(*owner);
    *owner = NULL;
    return 0;
}

static int fail(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* ---- parse, classify ---- */

/* The field of the table at index 2, which may be absent; the table holds the text. */
static const char *option(lua_State *L, const char *name)
{
    const char *value;
    if (lua_isnoneornil(L, 2))
        return NULL;
    luaL_checktype(L, 2, LUA_TTABLE);
    int type = lua_getfield(L, 2, name);
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "%s must be a text, not a %s", name, luaL_typename(L, -1));
    value = lua_tostring(L, -1);
    lua_pop(L, 1);
    return value;
}

static int64_t option_time(lua_State *L, const char *name)
{
    lua_Integer value;
    int whole = 1;
    if (lua_isnoneornil(L, 2))
        return 0;
    if (lua_getfield(L, 2, name) == LUA_TNIL)
        value = 0;
    else
        value = lua_tointegerx(L, -1, &whole);
    if (!whole)
        luaL_error(L, "%s must be a number of seconds, not a %s", name, luaL_typename(L, -1));
    lua_pop(L, 1);
    return value;
}

/* An option that is ignored would be one that does not hold. */
static void check_options(lua_State *L, const char *const *names)
{
    if (lua_isnoneornil(L, 2))
        return;
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        const char *const *name = names;
        lua_pop(L, 1);
        while (*name && !(lua_type(L, -1) == LUA_TSTRING && !strcmp(*name, lua_tostring(L, -1))))
            name++;
        if (!*name)
            luaL_error(L, "\"%s\" is no option", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1));
    }
}

/* Replaces argument 1, a file, by what is left in it. NULL, or what went wrong. */
static const char *read_file(lua_State *L)
{
    const luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    luaL_Buffer buffer;
    size_t n;

    if (!stream->closef)
        return "the file is closed";
    luaL_buffinit(L, &buffer);
    do {
        n = fread(luaL_prepbuffer(&buffer), 1, LUAL_BUFFERSIZE, stream->f);
        luaL_addsize(&buffer, n);
    } while (n > 0);
    luaL_pushresult(&buffer);
    lua_replace(L, 1);
    return ferror(stream->f) ? strerror(errno) : NULL;
}

/* carom.parse(message [, options]): a list of facts. */
static int parse(lua_State *L)
{
    static const char *const names[] = {"sender", "recipient", "source", "list", "received", NULL};
    struct carom_error err = {0};
    size_t size;

    lua_settop(L, 2);
    if (lua_type(L, 1) != LUA_TSTRING && !luaL_testudata(L, 1, LUA_FILEHANDLE))
        return luaL_argerror(L, 1, lua_pushfstring(L, "a text or an open file expected, got %s", luaL_typename(L, 1)));
    check_options(L, names);
    if (lua_type(L, 1) != LUA_TSTRING) {
        const char *why = read_file(L);
        if (why)
            return fail(L, why);
    }
    const char *bytes = luaL_checklstring(L, 1, &size);
    struct carom_envelope envelope = {.sender = option(L, "sender"), .recipient = option(L, "recipient"),
                                      .source = option(L, "source"), .list = option(L, "list"),
                                      .received = option_time(L, "received")};
    struct carom_facts **owner = push_owner(L);
    if (carom_parse(bytes, size, &envelope, owner, &err) != 0)
        return fail(L, err.text);
    lua_newtable(L);
    for (size_t i = 0; i < carom_facts_count(*owner); i++) {
        push_fact(L, carom_facts_get(*owner, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    carom_facts_free(*owner);
    *owner = NULL;
    return 1;
}

/* carom.classify(reply [, options]): one fact. */
static int classify(lua_State *L)
{
    static const char *const names[] = {"recipient", "remote_mta", NULL};
    struct carom_error err = {0};

    lua_settop(L, 2);
    const char *reply = luaL_checkstring(L, 1);
    check_options(L, names);
    struct carom_facts **owner = push_owner(L);
    if (carom_classify_reply(reply, option(L, "recipient"), option(L, "remote_mta"), owner, &err) != 0)
        return fail(L, err.text);
    push_fact(L, carom_facts_get(*owner, 0));
    carom_facts_free(*owner);
    *owner = NULL;
    return 1;
}

CAROM_API int luaopen_carom(lua_State *L);
int luaopen_carom(lua_State *L)
{
    static const luaL_Reg functions[] = {{"parse", parse}, {"classify", classify}, {NULL, NULL}};

    luaL_checkversion(L);
    if (luaL_newmetatable(L, FACTS)) {
        lua_pushcfunction(L, release);
        lua_setfield(L, -2, "__gc");
    }
    luaL_newlib(L, functions);
    lua_pushstring(L, carom_version());
    lua_setfield(L, -2, "version");
    return 1;
}
