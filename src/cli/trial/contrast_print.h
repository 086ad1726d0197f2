/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A contrast, for people and for machines. */

#ifndef CAROM_CLI_TRIAL_CONTRAST_PRINT_H
#define CAROM_CLI_TRIAL_CONTRAST_PRINT_H

#include "cli/trial/contrast.h"

struct carom_contrast_texts {
    const char *old, *new; /* how sentences call the two: "the old policy" */
    uint64_t copies, unread, failed[2];
    bool names, json;
};

/* On stdout: totals, a table of changes, who is removed and who no more; on request names. -1: no memory, or it cannot be
   written (errno). */
int carom_contrast_print(const struct carom_contrast *contrast, const struct carom_contrast_texts *texts);

#endif
