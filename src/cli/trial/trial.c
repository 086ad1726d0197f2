/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Messages, or facts of a journal, travel in small loads: taken from the source, then parsed and classified by whoever has time, then judged by
   the old policy, by the new one, and compared, each in order. */

#include "cli/trial/trial.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/conveyor.h"
#include "classify/rules.h"
#include "cli/trial/letter.h"
#include "decision/trust.h"
#include "engine/incoming.h"
#include "ledger/memory.h"
#include "mail/address.h"

enum { LOAD = 16, LOAD_BYTES = 1 << 20, LOADS_EACH = 4, LOADS_MAX = 64 };

struct judged {
    struct carom_result results[2];
    uint32_t before[2]; /* facts in the ledger */
    bool failed[2];
};

struct load {
    struct carom_letter letters[LOAD];
    struct judged judged[LOAD];
    size_t n;
    struct carom_buf buf;
    struct carom_arena *sides[2];
    struct carom_ledger references[2];
    struct carom_engine_trust trust[2];
};

/* ---- The stations ---- */

static void show_progress(struct carom_trial *trial)
{
    time_t now = time(NULL);
    uint64_t done = 0, total = 0;

    if (!trial->progress || now == trial->shown)
        return;
    trial->shown = now;
    if (trial->source)
        carom_source_progress(trial->source, &done, &total);
    fprintf(stderr, "\r%llu messages", (unsigned long long)trial->messages);
    if (total)
        fprintf(stderr, ", %u %%", (unsigned)(100 * done / total));
    fputs("\x1b[K", stderr);
}

static int fill_from_source(struct carom_trial *trial, struct load *load, struct carom_error *err)
{
    struct carom_source_item item;
    int got = 1;

    while (load->n < LOAD && load->buf.len < LOAD_BYTES && (got = carom_source_next(trial->source, &item, err)) != 0)
        if (got < 0) {
            trial->unread++;
            carom_cli_fail(err);
        } else if (carom_letter_put(&load->letters[load->n++], &load->buf, &item) != 0) {
            return carom_error_memory(err);
        }
    return 0;
}

struct filling {
    struct carom_trial *trial;
    struct load *load;
};

static int put_kept(void *user, const struct carom_kept *kept)
{
    struct filling *filling = user;
    struct carom_letter *letter = &filling->load->letters[filling->load->n++];
    struct carom_str version = filling->trial->selection.policy;

    filling->trial->journal_at = kept->id;
    if (carom_letter_put_kept(letter, &filling->load->buf, kept) != 0)
        return -1;
    letter->asked = !version.len || carom_str_starts(kept->policy, version);
    return 0;
}

/* 1: there is no more, and nothing is in the load. */
static int fill(void *user, void *place, struct carom_error *err)
{
    struct carom_trial *trial = user;
    struct load *load = place;
    struct filling filling = {trial, load};
    struct carom_ledger *journal = &trial->journal;

    load->n = 0;
    carom_buf_clear(&load->buf);
    if (trial->source ? fill_from_source(trial, load, err) != 0
                      : journal->care->journal(journal->store, trial->journal_at, LOAD, put_kept, &filling, err) != 0)
        return -1;
    trial->messages += load->n;
    show_progress(trial);
    return load->n ? 0 : 1;
}

static int parse(void *user, void *place, struct carom_error *err)
{
    struct carom_trial *trial = user;
    struct load *load = place;
    struct carom_policy *const policies[2] = {trial->sides[0].engine.policy, trial->sides[1].engine.policy};
    int64_t now = carom_engine_now_ms(&trial->sides[0].engine);

    for (size_t i = 0; i < load->n; i++)
        if (carom_letter_read(&load->letters[i], &load->buf, policies, load->trust, trial->alike, now, err) != 0)
            return -1;
    return 0;
}

/* What is left of a message that on_message did not want. */
static int leave_unread(struct carom_trial_side *side, struct carom_letter *letter, struct carom_result *result,
                        struct carom_engine_trust *trust, int64_t now, struct carom_error *err)
{
    result->skipped = true;
    if (carom_arena_guard(result->arena))
        return carom_error_memory(err);
    int done = carom_engine_facts(result->arena, side->engine.policy, letter->message, NULL, &letter->envelope, trust, now,
                                  &result->facts, err);
    carom_arena_unguard(result->arena);
    return done;
}

static int judge_one(struct carom_trial_side *side, struct carom_letter *letter, struct carom_result *result,
                     struct carom_engine_trust *trust, struct carom_error *err)
{
    int64_t now = result->facts.list[0].received * 1000;
    bool wanted = true;

