/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One delivery run: claims what is due, has it rendered and sent, settles each answer. The ledger is asked in short
   calls of its own, so that no transaction is open while HTTP or a command runs; a run that dies leaves leases that
   expire. A job is up to three steps: the look-up before it, itself, and the proof after it. Knows sinks by name; not
   Lua, not curl, not how a request is made. */

#include "outbox/outbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "outbox/answer.h"
#include "outbox/backoff.h"
#include "outbox/command.h"
#include "outbox/flight.h"

enum {
    PARALLEL = 64,
    AHEAD = 4,             /* as many are claimed at a time: each visit to the ledger waits for the disk */
    LEASE_MS = 60 * 1000,  /* more than a look-up and a call, or a command and its proof, may take */
    POLL_MS = 1000,
    BOTH_MS = 20,          /* while requests and commands are under way at once */
    OUTCOME_MS = 50,       /* an outcome waits for others to be written with */
    COMMANDS_MAX = 8,      /* at a time: each is a process */
    COMMAND_MS = 15 * 1000,
    HOUR_MS = 3600 * 1000,
    MAILS_MAX = 200,       /* forwarded bounces and probes to a relay in an hour */
    FULL_MS = 10 * 60 * 1000,
    PENDING_DAYS = 30,     /* then what is still pending is a dead letter */
    ANSWER_TEXT_MAX = 8192 /* bytes of a job's last_answer: 4 KiB of a command's words, escapes and all */
};

/* Jobs that wait for their turn. */
struct queue {
    struct carom_flight *first, **tail;
    size_t n;
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
    struct carom_commands *commands;
    struct queue for_request, for_mail, for_command; /* none holds up the others */
    size_t requests;                                 /* under way, a mail among them */
    bool mailing;                                    /* it is; see has_room() */
    struct carom_endpoints endpoints;
    struct carom_batch *batches;
    struct carom_outcomes outcomes;
    bool took_all; /* the last claim took whatever may go: more does once outcomes are written */
    int64_t start; /* ms: what became due later is the next run's */
    bool failed;   /* err holds why */
    struct carom_error *err;
};

/* ---- Settling ---- */

/* Written with others by write_down. */
static void settle(struct run *run, struct carom_flight *flight, enum carom_job_state state, int64_t due,
                   struct carom_str answer, bool free_attempt)
{
    if (carom_outcomes_add(&run->outcomes, flight, state, due, answer, free_attempt, carom_date_now_ms()) == 0)
        return;
    carom_error_memory(run->err);
    run->failed = true;
}

static void note(struct run *run, int result)
{
    if (result != 0)
        run->failed = true;
}

static void settle_done(struct run *run, struct carom_flight *flight, struct carom_str answer)
{
    run->summary->done++;
    carom_log_printf(run->options->log, CAROM_LOG_DEBUG, "outbox: job %lld: sink %.*s: done: %.*s",
                     (long long)flight->job->id, CAROM_STR_ARG(flight->job->sink), CAROM_STR_ARG(answer));
    settle(run, flight, CAROM_JOB_DONE, carom_date_now_ms(), answer, false);
}

static void settle_dead(struct run *run, struct carom_flight *flight, struct carom_str answer)
{
    run->summary->dead++;
    carom_log_printf(run->options->log, CAROM_LOG_ERROR, "outbox: job %lld: sink %.*s: dead letter: %.*s",
                     (long long)flight->job->id, CAROM_STR_ARG(flight->job->sink), CAROM_STR_ARG(answer));
    settle(run, flight, CAROM_JOB_DEAD, carom_date_now_ms(), answer, false);
}

/* What is pending stays so while it waits. */
static enum carom_job_state waiting_state(const struct carom_flight *flight)
{
    return flight->job->state == CAROM_JOB_PENDING ? CAROM_JOB_PENDING : CAROM_JOB_WAITING;
}

/* Its endpoint is stopped: no attempt is used. */
static void settle_waiting(struct run *run, struct carom_flight *flight, struct carom_str answer)
{
    run->summary->waiting++;
    settle(run, flight, waiting_state(flight), carom_date_now_ms() + CAROM_PAUSE_MS, answer, true);
}

/* What its sink needs is missing: no attempt is used, and a timer that runs each minute finds it each time. */
static void settle_unset(struct run *run, struct carom_flight *flight, struct carom_str answer)
{
    carom_endpoint_hold(&run->endpoints, flight->endpoint, answer.ptr);
    run->summary->waiting++;
    run->summary->unset++;
    settle(run, flight, waiting_state(flight), carom_date_now_ms() + CAROM_PAUSE_MS / 2, answer, true);
}

