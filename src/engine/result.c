/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The results of carom.h: plain views on what engine and readers left in an arena. Knows no ledger and no Lua. */

#include "engine/result.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/load.h"

void carom_result_actions_make(struct carom_arena *arena, struct carom_outcome *outcome, const struct carom_fact *fact)
{
    size_t n = 0, i = 0;

    for (const struct carom_decided *decided = outcome->decision.first; decided; decided = decided->next)
        n++;
    outcome->actions = carom_arena_array(arena, struct carom_action, n ? n : 1);
    outcome->n = n;
    for (const struct carom_decided *decided = outcome->decision.first; decided; decided = decided->next, i++) {
        struct carom_buf buf = CAROM_BUF_INIT(1 << 20);
        struct carom_json json = carom_json_to(&buf);
        struct carom_action *action = &outcome->actions[i];

        carom_decided_write(decided, fact, &json);
        action->name = carom_str(carom_action_name(decided->type));
        action->state = carom_str(carom_action_state_name(decided->state));
        action->note = carom_str(decided->note);
        /* The buffer is heap: copy without a jump, then free. */
        struct carom_str written = carom_buf_str(&buf);
        char *copy = buf.failed ? NULL : carom_arena_try(arena, written.len + 1);
        if (copy)
            memcpy(copy, written.ptr, written.len);
        size_t len = written.len;
        carom_buf_deinit(&buf);
        if (!copy)
            carom_arena_alloc(arena, SIZE_MAX);
        action->details = carom_str_n(copy, len);
    }
}

static struct carom_str text_of(struct carom_arena *arena, json_t *object, const char *key)
{
    return carom_arena_str(arena, carom_str(json_string_value(json_object_get(object, key))));
}

int carom_result_actions_recall(struct carom_arena *arena, struct carom_outcome *outcome, struct carom_str decision,
                                struct carom_error *err)
{
    json_error_t wrong;
    json_t *object = carom_json_load(decision, 0, &wrong), *actions = json_object_get(object, "actions"), *one;
    int starved = 0;
    size_t i;

    if (!json_is_array(actions)) {
        json_decref(object);
        return carom_error_set(err, CAROM_ERROR_IO, "the ledger's decision on a reply that was told before cannot be "
                               "read: %s", object ? "it has no actions" : wrong.text);
    }
    if (carom_arena_guard(arena)) {
        json_decref(object);
        return carom_error_memory(err);
    }
    outcome->actions = carom_arena_array(arena, struct carom_action, json_array_size(actions) + 1);
    json_array_foreach(actions, i, one) {
        struct carom_action *action = &outcome->actions[i];
        *action = (struct carom_action){.name = text_of(arena, one, "name"), .state = text_of(arena, one, "state"),
                                        .note = text_of(arena, one, "note")};
        starved |= carom_json_text(arena, json_object_get(one, "details"), &action->details);
    }
    outcome->n = json_array_size(actions);
    carom_arena_unguard(arena);
    json_decref(object);
    return starved ? carom_error_memory(err) : 0;
}

void carom_result_action_write(const struct carom_action *action, struct carom_json *json)
{
    carom_json_field_str(json, "name", action->name);
    carom_json_field_str(json, "state", action->state);
    carom_json_field_str(json, "note", action->note);
    if (action->details.len) {
        carom_json_key(json, CAROM_STR("details"));
        carom_json_raw(json, action->details);
    }
}

void carom_result_detach(struct carom_arena *arena, struct carom_fact_list *facts)
{
    for (size_t i = 0; i < facts->n; i++) {
        struct carom_fact *fact = &facts->list[i];

        for (size_t f = 0; f < carom_fields_n; f++)
            if (carom_fields[f].type == CAROM_FIELD_STR) {
                struct carom_str *text = (void *)((char *)fact + carom_fields[f].offset);
                *text = carom_arena_str(arena, *text);
            }
        fact->original.headers = carom_arena_str(arena, fact->original.headers);
    }
    facts->message = NULL;
    facts->report = NULL;
}

struct carom_result *carom_result_new(void)
{
    struct carom_result *result = calloc(1, sizeof(*result));

    if (result && !(result->arena = carom_arena_new())) {
        free(result);
        return NULL;
    }
    return result;
}

size_t carom_result_facts(const struct carom_result *result)
{
    return result->facts.n;
}

const struct carom_fact *carom_result_fact(const struct carom_result *result, size_t fact)
{
    return fact < result->facts.n ? &result->facts.list[fact] : NULL;
}

bool carom_result_duplicate(const struct carom_result *result, size_t fact)
{
    return fact < result->facts.n && result->outcomes[fact].duplicate;
}

struct carom_str carom_result_hook(const struct carom_result *result, size_t fact)
{
    return fact < result->facts.n ? result->outcomes[fact].decision.hook : CAROM_STR_EMPTY;
}

size_t carom_result_actions(const struct carom_result *result, size_t fact)
{
    return fact < result->facts.n ? result->outcomes[fact].n : 0;
}

const struct carom_action *carom_result_action(const struct carom_result *result, size_t fact, size_t i)
{
    return i < carom_result_actions(result, fact) ? &result->outcomes[fact].actions[i] : NULL;
}

void carom_result_free(struct carom_result *result)
{
    if (!result)
        return;
    carom_arena_free(result->arena);
    free(result);
}

size_t carom_facts_count(const struct carom_facts *facts)
{
    return facts->facts.n;
}

const struct carom_fact *carom_facts_get(const struct carom_facts *facts, size_t i)
{
    return i < facts->facts.n ? &facts->facts.list[i] : NULL;
}

void carom_facts_free(struct carom_facts *facts)
{
    if (!facts)
        return;
    carom_arena_free(facts->arena);
    free(facts);
}
