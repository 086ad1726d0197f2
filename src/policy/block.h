/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The memory blocks of a Lua state. Large ones come straight from the kernel and go straight back: a string that grows
   in malloc's heap leaves a hole for each size that it had, and the process keeps them all. */

#ifndef CAROM_POLICY_BLOCK_H
#define CAROM_POLICY_BLOCK_H

#include <stddef.h>

enum { CAROM_BLOCK_MAPPED = 128 << 10 }; /* from this size on */

/* A block of `after` bytes, not 0, with what the one of `before` bytes held; ptr is NULL where before is 0. NULL: no
   memory, the old block is as it was. */
void *carom_block_resize(void *ptr, size_t before, size_t after);
void carom_block_free(void *ptr, size_t n);

#endif
