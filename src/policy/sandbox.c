/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The limits of a Lua state and the gate that enforces them. A count hook alone is no limit, since pcall catches what
   it raises: once a budget is gone the hook fires at every instruction, and our pcall passes the error on. What a hook
   cannot see, long work in C, is charged by the library functions or noticed by the allocator. Knows no policy. */

#include "policy/sandbox.h"

#include <assert.h>
#include <lauxlib.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/single_threaded.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "policy/block.h"
#include "policy/environment.h"

enum exceeded { WITHIN, TIME, MEMORY, INSTRUCTIONS, STACK, NO_MEMORY };

enum {
    PERIOD = 500,         /* instructions between two looks at the clock */
    PERIOD_LARGE = 16,    /* the same while large blocks exist: one instruction may then take milliseconds */
    LARGE = 256 << 10,    /* such as reading a number from a string of that length */
    STACK_MAX = 96 << 10,   /* bytes of Lua's stack: n values that are __call of each other move n²/2 in one instruction */
    STACK_LARGE = 16 << 10, /* of them count as a large block */
    CLOCK_STEPS = 10000,  /* charged steps between two looks at the clock */
    CLOCK_BYTES = 1 << 20, /* allocated bytes between two looks at the clock */
    SLACK = 768 << 10,     /* what a run touches beside: the heap grows in steps, and uses what it had left */
    MARGIN = 128 << 10     /* of the heap's growth, at least */
};

struct carom_sandbox {
    lua_State *L;
    void *host;
    locale_t locale;
    struct carom_limits limits;
    bool running;
    enum exceeded exceeded;
    enum exceeded denied; /* why the allocator last said no */
    size_t used, large;   /* bytes in all blocks, in large ones */
    size_t most;          /* that `used` was in this run */
    void *stack, *latest; /* the blocks that are Lua's stack, and its newest vector */
    size_t stack_bytes, latest_bytes;
    bool growing_stack;   /* what is moved now is the stack */
    size_t kept;          /* of these, what the host keeps outside of the state until the run ends */
    char *heap;           /* where it ended when the run began */
    size_t mapped;        /* bytes in blocks that are not in the heap */
    size_t fresh;         /* bytes allocated since the last look at the clock */
    uint64_t steps, looked;
    int64_t started; /* 0: not yet */
    int period;
    uint64_t random;
    const char *name;
    lua_Hook line; /* told of each line, or NULL */
    char where[96]; /* "policy.lua:12" */
};

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void count(lua_State *L, lua_Debug *ar);

/* Reads the stack only, so that it is safe even inside an allocation. */
static void note_where(struct carom_sandbox *box)
{
    lua_Debug ar;
    box->where[0] = '\0';
    for (int level = 0; level < 32 && lua_getstack(box->L, level, &ar); level++) {
        lua_getinfo(box->L, "Sl", &ar);
        if (ar.currentline <= 0)
            continue;
        snprintf(box->where, sizeof(box->where), "%s:%d", ar.short_src, ar.currentline);
        return;
    }
}

static void exceed(struct carom_sandbox *box, enum exceeded which)
{
    if (box->exceeded != WITHIN)
        return;
    box->exceeded = which;
    if (which == TIME || which == INSTRUCTIONS)
        note_where(box);
    lua_sethook(box->L, count, LUA_MASKCOUNT, 1);
}

/* The clock is a system call: it is first asked, and starts to count, when there was some work, which most hooks never
   come to. */
static void look_at_clock(struct carom_sandbox *box)
{
    int64_t now = clock_ns();

    box->fresh = 0;
    box->looked = box->steps;
    if (!box->started)
        box->started = now;
    else if (now - box->started > box->limits.time_ms * 1000000)
        exceed(box, TIME);
}

static _Noreturn void raise(struct carom_sandbox *box)
{
    if (!box->where[0])
        note_where(box);
    lua_pushlightuserdata(box->L, box);
    lua_error(box->L);
    abort(); /* lua_error never returns */
}

static void count(lua_State *L, lua_Debug *ar)
{
    struct carom_sandbox *box = carom_sandbox_of(L);
    if (ar->event == LUA_HOOKLINE) {
        box->line(L, ar);
        return;
    }
    if (box->exceeded == WITHIN) {
        box->steps += (uint64_t)box->period;
        if (box->steps > (uint64_t)box->limits.instructions)
            exceed(box, INSTRUCTIONS);
        else
            look_at_clock(box);
    }
    if (box->exceeded != WITHIN)
        raise(box);
}

