/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Two SQLite stores as one. Facts and jobs are those of both. What stands for an address (suppressions, departures,
   tags) and the state of an alert are copied up before they change for the first time; from then on the copy counts. */

#include "ledger/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "ledger/sqlite.h"

/* The state behind the interface; base.ops is NULL where there is no ledger yet. */
struct overlay {
    struct carom_ledger base, top;
};

static struct overlay *overlay_of(struct carom_store *store)
{
    return (struct overlay *)(void *)store;
}

static int begin(struct carom_store *store, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->begin(top->store, err);
}

static int commit(struct carom_store *store, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->commit(top->store, err);
}

static void rollback(struct carom_store *store)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    top->ops->rollback(top->store);
}

static int seen(struct carom_store *store, uint64_t identity, struct carom_str recipient, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    int found = overlay->top.ops->seen(overlay->top.store, identity, recipient, err);
    return found != 0 || !overlay->base.ops ? found
                                            : overlay->base.ops->seen(overlay->base.store, identity, recipient, err);
}

static int decided(struct carom_store *store, struct carom_arena *arena, uint64_t identity, struct carom_str recipient,
                   struct carom_str *json_r, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    if (overlay->top.ops->decided(overlay->top.store, arena, identity, recipient, json_r, err) != 0)
        return -1;
    return json_r->len || !overlay->base.ops
               ? 0
               : overlay->base.ops->decided(overlay->base.store, arena, identity, recipient, json_r, err);
}

static void append(struct carom_arena *arena, struct carom_history *history, const struct carom_history *more)
{
    struct carom_past *list = carom_arena_array(arena, struct carom_past, history->n + more->n + 1);
    if (history->n)
        memcpy(list, history->list, history->n * sizeof(*list));
    if (more->n)
        memcpy(list + history->n, more->list, more->n * sizeof(*list));
    history->list = list;
    history->n += more->n;
}

static int past(struct carom_store *store, struct carom_arena *arena, struct carom_str address,
                struct carom_history *history, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    struct carom_history below = *history;
    int64_t copied;

    if (overlay->top.ops->past(overlay->top.store, arena, address, history, err) != 0)
        return -1;
    if (!overlay->base.ops)
        return 0;
    if (overlay->base.ops->past(overlay->base.store, arena, address, &below, err) != 0 ||
        carom_sqlite_address(overlay->top.store, address, &copied, err) != 0)
        return -1;
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    append(arena, history, &below);
    carom_arena_unguard(arena);
    if (copied)
        return 0;
    history->suppressions = below.suppressions;
    history->departures = below.departures;
    history->tags = below.tags;
    history->restored = below.restored;
    return 0;
}

static int copy_address(struct overlay *overlay, struct carom_arena *arena, const struct carom_entry *entry,
                        struct carom_error *err)
{
    struct carom_history history = {.now = entry->now};
    int64_t copied;

    if (!entry->address.len)
        return 0;
    if (carom_sqlite_address(overlay->top.store, entry->address, &copied, err) != 0)
        return -1;
    if (copied)
        return 0;
    if (overlay->base.ops->past(overlay->base.store, arena, entry->address, &history, err) != 0)
        return -1;
    return carom_sqlite_adopt(overlay->top.store, entry->address, &history, err);
}

static int copy_alerts(struct overlay *overlay, const struct carom_entry *entry, struct carom_error *err)
{
    for (const struct carom_decided *d = entry->decision->first; d; d = d->next) {
        struct carom_alert alert;
        if (d->type != CAROM_ACTION_ALERT || d->state != CAROM_ACTION_DECIDED)
            continue;
        if (carom_sqlite_alert(overlay->top.store, d->key, &alert, err) != 0)
            return -1;
        if (alert.row)
            continue;
        if (carom_sqlite_alert(overlay->base.store, d->key, &alert, err) != 0)
            return -1;
        if (!alert.row)
            continue;
        alert.row = 0;
        if (carom_sqlite_alert_set(overlay->top.store, d->key, &alert, entry->now, err) != 0)
            return -1;
    }
    return 0;
}

static int record(struct carom_store *store, struct carom_arena *arena, const struct carom_entry *entry,
                  struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    if (overlay->base.ops && (copy_address(overlay, arena, entry, err) != 0 || copy_alerts(overlay, entry, err) != 0))
        return -1;
    return overlay->top.ops->record(overlay->top.store, arena, entry, err);
}

/* Only what this run would have sent: the ledger's own jobs are not its to lease. */
static int claim(struct carom_store *store, struct carom_arena *arena, int64_t now, int64_t lease_ms, size_t max,
                 struct carom_job **jobs_r, size_t *n_r, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->claim(top->store, arena, now, lease_ms, max, jobs_r, n_r, err);
}

static int settle(struct carom_store *store, int64_t job, enum carom_job_state state, int64_t due,
                  struct carom_str answer, bool free_attempt, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->settle(top->store, job, state, due, answer, free_attempt, err);
}

static int resend(struct carom_store *store, int64_t job, int64_t now, struct carom_str answer, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->resend(top->store, job, now, answer, err);
}

static int facts(struct carom_store *store, struct carom_str address, int (*row)(void *user, struct carom_str json),
                 void *user, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    if (overlay->base.ops && overlay->base.ops->facts(overlay->base.store, address, row, user, err) != 0)
        return -1;
    return overlay->top.ops->facts(overlay->top.store, address, row, user, err);
}

static int jobs(struct carom_store *store, struct carom_arena *arena, int state,
                int (*row)(void *user, const struct carom_job *job), void *user, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    if (overlay->base.ops && overlay->base.ops->jobs(overlay->base.store, arena, state, row, user, err) != 0)
        return -1;
    return overlay->top.ops->jobs(overlay->top.store, arena, state, row, user, err);
}

