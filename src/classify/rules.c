/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The verdict on one refusal: words first, then codes. Which words mean what stands in tables/rules.tsv, which codes in
   tables/status-codes.tsv and tables/reply-codes.tsv; here is only their order. */

#include "classify/rules.h"

#include <limits.h>

#include "base/str.h"
#include "base/utf8.h"
#include "smtp/codes.h"
#include "smtp/reply.h"

/* Below this weight words are filler ("mailbox unavailable"), which a specific code outranks. */
enum { WEAK = 20 };
/* Below this weight they may mean something else: only a status that says the same makes it certain. */
enum { PLAIN = 48 };
/* Up to this weight the words of a recipient are everybody's, beyond it those of one server or provider. */
enum { COMMON = 53 };
/* Longer texts are judged by their beginning. */
enum { TEXT_MAX = 64 * 1024 };

/* The best of one set of rules in one text. */
struct search {
    const struct carom_case *what;
    const struct carom_rule *own;          /* NULL: the built-in ones */
    const struct carom_rules_watch *watch; /* NULL: nobody wants to know the others */
    struct carom_str shown, where;
    bool found;
    struct carom_rule best;
    size_t start, end;
};

struct carom_rule carom_rule_built_in(size_t place)
{
    const struct carom_rule_row *row = &carom_rules[place];
    return (struct carom_rule){place, carom_cell_str(row->id), carom_cell_str(row->text), carom_cell_str(row->provider),
                               row->code_min, row->code_max, carom_cell_str(row->status), row->reason, row->kind,
                               row->weight, carom_cell_str(row->seen)};
}

static int weight_at(const struct search *search, size_t place)
{
    return search->own ? search->own[place].weight : carom_rules[place].weight;
}

static bool is_dead(enum carom_reason reason)
{
    enum carom_fault fault = carom_reason_fault(reason);

    return fault == CAROM_FAULT_DOMAIN || reason == CAROM_REASON_USER_UNKNOWN ||
           reason == CAROM_REASON_USER_DISABLED || reason == CAROM_REASON_USER_MOVED;
}

static bool has_word(struct carom_str words, struct carom_str word)
{
    struct carom_str one;

    while (carom_str_word(&words, &one)) {
        if (carom_str_ieq(one, word))
            return true;
    }
    return false;
}

static bool conditions_hold(const struct carom_rule *rule, const struct carom_case *what)
{
    if (rule->code_min != 0 && (what->reply_code < rule->code_min || what->reply_code > rule->code_max))
        return false;
    if (rule->provider.len && !has_word(rule->provider, what->provider))
        return false;
    if (rule->status.len && !carom_str_glob(what->status, rule->status))
        return false;
    /* X.7.Z speaks of policy: filler words do not make a dead address of it. */
    return rule->weight >= WEAK || !is_dead(rule->reason) || what->status.len < 3 || what->status.ptr[2] != '7';
}

/* The heavier rule wins, of equal ones that with the longer text, then the first. */
static bool is_better(const struct search *search, size_t place, size_t length)
{
    int weight = weight_at(search, place);

    if (!search->found || weight != search->best.weight)
        return !search->found || weight > search->best.weight;
    if (length != search->end - search->start)
        return length > search->end - search->start;
    return place < search->best.place;
}

static bool keep_better(void *user, uint32_t pattern, size_t start, size_t end)
{
    struct search *search = user;

    if (!search->watch && !is_better(search, pattern, end - start))
        return true;
    struct carom_rule rule = search->own ? search->own[pattern] : carom_rule_built_in(pattern);
    bool holds = conditions_hold(&rule, search->what);
    if (search->watch)
        search->watch->saw(search->watch->user, &rule, carom_str_n(search->shown.ptr + start, end - start),
                           search->where, holds);
    if (holds && is_better(search, pattern, end - start)) {
        search->found = true;
        search->best = rule;
        search->start = start;
        search->end = end;
    }
    return true;
}

/* A lighter one is of no use. */
static bool may_be_better(void *user, uint32_t pattern)
{
    const struct search *search = user;

    return search->watch || !search->found || weight_at(search, pattern) >= search->best.weight;
}

/* Letters of an address are nobody's words: <blocked@example.com> may be an unknown user. */
static struct carom_str hide_addresses(struct carom_arena *arena, struct carom_str folded)
{
    static const bool ends[UCHAR_MAX + 1] = {[' '] = true, ['<'] = true, ['>'] = true, ['('] = true, [')'] = true,
                                             ['['] = true, [']'] = true, ['"'] = true, ['\''] = true, [','] = true,
                                             [';'] = true, [':'] = true, ['='] = true, ['|'] = true};
    size_t at = carom_str_chr(folded, '@');
    char *out;

