/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A ledger in memory over one that is only read. What is below of an address is taken over before it changes for the
   first time; from then on the copy counts. Nothing is told to anybody, so that jobs and alerts are not kept. */

#include "ledger/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "ledger/crowd.h"
#include "ledger/memory.h"
#include "ledger/store.h"

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
    return (void)store, (void)err, 0;
}

static void rollback(struct carom_store *store)
{
    (void)store; /* nothing is recorded before all hooks of a message have returned */
}

static int seen(struct carom_store *store, uint64_t identity, struct carom_str address, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    int found = overlay->top.ops->seen(overlay->top.store, identity, address, err);
    return found != 0 || !overlay->base.ops ? found
                                            : overlay->base.ops->seen(overlay->base.store, identity, address, err);
}

/* What this run itself decided is not told again. */
static int decided(struct carom_store *store, struct carom_arena *arena, uint64_t identity, struct carom_str address,
                   struct carom_str *json_r, struct carom_error *err)
{
    struct carom_ledger *base = &overlay_of(store)->base;
    *json_r = CAROM_STR_EMPTY;
    return base->ops ? base->ops->decided(base->store, arena, identity, address, json_r, err) : 0;
}

/* Where all that is known of the address stands. */
static struct carom_ledger *holder(struct overlay *overlay, struct carom_str address)
{
    return !overlay->base.ops || carom_memory_knows(&overlay->top, address) ? &overlay->top : &overlay->base;
}

static int past(struct carom_store *store, struct carom_arena *arena, struct carom_str address,
                struct carom_history *history, struct carom_error *err)
{
    struct carom_ledger *it = holder(overlay_of(store), address);
    return it->ops->past(it->store, arena, address, history, err);
}

static int take_over(struct overlay *overlay, struct carom_arena *arena, const struct carom_entry *entry,
                     struct carom_error *err)
{
    struct carom_history history = {.now = entry->now};
    if (!entry->address.len || holder(overlay, entry->address) == &overlay->top)
        return 0;
    if (overlay->base.ops->past(overlay->base.store, arena, entry->address, &history, err) != 0)
        return -1;
    return carom_memory_adopt(&overlay->top, entry->address, &history, err);
}

static int record(struct carom_store *store, struct carom_arena *arena, const struct carom_entry *entry,
                  struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    if (take_over(overlay, arena, entry, err) != 0)
        return -1;
    return overlay->top.ops->record(overlay->top.store, arena, entry, err);
}

/* ---- May it be mailed? ---- */

static bool is_about(struct carom_str list, struct carom_str asked)
{
    return !list.len || carom_str_ieq(list, asked);
}

static bool lasts_longer(int64_t until, int64_t than)
{
    return than && (!until || until > than);
}

/* Of those that last as long the one that came first. */
static bool is_suppressed(const struct carom_history *history, struct carom_str list, struct carom_refusal *refusal)
{
    const struct carom_suppression *longest = NULL;
    for (const struct carom_suppression *s = history->suppressions; s; s = s->next)
        if (is_about(s->list, list) && (!longest || lasts_longer(s->until, longest->until)))
            longest = s;
    if (longest)
        carom_refusal_set(refusal, "suppressed", longest->since, longest->until, longest->reason);
    return longest != NULL;
}

/* Which says more: all, the empty list, before one; of one that is spelled in two ways the lesser, as in a file. */
static bool says_more(struct carom_str list, struct carom_str than)
{
    return list.len != than.len ? list.len < than.len : memcmp(list.ptr, than.ptr, list.len) < 0;
}

static bool has_left(const struct carom_history *history, struct carom_str list, struct carom_refusal *refusal)
{
    const struct carom_departure *left = NULL;
    for (const struct carom_departure *d = history->departures; d; d = d->next)
        if ((d->list.len ? carom_str_ieq(d->list, list) : !d->each || !list.len) && (!left || says_more(d->list, left->list)))
            left = d;
    if (left)
        carom_refusal_set(refusal, left->list.len ? "left" : "left_all", left->since, 0, CAROM_STR_EMPTY);
    return left != NULL;
}

