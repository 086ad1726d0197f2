/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Suppressions in a file: CSV (RFC 4180) or JSON lines, as other systems export them. */

#ifndef CAROM_CLI_ROWS_H
#define CAROM_CLI_ROWS_H

#include "engine/engine.h"
#include "ledger/care.h"

/* Reads all of text, which came from the file name, and calls row for each. The texts of a row are in the arena; its list
   is one of the policy's (may be NULL), if that has any. -1: there are rows that cannot be understood: the first ten are
   named on stderr, and err counts them; or what row returned. passed_over_r: the columns of CSV that mean nothing to us,
   "Name, Tags"; empty where there is none. */
int carom_rows_read(struct carom_arena *arena, const struct carom_policy *policy, const char *name, struct carom_str text,
                    int (*row)(void *user, const struct carom_ban *ban), void *user, struct carom_str *passed_over_r,
                    struct carom_error *err);

#endif
