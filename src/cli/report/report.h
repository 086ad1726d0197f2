/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How it went in a period, against the one before: counted once (count.c), then printed for a terminal, a browser, a
   spreadsheet or a program. */

#ifndef CAROM_CLI_REPORT_REPORT_H
#define CAROM_CLI_REPORT_REPORT_H

#include <stdio.h>

#include "cli/report/counter.h"
#include "ledger/care.h"

enum { CAROM_ACCOUNT_BUCKETS = 100, CAROM_ACCOUNT_INCIDENTS = 50, CAROM_ACCOUNT_TOP = 12 };

/* Whose matter a failure is. */
enum carom_matter { CAROM_MATTER_OURS, CAROM_MATTER_ADDRESS, CAROM_MATTER_PASSING, CAROM_MATTERS };

struct carom_bucket {
    int64_t time; /* ms, its beginning */
    int64_t matters[CAROM_MATTERS], complaints;
};

struct carom_account {
    struct carom_arena *arena;
    struct carom_selection selection; /* since and until: the period, never 0 */
    bool open;                        /* no end was given: what is decided meanwhile is of it too */
    struct carom_str part;            /* "provider google, list news…": what it is limited to; empty: nothing */
    int64_t now, before;              /* before: where the period before begins */
    int64_t beginning;                /* of the ledger */
    bool compared;                    /* the ledger knows all of the period before */
    int64_t sent;                     /* as given; 0: not known */

    struct carom_figure kinds[CAROM_KIND_COUNT], reasons[CAROM_REASON_COUNT], faults[CAROM_FAULT_COUNT];
    struct carom_figure failures, matters[CAROM_MATTERS];
    struct carom_figure held, ignored, unmatched; /* facts below the gate, and ignored: counted nowhere else; actions */
    struct carom_counter providers, lists, ours, words; /* ours: by reason, detail the provider; words: what was said */
    struct carom_deeds deeds, deeds_before;
    struct carom_bucket buckets[CAROM_ACCOUNT_BUCKETS];
    size_t buckets_n;
    int64_t bucket_ms;
    struct carom_incident incidents[CAROM_ACCOUNT_INCIDENTS]; /* the newest last */
    size_t incidents_n;
};

/* arena (guarded by the caller), selection, part, now and sent are set. */
int carom_account_count(struct carom_account *report, const struct carom_ledger *ledger, struct carom_error *err);

/* What a change means: only one that is more than chance, more than half as much again, and of more than a few. */
enum carom_trend { CAROM_TREND_NONE, CAROM_TREND_UP, CAROM_TREND_DOWN, CAROM_TREND_NEW, CAROM_TREND_GONE };
enum carom_trend carom_account_trend(const struct carom_account *report, const struct carom_figure *figure, double *factor_r);
/* "up ×3.2", or with arrows; empty for none. In the arena. */
const char *carom_account_change(const struct carom_account *report, const struct carom_figure *figure, bool utf8);
enum carom_matter carom_account_matter(enum carom_reason reason);
const char *carom_account_matter_name(enum carom_matter matter); /* "our own", … */

/* Numbers as people read them, in the arena: "12,345"; "1.23 %"; "2026-03-01 12:00". */
const char *carom_account_number(const struct carom_account *report, int64_t n);
const char *carom_account_share(const struct carom_account *report, int64_t n, int64_t of);
const char *carom_account_time(const struct carom_account *report, int64_t ms);
/* The numbers of those that are not 0 in both periods, the greatest first; there are as many as reasons at most. */
int carom_account_order(const struct carom_figure *figures, int n, int order[CAROM_REASON_COUNT]);
/* "google", "google and others". */
const char *carom_account_speaker(const struct carom_account *report, const struct carom_count *count);
/* What the counts are of, and are not: one sentence or two. */
const char *carom_account_basis(const struct carom_account *report);

/* What was done, as rows: fills out at most n of them, returns how many. A figure of -1 is not known. */
struct carom_deed_row {
    const char *name, *id;
    struct carom_figure n;
};
size_t carom_account_deeds(const struct carom_account *report, struct carom_deed_row *rows, size_t n);

struct carom_look {
    FILE *to;
    size_t width;
    bool utf8, colour;
};
void carom_account_terminal(struct carom_account *report, const struct carom_look *look);
void carom_account_html(struct carom_account *report, FILE *to);
void carom_account_csv(struct carom_account *report, FILE *to);
void carom_account_json(struct carom_account *report, FILE *to);

#endif
