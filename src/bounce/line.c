/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Matching of line templates. It knows what an address, a reply code and a word look like, but no mail server. */

#include "bounce/line.h"

#include "base/many.h"
#include "bounce/tables.h"
#include "mail/address.h"

/* A piece of a template: a literal, or a capture (also '*', which keeps nothing). */
struct piece {
    struct carom_str literal; /* empty: a capture */
    struct carom_str name;    /* "addr", "text", …; empty for '*' */
};

static bool next_piece(struct carom_str *shape, struct piece *piece_r)
{
    struct carom_str s = *shape;
    size_t end = 0;

    *piece_r = (struct piece){CAROM_STR_EMPTY, CAROM_STR_EMPTY};
    if (s.len == 0)
        return false;
    if (s.ptr[0] == '*') {
        *shape = carom_str_from(s, 1);
        return true;
    }
    if (carom_str_starts(s, CAROM_STR("{*}"))) {
        piece_r->literal = carom_str_n(s.ptr + 1, 1);
        *shape = carom_str_from(s, 3);
        return true;
    }
    if (s.ptr[0] == '{' && (end = carom_str_chr(s, '}')) < s.len) {
        piece_r->name = carom_str_n(s.ptr + 1, end - 1);
        *shape = carom_str_from(s, end + 1);
        return true;
    }
    struct carom_str more = carom_str_from(s, 1);
    more = carom_str_head(more, carom_str_chr(more, '{'));
    more = carom_str_head(more, carom_str_chr(more, '*'));
    piece_r->literal = carom_str_head(s, more.len + 1);
    *shape = carom_str_from(s, more.len + 1);
    return true;
}

static inline carom_many spaces(carom_many bytes)
{
    return (carom_many)((bytes == ' ') | (bytes - '\t' < 2) | (bytes == '\r'));
}

static bool has_space(struct carom_str s) { return !carom_many_none(s, spaces); }

/* s ends in "<A@B>" behind a display name: a few words, no reply code, no command ("RCPT TO:<A@B>"). */
static bool is_named(struct carom_str s)
{
    size_t open = carom_str_rchr(s, '<');

    if (s.len == 0 || s.ptr[s.len - 1] != '>' || open >= s.len || open > 64 || carom_is_digit(s.ptr[0]))
        return false;
    return open == 0 || (carom_is_space(s.ptr[open - 1]) && carom_str_chr(carom_str_head(s, open), ':') >= open);
}

