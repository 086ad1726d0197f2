/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Scripts that try to run for ever, to eat all memory, to get out, or to leave something behind. Each ends within twice
   its budget with an error that says why, and the next hook runs as if nothing had happened. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "policy/policy.h"

enum { BUDGET_MS = 250 };

#define MEMORY "the memory limit of 8192 KiB is exceeded"
#define LIMIT "is exceeded" /* whichever comes first */

struct attack {
    const char *code; /* the body of a hook */
    const char *want; /* in the error; NULL: it succeeds */
};

static const struct attack attacks[] = {
    /* Loops. */
    {"while true do end", LIMIT},
    {"repeat until false", LIMIT},
    {"::again:: goto again", LIMIT},
    {"for i = 1, math.maxinteger do end", LIMIT},
    {"for i = 1, math.huge do end", LIMIT},
    {"for x in function() return 1 end do end", LIMIT},
    {"for x in rawlen, '' do end", LIMIT},
    {"local function f() return f() end f()", LIMIT},
    {"while true do local x = #('x') end", LIMIT},
    /* pcall that would swallow the limit. */
    {"while true do pcall(function() while true do end end) end", LIMIT},
    {"local function f() pcall(f) while true do end end f()", LIMIT},
    {"while true do pcall(error, {}) end", LIMIT},
    {"while true do pcall(pcall, pcall, error) end", LIMIT},
    {"while true do pcall(string.rep, 'x', 1e12) end", MEMORY},
    {"while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) end", LIMIT},
    {"local ok = pcall(function() while true do end end) bounce:tag('ok', ok)", LIMIT},
    {"xpcall(function() while true do end end, print)", "attempt to call a nil value (global 'xpcall')"},
    /* string.rep. */
    {"local s = string.rep('', 2^40)", NULL},
    {"while true do local s = string.rep('', 2^40) end", LIMIT},
    {"local s = string.rep('x', 2^40)", MEMORY},
    {"local s = ('x'):rep(1 << 62, 'yz')", MEMORY},
    {"local s = ('x'):rep(1e9, ('y'):rep(1000000))", MEMORY},
    {"local s = 'x' while true do s = s .. s end", MEMORY},
    {"local s = ('x'):rep(3000000) while true do local t = s .. 'y' end", LIMIT},
    {"while true do local s = ('x'):rep(3000000) end", LIMIT},
    {"local s = ('x'):rep(2000000) while true do local t = s:upper() end", LIMIT},
    {"local s = ('x'):rep(3000000) while true do local t = s:reverse() end", LIMIT},
    {"local s = ('x'):rep(3000000) while true do local t = s:sub(2) end", LIMIT},
    /* Patterns. */
    {"local s = ('a'):rep(100000) s:find('a*a*a*b')", LIMIT},
    {"local s = (' '):rep(100000) .. 'x' s:find('%s+$')", LIMIT},
    {"local s = (' '):rep(100000) .. 'x' s:match('^(.-)%s*$')", LIMIT},
    {"local s = ('a'):rep(100000) s:gsub('a-a-a-b', '')", LIMIT},
    {"local s = ('a'):rep(100000) for w in s:gmatch('.-.-b') do end", LIMIT},
    {"local s = ('a'):rep(100000) s:match('(.-)(.-)%1%2b')", LIMIT},
    {"local s = ('('):rep(100000) s:gsub('%b()', '')", LIMIT},
    {"local s = ('a'):rep(10000) s:find('[' .. ('b'):rep(100000) .. ']')", LIMIT},
    {"local s = ('a'):rep(100000) s:find('[a' .. ('b'):rep(1000000) .. ']*c')", LIMIT},
    {"local s = ('a'):rep(300) s:find(('a?'):rep(300) .. ('a'):rep(300))", "pattern too complex"},
    {"('x'):find(('('):rep(40))", "too many captures"},
    {"('x'):find('[a')", "missing ']'"},
    {"('x'):find('%')", "ends with '%'"},
    {"local s = ('x'):rep(1000000) s:gsub('', ('y'):rep(100000))", MEMORY},
    {"local s = ('x'):rep(1000) s:gsub('.', function() while true do end end)", LIMIT},
    {"('x'):gsub('.', setmetatable({}, { __index = function() while true do end end }))", LIMIT},
    {"while true do ('x'):gsub('', '', 1) end", LIMIT},
    {"local s, n = ('x'):rep(3000000), 0 while true do s:find('y', 1, true) end", LIMIT},
    /* Ranges of tables. */
    {"table.concat({}, 'x', 1, 2^40)", "a range of more than 1000000 elements"},
    {"while true do pcall(table.concat, {}, 'x', 1, 2^62) end", LIMIT},
    {"table.move({}, 1, 2^40, 2)", "a range of more than 1000000 elements"},
    {"table.move({}, math.mininteger, math.maxinteger, 1)", "a range of more than 1000000 elements"},
    {"while true do table.move({}, 1, 999999, 2) end", LIMIT},
    {"table.unpack({}, 1, 1e8)", "a range of more than 1000000 elements"},
    {"table.unpack({}, 1, 999999)", "too many results to unpack"},
    {"while true do pcall(table.unpack, {}, 1, 900000) end", LIMIT},
    {"local t = {} for i = 1, 1e9 do table.insert(t, 1, i) end", LIMIT},
    {"local t = {} for i = 1, 50000 do t[i] = i end while true do table.remove(t, 1) table.insert(t, 1) end", LIMIT},
    {"local t = {} for i = 1, 100000 do t[i] = i end while true do table.sort(t) end", LIMIT},
    {"table.sort({ 1, 2, 3 }, function() while true do end end)", LIMIT},
    {"local t = {} for i = 1, 50000 do t[i] = -i end while true do table.sort(t, rawequal) end", LIMIT},
    {"local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function() return true end)", NULL},
    {"local t = {} for i = 1, 60000 do t[i] = ('x'):rep(3) end while true do local s = table.concat(t, 'yy') end", LIMIT},
    {"table.insert(setmetatable({}, { __len = function() return 2^60 end }), 1)", NULL},
    {"local t = {} for i = 1, 100000 do t[i] = i end while true do for k in pairs(t) do break end end", LIMIT},
    {"local t = {} for i = 1, 100000 do t[i] = i end local k repeat k = next(t, k) until false", LIMIT},
    {"local t = {} while true do t[#t + 1] = select('#', table.unpack(t)) end", LIMIT},
    /* Memory. */
    {"local t = {} for i = 1, 1e9 do t[i] = i end", MEMORY},
    {"local t = {} while true do t = { t } end", LIMIT},
    {"local t = {} while true do t[#t + 1] = function() return t end end", MEMORY},
    {"local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", MEMORY},
    {"local t = {} for i = 1, 1e9 do t['k' .. i] = true end", MEMORY},
    {"local t = {} for i = 1, 110000 do t[i] = { } end while true do local x = { { } } end", LIMIT},
    {"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(100000 - i) end", MEMORY},
    {"string.pack('!16c2147483647', 'x')", LIMIT},
    {"local function f(...) return f(1, ...) end f()", LIMIT},
    /* Depth. */
    {"local function f() return 1 + f() end f()", LIMIT},
    {"local t = setmetatable({}, {}) getmetatable(t).__index = t local x = t.x", "loop"},
    {"local m = {} m.__index = function(t, k) return t[k] end local x = setmetatable({}, m).x", "C stack overflow"},
    {"local m = {} m.__eq = function(a, b) return a == b end local x = setmetatable({}, m) == setmetatable({}, m)",
     "C stack overflow"},
    {"local function f() pcall(f) end f() while true do f() end", LIMIT},
    {"local function f(s) return (s:gsub('.', f)) end f('x')", "C stack overflow"},
    {"local t = {} t.t = t bounce:webhook('crm', t)", "tables nested deeper than 16"},
    /* Metamethods and error values. */
    {"setmetatable({}, { __gc = function() while true do end end })", "__gc is not available"},
    {"setmetatable({}, { __mode = 'k' })", "__mode is not available"},
    {"setmetatable({}, { __close = function() end })", "__close is not available"},
    {"local m = {} local x <const> = setmetatable({}, m) m.__close = function() while true do end end "
     "local y <close> = x while true do end", LIMIT},
    {"local m = {} setmetatable({}, m) m.__gc = function() while true do end end m = nil", NULL},
    {"tostring(setmetatable({}, { __tostring = function() while true do end end }))", LIMIT},
    {"tostring(setmetatable({}, { __tostring = function() return {} end }))", "'__tostring' must return a string"},
    {"error(setmetatable({}, { __tostring = function() while true do end end }))", "error with a table instead of a text"},
    {"error({})", "error with a table instead of a text"},
    {"error()", "error with a nil instead of a text"},
    {"error(nil, 2)", "error with a nil instead of a text"},
    {"error(42)", "42"},
    {"error(('x'):rep(1000000))", "xxxx"},
    {"error(bounce)", "error with a userdata instead of a text"},
    /* Ways out. */
    {"load('\\27Lua')", "attempt to call a nil value (global 'load')"},
    {"string.dump(on_other)", "attempt to call a nil value (field 'dump')"},
    {"io.open('/etc/passwd')", "attempt to index a nil value (global 'io')"},
    {"os.execute('true')", "attempt to index a nil value (global 'os')"},
    {"debug.sethook()", "attempt to index a nil value (global 'debug')"},
    {"coroutine.wrap(function() while true do end end)()", "attempt to index a nil value (global 'coroutine')"},
    {"package.loaded.x = 1", "attempt to index a nil value (global 'package')"},
    {"collectgarbage('stop')", "attempt to call a nil value (global 'collectgarbage')"},
    {"dofile('/etc/passwd')", "attempt to call a nil value (global 'dofile')"},
    {"require('os')", "require belongs at the top of the file"},
    {"require('../../etc/passwd')", "is no name of a file beside the policy"},
    {"getmetatable('').__index.upper = nil", "attempt to index a boolean value"},
    {"getmetatable(bounce).__index = nil", "attempt to index a boolean value"},
    {"setmetatable(bounce, {})", "table expected"},
    {"getmetatable(_G).__newindex = nil", "attempt to index a nil value"},
    {"string.format('%99999d', 1)", "invalid conversion"},
    {"string.format('%p', {})", "'%p' is not available"},
    {"if tostring({}):find('0x') or string.format('%s', print or {}):find('0x') then error('address') end", NULL},
    /* State left behind. */
    {"counter = 1", "global 'counter' cannot be set in a hook"},
    {"on_permanent = nil", "global 'on_permanent' cannot be set in a hook"},
    {"_G.on_permanent = function() end", "global 'on_permanent' cannot be set in a hook"},
    {"rawset(_G, 'x', 1)", "read-only"},
    {"setmetatable(_G, {})", "read-only"},
    {"table.insert(made, 1)", "read-only"},
    {"made.deep.x = 1", "field 'x' of a table made at load cannot be set"},
    {"made.deep.list[1] = 1", "of a table made at load cannot be set"},
    {"string.rep = nil", "cannot be set"},
    {"carom.log = print", "cannot be set"},
    {"getmetatable(instance).__index = nil", "cannot be set"},
    {"local o = setmetatable({}, Class) getmetatable(o).name = 'x'", "cannot be set"},
    {"kept = bounce", "cannot be set"},
    {"shared = shared + 1", "changed the variable \"shared\""},
    {"counting()", "changed the variable \"count\""},
    {"_ENV = {}", "changed the variable \"_ENV\""},
    {"shared = 2 error('and fails')", "and fails"},
    {"shared = 2 while true do end", LIMIT},
    {"bounce.kind = 'other'", "bounce is read-only"},
    /* The host's own functions. */
    {"while true do carom.log('info', 'x') end", "more than 100 lines in one hook"},
    {"while true do pcall(carom.log, 'info', 'x') end", LIMIT},
    {"while true do bounce:tag('k', 'v') end", "more than 100 actions in one hook"},
    {"while true do pcall(bounce.tag, bounce, 'k', 'v') end", LIMIT},
    {"local s = ('a*'):rep(500) while true do carom.match(bounce.text, s) end", LIMIT},
    {"local s = ('a'):rep(2000000) carom.match(s, 'b')", "at most 1048576 bytes"},
    {"while true do local x = bounce:header('Subject') end", LIMIT},
    {"while true do local x = bounce.text .. 'x' end", LIMIT},
    {"while true do local x = bounce:count { within = '30d' } end", LIMIT},
    {"bounce:webhook('crm', { x = ('x'):rep(1000000) })", "larger than 65536 bytes"},
    {"while true do pcall(bounce.webhook, bounce, 'crm', { x = ('x'):rep(60000) }) end", LIMIT},
    {"bounce:tag('k', ('x'):rep(1000000))", "a value at most 1024"},
    {"bounce:alert { text = ('{'):rep(1000000) }", "text is longer than 4096 bytes"},
    /* Long texts as numbers, in comparisons, as UTF-8. */
    {"local s = ('1'):rep(3000000) while true do local x = tonumber(s) end", LIMIT},
    {"local s = ('1'):rep(3000000) while true do pcall(function() return s | 0 end) end", LIMIT},
    {"local s = ('1'):rep(3000000) while true do pcall(function() return s + 0 end) end", LIMIT},
    {"local s = ('1'):rep(3000000) while true do pcall(function() for i = s, 1 do end end) end", LIMIT},
    {"local a, b = ('x'):rep(2000000) .. 'a', ('x'):rep(2000000) .. 'b' while true do local x = a < b end", LIMIT},
    {"local a, b = ('x'):rep(2000000) .. 'a', ('x'):rep(2000000) .. 'b' while true do local x = a == b end", LIMIT},
    {"local s = ('x'):rep(3000000) while true do local x = utf8.len(s) end", LIMIT},
    {"local s = ('x'):rep(300000) while true do local x = select('#', s:byte(1, -1)) end", LIMIT},
};

