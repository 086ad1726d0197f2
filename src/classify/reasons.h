/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The reasons in words (tables/reasons.tsv). */

#ifndef CAROM_CLASSIFY_REASONS_H
#define CAROM_CLASSIFY_REASONS_H

#include "carom.h"

struct carom_reason_row {
    enum carom_reason reason;
    const char *meaning, *advice;
    const char *said, *remedy; /* to the subscriber */
};
extern const struct carom_reason_row carom_reason_rows[];
extern const size_t carom_reason_rows_n;

#endif
