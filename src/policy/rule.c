/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.rule{}: what the operator knows of diagnostics that the built-in rules do not. Phrases are made ready and
   compiled by the same code as those; which rule wins is the classifier's. */

#include <stdlib.h>

#include "base/matcher.h"
#include "base/phrase.h"
#include "classify/provider.h"
#include "policy/host.h"
#include "policy/sinks.h"
#include "policy/value.h"

struct carom_policy_rule {
    struct carom_policy_rule *next;
    struct carom_rule rule;
    struct carom_str pattern; /* ready for the matcher; empty: the rule has no text */
};

/* A rule is about failures: the other kinds are no matter of diagnostics. */
static const char *kind_word(int i) { return carom_kind_name((enum carom_kind)i); }
static const char *reason_word(int i) { return carom_reason_name((enum carom_reason)i); }

static bool get_text(const struct carom_args *args, const char *name, struct carom_str *text_r)
{
    if (!carom_args_str(args, name, text_r))
        return false;
    if (strlen(text_r->ptr) != text_r->len)
        carom_args_fail(args, "%s has a zero byte in it", name);
    return true;
}

/* ---- Conditions ---- */

static bool parse_codes(struct carom_str text, struct carom_rule *rule)
{
    if (text.len == 3 && carom_str_ieq(carom_str_from(text, 1), CAROM_STR("xx")) && carom_is_digit(text.ptr[0])) {
        rule->code_min = (text.ptr[0] - '0') * 100;
        rule->code_max = rule->code_min + 99;
    } else {
        struct carom_str last = text.len == 7 && text.ptr[3] == '-' ? carom_str_from(text, 4) : text;
        rule->code_min = (int)carom_str_number(carom_str_head(text, 3));
        rule->code_max = last.len == 3 ? (int)carom_str_number(last) : -1;
    }
    return rule->code_min >= 200 && rule->code_max <= 599 && rule->code_min <= rule->code_max;
}

static void get_code(const struct carom_args *args, struct carom_rule *rule)
{
    struct carom_str text;

    if (!carom_args_push(args, "code"))
        return;
    text.ptr = lua_tolstring(args->L, -1, &text.len); /* of the copy on the stack: the table keeps its number */
    if (!text.ptr || !parse_codes(text, rule))
        carom_args_fail(args, "code = %s is no reply code: write 550, \"5xx\" or \"550-559\"",
                        text.ptr ? text.ptr : luaL_typename(args->L, -1));
    lua_pop(args->L, 1);
}

static void get_status(const struct carom_args *args, struct carom_rule *rule)
{
    struct carom_str text;

    if (!get_text(args, "status", &text))
        return;
    bool good = text.len >= 3 && (text.ptr[0] == '*' || text.ptr[0] == '4' || text.ptr[0] == '5') && text.ptr[1] == '.';
    for (size_t i = 0; i < text.len; i++)
        good = good && (carom_is_digit(text.ptr[i]) || text.ptr[i] == '.' || text.ptr[i] == '*');
    if (!good)
        carom_args_fail(args, "status = \"%s\" is no enhanced status code: write \"5.7.1\" or \"5.7.*\"", text.ptr);
    rule->status = carom_sink_keep(args, text);
}

static void check_provider(const struct carom_args *args, struct carom_str id)
{
    struct carom_nearest nearest = carom_nearest_to(id);

    for (size_t i = 0; i < carom_providers_n; i++) {
        if (carom_str_eq(id, carom_str(carom_providers[i].id)))
            return;
        carom_nearest_offer(&nearest, carom_str(carom_providers[i].id));
    }
    lua_pushlstring(args->L, id.ptr, id.len);
    const char *word = lua_tostring(args->L, -1), *hint = carom_nearest_push(args->L, &nearest);
    carom_args_fail(args, "\"%s\" is no provider%s (carom codes --providers lists them)", word, hint);
}

static void get_provider(const struct carom_args *args, struct carom_rule *rule)
{
    struct carom_str text, id;

    if (!get_text(args, "provider", &text))
        return;
    rule->provider = carom_sink_keep(args, text);
    while (carom_str_word(&text, &id))
        check_provider(args, id);
}

static void get_verdict(const struct carom_args *args, struct carom_rule *rule)
{
    int reason = 0;

    bool any = carom_args_word(args, "reason", reason_word, CAROM_REASON_COUNT, &reason);
    any = carom_args_word(args, "kind", kind_word, CAROM_KIND_DELAYED + 1, &rule->kind) || any;
    if (!any)
        carom_args_fail(args, "needs reason or kind: what the rule says");
    rule->reason = (enum carom_reason)reason;
}

/* ---- Phrases ---- */

static void offer_classes(struct carom_nearest *nearest)
{
    for (size_t i = 0; i < carom_word_rows_n; i++)
        carom_nearest_offer(nearest, carom_str(carom_word_rows[i].name));
}

