/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a name in the text of a policy stands for: the parameters of hooks by their hook, one that is called bounce is a
   bounce. And what its fields may be, by the table of the API. */

#include "base/nearest.h"
#include "classify/fact.h"
#include "classify/provider.h"
#include "cli/lint/words.h"
#include "policy/api.h"

enum { FRAMES = 16, NAMES = 8 };

/* ---- Names ---- */

static bool is(const struct carom_token *token, const char *text)
{
    return token->type != CAROM_TOKEN_STRING && carom_str_eq(token->text, carom_str(text));
}

static const char *owner_of_hook(struct carom_str hook)
{
    if (carom_str_eq(hook, CAROM_STR("on_message")))
        return "message";
    if (carom_str_eq(hook, CAROM_STR("on_incident")))
        return "incident";
    if (carom_str_eq(hook, CAROM_STR("on_dead_letter")))
        return "job";
    return carom_str_starts(hook, CAROM_STR("on_")) ? "bounce" : NULL;
}

/* Beyond what we keep nothing is known, which is no error. */
static void add_name(struct carom_lint_scopes *scopes, struct carom_str name, const char *of)
{
    if (scopes->n == 0 || scopes->n > FRAMES)
        return;
    for (int i = 0; i < NAMES; i++) {
        struct carom_str *slot = &scopes->frames[scopes->n - 1].names[i];
        if (slot->len && !carom_str_eq(*slot, name))
            continue;
        *slot = name;
        scopes->frames[scopes->n - 1].of[i] = of;
        return;
    }
}

/* tokens[i] is "function"; hooks have a plain name before it or behind it. */
static void begin_function(struct carom_lint_scopes *scopes, const struct carom_token *tokens, size_t n, size_t i)
{
    const char *of = NULL;

    if (i + 1 < n && tokens[i + 1].type == CAROM_TOKEN_NAME)
        of = owner_of_hook(tokens[i + 1].text);
    else if (i >= 2 && is(&tokens[i - 1], "=") && tokens[i - 2].type == CAROM_TOKEN_NAME)
        of = owner_of_hook(tokens[i - 2].text);
    if (scopes->n++ >= FRAMES)
        return;
    memset(&scopes->frames[scopes->n - 1], 0, sizeof scopes->frames[0]);
    scopes->frames[scopes->n - 1].depth = scopes->depth;
    while (i < n && !is(&tokens[i], "("))
        i++;
    for (bool first = true; ++i < n && !is(&tokens[i], ")"); first = false)
        if (tokens[i].type == CAROM_TOKEN_NAME) {
            const char *own = first ? of : NULL;
            add_name(scopes, tokens[i].text, own ? own : is(&tokens[i], "bounce") ? "bounce" : NULL);
        }
}

void carom_lint_scope(struct carom_lint_scopes *scopes, const struct carom_token *tokens, size_t n, size_t i)
{
    const struct carom_token *token = &tokens[i];

    if (token->type != CAROM_TOKEN_NAME)
        return;
    if (is(token, "function") || is(token, "if") || is(token, "do") || is(token, "repeat"))
        scopes->depth++;
    if (is(token, "function"))
        begin_function(scopes, tokens, n, i);
    if (is(token, "local") || is(token, "for"))
        for (size_t k = i + 1; k < n && tokens[k].type == CAROM_TOKEN_NAME && !is(&tokens[k], "function"); k += 2) {
            add_name(scopes, tokens[k].text, NULL);
            if (k + 1 >= n || !is(&tokens[k + 1], ","))
                break;
        }
    if (is(token, "end") || is(token, "until")) {
        if (scopes->n > 0 && (scopes->n > FRAMES || scopes->frames[scopes->n - 1].depth == scopes->depth))
            scopes->n--;
        scopes->depth--;
    }
}

const char *carom_lint_owner(const struct carom_lint_scopes *scopes, struct carom_str name)
{
    for (int f = scopes->n; f-- > 0;)
        for (int i = 0; f < FRAMES && i < NAMES; i++)
            if (scopes->frames[f].names[i].len && carom_str_eq(scopes->frames[f].names[i], name))
                return scopes->frames[f].of[i];
    return carom_str_eq(name, CAROM_STR("carom")) ? "carom" : NULL;
}

/* ---- Fields ---- */

static const struct carom_api_row *find(const char *of, struct carom_str name)
{
    const struct carom_api_row *row = carom_api_first(of);
    while (row && !carom_str_eq(name, carom_str(row->name)))
        row = carom_api_next(row);
    return row || strcmp(of, "bounce") ? row : find("fact", name);
}

