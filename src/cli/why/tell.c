/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The chapters, told: what came, in the server's own words, what it was taken for, which line of the policy decided
   what, who was told, and what people did about it. */

#include <stdio.h>

#include "classify/reasons.h"
#include "cli/print.h"
#include "cli/why/story.h"

enum { WORDS_MAX = 600, ARGUMENTS_MAX = 200 };

#define TEXT(s) CAROM_STR_ARG(carom_why_cut(why, (s), ARGUMENTS_MAX))

/* ---- What came ---- */

static const char *const came[CAROM_KIND_COUNT] = {
    [CAROM_KIND_PERMANENT] = "failed for good.",
    [CAROM_KIND_TRANSIENT] = "failed for now.",
    [CAROM_KIND_DELAYED] = "is late; the sending host still tries.",
    [CAROM_KIND_DELIVERED] = "was delivered.",
    [CAROM_KIND_COMPLAINT] = "was complained about: \"this is spam\".",
    [CAROM_KIND_UNSUBSCRIBE] = "was answered: take me off.",
    [CAROM_KIND_AUTOREPLY] = "was answered by a machine.",
    [CAROM_KIND_CHALLENGE] = "was answered by a machine that wants a person to confirm it.",
    [CAROM_KIND_RECEIPT] = "got a receipt.",
};

static const char *meaning_of(enum carom_reason reason)
{
    for (size_t i = 0; i < carom_reason_rows_n; i++)
        if (carom_reason_rows[i].reason == reason)
            return carom_reason_rows[i].meaning;
    return "";
}

static void say_what_came(const struct carom_why *why, const struct carom_chapter *chapter)
{
    const struct carom_fact *fact = &chapter->first->fact;
    struct carom_str subject = fact->original.subject;
    const char *what = came[fact->kind];
    if (!what) {
        carom_why_say(2, "A message came that is no bounce: " CAROM_STR_FMT, TEXT(fact->subject));
        return;
    }
    carom_why_say(2, "%s%s%s%.*s%s%.*s%s%s%.*s %s%s%s", "Mail", fact->list.len ? " of " : "", "",
                  TEXT(fact->list), subject.len ? ", \"" : "", TEXT(subject), subject.len ? "\"," : "",
                  fact->final_recipient.len ? " on its way to " : "", TEXT(fact->final_recipient), what,
                  fact->reason ? " " : "", fact->reason ? meaning_of(fact->reason) : "");
}

/* The host that refused, else the one that reports. */
static void say_words(const struct carom_why *why, const struct carom_chapter *chapter)
{
    const struct carom_fact *fact = &chapter->last->fact;
    struct carom_str host = fact->remote_mta.len ? fact->remote_mta : fact->reporting_mta;
    if (!fact->diagnostic.len)
        return;
    carom_why_say(2, CAROM_STR_FMT "%s" CAROM_STR_FMT "%s said: %.*s", TEXT(host.len ? host : CAROM_STR("The server")),
                  fact->provider.len ? " (" : "", TEXT(fact->provider), fact->provider.len ? ")" : "",
                  CAROM_STR_ARG(carom_why_cut(why, fact->diagnostic, WORDS_MAX)));
}

/* As it was written, or spelt out for who has no rules at hand. */
static void say_taken_for(const struct carom_why *why, const struct carom_chapter *chapter)
{
    const struct carom_fact *fact = &chapter->last->fact;
    const char *reason = carom_reason_name(fact->reason);
    carom_why_say(2, "Taken for: %s%s%s%s%s" CAROM_STR_FMT "%s" CAROM_STR_FMT "%s" CAROM_STR_FMT "; confidence %s, %s.",
                  carom_kind_name(fact->kind), reason ? " " : "", reason ? reason : "", fact->hard ? ", hard" : "",
                  fact->evidence.rule.len ? ", by the rule " : "", TEXT(fact->evidence.rule),
                  fact->evidence.text.len ? ": \"" : "", TEXT(fact->evidence.text), fact->evidence.text.len ? "\" in " : "",
                  TEXT(fact->evidence.text.len ? fact->evidence.where : CAROM_STR_EMPTY),
                  carom_confidence_name(fact->confidence), carom_authenticity_name(fact->authenticity));
}

/* ---- What was done ---- */

