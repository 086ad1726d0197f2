/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a test expects of a decision, and how the difference is told. A decision is a plain table to the test:
   { fact = {…}, hook = "on_…", duplicate =, held =, actions = { { action = "suppress", duration = "90d", state = "decided" }, … } }. */

#include "base/date.h"
#include "base/load.h"
#include "base/utf8.h"
#include "policy/args.h"
#include "policy/freeze.h"
#include "policy/keys.h"
#include "policy/testing_host.h"
#include "policy/value.h"

#define DECISION "carom.decision"

enum { DEPTH = 20, TEXT_MAX = 1 << 20, ACTIONS_MAX = 200 };

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
static void check_decision(lua_State *L, const char *what)
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
static void tell_action(lua_State *L, int index, struct carom_buf *buf)
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
static void tell_subject(lua_State *L, struct carom_buf *buf)
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

/* ---- Comparing ---- */

static bool same_duration(struct carom_str a, struct carom_str b)
{
    int64_t ms = carom_duration_parse_ms(a);

    return ms >= 0 && ms == carom_duration_parse_ms(b);
}

/* A text with * is a pattern, as in carom.match. */
static bool same_text(lua_State *L, struct carom_str want, struct carom_str got)
{
    struct carom_arena *scratch = carom_host_policy(L)->scratch;
    bool same = carom_str_eq(want, got) || same_duration(want, got);

    if (same || carom_str_chr(want, '*') == SIZE_MAX)
        return same;
    if (carom_arena_guard(scratch))
        carom_sandbox_no_memory(L);
    same = carom_utf8_match(scratch, got, want);
    carom_arena_unguard(scratch);
    carom_arena_reset(scratch);
    return same;
}

/* Whatever want names, got has; false: it has not. */
static bool is_like(lua_State *L, int want, int got, int depth)
{
    struct carom_str a, b;
    bool like = true;

    want = lua_absindex(L, want), got = lua_absindex(L, got);
    if (lua_isboolean(L, want) && !lua_toboolean(L, want))
        return !lua_toboolean(L, got);
    if (lua_type(L, want) != lua_type(L, got) || depth > DEPTH)
        return false;
    if (lua_type(L, want) == LUA_TSTRING) {
        a.ptr = lua_tolstring(L, want, &a.len);
        b.ptr = lua_tolstring(L, got, &b.len);
        return same_text(L, a, b);
    }
    if (!lua_istable(L, want))
        return lua_rawequal(L, want, got) || lua_compare(L, want, got, LUA_OPEQ);
    luaL_checkstack(L, 10, NULL);
    lua_pushvalue(L, want);
    carom_freeze_unwrap(L, -1);
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (like && lua_next(L, table)) {
        lua_pushvalue(L, -2);
        lua_rawget(L, got);
        like = is_like(L, -2, -1, depth + 1);
        lua_pop(L, 2);
    }
    lua_settop(L, table - 1);
    return like;
}

/* ---- Expected actions ---- */

static void refuse_word(lua_State *L, const char *what, const char *noun, struct carom_str word, const char *const *known)
{
    struct carom_nearest nearest = carom_nearest_to(word);

    for (; *known; known++) {
        if (carom_str_eq(carom_str(*known), word))
            return;
        carom_nearest_offer(&nearest, carom_str(*known));
    }
    luaL_error(L, "%s: \"%s\" is no %s%s", what, word.ptr, noun, carom_nearest_push(L, &nearest));
}

static void check_keys(lua_State *L, int table, const char *what)
{
    static const char *const keys[] = {"list", "scope", "duration", "due", "after", "limit", "points", "endpoint",
                                       "payload", "command", "arguments", "to", "text", "key", "value", "every", "force",
                                       "accept", "state", "held", "note", NULL};
    struct carom_str key;

    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            key.ptr = lua_tolstring(L, -2, &key.len);
            refuse_word(L, what, "part of an action", key, keys);
        } else if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) != 1) {
            luaL_error(L, "%s: an action is written { \"suppress\", duration = \"90d\" }: one name, then what it has", what);
        }
        lua_pop(L, 1);
    }
}

