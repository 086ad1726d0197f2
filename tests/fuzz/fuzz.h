/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the targets share. A target is one function over one entry point: libFuzzer calls it with what it makes up,
   replay.c with the seeds. What must hold is said with FUZZ_CHECK. */

#ifndef CAROM_TESTS_FUZZ_H
#define CAROM_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define FUZZ_CHECK(holds) ((holds) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds), abort()))

static inline struct carom_str fuzz_text(const uint8_t *bytes, size_t size)
{
    return size ? carom_str_n((const char *)bytes, size) : CAROM_STR_EMPTY;
}

/* Takes the first line off the input: what a target wants to know beside the bytes. */
static inline struct carom_str fuzz_line(struct carom_str *rest)
{
    struct carom_str line = CAROM_STR_EMPTY;

    return carom_str_line(rest, &line) ? line : CAROM_STR_EMPTY;
}

/* Runs target with an arena of its own, so that AddressSanitizer sees where each block ends. */
static inline int fuzz_in_arena(void (*target)(struct carom_arena *, struct carom_str), const uint8_t *bytes, size_t size)
{
    struct carom_arena *arena = carom_arena_new();

    if (arena && !carom_arena_guard(arena)) {
        target(arena, fuzz_text(bytes, size));
        carom_arena_unguard(arena);
    }
    carom_arena_free(arena);
    return 0;
}

#endif
