/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A decision as a test sees it, and in words. It is a plain table: { fact = {…}, hook = "on_…", duplicate =, held =,
   actions = { { action = "suppress", duration = "90d", state = "decided" }, … } }. */

#include "base/load.h"
#include "policy/freeze.h"
#include "policy/keys.h"
#include "policy/testing_host.h"
#include "policy/value.h"

#define DECISION "carom.decision"

enum { DEPTH = 20 };

/* ---- The decision as a table ---- */

static int free_json(lua_State *L)
{
    json_decref(*(json_t **)lua_touserdata(L, 1));
    return 0;
}

static void push_json(lua_State *L, const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;

    luaL_checkstack(L, 10, NULL);
    switch (json_typeof(value)) {
    case JSON_STRING: lua_pushlstring(L, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: lua_pushinteger(L, json_integer_value(value)); break;
    case JSON_REAL: lua_pushnumber(L, json_real_value(value)); break;
    case JSON_TRUE: lua_pushboolean(L, true); break;
    case JSON_FALSE: lua_pushboolean(L, false); break;
    case JSON_NULL: lua_pushnil(L); break;
    case JSON_ARRAY:
        lua_newtable(L);
        json_array_foreach(value, i, member) {
            push_json(L, member);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        break;
    case JSON_OBJECT:
        lua_newtable(L);
        json_object_foreach((json_t *)value, key, member) {
            push_json(L, member);
            lua_setfield(L, -2, key);
        }
        break;
    }
}

/* Its arguments, its state, and why it is not carried out. */
static void push_action(lua_State *L, const struct carom_action *action)
{
    json_t **json = lua_newuserdatauv(L, sizeof(json_t *), 0); /* freed also when something raises */
    int box = lua_gettop(L);

    *json = NULL;
    if (luaL_newmetatable(L, "carom.json")) {
        lua_pushcfunction(L, free_json);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, box);
    *json = carom_json_load(action->details, 0, NULL);
    if (!json_is_object(*json))
        carom_sandbox_no_memory(L);
    push_json(L, *json);
    lua_pushlstring(L, action->name.ptr, action->name.len);
    lua_setfield(L, -2, "action");
    lua_pushlstring(L, action->state.ptr, action->state.len);
    lua_setfield(L, -2, "state");
    carom_object_push_str(L, action->note);
    lua_setfield(L, -2, "note");
    lua_remove(L, box);
}

void carom_testing_push_shown(lua_State *L, const struct carom_shown *shown)
{
    luaL_checkstack(L, 20, NULL);
    lua_newtable(L);
    luaL_newmetatable(L, DECISION);
    lua_setmetatable(L, -2);
    carom_bounce_push_fields(L, shown->fact);
    lua_setfield(L, -2, "fact");
    carom_object_push_str(L, shown->hook);
    lua_setfield(L, -2, "hook");
    lua_pushboolean(L, shown->duplicate);
    lua_setfield(L, -2, "duplicate");
    lua_pushstring(L, shown->held);
    lua_setfield(L, -2, "held");
    lua_createtable(L, (int)shown->n, 0);
    for (size_t i = 0; i < shown->n; i++) {
        push_action(L, &shown->actions[i]);
        if (carom_str_eq(shown->actions[i].state, CAROM_STR("held"))) {
            lua_pushstring(L, shown->held);
            lua_setfield(L, -2, "held");
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "actions");
}

static bool is_decision(lua_State *L, int index)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, DECISION);
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is;
}

/* The decision that argument 2 is, or the only one of t:message's list; put there. */
void carom_testing_check_decision(lua_State *L, const char *what)
{
    if (is_decision(L, 2))
        return;
    if (lua_istable(L, 2)) {
        lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
        lua_rawgeti(L, 2, 1);
        if (n > 1 && is_decision(L, -1))
            luaL_error(L, "%s: the message tells of %d recipients: name one, as in d[1] or d[\"anna@example.com\"]", what,
                       (int)n);
        if (n == 1 && is_decision(L, -1)) {
            lua_replace(L, 2);
            return;
        }
    }
    luaL_error(L, "%s takes what t:feed, t:reply or t:message gave, not a %s", what, luaL_typename(L, 2));
}

/* ---- Telling ---- */

static void tell_value(lua_State *L, int index, struct carom_buf *buf, int depth);

/* A table: "{ a = 1, b = 2 }". The keys of `without` are left out; the list ends with NULL. */
static void tell_members(lua_State *L, int index, struct carom_buf *buf, int depth, const char *const *without)
{
    int top = lua_gettop(L), table = top + 1, keys = top + 2;
    bool left_out = false;

    luaL_checkstack(L, 10, NULL);
    lua_pushvalue(L, index);
    carom_freeze_unwrap(L, table);
    carom_keys_push(L, table);
    for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, keys); i <= n; i++) {
        bool named = lua_rawgeti(L, keys, i) == LUA_TSTRING;
        left_out = false;
        for (const char *const *name = without; named && *name; name++)
            left_out = left_out || strcmp(lua_tostring(L, -1), *name) == 0;
        if (!left_out) {
            carom_buf_add_str(buf, CAROM_STR(", "));
            if (named)
                carom_buf_printf(buf, "%s = ", lua_tostring(L, -1));
            lua_rawget(L, table);
            tell_value(L, lua_gettop(L), buf, depth + 1);
        }
        lua_settop(L, keys);
    }
    lua_settop(L, top);
}

