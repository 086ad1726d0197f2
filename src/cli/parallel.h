/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Several threads over one source, with the output in the order of the input. */

#ifndef CAROM_CLI_PARALLEL_H
#define CAROM_CLI_PARALLEL_H

#include "cli/print.h"
#include "input/source.h"

enum { CAROM_PARALLEL_MAX = 64 };

struct carom_parallel {
    struct carom_source *source;
    unsigned threads;
    FILE *to;
    /* Of one message, adds lines to print. Called by several threads at once, each with an arena and a print of its own. */
    int (*read)(struct carom_arena *arena, const struct carom_source_item *item, struct carom_print *print,
                struct carom_error *err);
};

/* To the end of the source. Errors go to stderr; returns the exit code. *any_r: the source had something. */
int carom_parallel_run(const struct carom_parallel *parallel, bool *any_r);

#endif
