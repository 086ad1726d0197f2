/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One delivery run: claims what is due, has it rendered and sent, settles each answer. The ledger is asked in short
   calls of its own, so that no transaction is open while HTTP runs; a run that dies leaves leases that expire. Knows
   sinks by name; not Lua, not curl, not how a request is made. */

#include "outbox/outbox.h"

#include <stdlib.h>

#include "base/date.h"
#include "outbox/answer.h"
#include "outbox/backoff.h"
#include "outbox/render.h"

enum {
    PARALLEL = 64,
    LEASE_MS = 60 * 1000,  /* four times what the slowest request may take */
    PAUSE_MS = 60 * 1000,  /* an endpoint that is stopped gets its next trial after that */
    POLL_MS = 1000,
    FAILURES_MAX = 5,      /* in a row, then the endpoint is stopped for this run */
    ANSWER_TEXT_MAX = 2048 /* bytes of a job's last_answer */
};

/* A sink as this run has met it. */
struct endpoint {
    struct carom_str name;         /* in the memory behind it */
    const struct carom_sink *sink; /* NULL: not in the configuration */
    unsigned failures;             /* in a row */
    bool stopped;
    char why[512];
    struct endpoint *next;
};

/* Jobs claimed together live in one arena until the last is settled. */
struct batch {
    struct carom_arena *arena;
    struct flight *flights;
    size_t left;
    struct batch *next, **back;
};

struct flight {
    struct carom_job *job;
    struct endpoint *endpoint;
    struct batch *batch;
};

struct run {
    struct carom_ledger *ledger;
    const struct carom_config *config;
    const struct carom_outbox_options *options;
    struct carom_outbox_summary *summary;
    const struct carom_transport_ops *ops;
    void *transport;
    struct carom_arena *scratch; /* of the request being made */
    struct carom_buf text;       /* the answer being told */
    struct endpoint *endpoints;
    struct batch *batches;
    size_t in_flight;
    int64_t start; /* ms: what became due later is the next run's */
    bool failed;   /* err holds why */
    struct carom_error *err;
};

/* ---- Endpoints ---- */

static void stop_endpoint(struct run *run, struct endpoint *endpoint, const char *why)
{
    if (endpoint->stopped)
        return;
    endpoint->stopped = true;
    size_t n = strlen(why);
    n = n < sizeof endpoint->why ? n : sizeof endpoint->why - 1;
    memcpy(endpoint->why, why, n);
    endpoint->why[n] = '\0';
    carom_log_printf(run->options->log, CAROM_LOG_WARNING, "outbox: sink %.*s waits: %s",
                     CAROM_STR_ARG(endpoint->name), endpoint->why);
}

/* What cannot work however often it is tried, known before anything is sent. */
static void inspect(struct run *run, struct endpoint *endpoint)
{
    if (!endpoint->sink)
        stop_endpoint(run, endpoint, "the sink is not in the configuration any more; its jobs wait until it is");
    else if (endpoint->sink->type != CAROM_SINK_WEBHOOK && endpoint->sink->type != CAROM_SINK_HTTP)
        stop_endpoint(run, endpoint, "sinks of this type cannot be delivered to; use carom.webhook or carom.http");
}

/* NULL: no memory. */
static struct endpoint *find_endpoint(struct run *run, struct carom_str name)
{
    for (struct endpoint *endpoint = run->endpoints; endpoint; endpoint = endpoint->next)
        if (carom_str_eq(endpoint->name, name))
            return endpoint;
    struct endpoint *endpoint = calloc(1, sizeof *endpoint + name.len);
    if (!endpoint)
        return NULL;
    memcpy(endpoint + 1, name.ptr, name.len);
    endpoint->name = carom_str_n((const char *)(endpoint + 1), name.len);
    endpoint->sink = carom_config_sink(run->config, name);
    endpoint->next = run->endpoints;
    run->endpoints = endpoint;
    inspect(run, endpoint);
    return endpoint;
}

static void count_failure(struct run *run, struct endpoint *endpoint)
{
    if (++endpoint->failures >= FAILURES_MAX)
        stop_endpoint(run, endpoint, "five failures in a row; tried again by a run in a minute or later");
}

/* ---- Batches ---- */

static void batch_free(struct batch *batch)
{
    *batch->back = batch->next;
    if (batch->next)
        batch->next->back = batch->back;
    carom_arena_free(batch->arena);
    free(batch->flights);
    free(batch);
}

static struct batch *batch_new(struct run *run)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->next = run->batches;
    batch->back = &run->batches;
    if (batch->next)
        batch->next->back = &batch->next;
    run->batches = batch;
    batch->arena = carom_arena_new();
    if (batch->arena)
        return batch;
    batch_free(batch);
    return NULL;
}

/* ---- Settling ---- */

