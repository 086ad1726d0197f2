/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Two policies judge the same messages, each with a ledger of its own in memory that grows by its own decisions. Each
   message is judged as of when it was received. Nothing is written, and no sink is told. */

#ifndef CAROM_CLI_TRIAL_TRIAL_H
#define CAROM_CLI_TRIAL_TRIAL_H

#include <time.h>

#include "cli/trial/contrast.h"
#include "cli/ledger.h"
#include "cli/repeated.h"
#include "cli/select.h"
#include "input/source.h"

struct carom_trial_side {
    struct carom_engine engine; /* its policy and its ledger in memory */
    struct carom_cli_repeated errors;
    uint64_t failed; /* messages whose hook failed */
};

struct carom_trial {
    struct carom_trial_side sides[2]; /* the old one, the new one */
    struct carom_contrast *contrast;
    struct carom_selection selection; /* what is compared; all is judged */
    struct carom_str references;      /* store whose ledger knows whom tokens mean; empty: none */
    bool alike;                       /* one reading serves both */
    bool progress;
    uint64_t messages, copies, unread;
    struct carom_source *source; /* NULL: the journal is judged */
    struct carom_ledger journal;
    int64_t journal_at; /* the fact that was taken last */
    time_t shown;
};

/* Loads both policies. -1: err. Close it in any case. */
int carom_trial_open(struct carom_trial *trial, const char *old, const char *new, struct carom_error *err);
void carom_trial_close(struct carom_trial *trial);
/* Judges and compares all messages of the source, or facts of the journal. */
int carom_trial_run(struct carom_trial *trial, unsigned threads, struct carom_error *err);

#endif