static const char preamble[] =
    "carom.configure { endpoints = { crm = carom.http { url = 'https://crm.example.com/' } } }\n"
    "made = { deep = { list = {} } }\n"
    "Class = { name = 'class' } Class.__index = Class\n"
    "instance = setmetatable({}, Class)\n"
    "local shared, count = 1, 0\n"
    "function counting() count = count + 1 end\n"
    "function on_permanent(bounce)\n"
    "  local o = setmetatable({}, Class)\n"
    "  bounce:tag('state', shared .. count .. #made.deep.list .. o.name .. instance.name .. math.random(1000))\n"
    "  bounce:suppress { duration = '90d' }\n"
    "end\n"
    "function on_other(bounce)\n";

/* ---- The stage ---- */

struct stage {
    char directory[64], path[96];
    struct carom_arena *arena;
    struct carom_headers headers;
};

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    struct carom_str body;
    assert_non_null(stage);
    strcpy(stage->directory, "/tmp/carom-test-XXXXXX");
    assert_non_null(mkdtemp(stage->directory));
    snprintf(stage->path, sizeof(stage->path), "%s/policy.lua", stage->directory);
    stage->arena = carom_arena_new();
    assert_non_null(stage->arena);
    assert_int_equal(carom_arena_guard(stage->arena), 0);
    stage->headers = carom_headers_parse(stage->arena, CAROM_STR("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\n"), &body);
    carom_arena_unguard(stage->arena);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    unlink(stage->path);
    rmdir(stage->directory);
    carom_arena_free(stage->arena);
    free(stage);
    return 0;
}

