/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One walk over the tokens of a file. There is no parser: each check asks for a few tokens in a row. */

#include "cli/lint/words.h"

#include <stdio.h>

#include "base/nearest.h"
#include "policy/api.h"

struct text {
    struct carom_findings *findings;
    const struct carom_policy *policy;
    const struct carom_policy_file *file;
    const struct carom_token *tokens;
    size_t n;
    struct carom_lint_scopes scopes;
};

/* "policy.lua:12" */
static struct carom_str at(const struct text *text, const struct carom_token *token)
{
    return carom_arena_printf(text->findings->arena, CAROM_STR_FMT ":%d", CAROM_STR_ARG(text->file->name), token->line);
}

static bool is(const struct text *text, size_t i, const char *want)
{
    return i < text->n && text->tokens[i].type != CAROM_TOKEN_STRING && carom_str_eq(text->tokens[i].text, carom_str(want));
}

static bool is_type(const struct text *text, size_t i, enum carom_token_type type)
{
    return i < text->n && text->tokens[i].type == type;
}

/* Did the hook fail on that line? Then it said the same. */
static bool has_failed(const struct text *text, const struct carom_token *token)
{
    for (const struct carom_finding *finding = text->findings->first; finding; finding = finding->next)
        if (finding->severity == CAROM_ERROR_FOUND && finding->cases && finding->line == token->line &&
            carom_str_eq(finding->file, text->file->name))
            return true;
    return false;
}

static void add_error(const struct text *text, const struct carom_token *token, struct carom_str what, const char *todo)
{
    if (what.len && !has_failed(text, token))
        carom_findings_add(text->findings, CAROM_ERROR_FOUND, at(text, token), NULL, todo, CAROM_STR_FMT,
                           CAROM_STR_ARG(what));
}

/* ---- bounce.field, bounce:method, bounce.field == "word" ---- */

static bool is_comparison(const struct text *text, size_t i) { return is(text, i, "==") || is(text, i, "~="); }