/* "A@B", "<A@B>", "\"A@B\"", "Name <A@B>", but no prose that only has an address in it. */
static bool keep_address(struct carom_arena *arena, struct carom_str s, struct carom_str *addr_r)
{
    struct carom_str addr;

    if (s.len > 2 && (s.ptr[0] == '*' || s.ptr[0] == '-') && s.ptr[1] == ' ') /* a bullet */
        s = carom_str_trim(carom_str_from(s, 2));
    if (s.len > 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        s = carom_str_n(s.ptr + 1, s.len - 2);
    if (carom_str_chr(s, '@') >= s.len)
        return false;
    if ((has_space(s) || s.ptr[s.len - 1] == '>') && s.ptr[0] != '"' && !is_named(s))
        return false;
    addr = carom_address_first(arena, s);
    if (!carom_address_valid(addr))
        return false;
    *addr_r = addr;
    return true;
}

static bool keep_code(struct carom_str s, struct carom_str *code_r)
{
    if (s.len != 3 || carom_str_number(s) < 200 || carom_str_number(s) > 599)
        return false;
    *code_r = s;
    return true;
}

static bool keep_word(struct carom_str s, struct carom_str *word_r)
{
    while (s.len > 0 && (s.ptr[0] == '[' || s.ptr[0] == '(' || s.ptr[0] == '<'))
        s = carom_str_from(s, 1);
    while (s.len > 0 && strchr("])>.:,;", s.ptr[s.len - 1]))
        s.len--;
    if (s.len == 0 || has_space(s))
        return false;
    *word_r = s;
    return true;
}

static bool keep(struct carom_arena *arena, struct carom_str name, struct carom_str value,
                 struct carom_line_captures *captures)
{
    value = carom_str_trim(value);
    if (name.len == 0)
        return true;
    switch (name.ptr[0]) {
    case 'a': return keep_address(arena, value, &captures->addr);
    case 'o': return keep_address(arena, value, &captures->original);
    case 't': captures->text = value; return true;
    case 'h': return keep_word(value, &captures->host);
    case 'i': return keep_word(value, &captures->ip);
    case 'c':
        if (carom_str_eq(name, CAROM_STR("code")))
            return keep_code(value, &captures->code);
        captures->command = value;
        return value.len > 0;
    default: return false;
    }
}

static struct carom_line_captures nothing(void)
{
    const struct carom_str none = CAROM_STR_EMPTY;

    return (struct carom_line_captures){none, none, none, none, none, none, none};
}

/* Where a word that nothing follows in the template ends within free text. */
static size_t word_end(struct carom_str s, size_t at)
{
    while (at < s.len && !carom_is_space(s.ptr[at]))
        at++;
    return at;
}

/* Matches shape at the start of s. whole: s must end where the shape ends. *end_r: how much of s it took. */
static bool match_at(struct carom_arena *arena, struct carom_str s, struct carom_str shape, bool whole,
                     struct carom_line_captures *captures, size_t *end_r)
{
    struct piece piece, open = {CAROM_STR_EMPTY, CAROM_STR_EMPTY};
    bool pending = false;
    size_t at = 0;

    while (next_piece(&shape, &piece)) {
        if (piece.literal.len == 0) {
            if (pending && !keep(arena, open.name, CAROM_STR_EMPTY, captures))
                return false;
            open = piece, pending = true;
            continue;
        }
        size_t found = 0;
        struct carom_str rest = carom_str_from(s, at);

        if (pending && whole && shape.len == 0) /* the last literal stands at the end */
            found = carom_str_iends(rest, piece.literal) ? rest.len - piece.literal.len : SIZE_MAX;
        else if (pending)
            found = carom_str_ifind(rest, piece.literal);
        else if (!carom_str_istarts(rest, piece.literal))
            return false;
        if (found == SIZE_MAX || (pending && !keep(arena, open.name, carom_str_head(rest, found), captures)))
            return false;
        at += found + piece.literal.len;
        pending = false;
    }
    if (pending) {
        bool prose = open.name.len == 0 || open.name.ptr[0] == 't';
        size_t end = whole || prose ? s.len : word_end(s, at);

        if (!keep(arena, open.name, carom_str_n(s.ptr + at, end - at), captures))
            return false;
        at = end;
    }
    *end_r = at;
    return !whole || at == s.len;
}

/* Most templates begin with another letter than the line. */
static bool may_begin(struct carom_str line, struct carom_str shape)
{
    return shape.len == 0 || shape.ptr[0] == '*' || shape.ptr[0] == '{' ||
           (line.len > 0 && carom_may_be_same(line.ptr[0], shape.ptr[0]));
}

bool carom_line_match(struct carom_arena *arena, struct carom_str line, struct carom_str shape,
                      struct carom_line_captures *captures_r)
{
    struct carom_line_captures captures = nothing();
    size_t end, indent = 0;

    while (line.len > 0 && carom_is_space(line.ptr[line.len - 1]))
        line.len--;
    while (indent < line.len && carom_is_space(line.ptr[indent]))
        indent++;
    if (shape.len > 0 && shape.ptr[0] == '~') {
        if (indent == 0)
            return false;
        line = carom_str_from(line, indent);
        shape = carom_str_from(shape, 1);
    } else if (indent > 0 && shape.len > 0 && shape.ptr[0] != '*') {
        return false;
    }
    if (!may_begin(line, shape) || !match_at(arena, line, shape, true, &captures, &end))
        return false;
    *captures_r = captures;
    return true;
}

bool carom_line_match_cell(struct carom_arena *arena, struct carom_str line, const char *cell,
                           struct carom_line_captures *captures_r)
{
    struct carom_str shape;

    while (carom_cell_next(&cell, &shape))
        if (carom_line_match(arena, line, shape, captures_r))
            return true;
    return false;
}

bool carom_line_find(struct carom_arena *arena, struct carom_str text, struct carom_str shape,
                     struct carom_line_captures *captures_r, size_t *start_r, size_t *end_r)
{
    enum { TRIES = 8 }; /* so that a text full of the first literal stays linear */
    struct carom_str rest = shape;
    struct piece first, literal;
    size_t from = 0;

    if (!next_piece(&rest, &first))
        return false;
    literal = first;
    if (first.literal.len == 0 && (!next_piece(&rest, &literal) || literal.literal.len == 0))
        return false;
    for (int i = 0; i < TRIES; i++) {
        struct carom_line_captures captures = nothing();
        size_t at = carom_str_ifind(carom_str_from(text, from), literal.literal), taken;

        if (at == SIZE_MAX)
            return false;
        at += from;
        from = at + literal.literal.len;
        if (first.literal.len == 0) /* a word in front */
            while (at > 0 && !carom_is_space(text.ptr[at - 1]))
                at--;
        if (match_at(arena, carom_str_from(text, at), shape, false, &captures, &taken)) {
            *captures_r = captures;
            *start_r = at;
            *end_r = at + taken;
            return true;
        }
    }
    return false;
}

bool carom_cell_glob(struct carom_str s, const char *cell)
{
    struct carom_str pattern;

    while (carom_cell_next(&cell, &pattern))
        if (carom_str_glob(s, pattern))
            return true;
    return false;
}
