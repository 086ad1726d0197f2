/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a policy's configuration amounts to. */

#ifndef CAROM_CLI_LINT_IN_FORCE_H
#define CAROM_CLI_LINT_IN_FORCE_H

#include "policy/policy.h"

/* Prints a call of carom.configure with every key, those that have their default marked. Secrets are never shown, nor
   what may hold one (headers, forms, bodies, queries of URLs). */
void carom_in_force_print(const struct carom_policy *policy);

#endif
