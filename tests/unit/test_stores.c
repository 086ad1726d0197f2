/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What stands behind the ledger's interface answers alike: a file, plain memory, and a dry run over nothing and over a
   file. Whatever is recorded, in whatever order, each shows the same of an address and of a provider's bad day. Random
   facts, decisions and incidents are played on all; of the last the beginning is in the file before the dry run opens it.

   usage: test_stores [SEED]: the seed of a run that failed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "decision/hold.h"
#include "ledger/breaker.h"
#include "ledger/care.h"
#include "ledger/crowd.h"
#include "ledger/ledger.h"
#include "ledger/memory.h"

#define DAY INT64_C(86400000)
#define BEGIN (INT64_C(20600) * DAY)
enum { ROUNDS = 100, STEPS_MAX = 48, DEEDS_MAX = 3, ADDRESSES = 2, GROUPS = 2 };
enum { IN_FILE, IN_MEMORY, OVER_NOTHING, OVER_FILE, STORES };
static const char *const names[STORES] = {"in a file", "in memory", "over nothing", "over a file"};

static uint32_t seed, first_seed;
static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % sides;
}
#define ANY_OF(list) list[dice(sizeof(list) / sizeof(*(list)))]

/* ---- What is played ---- */

#define TEXT(text) {text, sizeof(text) - 1}
enum { UNSUBSCRIBE };
static const struct carom_decided deeds[] = {
    [UNSUBSCRIBE] = {.type = CAROM_ACTION_UNSUBSCRIBE},
    {.type = CAROM_ACTION_SUPPRESS},
    {.type = CAROM_ACTION_SUPPRESS, .duration_ms = DAY / 2},
    {.type = CAROM_ACTION_SUPPRESS, .duration_ms = 3 * DAY},
    {.type = CAROM_ACTION_SUPPRESS, .duration_ms = INT64_MAX},
    {.type = CAROM_ACTION_SUPPRESS, .list_only = true},
    {.type = CAROM_ACTION_SUPPRESS, .list_only = true, .list = TEXT("news.example.org"), .duration_ms = 2 * DAY},
    {.type = CAROM_ACTION_UNSUPPRESS},
    {.type = CAROM_ACTION_UNSUBSCRIBE},
    {.type = CAROM_ACTION_UNSUBSCRIBE, .list = TEXT("NEWS.example.org")},
    {.type = CAROM_ACTION_UNSUBSCRIBE, .list = TEXT("old.example.org")},
    {.type = CAROM_ACTION_UNSUBSCRIBE, .all = true},
    {.type = CAROM_ACTION_TAG, .key = TEXT("k"), .value = TEXT("a")},
    {.type = CAROM_ACTION_TAG, .key = TEXT("k"), .value = TEXT("b")},
    {.type = CAROM_ACTION_TAG, .key = TEXT("provider"), .value = TEXT("")},
    {.type = CAROM_ACTION_SCORE, .points = 1.5},
    {.type = CAROM_ACTION_RETRY, .after_ms = 30 * DAY},
    {.type = CAROM_ACTION_IGNORE},
};
static const enum carom_kind kinds[] = {CAROM_KIND_PERMANENT, CAROM_KIND_PERMANENT, CAROM_KIND_TRANSIENT, CAROM_KIND_DELAYED,
                                        CAROM_KIND_DELIVERED, CAROM_KIND_COMPLAINT, CAROM_KIND_OTHER};
static const struct carom_str lists[] = {TEXT("dev.example.org"), TEXT("news.example.org"), TEXT("")};
static const struct carom_str asked_lists[] = {TEXT(""), TEXT("dev.example.org"), TEXT("DEV.example.org"),
                                               TEXT("news.example.org"), TEXT("old.example.org")};

/* A fact with its decision, an incident that begins or goes on, or a recall of what came late. */
struct step {
    enum { FACT, INCIDENT, RECALL } what;
    int who; /* -1: nobody is named */
    enum carom_kind kind;
    enum carom_reason reason;
    enum carom_authenticity authenticity;
    enum carom_hold hold;
    bool hard, forgotten; /* forgotten: the incident begins anew */
    int list, deeds[DEEDS_MAX];
    uint64_t identity, delivery, group; /* group 0: none */
    int64_t received, now; /* ms */
};

struct play {
    struct step steps[STEPS_MAX];
    size_t n, split; /* split: how many are in the file before the dry run */
    int64_t late;    /* what came later was received after that */
    struct carom_config config;
};