static void settle(struct run *run, struct flight *flight, enum carom_job_state state, int64_t due,
                   struct carom_str answer, bool free_attempt)
{
    struct carom_job *job = flight->job;
    const struct carom_ledger *ledger = run->ledger;
    struct batch *batch = flight->batch;
    if (ledger->ops->settle(ledger->store, job->id, state, due, answer, free_attempt, run->err) != 0) {
        run->failed = true;
    } else if (state == CAROM_JOB_DEAD && run->options->dead) {
        job->state = state;
        job->attempts += free_attempt ? 0 : 1;
        job->last_answer = answer;
        run->options->dead(run->options->user, job);
    }
    if (--batch->left == 0)
        batch_free(batch);
}

static void settle_done(struct run *run, struct flight *flight, struct carom_str answer)
{
    flight->endpoint->failures = 0;
    run->summary->done++;
    carom_log_printf(run->options->log, CAROM_LOG_DEBUG, "outbox: job %lld: sink %.*s: done: %.*s",
                     (long long)flight->job->id, CAROM_STR_ARG(flight->job->sink), CAROM_STR_ARG(answer));
    settle(run, flight, CAROM_JOB_DONE, flight->job->due, answer, false);
}

static void settle_dead(struct run *run, struct flight *flight, struct carom_str answer)
{
    run->summary->dead++;
    carom_log_printf(run->options->log, CAROM_LOG_ERROR, "outbox: job %lld: sink %.*s: dead letter: %.*s",
                     (long long)flight->job->id, CAROM_STR_ARG(flight->job->sink), CAROM_STR_ARG(answer));
    settle(run, flight, CAROM_JOB_DEAD, flight->job->due, answer, false);
}

/* Its endpoint is stopped: no attempt is used. */
static void settle_waiting(struct run *run, struct flight *flight, struct carom_str answer)
{
    run->summary->waiting++;
    settle(run, flight, CAROM_JOB_WAITING, carom_date_now_ms() + PAUSE_MS, answer, true);
}

static void settle_failed(struct run *run, struct flight *flight, int64_t retry_after_s, struct carom_str answer)
{
    const struct carom_job *job = flight->job;
    int64_t wait = carom_backoff_ms(job->attempts + 1, job->id, retry_after_s);
    if (wait < 0) {
        settle_dead(run, flight, answer);
        return;
    }
    run->summary->failed++;
    carom_log_printf(run->options->log, CAROM_LOG_INFO, "outbox: job %lld: sink %.*s: attempt %lld, again in %llds: %.*s",
                     (long long)job->id, CAROM_STR_ARG(job->sink), (long long)job->attempts + 1,
                     (long long)(wait / 1000), CAROM_STR_ARG(answer));
    settle(run, flight, CAROM_JOB_WAITING, carom_date_now_ms() + wait, answer, false);
}

/* Answers that come in after the endpoint was stopped were on their way already: they cost no attempt either. */
static void settle_answer(struct run *run, struct flight *flight, const struct carom_answer *answer,
                          struct carom_str text)
{
    struct endpoint *endpoint = flight->endpoint;
    bool was_stopped = endpoint->stopped;
    switch (carom_answer_judge(endpoint->sink, answer)) {
    case CAROM_VERDICT_DONE:
        settle_done(run, flight, text);
        return;
    case CAROM_VERDICT_DEAD:
        endpoint->failures = 0; /* it is alive, it only does not want this one */
        settle_dead(run, flight, text);
        return;
    case CAROM_VERDICT_PAUSE:
        stop_endpoint(run, endpoint, text.ptr);
        settle_waiting(run, flight, text);
        return;
    case CAROM_VERDICT_RETRY:
        count_failure(run, endpoint);
        if (was_stopped)
            settle_waiting(run, flight, text);
        else
            settle_failed(run, flight, answer->retry_after_s, text);
        return;
    }
}

static void on_answer(void *user, void *job, const struct carom_answer *answer)
{
    struct run *run = user;
    struct flight *flight = job;
    run->in_flight--;
    carom_buf_clear(&run->text);
    carom_answer_print(flight->endpoint->sink, answer, &run->text);
    settle_answer(run, flight, answer, carom_buf_str(&run->text));
}

/* ---- Sending ---- */

static int open_transport(struct run *run)
{
    if (run->transport)
        return 0;
    run->ops = carom_transport_load(run->err);
    if (run->ops)
        run->transport = run->ops->open(run->err);
    return run->transport ? 0 : -1;
}

static void send_request(struct run *run, struct flight *flight, struct carom_request *request)
{
    struct carom_error why = {0};
    if (open_transport(run) != 0) {
        run->failed = true;
        settle_waiting(run, flight, run->err ? carom_str(run->err->text) : CAROM_STR("the HTTP module is missing"));
        return;
    }
    request->job = flight;
    run->in_flight++;
    if (run->ops->start(run->transport, request, &why) == 0)
        return;
    struct carom_answer answer = {.retry_after_s = -1, .body = CAROM_STR_EMPTY};
    memcpy(answer.error, why.text, sizeof answer.error - 1);
    on_answer(run, flight, &answer);
}