static void arm(struct carom_sandbox *box)
{
    int period = box->large || box->stack_bytes >= STACK_LARGE ? PERIOD_LARGE : PERIOD;
    if (!box->running || box->exceeded != WITHIN || box->period == period)
        return;
    box->period = period;
    lua_sethook(box->L, count, LUA_MASKCOUNT | (box->line ? LUA_MASKLINE : 0), period);
}

/* Lua collects all garbage after the first no and asks again; near the cap that alone eats the time. */
static void *deny(struct carom_sandbox *box, enum exceeded why)
{
    box->denied = why;
    if (box->running && box->exceeded == WITHIN) {
        note_where(box);
        look_at_clock(box);
    }
    return NULL;
}

/* What a block takes of the machine's memory: malloc keeps a size beside each and deals in units. */
static size_t cost(size_t n)
{
    enum { HEAD = 8, UNIT = 16, LEAST = 32 };
    size_t units = (n + HEAD + UNIT - 1) / UNIT * UNIT;
    return n == 0 ? 0 : units < LEAST ? LEAST : units;
}

/* Blocks that were freed leave holes; who asks for larger ones next grows the heap beyond what is in use. The C library
   says where it ends without asking the kernel; with other threads it may be they who moved the end. */
static void look_at_heap(struct carom_sandbox *box)
{
    if (!__libc_single_threaded)
        return;
    int64_t grown = (char *)sbrk(0) - box->heap + (int64_t)box->mapped;
    int64_t margin = box->limits.memory / 10 - SLACK;
    if (grown > box->limits.memory + (margin > MARGIN ? margin : MARGIN))
        exceed(box, MEMORY);
}

static void account(struct carom_sandbox *box, size_t before, size_t after)
{
    box->used += cost(after) - cost(before);
    box->most = box->used > box->most ? box->used : box->most;
    box->mapped -= before >= CAROM_BLOCK_MAPPED ? before : 0;
    box->mapped += after >= CAROM_BLOCK_MAPPED ? after : 0;
    box->large -= before >= LARGE ? before : 0;
    box->large += after >= LARGE ? after : 0;
    arm(box);
    if (after <= before)
        return;
    box->fresh += after;
    if (box->running)
        look_at_heap(box);
    if (box->running && box->fresh > CLOCK_BYTES)
        look_at_clock(box);
}

static void set_stack(struct carom_sandbox *box, void *block, size_t bytes)
{
    box->stack = block;
    box->stack_bytes = bytes;
    if (box->running && bytes > STACK_MAX)
        exceed(box, STACK);
    arm(box);
}

/* Lua does not say which block is its stack. It is the one that moves when room on it is asked for, and it moves either
   by being resized or, as in 5.4.4, into a new vector right after which the old one is freed. */
static void follow_stack(struct carom_sandbox *box, void *ptr, void *block, size_t bytes)
{
    if (!ptr) {
        box->latest = block;
        box->latest_bytes = bytes;
    } else if (ptr != box->stack && !box->growing_stack) {
        return;
    } else if (block) {
        set_stack(box, block, bytes);
    } else {
        set_stack(box, box->latest, box->latest_bytes);
    }
}

/* WITHIN where the block may be made that large, else why not. */
static enum exceeded permit(const struct carom_sandbox *box, size_t before, size_t after)
{
    if (after <= before)
        return WITHIN;
    if (box->running && box->exceeded != WITHIN)
        return box->exceeded; /* nothing that comes after the end needs more */
    return box->used + (cost(after) - cost(before)) > (size_t)box->limits.memory ? MEMORY : WITHIN;
}

static void *allocate(void *user, void *ptr, size_t osize, size_t nsize)
{
    struct carom_sandbox *box = user;
    size_t before = ptr ? osize : 0; /* for a new block osize is the type of the object */
    void *block = NULL;

    if (nsize == 0) {
        carom_block_free(ptr, before);
    } else {
        enum exceeded why = permit(box, before, nsize);
        if (why != WITHIN)
            return deny(box, why);
        block = carom_block_resize(ptr, before, nsize);
        if (!block)
            return deny(box, NO_MEMORY);
    }
    account(box, before, nsize);
    if (ptr || nsize)
        follow_stack(box, ptr, block, nsize);
    return block;
}