    /* What is kept was read. */
    if ((!letter->kept && carom_engine_wants(side->engine.policy, letter->message, &letter->envelope, now, &wanted, err) != 0) ||
        (!wanted && leave_unread(side, letter, result, trust, now, err) != 0))
        return -1;
    return carom_engine_judge(&side->engine, result, now, err);
}

/* A hook that fails is said once, and its message counted. */
static int fail(struct carom_trial_side *side, const struct carom_letter *letter, struct carom_error *err)
{
    if (err->code != CAROM_ERROR_SCRIPT)
        return -1;
    if (carom_cli_repeated_add(&side->errors, err)) {
        if (letter->index)
            carom_error_prefix(err, "%s: message %llu", letter->envelope.source, (unsigned long long)letter->index);
        else
            carom_error_prefix(err, "%s", letter->envelope.source);
        carom_cli_fail(err);
    }
    side->failed++;
    return 0;
}

static int judge(struct carom_trial *trial, struct load *load, size_t i, struct carom_error *err)
{
    struct carom_trial_side *side = &trial->sides[i];

    carom_arena_reset(load->sides[i]);
    for (size_t k = 0; k < load->n; k++) {
        struct carom_letter *letter = &load->letters[k];
        struct judged *judged = &load->judged[k];
        judged->results[i] = (struct carom_result){.arena = load->sides[i], .facts = letter->facts[i]};
        judged->before[i] = carom_memory_facts(&side->engine.ledger);
        judged->failed[i] = judge_one(side, letter, &judged->results[i], &load->trust[i], err) != 0;
        if (judged->failed[i] && fail(side, letter, err) != 0)
            return -1;
    }
    return 0;
}

static int judge_old(void *user, void *load, struct carom_error *err)
{
    return judge(user, load, 0, err);
}

static int judge_new(void *user, void *load, struct carom_error *err)
{
    return judge(user, load, 1, err);
}

/* ---- Comparing ---- */

static int treat(struct carom_trial *trial, struct judged *judged, size_t side, size_t fact,
                 struct carom_treatment *treatment_r)
{
    const struct carom_result *result = &judged->results[side];

    if (judged->failed[side])
        return carom_contrast_other(trial->contrast, "the hook fails", treatment_r);
    if (result->skipped)
        return carom_contrast_other(trial->contrast, "not read", treatment_r);
    if (carom_contrast_treat(trial->contrast, &result->outcomes[fact].decision, treatment_r) != 0)
        return -1;
    if (!result->outcomes[fact].duplicate && result->facts.list[fact].recipient.len)
        treatment_r->fact = ++judged->before[side];
    return 0;
}

static bool is_copy(const struct judged *judged, size_t side, size_t fact)
{
    const struct carom_result *result = &judged->results[side];
    return !judged->failed[side] && result->outcomes[result->skipped ? 0 : fact].duplicate;
}

static int compare_one(struct carom_trial *trial, const struct carom_letter *letter, struct judged *judged, size_t i)
{
    const struct carom_fact *fact = &letter->facts[1].list[i];
    struct carom_treatment old, new;

    if (treat(trial, judged, 0, i, &old) != 0 || treat(trial, judged, 1, i, &new) != 0)
        return -1;
    if (is_copy(judged, 0, i) && is_copy(judged, 1, i))
        return trial->copies++, 0;
    if (!letter->asked || !carom_cli_selects(&trial->selection, fact))
        return 0;
    struct carom_str key = fact->recipient.len ? carom_address_key(letter->arena, fact->recipient) : CAROM_STR_EMPTY;
    return carom_contrast_add(trial->contrast, fact, key, &old, &new);
}

static int compare(void *user, void *place, struct carom_error *err)
{
    struct load *load = place;
    int result = 0;

    for (size_t k = 0; k < load->n && result == 0; k++) {
        struct carom_letter *letter = &load->letters[k];
        if (carom_arena_guard(letter->arena))
            return carom_error_memory(err);
        for (size_t i = 0; i < letter->facts[1].n && result == 0; i++)
            result = compare_one(user, letter, &load->judged[k], i);
        carom_arena_unguard(letter->arena);
    }
    return result == 0 ? 0 : carom_error_memory(err);
}

/* ---- Loads ---- */