static int64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int decide(struct carom_policy *policy, const struct stage *stage, enum carom_kind kind, struct carom_buf *json,
                  struct carom_error *err)
{
    static char text[64 << 10];
    struct carom_fact fact = {.id = CAROM_STR("id-1"), .kind = kind, .recipient = CAROM_STR("ann@example.com"),
                              .list = CAROM_STR("dev.lists.example.org"), .received = 1000000, .time = 1000000};
    struct carom_history history = {.now = 1000000000};
    struct carom_subject subject = {.fact = &fact, .history = &history, .headers = &stage->headers,
                                    .text = {text, sizeof(text)}, .now = 1000000000};
    struct carom_decision decision;
    struct carom_arena *arena = carom_arena_new();
    assert_non_null(arena);
    memset(text, 'a', sizeof(text));
    int result = carom_policy_decide(policy, arena, &subject, &decision, err);
    for (const struct carom_decided *decided = decision.first; decided; decided = decided->next) {
        struct carom_json writer = carom_json_to(json);
        carom_decided_write(decided, &fact, &writer);
    }
    carom_arena_free(arena);
    return result;
}

static struct carom_policy *load(const struct stage *stage, const char *body, struct carom_error *err)
{
    struct carom_buf buf = CAROM_BUF_INIT(4 << 20);
    carom_buf_printf(&buf, "%s%s\nend\n", preamble, body);
    write_file(stage->path, buf.ptr, buf.len);
    carom_buf_deinit(&buf);
    return carom_policy_load(stage->path, NULL, err);
}

