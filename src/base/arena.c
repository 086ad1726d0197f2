/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A list of blocks filled from the front. A message's worth fits into the first one, which a reset keeps; large pieces
   get a block of their own. The arena knows nothing of what stands in it and runs no destructors. */

#include "base/arena.h"

#include <assert.h>
#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/spares.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined __SANITIZE_ADDRESS__
#define WITH_ASAN 1
#endif

/* Under the address sanitizer what was not handed out is poisoned, with a gap behind each piece, so that a reader that
   runs over the end of its piece is seen. */
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#define HIDE(ptr, n) ASAN_POISON_MEMORY_REGION(ptr, n)
#define SHOW(ptr, n) ASAN_UNPOISON_MEMORY_REGION(ptr, n)
#else
enum { GAP = 0 };
#define HIDE(ptr, n) ((void)(ptr), (void)(n))
#define SHOW(ptr, n) ((void)(ptr), (void)(n))
#endif

enum {
    ALIGN = alignof(max_align_t),
    FIRST_SIZE = 64 << 10,
    GROWTH_MAX = 1 << 20,
    GUARDS = 16, /* entry points that call one another; more is a bug */
    PIECE_MAX = INT_MAX /* several times the largest message: what asks for more has miscalculated */
};

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

struct carom_arena {
    struct block *first, *more; /* more: all others */
    struct block *current;      /* the one being filled */
    size_t guards;
    jmp_buf guard[GUARDS];
};

static struct block *block_new(size_t size, struct block *next)
{
    struct block *block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    *block = (struct block){.next = next, .size = size};
    HIDE(block->bytes, size);
    return block;
}

static void block_free(struct block *block)
{
    SHOW(block->bytes, block->size);
    free(block);
}

/* ---- Arenas that were used ---- */

/* The next message finds the pages of one before it in place: to hand them back to the system and fetch them again costs
   more than to fill them. Emptied. */
static struct carom_spares spares = {.lock = PTHREAD_MUTEX_INITIALIZER, .max = CAROM_SPARES};
static bool ends; /* spares are freed at the end of the process */

static void arena_free(struct carom_arena *arena)
{
    block_free(arena->first);
    free(arena);
}

/* Also where the library is unloaded again: then, too, nothing of it stays behind. */
static void free_spares(void)
{
    for (struct carom_arena *arena; (arena = carom_spares_take(&spares));)
        arena_free(arena);
}

static void arrange_end(void)
{
    ends = atexit(free_spares) == 0;
}

/* ---- An arena ---- */

struct carom_arena *carom_arena_new(void)
{
    struct carom_arena *arena = carom_spares_take(&spares);
    if (arena)
        return arena;
    if (!(arena = malloc(sizeof(*arena))))
        return NULL;
    arena->guards = 0;
    arena->more = NULL;
    arena->first = arena->current = block_new(FIRST_SIZE, NULL);
    if (!arena->first) {
        free(arena);
        return NULL;
    }
    return arena;
}

void carom_arena_reset(struct carom_arena *arena)
{
    while (arena->more) {
        struct block *next = arena->more->next;
        block_free(arena->more);
        arena->more = next;
    }
    arena->current = arena->first;
    arena->first->used = 0;
    HIDE(arena->first->bytes, arena->first->size);
}

void carom_arena_free(struct carom_arena *arena)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!arena)
        return;
    carom_arena_reset(arena);
    arena->guards = 0;
    pthread_once(&once, arrange_end);
    if (!ends || !carom_spares_put(&spares, arena))
        arena_free(arena);
}

jmp_buf *carom_arena_push(struct carom_arena *arena)
{
    assert(arena->guards < GUARDS);
    return &arena->guard[arena->guards++];
}

void carom_arena_unguard(struct carom_arena *arena)
{
    assert(arena->guards > 0);
    arena->guards--;
}

/* A block with room for size bytes. What needs more than a quarter of the next block gets one of its own, and the
   current one is filled on. */
