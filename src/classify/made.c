/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Made-up facts. What is stated is judged by the same functions that judge bounces, so that a made-up 550 5.1.1 is what a
   real one would be; what is stated in so many words then overrides it. */

#include "classify/made.h"

#include <inttypes.h>

#include "base/date.h"
#include "base/error.h"
#include "base/nearest.h"
#include "classify/identity.h"
#include "classify/provider.h"
#include "mail/address.h"

struct made {
    struct carom_arena *arena;
    const struct carom_judging *judging;
    int64_t now;
    struct carom_fact said;
    bool *stated; /* by the place in carom_fields */
    struct carom_error *err;
};

static bool is_stated(const struct made *made, const char *name)
{
    return made->stated[carom_field_find(CAROM_STR_EMPTY, carom_str(name)) - carom_fields];
}

/* ---- Reading what is stated ---- */

/* "reply_code", "original.subject" */
static struct carom_str name_of(struct carom_arena *arena, const struct carom_field *field)
{
    return *field->group ? carom_arena_printf(arena, "%s.%s", field->group, field->name) : carom_str(field->name);
}

static const struct carom_field *find(struct carom_str name)
{
    size_t dot = carom_str_chr(name, '.');

    if (dot == SIZE_MAX)
        return carom_field_find(CAROM_STR_EMPTY, name);
    return carom_field_find(carom_str_head(name, dot), carom_str_from(name, dot + 1));
}

static int fail_unknown(struct made *made, struct carom_str name)
{
    struct carom_nearest nearest = carom_nearest_to(name);

    for (size_t i = 0; i < carom_fields_n; i++)
        carom_nearest_offer(&nearest, name_of(made->arena, &carom_fields[i]));
    return carom_error_set(made->err, CAROM_ERROR_USAGE, "\"" CAROM_STR_FMT "\" is no field of a fact%s" CAROM_STR_FMT "%s",
                           CAROM_STR_ARG(name), nearest.best.len ? "; did you mean \"" : "", CAROM_STR_ARG(nearest.best),
                           nearest.best.len ? "\"?" : "");
}

static const char *word_at(enum carom_field_type type, int i)
{
    switch (type) {
    case CAROM_FIELD_KIND: return carom_kind_name((enum carom_kind)i);
    case CAROM_FIELD_REASON: return carom_reason_name((enum carom_reason)i);
    case CAROM_FIELD_CONFIDENCE: return carom_confidence_name((enum carom_confidence)i);
    case CAROM_FIELD_AUTHENTICITY: return carom_authenticity_name((enum carom_authenticity)i);
    default: return NULL;
    }
}

static int fail_value(struct made *made, const struct carom_field *field, struct carom_made_field pair)
{
    struct carom_nearest nearest = carom_nearest_to(pair.value);
    const char *wanted = field->type == CAROM_FIELD_INT    ? "a whole number"
                         : field->type == CAROM_FIELD_TIME ? "a time, such as 2026-03-01T12:00:00Z"
                         : field->type == CAROM_FIELD_BOOL ? "true or false"
                                                           : "";

    for (int i = 0; i < CAROM_REASON_COUNT; i++)
        if (word_at(field->type, i))
            carom_nearest_offer(&nearest, carom_str(word_at(field->type, i)));
    if (*wanted)
        return carom_error_set(made->err, CAROM_ERROR_USAGE, CAROM_STR_FMT ": \"" CAROM_STR_FMT "\" is not %s",
                               CAROM_STR_ARG(pair.name), CAROM_STR_ARG(pair.value), wanted);
    return carom_error_set(made->err, CAROM_ERROR_USAGE, "\"" CAROM_STR_FMT "\" is no " CAROM_STR_FMT "%s" CAROM_STR_FMT "%s",
                           CAROM_STR_ARG(pair.value), CAROM_STR_ARG(pair.name),
                           nearest.best.len ? "; did you mean \"" : "", CAROM_STR_ARG(nearest.best),
                           nearest.best.len ? "\"?" : "");
}

