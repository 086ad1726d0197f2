/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* jansson 2.14 leaves out bytes of a text without a word where its buffer cannot grow, and calls other want of memory an
   invalid token. Its allocator could be replaced for the whole process only, which a library must not do. So what was
   read is believed when it is written as the text is. Other texts, as numbers and escapes can be written differently,
   are read twice: what comes out differently, or not at all while there is no memory for as much, is not believed. */

#include "base/load.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *starve(json_error_t *wrong)
{
    snprintf(wrong->text, sizeof(wrong->text), "out of memory");
    wrong->text[sizeof(wrong->text) - 1] = (char)json_error_out_of_memory; /* where json_error_code looks */
    return NULL;
}

static bool memory_for(struct carom_str text)
{
    void *volatile probe = malloc(text.len + BUFSIZ); /* volatile: clang leaves out what nobody uses */
    bool there = probe != NULL;

    free(probe);
    return there;
}

/* Does the text begin with those tokens, but for the white space between its own? */
static bool has_tokens(struct carom_str text, struct carom_str tokens)
{
    bool quoted = false, escaped = false;
    size_t at = 0;

    for (size_t i = 0; i < text.len && at < tokens.len; i++) {
        char c = text.ptr[i];
        if (!quoted && carom_is_space(c))
            continue;
        if (c != tokens.ptr[at++])
            return false;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    return at == tokens.len;
}

static bool is_written_as(const json_t *value, struct carom_str text)
{
    char *tokens = malloc(text.len);
    size_t n = tokens ? json_dumpb(value, tokens, text.len, JSON_COMPACT) : 0;
    bool is = n > 0 && n <= text.len && has_tokens(text, carom_str_n(tokens, n));

    free(tokens);
    return is;
}

json_t *carom_json_load(struct carom_str text, size_t flags, json_error_t *wrong_r)
{
    json_error_t ignored, *wrong = wrong_r ? wrong_r : &ignored;
    json_t *first = json_loadb(text.ptr, text.len, flags, wrong), *second;

    if (first && is_written_as(first, text))
        return first;
    second = json_loadb(text.ptr, text.len, flags, wrong);
    bool same = first && second && json_equal(first, second);

    json_decref(second);
    if (same)
        return first;
    json_decref(first);
    return first || second || !memory_for(text) ? starve(wrong) : NULL;
}

/* json_dumps does not look whether a key was written (2.14): one for which its buffer could not grow would be missing.
   Into a buffer that is large enough nothing has to grow. */
char *carom_json_dump(const json_t *value)
{
    size_t n = value ? json_dumpb(value, NULL, 0, JSON_COMPACT) : 0;
    char *text = n ? malloc(n + 1) : NULL;

    if (text && json_dumpb(value, text, n, JSON_COMPACT) == n)
        return text[n] = '\0', text;
    free(text);
    return NULL;
}

/* No jump before the heap's text is freed. */
int carom_json_text(struct carom_arena *arena, const json_t *value, struct carom_str *text_r)
{
    char *dumped = carom_json_dump(value);
    size_t n = dumped ? strlen(dumped) : 0;
    char *copy = n ? carom_arena_try(arena, n + 1) : NULL;

    if (copy)
        memcpy(copy, dumped, n);
    free(dumped);
    *text_r = copy ? carom_str_n(copy, n) : CAROM_STR_EMPTY;
    return value && !copy ? -1 : 0;
}
