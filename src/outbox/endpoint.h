/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The sinks of one run, and which of them are stopped. */

#ifndef CAROM_OUTBOX_ENDPOINT_H
#define CAROM_OUTBOX_ENDPOINT_H

#include "base/log.h"
#include "decision/config.h"
#include "ledger/ledger.h"

enum { CAROM_PAUSE_MS = 60 * 1000 }; /* between two trials of a stopped endpoint */

struct carom_endpoint {
    struct carom_str name;         /* in the memory behind it */
    const struct carom_sink *sink; /* NULL: not in the configuration */
    unsigned failures;             /* in a row */
    bool stopped;
    bool kept;     /* the ledger says so too */
    bool trial;    /* its time has come: one job may try it */
    int64_t since; /* ms */
    int64_t mails; /* forwarded bounces and probes of the last hour, as far as we know */
    char why[512];
    struct carom_endpoint *next;
};

struct carom_endpoints {
    struct carom_endpoint *first;
    const struct carom_config *config;
    const struct carom_ledger *ledger;
    const struct carom_log *log;
    int64_t now; /* ms */
};

/* Takes over what the ledger keeps as stopped. 0 or -1. */
int carom_endpoints_load(struct carom_endpoints *endpoints, struct carom_error *err);
void carom_endpoints_deinit(struct carom_endpoints *endpoints);
struct carom_endpoint *carom_endpoint_find(struct carom_endpoints *endpoints, struct carom_str name); /* NULL: no memory */

/* May a job go to it? *trial_r: it is the one that tries whether a stopped one is back. */
bool carom_endpoint_open(struct carom_endpoint *endpoint, bool *trial_r);
/* It answered sensibly. 0, or -1: the ledger could not be told. */
int carom_endpoint_alive(struct carom_endpoints *endpoints, struct carom_endpoint *endpoint, struct carom_error *err);
/* It failed once more; the fifth time in a row, or at a trial, it is stopped. */
int carom_endpoint_failed(struct carom_endpoints *endpoints, struct carom_endpoint *endpoint, struct carom_error *err);
/* Stopped for this run: what is wrong is found anew, without asking anybody, by the next. */
void carom_endpoint_hold(struct carom_endpoints *endpoints, struct carom_endpoint *endpoint, const char *why);
/* Stopped for this run and the next ones, with a trial a minute; for_good: until somebody enables it. */
int carom_endpoint_stop(struct carom_endpoints *endpoints, struct carom_endpoint *endpoint, const char *why,
                        bool for_good, struct carom_error *err);

#endif
