/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.fact{}: a made-up fact of a test. What it must have is classify/made.h's business; here it becomes pairs. */

#include "base/date.h"
#include "policy/freeze.h"
#include "policy/keys.h"
#include "policy/testing_host.h"

#define MADE "carom.fact"

enum { FIELDS_MAX = 100 };

/* The names and texts of the fields stand in the userdata's first user value, so that they live as long as it does. */
struct made {
    struct carom_made made;
    struct carom_made_field fields[FIELDS_MAX];
};

/* The value on top as text, in its place. Times may be whole numbers, as bounce.time is. */
static struct carom_str value_text(lua_State *L, const char *name)
{
    const struct carom_field *field = carom_field_find(CAROM_STR_EMPTY, carom_str(name));
    struct carom_str text;
    char out[32];

    if (lua_isboolean(L, -1)) {
        bool value = lua_toboolean(L, -1);
        lua_pop(L, 1);
        lua_pushstring(L, value ? "true" : "false");
    } else if (lua_isinteger(L, -1) && field && field->type == CAROM_FIELD_TIME) {
        size_t n = carom_date_format(lua_tointeger(L, -1), out);
        lua_pop(L, 1);
        lua_pushlstring(L, out, n);
    } else if (lua_type(L, -1) != LUA_TSTRING && !lua_isinteger(L, -1)) {
        luaL_error(L, "carom.fact: %s cannot be a %s", name, luaL_typename(L, -1));
    }
    text.ptr = lua_tolstring(L, -1, &text.len);
    return text;
}

/* Keeps the string on top from being collected, and pops it. */
static void keep(lua_State *L, int texts)
{
    lua_rawseti(L, texts, (lua_Integer)lua_rawlen(L, texts) + 1);
}

static bool is_group(const char *name)
{
    for (size_t i = 0; i < carom_fields_n; i++)
        if (strcmp(carom_fields[i].group, name) == 0)
            return true;
    return false;
}

/* The fields of the table on top; of a group where prefix is not empty. */
static void take_fields(lua_State *L, struct made *made, int texts, const char *prefix)
{
    int table = lua_gettop(L), keys = table + 1;

    luaL_checkstack(L, 20, NULL);
    carom_freeze_unwrap(L, table);
    carom_keys_push(L, table);
    lua_Integer n = (lua_Integer)lua_rawlen(L, keys);
    for (lua_Integer i = 1; i <= n; i++) {
        if (lua_rawgeti(L, keys, i) != LUA_TSTRING)
            luaL_error(L, "carom.fact takes named fields in braces, such as { reason = \"mailbox_full\" }");
        const char *name = lua_pushfstring(L, "%s%s", prefix, lua_tostring(L, -1));
        const char *group = lua_pushfstring(L, "%s.", name);
        lua_insert(L, keys + 1);
        lua_pushvalue(L, keys + 2);
        lua_rawget(L, table);
        if (lua_istable(L, -1) && !*prefix && is_group(name)) {
            take_fields(L, made, texts, group);
            lua_settop(L, keys);
            continue;
        }
        if (made->made.n == FIELDS_MAX)
            luaL_error(L, "carom.fact: more than %d fields", FIELDS_MAX);
        struct carom_made_field field = {carom_str(name), value_text(L, name)};
        keep(L, texts);
        keep(L, texts);
        if (strcmp(name, "text") == 0) /* of the bounce, as hooks see it, and no field of the fact */
            made->made.text = field.value;
        else
            made->fields[made->made.n++] = field;
        lua_settop(L, keys);
    }
    lua_settop(L, table);
}

/* Asked here already, so that the error names the line that makes it; the clock is not known yet, so any time will do. */
static void check(lua_State *L, const struct made *made)
{
    struct carom_policy *policy = carom_host_policy(L);
    struct carom_fact fact;
    struct carom_error err;

    carom_sandbox_charge(L, 1000);
    int failed = carom_fact_made(policy->scratch, made->fields, made->made.n, made->made.serial, NULL,
                                 INT64_C(253402300799), &fact, &err);
    carom_arena_reset(policy->scratch);
    if (failed && err.code == CAROM_ERROR_MEMORY)
        carom_sandbox_no_memory(L);
    if (failed)
        luaL_error(L, "carom.fact: %s", err.text);
}

int carom_testing_fact(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct made *made = lua_newuserdatauv(L, sizeof(*made), 1);
    made->made = (struct carom_made){.fields = made->fields, .serial = ++carom_testing_of(L)->serial,
                                     .text = CAROM_STR_EMPTY};
    luaL_newmetatable(L, MADE);
    lua_setmetatable(L, 2);
    lua_newtable(L);
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, 2, 1);
    lua_pushvalue(L, 1);
    take_fields(L, made, 3, "");
    check(L, made);
    lua_settop(L, 2);
    return 1;
}

struct carom_made carom_testing_check_fact(lua_State *L, int arg, const char *what)
{
    const struct made *made = luaL_testudata(L, arg, MADE);

    if (!made)
        luaL_error(L, "%s takes a fact: carom.fact { kind = …, reason = …, recipient = … }, not a %s", what,
                   luaL_typename(L, arg));
    return made->made;
}
