/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Where it stands now: what carom check answers and why, and which command would change it. */

#include <stdio.h>

#include "cli/print.h"
#include "cli/why/story.h"

enum { LISTS_MAX = 64 };

struct lists {
    struct carom_str list[LISTS_MAX];
    size_t n;
};

static void add_list(struct lists *lists, struct carom_str list)
{
    for (size_t i = 0; i < lists->n; i++)
        if (carom_str_ieq(lists->list[i], list))
            return;
    if (list.len && lists->n < LISTS_MAX)
        lists->list[lists->n++] = list;
}

/* Those that the policy knows, and those that the story names. */
static void gather_lists(const struct carom_why *why, struct lists *lists)
{
    for (const struct carom_list_entry *entry = why->config ? why->config->lists : NULL; entry; entry = entry->next)
        add_list(lists, entry->id);
    for (const struct carom_story_standing *it = why->story.standings; it; it = it->next)
        if (it->what != CAROM_STORY_TAG)
            add_list(lists, it->list);
    for (size_t i = 0; i < why->chapters_n; i++)
        if (why->chapters[i].first)
            add_list(lists, why->chapters[i].last->fact.list);
}

static const char *word_of(const struct carom_refusal *refusal)
{
    static const char *const words[][2] = {{"left_all", "left all lists"},
                                           {"left", "left that list"},
                                           {"erased", "erased, and not to be mailed"},
                                           {"held", "a removal waits to be released"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (carom_str_eq(carom_str(refusal->cause), carom_str(words[i][0])))
            return words[i][1];
    return refusal->cause;
}

/* 1 yes, 0 no, -1. */
static int say_check(const struct carom_why *why, struct carom_str list, struct carom_refusal *refusal, struct carom_error *err)
{
    char until[40] = "";
    int may = why->ledger->ops->check(why->ledger->store, why->key, list, why->config && why->config->held.deny, why->now,
                                      refusal, err);
    if (may < 0)
        return -1;
    if (!may && refusal->until)
        snprintf(until, sizeof(until), " until %s", carom_why_time(why, refusal->until * 1000));
    const char *options = list.len ? carom_arena_printf(why->arena, " --list " CAROM_STR_FMT,
                                                        CAROM_STR_ARG(carom_why_quote(why->arena, list))).ptr
                                   : "";
    carom_why_say(2, "carom check%.*s: %s%s%s%s%s%s%s",
                  CAROM_STR_ARG(carom_why_operand(why->arena, why->story.spelling, options)), may ? "yes" : "no, ", may ? "" : word_of(refusal),
                  may ? "" : " since ", may ? "" : carom_why_time(why, refusal->since * 1000), until,
                  !may && refusal->reason[0] ? ": " : "", may ? "" : refusal->reason);
    return may;
}

/* verb and argument as a shell reads them, with where the ledger lies. */
static void say_command(const struct carom_why *why, const char *verb, struct carom_str argument, const char *what)
{
    /* What tells sinks wants to know them. */
    const bool wants_policy = !why->config && (!strncmp(verb, "undo", 4) || !strcmp(verb, "held release"));
    const char *options = carom_arena_printf(why->arena, "%s%s", why->where, wants_policy ? " --policy FILE" : "").ptr;
    printf("  carom %s", verb);
    carom_print_cell(stdout, carom_why_operand(why->arena, argument, options), 0);
    putchar('\n');
    carom_why_say(6, "%s", what);
}

static void say_number(const struct carom_why *why, const char *verb, int64_t number, const char *what)
{
    say_command(why, verb, carom_arena_printf(why->arena, "%lld", (long long)number), what);
}

/* Does something stand that a decision put there; that somebody put there by hand? */
static bool stands(const struct carom_why *why, bool by_hand)
{
    for (const struct carom_story_standing *it = why->story.standings; it; it = it->next)
        if (it->what != CAROM_STORY_TAG && !it->ended && (!it->until || it->until > why->now) && by_hand == !it->fact)
            return true;
    return false;
}

static bool waits_held(const struct carom_why *why)
{
    for (size_t i = 0; i < why->chapters_n; i++)
        for (const struct carom_decided *decided = why->chapters[i].last ? why->chapters[i].last->decision.first : NULL;
             decided; decided = decided->next)
            if (decided->state == CAROM_ACTION_HELD)
                return true;
    return false;
}

static void say_hand_commands(const struct carom_why *why)
{
    struct lists lists = {.n = 0};
    bool everywhere = false;
    for (const struct carom_story_standing *it = why->story.standings; it; it = it->next) {
        if (it->what != CAROM_STORY_SUPPRESSION || it->ended || it->fact || (it->until && it->until <= why->now))
            continue;
        everywhere = everywhere || !it->list.len;
        add_list(&lists, it->list);
    }
    if (everywhere)
        say_command(why, "suppressions remove", why->key, "ends what was put in by hand.");
    for (size_t i = 0; i < lists.n; i++) {
        struct carom_str verb = carom_arena_printf(why->arena, "suppressions remove --list " CAROM_STR_FMT,
                                                   CAROM_STR_ARG(carom_why_quote(why->arena, lists.list[i])));
        say_command(why, verb.ptr, why->key, "ends what was put in by hand for that list.");
    }
}

/* A sink that is stopped, where something of this address waits for it. */
static int stopped_row(void *user, const struct carom_pause *pause)
{
    const struct carom_why *why = *(const struct carom_why **)user;
    for (const struct carom_story_job *job = why->story.jobs; job; job = job->next)
        if (job->state == CAROM_JOB_WAITING && carom_str_eq(job->sink, pause->sink)) {
            say_command(why, "outbox enable", pause->sink,
                        carom_arena_printf(why->arena, "has the sink tried again, which is stopped: " CAROM_STR_FMT,
                                           CAROM_STR_ARG(pause->why)).ptr);
            break;
        }
    return 0;
}

/* refusal: NULL when it may be mailed. */
static int say_commands(const struct carom_why *why, const struct carom_refusal *refusal, struct carom_error *err)
{
    if (waits_held(why)) {
        say_command(why, "held release", why->key, "carries out what is held.");
        say_command(why, "held discard", why->key, "gives it up.");
    }
    if (stands(why, false))
        say_command(why, "undo", why->key,
                    "takes all decisions about this address back, and tells the sinks; with --dry-run it only says what it would do.");
    say_hand_commands(why);
    for (size_t i = 0; i < why->operations_n; i++)
        if (!why->operations[i].reversed && carom_str_eq(why->operations[i].action, CAROM_STR("undo")))
            say_number(why, "undo --operation", why->operations[i].id, "does again what was taken back then.");
    for (size_t i = 0; i < why->operations_n; i++)
        if (!why->operations[i].reversed && carom_str_eq(why->operations[i].action, CAROM_STR("replay")))
            say_number(why, "undo --operation", why->operations[i].id,
                       "has the decisions stand again that were replaced then, of all addresses.");
    for (const struct carom_story_job *job = why->story.jobs; job; job = job->next)
        if (job->state == CAROM_JOB_DEAD)
            say_number(why, "outbox resend", job->id, "sends again what was given up.");
    if (refusal && carom_str_eq(carom_str(refusal->cause), CAROM_STR("erased")))
        say_command(why, "suppressions remove", why->key, "forgets that it is not to be mailed; for when the person asks for mail again.");
    if (!refusal)
        say_command(why, "suppressions add", why->key, "has it mailed no more.");
    return why->ledger->ops->pauses(why->ledger->store, stopped_row, &why, err);
}

static void say_rest(const struct carom_why *why)
{
    int64_t delivered = carom_history_delivered_at(&why->history);
    double score = carom_history_score(&why->history);
    if (score != 0)
        carom_why_say(2, "Its score is %.2f.", score);
    if (delivered)
        carom_why_say(2, "Mail was last known to arrive %s.", carom_why_time(why, delivered));
    if (why->story.restored)
        carom_why_say(2, "It was taken back %s: bounces of mail sent before remove it no more.",
                      carom_why_time(why, why->story.restored));
    for (const struct carom_tag *tag = why->history.tags; tag; tag = tag->next)
        carom_why_say(2, "Tag %.*s = %.*s", CAROM_STR_ARG(tag->key), CAROM_STR_ARG(carom_why_cut(why, tag->value, 200)));
}

int carom_why_outlook(const struct carom_why *why, struct carom_error *err)
{
    struct lists lists = {.n = 0};
    struct carom_refusal refusal, of_that_list;
    puts("Now");
    int may = say_check(why, CAROM_STR_EMPTY, &refusal, err), of_list = may;
    gather_lists(why, &lists);
    for (size_t i = 0; i < lists.n && may > 0 && of_list >= 0; i++)
        of_list = say_check(why, lists.list[i], &of_that_list, err);
    if (may < 0 || of_list < 0)
        return -1;
    say_rest(why);
    puts("\nWhat can be done");
    return say_commands(why, may > 0 ? NULL : &refusal, err);
}
