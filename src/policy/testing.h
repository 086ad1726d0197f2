/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Tests of a policy, in Lua: a file of them runs in a sandbox of its own and acts on a stage that somebody else sets. */

#ifndef CAROM_POLICY_TESTING_H
#define CAROM_POLICY_TESTING_H

#include "base/log.h"
#include "classify/made.h"
#include "decision/action.h"

/* What became of one recipient. All borrowed until the next act. */
struct carom_shown {
    const struct carom_fact *fact;
    struct carom_str hook;
    bool duplicate;
    const char *held; /* gate, observe, breaker; NULL: nothing is held */
    const struct carom_action *actions;
    size_t n;
};

/* carom.fact{} of a test. */
struct carom_made {
    const struct carom_made_field *fields;
    size_t n;
    uint64_t serial;
    struct carom_str text; /* bounce.text; may be empty */
};

/* A job that was given up. */
struct carom_dead_letter {
    const char *action, *last_answer;
    int64_t attempts;
};

/* Where tests act. Each gives 0, or -1 with err, which fails the test at the line that asked. */
struct carom_stage {
    int (*begin)(void *user, struct carom_error *err); /* an empty ledger, the clock at its start */
    int64_t (*now)(void *user);                        /* seconds since 1970 */
    void (*set_now)(void *user, int64_t now);
    int (*feed)(void *user, const struct carom_made *made, struct carom_error *err);
    int (*message)(void *user, struct carom_str bytes, const struct carom_envelope *envelope, struct carom_error *err);
    int (*reply)(void *user, const struct carom_reply_input *input, struct carom_error *err);
    int (*dead_letter)(void *user, const struct carom_made *made, const struct carom_dead_letter *letter,
                       struct carom_error *err);
    size_t (*shown)(void *user, const struct carom_shown **shown_r); /* of the last act */
    int (*sign)(void *user, const struct carom_verp_input *input, char path_r[CAROM_VERP_PATH_SIZE],
                struct carom_error *err);
    /* May it be mailed? 1 yes; 0 no, and why; -1. */
    int (*check)(void *user, const char *address, const char *list, struct carom_refusal *refusal_r,
                 struct carom_error *err);
    void *user;
};

struct carom_test {
    const char *name;
    int line; /* where it stands in its file */
    enum { CAROM_TEST_PASSED, CAROM_TEST_FAILED, CAROM_TEST_LEFT_OUT } result;
    struct carom_str failure; /* several lines, the first with file and line; empty: none */
    int64_t us;               /* how long it took */
    struct carom_test *next;
};

struct carom_testing;

/* Loads a file of tests. NULL: err says file, line and what to do. Free with carom_testing_free. */
struct carom_testing *carom_testing_load(const char *path, const struct carom_stage *stage, struct carom_error *err);
/* Runs those whose name holds the filter (a part of it, caseless, `*` any run; NULL: all), in order. -1: no memory. */
int carom_testing_run(struct carom_testing *testing, const char *filter, struct carom_error *err);
const struct carom_test *carom_testing_tests(const struct carom_testing *testing); /* borrowed until freed */
void carom_testing_free(struct carom_testing *testing); /* NULL is allowed */

#endif
