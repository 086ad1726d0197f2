/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The tables of reply codes and enhanced status codes (src/tables), compiled in. */

#ifndef CAROM_SMTP_CODES_H
#define CAROM_SMTP_CODES_H

#include "base/sieve.h"

/* One row of reply-codes.tsv, which is in the order of the codes. Strings are static, NUL-terminated, "" for nothing. */
struct carom_code_row {
    int code;
    enum carom_reason reason; /* NONE: the code alone says nothing */
    const char *meaning;      /* for an operator, one sentence */
    const char *fault;        /* in words: whose fault it usually is */
    const char *advice;       /* what is usually done */
    const char *reference;    /* RFC 5321, … */
    const char *notes;        /* misuse seen in the wild */
};
/* One row of status-codes.tsv. A wildcard row of a subject has detail -1; X.* has both -1. */
struct carom_status_row {
    int klass; /* 2, 4, 5, or 0 for any */
    int subject;
    int detail, detail_last; /* a range for codes that providers use by the hundred; else both the same */
    bool vague;              /* so widely misused that any words outrank it: X.7.1, X.1.0 */
    enum carom_reason reason;
    const char *meaning, *reference, *notes;
};

/* One row of phases.tsv: what a sending server says about when the answer came. */
struct carom_phase_row {
    const char *phrase, *command;
};

extern const struct carom_phase_row carom_phases[];
extern const size_t carom_phases_n;
extern const struct carom_sieve carom_phases_sieves[];
extern const size_t carom_phases_sieves_n;
extern const struct carom_code_row carom_codes[];
extern const size_t carom_codes_n;
extern const struct carom_status_row carom_statuses[];
extern const size_t carom_statuses_n;

/* NULL when not in the table. */
const struct carom_code_row *carom_code_find(int code);
/* The most specific row: exact with class, exact of any class, the subject's; NULL: none. */
const struct carom_status_row *carom_status_find_row(struct carom_str status);

#endif
