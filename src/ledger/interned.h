/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Texts that come again and again, each kept once and known by a small number. It does not know what they mean. */

#ifndef CAROM_LEDGER_INTERNED_H
#define CAROM_LEDGER_INTERNED_H

#include "base/arena.h"

struct carom_interned {
    struct carom_arena *arena; /* of the texts; borrowed */
    struct carom_interned_text {
        struct carom_str text;
        uint64_t hash;
    } *list; /* the number of a text is its place + 1 */
    uint32_t *slots, n;
    size_t room, mask;
};

/* The number of the text, from 1; a new one gets the next. 0: no memory. */
uint32_t carom_interned_add(struct carom_interned *interned, struct carom_str text);
/* 0: it is not there. */
uint32_t carom_interned_find(const struct carom_interned *interned, struct carom_str text);
struct carom_str carom_interned_text(const struct carom_interned *interned, uint32_t number); /* 0: the empty text */
void carom_interned_deinit(struct carom_interned *interned);

#endif
