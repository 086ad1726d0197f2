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

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "policy/policy.h"
#include "policy/sandbox.h"

/* Less than the 250 ms of a policy that says nothing, for there are many attacks. The processor's time, so that a busy
   machine is not the hook's fault. */
enum { BUDGET_MS = 100 };
/* The cap and a tenth more. */
enum { CAP = 8 << 20, MOST_BYTES = CAP + CAP / 10 };
/* And of the process, which touches its own code and tables too, and heap that it had given back before. */
enum { MOST_RESIDENT = MOST_BYTES + (512 << 10) };
#define BUDGET "time = '100ms'"

#define MEMORY "the memory limit of 8192 KiB is exceeded"
#define STACK "the limit of 96 KiB for calls and arguments is exceeded"
#define LIMIT "is exceeded" /* whichever comes first */

struct attack {
    const char *code, *want;
};

static const struct attack attacks[] = {
#include "attacks.h"
};

static const char preamble[] =
    "carom.configure { limits = { %s }, endpoints = { crm = carom.http { url = 'https://crm.example.com/' } } }\n"
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

static struct carom_policy *load(const struct stage *stage, const char *limits, const char *body, struct carom_error *err)
{
    struct carom_buf buf = CAROM_BUF_INIT(4 << 20);
    carom_buf_printf(&buf, preamble, limits);
    carom_buf_printf(&buf, "%s\nend\n", body);
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

/* ---- Memory: what the library has, in all blocks, as the linker leads its calls here ---- */

static ptrdiff_t taken, most_taken, most_of_all;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t n);
void __real_free(void *ptr);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t n);
void __wrap_free(void *ptr);

static long left = -1; /* so many more are granted; -1: all */

static bool refuse(void)
{
    if (left == 0)
        return true;
    left -= left > 0;
    return false;
}

static void *note(void *block, size_t before)
{
    taken += (ptrdiff_t)(block ? malloc_usable_size(block) : 0) - (ptrdiff_t)before;
    most_taken = taken > most_taken ? taken : most_taken;
    return block;
}

void *__wrap_malloc(size_t n) { return refuse() ? NULL : note(__real_malloc(n), 0); }
void *__wrap_calloc(size_t n, size_t size) { return refuse() ? NULL : note(__real_calloc(n, size), 0); }
void *__wrap_realloc(void *ptr, size_t n)
{
    size_t before = malloc_usable_size(ptr);
    if (n > before && refuse())
        return NULL;
    void *block = __real_realloc(ptr, n);
    return block ? note(block, before) : NULL;
}
void __wrap_free(void *ptr)
{
    note(NULL, malloc_usable_size(ptr));
    __real_free(ptr);
}

/* What the machine sees: the peak of the resident memory since forget_peak, which gives back what is free. -1: the
   system does not say, or a sanitizer has the memory. */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    malloc_trim(0);
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

static long peak(void)
{
    char line[256];
    long kilobytes = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && kilobytes < 0 && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %ld kB", &kilobytes) != 1)
            kilobytes = -1;
    if (file)
        fclose(file);
#ifdef __SANITIZE_ADDRESS__
    return -1;
#else
    return kilobytes < 0 ? -1 : kilobytes << 10;
#endif
}

/* All attacks are tried, whichever succeeds. */
#define complain(...) (failures++, print_error(__VA_ARGS__))
static int failures;

/* What the hook ends with: "" when it ends well. */
static void run_attack(const struct stage *stage, const struct attack *attack, const char *limits, char end[1024])
{
    struct carom_error err = {0};
    struct carom_buf json = CAROM_BUF_INIT(1 << 20);
    struct carom_policy *policy = load(stage, limits, attack->code, &err);
    if (!policy)
        fail_msg("%s: does not load: %s", attack->code, err.text);
    ptrdiff_t before = most_taken = taken;
    forget_peak();
    long resident = peak();
    int64_t start = cpu_ms();
    int result = decide(policy, stage, CAROM_KIND_OTHER, &json, &err);
    int64_t took = cpu_ms() - start;
    if (resident >= 0 && peak() - resident > MOST_RESIDENT)
        complain("%s: the process grew by %ld bytes, want at most %d\n", attack->code, peak() - resident, MOST_RESIDENT);
    most_of_all = most_taken - before > most_of_all ? most_taken - before : most_of_all;
    if (most_taken - before > MOST_BYTES)
        complain("%s: took %td bytes, want at most %d\n", attack->code, most_taken - before, MOST_BYTES);
    if (strcmp(limits, BUDGET) == 0 && took > 2 * BUDGET_MS)
        complain("%s: took %d ms, want at most %d\n", attack->code, (int)took, 2 * BUDGET_MS);
    if (result != 0 && json.len)
        complain("%s: a failed hook leaves %s\n", attack->code, json.ptr);
    snprintf(end, 1024, "%s", result == 0 ? "" : err.text);
    expect_good_hook(policy, stage, attack->code);
    carom_buf_deinit(&json);
    carom_policy_free(policy);
}