static struct step any_step(const struct play *play, size_t number)
{
    uint32_t sides = dice(20);
    struct step step = {.what = sides < 2 ? INCIDENT : sides == 2 ? RECALL : FACT,
                        .who = (int)dice(12) ? (int)dice(ADDRESSES) : -1,
                        .kind = ANY_OF(kinds),
                        .authenticity = (enum carom_authenticity)dice(CAROM_AUTHENTICITY_DIRECT),
                        .hold = dice(3) ? CAROM_HOLD_NONE : (enum carom_hold)dice(CAROM_HOLD_BREAKER + 1),
                        .hard = dice(2),
                        .forgotten = dice(2),
                        .list = (int)dice(3),
                        .identity = number + 1,
                        .delivery = dice(3),
                        .group = dice(GROUPS + 1),
                        .received = BEGIN + (number < play->split ? 0 : 40 * DAY) + (int64_t)dice(30) * DAY,
                        .now = BEGIN + 80 * DAY + (int64_t)number * DAY / 2};
    if (step.kind == CAROM_KIND_PERMANENT || step.kind == CAROM_KIND_TRANSIENT)
        step.reason = dice(2) ? CAROM_REASON_MAILBOX_FULL : CAROM_REASON_USER_UNKNOWN;
    step.group += step.what != FACT && !step.group; /* a bad day is somebody's */
    if (number && !dice(8)) { /* a copy: it is about whom the first was about */
        step.identity = 1 + dice((uint32_t)number);
        step.who = play->steps[step.identity - 1].who;
    }
    for (int i = 0; i < DEEDS_MAX; i++)
        step.deeds[i] = dice(2) ? (int)dice(sizeof(deeds) / sizeof(*deeds)) : -1;
    return step;
}

static struct carom_list_entry news = {.id = TEXT("news.example.org")};
static struct carom_list_entry dev = {.id = TEXT("dev.example.org"), .next = &news};

static struct play any_play(void)
{
    struct play play = {.n = 1 + dice(STEPS_MAX), .late = BEGIN + 35 * DAY, .config = {.lists = dice(4) ? &dev : NULL}};
    play.split = dice((uint32_t)play.n + 1);
    for (size_t i = 0; i < play.n; i++)
        play.steps[i] = any_step(&play, i);
    return play;
}

/* ---- Memory that fails: what the library asks for, as the linker leads its calls here ---- */

static long failing; /* the allocation that fails, counted from here; 0 none */
static bool asking, exhausted, no_large; /* no_large: no further block of an arena */

static bool no_memory(void)
{
    return exhausted || (asking && failing && --failing == 0);
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *ptr, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *ptr, size_t n, size_t size);
void *__wrap_malloc(size_t n) { return no_memory() || (no_large && n > 100000) ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return no_memory() ? NULL : __real_calloc(n, size); }
void *__wrap_reallocarray(void *ptr, size_t n, size_t size) { return no_memory() ? NULL : __real_reallocarray(ptr, n, size); }

/* Whatever it is asked for next wants a new block. */
static void fill(struct carom_arena *full)
{
    exhausted = true;
    while (carom_arena_try(full, 4096) || carom_arena_try(full, 1))
        continue;
    exhausted = false;
}

/* ---- One store ---- */

static struct carom_arena *arena;
static char directory[64], file[96], url[112];

struct player {
    struct carom_ledger ledger;
    struct carom_incident incidents[GROUPS + 1];
};

static void must(int result, const struct carom_error *err)
{
    if (result < 0)
        fail_msg("seed %u: %s", first_seed, err->text);
}

static struct carom_ledger opened(enum carom_ledger_mode mode)
{
    struct carom_ledger ledger;
    struct carom_error err = {0};
    must(carom_ledger_open(url, mode, &ledger, &err), &err);
    return ledger;
}

static struct carom_str address_of(int who)
{
    static const struct carom_str addresses[] = {TEXT("ann@example.com"), TEXT("bob@example.net"), TEXT("eve@example.org")};
    return who < 0 ? CAROM_STR_EMPTY : addresses[who];
}

static bool removes(const struct carom_decision *decision, bool held)
{
    for (const struct carom_decided *d = decision->first; d; d = d->next)
        if (carom_hold_removes(d) || (held && d->state == CAROM_ACTION_HELD && (d->type == CAROM_ACTION_UNSUBSCRIBE ||
                                                                               d->type == CAROM_ACTION_SUPPRESS)))
            return true;
    return false;
}

/* As the engine does once the policy has spoken. */
static void decide(const struct step *step, const struct carom_fact *fact, const struct carom_config *config,
                   struct carom_decision *decision)
{
    int gate = step->hold == CAROM_HOLD_GATE ? CAROM_AUTHENTICITY_DIRECT : CAROM_AUTHENTICITY_UNPROVEN;
    struct carom_config strict = {.gate = {gate, gate, gate, gate}, .observe = step->hold == CAROM_HOLD_OBSERVE};
    carom_decision_init(decision);
    for (int i = 0; i < DEEDS_MAX; i++)
        if (step->deeds[i] >= 0) {
            const struct carom_decided *deed = &deeds[step->deeds[i]];
            *carom_decision_add(arena, decision, deed->type) = *deed; /* the youngest has none next to it */
        }
    carom_decision_settle(decision, fact, config);
    carom_hold_apply(decision, fact, &strict);
    if (step->hold == CAROM_HOLD_BREAKER && removes(decision, false))
        carom_hold_removals(decision);
}

