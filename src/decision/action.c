/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The rules that hold for every decision, whatever the policy wrote, and actions as JSON. It carries nothing out, and
   knows neither who asked for an action nor where it goes. */

#include "decision/action.h"

#include <stdio.h>

#include "decision/template.h"
#include "mail/header.h"

enum { TEXT_MAX = 64 << 10 };
static const int64_t default_every = 3600 * INT64_C(1000), year_9999 = INT64_C(253402300799);

#define NAME(name, word) [CAROM_ACTION_##name] = #word,
static const char *const names[] = {CAROM_ACTIONS(NAME)};
_Static_assert(sizeof(names) / sizeof(names[0]) == CAROM_ACTION_COUNT, "a word for each action");

const char *carom_action_name(enum carom_action_type type)
{
    return names[type];
}

#define STATE_NAME(name, word) [CAROM_ACTION_##name] = #word,
static const char *const state_names[] = {CAROM_ACTION_STATES(STATE_NAME)};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == CAROM_ACTION_STATE_COUNT, "a word for each state");

const char *carom_action_state_name(enum carom_action_state state)
{
    return state_names[state];
}

void carom_decision_init(struct carom_decision *decision)
{
    *decision = (struct carom_decision){.hook = CAROM_STR_EMPTY};
    decision->tail = &decision->first;
}

struct carom_decided *carom_decision_add(struct carom_arena *arena, struct carom_decision *decision,
                                         enum carom_action_type type)
{
    struct carom_decided *decided = carom_arena_try(arena, sizeof(*decided));
    if (!decided)
        return NULL;
    *decided = (struct carom_decided){.type = type,
                                      .at = CAROM_STR_EMPTY,
                                      .list = CAROM_STR_EMPTY,
                                      .endpoint = CAROM_STR_EMPTY,
                                      .payload = CAROM_STR_EMPTY,
                                      .command = CAROM_STR_EMPTY,
                                      .to = CAROM_STR_EMPTY,
                                      .text = CAROM_STR_EMPTY,
                                      .key = CAROM_STR_EMPTY,
                                      .value = CAROM_STR_EMPTY};
    *decision->tail = decided;
    decision->tail = &decided->next;
    decision->arena = arena;
    return decided;
}

/* ---- The rules ---- */

static void drop(struct carom_decided *decided, enum carom_action_state state, const char *note)
{
    if (decided->state != CAROM_ACTION_DECIDED)
        return;
    decided->state = state;
    decided->note = note;
}

static void fill_in(struct carom_decided *decided, const struct carom_fact *fact)
{
    bool wants_list = decided->type == CAROM_ACTION_UNSUBSCRIBE || decided->type == CAROM_ACTION_RESUBSCRIBE ||
                      (decided->type == CAROM_ACTION_SUPPRESS && decided->list_only);
    if (wants_list && !decided->list.len)
        decided->list = fact->list;
    if (decided->type == CAROM_ACTION_RETRY && !decided->due)
        decided->due = fact->received + decided->after_ms / 1000;
    if (decided->due > year_9999)
        decided->due = year_9999;
    if (decided->type == CAROM_ACTION_ALERT && decided->every_ms <= 0)
        decided->every_ms = default_every;
}

static bool needs_recipient(enum carom_action_type type)
{
    switch (type) {
    case CAROM_ACTION_UNSUBSCRIBE:
    case CAROM_ACTION_SUPPRESS:
    case CAROM_ACTION_UNSUPPRESS:
    case CAROM_ACTION_RESUBSCRIBE:
    case CAROM_ACTION_RETRY:
    case CAROM_ACTION_SCORE:
    case CAROM_ACTION_PROBE:
    case CAROM_ACTION_TAG:
        return true;
    default:
        return false;
    }
}

/* Is the only way to tell somebody a mail that no server is named for? */
static bool has_no_server(const struct carom_sink *sinks)
{
    for (const struct carom_sink *sink = sinks; sink; sink = sink->next)
        if (sink->type != CAROM_SINK_SMTP || sink->url.len)
            return false;
    return sinks != NULL;
}

/* A probe of our own whose return path nobody signs: that it came back would prove nothing. */
static bool is_unsigned_probe(const struct carom_decided *decided, const struct carom_config *config)
{
    if (decided->type != CAROM_ACTION_PROBE || config->verp)
        return false;
    for (const struct carom_sink *sink = carom_config_probe(config); sink; sink = sink->next)
        if (sink->type == CAROM_SINK_SMTP)
            return true;
    return false;
}

