/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The story of an address: what happened, in the order in which it was decided, what repeats being one chapter. */

#ifndef CAROM_CLI_WHY_STORY_H
#define CAROM_CLI_WHY_STORY_H

#include "decision/action.h"
#include "ledger/care.h"

struct carom_bounce {
    const struct carom_story_fact *row;
    struct carom_fact fact;
    struct carom_decision decision;
    int64_t replay; /* the operation that decided it anew; 0 none */
    struct carom_bounce *next;
};

/* A person did something: with decisions (operation), or with what stands (started, ended). */
struct carom_deed {
    const struct carom_operation *operation;
    const struct carom_story_standing *started, *ended;
};

struct carom_chapter {
    int64_t time;                      /* ms, when it was decided or done */
    const struct carom_bounce *first, *last; /* NULL: a deed */
    size_t n;                          /* bounces of it */
    struct carom_deed deed;
};

struct carom_why {
    struct carom_arena *arena;
    const struct carom_ledger *ledger;
    const struct carom_config *config; /* of the policy, NULL: none was named */
    const char *where;                 /* the options that name the ledger, as a shell reads them: " --policy p.lua" */
    struct carom_str key;
    int64_t now; /* ms */
    struct carom_story story;
    struct carom_history history;
    const struct carom_operation *operations; /* those about it, an array */
    size_t operations_n;
    const struct carom_chapter *chapters;
    size_t chapters_n;
};

/* arena (guarded by the caller), ledger, config, where, key and now are set; fills in the rest. */
int carom_why_read(struct carom_why *why, struct carom_error *err);
bool carom_why_is_empty(const struct carom_why *why);
/* Is the fact one of the chapter's? */
bool carom_why_has(const struct carom_chapter *chapter, int64_t fact);

/* tell.c, outlook.c, letter.c: on stdout. */
void carom_why_tell(const struct carom_why *why);
int carom_why_outlook(const struct carom_why *why, struct carom_error *err);
int carom_why_letter(const struct carom_why *why, struct carom_error *err);

/* A paragraph: wrapped, indented, made safe. */
void carom_why_say(size_t indent, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "2026-03-01 12:00"; in the arena. */
const char *carom_why_time(const struct carom_why *why, int64_t ms);
/* As a shell reads it: in quotes where it must be. */
struct carom_str carom_why_quote(struct carom_arena *arena, struct carom_str text);
/* " ARGUMENT OPTIONS" behind a command, as a shell reads it; what begins as an option does, behind "--". */
struct carom_str carom_why_operand(struct carom_arena *arena, struct carom_str argument, const char *options);
/* At most n bytes of it, and that there is more. */
struct carom_str carom_why_cut(const struct carom_why *why, struct carom_str text, size_t n);

#endif
