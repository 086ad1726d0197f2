/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A fact out of the JSON that was written of it, by the same table of fields. What is not there, or is not of the type
   that the table states, is not known. */

#include "base/error.h"
#include "base/load.h"
#include "classify/fact.h"
#include "classify/rules.h"

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

    *fact_r = carom_fact_blank;
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

/* ---- Judged again ---- */

static bool is_own(const struct carom_own_rules *own, struct carom_str rule)
{
    for (size_t i = 0; i < own->n; i++)
        if (carom_str_eq(rule, own->list[i].id))
            return true;
    return false;
}

/* As of what is read: no warning becomes a permanent failure by its words. */
static bool may_become(const struct carom_fact *fact, int kind)
{
    return kind >= 0 && (fact->kind != CAROM_KIND_DELAYED || kind == CAROM_KIND_TRANSIENT);
}

void carom_fact_judge_own(struct carom_arena *arena, struct carom_fact *fact, struct carom_str text,
                          const struct carom_judging *judging)
{
    const struct carom_case what = {.reply_code = fact->reply_code,
                                    .status = fact->status,
                                    .provider = fact->provider,
                                    .command = fact->command,
                                    .diagnostic = fact->diagnostic,
                                    .where = fact->evidence.where,
                                    .text = text,
                                    .guess = fact->confidence == CAROM_CONFIDENCE_LOW,
                                    .machine = fact->confidence == CAROM_CONFIDENCE_HIGH};

    if (!judging->own || !fact->reason)
        return;
    struct carom_verdict verdict = carom_rules_judge(arena, &what, judging);
    if (!is_own(judging->own, verdict.rule))
        return;
    if (may_become(fact, verdict.kind))
        fact->kind = (enum carom_kind)verdict.kind;
    fact->reason = verdict.reason;
    fact->fault = carom_reason_fault(fact->reason);
    fact->confidence = verdict.confidence;
    fact->evidence.rule = verdict.rule;
    fact->evidence.text = verdict.text;
    fact->evidence.where = verdict.where;
    fact->hard = carom_fact_is_hard(fact);
}
