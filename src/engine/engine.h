/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Ties one message to ledger and policy: carom.h's engine with what the program needs beyond it. */

#ifndef CAROM_ENGINE_ENGINE_H
#define CAROM_ENGINE_ENGINE_H

#include "base/log.h"
#include "classify/fact.h"
#include "engine/result.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

/* The state directory: option, else CAROM_STATE, else /var/lib/carom where it exists, else the user's XDG state
   folder. 0 and the path in the arena; it need not exist yet. */
int carom_engine_state_dir(struct carom_arena *arena, const char *option, struct carom_str *path_r,
                           struct carom_error *err);
/* The store URL: option, else the configuration's, else carom.db in the state directory. */
int carom_engine_store_url(struct carom_arena *arena, const char *option, const struct carom_config *config,
                           const char *state, struct carom_str *url_r, struct carom_error *err);

/* Makes the state directory (0700) where path, or the store, lies in it. */
int carom_engine_state_make(struct carom_arena *arena, struct carom_str path, const char *state, struct carom_error *err);
int carom_engine_store_make(struct carom_arena *arena, struct carom_str url, const char *state, struct carom_error *err);

struct carom_engine {
    struct carom_policy *policy;
    struct carom_ledger ledger;
    const struct carom_log *log; /* borrowed; may be NULL */
    int64_t now;                 /* fixed clock, seconds since 1970; 0: the system's */
    bool keep_raw;               /* keep each message, not only those that an operator must look at */
    bool bare;                   /* results are looked at while the message is there, and of decisions nothing as text */
    bool batch;                  /* between carom_engine_begin and _commit */
    int64_t recalled;            /* decisions that the breaker held after they had been taken */
    /* Asked before each commit of a single message. failed: why a hook failed for some of its recipients, of whom nothing
       is written; NULL: none did. 0 commits; -1 with err gives the message up. NULL: nobody is asked, and a hook that
       fails gives the whole message up. */
    int (*permit)(void *user, const struct carom_error *failed, struct carom_error *err);
    void *permit_user;
};

/* A reply that would be understood wrongly is the caller's mistake, and better said than guessed at: what is no final
   answer, or says nothing. */
int carom_reply_check(struct carom_arena *arena, const struct carom_reply_input *input, const struct carom_fact *fact,
                      struct carom_error *err);

/* The one way in behind all others: decides about result->facts and writes them. Takes the result over: *result_r
   after the commit, freed on failure. */
int carom_engine_take(struct carom_engine *engine, struct carom_result *result, struct carom_result **result_r,
                      struct carom_error *err);
/* The same, as of a time, for who keeps the facts himself, and looks at nothing but the decisions: result is his, its
   facts are only read (message and report may be NULL), and of the outcomes only duplicate, failed and decision are
   filled. Also for a ledger in memory (ledger/memory.h). */
int carom_engine_judge(struct carom_engine *engine, struct carom_result *result, int64_t now_ms, struct carom_error *err);
/* Reading apart from deciding, for carom_engine_take; in several threads at once where reads_ahead is true: no
   hook is asked for messages, and the ledger is not asked whom a return path means. bytes and envelope must live until
   the result is taken. Free what is not taken with carom_result_free. */
bool carom_engine_reads_ahead(const struct carom_engine *engine);
int carom_engine_begin_message(struct carom_engine *engine, struct carom_str bytes, const struct carom_envelope *envelope,
                               int64_t now_ms, struct carom_result **result_r, struct carom_error *err);
int64_t carom_engine_now_ms(const struct carom_engine *engine);

/* Many messages and replies in one transaction. Without these each is committed by itself. */
int carom_engine_begin(struct carom_engine *engine, struct carom_error *err);
int carom_engine_commit(struct carom_engine *engine, struct carom_error *err);
void carom_engine_rollback(struct carom_engine *engine); /* no effect where none is open */

#endif