/* "unsubscribe from news.lists.example.org" */
static struct carom_str name_action(const struct carom_why *why, const struct carom_decided *decided)
{
    struct carom_arena *arena = why->arena;
    const char *name = carom_action_name(decided->type);
    char due[40] = "", duration[40] = "";
    switch (decided->type) {
    case CAROM_ACTION_UNSUBSCRIBE:
    case CAROM_ACTION_RESUBSCRIBE:
        return carom_arena_printf(arena, "%s, list %.*s", name,
                                  TEXT(decided->all        ? CAROM_STR("every one")
                                       : decided->list.len ? decided->list
                                                           : CAROM_STR("not known")));
    case CAROM_ACTION_SUPPRESS:
        if (decided->duration_ms)
            snprintf(duration, sizeof(duration), "for %.4g days", (double)decided->duration_ms / 86400e3);
        return carom_arena_printf(arena, "%s %s%s%.*s", name, *duration ? duration : "for good",
                                  decided->list_only ? ", by the list " : "",
                                  TEXT(decided->list_only ? decided->list : CAROM_STR_EMPTY));
    case CAROM_ACTION_RETRY:
        if (decided->due)
            snprintf(due, sizeof(due), ", due %s", carom_why_time(why, decided->due * 1000));
        return carom_arena_printf(arena, "%s%s", name, due);
    case CAROM_ACTION_SCORE:
        return carom_arena_printf(arena, "%s %+.4g", name, decided->points);
    case CAROM_ACTION_TAG:
        return carom_arena_printf(arena, "%s %.*s = %.*s", name, TEXT(decided->key), TEXT(decided->value));
    case CAROM_ACTION_ALERT:
        return carom_arena_printf(arena, "%s: %.*s", name, TEXT(decided->text));
    case CAROM_ACTION_WEBHOOK:
        return carom_arena_printf(arena, "%s %.*s", name, TEXT(decided->endpoint));
    case CAROM_ACTION_RUN:
        return carom_arena_printf(arena, "%s %.*s", name, TEXT(decided->command));
    case CAROM_ACTION_FORWARD:
        return carom_arena_printf(arena, "%s to %.*s", name, TEXT(decided->to));
    default:
        return carom_str(name);
    }
}

static const char *const states[CAROM_JOB_STATE_COUNT] = {
    [CAROM_JOB_WAITING] = "waits", [CAROM_JOB_DONE] = "done", [CAROM_JOB_DEAD] = "given up, a dead letter",
    [CAROM_JOB_DROPPED] = "never sent", [CAROM_JOB_PENDING] = "taken, not yet done",
};

/* The first of those that are alike, told once: how often, and what the last one heard. */
static void say_job(const struct carom_why *why, const struct carom_story_job *job, size_t n, int64_t attempts)
{
    const bool is_over = job->state == CAROM_JOB_DONE || job->state == CAROM_JOB_DEAD || job->state == CAROM_JOB_DROPPED;
    const bool has_time = job->due && (job->state != CAROM_JOB_DROPPED);
    char often[32] = "", tries[40] = "";
    if (n > 1)
        snprintf(often, sizeof(often), ", %zu times", n);
    if (attempts > (int64_t)n)
        snprintf(tries, sizeof(tries), ", %lld attempts", (long long)attempts);
    carom_why_say(6, "%.*s told to the sink \"%.*s\"%s: %s%s%s%s%s%.*s (job %lld)", TEXT(job->action), TEXT(job->sink), often,
                  states[job->state], has_time ? is_over ? " " : ", next attempt " : "",
                  has_time ? carom_why_time(why, job->due) : "", tries, job->answer.len ? ": " : "", TEXT(job->answer),
                  (long long)job->id);
}

static bool is_of(const struct carom_chapter *chapter, const struct carom_story_job *job, struct carom_str action,
                  bool others)
{
    if (!carom_why_has(chapter, job->fact))
        return false;
    if (!others)
        return carom_str_eq(job->action, action) && !job->suppression;
    if (job->suppression)
        return true;
    for (const struct carom_decided *decided = chapter->last->decision.first; decided; decided = decided->next)
        if (carom_str_eq(job->action, carom_str(carom_action_name(decided->type))))
            return false;
    return true;
}

/* Those of an action, or (others) of none that was decided: what tells an end, or takes back. Returns how many. */
static size_t say_jobs(const struct carom_why *why, const struct carom_chapter *chapter, struct carom_str action, bool others)
{
    size_t told = 0;
    for (const struct carom_story_job *job = why->story.jobs; job; job = job->next) {
        size_t n = 0;
        int64_t attempts = 0;
        bool is_last = true;
        if (!is_of(chapter, job, action, others))
            continue;
        for (const struct carom_story_job *same = why->story.jobs; same; same = same->next)
            if (is_of(chapter, same, action, others) && same->state == job->state &&
                carom_str_eq(same->sink, job->sink) && carom_str_eq(same->action, job->action)) {
                is_last = is_last && same->id <= job->id;
                n++;
                attempts += same->attempts;
            }
        if (is_last)
            say_job(why, job, n, attempts);
        told++;
    }
    return told;
}

