/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which errors were said already, and how often each came. */

#include "cli/repeated.h"

#include <stdio.h>
#include <string.h>

bool carom_cli_repeated_add(struct carom_cli_repeated *repeated, const struct carom_error *err)
{
    for (size_t i = 0; i < repeated->n; i++)
        if (strcmp(repeated->list[i].err.text, err->text) == 0)
            return repeated->list[i].n++, false;
    if (repeated->n == CAROM_CLI_REPEATED_MAX)
        return repeated->others++, false;
    repeated->list[repeated->n].err = *err;
    repeated->list[repeated->n++].n = 1;
    return true;
}

void carom_cli_repeated_print(const struct carom_cli_repeated *repeated, const char *command)
{
    for (size_t i = 0; i < repeated->n; i++)
        if (repeated->list[i].n > 1)
            fprintf(stderr, "carom: %s: %llu messages: %s\n", command, (unsigned long long)repeated->list[i].n,
                    repeated->list[i].err.text);
    if (repeated->others)
        fprintf(stderr, "carom: %s: %llu messages more failed, each with yet another error\n", command,
                (unsigned long long)repeated->others);
}