    if (at == SIZE_MAX)
        return folded;
    out = memcpy(carom_arena_raw(arena, folded.len), folded.ptr, folded.len);
    for (; at < folded.len; at++) {
        if (out[at] != '@')
            continue;
        for (size_t i = at; i-- > 0 && out[i] != '\1' && !ends[(unsigned char)out[i]];)
            out[i] = '\1';
        for (; at < folded.len && !ends[(unsigned char)out[at]]; at++)
            out[at] = '\1';
    }
    return carom_str_n(out, folded.len);
}

/* A text made ready for all searches of it. */
struct ready {
    struct carom_str shown, folded, where;
};

static struct ready make_ready(struct carom_arena *arena, struct carom_str text, struct carom_str where)
{
    struct carom_utf8_text ready = carom_utf8_normalise(arena, carom_str_head(text, TEXT_MAX));

    return (struct ready){ready.shown, hide_addresses(arena, ready.folded), where};
}

static struct search search_text(struct carom_arena *arena, const struct carom_case *what, const struct ready *text,
                                 const struct carom_rule *own, const struct carom_matcher *matcher,
                                 const struct carom_judging *judging)
{
    struct search search = {.what = what, .own = own, .watch = judging->watch, .shown = text->shown, .where = text->where};

    carom_matcher_search(matcher, arena, text->folded,
                         &(struct carom_matcher_user){keep_better, may_be_better, &search});
    return search;
}

static struct search search_built_in(struct carom_arena *arena, const struct carom_case *what,
                                     const struct ready *text, const struct carom_judging *judging)
{
    return search_text(arena, what, text, NULL, &carom_rules_matcher, judging);
}

/* "No such domain" in answer to MAIL FROM, or with a status about the sender, is said of the sender; not so where the
   words are those of a server that misuses the status (vpopmail writes "no mailbox here by that name (#5.1.7)"). */
static enum carom_reason of_sender(enum carom_reason reason, const struct carom_case *what, enum carom_reason by_status,
                                   int weight)
{
    bool about_sender = carom_str_eq(what->command, CAROM_STR("MAIL")) ||
                        (by_status == CAROM_REASON_SENDER_REJECTED && weight <= COMMON);

    return about_sender && is_dead(reason) && reason != CAROM_REASON_NOT_ACCEPTING ? CAROM_REASON_SENDER_REJECTED
                                                                                   : reason;
}

static void settle(struct carom_verdict *verdict, const struct search *search)
{
    verdict->reason = search->best.reason;
    verdict->kind = search->best.kind;
    verdict->rule = search->best.id;
    verdict->text = carom_str_n(search->shown.ptr + search->start, search->end - search->start);
    verdict->where = search->where;
}

static void settle_status(struct carom_arena *arena, struct carom_verdict *verdict, struct carom_str status,
                          enum carom_reason reason)
{
    verdict->reason = reason;
    verdict->rule = carom_arena_printf(arena, "status:" CAROM_STR_FMT, CAROM_STR_ARG(status));
    verdict->text = status;
    verdict->where = CAROM_STR("status");
}

static void settle_code(struct carom_arena *arena, struct carom_verdict *verdict, int code, enum carom_reason reason)
{
    verdict->reason = reason;
    verdict->rule = carom_arena_printf(arena, "code:%d", code);
    verdict->text = carom_arena_printf(arena, "%d", code);
    verdict->where = CAROM_STR("reply_code");
}

static enum carom_confidence confident(const struct carom_case *what, const struct search *search,
                                       enum carom_reason by_status)
{
    if (what->guess)
        return CAROM_CONFIDENCE_LOW;
    if (search && search->best.weight < WEAK && by_status != search->best.reason)
        return CAROM_CONFIDENCE_LOW;
    if (search && search->best.weight < PLAIN && by_status != search->best.reason)
        return CAROM_CONFIDENCE_MEDIUM;
    return what->machine ? CAROM_CONFIDENCE_HIGH : CAROM_CONFIDENCE_MEDIUM;
}

/* ---- The built-in rules ---- */

static struct carom_verdict nothing_known(void)
{
    return (struct carom_verdict){CAROM_REASON_UNKNOWN, -1, CAROM_CONFIDENCE_LOW, CAROM_STR_EMPTY, CAROM_STR_EMPTY,
                                  CAROM_STR_EMPTY};
}

static struct carom_verdict judge_text(struct carom_arena *arena, const struct carom_case *what,
                                       const struct carom_status_row *row, const struct carom_judging *judging)
{
    struct carom_verdict verdict = nothing_known();
    struct ready text = make_ready(arena, what->text, CAROM_STR("text"));
    struct search words = search_built_in(arena, what, &text, judging);

    if (words.found) {
        settle(&verdict, &words);
        verdict.confidence = what->guess || words.best.weight < PLAIN ? CAROM_CONFIDENCE_LOW : CAROM_CONFIDENCE_MEDIUM;
    } else if (row && row->reason != CAROM_REASON_NONE) {
        settle_status(arena, &verdict, what->status, row->reason);
    }
    return verdict;
}