static void tell_value(lua_State *L, int index, struct carom_buf *buf, int depth)
{
    static const char *const nothing[] = {NULL};
    struct carom_str text;

    if (lua_istable(L, index) && depth < DEPTH) {
        carom_buf_add_char(buf, '{');
        size_t begin = buf->len;
        tell_members(L, index, buf, depth, nothing);
        if (!buf->failed && buf->len > begin)
            buf->ptr[begin] = ' '; /* no comma before the first */
        carom_buf_add_str(buf, CAROM_STR(" }"));
    } else if (lua_type(L, index) == LUA_TSTRING) {
        text.ptr = lua_tolstring(L, index, &text.len);
        carom_buf_printf(buf, "\"" CAROM_STR_FMT "\"", CAROM_STR_ARG(text));
    } else if (lua_isinteger(L, index)) {
        carom_buf_printf(buf, "%lld", (long long)lua_tointeger(L, index));
    } else if (lua_isnumber(L, index)) {
        carom_buf_printf(buf, "%g", lua_tonumber(L, index));
    } else {
        carom_buf_add_str(buf, carom_str(lua_isnil(L, index) ? "nil" : lua_toboolean(L, index) ? "true" : "false"));
    }
}

/* " (held by gate: why)" behind what is not simply decided. The action at index. */
static void tell_state(lua_State *L, int index, struct carom_buf *buf)
{
    static const char *const before[] = {"state", "held", "note"}, *const texts[] = {"  (", " by ", ": "};

    for (int i = 0; i < 3; i++) {
        bool is = lua_getfield(L, index, before[i]) == LUA_TSTRING;
        if (is)
            carom_buf_printf(buf, "%s%s", texts[i], lua_tostring(L, -1));
        bool decided = i == 0 && is && strcmp(lua_tostring(L, -1), "decided") == 0;
        lua_pop(L, 1);
        if (decided) {
            buf->len -= strlen("  (decided");
            return;
        }
    }
    carom_buf_add_char(buf, ')');
}

/* { "suppress", duration = "90d" }  (held by gate: why) */
void carom_testing_tell_action(lua_State *L, int index, struct carom_buf *buf)
{
    static const char *const apart[] = {"action", "state", "note", "held", NULL};

    lua_getfield(L, index, "action");
    carom_buf_printf(buf, "{ \"%s\"", lua_tostring(L, -1));
    lua_pop(L, 1);
    tell_members(L, index, buf, 0, apart);
    carom_buf_add_str(buf, CAROM_STR(" }"));
    tell_state(L, index, buf);
}

/* "anna@example.com: permanent user_unknown, decided by on_permanent" */
void carom_testing_tell_subject(lua_State *L, struct carom_buf *buf)
{
    static const char *const names[] = {"recipient", "kind", "reason"};
    const char *words[3];

    lua_getfield(L, 2, "fact");
    for (int i = 0; i < 3; i++) {
        lua_getfield(L, -1 - i, names[i]);
        words[i] = lua_tostring(L, -1);
    }
    carom_buf_printf(buf, "%s: %s%s%s, ", words[0] ? words[0] : "no recipient", words[1], words[2] ? " " : "",
                     words[2] ? words[2] : "");
    lua_getfield(L, 2, "duplicate");
    lua_getfield(L, 2, "hook");
    if (lua_toboolean(L, -2))
        carom_buf_add_str(buf, CAROM_STR("a copy of what came before: nothing is decided"));
    else if (lua_isstring(L, -1))
        carom_buf_printf(buf, "decided by %s", lua_tostring(L, -1));
    else
        carom_buf_add_str(buf, CAROM_STR("no hook ran"));
    lua_pop(L, 6);
}