static bool wants_sink(enum carom_action_type type)
{
    return type != CAROM_ACTION_SCORE && type != CAROM_ACTION_IGNORE && type != CAROM_ACTION_TAG;
}

static void say_end(const struct carom_why *why, const struct carom_story_standing *it)
{
    const char *what = it->what == CAROM_STORY_SUPPRESSION ? "The suppression"
                       : it->what == CAROM_STORY_TAG       ? "The tag"
                                                           : "Being off the list";
    if (it->ended)
        carom_why_say(6, "%s ended %s.", what, carom_why_time(why, it->ended));
    else if (it->until && it->until <= why->now)
        carom_why_say(6, "%s ran out %s.", what, carom_why_time(why, it->until));
    else if (it->until)
        carom_why_say(6, "%s stands until %s.", what, carom_why_time(why, it->until));
}

static void say_ends(const struct carom_why *why, const struct carom_chapter *chapter, enum carom_action_type type)
{
    const struct carom_story_standing *said = NULL; /* off a list and off each of them are one to whom it happened */
    for (const struct carom_story_standing *it = why->story.standings; it; it = it->next) {
        enum carom_action_type of = it->what == CAROM_STORY_SUPPRESSION ? CAROM_ACTION_SUPPRESS
                                    : it->what == CAROM_STORY_TAG       ? CAROM_ACTION_TAG
                                                                        : CAROM_ACTION_UNSUBSCRIBE;
        if (of != type || !it->fact || !carom_why_has(chapter, it->fact) ||
            (said && said->ended == it->ended && said->until == it->until))
            continue;
        say_end(why, it);
        said = it;
    }
}

static void say_action(const struct carom_why *why, const struct carom_chapter *chapter,
                       const struct carom_decided *decided)
{
    const bool is_plain = decided->state == CAROM_ACTION_DECIDED && !decided->note;
    char changed[40] = "";
    if (decided->changed)
        snprintf(changed, sizeof(changed), ", %s", carom_why_time(why, decided->changed * 1000));
    carom_why_say(4, "- %.*s%s%.*s%s%s%s%s%s%s%s", CAROM_STR_ARG(name_action(why, decided)), decided->at.len ? " (" : "",
                  TEXT(decided->at), decided->at.len ? ")" : "", is_plain ? "" : ": ",
                  is_plain ? "" : carom_action_state_name(decided->state), !is_plain && decided->note ? " (" : "",
                  is_plain || !decided->note ? "" : decided->note, !is_plain && decided->note ? ")" : "", changed);
    say_ends(why, chapter, decided->type);
    if (!say_jobs(why, chapter, carom_str(carom_action_name(decided->type)), false) &&
        decided->state == CAROM_ACTION_DECIDED && wants_sink(decided->type))
        carom_why_say(6, "%s", decided->type == CAROM_ACTION_ALERT
                                   ? "Nobody was told: no sink, or one was sent not long before."
                                   : "Nobody was told: no sink, or the job is older than is kept.");
}

static void say_decision(const struct carom_why *why, const struct carom_chapter *chapter)
{
    const struct carom_bounce *bounce = chapter->last;
    const struct carom_decided *decided = bounce->decision.first;
    struct carom_str version = carom_str_head(bounce->row->policy, 12);
    if (!bounce->decision.hook.len) {
        carom_why_say(2, "Recorded %s; the policy%s%.*s has no hook for it.", carom_why_time(why, bounce->row->decided),
                      version.len ? " " : "", CAROM_STR_ARG(version));
        return;
    }
    carom_why_say(2, "Decided %s by the hook %.*s%s%.*s%s", carom_why_time(why, bounce->row->decided),
                  TEXT(bounce->decision.hook), version.len ? " of policy " : "", CAROM_STR_ARG(version),
                  decided ? ":" : ": left alone.");
    for (; decided; decided = decided->next)
        say_action(why, chapter, decided);
    say_jobs(why, chapter, CAROM_STR_EMPTY, true);
    if (bounce->row->held)
        carom_why_say(2, "It proves too little, so that it counts for nothing until somebody releases it.");
    if (bounce->row->ignored)
        carom_why_say(2, "It counts for nothing: the policy ignores it.");
    if (bounce->replay)
        carom_why_say(2, "So it was decided anew by operation %lld; before, it was decided otherwise.", (long long)bounce->replay);
    if (bounce->row->undone)
        carom_why_say(2, "All of it was taken back by operation %lld; it counts no more.", (long long)bounce->row->undone);
}

