/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A backtracking matcher for Lua patterns that counts each character it looks at as an instruction of the policy, so
   that "a*a*a*b", or plain "%s+$", on a long text ends in an error and not in a hung process. Depth is bounded by the
   number of items in a pattern. */

#include "policy/pattern.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#include "base/str.h"
#include "policy/sandbox.h"

enum {
    CAPTURES = 32,
    DEPTH = 100,   /* of nested items */
    PORTION = 1024 /* steps counted here before they are charged */
};
enum { OPEN = -1, POSITION = -2 }; /* of a capture, instead of its length */

struct match {
    lua_State *L;
    const char *text, *end;   /* the subject */
    const char *pattern_end;
    unsigned steps;
    int depth;
    int n; /* captures */
    struct {
        const char *at;
        ptrdiff_t len;
    } captures[CAPTURES];
};

static const char *match_here(struct match *m, const char *s, const char *p);

static inline void step(struct match *m)
{
    if (++m->steps < PORTION)
        return;
    carom_sandbox_charge(m->L, m->steps);
    m->steps = 0;
}

static void settle(struct match *m)
{
    carom_sandbox_charge(m->L, m->steps);
    m->steps = 0;
}

/* ---- One character ---- */

static int byte_at(const char *s)
{
    return (unsigned char)*s;
}

static bool in_class(int c, int class)
{
    bool is;
    switch (tolower(class)) {
    case 'a': is = isalpha(c); break;
    case 'c': is = iscntrl(c); break;
    case 'd': is = isdigit(c); break;
    case 'g': is = isgraph(c); break;
    case 'l': is = islower(c); break;
    case 'p': is = ispunct(c); break;
    case 's': is = isspace(c); break;
    case 'u': is = isupper(c); break;
    case 'w': is = isalnum(c); break;
    case 'x': is = isxdigit(c); break;
    default: return class == c; /* an escaped character */
    }
    return isupper(class) ? !is : is;
}

/* The end of the set that starts behind '[' at p: behind its ']'. A ']' in first place is a member. */
static const char *set_end(struct match *m, const char *p)
{
    if (p < m->pattern_end && *p == '^')
        p++;
    do {
        step(m);
        if (p >= m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%') {
            if (p >= m->pattern_end)
                luaL_error(m->L, "malformed pattern (ends with '%%')");
            p++;
        }
    } while (p >= m->pattern_end || *p != ']');
    return p + 1;
}

/* The end of the single item that starts at p: a character, an escape, a class, a set. */
static const char *item_end(struct match *m, const char *p)
{
    char c = *p++;
    if (c == '[')
        return set_end(m, p);
    if (c != '%')
        return p;
    if (p >= m->pattern_end)
        luaL_error(m->L, "malformed pattern (ends with '%%')");
    return p + 1;
}

/* set: behind '['; end: its ']'. */
static bool in_set(struct match *m, int c, const char *set, const char *end)
{
    bool wanted = *set != '^';
    if (!wanted)
        set++;
    while (set < end) {
        step(m);
        if (*set == '%') {
            if (in_class(c, byte_at(set + 1)))
                return wanted;
            set += 2;
        } else if (end - set > 2 && set[1] == '-') {
            if (byte_at(set) <= c && c <= byte_at(set + 2))
                return wanted;
            set += 3;
        } else if (byte_at(set++) == c) {
            return wanted;
        }
    }
    return !wanted;
}

static bool matches_item(struct match *m, const char *s, const char *item, const char *end)
{
    step(m);
    if (s >= m->end)
        return false;
    switch (*item) {
    case '.': return true;
    case '%': return in_class(byte_at(s), byte_at(item + 1));
    case '[': return in_set(m, byte_at(s), item + 1, end - 1);
    default: return *item == *s;
    }
}

/* ---- Items ---- */

static const char *repeat_longest(struct match *m, const char *s, const char *item, const char *end, ptrdiff_t least)
{
    ptrdiff_t n = 0;
    while (matches_item(m, s + n, item, end))
        n++;
    for (; n >= least; n--) {
        const char *rest = match_here(m, s + n, end + 1);
        if (rest)
            return rest;
    }
    return NULL;
}

static const char *repeat_shortest(struct match *m, const char *s, const char *item, const char *end)
{
    for (;; s++) {
        const char *rest = match_here(m, s, end + 1);
        if (rest)
            return rest;
        if (!matches_item(m, s, item, end))
            return NULL;
    }
}