/* Out of memory: the run ends. */
static void settle_failure(struct run *run, struct carom_flight *flight, const struct carom_error *why)
{
    run->failed = true;
    if (run->err && !run->err->text[0])
        carom_error_memory(run->err);
    settle_waiting(run, flight, carom_str(why->text));
}

/* Given back as it was. */
static void settle_untried(struct run *run, struct carom_flight *flight)
{
    settle(run, flight, waiting_state(flight), flight->job->due, flight->job->last_answer, true);
}

static void settle_failed(struct run *run, struct carom_flight *flight, int64_t retry_after_s, struct carom_str answer)
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
    settle(run, flight, waiting_state(flight), carom_date_now_ms() + wait, answer, false);
}

/* Taken, but not done: a moderator may have to agree. Asking costs no attempt. A look-up is asked every hour; without
   one the call itself is the only question, and that is put once a day, since it may land on somebody's desk again. */
static void settle_pending(struct run *run, struct carom_flight *flight, struct carom_str answer)
{
    int64_t now = carom_date_now_ms(), day = 24 * (int64_t)HOUR_MS;
    bool asks = flight->endpoint->sink->first.url.len > 0;
    if (now - flight->job->begun > PENDING_DAYS * day) {
        settle_dead(run, flight, answer);
        return;
    }
    run->summary->waiting++;
    settle(run, flight, CAROM_JOB_PENDING, now + (asks ? HOUR_MS : day), answer, true);
}

/* Is it one of those that would be told? */
static bool tells_alerts(const struct run *run, const struct carom_sink *wanted)
{
    for (const struct carom_sink *sink = carom_config_sinks(run->config, CAROM_STR("alert")); sink; sink = sink->next)
        if (sink == wanted)
            return true;
    return false;
}

/* An endpoint that was stopped just now: somebody should hear of a password that expired before the queue is long. */
static void alert_stopped(struct run *run, const struct carom_flight *flight, bool was_stopped)
{
    const struct carom_endpoint *endpoint = flight->endpoint;
    const struct carom_ledger *ledger = run->ledger;
    char text[sizeof(endpoint->why) + 200], key[200];

    if (was_stopped || !endpoint->kept || !carom_config_sinks(run->config, CAROM_STR("alert")) ||
        tells_alerts(run, endpoint->sink))
        return;
    snprintf(key, sizeof key, "stopped:" CAROM_STR_FMT, CAROM_STR_ARG(endpoint->name));
    snprintf(text, sizeof text, "the sink " CAROM_STR_FMT " is stopped, its jobs wait: %s", CAROM_STR_ARG(endpoint->name),
             endpoint->why);
    const struct carom_decided alert = {.type = CAROM_ACTION_ALERT, .text = carom_str(text), .key = carom_str(key),
                                        .every_ms = HOUR_MS};
    note(run, ledger->ops->alert(ledger->store, flight->job->id, &alert, run->config, carom_date_now_ms(), run->err));
}

/* Answers that come in after the endpoint was stopped were on their way already: they cost no attempt either. */
static void settle_retry(struct run *run, struct carom_flight *flight, bool stop, int64_t retry_after_s,
                         struct carom_str text)
{
    bool was_stopped = flight->endpoint->stopped;
    if (!was_stopped || flight->trial)
        note(run, stop ? carom_endpoint_stop(&run->endpoints, flight->endpoint, text.ptr, false, run->err)
                       : carom_endpoint_failed(&run->endpoints, flight->endpoint, run->err));
    alert_stopped(run, flight, was_stopped);
    if (was_stopped)
        settle_waiting(run, flight, text);
    else
        settle_failed(run, flight, retry_after_s, text);
}

