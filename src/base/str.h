/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Views of text that somebody else owns. ASCII only where case matters: header names, tokens, domains. */

#ifndef CAROM_BASE_STR_H
#define CAROM_BASE_STR_H

#include <string.h>

#include "carom.h"

#define CAROM_STR(literal) ((struct carom_str){"" literal, sizeof(literal) - 1})
#define CAROM_STR_INIT(literal) {"" literal, sizeof(literal) - 1} /* of a static variable */
#define CAROM_STR_EMPTY ((struct carom_str){"", 0})

static inline char carom_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static inline bool carom_may_be_same(char a, char b) { return ((a ^ b) & ~0x20) == 0; } /* but for its case */
static inline bool carom_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool carom_is_alpha(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static inline bool carom_is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static inline struct carom_str carom_str(const char *text) /* NULL gives the empty one */
{
    return text ? (struct carom_str){text, strlen(text)} : CAROM_STR_EMPTY;
}
static inline struct carom_str carom_str_n(const char *ptr, size_t len) { return (struct carom_str){ptr, len}; }
static inline bool carom_str_eq(struct carom_str a, struct carom_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
bool carom_str_same_caseless(const char *a, const char *b, size_t n);
static inline bool carom_str_ieq(struct carom_str a, struct carom_str b)
{
    return a.len == b.len && carom_str_same_caseless(a.ptr, b.ptr, a.len);
}
static inline bool carom_str_starts(struct carom_str s, struct carom_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}
static inline bool carom_str_istarts(struct carom_str s, struct carom_str prefix) /* most differ at once */
{
    return s.len >= prefix.len && (prefix.len == 0 || carom_may_be_same(s.ptr[0], prefix.ptr[0])) &&
           carom_str_same_caseless(s.ptr, prefix.ptr, prefix.len);
}
bool carom_str_iends(struct carom_str s, struct carom_str suffix);
/* Offset of needle in s, or SIZE_MAX. */
size_t carom_str_find(struct carom_str s, struct carom_str needle);
size_t carom_str_ifind(struct carom_str s, struct carom_str needle);
static inline size_t carom_str_chr(struct carom_str s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}
size_t carom_str_rchr(struct carom_str s, char c);
/* As much of s as fits into size bytes with a NUL behind it. */
void carom_str_put(char *out, size_t size, struct carom_str s);
static inline struct carom_str carom_str_from(struct carom_str s, size_t offset) /* offset beyond the end: empty */
{
    if (offset >= s.len)
        return s.len ? carom_str_n(s.ptr + s.len, 0) : CAROM_STR_EMPTY;
    return carom_str_n(s.ptr + offset, s.len - offset);
}
static inline struct carom_str carom_str_head(struct carom_str s, size_t n)
{
    return s.ptr ? carom_str_n(s.ptr, n < s.len ? n : s.len) : CAROM_STR_EMPTY;
}
static inline struct carom_str carom_str_trim(struct carom_str s) /* space, tab, CR, LF at both ends */
{
    while (s.len > 0 && carom_is_space(s.ptr[s.len - 1]))
        s.len--;
    while (s.len > 0 && carom_is_space(s.ptr[0]))
        s.ptr++, s.len--;
    return s;
}
static inline bool carom_str_blank(struct carom_str s) /* nothing else; most that is something begins with it */
{
    return s.len == 0 || (carom_is_space(s.ptr[0]) && carom_str_trim(s).len == 0);
}
/* Up to the first CR or LF. */
size_t carom_str_line_length(struct carom_str s);
/* The place behind the line end at s[i] (LF, CRLF or lone CR); i: there is none. */
static inline size_t carom_str_skip_line_end(struct carom_str s, size_t i)
{
    if (i < s.len && s.ptr[i] == '\n') /* most are */
        return i + 1;
    if (i < s.len && s.ptr[i] == '\r')
        return i + 1 < s.len && s.ptr[i + 1] == '\n' ? i + 2 : i + 1;
    return i;
}
/* The line in which the place `at` stands. */
struct carom_str carom_str_line_around(struct carom_str s, size_t at);
/* Takes the next line off *rest, without its end (LF, CRLF or lone CR). false: nothing left. */
bool carom_str_line(struct carom_str *rest, struct carom_str *line_r);
/* Takes the next word, separated by spaces and tabs, off *rest. */
bool carom_str_word(struct carom_str *rest, struct carom_str *word_r);
/* Caseless glob: '*' is any run (also empty), everything else itself. Linear in s for a fixed pattern count. */
bool carom_str_glob_whole(struct carom_str s, struct carom_str pattern);
static inline bool carom_str_glob(struct carom_str s, struct carom_str pattern) /* most are no match by their first letter */
{
    return (pattern.len == 0 || pattern.ptr[0] == '*' ||
            (s.len > 0 && carom_may_be_same(s.ptr[0], pattern.ptr[0]))) &&
           carom_str_glob_whole(s, pattern);
}
/* A hash that is the same everywhere, of s behind what seed is the hash of (0: nothing): FNV-1a. Texts of ours only. */
static inline uint32_t carom_str_hash(uint32_t seed, struct carom_str s)
{
    seed = seed ? seed : 2166136261u;
    for (size_t i = 0; i < s.len; i++)
        seed = (seed ^ (unsigned char)s.ptr[i]) * 16777619u;
    return seed;
}
/* Decimal without sign; -1 when s is not wholly digits or beyond INT64_MAX. */
int64_t carom_str_number(struct carom_str s);

#endif
