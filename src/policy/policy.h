/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The operator's Lua file: loaded once into a sandbox, asked once per fact. Hooks only describe actions. */

#ifndef CAROM_POLICY_POLICY_H
#define CAROM_POLICY_POLICY_H

#include "base/log.h"
#include "decision/action.h"
#include "ledger/ledger.h"

struct carom_policy;
struct carom_coverage;
struct carom_judging; /* classify/rules.h */

/* Loads and checks the file: syntax, configuration keys, hook names. NULL: err says file, line and what to do. */
struct carom_policy *carom_policy_load(const char *path, const struct carom_log *log, struct carom_error *err);
/* The same, for trying it: what it runs is noted in coverage (policy/coverage.h), which must live longer. */
struct carom_policy *carom_policy_load_covered(const char *path, const struct carom_log *log,
                                               struct carom_coverage *coverage, struct carom_error *err);
void carom_policy_free(struct carom_policy *policy);
const struct carom_config *carom_policy_config(const struct carom_policy *policy); /* borrowed until freed; of NULL: NULL */
void carom_config_default(struct carom_config *config); /* what holds where a policy says nothing */

/* What it consists of, in order of reading; the hooks that it defines, in order of their names; so the other global
   functions of its own. NULL: no more. */
struct carom_policy_file {
    struct carom_str name; /* as error texts name it: "policy.lua" */
    struct carom_str path;
    struct carom_policy_file *next;
};
struct carom_policy_hook {
    struct carom_str name;
    struct carom_str at; /* where it begins: "policy.lua:12" */
    bool decides;        /* facts run it */
    struct carom_policy_hook *next;
};
const struct carom_policy_file *carom_policy_files(const struct carom_policy *policy);
/* Reads it once more, into the arena, whose guard it sets itself. */
int carom_policy_file_text(struct carom_arena *arena, const struct carom_policy_file *file, struct carom_str *text_r,
                           struct carom_error *err);
const struct carom_policy_hook *carom_policy_hooks(const struct carom_policy *policy);
const struct carom_policy_hook *carom_policy_functions(const struct carom_policy *policy);
/* Is one of the hooks run by facts? If not, nothing is ever decided. */
bool carom_policy_decides(const struct carom_policy *policy);
/* The hook of which a function's name is one letter or its underscores away, as onpermanent is; in the arena (guarded).
   Empty: none, or the policy has that one too. */
struct carom_str carom_policy_slip(struct carom_arena *arena, const struct carom_policy *policy,
                                   const struct carom_policy_hook *function);

/* What the last hook used of its limits, each from 0 to 1. */
struct carom_policy_use {
    double instructions, memory;
};
struct carom_policy_use carom_policy_use(const struct carom_policy *policy);
/* Collects what hooks left behind, so that the next one's use is its own. */
void carom_policy_tidy(struct carom_policy *policy);

/* Its keys: secrets are fetched at the first call and kept. *verp_r is NULL where none are configured. */
int carom_policy_verp(struct carom_policy *policy, const struct carom_verp **verp_r, struct carom_error *err);

/* Does its text call bounce:TYPE anywhere? What is called in a roundabout way is not seen. */
bool carom_policy_calls(const struct carom_policy *policy, enum carom_action_type type);

/* The rules of carom.rule{}, for carom_facts_make and its like; borrowed until freed. */
const struct carom_judging *carom_policy_judging(const struct carom_policy *policy);

/* What a hook sees. All borrowed for the call. */
struct carom_subject {
    const struct carom_fact *fact;
    const struct carom_history *history;
    const struct carom_headers *headers;          /* of the bounce; may be NULL */
    const struct carom_headers *returned_headers; /* may be NULL */
    struct carom_str text;                        /* bounce.text */
    int64_t now;                                  /* ms */
};

/* Runs the most specific hook. 0 with the settled decision (its memory is the arena's); -1: the hook failed, err says
   file, line and hook, and which limit; the policy stays usable. */
int carom_policy_decide(struct carom_policy *policy, struct carom_arena *arena, const struct carom_subject *subject,
                        struct carom_decision *decision_r, struct carom_error *err);

/* What on_message sees: a message before anybody has read more of it than its headers. All borrowed for the call. */
struct carom_incoming {
    const struct carom_headers *headers;
    const char *sender, *recipient; /* of the envelope; NULL not known, an empty sender is the null sender */
    const char *source;
    size_t size;
    int64_t now; /* ms */
};

/* Is there an on_message? */
bool carom_policy_wants_messages(const struct carom_policy *policy);
/* Runs on_message. *wanted_r: the message is to be read; true also where there is no such hook. */
int carom_policy_message(struct carom_policy *policy, const struct carom_incoming *incoming, bool *wanted_r,
                         struct carom_error *err);

/* What on_incident sees: a provider's bad day, and the fact that made it one. */
struct carom_trouble {
    const struct carom_incident *incident;
    const struct carom_str *samples; /* what the servers said */
    size_t n;
};

/* Runs on_incident. As carom_policy_decide; without such a hook the decision is empty. */
int carom_policy_incident(struct carom_policy *policy, struct carom_arena *arena, const struct carom_trouble *trouble,
                          const struct carom_fact *fact, int64_t now, struct carom_decision *decision_r,
                          struct carom_error *err);

/* on_dead_letter for a job. 0 also when there is none. */
int carom_policy_dead_letter(struct carom_policy *policy, struct carom_arena *arena, const struct carom_job *job,
                             struct carom_error *err);

#endif