static void settle_verdict(struct run *run, struct carom_flight *flight, enum carom_verdict verdict, int64_t retry_after_s,
                           struct carom_str text)
{
    bool was_stopped = flight->endpoint->stopped;
    bool alive = verdict == CAROM_VERDICT_DONE || verdict == CAROM_VERDICT_PENDING || verdict == CAROM_VERDICT_DEAD;
    if (alive) /* it is, also where it only does not want this one */
        note(run, carom_endpoint_alive(&run->endpoints, flight->endpoint, run->err));
    switch (verdict) {
    case CAROM_VERDICT_DONE:
        settle_done(run, flight, text);
        return;
    case CAROM_VERDICT_PENDING:
        settle_pending(run, flight, text);
        return;
    case CAROM_VERDICT_DEAD:
        settle_dead(run, flight, text);
        return;
    case CAROM_VERDICT_PAUSE:
    case CAROM_VERDICT_DISABLE:
        note(run, carom_endpoint_stop(&run->endpoints, flight->endpoint, text.ptr, verdict == CAROM_VERDICT_DISABLE,
                                      run->err));
        alert_stopped(run, flight, was_stopped);
        settle_waiting(run, flight, text);
        return;
    case CAROM_VERDICT_ASTRAY:
    case CAROM_VERDICT_RETRY:
        settle_retry(run, flight, verdict == CAROM_VERDICT_ASTRAY, retry_after_s, text);
        return;
    }
}

static void proceed(struct run *run, struct carom_flight *flight);

/* What the look-up says: nothing there counts as the sink's answers do (404 to a DELETE is done); what is there still is
   pending when the call itself was taken before, else the call goes on. */
static void on_found(struct run *run, struct carom_flight *flight, const struct carom_answer *answer)
{
    const struct carom_sink *sink = flight->endpoint->sink;
    const struct carom_answer nothing = {.code = 404};
    struct carom_render_input input = {.config = run->config, .sink = sink, .job = flight->job};
    struct carom_error why = {0};
    enum carom_rendered result = carom_render_take(&input, answer->body, flight->batch->arena, &flight->found, &why);
    if (result == CAROM_RENDER_NOTHING) {
        settle_verdict(run, flight, carom_answer_judge(sink, &nothing), -1, carom_str(why.text));
    } else if (result == CAROM_RENDER_FAILED) {
        settle_failure(run, flight, &why);
    } else if (result != CAROM_RENDERED) {
        settle_verdict(run, flight, CAROM_VERDICT_DEAD, -1, carom_str(why.text));
    } else if (flight->job->state == CAROM_JOB_PENDING) {
        settle_verdict(run, flight, CAROM_VERDICT_PENDING, -1, flight->job->last_answer);
    } else {
        flight->step = CAROM_STEP_CALL;
        proceed(run, flight);
    }
}

static void on_answer(void *user, void *job, const struct carom_answer *answer)
{
    struct run *run = user;
    struct carom_flight *flight = job;
    const struct carom_sink *sink = flight->endpoint->sink;
    run->requests--;
    run->mailing = run->mailing && sink->type != CAROM_SINK_SMTP;
    if (flight->step == CAROM_STEP_LOOK_UP && answer->code >= 200 && answer->code <= 299) {
        on_found(run, flight, answer);
        return;
    }
    carom_buf_clear(&run->text);
    if (flight->step == CAROM_STEP_LOOK_UP)
        carom_buf_add_str(&run->text, CAROM_STR("look-up: "));
    carom_answer_print(sink, answer, &run->text);
    settle_verdict(run, flight, carom_answer_judge(sink, answer), answer->retry_after_s, carom_buf_str(&run->text));
}

