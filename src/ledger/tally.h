/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a period brought, for a report: each fact that was decided in it, in little, and how often what was done. It adds
   nothing up but deeds. */

#ifndef CAROM_LEDGER_TALLY_H
#define CAROM_LEDGER_TALLY_H

#include "ledger/ledger.h"

struct carom_selection;

/* Texts are borrowed for the call. */
struct carom_tally {
    int64_t decided; /* ms */
    enum carom_kind kind;
    enum carom_reason reason;
    uint64_t delivery; /* hash; 0: stands alone */
    bool held, ignored;
    int64_t unmatched; /* actions */
    struct carom_str provider, list;
    struct carom_str diagnostic; /* of failures, where it was asked for */
};

/* How often. Those of operations count decisions; they are of whole selections, and not told where the report is of a
   part: -1. */
struct carom_deeds {
    int64_t left;       /* addresses that left a list */
    int64_t suppressed; /* suppressions by decisions */
    int64_t by_hand;    /* and without one: by hand, by import */
    int64_t ended;      /* suppressions that somebody or something ended before their time */
    int64_t held;       /* actions of the period that still wait */
    int64_t released, discarded, expired, undone, redone;
};

/* What selection says of time is the period: decided from since, before until, in the order of that. Diagnostics of
   those decided from `worded` on. */
int carom_sqlite_tally(struct carom_store *store, const struct carom_selection *selection, int64_t worded,
                       int (*row)(void *user, const struct carom_tally *tally), void *user, struct carom_error *err);
int carom_sqlite_deeds(struct carom_store *store, const struct carom_selection *selection, struct carom_deeds *deeds_r,
                       struct carom_error *err);
/* When the first decision was taken that is still kept; 0: there is none. */
int carom_sqlite_beginning(struct carom_store *store, int64_t *time_r, struct carom_error *err);

#endif
