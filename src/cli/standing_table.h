/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* An address's facts and standing, for people. */

#ifndef CAROM_CLI_STANDING_TABLE_H
#define CAROM_CLI_STANDING_TABLE_H

#include "ledger/history.h"

/* A fact as the ledger prints it, in a row; with whose it is. -1: it is no JSON. */
int carom_show_fact(struct carom_str line, bool address);
void carom_show_standing(struct carom_str address, const struct carom_history *history);

#endif
