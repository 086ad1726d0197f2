/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the ledger's numbers mean to the operator: all is well, look at it, or act now; each with why and what to do. */

#ifndef CAROM_CLI_HEALTH_H
#define CAROM_CLI_HEALTH_H

#include "cli/owner.h"
#include "cli/spooled.h"
#include "ledger/care.h"

enum carom_health_level { CAROM_HEALTH_GREEN, CAROM_HEALTH_YELLOW, CAROM_HEALTH_RED };
const char *carom_health_word(enum carom_health_level level);

struct carom_finding {
    enum carom_health_level level;
    struct carom_str what, remedy; /* in the arena */
    struct carom_finding *next;
};

struct carom_health {
    struct carom_arena *arena;
    int64_t now;       /* ms */
    int64_t silent_ms; /* how long may no message come? 0: for ever */
    struct carom_str url;
    struct carom_owner taker; /* who takes mail: the owner of the state directory; for carom_health_read_place */
    struct carom_standing standing;
    struct carom_spooled_standing spool;
    struct carom_pause *stopped; /* sinks, in the order in which they were */
    size_t stopped_n;
    enum carom_health_level level; /* the worst of the findings */
    struct carom_finding *first;   /* the worst ones first */
};

/* Judges what the ledger and the spool need, from outside: rights of files and directories, and room. What is wrong there
   may be why the ledger cannot be read at all. */
void carom_health_read_place(struct carom_health *health);
/* Judges what is in the spool. */
void carom_health_read_spool(struct carom_health *health);
/* Reads the ledger and judges; the spool, too. arena, now, silent_ms, url and spool (carom_spooled_look) are set. */
int carom_health_read(struct carom_health *health, struct carom_ledger *ledger, struct carom_error *err);

/* "3 min", "2 h", "5 d": for people. */
struct carom_str carom_health_span(struct carom_arena *arena, int64_t ms);

/* For a monitor: the line with its performance data; the text format of Prometheus. */
void carom_health_print_nagios(const struct carom_health *health);
void carom_health_print_prometheus(const struct carom_health *health);
/* Of the latter only how it goes and when that was asked, where no more is known. level: 3 not known. */
void carom_health_print_level(const struct carom_health *health, int level);

#endif