/* What the well-behaved hook of the preamble decides. */
static void expect_good_hook(struct carom_policy *policy, const struct stage *stage, const char *after)
{
    static const char want[] = "{\"action\":\"tag\",\"key\":\"state\",\"value\":\"100classclass";
    struct carom_error err = {0};
    struct carom_buf json = CAROM_BUF_INIT(4096);
    if (decide(policy, stage, CAROM_KIND_PERMANENT, &json, &err) != 0)
        fail_msg("after %s the next hook fails: %s", after, err.text);
    if (strncmp(carom_buf_str(&json).ptr, want, sizeof(want) - 1) != 0 || !strstr(json.ptr, "\"duration\":\"90d\""))
        fail_msg("after %s the next hook decides %s, want %s", after, json.ptr, want);
    carom_buf_deinit(&json);
}

/* All attacks are tried, whichever succeeds. */
#define complain(...) (failures++, print_error(__VA_ARGS__))
static int failures;

static void attack(const struct stage *stage, const struct attack *attack)
{
    struct carom_error err = {0};
    struct carom_buf json = CAROM_BUF_INIT(1 << 20);
    struct carom_policy *policy = load(stage, attack->code, &err);
    if (!policy)
        fail_msg("%s: does not load: %s", attack->code, err.text);
    int64_t start = cpu_ms();
    int result = decide(policy, stage, CAROM_KIND_OTHER, &json, &err);
    int64_t took = cpu_ms() - start;
    if (took > 2 * BUDGET_MS)
        complain("%s: took %d ms, want at most %d\n", attack->code, (int)took, 2 * BUDGET_MS);
    if (!attack->want && result != 0)
        complain("%s: got \"%s\", want success\n", attack->code, err.text);
    if (attack->want && (result == 0 || !strstr(err.text, attack->want)))
        complain("%s: got \"%s\", want \"%s\"\n", attack->code, result ? err.text : "success", attack->want);
    if (attack->want && (strncmp(err.text, "policy.lua:", 11) != 0 || !strstr(err.text, "on_other: ")))
        complain("%s: got \"%s\", which does not name file and hook\n", attack->code, err.text);
    if (attack->want && json.len)
        complain("%s: a failed hook leaves %s\n", attack->code, json.ptr);
    expect_good_hook(policy, stage, attack->code);
    carom_buf_deinit(&json);
    carom_policy_free(policy);
}