static int record(struct player *player, const struct step *step, const struct carom_config *config, struct carom_error *err)
{
    const struct carom_store_ops *ops = player->ledger.ops;
    struct carom_fact fact = {.id = CAROM_STR("id"), .kind = step->kind, .reason = step->reason, .hard = step->hard,
                              .recipient = address_of(step->who), .authenticity = step->authenticity,
                              .confidence = CAROM_CONFIDENCE_HIGH, .list = lists[step->list],
                              .received = step->received / 1000};
    struct carom_decision decision;

    decide(step, &fact, config, &decision);
    const struct carom_entry entry = {.fact = &fact, .decision = &decision, .config = config, .identity = step->identity,
                                      .address = fact.recipient, .delivery = step->delivery, .raw = CAROM_STR_EMPTY,
                                      .headers = CAROM_STR_EMPTY, .policy = CAROM_STR("0123"), .now = step->now,
                                      .group = removes(&decision, true) ? step->group : 0};
    asking = true;
    int seen = ops->seen(player->ledger.store, step->identity, fact.recipient, err);
    int result = seen ? (seen > 0) - 1 : ops->record(player->ledger.store, arena, &entry, err);
    asking = false;
    return result;
}

static int put_incident(struct player *player, const struct step *step, struct carom_error *err)
{
    struct carom_incident *incident = &player->incidents[step->group];
    if (step->forgotten || !incident->id)
        *incident = (struct carom_incident){.group = step->group, .provider = CAROM_STR("example.com"),
                                            .reason = CAROM_STR("mailbox_full"), .since = step->received,
                                            .busy = step->received, .usual = 7};
    else
        incident->ended = incident->busy = step->now;
    asking = true;
    int result = player->ledger.ops->incident_put(player->ledger.store, incident, err);
    asking = false;
    return result;
}

/* n: what it recalled. */
static int play_step(struct player *player, const struct play *play, const struct step *step, int64_t *n_r,
                     struct carom_error *err)
{
    const struct carom_incident incident = {.id = 1, .group = step->group};
    *n_r = 0;
    return step->what == FACT       ? record(player, step, &play->config, err)
           : step->what == INCIDENT ? put_incident(player, step, err)
                                    : player->ledger.ops->recall(player->ledger.store, &incident, play->late,
                                                                 &play->config, step->now, n_r, err);
}

/* ---- What it shows ---- */

static void print_history(FILE *out, const struct carom_history *history)
{
    for (size_t i = 0; i < history->n; i++) {
        const struct carom_past *p = &history->list[i];
        fprintf(out, "  %s %s %s%s%s%s%s, time %lld, received %lld, delivery %llu, list %s, %g points\n",
                carom_kind_name(p->kind), p->reason ? carom_reason_name(p->reason) : "-",
                carom_authenticity_name(p->authenticity), p->hard ? " hard" : "", p->ignored ? " ignored" : "",
                p->held ? " held" : "", p->retried ? " retried" : "", (long long)p->time, (long long)p->received,
                (unsigned long long)p->delivery, p->list.ptr, p->points);
    }
    for (const struct carom_suppression *s = history->suppressions; s; s = s->next)
        fprintf(out, "  suppressed by '%s' from %lld to %lld, for %lld%s: %s\n", s->list.ptr, (long long)s->since,
                (long long)s->until, (long long)s->cause, s->soft ? " soft" : "", s->reason.ptr);
    for (const struct carom_departure *d = history->departures; d; d = d->next)
        fprintf(out, "  left '%s'%s, %lld\n", d->list.ptr, d->each ? " each" : "", (long long)d->since);
    for (const struct carom_tag *t = history->tags; t; t = t->next)
        fprintf(out, "  tag %s=%s\n", t->key.ptr, t->value.ptr);
    fprintf(out, "  restored %lld\n", (long long)history->restored);
}

static int print_address(FILE *out, struct carom_ledger *ledger, struct carom_str address, int64_t now,
                         struct carom_error *err)
{
    struct carom_history history = {.now = now};
    fprintf(out, "%s:\n", address.ptr);
    if (ledger->ops->past(ledger->store, arena, address, &history, err) != 0)
        return -1;
    print_history(out, &history);
    return 0;
}

static void print_refusals(FILE *out, struct carom_ledger *ledger, struct carom_str address, int64_t now)
{
    for (size_t i = 0; i < sizeof(asked_lists) / sizeof(*asked_lists); i++) {
        struct carom_refusal why;
        struct carom_error err = {0};
        int may = ledger->ops->check(ledger->store, address, asked_lists[i], false, now, &why, &err);
        must(may, &err);
        if (!may)
            fprintf(out, "%s not by '%s': %s, %lld to %lld, %s\n", address.ptr, asked_lists[i].ptr, why.cause,
                    (long long)why.since, (long long)why.until, why.reason);
    }
}

static int compare_removals(const void *left, const void *right)
{
    const struct carom_crowd_removal *a = left, *b = right;
    return a->received != b->received ? (a->received > b->received) - (a->received < b->received)
                                      : (a->address > b->address) - (a->address < b->address);
}

