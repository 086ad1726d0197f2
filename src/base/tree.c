/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The JSON reader. It knows the grammar and no document. */

#include "base/tree.h"

#include "base/many.h"
#include "base/utf8.h"

enum { DEPTH = 64 };

struct source {
    struct carom_arena *arena;
    const char *at, *end;
};

/* ---- Strings ---- */

static inline carom_many ends(const char *at)
{
    carom_many bytes = carom_many_load(at);

    return (carom_many)((bytes == '"') | (bytes == '\\') | (bytes < ' '));
}

/* The first quote, backslash or control at or behind `at`; the end: there is none. */
static const char *plain_end(const struct source *source, const char *at)
{
    for (size_t hit; source->end - at >= CAROM_MANY; at += CAROM_MANY)
        if ((hit = carom_many_first(ends(at))) < CAROM_MANY)
            return at + hit;
    while (at < source->end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ')
        at++;
    return at;
}

/* The four digits of \uXXXX, which stand before `end`; beyond all units: they do not. */
static uint32_t read_unit(const char *at, const char *end)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        const char *digit = at + i < end && at[i] ? strchr(digits, carom_lower(at[i])) : NULL;
        if (!digit)
            return UINT32_MAX;
        unit = unit << 4 | (uint32_t)(digit - digits);
    }
    return unit;
}

/* Behind "\u": the character, and how many bytes say it; two units, where it needs a pair. 0: none that may stand there. */
static size_t read_character(const char *at, const char *end, uint32_t *character_r)
{
    uint32_t unit = read_unit(at, end), low;

    *character_r = unit;
    if (unit < 0xd800 || (unit > 0xdfff && unit <= 0xffff))
        return unit > 0 ? 4 : 0;
    if (unit > 0xdbff || end - at < 6 || at[4] != '\\' || at[5] != 'u')
        return 0;
    low = read_unit(at + 6, end);
    *character_r = 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00));
    return low >= 0xdc00 && low <= 0xdfff ? 10 : 0;
}

