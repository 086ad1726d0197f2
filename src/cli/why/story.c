/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From rows to chapters. It says nothing. */

#include "cli/why/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/error.h"
#include "base/load.h"
#include "cli/print.h"
#include "cli/unmatched.h"
#include "decision/recall.h"

enum { TEXT_MAX = 4096 };

/* ---- Saying ---- */

void carom_why_say(size_t indent, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    carom_print_wrapped(stdout, carom_str(text), indent);
}

const char *carom_why_time(const struct carom_why *why, int64_t ms)
{
    char text[32];
    carom_date_format(ms / 1000, text);
    text[10] = ' ';
    return carom_arena_str(why->arena, carom_str_n(text, 16)).ptr;
}

struct carom_str carom_why_cut(const struct carom_why *why, struct carom_str text, size_t n)
{
    if (text.len <= n)
        return text;
    while (n && ((unsigned char)text.ptr[n] & 0xc0) == 0x80) /* not within a character */
        n--;
    return carom_arena_printf(why->arena, CAROM_STR_FMT "…", CAROM_STR_ARG(carom_str_head(text, n)));
}

struct carom_str carom_why_quote(struct carom_arena *arena, struct carom_str text)
{
    bool is_plain = text.len > 0;
    char *out = carom_arena_alloc(arena, 4 * text.len + 3);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        is_plain = is_plain && (carom_is_alpha(text.ptr[i]) || carom_is_digit(text.ptr[i]) || strchr("@.-_+/:=", text.ptr[i]));
    if (is_plain)
        return text;
    out[n++] = '\'';
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            memcpy(out + n, "'\\'", 3), n += 3;
        out[n++] = text.ptr[i];
    }
    out[n++] = '\'';
    return carom_str_n(out, n);
}

struct carom_str carom_why_operand(struct carom_arena *arena, struct carom_str argument, const char *options)
{
    struct carom_str quoted = carom_why_quote(arena, argument);
    return carom_str_starts(argument, CAROM_STR("-"))
               ? carom_arena_printf(arena, "%s -- " CAROM_STR_FMT, options, CAROM_STR_ARG(quoted))
               : carom_arena_printf(arena, " " CAROM_STR_FMT "%s", CAROM_STR_ARG(quoted), options);
}

/* ---- Bounces ---- */

/* 0: it is the first decision. Nothing may jump while the tree lives. */
static int64_t replay_of(struct carom_str decision)
{
    json_t *object = carom_json_load(decision, 0, NULL);
    int64_t operation = json_integer_value(json_object_get(object, "operation"));
    json_decref(object);
    return operation;
}

static int read_bounce(struct carom_why *why, const struct carom_story_fact *row, struct carom_bounce *bounce,
                       struct carom_error *err)
{
    *bounce = (struct carom_bounce){.row = row, .replay = replay_of(row->decision)};
    return carom_fact_read(why->arena, row->fact, NULL, &bounce->fact, err) == 0 &&
                   carom_decision_recall(why->arena, row->decision, &bounce->decision, err) == 0
               ? 0
               : -1;
}

/* Was the same decided? What differs from one time to the next (when a retry is due) is no difference. */
static bool decided_alike(const struct carom_bounce *a, const struct carom_bounce *b)
{
    const struct carom_decided *left = a->decision.first, *right = b->decision.first;
    if (!carom_str_eq(a->decision.hook, b->decision.hook) || a->row->undone != b->row->undone ||
        a->replay != b->replay || a->row->held != b->row->held || a->row->ignored != b->row->ignored)
        return false;
    for (; left && right; left = left->next, right = right->next)
        if (left->type != right->type || left->state != right->state || !carom_str_eq(left->at, right->at) ||
            left->changed != right->changed || left->duration_ms != right->duration_ms ||
            !carom_str_eq(left->list, right->list) || !carom_str_eq(carom_str(left->note), carom_str(right->note)))
            return false;
    return !left && !right;
}