static bool find_stack(struct carom_sandbox *box)
{
    enum { MORE = 100 };
    box->growing_stack = true;
    bool grown = lua_checkstack(box->L, MORE);
    box->growing_stack = false;
    return grown;
}

struct carom_sandbox *carom_sandbox_new(void *host)
{
    struct carom_sandbox *box = calloc(1, sizeof(*box));
    if (!box)
        return NULL;
    box->host = host;
    box->limits.memory = INT64_MAX / 2;
    box->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (box->locale)
        box->L = lua_newstate(allocate, box);
    if (!box->L || !find_stack(box)) {
        carom_sandbox_free(box);
        return NULL;
    }
    *(struct carom_sandbox **)lua_getextraspace(box->L) = box;
    return box;
}

void carom_sandbox_free(struct carom_sandbox *box)
{
    if (!box)
        return;
    if (box->L)
        lua_close(box->L);
    if (box->locale)
        freelocale(box->locale);
    free(box);
}

struct carom_limits carom_sandbox_used(const struct carom_sandbox *box)
{
    return (struct carom_limits){.memory = (int64_t)box->most, .instructions = (int64_t)box->steps};
}

struct carom_sandbox *carom_sandbox_of(lua_State *L)
{
    return *(struct carom_sandbox **)lua_getextraspace(L);
}

void *carom_sandbox_host(lua_State *L)
{
    return carom_sandbox_of(L)->host;
}

void carom_sandbox_set_name(struct carom_sandbox *box, const char *name)
{
    box->name = name;
}

void carom_sandbox_watch(struct carom_sandbox *box, lua_Hook line)
{
    box->line = line;
}

lua_State *carom_sandbox_state(struct carom_sandbox *box)
{
    return box->L;
}

void carom_sandbox_charge(lua_State *L, uint64_t steps)
{
    struct carom_sandbox *box = carom_sandbox_of(L);
    if (box->exceeded == WITHIN) {
        if (__builtin_add_overflow(box->steps, steps, &box->steps))
            box->steps = UINT64_MAX;
        if (box->steps > (uint64_t)box->limits.instructions)
            exceed(box, INSTRUCTIONS);
        else if (box->steps - box->looked > CLOCK_STEPS)
            look_at_clock(box);
    }
    if (box->exceeded != WITHIN)
        raise(box);
}

void carom_sandbox_keep(lua_State *L, size_t bytes)
{
    struct carom_sandbox *box = carom_sandbox_of(L);
    if (box->used + bytes > (size_t)box->limits.memory)
        carom_sandbox_memory_exceeded(L);
    box->used += bytes;
    box->kept += bytes;
}

int64_t carom_sandbox_memory(lua_State *L)
{
    return carom_sandbox_of(L)->limits.memory;
}

void carom_sandbox_set_limits(lua_State *L, const struct carom_limits *limits)
{
    struct carom_sandbox *box = carom_sandbox_of(L);
    box->limits = *limits;
    if ((int64_t)box->used > limits->memory)
        carom_sandbox_memory_exceeded(L);
}

static _Noreturn void refuse_memory(lua_State *L, enum exceeded why)
{
    struct carom_sandbox *box = carom_sandbox_of(L);
    note_where(box);
    exceed(box, why);
    raise(box);
}

_Noreturn void carom_sandbox_memory_exceeded(lua_State *L)
{
    refuse_memory(L, MEMORY);
}

_Noreturn void carom_sandbox_no_memory(lua_State *L)
{
    refuse_memory(L, NO_MEMORY);
}

