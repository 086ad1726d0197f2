/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A job: one action for one sink, durable until done. */

#ifndef CAROM_LEDGER_JOB_H
#define CAROM_LEDGER_JOB_H

#include "base/arena.h"

/* pending: taken by the other side and not yet done; looked at again when due. */
#define CAROM_JOB_STATES(X) X(WAITING, waiting) X(DONE, done) X(DEAD, dead) X(DROPPED, dropped) X(PENDING, pending)
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
    struct carom_str headers; /* header block of the returned message, for {header.X}; as the ledger keeps it, packed */
    int64_t created, due;     /* ms; due of one that is done or dead: when that was */
    int64_t begun;            /* its attempts: when created, or sent again by hand */
    int64_t attempts, lease_until;
    enum carom_job_state state;
    struct carom_str last_answer; /* for people: "503 Service Unavailable" */
};

/* What a job that mails the message on needs beyond itself. */
struct carom_job_mail {
    struct carom_str raw;     /* the message behind its fact; empty: not kept, or gone since */
    int64_t received;         /* ms */
    bool same_delivery_known; /* its delivery has an identity, so that `before` means something */
    int64_t before;           /* the job of this sink that was done for the same delivery; 0: none */
    bool erased;              /* the job itself is gone: its address was forgotten */
};

/* A sink to which nothing goes for now. */
struct carom_pause {
    struct carom_str sink, why;
    int64_t since; /* ms; 0: not stopped any more */
    int64_t until; /* ms: the next trial; 0: none until it is enabled by hand */
};

#endif
