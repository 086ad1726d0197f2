/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a message says about delivery, before it is judged: who, which codes, whose words. The readers fill it. */

#ifndef CAROM_BOUNCE_REPORT_H
#define CAROM_BOUNCE_REPORT_H

#include "mail/message.h"

/* Why a message stands in the mailbox at all. */
enum carom_report_type {
    CAROM_REPORT_NONE,      /* nothing that we know: kind other */
    CAROM_REPORT_DELIVERY,  /* recipients with fates */
    CAROM_REPORT_FEEDBACK,  /* ARF and its variants */
    CAROM_REPORT_UNSUBSCRIBE,
    CAROM_REPORT_AUTOREPLY,
    CAROM_REPORT_CHALLENGE,
    CAROM_REPORT_RECEIPT,
};

/* What a text format or a DSN says of the fate where no code does. */
enum carom_claim { CAROM_CLAIM_NONE, CAROM_CLAIM_FAILED, CAROM_CLAIM_GAVE_UP, CAROM_CLAIM_DELAYED, CAROM_CLAIM_DELIVERED };

struct carom_report_recipient {
    struct carom_str original;  /* Original-Recipient, generated from, expanded from; address or empty */
    struct carom_str final;     /* Final-Recipient or the address in the text */
    struct carom_str action;    /* Action as stated, lower case, without comment */
    struct carom_str status;    /* the report's Status field, "" if none */
    struct carom_str diagnostic; /* the remote server's own words, unfolded, UTF-8; of text formats the paragraph */
    struct carom_str diagnostic_type; /* smtp, x-unix, x-postfix, …; empty in text formats */
    struct carom_str text_diagnostic; /* what the human part says of this recipient, where it differs */
    struct carom_str remote_mta, remote_ip, command;
    struct carom_str where; /* the field or part the diagnostic stood in: "Diagnostic-Code", "text" */
    bool session;           /* the remote server's words stand in a printed session: the report's own add nothing */
    int reply_code;         /* where stated outside the diagnostic */
    int exit_status;        /* of a local program, sysexits(3): an X-Unix diagnostic that is a number; 0: none */
    int64_t last_attempt, retry_until;
    enum carom_claim claim;
    struct carom_report_recipient *next;
};

struct carom_report {
    enum carom_report_type type;
    struct carom_str format; /* "rfc3464", "arf", "qmail", … */
    bool machine;            /* machine-readable or an unmistakable format: confidence high */
    bool truncated;         /* more recipients than are taken: some stand in the message only */
    bool guess;              /* the generic reader's wording: confidence low */
    struct carom_report_recipient *recipients, **tail;
    size_t n;
    struct carom_str reporting_mta, arrival_date, original_envelope_id;
    struct carom_str envelope_from;     /* of the returned message, where a field of the report states it */
    struct carom_str text;              /* the human text, UTF-8, cut at the returned message, at most 64 KiB */
    const struct carom_part *returned;  /* the part that holds the returned message or its headers, or NULL */
    struct carom_headers returned_headers; /* n 0: nothing came back */
    bool returned_complete;
    struct carom_autoreply autoreply;
    struct carom_feedback feedback;
    struct carom_str feedback_recipient;
    bool not_complaint; /* feedback that blames nobody: not-spam, auth-failure */
};

/* Reads a message. Never fails: a message that is none of ours gives CAROM_REPORT_NONE. sender: of the envelope;
   "", "<>" and MAILER-DAEMON are the null sender, NULL is not known. */
struct carom_report *carom_report_read(struct carom_arena *arena, const struct carom_message *message,
                                       const char *sender);

#endif