/* Those of one moment come in any order. */
static int print_removals(FILE *out, struct carom_ledger *ledger, uint64_t group, int64_t after, int64_t until, bool done,
                          struct carom_error *err)
{
    const struct carom_crowd_ask ask = {.group = group, .since = after};
    struct carom_crowd *crowd;
    if (ledger->ops->crowd(ledger->store, &ask, &crowd, err) != 0)
        return -1;
    fprintf(out, "removals of %llu%s:", (unsigned long long)group, done ? ", done" : "");
    if (crowd && crowd->n)
        qsort(crowd->list, crowd->n, sizeof(*crowd->list), compare_removals);
    for (size_t i = 0; crowd && i < crowd->n; i++) {
        const struct carom_crowd_removal *removal = &crowd->list[i];
        if (removal->received > after && removal->received <= until && (removal->done || !done))
            fprintf(out, " %lld/%llx", (long long)removal->received, (unsigned long long)removal->address);
    }
    fprintf(out, "\n");
    return 0;
}

static int print_group(FILE *out, struct carom_ledger *ledger, uint64_t group, int64_t now, struct carom_error *err)
{
    if (print_removals(out, ledger, group, 0, now, false, err) != 0 ||
        print_removals(out, ledger, group, 0, now, true, err) != 0 ||
        print_removals(out, ledger, group, BEGIN + 10 * DAY, BEGIN + 50 * DAY, false, err) != 0)
        return -1;
    for (int64_t time = BEGIN; time <= BEGIN + 80 * DAY; time += 20 * DAY) {
        struct carom_incident incident;
        if (ledger->ops->incident_at(ledger->store, arena, group, time, &incident, err) != 0)
            return -1;
        if (incident.id)
            fprintf(out, "incident of %llu at %lld: %s %s from %lld to %lld, ended %lld, usual %lld\n",
                    (unsigned long long)group, (long long)time, incident.provider.ptr, incident.reason.ptr,
                    (long long)incident.since, (long long)incident.busy, (long long)incident.ended, (long long)incident.usual);
    }
    return 0;
}

/* All that can be asked. */
static int print_all(FILE *out, struct carom_ledger *ledger, const struct step *step, struct carom_error *err)
{
    int64_t first;
    for (int who = 0; who <= ADDRESSES; who++) {
        int seen = ledger->ops->seen(ledger->store, step->identity, address_of(who), err);
        if (seen < 0 || print_address(out, ledger, address_of(who), step->now, err) != 0)
            return -1;
    }
    for (uint64_t group = 1; group <= GROUPS + 1; group++)
        if (print_group(out, ledger, group, step->now, err) != 0)
            return -1;
    if (ledger->ops->first_removal(ledger->store, &first, err) != 0)
        return -1;
    fprintf(out, "first removal %lld\n", (long long)first);
    return ledger->ops->references(ledger->store, 1, NULL, NULL, err);
}

struct views {
    char *text[STEPS_MAX], *refusals[STEPS_MAX];
};

static void view(struct player *player, const struct play *play, size_t i, struct views *views)
{
    const struct step *step = &play->steps[i];
    struct carom_error err = {0};
    size_t size;
    int64_t n;

    if (carom_arena_guard(arena))
        fail();
    must(play_step(player, play, step, &n, &err), &err);
    FILE *out = open_memstream(&views->text[i], &size);
    assert_non_null(out);
    fprintf(out, "recalled %lld\n", (long long)n);
    must(print_all(out, &player->ledger, step, &err), &err);
    fclose(out);
    if (player->ledger.ops->check) {
        out = open_memstream(&views->refusals[i], &size);
        assert_non_null(out);
        for (int who = 0; who <= ADDRESSES; who++)
            print_refusals(out, &player->ledger, address_of(who), step->now);
        fclose(out);
    }
    carom_arena_unguard(arena);
    carom_arena_reset(arena);
}

/* ---- All of them ---- */

static void begin(struct carom_ledger *ledger)
{
    struct carom_error err = {0};
    must(ledger->ops->begin(ledger->store, &err), &err);
}

static void commit(struct carom_ledger *ledger)
{
    struct carom_error err = {0};
    must(ledger->ops->commit(ledger->store, &err), &err);
}

static void forget_file(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", ".key"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        char path[112];
        snprintf(path, sizeof(path), "%s%s", file, suffixes[i]);
        unlink(path);
    }
}

static struct carom_ledger open_store(int store)
{
    struct carom_ledger ledger;
    struct carom_error err = {0};
    if (store != IN_MEMORY)
        return opened(store == OVER_NOTHING ? CAROM_LEDGER_DRY : CAROM_LEDGER_WRITE);
    must(carom_memory_open(&ledger, &err), &err);
    return ledger;
}

