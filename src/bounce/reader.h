/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The readers behind carom_report_read, one file each. A reader returns false when the message is not its own, and
   has then changed nothing; it adds recipients with carom_report_add. */

#ifndef CAROM_BOUNCE_READER_H
#define CAROM_BOUNCE_READER_H

#include "bounce/report.h"

/* What a message looks like from outside: its sender, its subject. */
struct carom_outside {
    struct carom_str subject;   /* decoded */
    struct carom_str folded;    /* the same, to compare without case */
    struct carom_str from;      /* address; without @ what stands there */
    struct carom_str from_name; /* display name */
    bool daemon;      /* From is a mail system */
    bool undelivered; /* Subject speaks of failed delivery */
    bool answer;      /* Subject is that of a person's answer or forward, From is no mail system */
    bool null_sender; /* Return-Path: <>, or marked as an automatic answer */
    bool unsent;      /* nothing says who the envelope sender was */
    bool bulk;        /* a mailing list or a newsletter */
    bool person;      /* no mail system: a mailing, a job, or somebody who writes mail */
};

struct carom_lines {
    struct carom_str *list;
    size_t n;
};

struct carom_reading {
    struct carom_arena *arena;
    const struct carom_message *message;
    const char *sender;       /* of the envelope, or NULL */
    struct carom_part *scope; /* the part whose own parts are the report: the root, or a report inside it */
    struct carom_report *report;
    struct carom_outside *outside; /* NULL: nobody asked yet (carom_report_outside) */
    struct carom_str text;         /* the text parts of scope, UTF-8, at most 64 KiB: read once */
    struct carom_lines lines;      /* of lines_of, which was report->text (carom_report_lines) */
    struct carom_str lines_of;
    struct carom_notices *notices; /* what bounce/notice.c has seen of it, or NULL */
    size_t scans; /* bytes that may still be searched for single recipients: keeps thousands of them linear */
};

/* Appends a zeroed recipient. Its texts are CAROM_STR_EMPTY. */
struct carom_report_recipient *carom_report_add(struct carom_reading *reading);
/* The recipient with that final address, or NULL. */
struct carom_report_recipient *carom_report_find(struct carom_reading *reading, struct carom_str addr);
/* Makes another part the report: reads its text and what it returns anew. */
void carom_report_enter(struct carom_reading *reading, struct carom_part *scope);
/* Read when the first reader asks: what has fields of its own needs none of it. */
const struct carom_outside *carom_report_outside(struct carom_reading *reading);
/* The message looks like a bounce from outside: sender or subject. */
bool carom_report_suspect(struct carom_reading *reading);
/* That, or a machine sent it: without either, words and layout of a bounce are what somebody quotes. */
bool carom_report_automatic(struct carom_reading *reading);
/* text has one of the phrases of tables/signs.tsv of that group. */
bool carom_report_sign(struct carom_str text, struct carom_str where);
/* text is one of the lines of tables/markers.tsv of that place. */
bool carom_report_marker(struct carom_str text, struct carom_str where);

bool carom_read_dsn(struct carom_reading *reading);       /* RFC 3464, RFC 6533, in the message's own parts */
bool carom_read_dsn_inside(struct carom_reading *reading); /* the same within an attached message or text */
bool carom_read_wrapped(struct carom_reading *reading); /* a bounce attached to what a gateway says of it */
bool carom_read_event(struct carom_reading *reading); /* Amazon SES through SNS, as mail */
bool carom_read_feedback(struct carom_reading *reading);  /* RFC 5965, 6591, provider variants */
bool carom_read_xarf(struct carom_reading *reading);      /* X-ARF: YAML or JSON */
bool carom_read_receipt(struct carom_reading *reading);   /* RFC 8098 */
bool carom_read_text(struct carom_reading *reading);      /* the table tables/formats.tsv */
bool carom_read_sure_notice(struct carom_reading *reading); /* tables/notices.tsv: rows that outrank the formats of bounces */
bool carom_read_notice(struct carom_reading *reading);    /* auto-replies, challenges, unsubscribe mail: the others */
/* What an automatic reply states: fills report->autoreply. type: what is known of it already, or empty. */
void carom_read_autoreply(struct carom_reading *reading, struct carom_str type);
/* The type that the text alone states, or empty. */
struct carom_str carom_autoreply_type(struct carom_reading *reading);
bool carom_read_generic(struct carom_reading *reading);   /* cautious: a bounce that no format knows */

/* Finds the returned message, as a part or behind a marker line (tables/markers.tsv), and fills report->returned…;
   cuts report->text there. */
void carom_read_returned(struct carom_reading *reading);

/* What the human text says of a recipient beside its machine-readable fields: fills text_diagnostic, or diagnostic
   where there is none. */
void carom_read_words(struct carom_reading *reading, struct carom_report_recipient *recipient);
/* What a text format (tables/formats.tsv) finds said of addr, when the message has that format; else empty. */
struct carom_str carom_text_words(struct carom_reading *reading, struct carom_str addr);
/* Host, address and command that the recipient's words name, and the address before forwarding (tables/details.tsv). */
void carom_read_details(struct carom_reading *reading, struct carom_report_recipient *recipient);
/* The session printed as ">>> RCPT To:<a>", "<<< 550 …": the reply that concerns addr, or, with none of its own and
   shared, the reply that ended the session. Empty: none. */
struct carom_str carom_transcript_reply(struct carom_reading *reading, struct carom_str addr, bool shared,
                                        struct carom_str *command_r, struct carom_str *host_r);
/* The first IPv4 address in text, or empty. */
struct carom_str carom_report_ip(struct carom_str text);
/* The first 2,000 lines of report->text. */
struct carom_lines carom_report_lines(struct carom_reading *reading);
/* The human text may be searched once more. */
bool carom_report_may_scan(struct carom_reading *reading);
/* The lines of text as one: runs of white space are one space, at most 4 KiB. */
struct carom_str carom_text_flow(struct carom_arena *arena, struct carom_str text);

#endif
