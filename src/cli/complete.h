/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What may stand where the cursor is, for shells: from the tables that the program itself reads its command line by, so
   that no option is without its completion. The scripts in completion/ only ask. */

#ifndef CAROM_CLI_COMPLETE_H
#define CAROM_CLI_COMPLETE_H

#include "cli/cli.h"

/* `carom COMMAND --complete WORD…`: prints what the last word may become, one a line with its description behind a tab;
   ":files" and ":directories" leave it to the shell. */
#define CAROM_COMPLETE "--complete"
void carom_complete(int argc, char **argv, const struct carom_option *options, const char *usage);
/* One candidate, where word begins it. */
void carom_complete_offer(const char *candidate, const char *description, struct carom_str word);

/* The i-th word that may stand for an argument of that name, and what it means, or NULL; only where it is set are more
   known than files and directories. */
extern const char *(*carom_complete_words)(const char *argument, size_t i, const char **description_r);

#endif