static void load_free(struct load *load)
{
    for (size_t i = 0; load && i < LOAD; i++)
        carom_arena_free(load->letters[i].arena);
    for (size_t side = 0; load && side < 2; side++) {
        carom_arena_free(load->sides[side]);
        if (load->references[side].ops)
            carom_ledger_close(&load->references[side]);
    }
    if (load)
        carom_buf_deinit(&load->buf);
    free(load);
}

/* A connection of its own, since loads are read at the same time. */
static int open_trust(struct carom_trial *trial, struct load *load, size_t side, struct carom_error *err)
{
    struct carom_policy *policy = trial->sides[side].engine.policy;
    struct carom_ledger *ledger = &load->references[side];

    if (trial->references.len && carom_policy_config(policy)->verp &&
        carom_ledger_open(trial->references.ptr, CAROM_LEDGER_READ, ledger, err) != 0)
        return -1;
    return carom_engine_trust(policy, ledger->ops ? ledger : NULL, &load->trust[side], err);
}

static struct load *load_new(struct carom_trial *trial, struct carom_error *err)
{
    struct load *load = calloc(1, sizeof(*load));
    bool whole = load != NULL;

    for (size_t i = 0; whole && i < LOAD; i++)
        whole = (load->letters[i].arena = carom_arena_new()) != NULL;
    for (size_t side = 0; whole && side < 2; side++)
        whole = (load->sides[side] = carom_arena_new()) != NULL;
    if (!whole) {
        carom_error_memory(err);
    } else {
        load->buf = CAROM_BUF_INIT(((size_t)CAROM_INPUT_MAX) * 2);
        if (open_trust(trial, load, 0, err) == 0 && open_trust(trial, load, 1, err) == 0)
            return load;
    }
    load_free(load);
    return NULL;
}

int carom_trial_run(struct carom_trial *trial, unsigned threads, struct carom_error *err)
{
    static const struct carom_station stations[] = {
        {fill, false}, {parse, true}, {judge_old, false}, {judge_new, false}, {compare, false}};
    void *loads[LOADS_MAX] = {NULL};
    struct carom_conveyor conveyor = {
        .stations = stations, .n = sizeof(stations) / sizeof(stations[0]), .loads = loads, .threads = threads, .user = trial};
    size_t wanted = (size_t)threads * LOADS_EACH < LOADS_MAX ? (size_t)threads * LOADS_EACH : LOADS_MAX;
    int result = 0;

    while (result == 0 && conveyor.loads_n < wanted)
        if ((loads[conveyor.loads_n] = load_new(trial, err)) != NULL)
            conveyor.loads_n++;
        else
            result = -1;
    if (result == 0)
        result = carom_conveyor_run(&conveyor, err);
    if (trial->progress)
        fputs("\r\x1b[K", stderr);
    for (size_t i = 0; i < conveyor.loads_n; i++)
        load_free(loads[i]);
    if (result == 0 && carom_contrast_finish(trial->contrast, &trial->sides[0].engine.ledger,
                                             &trial->sides[1].engine.ledger) != 0)
        result = carom_error_memory(err);
    return result;
}

/* ---- The whole ---- */

/* Nobody is to hear what hooks say to the log. */
static int open_side(struct carom_trial_side *side, const char *policy, struct carom_error *err)
{
    side->engine = (struct carom_engine){.policy = carom_policy_load(policy, NULL, err)};
    return side->engine.policy ? carom_memory_open(&side->engine.ledger, err) : -1;
}

int carom_trial_open(struct carom_trial *trial, const char *old, const char *new, struct carom_error *err)
{
    if (open_side(&trial->sides[0], old, err) != 0 || open_side(&trial->sides[1], new, err) != 0)
        return -1;
    if (!(trial->contrast = carom_contrast_new(false)))
        return carom_error_memory(err);
    const struct carom_policy *policies[2] = {trial->sides[0].engine.policy, trial->sides[1].engine.policy};
    trial->alike = !carom_policy_judging(policies[0])->own && !carom_policy_judging(policies[1])->own &&
                   carom_trust_alike(carom_policy_config(policies[0]), carom_policy_config(policies[1]));
    return 0;
}

void carom_trial_close(struct carom_trial *trial)
{
    for (size_t side = 0; side < 2; side++) {
        struct carom_engine *engine = &trial->sides[side].engine;
        if (engine->ledger.ops)
            carom_ledger_close(&engine->ledger);
        carom_policy_free(engine->policy);
    }
    carom_contrast_free(trial->contrast);
    if (trial->source)
        carom_source_close(trial->source);
    if (trial->journal.ops)
        carom_ledger_close(&trial->journal);
}
