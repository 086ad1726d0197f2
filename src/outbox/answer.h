/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What an answer means to a sink, and how it is told to people. */

#ifndef CAROM_OUTBOX_ANSWER_H
#define CAROM_OUTBOX_ANSWER_H

#include "base/buf.h"
#include "decision/config.h"
#include "outbox/command.h"
#include "outbox/transport.h"

enum carom_verdict {
    CAROM_VERDICT_DONE,
    CAROM_VERDICT_RETRY, /* later, by the schedule */
    CAROM_VERDICT_DEAD,  /* sending the same again would bring the same answer */
    CAROM_VERDICT_PENDING, /* taken, not yet done */
    CAROM_VERDICT_PAUSE,   /* the endpoint, not the job: everything for it waits */
    CAROM_VERDICT_ASTRAY,  /* the same, it seems; this job uses an attempt, since it may be the only one that is answered so */
    CAROM_VERDICT_DISABLE, /* the same, until somebody enables it */
};

enum carom_verdict carom_answer_judge(const struct carom_sink *sink, const struct carom_answer *answer);

/* "503 Service Unavailable: what the body begins with", made harmless: one line of valid UTF-8. */
void carom_answer_print(const struct carom_sink *sink, const struct carom_answer *answer, struct carom_buf *out);

/* The same of a command; proof: it is the sink's `verify`. */
enum carom_verdict carom_end_judge(const struct carom_sink *sink, const struct carom_command_end *end, bool proof);
void carom_end_print(const struct carom_command_end *end, bool proof, struct carom_buf *out);

#endif
