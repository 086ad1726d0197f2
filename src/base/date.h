/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Points in time: seconds since 1970, UTC. 0 is "not known"; what is beyond 1970 to 9999 is not known. */

#ifndef CAROM_BASE_DATE_H
#define CAROM_BASE_DATE_H

#include "base/str.h"

/* RFC 5322 3.3 with the obsolete forms, and what mail really has: missing weekday, two-digit years, named zones,
   comments, asctime ("Mon Jan  2 15:04:05 2006", also of From_ lines), "2012-10-31 04-46-42". 0: not understood. */
int64_t carom_date_parse(struct carom_str text);

/* "2026-03-01T12:00:00Z" (RFC 3339) into out; returns its length. Beyond 1970 to 9999 it is the nearest of them. */
size_t carom_date_format(int64_t seconds, char out[32]);
int64_t carom_date_parse_rfc3339(struct carom_str text); /* 0: not understood */
/* When that day begins; 0: there is none such. */
int64_t carom_date_midnight(int64_t year, int64_t month, int64_t day);

/* "90s", "15m", "4h", "30d", "250ms" in milliseconds; -1: not a duration. */
int64_t carom_duration_parse_ms(struct carom_str text);

/* Now, milliseconds since 1970. */
int64_t carom_date_now_ms(void);
/* Of a clock that nobody sets, for how long something takes. */
int64_t carom_date_elapsed_ms(void);

#endif
