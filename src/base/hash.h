/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* 64 bits of a text (SHA-256, cut): the same on every machine, and texts cannot be made to collide at will. */

#ifndef CAROM_BASE_HASH_H
#define CAROM_BASE_HASH_H

#include "base/str.h"

uint64_t carom_hash(struct carom_str text);

#endif
