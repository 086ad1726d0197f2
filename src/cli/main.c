/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The program: pipe, and a door to all other subcommands. It is linked to libc alone: what decides a message stands in a
   module, so that a process that waits for a mail server's message is small and has nothing in it that could break. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/module.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/front.h"

/* In the worker of a pipe, and for every other command. An upgrade replaces one file after the other. */
static const struct carom_commands *load(struct carom_error *err)
{
    const struct carom_commands *commands = carom_module_load(CAROM_COMMANDS_FILE, CAROM_COMMANDS_SYMBOL, "all that decides", err);
    if (!commands || !strcmp(commands->version, carom_version()))
        return commands;
    carom_error_set(err, CAROM_ERROR_IO, "%s is of version %s, carom of version %s: install both from one package",
                    CAROM_COMMANDS_FILE, commands->version, carom_version());
    return NULL;
}

static int decide(const struct carom_worker *worker, struct carom_worker_door *door, struct carom_error *err)
{
    const struct carom_commands *commands = load(err);
    return commands ? commands->decide(worker, door, err) : -1;
}

static int run(int argc, char **argv)
{
    struct carom_error err = {0};
    const struct carom_commands *commands;

    if (argc > 1 && !strcmp(argv[1], "pipe"))
        return carom_front_command(argc - 1, argv + 1, decide);
    if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")))
        return printf("carom %s\n", carom_version()), EX_OK;
    commands = load(&err);
    return commands ? commands->run(argc, argv) : carom_cli_fail(&err);
}

int main(int argc, char **argv)
{
    char asked[] = "--help";

    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && !strcmp(argv[1], "help")) { /* help COMMAND is COMMAND --help */
        argv[1] = argv[2];
        argv[2] = asked;
    }
    if (argc > 3 && !strcmp(argv[1], CAROM_COMPLETE)) { /* the command completes its own words (complete.h) */
        char *command = argv[2];
        argv[2] = argv[1];
        argv[1] = command;
    }
    int code = run(argc, argv);
    return (fflush(stdout) != 0 || ferror(stdout)) && code == EX_OK ? carom_cli_output_failed(argv[1]) : code;
}
