/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a test lets come goes the way of all bounces: carom_engine_take and what stands before it. The only thing made up
   here is where facts come from that nobody read. */

#include "engine/rehearsal.h"

#include <stdlib.h>

#include "base/error.h"
#include "classify/made.h"
#include "decision/hold.h"
#include "engine/engine.h"

struct carom_rehearsal {
    struct carom_engine engine;
    struct carom_stage stage;
    struct carom_result *result; /* of the last act */
    struct carom_shown *shown;   /* its facts; in its arena */
    struct carom_log log;        /* what the engine says: it would go unnoticed */
    struct carom_error failed;   /* the first error among it */
};

/* ---- What became of it ---- */

static void forget(struct carom_rehearsal *rehearsal)
{
    carom_result_free(rehearsal->result);
    rehearsal->result = NULL;
    rehearsal->failed = (struct carom_error){0};
}

/* Of a copy that came as a message nothing is decided; a reply that is told again gets its first answer. */
static void show_one(struct carom_shown *shown, const struct carom_result *result, size_t i)
{
    const struct carom_outcome *outcome = &result->outcomes[i];

    *shown = (struct carom_shown){.fact = &result->facts.list[i], .hook = outcome->decision.hook,
                                  .duplicate = outcome->duplicate, .held = carom_hold_name(outcome->decision.hold),
                                  .actions = outcome->actions, .n = outcome->n};
    if (outcome->duplicate)
        shown->hook = CAROM_STR_EMPTY;
}

static int show(struct carom_rehearsal *rehearsal, struct carom_result *result, struct carom_error *err)
{
    rehearsal->result = result;
    if (rehearsal->failed.code) {
        *err = rehearsal->failed;
        return -1;
    }
    if (carom_arena_guard(result->arena))
        return carom_error_memory(err);
    rehearsal->shown = carom_arena_array(result->arena, struct carom_shown, result->facts.n);
    for (size_t i = 0; i < result->facts.n; i++)
        show_one(&rehearsal->shown[i], result, i);
    carom_arena_unguard(result->arena);
    return 0;
}

static size_t shown(void *user, const struct carom_shown **shown_r)
{
    const struct carom_rehearsal *rehearsal = user;

    if (shown_r)
        *shown_r = rehearsal->shown;
    return rehearsal->result ? rehearsal->result->facts.n : 0;
}

/* A hook that runs beside the bounce, such as on_incident, fails into the log. */
static void note(void *user, enum carom_log_level level, struct carom_str line)
{
    struct carom_rehearsal *rehearsal = user;

    if (level == CAROM_LOG_ERROR && !rehearsal->failed.code)
        carom_error_set(&rehearsal->failed, CAROM_ERROR_SCRIPT, CAROM_STR_FMT, CAROM_STR_ARG(line));
}

/* ---- Acts ---- */

static int begin(void *user, struct carom_error *err)
{
    struct carom_rehearsal *rehearsal = user;

    forget(rehearsal);
    if (rehearsal->engine.ledger.ops)
        carom_ledger_close(&rehearsal->engine.ledger);
    rehearsal->engine.now = CAROM_REHEARSAL_START;
    return carom_ledger_open(NULL, CAROM_LEDGER_MEMORY, &rehearsal->engine.ledger, err);
}

static int64_t now(void *user)
{
    return ((const struct carom_rehearsal *)user)->engine.now;
}

static void set_now(void *user, int64_t time)
{
    ((struct carom_rehearsal *)user)->engine.now = time;
}

/* Of what a made-up bounce returns there are the headers that are stated. */
static const struct carom_report *report_of(struct carom_arena *arena, const struct carom_made *made,
                                            const struct carom_fact *fact)
{
    struct carom_report *report = carom_arena_new_of(arena, struct carom_report);
    struct carom_str body;

    *report = (struct carom_report){.text = carom_arena_str(arena, made->text), .format = fact->format,
                                    .returned_headers = carom_headers_parse(arena, fact->original.headers, &body)};
    return report;
}

static struct carom_result *result_of(struct carom_rehearsal *rehearsal, const struct carom_made *made,
                                      struct carom_error *err)
{
    struct carom_result *result = carom_result_new();

    if (!result || carom_arena_guard(result->arena)) {
        carom_result_free(result);
        carom_error_memory(err);
        return NULL;
    }
    result->facts = (struct carom_fact_list){.list = carom_arena_new_of(result->arena, struct carom_fact), .n = 1};
    int failed = carom_fact_made(result->arena, made->fields, made->n, made->serial,
                                 carom_policy_judging(rehearsal->engine.policy), rehearsal->engine.now,
                                 result->facts.list, err);
    if (!failed)
        result->facts.report = report_of(result->arena, made, result->facts.list);
    carom_arena_unguard(result->arena);
    if (!failed)
        return result;
    carom_result_free(result);
    return NULL;
}