static const char *group_of(const char *of, struct carom_str name)
{
    static const char *const groups[] = {"evidence", "autoreply", "feedback", "original"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if ((!strcmp(of, "bounce") || !strcmp(of, "fact")) && carom_str_eq(name, carom_str(groups[i])))
            return groups[i];
    if (!strcmp(of, "bounce") && carom_str_eq(name, CAROM_STR("history")))
        return "bounce.history";
    return !strcmp(of, "job") && carom_str_eq(name, CAROM_STR("fact")) ? "fact" : NULL;
}

/* tokens[i] begins "bounce.autoreply.type"; what is in front of it would make it part of something else. */
static void check_field(const struct text *text, size_t i)
{
    const char *of = carom_lint_owner(&text->scopes, text->tokens[i].text), *inner;
    struct carom_arena *arena = text->findings->arena;
    size_t first = i;

    if (!of || (i > 0 && (is(text, i - 1, ".") || is(text, i - 1, ":"))))
        return;
    for (;; i += 2, of = inner) {
        bool dot = is(text, i + 1, "."), colon = is(text, i + 1, ":");
        if ((!dot && !colon) || !is_type(text, i + 2, CAROM_TOKEN_NAME))
            return;
        add_error(text, &text->tokens[i + 2], carom_lint_field(arena, of, text->tokens[i + 2].text), "write what there is");
        inner = dot ? group_of(of, text->tokens[i + 2].text) : NULL;
        if (!inner)
            break;
    }
    struct carom_str name = text->tokens[i + 2].text;
    if (is_comparison(text, i + 3) && is_type(text, i + 4, CAROM_TOKEN_STRING))
        add_error(text, &text->tokens[i + 4], carom_lint_never(arena, of, name, text->tokens[i + 4].text),
                  "the comparison always has the same result");
    else if (first >= 2 && is_comparison(text, first - 1) && is_type(text, first - 2, CAROM_TOKEN_STRING))
        add_error(text, &text->tokens[first - 2], carom_lint_never(arena, of, name, text->tokens[first - 2].text),
                  "the comparison always has the same result");
}

/* ---- Strings ---- */

/* A text that is compared with a field is told of there; one in a rule or a count is checked when it runs. */
static void check_string(const struct text *text, size_t i)
{
    if (!is_comparison(text, i + 1) && (i == 0 || !is_comparison(text, i - 1)))
        carom_lint_slip(text->findings, at(text, &text->tokens[i]), text->tokens[i].text);
}

static void check_key(const struct text *text, size_t i)
{
    if (!is(text, i + 1, "=") || (i > 0 && (is(text, i - 1, ".") || is(text, i - 1, ":"))))
        return;
    carom_lint_slip(text->findings, at(text, &text->tokens[i]), text->tokens[i].text);
    bool secret = is(text, i, "secret") || is(text, i, "password") || is(text, i, "token");
    if (secret && is_type(text, i + 2, CAROM_TOKEN_STRING))
        carom_findings_add(text->findings, CAROM_ADVICE, at(text, &text->tokens[i]), NULL,
                           "keep it in a file of its own: carom.file \"/etc/carom/name.secret\"",
                           "the " CAROM_STR_FMT " stands in the policy, readable for all who read that",
                           CAROM_STR_ARG(text->tokens[i].text));
}

/* ---- unsubscribe { list = "…" } ---- */

static void check_list(const struct text *text, size_t i)
{
    const struct carom_config *config = carom_policy_config(text->policy);
    struct carom_nearest nearest = carom_nearest_to(text->tokens[i].text);

    if (!config->lists || carom_config_list(config, text->tokens[i].text))
        return;
    for (const struct carom_list_entry *list = config->lists; list; list = list->next)
        carom_nearest_offer(&nearest, list->id);
    add_error(text, &text->tokens[i],
              carom_arena_printf(text->findings->arena, "\"" CAROM_STR_FMT "\" is none of carom.configure's lists%s" CAROM_STR_FMT "%s",
                                 CAROM_STR_ARG(text->tokens[i].text), nearest.best.len ? "; did you mean \"" : "",
                                 CAROM_STR_ARG(nearest.best), nearest.best.len ? "\"?" : ""),
              "name it there, or write one of them");
}

static void check_unsubscribe(const struct text *text, size_t i)
{
    if (i == 0 || !is(text, i - 1, ":") || !is(text, i, "unsubscribe"))
        return;
    i += is(text, i + 1, "(") ? 2 : 1;
    if (!is(text, i, "{"))
        return;
    for (; i < text->n && !is(text, i, "}"); i++)
        if (is(text, i, "list") && is(text, i + 1, "=") && is_type(text, i + 2, CAROM_TOKEN_STRING))
            check_list(text, i + 2);
}

/* ---- Hooks ---- */

static bool is_hook(const struct text *text, struct carom_str name)
{
    const struct carom_policy_hook *hook = carom_policy_hooks(text->policy);
    while (hook && !carom_str_eq(hook->name, name))
        hook = hook->next;
    return hook != NULL;
}

static bool could_be_hook(struct carom_str name)
{
    struct carom_str word = carom_str_from(name, 3);
    enum carom_kind kind;
    enum carom_reason reason;

    return carom_str_starts(name, CAROM_STR("on_")) &&
           (carom_kind_parse(word, &kind) || carom_reason_parse(word, &reason) || carom_api_has("hook", name));
}

/* "local function on_x" or "local on_x = function", where there is no such hook. */
static void check_local(const struct text *text, size_t i)
{
    size_t name = is(text, i + 1, "function") ? i + 2 : i + 1;
    bool function = name == i + 2 || (is(text, name + 1, "=") && is(text, name + 2, "function"));

    if (function && is_type(text, name, CAROM_TOKEN_NAME) && could_be_hook(text->tokens[name].text) &&
        !is_hook(text, text->tokens[name].text))
        add_error(text, &text->tokens[name],
                  carom_arena_printf(text->findings->arena, CAROM_STR_FMT " never runs: it is local",
                                     CAROM_STR_ARG(text->tokens[name].text)),
                  "hooks are globals: take local away");
}

/* Two of a name at the outermost level: the first is gone before anything runs. */
static void check_twice(const struct text *text, size_t i)
{
    struct carom_str name;
    int depth = 0;

    if (text->scopes.depth != 1 || !is_type(text, i + 1, CAROM_TOKEN_NAME) || (i > 0 && is(text, i - 1, "local")))
        return;
    name = text->tokens[i + 1].text;
    if (!is_hook(text, name))
        return;
    for (size_t k = i + 2; k + 1 < text->n; k++) {
        if (depth == -1 && is(text, k, "function") && !is(text, k - 1, "local") && carom_str_eq(text->tokens[k + 1].text, name) &&
            is(text, k + 2, "(")) {
            add_error(text, &text->tokens[i + 1],
                      carom_arena_printf(text->findings->arena, CAROM_STR_FMT " never runs: line %d defines it again",
                                         CAROM_STR_ARG(name), text->tokens[k + 1].line),
                      "take one of them away");
            return;
        }
        depth += is(text, k, "function") || is(text, k, "if") || is(text, k, "do") || is(text, k, "repeat");
        depth -= is(text, k, "end") || is(text, k, "until");
    }
}

/* ---- All of it ---- */

static void read_tokens(struct text *text, struct carom_str source)
{
    struct carom_tokens walk = {.rest = source};
    struct carom_token token, *list;
    size_t n = 0;

    while (carom_tokens_next(&walk, &token))
        n++;
    list = carom_arena_array(text->findings->arena, struct carom_token, n + 1);
    walk = (struct carom_tokens){.rest = source};
    for (text->n = 0; text->n < n && carom_tokens_next(&walk, &list[text->n]);)
        text->n++;
    text->tokens = list;
}

void carom_lint_words(struct carom_findings *findings, const struct carom_policy *policy,
                      const struct carom_policy_file *file, struct carom_str source)
{
    struct text text = {.findings = findings, .policy = policy, .file = file};

    read_tokens(&text, source);
    for (size_t i = 0; i < text.n; i++) {
        carom_lint_scope(&text.scopes, text.tokens, text.n, i);
        if (is_type(&text, i, CAROM_TOKEN_STRING)) {
            check_string(&text, i);
        } else if (is_type(&text, i, CAROM_TOKEN_NAME)) {
            check_field(&text, i);
            check_key(&text, i);
            check_unsubscribe(&text, i);
            if (is(&text, i, "local"))
                check_local(&text, i);
            if (is(&text, i, "function"))
                check_twice(&text, i);
        }
    }
}
