/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a hook asked for, as plain data, and the rules that hold for every decision (POLICY: unsubscribe and suppress
   may stand together, either cancels retry, ignore cancels all; low confidence never removes unless forced). */

#ifndef CAROM_DECISION_ACTION_H
#define CAROM_DECISION_ACTION_H

#include "base/json.h"
#include "classify/fact.h"
#include "decision/config.h"

#define CAROM_ACTIONS(X) \
    X(UNSUBSCRIBE, unsubscribe) X(SUPPRESS, suppress) X(UNSUPPRESS, unsuppress) X(RESUBSCRIBE, resubscribe) \
    X(RETRY, retry) X(SCORE, score) X(PROBE, probe) X(WEBHOOK, webhook) X(RUN, run) X(FORWARD, forward) \
    X(ALERT, alert) X(TAG, tag) X(IGNORE, ignore)
#define CAROM_ENUM_ACTION(name, word) CAROM_ACTION_##name,
enum carom_action_type { CAROM_ACTIONS(CAROM_ENUM_ACTION) CAROM_ACTION_COUNT };
const char *carom_action_name(enum carom_action_type type);

/* unmatched: no list, no recipient: recorded, counted and listed, not carried out. refused: low confidence without
   force, a retry beyond its limit, cancelled by another. held: waits for a person (decision/hold.h); then it is decided
   or discarded. undone: carried out and taken back. */
#define CAROM_ACTION_STATES(X) \
    X(DECIDED, decided) X(UNMATCHED, unmatched) X(REFUSED, refused) X(HELD, held) X(DISCARDED, discarded) \
    X(UNDONE, undone)
#define CAROM_ENUM_ACTION_STATE(name, word) CAROM_ACTION_##name,
enum carom_action_state { CAROM_ACTION_STATES(CAROM_ENUM_ACTION_STATE) CAROM_ACTION_STATE_COUNT };
const char *carom_action_state_name(enum carom_action_state state);

struct carom_decided {
    enum carom_action_type type;
    enum carom_action_state state;
    const char *note;        /* why not; static, or in the arena */
    struct carom_str at;     /* where the policy asked for it: "policy.lua:12"; may be empty */
    struct carom_str list;   /* unsubscribe, suppress with scope list: the list's id */
    bool all;                /* unsubscribe: every configured list */
    bool list_only;          /* suppress: by that list only */
    int64_t duration_ms;     /* suppress: 0 for good */
    int64_t due;             /* retry: seconds since 1970 */
    int64_t after_ms, limit; /* retry */
    double points;           /* score */
    struct carom_str endpoint, payload; /* webhook: payload is a JSON object */
    struct carom_str command;           /* run: its name in the configuration */
    struct carom_pair *arguments;       /* run: appended to its argv, as values */
    struct carom_str to;                /* forward: the person's address */
    struct carom_str text, key, value;  /* alert: text and key; tag: key and value */
    int64_t every_ms;        /* alert */
    bool force;
    int accept;              /* enum carom_authenticity, plus 1, that is enough for this one below the gate; 0: none */
    int64_t changed;         /* when somebody changed its state (release, discard, undo); seconds, 0 nobody did */
    bool kept;               /* it stands in the decision before this one too (decision/merge.h) */
    struct carom_decided *next;
};

struct carom_decision {
    struct carom_str hook; /* "on_permanent"; empty: none is defined */
    struct carom_decided *first, **tail;
    bool ignored; /* the fact is recorded and never counted */
    enum carom_hold { CAROM_HOLD_NONE, CAROM_HOLD_GATE, CAROM_HOLD_OBSERVE, CAROM_HOLD_BREAKER } hold; /* why some are held */
    struct carom_arena *arena; /* of its actions; set by the first of them */
};

void carom_decision_init(struct carom_decision *decision);
struct carom_decided *carom_decision_add(struct carom_arena *arena, struct carom_decision *decision,
                                         enum carom_action_type type); /* arena_try: NULL without memory */
/* Applies the rules above once the hook has returned; fills in what follows from the fact: list, the retry's due time,
   the alert's key, and the placeholders in an alert's text and key. */
void carom_decision_settle(struct carom_decision *decision, const struct carom_fact *fact,
                           const struct carom_config *config);
/* A retry already past when its fact is recorded (now: ms): an archive is not sent again. Due times are whole seconds. */
bool carom_decided_is_too_late(const struct carom_decided *decided, int64_t now);
/* Does a retry count for its limit? The points of its scores: what is held counts with its fact, once that does. */
bool carom_decision_retries(const struct carom_decision *decision, int64_t now);
double carom_decision_points(const struct carom_decision *decision);
/* The arguments of one action as a JSON object: {"action":"suppress","duration":"90d",…}. */
void carom_decided_write(const struct carom_decided *decided, const struct carom_fact *fact, struct carom_json *json);

#endif
