/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* usage: bench_sandbox plain|limited N
   Runs a hook such as a policy has N times, in a bare Lua state or in the sandbox. tests/bench/sandbox counts the
   machine instructions of both. */

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/environment.h"
#include "policy/sandbox.h"

static const char script[] =
    "local words = { 'full', 'quota', 'over limit', 'no space' }\n"
    "local function domain(address) return address:match('@([^@]+)$'):lower() end\n"
    "local function is_full(text)\n"
    "  for _, word in ipairs(words) do if text:lower():find(word, 1, true) then return true end end\n"
    "  return false\n"
    "end\n"
    "function hook(n)\n"
    "  local address = string.format('User.%d@Mail%d.Example.COM', n, n % 7)\n"
    "  local text = ('452 4.2.2 <%s>: mailbox is over quota since %d days'):format(address, n % 30)\n"
    "  local code, status, rest = text:match('^(%d%d%d) (%d%.%d+%.%d+) (.*)$')\n"
    "  local seen = {}\n"
    "  for word in rest:gmatch('%a+') do seen[#seen + 1] = word end\n"
    "  table.sort(seen)\n"
    "  local key = table.concat(seen, ' '):gsub('%s+', ' ')\n"
    "  local ok, days = pcall(function() return tonumber(rest:match('since (%d+)')) end)\n"
    "  if code:sub(1, 1) == '4' and is_full(rest) and ok and days < 14 then\n"
    "    return { action = 'retry', key = key, domain = domain(address), after = math.min(3600 * days, 86400) }\n"
    "  end\n"
    "  return { action = 'suppress', key = key, domain = domain(address) }\n"
    "end\n";

static int run_script(lua_State *L)
{
    if (luaL_loadbufferx(L, script, strlen(script), "=bench", "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

static int run_hook(lua_State *L)
{
    int n = *(int *)lua_touserdata(L, 1);
    lua_getglobal(L, "hook");
    lua_pushinteger(L, n);
    lua_call(L, 1, 1);
    return 0;
}

static int open_environment(lua_State *L)
{
    carom_environment_open(L);
    return 0;
}

static int limited(int n)
{
    static const struct carom_limits limits = {.time_ms = 250, .memory = 8 << 20, .instructions = 10000000};
    struct carom_error err = {0};
    struct carom_sandbox *box = carom_sandbox_new(NULL);
    int result = box ? carom_sandbox_run(box, open_environment, NULL, &limits, "", CAROM_ERROR_SCRIPT, &err) : -1;
    if (result == 0)
        result = carom_sandbox_run(box, run_script, NULL, &limits, "", CAROM_ERROR_SCRIPT, &err);
    for (int i = 0; result == 0 && i < n; i++)
        result = carom_sandbox_run(box, run_hook, &i, &limits, "hook", CAROM_ERROR_SCRIPT, &err);
    if (result != 0)
        fprintf(stderr, "%s\n", err.text);
    carom_sandbox_free(box);
    return result;
}

static int plain_call(lua_State *L, lua_CFunction function, void *argument)
{
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK)
        return 0;
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return -1;
}

static int plain(int n)
{
    lua_State *L = luaL_newstate();
    if (!L)
        return -1;
    luaL_openlibs(L);
    int result = plain_call(L, run_script, NULL);
    for (int i = 0; result == 0 && i < n; i++)
        result = plain_call(L, run_hook, &i);
    lua_close(L);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int n = atoi(argv[2]);
    return (strcmp(argv[1], "plain") == 0 ? plain(n) : limited(n)) == 0 ? 0 : 1;
}
