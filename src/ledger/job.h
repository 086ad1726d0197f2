/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A job: one action for one sink, durable until done. */

#ifndef CAROM_LEDGER_JOB_H
#define CAROM_LEDGER_JOB_H

#include "base/arena.h"

#define CAROM_JOB_STATES(X) X(WAITING, waiting) X(DONE, done) X(DEAD, dead) X(DROPPED, dropped)
#define CAROM_ENUM_JOB_STATE(name, word) CAROM_JOB_##name,
enum carom_job_state { CAROM_JOB_STATES(CAROM_ENUM_JOB_STATE) CAROM_JOB_STATE_COUNT };
const char *carom_job_state_name(enum carom_job_state state);

struct carom_job {
    int64_t id;
    int64_t fact;             /* the fact's row */
    struct carom_str key;     /* idempotency key, constant over retries: the webhook-id */
    struct carom_str sink;    /* full name in the configuration */
    struct carom_str action;  /* word */
    struct carom_str address; /* key of the address, for order; may be empty */
    struct carom_str data;    /* JSON object {"action":{…},"fact":{…}} */
    struct carom_str headers; /* header block of the returned message, for {header.X} */
    int64_t created, due;     /* ms */
    int64_t attempts, lease_until;
    enum carom_job_state state;
    struct carom_str last_answer; /* for people: "503 Service Unavailable" */
};

#endif
