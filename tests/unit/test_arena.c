/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The arena: alignment, zeroing, reset, and unwinding to guards. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"

static void allocates(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    assert_non_null(arena);
    static const size_t sizes[] = {0, 1, 7, 16, 100, 5000, 70000, 1 << 21, 3};
    for (int round = 0; round < 3; round++) {
        unsigned char *kept[400];
        for (size_t i = 0; i < 400; i++) {
            size_t size = sizes[i % 9] % (i < 20 ? SIZE_MAX : 10000);
            kept[i] = carom_arena_alloc(arena, size);
            if ((uintptr_t)kept[i] % _Alignof(max_align_t) != 0)
                fail_msg("size %zu: got %p, want it aligned", size, (void *)kept[i]);
            for (size_t j = 0; j < size; j++)
                if (kept[i][j])
                    fail_msg("size %zu: got %d at %zu, want 0", size, kept[i][j], j);
            memset(kept[i], (int)(i % 255 + 1), size);
        }
        for (size_t i = 0; i < 400; i++) {
            size_t size = sizes[i % 9] % (i < 20 ? SIZE_MAX : 10000);
            for (size_t j = 0; j < size; j++)
                if (kept[i][j] != i % 255 + 1)
                    fail_msg("piece %zu: got %d at %zu, want its own bytes", i, kept[i][j], j);
        }
        carom_arena_reset(arena);
    }
    carom_arena_free(arena);
    carom_arena_free(NULL);
}

static void copies(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    struct carom_str copy = carom_arena_str(arena, CAROM_STR("abc"));
    assert_string_equal(copy.ptr, "abc");
    assert_int_equal(copy.len, 3);
    copy = carom_arena_str(arena, (struct carom_str){NULL, 0});
    assert_string_equal(copy.ptr, "");
    copy = carom_arena_printf(arena, "%d-%s", 42, "x");
    assert_string_equal(copy.ptr, "42-x");
    for (int width = 250; width < 260; width++) {
        copy = carom_arena_printf(arena, "%*d", width, 7);
        assert_int_equal(copy.len, width);
        assert_int_equal(strlen(copy.ptr), width);
        assert_int_equal(copy.ptr[width - 1], '7');
    }
    carom_arena_free(arena);
}

/* Asks for what no machine has. */
static void ask_too_much(struct carom_arena *arena) { carom_arena_alloc(arena, SIZE_MAX / 8); }

static void unwinds(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    volatile int reached = 0;
    if (carom_arena_guard(arena) == 0) {
        reached = 1;
        ask_too_much(arena);
        reached = 2;
    } else {
        assert_int_equal(reached, 1);
        reached = 3;
    }
    assert_int_equal(reached, 3);
    /* The arena is still good. */
    assert_string_equal(carom_arena_str(arena, CAROM_STR("good")).ptr, "good");
    carom_arena_free(arena);
}

static void guards_nest(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    volatile int outer = 0, inner = 0;
    if (carom_arena_guard(arena) == 0) {
        if (carom_arena_guard(arena) == 0)
            ask_too_much(arena);
        else
            inner++;
        if (carom_arena_guard(arena) == 0)
            carom_arena_unguard(arena);
        else
            fail_msg("got the guard that was removed, want the outer one");
        carom_arena_array(arena, uint64_t, SIZE_MAX / 4); /* overflows */
        fail_msg("got memory, want to be unwound");
    } else {
        outer++;
    }
    assert_int_equal(inner, 1);
    assert_int_equal(outer, 1);
    carom_arena_free(arena);
}

static void tries(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    assert_null(carom_arena_try(arena, SIZE_MAX));
    assert_null(carom_arena_try(arena, SIZE_MAX - 8));
    assert_null(carom_arena_try(arena, SIZE_MAX / 8));
    int *number = carom_arena_try(arena, sizeof(int));
    assert_non_null(number);
    assert_int_equal(*number, 0);
    carom_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates),   cmocka_unit_test(copies), cmocka_unit_test(unwinds),
        cmocka_unit_test(guards_nest), cmocka_unit_test(tries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
