/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A fact out of the JSON that was written of it, by the same table of fields. What is not there, or is not of the type
   that the table states, is not known. */


#include "base/date.h"
#include "base/error.h"
#include "base/load.h"
#include "classify/fact.h"

static struct carom_fact blank(void)
{
    struct carom_fact fact = {.original = {.headers = CAROM_STR_EMPTY}};
    for (size_t i = 0; i < carom_fields_n; i++)
        if (carom_fields[i].type == CAROM_FIELD_STR)
            *(struct carom_str *)(void *)((char *)&fact + carom_fields[i].offset) = CAROM_STR_EMPTY;
    return fact;
}

static struct carom_str text_of(const json_t *value)
{
    return json_is_string(value) ? carom_str_n(json_string_value(value), json_string_length(value)) : CAROM_STR_EMPTY;
}

static void read_number(struct carom_fact *fact, const struct carom_field *field, int64_t number)
{
    if (field->offset == offsetof(struct carom_fact, index)) /* wider than the others */
        fact->index = (uint64_t)number;
    else
        *(int *)(void *)((char *)fact + field->offset) = (int)number;
}

static void read_word(struct carom_fact *fact, enum carom_field_type type, struct carom_str word)
{
    if (type == CAROM_FIELD_KIND)
        carom_kind_parse(word, &fact->kind);
    else if (type == CAROM_FIELD_REASON)
        carom_reason_parse(word, &fact->reason);
    else if (type == CAROM_FIELD_FAULT)
        carom_fault_parse(word, &fact->fault);
    else if (type == CAROM_FIELD_AUTHENTICITY)
        carom_authenticity_parse(word, &fact->authenticity);
    else
        for (int i = 0; i < CAROM_CONFIDENCE_COUNT; i++)
            if (carom_str_eq(word, carom_str(carom_confidence_name((enum carom_confidence)i))))
                fact->confidence = (enum carom_confidence)i;
}

static void read_field(struct carom_arena *arena, struct carom_fact *fact, const struct carom_field *field,
                       const json_t *value)
{
    void *member = (char *)fact + field->offset;
    switch (field->type) {
    case CAROM_FIELD_STR: *(struct carom_str *)member = carom_arena_str(arena, text_of(value)); break;
    case CAROM_FIELD_TIME: *(int64_t *)member = carom_date_parse_rfc3339(text_of(value)); break;
    case CAROM_FIELD_BOOL: *(bool *)member = json_is_true(value); break;
    case CAROM_FIELD_INT: read_number(fact, field, json_integer_value(value)); break;
    default: read_word(fact, field->type, text_of(value)); break;
    }
}

int carom_fact_read(struct carom_arena *arena, struct carom_str text, const char *member, struct carom_fact *fact_r,
                    struct carom_error *err)
{
    json_error_t wrong;
    json_t *whole = carom_json_load(text, 0, &wrong), *object = member ? json_object_get(whole, member) : whole;

    *fact_r = blank();
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
