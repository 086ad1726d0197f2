/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The table of subcommands, in the module that the program loads for all of them but `pipe`. */

#include "cli/commands.h"

#include <stdio.h>

#include "cli/cli.h"

#define cmd_pipe NULL /* the program does that by itself */
#define COMMAND_ROW(name, summary) {#name, cmd_##name, summary},
static const struct carom_command commands[] = {CAROM_COMMANDS(COMMAND_ROW)};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), WORD_SIZE = 24 };

/* The words of the commands, as they are typed. */
static void spell(char words[][WORD_SIZE])
{
    for (size_t i = 0; i < COMMANDS; i++) {
        snprintf(words[i], WORD_SIZE, "%s", commands[i].name);
        for (char *c = words[i]; *c; c++)
            if (*c == '_')
                *c = '-';
    }
}

static int help(FILE *to, char words[][WORD_SIZE])
{
    fprintf(to, "usage: carom COMMAND [OPTIONS] …\n       carom --version\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-12s  %s\n", words[i], commands[i].summary);
    fprintf(to, "\nA SOURCE is a file, - for stdin, a directory of messages, an mbox, or a Maildir.\n"
                "carom COMMAND --help tells more; so does man carom-COMMAND.\n");
    return to == stdout ? EX_OK : EX_USAGE;
}

static int run(int argc, char **argv)
{
    const char *names[COMMANDS + 1] = {NULL};
    char words[COMMANDS][WORD_SIZE];

    spell(words);
    if (argc < 2)
        return help(stderr, words);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return help(stdout, words);
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = words[i];
        if (!strcmp(argv[1], words[i]) && commands[i].run)
            return commands[i].run(argc - 1, argv + 1);
    }
    const char *nearest = carom_cli_nearest(argv[1], names);
    fprintf(stderr, "carom: %s is no command%s%s%s; see carom --help\n", argv[1], nearest ? "; did you mean " : "",
            nearest ? nearest : "", nearest ? "?" : "");
    return EX_USAGE;
}

const struct carom_commands carom_commands = {.version = CAROM_VERSION, .run = run, .decide = carom_worker_decide};