/* Behind a backslash that stands before `end`: writes what is meant, of *n bytes, and returns how many say it. 0: nothing. */
static size_t unescape(const char *at, const char *end, char *out, size_t *n)
{
    static const char signs[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    uint32_t character;

    if (at == end || *at == '\0')
        return 0;
    if (*at == 'u') {
        size_t taken = read_character(at + 1, end, &character);
        *n = taken > 0 ? carom_utf8_encode(character, out) : 0;
        return taken > 0 ? taken + 1 : 0;
    }
    const char *sign = strchr(signs, *at);
    *out = sign ? meant[sign - signs] : '\0';
    *n = 1;
    return sign != NULL;
}

/* Where the string ends that goes on at `at`: its quote. NULL: nowhere. */
static const char *closing_quote(const struct source *source, const char *at)
{
    while ((at = plain_end(source, at)) < source->end && *at == '\\')
        at += source->end - at > 1 ? 2 : 1;
    return at < source->end && *at == '"' ? at : NULL;
}

/* What is escaped is never shorter than what it means. */
static bool read_escaped(struct source *source, struct carom_str *text_r)
{
    const char *end = closing_quote(source, source->at), *at = source->at;
    char *out = end ? carom_arena_raw(source->arena, (size_t)(end - at) + 1) : NULL;
    size_t n = 0;

    while (end && at < end) {
        size_t run = (size_t)(plain_end(source, at) - at), written = 0, taken = 0;
        memcpy(out + n, at, run);
        n += run, at += run;
        if (at < end && (taken = unescape(at + 1, end, out + n, &written)) == 0)
            return false;
        at += at < end ? taken + 1 : 0;
        n += written;
    }
    source->at = end ? end + 1 : source->end;
    *text_r = carom_str_n(out, n);
    return end;
}

/* Behind the opening quote. */
static bool read_string(struct source *source, struct carom_str *text_r)
{
    const char *end = plain_end(source, source->at);

    if (end == source->end || *end != '"')
        return read_escaped(source, text_r);
    *text_r = carom_str_n(source->at, (size_t)(end - source->at));
    source->at = end + 1;
    return true;
}

/* ---- Values ---- */

static bool take(struct source *source, char c)
{
    while (source->at < source->end && carom_is_space(*source->at))
        source->at++;
    bool there = source->at < source->end && *source->at == c;
    source->at += there;
    return there;
}

static size_t digits(struct carom_str s)
{
    size_t n = 0;

    while (n < s.len && carom_is_digit(s.ptr[n]))
        n++;
    return n;
}

static bool is_number(struct carom_str s)
{
    if (s.len > 0 && s.ptr[0] == '-')
        s = carom_str_from(s, 1);
    size_t n = digits(s);
    if (n == 0 || (n > 1 && s.ptr[0] == '0'))
        return false;
    s = carom_str_from(s, n);
    if (s.len > 0 && s.ptr[0] == '.') {
        if ((n = digits(carom_str_from(s, 1))) == 0)
            return false;
        s = carom_str_from(s, n + 1);
    }
    if (s.len > 0 && carom_lower(s.ptr[0]) == 'e') {
        s = carom_str_from(s, s.len > 1 && (s.ptr[1] == '+' || s.ptr[1] == '-') ? 2 : 1);
        return s.len > 0 && digits(s) == s.len;
    }
    return s.len == 0;
}

static bool is_in_word(char c) { return carom_is_alpha(c) || carom_is_digit(c) || c == '+' || c == '-' || c == '.'; }

/* A number, true, false, null. */
static bool read_word(struct source *source)
{
    const char *start = source->at;

    while (source->at < source->end && is_in_word(*source->at))
        source->at++;
    struct carom_str word = carom_str_n(start, (size_t)(source->at - start));
    return carom_str_eq(word, CAROM_STR("true")) || carom_str_eq(word, CAROM_STR("false")) ||
           carom_str_eq(word, CAROM_STR("null")) || is_number(word);
}

static bool read_value(struct source *source, struct carom_tree *value, int depth);

static struct carom_tree *new_tree(struct carom_arena *arena)
{
    struct carom_tree *tree = carom_arena_new_of(arena, struct carom_tree);

    tree->name = tree->text = CAROM_STR_EMPTY;
    return tree;
}

/* Behind the opening bracket. */
static bool read_list(struct source *source, struct carom_tree *list, int depth)
{
    const char close = list->kind == CAROM_TREE_OBJECT ? '}' : ']';
    struct carom_tree **tail = &list->first;

    if (take(source, close))
        return true;
    do {
        struct carom_tree *one = *tail = new_tree(source->arena);
        if (list->kind == CAROM_TREE_OBJECT &&
            !(take(source, '"') && read_string(source, &one->name) && take(source, ':')))
            return false;
        if (!read_value(source, one, depth))
            return false;
        tail = &one->next;
    } while (take(source, ','));
    return take(source, close);
}

static bool read_value(struct source *source, struct carom_tree *value, int depth)
{
    if (take(source, '"')) {
        value->kind = CAROM_TREE_STRING;
        return read_string(source, &value->text);
    }
    bool object = take(source, '{');
    if (!object && !take(source, '['))
        return read_word(source);
    value->kind = object ? CAROM_TREE_OBJECT : CAROM_TREE_ARRAY;
    return depth < DEPTH && read_list(source, value, depth + 1);
}

const struct carom_tree *carom_tree_read(struct carom_arena *arena, struct carom_str *text)
{
    struct source source = {arena, text->ptr, text->ptr + text->len};
    struct carom_tree *tree = new_tree(arena);

    if (!carom_utf8_valid(*text) || !read_value(&source, tree, 0))
        return NULL;
    *text = carom_str_from(*text, (size_t)(source.at - text->ptr));
    return tree;
}

const struct carom_tree *carom_tree_member(const struct carom_tree *object, struct carom_str name)
{
    const struct carom_tree *found = NULL;

    if (!object || object->kind != CAROM_TREE_OBJECT)
        return NULL;
    for (const struct carom_tree *one = object->first; one; one = one->next)
        if (carom_str_eq(one->name, name))
            found = one;
    return found;
}

struct carom_str carom_tree_text(const struct carom_tree *object, struct carom_str name)
{
    const struct carom_tree *value = carom_tree_member(object, name);

    return value && value->kind == CAROM_TREE_STRING ? value->text : CAROM_STR_EMPTY;
}
