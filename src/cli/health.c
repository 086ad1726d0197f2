/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The judgement. Red is what loses its effect while nobody acts: decisions that do not reach anybody. Yellow is what
   somebody should look at today. It asks the ledger and nothing else. */

#include "cli/health.h"

#include <errno.h>

#include "base/error.h"
#include "cli/room.h"

static const int64_t minute = 60 * 1000, hour = INT64_C(3600) * 1000, day = INT64_C(24) * 3600 * 1000;
enum { ROOM_LEAST = 10, ROOM_LITTLE = 100 }; /* MiB */

const char *carom_health_word(enum carom_health_level level)
{
    static const char *const words[] = {"green", "yellow", "red"};
    return words[level];
}

struct carom_str carom_health_span(struct carom_arena *arena, int64_t ms)
{
    if (ms < 2 * minute)
        return carom_arena_printf(arena, "%lld s", (long long)(ms / 1000));
    if (ms < 2 * hour)
        return carom_arena_printf(arena, "%lld min", (long long)(ms / minute));
    return ms < 2 * day ? carom_arena_printf(arena, "%lld h", (long long)(ms / hour))
                        : carom_arena_printf(arena, "%lld d", (long long)(ms / day));
}

static struct carom_str since(const struct carom_health *health, int64_t time)
{
    return carom_health_span(health->arena, health->now > time ? health->now - time : 0);
}

/* Behind those that are as bad. */
static void find(struct carom_health *health, enum carom_health_level level, struct carom_str what, const char *remedy)
{
    struct carom_finding *finding = carom_arena_new_of(health->arena, struct carom_finding);
    struct carom_finding **at = &health->first;

    *finding = (struct carom_finding){.level = level, .what = what, .remedy = carom_str(remedy)};
    while (*at && (*at)->level >= level)
        at = &(*at)->next;
    finding->next = *at;
    *at = finding;
    if (level > health->level)
        health->level = level;
}

/* ---- What may be wrong ---- */

/* What is taken meanwhile goes to the spool. */
static void judge_files(struct carom_health *health)
{
    struct carom_store_file files[CAROM_STORE_FILES];
    struct stat directory;
    size_t n = carom_cli_store_files(health->arena, health->url, &directory, files);

    for (size_t i = 0; i < n; i++) {
        if (files[i].usable)
            continue;
        struct carom_str owner = carom_cli_user_name(health->arena, directory.st_uid);
        find(health, CAROM_HEALTH_RED,
             carom_arena_printf(health->arena, "%s %s, and cannot be used by %s, who owns the directory", files[i].path.ptr,
                                S_ISREG(files[i].info.st_mode)
                                    ? carom_arena_printf(health->arena, "belongs to %s (mode %o)",
                                                         carom_cli_user_name(health->arena, files[i].info.st_uid).ptr,
                                                         (unsigned)files[i].info.st_mode & 07777).ptr
                                    : "is no regular file", owner.ptr),
             carom_arena_printf(health->arena, "chown %s: %s, and chmod u+rw it", owner.ptr, files[i].path.ptr).ptr);
    }
}

static bool judge_right(struct carom_health *health, struct carom_str directory, struct carom_owner owner)
{
    int denied = carom_room_denied(directory.ptr, owner);

    if (denied && denied != ENOENT)
        find(health, CAROM_HEALTH_RED,
             carom_arena_printf(health->arena, "%s may not write in %s: %s", carom_cli_user_name(health->arena, owner.user).ptr,
                                directory.ptr, strerror(denied)),
             carom_room_remedy(health->arena, directory.ptr, denied, owner).ptr);
    return !denied;
}

static void judge_room(struct carom_health *health, struct carom_str directory)
{
    struct carom_room room;

    if (!carom_room_look(directory.ptr, &room) || (room.mib >= ROOM_LITTLE && room.files))
        return;
    find(health, room.mib < ROOM_LEAST || !room.files ? CAROM_HEALTH_RED : CAROM_HEALTH_YELLOW,
         carom_arena_printf(health->arena, "%llu MiB are free under %s%s", room.mib, directory.ptr,
                            room.files ? "" : ", and no file can be made"),
         "make room: without it mail waits in the mail server");
}

/* Without the ledger what is taken goes to the spool; without both it waits in the mail server, for days at most. */
void carom_health_read_place(struct carom_health *health)
{
    struct carom_arena *arena = health->arena;
    struct carom_str ledger = carom_room_above(arena, carom_ledger_path(health->url));
    struct carom_str spool = carom_str(health->spool.directory);
    struct stat one, other;

    judge_files(health);
    if (stat(spool.ptr, &other) != 0 && errno == ENOENT) /* it is made when it is needed */
        spool = carom_room_above(arena, spool);
    bool same = stat(ledger.ptr, &one) == 0 && stat(spool.ptr, &other) == 0 && one.st_dev == other.st_dev;
    bool done = same && one.st_ino == other.st_ino;

    if (judge_right(health, ledger, carom_cli_owner_of(arena, health->url)))
        judge_room(health, ledger);
    if (!done && !health->spool.err.code && judge_right(health, spool, health->taker) && !same)
        judge_room(health, spool);
}

