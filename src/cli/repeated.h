/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Errors of many messages: a mistake in a policy is the same for thousands of them, and is said once. */

#ifndef CAROM_CLI_REPEATED_H
#define CAROM_CLI_REPEATED_H

#include "carom.h"

enum { CAROM_CLI_REPEATED_MAX = 20 };

struct carom_cli_repeated {
    struct {
        struct carom_error err;
        uint64_t n;
    } list[CAROM_CLI_REPEATED_MAX];
    size_t n;
    uint64_t others; /* which found no room */
};

/* Counts it. true: it is new, and the caller says it. */
bool carom_cli_repeated_add(struct carom_cli_repeated *repeated, const struct carom_error *err);
/* How often, on stderr, of those that came more than once. */
void carom_cli_repeated_print(const struct carom_cli_repeated *repeated, const char *command);

#endif