/* "421 4.3.2 closing: retry timeout exceeded" (Exim): the cause stands in the status, the words are of the end. */
static bool ends_patience(enum carom_reason by_words, enum carom_reason by_status)
{
    return by_words == CAROM_REASON_EXPIRED && by_status != CAROM_REASON_EXPIRED;
}

static struct carom_verdict judge_built_in(struct carom_arena *arena, const struct carom_case *what,
                                           const struct ready *diagnostic, const struct carom_judging *judging)
{
    struct carom_verdict verdict = nothing_known();
    const struct carom_status_row *row = carom_status_find_row(what->status);
    const struct carom_code_row *code = carom_code_find(what->reply_code);
    enum carom_reason by_status = row && !row->vague ? row->reason : CAROM_REASON_NONE;
    enum carom_reason by_code = code ? code->reason : CAROM_REASON_NONE;
    struct search words = search_built_in(arena, what, diagnostic, judging);

    if (words.found && (by_status == CAROM_REASON_NONE ||
                       (words.best.weight >= WEAK && !ends_patience(words.best.reason, by_status)))) {
        settle(&verdict, &words);
        verdict.reason = of_sender(verdict.reason, what, by_status, words.best.weight);
        verdict.confidence = confident(what, &words, by_status);
    } else if (by_status != CAROM_REASON_NONE) {
        settle_status(arena, &verdict, what->status, of_sender(by_status, what, by_status, 0));
        verdict.confidence = confident(what, NULL, by_status);
    } else if (by_code != CAROM_REASON_NONE) {
        settle_code(arena, &verdict, what->reply_code, by_code);
    } else {
        return judge_text(arena, what, row, judging);
    }
    return verdict;
}

/* ---- The operator's rules ---- */

/* The first without text that holds. Its evidence is what it asks for. */
static bool find_condition(const struct carom_own_rules *own, const struct carom_case *what, struct carom_rule *rule_r)
{
    for (size_t i = own->matcher ? own->matcher->patterns : 0; i < own->n; i++)
        if (conditions_hold(&own->list[i], what))
            return *rule_r = own->list[i], true;
    return false;
}

static struct search search_own(struct carom_arena *arena, const struct carom_case *what,
                                const struct ready *diagnostic, const struct carom_judging *judging)
{
    const struct carom_own_rules *own = judging->own;
    struct search search = {0};

    if (own->matcher)
        search = search_text(arena, what, diagnostic, own->list, own->matcher, judging);
    if (own->matcher && !search.found && what->text.len > 0) {
        struct ready text = make_ready(arena, what->text, CAROM_STR("text"));
        search = search_text(arena, what, &text, own->list, own->matcher, judging);
    }
    if (search.found || !find_condition(own, what, &search.best))
        return search;
    bool status = search.best.status.len > 0, code = search.best.code_min != 0;
    search.found = true;
    search.where = status ? CAROM_STR("status") : code ? CAROM_STR("reply_code") : CAROM_STR("provider");
    search.shown = status ? what->status
                   : code ? carom_arena_printf(arena, "%d", what->reply_code) : what->provider;
    search.start = 0;
    search.end = search.shown.len;
    return search;
}

static void overrule(struct carom_verdict *verdict, const struct search *own, const struct carom_case *what)
{
    enum carom_reason reason = verdict->reason;

    settle(verdict, own);
    if (own->best.reason == CAROM_REASON_NONE)
        verdict->reason = reason;
    verdict->confidence = what->machine && !what->guess ? CAROM_CONFIDENCE_HIGH : CAROM_CONFIDENCE_MEDIUM;
}

/* IronPort calls every 550 to RCPT "Unknown address error": the label is asked after the words that it wraps. */
static bool unwrap(const struct carom_case *what, struct carom_case *unwrapped_r)
{
    struct carom_str quoted = carom_reply_quoted(what->diagnostic);

    if (quoted.len == 0)
        return false;
    *unwrapped_r = *what;
    unwrapped_r->diagnostic = quoted;
    if (what->text.len == 0)
        unwrapped_r->text = what->diagnostic;
    return true;
}

struct carom_verdict carom_rules_judge(struct carom_arena *arena, const struct carom_case *what,
                                       const struct carom_judging *judging)
{
    static const struct carom_judging plain;
    struct carom_case unwrapped;
    struct ready diagnostic;
    struct search own = {0};

    if (unwrap(what, &unwrapped))
        what = &unwrapped;
    diagnostic = make_ready(arena, what->diagnostic, what->where);
    judging = judging ? judging : &plain;
    if (judging->own)
        own = search_own(arena, what, &diagnostic, judging);
    struct carom_verdict verdict = judge_built_in(arena, what, &diagnostic, judging);
    if (own.found)
        overrule(&verdict, &own, what);
    return verdict;
}
