/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* JSON that stands in mail (RFC 8259), read into the memory of its message: objects, arrays, strings; of what else there
   is, only the shape is looked at. What breaks off, or is not UTF-8, is no JSON. */

#ifndef CAROM_BASE_TREE_H
#define CAROM_BASE_TREE_H

#include "base/arena.h"

enum carom_tree_type { CAROM_TREE_OTHER, CAROM_TREE_STRING, CAROM_TREE_ARRAY, CAROM_TREE_OBJECT };

struct carom_tree {
    enum carom_tree_type type;
    struct carom_str key;  /* of the member of an object */
    struct carom_str text; /* of a string, without its escapes */
    struct carom_tree *first, *next; /* what an array or object holds, in order */
};

/* The object or array at the start of text, from which its texts borrow; NULL: there is none. *rest_r is what follows
   it; NULL: nothing but white space may. */
const struct carom_tree *carom_tree_read(struct carom_arena *arena, struct carom_str text, struct carom_str *rest_r);
/* The member of that name, of several the last; NULL: there is none, or object is none. */
const struct carom_tree *carom_tree_get(const struct carom_tree *object, const char *name);
/* The first element; NULL: there is none, or array is none. */
const struct carom_tree *carom_tree_elements(const struct carom_tree *array);
/* The text of a string, or the empty one. */
struct carom_str carom_tree_text(const struct carom_tree *string);

#endif
