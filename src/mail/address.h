/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Addresses (RFC 5321 4.1.2, RFC 5322 3.4, RFC 6531): quoted, routed, commented, UTF-8, and badly written ones. */

#ifndef CAROM_MAIL_ADDRESS_H
#define CAROM_MAIL_ADDRESS_H

#include "base/arena.h"

/* Takes the next address off *rest, a header value or any text that starts with one. addr_r: local@domain, quotes kept
   where needed, route and comments gone, domain lower-cased, "A@B." without the dot, UTF-8. false: none left. Groups
   are entered. A word without @ is none. name_r (may be NULL): the display name, decoded. */
bool carom_address_next(struct carom_arena *arena, struct carom_str *rest, struct carom_str *addr_r,
                        struct carom_str *name_r);
/* The first address in text, or the empty one. */
struct carom_str carom_address_first(struct carom_arena *arena, struct carom_str text);
/* The address that all of the text is: bare, in angle brackets, or behind a name in those. Else the empty one: who says
   "a b@example.com" of somebody does not mean b. */
struct carom_str carom_address_only(struct carom_arena *arena, struct carom_str text);
/* The first thing that looks like an address anywhere in free text, before and after whatever punctuation. */
struct carom_str carom_address_find(struct carom_arena *arena, struct carom_str text);

struct carom_str carom_address_local(struct carom_str addr);
struct carom_str carom_address_domain(struct carom_str addr);
/* addr has one @, a local part and a domain (name or [literal]) of legal shape. */
bool carom_address_valid(struct carom_str addr);

/* The key under which an address is remembered: domain as lower-case A-label (RFC 3492), local part with ASCII letters
   lower-cased and needless quotes removed; no dot or plus folding. Where it is written so already, addr itself. */
struct carom_str carom_address_key(struct carom_arena *arena, struct carom_str addr);
/* Neither is empty, and both have one key. */
bool carom_address_same(struct carom_arena *arena, struct carom_str a, struct carom_str b);

#endif
