/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reading JSON, and writing what was read. The tree is jansson's memory: whoever allocates from an arena while he holds it needs a guard. */

#ifndef CAROM_BASE_LOAD_H
#define CAROM_BASE_LOAD_H

#include <jansson.h>

#include "base/arena.h"

/* As json_loadb, and sure of what was read. NULL: *wrong_r (NULL allowed) says why, carom_json_starved that it was for
   want of memory. The caller frees it with json_decref. */
json_t *carom_json_load(struct carom_str text, size_t flags, json_error_t *wrong_r);
static inline bool carom_json_starved(const json_error_t *wrong)
{
    return json_error_code(wrong) == json_error_out_of_memory;
}

/* In its compact form; the caller frees it. NULL: out of memory, or value is NULL. */
char *carom_json_dump(const json_t *value);
/* The same in the arena, and empty for NULL. -1: out of memory; it does not jump. */
int carom_json_text(struct carom_arena *arena, const json_t *value, struct carom_str *text_r);

#endif
