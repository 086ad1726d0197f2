/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What people do with a ledger, beside what mail does to it: suppressions by hand, erasure and access, retention, and a
   look at how it goes. Times are milliseconds since 1970. None of it tells a sink. */

#ifndef CAROM_LEDGER_CARE_H
#define CAROM_LEDGER_CARE_H

#include "ledger/ledger.h"

/* A suppression by hand, or one that stands. */
struct carom_ban {
    struct carom_str key, spelling; /* of the address */
    struct carom_str list;          /* empty: everywhere */
    int64_t since, until;           /* until 0: for good */
    struct carom_str reason;
    int64_t batch;                  /* 0: none */
};

struct carom_care_ops {
    /* A new batch: what is imported with its id can be taken back together. */
    int (*batch)(struct carom_store *store, struct carom_str source, int64_t now, int64_t *id_r,
                 struct carom_error *err);
    /* 1: written; 0: one that lasts as long stands already; -1. */
    int (*ban)(struct carom_store *store, const struct carom_ban *ban, int64_t now, struct carom_error *err);
    /* Ends what stands of that address (list empty: everywhere), a kept hash included, or of that batch. A job that was
       to tell the end at its time tells it now. *n_r: how many ended. */
    int (*unban)(struct carom_store *store, struct carom_str key, struct carom_str list, int64_t batch, int64_t now,
                 int64_t *n_r, struct carom_error *err);
    /* All that stand, oldest first, and who left all lists. *hashes_r: erased addresses, of which only a hash is kept. */
    int (*bans)(struct carom_store *store, int64_t now, int (*row)(void *user, const struct carom_ban *ban), void *user,
                int64_t *hashes_r, struct carom_error *err);
};

#endif
