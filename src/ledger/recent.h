/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What is known of addresses that bounce again and again, kept in memory from one bounce to the next: of a victim of
   forged bounces a thousand rows would be read at each. It is true as long as only record() changes the ledger. */

#ifndef CAROM_LEDGER_RECENT_H
#define CAROM_LEDGER_RECENT_H

#include "ledger/db.h"
#include "ledger/history.h"
#include "ledger/interned.h"

enum { CAROM_RECENT_MANY = 8, CAROM_PAST_MAX = 1000 }; /* facts of an address: worth it; and at most */

struct carom_store;
struct carom_recent_address;
struct carom_recent {
    struct carom_recent_address *list;
    size_t n, rows; /* rows: facts and suppressions of all */
    struct carom_arena *arena;
    struct carom_interned words;
    struct carom_db_mark since; /* when it is true */
    int changes;                /* rows that this connection had changed when record() ended */
};

/* NULL: not kept, or no longer true. */
const struct carom_recent_address *carom_recent_find(struct carom_store *store, int64_t address);
/* Its facts, newest first, and all suppressions that stand; NULL: no memory, or no transaction in which it is true. */
const struct carom_recent_address *carom_recent_keep(struct carom_store *store, int64_t address,
                                                     const struct carom_history *history);
/* Its facts, and the suppressions in force at history->now. */
void carom_recent_read(const struct carom_recent_address *it, struct carom_arena *arena, struct carom_history *history);

/* record() alone: begins, says what it changes at an address that may be kept, and ends. */
void carom_recent_begin(struct carom_store *store);
void carom_recent_add(struct carom_store *store, int64_t address, const struct carom_past *past);
void carom_recent_suppress(struct carom_store *store, int64_t address, const struct carom_suppression *suppression);
void carom_recent_drop(struct carom_store *store, int64_t address); /* something else changed there */
void carom_recent_end(struct carom_store *store);

void carom_recent_deinit(struct carom_recent *recent);

#endif