static int64_t happened(const struct carom_bounce *bounce)
{
    const struct carom_fact *fact = &bounce->fact;
    return (fact->time ? fact->time : fact->received ? fact->received : bounce->row->decided / 1000) * 1000;
}

static void say_bounces(const struct carom_why *why, const struct carom_chapter *chapter)
{
    int64_t first = INT64_MAX, last = 0;
    size_t kept = 0;
    for (const struct carom_bounce *bounce = chapter->first;; bounce = bounce->next) {
        int64_t time = happened(bounce);
        first = time < first ? time : first;
        last = time > last ? time : last;
        kept += bounce->row->raw != 0;
        if (bounce == chapter->last)
            break;
    }
    if (chapter->n > 1)
        printf("%s to %s, %zu times%s\n", carom_why_time(why, first), carom_why_time(why, last), chapter->n,
               chapter->first->row->delivery && chapter->first->row->delivery == chapter->last->row->delivery
                   ? " for one mail" : "");
    else
        printf("%s\n", carom_why_time(why, first));
    say_what_came(why, chapter);
    say_words(why, chapter);
    say_taken_for(why, chapter);
    say_decision(why, chapter);
    if (kept)
        carom_why_say(2, "Kept: carom why --raw --fact %lld%.*s", (long long)chapter->last->row->id,
                      CAROM_STR_ARG(carom_why_operand(why->arena, why->key, why->where)));
}

/* ---- What people did ---- */

static const struct {
    const char *action, *text;
} deeds[] = {
    {"release", "Somebody released what was held"},
    {"discard", "Somebody gave up what was held"},
    {"expire", "Nobody released in time what was held, and it lapsed"},
    {"undo", "Somebody took decisions back"},
    {"redo", "Somebody took an undo back: its decisions are done again"},
    {"replay", "Somebody had a new policy decide anew; its decisions replaced those before"},
    {"restore", "Somebody took a replay back: the decisions before stand again"},
};

static void say_operation(const struct carom_operation *operation)
{
    const char *text = "Somebody did something";
    char reversed[64] = "";
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (carom_str_eq(operation->action, carom_str(deeds[i].action)))
            text = deeds[i].text;
    if (operation->reversed)
        snprintf(reversed, sizeof(reversed), "; operation %lld took that back", (long long)operation->reversed);
    carom_why_say(2, "%s (operation %lld, %lld decision%s%s%s).", text, (long long)operation->id, (long long)operation->facts,
                  operation->facts == 1 ? "" : "s", operation->facts == 1 ? "" : " of this and perhaps other addresses",
                  reversed);
}

static void say_hand(const struct carom_why *why, const struct carom_story_standing *it, bool ended)
{
    const char *what = it->what == CAROM_STORY_SUPPRESSION ? "suppression" : "departure";
    struct carom_str where = it->list.len ? it->list : CAROM_STR("everywhere");
    if (ended) {
        carom_why_say(2, "Somebody ended the %s of %s by hand (%.*s).", what, carom_why_time(why, it->since), TEXT(where));
        return;
    }
    carom_why_say(2, "%s: %.*s, %s%s%s%.*s.", it->batch ? "Came with an import of suppressions" : "Suppressed by hand",
                  TEXT(where), it->until ? "until " : "for good", it->until ? carom_why_time(why, it->until) : "",
                  it->reason.len ? ": " : "", TEXT(it->reason));
    if (it->batch)
        carom_why_say(2, "The file: %.*s, batch %lld.", TEXT(it->source), (long long)it->batch);
}

static void say_deed(const struct carom_why *why, const struct carom_chapter *chapter)
{
    printf("%s\n", carom_why_time(why, chapter->time));
    if (chapter->deed.operation)
        say_operation(chapter->deed.operation);
    else if (chapter->deed.started)
        say_hand(why, chapter->deed.started, false);
    else
        say_hand(why, chapter->deed.ended, true);
}

void carom_why_tell(const struct carom_why *why)
{
    if (why->story.facts_n > CAROM_STORY_FACTS) {
        carom_why_say(0, "There are %lld facts; these are the newest %d. carom show has all of them.",
                      (long long)why->story.facts_n, (int)CAROM_STORY_FACTS);
        putchar('\n');
    }
    for (size_t i = 0; i < why->chapters_n; i++) {
        const struct carom_chapter *chapter = &why->chapters[i];
        if (chapter->first)
            say_bounces(why, chapter);
        else
            say_deed(why, chapter);
        putchar('\n');
    }
}
