/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One writer at a time, in turn: a lock on a file beside the ledger. Waiting in line costs less than the collisions of
   SQLite's own busy handler, and the kernel lets go of it whatever becomes of the process. */

#ifndef CAROM_LEDGER_LOCK_H
#define CAROM_LEDGER_LOCK_H

#include "base/error.h"

struct carom_lock {
    int fd;
    char *path;
};

/* Opens (or makes, 0660) the lock file of the ledger at path. Closes with carom_lock_close. */
int carom_lock_open(struct carom_lock *lock_r, const char *path, struct carom_error *err);
void carom_lock_close(struct carom_lock *lock);
/* Waits its turn, at most 5 s: then CAROM_ERROR_BUSY. */
int carom_lock_take(struct carom_lock *lock, struct carom_error *err);
void carom_lock_release(struct carom_lock *lock);

#endif
