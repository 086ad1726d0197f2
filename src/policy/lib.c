/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The table `carom`: what a policy may ask of the engine beside the bounce. */

#include "base/date.h"
#include "base/utf8.h"
#include "policy/api.h"
#include "policy/args.h"
#include "policy/freeze.h"
#include "policy/testing_host.h"

enum { MATCH_TEXT_MAX = 1 << 20, MATCH_PATTERN_MAX = 1024, LINE_MAX_LENGTH = 1000 };

static bool match_text(struct carom_arena *arena, struct carom_str text, struct carom_str pattern, bool *found_r)
{
    if (carom_arena_guard(arena))
        return false;
    *found_r = carom_utf8_match(arena, text, pattern);
    carom_arena_unguard(arena);
    return true;
}

/* carom.match(text, pattern). A field without a value matches nothing, so that nil needs no test before. */
static int match(lua_State *L)
{
    struct carom_arena *scratch = carom_host_policy(L)->scratch;
    struct carom_str text = CAROM_STR_EMPTY, pattern;
    bool found = false;
    if (!lua_isnil(L, 1))
        text.ptr = luaL_checklstring(L, 1, &text.len);
    pattern.ptr = luaL_checklstring(L, 2, &pattern.len);
    if (text.len > MATCH_TEXT_MAX || pattern.len > MATCH_PATTERN_MAX)
        return luaL_error(L, "carom.match: at most %d bytes of text and %d of pattern", MATCH_TEXT_MAX,
                          MATCH_PATTERN_MAX);
    carom_sandbox_charge(L, 10 + text.len + pattern.len);
    if (!lua_isnil(L, 1) && !match_text(scratch, text, pattern, &found))
        carom_sandbox_no_memory(L);
    carom_arena_reset(scratch);
    lua_pushboolean(L, found);
    return 1;
}

static int seconds(lua_State *L)
{
    struct carom_str text;
    text.ptr = luaL_checklstring(L, 1, &text.len);
    int64_t ms = carom_duration_parse_ms(text);
    if (ms < 0)
        return luaL_error(L, "carom.seconds: \"%s\" is no duration; write \"90s\", \"15m\", \"4h\" or \"30d\"",
                          text.ptr);
    if (ms % 1000 != 0)
        return luaL_error(L, "carom.seconds: \"%s\" is no whole number of seconds", text.ptr);
    lua_pushinteger(L, ms / 1000);
    return 1;
}

static int now(lua_State *L)
{
    const struct carom_policy *policy = carom_host_policy(L);
    if (!policy->call || !policy->call->now)
        return luaL_error(L, "carom.now() is for hooks that get a bounce or message: a file that asks for the time while it is "
                             "read would not mean the same tomorrow");
    lua_pushinteger(L, policy->call->now / 1000);
    return 1;
}

static enum carom_log_level check_level(lua_State *L, int arg)
{
    static const char *const words[] = {"debug", "info", "warning", "error", NULL};
    struct carom_str word;
    word.ptr = luaL_checklstring(L, arg, &word.len);
    struct carom_nearest nearest = carom_nearest_to(word);
    for (int i = 0; words[i]; i++) {
        if (strcmp(word.ptr, words[i]) == 0)
            return (enum carom_log_level)i;
        carom_nearest_offer(&nearest, carom_str(words[i]));
    }
    luaL_error(L, "carom.log: \"%s\" is no level%s", word.ptr, carom_nearest_push(L, &nearest));
    __builtin_unreachable();
}

static int log_line(lua_State *L)
{
    struct carom_policy *policy = carom_host_policy(L);
    enum carom_log_level level = check_level(L, 1);
    struct carom_str text;
    text.ptr = luaL_checklstring(L, 2, &text.len);
    carom_sandbox_charge(L, 1000);
    if (policy->call && policy->call->lines++ >= CAROM_HOOK_LINES)
        return luaL_error(L, "carom.log: more than %d lines in one hook", CAROM_HOOK_LINES);
    text = carom_str_head(text, LINE_MAX_LENGTH);
    carom_log_printf(policy->log, level, CAROM_STR_FMT "%s" CAROM_STR_FMT ": " CAROM_STR_FMT,
                     CAROM_STR_ARG(policy->file), policy->call ? ": " : "",
                     CAROM_STR_ARG(policy->call ? policy->call->name : CAROM_STR_EMPTY), CAROM_STR_ARG(text));
    return 0;
}

static const luaL_Reg functions[] = {
    {"command", carom_sink_command}, {"configure", carom_configure}, {"env", carom_sink_env},
    {"file", carom_sink_file},       {"http", carom_sink_http},      {"log", log_line},
    {"match", match},                {"now", now},                   {"rule", carom_rule_add},
    {"seconds", seconds},            {"smtp", carom_sink_smtp},      {"verp", carom_trust_verp},
    {"webhook", carom_sink_webhook},
    {NULL, NULL},
};

/* What a file of tests sees instead. */
static const luaL_Reg testing_functions[] = {
    {"fact", carom_testing_fact}, {"match", match}, {"seconds", seconds}, {"test", carom_testing_add}, {NULL, NULL},
};

static const luaL_Reg *functions_of(lua_State *L)
{
    return carom_host_policy(L)->testing ? testing_functions : functions;
}

/* __index: what carom has not. */
static int refuse(lua_State *L)
{
    struct carom_str key;
    key.ptr = luaL_checklstring(L, 2, &key.len);
    struct carom_nearest nearest = carom_nearest_to(key);
    if (carom_host_policy(L)->testing)
        for (const luaL_Reg *function = testing_functions; function->name; function++)
            carom_nearest_offer(&nearest, carom_str(function->name));
    else
        carom_api_offer(&nearest, "carom");
    return luaL_error(L, "carom.%s does not exist%s%s", key.ptr,
                      carom_host_policy(L)->testing ? " in tests" : "", carom_nearest_push(L, &nearest));
}

void carom_lib_open(lua_State *L)
{
    lua_pushglobaltable(L);
    lua_newtable(L);
    luaL_setfuncs(L, functions_of(L), 0);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, refuse);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    carom_freeze_table(L, -1);
    lua_setfield(L, -2, "carom");
    lua_pop(L, 1);
}