/* Puts the expected action at arg in the form of a decided one: { action = "suppress", state = "decided", … }. */
static void normalise(lua_State *L, int arg, const char *what)
{
    static const char *const states[] = {"decided", "unmatched", "refused", "held", NULL};
    const char *names[CAROM_ACTION_COUNT + 1];
    struct carom_str word;

    for (int i = 0; i <= CAROM_ACTION_COUNT; i++)
        names[i] = i < CAROM_ACTION_COUNT ? carom_action_name((enum carom_action_type)i) : NULL;
    lua_newtable(L);
    int made = lua_gettop(L);
    if (lua_istable(L, arg)) {
        lua_pushvalue(L, arg);
        carom_freeze_unwrap(L, -1);
        check_keys(L, made + 1, what);
        lua_pushnil(L);
        while (lua_next(L, made + 1)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, made);
        }
        lua_rawgeti(L, made, 1);
        lua_pushnil(L);
        lua_rawseti(L, made, 1);
    } else {
        lua_pushvalue(L, arg);
    }
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s: an action is a name, or { \"suppress\", duration = \"90d\" }", what);
    word.ptr = lua_tolstring(L, -1, &word.len);
    refuse_word(L, what, "action", word, names);
    lua_setfield(L, made, "action");
    if (lua_getfield(L, made, "state") == LUA_TNIL) {
        lua_getfield(L, made, "held");
        lua_pushstring(L, lua_isnil(L, -1) ? "decided" : "held");
        lua_setfield(L, made, "state");
    } else {
        word.ptr = lua_tolstring(L, -1, &word.len);
        refuse_word(L, what, "state", word, states);
    }
    lua_settop(L, made);
}

/* Replaces the arguments from 3 on. Returns how many actions are expected. */
static int normalise_all(lua_State *L, const char *what)
{
    int n = lua_gettop(L) - 2;

    if (n == 1 && lua_type(L, 3) == LUA_TSTRING && strcmp(lua_tostring(L, 3), "nothing") == 0)
        return 0;
    if (n < 1 || n > ACTIONS_MAX)
        luaL_error(L, "%s: what is expected? Name actions, or \"nothing\"", what);
    luaL_checkstack(L, n + 20, NULL);
    for (int i = 3; i < 3 + n; i++) {
        normalise(L, i, what);
        lua_replace(L, i);
    }
    return n;
}

/* The actions of the decision, pushed; their number. */
static int push_actions(lua_State *L)
{
    lua_getfield(L, 2, "actions");
    return (int)lua_rawlen(L, -1);
}

/* Which of the decided actions each expected one is: found[i] is true for those that are there. Returns how many. */
static int pair(lua_State *L, int wanted, int actions, int n, bool *found, bool *used)
{
    int pairs = 0;

    for (int i = 0; i < wanted; i++) {
        found[i] = false;
        for (int k = 0; k < n && !found[i]; k++) {
            if (used[k])
                continue;
            lua_rawgeti(L, actions, k + 1);
            found[i] = used[k] = is_like(L, 3 + i, -1, 0);
            lua_pop(L, 1);
        }
        pairs += found[i];
    }
    return pairs;
}

static _Noreturn void fail_actions(lua_State *L, const char *word, int wanted, int actions, int n)
{
    struct carom_buf *buf = carom_value_buffer(L, TEXT_MAX);

    tell_subject(L, buf);
    for (int i = 0; i < wanted || i == 0; i++) {
        carom_buf_printf(buf, "\n    %-10s", i == 0 ? word : "");
        if (wanted == 0)
            carom_buf_add_str(buf, CAROM_STR("nothing"));
        else
            tell_action(L, 3 + i, buf);
    }
    for (int i = 0; i < n || i == 0; i++) {
        carom_buf_printf(buf, "\n    %-10s", i == 0 ? "got" : "");
        if (n == 0)
            carom_buf_add_str(buf, CAROM_STR("nothing"));
        else
            lua_rawgeti(L, actions, i + 1), tell_action(L, lua_gettop(L), buf);
    }
    carom_testing_fail(L, carom_buf_str(buf));
}

/* ---- t:expect and its like ---- */

static void check_colon(lua_State *L, const char *what)
{
    if (!luaL_testudata(L, 1, "t") || !carom_testing_of(L)->current)
        luaL_error(L, "%s is called with a colon, on the t that the test got", what);
}

static int expect(lua_State *L)
{
    bool found[ACTIONS_MAX] = {false}, used[ACTIONS_MAX] = {false};

    check_colon(L, "t:expect");
    check_decision(L, "t:expect");
    int wanted = normalise_all(L, "t:expect"), n = push_actions(L), actions = lua_gettop(L);
    if (n != wanted || pair(L, wanted, actions, n, found, used) != wanted)
        fail_actions(L, "expected", wanted, actions, n);
    return 0;
}

static int includes(lua_State *L)
{
    bool found[ACTIONS_MAX] = {false}, used[ACTIONS_MAX] = {false};

    check_colon(L, "t:includes");
    check_decision(L, "t:includes");
    int wanted = normalise_all(L, "t:includes"), n = push_actions(L), actions = lua_gettop(L);
    if (wanted == 0)
        return luaL_error(L, "t:includes: \"nothing\" is always included; t:expect(d, \"nothing\") wants nothing else");
    if (pair(L, wanted, actions, n < ACTIONS_MAX ? n : ACTIONS_MAX, found, used) != wanted)
        fail_actions(L, "at least", wanted, actions, n);
    return 0;
}

