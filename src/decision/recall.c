/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The inverse of what action.c writes. It carries nothing out. */

#include "decision/recall.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/error.h"
#include "base/load.h"
#include "decision/hold.h"

/* ---- Members ---- */

static struct carom_str text(struct carom_arena *arena, json_t *object, const char *name)
{
    return carom_arena_str(arena, carom_str(json_string_value(json_object_get(object, name))));
}

static int64_t duration(json_t *object, const char *name)
{
    int64_t ms = carom_duration_parse_ms(carom_str(json_string_value(json_object_get(object, name))));
    return ms > 0 ? ms : 0;
}

static bool scope_is(json_t *object, const char *word)
{
    return carom_str_eq(carom_str(json_string_value(json_object_get(object, "scope"))), carom_str(word));
}

static struct carom_pair *arguments(struct carom_arena *arena, json_t *array)
{
    struct carom_pair *first = NULL, **tail = &first;
    json_t *value;
    size_t i;
    json_array_foreach(array, i, value)
    {
        struct carom_pair *pair = *tail = carom_arena_new_of(arena, struct carom_pair);
        *pair = (struct carom_pair){.name = CAROM_STR_EMPTY,
                                    .value = carom_arena_str(arena, carom_str(json_string_value(value)))};
        tail = &pair->next;
    }
    return first;
}

static int word(json_t *object, const char *name, const char *(*name_of)(int), int n)
{
    struct carom_str value = carom_str(json_string_value(json_object_get(object, name)));
    for (int i = 0; value.len && i < n; i++)
        if (carom_str_eq(value, carom_str(name_of(i))))
            return i;
    return -1;
}

static const char *type_word(int i)
{
    return carom_action_name((enum carom_action_type)i);
}
static const char *state_word(int i)
{
    return carom_action_state_name((enum carom_action_state)i);
}
static const char *authenticity_word(int i)
{
    return carom_authenticity_name((enum carom_authenticity)i);
}

static void fill(struct carom_arena *arena, json_t *details, struct carom_decided *decided)
{
    decided->list = text(arena, details, "list");
    decided->all = scope_is(details, "all");
    decided->list_only = scope_is(details, "list");
    decided->duration_ms = duration(details, "duration");
    decided->due = carom_date_parse_rfc3339(carom_str(json_string_value(json_object_get(details, "due"))));
    decided->after_ms = duration(details, "after");
    decided->limit = json_integer_value(json_object_get(details, "limit"));
    decided->points = json_number_value(json_object_get(details, "points"));
    decided->endpoint = text(arena, details, "endpoint");
    decided->command = text(arena, details, "command");
    decided->arguments = arguments(arena, json_object_get(details, "arguments"));
    decided->to = text(arena, details, "to");
    decided->text = text(arena, details, "text");
    decided->key = text(arena, details, "key");
    decided->value = text(arena, details, "value");
    decided->every_ms = duration(details, "every");
    decided->force = json_is_true(json_object_get(details, "force"));
    decided->accept = word(details, "accept", authenticity_word, CAROM_AUTHENTICITY_COUNT) + 1;
}

static int damaged(struct carom_error *err)
{
    return carom_error_set(err, CAROM_ERROR_IO,
                           "a decision in the ledger cannot be read: the ledger is damaged, or a "
                           "newer carom wrote it");
}

static int read_action(struct carom_arena *arena, json_t *action, struct carom_decision *decision, struct carom_error *err)
{
    json_t *details = json_object_get(action, "details");
    int type = word(action, "name", type_word, CAROM_ACTION_COUNT),
        state = word(action, "state", state_word, CAROM_ACTION_STATE_COUNT);
    if (type < 0 || state < 0)
        return damaged(err);
    struct carom_decided *decided = carom_decision_add(arena, decision, (enum carom_action_type)type);
    if (!decided)
        return damaged(err);
    fill(arena, details, decided);
    if (carom_json_text(arena, json_object_get(details, "payload"), &decided->payload) != 0)
        return carom_error_memory(err);
    decided->state = (enum carom_action_state)state;
    decided->at = text(arena, action, "at");
    struct carom_str note = text(arena, action, "note");
    decided->note = note.len ? note.ptr : NULL;
    decided->changed = carom_date_parse_rfc3339(carom_str(json_string_value(json_object_get(action, "changed"))));
    return 0;
}

/* ---- Whole decisions ---- */

static enum carom_hold hold_of(json_t *object)
{
    struct carom_str word = carom_str(json_string_value(json_object_get(object, "hold")));
    for (int i = CAROM_HOLD_GATE; i <= CAROM_HOLD_BREAKER; i++)
        if (carom_str_eq(word, carom_str(carom_hold_name((enum carom_hold)i))))
            return (enum carom_hold)i;
    return CAROM_HOLD_NONE;
}

/* Under a guard of its own, since jansson's memory must be freed when ours runs out. */
static int read_guarded(struct carom_arena *arena, json_t *object, struct carom_decision *decision,
                        struct carom_error *err)
{
    json_t *actions = json_object_get(object, "actions"), *action;
    size_t i;
    int result = 0;

    if (!json_is_array(actions))
        return damaged(err);
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    decision->hook = text(arena, object, "hook");
    decision->hold = hold_of(object);
    decision->ignored = json_is_true(json_object_get(object, "ignored"));
    json_array_foreach(actions, i, action)
        result = result == 0 ? read_action(arena, action, decision, err) : -1;
    carom_arena_unguard(arena);
    return result;
}

int carom_decision_recall(struct carom_arena *arena, struct carom_str json, struct carom_decision *decision_r,
                          struct carom_error *err)
{
    json_t *object = carom_json_load(json, 0, NULL);
    carom_decision_init(decision_r);
    int result = read_guarded(arena, object, decision_r, err);
    json_decref(object);
    return result;
}

static bool removes(json_t *action)
{
    int type = word(action, "name", type_word, CAROM_ACTION_COUNT);
    return type == CAROM_ACTION_UNSUBSCRIBE || type == CAROM_ACTION_SUPPRESS;
}

static int amend(json_t *object, const char *from, const char *to, bool removals, const char *note, const char *when)
{
    json_t *actions = json_object_get(object, "actions"), *action;
    size_t i;
    json_array_foreach(actions, i, action)
    {
        const char *state = json_string_value(json_object_get(action, "state"));
        if (!state || strcmp(state, from) != 0 || (removals && !removes(action)))
            continue;
        if (json_object_set_new(action, "state", json_string(to)) != 0 ||
            json_object_set_new(action, "note", json_string(note)) != 0 ||
            json_object_set_new(action, "changed", json_string(when)) != 0)
            return -1;
    }
    return 0;
}

int carom_decision_amend(struct carom_str json, enum carom_action_state from, enum carom_action_state to, bool removals,
                         const char *note, int64_t when, struct carom_buf *out, struct carom_error *err)
{
    json_t *object = carom_json_load(json, 0, NULL);
    char time[32];
    if (!object)
        return damaged(err);
    carom_date_format(when / 1000, time);
    bool ok = amend(object, carom_action_state_name(from), carom_action_state_name(to), removals, note, time) == 0;
    char *dumped = ok ? carom_json_dump(object) : NULL;
    json_decref(object);
    if (!dumped)
        return carom_error_memory(err);
    carom_buf_clear(out);
    carom_buf_add_str(out, carom_str(dumped));
    free(dumped);
    return out->failed ? carom_error_memory(err) : 0;
}
