/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a look-up found. Some APIs answer with whoever is like what was asked for (Mailman takes * for any characters), and
   an address that is nearly the right one is somebody else's: what must be the same is compared, and who is not meant is
   not there. */

#include "outbox/render.h"

#include <jansson.h>

enum { PATH_MAX_LENGTH = 64 };

/* "entries.0.member_id": members of objects, and elements of arrays by their number. beyond: an array is too short. */
static const json_t *enter(const json_t *value, struct carom_str path, bool *beyond)
{
    while (value && path.len) {
        char word[PATH_MAX_LENGTH];
        size_t dot = carom_str_chr(path, '.');
        struct carom_str step = carom_str_head(path, dot == SIZE_MAX ? path.len : dot);
        if (step.len >= sizeof word)
            return NULL;
        memcpy(word, step.ptr, step.len);
        word[step.len] = '\0';
        int64_t i = json_is_array(value) ? carom_str_number(step) : -1;
        *beyond = i >= 0 && (size_t)i >= json_array_size(value);
        value = i >= 0 ? json_array_get(value, (size_t)i) : json_object_get(value, word);
        path = dot == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_from(path, dot + 1);
    }
    return value;
}

static enum carom_rendered member(struct carom_render *render, const json_t *answer, struct carom_str path,
                                  struct carom_str *text_r)
{
    bool beyond = false;
    const json_t *value = enter(answer, path, &beyond);
    *text_r = value ? carom_render_value(render->arena, value) : CAROM_STR_EMPTY;
    if (text_r->len)
        return CAROM_RENDERED;
    if (beyond) {
        carom_error_set(render->err, CAROM_ERROR_IO, "look-up: nothing there");
        return CAROM_RENDER_NOTHING;
    }
    carom_error_set(render->err, CAROM_ERROR_IO, "sink %.*s: the look-up's answer has no %.*s",
                    CAROM_STR_ARG(render->sink->name), CAROM_STR_ARG(path));
    return CAROM_RENDER_DEAD;
}

static enum carom_rendered compare(struct carom_render *render, const json_t *answer, const struct carom_pair *pair)
{
    struct carom_str is, wanted;
    enum carom_rendered result = member(render, answer, pair->name, &is);
    if (result != CAROM_RENDERED)
        return result;
    if (carom_render_text(render, pair->value, CAROM_ESCAPE_TEXT, &wanted) != 0)
        return CAROM_RENDER_DEAD;
    if (carom_str_ieq(is, wanted))
        return CAROM_RENDERED;
    carom_error_set(render->err, CAROM_ERROR_IO, "look-up: nothing there: %.*s is %.*s", CAROM_STR_ARG(pair->name),
                    CAROM_STR_ARG(is));
    return CAROM_RENDER_NOTHING;
}

enum carom_rendered carom_lookup_take(struct carom_render *render, struct carom_looked_up *looked_up)
{
    enum carom_rendered result = CAROM_RENDERED;
    const struct carom_pair *pair;
    struct carom_str text;
    for (pair = render->sink->first.take; pair && result == CAROM_RENDERED; pair = pair->next) {
        result = member(render, looked_up->answer, pair->value, &text);
        struct carom_pair *found = carom_arena_new_of(render->arena, struct carom_pair);
        *found = (struct carom_pair){pair->name, carom_arena_str(render->arena, text), looked_up->found};
        looked_up->found = found;
    }
    for (pair = render->sink->first.same; pair && result == CAROM_RENDERED; pair = pair->next)
        result = compare(render, looked_up->answer, pair);
    return result;
}
