/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* JSON that came with mail, read into an arena (RFC 8259): for want of memory it jumps, as all readers of mail do, and
   nothing has to be freed. What its numbers are, nobody has asked yet. */

#ifndef CAROM_BASE_TREE_H
#define CAROM_BASE_TREE_H

#include "base/arena.h"

enum carom_tree_kind { CAROM_TREE_OTHER, CAROM_TREE_STRING, CAROM_TREE_ARRAY, CAROM_TREE_OBJECT };

struct carom_tree {
    enum carom_tree_kind kind;
    struct carom_str name;  /* as a member of an object */
    struct carom_str text;  /* of a string, without escapes: often where it stands */
    struct carom_tree *first, *next; /* in an array or object; its neighbour in the one around it */
};

/* Takes a value off *text, which stays in use. NULL: there is none, or it is not UTF-8, holds a NUL, or lies too deep. */
const struct carom_tree *carom_tree_read(struct carom_arena *arena, struct carom_str *text);
/* NULL: there is none, or it is no object. The last one counts. */
const struct carom_tree *carom_tree_member(const struct carom_tree *object, struct carom_str name);
/* The string of that name; empty: there is none. */
struct carom_str carom_tree_text(const struct carom_tree *object, struct carom_str name);

#endif