static int excludes(lua_State *L)
{
    bool found[ACTIONS_MAX] = {false}, used[ACTIONS_MAX] = {false};

    check_colon(L, "t:excludes");
    check_decision(L, "t:excludes");
    int wanted = normalise_all(L, "t:excludes"), n = push_actions(L), actions = lua_gettop(L);
    if (wanted == 0)
        return luaL_error(L, "t:excludes: name the actions that must not be there");
    if (pair(L, wanted, actions, n < ACTIONS_MAX ? n : ACTIONS_MAX, found, used) != 0)
        fail_actions(L, "not", wanted, actions, n);
    return 0;
}

static int hook(lua_State *L)
{
    check_colon(L, "t:hook");
    check_decision(L, "t:hook");
    const char *wanted = luaL_checkstring(L, 3);
    lua_getfield(L, 2, "hook");
    const char *got = lua_isstring(L, -1) ? lua_tostring(L, -1) : "none";
    if (strcmp(wanted, got) == 0)
        return 0;
    struct carom_buf *buf = carom_value_buffer(L, TEXT_MAX);
    tell_subject(L, buf);
    carom_buf_printf(buf, "\n    %-10s%s\n    %-10s%s", "expected", wanted, "got", got);
    carom_testing_fail(L, carom_buf_str(buf));
}

/* ---- May it be mailed? ---- */

static void tell_answer(struct carom_buf *buf, const struct carom_refusal *refusal)
{
    char until[32];

    if (!refusal->cause) {
        carom_buf_add_str(buf, CAROM_STR("may be mailed"));
        return;
    }
    carom_buf_printf(buf, "%s%s%s", refusal->cause, *refusal->reason ? ": " : "", refusal->reason);
    if (refusal->until)
        carom_buf_printf(buf, ", until %.*s", (int)carom_date_format(refusal->until, until), until);
}

/* wanted: the cause; NULL: it may be mailed; "": any. */
static int check_answer(lua_State *L, const char *what, const char *address, const char *list, const char *wanted)
{
    const struct carom_stage *stage = carom_testing_of(L)->stage;
    struct carom_refusal refusal = {.cause = NULL};
    struct carom_error err;
    int answer = stage->check(stage->user, address, list, &refusal, &err);

    if (answer < 0)
        carom_testing_refuse(L, what, &err);
    if (answer == 1)
        refusal = (struct carom_refusal){.cause = NULL};
    if (wanted ? refusal.cause && (!*wanted || strcmp(wanted, refusal.cause) == 0) : !refusal.cause)
        return 0;
    struct carom_buf *buf = carom_value_buffer(L, TEXT_MAX);
    carom_buf_printf(buf, "%s%s%s:\n    %-10s%s\n    %-10s", address, list ? " by the list " : "", list ? list : "", "expected",
                     !wanted ? "may be mailed" : *wanted ? wanted : "is not to be mailed", "got");
    tell_answer(buf, &refusal);
    carom_testing_fail(L, carom_buf_str(buf));
}

static int allowed(lua_State *L)
{
    struct carom_str list = CAROM_STR_EMPTY;

    check_colon(L, "t:allowed");
    const char *address = luaL_checkstring(L, 2);
    struct carom_args args = carom_args_begin(L, 3, "t:allowed");
    carom_args_str(&args, "list", &list);
    return check_answer(L, "t:allowed", address, list.len ? list.ptr : NULL, NULL);
}

static int denied(lua_State *L)
{
    static const char *const causes[] = {"suppressed", "left", "left_all", "held", NULL};
    struct carom_str list = CAROM_STR_EMPTY, cause = CAROM_STR_EMPTY;

    check_colon(L, "t:denied");
    const char *address = luaL_checkstring(L, 2);
    struct carom_args args = carom_args_begin(L, 3, "t:denied");
    carom_args_str(&args, "list", &list);
    if (carom_args_str(&args, "cause", &cause))
        refuse_word(L, "t:denied", "cause", cause, causes);
    return check_answer(L, "t:denied", address, list.len ? list.ptr : NULL, cause.ptr);
}

const luaL_Reg carom_testing_expectations[] = {{"expect", expect}, {"includes", includes}, {"excludes", excludes},
                                               {"hook", hook},     {"allowed", allowed},   {"denied", denied},
                                               {NULL, NULL}};