/* What needs somebody to carry it out. */
static void match_sink(struct carom_decided *decided, const struct carom_config *config)
{
    static const char no_smtp[] = "no smtp is configured, so that nothing can be mailed";
    if (decided->type == CAROM_ACTION_WEBHOOK && !carom_config_endpoint(config, decided->endpoint))
        drop(decided, CAROM_ACTION_UNMATCHED, "no endpoint of that name is configured");
    if (decided->type == CAROM_ACTION_RUN && !carom_config_command(config, decided->command))
        drop(decided, CAROM_ACTION_UNMATCHED, "no command of that name is configured");
    if ((decided->type == CAROM_ACTION_FORWARD && !config->smtp) ||
        (decided->type == CAROM_ACTION_PROBE &&
         (!carom_config_probe(config) || has_no_server(carom_config_probe(config)))) ||
        (decided->type == CAROM_ACTION_ALERT && has_no_server(carom_config_sinks(config, CAROM_STR("alert")))))
        drop(decided, CAROM_ACTION_UNMATCHED, no_smtp);
    if (is_unsigned_probe(decided, config))
        drop(decided, CAROM_ACTION_UNMATCHED, "no verp is configured, so that a probe cannot prove that it came back");
}

/* What it cannot do without. */
static void match(struct carom_decided *decided, const struct carom_fact *fact, const struct carom_config *config)
{
    if (needs_recipient(decided->type) && !fact->recipient.len)
        drop(decided, CAROM_ACTION_UNMATCHED, "the fact names no recipient");
    if ((decided->type == CAROM_ACTION_UNSUBSCRIBE || decided->type == CAROM_ACTION_RESUBSCRIBE) && !decided->all &&
        !decided->list.len)
        drop(decided, CAROM_ACTION_UNMATCHED, "the fact names no list, and the action none either");
    if (decided->type == CAROM_ACTION_SUPPRESS && decided->list_only && !decided->list.len)
        drop(decided, CAROM_ACTION_UNMATCHED, "scope is list, and the fact names none");
    match_sink(decided, config);
}

/* What the evidence does not carry. */
static void weigh(struct carom_decided *decided, const struct carom_fact *fact)
{
    bool removes = decided->type == CAROM_ACTION_UNSUBSCRIBE || decided->type == CAROM_ACTION_SUPPRESS;
    if (removes && fact->confidence == CAROM_CONFIDENCE_LOW && !decided->force)
        drop(decided, CAROM_ACTION_REFUSED, "low confidence: a guess removes nobody unless the action says force");
    for (const struct carom_pair *argument = decided->arguments; argument; argument = argument->next)
        if (argument->value.len && *argument->value.ptr == '-')
            drop(decided, CAROM_ACTION_REFUSED, "an argument begins with - and would be read as an option");
    if (decided->type == CAROM_ACTION_PROBE && fact->authenticity != CAROM_AUTHENTICITY_DIRECT &&
        fact->authenticity != CAROM_AUTHENTICITY_SIGNED)
        drop(decided, CAROM_ACTION_UNMATCHED, "only a direct or signed bounce is probed: this one may be forged");
    if (decided->type == CAROM_ACTION_PROBE && carom_str_eq(fact->mail_type, CAROM_STR("probe")))
        drop(decided, CAROM_ACTION_UNMATCHED, "it is a probe that came back: probing again would go round");
}

static bool same(const struct carom_decided *a, const struct carom_decided *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case CAROM_ACTION_UNSUBSCRIBE:
    case CAROM_ACTION_RESUBSCRIBE:
        return a->all == b->all && carom_str_eq(a->list, b->list);
    case CAROM_ACTION_RETRY:
    case CAROM_ACTION_PROBE:
    case CAROM_ACTION_UNSUPPRESS:
    case CAROM_ACTION_IGNORE:
        return true;
    default:
        return false;
    }
}

/* A policy that loops must not cost the square of its actions: only the first few can be repeated. */
enum { REPEATS_LOOKED_AT = 64 };

static void drop_repeats(struct carom_decision *decision)
{
    for (struct carom_decided *decided = decision->first; decided; decided = decided->next) {
        int looked = 0;
        for (const struct carom_decided *before = decision->first; before != decided && looked < REPEATS_LOOKED_AT;
             before = before->next, looked++)
            if (before->state == CAROM_ACTION_DECIDED && same(before, decided)) {
                drop(decided, CAROM_ACTION_REFUSED, "asked for twice");
                break;
            }
    }
}

