/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A fact out of the JSON that was written of it, by the same table of fields. What is not there, or is not of the type
   that the table states, is not known. */

#include "base/error.h"
#include "base/load.h"
#include "classify/fact.h"

/* Numbers and truth are written as such, all else as text. */
static void read_field(struct carom_arena *arena, struct carom_fact *fact, const struct carom_field *field,
                       const json_t *value)
{
    struct carom_str text = CAROM_STR_EMPTY;

    if (json_is_string(value))
        text = carom_str_n(json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        text = carom_arena_printf(arena, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        text = json_is_true(value) ? CAROM_STR("true") : CAROM_STR("false");
    if (text.len > 0)
        carom_field_parse(arena, field, text, fact);
}

int carom_fact_read(struct carom_arena *arena, struct carom_str text, const char *member, struct carom_fact *fact_r,
                    struct carom_error *err)
{
    json_error_t wrong;
    json_t *whole = carom_json_load(text, 0, &wrong), *object = member ? json_object_get(whole, member) : whole;

    *fact_r = carom_fact_blank();
    if (!json_is_object(object)) {
        json_decref(whole);
        return carom_error_set(err, CAROM_ERROR_IO, "a fact as it was kept cannot be read: %s",
                               whole ? "it is not there" : wrong.text);
    }
    if (carom_arena_guard(arena)) {
        json_decref(whole);
        return carom_error_memory(err);
    }
    for (size_t i = 0; i < carom_fields_n; i++) {
        const struct carom_field *field = &carom_fields[i];
        const json_t *group = *field->group ? json_object_get(object, field->group) : object;
        const json_t *value = json_object_get(group, field->name);
        if (value)
            read_field(arena, fact_r, field, value);
    }
    carom_arena_unguard(arena);
    json_decref(whole);
    return 0;
}