/* Taken from the mail server, and decided by nobody yet. */
void carom_health_read_spool(struct carom_health *health)
{
    const struct carom_spooled_standing *spool = &health->spool;
    struct carom_arena *arena = health->arena;

    if (spool->err.code)
        find(health, CAROM_HEALTH_RED, carom_arena_str(arena, carom_str(spool->err.text)),
             "run this as the user who owns the state directory, or mend its rights");
    if (spool->waiting)
        find(health, CAROM_HEALTH_RED,
             carom_arena_printf(arena, "%zu %s in the spool %s, the oldest for " CAROM_STR_FMT "%s%s", spool->waiting,
                                spool->waiting == 1 ? "message waits" : "messages wait", spool->directory,
                                CAROM_STR_ARG(since(health, spool->oldest)), spool->why[0] ? ": " : "", spool->why),
             "mend that; carom deliver tries again by itself, carom run --spool at once");
    if (spool->poison)
        find(health, CAROM_HEALTH_RED,
             carom_arena_printf(arena, "%zu %s set aside in the spool %s: %d times nothing came of it: %s", spool->poison,
                                spool->poison == 1 ? "message is" : "messages are", spool->directory, CAROM_SPOOL_KILLS,
                                spool->poison_why),
             "another policy or another version of carom tries them again; what nobody needs may be removed by hand");
}

/* A run that is late, and work for it: without work nobody needs one. */
static bool judge_delivery(struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;
    int64_t waited = s->oldest ? health->now - s->oldest : 0;
    int64_t idle = health->now - s->delivered; /* without any: for ever */
    int64_t late = waited < idle ? waited : idle;

    if (!s->due || late < 5 * minute)
        return false;
    struct carom_str last = s->delivered ? carom_arena_printf(health->arena, "the last run was " CAROM_STR_FMT " ago",
                                                              CAROM_STR_ARG(since(health, s->delivered)))
                                         : CAROM_STR("there was no run yet");
    find(health, late < hour ? CAROM_HEALTH_YELLOW : CAROM_HEALTH_RED,
         carom_arena_printf(health->arena, "nobody runs carom deliver: %lld %s due, the oldest for " CAROM_STR_FMT
                            "; " CAROM_STR_FMT, (long long)s->due, s->due == 1 ? "job is" : "jobs are", CAROM_STR_ARG(since(health, s->oldest)),
                            CAROM_STR_ARG(last)),
         "start carom deliver --watch as a service, or carom deliver from a timer");
    return true;
}

static bool is_stopped(const struct carom_health *health, struct carom_str sink)
{
    for (size_t i = 0; i < health->stopped_n; i++)
        if (carom_str_eq(health->stopped[i].sink, sink))
            return true;
    return false;
}

struct judging {
    struct carom_health *health;
    struct carom_str found; /* the last sink of which something was said */
};

/* There are runs, and yet it waits: not tried at all, for its sink's sake, or for long. A sink that was stopped lately is
   told of as such. */
static int judge_wait(void *user, const struct carom_wait *wait)
{
    struct judging *judging = user;
    struct carom_health *health = judging->health;
    int64_t waited = health->now - wait->since;
    char answer[256];

    if (carom_str_eq(wait->sink, judging->found) || waited < (wait->untried ? 0 : hour) ||
        (waited < day && is_stopped(health, wait->sink)))
        return 0;
    judging->found = carom_arena_str(health->arena, wait->sink);
    carom_str_put(answer, sizeof(answer), wait->answer);
    find(health, waited < day ? CAROM_HEALTH_YELLOW : CAROM_HEALTH_RED,
         carom_arena_printf(health->arena, "job %lld for the sink " CAROM_STR_FMT " has waited for " CAROM_STR_FMT "%s%s",
                            (long long)wait->job, CAROM_STR_ARG(wait->sink), CAROM_STR_ARG(since(health, wait->since)),
                            answer[0] ? ": " : "", answer),
         "mend the sink: carom outbox list --state-is waiting says what each job waits for, carom check-setup tries it");
    return 0;
}

