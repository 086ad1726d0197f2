/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Is a ledger whole? Looks at each page and each row, beside writers, of whatever schema version; mends nothing. */

#ifndef CAROM_LEDGER_INSPECT_H
#define CAROM_LEDGER_INSPECT_H

#include "ledger/ledger.h"

struct carom_inspection {
    int64_t version;
    int64_t bytes, log; /* of the file, and of its write-ahead log */
    int64_t addresses, facts, messages, suppressions, departures, jobs, waiting, dead, held;
    int64_t findings;
};

/* What is wrong to `finding`, one sentence each. -1: it cannot be opened or read at all, or there is no memory
   for it. */
int carom_ledger_inspect(const char *url, void (*finding)(void *user, const char *text), void *user,
                         struct carom_inspection *inspection_r, struct carom_error *err);

#endif
