/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the mail server sees of carom pipe: small, and alive whatever happens to the worker that decides. It copies the
   message, keeps the deadline and the spool, and knows nothing of policies, ledgers and what is in a message. */

#ifndef CAROM_CLI_FRONT_H
#define CAROM_CLI_FRONT_H

#include "cli/ledger.h"
#include "cli/logging.h"
#include "cli/worker.h"

struct carom_front {
    struct carom_arena *arena; /* for names of directories */
    const struct carom_cli_place *place;
    struct carom_cli_log *log;
    struct carom_envelope envelope;
    const char *spool; /* NULL: there can be none, spool_err says why */
    struct carom_error spool_err;
    int64_t deadline_ms; /* from the end of the message on */
    /* In the worker: what it does; of struct carom_worker. */
    int (*decide)(const struct carom_worker *worker, struct carom_worker_door *door, struct carom_error *err);
};

/* What whoever started us left behind: alarms, signals, the mask of new files. To be called first. */
void carom_front_set_up(void);
/* Takes the message on stdin. 0: it is in the ledger or in the spool. -1: in neither, the server must keep it: err. */
int carom_front_take(struct carom_front *front, struct carom_error *err);

/* The subcommand. */
int carom_front_command(int argc, char **argv,
                        int (*decide)(const struct carom_worker *worker, struct carom_worker_door *door,
                                      struct carom_error *err));

#endif
