/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The tables. Keys are integers made by us, ascending in time; texts are never keys; times are milliseconds. No
   triggers, sequences or partial indexes, so that other databases can take it. */

#ifndef CAROM_LEDGER_SCHEMA_H
#define CAROM_LEDGER_SCHEMA_H

enum { CAROM_SCHEMA_VERSION = 1, CAROM_SCHEMA_APPLICATION = 0x43524f4d /* "CROM" */ };
extern const char *const carom_schema[]; /* statements; NULL ends */

#endif
