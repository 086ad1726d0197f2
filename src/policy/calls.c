/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* As much of Lua's lexical rules (Lua 5.4 manual, 3.1) as tells code from comments and strings. A colon before a name
   is a method call and nothing else; "::" marks a label. What is called in a roundabout way is not seen. */

#include "policy/calls.h"

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

/* Length of the comment, string or white space at the start of s; 0: code is there. */
static size_t skip(struct carom_str s)
{
    if (carom_is_space(s.ptr[0]))
        return 1;
    if (s.ptr[0] == '"' || s.ptr[0] == '\'')
        return quoted_end(s);
    if (carom_str_starts(s, CAROM_STR("--"))) {
        struct carom_str rest = carom_str_from(s, 2);
        size_t open = long_bracket(rest), end = carom_str_chr(s, '\n');
        return open ? 2 + long_end(rest, open) : end == SIZE_MAX ? s.len : end;
    }
    size_t open = long_bracket(s);
    return open ? long_end(s, open) : 0;
}

static size_t name_length(struct carom_str s)
{
    size_t n = 0;
    while (n < s.len && (carom_is_alpha(s.ptr[n]) || carom_is_digit(s.ptr[n]) || s.ptr[n] == '_'))
        n++;
    return n;
}

static void note(struct carom_str name, bool calls[CAROM_ACTION_COUNT])
{
    for (int type = 0; type < CAROM_ACTION_COUNT; type++)
        if (carom_str_eq(name, carom_str(carom_action_name((enum carom_action_type)type))))
            calls[type] = true;
}

void carom_calls_find(struct carom_str text, bool calls[CAROM_ACTION_COUNT])
{
    bool colon = false;
    while (text.len) {
        size_t n = skip(text);
        if (n) {
            text = carom_str_from(text, n);
            continue;
        }
        n = name_length(text);
        if (n && colon)
            note(carom_str_head(text, n), calls);
        bool label = !n && carom_str_starts(text, CAROM_STR("::"));
        colon = !n && !label && text.ptr[0] == ':';
        text = carom_str_from(text, n ? n : label ? 2 : 1);
    }
}
