/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom run --lines: the protocol for programs in other languages, one JSON object a line in and out. */

#ifndef CAROM_CLI_LINES_H
#define CAROM_CLI_LINES_H

#include "cli/logging.h"
#include "engine/engine.h"

/* Reads the files ("-" is stdin) and answers on stdout, each line in its turn and not before its commit. list: of
   lines that name none; may be NULL. log: a line for each decision; NULL: none. Returns the exit code. */
int carom_cli_lines(struct carom_engine *engine, const char *const *paths, size_t n, const char *list,
                    struct carom_cli_log *log);

#endif