static void play_on(int store, const struct play *play, struct views *views)
{
    struct player player = {.ledger = open_store(store)};
    *views = (struct views){{NULL}, {NULL}};
    begin(&player.ledger);
    for (size_t i = 0; i < play->n; i++) {
        if (store == OVER_FILE && i == play->split) {
            commit(&player.ledger);
            carom_ledger_close(&player.ledger);
            player.ledger = opened(CAROM_LEDGER_DRY);
            begin(&player.ledger);
        }
        view(&player, play, i, views);
    }
    player.ledger.ops->rollback(player.ledger.store); /* what is asked is answered before */
    carom_ledger_close(&player.ledger);
    forget_file();
}

/* The first line that differs. */
static void compare(const char *got, const char *want, int round, size_t step, int store)
{
    size_t line = 0, i = 0;
    for (; got[i] && got[i] == want[i]; i++)
        line = got[i] == '\n' ? i + 1 : line;
    if (got[i] != want[i])
        fail_msg("seed %u, round %d, step %zu, %s: got \"%.*s\", want \"%.*s\" as in a file", first_seed, round, step,
                 names[store], (int)strcspn(got + line, "\n"), got + line, (int)strcspn(want + line, "\n"), want + line);
}

static void compare_all(const struct play *play, int round)
{
    static struct views views[STORES];
    for (int store = 0; store < STORES; store++)
        play_on(store, play, &views[store]);
    for (size_t i = 0; i < play->n; i++)
        for (int store = 1; store < STORES; store++) {
            compare(views[store].text[i], views[IN_FILE].text[i], round, i, store);
            if (views[store].refusals[i])
                compare(views[store].refusals[i], views[IN_FILE].refusals[i], round, i, store);
        }
    for (size_t i = 0; i < play->n; i++)
        for (int store = 0; store < STORES; store++) {
            free(views[store].text[i]);
            free(views[store].refusals[i]);
        }
}

static void test_all_show_the_same(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct play play = any_play();
        compare_all(&play, round);
    }
}

/* Who left a list for two reasons has left it when one of them is recalled, and with it each list, if it was the last. */
static void test_two_reasons(void **state)
{
    static const struct {
        int list;
        uint64_t group;
    } left[] = {{0, 2}, {1, 1}, {1, 2}};
    struct play play = {.n = 5, .late = BEGIN, .config = {.lists = &dev}};
    (void)state;
    for (size_t i = 0; i < 5; i++)
        play.steps[i] = (struct step){.what = i < 3 ? FACT : RECALL, .kind = CAROM_KIND_PERMANENT,
                                      .reason = CAROM_REASON_BLOCKED, .list = i < 3 ? left[i].list : 0,
                                      .group = i < 3 ? left[i].group : i - 2, .deeds = {UNSUBSCRIBE, -1, -1},
                                      .identity = i + 1, .received = BEGIN + DAY, .now = BEGIN + (int64_t)(80 + i) * DAY};
    compare_all(&play, 0);
}

static int told_nobody(void *user, struct carom_str name)
{
    return (void)user, (void)name, 0;
}

/* A removal that waits, and an address that was erased, are a no whatever comes of them in a dry run. */
static void test_what_a_dry_run_leaves_alone(void **state)
{
    static const struct carom_config config = {.lists = &dev};
    const struct carom_str eve = address_of(1);
    struct step step = {.kind = CAROM_KIND_PERMANENT, .reason = CAROM_REASON_BLOCKED, .hold = CAROM_HOLD_GATE,
                        .deeds = {UNSUBSCRIBE, -1, -1}, .identity = 1, .received = BEGIN, .now = BEGIN};
    struct player player = {.ledger = opened(CAROM_LEDGER_WRITE)};
    struct carom_forgotten forgotten;
    struct carom_error err = {0};
    struct carom_refusal why;

    (void)state;
    begin(&player.ledger);
    must(record(&player, &step, &config, &err), &err);
    commit(&player.ledger);
    must(player.ledger.care->forget(player.ledger.store, &eve, 1, true, BEGIN, told_nobody, NULL, &forgotten, &err), &err);
    carom_ledger_close(&player.ledger);
    player.ledger = opened(CAROM_LEDGER_DRY);
    for (step.who = 0; step.who < ADDRESSES; step.who++) {
        const struct carom_store_ops *ops = player.ledger.ops;
        step.kind = CAROM_KIND_DELIVERED;
        step.hold = CAROM_HOLD_NONE;
        step.deeds[0] = -1;
        step.identity++;
        must(record(&player, &step, &config, &err), &err);
        assert_int_equal(ops->check(player.ledger.store, address_of(step.who), lists[0], true, BEGIN, &why, &err), 0);
        assert_string_equal(why.cause, step.who ? "erased" : "held");
    }
    assert_int_equal(player.ledger.ops->check(player.ledger.store, address_of(0), lists[0], false, BEGIN, &why, &err), 1);
    carom_ledger_close(&player.ledger);
    carom_arena_reset(arena);
    forget_file();
}

/* ---- More than a few ---- */

enum { MANY = 5000, MANY_ADDRESSES = 300, MANY_GROUPS = 70 };