static const char *open_capture(struct match *m, const char *s, const char *p, ptrdiff_t kind)
{
    if (m->n >= CAPTURES)
        luaL_error(m->L, "too many captures in a pattern (at most %d)", CAPTURES);
    m->captures[m->n].at = s;
    m->captures[m->n].len = kind;
    m->n++;
    const char *rest = match_here(m, s, p);
    if (!rest)
        m->n--;
    return rest;
}

static const char *close_capture(struct match *m, const char *s, const char *p)
{
    int i = m->n - 1;
    while (i >= 0 && m->captures[i].len != OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "malformed pattern (')' without '(')");
    m->captures[i].len = s - m->captures[i].at;
    const char *rest = match_here(m, s, p);
    if (!rest)
        m->captures[i].len = OPEN;
    return rest;
}

/* %b(): p is at the two characters. Returns behind the balanced run, or NULL. */
static const char *match_balance(struct match *m, const char *s, const char *p)
{
    if (m->pattern_end - p < 2)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->end || *s != p[0])
        return NULL;
    size_t depth = 1;
    for (s++; s < m->end; s++) {
        step(m);
        if (*s == p[1]) {
            if (--depth == 0)
                return s + 1;
        } else if (*s == p[0]) {
            depth++;
        }
    }
    return NULL;
}

/* %f[set]: p is at '['. */
static const char *match_frontier(struct match *m, const char *s, const char *p)
{
    if (p >= m->pattern_end || *p != '[')
        luaL_error(m->L, "malformed pattern (missing '[' after '%%f')");
    const char *end = set_end(m, p + 1);
    int before = s > m->text ? byte_at(s - 1) : 0, here = s < m->end ? byte_at(s) : 0;
    if (in_set(m, before, p + 1, end - 1) || !in_set(m, here, p + 1, end - 1))
        return NULL;
    return match_here(m, s, end);
}

/* %1 to %9 in a pattern. Returns behind the repeated text, or NULL. */
static const char *match_again(struct match *m, const char *s, char digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->n || m->captures[i].len == OPEN)
        luaL_error(m->L, "invalid capture index %%%c in a pattern", digit);
    size_t len = m->captures[i].len == POSITION ? 0 : (size_t)m->captures[i].len;
    carom_sandbox_charge(m->L, len / 8);
    if ((size_t)(m->end - s) < len || memcmp(m->captures[i].at, s, len) != 0)
        return NULL;
    return s + len;
}

static const char *match_repeated(struct match *m, const char *s, const char *p)
{
    const char *end = item_end(m, p);
    switch (*end) {
    case '*': return repeat_longest(m, s, p, end, 0);
    case '+': return repeat_longest(m, s, p, end, 1);
    case '-': return repeat_shortest(m, s, p, end);
    default: break;
    }
    const char *rest = matches_item(m, s, p, end) ? match_here(m, s + 1, end + 1) : NULL;
    return rest ? rest : match_here(m, s, end + 1);
}

static const char *match_escape(struct match *m, const char *s, const char *p)
{
    if (p[1] == 'f')
        return match_frontier(m, s, p + 2);
    if (p[1] == 'b')
        return (s = match_balance(m, s, p + 2)) ? match_here(m, s, p + 4) : NULL;
    return (s = match_again(m, s, p[1])) ? match_here(m, s, p + 2) : NULL;
}

/* Does a capture, an escape with a meaning of its own or the final '$' start at p? */
static bool is_special(const struct match *m, const char *p)
{
    if (*p == '%')
        return p + 1 < m->pattern_end && (p[1] == 'b' || p[1] == 'f' || carom_is_digit(p[1]));
    return *p == '(' || *p == ')' || (*p == '$' && p + 1 == m->pattern_end);
}

/* Items that match once are taken in this loop, so that depth counts only what can be tried again. Returns the first
   item that is another, NULL when one does not match. */
static const char *take_single(struct match *m, const char **s, const char *p)
{
    while (p < m->pattern_end && !is_special(m, p)) {
        const char *end = item_end(m, p);
        if (end < m->pattern_end && *end && strchr("*+-?", *end))
            break;
        if (!matches_item(m, *s, p, end))
            return NULL;
        (*s)++;
        p = end;
    }
    return p;
}

