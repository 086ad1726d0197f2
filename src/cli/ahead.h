/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The messages of a source, worked on by several threads: prepared side by side, used one after the other in the order of
   the source. */

#ifndef CAROM_CLI_AHEAD_H
#define CAROM_CLI_AHEAD_H

#include "input/source.h"

struct carom_ahead {
    struct carom_source *source;
    unsigned threads; /* the caller's is one of them */
    void *user;
    /* In any order, several at once. *made goes to use; it is what use left there of an earlier message, or NULL. -1 with
       err stops. */
    int (*prepare)(void *user, const struct carom_source_item *item, void **made, struct carom_error *err);
    /* In order. It sets *made to NULL if it takes it. -1 with err stops, 1 stops without one. */
    int (*use)(void *user, const struct carom_source_item *item, void **made, struct carom_error *err);
    void (*drop)(void *made); /* of what nobody took, in the end */
    /* In order as well: this one could not be read, the others go on; where the source stands now (may be NULL). */
    void (*unread)(void *user, const struct carom_error *err);
    void (*stands)(void *user, uint64_t done, uint64_t total);
};

/* 0 at the end of the source, 1 stopped by use, -1 with the error of the first that failed. */
int carom_ahead_run(const struct carom_ahead *ahead, struct carom_error *err);

#endif
