/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How many different addresses there are among some: they come and go. */

#ifndef CAROM_LEDGER_PRESENT_H
#define CAROM_LEDGER_PRESENT_H

#include "base/error.h"

/* Zero-initialise. */
struct carom_present {
    struct carom_presence *slots;
    size_t n, used, room; /* n: different ones; used: slots, with those of who has gone; room: a power of two */
};

int carom_present_come(struct carom_present *present, int64_t address, struct carom_error *err);
void carom_present_go(struct carom_present *present, int64_t address); /* one that came */
bool carom_present_has(const struct carom_present *present, int64_t address);
void carom_present_clear(struct carom_present *present);
void carom_present_deinit(struct carom_present *present);

#endif