static void attacks_end_and_leave_nothing(void **state)
{
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
        attack(*state, &attacks[i]);
    assert_int_equal(failures, 0);
}

/* With the other limits out of the way each is named, with the line at which it was exceeded. */
static void the_limit_is_named(void **state)
{
    static const struct {
        const char *limits, *code, *want;
    } cases[] = {
        {"time = '20ms', instructions = 1e12", "while true do end",
         "policy.lua:2: on_other: the time limit of 20 ms is exceeded"},
        {"time = '20ms', instructions = 1e12", "while true do pcall(error) end",
         "policy.lua:2: on_other: the time limit of 20 ms is exceeded"},
        {"time = '60s', instructions = 20000", "\nwhile true do end",
         "policy.lua:3: on_other: the limit of 20000 instructions is exceeded"},
        {"time = '60s', instructions = 20000", "(('a'):rep(10000)):find('a*a*b')",
         "policy.lua:2: on_other: the limit of 20000 instructions is exceeded"},
        {"time = '60s', memory = '2MiB'", "\n\nlocal s = ('x'):rep(3000000)",
         "policy.lua:4: on_other: the memory limit of 2048 KiB is exceeded"},
        {"time = '60s', memory = '2MiB'", "local t = {} while true do t[#t + 1] = {} end",
         "policy.lua:2: on_other: the memory limit of 2048 KiB is exceeded"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stage *stage = *state;
        struct carom_error err = {0};
        struct carom_buf json = CAROM_BUF_INIT(4096), text = CAROM_BUF_INIT(4096);
        carom_buf_printf(&text, "carom.configure { limits = { %s } } function on_other()\n%s end", cases[i].limits,
                         cases[i].code);
        write_file(stage->path, text.ptr, text.len);
        struct carom_policy *policy = carom_policy_load(stage->path, NULL, &err);
        if (!policy)
            fail_msg("%s: %s", cases[i].limits, err.text);
        int result = decide(policy, stage, CAROM_KIND_OTHER, &json, &err);
        if (result == 0 || strcmp(err.text, cases[i].want) != 0 || err.code != CAROM_ERROR_SCRIPT)
            fail_msg("got \"%s\", want \"%s\"", err.text, cases[i].want);
        carom_buf_deinit(&json);
        carom_buf_deinit(&text);
        carom_policy_free(policy);
    }
}

/* One state through all of it: what one hook did must not add up. */
static void many_failures_do_not_add_up(void **state)
{
    static const char body[] =
        "local t = {} pcall(function() for i = 1, 1e9 do t[i] = { i } end end) while true do end";
    struct carom_error err = {0};
    struct carom_buf json = CAROM_BUF_INIT(1 << 20);
    struct carom_policy *policy = load(*state, body, &err);
    assert_non_null(policy);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(decide(policy, *state, CAROM_KIND_OTHER, &json, &err), -1);
        expect_good_hook(policy, *state, body);
    }
    carom_buf_deinit(&json);
    carom_policy_free(policy);
}