/* What no fact of this run changes: an erased address, a removal that waited before. */
static int check_below(struct overlay *overlay, struct carom_str address, struct carom_str list, bool held, int64_t now,
                       struct carom_refusal *refusal, struct carom_error *err)
{
    int may = overlay->base.ops ? overlay->base.ops->check(overlay->base.store, address, list, held, now, refusal, err) : 1;
    return may || strcmp(refusal->cause, "erased") == 0 || strcmp(refusal->cause, "held") == 0 ? may : 1;
}

static int check(struct carom_store *store, struct carom_str address, struct carom_str list, bool held, int64_t now,
                 struct carom_refusal *refusal, struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    struct carom_history history = {.now = now};

    if (holder(overlay, address) == &overlay->base)
        return overlay->base.ops->check(overlay->base.store, address, list, held, now, refusal, err);
    struct carom_arena *arena = carom_arena_new();
    if (!arena)
        return carom_error_memory(err);
    int may = overlay->top.ops->past(overlay->top.store, arena, address, &history, err);
    if (may == 0 && !is_suppressed(&history, list, refusal) && !has_left(&history, list, refusal))
        may = check_below(overlay, address, list, held, now, refusal, err);
    carom_arena_free(arena);
    return may;
}

/* Nobody teaches a dry run. */
static int references(struct carom_store *store, uint64_t hash,
                      int (*each)(void *user, const struct carom_reference *reference), void *user, struct carom_error *err)
{
    struct carom_ledger *base = &overlay_of(store)->base;
    return base->ops ? base->ops->references(base->store, hash, each, user, err) : 0;
}

/* What the file knows joins what this run did, once, and again where an archive goes further back in time. */
static int take_crowd(struct overlay *overlay, const struct carom_crowd_ask *ask, int64_t known, struct carom_error *err)
{
    const struct carom_crowd_ask all = {.group = ask->group, .since = ask->since, .until = ask->until};
    struct carom_crowd *below;
    if (overlay->base.ops->crowd(overlay->base.store, &all, &below, err) != 0)
        return -1;
    for (size_t i = 0; i < below->n; i++) {
        const struct carom_crowd_removal *removal = &below->list[i];
        if (removal->received > ask->since && removal->received <= known &&
            carom_memory_adopt_removal(&overlay->top, ask->group, removal->received, removal->address, removal->done, err) != 0)
            return -1;
    }
    return 0;
}

static int crowd(struct carom_store *store, const struct carom_crowd_ask *ask, struct carom_crowd **crowd_r,
                 struct carom_error *err)
{
    struct overlay *overlay = overlay_of(store);
    *crowd_r = carom_memory_crowd(&overlay->top, ask->group);
    int64_t known = *crowd_r ? (*crowd_r)->since : INT64_MAX;
    if (!overlay->base.ops || known <= ask->since)
        return 0;
    if (take_crowd(overlay, ask, known, err) != 0)
        return -1;
    if ((*crowd_r = carom_memory_crowd(&overlay->top, ask->group)))
        (*crowd_r)->since = ask->since;
    return 0;
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
    int result = overlay->top.ops->incident_at(overlay->top.store, arena, group, time, incident_r, err);
    if (result != 0 || !overlay->base.ops)
        return result;
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
        .begin = begin, .commit = begin, .rollback = rollback, .seen = seen, .decided = decided,
        .past = past,   .record = record, .check = check,      .references = references,
        .crowd = crowd, .first_removal = first_removal, .incident_at = incident_at, .incident_put = incident_put,
        .recall = recall, .samples = samples, .close = close_overlay,
    };
    struct overlay *overlay = calloc(1, sizeof(*overlay));

    if (!overlay)
        return carom_error_memory(err);
    /* Only a file that is certainly absent is nothing: one that cannot be looked at is an error. */
    bool absent = access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
    const struct carom_store_module *module = absent ? NULL : carom_store_load(err);
    if ((!absent && !module) || carom_memory_open(&overlay->top, err) != 0 ||
        (module && module->open(path, CAROM_LEDGER_READ, &overlay->base, err) != 0)) {
        close_overlay((struct carom_store *)(void *)overlay);
        return -1;
    }
    *ledger_r = (struct carom_ledger){.ops = &ops, .store = (struct carom_store *)(void *)overlay};
    return 0;
}