/* One delivery that fails again, or another mail of the list that fails with the same words. */
static bool is_repeat(struct carom_why *why, const struct carom_bounce *a, const struct carom_bounce *b)
{
    if (a->fact.kind != b->fact.kind || a->fact.reason != b->fact.reason || a->fact.hard != b->fact.hard ||
        !carom_str_ieq(a->fact.list, b->fact.list) || !carom_str_eq(a->fact.final_recipient, b->fact.final_recipient) ||
        !decided_alike(a, b))
        return false;
    return (a->row->delivery && a->row->delivery == b->row->delivery) ||
           carom_str_eq(carom_unmatched_mask(why->arena, a->fact.diagnostic),
                        carom_unmatched_mask(why->arena, b->fact.diagnostic));
}

/* ---- What people did ---- */

struct gathering {
    struct carom_why *why;
    struct carom_operation *list;
    size_t n, room;
};

static bool was_changed_by(const struct carom_decided *decided, const struct carom_operation *operation)
{
    static const char *const notes[][2] = {{"release", "released"},
                                           {"discard", "discarded"},
                                           {"expire", "nobody released it in time"},
                                           {"redo", "done again"}};
    struct carom_str note = carom_str(decided->note);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
        if (carom_str_eq(operation->action, carom_str(notes[i][0])))
            return decided->changed == operation->time / 1000 && carom_str_eq(note, carom_str(notes[i][1]));
    return false;
}

/* Whether somebody named this address for it: 1, another: -1, nobody: 0. */
static int whom(const struct carom_why *why, const struct carom_operation *operation)
{
    json_t *object = carom_json_load(operation->selection, 0, NULL);
    const char *address = json_string_value(json_object_get(object, "address"));
    int named = !address ? 0 : carom_str_eq(carom_str(address), why->key) ? 1 : -1;
    json_decref(object);
    return named;
}

/* Undo and replay leave their number at what they changed; the others what they noted there, and when. */
static bool concerns(const struct carom_why *why, const struct carom_operation *operation,
                     const struct carom_bounce *bounces)
{
    int named = whom(why, operation);
    if (named)
        return named > 0;
    for (const struct carom_bounce *bounce = bounces; bounce; bounce = bounce->next) {
        if (bounce->row->undone == operation->id || bounce->replay == operation->id)
            return true;
        for (const struct carom_decided *decided = bounce->decision.first; decided; decided = decided->next)
            if (was_changed_by(decided, operation))
                return true;
    }
    return false;
}

/* What took an operation back is about whom that was about. An undo that was undone left no trace in the decisions but
   its own undoing. */
static void follow_back(const struct carom_why *why, const struct carom_operation *list, size_t n, bool *about)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n && list[i].reversed; k++)
            if (list[i].reversed != list[k].id)
                continue;
            else if (whom(why, &list[i]))
                about[k] = about[i];
            else
                about[i] |= about[k];
}

static int keep_operation(void *user, const struct carom_operation *operation)
{
    struct gathering *gathering = user;
    struct carom_arena *arena = gathering->why->arena;
    if (gathering->n == gathering->room) {
        size_t room = gathering->room ? 2 * gathering->room : 16;
        struct carom_operation *list = carom_arena_array(arena, struct carom_operation, room);
        if (gathering->n)
            memcpy(list, gathering->list, gathering->n * sizeof(*list));
        gathering->list = list;
        gathering->room = room;
    }
    struct carom_operation *kept = &gathering->list[gathering->n++];
    *kept = *operation;
    kept->action = carom_arena_str(arena, operation->action);
    kept->selection = carom_arena_str(arena, operation->selection);
    return 0;
}

/* Those about this address. */
static int read_operations(struct carom_why *why, const struct carom_bounce *bounces, struct carom_error *err)
{
    struct gathering all = {.why = why};
    size_t n = 0;

    if (why->ledger->care->operations(why->ledger->store, keep_operation, &all, err) != 0)
        return -1;
    struct carom_operation *list = carom_arena_array(why->arena, struct carom_operation, all.n + 1);
    bool *about = carom_arena_array(why->arena, bool, all.n + 1);
    for (size_t i = 0; i < all.n; i++)
        about[i] = concerns(why, &all.list[i], bounces);
    follow_back(why, all.list, all.n, about);
    for (size_t i = 0; i < all.n; i++)
        if (about[i])
            list[n++] = all.list[i];
    why->operations = list;
    why->operations_n = n;
    return 0;
}

/* ---- Chapters ---- */

