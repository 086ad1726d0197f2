/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Working off the spool: each message in a worker of its own, after a while, or when the policy has changed. */

#ifndef CAROM_CLI_SPOOLED_H
#define CAROM_CLI_SPOOLED_H

#include "cli/ledger.h"
#include "cli/logging.h"
#include "input/spool.h"

#define CAROM_SPOOLED_OPTION(directory) \
    { \
        "spool", CAROM_OPTION_TEXT, &(directory), "DIR", "the spool (default: spool in the state directory)" \
    }
#define CAROM_SPOOLED_DEADLINE_OPTION(deadline) \
    { \
        "deadline", CAROM_OPTION_TEXT, &(deadline), "DURATION", "how long a message may take to decide (default: 8s)" \
    }
/* Of that option, NULL the default. false: it is wrong, and that was said. */
bool carom_spooled_deadline(const char *command, const char *given, int64_t *ms_r);

/* As given, else in the state directory; in the arena. */
int carom_spooled_directory(struct carom_arena *arena, const struct carom_cli_place *place, const char *given,
                            struct carom_str *path_r, struct carom_error *err);
/* Changes with the program, with the file and with any Lua file beside it; 63 bits. It runs nothing of them. */
uint64_t carom_spooled_fingerprint(const char *policy);
/* Marks one more attempt that failed, and when the next one is due: 10 s, 40 s, … at most an hour later. */
enum { CAROM_SPOOLED_WAIT_MAX_MS = 3600 * 1000 };
void carom_spooled_tried(struct carom_spool_marks *marks, bool killed, const char *why, int64_t now);

struct carom_spooled {
    const struct carom_cli_place *place;
    struct carom_cli_log *log;
    const char *directory;
    int64_t deadline_ms;
    bool all; /* also what is not due; but not what was set aside under this policy */
};
struct carom_spooled_summary {
    size_t taken, failed, waiting, poison; /* waiting: not tried now */
};
/* One round, with no ledger open; none when somebody else is at it. 0, also where messages failed. */
int carom_spooled_work(const struct carom_spooled *spooled, struct carom_spooled_summary *summary_r,
                       struct carom_error *err);

void carom_spooled_print(const struct carom_spooled_summary *summary); /* a line on stdout */

/* Each message that waits and in which one of n address keys stands, as it is written or decoded in a fact. A row that
   returns -1 ends it. */
int carom_spooled_search(const char *directory, const struct carom_str *keys, size_t n,
                         int (*row)(void *user, const struct carom_spool_entry *entry,
                                    const struct carom_spool_message *message, struct carom_error *err),
                         void *user, struct carom_error *err);

/* For the commands that look: what waits. */
struct carom_spooled_standing {
    size_t waiting, poison;
    int64_t oldest;                      /* ms; 0 none */
    char why[512], poison_why[512];      /* of the oldest */
    const char *directory;
    struct carom_error err;              /* why it cannot be read */
};
void carom_spooled_look(struct carom_arena *arena, const char *directory, struct carom_spooled_standing *standing_r);

#endif
