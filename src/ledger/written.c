/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From a decision to its text, and to the columns of the fact's row that follow from it. */

#include "ledger/written.h"

#include "base/json.h"
#include "decision/hold.h"

static void write_action(struct carom_effect *effect, const struct carom_decided *decided, bool arriving,
                         struct carom_json *json)
{
    bool late = arriving && decided->state == CAROM_ACTION_DECIDED && carom_decided_is_too_late(decided, effect->entry->now);

    carom_json_object(json);
    carom_json_field_str(json, "name", carom_str(carom_action_name(decided->type)));
    carom_json_field_str(json, "state", carom_str(carom_action_state_name(late ? CAROM_ACTION_REFUSED : decided->state)));
    carom_json_field_str(json, "at", decided->at);
    carom_json_field_str(json, "note", carom_str(late ? "its time was already past on arrival" : decided->note));
    carom_json_key(json, CAROM_STR("details"));
    carom_decided_write(decided, effect->entry->fact, json);
    carom_json_object_end(json);
}

void carom_written_decision(struct carom_effect *effect, bool arriving, struct carom_json *json)
{
    const struct carom_decision *decision = effect->entry->decision;
    carom_json_object(json);
    carom_json_field_time(json, "time", effect->entry->now / 1000);
    carom_json_field_str(json, "hook", decision->hook);
    carom_json_field_str(json, "policy", effect->entry->policy);
    carom_json_field_str(json, "hold", carom_str(carom_hold_name(decision->hold)));
    if (decision->ignored) {
        carom_json_key(json, CAROM_STR("ignored"));
        carom_json_bool(json, true);
    }
    carom_json_key(json, CAROM_STR("actions"));
    carom_json_array(json);
    for (const struct carom_decided *decided = decision->first; decided; decided = decided->next)
        write_action(effect, decided, arriving, json);
    carom_json_array_end(json);
}

int64_t carom_written_unmatched(const struct carom_decision *decision)
{
    int64_t n = 0;
    for (const struct carom_decided *d = decision->first; d; d = d->next)
        n += d->state == CAROM_ACTION_UNMATCHED;
    return n;
}
