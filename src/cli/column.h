/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A column of addresses, one a line, millions of them: prints those that may be mailed, or those that may not. */

#ifndef CAROM_CLI_COLUMN_H
#define CAROM_CLI_COLUMN_H

#include "ledger/ledger.h"

struct carom_column {
    const struct carom_ledger *ledger;
    struct carom_str list;
    bool held;  /* a removal that waits is a no */
    int64_t now;
    bool denied; /* print the others */
    unsigned threads;
};

/* From the descriptor to stdout, in the order in which they came, and before it waits for more of them. At the end it says on
   stderr how many were no address, if any. */
int carom_column_check(const struct carom_column *column, int fd, struct carom_error *err);

#endif
