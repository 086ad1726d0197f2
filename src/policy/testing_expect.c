/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a test expects: t:expect and its like, t:allowed and t:denied. The first that does not hold ends the test, with
   both sides told. */

#include "base/date.h"
#include "base/utf8.h"
#include "policy/args.h"
#include "policy/freeze.h"
#include "policy/testing_host.h"
#include "policy/value.h"

enum { DEPTH = 20, TEXT_MAX = 1 << 20, ACTIONS_MAX = 250 };

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
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    return n < ACTIONS_MAX ? (int)n : ACTIONS_MAX; /* of a hook and of on_incident there are never so many */
}

/* ---- Pairs ---- */

/* Which expected action may be which decided one. An action without parts fits many: whoever came first gives way where
   it has another one (Kuhn's method). */
struct pairing {
    int n;
    const bool *like; /* [expected][decided] */
    int *owner;       /* of each decided one: the expected one that it is, or -1 */
    bool *tried;
};

static bool assign(struct pairing *pairing, int i)
{
    for (int k = 0; k < pairing->n; k++) {
        if (!pairing->like[i * pairing->n + k] || pairing->tried[k])
            continue;
        pairing->tried[k] = true;
        if (pairing->owner[k] < 0 || assign(pairing, pairing->owner[k])) {
            pairing->owner[k] = i;
            return true;
        }
    }
    return false;
}

/* How many of the expected actions, from argument 3 on, are among the n decided ones, each another one. */
static int count_pairs(lua_State *L, int wanted, int actions, int n)
{
    int owner[ACTIONS_MAX], pairs = 0;
    bool tried[ACTIONS_MAX], *like = lua_newuserdatauv(L, (size_t)(wanted * n) + 1, 0);
    struct pairing pairing = {.n = n, .like = like, .owner = owner, .tried = tried};

    for (int i = 0; i < wanted; i++)
        for (int k = 0; k < n; k++) {
            lua_rawgeti(L, actions, k + 1);
            like[i * n + k] = is_like(L, 3 + i, -1, 0);
            lua_pop(L, 1);
        }
    memset(owner, -1, sizeof(owner));
    for (int i = 0; i < wanted; i++) {
        memset(tried, 0, sizeof(tried));
        pairs += assign(&pairing, i);
    }
    lua_pop(L, 1);
    return pairs;
}

static _Noreturn void fail_actions(lua_State *L, const char *word, int wanted, int actions, int n)
{
    struct carom_buf *buf = carom_value_buffer(L, TEXT_MAX);

    carom_testing_tell_subject(L, buf);
    for (int i = 0; i < wanted || i == 0; i++) {
        carom_buf_printf(buf, "\n    %-10s", i == 0 ? word : "");
        if (wanted == 0)
            carom_buf_add_str(buf, CAROM_STR("nothing"));
        else
            carom_testing_tell_action(L, 3 + i, buf);
    }
    for (int i = 0; i < n || i == 0; i++) {
        carom_buf_printf(buf, "\n    %-10s", i == 0 ? "got" : "");
        if (n == 0)
            carom_buf_add_str(buf, CAROM_STR("nothing"));
        else
            lua_rawgeti(L, actions, i + 1), carom_testing_tell_action(L, lua_gettop(L), buf);
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
    check_colon(L, "t:expect");
    carom_testing_check_decision(L, "t:expect");
    int wanted = normalise_all(L, "t:expect"), n = push_actions(L), actions = lua_gettop(L);
    if (n != wanted || count_pairs(L, wanted, actions, n) != wanted)
        fail_actions(L, "expected", wanted, actions, n);
    return 0;
}

static int includes(lua_State *L)
{
    check_colon(L, "t:includes");
    carom_testing_check_decision(L, "t:includes");
    int wanted = normalise_all(L, "t:includes"), n = push_actions(L), actions = lua_gettop(L);
    if (wanted == 0)
        return luaL_error(L, "t:includes: \"nothing\" is always included; t:expect(d, \"nothing\") wants nothing else");
    if (count_pairs(L, wanted, actions, n) != wanted)
        fail_actions(L, "at least", wanted, actions, n);
    return 0;
}

static int excludes(lua_State *L)
{
    check_colon(L, "t:excludes");
    carom_testing_check_decision(L, "t:excludes");
    int wanted = normalise_all(L, "t:excludes"), n = push_actions(L), actions = lua_gettop(L);
    if (wanted == 0)
        return luaL_error(L, "t:excludes: name the actions that must not be there");
    if (count_pairs(L, wanted, actions, n) != 0)
        fail_actions(L, "not", wanted, actions, n);
    return 0;
}

static int hook(lua_State *L)
{
    check_colon(L, "t:hook");
    carom_testing_check_decision(L, "t:hook");
    const char *wanted = luaL_checkstring(L, 3);
    lua_getfield(L, 2, "hook");
    const char *got = lua_isstring(L, -1) ? lua_tostring(L, -1) : "none";
    if (strcmp(wanted, got) == 0)
        return 0;
    struct carom_buf *buf = carom_value_buffer(L, TEXT_MAX);
    carom_testing_tell_subject(L, buf);
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