/* Of the jobs that it has. */
static int mail(struct carom_store *store, struct carom_arena *arena, int64_t job, struct carom_job_mail *mail_r,
                struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->mail(top->store, arena, job, mail_r, err);
}

static int raise_alert(struct carom_store *store, int64_t job, const struct carom_decided *alert,
                       const struct carom_config *config, int64_t now, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->alert(top->store, job, alert, config, now, err);
}

static int pause_sink(struct carom_store *store, const struct carom_pause *stopped, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->pause(top->store, stopped, err);
}

static int pauses(struct carom_store *store, int (*each)(void *user, const struct carom_pause *stopped), void *user,
                  struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    if (overlay->base.ops && overlay->base.ops->pauses(overlay->base.store, each, user, err) != 0)
        return -1;
    return overlay->top.ops->pauses(overlay->top.store, each, user, err);
}

static int check(struct carom_store *store, struct carom_str address, struct carom_str list, bool held, int64_t now,
                 struct carom_refusal *refusal, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    int64_t copied;
    if (carom_sqlite_address(overlay->top.store, address, &copied, err) != 0)
        return -1;
    struct carom_ledger *it = copied || !overlay->base.ops ? &overlay->top : &overlay->base;
    return it->ops->check(it->store, address, list, held, now, refusal, err);
}

/* Nobody teaches a dry run. */
static int references(struct carom_store *store, uint64_t hash,
                      int (*each)(void *user, const struct carom_reference *reference), void *user, struct carom_error *err)
{
    struct carom_ledger *base = &overlay_of(store)->base;
    return base->ops ? base->ops->references(base->store, hash, each, user, err) : 0;
}

static int prepare(struct carom_store *store, struct carom_error *err)
{
    (void)store, (void)err; /* its questions are few */
    return 0;
}

static int removals(struct carom_store *store, uint64_t group, int64_t after, int64_t until, bool done,
                    int (*row)(void *user, int64_t received, int64_t address), void *user, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    if (overlay->base.ops &&
        overlay->base.ops->removals(overlay->base.store, group, after, until, done, row, user, err) != 0)
        return -1;
    return overlay->top.ops->removals(overlay->top.store, group, after, until, done, row, user, err);
}

static int first_removal(struct carom_store *store, int64_t *received_r, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    *received_r = 0;
    if (overlay->base.ops && overlay->base.ops->first_removal(overlay->base.store, received_r, err) != 0)
        return -1;
    return *received_r ? 0 : overlay->top.ops->first_removal(overlay->top.store, received_r, err);
}

/* What changed stands above. */
static int incident_at(struct carom_store *store, struct carom_arena *arena, uint64_t group, int64_t time,
                       struct carom_incident *incident_r, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    struct carom_incident below;
    if (overlay->top.ops->incident_at(overlay->top.store, arena, group, time, incident_r, err) != 0)
        return -1;
    if (!overlay->base.ops)
        return 0;
    if (overlay->base.ops->incident_at(overlay->base.store, arena, group, time, &below, err) != 0)
        return -1;
    if (below.id && (!incident_r->id || below.since > incident_r->since))
        *incident_r = below;
    return 0;
}

static int incident_put(struct carom_store *store, struct carom_incident *incident, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->incident_put(top->store, incident, err);
}

/* Of what this run did. */
static int recall(struct carom_store *store, const struct carom_incident *incident, int64_t from,
                  const struct carom_config *config, int64_t now, int64_t *n_r, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->recall(top->store, incident, from, config, now, n_r, err);
}

static int samples(struct carom_store *store, struct carom_arena *arena, uint64_t group, struct carom_str *samples_r,
                   size_t max, size_t *n_r, struct carom_error *err)
{
    struct carom_ledger *top = &overlay_of(store)->top;
    return top->ops->samples(top->store, arena, group, samples_r, max, n_r, err);
}

static void close_overlay(struct carom_store *store)
{
    struct overlay *overlay = overlay_of(store);
    if (overlay->top.ops)
        carom_ledger_close(&overlay->top);
    if (overlay->base.ops)
        carom_ledger_close(&overlay->base);
    free(overlay);
}

int carom_overlay_open(const char *path, struct carom_ledger *ledger_r, struct carom_error *err)
{
    static const struct carom_store_ops ops = {
        .begin = begin, .commit = commit, .rollback = rollback, .seen = seen, .decided = decided,
        .past = past,   .record = record, .claim = claim,       .settle = settle,
        .resend = resend, .alert = raise_alert,
        .facts = facts, .jobs = jobs,     .mail = mail,         .pause = pause_sink,
        .pauses = pauses, .check = check, .prepare = prepare,   .close = close_overlay,
        .references = references,
        .removals = removals, .first_removal = first_removal, .incident_at = incident_at, .incident_put = incident_put,
        .recall = recall, .samples = samples,
    };
    struct overlay *overlay = calloc(1, sizeof(*overlay));

    if (!overlay)
        return carom_error_memory(err);
    /* Only a file that is certainly absent is nothing: one that cannot be looked at is an error. */
    bool absent = access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
    if (carom_sqlite_open(":memory:", CAROM_DB_MEMORY, &overlay->top, err) != 0 ||
        (!absent && carom_sqlite_open(path, CAROM_DB_READ, &overlay->base, err) != 0)) {
        close_overlay((struct carom_store *)(void *)overlay);
        return -1;
    }
    *ledger_r = (struct carom_ledger){.ops = &ops, .store = (struct carom_store *)(void *)overlay};
    return 0;
}
