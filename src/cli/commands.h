/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the module carom-commands holds: all that needs more than libc. The program that a mail server starts for a bounce
   is small for want of it, and only the worker loads it. */

#ifndef CAROM_CLI_COMMANDS_H
#define CAROM_CLI_COMMANDS_H

#include "cli/worker.h"

struct carom_commands {
    const char *version; /* carom_version() of the module; of another one than the program's nothing else may be used */
    int (*run)(int argc, char **argv); /* argv[1] is a subcommand other than pipe; returns the exit code */
    int (*decide)(const struct carom_worker *worker, struct carom_worker_door *door, struct carom_error *err);
};
#define CAROM_COMMANDS_FILE "carom-commands.so"
#define CAROM_COMMANDS_SYMBOL "carom_commands"
extern CAROM_API const struct carom_commands carom_commands;

#endif
