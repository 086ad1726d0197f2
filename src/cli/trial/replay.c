/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The policy judges in a ledger in memory that begins with what stood at the time from which on is replayed, and grows by
   its own decisions, and by what is left as it is. Twice: the breaker may recall what was decided an hour before, and only
   then is it known what is to be done. */

#include "cli/trial/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "cli/select.h"
#include "decision/hold.h"
#include "decision/recall.h"
#include "ledger/memory.h"
#include "mail/address.h"

enum { ROWS = 16 };

struct row {
    int64_t id, decided;
    struct carom_letter letter;
    struct carom_letter_text decision, policy;
    bool undone, waits;
};

struct work {
    struct carom_replay *replay;
    struct carom_engine engine;
    const struct carom_ledger *first; /* of the first pass, in the second; NULL in the first */
    struct carom_arena *arena;        /* of decisions */
    struct carom_buf buf;
    struct row rows[ROWS];
    size_t n;
};

/* ---- Rows ---- */

static int take_row(void *user, const struct carom_kept *kept)
{
    struct work *work = user;
    struct row *row = &work->rows[work->n++];
    struct carom_arena *arena = row->letter.arena;

    *row = (struct row){.id = kept->id, .decided = kept->decided, .undone = kept->undone != 0, .waits = kept->waits};
    row->letter.arena = arena;
    row->decision = (struct carom_letter_text){work->buf.len, kept->decision.len};
    carom_buf_add_str(&work->buf, kept->decision);
    row->policy = (struct carom_letter_text){work->buf.len, kept->policy.len};
    carom_buf_add_str(&work->buf, kept->policy);
    return carom_letter_put_kept(&row->letter, &work->buf, kept);
}

/* A person saw to it already. */
static bool is_by_hand(const struct carom_decision *decision)
{
    for (const struct carom_decided *d = decision->first; d; d = d->next)
        if (d->state == CAROM_ACTION_DISCARDED || d->state == CAROM_ACTION_UNDONE ||
            (d->note && (strcmp(d->note, "released") == 0 || strcmp(d->note, "done again") == 0)))
            return true;
    return false;
}

/* ---- The ledger in memory ---- */

static int adopt_removal(void *user, uint64_t group, int64_t received, int64_t address, bool done)
{
    struct work *work = user;
    return carom_memory_adopt_removal(&work->engine.ledger, group, received, address, done, NULL);
}

static int adopt_incident(void *user, const struct carom_incident *incident, int64_t n)
{
    struct work *work = user;
    struct carom_incident copy = *incident;
    (void)n;
    copy.id = 0;
    return copy.since < work->replay->selection.since
               ? work->engine.ledger.ops->incident_put(work->engine.ledger.store, &copy, NULL)
               : 0;
}

static int begin_ledger(struct work *work, struct carom_error *err)
{
    struct carom_ledger *ledger = work->replay->ledger;

    if (carom_memory_open(&work->engine.ledger, err) != 0 ||
        ledger->care->removals_before(ledger->store, work->replay->selection.since, adopt_removal, work, err) != 0)
        return -1;
    return ledger->care->incidents(ledger->store, adopt_incident, work, err) == 0 ? 0 : carom_error_memory(err);
}

/* Of whom nothing is known yet, what stood. */
static int adopt_past(struct work *work, struct carom_str key, struct carom_error *err)
{
    struct carom_ledger *ledger = work->replay->ledger;
    struct carom_history history = {.now = work->replay->selection.since};

    if (!key.len || carom_memory_knows(&work->engine.ledger, key))
        return 0;
    return ledger->care->past_before(ledger->store, work->arena, key, history.now, &history, err) == 0
               ? carom_memory_adopt(&work->engine.ledger, key, &history, err)
               : -1;
}

static uint64_t hash(struct carom_str text)
{
    uint64_t value = text.len ? carom_hash(text) : 0;
    return value || !text.len ? value : 1; /* as the engine does */
}

/* As it was decided. */
static int remember(struct work *work, const struct row *row, struct carom_str key, struct carom_decision *decision,
                    struct carom_error *err)
{
    const struct carom_fact *fact = &row->letter.facts[0].list[0];
    const struct carom_entry entry = {.fact = fact,
                                      .decision = decision,
                                      .config = carom_policy_config(work->replay->policy),
                                      .identity = hash(fact->id),
                                      .address = key,
                                      .delivery = hash(fact->delivery),
                                      .now = row->decided};
    return work->engine.ledger.ops->record(work->engine.ledger.store, work->arena, &entry, err);
}

/* ---- One fact ---- */

static int compare(struct work *work, const struct carom_fact *fact, struct carom_str key,
                   const struct carom_decision *old, const struct carom_decision *new, struct carom_error *err)
{
    struct carom_contrast *contrast = work->replay->contrast;
    struct carom_treatment before, after;

    return carom_contrast_treat(contrast, old, &before) == 0 && carom_contrast_treat(contrast, new, &after) == 0 &&
                   carom_contrast_add(contrast, fact, key, &before, &after) == 0
               ? 0
               : carom_error_memory(err);
}

/* What became of a decision is known only in the second pass. */
static int revise(struct work *work, const struct row *row, struct carom_str key, struct carom_decision *decision,
                  struct carom_error *err)
{
    struct carom_replay *replay = work->replay;
    struct carom_decision old, new;
    bool recalled = key.len && carom_memory_recalled(work->first, carom_memory_facts(&work->engine.ledger));

