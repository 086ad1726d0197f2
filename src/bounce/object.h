/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* JSON that stands in mail. The tree is jansson's memory, so that whoever holds it needs a guard of his own. */

#ifndef CAROM_BOUNCE_OBJECT_H
#define CAROM_BOUNCE_OBJECT_H

#include <jansson.h>

#include "base/arena.h"

/* The object at the start of text; the caller frees it with json_decref. NULL: text has none. Without memory it jumps to
   the arena's guard: a bounce must not pass for something else because the machine was short of it. */
json_t *carom_object_load(struct carom_arena *arena, struct carom_str text, size_t flags);

#endif