static const char *match_item_here(struct match *m, const char *s, const char *p)
{
    p = take_single(m, &s, p);
    if (!p)
        return NULL;
    if (p >= m->pattern_end)
        return s;
    if (!is_special(m, p))
        return match_repeated(m, s, p);
    switch (*p) {
    case '(':
        if (p + 1 < m->pattern_end && p[1] == ')')
            return open_capture(m, s, p + 2, POSITION);
        return open_capture(m, s, p + 1, OPEN);
    case ')': return close_capture(m, s, p + 1);
    case '$': return s == m->end ? s : NULL;
    default: return match_escape(m, s, p);
    }
}

static const char *match_here(struct match *m, const char *s, const char *p)
{
    if (++m->depth > DEPTH)
        luaL_error(m->L, "pattern too complex (more than %d items)", DEPTH);
    const char *rest = match_item_here(m, s, p);
    m->depth--;
    return rest;
}

/* ---- The functions ---- */

static struct match match_on(lua_State *L, struct carom_str text, struct carom_str pattern)
{
    return (struct match){
        .L = L, .text = text.ptr, .end = text.ptr + text.len, .pattern_end = pattern.ptr + pattern.len};
}

static const char *try_at(struct match *m, const char *s, const char *pattern)
{
    m->depth = 0;
    m->n = 0;
    step(m);
    return match_here(m, s, pattern);
}

/* Pushes capture i, or the whole match where there is none. */
static void push_capture(struct match *m, int i, const char *s, const char *rest)
{
    if (i >= m->n) {
        if (i > 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, s, (size_t)(rest - s));
        return;
    }
    ptrdiff_t len = m->captures[i].len;
    if (len == OPEN)
        luaL_error(m->L, "malformed pattern ('(' without ')')");
    if (len == POSITION)
        lua_pushinteger(m->L, m->captures[i].at - m->text + 1);
    else
        lua_pushlstring(m->L, m->captures[i].at, (size_t)len);
}

/* whole: the match itself stands in for no captures. */
static int push_captures(struct match *m, bool whole, const char *s, const char *rest)
{
    int n = m->n == 0 && whole ? 1 : m->n;
    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++)
        push_capture(m, i, s, rest);
    return n;
}

static struct carom_str check_text(lua_State *L, int arg)
{
    struct carom_str text;
    text.ptr = luaL_checklstring(L, arg, &text.len);
    return text;
}

/* The offset that an optional 1-based position argument means; beyond the end: SIZE_MAX. */
static size_t check_start(lua_State *L, int arg, size_t len)
{
    lua_Integer at = luaL_optinteger(L, arg, 1);
    if (at < 0)
        at = -at > (lua_Integer)len ? 1 : (lua_Integer)len + at + 1;
    else if (at == 0)
        at = 1;
    return at - 1 > (lua_Integer)len ? SIZE_MAX : (size_t)(at - 1);
}

static bool is_plain(struct carom_str pattern)
{
    for (size_t i = 0; i < pattern.len; i++)
        if (pattern.ptr[i] && strchr("^$*+?.([%-", pattern.ptr[i]))
            return false;
    return true;
}

static int find_plain(lua_State *L, struct carom_str text, struct carom_str wanted, size_t start)
{
    carom_sandbox_charge(L, (text.len - start) / 8);
    const char *at = memmem(text.ptr + start, text.len - start, wanted.ptr, wanted.len);
    if (!at) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at - text.ptr + 1);
    lua_pushinteger(L, at - text.ptr + (ptrdiff_t)wanted.len);
    return 2;
}

static int search(lua_State *L, bool find)
{
    struct carom_str text = check_text(L, 1), pattern = check_text(L, 2);
    size_t start = check_start(L, 3, text.len);
    if (start == SIZE_MAX) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || is_plain(pattern)))
        return find_plain(L, text, pattern, start);
    bool anchored = pattern.len > 0 && pattern.ptr[0] == '^';
    struct match m = match_on(L, text, pattern);
    for (const char *s = text.ptr + start; s <= m.end; s++) {
        const char *rest = try_at(&m, s, pattern.ptr + anchored);
        if (rest) {
            settle(&m);
            if (!find)
                return push_captures(&m, true, s, rest);
            lua_pushinteger(L, s - m.text + 1);
            lua_pushinteger(L, rest - m.text);
            return push_captures(&m, false, s, rest) + 2;
        }
        if (anchored)
            break;
    }
    settle(&m);
    lua_pushnil(L);
    return 1;
}

int carom_pattern_find(lua_State *L)
{
    return search(L, true);
}

int carom_pattern_match(lua_State *L)
{
    return search(L, false);
}