    if (recalled)
        carom_hold_removals(decision);
    if (replay->ledger->care->revise(replay->ledger->store, work->arena, &replay->revision, row->id, decision,
                                     carom_policy_config(replay->policy), replay->now, &old, &new, err) < 0)
        return -1;
    replay->facts++;
    return compare(work, &row->letter.facts[0].list[0], key, &old, &new, err);
}

static int judge(struct work *work, struct row *row, struct carom_str key, struct carom_error *err)
{
    struct carom_result result = {.arena = work->arena, .facts = row->letter.facts[0]};

    if (carom_engine_judge(&work->engine, &result, result.facts.list[0].received * 1000, err) != 0)
        return carom_error_prefix(err, "fact %lld", (long long)row->id);
    if (!work->first || result.outcomes[0].duplicate)
        return 0;
    return revise(work, row, key, &result.outcomes[0].decision, err);
}

static bool is_meant(const struct work *work, const struct row *row, struct carom_str key)
{
    struct carom_selection selection = work->replay->selection;

    selection.since = selection.until = 0; /* of the decision, not of the receipt */
    return carom_cli_selects(&selection, &row->letter.facts[0].list[0]) &&
           (!work->replay->key.len || carom_str_eq(work->replay->key, key)) &&
           carom_str_starts(carom_letter_text(&work->buf, row->policy), selection.policy);
}

static int take(struct work *work, struct row *row, struct carom_error *err)
{
    const struct carom_fact *fact = &row->letter.facts[0].list[0];
    struct carom_str key = fact->recipient.len ? carom_address_key(work->arena, fact->recipient) : CAROM_STR_EMPTY;
    struct carom_decision decision;

    if (adopt_past(work, key, err) != 0 ||
        carom_decision_recall(work->arena, carom_letter_text(&work->buf, row->decision), &decision, err) != 0)
        return -1;
    bool meant = is_meant(work, row, key), by_hand = row->undone || is_by_hand(&decision);
    if (meant && !by_hand && !row->waits)
        return judge(work, row, key, err);
    if (meant && work->first) {
        work->replay->by_hand += by_hand;
        work->replay->waiting += !by_hand;
    }
    return row->undone ? 0 : remember(work, row, key, &decision, err); /* what was undone counts for nothing */
}

/* ---- All of them ---- */

static int take_one(struct work *work, struct row *row, struct carom_error *err)
{
    struct carom_policy *const policies[2] = {work->replay->policy, work->replay->policy};
    struct carom_engine_trust none[2] = {{.ledger = NULL}};

    if (carom_letter_read(&row->letter, &work->buf, policies, none, true, work->replay->now, err) != 0)
        return -1;
    carom_arena_reset(work->arena);
    if (carom_arena_guard(work->arena))
        return carom_error_memory(err);
    int result = take(work, row, err);
    carom_arena_unguard(work->arena);
    return result;
}

static int take_all(struct work *work, struct carom_error *err)
{
    struct carom_replay *replay = work->replay;
    int64_t at = replay->ledger->care->journal_before(replay->selection.since);
    int64_t end = replay->selection.until ? replay->selection.until : INT64_MAX;

    do {
        work->n = 0;
        carom_buf_clear(&work->buf);
        if (replay->ledger->care->journal(replay->ledger->store, at, ROWS, take_row, work, err) != 0)
            return -1;
        for (size_t i = 0; i < work->n; i++) {
            at = work->rows[i].id;
            if (work->rows[i].decided >= end)
                return 0;
            if (take_one(work, &work->rows[i], err) != 0)
                return -1;
        }
    } while (work->n);
    return 0;
}

static void work_deinit(struct work *work)
{
    for (size_t i = 0; i < ROWS; i++)
        carom_arena_free(work->rows[i].letter.arena);
    carom_arena_free(work->arena);
    carom_buf_deinit(&work->buf);
    if (work->engine.ledger.ops)
        carom_ledger_close(&work->engine.ledger);
}

static int pass(struct work *work, struct carom_error *err)
{
    bool whole = (work->arena = carom_arena_new()) != NULL;

    work->buf = CAROM_BUF_INIT(((size_t)CAROM_INPUT_MAX) * 2);
    for (size_t i = 0; i < ROWS; i++)
        whole = (work->rows[i].letter.arena = carom_arena_new()) != NULL && whole;
    if (!whole)
        return carom_error_memory(err);
    return begin_ledger(work, err) == 0 ? take_all(work, err) : -1;
}

int carom_replay_run(struct carom_replay *replay, struct carom_error *err)
{
    struct work first = {.replay = replay, .engine = {.policy = replay->policy}};
    struct work second = {.replay = replay, .engine = {.policy = replay->policy}, .first = &first.engine.ledger};
    int result = pass(&first, err);

    if (result == 0)
        result = pass(&second, err);
    work_deinit(&first);
    work_deinit(&second);
    if (result == 0 && carom_contrast_finish(replay->contrast, NULL, NULL) != 0)
        result = carom_error_memory(err);
    return result == 0 ? replay->ledger->care->revised(replay->ledger->store, &replay->revision, &replay->selection,
                                                       replay->now, err)
                       : -1;
}
