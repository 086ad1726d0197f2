/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* usage: bench_calls empty|hook|fields|engine|may_mail N [STORE [ADDRESS]]
   What one call costs, in nanoseconds, over N of them: an empty Lua function in a bare state; an empty hook, and one that
   reads five fields, through the engine's own door; opening an engine with its policy and ledger; carom_may_mail. */

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "clock.h"
#include "policy/policy.h"

static const char empty[] = "function on_permanent(bounce) end\n";
static const char fields[] = "function on_permanent(bounce)\n"
                             "  local a, b, c = bounce.hard, bounce.reason, bounce.recipient\n"
                             "  local d, e = bounce.diagnostic, bounce.time\n"
                             "end\n";

static int fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return -1;
}

static int bare(long n)
{
    lua_State *L = luaL_newstate();
    if (!L || luaL_dostring(L, empty) != LUA_OK)
        return fail("no Lua");
    for (long i = 0; i < n; i++) {
        lua_getglobal(L, "on_permanent");
        lua_pushnil(L);
        if (lua_pcall(L, 1, 0, 0) != LUA_OK)
            return fail(lua_tostring(L, -1));
    }
    lua_close(L);
    return 0;
}

/* The policy's text as a file, since a policy is one. */
static const char *write_policy(const char *text)
{
    static char path[] = "/tmp/carom-bench-XXXXXX.lua";
    int fd = mkstemps(path, 4);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
        return NULL;
    return path;
}

static int decide(const char *text, long n)
{
    struct carom_error err = {0};
    struct carom_arena *arena = carom_arena_new();
    const char *path = write_policy(text);
    struct carom_policy *policy = path ? carom_policy_load(path, NULL, &err) : NULL;
    const struct carom_fact fact = {.id = carom_str("8f14e45f"), .kind = CAROM_KIND_PERMANENT, .reason = CAROM_REASON_USER_UNKNOWN,
                                    .fault = CAROM_FAULT_RECIPIENT, .hard = true, .recipient = carom_str("ann@example.com"),
                                    .diagnostic = carom_str("550 5.1.1 no such user"), .time = 1700000000, .received = 1700000060};
    struct carom_history history = {.half_life_ms = 1, .now = 1700000060000};
    const struct carom_subject subject = {.fact = &fact, .history = &history, .now = history.now};
    struct carom_decision decision;
    int result = policy && arena ? 0 : fail(err.text);
    for (long i = 0; result == 0 && i < n; i++) {
        result = carom_policy_decide(policy, arena, &subject, &decision, &err);
        carom_arena_reset(arena);
    }
    carom_policy_free(policy);
    carom_arena_free(arena);
    if (path)
        unlink(path);
    return result;
}

/* What is done between the turns and is not to count. */
static double aside;

/* Another one stays open meanwhile, as a server's would: who closes a ledger last removes its log, and a file system that
   has many files made and removed in a minute (ext4) looks longer and longer for room for the next. */
static int open_engines(const char *store, long n)
{
    struct carom_error err = {0};
    const char *path = write_policy(empty);
    const struct carom_engine_options options = {.policy = path, .store = store};
    double begun = now_ns();
    struct carom_engine *other = path ? carom_engine_open(&options, &err) : NULL;
    int result = other ? 0 : fail(path ? err.text : "no policy");
    aside = now_ns() - begun;
    for (long i = 0; result == 0 && i < n; i++) {
        struct carom_engine *engine = carom_engine_open(&options, &err);
        result = engine ? 0 : fail(err.text);
        double opened = now_ns();
        carom_engine_close(engine);
        aside += now_ns() - opened;
    }
    carom_engine_close(other);
    if (path)
        unlink(path);
    return result;
}

static int ask(const char *store, const char *address, long n)
{
    struct carom_error err = {0};
    const char *path = write_policy(empty);
    const struct carom_engine_options options = {.policy = path, .store = store};
    struct carom_engine *engine = path ? carom_engine_open(&options, &err) : NULL;
    int result = engine ? 0 : fail(err.text);
    for (long i = 0; result == 0 && i < n; i++)
        result = carom_may_mail(engine, address, NULL, NULL, &err) < 0 ? fail(err.text) : 0;
    carom_engine_close(engine);
    if (path)
        unlink(path);
    return result;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 64;
    const char *what = argv[1], *store = argc > 3 ? argv[3] : NULL, *address = argc > 4 ? argv[4] : "ann@example.com";
    long n = atol(argv[2]);
    double begun = now_ns();
    int result = strcmp(what, "empty") == 0      ? bare(n)
                 : strcmp(what, "hook") == 0     ? decide(empty, n)
                 : strcmp(what, "fields") == 0   ? decide(fields, n)
                 : strcmp(what, "engine") == 0   ? open_engines(store, n)
                 : strcmp(what, "may_mail") == 0 ? ask(store, address, n)
                                                 : fail("what?");
    printf("%.1f\n", (now_ns() - begun - aside) / (double)n);
    return result == 0 ? 0 : 1;
}
