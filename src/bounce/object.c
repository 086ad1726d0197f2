/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* jansson says "invalid token" also where it had no memory for a text. So what does not load is loaded once more, which
   helps where memory came back, and then the machine is asked for as much as the text took. */

#include "bounce/object.h"

#include <stdlib.h>

json_t *carom_object_load(struct carom_arena *arena, struct carom_str text, size_t flags)
{
    json_t *value = json_loadb(text.ptr, text.len, flags, NULL);

    if (!value)
        value = json_loadb(text.ptr, text.len, flags, NULL);
    if (!value) {
        void *probe = malloc(text.len + BUFSIZ);
        if (!probe)
            carom_arena_alloc(arena, SIZE_MAX);
        free(probe);
    }
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}
