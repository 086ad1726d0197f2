/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which actions of two decisions are the same. It carries nothing out. */

#include "decision/merge.h"

bool carom_merge_stands(const struct carom_decided *decided)
{
    return decided->state == CAROM_ACTION_DECIDED || decided->state == CAROM_ACTION_HELD;
}

static bool same_arguments(const struct carom_pair *a, const struct carom_pair *b)
{
    for (; a && b && carom_str_eq(a->value, b->value); a = a->next)
        b = b->next;
    return !a && !b;
}

/* Of a retry what was asked for, not when it is due. */
static bool same(const struct carom_decided *a, const struct carom_decided *b)
{
    return a->type == b->type && carom_str_ieq(a->list, b->list) && a->all == b->all && a->list_only == b->list_only &&
           a->duration_ms == b->duration_ms && a->after_ms == b->after_ms && a->limit == b->limit &&
           !(a->points < b->points || a->points > b->points) && carom_str_eq(a->endpoint, b->endpoint) &&
           carom_str_eq(a->payload, b->payload) && carom_str_eq(a->command, b->command) &&
           same_arguments(a->arguments, b->arguments) && carom_str_eq(a->to, b->to) && carom_str_eq(a->text, b->text) &&
           carom_str_eq(a->key, b->key) && carom_str_eq(a->value, b->value) && a->every_ms == b->every_ms;
}

/* What lacked a sink or a list then may have it now. */
static struct carom_decided *find(const struct carom_decision *old, const struct carom_decided *wanted)
{
    for (struct carom_decided *decided = old->first; decided; decided = decided->next)
        if (!decided->kept && decided->state != CAROM_ACTION_UNMATCHED && same(decided, wanted))
            return decided;
    return NULL;
}

void carom_decision_merge(struct carom_decision *old, struct carom_decision *new)
{
    for (struct carom_decided *decided = new->first; decided; decided = decided->next) {
        struct carom_decided *before = carom_merge_stands(decided) ? find(old, decided) : NULL;
        if (!before)
            continue;
        before->kept = decided->kept = true;
        decided->state = before->state;
        decided->note = before->note;
    }
}

bool carom_decision_merged_alike(const struct carom_decision *old, const struct carom_decision *new)
{
    for (const struct carom_decided *decided = old->first; decided; decided = decided->next)
        if (carom_merge_stands(decided) && !decided->kept)
            return false;
    for (const struct carom_decided *decided = new->first; decided; decided = decided->next)
        if (carom_merge_stands(decided) && !decided->kept)
            return false;
    return true;
}