static void record_many(struct carom_ledger *ledger, size_t i)
{
    static const struct carom_config config = {.half_life_ms = DAY};
    char address[40];
    snprintf(address, sizeof(address), "a%zu@example.com", i % 4 ? 1 + i % MANY_ADDRESSES : 0);
    struct carom_fact fact = {.id = CAROM_STR("id"), .kind = CAROM_KIND_PERMANENT, .recipient = carom_str(address),
                              .confidence = CAROM_CONFIDENCE_HIGH, .list = CAROM_STR_EMPTY,
                              .received = BEGIN / 1000 + (int64_t)i};
    struct carom_decision decision;
    struct carom_error err = {0};
    carom_decision_init(&decision);
    const struct carom_entry entry = {.fact = &fact, .decision = &decision, .config = &config, .identity = i + 1,
                                      .address = fact.recipient, .raw = CAROM_STR_EMPTY, .headers = CAROM_STR_EMPTY,
                                      .policy = CAROM_STR("0123"), .now = BEGIN, .group = 1 + i % MANY_GROUPS * 256};
    must(ledger->ops->record(ledger->store, arena, &entry, &err), &err);
}

/* The past of one of them once so many are recorded: how many facts, and when the newest and the oldest came. */
static void expect_past(struct carom_ledger *ledger, const char *address, size_t n, size_t newest, size_t oldest)
{
    struct carom_history history = {.now = BEGIN};
    struct carom_error err = {0};
    carom_arena_reset(arena);
    must(ledger->ops->past(ledger->store, arena, carom_str(address), &history, &err), &err);
    assert_int_equal(history.n, n);
    assert_int_equal(history.list[0].received, BEGIN + (int64_t)newest * 1000);
    assert_int_equal(history.list[n - 1].received, BEGIN + (int64_t)oldest * 1000);
}

/* Of one address no more than a thousand facts are looked at. */
static void test_many(void **state)
{
    (void)state;
    for (int store = IN_FILE; store <= IN_MEMORY; store++) {
        struct carom_ledger ledger = open_store(store);
        struct carom_error err = {0};
        begin(&ledger);
        for (size_t i = 0; i < MANY; i++) {
            record_many(&ledger, i);
            if (i % 400 == 0)
                expect_past(&ledger, "a0@example.com", i < 4000 ? i / 4 + 1 : 1000, i, i < 4000 ? 0 : i - 3996);
        }
        expect_past(&ledger, "a0@example.com", 1000, MANY - 4, MANY - 4000);
        expect_past(&ledger, "a7@example.com", (MANY - 6) / MANY_ADDRESSES + 1, MANY - (MANY - 6) % MANY_ADDRESSES, 6);
        for (size_t k = 0; k < MANY_GROUPS; k++) {
            const struct carom_crowd_ask ask = {.group = 1 + k * 256};
            struct carom_crowd *crowd;
            must(ledger.ops->crowd(ledger.store, &ask, &crowd, &err), &err);
            assert_int_equal(crowd->n, MANY / MANY_GROUPS + (k < MANY % MANY_GROUPS));
        }
        if (store == IN_MEMORY)
            assert_int_equal(carom_memory_facts(&ledger), MANY);
        ledger.ops->rollback(ledger.store);
        carom_ledger_close(&ledger);
        carom_arena_reset(arena);
        forget_file();
    }
}

/* ---- Without memory ---- */

/* Every step, and all that is asked after it; true: nothing failed. */
static bool play_short(struct carom_ledger *ledger, const struct play *play, size_t first)
{
    struct player player = {.ledger = *ledger};
    struct carom_error err = {0};
    struct carom_refusal why;
    int result = 0;
    int64_t n;
    FILE *nowhere = fopen("/dev/null", "w");

    assert_non_null(nowhere);
    for (size_t i = first; i < play->n && result >= 0; i++) {
        carom_arena_reset(arena);
        result = play_step(&player, play, &play->steps[i], &n, &err);
        fill(arena);
        asking = true;
        if (result == 0)
            result = print_all(nowhere, ledger, &play->steps[i], &err);
        if (result == 0 && ledger->ops->check)
            result = ledger->ops->check(ledger->store, address_of(0), lists[0], false, play->steps[i].now, &why, &err);
        asking = false;
    }
    fclose(nowhere);
    if (result < 0 && err.code != CAROM_ERROR_MEMORY)
        fail_msg("seed %u: got %s, want that there is no memory", first_seed, err.text);
    return result >= 0;
}

/* What is recorded before the dry run is there; no failure after that changes it. */
static void fill_file(const struct play *play)
{
    struct player player = {.ledger = opened(CAROM_LEDGER_WRITE)};
    struct carom_error err = {0};
    int64_t n;
    begin(&player.ledger);
    for (size_t i = 0; i < play->split; i++)
        must(play_step(&player, play, &play->steps[i], &n, &err), &err);
    commit(&player.ledger);
    carom_ledger_close(&player.ledger);
}

