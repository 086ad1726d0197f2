/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The Lua module inside this program, so that the sanitizers see it: results, errors, and Lua that raises anywhere. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

int luaopen_carom(lua_State *L);

static const char script[] =
    "local carom = require 'carom'\n"
    "assert(carom.version:find('^%d+%.%d+'))\n"
    "local fact = assert(carom.classify('550 5.1.1 <ann@example.com>: User unknown', { recipient = 'ann@example.com' }))\n"
    "assert(fact.kind == 'permanent' and fact.reason == 'user_unknown' and fact.fault == 'recipient' and fact.hard == true)\n"
    "assert(fact.reply_code == 550 and fact.status == '5.1.1' and fact.recipient == 'ann@example.com')\n"
    "assert(fact.authenticity == 'direct' and fact.evidence.rule and fact.original.complete == false)\n"
    "assert(fact.autoreply == nil and fact.feedback == nil and fact.retry_until == nil)\n"
    "local facts = assert(carom.parse('Subject: hello\\n\\nno bounce\\n', { source = 'x', received = 1700000000 }))\n"
    "assert(#facts == 1 and facts[1].kind == 'other' and facts[1].source == 'x' and facts[1].received == 1700000000)\n"
    "assert(#carom.parse('') == 1 and #carom.parse('\\0\\0') == 1)\n"
    "local file = io.tmpfile()\n"
    "file:write('Auto-Submitted: auto-replied\\nFrom: b@example.org\\nSubject: Out of office\\n\\nI am on vacation.\\n')\n"
    "file:seek('set')\n"
    "local reply = assert(carom.parse(file))[1]\n"
    "assert(reply.kind == 'autoreply' and reply.autoreply.type == 'vacation')\n"
    "file:close()\n"
    "local nothing, why = carom.parse(file)\n"
    "assert(nothing == nil and why == 'the file is closed')\n"
    "local directory = assert(io.open('/'))\n"
    "local nothing, why = carom.parse(directory)\n"
    "assert(nothing == nil and type(why) == 'string')\n"
    "for _, bad in ipairs { { 1 == 1 }, { {} }, { 'x', 'y' }, { 'x', { sendr = 'y' } }, { 'x', { sender = {} } },\n"
    "                       { 'x', { received = 'soon' } }, { 'x', { [1] = 'y' } }, {} } do\n"
    "  assert(not pcall(carom.parse, table.unpack(bad, 1, 2)))\n"
    "end\n"
    "assert(not pcall(carom.classify)) assert(not pcall(carom.classify, 'x', { list = 'y' }))\n"
    "assert(next(_G, nil) and _G.carom == nil)\n";

static void open_module(lua_State *L)
{
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_carom);
    lua_setfield(L, -2, "carom");
    lua_pop(L, 1);
}

static void the_module_gives_facts(void **state)
{
    lua_State *L = luaL_newstate();
    (void)state;
    assert_non_null(L);
    open_module(L);
    if (luaL_dostring(L, script) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

/* Lua without memory at the n-th request: it raises in the midst of a table, and nothing may leak. */
static size_t left;

static void *allocate(void *user, void *ptr, size_t osize, size_t nsize)
{
    (void)user, (void)osize;
    if (!nsize)
        return free(ptr), NULL;
    if (nsize > (ptr ? osize : 0) && left-- == 0)
        return left = 0, NULL;
    return realloc(ptr, nsize);
}

static int call(lua_State *L)
{
    return luaL_dostring(L, "return #require('carom').parse('Subject: hello\\n\\nno bounce\\n')") == LUA_OK ? 1 : lua_error(L);
}

static void nothing_leaks_when_lua_raises(void **state)
{
    int failed = 0, done = 0;
    (void)state;
    for (size_t n = 0; n < 200 && !done; n++) {
        left = SIZE_MAX;
        lua_State *L = lua_newstate(allocate, NULL);
        assert_non_null(L);
        open_module(L);
        lua_pushcfunction(L, call);
        left = n;
        done = lua_pcall(L, 0, 0, 0) == LUA_OK;
        failed += !done;
        left = SIZE_MAX;
        lua_close(L);
    }
    assert_true(done && failed > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_module_gives_facts),
        cmocka_unit_test(nothing_leaks_when_lua_raises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
