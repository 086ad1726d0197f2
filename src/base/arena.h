/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Memory of one message: everything is allocated here and dies at once. Out of memory unwinds to the guard that the
   entry point set, so that no reader checks for NULL; code under a guard must hold nothing but arena memory. */

#ifndef CAROM_BASE_ARENA_H
#define CAROM_BASE_ARENA_H

#include <setjmp.h>
#include <stdarg.h>

#include "base/str.h"

struct carom_arena;

struct carom_arena *carom_arena_new(void); /* NULL: no memory; free with carom_arena_free */
void carom_arena_free(struct carom_arena *arena); /* NULL is allowed */
void carom_arena_reset(struct carom_arena *arena); /* empties it, keeps the first block */

/* Usage:
       if (carom_arena_guard(arena))
           return carom_error_memory(err);   // an allocation below failed
       … work …
       carom_arena_unguard(arena);
   Guards nest: unguard restores the previous one. */
#define carom_arena_guard(arena) setjmp(*carom_arena_push(arena))
jmp_buf *carom_arena_push(struct carom_arena *arena);
void carom_arena_unguard(struct carom_arena *arena);

/* Aligned for any type, zeroed; never NULL: without memory it jumps to the guard (which is then already removed). */
void *carom_arena_alloc(struct carom_arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
/* The same, not zeroed: for what is filled at once. */
void *carom_arena_raw(struct carom_arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
/* The same without the jump, for code that runs under Lua: NULL when there is no memory. */
void *carom_arena_try(struct carom_arena *arena, size_t size);
void *carom_arena_raw_try(struct carom_arena *arena, size_t size);

/* Copies, NUL-terminated behind len. */
struct carom_str carom_arena_str(struct carom_arena *arena, struct carom_str s);
struct carom_str carom_arena_lower(struct carom_arena *arena, struct carom_str s); /* ASCII; always a copy */
struct carom_str carom_arena_join(struct carom_arena *arena, struct carom_str left, char between, struct carom_str right);
struct carom_str carom_arena_printf(struct carom_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define carom_arena_new_of(arena, type) ((type *)carom_arena_alloc((arena), sizeof(type)))
#define carom_arena_array(arena, type, n) ((type *)carom_arena_alloc((arena), carom_arena_product(sizeof(type), (n))))
/* An overflow asks for what nobody has, so that the allocation fails. */
static inline size_t carom_arena_product(size_t size, size_t n)
{
    size_t product;
    return __builtin_mul_overflow(size, n, &product) ? SIZE_MAX : product;
}

#endif