static void test_each_allocation_fails_once(void **state)
{
    (void)state;
    seed = 1; /* the same points each time */
    struct play play = any_play();
    while (play.n < STEPS_MAX || play.split < STEPS_MAX / 3 || play.split > STEPS_MAX / 2)
        play = any_play();
    for (int store = IN_MEMORY; store < STORES; store++) {
        if (store == OVER_FILE)
            fill_file(&play);
        long n = 0;
        for (bool whole = false; !whole;) {
            struct carom_ledger ledger = {0};
            struct carom_error err = {0};
            failing = ++n;
            asking = store != OVER_FILE; /* what reads a file says otherwise that it cannot be opened */
            int result = store == IN_MEMORY ? carom_memory_open(&ledger, &err)
                                            : carom_ledger_open(url, CAROM_LEDGER_DRY, &ledger, &err);
            asking = false;
            if (result == 0)
                whole = play_short(&ledger, &play, store == OVER_FILE ? play.split : 0) && failing;
            else
                assert_int_equal(err.code, CAROM_ERROR_MEMORY);
            carom_ledger_close(&ledger);
        }
        assert_true(n > 20);
        failing = 0;
        carom_arena_reset(arena);
        forget_file();
    }
}

static void test_an_incident_without_memory(void **state)
{
    long n = 0;
    (void)state;
    for (bool whole = false; !whole; whole = failing != 0) {
        struct player player = {.ledger = open_store(IN_MEMORY)};
        const struct step step = {.what = INCIDENT, .group = 1, .received = BEGIN};
        struct carom_error err = {0};
        failing = ++n;
        int result = put_incident(&player, &step, &err);
        assert_true(failing ? result == 0 : result < 0 && err.code == CAROM_ERROR_MEMORY);
        carom_ledger_close(&player.ledger);
    }
    assert_true(n > 4);
    failing = 0;
}

/* One deed again and again, of the same addresses or of others, until the memory of the ledger is full; shift: where exactly
   that is. */
static void fill_with(int deed, bool others, size_t shift)
{
    static const struct carom_config config = {.lists = &dev};
    struct player player = {.ledger = open_store(IN_MEMORY)};
    struct carom_error err = {0};
    char who[64], word[300];
    int result = 0;

    no_large = true;
    for (int64_t i = 0; result == 0 && i < 10000; i++) {
        struct carom_decision decision;
        snprintf(who, sizeof(who), "a%d@example.com", others ? (int)i : 0);
        snprintf(word, sizeof(word), "%0*d", i ? 1 + (int)(i % 7) : (int)shift, (int)i);
        struct carom_fact fact = {.id = CAROM_STR("id"), .kind = CAROM_KIND_OTHER, .recipient = carom_str(who),
                                  .confidence = CAROM_CONFIDENCE_HIGH, .list = i ? lists[0] : carom_str(word), .received = 1};
        carom_arena_reset(arena);
        carom_decision_init(&decision);
        struct carom_decided *decided = carom_decision_add(arena, &decision, deeds[deed].type);
        *decided = deeds[deed];
        if (decided->type == CAROM_ACTION_TAG)
            decided->key = carom_str(word);
        carom_decision_settle(&decision, &fact, &config);
        const struct carom_entry entry = {.fact = &fact, .decision = &decision, .config = &config,
                                          .identity = (uint64_t)i + 1, .address = fact.recipient,
                                          .raw = CAROM_STR_EMPTY, .headers = CAROM_STR_EMPTY, .policy = CAROM_STR_EMPTY, .now = BEGIN};
        result = player.ledger.ops->record(player.ledger.store, arena, &entry, &err);
    }
    no_large = false;
    assert_true(result < 0 && err.code == CAROM_ERROR_MEMORY);
    carom_ledger_close(&player.ledger);
}

/* The same with what stood before. */
static void adopt_until_full(size_t shift)
{
    struct carom_suppression suppression = {.list = CAROM_STR_EMPTY, .reason = CAROM_STR("asked")};
    struct carom_departure departure = {.list = CAROM_STR_EMPTY};
    struct carom_tag tag = {.key = CAROM_STR("k"), .value = CAROM_STR("v")};
    const struct carom_history history = {.suppressions = &suppression, .departures = &departure, .tags = &tag};
    struct carom_ledger ledger = open_store(IN_MEMORY);
    struct carom_error err = {0};
    char who[300];
    int result = 0;

    no_large = true;
    for (int i = 0; result == 0 && i < 10000; i++) {
        snprintf(who, sizeof(who), "%0*d@example.com", i ? 1 : (int)shift, i);
        result = carom_memory_adopt(&ledger, carom_str(who), &history, &err);
    }
    assert_true(result < 0 && err.code == CAROM_ERROR_MEMORY);
    snprintf(who, sizeof(who), "%0*d", (int)sizeof(who) - 1, 0);
    struct carom_incident incident = {.group = 1, .provider = carom_str(who), .reason = CAROM_STR("blocked")};
    assert_int_equal(ledger.ops->incident_put(ledger.store, &incident, &err), -1);
    no_large = false;
    carom_ledger_close(&ledger);
}