/* Returns the note for what this decision cancels, or NULL. */
static const char *cancels(const struct carom_decision *decision, enum carom_action_type type, const char *note)
{
    for (const struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (decided->type == type && decided->state == CAROM_ACTION_DECIDED)
            return note;
    return NULL;
}

static void cancel(struct carom_decision *decision)
{
    const char *by_ignore = decision->ignored ? "cancelled by ignore" : NULL;
    const char *by_removal = cancels(decision, CAROM_ACTION_UNSUBSCRIBE, "cancelled by unsubscribe");
    if (!by_removal)
        by_removal = cancels(decision, CAROM_ACTION_SUPPRESS, "cancelled by suppress");
    for (struct carom_decided *decided = decision->first; decided; decided = decided->next) {
        if (by_ignore && decided->type != CAROM_ACTION_IGNORE)
            drop(decided, CAROM_ACTION_REFUSED, by_ignore);
        if (by_removal && decided->type == CAROM_ACTION_RETRY)
            drop(decided, CAROM_ACTION_REFUSED, by_removal);
    }
}

/* ---- The texts of alerts ---- */

struct texts {
    struct carom_arena *arena;
    const struct carom_fact *fact;
    const struct carom_config *config;
    const struct carom_decided *decided;
};

static struct carom_str returned_header(const struct texts *texts, struct carom_str name)
{
    struct carom_str body;
    struct carom_headers headers = carom_headers_parse(texts->arena, texts->fact->original.headers, &body);
    return carom_headers_text(texts->arena, &headers, carom_arena_str(texts->arena, name).ptr);
}

static bool look_up(void *user, struct carom_str name, struct carom_str *value_r)
{
    const struct texts *texts = user;
    const struct carom_list_entry *list = carom_config_list(texts->config, texts->fact->list);
    size_t dot = carom_str_chr(name, '.');
    struct carom_str group = dot == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_head(name, dot);
    const struct carom_field *field = carom_field_find(group, dot == SIZE_MAX ? name : carom_str_from(name, dot + 1));

    *value_r = CAROM_STR_EMPTY;
    if (carom_str_eq(name, CAROM_STR("address")))
        *value_r = texts->fact->recipient;
    else if (carom_str_eq(name, CAROM_STR("list_key")))
        *value_r = list ? list->key : CAROM_STR_EMPTY;
    else if (carom_str_eq(name, CAROM_STR("list_address")))
        *value_r = list ? list->address : CAROM_STR_EMPTY;
    else if (carom_str_eq(name, CAROM_STR("action")))
        *value_r = carom_str(carom_action_name(texts->decided->type));
    else if (carom_str_eq(name, CAROM_STR("key")))
        *value_r = texts->decided->key;
    else if (carom_str_eq(group, CAROM_STR("header")))
        *value_r = returned_header(texts, carom_str_from(name, dot + 1));
    else if (field)
        *value_r = carom_field_text(texts->arena, field, texts->fact);
    return true;
}

static struct carom_str expand(struct texts *texts, struct carom_buf *buf, struct carom_str text)
{
    if (carom_str_chr(text, '{') == SIZE_MAX)
        return text;
    carom_buf_clear(buf);
    carom_template_expand(buf, text, CAROM_ESCAPE_TEXT, look_up, texts);
    return buf->failed ? text : carom_arena_str(texts->arena, carom_buf_str(buf));
}

/* Without memory the text stays as it was written. */
static void expand_alert(struct carom_decision *decision, struct carom_decided *decided, struct texts *texts,
                         struct carom_buf *buf)
{
    if (carom_arena_guard(decision->arena))
        return;
    texts->decided = decided;
    if (!decided->key.len) {
        const char *reason = carom_reason_name(texts->fact->reason);
        decided->key = carom_arena_printf(decision->arena, CAROM_STR_FMT ":%s", CAROM_STR_ARG(texts->fact->provider),
                                          reason ? reason : carom_kind_name(texts->fact->kind));
    }
    decided->key = expand(texts, buf, decided->key);
    decided->text = expand(texts, buf, decided->text);
    carom_arena_unguard(decision->arena);
}

void carom_decision_settle(struct carom_decision *decision, const struct carom_fact *fact,
                           const struct carom_config *config)
{
    struct carom_buf buf = CAROM_BUF_INIT(TEXT_MAX);
    struct texts texts = {.arena = decision->arena, .fact = fact, .config = config};

    for (struct carom_decided *decided = decision->first; decided; decided = decided->next) {
        fill_in(decided, fact);
        match(decided, fact, config);
        weigh(decided, fact);
        if (decided->type == CAROM_ACTION_ALERT)
            expand_alert(decision, decided, &texts, &buf);
        if (decided->type == CAROM_ACTION_IGNORE)
            decision->ignored = true;
    }
    drop_repeats(decision);
    cancel(decision);
    carom_buf_deinit(&buf);
}

/* ---- What it counts for ---- */

bool carom_decided_is_too_late(const struct carom_decided *decided, int64_t now)
{
    return decided->type == CAROM_ACTION_RETRY && decided->due * 1000 + 999 < now;
}

/* One that is only observed counts too: else its limit would never be reached. */
bool carom_decision_retries(const struct carom_decision *decision, int64_t now)
{
    for (const struct carom_decided *d = decision->first; d; d = d->next)
        if (d->type == CAROM_ACTION_RETRY && !carom_decided_is_too_late(d, now) &&
            (d->state == CAROM_ACTION_DECIDED || (d->state == CAROM_ACTION_HELD && decision->hold == CAROM_HOLD_OBSERVE)))
            return true;
    return false;
}

double carom_decision_points(const struct carom_decision *decision)
{
    double sum = 0;
    for (const struct carom_decided *d = decision->first; d; d = d->next)
        if (d->type == CAROM_ACTION_SCORE && (d->state == CAROM_ACTION_DECIDED || d->state == CAROM_ACTION_HELD))
            sum += d->points;
    return sum;
}

/* ---- JSON ---- */

/* In the largest unit that says it whole, as a policy would write it. */
static void write_duration(struct carom_json *json, const char *name, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    char text[32];
    size_t i = 0;
    if (ms <= 0)
        return;
    while (ms % units[i].ms)
        i++;
    snprintf(text, sizeof(text), "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
    carom_json_field_str(json, name, carom_str(text));
}

static void write_scope(const struct carom_decided *decided, struct carom_json *json)
{
    if (decided->all)
        carom_json_field_str(json, "scope", CAROM_STR("all"));
    else if (decided->list_only)
        carom_json_field_str(json, "scope", CAROM_STR("list"));
}

static void write_number(struct carom_json *json, const char *name, double value)
{
    carom_json_key(json, carom_str(name));
    carom_json_number(json, value);
}

static void write_arguments(const struct carom_decided *decided, struct carom_json *json)
{
    carom_json_key(json, CAROM_STR("arguments"));
    carom_json_array(json);
    for (const struct carom_pair *argument = decided->arguments; argument; argument = argument->next)
        carom_json_str(json, argument->value);
    carom_json_array_end(json);
}

void carom_decided_write(const struct carom_decided *decided, const struct carom_fact *fact, struct carom_json *json)
{
    (void)fact;
    carom_json_object(json);
    carom_json_field_str(json, "action", carom_str(carom_action_name(decided->type)));
    carom_json_field_str(json, "list", decided->list);
    write_scope(decided, json);
    write_duration(json, "duration", decided->duration_ms);
    carom_json_field_time(json, "due", decided->due);
    write_duration(json, "after", decided->after_ms);
    if (decided->limit > 0) {
        carom_json_key(json, CAROM_STR("limit"));
        carom_json_int(json, decided->limit);
    }
    if (decided->type == CAROM_ACTION_SCORE)
        write_number(json, "points", decided->points);
    carom_json_field_str(json, "endpoint", decided->endpoint);
    if (decided->payload.len) {
        carom_json_key(json, CAROM_STR("payload"));
        carom_json_raw(json, decided->payload);
    }
    carom_json_field_str(json, "command", decided->command);
    if (decided->type == CAROM_ACTION_RUN)
        write_arguments(decided, json);
    carom_json_field_str(json, "to", decided->to);
    carom_json_field_str(json, "text", decided->text);
    carom_json_field_str(json, "key", decided->key);
    carom_json_field_str(json, "value", decided->value);
    write_duration(json, "every", decided->every_ms);
    if (decided->force) {
        carom_json_key(json, CAROM_STR("force"));
        carom_json_bool(json, true);
    }
    if (decided->accept)
        carom_json_field_str(json, "accept",
                             carom_str(carom_authenticity_name((enum carom_authenticity)(decided->accept - 1))));
    carom_json_object_end(json);
}
