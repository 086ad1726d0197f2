/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Delivery of what is due: claims jobs, hands them to the transport, settles the answers. Knows sinks, not Lua. */

#ifndef CAROM_OUTBOX_OUTBOX_H
#define CAROM_OUTBOX_OUTBOX_H

#include "base/log.h"
#include "decision/config.h"
#include "ledger/ledger.h"

struct carom_outbox_options {
    const struct carom_log *log;
    size_t parallel;     /* jobs in flight; 0: 64 */
    const volatile bool *stop; /* set by a signal handler; may be NULL */
    void (*dead)(void *user, const struct carom_job *job); /* a dead letter; may be NULL */
    void *user;
};
struct carom_outbox_summary {
    size_t done, failed, dead, waiting; /* failed: will be tried again */
    size_t unset; /* of those that wait: a secret or setting of their sink is missing, which the log names */
};

/* Delivers everything that is due now, once each. 0 even when deliveries failed (they are settled); -1: ledger or module. */
int carom_outbox_deliver(struct carom_ledger *ledger, const struct carom_config *config,
                         const struct carom_outbox_options *options, struct carom_outbox_summary *summary_r,
                         struct carom_error *err);

#endif
