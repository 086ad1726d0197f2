/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Files of tests: loaded into the same sandbox as policies, with another `carom`, and frozen like them, so that no test
   depends on the one before it. What tests do is testing_acts.c, what they
   expect testing_expect.c. */

#include "policy/testing.h"

#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/utf8.h"
#include "policy/freeze.h"
#include "policy/testing_host.h"
#include "policy/value.h"

static const char functions_key;

/* A test may feed a year of bounces, each with the time of its own hook. */
static const struct carom_limits limits = {
    .time_ms = 10000, .memory = INT64_C(256) << 20, .instructions = INT64_C(10000000000)};

/* ---- Loading ---- */

static bool is_known(const struct carom_testing *testing, const char *name)
{
    for (const struct carom_test *test = testing->tests; test; test = test->next)
        if (strcmp(test->name, name) == 0)
            return true;
    return false;
}

int carom_testing_add(lua_State *L)
{
    struct carom_testing *testing = carom_testing_of(L);
    struct carom_str name;
    lua_Debug where;

    name.ptr = luaL_checklstring(L, 1, &name.len);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    struct carom_policy *box = carom_host_policy(L);
    if (!box->loading)
        return luaL_error(L, "carom.test belongs at the top of the file, not into a test");
    if (carom_str_blank(name))
        return luaL_error(L, "carom.test: a test needs a name that says what is expected");
    if (is_known(testing, name.ptr))
        return luaL_error(L, "carom.test: there is a test \"%s\" already", name.ptr);
    struct carom_test *test = carom_value_new(L, box->arena, sizeof(*test));
    lua_pushvalue(L, 2);
    lua_getinfo(L, ">S", &where);
    *test = (struct carom_test){.name = carom_value_keep(L, box->arena, name).ptr, .line = where.linedefined,
                                .result = CAROM_TEST_LEFT_OUT, .failure = CAROM_STR_EMPTY};
    *testing->tests_end = test;
    testing->tests_end = &test->next;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, test->name);
    return 0;
}

/* Runs before the file, inside the gate. */
static void open_functions(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &functions_key);
    lua_pushglobaltable(L);
    lua_pushcfunction(L, carom_testing_assert);
    lua_setfield(L, -2, "assert");
    lua_pop(L, 1);
}

/* Runs after it. */
static void close_functions(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        carom_freeze_reachable(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

struct carom_testing *carom_testing_load(const char *path, const struct carom_stage *stage, struct carom_error *err)
{
    struct carom_testing *testing = calloc(1, sizeof(*testing));

    if (!testing) {
        carom_error_memory(err);
        return NULL;
    }
    testing->stage = stage;
    testing->tests_end = &testing->tests;
    const struct carom_policy_extra extra = {.testing = testing, .before = open_functions, .after = close_functions};
    testing->box = carom_policy_load_extra(path, NULL, &extra, &limits, err);
    if (testing->box)
        return testing;
    free(testing);
    return NULL;
}

void carom_testing_free(struct carom_testing *testing)
{
    if (!testing)
        return;
    carom_policy_free(testing->box);
    free(testing);
}

const struct carom_test *carom_testing_tests(const struct carom_testing *testing)
{
    return testing->tests;
}

/* ---- Failing ---- */

/* The text must outlive the state's garbage: it goes into the arena of the file. */
static void set_failure(struct carom_testing *testing, struct carom_str text)
{
    char *copy = carom_arena_try(testing->box->arena, text.len + 1);

    testing->current->result = CAROM_TEST_FAILED;
    if (copy) {
        memcpy(copy, text.ptr, text.len);
        testing->current->failure = carom_str_n(copy, text.len);
    }
}

_Noreturn void carom_testing_fail(lua_State *L, struct carom_str text)
{
    struct carom_str whole;

    luaL_where(L, 1);
    lua_pushlstring(L, text.ptr, text.len);
    lua_concat(L, 2);
    whole.ptr = lua_tolstring(L, -1, &whole.len);
    set_failure(carom_testing_of(L), whole);
    luaL_error(L, "failed");
    __builtin_unreachable();
}

_Noreturn void carom_testing_refuse(lua_State *L, const char *what, const struct carom_error *err)
{
    if (err->code == CAROM_ERROR_MEMORY)
        carom_sandbox_no_memory(L);
    luaL_error(L, "%s: %s", what, err->text);
    __builtin_unreachable();
}

/* Lua's own does not say where. */
int carom_testing_assert(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_toboolean(L, 1))
        return lua_gettop(L);
    return luaL_error(L, "%s", luaL_optstring(L, 2, "assertion failed"));
}

/* ---- Running ---- */

static int run_function(lua_State *L)
{
    const struct carom_test *test = lua_touserdata(L, 1);

    lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key);
    lua_getfield(L, -1, test->name);
    carom_testing_push(L);
    lua_call(L, 1, 0);
    return 0;
}

static int64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A failure that no expectation described, such as an error of the test itself. */
static int note_error(struct carom_testing *testing, const struct carom_error *err)
{
    if (err->code == CAROM_ERROR_MEMORY)
        return -1;
    if (!testing->current->failure.len)
        set_failure(testing, carom_str(err->text));
    testing->current->result = CAROM_TEST_FAILED;
    return testing->current->failure.len ? 0 : -1;
}

static int run(struct carom_testing *testing, struct carom_test *test, struct carom_error *err)
{
    const struct carom_stage *stage = testing->stage;
    struct carom_error why = {0};
    int64_t started = clock_us();
    int result = 0;

    testing->current = test;
    test->result = CAROM_TEST_PASSED;
    carom_sandbox_seed(testing->box->box, 0);
    if (stage->begin(stage->user, &why) != 0 ||
        carom_sandbox_run(testing->box->box, run_function, test, &limits, NULL, CAROM_ERROR_SCRIPT, &why) != 0)
        result = note_error(testing, &why);
    const char *changed = carom_freeze_restore(carom_sandbox_state(testing->box->box));
    if (changed && test->result == CAROM_TEST_PASSED) {
        carom_error_set(&why, CAROM_ERROR_SCRIPT, CAROM_STR_FMT ":%d: the test changed the variable \"%s\" of the file: the "
                        "next one would depend on it", CAROM_STR_ARG(testing->box->file), test->line, changed);
        result = note_error(testing, &why);
    }
    carom_arena_reset(testing->box->scratch);
    testing->current = NULL;
    test->us = clock_us() - started;
    return result == 0 ? 0 : carom_error_memory(err);
}

/* 1 it does, 0 not, -1 no memory. */
static int holds(struct carom_arena *arena, const char *name, const char *filter)
{
    if (!filter)
        return 1;
    if (carom_arena_guard(arena))
        return -1;
    int result = carom_utf8_match(arena, carom_str(name), carom_str(filter));
    carom_arena_unguard(arena);
    carom_arena_reset(arena);
    return result;
}

int carom_testing_run(struct carom_testing *testing, const char *filter, struct carom_error *err)
{
    for (struct carom_test *test = testing->tests; test; test = test->next) {
        int wanted = holds(testing->box->scratch, test->name, filter);
        if (wanted < 0)
            return carom_error_memory(err);
        if (wanted && run(testing, test, err) != 0)
            return -1;
    }
    return 0;
}
