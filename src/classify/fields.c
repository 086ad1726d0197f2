/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The fields of a fact by name: one table for JSON, Lua and placeholders. It knows their types, not how they came. */

#include <inttypes.h>
#include <limits.h>

#include "base/date.h"
#include "base/str.h"
#include "classify/fact.h"

/* Group, name, type and member, in the order in which they are written. */
#define FIELDS(FIELD) \
    FIELD("", "source", STR, source) \
    FIELD("", "index", INT, index) \
    FIELD("", "id", STR, id) \
    FIELD("", "kind", KIND, kind) \
    FIELD("", "reason", REASON, reason) \
    FIELD("", "fault", FAULT, fault) \
    FIELD("", "hard", BOOL, hard) \
    FIELD("", "envelope_to", STR, envelope_to) \
    FIELD("", "token", STR, token) \
    FIELD("", "token_time", TIME, token_time) \
    FIELD("", "recipient", STR, recipient) \
    FIELD("", "list", STR, list) \
    FIELD("", "list_by", STR, list_by) \
    FIELD("", "mail_type", STR, mail_type) \
    FIELD("", "delivery", STR, delivery) \
    FIELD("", "final_recipient", STR, final_recipient) \
    FIELD("", "reply_code", INT, reply_code) \
    FIELD("", "status", STR, status) \
    FIELD("", "diagnostic", STR, diagnostic) \
    FIELD("", "command", STR, command) \
    FIELD("", "action", STR, action) \
    FIELD("", "reporting_mta", STR, reporting_mta) \
    FIELD("", "remote_mta", STR, remote_mta) \
    FIELD("", "remote_ip", STR, remote_ip) \
    FIELD("", "provider", STR, provider) \
    FIELD("", "format", STR, format) \
    FIELD("", "confidence", CONFIDENCE, confidence) \
    FIELD("evidence", "rule", STR, evidence.rule) \
    FIELD("evidence", "text", STR, evidence.text) \
    FIELD("evidence", "where", STR, evidence.where) \
    FIELD("", "authenticity", AUTHENTICITY, authenticity) \
    FIELD("", "time", TIME, time) \
    FIELD("", "received", TIME, received) \
    FIELD("", "retry_until", TIME, retry_until) \
    FIELD("", "truncated", BOOL, truncated) \
    FIELD("autoreply", "type", STR, autoreply.type) \
    FIELD("autoreply", "until", TIME, autoreply.until) \
    FIELD("autoreply", "new_address", STR, autoreply.new_address) \
    FIELD("feedback", "type", STR, feedback.type) \
    FIELD("feedback", "source_ip", STR, feedback.source_ip) \
    FIELD("feedback", "user_agent", STR, feedback.user_agent) \
    FIELD("feedback", "auth_failure", STR, feedback.auth_failure) \
    FIELD("feedback", "reported_domain", STR, feedback.reported_domain) \
    FIELD("feedback", "original_mail_from", STR, feedback.original_mail_from) \
    FIELD("feedback", "arrival_date", STR, feedback.arrival_date) \
    FIELD("original", "message_id", STR, original.message_id) \
    FIELD("original", "subject", STR, original.subject) \
    FIELD("original", "from", STR, original.from) \
    FIELD("original", "to", STR, original.to) \
    FIELD("original", "date", STR, original.date) \
    FIELD("original", "list_id", STR, original.list_id) \
    FIELD("original", "complete", BOOL, original.complete) \
    FIELD("", "message_id", STR, message_id) \
    FIELD("", "subject", STR, subject) \
    FIELD("", "from", STR, from) \
    FIELD("", "to", STR, to)