static bool ends_as_wanted(const struct attack *attack, const char *end)
{
    return attack->want ? strstr(end, attack->want) != NULL : !*end;
}

/* On a slow machine the time limit may come before what an attack is about; with time to spare it must come. */
static void attack(const struct stage *stage, const struct attack *attack)
{
    char end[1024];
    run_attack(stage, attack, BUDGET, end);
    if (strstr(end, "the time limit of 100 ms is exceeded") && !ends_as_wanted(attack, end))
        run_attack(stage, attack, "time = '60s'", end);
    if (!ends_as_wanted(attack, end))
        complain("%s: got \"%s\", want \"%s\"\n", attack->code, end, attack->want ? attack->want : "");
    if (*end && (strncmp(end, "policy.lua:", 11) != 0 || !strstr(end, "on_other: ") || strchr(end, '\n')))
        complain("%s: got \"%s\", which does not name file and hook in one line\n", attack->code, end);
}

static void attacks_end_and_leave_nothing(void **state)
{
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
        attack(*state, &attacks[i]);
    assert_int_equal(failures, 0);
    assert_true(most_of_all > CAP / 2); /* memory is counted at all */
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
    struct carom_policy *policy = load(*state, "", body, &err);
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
        {"\033Luatables", "policy.lua:1: attempt to load a binary chunk"},
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

/* ---- What functions of ours say to it ---- */

static int keep_too_much(lua_State *L) { return carom_sandbox_keep(L, CAP), 0; }
static int lower_the_cap(lua_State *L) { return carom_sandbox_set_limits(L, &(struct carom_limits){.memory = 1000}), 0; }
static int find_no_memory(lua_State *L) { carom_sandbox_no_memory(L); }
static int get_no_memory(lua_State *L) { return left = 0, lua_newuserdatauv(L, 1000, 0), 0; }
static int charge_endlessly(lua_State *L) { return carom_sandbox_charge(L, 10), carom_sandbox_charge(L, UINT64_MAX), 0; }

static void functions_are_limited_too(void **state)
{
    static const struct {
        lua_CFunction function;
        const char *want;
    } cases[] = {
        {keep_too_much, MEMORY},          {lower_the_cap, "the memory limit of 0 KiB is exceeded"},
        {find_no_memory, "out of memory"}, {get_no_memory, "out of memory"},
        {charge_endlessly, "the limit of 1000 instructions is exceeded"},
    };
    const struct carom_limits limits = {.time_ms = 10000, .instructions = 1000, .memory = CAP};
    (void)state;
    struct carom_sandbox *box = carom_sandbox_new(NULL);
    assert_non_null(box);
    carom_sandbox_set_name(box, "here");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_error err = {0};
        int got = carom_sandbox_run(box, cases[i].function, NULL, &limits, "this", CAROM_ERROR_SCRIPT, &err);
        left = -1;
        if (got != -1 || !strstr(err.text, cases[i].want))
            fail_msg("case %zu: got %d '%s', want '%s'", i, got, err.text, cases[i].want);
    }
    carom_sandbox_free(box);
}

static void none_is_made_without_memory(void **state)
{
    struct carom_sandbox *box = NULL;
    long n = -1;
    (void)state;
    while (!box && n < 1000) {
        left = ++n;
        box = carom_sandbox_new(NULL);
        left = -1;
    }
    assert_non_null(box);
    assert_in_range(n, 3, 999); /* itself, the state, what is in it */
    carom_sandbox_free(box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(attacks_end_and_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_limit_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_failures_do_not_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loading_is_limited_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_files_are_refused, set_up, tear_down),
        cmocka_unit_test(functions_are_limited_too), cmocka_unit_test(none_is_made_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
