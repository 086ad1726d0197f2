/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One message in a process of its own, which may crash, hang or be killed without harm to who started it. That one
   touches neither policy nor ledger, has no ledger open, and is asked before anything is committed. */

#ifndef CAROM_CLI_WORKER_H
#define CAROM_CLI_WORKER_H

#include "cli/ledger.h"
#include "cli/logging.h"

enum carom_worker_end {
    CAROM_WORKER_DONE,   /* committed whole */
    CAROM_WORKER_PARTLY, /* committed but for recipients whose hook failed: err says why */
    CAROM_WORKER_FAILED, /* nothing committed: err */
    CAROM_WORKER_KILLED, /* it crashed, or did not end in time and was killed; what it committed, if anything, is a copy
                            the next time: err */
};

struct carom_worker_door; /* to who started it */

struct carom_worker {
    const struct carom_cli_place *place; /* with a policy */
    struct carom_cli_log *log;
    int64_t deadline_ms;
    /* In the worker: carom_worker_decide, or what loads it first. */
    int (*decide)(const struct carom_worker *worker, struct carom_worker_door *door, struct carom_error *err);
    /* In the worker: the message and its envelope, which live as long as it does. */
    int (*message)(void *user, struct carom_str *bytes_r, struct carom_envelope *envelope_r, struct carom_error *err);
    /* In the one that started it. failed: why some recipients are left out; NULL. false: roll back, FAILED. May be NULL. */
    bool (*permit)(void *user, const struct carom_error *failed);
    void *user;
};

/* deadline_ms counts from now. */
enum carom_worker_end carom_worker_run(const struct carom_worker *worker, struct carom_error *err);

/* The worker's part: message, policy, ledger. 0: committed, but for whom carom_worker_ask was told of; -1. */
int carom_worker_decide(const struct carom_worker *worker, struct carom_worker_door *door, struct carom_error *err);
/* Of an engine's permit, with the door as its user. */
int carom_worker_ask(void *door, const struct carom_error *failed, struct carom_error *err);

#endif