int carom_sandbox_pcall(lua_State *L)
{
    struct carom_sandbox *box = carom_sandbox_of(L);
    luaL_checkany(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    if (status == LUA_ERRMEM)
        exceed(box, box->denied);
    if (box->exceeded != WITHIN)
        raise(box);
    lua_pushboolean(L, status == LUA_OK);
    lua_insert(L, 1);
    return lua_gettop(L);
}

void carom_sandbox_seed(struct carom_sandbox *box, uint64_t seed)
{
    box->random = seed;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t carom_sandbox_random(lua_State *L)
{
    struct carom_sandbox *box = carom_sandbox_of(L);
    uint64_t z = box->random += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Message handler: makes a text of whatever was raised. It never calls __tostring: that is the policy's code again. */
static int explain(lua_State *L)
{
    if (carom_sandbox_of(L)->exceeded != WITHIN || lua_type(L, 1) == LUA_TSTRING)
        return 1;
    if (lua_type(L, 1) == LUA_TNUMBER)
        lua_tostring(L, 1);
    else
        lua_pushfstring(L, "error with a %s instead of a text", luaL_typename(L, 1));
    return 1;
}

/* The length of "policy.lua:12" where the message starts like that, else 0. */
static size_t position(struct carom_str message)
{
    size_t colon = carom_str_find(message, CAROM_STR(": "));
    if (colon == SIZE_MAX)
        return 0;
    size_t digits = colon;
    while (digits > 0 && carom_is_digit(message.ptr[digits - 1]))
        digits--;
    return digits > 0 && digits < colon && message.ptr[digits - 1] == ':' ? colon : 0;
}

static void print_limit(const struct carom_sandbox *box, char *out, size_t size)
{
    if (box->exceeded == TIME)
        snprintf(out, size, "the time limit of %lld ms is exceeded", (long long)box->limits.time_ms);
    else if (box->exceeded == MEMORY)
        snprintf(out, size, "the memory limit of %lld KiB is exceeded", (long long)box->limits.memory / 1024);
    else if (box->exceeded == STACK)
        snprintf(out, size, "the limit of %d KiB for calls and arguments is exceeded", STACK_MAX / 1024);
    else
        snprintf(out, size, "the limit of %lld instructions is exceeded", (long long)box->limits.instructions);
}

static void report(struct carom_sandbox *box, const char *what, enum carom_error_code code, struct carom_error *err)
{
    char limit[96] = "";
    size_t len = 0;
    const char *text = lua_type(box->L, -1) == LUA_TSTRING ? lua_tolstring(box->L, -1, &len) : "";
    struct carom_str where = carom_str_n(text, position(carom_str_n(text, len)));
    struct carom_str why = carom_str_from(carom_str_n(text, len), where.len ? where.len + 2 : 0);

    if (box->exceeded == NO_MEMORY) {
        carom_error_memory(err);
        return;
    }
    if (box->exceeded != WITHIN) {
        print_limit(box, limit, sizeof(limit));
        where = carom_str(box->where);
        why = carom_str(limit);
    }
    if (!where.len)
        where = carom_str(box->name);
    bool named = what && *what;
    carom_error_set(err, code, CAROM_STR_FMT "%s%s%s" CAROM_STR_FMT "%s", CAROM_STR_ARG(where), where.len ? ": " : "",
                    named ? what : "", named ? ": " : "", CAROM_STR_ARG(why), carom_environment_instead(why));
}

static void begin(struct carom_sandbox *box, const struct carom_limits *limits)
{
    box->limits = *limits;
    box->exceeded = WITHIN;
    box->where[0] = '\0';
    box->steps = box->looked = 0;
    box->fresh = 0;
    box->period = 0;
    box->started = 0;
    box->heap = sbrk(0);
    box->most = box->used;
    box->running = true;
    arm(box);
}

static void end(struct carom_sandbox *box)
{
    box->running = false;
    box->used -= box->kept;
    box->kept = 0;
    lua_sethook(box->L, NULL, 0, 0);
}

int carom_sandbox_run(struct carom_sandbox *box, lua_CFunction function, void *argument,
                      const struct carom_limits *limits, const char *what, enum carom_error_code code,
                      struct carom_error *err)
{
    lua_State *L = box->L;
    int top = lua_gettop(L);
    /* Comparing strings (strcoll), upper and lower case and the decimal point follow the locale, and the same fact must
       decide the same under every one. */
    locale_t before = uselocale(box->locale);

    begin(box, limits);
    lua_pushcfunction(L, explain);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    int status = lua_pcall(L, 1, 0, top + 1);
    end(box);
    if (status == LUA_ERRMEM)
        exceed(box, box->denied);
    lua_sethook(L, NULL, 0, 0);
    if (status != LUA_OK)
        report(box, what, code, err);
    lua_settop(L, top);
    if (status != LUA_OK)
        lua_gc(L, LUA_GCCOLLECT); /* what the failure left behind is not the next one's burden */
    assert(lua_gettop(L) == top);
    uselocale(before);
    return status == LUA_OK ? 0 : -1;
}
