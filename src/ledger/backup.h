/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A copy of all that would be missed: ledger, spool and keys, as they were at one moment, while others go on writing. */

#ifndef CAROM_LEDGER_BACKUP_H
#define CAROM_LEDGER_BACKUP_H

#include "ledger/ledger.h"

struct carom_backup {
    int64_t bytes;   /* of the ledger */
    int64_t spooled; /* files of the spool */
    bool key;        /* there was one, of the erased addresses */
};

/* Makes the directory `to`, which must not be there: carom.db, carom.db.key and spool/. It has that name only once all of
   it is on the disk. spool: a directory, which need not be there, or NULL. */
int carom_ledger_backup(const char *url, const char *spool, const char *to, struct carom_backup *backup_r,
                        struct carom_error *err);

#endif
