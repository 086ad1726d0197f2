/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What may be told to the subscriber. Nothing that somebody else wrote goes into it: not the server's words, which may
   name others, and which anybody may have made up; not what is held, or was taken back; no names of rules or hooks. */

#include <stdio.h>
#include <time.h>

#include "classify/reasons.h"
#include "cli/print.h"
#include "cli/why/story.h"

enum { PARTS_MAX = 64 };

/* What happened to him in one way. */
struct part {
    const struct carom_fact *fact; /* the last */
    int64_t first, last;           /* seconds */
    size_t n;
};

static const char *date(const struct carom_why *why, int64_t seconds)
{
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm))
        return "";
    return carom_arena_printf(why->arena, "%d %s %d", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900).ptr;
}

static bool is_told(const struct carom_bounce *bounce)
{
    return (bounce->fact.kind == CAROM_KIND_PERMANENT || bounce->fact.kind == CAROM_KIND_TRANSIENT ||
            bounce->fact.kind == CAROM_KIND_COMPLAINT || bounce->fact.kind == CAROM_KIND_UNSUBSCRIBE) &&
           !bounce->row->held && !bounce->row->ignored && !bounce->row->undone;
}

static void add(struct part *parts, size_t *n, const struct carom_bounce *bounce)
{
    const struct carom_fact *fact = &bounce->fact;
    int64_t time = fact->time ? fact->time : fact->received ? fact->received : bounce->row->decided / 1000;
    size_t i = 0;
    while (i < *n && (parts[i].fact->kind != fact->kind || parts[i].fact->reason != fact->reason))
        i++;
    if (i == PARTS_MAX)
        return;
    if (i == *n)
        parts[(*n)++] = (struct part){.first = time, .last = time};
    struct part *part = &parts[i];
    part->fact = fact;
    part->first = time < part->first ? time : part->first;
    part->last = time > part->last ? time : part->last;
    part->n++;
}

static size_t gather(const struct carom_why *why, struct part *parts)
{
    size_t n = 0;
    for (size_t i = 0; i < why->chapters_n; i++)
        for (const struct carom_bounce *bounce = why->chapters[i].first; bounce; bounce = bounce->next) {
            if (is_told(bounce))
                add(parts, &n, bounce);
            if (bounce == why->chapters[i].last)
                break;
        }
    return n;
}

static const struct carom_reason_row *row_of(enum carom_reason reason)
{
    for (size_t i = 0; i < carom_reason_rows_n; i++)
        if (carom_reason_rows[i].reason == reason)
            return &carom_reason_rows[i];
    return &carom_reason_rows[carom_reason_rows_n - 1]; /* unknown */
}

/* The codes are of RFCs; they help whoever asks his provider. */
static void say_part(const struct carom_why *why, const struct part *part)
{
    const struct carom_fact *fact = part->fact;
    const bool days = part->last - part->first >= 86400;
    const char *when = days ? carom_arena_printf(why->arena, "Between %s and %s", date(why, part->first), date(why, part->last)).ptr
                            : carom_arena_printf(why->arena, "On %s", date(why, part->last)).ptr;
    const struct carom_reason_row *row = row_of(fact->reason);
    struct carom_str said = carom_str(row->said);
    char code[48] = "", times[32] = "";
    if (fact->reply_code)
        snprintf(code, sizeof(code), " (code %d%s%.*s)", fact->reply_code, fact->status.len ? ", " : "",
                 CAROM_STR_ARG(carom_str_head(fact->status, 12)));
    if (part->n > 1)
        snprintf(times, sizeof(times), " %zu times", part->n);
    if (said.len && said.ptr[said.len - 1] == '.')
        said = carom_str_head(said, said.len - 1);
    if (fact->kind == CAROM_KIND_COMPLAINT)
        carom_why_say(2, "%s your mail provider told us that our mail was marked as spam from your mailbox.", when);
    else if (fact->kind == CAROM_KIND_UNSUBSCRIBE)
        carom_why_say(2, "%s we got a request from your address to be taken off.", when);
    else
        carom_why_say(2, "%s our mail to you %s%s: " CAROM_STR_FMT "%s. %s", when,
                      fact->kind == CAROM_KIND_PERMANENT ? "was refused" : "could not be delivered", times,
                      CAROM_STR_ARG(said), code, row->remedy);
    putchar('\n');
}

/* Which lists he left, and whether we write at all. */
static int say_standing(const struct carom_why *why, struct carom_error *err)
{
    struct carom_refusal refusal;
    bool left = false;
    int may = why->ledger->ops->check(why->ledger->store, why->key, CAROM_STR_EMPTY, false, why->now, &refusal, err);
    if (may < 0)
        return -1;
    for (const struct carom_departure *departure = why->history.departures; departure; departure = departure->next) {
        if (!departure->list.len)
            continue;
        carom_why_say(0, "You were taken off the list " CAROM_STR_FMT " on %s.", CAROM_STR_ARG(departure->list),
                      date(why, departure->since / 1000));
        left = true;
    }
    if (!may && carom_str_eq(carom_str(refusal.cause), CAROM_STR("suppressed")) && refusal.until)
        carom_why_say(0, "We have stopped mail to you until %s; then we try again.", date(why, refusal.until));
    else if (!may)
        carom_why_say(0, "We send you no more mail since %s.", date(why, refusal.since));
    else if (!left)
        carom_why_say(0, "Nothing keeps us from writing to you now.");
    carom_why_say(0, "%s", !may || left ? "If you want our mail, please answer this letter, and we put that right."
                                        : "If our mail still does not reach you, please answer this letter.");
    return 0;
}

int carom_why_letter(const struct carom_why *why, struct carom_error *err)
{
    struct part parts[PARTS_MAX];
    size_t n = gather(why, parts);
    puts("Hello,\n");
    carom_why_say(0, "you asked why our mail does not reach " CAROM_STR_FMT ". This is what we know.", CAROM_STR_ARG(why->story.spelling));
    putchar('\n');
    for (size_t i = 0; i < n; i++)
        say_part(why, &parts[i]);
    if (!n)
        puts("  No mail to you came back to us as undeliverable.\n");
    return say_standing(why, err);
}