#define FIELD(group, name, type, member)                                                        \
    {group, name, CAROM_FIELD_##type, offsetof(struct carom_fact, member), ",\"" name "\":", (uint8_t)(sizeof(name) + 3)},
const struct carom_field carom_fields[] = {FIELDS(FIELD)};
const size_t carom_fields_n = sizeof carom_fields / sizeof *carom_fields;
_Static_assert(sizeof carom_fields / sizeof *carom_fields <= 64, "a bit each");

/* As it stands in the ready key, where its length is known. */
static struct carom_str name_of(const struct carom_field *field)
{
    return carom_str_n(field->key + 2, field->key_n - 4u);
}

const struct carom_field *carom_field_find(struct carom_str group, struct carom_str name)
{
    for (size_t i = 0; i < carom_fields_n; i++) {
        if (carom_str_eq(name_of(&carom_fields[i]), name) && carom_str_eq(carom_str(carom_fields[i].group), group))
            return &carom_fields[i];
    }
    return NULL;
}

/* offset and type stand in the same row of the table above, so the pointer has the right type. */
static const void *member(const struct carom_field *field, const struct carom_fact *fact)
{
    return (const char *)fact + field->offset;
}

/* index is unsigned and wider than reply_code. */
static int64_t integer(const struct carom_field *field, const struct carom_fact *fact)
{
    if (field->offset == offsetof(struct carom_fact, index))
        return (int64_t)fact->index;
    return *(const int *)member(field, fact);
}

/* The word of an enumerated value; NULL for those that have none. */
static const char *word(const struct carom_field *field, const struct carom_fact *fact)
{
    switch (field->type) {
    case CAROM_FIELD_KIND: return carom_kind_name(fact->kind);
    case CAROM_FIELD_REASON: return carom_reason_name(fact->reason);
    case CAROM_FIELD_FAULT: return carom_fault_name(fact->fault);
    case CAROM_FIELD_CONFIDENCE: return carom_confidence_name(fact->confidence);
    case CAROM_FIELD_AUTHENTICITY: return carom_authenticity_name(fact->authenticity);
    default: return NULL;
    }
}

static struct carom_str time_text(struct carom_arena *arena, int64_t seconds)
{
    char out[32];

    if (seconds == 0)
        return CAROM_STR_EMPTY;
    return carom_arena_str(arena, carom_str_n(out, carom_date_format(seconds, out)));
}

struct carom_str carom_field_text(struct carom_arena *arena, const struct carom_field *field,
                                  const struct carom_fact *fact)
{
    int64_t number;

    switch (field->type) {
    case CAROM_FIELD_STR: return *(const struct carom_str *)member(field, fact);
    case CAROM_FIELD_TIME: return time_text(arena, *(const int64_t *)member(field, fact));
    case CAROM_FIELD_BOOL: return *(const bool *)member(field, fact) ? CAROM_STR("true") : CAROM_STR("false");
    case CAROM_FIELD_INT:
        number = integer(field, fact);
        return number ? carom_arena_printf(arena, "%" PRId64, number) : CAROM_STR_EMPTY;
    default: return carom_str(word(field, fact));
    }
}

/* ---- From text ---- */

static void *member_of(const struct carom_field *field, struct carom_fact *fact)
{
    return (char *)fact + field->offset;
}

static bool parse_number(const struct carom_field *field, struct carom_str text, struct carom_fact *fact)
{
    int64_t number = carom_str_number(text);

    if (number < 0 || (field->offset != offsetof(struct carom_fact, index) && number > INT_MAX))
        return false;
    if (field->offset == offsetof(struct carom_fact, index)) /* wider than the others */
        fact->index = (uint64_t)number;
    else
        *(int *)member_of(field, fact) = (int)number;
    return true;
}

static bool parse_time(struct carom_str text, int64_t *time_r)
{
    int64_t time = carom_date_parse_rfc3339(text);

    if (time != 0)
        *time_r = time;
    return time != 0;
}

bool carom_field_parse(struct carom_arena *arena, const struct carom_field *field, struct carom_str text,
                       struct carom_fact *fact)
{
    void *value = member_of(field, fact);

    switch (field->type) {
    case CAROM_FIELD_STR: *(struct carom_str *)value = carom_arena_str(arena, text); return true;
    case CAROM_FIELD_INT: return parse_number(field, text, fact);
    case CAROM_FIELD_TIME: return parse_time(text, value);
    case CAROM_FIELD_BOOL:
        *(bool *)value = carom_str_eq(text, CAROM_STR("true"));
        return *(bool *)value || carom_str_eq(text, CAROM_STR("false"));
    case CAROM_FIELD_KIND: return carom_kind_parse(text, value);
    case CAROM_FIELD_REASON: return carom_reason_parse(text, value);
    case CAROM_FIELD_FAULT: return carom_fault_parse(text, value);
    case CAROM_FIELD_CONFIDENCE: return carom_confidence_parse(text, value);
    default: return carom_authenticity_parse(text, value);
    }
}

void carom_field_copy(const struct carom_field *field, const struct carom_fact *from, struct carom_fact *to)
{
    void *value = member_of(field, to);

    switch (field->type) {
    case CAROM_FIELD_STR: *(struct carom_str *)value = *(const struct carom_str *)member(field, from); break;
    case CAROM_FIELD_TIME: *(int64_t *)value = *(const int64_t *)member(field, from); break;
    case CAROM_FIELD_BOOL: *(bool *)value = *(const bool *)member(field, from); break;
    case CAROM_FIELD_INT:
        if (field->offset == offsetof(struct carom_fact, index))
            to->index = from->index;
        else
            *(int *)value = *(const int *)member(field, from);
        break;
    case CAROM_FIELD_KIND: to->kind = from->kind; break;
    case CAROM_FIELD_REASON: to->reason = from->reason; break;
    case CAROM_FIELD_FAULT: to->fault = from->fault; break;
    case CAROM_FIELD_CONFIDENCE: to->confidence = from->confidence; break;
    case CAROM_FIELD_AUTHENTICITY: to->authenticity = from->authenticity; break;
    }
}

/* ---- JSON ---- */

#define WRITTEN_STR(member) (fact->member.len > 0 || offsetof(struct carom_fact, member) == offsetof(struct carom_fact, recipient))
#define WRITTEN_BOOL(member) (fact->member || offsetof(struct carom_fact, member) == offsetof(struct carom_fact, hard))
#define WRITTEN_INT(member) (fact->member != 0)
#define WRITTEN_TIME(member) (fact->member != 0)
#define WRITTEN_KIND(member) true
#define WRITTEN_REASON(member) (fact->member != CAROM_REASON_NONE)
#define WRITTEN_FAULT(member) (fact->member != CAROM_FAULT_NONE)
#define WRITTEN_CONFIDENCE(member) (fact->member != CAROM_CONFIDENCE_NONE)
#define WRITTEN_AUTHENTICITY(member) true
#define WRITTEN(group, name, type, member) written |= (uint64_t)(WRITTEN_##type(member)) << i++;

/* A bit a field. Kind, hard and recipient are written always, the others where they are known. */
static uint64_t find_written(const struct carom_fact *fact)
{
    uint64_t written = 0;
    int i = 0;

    FIELDS(WRITTEN)
    return written;
}

static void write_field(const struct carom_field *field, const struct carom_fact *fact, struct carom_json *json)
{
    const struct carom_str *text = member(field, fact);
    char out[32];

    if (field->type == CAROM_FIELD_STR && text->len > 0) {
        carom_json_member(json, field->key, field->key_n, *text);
        return;
    }
    carom_json_key_ready(json, field->key, field->key_n);
    switch (field->type) {
    case CAROM_FIELD_STR: carom_json_null(json); break;
    case CAROM_FIELD_TIME:
        carom_json_clean(json, carom_str_n(out, carom_date_format(*(const int64_t *)member(field, fact), out)));
        break;
    case CAROM_FIELD_BOOL: carom_json_bool(json, *(const bool *)member(field, fact)); break;
    case CAROM_FIELD_INT: carom_json_int(json, integer(field, fact)); break;
    default: carom_json_clean(json, carom_str(word(field, fact))); break;
    }
}

/* The compiler makes one string of those that are alike. */
static bool same_group(const char *a, const char *b)
{
    return a == b || strcmp(a, b) == 0;
}

/* Fields of a group are members of an object of its name, the others of the fact's own. */
static void change_group(const char *from, const char *to, struct carom_json *json)
{
    if (*from)
        carom_json_object_end(json);
    if (*to) {
        carom_json_key(json, carom_str(to));
        carom_json_object(json);
    }
}

void carom_fact_write(const struct carom_fact *fact, struct carom_json *json)
{
    const char *group = "";

    carom_json_object(json);
    for (uint64_t written = find_written(fact); written; written &= written - 1) {
        const struct carom_field *field = &carom_fields[__builtin_ctzll(written)];

        if (!same_group(field->group, group))
            change_group(group, field->group, json);
        group = field->group;
        write_field(field, fact, json);
    }
    change_group(group, "", json);
    carom_json_object_end(json);
}