static void set_position(lua_State *L, int upvalue, ptrdiff_t at)
{
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(upvalue));
}

/* Upvalues: text, pattern, where to go on, end of the last match (so that an empty one does not follow it). */
static int gmatch_next(lua_State *L)
{
    struct carom_str text, pattern;
    text.ptr = lua_tolstring(L, lua_upvalueindex(1), &text.len);
    pattern.ptr = lua_tolstring(L, lua_upvalueindex(2), &pattern.len);
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3)), last = lua_tointeger(L, lua_upvalueindex(4));
    struct match m = match_on(L, text, pattern);
    for (; at <= (lua_Integer)text.len; at++) {
        const char *s = text.ptr + at, *rest = try_at(&m, s, pattern.ptr);
        if (!rest || rest - text.ptr == last)
            continue;
        settle(&m);
        set_position(L, 3, rest - text.ptr);
        set_position(L, 4, rest - text.ptr);
        return push_captures(&m, true, s, rest);
    }
    set_position(L, 3, at);
    settle(&m);
    return 0;
}

int carom_pattern_gmatch(lua_State *L)
{
    struct carom_str text = check_text(L, 1);
    check_text(L, 2);
    size_t start = check_start(L, 3, text.len);
    lua_settop(L, 2);
    lua_pushinteger(L, start == SIZE_MAX ? (lua_Integer)text.len + 1 : (lua_Integer)start);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/* ---- gsub ---- */

static void add_capture(struct match *m, luaL_Buffer *out, int i, const char *s, const char *rest)
{
    push_capture(m, i, s, rest);
    luaL_tolstring(m->L, -1, NULL); /* a position is a number */
    lua_remove(m->L, -2);
    luaL_addvalue(out);
}

static void add_template(struct match *m, luaL_Buffer *out, const char *s, const char *rest)
{
    struct carom_str with;
    with.ptr = lua_tolstring(m->L, 3, &with.len);
    carom_sandbox_charge(m->L, with.len / 8);
    for (size_t i = 0; i < with.len; i++) {
        char c = with.ptr[i];
        if (c != '%') {
            luaL_addchar(out, c);
            continue;
        }
        c = ++i < with.len ? with.ptr[i] : '\0';
        if (c == '%')
            luaL_addchar(out, '%');
        else if (c == '0')
            luaL_addlstring(out, s, (size_t)(rest - s));
        else if (c >= '1' && c <= '9')
            add_capture(m, out, c - '1', s, rest);
        else
            luaL_error(m->L, "invalid use of '%%' in replacement string");
    }
}

/* Adds what a table or function gives for the match; false or nil keep it. */
static void add_value(struct match *m, luaL_Buffer *out, const char *s, const char *rest)
{
    lua_State *L = m->L;
    if (lua_type(L, 3) == LUA_TTABLE) {
        push_capture(m, 0, s, rest);
        lua_gettable(L, 3);
    } else {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(m, true, s, rest), 1);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, s, (size_t)(rest - s));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    } else {
        luaL_addvalue(out);
    }
}

static void add_replacement(struct match *m, luaL_Buffer *out, const char *s, const char *rest)
{
    settle(m);
    carom_sandbox_charge(m->L, (uint64_t)(rest - s) / 8 + 1);
    if (lua_isstring(m->L, 3))
        add_template(m, out, s, rest);
    else
        add_value(m, out, s, rest);
}

int carom_pattern_gsub(lua_State *L)
{
    struct carom_str text = check_text(L, 1), pattern = check_text(L, 2);
    int type = lua_type(L, 3);
    luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE || type == LUA_TFUNCTION, 3,
                     "string/function/table");
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)text.len + 1), n = 0;
    bool anchored = pattern.len > 0 && pattern.ptr[0] == '^';
    struct match m = match_on(L, text, pattern);
    const char *s = text.ptr, *last = NULL;
    luaL_Buffer out;

    luaL_buffinit(L, &out);
    while (n < most) {
        const char *rest = try_at(&m, s, pattern.ptr + anchored);
        if (rest && rest != last) {
            n++;
            add_replacement(&m, &out, s, rest);
            s = last = rest;
        } else if (s < m.end) {
            luaL_addchar(&out, *s++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    luaL_addlstring(&out, s, (size_t)(m.end - s));
    settle(&m);
    luaL_pushresult(&out);
    lua_pushinteger(L, n);
    return 2;
}
