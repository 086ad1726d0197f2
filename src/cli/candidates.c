/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Candidate rules, collected while a verdict is found, and the comparison that decided, in words. */

#include "cli/candidates.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "classify/fact.h"
#include "cli/print.h"

static void next(void *user)
{
    struct carom_candidates *c = user;

    c->verdicts++;
}

static void saw(void *user, const struct carom_rule *rule, struct carom_str text, struct carom_str where, bool holds)
{
    struct carom_candidates *c = user;

    if (c->n == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 16;
        struct carom_candidate *list = carom_arena_array(c->arena, struct carom_candidate, capacity);
        if (c->n > 0)
            memcpy(list, c->list, c->n * sizeof *list);
        c->list = list;
        c->capacity = capacity;
    }
    c->list[c->n++] = (struct carom_candidate){*rule, text, where, holds, c->verdicts};
}

void carom_candidates_begin(struct carom_candidates *candidates, struct carom_arena *arena)
{
    *candidates = (struct carom_candidates){.arena = arena, .watch = {next, saw, candidates}};
}

/* ---- In order ---- */

static bool is_own(const struct carom_rule *rule)
{
    return carom_str_eq(rule->seen, CAROM_STR("the policy"));
}

static int compare(const void *left, const void *right)
{
    const struct carom_candidate *a = left, *b = right;

    if (a->verdict != b->verdict)
        return a->verdict < b->verdict ? -1 : 1;
    if (a->holds != b->holds)
        return a->holds ? -1 : 1;
    if (a->rule.weight != b->rule.weight)
        return a->rule.weight > b->rule.weight ? -1 : 1;
    if (a->text.len != b->text.len)
        return a->text.len > b->text.len ? -1 : 1;
    if (is_own(&a->rule) != is_own(&b->rule))
        return is_own(&a->rule) ? -1 : 1;
    return a->rule.place < b->rule.place ? -1 : a->rule.place > b->rule.place;
}

static bool won(const struct carom_candidate *candidate, const struct carom_fact *fact)
{
    return candidate->holds && carom_str_eq(candidate->rule.id, fact->evidence.rule);
}

/* The winner of a verdict, or NULL when a code decided. */
static const struct carom_candidate *find_winner(const struct carom_candidates *c, size_t verdict,
                                                 const struct carom_fact *fact)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->list[i].verdict == verdict && won(&c->list[i], fact))
            return &c->list[i];
    return NULL;
}

/* ---- Why ---- */

static struct carom_str why_not(struct carom_arena *arena, const struct carom_rule *rule)
{
    struct carom_str code = CAROM_STR_EMPTY;

    if (rule->code_min)
        code = carom_arena_printf(arena, rule->code_min == rule->code_max ? "%d" : "%d-%d", rule->code_min, rule->code_max);
    if (rule->provider.len)
        return carom_arena_printf(arena, "does not hold: only at " CAROM_STR_FMT, CAROM_STR_ARG(rule->provider));
    if (rule->status.len || code.len)
        return carom_arena_printf(arena, "does not hold: only with " CAROM_STR_FMT "%s" CAROM_STR_FMT,
                                  CAROM_STR_ARG(rule->status), rule->status.len && code.len ? " and " : "",
                                  CAROM_STR_ARG(code));
    return CAROM_STR("does not hold: filler, and the status speaks of policy");
}

static struct carom_str why(struct carom_arena *arena, const struct carom_candidate *candidate,
                            const struct carom_candidate *winner, const struct carom_fact *fact)
{
    if (!candidate->holds)
        return why_not(arena, &candidate->rule);
    if (!winner)
        return carom_arena_printf(arena, "says too little: " CAROM_STR_FMT " says more",
                                  CAROM_STR_ARG(fact->evidence.rule));
    if (candidate == winner)
        return is_own(&candidate->rule) ? CAROM_STR("wins: a rule of the policy") : CAROM_STR("wins");
    if (is_own(&winner->rule) && !is_own(&candidate->rule))
        return CAROM_STR("the policy's rule goes first");
    if (candidate->rule.weight != winner->rule.weight)
        return CAROM_STR("weighs less");
    return candidate->text.len != winner->text.len ? CAROM_STR("as heavy, but shorter") : CAROM_STR("the same, but behind it");
}

/* ---- Showing ---- */

static void print_one(struct carom_candidates *c, const struct carom_candidate *candidate,
                      const struct carom_candidate *winner, const struct carom_fact *fact)
{
    const char *reason = carom_reason_name(candidate->rule.reason);

    printf("  %c %3d  ", candidate == winner ? '>' : ' ', candidate->rule.weight);
    carom_print_cell(stdout, candidate->rule.id, 28);
    putchar(' ');
    carom_print_cell(stdout, carom_str(reason ? reason : "-"), 20);
    printf(" \"");
    carom_print_cell(stdout, candidate->text, 0);
    printf("\" in ");
    carom_print_cell(stdout, candidate->where, 0);
    printf(": ");
    carom_print_cell(stdout, why(c->arena, candidate, winner, fact), 0);
    putchar('\n');
}

void carom_candidates_print(struct carom_candidates *candidates, size_t verdict, const struct carom_fact *fact)
{
    size_t shown = 0;

    if (candidates->n > 0)
        qsort(candidates->list, candidates->n, sizeof *candidates->list, compare);
    const struct carom_candidate *winner = find_winner(candidates, verdict, fact);
    for (size_t i = 0; i < candidates->n; i++) {
        if (candidates->list[i].verdict != verdict)
            continue;
        print_one(candidates, &candidates->list[i], winner, fact);
        shown++;
    }
    if (shown == 0)
        printf("        no rule knows these words\n");
}

void carom_candidates_write(struct carom_candidates *candidates, size_t verdict, const struct carom_fact *fact,
                            struct carom_json *json)
{
    if (candidates->n > 0)
        qsort(candidates->list, candidates->n, sizeof *candidates->list, compare);
    const struct carom_candidate *winner = find_winner(candidates, verdict, fact);
    carom_json_array(json);
    for (size_t i = 0; i < candidates->n; i++) {
        const struct carom_candidate *one = &candidates->list[i];
        if (one->verdict != verdict)
            continue;
        carom_json_object(json);
        carom_json_field_str(json, "rule", one->rule.id);
        carom_json_key(json, CAROM_STR("weight"));
        carom_json_int(json, one->rule.weight);
        carom_json_field_str(json, "reason", carom_str(carom_reason_name(one->rule.reason)));
        carom_json_field_str(json, "text", one->text);
        carom_json_field_str(json, "where", one->where);
        carom_json_key(json, CAROM_STR("holds"));
        carom_json_bool(json, one->holds);
        carom_json_key(json, CAROM_STR("wins"));
        carom_json_bool(json, one == winner);
        carom_json_field_str(json, "why", why(candidates->arena, one, winner, fact));
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
}
