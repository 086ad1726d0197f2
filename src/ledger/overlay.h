/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The ledger of a dry run: what is there, read only, and what would be written, in memory. */

#ifndef CAROM_LEDGER_OVERLAY_H
#define CAROM_LEDGER_OVERLAY_H

#include "ledger/ledger.h"

/* path: the ledger's file; where there is none it is an empty one. Nothing is created. */
int carom_overlay_open(const char *path, struct carom_ledger *ledger_r, struct carom_error *err);

#endif