static int feed(void *user, const struct carom_made *made, struct carom_error *err)
{
    struct carom_rehearsal *rehearsal = user;
    struct carom_result *result;

    forget(rehearsal);
    if (!(result = result_of(rehearsal, made, err)) ||
        carom_engine_take(&rehearsal->engine, result, &result, err) != 0 ||
        show(rehearsal, result, err) != 0)
        return -1;
    if (rehearsal->shown->duplicate) /* it stands for a message, not for a reply */
        rehearsal->shown->n = 0;
    return 0;
}

static int message(void *user, struct carom_str bytes, const struct carom_envelope *envelope, struct carom_error *err)
{
    struct carom_rehearsal *rehearsal = user;
    struct carom_result *result;

    forget(rehearsal);
    return carom_engine_message(&rehearsal->engine, bytes.ptr, bytes.len, envelope, &result, err) == 0
               ? show(rehearsal, result, err)
               : -1;
}

static int reply(void *user, const struct carom_reply_input *input, struct carom_error *err)
{
    struct carom_rehearsal *rehearsal = user;
    struct carom_result *result;

    forget(rehearsal);
    return carom_engine_reply(&rehearsal->engine, input, &result, err) == 0 ? show(rehearsal, result, err) : -1;
}

/* As the outbox hands it over: the fact stands in the job's data. */
static int ask_dead_letter(struct carom_rehearsal *rehearsal, struct carom_result *result,
                           const struct carom_dead_letter *letter, struct carom_error *err)
{
    struct carom_buf buf = CAROM_BUF_INIT(1 << 20);
    struct carom_json json = carom_json_to(&buf);

    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("fact"));
    carom_fact_write(result->facts.list, &json);
    carom_json_object_end(&json);
    const struct carom_job job = {.id = 1, .action = carom_str(letter->action), .attempts = letter->attempts,
                                  .last_answer = carom_str(letter->last_answer), .data = carom_buf_str(&buf)};
    int failed = buf.failed ? carom_error_memory(err)
                            : carom_policy_dead_letter(rehearsal->engine.policy, result->arena, &job, err);
    carom_buf_deinit(&buf);
    return failed;
}

static int dead_letter(void *user, const struct carom_made *made, const struct carom_dead_letter *letter,
                       struct carom_error *err)
{
    struct carom_rehearsal *rehearsal = user;
    struct carom_result *result = result_of(rehearsal, made, err);

    if (!result)
        return -1;
    int failed = ask_dead_letter(rehearsal, result, letter, err);
    carom_result_free(result);
    return failed;
}

static int sign(void *user, const struct carom_verp_input *input, char path_r[CAROM_VERP_PATH_SIZE],
                struct carom_error *err)
{
    return carom_engine_sign(&((struct carom_rehearsal *)user)->engine, input, path_r, err);
}

static int check(void *user, const char *address, const char *list, struct carom_refusal *refusal_r,
                 struct carom_error *err)
{
    return carom_may_mail(&((struct carom_rehearsal *)user)->engine, address, list, refusal_r, err);
}

/* ---- Opening ---- */

struct carom_rehearsal *carom_rehearsal_open(const char *policy, const struct carom_log *log,
                                             struct carom_coverage *coverage, struct carom_error *err)
{
    struct carom_rehearsal *rehearsal = calloc(1, sizeof(*rehearsal));

    if (!rehearsal) {
        carom_error_memory(err);
        return NULL;
    }
    rehearsal->stage = (struct carom_stage){.begin = begin, .now = now, .set_now = set_now, .feed = feed,
                                            .message = message, .reply = reply, .dead_letter = dead_letter,
                                            .shown = shown, .sign = sign, .check = check, .user = rehearsal};
    rehearsal->log = (struct carom_log){.write = note, .user = rehearsal};
    rehearsal->engine.log = &rehearsal->log;
    rehearsal->engine.policy = carom_policy_load_covered(policy, log, coverage, err);
    if (rehearsal->engine.policy)
        return rehearsal;
    free(rehearsal);
    return NULL;
}

void carom_rehearsal_close(struct carom_rehearsal *rehearsal)
{
    if (!rehearsal)
        return;
    forget(rehearsal);
    if (rehearsal->engine.ledger.ops)
        carom_ledger_close(&rehearsal->engine.ledger);
    carom_policy_free(rehearsal->engine.policy);
    free(rehearsal);
}

const struct carom_stage *carom_rehearsal_stage(const struct carom_rehearsal *rehearsal)
{
    return &rehearsal->stage;
}