struct carom_str carom_lint_field(struct carom_arena *arena, const char *of, struct carom_str name)
{
    struct carom_nearest nearest = carom_nearest_to(name);

    if (find(of, name))
        return CAROM_STR_EMPTY;
    carom_api_offer(&nearest, of);
    if (!strcmp(of, "bounce"))
        carom_api_offer(&nearest, "fact");
    return carom_arena_printf(arena, "%s has no \"" CAROM_STR_FMT "\"%s" CAROM_STR_FMT "%s", of, CAROM_STR_ARG(name),
                              nearest.best.len ? "; did you mean \"" : "", CAROM_STR_ARG(nearest.best),
                              nearest.best.len ? "\"?" : "");
}

/* ---- Values ---- */

static const char *no_word(int i) { return (void)i, NULL; }
static const char *kind(int i) { return i < CAROM_KIND_COUNT ? carom_kind_name((enum carom_kind)i) : NULL; }
static const char *reason(int i) { return i + 1 < CAROM_REASON_COUNT ? carom_reason_name((enum carom_reason)(i + 1)) : NULL; }
static const char *fault(int i) { return i + 1 < CAROM_FAULT_COUNT ? carom_fault_name((enum carom_fault)(i + 1)) : NULL; }
static const char *confidence(int i)
{
    return i + 1 < CAROM_CONFIDENCE_COUNT ? carom_confidence_name((enum carom_confidence)(i + 1)) : NULL;
}
static const char *authenticity(int i)
{
    return i < CAROM_AUTHENTICITY_COUNT ? carom_authenticity_name((enum carom_authenticity)i) : NULL;
}
static const char *provider(int i) { return (size_t)i < carom_providers_n ? carom_providers[i].id : NULL; }

/* The i-th word of "\"a\"|\"b\"|nil", in quotes. */
static struct carom_str literal(struct carom_str type, int i)
{
    for (; type.len; i--) {
        size_t bar = carom_str_chr(type, '|');
        struct carom_str one = carom_str_head(type, bar);
        if (one.ptr[0] != '"')
            break;
        if (i == 0)
            return one;
        type = bar == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_from(type, bar + 1);
    }
    return CAROM_STR_EMPTY;
}

static struct carom_str word_of(const char *(*name)(int), const char *type, int i)
{
    struct carom_str quoted;
    if (name != no_word)
        return carom_str(name(i));
    quoted = literal(carom_str(type), i);
    return quoted.len > 2 ? carom_str_n(quoted.ptr + 1, quoted.len - 2) : CAROM_STR_EMPTY;
}

static struct carom_str check_words(struct carom_arena *arena, const struct carom_api_row *row, const char *(*name)(int),
                                    struct carom_str text)
{
    struct carom_nearest nearest = carom_nearest_to(text);
    struct carom_str word;

    for (int i = 0; (word = word_of(name, row->type, i)).len; i++) {
        if (carom_str_eq(word, text))
            return CAROM_STR_EMPTY;
        carom_nearest_offer(&nearest, word);
    }
    return carom_arena_printf(arena, "%s is never \"" CAROM_STR_FMT "\"%s" CAROM_STR_FMT "%s", row->name, CAROM_STR_ARG(text),
                              nearest.best.len ? "; did you mean \"" : "", CAROM_STR_ARG(nearest.best),
                              nearest.best.len ? "\"?" : "");
}

struct carom_str carom_lint_never(struct carom_arena *arena, const char *of, struct carom_str name, struct carom_str text)
{
    static const struct {
        const char *type;
        const char *(*name)(int);
    } types[] = {{"kind", kind}, {"reason", reason}, {"fault", fault}, {"confidence", confidence},
                 {"authenticity", authenticity}, {"\"", no_word}};
    static const char *const others[] = {"boolean", "integer", "number", "time"};
    const struct carom_api_row *row = find(of, name);

    if (!row || !strncmp(row->type, "fun(", 4))
        return CAROM_STR_EMPTY;
    bool of_fact = !strcmp(of, "bounce") || !strcmp(of, "fact");
    if (of_fact && !strcmp(row->name, "provider"))
        return check_words(arena, row, provider, text);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strncmp(row->type, types[i].type, strlen(types[i].type)))
            return check_words(arena, row, types[i].name, text);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncmp(row->type, others[i], strlen(others[i])))
            return carom_arena_printf(arena, "%s is a %s, and never the text \"" CAROM_STR_FMT "\"", row->name,
                                      strcmp(others[i], "time") ? others[i] : "number of seconds", CAROM_STR_ARG(text));
    return CAROM_STR_EMPTY;
}
