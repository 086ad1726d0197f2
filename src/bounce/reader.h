/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The readers behind carom_report_read, one file each. A reader returns false when the message is not its own, and
   has then changed nothing; it adds recipients with carom_report_add. */

#ifndef CAROM_BOUNCE_READER_H
#define CAROM_BOUNCE_READER_H

#include "bounce/report.h"

struct carom_reading {
    struct carom_arena *arena;
    const struct carom_message *message;
    struct carom_report *report;
    struct carom_str subject; /* decoded */
    struct carom_str from;    /* address */
    struct carom_str text;    /* the first text part, UTF-8, at most 64 KiB: read once */
};

/* Appends a zeroed recipient. Its texts are CAROM_STR_EMPTY. */
struct carom_report_recipient *carom_report_add(struct carom_reading *reading);

bool carom_read_dsn(struct carom_reading *reading);       /* RFC 3464, RFC 6533 */
bool carom_read_feedback(struct carom_reading *reading);  /* RFC 5965, 6591, provider variants */
bool carom_read_receipt(struct carom_reading *reading);   /* RFC 8098 */
bool carom_read_text(struct carom_reading *reading);      /* the table tables/formats.txt */
bool carom_read_notice(struct carom_reading *reading);    /* auto-replies, challenges, unsubscribe mail: tables/notices.tsv */
bool carom_read_generic(struct carom_reading *reading);   /* cautious: a bounce that no format knows */

/* Finds the returned message, as a part or behind a marker line (tables/markers.tsv), and fills report->returned…;
   cuts report->text there. */
void carom_read_returned(struct carom_reading *reading);

#endif
