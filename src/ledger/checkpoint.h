/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* SQLite's write-ahead log copied back into the file: after a commit of few facts when the log is long enough, during a
   batch beside it, so that nobody waits for the disk but who must. */

#ifndef CAROM_LEDGER_CHECKPOINT_H
#define CAROM_LEDGER_CHECKPOINT_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/arena.h"

struct carom_checkpoint {
    const char *path; /* borrowed */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool running; /* the thread is */
    int copied;   /* pages of the log when it was woken last */
    bool wanted, busy, ending; /* under the lock */
};

void carom_checkpoint_init(struct carom_checkpoint *checkpoint, const char *path);
/* Waits for what is being copied. */
void carom_checkpoint_deinit(struct carom_checkpoint *checkpoint);
/* After each commit: the log has so many pages; many: it was a large batch, and more may come. What cannot be copied now
   stays in the log, which is as safe. */
void carom_checkpoint_committed(struct carom_checkpoint *checkpoint, sqlite3 *handle, int pages, bool many);

#endif
