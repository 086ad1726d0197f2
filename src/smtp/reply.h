/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* SMTP replies (RFC 5321 4.2) and enhanced status codes (RFC 3463) as they stand in bounces, logs and sessions. */

#ifndef CAROM_SMTP_REPLY_H
#define CAROM_SMTP_REPLY_H

#include "base/str.h"

struct carom_reply {
    int code;                /* 200 to 599, 0 not stated */
    struct carom_str status; /* "5.1.1", or empty */
    struct carom_str words;  /* what follows the codes, as written */
};

/* Enhanced status code, RFC 3463: class "." subject "." detail. Returns its length at the start of text, or 0 when
   there is none. Does not skip white space. */
size_t carom_status_length(struct carom_str text);
/* The first status code in text that stands by itself: not part of an IP address, a version or a number. */
struct carom_str carom_status_find(struct carom_str text);
/* X.0.0: says only the class. */
bool carom_status_is_filler(struct carom_str status);

/* The reply that stands in text, at its start or inside ("host x said: 550 5.1.1 …"), one line or many: "550 5.1.1 x",
   "550-5.1.1 x\n550 y", "550: 5.1.1 x", "550 550 5.1.1 x", "#5.1.1", "5.1.0 - Unknown address error 550-'5.1.1 x'",
   "smtp; 550 …". Code 0: none. */
struct carom_reply carom_reply_find(struct carom_str text);
/* The reply in quotes behind a label of the sending server's own, as in "5.1.0 - Unknown address error 550-'5.7.1 x'":
   from its code on; empty: there is no label. */
struct carom_str carom_reply_quoted(struct carom_str text);
/* What it answered, as the sending server says beside it: CONN EHLO MAIL RCPT DATA BDAT; empty: it does not (the first
   of tables/phases.tsv that stands in the text). */
struct carom_str carom_reply_command(struct carom_str text);

#endif