static int state(struct made *made, struct carom_made_field pair)
{
    const struct carom_field *field = find(pair.name);

    if (carom_str_eq(pair.name, CAROM_STR("original.headers"))) {
        made->said.original.headers = carom_arena_str(made->arena, pair.value);
        return 0;
    }
    if (!field)
        return fail_unknown(made, pair.name);
    if (field->type == CAROM_FIELD_FAULT || field->offset == offsetof(struct carom_fact, hard))
        return carom_error_set(made->err, CAROM_ERROR_USAGE, CAROM_STR_FMT " cannot be stated: it follows from kind and reason",
                               CAROM_STR_ARG(pair.name));
    if (pair.value.len == 0)
        return 0;
    if (!carom_field_parse(made->arena, field, pair.value, &made->said))
        return fail_value(made, field, pair);
    made->stated[field - carom_fields] = true;
    return 0;
}

/* Addresses as the readers give them: bare, the domain in lower case. */
static int take_address(struct made *made, const char *name, struct carom_str *address)
{
    struct carom_str found = address->len ? carom_address_first(made->arena, *address) : *address;

    if (address->len && !found.len)
        return carom_error_set(made->err, CAROM_ERROR_USAGE, "%s: \"" CAROM_STR_FMT "\" is no address", name,
                               CAROM_STR_ARG(*address));
    *address = found;
    return 0;
}

static int read_fields(struct made *made, const struct carom_made_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (state(made, fields[i]) != 0)
            return -1;
    if (take_address(made, "recipient", &made->said.recipient) != 0 ||
        take_address(made, "final_recipient", &made->said.final_recipient) != 0)
        return -1;
    return 0;
}

/* ---- Deriving the rest ---- */

static bool is_failure(enum carom_kind kind)
{
    return kind == CAROM_KIND_PERMANENT || kind == CAROM_KIND_TRANSIENT || kind == CAROM_KIND_DELAYED;
}

static bool has_words(const struct made *made)
{
    return made->said.diagnostic.len || made->said.reply_code || made->said.status.len || made->said.action.len;
}

static int check_sense(struct made *made)
{
    bool kind = is_stated(made, "kind"), reason = is_stated(made, "reason");

    if (!kind && !reason && !has_words(made))
        return carom_error_set(made->err, CAROM_ERROR_USAGE,
                               "a made-up fact needs at least a kind, a reason or a diagnostic");
    if (kind && reason && !is_failure(made->said.kind))
        return carom_error_set(made->err, CAROM_ERROR_USAGE, "kind %s has no reason: only permanent, transient and "
                               "delayed have one", carom_kind_name(made->said.kind));
    return 0;
}

static int find_times(struct made *made)
{
    struct carom_fact *said = &made->said;

    if (!is_stated(made, "received"))
        said->received = said->time ? said->time : made->now;
    if (!is_stated(made, "time"))
        said->time = said->received;
    if (said->received > made->now)
        return carom_error_set(made->err, CAROM_ERROR_USAGE, "time or received lies in the future: the clock says "
                               CAROM_STR_FMT, CAROM_STR_ARG(carom_field_text(made->arena,
                               carom_field_find(CAROM_STR_EMPTY, CAROM_STR("time")),
                               &(struct carom_fact){.time = made->now})));
    if (said->time > said->received)
        return carom_error_set(made->err, CAROM_ERROR_USAGE, "time lies after received: a bounce cannot come before what "
                               "it tells of");
    return 0;
}

/* What the codes and words that are stated would say in a bounce. */
static struct carom_fact judge(struct made *made)
{
    struct carom_report_recipient one = carom_report_nobody();
    struct carom_fact common = carom_fact_blank;

    one.final = made->said.recipient;
    one.diagnostic = made->said.diagnostic;
    one.reply_code = made->said.reply_code;
    one.status = made->said.status;
    one.command = made->said.command;
    one.action = made->said.action;
    one.remote_mta = made->said.remote_mta;
    one.where = CAROM_STR("made up");
    common.received = made->said.received;
    common.format = CAROM_STR("made");
    return carom_facts_alone(made->arena, &one, &common, CAROM_STR_EMPTY, made->judging).list[0];
}

