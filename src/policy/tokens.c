/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* No parser: it knows where names, strings, numbers and comments end, and nothing of what they mean together. */

#include "policy/tokens.h"

/* Length of "[[" or "[==[" at the start of s; 0: none is there. */
static size_t long_bracket(struct carom_str s)
{
    size_t n = 1;
    if (!s.len || s.ptr[0] != '[')
        return 0;
    while (n < s.len && s.ptr[n] == '=')
        n++;
    return n < s.len && s.ptr[n] == '[' ? n + 1 : 0;
}

/* Offset behind the closing bracket of that length. */
static size_t long_end(struct carom_str s, size_t open)
{
    for (size_t i = open; i + open <= s.len; i++) {
        size_t n = 1;
        while (n < open - 1 && s.ptr[i + n] == '=')
            n++;
        if (s.ptr[i] == ']' && n == open - 1 && s.ptr[i + n] == ']')
            return i + open;
    }
    return s.len;
}

static size_t quoted_end(struct carom_str s)
{
    size_t i = 1;
    while (i < s.len && s.ptr[i] != s.ptr[0])
        i += s.ptr[i] == '\\' ? 2 : 1;
    return i + 1;
}

/* Length of the comment or white space at the start of s; 0: code is there. */
static size_t blank(struct carom_str s)
{
    if (carom_is_space(s.ptr[0]))
        return 1;
    if (!carom_str_starts(s, CAROM_STR("--")))
        return 0;
    struct carom_str rest = carom_str_from(s, 2);
    size_t open = long_bracket(rest), end = carom_str_chr(s, '\n');
    return open ? 2 + long_end(rest, open) : end == SIZE_MAX ? s.len : end;
}

static bool is_name(char c) { return carom_is_alpha(c) || carom_is_digit(c) || c == '_'; }

/* Of numbers as much as belongs to no other token: "1e-5" is three. */
static size_t word_length(struct carom_str s)
{
    bool number = carom_is_digit(s.ptr[0]);
    size_t n = 0;
    while (n < s.len && (is_name(s.ptr[n]) || (number && s.ptr[n] == '.')))
        n++;
    return n;
}

static size_t sign_length(struct carom_str s)
{
    static const char *const signs[] = {"...", "..", "==", "~=", "<=", ">=", "::", "//", "<<", ">>"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (carom_str_starts(s, carom_str(signs[i])))
            return strlen(signs[i]);
    return 1;
}

static void skip(struct carom_tokens *tokens, size_t n)
{
    struct carom_str skipped = carom_str_head(tokens->rest, n);
    for (size_t i = 0; i < skipped.len; i++)
        tokens->lines += skipped.ptr[i] == '\n';
    tokens->rest = carom_str_from(tokens->rest, n);
}

int carom_tokens_next(struct carom_tokens *tokens, struct carom_token *token_r)
{
    size_t n;
    while (tokens->rest.len && (n = blank(tokens->rest)) > 0)
        skip(tokens, n);
    struct carom_str s = tokens->rest;
    if (!s.len)
        return 0;
    size_t open = long_bracket(s);
    token_r->line = tokens->lines + 1;
    if (open || s.ptr[0] == '"' || s.ptr[0] == '\'') {
        n = open ? long_end(s, open) : quoted_end(s);
        size_t quote = open ? open : 1, inner = n > 2 * quote ? n - 2 * quote : 0;
        token_r->type = CAROM_TOKEN_STRING;
        token_r->text = carom_str_head(carom_str_from(s, quote), inner);
    } else {
        n = word_length(s);
        token_r->type = !n ? CAROM_TOKEN_SIGN : carom_is_digit(s.ptr[0]) ? CAROM_TOKEN_NUMBER : CAROM_TOKEN_NAME;
        n = n ? n : sign_length(s);
        token_r->text = carom_str_head(s, n);
    }
    skip(tokens, n);
    return 1;
}