static void on_end(void *user, void *job, const struct carom_command_end *end)
{
    struct run *run = user;
    struct carom_flight *flight = job;
    const struct carom_sink *sink = flight->endpoint->sink;
    bool proof = flight->step == CAROM_STEP_PROVE;
    enum carom_verdict verdict = carom_end_judge(sink, end, proof);
    if (verdict == CAROM_VERDICT_DONE && !proof && sink->verify) {
        flight->step = CAROM_STEP_PROVE;
        proceed(run, flight);
        return;
    }
    carom_buf_clear(&run->text);
    carom_end_print(end, proof, &run->text);
    settle_verdict(run, flight, verdict, -1, carom_buf_str(&run->text));
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

static void send_request(struct run *run, struct carom_flight *flight, struct carom_request *request)
{
    struct carom_error why = {0};
    if (open_transport(run) != 0) {
        run->failed = true;
        settle_waiting(run, flight, run->err ? carom_str(run->err->text) : CAROM_STR("the HTTP module is missing"));
        return;
    }
    request->job = flight;
    run->requests++;
    run->mailing = run->mailing || flight->endpoint->sink->type == CAROM_SINK_SMTP;
    if (run->ops->start(run->transport, request, &why) == 0)
        return;
    struct carom_answer answer = {.retry_after_s = -1, .body = CAROM_STR_EMPTY};
    memcpy(answer.error, why.text, sizeof answer.error - 1);
    on_answer(run, flight, &answer);
}

static void start_command(struct run *run, struct carom_flight *flight, struct carom_command *command)
{
    struct carom_error why = {0};
    if (!run->commands)
        run->commands = carom_commands_new(COMMAND_MS);
    command->job = flight;
    int result = run->commands ? carom_commands_start(run->commands, command, &why) : carom_error_memory(&why);
    if (result > 0)
        settle_unset(run, flight, carom_str(why.text));
    else if (result < 0)
        settle_verdict(run, flight, CAROM_VERDICT_RETRY, -1, carom_str(why.text));
}

/* 1: its relay had as much as it may have in an hour. Anybody can send bounces, and who does fills nobody's mailbox. Others
   may deliver beside us: what they sent is asked for each time, what we did is not in the ledger at once. */
static int is_full(struct run *run, const struct carom_flight *flight)
{
    struct carom_endpoint *endpoint = flight->endpoint;
    const struct carom_ledger *ledger = run->ledger;
    int64_t mailed = 0;
    struct carom_str action = flight->job->action;
    if (!carom_str_eq(action, CAROM_STR("forward")) && !carom_str_eq(action, CAROM_STR("probe")))
        return 0;
    if (endpoint->mails >= MAILS_MAX)
        return 1;
    if (ledger->ops->mailed(ledger->store, endpoint->name, carom_date_now_ms() - HOUR_MS, &mailed, run->err) != 0)
        return -1;
    endpoint->mails = mailed > endpoint->mails ? mailed : endpoint->mails;
    return endpoint->mails++ >= MAILS_MAX;
}

/* 1: it may go, 0: not now, which is settled, -1. */
static int ask_for_mail(struct run *run, struct carom_flight *flight, struct carom_job_mail *mail)
{
    const struct carom_ledger *ledger = run->ledger;
    int full = ledger->ops->mail(ledger->store, run->scratch, flight->job->id, mail, run->err);
    if (full == 0 && mail->erased) {
        settle_untried(run, flight);
        return 0;
    }
    if (full != 0 || (full = is_full(run, flight)) < 0)
        return -1;
    if (!full)
        return 1;
    run->summary->waiting++;
    carom_buf_clear(&run->text);
    carom_buf_printf(&run->text, "%d forwarded bounces and probes went out in an hour: it waits", MAILS_MAX);
    settle(run, flight, waiting_state(flight), carom_date_now_ms() + FULL_MS, carom_buf_str(&run->text), true);
    return 0;
}

/* Renders and starts the flight's step. */
static enum carom_rendered take_step(struct run *run, struct carom_flight *flight, struct carom_error *why)
{
    const struct carom_sink *sink = flight->endpoint->sink;
    struct carom_job_mail mail = {.raw = CAROM_STR_EMPTY};
    struct carom_render_input input = {.config = run->config, .sink = sink, .job = flight->job, .found = flight->found,
                                       .mail = &mail, .now = carom_date_now_ms() / 1000};
    struct carom_request request;
    struct carom_command command;
    enum carom_rendered result;
    carom_arena_reset(run->scratch);
    if (sink->type == CAROM_SINK_COMMAND) {
        result = carom_render_command(&input, flight->step == CAROM_STEP_PROVE, run->scratch, &command, why);
        if (result == CAROM_RENDERED)
            start_command(run, flight, &command);
        return result;
    }
    int may = sink->type == CAROM_SINK_SMTP ? ask_for_mail(run, flight, &mail) : 1;
    if (may <= 0)
        return may < 0 ? CAROM_RENDER_FAILED : CAROM_RENDERED;
    result = sink->type == CAROM_SINK_SMTP ? carom_render_mail(&input, run->scratch, &request, why)
             : flight->step == CAROM_STEP_LOOK_UP     ? carom_render_first(&input, run->scratch, &request, why)
                                           : carom_render_request(&input, run->scratch, &request, why);
    if (result == CAROM_RENDERED)
        send_request(run, flight, &request);
    return result;
}

static void proceed(struct run *run, struct carom_flight *flight)
{
    struct carom_error why = {0};
    switch (take_step(run, flight, &why)) {
    case CAROM_RENDERED:
        return;
    case CAROM_RENDER_WAIT:
        settle_unset(run, flight, carom_str(why.text));
        return;
    case CAROM_RENDER_DEAD:
        settle_dead(run, flight, carom_str(why.text));
        return;
    case CAROM_RENDER_NOTHING: /* only what was found is judged so */
    case CAROM_RENDER_FAILED:
        settle_failure(run, flight, &why);
        return;
    }
}

static void launch(struct run *run, struct carom_flight *flight)
{
    const struct carom_sink *sink = flight->endpoint->sink;
    if (!carom_endpoint_open(flight->endpoint, &flight->trial)) {
        settle_waiting(run, flight, carom_str(flight->endpoint->why));
        return;
    }
    flight->step = sink->type == CAROM_SINK_HTTP && sink->first.url.len ? CAROM_STEP_LOOK_UP : CAROM_STEP_CALL;
    proceed(run, flight);
}

/* ---- Taking turns ---- */

static size_t parallel(const struct run *run)
{
    return run->options->parallel ? run->options->parallel : PARALLEL;
}

/* Claimed and not settled. */
static size_t in_flight(const struct run *run)
{
    return run->requests + carom_commands_running(run->commands) + run->for_request.n + run->for_mail.n + run->for_command.n;
}

static bool stopping(const struct run *run)
{
    return run->failed || (run->options->stop && *run->options->stop);
}

/* One mail after the other: libcurl does nothing else while it waits for what a relay answers to the whole of a mail, and
   the time of all that are under way would run out meanwhile, of some after the relay took them. */
static bool has_room(const struct run *run, const struct queue *queue)
{
    return queue == &run->for_command ? carom_commands_running(run->commands) < COMMANDS_MAX
                                      : run->requests < parallel(run) && !(queue == &run->for_mail && run->mailing);
}

static void enqueue(struct run *run, struct carom_flight *flight)
{
    const struct carom_sink *sink = flight->endpoint->sink;
    struct queue *queue = sink && sink->type == CAROM_SINK_COMMAND ? &run->for_command
                          : sink && sink->type == CAROM_SINK_SMTP  ? &run->for_mail
                                                                   : &run->for_request;
    if (!queue->first)
        queue->tail = &queue->first;
    *queue->tail = flight;
    queue->tail = &flight->queued;
    queue->n++;
}

static struct carom_flight *dequeue(struct queue *queue)
{
    struct carom_flight *flight = queue->first;
    queue->first = flight->queued;
    queue->n--;
    flight->queued = NULL;
    return flight;
}

/* Who waited so long that his lease may end before he does is given back, and claimed again. */
static void start_queued(struct run *run, struct queue *queue)
{
    while (queue->n && (has_room(run, queue) || stopping(run))) {
        struct carom_flight *flight = dequeue(queue);
        bool late = carom_date_now_ms() - flight->batch->claimed > LEASE_MS - 3 * COMMAND_MS;
        if (stopping(run) || late)
            settle_untried(run, flight);
        else
            launch(run, flight);
    }
}

static void start_all(struct run *run)
{
    start_queued(run, &run->for_request);
    start_queued(run, &run->for_mail);
    start_queued(run, &run->for_command);
}

/* ---- Visits to the ledger ---- */

/* What one visit to the ledger claims. */
struct claim {
    struct carom_batch *batch;
    struct carom_job *jobs;
    size_t n;
};

/* Due at the run's start, leased from now on: a job that fails is not claimed twice, and the run ends. */
static int claim_due(struct run *run, struct claim *claim)
{
    const struct carom_ledger *ledger = run->ledger;
    int64_t lease = carom_date_now_ms() - run->start + LEASE_MS;
    size_t max = AHEAD * parallel(run) - in_flight(run);
    if (carom_arena_guard(claim->batch->arena))
        return carom_error_memory(run->err);
    int result = ledger->ops->claim(ledger->store, claim->batch->arena, run->start, lease, max, &claim->jobs, &claim->n,
                                    run->err);
    run->took_all = claim->n < max;
    carom_arena_unguard(claim->batch->arena);
    return result;
}

/* Outcomes are written, and more is claimed where claim is given, in one transaction: each waits for the disk. */
static int write_down(struct run *run, struct claim *claim)
{
    const struct carom_ledger *ledger = run->ledger;
    if (!claim && !run->outcomes.first)
        return 0;
    if (ledger->ops->begin(ledger->store, run->err) != 0)
        return -1;
    if (carom_outcomes_write(&run->outcomes, ledger, run->err) != 0 || (claim && claim_due(run, claim) != 0)) {
        ledger->ops->rollback(ledger->store);
        return -1;
    }
    if (ledger->ops->commit(ledger->store, run->err) != 0)
        return -1;
    carom_outcomes_end(&run->outcomes, run->options->dead, run->options->user);
    return 0;
}

/* The batch is freed with its last job: it is not touched after that. */
static int enqueue_all(struct run *run, struct carom_batch *batch, struct carom_job *jobs, size_t n)
{
    struct carom_flight *flights = calloc(n, sizeof *flights);
    if (!flights)
        return carom_error_memory(run->err);
    batch->flights = flights;
    batch->left = n;
    for (size_t i = 0; i < n; i++) {
        flights[i] = (struct carom_flight){.job = &jobs[i], .batch = batch,
                                     .endpoint = carom_endpoint_find(&run->endpoints, jobs[i].sink)};
        if (!flights[i].endpoint)
            return carom_error_memory(run->err);
    }
    for (size_t i = 0; i < n; i++)
        enqueue(run, &flights[i]);
    start_all(run);
    return 0;
}

/* 1: jobs were claimed, 0: none is due. */
static int take_batch(struct run *run)
{
    struct claim claim = {.batch = carom_batch_new(&run->batches, carom_date_now_ms())};
    if (!claim.batch)
        return carom_error_memory(run->err);
    if (write_down(run, &claim) != 0)
        return -1;
    if (claim.n > 0)
        return enqueue_all(run, claim.batch, claim.jobs, claim.n) == 0 ? 1 : -1;
    carom_batch_free(claim.batch);
    return 0;
}

/* ---- The run ---- */

static int wait_for_ends(struct run *run)
{
    size_t commands = carom_commands_running(run->commands);
    size_t requests = run->requests;
    int wait = run->outcomes.first ? OUTCOME_MS : POLL_MS;
    if (requests && run->ops->poll(run->transport, commands ? BOTH_MS : wait, on_answer, run, run->err) < 0)
        return -1;
    if (commands)
        carom_commands_poll(run->commands, requests ? BOTH_MS : wait, on_end, run);
    start_all(run);
    return 0;
}

/* The first has waited long enough for others; after a failure, once more when nothing is under way. */
static bool is_time_to_write(const struct run *run)
{
    bool late = !run->failed && carom_date_now_ms() - run->outcomes.since >= OUTCOME_MS;
    return run->outcomes.first && (in_flight(run) == 0 || late);
}

/* Claims more when nobody waits for his turn, though some are still under way. What is written with it may let others go:
   the jobs of one address follow one another, and several addresses go on together rather than each with a visit. */
static int visit_ledger(struct run *run, bool *more)
{
    bool may_claim = *more && !stopping(run) && in_flight(run) <= parallel(run);
    int got = 0;
    if (may_claim && (!run->took_all || in_flight(run) == 0 || is_time_to_write(run)))
        *more = (got = take_batch(run)) > 0;
    else if (is_time_to_write(run))
        got = write_down(run, NULL);
    return got < 0 ? -1 : 0;
}

static int step(struct run *run, bool *more)
{
    if (visit_ledger(run, more) != 0) {
        run->failed = true; /* what is under way is waited for, and written once more */
        if (in_flight(run) == 0)
            return -1;
    }
    if (in_flight(run) == 0)
        return write_down(run, NULL) != 0 || run->failed ? -1 : 0;
    size_t before = in_flight(run);
    if (wait_for_ends(run) != 0)
        return -1;
    if (in_flight(run) < before)
        *more = true; /* what stood behind these may go now */
    return 0;
}

static int deliver(struct run *run)
{
    bool more = true;
    while (in_flight(run) || run->outcomes.first || (more && !stopping(run)))
        if (step(run, &more) != 0)
            return -1;
    return run->failed ? -1 : 0;
}

static void run_deinit(struct run *run)
{
    if (run->transport)
        run->ops->close(run->transport);
    while (run->batches)
        carom_batch_free(run->batches);
    carom_commands_free(run->commands);
    carom_endpoints_deinit(&run->endpoints);
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
                      .endpoints = {.config = config, .ledger = ledger, .log = options->log},
                      .scratch = carom_arena_new()};
    int result = run.scratch ? carom_endpoints_load(&run.endpoints, err) : carom_error_memory(err);
    if (result == 0)
        result = deliver(&run);
    run_deinit(&run);
    return result;
}