static bool make_ready(struct carom_arena *arena, struct carom_str text, struct carom_str *ready_r,
                       struct carom_str *unknown_r)
{
    if (carom_arena_guard(arena))
        return false;
    *ready_r = carom_phrase_ready(arena, text, carom_word_rows, carom_word_rows_n, unknown_r);
    carom_arena_unguard(arena);
    return true;
}

/* Compiled by itself once, so that what is wrong is said at its line. */
static void check_pattern(const struct carom_args *args, struct carom_str pattern, struct carom_str text)
{
    struct carom_error err = {0};
    struct carom_matcher *alone = carom_matcher_new(&pattern, 1, &err);

    if (!alone && err.code == CAROM_ERROR_MEMORY)
        carom_sandbox_no_memory(args->L);
    if (!alone)
        carom_args_fail(args, "text = \"%s\": %s", text.ptr, err.text);
    carom_matcher_free(alone);
}

static struct carom_str get_pattern(const struct carom_args *args, struct carom_rule *rule)
{
    struct carom_str text, unknown, ready;

    if (!get_text(args, "text", &text))
        return CAROM_STR_EMPTY;
    carom_sandbox_charge(args->L, 10 * text.len);
    rule->text = carom_sink_keep(args, text);
    if (!make_ready(carom_host_policy(args->L)->arena, text, &ready, &unknown))
        carom_sandbox_no_memory(args->L);
    if (unknown.len > 0) {
        struct carom_nearest nearest = carom_nearest_to(unknown);
        offer_classes(&nearest);
        lua_pushlstring(args->L, unknown.ptr, unknown.len);
        const char *word = lua_tostring(args->L, -1), *hint = carom_nearest_push(args->L, &nearest);
        carom_args_fail(args, "{%s} is no class of words%s", word, hint);
    }
    check_pattern(args, ready, text);
    return ready;
}

/* ---- The call ---- */

/* "policy.lua:12", the place of the call, is the rule's name. */
static struct carom_str name_here(const struct carom_args *args)
{
    struct carom_str where;

    luaL_where(args->L, 1);
    where.ptr = lua_tolstring(args->L, -1, &where.len);
    if (where.len >= 2)
        where.len -= 2; /* ": " */
    struct carom_str name = carom_sink_keep(args, where);
    lua_pop(args->L, 1);
    return name;
}

int carom_rule_add(lua_State *L)
{
    struct carom_policy *policy = carom_host_policy(L);
    if (!policy->loading)
        return luaL_error(L, "carom.rule belongs beside the hooks, not into one: rules hold for the whole policy");
    struct carom_args args = carom_args_begin(L, 1, "carom.rule");
    struct carom_policy_rule *made = carom_value_new(L, policy->arena, sizeof(*made));
    *made = (struct carom_policy_rule){
        .rule = {.id = name_here(&args), .kind = -1, .weight = 100, .seen = CAROM_STR("the policy")}};
    made->pattern = get_pattern(&args, &made->rule);
    get_code(&args, &made->rule);
    get_status(&args, &made->rule);
    get_provider(&args, &made->rule);
    get_verdict(&args, &made->rule);
    if (!made->pattern.len && !made->rule.code_min && !made->rule.status.len && !made->rule.provider.len)
        carom_args_fail(&args, "needs one of text, code, status, provider: it would hold for every failure");
    *policy->rules.end = made;
    policy->rules.end = &made->next;
    return 0;
}

/* ---- Compiling ---- */

/* Those with a text first: their places are the matcher's patterns. */
static size_t place(const struct carom_policy_rule *first, bool text, struct carom_rule *list, struct carom_str *patterns,
                    size_t n)
{
    for (; first; first = first->next) {
        if ((first->pattern.len > 0) != text)
            continue;
        list[n] = first->rule;
        list[n].place = n;
        if (text)
            patterns[n] = first->pattern;
        n++;
    }
    return n;
}

int carom_rules_compile(struct carom_policy *policy, struct carom_error *err)
{
    size_t n = 0, texts;

    for (const struct carom_policy_rule *rule = policy->rules.first; rule; rule = rule->next)
        n++;
    if (n == 0)
        return 0;
    struct carom_rule *list = carom_arena_try(policy->arena, n * sizeof(*list));
    struct carom_str *patterns = calloc(n, sizeof(*patterns));
    int result = list && patterns ? 0 : carom_error_memory(err);
    if (result == 0) {
        texts = place(policy->rules.first, true, list, patterns, 0);
        place(policy->rules.first, false, list, patterns, texts);
        if (texts > 0 && !(policy->rules.matcher = carom_matcher_new(patterns, texts, err)))
            result = -1;
        policy->rules.own = (struct carom_own_rules){list, n, policy->rules.matcher};
        policy->rules.judging.own = &policy->rules.own;
    }
    free(patterns);
    return result;
}