static struct carom_chapter *put(struct carom_why *why, struct carom_chapter *chapters, int64_t time)
{
    struct carom_chapter *chapter = &chapters[why->chapters_n++];
    *chapter = (struct carom_chapter){.time = time};
    return chapter;
}

/* What people did in between must not seem to come after all of it. */
static bool was_interrupted(const struct carom_why *why, int64_t from, int64_t to)
{
    for (size_t i = 0; i < why->operations_n; i++)
        if (why->operations[i].time >= from && why->operations[i].time <= to)
            return true;
    for (const struct carom_story_standing *it = why->story.standings; it; it = it->next)
        if ((!it->fact && it->since >= from && it->since <= to) || (it->ended >= from && it->ended <= to && !it->ended_by))
            return true;
    return false;
}

static void put_bounces(struct carom_why *why, struct carom_chapter *chapters, const struct carom_bounce *bounces)
{
    struct carom_chapter *chapter = NULL;
    for (const struct carom_bounce *bounce = bounces; bounce; bounce = bounce->next) {
        if (!chapter || !is_repeat(why, chapter->last, bounce) ||
            was_interrupted(why, chapter->last->row->decided, bounce->row->decided)) {
            chapter = put(why, chapters, bounce->row->decided);
            chapter->first = bounce;
        }
        chapter->last = bounce;
        chapter->n++;
    }
}

static void put_deeds(struct carom_why *why, struct carom_chapter *chapters)
{
    for (size_t i = 0; i < why->operations_n; i++)
        put(why, chapters, why->operations[i].time)->deed.operation = &why->operations[i];
    for (const struct carom_story_standing *it = why->story.standings; it; it = it->next) {
        if (!it->fact && it->what != CAROM_STORY_TAG)
            put(why, chapters, it->since)->deed.started = it;
        if (it->ended && !it->ended_by)
            put(why, chapters, it->ended)->deed.ended = it;
    }
}

static int compare_times(const void *left, const void *right)
{
    const struct carom_chapter *a = left, *b = right;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return (a->first == NULL) - (b->first == NULL);
}

static void make_chapters(struct carom_why *why, const struct carom_bounce *bounces)
{
    size_t most = why->operations_n;
    for (const struct carom_bounce *bounce = bounces; bounce; bounce = bounce->next)
        most++;
    for (const struct carom_story_standing *it = why->story.standings; it; it = it->next)
        most += 2;
    struct carom_chapter *chapters = carom_arena_array(why->arena, struct carom_chapter, most + 1);
    put_bounces(why, chapters, bounces);
    put_deeds(why, chapters);
    if (why->chapters_n)
        qsort(chapters, why->chapters_n, sizeof(*chapters), compare_times);
    why->chapters = chapters;
}

int carom_why_read(struct carom_why *why, struct carom_error *err)
{
    const struct carom_ledger *ledger = why->ledger;
    struct carom_bounce *bounces = NULL, **tail = &bounces;

    why->chapters_n = 0;
    why->history = (struct carom_history){.now = why->now, .present = {.time = why->now}};
    why->history.half_life_ms = why->config ? why->config->half_life_ms : carom_duration_parse_ms(CAROM_STR("30d"));
    if (ledger->care->story(ledger->store, why->arena, why->key, &why->story, err) != 0 ||
        ledger->ops->past(ledger->store, why->arena, why->key, &why->history, err) != 0)
        return -1;
    for (const struct carom_story_fact *row = why->story.facts; row; row = row->next) {
        struct carom_bounce *bounce = *tail = carom_arena_new_of(why->arena, struct carom_bounce);
        if (read_bounce(why, row, bounce, err) != 0)
            return -1;
        tail = &bounce->next;
    }
    if (read_operations(why, bounces, err) != 0)
        return -1;
    make_chapters(why, bounces);
    return 0;
}

bool carom_why_is_empty(const struct carom_why *why)
{
    return !why->story.facts && !why->story.standings;
}

bool carom_why_has(const struct carom_chapter *chapter, int64_t fact)
{
    for (const struct carom_bounce *bounce = chapter->first; bounce; bounce = bounce->next) {
        if (bounce->row->id == fact)
            return true;
        if (bounce == chapter->last)
            break;
    }
    return false;
}
