/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The past of one address, and what follows from it: counts are of deliveries (POLICY, History). Computed from the
   set of facts by effective time, whatever the order of arrival; the store only hands over rows. */

#ifndef CAROM_LEDGER_HISTORY_H
#define CAROM_LEDGER_HISTORY_H

#include "base/arena.h"

/* One fact as remembered. Times are milliseconds since 1970. */
struct carom_past {
    int64_t id;
    enum carom_kind kind;
    enum carom_reason reason;
    enum carom_authenticity authenticity;
    bool hard, ignored;
    bool held;         /* below the gate: does not count until it is released */
    bool retried;      /* a retry was decided with it */
    int64_t time;      /* effective: the failure's where within 30 days before received, else received */
    int64_t received;
    uint64_t delivery; /* hash; 0: stands alone */
    struct carom_str list;
    double points;     /* score given with it */
};

struct carom_suppression {
    struct carom_str list; /* empty: everywhere */
    int64_t since, until;  /* ms; until 0: for good */
    int64_t cause;         /* effective time of the fact that it came from */
    bool soft;             /* came only from soft bounces: a delivery lifts it */
    struct carom_str reason; /* for people */
    struct carom_suppression *next;
};
struct carom_departure { /* left a list */
    struct carom_str list; /* empty: all of them */
    bool each;             /* that is, one by one: nothing is said of lists that come later */
    int64_t since;
    struct carom_departure *next;
};
struct carom_tag {
    struct carom_str key, value;
    struct carom_tag *next;
};

struct carom_history {
    struct carom_past *list; /* in any order (counting arranges it); the present fact is not among them */
    size_t n;
    struct carom_past present;
    struct carom_suppression *suppressions;
    struct carom_departure *departures;
    struct carom_tag *tags;
    int64_t restored;  /* when somebody last took the address back (undo, a suppression removed); ms, 0 never */
    int64_t half_life_ms;
    int64_t now; /* ms */
};

/* No past: what the caller set (present, half life, now) stays. */
void carom_history_empty(struct carom_history *history);

struct carom_filter {
    int kind, reason, fault, authenticity; /* -1 any; authenticity: at least */
    int hard;                              /* -1 any, 0, 1 */
    struct carom_str list;                 /* empty any */
    int64_t within_ms;                     /* from then to the present fact's time; 0 any time */
    bool days;                             /* distinct UTC days instead of deliveries */
    bool held;                             /* those below the gate too */
};
struct carom_filter carom_filter_any(void);

/* Deliveries of which at least one fact passes the filter, the present one included. A transient fact does not count
   once its delivery has a permanent or a later transient one; a delivered fact clears the soft failures before it;
   ignored facts never count. Without a kind, a failure or delay counts failures and everything else its own kind, so
   that no vacation notice counts as a bounce; `delayed` counts only when asked for. */
int64_t carom_history_count(const struct carom_history *history, const struct carom_filter *filter);
int64_t carom_history_first(const struct carom_history *history, const struct carom_filter *filter); /* ms, 0 none */
int64_t carom_history_last(const struct carom_history *history, const struct carom_filter *filter);
double carom_history_score(const struct carom_history *history); /* decayed to now */
int64_t carom_history_delivered_at(const struct carom_history *history); /* ms, 0 never */
bool carom_history_suppressed(const struct carom_history *history, struct carom_str list);
/* Retries already given to the present delivery; without an id, to all such of this address and list. */
int64_t carom_history_retries(const struct carom_history *history);
/* The effective time of a fact, ms. */
int64_t carom_history_time(const struct carom_fact *fact);

#endif