static void test_a_full_ledger(void **state)
{
    (void)state;
    for (int deed = 0; deed < (int)(sizeof(deeds) / sizeof(*deeds)); deed++)
        for (size_t shift = 1; shift < 256; shift += 16) {
            fill_with(deed, true, shift);
            if (deeds[deed].type != CAROM_ACTION_UNSUPPRESS && deeds[deed].type < CAROM_ACTION_RETRY)
                fill_with(deed, false, shift);
        }
    for (size_t shift = 1; shift < 256; shift += 16)
        adopt_until_full(shift);
    carom_arena_reset(arena);
}

/* ---- A bad day ---- */

/* Of so many removals in one hour, two weeks before. */
static struct carom_ledger with_removals(int64_t n, int64_t received)
{
    struct carom_ledger ledger = open_store(IN_MEMORY);
    struct carom_error err = {0};
    for (int64_t i = 0; i < n; i++)
        must(carom_memory_adopt_removal(&ledger, 1, received + i, i + 1, true, &err), &err);
    return ledger;
}

static enum carom_trip judged(struct carom_ledger *ledger, int64_t received, int *result_r, struct carom_error *err)
{
    static const struct carom_config config = {.breaker = {.window_ms = 3600 * 1000, .min = 50, .factor = 2}};
    const struct carom_removal_ask ask = {.group = 1, .provider = CAROM_STR("example.com"), .reason = CAROM_STR("blocked"),
                                          .address = CAROM_STR("ann@example.com"), .received = received};
    enum carom_trip trip;
    struct carom_incident incident;
    *result_r = carom_breaker_judge(ledger, arena, &config, &ask, &trip, &incident, err);
    return trip;
}

/* Two weeks before an hour with so many, now one with 400. */
static struct carom_ledger with_days(int64_t usual)
{
    struct carom_ledger ledger = with_removals(usual, BEGIN - 14 * DAY);
    struct carom_error err = {0};
    must(carom_memory_adopt_removal(&ledger, 1, BEGIN - 40 * DAY, 1, true, &err), &err);
    for (int64_t k = 0; k < 400; k++)
        must(carom_memory_adopt_removal(&ledger, 1, BEGIN + k, INT64_MAX - k, true, &err), &err);
    return ledger;
}

/* What is usual is no bad day, be it 1,500 an hour. */
static void test_what_is_usual(void **state)
{
    static const int64_t usual[] = {10, 1500};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct carom_ledger ledger = with_days(usual[i]);
        struct carom_error err = {0};
        int result;
        enum carom_trip trip = judged(&ledger, BEGIN + 1000, &result, &err);
        must(result, &err);
        assert_int_equal(trip, usual[i] == 10 ? CAROM_TRIP_NEW : CAROM_TRIP_NONE);
        carom_ledger_close(&ledger);
    }
}

/* With a bad day that is over, and of which that is yet to be written down. */
static void test_a_judge_without_memory(void **state)
{
    long n = 0;
    (void)state;
    for (bool whole = false; !whole; whole = failing != 0) {
        struct carom_ledger ledger = with_days(1500);
        struct carom_incident past = {.group = 1, .provider = CAROM_STR("a"), .reason = CAROM_STR("b"),
                                      .since = BEGIN - 20 * DAY};
        struct carom_error err = {0};
        int result;
        must(ledger.ops->incident_put(ledger.store, &past, &err), &err);
        carom_arena_reset(arena);
        fill(arena);
        failing = ++n;
        asking = true;
        judged(&ledger, BEGIN + 1000, &result, &err);
        asking = false;
        assert_true(failing ? result == 0 : result < 0 && err.code == CAROM_ERROR_MEMORY);
        carom_ledger_close(&ledger);
    }
    assert_true(n > 2);
    failing = 0;
    carom_arena_reset(arena);
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/carom-stores-XXXXXX" : "/tmp/carom-stores-XXXXXX");
    if (!mkdtemp(directory) || !(arena = carom_arena_new()))
        return -1;
    snprintf(file, sizeof(file), "%s/carom.db", directory);
    snprintf(url, sizeof(url), "sqlite:%s", file);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    carom_arena_free(arena);
    forget_file();
    return rmdir(directory);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_show_the_same), cmocka_unit_test(test_two_reasons),
        cmocka_unit_test(test_what_a_dry_run_leaves_alone), cmocka_unit_test(test_many),
        cmocka_unit_test(test_each_allocation_fails_once), cmocka_unit_test(test_an_incident_without_memory),
        cmocka_unit_test(test_a_full_ledger),
        cmocka_unit_test(test_what_is_usual),
        cmocka_unit_test(test_a_judge_without_memory),
    };
    seed = first_seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : (uint32_t)time(NULL);
    printf("seed %u\n", first_seed);
    return cmocka_run_group_tests(tests, setup, teardown);
}