static void launch(struct run *run, struct flight *flight)
{
    struct carom_request request;
    struct carom_error why = {0};
    if (flight->endpoint->stopped) {
        settle_waiting(run, flight, carom_str(flight->endpoint->why));
        return;
    }
    carom_arena_reset(run->scratch);
    switch (carom_render(run->config, flight->endpoint->sink, flight->job, run->scratch, carom_date_now_ms() / 1000,
                         &request, &why)) {
    case CAROM_RENDERED:
        send_request(run, flight, &request);
        return;
    case CAROM_RENDER_WAIT:
        stop_endpoint(run, flight->endpoint, why.text);
        settle_waiting(run, flight, carom_str(why.text));
        return;
    case CAROM_RENDER_DEAD:
        settle_dead(run, flight, carom_str(why.text));
        return;
    case CAROM_RENDER_FAILED:
        run->failed = true;
        carom_error_memory(run->err);
        settle_waiting(run, flight, carom_str(why.text));
        return;
    }
}

static bool stopping(const struct run *run)
{
    return run->failed || (run->options->stop && *run->options->stop);
}

/* Due at the run's start, leased from now on: a job that fails is not claimed twice, and the run ends. */
static int claim(struct run *run, struct batch *batch, struct carom_job **jobs_r, size_t *n_r)
{
    size_t parallel = run->options->parallel ? run->options->parallel : PARALLEL;
    const struct carom_ledger *ledger = run->ledger;
    int64_t lease = carom_date_now_ms() - run->start + LEASE_MS;
    size_t max = parallel - run->in_flight;
    if (carom_arena_guard(batch->arena))
        return carom_error_memory(run->err);
    int result = ledger->ops->claim(ledger->store, batch->arena, run->start, lease, max, jobs_r, n_r, run->err);
    carom_arena_unguard(batch->arena);
    return result;
}

/* The batch is freed with its last job: it is not touched after that. */
static int launch_all(struct run *run, struct batch *batch, struct carom_job *jobs, size_t n)
{
    struct flight *flights = calloc(n, sizeof *flights);
    if (!flights)
        return carom_error_memory(run->err);
    batch->flights = flights;
    batch->left = n;
    for (size_t i = 0; i < n; i++) {
        flights[i] = (struct flight){&jobs[i], find_endpoint(run, jobs[i].sink), batch};
        if (!flights[i].endpoint)
            return carom_error_memory(run->err);
    }
    for (size_t i = 0; i < n; i++)
        if (stopping(run))
            settle(run, &flights[i], CAROM_JOB_WAITING, flights[i].job->due, flights[i].job->last_answer, true);
        else
            launch(run, &flights[i]);
    return 0;
}

/* 1: jobs were claimed, 0: none is due. */
static int take_batch(struct run *run)
{
    struct carom_job *jobs = NULL;
    size_t n = 0;
    struct batch *batch = batch_new(run);
    if (!batch)
        return carom_error_memory(run->err);
    if (claim(run, batch, &jobs, &n) != 0)
        return -1;
    if (n > 0)
        return launch_all(run, batch, jobs, n) == 0 ? 1 : -1;
    batch_free(batch);
    return 0;
}

/* ---- The run ---- */

static int step(struct run *run, bool *more)
{
    size_t parallel = run->options->parallel ? run->options->parallel : PARALLEL;
    int got = 0;
    if (*more && !stopping(run) && run->in_flight <= parallel / 2) {
        got = take_batch(run);
        if (got < 0)
            return -1;
        *more = got > 0;
    }
    if (run->in_flight == 0)
        return run->failed ? -1 : 0;
    size_t before = run->in_flight;
    if (run->ops->poll(run->transport, POLL_MS, on_answer, run, run->err) < 0)
        return -1;
    if (run->in_flight < before)
        *more = true; /* what stood behind these may go now */
    return 0;
}

static int deliver(struct run *run)
{
    bool more = true;
    while (run->in_flight || (more && !stopping(run)))
        if (step(run, &more) != 0)
            return -1;
    return run->failed ? -1 : 0;
}

static void run_deinit(struct run *run)
{
    if (run->transport)
        run->ops->close(run->transport);
    while (run->batches)
        batch_free(run->batches);
    while (run->endpoints) {
        struct endpoint *next = run->endpoints->next;
        free(run->endpoints);
        run->endpoints = next;
    }
    carom_buf_deinit(&run->text);
    carom_arena_free(run->scratch);
}

int carom_outbox_deliver(struct carom_ledger *ledger, const struct carom_config *config,
                         const struct carom_outbox_options *options, struct carom_outbox_summary *summary_r,
                         struct carom_error *err)
{
    *summary_r = (struct carom_outbox_summary){0};
    struct run run = {.ledger = ledger, .config = config, .options = options, .summary = summary_r, .err = err,
                      .text = CAROM_BUF_INIT(ANSWER_TEXT_MAX), .start = carom_date_now_ms(),
                      .scratch = carom_arena_new()};
    int result = run.scratch ? deliver(&run) : carom_error_memory(err);
    run_deinit(&run);
    return result;
}
