/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Whether a block is mapped follows from its size alone, which Lua always tells. */

#include "policy/block.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *make(size_t n)
{
    if (n < CAROM_BLOCK_MAPPED)
        return malloc(n);
    void *block = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static void *remap(void *ptr, size_t before, size_t after)
{
    void *block = mremap(ptr, before, after, MREMAP_MAYMOVE);
    return block == MAP_FAILED ? NULL : block;
}

void *carom_block_resize(void *ptr, size_t before, size_t after)
{
    if (before < CAROM_BLOCK_MAPPED && after < CAROM_BLOCK_MAPPED)
        return realloc(ptr, after);
    if (before >= CAROM_BLOCK_MAPPED && after >= CAROM_BLOCK_MAPPED)
        return remap(ptr, before, after);
    void *block = make(after);
    if (!block)
        return NULL;
    if (before)
        memcpy(block, ptr, before < after ? before : after);
    carom_block_free(ptr, before);
    return block;
}

void carom_block_free(void *ptr, size_t n)
{
    if (n < CAROM_BLOCK_MAPPED)
        free(ptr);
    else
        munmap(ptr, n);
}