/* ---- While loading ---- */

static void expect_refused(const struct stage *stage, const void *bytes, size_t n, const char *want)
{
    struct carom_error err = {0};
    write_file(stage->path, bytes, n);
    int64_t start = cpu_ms();
    struct carom_policy *policy = carom_policy_load(stage->path, NULL, &err);
    if (policy || !strstr(err.text, want))
        fail_msg("%.60s: got \"%s\", want \"%s\"", (const char *)bytes, policy ? "success" : err.text, want);
    int64_t took = cpu_ms() - start;
    if (took > 2000)
        fail_msg("%.60s: took %d ms, want at most 2000", (const char *)bytes, (int)took);
}

static void loading_is_limited_too(void **state)
{
    static const struct attack cases[] = {
        {"while true do end", "policy.lua:1: the limit of 10000000 instructions"},
        {"local t = {} while true do t[#t + 1] = {} end", "policy.lua:1: the memory limit of 8192 KiB"},
        {"local s = string.rep('x', 2^40)", "policy.lua:1: the memory limit"},
        {"\033Luatables", "attempt to load a binary chunk"},
        {"x = ", "policy.lua:1: unexpected symbol"},
        {"require '../x'", "is no name of a file"},
        {"require '/etc/passwd'", "is no name of a file"},
        {"require 'missing'", "missing.lua: cannot be opened"},
        {"require 'policy'", "two files require each other"},
        {"local x = carom.now()", "carom.now() is for hooks"},
        {"carom.configure { limits = { memory = '1MiB' } } local s = ('x'):rep(2000000)", "limit of 1024 KiB"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(*state, cases[i].code, strlen(cases[i].code), cases[i].want);
}

static void large_files_are_refused(void **state)
{
    static char parentheses[900000], large[(1 << 20) + 1];
    memset(parentheses, '(', sizeof(parentheses));
    memcpy(parentheses, "x = ", 4);
    expect_refused(*state, parentheses, sizeof(parentheses), "C stack overflow");
    memset(large, '-', sizeof(large));
    expect_refused(*state, large, sizeof(large), "larger than 1 MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(attacks_end_and_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_limit_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_failures_do_not_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loading_is_limited_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_files_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