static void judge_stopped(struct carom_health *health)
{
    for (size_t i = 0; i < health->stopped_n; i++) {
        const struct carom_pause *pause = &health->stopped[i];
        bool red = !pause->until || health->now - pause->since > day;
        find(health, red ? CAROM_HEALTH_RED : CAROM_HEALTH_YELLOW,
             carom_arena_printf(health->arena, "the sink " CAROM_STR_FMT " is %s since " CAROM_STR_FMT ": " CAROM_STR_FMT,
                                CAROM_STR_ARG(pause->sink), pause->until ? "paused" : "disabled",
                                CAROM_STR_ARG(since(health, pause->since)), CAROM_STR_ARG(pause->why)),
             pause->until ? "mend it; one job a minute tries whether it is back, and carom outbox enable SINK does not wait for that"
                          : "mend it, then carom outbox enable SINK; its jobs wait until then");
    }
}

static void judge_rest(struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;
    struct carom_arena *arena = health->arena;

    if (s->keyless)
        find(health, CAROM_HEALTH_RED,
             carom_arena_printf(arena, CAROM_STR_FMT ".key, the key of the erased addresses, is not there or damaged: carom check "
                                "cannot say of anybody that he may be mailed", CAROM_STR_ARG(carom_ledger_path(health->url))),
             "restore it from a backup");
    if (s->incidents)
        find(health, CAROM_HEALTH_YELLOW,
             carom_arena_printf(arena, "a bad day of %s (%s) since " CAROM_STR_FMT "%s: %s", s->incident_provider,
                                s->incident_reason, CAROM_STR_ARG(since(health, s->incident_since)),
                                s->incidents > 1 ? ", and of others" : "",
                                s->held_breaker ? "what it would have removed is held" : "nothing of it is held any more"),
             s->held_breaker ? "carom incidents lists them; then carom held release or discard"
                             : "it ends with the first removal that is not too much; those before that are held");
    if (s->dead)
        find(health, CAROM_HEALTH_YELLOW, carom_arena_printf(arena, "dead letters: %lld", (long long)s->dead),
             "carom outbox list --state-is dead says why; then carom outbox resend --all, or resend or drop JOB");
    if (s->held_breaker)
        find(health, CAROM_HEALTH_YELLOW,
             carom_arena_printf(arena, "a provider's bad day: %lld %s held, and %s for somebody", (long long)s->held_breaker,
                                s->held_breaker == 1 ? "action is" : "actions are", s->held_breaker == 1 ? "waits" : "wait"),
             "carom incidents says of which; then carom held release or discard --incident NUMBER");
    if (s->unmatched)
        find(health, CAROM_HEALTH_YELLOW,
             carom_arena_printf(arena, "unmatched actions in the last day: %lld (no list, recipient or sink)",
                                (long long)s->unmatched),
             "name lists and sinks in the policy; carom show --all says which lacked what");
    if (s->last_fact > health->now + 5 * minute)
        find(health, CAROM_HEALTH_YELLOW,
             carom_arena_printf(arena, "the newest fact was recorded " CAROM_STR_FMT " in the future",
                                CAROM_STR_ARG(carom_health_span(arena, s->last_fact - health->now))),
             "set the clock: retries and suppressions end by it");
    if (health->silent_ms && health->now - s->last_fact > health->silent_ms)
        find(health, CAROM_HEALTH_YELLOW,
             s->last_fact ? carom_arena_printf(arena, "no message for " CAROM_STR_FMT,
                                               CAROM_STR_ARG(since(health, s->last_fact)))
                          : CAROM_STR("no message yet"),
             "send a mail to the bounce address and look into the mail server's log");
}

/* ---- Reading ---- */

static int add_stopped(void *user, const struct carom_pause *pause)
{
    struct carom_health *health = user;
    struct carom_pause *list = carom_arena_array(health->arena, struct carom_pause, health->stopped_n + 1);

    if (health->stopped_n)
        memcpy(list, health->stopped, health->stopped_n * sizeof(*list));
    list[health->stopped_n] = *pause;
    list[health->stopped_n].sink = carom_arena_str(health->arena, pause->sink);
    list[health->stopped_n].why = carom_arena_str(health->arena, pause->why);
    health->stopped = list;
    health->stopped_n++;
    return 0;
}

int carom_health_read(struct carom_health *health, struct carom_ledger *ledger, struct carom_error *err)
{
    if (ledger->care->standing(ledger->store, health->now, &health->standing, err) != 0 ||
        ledger->ops->pauses(ledger->store, add_stopped, health, err) != 0)
        return -1;
    carom_health_read_spool(health);
    struct judging judging = {.health = health, .found = CAROM_STR_EMPTY};
    if (!judge_delivery(health) && ledger->care->waits(ledger->store, health->now, judge_wait, &judging, err) != 0)
        return -1;
    judge_stopped(health);
    judge_rest(health);
    return 0;
}