static struct block *block_with_room(struct carom_arena *arena, size_t size)
{
    size_t growth = arena->current->size < GROWTH_MAX / 2 ? arena->current->size * 2 : GROWTH_MAX;
    bool own = size > growth / 4;
    struct block *block = block_new(own ? size : growth, arena->more);
    if (!block)
        return NULL;
    arena->more = block;
    if (!own)
        arena->current = block;
    return block;
}

static size_t rounded(size_t size)
{
    return (size + GAP + !size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* Of a block that has room. */
static inline void *take_of(struct block *block, size_t size)
{
    void *bytes = block->bytes + block->used;
    block->used += rounded(size);
    SHOW(bytes, size);
    return bytes;
}

static void *take_more(struct carom_arena *arena, size_t size)
{
    struct block *block = size > PIECE_MAX ? NULL : block_with_room(arena, rounded(size));
    return block ? take_of(block, size) : NULL;
}

/* Nearly always the current block has. */
static inline bool has_room(const struct carom_arena *arena, size_t size)
{
    return size <= PIECE_MAX && rounded(size) <= arena->current->size - arena->current->used;
}

/* Not zeroed. */
static inline void *take(struct carom_arena *arena, size_t size)
{
    return has_room(arena, size) ? take_of(arena->current, size) : take_more(arena, size);
}

/* Without a guard nobody could go on: that is our bug, not the machine's. */
static _Noreturn void unwind(struct carom_arena *arena)
{
    assert(arena->guards > 0);
    if (arena->guards == 0)
        abort();
    longjmp(arena->guard[--arena->guards], 1);
}

void *carom_arena_raw_try(struct carom_arena *arena, size_t size)
{
    return take(arena, size);
}

void *carom_arena_try(struct carom_arena *arena, size_t size)
{
    void *bytes = take(arena, size);
    return bytes ? memset(bytes, 0, size) : NULL;
}

/* Apart, and called last: nothing is kept for it where there is room. */
static __attribute__((noinline)) void *raw_more(struct carom_arena *arena, size_t size)
{
    void *bytes = take_more(arena, size);
    if (!bytes)
        unwind(arena);
    return bytes;
}

void *carom_arena_raw(struct carom_arena *arena, size_t size)
{
    return has_room(arena, size) ? take_of(arena->current, size) : raw_more(arena, size);
}

void *carom_arena_alloc(struct carom_arena *arena, size_t size)
{
    return memset(carom_arena_raw(arena, size), 0, size);
}

static char *take_text(struct carom_arena *arena, size_t len)
{
    char *text = carom_arena_raw(arena, len < SIZE_MAX ? len + 1 : len);
    text[len] = '\0';
    return text;
}

struct carom_str carom_arena_str(struct carom_arena *arena, struct carom_str s)
{
    char *copy = take_text(arena, s.len);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return carom_str_n(copy, s.len);
}

struct carom_str carom_arena_lower(struct carom_arena *arena, struct carom_str s)
{
    char *out = take_text(arena, s.len);
    for (size_t i = 0; i < s.len; i++)
        out[i] = carom_lower(s.ptr[i]);
    return carom_str_n(out, s.len);
}

struct carom_str carom_arena_join(struct carom_arena *arena, struct carom_str left, char between, struct carom_str right)
{
    char *text = take_text(arena, left.len + 1 + right.len);
    memcpy(text, left.ptr, left.len);
    text[left.len] = between;
    memcpy(text + left.len + 1, right.ptr, right.len);
    return carom_str_n(text, left.len + 1 + right.len);
}

struct carom_str carom_arena_printf(struct carom_arena *arena, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    size_t len = wanted > 0 ? (size_t)wanted : 0;
    char *text = take_text(arena, len);
    if (len < sizeof(small)) {
        memcpy(text, small, len);
        return carom_str_n(text, len);
    }
    va_start(args, format);
    vsnprintf(text, len + 1, format, args);
    va_end(args);
    return carom_str_n(text, len);
}
