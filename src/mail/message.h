/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A message as a tree of parts (RFC 2045, 2046), zero-copy over the input. Nothing is decoded until asked for. */

#ifndef CAROM_MAIL_MESSAGE_H
#define CAROM_MAIL_MESSAGE_H

#include "mail/encoding.h"
#include "mail/header.h"

struct carom_part {
    struct carom_headers headers; /* of this part; for message/rfc822 see child */
    struct carom_str type;        /* lower case, without parameters: "text/plain"; what is missing or broken: that */
    struct carom_str content_type; /* the raw value, for carom_header_param */
    struct carom_str name;         /* of the file, as carom_part_name found it */
    enum carom_encoding encoding;
    struct carom_str body; /* raw */
    bool named;            /* it has looked */
    bool closed;           /* multipart: the closing boundary was there */
    struct carom_part *parent, *child, *next; /* multipart: its parts; message/rfc822, /global: the message */
};

struct carom_message {
    struct carom_part *root; /* its headers are the message's */
    struct carom_str bytes;  /* the message, without a From_ line and mbox framing */
    struct carom_str from_line; /* of an mbox, or empty */
    size_t parts;
    bool truncated; /* broke off: headers without end, a multipart without closing boundary */
    bool limited;   /* a limit below was reached: the rest is body, unread */
};

/* Deeper nesting and further parts stay bodies. */
enum { CAROM_MESSAGE_DEPTH = 16, CAROM_MESSAGE_PARTS = 1000 };

struct carom_message *carom_message_parse(struct carom_arena *arena, struct carom_str bytes);
/* Reads bytes as a part by its own (e.g. a report whose headers were lost: the caller sniffed a boundary). */
struct carom_part *carom_part_parse(struct carom_arena *arena, struct carom_str bytes);
/* Reads body as the parts of a multipart with that boundary, under a new root of type multipart/mixed. */
struct carom_part *carom_part_split(struct carom_arena *arena, struct carom_str body, struct carom_str boundary);

/* The part in document order after `part` within `root`; NULL at the end. Start with root. */
struct carom_part *carom_part_walk(const struct carom_part *root, struct carom_part *part);
/* The same without entering message/rfc822: the message itself, not what it carries. */
struct carom_part *carom_part_walk_own(const struct carom_part *root, struct carom_part *part);

/* "text/plain", or "multipart/" for any of it: in lower case. */
static inline bool carom_part_is(const struct carom_part *part, const char *type)
{
    struct carom_str wanted = carom_str(type);
    bool any = wanted.len > 0 && wanted.ptr[wanted.len - 1] == '/';
    return any ? carom_str_starts(part->type, wanted) : carom_str_eq(part->type, wanted);
}
/* The name of the file that it is, decoded (RFC 2183 2.3, and what stood in Content-Type before); empty: none. */
struct carom_str carom_part_name(struct carom_arena *arena, struct carom_part *part);
/* Transfer encoding removed, at most max bytes. */
struct carom_str carom_part_bytes(struct carom_arena *arena, const struct carom_part *part, size_t max);
/* Text in UTF-8, at most max bytes; text/html without its tags and entities, line structure kept. */
struct carom_str carom_part_text(struct carom_arena *arena, const struct carom_part *part, size_t max);

#endif
