/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Header blocks (RFC 5322 2.2, RFC 2047, RFC 2231): one pass finds the fields, decoding happens on request. */

#ifndef CAROM_MAIL_HEADER_H
#define CAROM_MAIL_HEADER_H

#include "base/arena.h"

struct carom_header {
    struct carom_str name;  /* as written, without colon and the spaces before it */
    struct carom_str value; /* as written, still folded, trimmed */
};

struct carom_headers {
    struct carom_header *list; /* in order */
    unsigned char *tags;       /* of their names, and 0 behind them up to a whole vector */
    uint64_t seen[4];          /* a bit for each tag that one of them has */
    size_t n, room;
    struct carom_str block; /* all of it, as it came */
};

/* Reads fields from the start of bytes to the first empty line (or what cannot be a header: then body_r starts
   there). *body_r is what follows. At most 1,000 fields and 256 KiB are kept; more is skipped, not lost from block. */
struct carom_headers carom_headers_parse(struct carom_arena *arena, struct carom_str bytes, struct carom_str *body_r);

/* Adds a field, as it stands. */
void carom_headers_add(struct carom_arena *arena, struct carom_headers *headers, struct carom_str name,
                       struct carom_str value);

/* A byte in which names differ, whatever their case: what is to be found is compared with few. */
static inline unsigned char carom_header_tag(struct carom_str name)
{
    size_t n = name.len;
    unsigned first = n > 0 ? (unsigned char)name.ptr[0] | 0x20u : 0, middle = n > 0 ? (unsigned char)name.ptr[n / 2] | 0x20u : 0;

    return (unsigned char)(first * 5 + middle * 17 + n * 31);
}
/* The first field of that name (caseless), or NULL. i counts further ones of the name. tag: carom_header_tag of name. */
const struct carom_header *carom_headers_tagged(const struct carom_headers *headers, struct carom_str name,
                                                unsigned char tag, size_t i);
/* false: no field has that tag. */
static inline bool carom_headers_seen(const struct carom_headers *headers, unsigned char tag)
{
    return headers->seen[tag / 64] >> tag % 64 & 1;
}
/* The first field with a tag that has been seen. */
const struct carom_header *carom_headers_first(const struct carom_headers *headers, unsigned char tag);
/* It is nearly always the one that is wanted, in the letters in which it is mostly written: to see that takes little
   where the name is a constant. */
static inline const struct carom_header *carom_headers_find(const struct carom_headers *headers, struct carom_str name,
                                                            size_t i)
{
    unsigned char tag = carom_header_tag(name);
    if (!carom_headers_seen(headers, tag))
        return NULL;
    const struct carom_header *first = carom_headers_first(headers, tag);
    return i == 0 && carom_str_eq(first->name, name) ? first : carom_headers_tagged(headers, name, tag, i);
}
/* The next field of the same name behind one of them, or NULL. */
const struct carom_header *carom_headers_next(const struct carom_headers *headers, const struct carom_header *field);
/* Its raw value, or the empty one. These are here, as names are constants where they are called, and what is found out
   about them too. */
static inline struct carom_str carom_headers_nth(const struct carom_headers *headers, const char *name, size_t i)
{
    const struct carom_header *header = carom_headers_find(headers, carom_str(name), i);
    return header ? header->value : CAROM_STR_EMPTY;
}
static inline struct carom_str carom_headers_get(const struct carom_headers *headers, const char *name)
{
    return carom_headers_nth(headers, name, 0);
}
static inline bool carom_headers_has(const struct carom_headers *headers, const char *name)
{
    return carom_headers_find(headers, carom_str(name), 0) != NULL;
}

/* A raw value as people read it: unfolded, encoded words and raw 8-bit bytes to UTF-8, comments kept, trimmed. */
struct carom_str carom_header_text(struct carom_arena *arena, struct carom_str value);
/* The same of the first field of that name. */
static inline struct carom_str carom_headers_text(struct carom_arena *arena, const struct carom_headers *headers,
                                                  const char *name)
{
    return carom_header_text(arena, carom_headers_get(headers, name));
}
/* Unfolded and trimmed, else as it stands: for fields without encoded words whose comments matter (Received). */
struct carom_str carom_header_unfold(struct carom_arena *arena, struct carom_str value);
/* Unfolded and without comments, trimmed: for structured fields. */
struct carom_str carom_header_token(struct carom_arena *arena, struct carom_str value);
/* A parameter of a Content-Type-like value, unquoted, RFC 2231 continuations joined and decoded to UTF-8. */
struct carom_str carom_header_param(struct carom_arena *arena, struct carom_str value, const char *name);
/* The same as the bytes that were meant, and the charset that RFC 2231 gave them or "": for boundary=, which must match
   the body byte by byte. */
struct carom_str carom_header_param_bytes(struct carom_arena *arena, struct carom_str value, const char *name,
                                          struct carom_str *charset_r);

#endif
