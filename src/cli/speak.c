/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How the program speaks to people: errors, exit codes, the word that was meant. */

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/nearest.h"
#include "cli/cli.h"

/* Root became the ledger's owner, and could have read it. */
static void say_to_whom(const char *text)
{
    const struct passwd *entry = geteuid() != 0 && strstr(text, strerror(EACCES)) ? getpwuid(geteuid()) : NULL;

    if (entry)
        fprintf(stderr, " (carom runs as %s)", entry->pw_name);
}

int carom_cli_fail(const struct carom_error *err)
{
    static const int exits[] = {
        [CAROM_ERROR_NONE] = EX_SOFTWARE,   [CAROM_ERROR_MEMORY] = EX_OSERR,    [CAROM_ERROR_IO] = EX_IOERR,
        [CAROM_ERROR_BUSY] = EX_TEMPFAIL,   [CAROM_ERROR_LIMIT] = EX_DATAERR,   [CAROM_ERROR_CONFIG] = EX_CONFIG,
        [CAROM_ERROR_SCRIPT] = EX_SOFTWARE, [CAROM_ERROR_USAGE] = EX_USAGE,
    };

    if (*err->text) {
        fprintf(stderr, "carom: %s", err->text);
        say_to_whom(err->text);
        fputc('\n', stderr);
    }
    return exits[err->code];
}

int carom_cli_no_memory(struct carom_arena *arena)
{
    struct carom_error err;

    carom_error_memory(&err);
    carom_arena_free(arena);
    return carom_cli_fail(&err);
}

int carom_cli_output_error(struct carom_error *err, const char *command)
{
    err->code = CAROM_ERROR_IO;
    err->text[0] = 0;
    if (errno != EPIPE)
        snprintf(err->text, sizeof(err->text), "%s: cannot write the output: %s", command, strerror(errno));
    return -1;
}

int carom_cli_output_failed(const char *command)
{
    struct carom_error err;
    carom_cli_output_error(&err, command);
    return carom_cli_fail(&err);
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
