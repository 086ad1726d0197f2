/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The store linked into a program that wraps what it calls, or looks into it: in place of the module. */

#include "ledger/sqlite.h"

const struct carom_store_module *carom_store_load(struct carom_error *err)
{
    (void)err;
    return &carom_sqlite_store;
}
