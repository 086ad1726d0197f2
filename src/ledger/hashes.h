/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A set of 64-bit hashes: for questions asked millions of times. It does not know what was hashed. */

#ifndef CAROM_LEDGER_HASHES_H
#define CAROM_LEDGER_HASHES_H

#include "base/error.h"

struct carom_hashes {
    uint64_t *slots; /* 0: free; the hash 0 is kept as 1 */
    uint64_t *words; /* in which bits are set for those that are there, and maybe for others too */
    size_t n, room;  /* room: a power of two */
};

int carom_hashes_add(struct carom_hashes *set, int64_t hash, struct carom_error *err);
bool carom_hashes_has(const struct carom_hashes *set, int64_t hash);
/* The same for many, whose places are fetched together; has_r, one for each: is it there too? What is true already stays. */
int carom_hashes_add_many(struct carom_hashes *set, const int64_t *hashes, size_t n, struct carom_error *err);
void carom_hashes_has_many(const struct carom_hashes *set, const int64_t *hashes, size_t n, bool *has_r);
void carom_hashes_deinit(struct carom_hashes *set); /* empties it too */

#endif
