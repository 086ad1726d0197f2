/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Words that are nearly a reason or a kind. Another form of a word, as "complaints", is none. */

#include "base/nearest.h"
#include "classify/fact.h"
#include "cli/lint/words.h"
#include "policy/api.h"

enum { SHORT = 7 };

static bool is_known(struct carom_str word)
{
    enum carom_kind kind;
    enum carom_reason reason;
    enum carom_fault fault;
    enum carom_authenticity authenticity;

    if (carom_kind_parse(word, &kind) || carom_reason_parse(word, &reason) || carom_fault_parse(word, &fault) ||
        carom_authenticity_parse(word, &authenticity))
        return true;
    for (size_t i = 0; i < carom_api_n; i++)
        if (carom_str_eq(word, carom_str(carom_api[i].name)))
            return true;
    return false;
}

static struct carom_str nearest_word(struct carom_str word)
{
    struct carom_nearest nearest = carom_nearest_to(word);
    for (int i = 0; i < CAROM_KIND_COUNT; i++)
        carom_nearest_offer(&nearest, carom_str(carom_kind_name((enum carom_kind)i)));
    for (int i = CAROM_REASON_NONE + 1; i < CAROM_REASON_COUNT; i++)
        carom_nearest_offer(&nearest, carom_str(carom_reason_name((enum carom_reason)i)));
    bool far = nearest.best.len > word.len + 1 || word.len > nearest.best.len + 1; /* one that it begins */
    return nearest.distance == 1 && !far ? nearest.best : CAROM_STR_EMPTY;
}

void carom_lint_slip(struct carom_findings *findings, struct carom_str at, struct carom_str word)
{
    if (word.len < SHORT || is_known(word))
        return;
    struct carom_str best = nearest_word(word);
    bool compound = best.len && carom_str_chr(best, '_') != SIZE_MAX;
    bool form = carom_str_starts(word, best) || carom_str_starts(best, word);
    if (!best.len || (form && !compound))
        return;
    carom_findings_add(findings, compound ? CAROM_WARNING : CAROM_ADVICE, at, NULL, "write that if it is meant",
                       "\"" CAROM_STR_FMT "\" is one slip away from " CAROM_STR_FMT, CAROM_STR_ARG(word),
                       CAROM_STR_ARG(best));
}
