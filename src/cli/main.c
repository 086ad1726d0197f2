/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The program: a table of subcommands, and what they share in speaking to people. */

#include "base/nearest.h"
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMAND_ROW(name, summary) {#name, cmd_##name, summary},
static const struct carom_command commands[] = {CAROM_COMMANDS(COMMAND_ROW)};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), WORD_SIZE = 24 };

int carom_cli_fail(const struct carom_error *err)
{
    static const int exits[] = {
        [CAROM_ERROR_NONE] = EX_SOFTWARE,   [CAROM_ERROR_MEMORY] = EX_OSERR,    [CAROM_ERROR_IO] = EX_IOERR,
        [CAROM_ERROR_BUSY] = EX_TEMPFAIL,   [CAROM_ERROR_LIMIT] = EX_DATAERR,   [CAROM_ERROR_CONFIG] = EX_CONFIG,
        [CAROM_ERROR_SCRIPT] = EX_SOFTWARE, [CAROM_ERROR_USAGE] = EX_USAGE,
    };

    fprintf(stderr, "carom: %s\n", err->text);
    return exits[err->code];
}

int carom_cli_output_failed(const char *command)
{
    fprintf(stderr, "carom: %s: cannot write the output: %s\n", command, strerror(errno));
    return EX_IOERR;
}

int carom_cli_usage(const char *command, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    /* A mail server takes the first words of its command for the status. */
    fprintf(stderr, "%scarom: %s: ", strcmp(command, "pipe") ? "" : "4.3.0 ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, "; see carom %s --help\n", command);
    va_end(args);
    return EX_USAGE;
}

const char *carom_cli_nearest(const char *word, const char *const *names)
{
    struct carom_nearest nearest = carom_nearest_to(carom_str(word));

    for (; *names; names++)
        carom_nearest_offer(&nearest, carom_str(*names));
    return nearest.best.len ? nearest.best.ptr : NULL;
}

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

int main(int argc, char **argv)
{
    const char *names[COMMANDS + 1] = {NULL};
    char words[COMMANDS][WORD_SIZE];

    signal(SIGPIPE, SIG_IGN);
    spell(words);
    if (argc < 2)
        return help(stderr, words);
    char asked[] = "--help";
    if (!strcmp(argv[1], "help") && argc == 3) { /* help COMMAND is COMMAND --help */
        argv[1] = argv[2];
        argv[2] = asked;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return help(stdout, words);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
        return printf("carom %s\n", carom_version()), EX_OK;
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = words[i];
        if (strcmp(argv[1], words[i]))
            continue;
        int code = commands[i].run(argc - 1, argv + 1);
        return (fflush(stdout) != 0 || ferror(stdout)) && code == EX_OK ? carom_cli_output_failed(argv[1]) : code;
    }
    const char *nearest = carom_cli_nearest(argv[1], names);
    fprintf(stderr, "carom: %s is no command%s%s%s; see carom --help\n", argv[1], nearest ? "; did you mean " : "",
            nearest ? nearest : "", nearest ? "?" : "");
    return EX_USAGE;
}
