/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From a fact to its texts; from a decision to its text, and to the columns of the fact's row that follow from it. */

#include "ledger/written.h"

#include "base/error.h"
#include "base/json.h"
#include "decision/hold.h"

/* ---- The fact ---- */

/* Without a jump: buf is heap. */
static int keep(struct carom_arena *arena, struct carom_buf *buf, struct carom_str *kept_r, struct carom_error *err)
{
    struct carom_str text = carom_buf_str(buf);
    char *copy = buf->failed ? NULL : carom_arena_raw_try(arena, text.len + 1);
    if (!copy)
        return carom_error_memory(err);
    memcpy(copy, text.ptr, text.len + 1);
    *kept_r = carom_str_n(copy, text.len);
    return 0;
}

static int write_fact(struct carom_arena *arena, const struct carom_fact *fact, struct carom_buf *buf,
                      struct carom_str *text_r, struct carom_error *err)
{
    struct carom_json json = carom_json_to(buf);
    carom_buf_clear(buf);
    carom_fact_write(fact, &json);
    return keep(arena, buf, text_r, err);
}

static bool same(struct carom_str a, struct carom_str b) { return a.ptr == b.ptr && a.len == b.len; }

static int write_facts(struct carom_pack *pack, struct carom_arena *arena, const struct carom_fact *facts, size_t n,
                       struct carom_str headers, struct carom_buf *buf, struct carom_written *written_r,
                       struct carom_error *err)
{
    struct carom_str packed;
    if (carom_pack(pack, headers, buf, err) != 0 || keep(arena, buf, &packed, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct carom_str returned = facts[i].original.headers;
        written_r[i].headers = packed;
        if (i && same(returned, facts[i - 1].original.headers))
            written_r[i].returned = written_r[i - 1].returned;
        else if (carom_pack(pack, returned, buf, err) != 0 || keep(arena, buf, &written_r[i].returned, err) != 0)
            return -1;
        if (write_fact(arena, &facts[i], buf, &written_r[i].fact, err) != 0)
            return -1;
    }
    return 0;
}

int carom_written_facts(struct carom_pack *pack, struct carom_arena *arena, const struct carom_fact *facts, size_t n,
                        struct carom_str headers, struct carom_written *written_r, struct carom_error *err)
{
    struct carom_buf buf = CAROM_BUF_INIT((size_t)1 << 30);
    int result = write_facts(pack, arena, facts, n, headers, &buf, written_r, err);
    carom_buf_deinit(&buf);
    return result;
}

/* ---- The decision ---- */

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