static struct carom_fact derive(struct made *made)
{
    struct carom_fact fact = carom_fact_blank;
    bool failed = !is_stated(made, "kind") || is_failure(made->said.kind);

    fact.format = CAROM_STR("made");
    fact.kind = CAROM_KIND_PERMANENT;
    if (failed && has_words(made))
        fact = judge(made);
    else if (failed && carom_reason_passes(made->said.reason))
        fact.kind = CAROM_KIND_TRANSIENT;
    if (failed && fact.reason == CAROM_REASON_NONE && fact.kind != CAROM_KIND_DELIVERED)
        fact.reason = CAROM_REASON_UNKNOWN;
    if (!is_stated(made, "kind") || made->said.kind != CAROM_KIND_OTHER)
        fact.confidence = fact.confidence && !is_stated(made, "reason") ? fact.confidence : CAROM_CONFIDENCE_HIGH;
    if (failed && (is_stated(made, "reason") || !fact.evidence.rule.len)) {
        fact.evidence.rule = fact.evidence.where = CAROM_STR("made up");
        fact.evidence.text = made->said.diagnostic;
    }
    fact.source = CAROM_STR("made up");
    fact.authenticity = CAROM_AUTHENTICITY_UNPROVEN;
    return fact;
}

static void add_stated(const struct made *made, struct carom_fact *fact)
{
    for (size_t i = 0; i < carom_fields_n; i++)
        if (made->stated[i])
            carom_field_copy(&carom_fields[i], &made->said, fact);
    fact->original.headers = made->said.original.headers;
    fact->received = made->said.received;
    fact->time = made->said.time;
}

/* Of all that is stated, so that a copy that comes later is one. */
static struct carom_str identity(struct made *made, const struct carom_fact *fact, uint64_t serial)
{
    struct carom_str origin = carom_arena_printf(made->arena, "made %" PRIu64, serial);

    for (size_t i = 0; i < carom_fields_n; i++) {
        struct carom_str text = carom_field_text(made->arena, &carom_fields[i], &made->said);
        if (made->stated[i])
            origin = carom_arena_printf(made->arena, CAROM_STR_FMT "\n%s=" CAROM_STR_FMT, CAROM_STR_ARG(origin),
                                        carom_fields[i].name, CAROM_STR_ARG(text));
    }
    return carom_identity_fact(made->arena, origin, fact);
}

static void finish(struct made *made, uint64_t serial, struct carom_fact *fact)
{
    fact->fault = carom_reason_fault(fact->reason);
    fact->hard = carom_fact_is_hard(fact);
    if (fact->list.len && !fact->list_by.len)
        fact->list_by = CAROM_STR("caller");
    if (!fact->provider.len)
        fact->provider = carom_provider_find(fact->remote_mta, carom_address_domain(
                             fact->final_recipient.len ? fact->final_recipient : fact->recipient));
    if (!fact->delivery.len && fact->original.message_id.len && fact->recipient.len)
        fact->delivery = carom_arena_join(made->arena, fact->original.message_id, ' ', fact->recipient);
    if (!is_stated(made, "id"))
        fact->id = identity(made, fact, serial);
}

static int make(struct made *made, const struct carom_made_field *fields, size_t n, uint64_t serial,
                struct carom_fact *fact_r)
{
    made->stated = carom_arena_array(made->arena, bool, carom_fields_n);
    if (read_fields(made, fields, n) != 0 || find_times(made) != 0 || check_sense(made) != 0)
        return -1;
    *fact_r = derive(made);
    add_stated(made, fact_r);
    finish(made, serial, fact_r);
    return 0;
}

int carom_fact_made(struct carom_arena *arena, const struct carom_made_field *fields, size_t n, uint64_t serial,
                    const struct carom_judging *judging, int64_t now, struct carom_fact *fact_r, struct carom_error *err)
{
    struct made made = {.arena = arena, .judging = judging, .now = now, .said = carom_fact_blank, .err = err};

    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    int result = make(&made, fields, n, serial, fact_r);
    carom_arena_unguard(arena);
    return result;
}
